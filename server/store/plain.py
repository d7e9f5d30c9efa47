"""Scalars of the domain as plain JSON values and back, for the documents that rows hold.

Amounts keep the digits that were written ("0.50 mg"); moments are UTC with offset; spans are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity


def amount(value: Quantity | None) -> str | None:
    return None if value is None else f"{value.value:f} {value.unit}"


def to_amount(value: str | None) -> Quantity | None:
    """Every amount that `amount` wrote, also what no person may type: a stored one must never make a chart unreadable.
    Raises: QuantityError."""
    return None if value is None else stored_amount(value)


@lru_cache(maxsize=4096)
def stored_amount(value: str) -> Quantity:
    """As `to_amount`."""
    number, _, unit = value.partition(" ")
    try:
        return Quantity(value=Decimal(number), unit=unit)
    except InvalidOperation as exc:
        raise QuantityError(f"{value[:40]!r} is not an amount", remedy="look at the stored row", text=value) from exc


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat()


def to_moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    at = datetime.fromisoformat(value)
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def to_day(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


def clock(value: time) -> str:
    return value.isoformat()


def span(value: timedelta | None) -> float | None:
    return None if value is None else value.total_seconds()


def text(value: Any) -> Any:
    """A text, or a list of texts, without NUL characters, which PostgreSQL takes in no text; anything else as it is."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    return [text(one) for one in value] if isinstance(value, list) else value


def storable(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same columns without NUL characters: a record is stored whatever it holds."""
    return {name: text(value) if isinstance(value, str) else value for name, value in row.items()}
