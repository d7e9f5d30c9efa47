"""What must be clarified: each code on both sides of its edge, its field, and words for it in every language."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.orders import clarify, dosage, steps, timing
from pointofcare.orders.clarify import Problem
from pointofcare.orders.order import DayOfWeek, Dosage, Order, OrderCategory, Prn
from pointofcare.quantity import Quantity
from pointofcare.texts import LANGUAGES
from pointofcare.texts import orders as texts
from tests.unit.pointofcare.orders.an_order import DAY, HANOI, HOUR, MON, a_step, amount, an_order, at, times

START = at("2026-03-02T06:00:00+07:00")
GOOD = an_order(dose=amount("5 mg"), times=times("08:00"))
PRN = an_order(dose=amount("5 mg"), category=OrderCategory.PRN, prn=Prn(reasons=("pain",)))
INFUSION = an_order(category=OrderCategory.INFUSION, rate=amount("83 mL/h"))
PATCH = an_order(dose=amount("1 {patch}"), category=OrderCategory.PATCH, every=72 * HOUR)
RUNS_AT_40 = a_step(1, None, rate=amount("40 mL/h"))
TAPER = an_order(dosages=(a_step(1, "20 mg", "08:00", end=START + DAY), a_step(2, "10 mg", "08:00")))


def found(order: Order) -> list[tuple[str, str]]:
    return [(problem.code, problem.field) for problem in clarify.problems(order)]


def zero() -> Quantity:
    return amount("0 mg")


@pytest.mark.parametrize(
    "order",
    [
        GOOD,
        replace(GOOD, start=None),
        replace(GOOD, dose=amount("15 mg/kg")),
        replace(GOOD, dose=amount("100 mg/m2")),
        replace(GOOD, dose=amount("2 {puff}")),
        replace(GOOD, dose=amount("4 [IU]")),
        replace(GOOD, dose=amount("10 mmol")),
        replace(GOOD, dose=amount("5 mL")),
        replace(GOOD, dose=amount("3 [drp]")),
        replace(GOOD, dose=None, dose_range=(amount("2 mg"), amount("5 mg"))),
        replace(GOOD, dose=None, dose_range=(amount("5 mg"), amount("0.005 g"))),
        replace(GOOD, times=(), every=8 * HOUR),
        replace(GOOD, every=DAY),
        replace(GOOD, end=START + timedelta(microseconds=1)),
        replace(GOOD, category=OrderCategory.STAT, times=()),
        replace(GOOD, category=OrderCategory.ONCE),
        replace(GOOD, category=OrderCategory.ON_CALL, times=()),
        replace(GOOD, rate=amount("100 mL/h")),
        replace(GOOD, display="one tablet in the morning"),
        PRN,
        replace(PRN, prn=Prn(min_interval=timing.SHORTEST_INTERVAL, max_per_24h=amount("4 g"))),
        replace(PRN, dosages=(a_step(1, "5 mg"),), dose=None),
        INFUSION,
        replace(INFUSION, dose=amount("500 mL")),
        replace(INFUSION, rate=amount("5 ug/kg/min")),
        replace(INFUSION, rate=amount("20 [drp]/min")),
        replace(INFUSION, rate_range=(amount("50 mL/h"), amount("100 mL/h"))),
        replace(INFUSION, rate_range=(amount("83 mL/h"), amount("83 mL/h"))),
        replace(INFUSION, rate=None, dosages=(a_step(1, None, rate=amount("40 mL/h")),)),
        PATCH,
        TAPER,
    ],
)
def test_a_clear_order_has_nothing_to_clarify(order: Order) -> None:
    assert found(order) == []
    assert clarify.codes(order) == ()


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (replace(GOOD, clarification="clarify-no-dose="), ("clarification", "clarification")),
        (replace(GOOD, ingredient=" / "), ("no-ingredient", "ingredient")),
        (replace(GOOD, dose=None, times=(), display="as before"), ("text-only", "display")),
        (replace(GOOD, dose=None, times=()), ("no-dose", "dose")),
        (replace(GOOD, dose=None, times=(), display=" "), ("no-dose", "dose")),
        (replace(GOOD, dose=None, display="as before"), ("no-dose", "dose")),
        (replace(GOOD, dose=None, times=(), every=DAY, display="as before"), ("no-dose", "dose")),
        (replace(GOOD, dose=None, rate=amount("1 mL/h"), display="as before"), ("no-dose", "dose")),
        (replace(GOOD, dose_range=(amount("2 mg"), amount("5 mg"))), ("dose-and-range", "dose_range")),
        (replace(GOOD, dose=zero()), ("dose-not-above-zero", "dose")),
        (replace(GOOD, dose=None, dose_range=(zero(), amount("5 mg"))), ("dose-not-above-zero", "dose")),
        (replace(GOOD, dose=amount("5 1")), ("dose-unit", "dose")),
        (replace(GOOD, dose=amount("5 %")), ("dose-unit", "dose")),
        (replace(GOOD, dose=amount("5 {score}")), ("dose-unit", "dose")),
        (replace(GOOD, dose=amount("5 h")), ("dose-unit", "dose")),
        (replace(GOOD, dose=amount("5 mm[Hg]")), ("dose-unit", "dose")),
        (replace(GOOD, dose=amount("5 mg/mL")), ("dose-unit", "dose")),
        (replace(GOOD, dose=amount("5 /kg")), ("dose-unit", "dose")),
        (replace(GOOD, dose=amount("5 mL/h")), ("dose-is-rate", "dose")),
        (replace(GOOD, dose=amount("5 mg/kg/d")), ("dose-is-rate", "dose")),
        (replace(GOOD, dose=None, dose_range=(amount("5.1 mg"), amount("5 mg"))), ("dose-range-reversed", "dose_range")),
        (replace(GOOD, dose=None, dose_range=(amount("5 mg"), amount("1 mL"))), ("dose-range-units", "dose_range")),
        (replace(GOOD, end=START), ("ends-before-start", "end")),
        (replace(GOOD, times=()), ("no-times", "times")),
        (replace(GOOD, every=7 * HOUR), ("times-and-every", "every")),
        (replace(GOOD, days_of_week=(MON,), every=2 * DAY), ("days-and-every", "days_of_week")),
        (replace(GOOD, days_of_week=(MON,), times=()), ("days-without-times", "days_of_week")),
        (replace(GOOD, every=timedelta(seconds=30)), ("every-too-short", "every")),
        (replace(GOOD, times=(), every=40000 * DAY), ("every-too-long", "every")),
        (replace(GOOD, times=(), every=8 * HOUR, start=None), ("no-start", "start")),
        (replace(PRN, times=times("08:00")), ("prn-with-times", "times")),
        (replace(PRN, every=6 * HOUR), ("prn-with-times", "times")),
        (replace(PRN, days_of_week=(MON,)), ("prn-with-times", "times")),
        (replace(PRN, prn=Prn(min_interval=timedelta(0))), ("prn-interval", "prn.min_interval")),
        (replace(PRN, prn=Prn(max_per_24h=zero())), ("prn-maximum", "prn.max_per_24h")),
        (replace(PRN, prn=Prn(max_per_24h=amount("4 h"))), ("prn-maximum", "prn.max_per_24h")),
        (replace(GOOD, category=OrderCategory.ON_CALL), ("times-not-used", "times")),
        (replace(INFUSION, every=6 * HOUR), ("times-not-used", "times")),
        (replace(INFUSION, rate=None, dose=amount("500 mL")), ("no-rate", "rate")),
        (replace(INFUSION, rate=None), ("no-rate", "rate")),
        (replace(INFUSION, rate=amount("0 mL/h")), ("rate-not-above-zero", "rate")),
        (replace(INFUSION, rate=amount("83 mL")), ("rate-unit", "rate")),
        (replace(INFUSION, rate=amount("83 /h")), ("rate-unit", "rate")),
        (replace(INFUSION, rate=amount("2 mg/mL")), ("rate-unit", "rate")),
        (replace(GOOD, rate=amount("83 /h")), ("rate-unit", "rate")),
        (replace(INFUSION, rate_range=(amount("84 mL/h"), amount("100 mL/h"))), ("rate-range", "rate_range")),
        (replace(INFUSION, rate_range=(amount("50 mL/h"), amount("82 mL/h"))), ("rate-range", "rate_range")),
        (replace(INFUSION, rate_range=(amount("100 mL/h"), amount("50 mL/h"))), ("rate-range", "rate_range")),
        (replace(INFUSION, rate_range=(amount("1 mg/h"), amount("2 mg/h"))), ("rate-range", "rate_range")),
        (replace(INFUSION, rate_range=(amount("50 mL/h"), amount("2 mg/h"))), ("rate-unit", "rate_range")),
        (replace(INFUSION, rate_range=(amount("50 mL"), amount("90 mL"))), ("rate-unit", "rate_range")),
        (replace(INFUSION, rate_range=(amount("50 /h"), amount("90 /h"))), ("rate-unit", "rate_range")),
        (replace(PATCH, every=None), ("patch-without-duration", "times")),
        (replace(TAPER, dose=amount("5 mg")), ("dosages-and-own", "dosages")),
        (replace(TAPER, dosages=(*TAPER.dosages[1:], a_step(3, "1 mg", "08:00"))), ("dosage-without-end", "dosages")),
        (replace(TAPER, dosages=(TAPER.dosages[0], a_step(2, "1 mg", "08:00", start=START))), ("dosages-overlap", "dosages")),
        (replace(TAPER, dosages=(a_step(1, "1 mg", "08:00", end=START),)), ("dosage-ends-before-start", "dosages")),
        (replace(TAPER, dosages=(a_step(1, "1 mg", "08:00"), a_step(1, "2 mg", "08:00"))), ("dosages-clash", "dosages")),
        (replace(TAPER, category=OrderCategory.ONCE), ("single-with-dosages", "dosages")),
        (replace(TAPER, dosages=(TAPER.dosages[0], a_step(2, None, "08:00"))), ("no-dose", "dosages[1].dose")),
        (replace(TAPER, dosages=(a_step(1, "5 h", "08:00"),)), ("dose-unit", "dosages[0].dose")),
        (replace(INFUSION, rate=None, dosages=(a_step(1, "500 mL"),)), ("no-rate", "dosages[0].rate")),
        (replace(PRN, dose=None, dosages=(a_step(1, "5 mg", "08:00"),)), ("prn-with-times", "dosages[0].times")),
        (
            replace(INFUSION, rate=None, dosages=(RUNS_AT_40,), rate_range=(amount("50 mL/h"), amount("90 mL/h"))),
            ("rate-range", "rate_range"),
        ),
    ],
)  # fmt: skip
def test_each_unclear_order_says_what_is_unclear(order: Order, expected: tuple[str, str]) -> None:
    assert found(order) == [expected]
    assert clarify.codes(order) == (expected[0],)
    assert expected[0] in clarify.CODES


def test_every_code_is_met_by_a_case_above() -> None:
    cases = test_each_unclear_order_says_what_is_unclear.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {expected[0] for _, expected in cases} == set(clarify.CODES)


def test_several_problems_are_all_named_once() -> None:
    order = an_order(ingredient="", dose_range=(zero(), zero()), end=START, times=(), every=timedelta(0))
    assert found(order) == [
        ("no-ingredient", "ingredient"),
        ("ends-before-start", "end"),
        ("every-too-short", "every"),
        ("dose-not-above-zero", "dose"),
    ]
    two = replace(TAPER, dosages=(a_step(1, None, "08:00", end=START + DAY), a_step(2, None, "08:00")))
    assert clarify.codes(two) == ("no-dose",)
    assert len(clarify.problems(two)) == 2


def test_a_step_without_a_rate_of_its_own_runs_at_the_orders() -> None:
    assert found(replace(INFUSION, dosages=(a_step(1, "500 mL"),))) == []


def test_every_code_has_words_in_every_language() -> None:
    for code in clarify.CODES:
        for language in LANGUAGES:
            assert texts.catalogue().has(language, f"clarify-{code}"), (code, language)
            assert texts.words(language, f"clarify-{code}=dose") not in ("", f"clarify-{code}=dose")
    assert len(set(clarify.CODES)) == len(clarify.CODES)


def test_problems_are_kept_as_lines_that_each_reader_gets_in_his_language() -> None:
    kept = texts.stored((Problem(code="no-dose", field="dose"), Problem(code="no-start", field="start")))
    assert kept == "clarify-no-dose=dose\nclarify-no-start=start"
    assert texts.words("en", kept) == "there is no dose; there is no start"
    assert texts.words("vi", kept) == "thiếu liều; thiếu lúc bắt đầu"
    assert texts.words("en", "no-dose, no-start") == "there is no dose, there is no start"
    assert texts.words("en", "clarify-dose-unreadable=1 viên\n\nnote=ask = Dr Lan") == 'the dose "1 viên" is not readable; ask = Dr Lan'
    assert texts.words("en", "ask Dr Lan\nno-such, no-dose\nclarify-no-such=1") == "ask Dr Lan; no-such, no-dose; clarify-no-such=1"
    assert texts.words("en", "clarify-no-dose=a\nclarify-no-dose=b") == "there is no dose"
    assert texts.stored(()) == ""
    assert texts.words("en", "") == ""


_AMOUNTS = st.one_of(
    st.none(), st.sampled_from([amount(text) for text in ("5 mg", "0 mg", "5 h", "10 mg", "5 mL/h", "1 {tablet}", "5 /h")])
)
_RANGES = st.one_of(st.none(), st.tuples(_AMOUNTS, _AMOUNTS).filter(lambda ends: None not in ends))
_SPANS = st.sampled_from([None, timedelta(0), 8 * HOUR, DAY, 2 * DAY, 7 * DAY, 99999 * DAY])
_MOMENTS = st.sampled_from([None, START, START + DAY, START - DAY])
_CLOCKS = st.sampled_from([(), times("08:00"), times("02:30", "08:00")])
_DAYS = st.lists(st.sampled_from(list(DayOfWeek)), max_size=3).map(tuple)
_STEPS = st.lists(
    st.builds(
        Dosage, sequence=st.integers(1, 2), dose=_AMOUNTS, dose_range=_RANGES, rate=_AMOUNTS, times=_CLOCKS, every=_SPANS,
        days_of_week=_DAYS, start=_MOMENTS, end=_MOMENTS,
    ),
    max_size=3,
).map(tuple)  # fmt: skip
_ORDERS = st.builds(
    an_order, dose=_AMOUNTS, dose_range=_RANGES, rate=_AMOUNTS, rate_range=_RANGES, times=_CLOCKS, every=_SPANS, days_of_week=_DAYS,
    start=_MOMENTS, end=_MOMENTS, dosages=_STEPS, category=st.sampled_from(list(OrderCategory)), ingredient=st.sampled_from(["", "a/b"]),
    prn=st.one_of(st.none(), st.builds(Prn, min_interval=_SPANS, max_per_24h=_AMOUNTS)), display=st.sampled_from(["", "text"]),
)  # fmt: skip


@given(_ORDERS)
def test_no_order_makes_it_raise_and_a_clear_one_can_be_computed(order: Order) -> None:
    problems = clarify.problems(order)
    assert len(set(problems)) == len(problems)
    assert {problem.code for problem in problems} <= set(clarify.CODES)
    meant = dosage.effective(order, START, HANOI)
    assert not meant.dosages
    if not problems:
        assert steps.problem(order) == timing.problem(order) == ""
        timing.due_times(order, HANOI, START - DAY, START + timedelta(minutes=1))
        timing.interval(order, START)
