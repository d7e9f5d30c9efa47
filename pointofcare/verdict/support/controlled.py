"""C1, C2: a controlled drug is accounted for to the unit, and its waste has a witness.

Source: ASHP guideline on diversion prevention. Hazard: diversion.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from pointofcare.products import Controlled, Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.dosing import amount_of
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, plain, shown
from pointofcare.verdict.rule import Rule

BALANCE = Rule(
    id="C1",
    title="Taken is given, wasted and returned",
    levels=(Level.REASON,),
    looks_at="the content of the scanned controlled units, the amounts given, wasted and returned",
    passes_when="the sum is the content, to the unit",
    source="ASHP diversion guideline",
    hazard="diversion",
    remedies={"account-for": ("missing",), "name-amounts": ()},
    facts=("cause", "taken", "accounted"),
    origin="intent",
    origins={"taken": "scan"},
)
WASTE = Rule(
    id="C2",
    title="Waste of a controlled drug has a witness",
    levels=(Level.WITNESS,),
    looks_at="the wasted amount, the witness",
    passes_when="nothing is wasted, or a valid witness saw it",
    source="ASHP diversion guideline",
    hazard="diversion",
    remedies={"fetch-witness": ()},
    facts=("waste", "name"),
    origin="intent",
    origins={"name": "product"},
)


def _controlled(moment: Moment) -> list[Product]:
    if not moment.giving and moment.action is not Action.WASTE:
        return []
    return [product for product in moment.products if product.controlled is not Controlled.NONE]


def check_balance(moment: Moment) -> Iterator[Finding]:
    intent = moment.facts.intent
    for product in _controlled(moment):
        if product.multi_dose or not product.ingredients:
            continue
        ingredient = product.ingredients[0]
        units = [pack for pack in moment.session.packs if pack.product is not None and pack.product.id == product.id]
        name = plain(ingredient.name)
        parts: list[Quantity | None] = [intent.waste, intent.returned]
        if moment.giving and intent.dose is None and intent.waste is None and intent.returned is None:
            continue  # given whole
        if intent.dose is not None or moment.giving:
            parts.append(intent.dose if intent.dose is not None else _ordered(moment))
        amounts = [amount_of(name, product, part) for part in parts if part is not None]
        if ingredient.amount is None or any(amount is None for amount in amounts):
            facts = {"cause": "unknown", "taken": "", "accounted": ""}
            yield BALANCE.finding(Level.REASON, "name-amounts", facts=facts, unknown=True)
            continue
        taken = ingredient.amount.exact() * len(units)
        accounted = sum((amount for amount in amounts if amount is not None), Fraction(0))
        if taken != accounted:
            unit = ingredient.amount.unit
            facts = {"cause": "differs", "taken": shown(taken, unit), "accounted": shown(accounted, unit)}
            yield BALANCE.finding(Level.REASON, "account-for", facts=facts, params={"missing": shown(abs(taken - accounted), unit)})


def _ordered(moment: Moment) -> Quantity | None:
    return moment.order.dose if moment.order is not None else None


def check_waste(moment: Moment) -> Iterator[Finding]:
    waste = moment.facts.intent.waste
    products = _controlled(moment)
    if waste is None or waste.value <= 0 or not products:
        return
    name = " + ".join(product.name for product in products)
    yield WASTE.finding(Level.WITNESS, "fetch-witness", facts={"waste": str(waste), "name": name})
