"""When an order is due: from what was prescribed to instants, in the ward's own time.

`times` are wall clock in the ward, so they follow its clock over a change of summer time: a local time that does not exist
moves forward by the gap, one that exists twice is due once, at the first. `days_of_week` are days of the ward's calendar; weeks
begin on Monday (ISO 8601). `every` is elapsed time and ignores the clock. Dosage instructions are due each by their own times.
Zones come from the pinned `tzdata` package only, never from the machine, so that a cart, a server and a replay years later
agree. Must never guess: a zone or a schedule that is not known raises, it never means "nothing is due".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from pointofcare.errors import ZoneUnknownError
from pointofcare.orders import steps
from pointofcare.orders.order import DayOfWeek, Order, OrderCategory

DAY = timedelta(days=1)
WEEK = 7 * DAY
# Given when asked for or without a time of their own; rule T: not eligible for scheduled times.
WITHOUT_TIMES = frozenset({OrderCategory.PRN, OrderCategory.INFUSION, OrderCategory.ON_CALL})
SINGLE = steps.SINGLE
SHORTEST_INTERVAL = timedelta(minutes=1)
LONGEST_INTERVAL = 36600 * DAY

# Codes of what is unclear, beside those of `steps`.
NO_START = "no-start"
TOO_OFTEN = "every-too-short"
TOO_SELDOM = "every-too-long"
NO_TIMES = "no-times"
TIMES_AND_EVERY = "times-and-every"
DAYS_AND_EVERY = "days-and-every"
DAYS_WITHOUT_TIMES = "days-without-times"
CLASH = "dosages-clash"
_WORDS = {
    NO_START: "has no start to count from",
    TOO_OFTEN: "is due more often than every minute",
    TOO_SELDOM: "is due less often than every hundred years",
    NO_TIMES: "has neither times nor an interval",
    TIMES_AND_EVERY: "has times and an interval that contradict each other",
    DAYS_AND_EVERY: "has days of the week and an interval that contradict each other",
    DAYS_WITHOUT_TIMES: "has days of the week but no times",
    CLASH: "has dosage instructions with different amounts for one time",
}
_DAY_NUMBERS = {day: number for number, day in enumerate(DayOfWeek)}
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


@lru_cache(maxsize=4096)
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

    Bounded by `order.start` or `order.holds_from`, whichever is later (included), and `order.end` (excluded); the order's status
    is not looked at. Orders as needed, on call and continuous infusions have none; a single dose is due once, at its start or at
    the first of its times from then, whenever its order was changed. Two wall clock times that a summer time gap moves to one
    instant are one dose.
    Raises: ZoneUnknownError, ScheduleUnknownError (also when two dosage instructions give different amounts at one instant).
    """
    return [instant for instant, _ in due_steps(order, zone, after, until)]


def due_steps(order: Order, zone: str | None, after: datetime, until: datetime) -> list[tuple[datetime, Order]]:
    """As `due_times`, each instant with the step of `order` that is due then (the order itself when it has no dosages)."""
    if order.category in WITHOUT_TIMES:
        return []
    found: dict[datetime, Order] = {}
    after, until = _within(order, after, until)
    for step in _steps(order):
        for instant in _instants(step, zone, *_within(step, after, until)):
            if steps.amounts(found.setdefault(instant, step)) != steps.amounts(step):
                raise steps.unknown(order, CLASH, _WORDS[CLASH])
    return sorted(found.items(), key=lambda each: each[0])


def next_due(order: Order, zone: str | None, at: datetime) -> datetime | None:
    """The first due time at or after `at`, None when there is none. Raises: as `due_times`."""
    found = []
    for step in _timed_steps(order):
        begin = max(bound for bound in (at, _begin(order), step.start) if bound is not None)
        found += _instants(step, zone, *_within(step, *_within(order, begin, _shift(begin, horizon(step)))))[:1]
    return min(found, default=None)


def previous_due(order: Order, zone: str | None, at: datetime) -> datetime | None:
    """The last due time before `at`, None when there is none. Raises: as `due_times`."""
    found = []
    for step in _timed_steps(order):
        end = min(bound for bound in (at, order.end, step.end) if bound is not None)
        found += _instants(step, zone, *_within(step, *_within(order, _shift(end, -horizon(step)), end)))[-1:]
    return max(found, default=None)


def interval(order: Order, at: datetime | None = None) -> timedelta | None:
    """The usual time between two doses, as prescribed; None when there is none.

    A day shared by its times, or `every`; with days of the week, where one time a day is named, the shortest way from one such
    day to the next. Of dosage instructions those that hold at `at` (without it or outside them, the first) count together.
    Raises: ScheduleUnknownError.
    """
    if order.category in WITHOUT_TIMES or order.category in SINGLE:
        return None
    together = together_at(order, at)
    spans = [step.every if not step.times else _cycle_days(step) * DAY / len(set(step.times)) for step in together if not step.days_of_week]
    if len(together) > 1 or together[0].days_of_week:
        spans += _calendar_spans([step for step in together if step.times and (step.days_of_week or _cycle_days(step) == 1)])
    return min((span for span in spans if span is not None), default=None)


def often(order: Order, at: datetime | None = None) -> timedelta | None:
    """A day shared by the doses of a day on which `order` is due, or `every`: what the class of a window goes by. None when
    there is none. Raises: ScheduleUnknownError."""
    if order.category in WITHOUT_TIMES or order.category in SINGLE:
        return None
    together = together_at(order, at)
    spans = [step.every for step in together if not step.times and step.every is not None]
    timed = [step for step in together if step.times]
    if timed:
        spans.append(DAY / max(len(_times_on(timed, day)) for day in DayOfWeek))
    return min(spans, default=None)


def together_at(order: Order, at: datetime | None) -> tuple[Order, ...]:
    """The steps of `order` that hold at `at`; without it, or when none does, the first ones. Raises: ScheduleUnknownError."""
    found = _steps(order)
    holding = steps.holding(found, at) if at is not None else ()
    return holding or tuple(step for step in found if step.start == found[0].start)


def horizon(order: Order) -> timedelta:
    """Further than any two neighbouring due times of one step lie apart, a skipped calendar day included."""
    if order.category in WITHOUT_TIMES or order.category in SINGLE:
        return 3 * DAY
    if order.dosages:
        return max(horizon(step) for step in steps.of(order))
    cycle = order.every if order.every is not None else DAY
    return 2 * (max(cycle, WEEK) if order.days_of_week else cycle) + 3 * DAY


def problem(order: Order) -> str:
    """Why it cannot be told when `order` is due, as one code of this module or of `steps`; "" when it can."""
    if order.category in WITHOUT_TIMES:
        return steps.problem(order)
    code = steps.problem(order)
    if code:
        return code
    found = steps.of(order)
    return next((code for step in found if (code := _problem(step))), "") or (CLASH if _clash(found) else "")


def _steps(order: Order) -> tuple[Order, ...]:
    """Raises: ScheduleUnknownError when the order does not say when, or says two things."""
    found = steps.of(order)
    code = next((code for step in found if (code := _problem(step))), "") or (CLASH if _clash(found) else "")
    if code:
        raise steps.unknown(order, code, _WORDS[code])
    return found


def _timed_steps(order: Order) -> tuple[Order, ...]:
    return () if order.category in WITHOUT_TIMES else _steps(order)


def _problem(step: Order) -> str:
    if step.category in SINGLE:
        if step.start is None:
            return NO_START
        return DAYS_WITHOUT_TIMES if step.days_of_week and not step.times else ""
    if step.every is not None and step.every < SHORTEST_INTERVAL:
        return TOO_OFTEN
    if step.every is not None and step.every > LONGEST_INTERVAL:
        return TOO_SELDOM
    if step.days_of_week:
        return _problem_of_days(step)
    if step.every is None:
        return "" if step.times else NO_TIMES
    if step.times and step.every % DAY and step.every * len(set(step.times)) != DAY:
        return TIMES_AND_EVERY
    # An interval, and every few days, count from the start; times of each day need none.
    return NO_START if step.start is None and (not step.times or step.every > DAY) else ""


def _problem_of_days(step: Order) -> str:
    """Named days go with times of day, and with "every n weeks"; any other interval would lead away from them."""
    if not step.times:
        return DAYS_WITHOUT_TIMES
    if step.every is None or step.every == DAY:
        return ""
    if step.every < DAY:
        return "" if step.every * len(set(step.times)) == DAY else DAYS_AND_EVERY
    if step.every % WEEK:
        return DAYS_AND_EVERY
    return NO_START if step.start is None and step.every > WEEK else ""


def _clash(found: Sequence[Order]) -> bool:
    """Will two steps be due at one instant with different amounts? Times against intervals are looked at where they meet."""
    for place, one in enumerate(found):
        for other in found[place + 1 :]:
            if steps.amounts(one) != steps.amounts(other) and _overlap(one, other) and _meet(one, other):
                return True
    return False


def _overlap(one: Order, other: Order) -> bool:
    return all(earlier.end is None or later.start is None or later.start < earlier.end for earlier, later in ((one, other), (other, one)))


def _meet(one: Order, other: Order) -> bool:
    """Whether the two are due at a common wall clock time of a common day, or, by intervals, at a common instant."""
    if one.times and other.times:
        days = set(one.days_of_week or DayOfWeek) & set(other.days_of_week or DayOfWeek)
        return bool(days and set(one.times) & set(other.times)) and (_is_weekly(one) or _is_weekly(other))
    if not one.times and not other.times and one.every and other.every and one.start is not None and other.start is not None:
        return not (one.start - other.start) % _common(one.every, other.every)
    return False


def _is_weekly(step: Order) -> bool:
    """Is one week like the other? Two steps of "every few days" may take turns, which `due_steps` looks at day by day."""
    return _cycle_days(step) == 1 or (bool(step.days_of_week) and _cycle_days(step) == 7)


def _common(one: timedelta, other: timedelta) -> timedelta:
    """The greatest interval that divides both."""
    while other:
        one, other = other, one % other
    return one


def _begin(order: Order) -> datetime | None:
    """From when the due times of `order` count. A single dose is not lost when its order changes after its time."""
    bounds = (order.start, None if order.category in SINGLE else order.holds_from)
    return max((bound for bound in bounds if bound is not None), default=None)


def _within(order: Order, after: datetime, until: datetime) -> tuple[datetime, datetime]:
    begin = _begin(order)
    return after if begin is None else max(after, begin), until if order.end is None else min(until, order.end)


def _times_on(timed: Sequence[Order], day: DayOfWeek) -> set[time]:
    return {clock for step in timed if not step.days_of_week or day in step.days_of_week for clock in step.times}


def _calendar_spans(timed: Sequence[Order]) -> list[timedelta]:
    """The usual time between doses of steps that are due on the days of a week, taken together."""
    numbers = [number for day, number in _DAY_NUMBERS.items() if _times_on(timed, day)]
    if not numbers:
        return []
    most = max(len(_times_on(timed, day)) for day in DayOfWeek)
    if most > 1:
        return [DAY / most]
    weeks = min(max(_cycle_days(step), 7) for step in timed)
    following = [*numbers[1:], numbers[0] + weeks]
    return [min(later - earlier for earlier, later in zip(numbers, following, strict=True)) * DAY]


def _cycle_days(order: Order) -> int:
    """With `times`: on every how many days they are due."""
    if order.every is None or order.category in SINGLE or order.every < DAY or order.every % DAY:
        return 1
    return order.every // DAY


def _shift(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if by > timedelta(0) else datetime.min.replace(tzinfo=UTC)


def _instants(step: Order, zone: str | None, after: datetime, until: datetime) -> list[datetime]:
    """The due times of one plain step, `after <= t < until`, rising, each once."""
    if step.category in SINGLE:
        instants = _single(step, zone)
    elif step.times:
        instants = _wall_clock(step, zone, after, until)
    else:
        instants = _elapsed(step, after, until)
    return sorted({instant for instant in instants if after <= instant < until})


def _single(order: Order, zone: str | None) -> Iterator[datetime]:
    """One dose at the start, or at the first of the named times from then on."""
    if order.start is None:
        return
    start = order.start.astimezone(UTC)
    if order.category is OrderCategory.ONCE and order.times:
        named = sorted(due for due in _wall_clock(order, zone, start, _shift(start, WEEK + 3 * DAY)) if due >= start)
        yield from named[:1]
    else:
        yield start


def _wall_clock(order: Order, zone: str | None, after: datetime, until: datetime) -> Iterator[datetime]:
    zone_of(zone)
    if after >= until:
        return
    # No offset exceeds a day; a gap may be a whole day long (Samoa skipped one in 2011).
    first = max(after.astimezone(UTC).toordinal() - 2, _FIRST_DAY)
    last = min(until.astimezone(UTC).toordinal() + 2, _LAST_DAY)
    for ordinal in _days(order, zone, first, last):
        for wall_clock in order.times:
            yield instant_of(date.fromordinal(ordinal), wall_clock, zone)


def _days(order: Order, zone: str | None, first: int, last: int) -> Iterator[int]:
    """The days of the ward's calendar from `first` to `last` (both included) on which the times of `order` are due."""
    every_days = _cycle_days(order)
    origin = ward_date(order.start, zone).toordinal() if order.start is not None else 0
    if order.days_of_week:
        named = {_DAY_NUMBERS[day] for day in order.days_of_week}
        monday = origin - (origin - 1) % 7  # the calendar's first day was a Monday
        weeks = max(every_days // 7, 1)
        for ordinal in range(first, last + 1):
            if (ordinal - 1) % 7 in named and (ordinal - monday) // 7 % weeks == 0:
                yield ordinal
    else:
        yield from range(first + (origin - first) % every_days, last + 1, every_days)


def _elapsed(order: Order, after: datetime, until: datetime) -> Iterator[datetime]:
    if order.start is None or order.every is None or after >= until:
        return
    start = order.start.astimezone(UTC)
    first = max(-((start - after) // order.every), 0)
    count = -((start - until) // order.every)
    for number in range(first, count):
        yield start + number * order.every
