"""Q6, N3: no more of an ingredient in any 24 hours than its maximum, whatever route or product it came by.

Source: EHR-S FM CP.6.1 criterion 20; FHIR maxDosePerPeriod. Hazard: paracetamol from three products at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

from pointofcare.errors import QuantityError
from pointofcare.orders.order import Order, OrderCategory
from pointofcare.quantity import Quantity
from pointofcare.verdict.dosing import amount_of, given_amount
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import TAKEN, Moment, ingredients, matches, ordered_ingredients, plain, shown
from pointofcare.verdict.rule import Rule

DAILY = Rule(
    id="Q6",
    title="The maximum of a rolling day is kept",
    levels=(Level.REASON, Level.STOP),
    looks_at="all gives of the ingredient in the last 24 h with this one, the formulary's maxima",
    passes_when="the total is at most the soft maximum",
    source="EHR-S FM CP.6.1#20; FHIR maxDosePerPeriod",
    hazard="overdose over a day",
    remedies={"wait-for-total": ("at",), "ask-prescriber": ()},
    facts=("cause", "ingredient", "total", "limit"),
    origin="record",
    origins={"ingredient": "product", "limit": "product"},
)
PRN = Rule(
    id="N3",
    title="The most of an as-needed drug in 24 hours is kept",
    levels=(Level.REASON, Level.STOP),
    looks_at="all gives of the ingredient in the last 24 h with this one, the order's own maximum",
    passes_when="the total is at most the order's maximum",
    source="FHIR maxDosePerPeriod",
    hazard="overdose by repeated as-needed doses",
    remedies={"wait-for-total": ("at",), "ask-prescriber": ()},
    facts=("cause", "ingredient", "total", "limit"),
    origin="record",
    origins={"ingredient": "order", "limit": "order"},
)
_DAY = timedelta(hours=24)


def check_daily(moment: Moment) -> Iterator[Finding]:
    if not moment.giving:
        return
    held = moment.products if moment.bag is None else moment.drugs
    for ingredient in sorted({name for product in held for name in ingredients(product)}):
        limits = [limit for product in moment.facts.products for limit in product.max_daily if plain(limit.ingredient) == ingredient]
        hard = [limit.hard for limit in limits if limit.hard is not None]
        soft = [limit.soft for limit in limits if limit.soft is not None]
        yield from _judge(DAILY, moment, ingredient, hard, soft)


def check_prn(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not moment.giving or order.category is not OrderCategory.PRN:
        return
    if order.prn is not None and order.prn.max_per_24h is not None and not moment.session.bags and moment.products:
        held = sorted(ordered_ingredients(order))
        if held:
            yield from _judge(
                PRN, moment, held[0] if len(held) == 1 else plain(order.ingredient.split("/")[0]), [order.prn.max_per_24h], []
            )


def _judge(rule: Rule, moment: Moment, ingredient: str, hard: list[Quantity], soft: list[Quantity]) -> Iterator[Finding]:
    if not hard and not soft:
        return
    facts: dict[str, object] = {"cause": "unknown", "ingredient": ingredient, "total": "", "limit": ""}
    total = _total(moment, ingredient)
    if total is None:
        yield rule.finding(Level.REASON, "ask-prescriber", facts=facts, unknown=True)
        return
    amount, unit = total
    for level, limits in ((Level.STOP, hard), (Level.REASON, soft)):
        crossed = []
        for limit in limits:
            most = _most(moment, ingredient, limit, unit)
            if most is None:
                yield rule.finding(Level.REASON, "ask-prescriber", facts=facts | {"limit": str(limit)}, unknown=True)
                return
            if amount > most:
                crossed.append((most, str(limit)))
        if crossed:
            lowest, limit_text = min(crossed)
            facts |= {"cause": "over", "total": shown(amount, unit), "limit": limit_text}
            earliest = _earliest(moment, ingredient, lowest)
            if earliest:
                yield rule.finding(level, "wait-for-total", facts=facts, params={"at": earliest})
            else:
                yield rule.finding(level, "ask-prescriber", facts=facts)
            return


def _most(moment: Moment, ingredient: str, limit: Quantity, unit: str) -> Fraction | None:
    """The limit as an amount of the ingredient: "8 {puff}" or "40 mL" through the scanned product; None: it does not compare."""
    if limit.converts_to(unit):
        return limit.exact()
    amounts = [amount_of(ingredient, product, limit) for product in moment.products if ingredient in ingredients(product)]
    known = [amount for amount in amounts if amount is not None]
    return min(known) if known and len(known) == len(amounts) else None


def _recent(moment: Moment, ingredient: str) -> list[tuple[HistoryEntry, Fraction | None]]:
    """The gives of `ingredient` in the same rolling 24 hours, each with its amount; None: not known how much."""
    found = []
    for entry in moment.since(_DAY):
        age = moment.when - entry.at
        if moment.bag is not None and entry.bag == moment.bag.id:  # all that it holds counts as this dose
            continue
        if entry.status not in TAKEN or not -_DAY < age < _DAY:  # one ahead of this clock was given all the same
            continue
        held = moment.ingredients_of(entry)
        if held is not None and ingredient not in held:
            continue
        found.append((entry, _amount(moment, entry, ingredient)))
    return found


def _amount(moment: Moment, entry: HistoryEntry, ingredient: str) -> Fraction | None:
    product = moment.product_of(entry)
    if entry.dose is None:
        return None
    if product is not None:
        return amount_of(ingredient, product, entry.dose)
    held, order = moment.ingredients_of(entry), moment.order_of(entry)
    unit = _unit(moment, ingredient)
    if order is not None and (amount := _of_order(ingredient, order, entry.dose, moment)) is not None:
        return amount
    if held == frozenset({ingredient}) and unit is not None and entry.dose.converts_to(unit):
        return entry.dose.exact()
    return None


def _unit(moment: Moment, ingredient: str) -> str | None:
    amounts = [item.amount for product in moment.drugs for item in product.ingredients if plain(item.name) == ingredient]
    return next((amount.unit for amount in amounts if amount is not None), None)


def _of_order(ingredient: str, order: Order, dose: Quantity, moment: Moment) -> Fraction | None:
    """How much of `ingredient` a dose by this order holds, where all products that it may be given as say the same."""
    amounts = {amount_of(ingredient, product, dose) for product in moment.facts.products if matches(product, order)}
    return amounts.pop() if len(amounts) == 1 else None


def _now(moment: Moment, ingredient: str) -> tuple[Fraction, str] | None:
    """How much of `ingredient` this dose would give, all that a bag holds, and in what unit it is written; None: not known."""
    if moment.bag is None:
        return given_amount(ingredient, moment)
    order, unit = moment.order, _unit(moment, ingredient)
    if order is None or unit is None:
        return None
    dose = next((each for each in (moment.facts.intent.dose, moment.bag.printed_for.volume, order.dose) if each is not None), None)
    if ingredient in ordered_ingredients(order):
        amount = _of_order(ingredient, order, dose, moment) if dose is not None else None
    else:
        amount = _added(ingredient, order, unit)
    return (amount, unit) if amount is not None else None


def _added(ingredient: str, order: Order, unit: str) -> Fraction | None:
    """As much as the bag's additives say of it; None unless each that names it says one amount."""
    total = Fraction(0)
    for words in (plain(additive).split() for additive in order.additives if plain(additive).startswith(ingredient)):
        said = [amount for number, atom in pairwise(words) if (amount := _read(f"{number} {atom}")) is not None]
        if len(said) != 1 or not said[0].converts_to(unit):
            return None
        total += said[0].exact()
    return total or None


def _read(text: str) -> Quantity | None:
    try:
        return Quantity.parse(text)
    except QuantityError:
        return None


def _total(moment: Moment, ingredient: str) -> tuple[Fraction, str] | None:
    try:
        now = _now(moment, ingredient)
    except QuantityError:
        return None
    if now is None:
        return None
    amounts = [amount for _, amount in _recent(moment, ingredient)]
    if any(amount is None for amount in amounts):
        return None
    return now[0] + sum((amount for amount in amounts if amount is not None), Fraction(0)), now[1]


def _earliest(moment: Moment, ingredient: str, limit: Fraction) -> str:
    """When enough of the earlier gives are a day old; "" when waiting does not help."""
    now = _now(moment, ingredient)
    if now is None or now[0] > limit:
        return ""
    past = sorted(((entry.at, amount or Fraction(0)) for entry, amount in _recent(moment, ingredient)), key=lambda each: each[0])
    total = now[0] + sum((amount for _, amount in past), Fraction(0))
    for at, amount in past:
        total -= amount
        if total <= limit:
            try:
                return moment.local(at + _DAY)
            except OverflowError:
                return ""
    return ""
