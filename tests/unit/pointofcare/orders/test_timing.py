"""Due times in ward time: over summer time, over zones, between start and end, and never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import ScheduleUnknownError, ZoneUnknownError
from pointofcare.orders import timing
from pointofcare.orders.order import Order, OrderCategory

MADRID, NEW_YORK, LORD_HOWE, HANOI = "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Ho_Chi_Minh"
ZONES = (MADRID, NEW_YORK, LORD_HOWE, HANOI, "Africa/Casablanca", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _order(**changes: object) -> Order:
    values: dict[str, object] = {
        "id": "O1",
        "version": 1,
        "patient": "P1",
        "ingredient": "amoxicillin",
        "form": "capsule",
        "route": "PO",
        "category": OrderCategory.SCHEDULED,
        "start": _at("2020-01-01T00:00:00+00:00"),
    }
    return Order(**(values | changes))  # type: ignore[arg-type]


def _times(*clock: str) -> tuple[time, ...]:
    return tuple(time.fromisoformat(text) for text in clock)


def _due(order: Order, zone: str | None, after: str, until: str) -> list[str]:
    return [instant.isoformat() for instant in timing.due_times(order, zone, _at(after), _at(until))]


def _local(order: Order, zone: str, day: str) -> list[str]:
    """The ward's clock at each due time of a day, with its offset."""
    begin = datetime.combine(date.fromisoformat(day), time(), tzinfo=timing.zone_of(zone)).astimezone(UTC)
    end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), tzinfo=timing.zone_of(zone)).astimezone(UTC)
    return [t.astimezone(timing.zone_of(zone)).strftime("%H:%M%z") for t in timing.due_times(order, zone, begin, end)]


def test_times_are_the_wards_wall_clock() -> None:
    order = _order(times=_times("08:00", "20:00"))
    assert _due(order, HANOI, "2026-03-02T00:00:00+07:00", "2026-03-03T00:00:00+07:00") == [
        "2026-03-02T01:00:00+00:00",
        "2026-03-02T13:00:00+00:00",
    ]


def test_spring_change_keeps_the_wall_clock() -> None:
    order = _order(times=_times("06:00", "14:00"))
    assert _local(order, MADRID, "2027-03-27") == ["06:00+0100", "14:00+0100"]
    assert _local(order, MADRID, "2027-03-28") == ["06:00+0200", "14:00+0200"]


@pytest.mark.parametrize(
    ("zone", "day", "clock", "expected"),
    [
        (MADRID, "2027-03-28", "02:30", ["03:30+0200"]),
        (MADRID, "2027-03-28", "02:00", ["03:00+0200"]),
        (NEW_YORK, "2026-03-08", "02:15", ["03:15-0400"]),
        (LORD_HOWE, "2026-10-04", "02:10", ["02:40+1100"]),
        (MADRID, "2026-10-25", "02:30", ["02:30+0200"]),
        (NEW_YORK, "2026-11-01", "01:30", ["01:30-0400"]),
        (LORD_HOWE, "2026-04-05", "01:45", ["01:45+1100"]),
    ],
)
def test_missing_times_move_by_the_gap_and_doubled_ones_are_due_once(zone: str, day: str, clock: str, expected: list[str]) -> None:
    assert _local(_order(times=_times(clock)), zone, day) == expected


def test_doubled_hour_written_with_fold_is_still_the_first() -> None:
    assert timing.instant_of(date(2026, 10, 25), time(2, 30, fold=1), MADRID) == _at("2026-10-25T02:30:00+02:00")


def test_two_times_that_a_gap_joins_are_one_dose() -> None:
    assert _local(_order(times=_times("02:30", "03:30")), MADRID, "2027-03-28") == ["03:30+0200"]


def test_day_that_a_zone_skipped_moves_to_the_next() -> None:
    order = _order(times=_times("08:00"), start=_at("2011-12-01T00:00:00+00:00"))
    due = _due(order, "Pacific/Apia", "2011-12-29T12:00:00+00:00", "2012-01-01T00:00:00+00:00")
    assert due == ["2011-12-29T18:00:00+00:00", "2011-12-30T18:00:00+00:00", "2011-12-31T18:00:00+00:00"]


def test_elapsed_interval_ignores_the_wall_clock() -> None:
    order = _order(every=timedelta(hours=8), start=_at("2027-03-27T22:00:00+01:00"))
    due = timing.due_times(order, MADRID, _at("2027-03-27T00:00:00+01:00"), _at("2027-03-28T23:00:00+02:00"))
    assert [t.astimezone(timing.zone_of(MADRID)).strftime("%d %H:%M") for t in due] == ["27 22:00", "28 07:00", "28 15:00"]


def test_elapsed_interval_needs_no_zone() -> None:
    order = _order(every=timedelta(hours=6), start=_at("2026-03-02T06:00:00+07:00"))
    assert len(_due(order, None, "2026-03-02T00:00:00+07:00", "2026-03-03T06:00:00+07:00")) == 4


def test_start_is_included_and_end_is_not() -> None:
    order = _order(times=_times("08:00", "20:00"), start=_at("2026-03-02T08:00:00+07:00"), end=_at("2026-03-03T08:00:00+07:00"))
    assert _due(order, HANOI, "2026-01-01T00:00:00+07:00", "2026-12-01T00:00:00+07:00") == [
        "2026-03-02T01:00:00+00:00",
        "2026-03-02T13:00:00+00:00",
    ]
    every = _order(every=timedelta(hours=12), start=_at("2026-03-02T08:00:00+07:00"), end=_at("2026-03-03T08:00:00+07:00"))
    assert len(_due(every, HANOI, "2026-01-01T00:00:00+07:00", "2026-12-01T00:00:00+07:00")) == 2


def test_asked_range_includes_its_first_instant_and_excludes_its_last() -> None:
    order = _order(times=_times("08:00"))
    assert len(_due(order, HANOI, "2026-03-02T08:00:00+07:00", "2026-03-03T08:00:00+07:00")) == 1
    assert _due(order, HANOI, "2026-03-02T08:00:00+07:00", "2026-03-02T08:00:00+07:00") == []
    assert _due(order, HANOI, "2026-03-03T08:00:00+07:00", "2026-03-02T08:00:00+07:00") == []


def test_every_few_days_counts_from_the_day_of_the_start() -> None:
    order = _order(times=_times("08:00"), every=timedelta(days=2), start=_at("2027-03-27T06:00:00+01:00"))
    due = timing.due_times(order, MADRID, _at("2027-03-01T00:00:00+01:00"), _at("2027-04-01T00:00:00+02:00"))
    assert [t.astimezone(timing.zone_of(MADRID)).strftime("%m-%d %H:%M") for t in due] == ["03-27 08:00", "03-29 08:00", "03-31 08:00"]


@pytest.mark.parametrize("category", [OrderCategory.STAT, OrderCategory.ONCE])
def test_single_dose_is_due_at_its_start(category: OrderCategory) -> None:
    order = _order(category=category, start=_at("2026-03-02T08:00:00+07:00"))
    assert _due(order, None, "2026-03-01T00:00:00+07:00", "2026-03-05T00:00:00+07:00") == ["2026-03-02T01:00:00+00:00"]


@pytest.mark.parametrize("category", [OrderCategory.PRN, OrderCategory.INFUSION, OrderCategory.ON_CALL])
def test_orders_without_times_are_never_due(category: OrderCategory) -> None:
    order = _order(category=category, times=_times("08:00"))
    assert _due(order, None, "2026-03-01T00:00:00+07:00", "2026-03-05T00:00:00+07:00") == []
    assert timing.interval(order) is None


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "asia/ho_chi_minh", "Europe", "UTC+7"])
def test_unknown_zone_is_an_error_and_not_an_empty_list(zone: str | None) -> None:
    with pytest.raises(ZoneUnknownError):
        timing.due_times(_order(times=_times("08:00")), zone, _at("2026-03-02T00:00:00Z"), _at("2026-03-03T00:00:00Z"))


@pytest.mark.parametrize(
    "order",
    [
        _order(),
        _order(category=OrderCategory.PATCH),
        _order(every=timedelta(0)),
        _order(every=timedelta(hours=-8)),
        _order(every=timedelta(seconds=1)),
        _order(every=timedelta(hours=8), start=None),
        _order(every=timedelta(hours=6), times=_times("08:00", "20:00")),
        _order(every=timedelta(days=2), times=_times("08:00"), start=None),
        _order(category=OrderCategory.ONCE, start=None),
        _order(category=OrderCategory.STAT, start=None),
    ],
)
def test_order_that_does_not_say_when_is_an_error_and_not_an_empty_list(order: Order) -> None:
    with pytest.raises(ScheduleUnknownError) as caught:
        timing.due_times(order, HANOI, _at("2026-03-02T00:00:00Z"), _at("2026-03-03T00:00:00Z"))
    assert caught.value.fields["order"] == "O1"


def test_times_and_an_interval_that_agree_are_read_as_times() -> None:
    order = _order(every=timedelta(hours=8), times=_times("06:00", "14:00", "22:00"))
    assert len(_due(order, HANOI, "2026-03-02T00:00:00+07:00", "2026-03-03T00:00:00+07:00")) == 3


def test_neighbours() -> None:
    order = _order(times=_times("08:00", "20:00"), start=_at("2026-03-02T08:00:00+07:00"), end=_at("2026-03-10T08:00:00+07:00"))
    at = _at("2026-03-02T20:00:00+07:00")
    assert timing.next_due(order, HANOI, at) == at
    assert timing.previous_due(order, HANOI, at) == _at("2026-03-02T08:00:00+07:00")
    assert timing.previous_due(order, HANOI, _at("2026-03-02T08:00:00+07:00")) is None
    assert timing.next_due(order, HANOI, _at("2026-03-10T08:00:00+07:00")) is None
    assert timing.next_due(order, HANOI, _at("2025-01-01T08:00:00+07:00")) == _at("2026-03-02T08:00:00+07:00")
    assert timing.previous_due(order, HANOI, _at("2027-01-01T08:00:00+07:00")) == _at("2026-03-09T20:00:00+07:00")
    assert timing.interval(order) == timedelta(hours=12)
    assert timing.interval(_order(times=_times("08:00", "20:00"), every=timedelta(days=2))) == timedelta(days=1)


def test_ends_of_the_calendar_do_not_overflow() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for order in (
        _order(times=_times("08:00"), start=None),
        _order(every=timedelta(days=200), start=first),
        _order(every=timedelta(days=4000), start=_at("2026-03-02T08:00:00Z"), times=_times("08:00")),
    ):
        for zone in (HANOI, NEW_YORK):
            timing.due_times(order, zone, first, first + timedelta(days=3))
            timing.due_times(order, zone, last - timedelta(days=3), last)
            for at in (first, last):
                timing.next_due(order, zone, at)
                timing.previous_due(order, zone, at)


_CLOCKS = st.lists(st.times().map(lambda clock: clock.replace(second=0, microsecond=0)), min_size=1, max_size=6, unique=True)
_DAYS = st.dates(date(2000, 1, 1), date(2037, 12, 31))


@given(st.sampled_from(ZONES), _CLOCKS, _DAYS)
def test_every_wall_clock_time_is_due_once_a_day_in_every_zone(zone: str, clocks: list[time], day: date) -> None:
    rules = timing.zone_of(zone)
    for clock in clocks:
        instant = timing.instant_of(day, clock, zone)
        shown = instant.astimezone(rules)
        exists = datetime.combine(day, clock, tzinfo=rules).astimezone(UTC).astimezone(rules).replace(tzinfo=None) == datetime.combine(
            day, clock
        )
        if exists:
            assert shown.replace(tzinfo=None) == datetime.combine(day, clock)
            earlier = instant - timedelta(hours=1)
            assert earlier.astimezone(rules).replace(tzinfo=None, fold=0) != datetime.combine(day, clock)  # never the second one
        else:
            gap = shown.replace(tzinfo=None) - datetime.combine(day, clock)
            before, after = (instant - timedelta(days=1)).astimezone(rules), (instant + timedelta(days=1)).astimezone(rules)
            assert gap > timedelta(0)
            assert gap == (after.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())


@given(st.sampled_from(ZONES), _CLOCKS, _DAYS, st.integers(0, 90), st.integers(0, 90))
def test_a_range_split_in_two_gives_the_same_doses(zone: str, clocks: list[time], day: date, first: int, second: int) -> None:
    order = _order(times=tuple(clocks), start=None)
    after = datetime.combine(day, time(3, 33), tzinfo=UTC)
    middle, until = after + timedelta(hours=first), after + timedelta(hours=first + second)
    whole = timing.due_times(order, zone, after, until)
    assert whole == timing.due_times(order, zone, after, middle) + timing.due_times(order, zone, middle, until)
    assert whole == sorted(set(whole))


@given(st.integers(1, 4000), st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)), st.integers(-5000, 5000), st.integers(0, 5000))  # noqa: DTZ001
def test_elapsed_doses_are_evenly_spaced_from_the_start(minutes: int, start: datetime, offset: int, length: int) -> None:
    every, begin = timedelta(minutes=minutes), start.replace(tzinfo=UTC)
    after = begin + timedelta(minutes=offset)
    until = after + timedelta(minutes=length)
    due = timing.due_times(_order(every=every, start=begin), None, after, until)
    assert due == [t for t in (begin + n * every for n in range(10_001 // minutes + 1)) if after <= t < until]


def test_single_dose_with_a_time_does_not_mind_an_interval_that_means_nothing() -> None:
    order = _order(category=OrderCategory.ONCE, times=_times("08:00"), every=timedelta(0))
    plain = _order(category=OrderCategory.ONCE, times=_times("08:00"), every=None)
    span = ("2026-03-01T00:00+07:00", "2026-03-04T00:00+07:00")
    assert _due(order, "Asia/Ho_Chi_Minh", *span) == _due(plain, "Asia/Ho_Chi_Minh", *span)
    assert len(_due(order, "Asia/Ho_Chi_Minh", *span)) <= 1
