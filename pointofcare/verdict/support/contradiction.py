"""D15: facts that contradict each other are said, never smoothed over.

Own rule: a record of the future, a dose given before its order began, two active versions of one order, one patient twice with
different data. Hazard: a verdict that stands on the wrong one of two stories.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import timedelta

from pointofcare.orders.order import OrderStatus
from pointofcare.verdict import index
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import TAKEN, Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="D15",
    title="The facts do not contradict each other",
    levels=(Level.REASON, Level.STOP),
    looks_at="times on the record against now and the order's start, versions of the order, copies of the patient",
    passes_when="each story is told once",
    source="local choice",
    hazard="a verdict on the wrong one of two stories",
    remedies={"correct-record": ("what",), "refresh": ()},
    facts=("cause", "what", "at"),
    origin="record",
    origins={"what": "order"},
)


def check(moment: Moment) -> Iterator[Finding]:
    if not moment.delivering:
        return
    patient, order = moment.patient, moment.order
    if patient is not None and any(each != patient for each in index.patients(moment.facts.patients).by_id[patient.id]):
        facts = {"cause": "patient", "what": patient.id, "at": ""}
        yield RULE.finding(Level.STOP, "refresh", facts=facts, unknown=True)
    if order is None:
        return
    yield from _versions(moment)
    about = {"what": order.id}
    ahead = [entry for entry in moment.since(timedelta(0)) if entry.order == order.id and entry.at - moment.at > moment.policy.clock_stop]
    if ahead:
        facts = {"cause": "future", "what": order.id, "at": moment.local(max(entry.at for entry in ahead))}
        yield RULE.finding(Level.REASON, "correct-record", facts=facts, params=about, unknown=True)
    before = [entry for entry in _early(moment) if _before_start(entry, moment)]
    if before:
        facts = {"cause": "before-start", "what": order.id, "at": moment.local(min(entry.at for entry in before))}
        yield RULE.finding(Level.REASON, "correct-record", facts=facts, params=about, unknown=True)


def _versions(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    assert order is not None
    same = index.orders(moment.facts.orders).versions[order.id]
    facts = {"cause": "versions", "what": order.id, "at": ""}
    if len({each for each in same if each.version == order.version}) > 1:
        yield RULE.finding(Level.STOP, "refresh", facts=facts, unknown=True)
    elif len({each.version for each in same if each.status is OrderStatus.ACTIVE}) > 1:
        yield RULE.finding(Level.REASON, "refresh", facts=facts, unknown=True)


def _early(moment: Moment) -> tuple[HistoryEntry, ...]:
    """The record of this order from before its start."""
    start, own = (moment.order.start if moment.order is not None else None), moment.of_order
    return own[: bisect_left(own, start, key=lambda entry: entry.at)] if start is not None else ()


def _before_start(entry: HistoryEntry, moment: Moment) -> bool:
    """Was it given before its order could be? An order's later versions may begin later than its first dose."""
    order = moment.order
    assert order is not None
    if entry.order != order.id or entry.status not in TAKEN or order.start is None or order.version > 1:
        return False
    return order.start - entry.at > max(moment.time.before, timedelta(0))
