"""D9: this product may go this way, and this way is the ordered one.

Source: ISMP targeted best practice 1 (vinca alkaloids only in a minibag); EHR-S FM CP.6.1 criterion 30. Hazard: an enteral
product into a vein, a vinca alkaloid into the spine.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, same_name
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="D9",
    title="The route is ordered and fits the product",
    levels=(Level.STOP,),
    looks_at="the ordered route, the stated route, the product's routes, vinca alkaloids and minibags",
    passes_when="all are the same, and a vinca alkaloid is in a minibag",
    source="ISMP targeted medication safety best practice 1; EHR-S CP.6.1#30",
    hazard="wrong route",
    remedies={"use-route": ("route",), "ask-pharmacist": ()},
    facts=("cause", "route", "allowed"),
    origin="order",
    origins={"allowed": "product"},
)


def check(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if not moment.giving:
        return
    for product in moment.products:
        if product.vinca and not product.minibag:
            facts = {"cause": "vinca", "route": order.route if order else "", "allowed": ", ".join(product.routes)}
            yield RULE.finding(Level.STOP, "ask-pharmacist", facts=facts)
    stated = moment.facts.intent.route
    if order is None:
        if moment.emergency is not None and stated is not None:
            yield from _unfit(stated, moment)
        return
    if stated is not None and not same_name(stated, order.route):
        facts = {"cause": "stated", "route": stated, "allowed": order.route}
        yield RULE.finding(Level.STOP, "use-route", facts=facts, params={"route": order.route})
    if not order.route.strip():
        facts = {"cause": "unknown", "route": "", "allowed": ""}
        yield RULE.finding(Level.STOP, "ask-pharmacist", facts=facts, unknown=True)
        return
    yield from _unfit(order.route, moment)


def _unfit(way: str, moment: Moment) -> Iterator[Finding]:
    """The scanned products that may not go this way."""
    for product in moment.products:
        if not any(same_name(route, way) for route in product.routes):
            facts = {"cause": "product", "route": way, "allowed": ", ".join(product.routes)}
            yield RULE.finding(Level.STOP, "ask-pharmacist", facts=facts)
