"""O1, O2, O3, T6: what the cart knows while the server is away, and whether its clock can be believed.

Local choices after VA BCMA's clock guard. Hazard: a dose by an old order, a dose that another cart has given already, a dose at
a time that is not the time.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.products import Controlled, HighAlert
from pointofcare.verdict.facts import Lease
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

CHART_AGE = Rule(
    id="O1",
    title="Offline, the chart is not too old",
    levels=(Level.REASON, Level.STOP),
    looks_at="whether the cart is online, the age of its chart",
    passes_when="online, or the chart is at most 4 h old",
    source="local choice",
    hazard="dose by an order that was stopped meanwhile",
    remedies={"reconnect": ()},
    facts=("cause", "minutes"),
    origin="cart",
)
LEASE = Rule(
    id="O2",
    title="No other cart may have given this dose",
    levels=(Level.REASON, Level.STOP),
    looks_at="the lease on the patient's due doses",
    passes_when="this cart holds it and no other cart is in doubt, or is online and nobody does",
    source="local choice: dose lease with fencing",
    hazard="double dose from two carts",
    remedies={"ask-other-cart": (), "reconnect": (), "wait-for-lease": (), "ask-cart-in-doubt": ("cart", "nurse", "since")},
    facts=("lease",),
    origin="cart",
)
RISK = Rule(
    id="O3",
    title="Offline, a high-alert or controlled drug has a witness",
    levels=(Level.WITNESS,),
    looks_at="whether the cart is online, the products' high-alert level and control",
    passes_when="online, or neither high-alert level 3 nor controlled, or a valid witness confirms",
    source="local choice",
    hazard="double dose of a dangerous drug while the server is away",
    remedies={"fetch-witness": ()},
    facts=("name",),
    origin="product",
)
CLOCK = Rule(
    id="T6",
    title="The cart's clock is right",
    levels=(Level.NOTE, Level.REASON, Level.STOP),
    looks_at="the cart's clock against the server's",
    passes_when="at most 60 s off",
    source="VA BCMA clock guard",
    hazard="wrong time of a dose",
    remedies={"set-clock": ()},
    facts=("cause", "seconds"),
    origin="cart",
)


def check_chart_age(moment: Moment) -> Iterator[Finding]:
    if not moment.offline or not moment.giving:
        return
    age = moment.facts.cart.chart_age_s
    policy = moment.policy
    if age is None or age != age:
        yield CHART_AGE.finding(Level.STOP, "reconnect", facts={"cause": "unknown", "minutes": 0}, unknown=True)
    elif age > policy.chart_age_reason.total_seconds():
        level = Level.STOP if age > policy.chart_age_stop.total_seconds() else Level.REASON
        minutes = int(min(age, 10**12) // 60)
        yield CHART_AGE.finding(level, "reconnect", facts={"cause": "old", "minutes": minutes})


def check_lease(moment: Moment) -> Iterator[Finding]:
    """A lease that is not had yet, and one that another cart let run out or gave back with something untold, need a reason."""
    cart = moment.facts.cart
    lease = cart.lease
    if not moment.giving:
        return
    for doubt in cart.lease_doubts:
        since = doubt.since.isoformat() if doubt.since is not None else ""
        params = {"cart": doubt.cart, "nurse": doubt.nurse or "", "since": since}
        yield LEASE.finding(Level.REASON, "ask-cart-in-doubt", facts={"lease": "doubt"}, params=params)
    if lease is not Lease.OTHER_CART and not moment.offline and cart.lease_pending:
        yield LEASE.finding(Level.REASON, "wait-for-lease", facts={"lease": "pending"})
        return
    if lease is Lease.HELD or (lease is Lease.NONE and not moment.offline):
        return
    level = Level.STOP if lease is Lease.OTHER_CART and not moment.offline else Level.REASON
    remedy = "ask-other-cart" if lease is Lease.OTHER_CART else "reconnect"
    yield LEASE.finding(level, remedy, facts={"lease": lease.value})


def check_risk(moment: Moment) -> Iterator[Finding]:
    if not moment.offline or not moment.giving:
        return
    risky = [
        product.name
        for product in moment.drugs
        if product.high_alert >= HighAlert.WITNESS_REQUIRED or product.controlled is not Controlled.NONE
    ]
    if risky:
        yield RISK.finding(Level.WITNESS, "fetch-witness", facts={"name": " + ".join(risky)})


def check_clock(moment: Moment) -> Iterator[Finding]:
    offset = moment.facts.cart.clock_offset_s
    if offset is None or offset != offset:
        yield CLOCK.finding(Level.REASON, "set-clock", facts={"cause": "unknown", "seconds": 0}, unknown=True)
        return
    policy = moment.policy
    if moment.offline and abs(offset) > policy.clock_stop.total_seconds():
        yield CLOCK.finding(Level.STOP, "set-clock", facts={"cause": "off", "seconds": int(min(abs(offset), 10**12))})
    elif abs(offset) > policy.clock_note.total_seconds():
        yield CLOCK.finding(Level.NOTE, "set-clock", facts={"cause": "off", "seconds": int(min(abs(offset), 10**12))})
