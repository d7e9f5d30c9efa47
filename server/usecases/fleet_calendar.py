"""Work on carts as an iCalendar file (RFC 5545): one whole-day event for each open piece of work. Pure; names nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from server.store.fleet_care import Care

_LONGEST_LINE_BYTES = 75


def written(cares: Iterable[Care], *, facility: str, at: datetime, summary: Callable[[Care], str]) -> bytes:
    """`summary` says what an event is, in the reader's language. The id of an event stays the same, so that a calendar that takes the
    file again changes its events and makes no second ones."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//pointofcare//fleet care//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    for care in cares:
        lines += [
            "BEGIN:VEVENT",
            f"UID:cart-care-{care.id}@{_text(facility)}.pointofcare",
            f"DTSTAMP:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"DTSTART;VALUE=DATE:{care.due_on:%Y%m%d}",
            f"DTEND;VALUE=DATE:{care.due_on + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_text(summary(care))}",
            *([f"DESCRIPTION:{_text(care.note)}"] if care.note else []),
            *([f"LOCATION:{_text(care.ward)}"] if care.ward else []),
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _text(value: str) -> str:
    """A TEXT value (3.3.11)."""
    plain = "".join(sign for sign in value.replace("\r\n", "\n") if sign == "\n" or ord(sign) >= 32)
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """A content line of at most 75 octets, the rest behind a line break and a space (3.1); no character is cut apart."""
    pieces: list[bytes] = []
    piece = b""
    for sign in line:
        octets = sign.encode()
        if len(piece) + len(octets) > _LONGEST_LINE_BYTES - (1 if pieces else 0):
            pieces.append(piece)
            piece = b""
        piece += octets
    pieces.append(piece)
    return b"\r\n ".join(pieces) + b"\r\n"
