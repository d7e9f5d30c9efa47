"""D5, S3: the dose and the order are as the screen showed them, and the dose is not on the record already.

Source: VA BCMA state -2 (refresh) and "Dose already on medication log". Hazard: a dose given twice; a dose given by an order
that has changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.orders.order import OrderCategory
from pointofcare.orders.timing import SINGLE, WITHOUT_TIMES
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import CLOSING, NOT_GIVING, Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="D5",
    title="Order and dose are as shown, and the dose is open",
    levels=(Level.STOP,),
    looks_at="the order's version on the screen, the record of this due dose, the order's due times",
    passes_when="the screen shows this version, the dose has no final state, and the named time is one of the order's",
    source="VA BCMA",
    hazard="double dose; a dose by an outdated order",
    remedies={"refresh": (), "see-record": ("at",), "choose-due": ()},
    facts=("cause", "at", "shown", "current"),
    origin="record",
    origins={"shown": "cart", "current": "order"},
)
ONCE = Rule(
    id="S3",
    title="A one-time order closes after it was given",
    levels=(Level.STOP,),
    looks_at="the record of this order",
    passes_when="nothing of a one-time order was given; an on-call order by policy",
    source="VA BCMA",
    hazard="double dose",
    remedies={"ask-prescriber": ()},
    facts=("at",),
    origin="record",
)


def check(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not (moment.delivering or moment.action in NOT_GIVING):
        return
    outdated = [shown.version for shown in moment.facts.cart.shown if shown.order == order.id and shown.version != order.version]
    if outdated:
        yield RULE.finding(Level.STOP, "refresh", facts={"cause": "version", "at": "", "shown": min(outdated), "current": order.version})
    if not moment.time.listed and order.category not in SINGLE | WITHOUT_TIMES:
        yield RULE.finding(
            Level.STOP,
            "choose-due",
            facts={"cause": "no-such-dose", "at": moment.local(moment.time.due), "shown": order.version, "current": order.version},
        )
    done = _done(moment) if moment.action is not Action.RATE else None
    if done is not None:
        at = moment.local(done.at)
        yield RULE.finding(
            Level.STOP,
            "see-record",
            facts={"cause": done.status, "at": at, "shown": order.version, "current": order.version},
            params={"at": at},
        )


def _done(moment: Moment) -> HistoryEntry | None:
    """The entry that closed this dose, the latest of several."""
    order, dose = moment.order, moment.time.dose
    assert order is not None
    if order.category in SINGLE:
        closing = [entry for entry in moment.of_order if entry.status in CLOSING]
    elif dose is not None and not dose.is_open:
        closing = [entry for entry in (*moment.done_at(dose.outcome_at), *moment.due_at(dose.due)) if entry.status in CLOSING]
    else:
        closing = [entry for entry in moment.due_at(moment.time.due) if entry.status in CLOSING]
    return max(closing, key=lambda entry: entry.at, default=None)


def check_once(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not moment.giving:
        return
    single = order.category is OrderCategory.ONCE
    if order.category is OrderCategory.ON_CALL:
        single = not moment.policy.on_call_repeats
    if not single:
        return
    given = [entry for entry in moment.of_order if entry.status in ("completed", "stopped")]
    if given:
        yield ONCE.finding(Level.STOP, "ask-prescriber", facts={"at": moment.local(max(entry.at for entry in given))})
