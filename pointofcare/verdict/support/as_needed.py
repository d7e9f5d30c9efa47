"""N1, N5: an as-needed drug has its reason, and its last gives are at hand.

Source: VA BCMA (reason mandatory). Hazard: an as-needed drug given for what it was not ordered for.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.orders.order import OrderCategory
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import TAKEN, Moment, ordered_ingredients, plain
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="N1",
    title="An as-needed drug has its ordered reason",
    levels=(Level.REASON,),
    looks_at="the order's reasons, the reason given, a named due time",
    passes_when="the reason is one of the order's and no due time is named",
    source="VA BCMA",
    hazard="as-needed drug for the wrong complaint",
    remedies={"give-prn-reason": ("reasons",), "choose-due": ()},
    facts=("cause", "reason", "reasons"),
    origin="intent",
    origins={"reasons": "order"},
)


def check(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not moment.giving or order.category is not OrderCategory.PRN:
        return
    allowed = order.prn.reasons if order.prn is not None else ()
    reason = (moment.facts.intent.prn_reason or "").strip()
    facts = {"cause": "missing", "reason": reason, "reasons": ", ".join(allowed)}
    params = {"reasons": ", ".join(allowed)}
    if not reason:
        yield RULE.finding(Level.REASON, "give-prn-reason", facts=facts, params=params)
    elif allowed and plain(reason) not in {plain(each) for each in allowed}:
        yield RULE.finding(Level.REASON, "give-prn-reason", facts=facts | {"cause": "other"}, params=params)
    if moment.facts.intent.due is not None:
        yield RULE.finding(Level.REASON, "choose-due", facts=facts | {"cause": "scheduled"})


_SHOWN = 4


def last_gives(moment: Moment) -> tuple[HistoryEntry, ...]:
    """N5: the last four gives of this as-needed drug by any order, newest first, with amount, reason and site as they were charted.
    For the screen; empty when the order is not as needed."""
    order = moment.order
    if order is None or order.category is not OrderCategory.PRN:
        return ()
    held = ordered_ingredients(order)
    gives = [
        entry
        for entry in moment.history
        if entry.status in TAKEN
        and entry.action in (None, "give", "start")
        and (entry.order == order.id or (moment.ingredients_of(entry) or frozenset()) & held)
    ]
    return tuple(sorted(gives, key=lambda entry: entry.at, reverse=True)[:_SHOWN])
