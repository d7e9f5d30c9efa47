"""T3, N2: enough time since the drug was last given.

T3 after VA BCMA (7,200 s). N2 looks at the actual last give of any order with the same ingredient. Hazard: the same drug
twice by two orders; as-needed opioids too close together.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import TAKEN, Moment, ingredients, ordered_ingredients, plain
from pointofcare.verdict.rule import Rule

REPEAT = Rule(
    id="T3",
    title="The same drug was not recorded in the last two hours",
    levels=(Level.WARN,),
    looks_at="the record of the last 120 min, by ingredients",
    passes_when="nothing of it was given, held or refused",
    source="VA BCMA, 7,200 s",
    hazard="double dose by two orders",
    remedies={"see-record": ("at",)},
    facts=("status", "minutes"),
    origin="record",
)
INTERVAL = Rule(
    id="N2",
    title="The minimum interval of an as-needed drug has passed",
    levels=(Level.REASON, Level.STOP),
    looks_at="the actual last give of the ingredient by any order, the order's minimum interval",
    passes_when="the interval has passed",
    source="local choice; no system read computes it",
    hazard="opioid or sedative doses too close together",
    remedies={"earliest": ("at",)},
    facts=("minutes", "interval"),
    origin="record",
    origins={"interval": "order"},
)
_RECORDED = TAKEN | {"not-done"}


def _held(moment: Moment) -> frozenset[str]:
    names = frozenset(name for product in moment.products for name in ingredients(product))
    return names or (ordered_ingredients(moment.order) if moment.order is not None else frozenset())


def _age(moment: Moment, entry: HistoryEntry) -> timedelta:
    return moment.when - entry.at


def check_repeat(moment: Moment) -> Iterator[Finding]:
    held = _held(moment)
    if not moment.giving or not held or moment.bag is not None:
        return
    recent = [
        entry
        for entry in moment.since(moment.policy.repeat_warning)
        if entry.status in _RECORDED
        and moment.ingredients_of(entry) == held
        and abs(_age(moment, entry)) <= moment.policy.repeat_warning  # another cart's clock may be ahead
    ]
    if recent:
        last = max(recent, key=lambda entry: entry.at)
        minutes = int(_age(moment, last).total_seconds() // 60)
        yield REPEAT.finding(
            Level.WARN, "see-record", facts={"status": last.status, "minutes": minutes}, params={"at": moment.local(last.at)}
        )


def check_interval(moment: Moment) -> Iterator[Finding]:
    order = moment.order
    if order is None or not moment.giving or order.prn is None or order.prn.min_interval is None:
        return
    held = _held(moment) | ordered_ingredients(order)
    recent = moment.since(order.prn.min_interval)
    gives = [entry for entry in recent if entry.status in TAKEN and (moment.ingredients_of(entry) or held) & held]
    if not gives:
        return
    last = max(gives, key=lambda entry: entry.at)
    if _age(moment, last) >= order.prn.min_interval:
        return
    policy = moment.policy
    classes = {plain(each) for product in moment.products for item in product.ingredients for each in item.classes}
    strict = any(word in each for word in policy.interval_stop_classes for each in classes) or bool(
        held & set(policy.interval_stop_ingredients)
    )
    try:
        earliest = moment.local(last.at + order.prn.min_interval)
    except OverflowError:
        earliest = ""
    facts = {
        "minutes": max(int(_age(moment, last).total_seconds() // 60), 0),
        "interval": int(order.prn.min_interval.total_seconds() // 60),
    }
    yield INTERVAL.finding(Level.STOP if strict else Level.REASON, "earliest", facts=facts, params={"at": earliest})
