"""Due times against a second reading of the clock, minute by minute, at every change of clock of every zone there is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointofcare.orders import timing
from pointofcare.orders.order import DayOfWeek
from tests.unit.pointofcare.orders.an_order import DAY, an_order, at

ZONES = sorted(timing._zone_names())
MINUTE = timedelta(minutes=1)
# Each quarter of an hour, and some minutes between.
CLOCKS = tuple(time(minute // 60, minute % 60) for minute in sorted({*range(0, 1440, 15), 1, 119, 121, 1439}))


def changes(rules: ZoneInfo, year: int) -> list[datetime]:
    """The instants of `year` at which the zone's offset changes, found by halving."""
    found = []
    begin = datetime(year, 1, 1, tzinfo=UTC)
    for number in range(366):
        low, high = begin + number * DAY, begin + (number + 1) * DAY
        if low.astimezone(rules).utcoffset() == high.astimezone(rules).utcoffset():
            continue
        while high - low > MINUTE:
            middle = low + (high - low) // 2
            middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
            if middle.astimezone(rules).utcoffset() == low.astimezone(rules).utcoffset():
                low = middle
            else:
                high = middle
        found.append(high)
    return found


def second_reading(rules: ZoneInfo, days: frozenset[int], after: datetime, until: datetime) -> list[datetime]:
    """The due times of `CLOCKS` on `days` (0 is Monday) as a nurse with a clock would find them, minute by minute: a time is due when
    the clock shows it first; a time that the clock jumps over is due as long after the jump as it lies behind its beginning."""
    wanted = set(CLOCKS)
    found, seen = set(), set()
    moment = after - 2 * DAY
    shown = (moment - MINUTE).astimezone(rules).replace(tzinfo=None)
    while moment < until:
        now = moment.astimezone(rules).replace(tzinfo=None)
        missing, jump = shown + MINUTE, moment
        while missing < now:
            if missing.time() in wanted and missing.weekday() in days:
                found.add(jump + (missing - (shown + MINUTE)))
            missing += MINUTE
        if now.time() in wanted and now not in seen and now.weekday() in days:
            found.add(moment)
        seen.add(now)
        shown = now
        moment += MINUTE
    return sorted(moment for moment in found if after <= moment < until)


@pytest.mark.parametrize("letters", ["A", "E", "PU"], ids=["Africa-to-Australia", "Europe-and-aliases", "Pacific-and-others"])
def test_every_change_of_clock_of_every_zone_gives_each_time_once(letters: str) -> None:
    checked = 0
    seen: set[tuple[object, ...]] = set()
    for name in ZONES:
        group = "A" if name[0] in "ABCD" else "E" if name[0] in "EFGHIJKLMNO" else "PU"
        if group != letters:
            continue
        rules = timing.zone_of(name)
        found = changes(rules, 2026)
        alike = (*found, *(instant.astimezone(rules).utcoffset() for instant in found))
        if not found or alike in seen:
            continue  # an alias, or a neighbour with the same clock
        seen.add(alike)
        for change in found:
            after, until = change - timedelta(hours=15), change + timedelta(hours=15)
            due = timing.due_times(an_order(times=CLOCKS, start=None), name, after, until)
            assert due == second_reading(rules, frozenset(range(7)), after, until), (name, change)
            checked += 1
    assert checked > 5


def day_of(number: int) -> DayOfWeek:
    return tuple(DayOfWeek)[number]


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("Australia/Lord_Howe", "2026-04-04T15:00:00+00:00"),  # half an hour back
        ("Australia/Lord_Howe", "2026-10-03T15:30:00+00:00"),  # half an hour forward
        ("Pacific/Apia", "2011-12-30T10:00:00+00:00"),  # a whole Friday skipped
        ("Pacific/Kwajalein", "1993-08-21T12:00:00+00:00"),  # a whole Saturday skipped
        ("Africa/Cairo", "2026-04-23T22:00:00+00:00"),  # midnight skipped
        ("America/Havana", "2026-03-08T05:00:00+00:00"),  # midnight skipped on a Sunday
        ("America/Havana", "2026-11-01T05:00:00+00:00"),  # the hour from midnight doubled
        ("Africa/Casablanca", "2026-02-15T02:00:00+00:00"),  # back for Ramadan
        ("Africa/Casablanca", "2026-03-22T02:00:00+00:00"),
        ("Antarctica/Troll", "2026-03-29T01:00:00+00:00"),  # two hours
        ("America/Nuuk", "2026-03-29T01:00:00+00:00"),  # on the evening of the day before
        ("Asia/Kathmandu", "2026-03-29T01:00:00+00:00"),  # an offset of 5:45, no change
        ("Asia/Ho_Chi_Minh", "2026-12-31T17:00:00+00:00"),  # the year ends
        ("Europe/Madrid", "2028-02-29T00:00:00+00:00"),  # a leap day
    ],
)
@pytest.mark.parametrize("weekday", range(7))
def test_named_days_hold_on_the_strangest_nights(zone: str, around: str, weekday: int) -> None:
    order = an_order(times=CLOCKS, days_of_week=(day_of(weekday),), start=None)
    after, until = at(around) - 2 * DAY, at(around) + 2 * DAY
    expected = second_reading(timing.zone_of(zone), frozenset({weekday}), after, until)
    assert timing.due_times(order, zone, after, until) == expected


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.dates(date(1972, 1, 1), date(2037, 12, 30)),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(1, 20),
)
def test_any_day_of_any_zone_is_as_the_clock_shows_it(zone: str, day: date, days: set[int], hours: int) -> None:
    rules = timing.zone_of(zone)
    after = datetime.combine(day, time(), tzinfo=UTC)
    if any((after + number * DAY).astimezone(rules).utcoffset().seconds % 60 for number in range(-3, 3)):  # type: ignore[union-attr]
        return  # Liberia kept its clock to the second until January 1972
    until = after + timedelta(hours=hours)
    order = an_order(times=CLOCKS, days_of_week=tuple(map(day_of, days)), start=None)
    assert timing.due_times(order, zone, after, until) == second_reading(rules, frozenset(days), after, until)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2037, 12, 1)), st.integers(1, 6), st.integers(0, 40))
def test_every_few_days_is_due_on_each_of_those_days_over_any_change(zone: str, day: date, every: int, number: int) -> None:
    rules = timing.zone_of(zone)
    start = datetime.combine(day, time(3), tzinfo=rules).astimezone(UTC)
    begun = timing.ward_date(start, zone)
    order = an_order(times=(time(12),), every=every * DAY, start=start)
    wanted = timing.instant_of(begun + timedelta(days=number), time(12), zone)
    due = timing.due_times(order, zone, wanted, wanted + MINUTE)
    assert due == ([wanted] if number % every == 0 else [])
