"""D1, D8: what was scanned is ordered for this patient, by exactly one order line or the one the nurse chose.

Source: van der Veen 2018 (8 % of errors were drugs not ordered). Hazard: wrong drug; the wrong one of two alike lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, matches
from pointofcare.verdict.rule import Rule

ORDERED = Rule(
    id="D1",
    title="The drug is ordered for this patient",
    levels=(Level.REASON, Level.STOP),
    looks_at="ingredients and form of what was scanned, the patient's orders; without one the policy's list for emergencies",
    passes_when="the order holds the same set of ingredients in the same form; in an emergency the list allows drug, dose and route",
    source="van der Veen 2018; EHR-S CP.6.1",
    hazard="wrong drug",
    remedies={
        "scan-ordered-drug": ("ordered",),
        "ask-prescriber": (),
        "scan-drug": (),
        "acknowledge": ("hours",),
        "state-emergency": ("missing",),
    },
    facts=("cause", "scanned", "ordered"),
    origin="order",
    origins={"scanned": "scan"},
)
CHOICE = Rule(
    id="D8",
    title="Of two matching order lines the nurse chooses",
    levels=(Level.REASON,),
    looks_at="all active orders that match the scan",
    passes_when="one line matches, or the nurse named one",
    source="local choice: never first-match",
    hazard="dose charted on the wrong one of two lines",
    remedies={"choose-order": ("orders",)},
    facts=("orders",),
    origin="order",
)


def check_ordered(moment: Moment) -> Iterator[Finding]:
    session, order = moment.session, moment.order
    scanned = " + ".join(product.name for product in moment.products)
    ordered = f"{order.ingredient} {order.form}" if order is not None else ""
    if moment.choice.cause == "unknown-order":
        named = moment.facts.intent.order or (moment.bag.order if moment.bag is not None else "")
        yield ORDERED.finding(Level.STOP, "ask-prescriber", facts={"cause": "no-such-order", "scanned": scanned, "ordered": named})
        return
    if not moment.giving or session.unread:
        return
    facts: dict[str, object] = {"cause": "not-ordered", "scanned": scanned, "ordered": ordered}
    foreign = [pack.scan.gtin for pack in session.packs if pack.product is None] + list(session.foreign)
    if foreign:
        facts |= {"cause": "unknown-product", "scanned": ", ".join(foreign)}
        yield ORDERED.finding(Level.STOP, "scan-drug", facts=facts)
    elif not session.has_drug:
        # With a drug scanned too early rule P5 has said so; without a patient rule P1 has.
        if session.opened and not session.uncounted and not session.lapsed:
            yield ORDERED.finding(Level.STOP, "scan-drug", facts=facts | {"cause": "nothing-scanned"}, unknown=True)
    elif order is None:
        if moment.identity.patient is not None and moment.choice.cause == "none" and not session.keyed_drugs:
            yield _without_order(facts, moment)
    elif moment.bag is not None and moment.bag.order != order.id:
        facts |= {"cause": "other-bag", "scanned": moment.bag.id}
        yield ORDERED.finding(Level.STOP, "scan-ordered-drug", facts=facts, params={"ordered": ordered})
    elif any(pack.product is not None and not matches(pack.product, order) for pack in session.packs):
        yield ORDERED.finding(Level.STOP, "scan-ordered-drug", facts=facts, params={"ordered": ordered})


def _without_order(facts: dict[str, object], moment: Moment) -> Finding:
    """In an emergency a listed drug is given on the nurse's reason; a prescriber acknowledges it afterwards."""
    emergency = moment.emergency
    if emergency is None:
        return ORDERED.finding(Level.STOP, "ask-prescriber", facts=facts)
    facts |= {"cause": "emergency"}
    if emergency.fault:
        return ORDERED.finding(Level.STOP, "state-emergency", facts=facts, params={"missing": emergency.fault})
    hours = int(moment.policy.acknowledge_within.total_seconds() // 3600)
    return ORDERED.finding(Level.REASON, "acknowledge", facts=facts, params={"hours": hours})


def check_choice(moment: Moment) -> Iterator[Finding]:
    if moment.choice.cause == "ambiguous":
        orders = ", ".join(order.id for order in moment.choice.candidates)
        yield CHOICE.finding(Level.REASON, "choose-order", facts={"orders": orders}, params={"orders": orders})
