"""What a measured value usually is: a hint beside the figure for who enters and who reads it. It holds no dose and passes none.

Adults only; a child's values depend on age, and no range is better than a wrong one. Source of the usual ranges: the band that scores
nothing in NEWS2 (Royal College of Physicians, 2017); diastolic pressure, glucose and sedation are local choices. The
wide bounds, beyond which a value is asked again, are local choices too; what no living person has is refused before (`observation.KINDS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from pointofcare.quantity import Quantity

ADULT_FROM_YEARS = 16


class Standing(StrEnum):
    """`UNJUDGED`: no range for this kind, or for this age."""

    USUAL = "usual"
    LOW = "low"
    HIGH = "high"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Both ends are inside. `ask_below` and `ask_above`: beyond these it is rather a slip of the finger than a value."""

    low: Decimal
    high: Decimal
    ask_below: Decimal
    ask_above: Decimal


def _bounds(low: str, high: str, ask_below: str, ask_above: str) -> Bounds:
    return Bounds(low=Decimal(low), high=Decimal(high), ask_below=Decimal(ask_below), ask_above=Decimal(ask_above))


BOUNDS: Mapping[str, Bounds] = {
    "heart-rate": _bounds("51", "90", "35", "200"),
    "systolic": _bounds("111", "219", "60", "240"),
    "diastolic": _bounds("60", "90", "30", "140"),
    "respiratory-rate": _bounds("12", "20", "6", "50"),
    "spo2": _bounds("96", "100", "70", "100"),
    "temperature": _bounds("36.1", "38.0", "34", "41.5"),
    "glucose": _bounds("3.9", "10.0", "2", "30"),
    "pain": _bounds("0", "3", "0", "10"),
    "sedation": _bounds("0", "1", "0", "4"),
}
# For any age: what a slip of the finger is does not depend on it so much.
_ANY_AGE = frozenset({"spo2", "temperature", "glucose", "pain", "sedation"})


def is_adult(born: date | None, today: date) -> bool | None:
    """None: not known."""
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) >= ADULT_FROM_YEARS


def standing(code: str, value: Quantity, *, adult: bool | None) -> Standing:
    """Of a value in its kind's own unit."""
    bounds = BOUNDS.get(code)
    if bounds is None or (adult is not True and code not in _ANY_AGE):
        return Standing.UNJUDGED
    if value.value < bounds.low:
        return Standing.LOW
    return Standing.HIGH if value.value > bounds.high else Standing.USUAL


def asks_again(code: str, value: Quantity, *, adult: bool | None) -> bool:
    """Is it so far out that whoever enters it says first that it was measured again?"""
    bounds = BOUNDS.get(code)
    if bounds is None or (adult is not True and code not in _ANY_AGE):
        return False
    return not bounds.ask_below <= value.value <= bounds.ask_above
