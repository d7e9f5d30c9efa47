"""An emergency drug without an order (rule D1): what the policy lists, and whether this dose keeps to it.

Such a dose is given on the nurse's own reason, and a prescriber acknowledges it afterwards. Must never make way for a drug that
is not listed in all its ingredients, nor for an amount that cannot be compared with the listed limit.
"""

from __future__ import annotations

from collections.abc import Sequence

from pointofcare.products import Product
from pointofcare.verdict import lists
from pointofcare.verdict.dosing import amount_of
from pointofcare.verdict.facts import Action, Facts, Intent
from pointofcare.verdict.moment import Emergency, Session, plain, same_name
from pointofcare.verdict.policy import ListedEmergency, Policy
from pointofcare.verdict.reason import code_of

REASON = "emergency"


def of(facts: Facts, session: Session) -> Emergency | None:
    """None: what was scanned is not one product that the policy lists in all its ingredients."""
    packs = session.packs
    if facts.intent.action is not Action.GIVE or not facts.policy.emergency or not packs:
        return None
    if session.bags or session.unread or session.foreign or session.keyed_drugs:
        return None
    products = {pack.product.id: pack.product for pack in packs if pack.product is not None}
    if len(products) != 1 or any(pack.product is None for pack in packs):
        return None
    (product,) = products.values()
    lines = _lines(product, facts.policy)
    return Emergency(product=product, lines=lines, fault=_fault(product, lines, facts.intent)) if lines else None


def is_claimed(intent: Intent) -> bool:
    """Does the nurse say that this is one, and that the missing order is what it answers?"""
    return code_of(intent.reason or "") == REASON and (intent.satisfies is None or "D1" in intent.satisfies)


def _lines(product: Product, policy: Policy) -> tuple[ListedEmergency, ...]:
    found: list[ListedEmergency] = []
    for ingredient in product.ingredients:
        own = [line for line in policy.emergency if lists.names(line, plain(ingredient.name), ingredient.classes)]
        if not own:
            return ()
        found += own
    return tuple(dict.fromkeys(found))


def _fault(product: Product, lines: Sequence[ListedEmergency], intent: Intent) -> str:
    if not is_claimed(intent):
        return "reason"
    if intent.dose is None or intent.dose.value <= 0:
        return "dose"
    route = intent.route
    if route is None or not route.strip() or any(line.routes and not any(same_name(route, each) for each in line.routes) for line in lines):
        return "route"
    for ingredient in product.ingredients:
        name = plain(ingredient.name)
        amount = amount_of(name, product, intent.dose)
        for line in lines:
            if line.max_dose is None or not lists.names(line, name, ingredient.classes):
                continue
            if amount is None or ingredient.amount is None or not line.max_dose.converts_to(ingredient.amount.unit):
                return "units"
            if amount > line.max_dose.exact():
                return "over"
    return ""
