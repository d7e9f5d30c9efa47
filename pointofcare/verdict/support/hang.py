"""I7: a bag hangs no longer than its product may.

Local choice, by the product's own limit (lipids, blood, parenteral nutrition, unstable mixtures). Hazard: a bag that has grown
germs or lost its effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pointofcare.errors import QuantityError
from pointofcare.orders import infusion
from pointofcare.products import BagState
from pointofcare.verdict import infusing
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="I7",
    title="The bag is within its hang time",
    levels=(Level.REASON,),
    looks_at="when the bag was started, the shortest hang time of what it holds",
    passes_when="that time has not run out, or no product limits it",
    source="local choice; maker's instruction",
    hazard="contaminated or spoiled infusion",
    remedies={"hang-new-bag": ("bag",)},
    facts=("cause", "bag", "started", "until"),
    origin="bag",
    on_trial=True,
)


def until(moment: Moment) -> datetime | None:
    """When the bag's hang time runs out; None when nothing limits it or it was not started."""
    bag = moment.bag
    limits = [product.hang_time for product in moment.drugs if product.hang_time is not None]
    started = _started(moment)
    if bag is None or not limits or started is None:
        return None
    try:
        return infusion.hangs_until(started, min(limits))
    except QuantityError:
        return started  # a limit of no time is over at once
    except OverflowError:
        return None


def _started(moment: Moment) -> datetime | None:
    bag = moment.bag
    if bag is None:
        return None
    known = [bag.started_at] + [each.started_at for each in infusing.running(moment) if each.bag == bag.id]
    known += [entry.at for entry in moment.past.in_bag(bag.id) if entry.action in ("start", "give")]
    return min((at for at in known if at is not None), default=None)


def check(moment: Moment) -> Iterator[Finding]:
    bag = moment.bag
    if bag is None or not moment.delivering or not any(product.hang_time is not None for product in moment.drugs):
        return
    started, ends = _started(moment), until(moment)
    facts = {"cause": "unknown", "bag": bag.id, "started": moment.local(started), "until": moment.local(ends)}
    if started is not None and moment.is_ahead(started):
        yield RULE.finding(Level.REASON, "hang-new-bag", facts=facts, params={"bag": bag.id}, unknown=True)
    elif started is None:
        if bag.state is not BagState.PREPARED:
            yield RULE.finding(Level.REASON, "hang-new-bag", facts=facts, params={"bag": bag.id}, unknown=True)
    elif ends is not None and moment.when >= ends:
        yield RULE.finding(Level.REASON, "hang-new-bag", facts=facts | {"cause": "over"}, params={"bag": bag.id})
