"""Days of the week and dosage instructions: on which days, at which instants, and what contradicts itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import ScheduleUnknownError, ZoneUnknownError
from pointofcare.orders import timing
from pointofcare.orders.order import Dosage, Order, OrderCategory
from tests.unit.pointofcare.orders.an_order import (
    APIA,
    CAIRO,
    DAY,
    FRI,
    HANOI,
    HOUR,
    MADRID,
    MON,
    SAT,
    SUN,
    THU,
    TUE,
    WED,
    a_step,
    amount,
    an_order,
    at,
    times,
)  # fmt: skip

WEEK = 7 * DAY
MONDAY = at("2026-03-02T00:00:00+07:00")


def due(order: Order, after: str, until: str, zone: str | None = HANOI) -> list[str]:
    """The due times as the ward's day, date and clock."""
    rules = timing.zone_of(zone or "UTC")
    found = timing.due_times(order, zone, at(after), at(until))
    return [instant.astimezone(rules).strftime("%a %d %H:%M") for instant in found]


def weekly(*days: object, **changes: object) -> Order:
    return an_order(**{"days_of_week": days, "times": times("08:00"), "start": None, **changes})


def test_named_days_are_days_of_the_wards_calendar() -> None:
    order = weekly(MON, WED, FRI)
    assert due(order, "2026-03-02T00:00:00+07:00", "2026-03-09T00:00:00+07:00") == ["Mon 02 08:00", "Wed 04 08:00", "Fri 06 08:00"]
    # 01:00 on Monday in Hanoi is still Sunday in UTC.
    early = weekly(MON, times=times("01:00"))
    assert due(early, "2026-03-01T00:00:00+07:00", "2026-03-09T00:00:00+07:00") == ["Mon 02 01:00"]


@pytest.mark.parametrize("day", [MON, TUE, WED, THU, FRI, SAT, SUN])
def test_each_day_of_the_week_is_itself(day: object) -> None:
    found = due(weekly(day), "2026-03-02T00:00:00+07:00", "2026-03-09T00:00:00+07:00")
    assert [line[:3].lower() for line in found] == [str(day)]


def test_several_times_on_named_days() -> None:
    order = weekly(SUN, times=times("08:00", "20:00"))
    assert due(order, "2026-03-02T00:00:00+07:00", "2026-03-16T00:00:00+07:00") == [
        "Sun 08 08:00", "Sun 08 20:00", "Sun 15 08:00", "Sun 15 20:00",
    ]  # fmt: skip


def test_a_day_named_twice_is_one_day() -> None:
    assert len(due(weekly(MON, MON), "2026-03-02T00:00:00+07:00", "2026-03-09T00:00:00+07:00")) == 1


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-04T00:00:00+07:00", ["Fri 06 08:00", "Mon 16 08:00", "Fri 20 08:00"]),  # a Wednesday: its week has begun on Monday
        ("2026-03-01T00:00:00+07:00", ["Mon 09 08:00", "Fri 13 08:00", "Mon 23 08:00"]),  # a Sunday ends the week before
        ("2026-03-02T00:00:00+07:00", ["Mon 02 08:00", "Fri 06 08:00", "Mon 16 08:00"]),
        ("2026-03-02T08:00:01+07:00", ["Fri 06 08:00", "Mon 16 08:00", "Fri 20 08:00"]),
    ],
)
def test_every_second_week_counts_from_the_week_of_the_start(start: str, expected: list[str]) -> None:
    order = weekly(MON, FRI, every=2 * WEEK, start=at(start))
    assert due(order, "2026-02-23T00:00:00+07:00", "2026-03-25T00:00:00+07:00")[:3] == expected


def test_every_week_and_every_day_say_no_more_than_the_days_do() -> None:
    plain = weekly(TUE, SAT)
    span = ("2026-03-02T00:00:00+07:00", "2026-03-30T00:00:00+07:00")
    for every in (DAY, WEEK):
        assert due(weekly(TUE, SAT, every=every), *span) == due(plain, *span)
    both = weekly(TUE, SAT, every=12 * HOUR, times=times("08:00", "20:00"))
    assert due(both, *span) == due(weekly(TUE, SAT, times=times("08:00", "20:00")), *span)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"every": 2 * DAY}, timing.DAYS_AND_EVERY),
        ({"every": 10 * DAY}, timing.DAYS_AND_EVERY),
        ({"every": WEEK + HOUR}, timing.DAYS_AND_EVERY),
        ({"every": 8 * HOUR}, timing.DAYS_AND_EVERY),
        ({"times": ()}, timing.DAYS_WITHOUT_TIMES),
        ({"times": (), "every": 8 * HOUR}, timing.DAYS_WITHOUT_TIMES),
        ({"times": (), "every": WEEK, "start": MONDAY}, timing.DAYS_WITHOUT_TIMES),
        ({"every": 2 * WEEK}, timing.NO_START),
        ({"times": (), "category": OrderCategory.ONCE, "start": MONDAY}, timing.DAYS_WITHOUT_TIMES),
        ({"category": OrderCategory.ONCE}, timing.NO_START),
        ({"every": timedelta(0)}, timing.TOO_OFTEN),
        ({"every": timing.LONGEST_INTERVAL + DAY}, timing.TOO_SELDOM),
    ],
)
def test_days_with_what_contradicts_them_are_named_and_not_guessed(changes: dict[str, object], code: str) -> None:
    order = weekly(MON, **changes)
    assert timing.problem(order) == code
    with pytest.raises(ScheduleUnknownError) as caught:
        timing.due_times(order, HANOI, MONDAY, MONDAY + DAY)
    assert caught.value.fields["problem"] == code
    assert caught.value.message.startswith("order O1 version 1 ")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"times": ()}, timing.NO_TIMES),
        ({"times": (), "every": 8 * HOUR, "start": None}, timing.NO_START),
        ({"every": 2 * DAY, "start": None}, timing.NO_START),
        ({"every": DAY, "start": None}, ""),
        ({"start": None}, ""),
        ({"every": 6 * HOUR}, timing.TIMES_AND_EVERY),
        ({"every": 24 * HOUR}, ""),
        ({"every": 36 * HOUR}, timing.TIMES_AND_EVERY),
        ({"every": timing.SHORTEST_INTERVAL, "times": ()}, ""),
        ({"every": timing.SHORTEST_INTERVAL - timedelta(seconds=1), "times": ()}, timing.TOO_OFTEN),
        ({"every": timing.LONGEST_INTERVAL, "times": ()}, ""),
        ({"every": timing.LONGEST_INTERVAL + DAY, "times": ()}, timing.TOO_SELDOM),
        ({"category": OrderCategory.PRN, "times": ()}, ""),
        ({"category": OrderCategory.STAT, "times": (), "start": None}, timing.NO_START),
        ({"category": OrderCategory.STAT, "times": ()}, ""),
    ],
)
def test_what_is_unclear_about_the_times_has_one_code(changes: dict[str, object], code: str) -> None:
    assert timing.problem(an_order(**{"times": times("08:00"), **changes})) == code


def test_the_limits_are_a_minute_and_a_hundred_years() -> None:
    assert timedelta(minutes=1) == timing.SHORTEST_INTERVAL
    assert timedelta(days=36600) == timing.LONGEST_INTERVAL
    assert timing.problem(an_order(every=timedelta(days=36601))) == timing.TOO_SELDOM


def test_the_last_and_the_first_day_of_a_year_and_the_leap_day() -> None:
    order = weekly(THU, FRI)
    assert due(order, "2026-12-31T00:00:00+07:00", "2027-01-02T00:00:00+07:00") == ["Thu 31 08:00", "Fri 01 08:00"]
    daily = an_order(times=times("00:00", "23:59"), start=None)
    assert due(daily, "2028-02-28T12:00:00+07:00", "2028-03-01T12:00:00+07:00") == [
        "Mon 28 23:59", "Tue 29 00:00", "Tue 29 23:59", "Wed 01 00:00",
    ]  # fmt: skip
    yearly = an_order(times=times("08:00"), every=366 * DAY, start=at("2028-02-29T00:00:00+07:00"))
    assert due(yearly, "2028-02-01T00:00:00+07:00", "2029-03-31T00:00:00+07:00") == ["Tue 29 08:00", "Thu 01 08:00"]


def test_midnight_that_a_change_of_clock_skips_stays_on_its_day() -> None:
    # Cairo: 2026-04-24 (a Friday) begins at 01:00.
    assert due(weekly(FRI, times=times("00:00")), "2026-04-20T00:00:00+02:00", "2026-04-27T00:00:00+03:00", CAIRO) == ["Fri 24 01:00"]
    assert due(weekly(THU, times=times("00:00")), "2026-04-20T00:00:00+02:00", "2026-04-27T00:00:00+03:00", CAIRO) == ["Thu 23 00:00"]


def test_midnight_that_a_change_of_clock_doubles_is_due_once_at_the_first() -> None:
    # Cairo: on 2026-10-30 at 00:00 the clock goes back to 23:00 of the day before.
    order = an_order(times=times("23:30"), start=None)
    found = timing.due_times(order, CAIRO, at("2026-10-29T12:00:00+03:00"), at("2026-10-30T12:00:00+02:00"))
    assert found == [at("2026-10-29T23:30:00+03:00")]


def test_a_weekday_that_a_zone_skipped_moves_to_the_next_day() -> None:
    # Samoa had no Friday 2011-12-30.
    order = weekly(FRI, start=at("2011-12-01T00:00:00+00:00"))
    assert due(order, "2011-12-26T00:00:00-10:00", "2012-01-08T00:00:00+14:00", APIA) == ["Sat 31 08:00", "Fri 06 08:00"]


def test_a_single_dose_waits_for_its_named_day() -> None:
    order = weekly(MON, category=OrderCategory.ONCE, start=at("2026-03-02T08:00:01+07:00"))
    assert due(order, "2026-03-01T00:00:00+07:00", "2026-03-30T00:00:00+07:00") == ["Mon 09 08:00"]
    assert timing.next_due(order, HANOI, MONDAY) is None or timing.problem(order) == ""


# Dosage instructions.

TAPER = an_order(
    start=at("2026-03-02T06:00:00+07:00"),
    dosages=(
        a_step(1, "20 mg", "08:00", end=at("2026-03-04T06:00:00+07:00")),
        a_step(2, "10 mg", "08:00", "20:00", end=at("2026-03-05T06:00:00+07:00")),
        a_step(3, "5 mg", every=12 * HOUR),
    ),
)


def test_a_taper_is_due_by_the_step_that_holds() -> None:
    found = timing.due_steps(TAPER, HANOI, MONDAY, MONDAY + 5 * DAY)
    rules = timing.zone_of(HANOI)
    assert [(instant.astimezone(rules).strftime("%d %H:%M"), str(step.dose)) for instant, step in found] == [
        ("02 08:00", "20 mg"), ("03 08:00", "20 mg"), ("04 08:00", "10 mg"), ("04 20:00", "10 mg"),
        ("05 06:00", "5 mg"), ("05 18:00", "5 mg"), ("06 06:00", "5 mg"), ("06 18:00", "5 mg"),
    ]  # fmt: skip
    assert timing.due_times(TAPER, HANOI, MONDAY, MONDAY + 5 * DAY) == [instant for instant, _ in found]


def test_the_order_bounds_its_steps() -> None:
    late = an_order(start=at("2026-03-03T06:00:00+07:00"), end=at("2026-03-04T20:00:00+07:00"), dosages=TAPER.dosages)
    assert due(late, "2026-03-01T00:00:00+07:00", "2026-03-20T00:00:00+07:00") == ["Tue 03 08:00", "Wed 04 08:00"]


def test_steps_of_one_sequence_are_due_side_by_side() -> None:
    order = an_order(
        dosages=(a_step(1, "1 {tablet}", "08:00"), a_step(1, "2 {tablet}", "20:00"), a_step(1, "1 {tablet}", "08:00", "12:00"))
    )
    found = timing.due_steps(order, HANOI, at("2026-03-03T00:00:00+07:00"), at("2026-03-04T00:00:00+07:00"))
    assert [str(step.dose) for _, step in found] == ["1 {tablet}", "1 {tablet}", "2 {tablet}"]


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (a_step(1, "1 mg", "08:00"), a_step(1, "2 mg", "08:00"), True),
        (a_step(1, "1 mg", "08:00"), a_step(1, "1 mg", "08:00"), False),
        (a_step(1, "1 mg", "08:00"), a_step(1, "2 mg", "20:00"), False),
        (a_step(1, "1 mg", "08:00", "20:00"), a_step(1, "2 mg", "12:00", "20:00"), True),
        (a_step(1, "1 mg", "18:00", days_of_week=(MON, WED)), a_step(1, "2 mg", "18:00", days_of_week=(TUE, THU)), False),
        (a_step(1, "1 mg", "18:00", days_of_week=(MON, WED)), a_step(1, "2 mg", "18:00", days_of_week=(WED,)), True),
        (a_step(1, "1 mg", "18:00", days_of_week=(MON,)), a_step(1, "2 mg", "18:00"), True),
        (a_step(1, "1 mg", "18:00", days_of_week=(MON,), every=WEEK), a_step(1, "2 mg", "18:00", days_of_week=(MON,), every=WEEK), True),
        (a_step(1, "1 mg", "18:00", days_of_week=(MON,), every=2 * WEEK), a_step(1, "2 mg", "18:00"), True),
        (a_step(1, "1 mg", "18:00", every=2 * DAY), a_step(1, "2 mg", "18:00"), True),
        (a_step(1, "1 mg", "08:00", end=MONDAY + 3 * DAY), a_step(1, "2 mg", "08:00", start=MONDAY + 3 * DAY), False),
        (a_step(1, "2 mg", "08:00", start=MONDAY + 3 * DAY), a_step(1, "1 mg", "08:00", end=MONDAY + 3 * DAY), False),
        (a_step(1, "1 mg", "08:00", end=MONDAY + 4 * DAY), a_step(1, "2 mg", "08:00", start=MONDAY + 3 * DAY), True),
        (a_step(1, "1 mg", every=8 * HOUR), a_step(1, "2 mg", every=12 * HOUR), True),
        (a_step(1, "1 mg", every=8 * HOUR), a_step(1, "2 mg", every=12 * HOUR, start=MONDAY + 7 * HOUR), False),
        (a_step(1, "1 mg", every=8 * HOUR), a_step(1, "2 mg", every=12 * HOUR, start=MONDAY + 10 * HOUR), True),
        (a_step(1, "1 mg", every=24 * HOUR), a_step(1, "2 mg", every=24 * HOUR, start=MONDAY + 18 * HOUR), False),
        (a_step(1, None, "08:00", rate=amount("1 mL/h")), a_step(1, None, "08:00", rate=amount("2 mL/h")), True),
    ],
)  # fmt: skip
def test_two_amounts_at_one_time_are_named_and_not_guessed(one: Dosage, other: Dosage, clash: bool) -> None:
    order = an_order(dosages=(one, other))
    assert timing.problem(order) == (timing.CLASH if clash else "")
    if clash:
        with pytest.raises(ScheduleUnknownError) as caught:
            timing.due_times(order, HANOI, MONDAY, MONDAY + timedelta(minutes=1))
        assert caught.value.fields["problem"] == timing.CLASH
    else:
        timing.due_times(order, HANOI, MONDAY, MONDAY + 30 * DAY)


def test_alternate_days_with_two_doses_take_turns() -> None:
    order = an_order(
        dosages=(
            a_step(1, "5 mg", "18:00", every=2 * DAY),
            a_step(1, "2.5 mg", "18:00", every=2 * DAY, start=at("2026-03-03T00:00:00+07:00")),
        )
    )
    found = timing.due_steps(order, HANOI, MONDAY, MONDAY + 4 * DAY)
    assert [str(step.dose) for _, step in found] == ["5 mg", "2.5 mg", "5 mg", "2.5 mg"]


def test_amounts_that_meet_only_on_some_day_are_refused_there() -> None:
    every_third = a_step(1, "2 mg", "18:00", every=3 * DAY, start=at("2026-03-03T00:00:00+07:00"))
    order = an_order(dosages=(a_step(1, "1 mg", "18:00", every=2 * DAY), every_third))
    assert timing.problem(order) == ""
    assert len(timing.due_times(order, HANOI, MONDAY, MONDAY + 3 * DAY)) == 3
    with pytest.raises(ScheduleUnknownError) as caught:
        timing.due_times(order, HANOI, MONDAY, MONDAY + 6 * DAY)
    assert caught.value.fields["problem"] == timing.CLASH


def test_amounts_that_a_gap_brings_together_are_refused_on_that_day_only() -> None:
    start = at("2027-03-01T00:00:00+01:00")
    order = an_order(start=start, dosages=(a_step(1, "1 mg", "02:30"), a_step(1, "2 mg", "03:30")))
    assert len(timing.due_times(order, MADRID, at("2027-03-27T00:00:00+01:00"), at("2027-03-28T00:00:00+01:00"))) == 2
    with pytest.raises(ScheduleUnknownError):
        timing.due_times(order, MADRID, at("2027-03-28T00:00:00+01:00"), at("2027-03-29T00:00:00+02:00"))


def test_steps_that_say_no_times_are_an_error() -> None:
    with pytest.raises(ScheduleUnknownError) as caught:
        timing.due_times(an_order(dosages=(a_step(1, "1 mg", "08:00"), a_step(1, "2 mg"))), HANOI, MONDAY, MONDAY + DAY)
    assert caught.value.fields["problem"] == timing.NO_TIMES


def test_neighbours_over_the_steps_of_a_taper() -> None:
    second = at("2026-03-04T08:00:00+07:00")
    assert timing.next_due(TAPER, HANOI, at("2026-03-03T08:00:01+07:00")) == second
    assert timing.next_due(TAPER, HANOI, second) == second
    assert timing.previous_due(TAPER, HANOI, second) == at("2026-03-03T08:00:00+07:00")
    assert timing.previous_due(TAPER, HANOI, at("2026-03-02T08:00:00+07:00")) is None
    assert timing.next_due(TAPER, HANOI, at("2020-01-01T00:00:00+07:00")) == at("2026-03-02T08:00:00+07:00")
    ended = an_order(dosages=TAPER.dosages, end=at("2026-03-05T06:00:00+07:00"))
    assert timing.previous_due(ended, HANOI, at("2030-01-01T00:00:00+07:00")) == at("2026-03-04T20:00:00+07:00")
    assert timing.next_due(ended, HANOI, at("2026-03-04T20:00:01+07:00")) is None


def test_neighbours_over_a_pause_longer_than_any_interval() -> None:
    resumed = at("2026-06-01T00:00:00+07:00")
    order = an_order(dosages=(a_step(1, "2 mg", "08:00", end=at("2026-03-04T00:00:00+07:00")), a_step(2, "1 mg", "08:00", start=resumed)))
    assert timing.next_due(order, HANOI, at("2026-03-10T00:00:00+07:00")) == at("2026-06-01T08:00:00+07:00")
    assert timing.previous_due(order, HANOI, resumed) == at("2026-03-03T08:00:00+07:00")


def test_neighbours_of_a_day_of_the_week() -> None:
    order = weekly(WED, every=4 * WEEK, start=at("2026-03-05T00:00:00+07:00"))  # the Thursday after that week's Wednesday
    first = at("2026-04-01T08:00:00+07:00")
    assert timing.next_due(order, HANOI, MONDAY) == first
    assert timing.next_due(order, HANOI, first + timedelta(seconds=1)) == at("2026-04-29T08:00:00+07:00")
    assert timing.previous_due(order, HANOI, at("2026-04-29T08:00:00+07:00")) == first
    assert timing.previous_due(order, HANOI, first) is None


def test_orders_as_needed_have_no_neighbours() -> None:
    order = an_order(category=OrderCategory.PRN, dosages=(a_step(1, "5 mg"),))
    assert timing.next_due(order, None, MONDAY) is None
    assert timing.previous_due(order, None, MONDAY) is None
    assert timing.interval(order) is None
    assert timing.often(order) is None


def test_a_changed_version_makes_up_no_dose_before_it_came_to_hold() -> None:
    changed = an_order(times=times("08:00", "14:00"), holds_from=at("2026-03-03T10:00:00+07:00"))
    assert due(changed, "2026-03-03T00:00:00+07:00", "2026-03-04T12:00:00+07:00") == ["Tue 03 14:00", "Wed 04 08:00"]
    assert timing.next_due(changed, HANOI, MONDAY) == at("2026-03-03T14:00:00+07:00")
    assert timing.previous_due(changed, HANOI, at("2026-03-03T14:00:00+07:00")) is None
    exactly = an_order(times=times("08:00", "14:00"), holds_from=at("2026-03-03T14:00:00+07:00"))
    assert timing.next_due(exactly, HANOI, MONDAY) == at("2026-03-03T14:00:00+07:00")


def test_an_interval_counts_from_the_start_whenever_the_version_came_to_hold() -> None:
    changed = an_order(every=8 * HOUR, holds_from=at("2026-03-03T10:00:00+07:00"))
    assert due(changed, "2026-03-03T00:00:00+07:00", "2026-03-04T00:00:00+07:00") == ["Tue 03 14:00", "Tue 03 22:00"]


@pytest.mark.parametrize("category", [OrderCategory.STAT, OrderCategory.ONCE])
def test_a_single_dose_is_not_lost_when_its_order_changes_after_its_time(category: OrderCategory) -> None:
    order = an_order(category=category, holds_from=at("2026-03-05T00:00:00+07:00"))
    assert due(order, "2026-03-01T00:00:00+07:00", "2026-03-09T00:00:00+07:00") == ["Mon 02 06:00"]


def test_steps_with_times_need_the_wards_zone() -> None:
    with pytest.raises(ZoneUnknownError):
        timing.due_times(TAPER, None, MONDAY, MONDAY + DAY)


# How often.


@pytest.mark.parametrize(
    ("order", "usual", "a_day"),
    [
        (an_order(times=times("08:00", "12:00", "20:00")), 8 * HOUR, 8 * HOUR),
        (an_order(times=times("08:00", "20:00"), every=2 * DAY), DAY, 12 * HOUR),
        (an_order(times=times("08:00"), every=3 * DAY), 3 * DAY, DAY),
        (an_order(every=6 * HOUR), 6 * HOUR, 6 * HOUR),
        (an_order(every=12 * HOUR, times=times("08:00", "20:00")), 12 * HOUR, 12 * HOUR),
        (an_order(every=3 * DAY), 3 * DAY, 3 * DAY),
        (weekly(MON), WEEK, DAY),
        (weekly(MON, WED, FRI), 2 * DAY, DAY),
        (weekly(MON, THU), 3 * DAY, DAY),
        (weekly(SUN, MON), DAY, DAY),
        (weekly(FRI, SUN), 2 * DAY, DAY),
        (weekly(MON, times=times("08:00", "20:00")), 12 * HOUR, 12 * HOUR),
        (weekly(MON, every=2 * WEEK, start=MONDAY), 2 * WEEK, DAY),
        (weekly(MON, THU, every=2 * WEEK, start=MONDAY), 3 * DAY, DAY),
        (an_order(dosages=(a_step(1, "1 mg", "08:00"), a_step(1, "2 mg", "20:00"))), 12 * HOUR, 12 * HOUR),
        (an_order(dosages=(a_step(1, "1 mg", "08:00"), a_step(1, "2 mg", "20:00", start=MONDAY + 30 * DAY))), DAY, DAY),
        (an_order(dosages=(a_step(1, "1 mg", "18:00", days_of_week=(MON,)), a_step(1, None, "18:00", days_of_week=(WED,)))), 2 * DAY, DAY),
        (an_order(dosages=(a_step(1, "1 mg", every=8 * HOUR), a_step(1, "2 mg", "20:00"))), 8 * HOUR, 8 * HOUR),
        (an_order(dosages=(a_step(1, "1 mg", every=3 * DAY), a_step(1, "2 mg", "20:00"))), DAY, DAY),
        (an_order(dosages=(a_step(1, "1 mg", "08:00", every=4 * DAY), a_step(1, "2 mg", "20:00", every=4 * DAY))), 4 * DAY, 12 * HOUR),
    ],
)  # fmt: skip
def test_how_often_an_order_is_due(order: Order, usual: timedelta, a_day: timedelta) -> None:
    assert timing.interval(order) == usual
    assert timing.often(order) == a_day


def test_how_often_goes_by_the_step_that_holds() -> None:
    assert [timing.interval(TAPER, at(f"2026-03-0{day}T09:00:00+07:00")) for day in (1, 3, 4, 6)] == [DAY, DAY, 12 * HOUR, 12 * HOUR]
    assert timing.often(TAPER, at("2026-03-04T09:00:00+07:00")) == 12 * HOUR
    assert timing.often(TAPER) == DAY
    assert timing.interval(TAPER) == DAY
    assert [step.dose for step in timing.together_at(TAPER, at("2026-03-04T09:00:00+07:00"))] == [amount("10 mg")]
    assert [step.dose for step in timing.together_at(TAPER, None)] == [amount("20 mg")]


def test_single_doses_have_no_interval() -> None:
    assert timing.interval(an_order(category=OrderCategory.STAT)) is None
    assert timing.often(an_order(category=OrderCategory.ONCE, times=times("08:00"))) is None


@pytest.mark.parametrize(
    ("order", "horizon"),
    [
        (an_order(times=times("08:00")), 5 * DAY),
        (an_order(every=2 * DAY), 7 * DAY),
        (an_order(category=OrderCategory.PRN), 3 * DAY),
        (an_order(category=OrderCategory.ONCE, every=9 * DAY), 3 * DAY),
        (weekly(MON), 17 * DAY),
        (weekly(MON, every=2 * WEEK, start=MONDAY), 31 * DAY),
        (weekly(MON, every=DAY), 17 * DAY),
        (TAPER, 5 * DAY),
    ],
)
def test_the_horizon_lies_beyond_any_two_neighbours(order: Order, horizon: timedelta) -> None:
    assert timing.horizon(order) == horizon


# Properties.

_DAY_SETS = st.sets(st.sampled_from([MON, TUE, WED, THU, FRI, SAT, SUN]), min_size=1)
_CLOCKS = st.lists(st.sampled_from(times("00:00", "02:30", "08:00", "12:15", "20:00", "23:59")), min_size=1, unique=True)
_WEEKS = st.sampled_from([None, DAY, WEEK, 2 * WEEK, 3 * WEEK])
_MOMENTS = st.integers(0, 120 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes))


@given(_DAY_SETS, _CLOCKS, _WEEKS, _MOMENTS, _MOMENTS, _MOMENTS)
def test_doses_rise_stay_inside_and_do_not_depend_on_how_a_range_is_cut(days, clocks, every, one, two, three) -> None:  # type: ignore[no-untyped-def]
    order = an_order(days_of_week=tuple(days), times=tuple(clocks), every=every, start=MONDAY + 36 * HOUR, end=MONDAY + 100 * DAY)
    after, middle, until = sorted((one, two, three))
    whole = timing.due_times(order, HANOI, after, until)
    assert whole == sorted(set(whole))
    assert all(max(after, MONDAY + 36 * HOUR) <= instant < min(until, MONDAY + 100 * DAY) for instant in whole)
    assert whole == timing.due_times(order, HANOI, after, middle) + timing.due_times(order, HANOI, middle, until)
    rules = timing.zone_of(HANOI)
    assert {instant.astimezone(rules).strftime("%a").lower() for instant in whole} <= {str(day) for day in days}


@given(_DAY_SETS, _CLOCKS, _MOMENTS, st.integers(-20, 20))
def test_a_week_later_the_same_days_are_due_where_no_clock_changes(days, clocks, after, weeks) -> None:  # type: ignore[no-untyped-def]
    order = an_order(days_of_week=tuple(days), times=tuple(clocks), start=None)
    moved = timing.due_times(order, HANOI, after + weeks * WEEK, after + (weeks + 1) * WEEK)
    assert moved == [instant + weeks * WEEK for instant in timing.due_times(order, HANOI, after, after + WEEK)]
    assert len(moved) == len(days) * len(clocks)


@given(_DAY_SETS, _CLOCKS, _WEEKS, _MOMENTS)
def test_the_neighbours_are_the_nearest_of_all(days, clocks, every, moment) -> None:  # type: ignore[no-untyped-def]
    order = an_order(days_of_week=tuple(days), times=tuple(clocks), every=every, start=MONDAY, end=MONDAY + 100 * DAY)
    everything = timing.due_times(order, HANOI, MONDAY - DAY, MONDAY + 101 * DAY)
    assert timing.next_due(order, HANOI, moment) == next((instant for instant in everything if instant >= moment), None)
    assert timing.previous_due(order, HANOI, moment) == next((instant for instant in reversed(everything) if instant < moment), None)


@given(st.lists(st.tuples(st.integers(1, 72), st.sampled_from([4, 6, 8, 12, 24])), min_size=1, max_size=4), _MOMENTS)
def test_a_taper_is_its_steps_one_after_the_other(phases, after) -> None:  # type: ignore[no-untyped-def]
    begin, dosages, plain = MONDAY, [], []
    for number, (hours, every) in enumerate(phases, start=1):
        end = begin + hours * HOUR
        dosages.append(a_step(number, f"{number} mg", every=every * HOUR, end=end))
        plain.append(an_order(every=every * HOUR, start=begin, end=end))
        begin = end
    taper = an_order(start=MONDAY, dosages=tuple(dosages))
    span = (MONDAY - DAY, MONDAY + 30 * DAY)
    assert timing.due_times(taper, None, *span) == [t for one in plain for t in timing.due_times(one, None, *span)]
    assert timing.due_times(taper, None, after, span[1]) == [t for t in timing.due_times(taper, None, *span) if t >= after]
