"""Our names of things as FHIR ids and back, without a table: letters, digits and "-" stay, any other byte becomes "." and two hex digits.

Pure. Two names never share an id. A name whose id would be longer than FHIR's 64 characters has none, which is said and never worked
around: a cut id could be another thing's.
"""

from __future__ import annotations

import re

from pointofcare.errors import UnreadableError

LONGEST = 64
_PLAIN = re.compile(rb"[A-Za-z0-9-]")
_WRITTEN = re.compile(r"(?:[A-Za-z0-9-]|\.[0-9a-f]{2})+", re.ASCII)


class NoIdError(UnreadableError):
    """FHIR has no id for this name."""

    code = "fhir-no-id"


def to_id(name: str, tail: str = "") -> str:
    """Raises: NoIdError. `tail` begins with "." and a letter beyond "f", so that it is never taken for a byte."""
    found = (
        "".join(chr(byte) if _PLAIN.fullmatch(bytes([byte])) else f".{byte:02x}" for byte in name.encode("utf-8", "surrogatepass")) + tail
    )
    if not name or len(found) > LONGEST:
        raise NoIdError(f"FHIR has no id for a name of {len(name)} characters", remedy="ask for it by its identifier in the pages")
    return found


def from_id(found: str) -> str | None:
    """None: no id that `to_id` writes."""
    if not _WRITTEN.fullmatch(found) or len(found) > LONGEST:
        return None
    raw = re.sub(rb"\.([0-9a-f]{2})", lambda match: bytes([int(match.group(1), 16)]), found.encode("ascii"))
    try:
        name = raw.decode()
        return name if to_id(name) == found else None
    except (UnicodeDecodeError, NoIdError):
        return None


def split(found: str, letter: str) -> tuple[str, str] | None:
    """`to_id(name, f".{letter}{rest}")` back to name and rest."""
    head, mark, rest = found.rpartition(f".{letter}")
    name = from_id(head) if mark and rest else None
    return None if name is None else (name, rest)
