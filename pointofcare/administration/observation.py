"""What a value measured at the bedside can be: its unit, and the bounds that catch a slip of the decimal point or of the kind.

The bounds are of a living person with room on both sides, a local choice. Must never correct a value: it is taken or asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity, typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`at_bedside`: measured there with what a nurse has at hand; the others come from a laboratory or a meter. `step` is the
    finest that is told."""

    unit: str
    low: Decimal
    high: Decimal
    at_bedside: bool = True
    step: Decimal = Decimal(1)


def _kind(unit: str, low: str, high: str, step: str = "1", *, at_bedside: bool = True) -> Kind:
    return Kind(unit=unit, low=Decimal(low), high=Decimal(high), step=Decimal(step), at_bedside=at_bedside)


KINDS: Mapping[str, Kind] = {
    "heart-rate": _kind("/min", "10", "350"),
    "systolic": _kind("mm[Hg]", "30", "320"),
    "diastolic": _kind("mm[Hg]", "10", "220"),
    "respiratory-rate": _kind("/min", "1", "120"),
    "spo2": _kind("%", "20", "100"),
    "temperature": _kind("Cel", "20", "45", "0.1"),
    "glucose": _kind("mmol/L", "0.3", "90", "0.1"),
    "pain": _kind("{score}", "0", "10"),
    "sedation": _kind("{score}", "0", "4"),
    "potassium": _kind("mmol/L", "0.8", "15", "0.1", at_bedside=False),
    "creatinine": _kind("umol/L", "1", "5000", at_bedside=False),
    "inr": _kind("1", "0.3", "30", "0.1", at_bedside=False),
}


def read(code: str, text: str) -> Quantity:
    """A typed number as the value of `code`, in its unit. Raises: QuantityError with `why`: code, number, ambiguous or range."""
    kind = KINDS.get(code)
    if kind is None:
        raise QuantityError(f"{code[:40]!r} is not measured here", remedy="choose one of the list", why="code")
    number = Decimal(typed(text))
    if not kind.low <= number <= kind.high:
        remedy = f"between {kind.low} and {kind.high} {kind.unit}; measure again"
        raise QuantityError(f"{number} {kind.unit} cannot be", remedy=remedy, why="range", low=str(kind.low), high=str(kind.high))
    if number != number.quantize(kind.step):
        raise QuantityError(f"{text[:40]!r} is too fine", remedy=f"in steps of {kind.step}", why="number")
    return Quantity(value=number, unit=kind.unit)


def pressures(code: str, text: str) -> tuple[tuple[str, str], ...]:
    """A blood pressure as people write it, "120/80", as (code, text) of both; anything else as the one that it is."""
    upper, slash, lower = text.partition("/")
    if code != "systolic" or not slash or not upper.strip() or not lower.strip():
        return ((code, text),)
    return (("systolic", upper), ("diastolic", lower))


def is_turned(values: Mapping[str, Quantity]) -> bool:
    """Both pressures, and the lower one is not below the upper: one of them is a slip."""
    upper, lower = values.get("systolic"), values.get("diastolic")
    return upper is not None and lower is not None and lower.value >= upper.value
