"""S4: the old patch comes off before the new one goes on, and in its own time.

Source: VA BCMA medication removal. Hazard: two patches at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.orders.order import Order, OrderCategory
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, ordered_ingredients, plain
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="S4",
    title="The last patch was removed",
    levels=(Level.WARN, Level.STOP),
    looks_at="the record of patches with the same ingredient and their removal; for a removal when the next patch is due",
    passes_when="every one is charted as removed by now; for a removal, the named one is on and its time to come off has come",
    source="VA BCMA medication removal",
    hazard="two patches at once",
    remedies={"remove-patch": ("at",), "see-record": ("at",), "earliest": ("at",), "give-now": ()},
    facts=("cause", "at"),
    origin="record",
)
_PUT_ON = frozenset({None, Action.GIVE.value, Action.START.value})


def check(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not _is_patch(order):
        return
    on = [entry for entry in moment.history if _is_on(entry, moment)]
    if moment.giving and on:
        at = moment.local(max(entry.at for entry in on))
        yield RULE.finding(Level.STOP, "remove-patch", facts={"cause": "still-on", "at": at}, params={"at": at})
    elif moment.action is Action.REMOVE:
        yield from _removal(on, moment)


def worn(moment: Moment) -> HistoryEntry | None:
    """The patch that a removal takes off: the named one, else the last that is on; None: it is not on."""
    on = [entry for entry in moment.history if moment.order is not None and _is_on(entry, moment)]
    if moment.facts.intent.of_record is not None:
        on = [entry for entry in on if entry == moment.of]
    return max(on, key=lambda entry: entry.at, default=None)


def others_on(removal: HistoryEntry, moment: Moment) -> list[HistoryEntry]:
    """The patches that are on beside the one that this removal took off."""
    if moment.order is None:
        return []
    own = (removal.continues, removal.record_id)
    return [entry for entry in moment.history if _is_on(entry, moment) and (entry.record_id is None or entry.record_id not in own)]


def _removal(on: list[HistoryEntry], moment: Moment) -> Iterator[Finding]:
    entry = worn(moment)
    if not on or entry is None:
        yield RULE.finding(Level.STOP, "see-record", facts={"cause": "none-on", "at": ""}, params={"at": ""})
        return
    time = moment.time
    if time.spacing is None:
        return
    try:
        due = (entry.due if entry.due is not None else entry.at) + time.spacing
        opens, closes = due - time.before, due + time.after
    except OverflowError:
        return
    if moment.when < opens:
        facts = {"cause": "early", "at": moment.local(due)}
        yield RULE.finding(Level.WARN, "earliest", facts=facts, params={"at": moment.local(opens)})
    elif moment.when >= closes:
        yield RULE.finding(Level.WARN, "give-now", facts={"cause": "late", "at": moment.local(due)})


def _is_patch(order: Order) -> bool:
    return order.category is OrderCategory.PATCH or "patch" in plain(order.form)


def _is_on(entry: HistoryEntry, moment: Moment) -> bool:
    order = moment.order
    assert order is not None
    if entry.status not in ("completed", "in-progress") or entry.action not in _PUT_ON:
        return False
    if entry.removed_at is not None and entry.removed_at <= moment.at:
        return False
    if entry.order == order.id:
        return True
    other, product = moment.order_of(entry), moment.product_of(entry)
    patch = (other is not None and _is_patch(other)) or (product is not None and "patch" in plain(product.form))
    return patch and moment.ingredients_of(entry) == ordered_ingredients(order)
