"""Which dosage instruction is meant: by due time, by moment, never by guess; and since when changed times hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.orders import dosage, timing
from pointofcare.orders.order import Order, OrderCategory
from tests.unit.pointofcare.orders.an_order import DAY, HANOI, HOUR, MON, a_step, amount, an_order, at, times

FIFTH = at("2026-03-05T06:00:00+07:00")
MORNING, EVENING = at("2026-03-03T08:00:00+07:00"), at("2026-03-03T20:00:00+07:00")
BY_DAY_AND_NIGHT = an_order(dosages=(a_step(1, "1 {tablet}", "08:00"), a_step(1, "2 {tablet}", "20:00")))
TAPER = an_order(dosages=(a_step(1, "20 mg", "08:00", end=FIFTH), a_step(2, "10 mg", "08:00", "20:00")))


def test_an_order_without_instructions_is_as_it_is() -> None:
    order = an_order(dose=amount("5 mg"), times=times("08:00"))
    assert dosage.effective(order, MORNING, HANOI) is order


def test_the_instruction_due_just_then_is_meant() -> None:
    assert dosage.effective(BY_DAY_AND_NIGHT, MORNING, HANOI).dose == amount("1 {tablet}")
    assert dosage.effective(BY_DAY_AND_NIGHT, EVENING, HANOI).dose == amount("2 {tablet}")
    assert dosage.effective(BY_DAY_AND_NIGHT, EVENING, HANOI).times == times("20:00")
    assert dosage.effective(BY_DAY_AND_NIGHT, EVENING, HANOI).dosages == ()


def test_between_the_times_of_several_amounts_none_is_meant() -> None:
    between = dosage.effective(BY_DAY_AND_NIGHT, MORNING + HOUR, HANOI)
    assert (between.dose, between.dose_range, between.rate, between.dosages) == (None, None, None, ())
    assert dosage.effective(BY_DAY_AND_NIGHT, MORNING + timedelta(microseconds=1), HANOI).dose is None


def test_between_the_times_of_one_amount_that_one_is_meant() -> None:
    assert dosage.effective(TAPER, MORNING + HOUR, HANOI).dose == amount("20 mg")
    assert dosage.effective(TAPER, FIFTH - HOUR, HANOI).dose == amount("20 mg")
    assert dosage.effective(TAPER, FIFTH, HANOI).dose == amount("10 mg")
    alike = an_order(dosages=(a_step(1, "1 mg", "08:00"), a_step(1, "1 mg", "20:00")))
    assert dosage.effective(alike, MORNING + HOUR, HANOI).dose == amount("1 mg")


def test_before_after_and_in_a_pause_nothing_is_meant() -> None:
    paused = an_order(dosages=(a_step(1, "20 mg", "08:00", end=FIFTH), a_step(2, "10 mg", "08:00", start=FIFTH + DAY, end=FIFTH + 2 * DAY)))
    for moment in (at("2026-03-01T08:00:00+07:00"), FIFTH + HOUR, FIFTH + 2 * DAY):
        assert dosage.effective(paused, moment, HANOI).dose is None
    assert dosage.effective(paused, FIFTH + DAY, HANOI).dose == amount("10 mg")


def test_without_the_zone_only_the_bounds_tell() -> None:
    assert dosage.effective(TAPER, MORNING).dose == amount("20 mg")
    assert dosage.effective(TAPER, MORNING, "Mars/Olympus").dose == amount("20 mg")
    assert dosage.effective(BY_DAY_AND_NIGHT, EVENING).dose is None


def test_as_needed_and_infusions_go_by_the_moment() -> None:
    later = at("2026-03-02T12:00:00+07:00")
    rates = (a_step(1, None, rate=amount("100 mL/h"), end=later), a_step(2, None, rate=amount("50 mL/h")))
    infusion = an_order(category=OrderCategory.INFUSION, dosages=rates)
    assert dosage.effective(infusion, later - HOUR).rate == amount("100 mL/h")
    assert dosage.effective(infusion, later).rate == amount("50 mL/h")
    prn = an_order(category=OrderCategory.PRN, dosages=(a_step(1, "2 mg"), a_step(1, "4 mg")))
    assert dosage.effective(prn, later).dose is None
    assert dosage.effective(replace(prn, dosages=prn.dosages[:1]), later).dose == amount("2 mg")


@pytest.mark.parametrize(
    "order",
    [
        replace(TAPER, dose=amount("5 mg")),
        replace(TAPER, dosages=(a_step(1, "1 mg", "08:00"), a_step(2, "2 mg", "08:00"))),
        replace(TAPER, dosages=(a_step(1, "1 mg", "08:00"), a_step(1, "2 mg", "08:00"))),
        replace(TAPER, dosages=(a_step(1, "1 mg"),)),
    ],
)
def test_a_contradictory_order_has_no_amount_and_raises_nothing(order: Order) -> None:
    bare = dosage.effective(order, MORNING, HANOI)
    assert (bare.dose, bare.dose_range, bare.rate, bare.dosages) == (None, None, None, ())


def test_a_range_of_doses_is_laid_over_too() -> None:
    order = an_order(dosages=(a_step(1, None, "08:00", dose_range=(amount("1 mg"), amount("2 mg"))),))
    assert dosage.effective(order, MORNING, HANOI).dose_range == (amount("1 mg"), amount("2 mg"))


def test_the_end_of_the_calendar_raises_nothing() -> None:
    assert dosage.effective(TAPER, at("9999-12-31T23:59:59.999999+00:00"), HANOI).dose is None


@given(st.integers(0, 10 * 24 * 60))
def test_the_amount_is_always_one_that_was_written_or_none(minutes: int) -> None:
    moment = at("2026-03-01T00:00:00+07:00") + timedelta(minutes=minutes)
    for order in (TAPER, BY_DAY_AND_NIGHT):
        meant = dosage.effective(order, moment, HANOI)
        assert meant.dose is None or meant.dose in [step.dose for step in order.dosages]
        for due, step in timing.due_steps(order, HANOI, moment, moment + DAY):
            assert dosage.effective(order, due, HANOI).dose == step.dose
        assert (meant.start, meant.end, meant.id, meant.version) == (order.start, order.end, order.id, order.version)


# Since when changed times hold.

NOW = at("2026-03-10T10:00:00+07:00")
MOMENT = timedelta(microseconds=1)


def daily(*clock: str, **changes: object) -> Order:
    return an_order(times=times(*clock), start=at("2026-03-02T00:00:00+07:00"), **changes)


def kept(new: Order, old: Order) -> list[str]:
    """The past due times that a cart would show of the new version, as day and clock."""
    holds = replace(new, holds_from=dosage.holds_from(new, old, HANOI, NOW))
    found = timing.due_times(holds, HANOI, at("2026-03-09T00:00:00+07:00"), NOW)
    return [due.astimezone(timing.zone_of(HANOI)).strftime("%d %H:%M") for due in found]


def test_new_times_make_up_no_missed_dose() -> None:
    assert kept(daily("06:00", "14:00", "22:00"), daily("08:00", "20:00")) == []
    assert dosage.holds_from(daily("06:00"), daily("08:00"), HANOI, NOW) == at("2026-03-10T06:00:00+07:00") + MOMENT


def test_a_dose_that_both_versions_ask_for_stays() -> None:
    assert kept(daily("08:00", "14:00", "20:00"), daily("08:00", "20:00")) == ["09 20:00", "10 08:00"]
    assert dosage.holds_from(daily("08:00"), daily("08:00", "20:00"), HANOI, NOW) is None
    assert dosage.holds_from(daily("08:00", dose=amount("2 mg")), daily("08:00"), HANOI, NOW) is None


def test_times_after_the_change_are_no_business_of_the_past() -> None:
    assert dosage.holds_from(daily("08:00", "10:00"), daily("08:00"), HANOI, NOW) == at("2026-03-09T10:00:00+07:00") + MOMENT
    assert dosage.holds_from(replace(daily("10:00"), start=NOW), daily("08:00"), HANOI, NOW) is None


def test_what_an_earlier_change_hid_stays_hidden() -> None:
    hidden = at("2026-03-08T12:00:00+07:00")
    old = daily("08:00", holds_from=hidden)
    ancient = daily("08:00", holds_from=at("2026-03-02T09:00:00+07:00"))
    assert dosage.holds_from(daily("08:00"), ancient, HANOI, NOW) == ancient.holds_from
    assert dosage.holds_from(daily("06:00"), old, HANOI, NOW) == at("2026-03-10T06:00:00+07:00") + MOMENT
    assert dosage.holds_from(daily("08:00"), old, HANOI, NOW) == hidden


def test_the_new_versions_own_word_does_not_count() -> None:
    new = daily("06:00", holds_from=at("2026-03-10T09:00:00+07:00"))
    assert dosage.holds_from(new, daily("08:00"), HANOI, NOW) == at("2026-03-10T06:00:00+07:00") + MOMENT


def test_a_weekly_change_looks_back_far_enough() -> None:
    new = daily("08:00", days_of_week=(MON,), every=14 * DAY)
    moved = dosage.holds_from(new, daily("20:00", days_of_week=(MON,), every=14 * DAY), HANOI, NOW)
    assert moved == at("2026-03-02T08:00:00+07:00") + MOMENT


def test_where_times_are_not_known_nothing_changes() -> None:
    unclear = daily()
    assert dosage.holds_from(daily("08:00"), unclear, HANOI, NOW) is None
    assert dosage.holds_from(unclear, daily("08:00", holds_from=FIFTH), HANOI, NOW) == FIFTH
    assert dosage.holds_from(daily("06:00"), daily("08:00", holds_from=FIFTH), None, NOW) == FIFTH
    assert dosage.holds_from(daily("06:00"), daily("08:00"), HANOI, at("0001-01-02T00:00:00+00:00")) is None


_CLOCKS = st.lists(st.sampled_from(times("02:00", "06:00", "08:00", "09:59", "10:00", "14:00", "20:00")), min_size=1, unique=True)


@given(_CLOCKS, _CLOCKS)
def test_no_change_of_times_shows_a_dose_in_the_past_that_nobody_asked_for(new, old) -> None:  # type: ignore[no-untyped-def]
    before, after = daily(*map(str, old)), daily(*map(str, new))
    holds = replace(after, holds_from=dosage.holds_from(after, before, HANOI, NOW))
    span = (NOW - 6 * DAY, NOW)
    assert set(timing.due_times(holds, HANOI, *span)) <= set(timing.due_times(before, HANOI, *span))
    ahead = (NOW, NOW + 3 * DAY)
    assert timing.due_times(holds, HANOI, *ahead) == timing.due_times(after, HANOI, *ahead)
