"""Edges of which order is chosen, how far its doses are looked for, and how much a bag or a mix of units holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from pointofcare.orders.order import Dosage
from pointofcare.products import MaxDaily, PrintedFor
from pointofcare.verdict import matching
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Action, Facts
from pointofcare.verdict.finding import Level
from tests.support.builders import (
    NOW,
    a_band_scan,
    a_drug_scan,
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
from tests.unit.pointofcare.verdict.test_infusions import BAG, SALINE, moment

SMALL = a_product(id="AMOX250", gtin="08936000000028", name="Amoxicillin 250 mg", ingredients=(an_ingredient("amoxicillin", "250 mg"),))
SALT = replace(SALINE, max_daily=(MaxDaily(ingredient="sodium chloride", hard=amount("5 g"), soft=None),))


@pytest.mark.parametrize(("order", "cause", "chosen"), [("O1", "recorded", True), ("O9", "none", False)])
def test_order_of_the_named_record_is_chosen_where_it_is_known(order: str, cause: str, chosen: bool) -> None:
    asked = facts(history=(an_entry(record_id="R1", order=order),), intent=an_intent(Action.NOT_GIVEN, of_record="R1"))
    choice = matching.look(asked).choice
    assert (choice.cause, choice.order is not None) == (cause, chosen)


@pytest.mark.parametrize(
    "asked",
    [facts(scans=()), facts(scans=scanned(a_band_scan())), facts(orders=()), facts(scans=scanned(a_band_scan(), a_drug_scan(gtin="0")))],
    ids=["nobody", "nothing", "no order", "unknown drug"],
)
def test_without_patient_drug_or_order_no_order_is_chosen(asked: Facts) -> None:
    choice = matching.look(asked).choice
    assert (choice.order, choice.cause) == (None, "none")


def test_spacing_is_known_where_the_named_time_is_no_dose() -> None:
    looked = matching.look(facts(intent=an_intent(due=local("09:00:00")))).time
    assert (looked.dose, looked.spacing) == (None, timedelta(hours=12))


def test_doses_are_looked_for_as_far_as_the_instruction_that_holds_then_asks() -> None:
    start, turn = local("08:00:00", "2026-03-01"), local("08:00:00", "2026-03-11")
    often = Dosage(sequence=1, dose=amount("500 mg"), times=(time(8), time(20)), start=start, end=turn)
    seldom = Dosage(sequence=2, dose=amount("500 mg"), every=timedelta(days=10), start=turn)
    order = an_order(None, times=(), dosages=(often, seldom))
    assert matching._reach(order, turn) == timedelta(days=30)
    assert matching._reach(order, start) == timedelta(days=23)


def test_entry_of_an_unknown_product_held_what_its_order_says() -> None:
    entry = an_entry(product="GONE")
    looked = matching.look(facts(history=(entry,)))
    assert looked.ingredients_of(entry) == {"amoxicillin"}
    assert looked.ingredients_of(replace(entry, order="O9")) is None


def test_all_of_two_unlike_units_leaves_no_part() -> None:
    scans = scanned(a_band_scan(), a_drug_scan(), a_drug_scan(gtin=SMALL.gtin))
    asked = facts(products=(a_product(), SMALL), orders=(an_order("750 mg"),), scans=scans, intent=an_intent(dose=amount("750 mg")))
    assert level_of(evaluate(asked), "Q4") is Level.PASS
    less = replace(asked, orders=(an_order("600 mg"),), intent=an_intent(dose=amount("600 mg")))
    assert level_of(evaluate(less), "Q4") is Level.STOP


def test_bag_of_no_known_order_beside_a_drug_leaves_the_total_unknown() -> None:
    asked = moment(Action.START, replace(BAG, order="O9"), products=(SALT,))
    asked = replace(asked, scans=(*asked.scans, *scanned(a_drug_scan(gtin=SALT.gtin), until=NOW)))
    found = finding_of(evaluate(asked), "Q6")
    assert found is not None
    assert (found.level, found.facts["cause"]) == (Level.REASON, "unknown")


@pytest.mark.parametrize(("volume", "level"), [("1000 mL", Level.STOP), ("500 mL", Level.PASS)])
def test_total_counts_what_is_printed_on_the_bag(volume: str, level: Level) -> None:
    bag = replace(BAG, printed_for=PrintedFor(volume=amount(volume), rate=amount("83 mL/h")))
    assert level_of(evaluate(moment(Action.START, bag, products=(SALT,))), "Q6") is level
