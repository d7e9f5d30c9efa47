"""Which roles a verb wants. Programs have no roles: what they do by themselves is in verbs that ask for none."""

from __future__ import annotations

from pointofcare.errors import NotPermittedError, UnreadableError
from pointofcare.people import StaffRole
from server.store.transaction import Actor, Transaction


def require(tx: Transaction, actor: Actor, *roles: StaffRole) -> None:
    """Raises: NotPermittedError when `actor` has none of `roles`, or is not the one that the audit would name."""
    if actor.id != tx.actor.id:
        raise NotPermittedError("one person cannot act in another's transaction", remedy="open a transaction for the person who acts")
    if not actor.has(*roles):
        wanted = ", ".join(role.value for role in roles)
        raise NotPermittedError(
            f"{actor.id} may not do this",
            remedy=f"it takes one of these roles: {wanted}",
            actor=actor.id,
            roles=[role.value for role in roles],
        )


class TextMissingError(UnreadableError):
    """A reason or a question was left empty."""

    code = "text-missing"


def text(value: str | None, name: str, *, longest: int = 2000) -> str:
    """`value` without surrounding blanks. Raises: TextMissingError when nothing is left, or too much."""
    stripped = (value or "").strip()
    if not stripped:
        raise TextMissingError(f"the {name} is empty", remedy=f"write the {name}", field=name)
    if len(stripped) > longest:
        raise TextMissingError(f"the {name} is longer than {longest} characters", remedy="write less", field=name)
    return stripped
