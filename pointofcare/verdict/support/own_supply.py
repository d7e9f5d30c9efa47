"""D13: a patient's own medicine reaches that patient only, and only where the order means it.

Own rule, after the ward's custom of keeping what patients bring along. Hazard: the neighbour's own tablets; a dose from home
beside one from the ward.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="D13",
    title="The patient's own medicine is the patient's own",
    levels=(Level.NOTE, Level.REASON, Level.STOP),
    looks_at="whose own medicine the pack or bag is, whether the order means the own supply",
    passes_when="hospital stock for an ordinary order, or this patient's own pack for an order of own supply",
    source="local choice",
    hazard="another patient's medicine; own and hospital medicine both given",
    remedies={"take-other-pack": (), "ask-pharmacist": (), "use-own-supply": ()},
    facts=("cause", "name", "owner"),
    origin="product",
)


def check(moment: Moment) -> Iterator[Finding]:
    patient, order = moment.patient, moment.order
    if patient is None or not moment.giving:
        return
    owned = [(product.name, product.owner) for product in moment.products]
    owned += [(bag.id, bag.patient) for bag in moment.session.bags if bag.patient is not None and bag.patient != patient.id]
    for name, owner in owned:
        facts = {"cause": "other-patient", "name": name, "owner": owner or ""}
        if owner is not None and owner != patient.id:
            yield RULE.finding(Level.STOP, "take-other-pack", facts=facts)
        elif order is not None and owner is not None and not order.own_supply:
            yield RULE.finding(Level.REASON, "ask-pharmacist", facts=facts | {"cause": "not-ordered"})
        elif order is not None and owner is None and order.own_supply:
            yield RULE.finding(Level.NOTE, "use-own-supply", facts=facts | {"cause": "hospital-stock"})
