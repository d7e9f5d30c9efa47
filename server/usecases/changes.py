"""What a change was, for the audit: the fields that differ, before and after, as plain JSON values.

Whose name, birth date, badge or secret changed is said by the field's name alone: the audit is read and exported by people who need
not know them, and can never be corrected. Never raises: what is odd is written as text, and holds no change up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any

from pointofcare.quantity import Quantity
from server.store import plain

OF_A_PATIENT = frozenset({"name", "mrn", "birth_date", "observations"})
OF_A_PERSON = frozenset({"name", "username", "email", "badge", "licence_number", "pin_hash", "password_hash"})


def told(before: Any, after: Any, *, unsaid: Collection[str] = ()) -> dict[str, object]:
    """`{"before", "after", "also"}` of two dataclasses of one class; None: there was none, or there is none any more. `also` lists
    the fields of `unsaid` that differ."""
    was: dict[str, object] = {}
    now: dict[str, object] = {}
    also: list[str] = []
    for field in fields(before if before is not None else after):
        old, new = (None if one is None else getattr(one, field.name) for one in (before, after))
        if old == new or (before is None and _is_empty(new)):
            continue
        if field.name in unsaid:
            also.append(field.name)
            continue
        was[field.name], now[field.name] = _plain(old), _plain(new)
    return {"before": None if before is None else was, "after": None if after is None else now} | ({"also": also} if also else {})


def _is_empty(value: object) -> bool:
    return value is None or value is False or value == () or value == ""


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return str(value.value)
        case str():
            return plain.text(value)
        case Quantity():
            return plain.amount(value)
        case datetime():
            return value.astimezone(UTC).isoformat() if value.tzinfo is not None else value.isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case Set():
            return sorted(str(_plain(each)) for each in value)
        case list() | tuple():
            return [_plain(each) for each in value]
    if is_dataclass(value):
        return {field.name: _plain(each) for field in fields(value) if not _is_empty(each := getattr(value, field.name))}
    return str(value)
