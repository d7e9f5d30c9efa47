"""Why a code or a text is not usable: one error with a stable reason, whose words are made where a person reads them."""

from __future__ import annotations

from pointofcare.errors import UnreadableError


class CodeError(UnreadableError):
    """`reason` is a stable word ("too-short", "not-a-level"); the message never quotes what was typed, which may be somebody's number."""

    code = "code-unreadable"

    def __init__(self, reason: str, **fields: object) -> None:
        super().__init__(f"the code is not usable: {reason}", remedy="compare it with the card or the list", reason=reason, **fields)
        self.reason = reason
