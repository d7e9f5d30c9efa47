"""One drug line of a claim (XML2): its columns by the decision of the day, and how values are written in it.

Writes what it is given, cut to nothing: a value that is longer than its column is a fault and never shortened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from pointofcare.errors import NotFoundError
from pointofcare.vietnam import lists
from pointofcare.vietnam.fault import CodeError

ROOT, TABLE, LINE = "CHITIEU_CHITIET_THUOC", "DSACH_CHI_TIET_THUOC", "CHI_TIET_THUOC"
_PLACES = Decimal("0.001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`longest` 0: no bound."""

    name: str
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    decision: str
    columns: tuple[Column, ...]


def shape(day: date) -> Shape:
    """The columns of that day. Raises: NotFoundError: no shape is known, or it is known by name only."""
    found = lists.on("xml2", day)
    if not found.rows:
        raise NotFoundError(f"the columns of {found.decision} are not established", remedy="export a later period", day=day.isoformat())
    return Shape(decision=found.decision, columns=tuple(Column(name=row["name"], longest=int(row["longest"])) for row in found.rows))


def line(values: Mapping[str, str], shape: Shape) -> tuple[tuple[str, str], ...]:
    """The columns in their order, an empty one where nothing is known. Raises: CodeError: column (no such one), too-long."""
    names = {column.name for column in shape.columns}
    for name in values:
        if name not in names:
            raise CodeError("column", column=name)
    for column in shape.columns:
        value = values.get(column.name, "")
        if column.longest and len(value) > column.longest:
            raise CodeError("too-long", column=column.name, most=column.longest)
    return tuple((column.name, values.get(column.name, "")) for column in shape.columns)


def minute(at: datetime) -> str:
    """yyyymmddHHMM on the clock of `at`, which the caller has put into the ward's zone."""
    return at.strftime("%Y%m%d%H%M")


def number(value: Fraction | Decimal) -> tuple[str, bool]:
    """A decimal with a point and three places at most; True: it was rounded to them."""
    exact = Fraction(value)
    near = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(_PLACES, rounding=ROUND_HALF_UP)
    text = format(near, "f").rstrip("0").rstrip(".") or "0"
    return text, Fraction(near) != exact


def dosage(quantity: str, unit: str) -> str:
    """LIEU_DUNG of one dose that was given: the days of an inpatient are always "01"."""
    kind = unit.lower()
    return f"{quantity} {kind}/lần * 1 lần/ngày * 01 ngày [{quantity} {kind}/ngày]"
