"""When an order is due: from what was prescribed to instants, in the ward's own time.

`times` are wall clock in the ward, so they follow its clock over a change of summer time: a local time that does not exist
moves forward by the gap, one that exists twice is due once, at the first. `every` is elapsed time and ignores the clock.
Zones come from the pinned `tzdata` package only, never from the machine, so that a cart, a server and a replay years later
agree. Must never guess: a zone or a schedule that is not known raises, it never means "nothing is due".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from pointofcare.errors import ScheduleUnknownError, ZoneUnknownError
from pointofcare.orders.order import Order, OrderCategory

DAY = timedelta(days=1)
# Given when asked for or without a time of their own; rule T: not eligible for scheduled times.
WITHOUT_TIMES = frozenset({OrderCategory.PRN, OrderCategory.INFUSION, OrderCategory.ON_CALL})
SINGLE = frozenset({OrderCategory.ONCE, OrderCategory.STAT})
SHORTEST_INTERVAL = timedelta(minutes=1)
LONGEST_INTERVAL = 36600 * DAY

_FIRST_DAY = date(2, 1, 1).toordinal()  # a day inside what datetime can hold, so that no offset overflows
_LAST_DAY = date(9998, 12, 31).toordinal()


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


@cache
def _zone(name: str) -> ZoneInfo:
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def zone_of(name: str | None) -> ZoneInfo:
    """The zone with this IANA name, of the pinned tables. Raises: ZoneUnknownError."""
    if name is None or name not in _zone_names():
        raise ZoneUnknownError(f"the ward's time zone {name!r} is not known", remedy="set an IANA name such as Asia/Ho_Chi_Minh", zone=name)
    return _zone(name)


def instant_of(day: date, wall_clock: time, zone: str | None) -> datetime:
    """The UTC instant at which the ward's clock shows `wall_clock` on `day`: moved forward by the gap when it never does, the
    first one when it does twice. Raises: ZoneUnknownError."""
    # fold=0 is both rules at once: in a gap it reads with the offset before it, in an overlap it is the first.
    return datetime.combine(day, wall_clock.replace(tzinfo=None, fold=0), tzinfo=zone_of(zone)).astimezone(UTC)


def ward_date(at: datetime, zone: str | None) -> date:
    """The ward's calendar day at `at`. Raises: ZoneUnknownError."""
    return at.astimezone(zone_of(zone)).date()


def due_times(order: Order, zone: str | None, after: datetime, until: datetime) -> list[datetime]:
    """The instants at which `order` is due, `after <= t < until`, aware UTC, rising, each once.

    Bounded by `order.start` (included) and `order.end` (excluded); the order's status is not looked at. Orders as needed, on
    call and continuous infusions have none; a single dose is due once, at its start or at the first of its times from then.
    Two wall clock times that a summer time gap moves to one instant are one dose. Raises: ZoneUnknownError, ScheduleUnknownError.
    """
    if order.category in WITHOUT_TIMES:
        return []
    _check(order)
    if order.start is not None:
        after = max(after, order.start)
    if order.end is not None:
        until = min(until, order.end)
    if order.category in SINGLE:
        instants = _single(order, zone)
    elif order.times:
        instants = _wall_clock(order, zone, after, until)
    else:
        instants = _elapsed(order, after, until)
    return sorted({instant for instant in instants if after <= instant < until})


def next_due(order: Order, zone: str | None, at: datetime) -> datetime | None:
    """The first due time at or after `at`, None when there is none. Raises: as `due_times`."""
    found = due_times(order, zone, at, _shift(at, _horizon(order)))
    if not found and order.start is not None and order.start > at:
        found = due_times(order, zone, order.start, _shift(order.start, _horizon(order)))
    return found[0] if found else None


def previous_due(order: Order, zone: str | None, at: datetime) -> datetime | None:
    """The last due time before `at`, None when there is none. Raises: as `due_times`."""
    found = due_times(order, zone, _shift(at, -_horizon(order)), at)
    if not found and order.end is not None and order.end < at:
        found = due_times(order, zone, _shift(order.end, -_horizon(order)), order.end)
    return found[-1] if found else None


def interval(order: Order) -> timedelta | None:
    """The usual time between two doses, as prescribed (a day shared by its times, or `every`); None when there is none.

    Raises: ScheduleUnknownError.
    """
    if order.category in WITHOUT_TIMES or order.category in SINGLE:
        return None
    _check(order)
    if not order.times:
        return order.every
    return _cycle_days(order) * DAY / len(set(order.times))


def _check(order: Order) -> None:
    """Raises: ScheduleUnknownError when the order does not say when, or says two things."""
    problem = ""
    if order.category in SINGLE:
        problem = "" if order.start is not None else "has no start"
    elif order.every is not None and order.every < SHORTEST_INTERVAL:
        problem = "is due more often than every minute"
    elif order.every is not None and order.every > LONGEST_INTERVAL:
        problem = "is due less often than every hundred years"
    elif order.every is None and not order.times:
        problem = "has neither times nor an interval"
    elif order.every is not None and not order.times and order.start is None:
        problem = "has an interval but no start"
    elif order.every is not None and order.times:
        if order.every % DAY:
            if order.every * len(set(order.times)) != DAY:
                problem = "has times and an interval that contradict each other"
        elif order.every > DAY and order.start is None:
            problem = "is due every few days but has no start"
    if problem:
        raise ScheduleUnknownError(
            f"order {order.id} version {order.version} {problem}",
            remedy="ask the prescriber or the pharmacist when it is due",
            order=order.id,
            version=order.version,
            problem=problem,
        )


def _cycle_days(order: Order) -> int:
    """With `times`: on every how many days they are due."""
    if order.every is None or order.category in SINGLE or order.every < DAY or order.every % DAY:
        return 1
    return order.every // DAY


def _horizon(order: Order) -> timedelta:
    """Further than any two neighbouring due times lie apart, a skipped calendar day included."""
    if order.every is None or order.category in SINGLE or order.category in WITHOUT_TIMES:
        return 3 * DAY
    return 2 * order.every + 3 * DAY


def _shift(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if by > timedelta(0) else datetime.min.replace(tzinfo=UTC)


def _single(order: Order, zone: str | None) -> Iterator[datetime]:
    """One dose at the start, or at the first of the named times from then on."""
    if order.start is None:
        return
    start = order.start.astimezone(UTC)
    if order.category is OrderCategory.ONCE and order.times:
        named = sorted(due for due in _wall_clock(order, zone, start, _shift(start, 3 * DAY)) if due >= start)
        yield from named[:1]
    else:
        yield start


def _wall_clock(order: Order, zone: str | None, after: datetime, until: datetime) -> Iterator[datetime]:
    zone_of(zone)
    if after >= until:
        return
    every_days = _cycle_days(order)
    # No offset exceeds a day; a gap may be a whole day long (Samoa skipped one in 2011).
    first = max(after.astimezone(UTC).toordinal() - 2, _FIRST_DAY)
    last = min(until.astimezone(UTC).toordinal() + 2, _LAST_DAY)
    if every_days > 1 and order.start is not None:
        origin = ward_date(order.start, zone).toordinal()
        first += (origin - first) % every_days
    for ordinal in range(first, last + 1, every_days):
        for wall_clock in order.times:
            yield instant_of(date.fromordinal(ordinal), wall_clock, zone)


def _elapsed(order: Order, after: datetime, until: datetime) -> Iterator[datetime]:
    if order.start is None or order.every is None or after >= until:
        return
    start = order.start.astimezone(UTC)
    first = max(-((start - after) // order.every), 0)
    count = -((start - until) // order.every)
    for number in range(first, count):
        yield start + number * order.every
