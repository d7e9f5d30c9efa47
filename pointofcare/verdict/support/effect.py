"""N4: what an as-needed dose did is asked for in its time, and is said of a dose that is on the record.

Source: VA BCMA as-needed effectiveness (10 to 960 min, looked back 72 h). Hazard: dose after dose of something that does not help.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from pointofcare.orders.order import Order, OrderCategory
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, same_name
from pointofcare.verdict.policy import Policy
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="N4",
    title="The effect of an as-needed dose is charted",
    levels=(Level.NOTE, Level.STOP),
    looks_at="earlier doses of this as-needed order, their effects, the route's time for it; for an assessment the named dose",
    passes_when="each earlier dose has its effect or its time has not run out; an assessment says the effect of a given as-needed dose",
    source="VA BCMA",
    hazard="repeated doses without effect",
    remedies={"assess-effect": ("at",), "choose-record": (), "say-effect": ()},
    facts=("cause", "at", "minutes"),
    origin="record",
)


def owed_until(entry: HistoryEntry, order: Order, policy: Policy) -> datetime | None:
    """By when the effect of this dose is to be charted; None when none is owed: no as-needed dose, charted already, or no record
    that it could be charted of."""
    if entry.record_id is None or entry.status not in ("completed", "stopped") or entry.effect is not None:
        return None
    if order.category is not OrderCategory.PRN or entry.order != order.id or entry.action not in (None, Action.GIVE.value):
        return None
    try:
        return entry.at + window(order.route, policy)
    except OverflowError:
        return None


def window(route: str, policy: Policy) -> timedelta:
    """How long after a dose by this route its effect is to be charted."""
    own = [each.within for each in policy.effect_windows if each.route and same_name(each.route, route)]
    other = [each.within for each in policy.effect_windows if not each.route]
    return min(own or other, default=timedelta(hours=1))


def overdue(moment: Moment) -> list[HistoryEntry]:
    """Earlier doses of the moment's order whose effect should have been charted by now, looked back as far as the policy says,
    oldest first."""
    order, policy = moment.order, moment.policy
    if order is None:
        return []
    found = []
    for entry in moment.since(policy.effect_look_back):
        until = owed_until(entry, order, policy)
        if (
            until is not None
            and until < moment.when
            and not any(each.effect is not None for each in moment.past.continuing(entry.record_id))
        ):
            found.append(entry)
    return sorted(found, key=lambda entry: entry.at)


def check(moment: Moment) -> Iterator[Finding]:
    if moment.action is Action.ASSESS:
        yield from _assessed(moment)
    elif moment.giving:
        late = overdue(moment)
        if late:
            at = moment.local(late[-1].at)
            minutes = int((moment.when - late[-1].at).total_seconds() // 60)
            yield RULE.finding(Level.NOTE, "assess-effect", facts={"cause": "overdue", "at": at, "minutes": minutes}, params={"at": at})


def _assessed(moment: Moment) -> Iterator[Finding]:
    entry, patient = moment.of, moment.patient
    facts = {"cause": "unknown", "at": "", "minutes": 0}
    named = moment.facts.intent.order
    ours = entry is not None and patient is not None and entry.patient == patient.id and named in (None, entry.order)
    if entry is None or not ours or entry.status == "entered-in-error":
        yield RULE.finding(Level.STOP, "choose-record", facts=facts, unknown=True)
        return
    facts |= {"at": moment.local(entry.at)}
    order = moment.order_of(entry)
    as_needed = entry.prn_reason is not None or (order is not None and order.category is OrderCategory.PRN)
    if not as_needed or entry.status not in ("completed", "stopped"):
        yield RULE.finding(Level.STOP, "choose-record", facts=facts | {"cause": "not-as-needed"})
    elif not (moment.facts.intent.effect or "").strip():
        yield RULE.finding(Level.STOP, "say-effect", facts=facts | {"cause": "no-effect"}, unknown=True)
