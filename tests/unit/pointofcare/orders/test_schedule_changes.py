"""Due doses of dosage instructions, and of an order over its changes: windows, amounts, what was given, what was missed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import ScheduleUnknownError
from pointofcare.orders import schedule, timing
from pointofcare.orders.order import Order, OrderCategory
from pointofcare.orders.schedule import DueDose, DueStatus, Windows
from tests.unit.pointofcare.orders.an_order import DAY, HANOI, HOUR, MON, SUN, a_step, amount, an_order, at, times

THIRD = at("2026-03-03T00:00:00+07:00")
FOURTH, FIFTH = THIRD + DAY, THIRD + 2 * DAY
TEN = at("2026-03-03T10:00:00+07:00")
HALF, ONE, TWO = timedelta(minutes=30), timedelta(minutes=60), timedelta(minutes=120)


@dataclass(frozen=True, kw_only=True)
class Entry:
    at: datetime
    due: datetime | None = None
    status: str = "completed"
    order: str = "O1"


def doses(order: Order, *entries: Entry, after: datetime = THIRD, until: datetime = FOURTH) -> list[DueDose]:
    return schedule.due_doses(order, entries, Windows(), HANOI, after, until)


def clock(found: list[DueDose]) -> list[str]:
    return [dose.due.astimezone(timing.zone_of(HANOI)).strftime("%d %H:%M") for dose in found]


def test_each_dose_carries_the_amount_of_its_instruction() -> None:
    span = (amount("1 mg"), amount("2 mg"))
    morning, evening = doses(an_order(dosages=(a_step(1, "1 {tablet}", "08:00"), a_step(1, None, "20:00", dose_range=span))))
    assert (morning.dose, morning.dose_range) == (amount("1 {tablet}"), None)
    assert (evening.dose, evening.dose_range) == (None, span)
    plain = doses(an_order(dose=amount("5 mg"), times=times("08:00")))[0]
    assert (plain.dose, plain.dose_range) == (amount("5 mg"), None)


def test_the_window_is_that_of_the_instructions_that_hold_together() -> None:
    taper = an_order(
        dosages=(
            a_step(1, "20 mg", "00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", end=FOURTH),
            a_step(2, "10 mg", "08:00", end=FIFTH),
            a_step(2, "5 mg", "20:00", end=FIFTH),
            a_step(3, "5 mg", "08:00"),
        )
    )
    sides = {dose.due: dose.closes_at - dose.due for dose in doses(taper, until=FIFTH + DAY)}
    asked = (THIRD + 3 * HOUR, FOURTH + 8 * HOUR, FOURTH + 20 * HOUR, FIFTH + 8 * HOUR)
    assert [sides[moment] for moment in asked] == [HALF, ONE, ONE, TWO]
    for dose in doses(taper, until=FIFTH + DAY):
        assert dose.due - dose.opens_at == dose.closes_at - dose.due
    assert schedule.window(taper, Windows()) == (HALF, HALF)
    assert schedule.window(taper, Windows(), FOURTH) == (ONE, ONE)


@pytest.mark.parametrize(
    ("order", "side"),
    [
        (an_order(times=times("08:00"), days_of_week=(MON,)), TWO),
        (an_order(times=times("08:00", "20:00"), days_of_week=(MON,)), ONE),
        (an_order(times=times("08:00"), days_of_week=(MON, SUN), time_critical=True), HALF),
        (an_order(dosages=(a_step(1, "1 mg", "18:00", days_of_week=(MON,)), a_step(1, "2 mg", "18:00", days_of_week=(SUN,)))), TWO),
        (an_order(every=timedelta(hours=3, minutes=59)), HALF),
        (an_order(every=4 * HOUR), ONE),
        (an_order(every=DAY - timedelta(seconds=1)), ONE),
        (an_order(every=DAY), TWO),
    ],
)
def test_windows_of_named_days_go_by_how_often_on_such_a_day(order: Order, side: timedelta) -> None:
    assert schedule.window(order, Windows()) == (side, side)


def test_an_entry_without_a_due_time_belongs_to_the_nearest_dose_of_any_instruction() -> None:
    order = an_order(dosages=(a_step(1, "1 {tablet}", "08:00"), a_step(1, "2 {tablet}", "20:00")))
    late = doses(order, Entry(at=THIRD + 13 * HOUR + 59 * timedelta(minutes=1)))
    assert [dose.outcome for dose in late] == [DueStatus.GIVEN, None]
    assert late[0].outcome_at == THIRD + 13 * HOUR + 59 * timedelta(minutes=1)
    assert late[0].dose == amount("1 {tablet}")


# A version that came to hold in the middle of the day: times were 08:00 and 20:00, and are 06:00 and 14:00 since 10:00.
CHANGED = an_order(version=2, times=times("06:00", "14:00"), dose=amount("5 mg"), holds_from=TEN)


def test_changed_times_make_up_no_overdue_dose() -> None:
    found = doses(CHANGED)
    assert clock(found) == ["03 14:00"]
    assert schedule.status(found[0], TEN) is DueStatus.UPCOMING


def test_what_the_record_names_stays_with_the_dose_that_it_names() -> None:
    given_before = Entry(at=THIRD + 8 * HOUR + HALF, due=THIRD + 8 * HOUR)
    found = doses(CHANGED, given_before)
    assert clock(found) == ["03 08:00", "03 14:00"]
    assert [dose.outcome for dose in found] == [DueStatus.GIVEN, None]
    assert (found[0].dose, found[0].dose_range, found[0].order_version) == (None, None, 2)
    assert found[0].closes_at - found[0].due == ONE
    started = doses(CHANGED, replace(given_before, status="in-progress"))
    assert started[0].outcome is DueStatus.IN_PROGRESS
    assert started[0].is_open


@pytest.mark.parametrize(
    "entry",
    [
        Entry(at=THIRD + 8 * HOUR, due=THIRD + 8 * HOUR, status="entered-in-error"),
        Entry(at=THIRD + 8 * HOUR, due=THIRD + 8 * HOUR, order="O2"),
        Entry(at=THIRD + 8 * HOUR, due=TEN),  # from then on the version itself says what is due
        Entry(at=THIRD + 8 * HOUR, due=THIRD - timedelta(seconds=1)),  # not asked for
        Entry(at=THIRD + 13 * HOUR),  # names none: the nearest of this version's
    ],
)
def test_other_entries_add_no_dose(entry: Entry) -> None:
    assert clock(doses(CHANGED, entry)) == ["03 14:00"]


def test_the_first_instant_asked_for_and_the_last_before_the_change_are_among_them() -> None:
    edges = [Entry(at=THIRD, due=THIRD), Entry(at=TEN, due=TEN - timedelta(microseconds=1))]
    assert [dose.due for dose in doses(CHANGED, *edges)] == [THIRD, TEN - timedelta(microseconds=1), THIRD + 14 * HOUR]
    assert [dose.due for dose in doses(CHANGED, *edges, until=THIRD + HOUR)] == [THIRD]
    assert len(doses(CHANGED, edges[0], edges[0])) == 2


def test_without_a_change_an_entry_adds_no_dose_of_its_own() -> None:
    order = replace(CHANGED, holds_from=None)
    assert clock(doses(order, Entry(at=THIRD + 8 * HOUR, due=THIRD + 8 * HOUR))) == ["03 06:00", "03 14:00"]


# The whole of an order's versions, as the server has them.

BEFORE = an_order(version=1, times=times("08:00", "20:00"), dose=amount("10 mg"))


def over(*versions: tuple[Order, datetime], entries: tuple[Entry, ...] = (), until: datetime = FOURTH) -> list[DueDose]:
    return schedule.across(versions, entries, Windows(), HANOI, THIRD, until)


def test_a_dose_missed_before_a_change_stays_overdue() -> None:
    found = over((BEFORE, BEFORE.start or TEN), (CHANGED, TEN))
    assert clock(found) == ["03 08:00", "03 14:00"]
    assert [dose.order_version for dose in found] == [1, 2]
    assert [schedule.status(dose, TEN) for dose in found] == [DueStatus.OVERDUE, DueStatus.UPCOMING]
    assert found[0].dose == amount("10 mg")
    assert over((CHANGED, TEN), (BEFORE, BEFORE.start or TEN)) == found


def test_a_dose_given_before_a_change_stays_given() -> None:
    found = over((BEFORE, THIRD), (CHANGED, TEN), entries=(Entry(at=THIRD + 8 * HOUR, due=THIRD + 8 * HOUR),))
    assert [dose.outcome for dose in found] == [DueStatus.GIVEN, None]


def test_of_a_dose_that_both_ask_for_the_newest_amount_goes() -> None:
    stronger = replace(BEFORE, version=2, dose=amount("20 mg"))
    found = over((BEFORE, THIRD), (stronger, TEN))
    assert clock(found) == ["03 08:00", "03 20:00"]
    assert {str(dose.dose) for dose in found} == {"20 mg"}
    assert {dose.order_version for dose in found} == {2}


def test_three_versions_each_hold_their_own_time() -> None:
    third = replace(BEFORE, version=3, times=times("09:00", "22:00"))
    found = over((BEFORE, THIRD), (CHANGED, TEN), (third, THIRD + 21 * HOUR), until=FOURTH + 12 * HOUR)
    assert clock(found) == ["03 08:00", "03 14:00", "03 22:00", "04 09:00"]


def test_a_version_that_was_replaced_at_once_holds_nothing() -> None:
    third = replace(BEFORE, version=3, times=times("11:00"))
    assert clock(over((BEFORE, THIRD), (CHANGED, TEN), (third, TEN))) == ["03 08:00", "03 11:00"]


def test_a_clock_set_back_between_two_versions_loses_no_order_of_them() -> None:
    third = replace(BEFORE, version=3, times=times("09:00", "11:00"))
    assert clock(over((BEFORE, THIRD), (CHANGED, TEN), (third, TEN - 2 * HOUR))) == ["03 09:00", "03 11:00"]


def test_the_first_version_holds_from_its_own_start_and_no_sooner_than_asked() -> None:
    assert clock(over((BEFORE, TEN))) == ["03 08:00", "03 20:00"]
    assert over() == []


def test_a_former_version_that_cannot_be_computed_hides_nothing_of_the_newest() -> None:
    unclear = replace(BEFORE, times=())
    assert clock(over((unclear, THIRD), (CHANGED, TEN))) == ["03 14:00"]
    with pytest.raises(ScheduleUnknownError):
        over((BEFORE, THIRD), (replace(unclear, version=2), TEN))
    with pytest.raises(ScheduleUnknownError):
        over((BEFORE, THIRD), (replace(unclear, version=2), FOURTH + DAY))


def test_a_moved_single_dose_is_one_dose() -> None:
    once = an_order(category=OrderCategory.ONCE, start=THIRD + 12 * HOUR)
    later = replace(once, version=2, start=THIRD + 15 * HOUR)
    assert clock(over((once, THIRD), (later, TEN))) == ["03 15:00"]


_TIMES = st.lists(st.sampled_from(times("06:00", "08:00", "10:00", "14:00", "20:00")), min_size=1, unique=True).map(tuple)


@given(st.lists(st.tuples(_TIMES, st.integers(0, 47)), min_size=1, max_size=4), st.integers(0, 48))
def test_cutting_the_range_anywhere_gives_the_same_doses(parts, cut) -> None:  # type: ignore[no-untyped-def]
    versions = [
        (an_order(version=number, times=clocks), THIRD + hours * HOUR)
        for number, (clocks, hours) in enumerate(sorted(parts, key=lambda part: part[1]), start=1)
    ]
    whole = schedule.across(versions, [], Windows(), HANOI, THIRD, FIFTH)
    middle = THIRD + cut * HOUR
    first = schedule.across(versions, [], Windows(), HANOI, THIRD, middle)
    second = schedule.across(versions, [], Windows(), HANOI, middle, FIFTH)
    assert [dose.due for dose in whole] == sorted({dose.due for dose in whole})
    assert whole == first + second
