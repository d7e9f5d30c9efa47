"""Ordered dose against scanned and stated amounts, in exact fractions (rules Q1 to Q4, Q7).

Converts within one dimension, and between mass and volume only through the product's own strength. Whatever does not compare
is a named problem, never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from pointofcare.errors import QuantityError
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.moment import Dosing, Moment, ingredients, matches, plain

# Their content bounds what can be drawn; an oral bottle's strength is written per spoon ("250 mg/5 mL") and bounds nothing.
_BOUNDED_FORMS = ("injection", "infusion", "concentrate", "vial", "ampoule")
_METERED_FORMS = ("inhaler", "aerosol", "spray", "puff")
_METERED_UNITS = ("puff", "spray", "dose")
_DRAWN_FORMS = ("injection", "infusion", "solution", "suspension", "syrup", "drop", "liquid", "emulsion", "concentrate", "elixir", "spray")


def measure(moment: Moment) -> Dosing | None:
    """None when there is nothing to compare: no order, nothing scanned that is known, a bag, or a drug of another order. Of an
    emergency drug without an order the stated dose stands for the ordered one."""
    order, packs = moment.order, moment.session.packs
    if not moment.giving or not packs or moment.bag is not None or (order is None and not _is_emergency(moment)):
        return None
    products = [pack.product for pack in packs if pack.product is not None]
    if len(products) != len(packs) or (order is not None and not all(matches(product, order) for product in products)):
        return None
    ordered = _ordered(moment)
    if isinstance(ordered, str):
        return Dosing(unit="", problem=ordered)
    low, high = ordered
    contents = [_content(product, low) for product in products]
    # A dose in puffs or drops of a multi-dose container needs no content: it is counted, not weighed.
    counted = _is_counted(low.unit) and all(_holds_several(product) for product in products)
    if any(isinstance(content, str) for content in contents) and not counted:
        return Dosing(unit=low.unit, problem=_worst(contents))
    sizes = [content for content in contents if isinstance(content, Fraction)]
    stated = _stated(moment.facts.intent.dose, low, products) if moment.facts.intent.dose is not None else None
    if isinstance(stated, str):
        return Dosing(unit=low.unit, problem=stated)
    bounded = len(sizes) == len(products) and all(not _holds_several(product) or _is_bounded(product) for product in products)
    available = sum(sizes, Fraction(0)) if bounded else None
    asks = any(_holds_several(product) for product in products)
    return Dosing(
        unit=low.unit,
        low=low.exact(),
        high=high.exact(),
        available=available,
        stated=stated,
        given=stated if stated is not None else (None if asks else available),
        piece=min(sizes, default=Fraction(0)),
        largest=max(sizes, default=Fraction(0)),
    )


def _is_emergency(moment: Moment) -> bool:
    return moment.emergency is not None and moment.emergency.fault == ""


def in_ordered_kind(amount: Quantity, moment: Moment) -> Fraction | None:
    """Another amount for this dose, such as a second person's, in the kind of the ordered dose; None: it does not compare."""
    ordered = _ordered(moment)
    if isinstance(ordered, str):
        return None
    value = _stated(amount, ordered[0], [pack.product for pack in moment.session.packs if pack.product is not None])
    return value if isinstance(value, Fraction) else None


def _holds_several(product: Product) -> bool:
    return product.multi_dose or _is_metered(product)


def _is_metered(product: Product) -> bool:
    """Its strength is that of one puff."""
    return any(word in plain(product.form) for word in _METERED_FORMS)


def _is_bounded(product: Product) -> bool:
    return product.volume is not None and any(word in plain(product.form) for word in _BOUNDED_FORMS)


def is_drawn(product: Product) -> bool:
    """A liquid, of which a part is drawn or poured; all else counts as solid (rule Q4)."""
    return product.volume is not None or any(word in plain(product.form) for word in _DRAWN_FORMS)


def by_weight(dose: Quantity) -> bool:
    return dose.unit.endswith("/kg")


def _ordered(moment: Moment) -> tuple[Quantity, Quantity] | str:
    order, stated = moment.order, moment.facts.intent.dose
    if order is None:
        if stated is None or not _is_emergency(moment):
            return "no-dose"
        low = high = stated
    elif order.dose_range is not None:
        low, high = order.dose_range
    elif order.dose is not None:
        low = high = order.dose
    else:
        return "no-dose"
    try:
        low, high = (_for_weight(dose, moment) if by_weight(dose) else dose for dose in (low, high))
    except LookupError:
        return "weight"
    if not low.converts_to(high.unit) or low > high or low.value <= 0:
        return "no-dose"
    return low, high


def _for_weight(dose: Quantity, moment: Moment) -> Quantity:
    """Raises: LookupError when the weight is not known."""
    weight = moment.patient.weight if moment.patient is not None else None
    if weight is None or not weight.value.converts_to("kg") or weight.value.value <= 0:
        raise LookupError("weight")
    return Quantity(value=dose.value * weight.value.to("kg").value, unit=dose.unit.removesuffix("/kg"))


def _is_counted(unit: str) -> bool:
    return unit.startswith("{") and unit.endswith("}")


def _content(product: Product, like: Quantity) -> Fraction | str:
    """How much of the kind of `like` one unit holds, or the problem."""
    if _is_counted(like.unit):
        word = like.unit.strip("{}")
        return Fraction(1) if word in plain(product.form) or (word in _METERED_UNITS and _is_metered(product)) else "units"
    if product.volume is not None and product.volume.converts_to(like.unit) and product.volume.value > 0:
        return product.volume.exact()
    amounts = [each.amount for each in product.ingredients]
    if not amounts or any(amount is None for amount in amounts):
        return "no-strength"
    known = [amount for amount in amounts if amount is not None and amount.value > 0]
    if len(known) != len(amounts) or not all(amount.converts_to(like.unit) for amount in known):
        return "units"
    if len(known) == 1:
        return known[0].exact()
    return _combination(known, like)


def _combination(amounts: Sequence[Quantity], like: Quantity) -> Fraction | str:
    """A combination is prescribed by its total or by its first ingredient; only one of the two may come out in whole units."""
    total = sum((amount.exact() for amount in amounts), Fraction(0))
    whole = [option for option in {total, amounts[0].exact()} if (like.exact() / option).denominator == 1]
    return whole[0] if len(whole) == 1 else "combination"


def _worst(contents: Sequence[Fraction | str]) -> str:
    problems = [content for content in contents if isinstance(content, str)]
    return next((problem for problem in ("units", "no-strength", "combination") if problem in problems), "no-strength")


def _stated(stated: Quantity, low: Quantity, products: Sequence[Product]) -> Fraction | str:
    """What the nurse says, in the kind of the ordered dose."""
    if stated.value < 0:
        return "units"
    if stated.converts_to(low.unit):
        return stated.exact()
    ratios = set()
    for product in products:
        mine, ordered = _content(product, stated), _content(product, low)
        if isinstance(mine, str) or isinstance(ordered, str):
            return "units"
        ratios.add(ordered / mine)
    return stated.exact() * ratios.pop() if len(ratios) == 1 else "units"


def amount_of(ingredient: str, product: Product, dose: Quantity) -> Fraction | None:
    """How much of `ingredient` (plain name) a dose of this product holds, in base units; None when that does not follow.

    Of the two readings of a combination's dose the larger counts (rules Q6, N3: never less than was given).
    """
    held = [each.amount for each in product.ingredients if plain(each.name) == ingredient]
    if not held or held[0] is None:
        return None
    if len(product.ingredients) == 1 and dose.converts_to(held[0].unit):
        return dose.exact()
    content = _content(product, dose)
    if content == "combination":
        amounts = [each.amount for each in product.ingredients if each.amount is not None]
        content = min(sum((amount.exact() for amount in amounts), Fraction(0)), amounts[0].exact())
    if isinstance(content, str) or content == 0:
        return None
    return dose.exact() / content * held[0].exact()


def given_amount(ingredient: str, moment: Moment) -> tuple[Fraction, str] | None:
    """How much of `ingredient` this dose would give and in what unit it is written; None when not known."""
    stated, order, packs = moment.facts.intent.dose, moment.order, moment.session.packs
    products = [pack.product for pack in packs if pack.product is not None and ingredient in ingredients(pack.product)]
    if not products:
        return None
    unit = next(
        (each.amount.unit for product in products for each in product.ingredients if plain(each.name) == ingredient and each.amount), ""
    )
    if not unit:
        return None
    if stated is None and any(product.multi_dose for product in products):
        if order is None or order.dose is None or moment.dosing is None or moment.dosing.problem:
            return None
        stated = Quantity(value=order.dose.value, unit=order.dose.unit) if not by_weight(order.dose) else None
        if stated is None:
            return None
    if stated is not None:
        amount = amount_of(ingredient, products[0], stated)
        return (amount, unit) if amount is not None else None
    total = Fraction(0)
    for product in products:
        each = next(item.amount for item in product.ingredients if plain(item.name) == ingredient)
        if each is None:
            return None
        total += each.exact()
    return total, unit


def as_quantity(amount: Fraction, unit: str) -> Quantity | None:
    """`amount` (base units) as a decimal in `unit`; None when it has no exact decimal of nine places."""
    value = amount / Quantity(value=Decimal(1), unit=unit).exact()
    scaled = value * 10**9
    if scaled.denominator != 1:
        return None
    try:
        return Quantity(value=Decimal(scaled.numerator).scaleb(-9), unit=unit)
    except QuantityError:
        return None
