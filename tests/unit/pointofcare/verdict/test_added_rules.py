"""Rules D12 to D15, H5 and H6, rules on trial, and where each fact comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from pointofcare.labels.scan import Keyed, LabelKind, TextScan
from pointofcare.orders.order import Dosage, Interaction, Order, OrderCategory, OrderStatus
from pointofcare.people import Allergy, Observation, Weight
from pointofcare.products import Bag, BagState, HoldRule, PrintedFor
from pointofcare.verdict import matching, sources
from pointofcare.verdict.engine import CHECKS, VERSION, evaluate
from pointofcare.verdict.facts import Action, Facts
from pointofcare.verdict.finding import ORIGINS, FactSource, Finding, Level, Verdict
from pointofcare.verdict.policy import Policy
from pointofcare.verdict.rule import Check
from pointofcare.verdict.support import interaction
from tests.support.builders import (
    GSRN,
    GTIN,
    NOW,
    a_band_scan,
    a_cart,
    a_drug_scan,
    a_neighbour,
    a_nurse,
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


def _finding(verdict: Verdict, rule: str) -> Finding:
    finding = finding_of(verdict, rule)
    assert finding is not None
    return finding


WARFARIN = Interaction(other="warfarin", severity="severe", reason="INR is watched", prescriber="BS Lê")


def test_interaction_overridden_at_ordering_is_said_with_its_reason() -> None:
    verdict = evaluate(facts(orders=(an_order(interactions=(WARFARIN,)),)))
    finding = _finding(verdict, "D12")
    assert (verdict.level, finding.params) == (Level.NOTE, {"other": "warfarin"})
    assert finding.facts == {"other": "warfarin", "severity": "severe", "reason": "INR is watched", "prescriber": "BS Lê"}
    nameless = evaluate(facts(orders=(an_order(interactions=(replace(WARFARIN, prescriber=None),), prescriber="BS Trần"),)))
    assert _finding(nameless, "D12").facts["prescriber"] == "BS Trần"
    two = evaluate(facts(orders=(an_order(interactions=(WARFARIN, replace(WARFARIN, other="digoxin"))),)))
    assert [finding.facts["other"] for finding in two.findings] == ["warfarin", "digoxin"]
    refused = facts(orders=(an_order(interactions=(WARFARIN,)),), intent=an_intent(Action.REFUSE, reason="refused"))
    assert level_of(evaluate(refused), "D12") is Level.PASS


@pytest.mark.parametrize(
    ("owner", "own_supply", "level", "cause"),
    [
        (None, False, Level.PASS, ""),
        ("P1", True, Level.PASS, ""),
        ("P1", False, Level.REASON, "not-ordered"),
        (None, True, Level.NOTE, "hospital-stock"),
        ("P2", False, Level.STOP, "other-patient"),
        ("P2", True, Level.STOP, "other-patient"),
    ],
)
def test_own_medicine_reaches_its_owner(owner: str | None, own_supply: bool, level: Level, cause: str) -> None:
    verdict = evaluate(facts(products=(a_product(owner=owner),), orders=(an_order(own_supply=own_supply),)))
    assert level_of(verdict, "D13") is level
    if cause:
        assert _finding(verdict, "D13").facts == {"cause": cause, "name": "Amoxicillin 500 mg", "owner": owner or ""}


def test_neighbours_own_medicine_stops_without_an_order_too() -> None:
    assert level_of(evaluate(facts(products=(a_product(owner="P2"),), orders=())), "D13") is Level.STOP
    assert level_of(evaluate(facts(products=(a_product(owner="P1"),), orders=())), "D13") is Level.PASS
    held = facts(products=(a_product(owner="P2"),), intent=an_intent(Action.HOLD, reason="npo"))
    assert level_of(evaluate(held), "D13") is Level.PASS


BAG = Bag(id="BAG1", order="O1", order_version=1, state=BagState.PREPARED, printed_for=PrintedFor(volume=amount("500 mL")))
INFUSION = an_order("500 mL", ingredient="saline", form="infusion", route="IV", category=OrderCategory.INFUSION, times=())


@pytest.mark.parametrize(("patient", "level"), [(None, Level.PASS), ("P1", Level.PASS), ("P2", Level.STOP)])
def test_bag_is_made_for_its_patient(patient: str | None, level: Level) -> None:
    asked = facts(
        orders=(INFUSION,),
        bags=(replace(BAG, patient=patient),),
        products=(),
        scans=scanned(a_band_scan(), TextScan(text="BAG1")),
        intent=an_intent(Action.START),
    )
    assert level_of(evaluate(asked), "D13") is level


@pytest.mark.parametrize(
    ("order", "unclear"),
    [
        (an_order(), None),
        (an_order(clarification="  "), None),
        (an_order(clarification="which strength?"), "which strength?"),
        (an_order(dose_range=(amount("250 mg"), amount("500 mg"))), "dose-and-range"),
        (an_order(None), None),  # rule Q1 says so
        (an_order(times=()), None),  # rule T1 says so
        (an_order(end=local("07:00:00", "2026-03-01")), "ends-before-start"),
        (an_order(clarification="when?", dose_range=(amount("250 mg"), amount("500 mg"))), "when?\ndose-and-range"),
        (an_order(dosages=(Dosage(sequence=1, dose=amount("500 mg"), times=(time(8),)),)), "dosages-and-own"),
        (an_order(None, times=(), dosages=(Dosage(sequence=1, dose=amount("500 mg"), times=(time(8), time(20))),)), None),
    ],
)
def test_order_that_is_not_clear_is_not_given_by_scan(order: Order, unclear: str | None) -> None:
    verdict = evaluate(facts(orders=(order,)))
    assert level_of(verdict, "D14") is (Level.STOP if unclear else Level.PASS)
    if unclear:
        finding = _finding(verdict, "D14")
        assert finding.facts == finding.params == {"unclear": unclear}
        refused = facts(orders=(order,), intent=an_intent(Action.REFUSE, order="O1", reason="refused"))
        assert level_of(evaluate(refused), "D14") is Level.PASS


@pytest.mark.parametrize(
    ("ahead", "level"),
    [(timedelta(minutes=5), Level.PASS), (timedelta(minutes=5, seconds=1), Level.REASON), (timedelta(days=300), Level.REASON)],
)
def test_record_of_the_future_contradicts_this_clock(ahead: timedelta, level: Level) -> None:
    entry = an_entry(at=NOW + ahead, due=local("20:00:00", "2026-03-01"))
    verdict = evaluate(facts(history=(entry,)))
    assert level_of(verdict, "D15") is level
    if level is Level.REASON:
        finding = _finding(verdict, "D15")
        assert (finding.unknown, finding.facts["cause"], finding.params) == (True, "future", {"what": "O1"})
    assert level_of(evaluate(facts(history=(replace(entry, order="O2"),))), "D15") is Level.PASS
    assert level_of(evaluate(facts(history=(replace(entry, patient="P2"),))), "D15") is Level.PASS


@pytest.mark.parametrize(
    ("at", "version", "status", "level"),
    [
        (local("07:00:00", "2026-03-01"), 1, "completed", Level.PASS),
        (local("06:59:59", "2026-03-01"), 1, "completed", Level.REASON),
        (local("06:59:59", "2026-03-01"), 1, "stopped", Level.REASON),
        (local("06:59:59", "2026-03-01"), 1, "not-done", Level.PASS),
        (local("06:59:59", "2026-03-01"), 2, "completed", Level.PASS),
    ],
)
def test_dose_from_before_its_order_contradicts_it(at: object, version: int, status: str, level: Level) -> None:
    entry = an_entry(status, at, due=local("08:00:00", "2026-03-01"))  # type: ignore[arg-type]
    verdict = evaluate(facts(history=(entry,), orders=(an_order(version=version),)))
    assert level_of(verdict, "D15") is level
    if level is Level.REASON:
        assert _finding(verdict, "D15").facts["cause"] == "before-start"
    assert level_of(evaluate(facts(history=(entry,), orders=(an_order(start=None, version=version),))), "D15") is Level.PASS


@pytest.mark.parametrize(
    ("others", "level"),
    [
        ((), Level.PASS),
        ((an_order(),), Level.PASS),
        ((an_order("250 mg"),), Level.STOP),
        ((an_order(version=0),), Level.REASON),
        ((an_order(version=0, status=OrderStatus.STOPPED),), Level.PASS),
        ((an_order(id="O2", version=2, ingredient="codeine"),), Level.PASS),
    ],
)
def test_one_order_is_told_once(others: tuple[Order, ...], level: Level) -> None:
    verdict = evaluate(facts(orders=(an_order(), *others)))
    assert level_of(verdict, "D15") is level
    if level > Level.PASS:
        finding = _finding(verdict, "D15")
        assert (finding.unknown, finding.remedy, finding.facts["cause"], finding.facts["what"]) == (True, "refresh", "versions", "O1")


def test_one_patient_is_told_once() -> None:
    twin = a_patient(bands=(), allergies=(Allergy(substance="amoxicillin"),))
    verdict = evaluate(facts(patients=(a_patient(), twin, a_neighbour())))
    finding = _finding(verdict, "D15")
    assert (finding.level, finding.unknown, finding.facts) == (Level.STOP, True, {"cause": "patient", "what": "P1", "at": ""})
    assert level_of(evaluate(facts(patients=(a_patient(), replace(a_neighbour(), bands=())))), "D15") is Level.PASS


def test_contradiction_does_not_keep_a_refusal_from_being_charted() -> None:
    refused = facts(orders=(an_order(), an_order("250 mg")), intent=an_intent(Action.REFUSE, order="O1", reason="refused"))
    assert evaluate(refused).level is Level.PASS


BLIND = Policy(blind_for_calculated=True)
WEIGHED = a_patient(weight=Weight(value=amount("50 kg"), at=local("08:00:00", "2026-03-01")))


def by_weight(**changes: object) -> Facts:
    return facts(orders=(an_order("10 mg/kg"),), patients=(WEIGHED,), policy=BLIND, intent=an_intent(**changes))


@pytest.mark.parametrize(
    ("blind", "witness", "h5", "level"),
    [
        (None, None, Level.WITNESS, Level.WITNESS),
        (None, a_witness(), Level.WITNESS, Level.WITNESS),
        ("500 mg", None, Level.WITNESS, Level.WITNESS),
        ("500 mg", a_witness(id="N1"), Level.WITNESS, Level.WITNESS),
        ("500 mg", a_witness(), Level.PASS, Level.PASS),
        ("0.5 g", a_witness(), Level.PASS, Level.PASS),
        ("50 mg", a_witness(), Level.STOP, Level.STOP),
        ("50 mg", None, Level.STOP, Level.STOP),
    ],
)
def test_calculated_dose_is_worked_out_by_a_second_person_alone(blind: str | None, witness: object, h5: Level, level: Level) -> None:
    verdict = evaluate(by_weight(blind_value=amount(blind) if blind else None, witness=witness))
    assert (level_of(verdict, "H5"), verdict.level) == (h5, level)
    assert all(not finding.satisfied for finding in verdict.findings if finding.rule == "H5")
    asked = replace(by_weight(blind_value=amount(blind) if blind else None, witness=witness), policy=Policy())
    assert level_of(evaluate(asked), "H5") is (Level.STOP if blind == "50 mg" else Level.PASS)


def test_range_by_weight_is_calculated_too() -> None:
    order = an_order(None, dose_range=(amount("5 mg/kg"), amount("10 mg/kg")))
    assert level_of(evaluate(replace(by_weight(), orders=(order,))), "H5") is Level.WITNESS
    assert level_of(evaluate(replace(by_weight(), orders=(an_order(),))), "H5") is Level.PASS
    assert level_of(evaluate(replace(by_weight(), orders=(an_order(rate=amount("5 mL/h")),))), "H5") is Level.PASS


def test_second_persons_rate_agrees_with_what_is_set() -> None:
    order = replace(INFUSION, rate_range=(amount("50 mL/h"), amount("100 mL/h")))

    def ask(rate: str | None, blind: str | None, policy: Policy = BLIND) -> Level:
        asked = facts(
            orders=(order,),
            bags=(BAG,),
            products=(),
            scans=scanned(a_band_scan(), TextScan(text="BAG1")),
            intent=an_intent(
                Action.START,
                rate=amount(rate) if rate else None,
                blind_value=amount(blind) if blind else None,
                witness=a_witness(),
            ),
            policy=policy,
        )
        return level_of(evaluate(asked), "H5")

    assert ask("60 mL/h", "60 mL/h") is Level.PASS
    assert ask("60 mL/h", "70 mL/h") is Level.STOP
    assert ask("60 mL/h", None) is Level.WITNESS
    assert ask("60 mL/h", None, Policy()) is Level.PASS
    assert ask(None, None) is Level.PASS  # rule I5 asks for the rate


BLOOD = a_product(
    id="RBC",
    form="infusion",
    routes=("IV",),
    ingredients=(an_ingredient("red cells", None),),
    volume=amount("250 mL"),
    blood_component=True,
)
BLOOD_ORDER = an_order("250 mL", ingredient="red cells", form="infusion", route="IV", category=OrderCategory.ONCE, times=())
TYPED = Keyed(value="24-000123", kind=LabelKind.PATIENT, second_identifier="1958-04-11", reason="band-unreadable")


def test_blood_is_checked_by_two_or_by_one_and_a_machine() -> None:
    read = facts(products=(BLOOD,), orders=(BLOOD_ORDER,))
    assert (level_of(evaluate(read), "H6"), _finding(evaluate(read), "H6").facts["cause"]) == (Level.NOTE, "machine")
    typed = replace(read, scans=scanned(TYPED, a_drug_scan()))
    assert (level_of(evaluate(typed), "H6"), _finding(evaluate(typed), "H6").facts["cause"]) == (Level.WITNESS, "by-eye")
    beside = replace(typed, intent=an_intent(witness=a_witness()))
    assert _finding(evaluate(beside), "H6").satisfied
    by_hand = replace(read, scans=scanned(a_band_scan(), Keyed(value="x", kind=LabelKind.DRUG)), intent=an_intent(order="O1"))
    assert level_of(evaluate(by_hand), "H6") is Level.WITNESS
    bag = replace(read, bags=(BAG,), scans=scanned(a_band_scan(), TextScan(text="BAG1")))
    assert level_of(evaluate(bag), "H6") is Level.NOTE
    assert level_of(evaluate(replace(read, intent=an_intent(Action.REFUSE, reason="refused"))), "H6") is Level.PASS
    assert level_of(evaluate(facts()), "H6") is Level.PASS


def test_rule_on_trial_is_recorded_and_has_no_weight() -> None:
    asked = facts(orders=(an_order(interactions=(WARFARIN,)),))
    tried = evaluate(replace(asked, policy=Policy(shadow=("D12", "D13"))))
    assert (tried.level, tried.findings) == (Level.PASS, ())
    assert [finding.rule for finding in tried.shadow] == ["D12"]
    assert evaluate(asked).shadow == ()
    assert [finding.rule for finding in evaluate(asked).findings] == ["D12"]


def test_only_a_rule_on_trial_can_be_tried() -> None:
    stopped = facts(orders=(an_order(verified=False),), policy=Policy(shadow=("D6", "X9")))
    verdict = evaluate(stopped)
    assert (verdict.level, verdict.shadow) == (Level.STOP, ())
    older = {"P1", "P3", "P4", "P5", "D1", "D2", "D5", "D6", "D10", "Q2", "T2", "G1", "G2", "H2", "H3", "S2", "N4", "I5", "C1", "O1"}
    assert not {check.rule.id for check in CHECKS if check.rule.on_trial} & older


def test_no_rule_that_may_stop_or_ask_for_a_second_person_can_be_tried() -> None:
    """So that an order that cannot be computed, contradictory facts and another patient's medicine are never silenced by a list."""
    strict = [check.rule.id for check in CHECKS if max(check.rule.levels) >= Level.WITNESS]
    assert {"D13", "D14", "D15", "H6", "I6"} <= set(strict)
    assert not [check.rule.id for check in CHECKS if check.rule.on_trial and check.rule.id in strict]
    silenced = Policy(shadow=tuple(strict))
    unclear = facts(orders=(an_order(clarification="left or right eye?"),), policy=silenced)
    assert (evaluate(unclear).level, level_of(evaluate(unclear), "D14"), evaluate(unclear).shadow) == (Level.STOP, Level.STOP, ())
    twice = facts(orders=(an_order(), an_order(indication="another")), policy=silenced)
    assert (evaluate(twice).level, level_of(evaluate(twice), "D15"), evaluate(twice).shadow) == (Level.STOP, Level.STOP, ())


def test_tried_rule_that_breaks_has_no_weight_either() -> None:
    def breaks(moment: object) -> object:
        raise ZeroDivisionError

    broken = Check(rule=interaction.RULE, look=breaks)  # type: ignore[arg-type]
    verdict = evaluate(facts(policy=Policy(shadow=("D12",))), (broken,))
    assert (verdict.level, [finding.level for finding in verdict.shadow]) == (Level.PASS, [Level.STOP])
    assert evaluate(facts(), (broken,)).level is Level.STOP


def test_engine_names_its_version() -> None:
    assert evaluate(facts()).engine == VERSION == "1.4.0"


def test_every_rule_says_where_its_facts_come_from() -> None:
    for check in CHECKS:
        rule = check.rule
        assert rule.origin in ORIGINS, rule.id
        assert set(rule.origins) <= set(rule.facts), rule.id
        assert set(rule.origins.values()) <= set(ORIGINS), rule.id


CHART = NOW - timedelta(seconds=600)


def _source(rule: str, fact: str, **changes: object) -> FactSource:
    return _finding(evaluate(facts(cart=a_cart(chart_age_s=600.0), **changes)), rule).sources[fact]


def test_fact_names_its_order_version_scan_measurement_or_record_with_its_time() -> None:
    hold = HoldRule(code="heart-rate", below=amount("50 /min"), level="WITNESS")
    low = tuple(Observation(code="heart-rate", value=amount("40 /min"), at=NOW - timedelta(minutes=age)) for age in (9, 3))
    pulse = {"products": (a_product(hold=(hold,)),), "patients": (a_patient(observations=low),)}
    assert _source("H1", "value", **pulse) == FactSource(origin="observation", ref="heart-rate", at=NOW - timedelta(minutes=3))
    assert _source("H1", "limit", **pulse) == FactSource(origin="product", ref="AMOX500", at=CHART)
    assert _source("Q2", "ordered", orders=(an_order("250 mg", version=4),)) == FactSource(origin="order", ref="O1 v4", at=CHART)
    assert _source("Q2", "given", orders=(an_order("250 mg"),)) == FactSource(origin="scan", ref=GTIN, at=NOW - timedelta(seconds=10))
    swapped = {"orders": (an_order(patient="P2"),), "intent": an_intent(order="O1")}
    assert _source("P4", "scanned", **swapped) == FactSource(origin="scan", ref=GSRN, at=NOW - timedelta(seconds=20))
    typed = {"scans": scanned(TYPED, a_drug_scan())}
    assert _source("P6", "cause", **typed) == FactSource(origin="keyed", ref="24-000123", at=NOW - timedelta(seconds=20))
    done = an_entry(due=local("08:00:00"), record_id="R7")
    given = {"history": (an_entry(at=local("07:00:00", "2026-03-01")), done), "intent": an_intent(due=local("08:00:00"))}
    assert _source("D5", "at", **given) == FactSource(origin="record", ref="R7", at=done.at)
    assert _source("T1", "due", at=local("09:30:00")) == FactSource(origin="schedule", ref="O1 v1", at=local("08:00:00"))
    allergic = {"patients": (a_patient(allergies=(Allergy(substance="amoxicillin"),)),)}
    assert _source("D10", "substance", **allergic) == FactSource(origin="patient", ref="P1", at=CHART)
    assert _source("P8", "nurse", nurse=a_nurse(licensed=False)) == FactSource(origin="staff", ref="N1", at=NOW)
    assert _source("S6", "minutes", intent=an_intent(given_at=NOW - timedelta(hours=1))) == FactSource(origin="intent", ref="N1", at=NOW)
    slow = evaluate(facts(cart=a_cart(clock_offset_s=90.0)))
    assert _finding(slow, "T6").sources["seconds"] == FactSource(origin="cart", ref="C1", at=NOW)


@pytest.mark.parametrize(
    ("age", "at"), [(None, None), (float("nan"), None), (float("inf"), None), (-1.0, None), (0.0, NOW), (60.0, NOW - timedelta(minutes=1))]
)
def test_chart_of_no_known_age_gives_no_time(age: float | None, at: object) -> None:
    asked = facts(cart=a_cart(chart_age_s=age), orders=(an_order("250 mg"),))
    assert _finding(evaluate(asked), "Q2").sources["ordered"].at == at


def test_rule_without_an_origin_is_told_of_the_cart() -> None:
    rule = replace(interaction.RULE, origin="")
    told = sources.told(rule.finding(Level.NOTE, "watch-for", facts={"other": "x"}), rule, matching.look(facts()))
    assert told.sources == {"other": FactSource(origin="cart", ref="C1", at=NOW)}


def test_engines_own_faults_have_a_source() -> None:
    def breaks(moment: object) -> object:
        raise ZeroDivisionError

    broken = Check(rule=interaction.RULE, look=breaks)  # type: ignore[arg-type]
    (finding,) = evaluate(facts(), (broken,)).findings
    assert set(finding.sources) == set(finding.facts)
    naive = evaluate(replace(facts(), at=NOW.replace(tzinfo=None), intent=an_intent(given_at=NOW)))
    assert [set(each.sources) == set(each.facts) for each in naive.findings] == [True]
