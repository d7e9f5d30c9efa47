"""Edges of what is looked up before any rule speaks, at which a small fault was once not noticed: orders, records, names, amounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from pointofcare.labels.scan import BandScan, Keyed, LabelKind
from pointofcare.orders import clarify, timing
from pointofcare.orders.order import OrderCategory, OrderStatus, Prn
from pointofcare.people import Allergy, AllergyKind
from pointofcare.products import BagState, MaxDaily, PrintedFor
from pointofcare.verdict import dosing, infusing, matching
from pointofcare.verdict.engine import VERSION, evaluate
from pointofcare.verdict.facts import Action, Facts
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import is_place
from pointofcare.verdict.reason import REASONS, is_coded
from pointofcare.verdict.support.as_needed import last_gives
from pointofcare.verdict.support.clarity import CONTRADICTIONS
from tests.support.builders import (
    GTIN,
    NOW,
    a_band_scan,
    a_drug_scan,
    a_neighbour,
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
from tests.unit.pointofcare.verdict.test_infusions import BAG, LIPID, by_mass, infusion, moment, start


def said(asked: Facts, rule: str) -> Finding:
    found = finding_of(evaluate(asked), rule)
    assert found is not None
    return found


def test_bag_of_an_order_that_is_not_there_is_of_no_order() -> None:
    found = said(moment(Action.START, replace(BAG, order="O9")), "D1")
    assert (found.level, found.remedy, found.facts["cause"], found.facts["ordered"]) == (
        Level.STOP,
        "ask-prescriber",
        "no-such-order",
        "O9",
    )


def test_what_was_typed_for_a_drug_comes_from_the_keys() -> None:
    found = said(facts(scans=scanned(a_band_scan(), Keyed(value="AMOX", kind=LabelKind.DRUG))), "G5")
    assert {(source.origin, source.ref) for source in found.sources.values()} == {("keyed", "AMOX")}


def test_without_any_scan_what_was_scanned_comes_from_no_label() -> None:
    found = said(facts(scans=()), "P1")
    assert {(source.origin, source.ref, source.at) for source in found.sources.values()} == {("scan", "", None)}


def test_band_that_names_nobody_is_shown_as_nothing() -> None:
    found = said(facts(scans=scanned(BandScan(gsrn=None), a_drug_scan())), "P1")
    assert (found.facts["cause"], found.facts["scanned"]) == ("unknown", "")


def test_record_of_an_instant_is_of_this_order_and_this_patient() -> None:
    due, at = local("08:00:00"), local("07:40:00")
    mine = an_entry(due=due, at=at)
    looked = matching.look(facts(history=(mine, an_entry(order="O9", due=due, at=at), an_entry(patient="P2", due=due, at=at))))
    assert looked.done_at(at) == (mine,)
    assert looked.due_at(due) == (mine,)
    assert looked.due_after(due - timedelta(hours=1)) == (mine,)


def test_what_is_not_contradictory_is_only_missing_or_left_to_another_rule() -> None:
    assert set(clarify.CODES) - CONTRADICTIONS == {
        "clarification", "no-dose", "no-rate", "no-start", "no-times", "patch-without-duration", "prn-with-times", "text-only",
        "times-not-used",
    }  # fmt: skip
    assert set(clarify.CODES) > CONTRADICTIONS


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"times": ()}, "times"),
        ({"every": timedelta(hours=5)}, "every"),
        ({"times": (), "every": timedelta(seconds=1)}, "every"),
    ],
)
def test_unclear_times_name_the_field_to_correct(changes: dict[str, object], field: str) -> None:
    assert field in {problem.field for problem in clarify.problems(an_order(**changes))}


def test_two_blood_products_are_both_named() -> None:
    red, plasma = (
        a_product(id=name, gtin=gtin, name=name, blood_component=True) for name, gtin in (("RED", GTIN), ("PLASMA", "08936000000028"))
    )
    scans = scanned(a_band_scan(), a_drug_scan(), a_drug_scan(gtin="08936000000028"))
    assert said(facts(products=(red, plasma), scans=scans), "H6").facts["name"] == "RED + PLASMA"


@pytest.mark.parametrize(("action", "level"), [("start", Level.REASON), ("give", Level.REASON), ("rate", Level.REASON)])
def test_hang_time_counts_from_any_record_that_hung_the_bag(action: str, level: Level) -> None:
    bag = replace(BAG, state=BagState.STOPPED)
    hung = start(action=action, at=NOW - timedelta(hours=13), status="stopped")
    found = said(moment(Action.START, bag, products=(LIPID,), history=(hung,)), "I7")
    assert found.level is level
    assert found.facts["cause"] == ("unknown" if action == "rate" else "over")


@pytest.mark.parametrize("form", ["inhaler", "aerosol", "nasal spray", "powder in puffs"])
def test_puffs_are_counted_of_whatever_gives_puffs(form: str) -> None:
    product = a_product(form=form, routes=("INH",), ingredients=(an_ingredient("amoxicillin", "100 ug"),))
    order = an_order("2 {puff}", form=form, route="INH")
    asked = facts(products=(product,), orders=(order,), intent=an_intent(dose=amount("2 {puff}")))
    assert level_of(evaluate(asked), "Q1") is Level.PASS
    assert level_of(evaluate(replace(asked, intent=an_intent(dose=amount("20 {puff}")))), "Q2") is Level.STOP


def test_of_orders_that_may_not_be_given_the_held_one_comes_before_a_draft() -> None:
    held, draft = an_order(status=OrderStatus.ON_HOLD), an_order(id="O2", status=OrderStatus.DRAFT)
    for orders in ((held, draft), (draft, held)):
        assert evaluate(facts(orders=orders)).order == "O1"


def test_unclear_dose_of_a_combination_counts_as_the_larger() -> None:
    both = a_product(ingredients=(an_ingredient("paracetamol", "500 mg"), an_ingredient("codeine", "30 mg")))
    assert dosing.amount_of("paracetamol", both, amount("250 mg")) == amount("250 mg").exact()
    assert dosing.amount_of("codeine", both, amount("250 mg")) == amount("15 mg").exact()


def test_single_dose_keeps_the_time_that_the_nurse_named() -> None:
    order = an_order(category=OrderCategory.ONCE, times=(), start=local("08:00:00"))
    assert evaluate(facts(orders=(order,), intent=an_intent(due=local("09:00:00")))).due == local("09:00:00")
    assert evaluate(facts(orders=(order,))).due == local("08:00:00")


def test_dose_named_of_an_order_whose_times_are_not_known_stays_named() -> None:
    verdict = evaluate(facts(orders=(an_order(times=()),), intent=an_intent(due=local("08:00:00"))))
    assert verdict.due == local("08:00:00")
    assert level_of(verdict, "T1") is Level.REASON


def test_every_reason_is_one_of_these() -> None:
    assert set(REASONS) == {
        "emergency", "prescriber-confirmed", "pharmacist-confirmed", "off-ward", "npo", "procedure", "refused", "vomited", "unavailable",
        "band-missing", "band-unreadable", "band-isolation", "label-unreadable", "label-missing", "label-unknown", "scanner-fault",
        "network-down", "battery", "clinical-judgement",
    }  # fmt: skip
    assert all(is_coded(reason, "seen by the doctor") for reason in REASONS)


@pytest.mark.parametrize(
    ("reason", "holds"), [("clinical-judgement: -)", False), ("clinical-judgement: X", True), ("clinical-judgement", False)]
)
def test_clinical_judgement_needs_words_and_no_signs(reason: str, holds: bool) -> None:
    assert is_coded(reason) is holds


def test_ward_and_bed_name_no_patient() -> None:
    patients = (a_patient(), a_neighbour())
    assert is_place("noi-th", patients)
    assert is_place(" H013 ", patients)
    assert not is_place("24-000123", patients)


def test_last_of_several_later_doses_is_told() -> None:
    later = (
        an_entry(due=local("20:00:00"), at=local("07:10:00")),
        an_entry(due=local("08:00:00", "2026-03-03"), at=local("07:30:00")),
        an_entry(due=local("20:00:00", "2026-03-03"), at=local("07:20:00")),
    )
    found = said(facts(history=later, intent=an_intent(due=local("08:00:00"))), "T2")
    assert found.params == {"at": "2026-03-02T07:30:00+07:00"}
    assert found.facts == {"due": "2026-03-02T08:00:00+07:00", "given": "2026-03-03T08:00:00+07:00"}


@pytest.mark.parametrize("rates", [("0.01 mg/h", "18 mg/h"), ("18 mg/h", "18 mg/h")])
def test_range_of_rates_of_which_one_is_too_slow_to_set_does_not_compare(rates: tuple[str, str]) -> None:
    low, high = map(amount, rates)
    asked = by_mass("18 mg/h", rate=amount("22.5 mL/h"))
    asked = replace(asked, orders=(replace(asked.orders[0], rate=None, rate_range=(low, high)),))
    found = finding_of(evaluate(asked), "I5")
    assert (found.facts["cause"] if found else None) == (None if low.same_as(high) else "units")


def test_class_of_an_ingredient_is_what_the_formulary_says_of_it_anywhere() -> None:
    plain_one = a_product(ingredients=(an_ingredient("amoxicillin", "500 mg"),))
    other = a_product(
        id="AMOXSYR", gtin="08936000000028", ingredients=(an_ingredient("amoxicillin", "50 mg", "penicillin", "beta-lactam"),)
    )
    allergies = (Allergy(substance="penicillin", kind=AllergyKind.CLASS),)
    asked = facts(products=(plain_one, other), patients=(a_patient(allergies=allergies), a_neighbour()))
    assert said(asked, "D11").facts == {"substance": "penicillin", "class": "penicillin"}
    sister = a_product(id="AMPI", gtin="08936000000035", ingredients=(an_ingredient("ampicillin", "1 g", "penicillin", "beta-lactam"),))
    asked = facts(products=(plain_one, other, sister), patients=(a_patient(allergies=(Allergy(substance="ampicillin"),)), a_neighbour()))
    assert said(asked, "D11").facts == {"substance": "ampicillin", "class": "beta-lactam, penicillin"}


def test_unclear_order_says_its_trouble_in_words() -> None:
    for words in timing._WORDS.values():
        assert words == words.strip()
        assert words[0].islower()
        assert not words.startswith("XX")


def test_times_of_a_single_order_are_the_wards() -> None:
    order = an_order(category=OrderCategory.ONCE, times=(time(9),), start=local("08:00:00"))
    assert evaluate(facts(orders=(order,))).due == local("09:00:00")


def test_waiting_ends_when_enough_has_left_the_day_not_before() -> None:
    product = a_product(max_daily=(MaxDaily(ingredient="amoxicillin", hard=amount("1000 mg"), soft=None),))
    little = an_entry(at=NOW - timedelta(hours=20), dose=amount("100 mg"))
    much = an_entry(at=NOW - timedelta(hours=10), dose=amount("800 mg"))
    assert said(facts(products=(product,), history=(little, much)), "Q6").params == {"at": "2026-03-02T22:05:00+07:00"}
    assert said(facts(products=(product,), history=(much, little)), "Q6").facts["total"] == "1400 mg"


def test_yesterdays_expiry_is_not_sure_to_be_over_where_the_zone_is_not_known() -> None:
    asked = facts(timezone=None, scans=scanned(a_band_scan(), a_drug_scan(expiry=date(2026, 3, 1))))
    assert said(asked, "G1").facts == {"cause": "timezone", "expiry": "2026-03-01"}


def test_newest_of_several_changes_of_rate_holds() -> None:
    changes = [
        start(record_id=f"R{hours}", continues="R1", action="rate", at=NOW - timedelta(minutes=minutes), rate=amount(rate))
        for hours, minutes, rate in ((3, 60, "60 mL/h"), (4, 30, "40 mL/h"), (5, 45, "50 mL/h"))
    ]
    asked = replace(moment(Action.RATE, rate=amount("83 mL/h"), history=(start(), *changes)), bags=())
    (found,) = infusing.running(matching.look(replace(asked, intent=replace(asked.intent, order="O1"))))
    assert found.rate == amount("40 mL/h")


def test_verdict_names_its_engine_and_policy_even_when_it_cannot_be_reached() -> None:
    for asked in (facts(), facts(orders=(None,))):
        verdict = evaluate(asked)
        assert (verdict.engine, verdict.policy) == (VERSION, asked.policy.version)
    assert said(facts(orders=(None,)), "E1").facts == {"fault": "AttributeError"}


@pytest.mark.parametrize(
    ("version", "printed", "ordered", "told"),
    [
        (0, None, "83 mL/h", {"cause": "rate", "printed": "", "ordered": "83 mL/h"}),
        (1, "83 mL/h", None, {"cause": "rate", "printed": "83 mL/h", "ordered": ""}),
        (1, None, "83 mL/h", None),
        (0, None, None, {"cause": "version", "printed": "0", "ordered": "1"}),
    ],
)
def test_rate_on_a_label_is_compared_as_far_as_there_is_one(
    version: int, printed: str | None, ordered: str | None, told: dict[str, str] | None
) -> None:
    label = PrintedFor(volume=amount("500 mL"), rate=amount(printed) if printed else None)
    bag = replace(BAG, order_version=version, printed_for=label)
    found = finding_of(evaluate(moment(Action.START, bag, order=infusion(rate=amount(ordered) if ordered else None))), "I3")
    assert (found.facts if found else None) == told


def test_allergy_to_what_is_added_to_a_bag_stops() -> None:
    order = infusion(additives=("Potassium chloride 20 mmol",))
    for substance, level in (("potassium chloride", Level.STOP), ("potassium", Level.STOP), ("chloride", Level.PASS)):
        patient = a_patient(allergies=(Allergy(substance=substance),))
        assert level_of(evaluate(moment(order=order, patients=(patient, a_neighbour()))), "D10") is level


def test_last_gives_of_an_as_needed_drug_hold_a_started_one() -> None:
    order = an_order(category=OrderCategory.PRN, times=(), prn=Prn(reasons=("pain",), min_interval=None))
    gives = [an_entry(at=NOW - timedelta(hours=hours), action=action) for hours, action in ((3, "start"), (2, "give"), (1, None))]
    looked = matching.look(facts(orders=(order,), history=(*gives, an_entry(at=NOW, action="assess"))))
    assert last_gives(looked) == tuple(reversed(gives))


def test_label_of_nothing_is_named_as_nothing() -> None:
    found = said(facts(scans=scanned(BandScan(gsrn=None))), "P1")
    assert {source.ref for source in found.sources.values()} <= {""}
