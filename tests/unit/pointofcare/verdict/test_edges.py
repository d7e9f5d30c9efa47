"""Edges at which a small fault of the engine was once not noticed: each is what the rule says at that very place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from pointofcare.errors import ScheduleUnknownError
from pointofcare.labels.scan import TextScan
from pointofcare.orders import clarify, steps
from pointofcare.orders.order import Dosage, OrderCategory
from pointofcare.people import PatientStatus
from pointofcare.products import BagState, MaxDaily
from pointofcare.quantity import Quantity
from pointofcare.verdict import dosing, finding, infusing, matching
from pointofcare.verdict.engine import CHECKS, evaluate
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Level
from tests.support.builders import (
    NOW,
    a_band_scan,
    a_drug_scan,
    a_neighbour,
    a_patient,
    a_product,
    a_witness,
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
from tests.unit.pointofcare.verdict.test_infusions import BAG, LIPID, RUNNING, infusion, moment, start


@pytest.mark.parametrize(("factor", "is_one"), [(None, False), (4, False), (5, True), (20, True), (100, True), (101, False)])
def test_drop_factor_is_of_a_set_that_is_made(factor: int | None, is_one: bool) -> None:
    assert infusing.is_drop_factor(factor) is is_one


def test_late_dose_charted_without_its_time_is_not_offered_again() -> None:
    at = local("10:45:00")
    asked = facts(at=at, history=(an_entry(at=at - timedelta(hours=1, minutes=15), record_id="R1"),))
    assert evaluate(asked).due == local("20:00:00")
    assert evaluate(replace(asked, history=())).due == local("08:00:00")


def test_origins_are_those_that_the_rules_name() -> None:
    assert {origin for check in CHECKS for origin in (check.rule.origin, *check.rule.origins.values())} - {""} <= set(finding.ORIGINS)
    assert set(finding.ORIGINS) == {
        "scan", "keyed", "order", "schedule", "product", "patient", "observation", "record", "bag", "pump", "staff", "cart", "intent",
        "policy",
    }  # fmt: skip


def test_codes_of_what_is_unclear_are_all_of_them() -> None:
    assert set(clarify.CODES) >= {
        value for name, value in vars(clarify).items() if name.isupper() and type(value) is str and name[0] != "_"
    }


def test_unclear_order_says_whom_to_ask() -> None:
    error = steps.unknown(an_order(), "x", "has no start")
    assert isinstance(error, ScheduleUnknownError)
    assert str(error).startswith("order O1 version 1 has no start")
    assert error.remedy == "ask the prescriber or the pharmacist when it is due"


@pytest.mark.parametrize(
    "form",
    ["injection", "infusion", "solution", "suspension", "syrup", "eye drops", "oral liquid", "emulsion", "concentrate", "elixir", "spray"],
)
def test_liquid_is_drawn_whatever_its_form_is_called(form: str) -> None:
    assert dosing.is_drawn(a_product(form=form))
    assert not dosing.is_drawn(a_product(form="tablet"))


@pytest.mark.parametrize("stated", [amount("1 mL"), Quantity(value=Decimal(-500), unit="mg"), amount("1 {puff}")], ids=str)
def test_stated_amount_that_does_not_compare_stops(stated: Quantity) -> None:
    said = finding_of(evaluate(facts(intent=an_intent(dose=stated))), "Q1")
    assert said is not None
    assert (said.level, said.unknown, said.facts) == (Level.STOP, False, {"cause": "units", "ordered": "500 mg"})


def test_count_of_capsules_of_two_strengths_does_not_compare() -> None:
    products = (a_product(), a_product(id="AMOX250", gtin="08936000000028", ingredients=(an_ingredient("amoxicillin", "250 mg"),)))
    scans = scanned(a_band_scan(), a_drug_scan(), a_drug_scan(gtin="08936000000028"))
    asked = facts(products=products, scans=scans, orders=(an_order("750 mg"),), intent=an_intent(dose=amount("2 {capsule}")))
    said = finding_of(evaluate(asked), "Q1")
    assert said is not None
    assert (said.level, said.unknown, said.facts) == (Level.STOP, False, {"cause": "units", "ordered": "750 mg"})


@pytest.mark.parametrize(("status", "runs"), [("in-progress", True), ("on-hold", True), ("stopped", False), ("completed", False)])
def test_infusion_runs_until_its_record_ends(status: str, runs: bool) -> None:
    later = start(record_id="R3", continues="R1", action="rate", status=status, at=NOW - timedelta(hours=1))
    asked = replace(moment(Action.RATE, rate=amount("83 mL/h"), history=(start(), later)), bags=(), scans=scanned(a_band_scan()))
    looked = matching.look(replace(asked, intent=replace(asked.intent, order="O1")))
    assert [each.record for each in infusing.running(looked)] == ["R1"] * runs


def test_dose_by_the_time_of_day_is_told_by_the_wards_clock() -> None:
    day, night = (
        Dosage(sequence=1, dose=amount("500 mg"), times=an_order().times[:1]),
        Dosage(sequence=1, dose=amount("250 mg"), times=an_order().times[1:]),
    )
    order = an_order(None, times=(), dosages=(day, night))
    assert evaluate(facts(orders=(order,))).level is Level.PASS
    said = finding_of(evaluate(facts(orders=(order,), at=local("20:05:00"))), "Q2")
    assert said is not None
    assert (said.level, said.facts["ordered"]) == (Level.STOP, "250 mg")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (an_entry(product="OTHER", order="O9", at=NOW - timedelta(hours=9)), None),
        (an_entry(product=None, order="O9", at=NOW - timedelta(hours=9)), "unknown"),
        (an_entry(at=NOW - timedelta(hours=9)), "over"),
    ],
)
def test_daily_limit_counts_what_held_the_ingredient_or_may_have(entry: object, said: str | None) -> None:
    limited = a_product(max_daily=(MaxDaily(ingredient="amoxicillin", hard=amount("900 mg"), soft=None),))
    other = a_product(id="OTHER", gtin="08936000000028", ingredients=(an_ingredient("paracetamol", "500 mg"),))
    found = finding_of(evaluate(facts(products=(limited, other), history=(entry,))), "Q6")
    assert (found.facts["cause"] if found else None) == said


@pytest.mark.parametrize(
    ("additive", "cause", "total"),
    [("potassium chloride 30 mmol", None, ""), ("potassium chloride 31 mmol", "over", "31 mmol"), ("potassium chloride", "unknown", ""),
     ("potassium chloride 31 mmol 5 mmol", "unknown", "")],
)  # fmt: skip
def test_daily_limit_counts_what_is_added_to_a_bag(additive: str, cause: str | None, total: str) -> None:
    potassium = a_product(
        id="KCL", gtin="08936000000035", form="concentrate", routes=("IV",), ingredients=(an_ingredient("potassium chloride", "20 mmol"),),
        max_daily=(MaxDaily(ingredient="potassium chloride", hard=amount("30 mmol"), soft=None),),
    )  # fmt: skip
    bag = replace(BAG, printed_for=replace(BAG.printed_for, additives=(additive,)))
    asked = moment(Action.START, bag, order=infusion(additives=(additive,)))
    found = finding_of(evaluate(replace(asked, products=(*asked.products, potassium))), "Q6")
    assert (found.facts["cause"] if found else None) == cause
    assert (found.facts["total"] if found else "") == total


@pytest.mark.parametrize(
    ("status", "ahead_h", "level", "unknown"),
    [
        (PatientStatus.TRANSFERRED, 1, Level.STOP, True),
        (PatientStatus.TRANSFERRED, -1, Level.NOTE, False),
        (PatientStatus.DISCHARGED, 1, Level.STOP, False),
    ],
)
def test_transfer_that_is_still_to_come_is_no_notice(status: PatientStatus, ahead_h: int, level: Level, unknown: bool) -> None:
    patient = a_patient(status=status, transferred_at=NOW + timedelta(hours=ahead_h))
    said = finding_of(evaluate(facts(patients=(patient, a_neighbour()))), "P7")
    assert said is not None
    assert (said.level, said.unknown) == (level, unknown)


def test_second_person_is_asked_for_by_the_orders_name_when_no_product_is_known() -> None:
    asked = replace(moment(Action.START, order=infusion(needs_double_check=True)), products=())
    said = finding_of(evaluate(asked), "H2")
    assert said is not None
    assert (said.level, said.facts) == (Level.WITNESS, {"cause": "order", "name": "sodium chloride"})


@pytest.mark.parametrize("problem", ["1 mL", None])
def test_second_figure_is_compared_with_the_order_when_the_first_does_not_compare(problem: str | None) -> None:
    stated = amount(problem) if problem else None

    def level(blind: str) -> Level:
        intent = an_intent(dose=stated, blind_value=amount(blind), witness=a_witness())
        return level_of(evaluate(facts(intent=intent)), "H5")

    assert level("500 mg") is Level.PASS
    assert level("50 mg") is Level.STOP


@pytest.mark.parametrize("started", [NOW + timedelta(hours=1), None])
def test_hang_time_of_a_bag_whose_start_is_not_known_is_unknown(started: object) -> None:
    bag = replace(RUNNING, started_at=started, state=BagState.INFUSING)
    said = finding_of(evaluate(moment(Action.RATE, bag, rate=amount("83 mL/h"), products=(LIPID,))), "I7")
    assert said is not None
    assert (said.level, said.unknown, said.remedy, said.params) == (Level.REASON, True, "hang-new-bag", {"bag": "BAG1"})


@pytest.mark.parametrize(("category", "level"), [(OrderCategory.INFUSION, Level.STOP), (OrderCategory.SCHEDULED, Level.PASS)])
def test_foreign_bag_given_is_the_pharmacys_where_an_infusion_was_ordered(category: OrderCategory, level: Level) -> None:
    asked = moment(Action.GIVE, order=replace(infusion(), category=category), scans=scanned(a_band_scan(), TextScan(text="BAG9")))
    assert level_of(evaluate(replace(asked, intent=replace(asked.intent, order="O1"))), "I1") is level
