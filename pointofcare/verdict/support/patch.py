"""S4: the old patch comes off before the new one goes on.

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
    levels=(Level.STOP,),
    looks_at="the record of patches with the same ingredient and their removal",
    passes_when="every one is charted as removed by now; for a removal, one is on",
    source="VA BCMA medication removal",
    hazard="two patches at once",
    remedies={"remove-patch": ("at",), "see-record": ("at",)},
    facts=("cause", "at"),
)


def check(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not _is_patch(order):
        return
    on = [entry for entry in moment.history if _is_on(entry, moment)]
    if moment.giving and on:
        at = moment.local(max(entry.at for entry in on))
        yield RULE.finding(Level.STOP, "remove-patch", facts={"cause": "still-on", "at": at}, params={"at": at})
    elif moment.action is Action.REMOVE and not on:
        yield RULE.finding(Level.STOP, "see-record", facts={"cause": "none-on", "at": ""}, params={"at": ""})


def _is_patch(order: Order) -> bool:
    return order.category is OrderCategory.PATCH or "patch" in plain(order.form)


def _is_on(entry: HistoryEntry, moment: Moment) -> bool:
    order = moment.order
    assert order is not None
    if entry.status not in ("completed", "in-progress"):
        return False
    if entry.removed_at is not None and entry.removed_at <= moment.at:
        return False
    if entry.order == order.id:
        return True
    other, product = moment.order_of(entry), moment.product_of(entry)
    patch = (other is not None and _is_patch(other)) or (product is not None and "patch" in plain(product.form))
    return patch and moment.ingredients_of(entry) == ordered_ingredients(order)
