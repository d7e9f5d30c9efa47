"""What an order says of one dose: its dosage instructions resolved for a due time or a moment.

So that whoever looks at a dose can go on reading `order.dose`. Must never choose between two amounts: where it cannot be told
which instruction is meant, the order comes back with no amount at all, and a dose that is not known is never a pass.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pointofcare.errors import ScheduleUnknownError, ZoneUnknownError
from pointofcare.orders import steps, timing
from pointofcare.orders.order import Order

# Further back than this nobody looks for an open dose.
_LOOKED_BACK = timedelta(days=7)


def effective(order: Order, at: datetime, zone: str | None = None) -> Order:
    """`order` with the dose, range, rate, times and display of the dosage instruction that is due at `at`; where none is due just
    then, of the one that holds at `at` (as needed, infusions, a dose out of its time). An order without instructions as it is.

    `zone` is the ward's: without it, instructions that differ by time of day cannot be told apart. Never raises.
    """
    if not order.dosages:
        return order
    try:
        found = steps.of(order)
        due = [step for instant, step in timing.due_steps(order, zone, at, at + timedelta(microseconds=1)) if instant == at]
    except ZoneUnknownError:
        due = []  # the bounds of the steps are instants and need no zone
    except (ScheduleUnknownError, OverflowError):
        return steps.without_amounts(order)
    meant = due or steps.holding(found, at)
    if not meant or any(steps.amounts(step) != steps.amounts(meant[0]) for step in meant):
        return steps.without_amounts(order)
    return steps.laid_over(order, meant[0])


def holds_from(new: Order, old: Order, zone: str | None, now: datetime) -> datetime | None:
    """From when the times of `new` hold when it follows `old` at `now`: just after the last dose that `new` would make up in the
    past, so that changed times neither show a dose as missed that nobody had asked for nor hide one that both ask for.

    None: from its start. Where the times of either are not known, as before.
    """
    try:
        begin = now - max(_LOOKED_BACK, timing.horizon(new))
        were = set(timing.due_times(old, zone, begin, now))
        made_up = [due for due in timing.due_times(replace(new, holds_from=None), zone, begin, now) if due not in were]
    except (ScheduleUnknownError, ZoneUnknownError, OverflowError):
        return old.holds_from
    bounds = [old.holds_from, made_up[-1] + timedelta(microseconds=1) if made_up else None]
    return max((bound.astimezone(UTC) for bound in bounds if bound is not None), default=None)
