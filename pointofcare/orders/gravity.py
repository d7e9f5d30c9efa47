"""Counting a gravity set: the drops a minute for a rate, with the arithmetic written out so that a second person can follow it.

The number itself is `infusion.whole_drops_per_minute`. Must never stand for a pump, nor for a rate that no drop chamber holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from pointofcare.orders import infusion
from pointofcare.quantity import Quantity

MINUTES_AN_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DropCount:
    """`rate_ml_h` x `drop_factor` / 60 = `exact`, counted as `whole`; `exact` to two decimals. `seconds_for_ten` is how long ten drops
    take at the whole number, to a tenth: what a nurse holds her watch against."""

    rate_ml_h: Decimal
    drop_factor: int
    exact: Decimal
    whole: int
    seconds_for_ten: Decimal


def count(rate: Quantity, drop_factor: int) -> DropCount:
    """Raises: QuantityError, as `infusion.whole_drops_per_minute`."""
    whole = infusion.whole_drops_per_minute(rate, drop_factor)
    exact = infusion.drops_per_minute(rate, drop_factor)
    return DropCount(
        rate_ml_h=_rounded(exact * MINUTES_AN_HOUR / drop_factor, 2),
        drop_factor=drop_factor,
        exact=_rounded(exact, 2),
        whole=whole,
        seconds_for_ten=_rounded(Fraction(600, whole) if whole else Fraction(0), 1),
    )


def _rounded(value: Fraction, places: int) -> Decimal:
    """A half goes up; no trailing zeros (rule Q8)."""
    scaled = (2 * value * 10**places + 1) // 2
    plain = Decimal(int(scaled)).scaleb(-places).normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral() else plain
