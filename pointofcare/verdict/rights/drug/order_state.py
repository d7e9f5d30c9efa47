"""D2, D3, D4, D6: the order may be carried out now.

Source: VA BCMA order validation; pharmacist verification by site policy. Hazard: a stopped, held, not yet started or
unchecked order is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pointofcare.orders.order import OrderCategory, OrderStatus
from pointofcare.orders.timing import SINGLE
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

ACTIVE = Rule(
    id="D2",
    title="The order is active and not over",
    levels=(Level.STOP,),
    looks_at="the order's status and end",
    passes_when="active, and its end has not come",
    source="VA BCMA",
    hazard="a stopped or expired order is given",
    remedies={"ask-prescriber": ()},
    facts=("status", "end"),
    origin="order",
)
STARTED = Rule(
    id="D3",
    title="The order has started",
    levels=(Level.STOP,),
    looks_at="the order's start and the early side of its window",
    passes_when="the start is not later than now plus the window",
    source="VA BCMA",
    hazard="a dose before the order begins",
    remedies={"earliest": ("at",)},
    facts=("start",),
    origin="order",
)
HELD = Rule(
    id="D4",
    title="The prescriber has not put the order on hold",
    levels=(Level.STOP,),
    looks_at="the order's status",
    passes_when="not on hold",
    source="VA BCMA; local choice to stop",
    hazard="a held drug is given",
    remedies={"ask-prescriber": ()},
    facts=("status",),
    origin="order",
)
VERIFIED = Rule(
    id="D6",
    title="A pharmacist has verified the order",
    levels=(Level.NOTE, Level.WARN, Level.REASON, Level.WITNESS, Level.STOP),
    looks_at="the pharmacist's verification, the order's category",
    passes_when="verified",
    source="VA BCMA site parameter; local choice",
    hazard="an order with an error that a pharmacist would have caught",
    remedies={"ask-pharmacist": ()},
    facts=("category",),
    origin="order",
)


def check_active(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not moment.delivering or order.status is OrderStatus.ON_HOLD:
        return
    ended = order.end is not None and moment.when >= order.end
    if order.status is OrderStatus.ACTIVE and not ended:
        return
    status = order.status.value if order.status is not None else "unknown"
    yield ACTIVE.finding(
        Level.STOP,
        "ask-prescriber",
        facts={"status": "ended" if order.status is OrderStatus.ACTIVE else status, "end": moment.local(order.end)},
        unknown=order.status is None,
    )


def check_started(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not moment.giving or order.start is None:
        return
    early = timedelta(0) if order.category in SINGLE else moment.time.before
    if order.start - moment.when > early:
        earliest = moment.local(order.start - early)
        yield STARTED.finding(Level.STOP, "earliest", facts={"start": moment.local(order.start)}, params={"at": earliest})


def check_held(moment: Moment) -> Iterator[Finding]:
    if moment.order is not None and moment.delivering and moment.order.status is OrderStatus.ON_HOLD:
        yield HELD.finding(Level.STOP, "ask-prescriber", facts={"status": moment.order.status.value})


def check_verified(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not moment.giving or order.verified:
        return
    stat = order.category is OrderCategory.STAT
    level = moment.policy.unverified_stat_order if stat else moment.policy.unverified_order
    if level > Level.PASS:
        yield VERIFIED.finding(level, "ask-pharmacist", facts={"category": order.category.value})
