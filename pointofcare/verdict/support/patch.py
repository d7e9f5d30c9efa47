"""S4: the old patch comes off before the new one goes on.

Source: VA BCMA medication removal. Hazard: two patches at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.orders.order import OrderCategory
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, ordered_ingredients, plain
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="S4",
    title="The last patch was removed",
    levels=(Level.STOP,),
    looks_at="the record of patches with the same ingredient and their removal",
    passes_when="every one is charted as removed; for a removal, one is on",
    source="VA BCMA medication removal",
    hazard="two patches at once",
    remedies={"remove-patch": ("at",), "see-record": ("at",)},
    facts=("cause", "at"),
)


def check(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or order.category is not OrderCategory.PATCH:
        return
    on = [entry for entry in moment.history if _is_on(entry, moment)]
    if moment.giving and on:
        at = moment.local(max(entry.at for entry in on))
        yield RULE.finding(Level.STOP, "remove-patch", facts={"cause": "still-on", "at": at}, params={"at": at})
    elif moment.action is Action.REMOVE and not on:
        yield RULE.finding(Level.STOP, "see-record", facts={"cause": "none-on", "at": ""}, params={"at": ""})


def _is_on(entry: HistoryEntry, moment: Moment) -> bool:
    order = moment.order
    assert order is not None
    if entry.status not in ("completed", "in-progress") or entry.removed_at is not None:
        return False
    if entry.order == order.id:
        return True
    other, product = moment.order_of(entry), moment.product_of(entry)
    patch = (other is not None and other.category is OrderCategory.PATCH) or (product is not None and plain(product.form) == "patch")
    return patch and moment.ingredients_of(entry) == ordered_ingredients(order)
