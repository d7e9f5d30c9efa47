"""What a cart tells of itself on demand: versions, settings by their hash, counters, a self-test, and the newest lines of its log.

The log's lines are those of `devices.logbook`, which name no person; ids of patients, orders and staff stand nowhere in a bundle, and what
looks like a number of a person is blanked once more.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime

from devices.logbook import Discreet

LINES = 400
LONGEST_LINE = 500
# Characters in one message; what is longer goes in several. A character is at most six bytes as it is written, and a server takes no
# answer above 64 000 bytes, nor more than 64 parts.
PART = 10_000
MOST_PARTS = 60
_NUMBERS = re.compile(r"\d{2}-\d{6}|\d{9,}")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Kept(logging.Handler):
    """The newest lines of the log, in memory."""

    def __init__(self) -> None:
        super().__init__(level=logging.INFO)
        self.setFormatter(Discreet(_FORMAT))
        self._lines: deque[str] = deque(maxlen=LINES)

    def emit(self, record: logging.LogRecord) -> None:
        # A line must never be the fault of who logs it, nor be shown as it is where it cannot be blanked.
        try:
            line = blanked(self.format(record))
        except Exception as exc:  # noqa: BLE001
            line = f"{record.levelname} {record.name}: a line that cannot be written ({type(exc).__name__})"
        self._lines.append(line[:LONGEST_LINE])

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self._lines)


def blanked(text: str) -> str:
    """Without what may be the number of a person: an MRN, a card, a band."""
    return _NUMBERS.sub("…", text)


def written(
    *,
    cart: str,
    at: datetime,
    versions: Mapping[str, str],
    config_hash: str,
    numbers: Mapping[str, object],
    tested: Mapping[str, object],
    hardware: Mapping[str, object],
    lines: tuple[str, ...],
) -> str:
    """The bundle as JSON text."""
    body = {
        "cart": cart,
        "at": at.isoformat(),
        "versions": dict(versions),
        "config_hash": config_hash,
        "numbers": dict(numbers),
        "selftest": dict(tested),
        "hardware": dict(hardware),
        "log": list(lines),
    }
    return json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True, default=str)


def parts(text: str, *, longest: int = PART) -> tuple[dict[str, object], ...]:
    """The values of one answer a part, each with the hash of the whole. What is too long for all of them loses its end."""
    text = text[: longest * MOST_PARTS]
    pieces = [text[at : at + longest] for at in range(0, len(text), longest)] or [""]
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return tuple({"part": number, "parts": len(pieces), "sha256": digest, "text": piece} for number, piece in enumerate(pieces, start=1))
