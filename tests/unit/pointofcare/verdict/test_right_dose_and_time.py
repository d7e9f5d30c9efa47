"""Rules Q1 to Q7, T1 to T6, N1 to N3: the right dose at the right time."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from pointofcare.orders.order import OrderCategory, Prn
from pointofcare.people import Weight
from pointofcare.products import MaxDaily, Release
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import Level, Verdict
from pointofcare.verdict.policy import Policy
from tests.support.builders import (
    NOW,
    a_band_scan,
    a_cart,
    a_drug_scan,
    a_patient,
    a_product,
    amount,
    an_entry,
    an_ingredient,
    an_intent,
    an_order,
    facts,
    finding_of,
    level_of,
    local,
    scanned,
)

VIAL = a_product(
    form="injection", routes=("IV",), ingredients=(an_ingredient("gentamicin", "800 mg"),), volume=amount("20 mL"), multi_dose=True
)


def _packs(number: int, **changes: object) -> Facts:
    packs = [a_drug_scan(serial=f"S{place}") for place in range(number)]
    return replace(facts(scans=scanned(a_band_scan(), *packs)), **changes)  # type: ignore[arg-type]


def _vial(dose: str | None, ordered: str = "120 mg", **changes: object) -> Verdict:
    order = an_order(ordered, ingredient="gentamicin", form="injection", route="IV")
    intent = an_intent(dose=amount(dose) if dose else None)
    return evaluate(replace(facts(products=(VIAL,), orders=(order,), intent=intent), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("dose", "level"), [("3 mL", Level.PASS), ("120 mg", Level.PASS), ("30 mL", Level.STOP), ("2 mL", Level.REASON)])
def test_amount_drawn_converts_only_through_the_products_own_strength(dose: str, level: Level) -> None:
    assert _vial(dose).level is level


@pytest.mark.parametrize("ordered", ["120 [IU]", "120 mmol", "2 {tablet}"])
def test_units_that_do_not_compare_stop(ordered: str) -> None:
    assert level_of(_vial("3 mL", ordered), "Q1") is Level.STOP


def test_stated_dose_in_the_ordered_unit_does_not_hide_an_incomparable_product() -> None:
    assert level_of(_vial("120 [IU]", "120 [IU]"), "Q1") is Level.STOP


def test_strength_that_is_not_known_is_unknown() -> None:
    product = a_product(ingredients=(an_ingredient("amoxicillin", None),))
    finding = finding_of(evaluate(facts(products=(product,))), "Q1")
    assert finding is not None
    assert (finding.level, finding.unknown) == (Level.REASON, True)


def test_too_little_asks_for_the_missing_units() -> None:
    finding = finding_of(evaluate(_packs(1, orders=(an_order("1500 mg"),))), "Q2")
    assert finding is not None
    assert (finding.level, finding.remedy, finding.params) == (Level.REASON, "scan-more", {"n": 2})
    assert evaluate(_packs(3, orders=(an_order("1500 mg"),))).level is Level.PASS


def test_too_much_stops_whatever_the_reason() -> None:
    assert evaluate(_packs(2, intent=an_intent(reason="prescriber-confirmed"))).level is Level.STOP


def test_a_unit_too_many_stops_even_when_the_right_amount_is_stated() -> None:
    assert level_of(evaluate(_packs(2, intent=an_intent(dose=amount("500 mg")))), "Q2") is Level.STOP


def test_range_order_takes_what_lies_in_it() -> None:
    ranged = an_order(None, dose_range=(amount("500 mg"), amount("1 g")))
    assert evaluate(_packs(1, orders=(ranged,))).level is Level.PASS
    assert evaluate(_packs(2, orders=(ranged,))).level is Level.PASS
    assert evaluate(_packs(3, orders=(ranged,))).level is Level.STOP


def test_one_scan_never_stands_for_two_units() -> None:
    verdict = evaluate(_packs(1, orders=(an_order("1 g"),), intent=an_intent(dose=amount("1 g"))))
    assert level_of(verdict, "Q3") is Level.REASON


def test_multi_dose_container_asks_for_the_amount_drawn() -> None:
    finding = finding_of(_vial(None), "Q3")
    assert finding is not None
    assert (finding.level, finding.unknown) == (Level.REASON, True)


def test_same_serial_number_counts_once() -> None:
    twice = scanned(a_band_scan(), a_drug_scan(serial="S1"), a_drug_scan(serial="S1"))
    assert evaluate(facts(scans=twice)).level is Level.PASS
    assert level_of(evaluate(facts(scans=twice, orders=(an_order("1 g"),))), "Q3") is Level.REASON


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"divisible": True}, Level.PASS),
        ({"divisible": False}, Level.STOP),
        ({"divisible": True, "release": Release.EXTENDED}, Level.STOP),
        ({"divisible": True, "ingredients": (an_ingredient("amoxicillin", "500 mg", "cytotoxic"),)}, Level.STOP),
    ],
)
def test_only_a_divisible_product_is_divided(change: dict[str, object], level: Level) -> None:
    product = replace(a_product(), **change)  # type: ignore[arg-type]
    half = facts(products=(product,), orders=(an_order("250 mg"),), intent=an_intent(dose=amount("250 mg")))
    assert level_of(evaluate(half), "Q4") is level


def test_part_of_a_dose_given_is_recorded_with_its_reason() -> None:
    part = facts(orders=(an_order("1 g"),), intent=an_intent(reason="vomited"))
    record = evaluate(part).record
    assert record is not None
    assert (str(record.dose), record.reason) == ("0.5 g", "vomited")


def test_one_of_two_units_refused_is_a_part_and_no_unit_too_many() -> None:
    half = a_product(ingredients=(an_ingredient("amoxicillin", "250 mg"),))
    part = replace(_packs(2), products=(half,), intent=an_intent(dose=amount("250 mg")))
    assert evaluate(part).level is Level.REASON
    taken = evaluate(replace(part, intent=an_intent(dose=amount("250 mg"), reason="refused")))
    assert taken.level is Level.PASS
    assert taken.record is not None
    assert str(taken.record.dose) == "250 mg"


@pytest.mark.parametrize(("reason", "level"), [("vomited", Level.PASS), ("emergency", Level.STOP), (None, Level.STOP)])
def test_half_of_a_whole_unit_is_charted_only_as_what_the_patient_took(reason: str | None, level: Level) -> None:
    assert evaluate(facts(intent=an_intent(dose=amount("250 mg"), reason=reason))).level is level


def test_bottle_labelled_per_spoon_gives_more_than_a_spoon_and_a_vial_no_more_than_it_holds() -> None:
    syrup = replace(VIAL, form="suspension", routes=("PO",), ingredients=(an_ingredient("gentamicin", "250 mg"),), volume=amount("5 mL"))
    order = an_order("500 mg", ingredient="gentamicin", form="suspension", route="PO")
    poured = facts(products=(syrup,), orders=(order,), intent=an_intent(dose=amount("10 mL")))
    assert evaluate(poured).level is Level.PASS
    assert level_of(evaluate(replace(poured, intent=an_intent(dose=amount("100 mL")))), "Q2") is Level.STOP
    assert level_of(_vial("30 mL", ordered="1200 mg"), "Q3") is Level.REASON


INHALER = a_product(form="inhaler", routes=("INH",), ingredients=(an_ingredient("salbutamol", "100 ug"),))


@pytest.mark.parametrize("ordered", ["2 {puff}", "200 ug"])
@pytest.mark.parametrize(("puffs", "level"), [("2 {puff}", Level.PASS), ("20 {puff}", Level.STOP), (None, Level.REASON)])
def test_puffs_are_counted_and_weigh_what_the_product_says(ordered: str, puffs: str | None, level: Level) -> None:
    order = an_order(ordered, ingredient="salbutamol", form="inhaler", route="INH")
    intent = an_intent(dose=amount(puffs) if puffs else None)
    assert evaluate(facts(products=(INHALER,), orders=(order,), intent=intent)).level is level


def test_as_needed_maximum_may_be_counted_in_puffs() -> None:
    prn = Prn(reasons=("wheeze",), max_per_24h=amount("8 {puff}"))
    order = an_order("2 {puff}", ingredient="salbutamol", form="inhaler", route="INH", category=OrderCategory.PRN, times=(), prn=prn)
    asked = facts(products=(INHALER,), orders=(order,), intent=an_intent(dose=amount("2 {puff}"), prn_reason="wheeze"))
    gives = tuple(an_entry(at=NOW - timedelta(hours=hours), dose=amount("2 {puff}")) for hours in (3, 6, 9, 12))
    assert evaluate(replace(asked, history=gives[:3])).level is Level.PASS
    assert level_of(evaluate(replace(asked, history=gives)), "N3") is Level.STOP


def _paracetamol(*gives: tuple[timedelta, str], hard: str | None = "4 g", soft: str | None = "3 g") -> Verdict:
    limit = MaxDaily(ingredient="paracetamol", hard=amount(hard) if hard else None, soft=amount(soft) if soft else None)
    product = a_product(ingredients=(an_ingredient("paracetamol", "500 mg"),), max_daily=(limit,))
    history = tuple(an_entry(order="X", at=NOW - ago, dose=amount(dose)) for ago, dose in gives)
    return evaluate(facts(products=(product,), orders=(an_order(ingredient="paracetamol"),), history=history))


def test_daily_maximum_counts_a_rolling_day_and_this_dose() -> None:
    hours = [timedelta(hours=hour) for hour in (6, 12, 18)]
    assert level_of(_paracetamol(*((ago, "1 g") for ago in hours)), "Q6") is Level.REASON
    assert level_of(_paracetamol(*((ago, "1250 mg") for ago in hours)), "Q6") is Level.STOP
    assert level_of(_paracetamol((timedelta(hours=24), "4 g")), "Q6") is Level.PASS
    assert level_of(_paracetamol((timedelta(hours=23, minutes=59, seconds=59), "4 g")), "Q6") is Level.STOP
    assert level_of(_paracetamol((timedelta(hours=6), "2500 mg")), "Q6") is Level.PASS


def test_give_by_a_cart_whose_clock_is_ahead_counts_all_the_same() -> None:
    ahead = timedelta(seconds=-40)
    assert level_of(_paracetamol((ahead, "4 g")), "Q6") is Level.STOP
    assert level_of(evaluate(facts(history=(an_entry(order="X", at=NOW - ahead),))), "T3") is Level.WARN


def test_daily_maximum_says_when_it_will_pass() -> None:
    finding = finding_of(_paracetamol((timedelta(hours=20), "2 g"), (timedelta(hours=6), "1750 mg")), "Q6")
    assert finding is not None
    assert (finding.remedy, finding.params) == ("wait-for-total", {"at": "2026-03-02T12:05:00+07:00"})


def test_give_of_an_unknown_amount_is_unknown() -> None:
    verdict = _paracetamol((timedelta(hours=6), "3 mmol"))
    finding = finding_of(verdict, "Q6")
    assert finding is not None
    assert finding.unknown


def test_dose_by_weight_needs_a_fresh_weight() -> None:
    def ask(weight: Weight | None) -> Level:
        return evaluate(facts(orders=(an_order("10 mg/kg"),), patients=(a_patient(weight=weight),))).level

    fifty = amount("50 kg")
    assert ask(Weight(value=fifty, at=NOW - timedelta(days=7))) is Level.PASS
    assert ask(Weight(value=fifty, at=NOW - timedelta(days=7, seconds=1))) is Level.REASON
    assert ask(None) is Level.REASON
    assert ask(Weight(value=amount("5 kg"), at=NOW)) is Level.STOP


@pytest.mark.parametrize(
    ("clock", "level"),
    [
        ("06:59:59", Level.WARN),
        ("07:00:00", Level.PASS),
        ("08:59:59", Level.PASS),
        ("09:00:00", Level.WARN),
    ],
)
def test_window_includes_its_first_instant_and_excludes_its_last(clock: str, level: Level) -> None:
    assert level_of(evaluate(facts(at=local(clock))), "T1") is level


def test_early_by_more_than_half_the_interval_asks_for_a_reason() -> None:
    evening = an_intent(due=local("20:00:00"))
    assert level_of(evaluate(facts(at=local("14:00:00"), intent=evening)), "T1") is Level.WARN
    assert level_of(evaluate(facts(at=local("13:59:59"), intent=evening)), "T1") is Level.REASON


@pytest.mark.parametrize(
    ("order", "late", "level"),
    [
        (an_order(times=(time(8),)), 119, Level.PASS),
        (an_order(times=(time(8),)), 120, Level.WARN),
        (an_order(time_critical=True), 29, Level.PASS),
        (an_order(time_critical=True), 30, Level.WARN),
        (an_order(times=(), every=timedelta(hours=2), start=local("06:00:00")), 30, Level.WARN),
    ],
)
def test_windows_follow_the_frequency(order: object, late: int, level: Level) -> None:
    assert level_of(evaluate(facts(orders=(order,), at=local("08:00:00") + timedelta(minutes=late))), "T1") is level


@pytest.mark.parametrize("category", [OrderCategory.STAT, OrderCategory.ONCE, OrderCategory.ON_CALL])
def test_orders_without_scheduled_times_have_no_window(category: OrderCategory) -> None:
    order = an_order(category=category, times=(), start=local("03:00:00"))
    assert evaluate(facts(orders=(order,))).level is Level.PASS


def test_interval_beyond_all_reason_is_an_unknown_schedule() -> None:
    never = an_order(times=(time(8), time(20)), every=timedelta.max)
    finding = finding_of(evaluate(facts(orders=(never,))), "T1")
    assert finding is not None
    assert (finding.level, finding.unknown) == (Level.REASON, True)


def test_single_dose_is_due_at_the_first_of_its_times_or_at_its_start() -> None:
    once = an_order(category=OrderCategory.ONCE, times=(time(20), time(8)), start=local("06:00:00"))
    assert evaluate(facts(orders=(once,))).due == local("08:00:00")
    assert evaluate(facts(orders=(replace(once, times=()),))).due == local("06:00:00")


def test_unknown_zone_leaves_the_due_time_unknown() -> None:
    verdict = evaluate(facts(timezone=None))
    assert verdict.due is None
    assert level_of(verdict, "T1") is Level.REASON
    elapsed = an_order(times=(), every=timedelta(hours=12), start=local("20:00:00", "2026-03-01"))
    assert evaluate(facts(timezone=None, orders=(elapsed,))).level is Level.PASS


def test_earlier_dose_after_a_later_one_stops() -> None:
    order = an_order(times=(time(6), time(14), time(22)))
    history = (an_entry(due=local("14:00:00"), at=local("05:00:00")),)
    named = facts(orders=(order,), history=history, intent=an_intent(due=local("06:00:00")))
    assert level_of(evaluate(named), "T2") is Level.STOP
    assert level_of(evaluate(replace(named, history=())), "T2") is Level.PASS


@pytest.mark.parametrize("minutes", [0, 120])
def test_same_drug_recorded_in_the_last_two_hours_warns(minutes: int) -> None:
    entry = an_entry(order="X", at=NOW - timedelta(minutes=minutes))
    assert evaluate(facts(history=(entry,))).level is Level.WARN
    assert evaluate(facts(history=(replace(entry, at=NOW - timedelta(minutes=120, seconds=1)),))).level is Level.PASS


def test_late_dose_close_to_the_next_proposes_another_time() -> None:
    late = facts(at=local("15:00:00"), intent=an_intent(due=local("08:00:00")))
    assert level_of(evaluate(late), "T4") is Level.WARN
    assert level_of(evaluate(facts(at=local("09:30:00"))), "T4") is Level.PASS


@pytest.mark.parametrize(
    ("online", "offset", "level"),
    [
        (True, 60, Level.PASS),
        (True, -61, Level.NOTE),
        (True, 100_000, Level.NOTE),
        (False, 300, Level.NOTE),
        (False, -301, Level.STOP),
        (True, None, Level.REASON),
    ],
)
def test_wrong_clock(online: bool, offset: float | None, level: Level) -> None:
    assert level_of(evaluate(facts(cart=a_cart(online=online, clock_offset_s=offset))), "T6") is level


PRN = an_order(category=OrderCategory.PRN, times=(), prn=Prn(reasons=("pain",), min_interval=timedelta(hours=4), max_per_24h=amount("2 g")))


@pytest.mark.parametrize(("reason", "level"), [("pain", Level.PASS), ("Pain ", Level.PASS), (None, Level.REASON), ("sleep", Level.REASON)])
def test_as_needed_drug_needs_an_ordered_reason(reason: str | None, level: Level) -> None:
    verdict = evaluate(facts(orders=(PRN,), intent=an_intent(prn_reason=reason)))
    assert (verdict.level, verdict.due) == (level, None)


@pytest.mark.parametrize(
    ("name", "drug_class", "level"),
    [("amoxicillin", "penicillin", Level.REASON), ("morphine", "opioid", Level.STOP), ("paracetamol", "analgesic", Level.STOP)],
)
def test_as_needed_interval_runs_from_the_actual_last_give(name: str, drug_class: str, level: Level) -> None:
    product = a_product(ingredients=(an_ingredient(name, "500 mg", drug_class),))
    asked = facts(products=(product,), orders=(replace(PRN, ingredient=name),), intent=an_intent(prn_reason="pain"))
    soon = replace(asked, history=(an_entry(order="X", at=NOW - timedelta(hours=3, minutes=59)),))
    finding = finding_of(evaluate(soon), "N2")
    assert finding is not None
    assert (finding.level, finding.params) == (level, {"at": "2026-03-02T08:06:00+07:00"})
    assert evaluate(replace(asked, history=(an_entry(order="X", at=NOW - timedelta(hours=4)),))).level is Level.PASS


def test_as_needed_maximum_of_the_order_stops() -> None:
    asked = facts(orders=(PRN,), intent=an_intent(prn_reason="pain"))
    two = tuple(an_entry(at=NOW - timedelta(hours=hours), dose=amount("1 g")) for hours in (5, 10))
    assert level_of(evaluate(replace(asked, history=two)), "N3") is Level.STOP
    assert evaluate(replace(asked, history=two[:1])).level is Level.PASS


def test_policy_may_change_a_window() -> None:
    assert evaluate(facts(at=local("09:10:00"), policy=Policy(window_frequent=timedelta(minutes=90)))).level is Level.PASS
