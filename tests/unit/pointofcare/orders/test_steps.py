"""Dosage instructions resolved: who follows whom, when each holds, and what is contradictory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointofcare.errors import ScheduleUnknownError
from pointofcare.orders import steps
from pointofcare.orders.order import Dosage, Order, OrderCategory
from tests.unit.pointofcare.orders.an_order import DAY, HOUR, MON, a_step, amount, an_order, at, times

START = at("2026-03-02T06:00:00+07:00")
FIFTH, TENTH = at("2026-03-05T06:00:00+07:00"), at("2026-03-10T06:00:00+07:00")


def bounds(order: Order) -> list[tuple[object, object]]:
    return [(step.start, step.end) for step in steps.of(order)]


def test_an_order_without_instructions_is_its_own_only_step() -> None:
    order = an_order(dose=amount("5 mg"), times=times("08:00"))
    assert steps.of(order) == (order,)
    assert steps.problem(order) == ""


def test_a_step_carries_its_own_amounts_and_times_and_nothing_of_its_neighbours() -> None:
    first = a_step(1, "20 mg", "08:00", end=FIFTH, display="2 tablets", days_of_week=(MON,), every=7 * DAY)
    second = a_step(2, None, "20:00", dose_range=(amount("5 mg"), amount("10 mg")), rate=amount("5 mL/h"))
    one, other = steps.of(an_order(dosages=(first, second), display="taper", rate=None))
    assert (one.dose, one.dose_range, one.rate, one.times) == (amount("20 mg"), None, None, times("08:00"))
    assert (one.every, one.days_of_week, one.dosages) == (7 * DAY, (MON,), ())
    assert (other.dose, other.dose_range, other.rate) == (None, (amount("5 mg"), amount("10 mg")), amount("5 mL/h"))
    assert (other.times, other.every, other.days_of_week, other.display) == (times("20:00"), None, (), "prednisolone")
    assert (one.id, one.patient, one.category) == ("O1", "P1", OrderCategory.SCHEDULED)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", "prednisolone"),
        ("2 tablets in the evening", "prednisolone · 2 tablets in the evening"),
        ("Prednisolone 20 mg", "Prednisolone 20 mg"),
    ],
)
def test_the_line_of_a_step_names_the_drug_and_no_other_steps_amount(written: str, shown: str) -> None:
    order = an_order(display="prednisolone: 20 mg, then 10 mg", dosages=(a_step(1, "20 mg", "08:00", display=written),))
    assert [step.display for step in steps.of(order)] == [shown]


def test_the_orders_rate_holds_where_a_step_names_none() -> None:
    order = an_order(category=OrderCategory.INFUSION, rate=amount("40 mL/h"), dosages=(a_step(1, "500 mL"),))
    assert steps.of(order)[0].rate == amount("40 mL/h")


def test_the_next_sequence_begins_where_the_last_one_ended() -> None:
    taper = (a_step(1, "20 mg", "08:00", end=FIFTH), a_step(2, "10 mg", "08:00", end=TENTH), a_step(3, "5 mg", "08:00"))
    assert bounds(an_order(dosages=taper)) == [(START, FIFTH), (FIFTH, TENTH), (TENTH, None)]
    ends = TENTH + 5 * DAY
    assert bounds(an_order(dosages=taper, end=ends))[-1] == (TENTH, ends)


def test_sequences_follow_their_numbers_and_not_the_order_of_writing() -> None:
    taper = (a_step(7, "5 mg", "08:00"), a_step(2, "20 mg", "08:00", end=FIFTH))
    found = steps.of(an_order(dosages=taper))
    assert [step.dose for step in found] == [amount("20 mg"), amount("5 mg")]
    assert bounds(an_order(dosages=taper)) == [(START, FIFTH), (FIFTH, None)]


def test_the_latest_end_of_a_sequence_is_where_the_next_one_begins() -> None:
    together = (a_step(1, "20 mg", "08:00", end=FIFTH), a_step(1, "10 mg", "20:00", end=TENTH), a_step(2, "5 mg", "08:00"))
    assert bounds(an_order(dosages=together)) == [(START, FIFTH), (START, TENTH), (TENTH, None)]


def test_a_step_without_an_end_lasts_until_the_next_sequence_begins_by_its_own_word() -> None:
    taper = (a_step(1, "20 mg", "08:00"), a_step(2, "10 mg", "08:00", start=TENTH), a_step(2, "5 mg", "20:00", start=FIFTH))
    assert bounds(an_order(dosages=taper)) == [(START, FIFTH), (TENTH, None), (FIFTH, None)]


def test_a_pause_between_two_steps_is_no_contradiction() -> None:
    taper = (a_step(1, "20 mg", "08:00", end=FIFTH), a_step(2, "10 mg", "08:00", start=TENTH))
    assert bounds(an_order(dosages=taper)) == [(START, FIFTH), (TENTH, None)]


def test_steps_may_touch_but_not_overlap() -> None:
    def taper(start: object) -> Order:
        return an_order(dosages=(a_step(1, "20 mg", "08:00", end=FIFTH), a_step(2, "10 mg", "08:00", start=start)))

    assert steps.problem(taper(FIFTH)) == ""
    assert steps.problem(taper(FIFTH - HOUR)) == steps.OVERLAP


def test_one_long_step_of_a_sequence_overlaps_the_earliest_of_the_next() -> None:
    early = a_step(1, "20 mg", "08:00", end=FIFTH), a_step(1, "20 mg", "20:00", end=TENTH)
    late = a_step(2, "5 mg", "08:00", start=TENTH), a_step(2, "5 mg", "20:00", start=TENTH - HOUR)
    assert steps.problem(an_order(dosages=early + late)) == steps.OVERLAP
    assert steps.problem(an_order(dosages=(*early, late[0]))) == ""


def test_the_third_sequence_is_compared_too() -> None:
    taper = (
        a_step(1, "20 mg", "08:00", end=FIFTH),
        a_step(2, "10 mg", "08:00", end=TENTH),
        a_step(3, "5 mg", "08:00", start=TENTH - HOUR),
    )
    assert steps.problem(an_order(dosages=taper)) == steps.OVERLAP


@pytest.mark.parametrize(
    ("dosages", "code"),
    [
        ((a_step(1, "20 mg", "08:00"), a_step(2, "10 mg", "08:00")), steps.WITHOUT_END),
        ((a_step(1, "20 mg", "08:00"), a_step(2, "1 mg", "08:00", start=FIFTH), a_step(2, "2 mg", "20:00")), steps.WITHOUT_END),
        ((a_step(1, "20 mg", "08:00", end=START),), steps.ENDS_FIRST),
        ((a_step(1, "20 mg", "08:00", start=TENTH, end=FIFTH),), steps.ENDS_FIRST),
        ((a_step(1, "20 mg", "08:00", start=TENTH), a_step(2, "10 mg", "08:00", start=FIFTH)), steps.ENDS_FIRST),
        ((a_step(1, "20 mg", "08:00", end=FIFTH), a_step(2, "10 mg", "08:00", end=FIFTH)), steps.ENDS_FIRST),
    ],
)
def test_what_cannot_follow_is_named(dosages: tuple[Dosage, ...], code: str) -> None:
    order = an_order(dosages=dosages)
    assert steps.problem(order) == code
    with pytest.raises(ScheduleUnknownError) as caught:
        steps.of(order)
    assert caught.value.fields == {"order": "O1", "version": 1, "problem": code}
    assert "order O1 version 1 has a dosage instruction" in caught.value.message
    assert caught.value.remedy


def test_an_order_that_ends_before_its_last_step_begins_is_cut_short_and_not_contradictory() -> None:
    taper = (a_step(1, "20 mg", "08:00", end=FIFTH), a_step(2, "10 mg", "08:00"))
    assert bounds(an_order(dosages=taper, end=FIFTH - DAY)) == [(START, FIFTH), (FIFTH, FIFTH - DAY)]


@pytest.mark.parametrize(
    "own",
    [
        {"dose": amount("5 mg")},
        {"dose_range": (amount("5 mg"), amount("10 mg"))},
        {"times": times("08:00")},
        {"every": 8 * HOUR},
        {"days_of_week": (MON,)},
    ],
)
def test_amounts_or_times_beside_instructions_contradict_them(own: dict[str, object]) -> None:
    assert steps.problem(an_order(dosages=(a_step(1, "20 mg", "08:00"),), **own)) == steps.OWN


def test_two_rates_contradict_each_other() -> None:
    step = a_step(1, "500 mL", rate=amount("40 mL/h"))
    order = an_order(category=OrderCategory.INFUSION, rate=amount("40 mL/h"), dosages=(replace(step, rate=None), step))
    assert steps.problem(order) == steps.OWN
    assert steps.problem(replace(order, rate=None)) == ""


@pytest.mark.parametrize("category", [OrderCategory.ONCE, OrderCategory.STAT])
def test_a_single_dose_has_one_instruction_at_most(category: OrderCategory) -> None:
    one, two = (a_step(1, "20 mg", end=FIFTH),), (a_step(1, "20 mg", end=FIFTH), a_step(2, "10 mg"))
    assert steps.problem(an_order(category=category, dosages=one)) == ""
    assert steps.problem(an_order(category=category, dosages=two)) == steps.SINGLE_SEVERAL
    assert "single dose" in steps.unknown(an_order(), "x", "is for a single dose").message


def test_a_step_holds_from_its_start_and_until_its_end() -> None:
    taper = an_order(dosages=(a_step(1, "20 mg", "08:00", end=FIFTH), a_step(2, "10 mg", "08:00", end=TENTH)))
    found = steps.of(taper)
    assert steps.holding(found, START - HOUR) == ()
    assert steps.holding(found, START) == found[:1]
    assert steps.holding(found, FIFTH) == found[1:]
    assert steps.holding(found, TENTH) == ()
    open_ended = steps.of(an_order(start=None, dosages=(a_step(1, "20 mg", "08:00"),)))
    assert steps.holding(open_ended, START) == open_ended


def test_laying_a_step_over_keeps_the_orders_bounds() -> None:
    order = an_order(dosages=(a_step(1, "20 mg", "08:00", end=FIFTH), a_step(2, "10 mg", "20:00")), end=TENTH, needs_double_check=True)
    meant = steps.laid_over(order, steps.of(order)[1])
    assert (meant.start, meant.end, meant.dose, meant.times, meant.dosages) == (START, TENTH, amount("10 mg"), times("20:00"), ())
    assert meant.needs_double_check


def test_an_order_without_amounts_says_nothing_of_how_much_or_when() -> None:
    order = an_order(
        dose=amount("1 mg"), dose_range=(amount("1 mg"), amount("2 mg")), rate=amount("1 mL/h"), times=times("08:00"), every=DAY,
        days_of_week=(MON,), dosages=(a_step(),), display="as before",
    )  # fmt: skip
    bare = steps.without_amounts(order)
    assert (bare.dose, bare.dose_range, bare.rate, bare.times, bare.every, bare.days_of_week, bare.dosages) == (
        None, None, None, (), None, (), (),
    )  # fmt: skip
    assert bare.display == "as before"


def test_equal_amounts_never_contradict_each_other() -> None:
    one, other = steps.of(an_order(dosages=(a_step(1, "20 mg", "08:00"), a_step(1, "20 mg", "20:00"))))
    assert steps.amounts(one) == steps.amounts(other)
    assert steps.amounts(one) != steps.amounts(replace(one, rate=amount("1 mL/h")))
    assert steps.amounts(one) != steps.amounts(replace(one, dose_range=(amount("1 mg"), amount("2 mg"))))
