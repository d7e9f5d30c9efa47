"""What of an order is running into this patient, and the rate that was set, in whole drops where the set counts drops.

Pure arithmetic and look-up for the rules of infusions (I2, I5, I6, I7). Must never guess a drop factor or a rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from pointofcare.errors import QuantityError
from pointofcare.orders import infusion
from pointofcare.orders.order import Order, OrderCategory
from pointofcare.products import Bag, BagState
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.verdict.moment import Moment

_DROPS = "[drp]/min"
_ENDS = frozenset({Action.STOP.value, Action.UNDO.value})
_STARTS = frozenset({Action.START.value, Action.GIVE.value, None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One infusion that runs. `record` is its start; None: only the bag says that it runs."""

    bag: str | None
    record: str | None
    started_at: datetime | None
    rate: Quantity | None


def is_infusion(moment: Moment) -> bool:
    order = moment.order
    return moment.bag is not None or (order is not None and order.category is OrderCategory.INFUSION)


def running(moment: Moment) -> list[Running]:
    """What of the moment's order runs into its patient, by the bags and by the record."""
    order, patient = moment.order, moment.patient
    if order is None or patient is None or order.patient != patient.id:
        return []
    bags = [bag for bag in moment.facts.bags if bag.order == order.id and bag.patient in (None, patient.id)]
    found = [_of_bag(bag, moment) for bag in bags if bag.state is BagState.INFUSING]
    known = {each.bag for each in found} | {bag.id for bag in bags}
    found += [
        Running(bag=entry.bag, record=entry.record_id, started_at=entry.at, rate=_latest_rate(entry, moment))
        for entry in moment.of_order
        if _runs(entry, moment) and (entry.bag is None or entry.bag not in known)
    ]
    unnamed = [each for each in found if each.bag is None and any(other.record == each.record for other in found if other.bag is not None)]
    return [each for each in found if each not in unnamed or each.record is None]


def may_end(moment: Moment) -> bool:
    """Is the named record the start of an infusion into this patient that has not ended, be it paused?"""
    of, patient = moment.of, moment.patient
    return of is not None and patient is not None and of.patient == patient.id and _runs(of, moment)


def _of_bag(bag: Bag, moment: Moment) -> Running:
    starts = [entry for entry in moment.past.in_bag(bag.id) if _runs(entry, moment)]
    last = max(starts, key=lambda entry: entry.at, default=None)
    record = bag.record_id if bag.record_id is not None else (last.record_id if last is not None else None)
    started = bag.started_at if bag.started_at is not None else (last.at if last is not None else None)
    rate = _latest_rate(last, moment) if last is not None else None
    return Running(bag=bag.id, record=record, started_at=started, rate=rate if rate is not None else bag.rate)


def _runs(entry: HistoryEntry, moment: Moment) -> bool:
    if entry.status != "in-progress" or entry.action not in _STARTS:
        return False
    return entry.record_id is None or not any(
        other.status in ("stopped", "completed") or other.action in _ENDS for other in moment.past.continuing(entry.record_id)
    )


def _latest_rate(start: HistoryEntry, moment: Moment) -> Quantity | None:
    changes = [entry for entry in moment.past.continuing(start.record_id) if entry.rate is not None and entry.at >= start.at]
    last = max(changes, key=lambda entry: entry.at, default=start)
    return last.rate


def start_of(moment: Moment) -> str | None:
    """The record of the start that the intent's record belongs to, that record itself when it is one."""
    entry = moment.of
    if entry is None:
        return None
    return entry.continues if entry.continues is not None else entry.record_id


def bounds(order: Order) -> tuple[Quantity, Quantity] | None:
    """The lowest and the highest rate that the order allows; None when it names none, or two that do not compare."""
    low, high = order.rate_range if order.rate_range is not None else (order.rate, order.rate)
    if low is None or high is None or not low.converts_to(high.unit) or low > high or low.value <= 0:
        return None
    return low, high


def is_drops(rate: Quantity) -> bool:
    return rate.converts_to(_DROPS)


def whole_drops(rate: Quantity, drop_factor: int) -> Fraction | None:
    """A rate as drops a minute through a set of so many drops per mL: counted drops as they are, a volume in time to the nearest
    whole drop; None when it is no volume in time, or less than a drop chamber can hold."""
    if is_drops(rate):
        return rate.exact() / Quantity.parse(f"1 {_DROPS}").exact()
    try:
        return Fraction(infusion.whole_drops_per_minute(rate, drop_factor))
    except QuantityError:
        return None


def is_drop_factor(drop_factor: int | None) -> bool:
    return drop_factor is not None and infusion.LEAST_DROP_FACTOR <= drop_factor <= infusion.MOST_DROP_FACTOR
