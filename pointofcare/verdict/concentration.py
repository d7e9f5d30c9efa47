"""What a bag holds per volume, and the volume in time that an ordered mass in time makes of it (rules I5, I6).

By an additive that says its amount in the printed volume, or by the bag's product of one ingredient. Must never guess: two answers, a
bag without a volume or a patient without a weight are no answer.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from pointofcare.errors import QuantityError
from pointofcare.quantity import Dimension, Quantity
from pointofcare.verdict.moment import Moment

_ML_PER_HOUR = Quantity(value=Decimal(1), unit="mL/h")
# What an infusion pump is set to: tenths of a mL/h.
_STEP = Fraction(1, 10)


def of_bag(moment: Moment, unit: str) -> tuple[Fraction, str] | None:
    """The amount per volume in the kind of `unit` ("mg/mL"), exactly and in words; None when that does not follow."""
    bag, order = moment.bag, moment.order
    if bag is None or order is None:
        return None
    volume = bag.printed_for.volume
    amounts: list[tuple[Quantity, Quantity]] = []
    for additive in order.additives:
        words = additive.split()
        for number, atom in pairwise(words):
            amount = _amount(f"{number} {atom}")
            if amount is not None and volume is not None:
                amounts.append((amount, volume))
    if not order.additives:
        for product in moment.drugs:
            if len(product.ingredients) == 1 and product.ingredients[0].amount is not None and product.volume is not None:
                amounts.append((product.ingredients[0].amount, product.volume))
    wanted = Quantity(value=Decimal(1), unit=unit).dimension
    found = {
        (amount.exact() / per.exact(), f"{amount} / {per}")
        for amount, per in amounts
        if per.exact() > 0 and amount.exact() > 0 and _per(amount, per) == wanted
    }
    values = {value for value, _ in found}
    return (values.pop(), min(words for _, words in found)) if len(values) == 1 else None


def volume_rate(rate: Quantity, moment: Moment) -> Quantity | str:
    """An ordered mass in time, or mass per body weight in time, as mL/h of this bag, to the tenth that a pump takes, a half upwards;
    else why not: "units", "concentration", "weight"."""
    above, *below = rate.unit.split("/")
    by_weight = "kg" in below
    try:
        wanted, mass = Quantity(value=Decimal(1), unit=f"{above}/L"), Quantity(value=Decimal(1), unit=above)
    except QuantityError:
        return "units"
    if rate.dimension != tuple(sorted([*mass.dimension, *([("g", -1)] if by_weight else []), ("s", -1)])):
        return "units"
    found = of_bag(moment, wanted.unit)
    if found is None:
        return "concentration"
    amount = rate.exact()
    if by_weight:
        weight = moment.patient.weight if moment.patient is not None else None
        if weight is None or not weight.value.converts_to("kg") or weight.value.value <= 0:
            return "weight"
        amount *= weight.value.exact()
    steps = int(amount / found[0] / _ML_PER_HOUR.exact() / _STEP + Fraction(1, 2))
    return Quantity(value=Decimal(steps).scaleb(-1), unit="mL/h") if steps > 0 else "units"


def _per(amount: Quantity, volume: Quantity) -> Dimension:
    return tuple(sorted([*amount.dimension, *((base, -power) for base, power in volume.dimension)]))


def _amount(text: str) -> Quantity | None:
    try:
        return Quantity.parse(text)
    except QuantityError:
        return None
