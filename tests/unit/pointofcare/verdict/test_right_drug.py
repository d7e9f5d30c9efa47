"""Rules D1 to D11, S3 and G5: the right drug, by an order that holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pointofcare.labels.scan import Keyed, LabelKind, TextScan, UnreadableLabel
from pointofcare.orders.order import OrderCategory, OrderStatus, Prn
from pointofcare.people import Allergy, AllergyKind
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import ShownOrder
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import Policy
from tests.support.builders import (
    NOW,
    a_band_scan,
    a_cart,
    a_drug_scan,
    a_patient,
    a_product,
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


def test_drug_that_nobody_ordered_stops() -> None:
    verdict = evaluate(facts(orders=(an_order(ingredient="ampicillin"),)))
    assert level_of(verdict, "D1") is Level.STOP
    assert verdict.order is None


@pytest.mark.parametrize("change", [{"form": "tablet"}, {"ingredient": "amoxicillin/clavulanic acid"}])
def test_other_form_or_other_combination_is_another_drug(change: dict[str, str]) -> None:
    assert level_of(evaluate(facts(orders=(replace(an_order(), **change),), intent=an_intent(order="O1"))), "D1") is Level.STOP  # type: ignore[arg-type]


def test_combination_matches_in_any_order_of_its_names() -> None:
    product = a_product(ingredients=(an_ingredient("amoxicillin", "500 mg"), an_ingredient("Clavulanic Acid", "125 mg")))
    order = an_order("625 mg", ingredient="clavulanic acid/Amoxicillin")
    assert evaluate(facts(products=(product,), orders=(order,))).level is Level.PASS


def test_nothing_scanned_is_never_a_pass() -> None:
    assert level_of(evaluate(facts(scans=scanned(a_band_scan()), intent=an_intent(order="O1"))), "D1") is Level.STOP


def test_unreadable_drug_label_stops_and_a_second_read_replaces_it() -> None:
    unread = UnreadableLabel(kind=LabelKind.DRUG, reason="check-digit", text="01089")
    verdict = evaluate(facts(scans=scanned(a_band_scan(), unread)))
    assert level_of(verdict, "G5") is Level.STOP
    assert finding_of(verdict, "D1") is None
    assert evaluate(facts(scans=scanned(a_band_scan(), unread, a_drug_scan()))).level is Level.PASS
    assert level_of(evaluate(facts(scans=scanned(a_band_scan(), a_drug_scan(), unread))), "G5") is Level.STOP


@pytest.mark.parametrize(
    "scan", [a_drug_scan(gtin="08999999999990"), TextScan(text="hello"), Keyed(value="08936000000011", kind=LabelKind.DRUG)]
)
def test_unknown_or_typed_drug_stops(scan: object) -> None:
    assert level_of(evaluate(facts(scans=scanned(a_band_scan(), scan))), "G5") is Level.STOP  # type: ignore[arg-type]


def test_barcode_of_two_products_is_nobodys() -> None:
    assert level_of(evaluate(facts(products=(a_product(), a_product(id="TWIN")))), "G5") is Level.STOP


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"status": OrderStatus.STOPPED}, "D2"),
        ({"status": OrderStatus.COMPLETED}, "D2"),
        ({"status": OrderStatus.DRAFT}, "D2"),
        ({"status": None}, "D2"),
        ({"end": NOW}, "D2"),
        ({"status": OrderStatus.ON_HOLD}, "D4"),
        ({"start": NOW + timedelta(hours=2)}, "D3"),
        ({"verified": False}, "D6"),
    ],
)
def test_order_that_may_not_be_carried_out_stops(change: dict[str, object], rule: str) -> None:
    order = replace(an_order(), **change)  # type: ignore[arg-type]
    verdict = evaluate(facts(orders=(order,)))
    assert level_of(verdict, rule) is Level.STOP
    assert finding_of(verdict, "D1") is None
    assert level_of(evaluate(facts()), rule) is Level.PASS


def test_unverified_stat_order_asks_for_a_reason_only() -> None:
    stat = an_order(verified=False, category=OrderCategory.STAT, times=(), start=NOW - timedelta(minutes=2))
    assert evaluate(facts(orders=(stat,))).level is Level.REASON
    assert evaluate(facts(orders=(stat,), intent=an_intent(reason="emergency"))).level is Level.PASS


def test_ward_may_allow_unverified_orders() -> None:
    unverified = facts(orders=(an_order(verified=False),))
    assert evaluate(replace(unverified, policy=Policy(unverified_order=Level.PASS))).level is Level.PASS


def test_order_may_start_within_its_early_window() -> None:
    soon = an_order(start=NOW + timedelta(minutes=55), times=(local("09:00:00").time(),))
    assert level_of(evaluate(facts(orders=(soon,))), "D3") is Level.PASS


def test_dose_on_the_record_stops_and_an_error_entry_does_not() -> None:
    due = local("08:00:00")
    given = facts(history=(an_entry(due=due, at=local("05:40:00")),), intent=an_intent(due=due))
    assert level_of(evaluate(given), "D5") is Level.STOP
    wrong = facts(history=(an_entry("entered-in-error", due=due, at=local("05:40:00")),), intent=an_intent(due=due))
    assert evaluate(wrong).level is Level.PASS


@pytest.mark.parametrize("status", ["completed", "not-done", "stopped"])
def test_closed_dose_stops(status: str) -> None:
    due = local("08:00:00")
    assert level_of(evaluate(facts(history=(an_entry(status, due=due),), intent=an_intent(due=due))), "D5") is Level.STOP


@pytest.mark.parametrize("status", ["in-progress", "on-hold"])
def test_paused_dose_stays_open(status: str) -> None:
    due = local("08:00:00")
    assert level_of(evaluate(facts(history=(an_entry(status, due=due),), intent=an_intent(due=due))), "D5") is Level.PASS


def test_late_dose_charted_without_its_due_time_is_not_offered_again() -> None:
    late = an_entry(at=local("10:30:00"))
    verdict = evaluate(facts(at=local("13:00:00"), history=(late,)))
    assert verdict.due == local("20:00:00")


def test_screen_with_an_older_version_stops() -> None:
    shown = a_cart(shown=(ShownOrder(order="O1", version=0),))
    assert level_of(evaluate(facts(cart=shown)), "D5") is Level.STOP
    assert evaluate(facts(cart=a_cart(shown=(ShownOrder(order="O1", version=1),)))).level is Level.PASS


def test_time_that_is_none_of_the_orders_stops() -> None:
    assert level_of(evaluate(facts(intent=an_intent(due=local("09:00:00")))), "D5") is Level.STOP


def test_one_time_order_closes_after_it_was_given() -> None:
    once = an_order(category=OrderCategory.ONCE, times=(), start=local("05:00:00"))
    assert evaluate(facts(orders=(once,))).level is Level.PASS
    given = evaluate(facts(orders=(once,), history=(an_entry(at=local("05:10:00")),)))
    assert level_of(given, "S3") is Level.STOP


def test_on_call_order_repeats_only_where_the_policy_says_so() -> None:
    call = an_order(category=OrderCategory.ON_CALL, times=())
    before = facts(orders=(call,), history=(an_entry(at=local("03:00:00")),))
    assert level_of(evaluate(before), "S3") is Level.STOP
    assert evaluate(replace(before, policy=Policy(on_call_repeats=True))).level is Level.PASS


def test_look_alike_warns() -> None:
    assert evaluate(facts(products=(a_product(lasa=("amoxapine",)),))).level is Level.WARN
    assert level_of(evaluate(facts()), "D7") is Level.PASS


def test_of_two_lines_the_nurse_chooses_and_no_reason_chooses_for_her() -> None:
    lines = (an_order(), an_order(id="O2", category=OrderCategory.PRN, times=(), prn=Prn(reasons=("pain",))))
    both = facts(orders=lines)
    verdict = evaluate(both)
    assert (verdict.level, verdict.order) == (Level.REASON, None)
    assert evaluate(replace(both, intent=an_intent(reason="emergency"))).level is Level.REASON
    assert evaluate(replace(both, intent=an_intent(order="O1"))).level is Level.PASS


def test_stopped_line_beside_an_active_one_is_no_choice() -> None:
    lines = (an_order(), an_order(id="O2", status=OrderStatus.STOPPED))
    assert evaluate(facts(orders=lines)).level is Level.PASS


@pytest.mark.parametrize(
    ("allergy", "rule", "level"),
    [
        (Allergy(substance="AMOXICILLIN"), "D10", Level.STOP),
        (Allergy(substance="amoxicillin", tolerated_before=True), "D10", Level.STOP),
        (Allergy(substance="penicillin", kind=AllergyKind.CLASS), "D11", Level.REASON),
        (Allergy(substance="penicillin", kind=AllergyKind.CLASS, tolerated_before=True), "D11", Level.NOTE),
        (Allergy(substance="penicillin"), "D11", Level.REASON),
        (Allergy(substance="ampicillin"), "D11", Level.REASON),
        (Allergy(substance="iodine"), "D10", Level.PASS),
        (Allergy(substance="iodine"), "D11", Level.PASS),
    ],
)
def test_allergy(allergy: Allergy, rule: str, level: Level) -> None:
    related = a_product(id="AMPI", gtin="08936000000028", ingredients=(an_ingredient("ampicillin", "250 mg", "penicillin"),))
    verdict = evaluate(facts(patients=(a_patient(allergies=(allergy,)),), products=(a_product(), related)))
    assert level_of(verdict, rule) is level


def test_allergy_list_that_could_not_be_read_is_unknown_never_none() -> None:
    finding = finding_of(evaluate(facts(patients=(a_patient(allergies=None),))), "D10")
    assert finding is not None
    assert (finding.level, finding.unknown) == (Level.REASON, True)


def test_wrong_route_stops() -> None:
    assert level_of(evaluate(facts(orders=(an_order(route="IV"),))), "D9") is Level.STOP
    assert level_of(evaluate(facts(intent=an_intent(route="IM"))), "D9") is Level.STOP
    assert level_of(evaluate(facts(products=(a_product(routes=()),))), "D9") is Level.STOP
    assert level_of(evaluate(facts(intent=an_intent(route="po"))), "D9") is Level.PASS


def test_vinca_alkaloid_only_in_a_minibag() -> None:
    assert level_of(evaluate(facts(products=(a_product(vinca=True),))), "D9") is Level.STOP
    assert level_of(evaluate(facts(products=(a_product(vinca=True, minibag=True),))), "D9") is Level.PASS
