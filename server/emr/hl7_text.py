"""Words of HL7 version 2: escaping, times, composite fields, and the segments that they make.

Each component is escaped by itself, so that a name with a separator in it stays one name. Text stays as it is written: messages are
UTF-8 (MSH-18 "UNICODE UTF-8"). Must never put a line end into a field: it would begin another segment.
Source: HL7 2.5.1 chapter 2.7 (escape sequences), 2.A (data types).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\n": "\\.br\\"}
ENCODING = "^~\\&"


def escaped(text: str) -> str:
    """As one component. Control characters other than a line's end are left out."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_ESCAPES.get(one, one) for one in plain if one == "\n" or one.isprintable())


def composite(*parts: str | None) -> str:
    """Components of one field; empty ones at the end are left out."""
    return "^".join(escaped(part or "") for part in parts).rstrip("^")


def repeated(fields: Iterable[str]) -> str:
    return "~".join(field for field in fields if field)


def moment(at: datetime) -> str:
    """With milliseconds and zone: 20260302010203.456+0000. Raises: ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return f"{at:%Y%m%d%H%M%S}.{at.microsecond // 1000:03}{at:%z}"


def day(on: date) -> str:
    return f"{on:%Y%m%d}"


def number(value: Decimal) -> str:
    """As data type NM wants it: no exponent."""
    return f"{value:f}"


def segment(name: str, fields: dict[int, str]) -> str:
    """`fields` by their number in the standard, written already."""
    last = max(fields, default=0)
    return "|".join([name, *(fields.get(place, "") for place in range(1, last + 1))])
