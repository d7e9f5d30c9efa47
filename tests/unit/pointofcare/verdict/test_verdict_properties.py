"""What holds for every moment: the engine never raises, never says yes when it does not know, and only gets stricter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointofcare.labels.scan import Keyed
from pointofcare.people import Allergy, Observation, PatientStatus, Weight
from pointofcare.products import HoldRule
from pointofcare.quantity import Quantity
from pointofcare.texts import LANGUAGES, clinical
from pointofcare.texts.findings import sentence
from pointofcare.verdict import engine, matching
from pointofcare.verdict.engine import CHECKS, evaluate
from pointofcare.verdict.facts import Action, Facts, Lease
from pointofcare.verdict.finding import ORIGINS, Level
from pointofcare.verdict.rule import Check
from tests.support import builders
from tests.support.builders import (
    OTHER_GSRN,
    a_band_scan,
    a_cart,
    a_drug_scan,
    a_neighbour,
    a_patient,
    a_product,
    amount,
    an_intent,
    an_order,
    facts,
    level_of,
    local,
    scanned,
)
from tests.support.moments import moments

RULES = {check.rule.id: check.rule for check in CHECKS}


@settings(max_examples=150)
@given(moments())
def test_no_facts_make_a_check_raise(moment: Facts) -> None:
    looked = matching.look(moment)
    for check in CHECKS:
        list(check.look(looked))
    evaluate(moment)


@settings(max_examples=150)
@given(moments())
def test_every_verdict_keeps_its_word(moment: Facts) -> None:
    verdict = evaluate(moment)
    assert verdict == evaluate(moment)
    assert verdict.level == max((finding.level for finding in verdict.findings if not finding.satisfied), default=Level.PASS)
    assert (verdict.record is None) == (verdict.level > Level.WARN)
    for finding in verdict.findings:
        rule = RULES[finding.rule]
        assert finding.level in rule.levels, finding
        assert finding.level > Level.PASS
        assert set(finding.facts) == set(rule.facts), finding
        assert set(finding.params) == set(rule.remedies[finding.remedy]), finding
        assert set(finding.sources) == set(finding.facts), finding
        assert all(source.origin in ORIGINS for source in finding.sources.values()), finding
        assert not (finding.unknown and finding.level < Level.REASON), finding
        assert not (finding.satisfied and finding.level is Level.STOP), finding
        assert all(value is None or isinstance(value, str | int | float) for value in (*finding.facts.values(), *finding.params.values()))
        values = (*finding.facts.values(), *finding.params.values())
        for language in LANGUAGES:
            what, remedy = sentence(language, finding)
            assert what
            assert what != f"finding-{finding.rule}"
            assert remedy
            assert not remedy.startswith("remedy-")
            assert "{" not in what + remedy or any("{ $" in str(value) for value in values)  # a name may hold what it likes


@settings(max_examples=150)
@given(moments())
def test_a_pass_to_give_always_names_one_admitted_patient_one_order_and_a_scan(moment: Facts) -> None:
    verdict = evaluate(moment)
    if verdict.level > Level.WARN or moment.intent.action not in (Action.GIVE, Action.START):
        return
    assert verdict.patient is not None
    if verdict.order is None:  # an emergency: the list of the policy stands for the order
        assert moment.policy.emergency
        assert [finding.satisfied for finding in verdict.findings if finding.rule == "D1"] == [True]
        return
    order = max((each for each in moment.orders if each.id == verdict.order), key=lambda each: each.version)
    patient = next(each for each in moment.patients if each.id == verdict.patient)
    assert order.patient == patient.id
    assert patient.allergies is not None
    assert patient.status in (PatientStatus.ADMITTED, PatientStatus.TRANSFERRED)
    assert any(not isinstance(each.scan, Keyed) for each in moment.scans)


def _level(moment: Facts) -> Level:
    """Without what answers findings: monotony is about the findings."""
    return max((finding.level for finding in evaluate(moment).findings), default=Level.PASS)


@settings(max_examples=150)
@given(moments(), st.sampled_from(["amoxicillin", "penicillin", "codeine", "opioid", "iodine"]))
def test_adding_an_allergy_never_lowers_a_verdict(moment: Facts, substance: str) -> None:
    if any(patient.allergies is None for patient in moment.patients):
        return
    more = tuple(replace(patient, allergies=(*(patient.allergies or ()), Allergy(substance=substance))) for patient in moment.patients)
    assert _level(replace(moment, patients=more)) >= _level(moment)


@settings(max_examples=150)
@given(moments(), st.floats(0, 10**7))
def test_ageing_the_chart_never_lowers_a_verdict(moment: Facts, more_s: float) -> None:
    age = moment.cart.chart_age_s
    if age is None or age != age:
        return
    assert _level(replace(moment, cart=replace(moment.cart, chart_age_s=age + more_s))) >= _level(moment)


@settings(max_examples=150)
@given(moments())
def test_going_offline_never_lowers_a_verdict(moment: Facts) -> None:
    # Another cart's lease is the one exception that the format settles: online a stop, offline a reason.
    if moment.cart.lease is Lease.OTHER_CART:
        return
    online = replace(moment, cart=replace(moment.cart, online=True))
    assert _level(replace(moment, cart=replace(moment.cart, online=False))) >= _level(online)


@settings(max_examples=150)
@given(moments())
def test_a_revoked_band_is_never_a_pass(moment: Facts) -> None:
    if moment.intent.action is not Action.GIVE:
        return
    none_active = tuple(replace(patient, bands=()) for patient in moment.patients)
    typed = [each for each in moment.scans if isinstance(each.scan, Keyed) or getattr(each.scan, "mrn", None)]
    if not typed:
        assert evaluate(replace(moment, patients=none_active)).level is Level.STOP


@given(st.sampled_from(["O1", None]), st.booleans())
def test_swapping_the_patient_always_stops(order: str | None, online: bool) -> None:
    swapped = facts(scans=scanned(a_band_scan(gsrn=OTHER_GSRN), a_drug_scan()), intent=an_intent(order=order), cart=a_cart(online=online))
    assert evaluate(swapped).level is Level.STOP


@given(
    st.sampled_from(["125 mg", "250 mg", "500 mg", "0.5 g", "1 g", "500000 ug", "1 {capsule}", "2 {capsule}"]),
    st.sampled_from([10, Decimal("0.1")]),
    st.booleans(),
    st.integers(1, 3),
)
def test_a_tenfold_dose_never_passes(dose: str, factor: Decimal | int, stated: bool, units: int) -> None:
    product = a_product(divisible=True)
    packs = [a_drug_scan(serial=f"S{number}") for number in range(units)]

    def ask(ordered: Quantity, given_dose: Quantity | None) -> Level:
        return evaluate(
            facts(
                products=(product,),
                orders=(an_order(str(ordered)),),
                scans=scanned(a_band_scan(), *packs),
                intent=an_intent(dose=given_dose),
            )
        ).level

    right = amount(dose)
    if ask(right, right if stated else None) is Level.PASS:
        assert ask(right.times(factor), right if stated else None) >= Level.REASON
        if stated:
            assert ask(right, right.times(factor)) >= Level.REASON


def _without() -> list[tuple[str, Facts]]:
    """The same right moment with one input taken away each time."""
    right = facts()
    patient, order, product = a_patient(), an_order(), a_product()
    scan = a_drug_scan()
    return [
        ("nurse", replace(right, nurse=None)),
        ("nurse role", replace(right, nurse=builders.a_nurse(role=None))),
        ("nurse licence", replace(right, nurse=builders.a_nurse(licensed=None))),
        ("zone", replace(right, timezone=None)),
        ("patients", replace(right, patients=())),
        ("allergies", replace(right, patients=(replace(patient, allergies=None),))),
        ("patient status", replace(right, patients=(replace(patient, status=None),))),
        ("bands", replace(right, patients=(replace(patient, bands=()),))),
        ("band status", replace(right, patients=(replace(patient, bands=(replace(patient.bands[0], status=None),)),))),
        ("products", replace(right, products=())),
        ("strength", replace(right, products=(replace(product, ingredients=(builders.an_ingredient("amoxicillin", None),)),))),
        ("product routes", replace(right, products=(replace(product, routes=()),))),
        ("orders", replace(right, orders=())),
        ("order status", replace(right, orders=(replace(order, status=None),))),
        ("verification", replace(right, orders=(replace(order, verified=False),))),
        ("dose", replace(right, orders=(replace(order, dose=None),))),
        ("times", replace(right, orders=(replace(order, times=()),))),
        ("route", replace(right, orders=(replace(order, route=""),))),
        ("scans", replace(right, scans=())),
        ("band scan", replace(right, scans=scanned(scan))),
        ("drug scan", replace(right, scans=scanned(a_band_scan()))),
        ("instance number", replace(right, scans=scanned(a_band_scan(srin=None), scan))),
        ("clock", replace(right, cart=a_cart(clock_offset_s=None))),
        ("connection and chart age", replace(right, cart=a_cart(online=None, chart_age_s=None))),
        ("connection and lease", replace(right, cart=a_cart(online=None, lease=Lease.NONE))),
        ("lot", replace(right, scans=scanned(a_band_scan(), replace(scan, lot=None)))),
        ("expiry", replace(right, scans=scanned(a_band_scan(), replace(scan, expiry=None)))),
    ]


@pytest.mark.parametrize(("what", "moment"), _without(), ids=[name for name, _ in _without()])
def test_taking_an_input_away_is_never_a_pass(what: str, moment: Facts) -> None:
    assert evaluate(facts()).level is Level.PASS
    assert evaluate(moment).level > Level.PASS, what


def test_observation_and_weight_taken_away_are_never_a_pass() -> None:
    hold = a_product(hold=(_hold_rule(),))
    seen = Observation(code="heart-rate", value=amount("70 /min"), at=local("08:00:00"))
    with_value = facts(products=(hold,), patients=(a_patient(observations=(seen,)),))
    assert evaluate(with_value).level is Level.PASS
    assert evaluate(replace(with_value, patients=(a_patient(),))).level is Level.REASON
    weighed = facts(
        orders=(an_order("10 mg/kg"),),
        patients=(a_patient(weight=Weight(value=amount("50 kg"), at=local("08:00:00", "2026-03-01"))),),
    )
    assert evaluate(weighed).level is Level.PASS
    assert evaluate(replace(weighed, patients=(a_patient(),))).level is Level.REASON


def _hold_rule() -> HoldRule:
    return HoldRule(code="heart-rate", below=amount("50 /min"), max_age=timedelta(hours=1), level="WITNESS")


def test_no_pass_beside_a_stop() -> None:
    verdict = evaluate(facts(orders=(an_order(verified=False),), intent=an_intent(reason="emergency", satisfies=("D6",))))
    assert verdict.level is Level.STOP


def test_a_check_that_breaks_stops_and_says_which() -> None:
    def breaks(moment: object) -> object:
        raise ZeroDivisionError

    broken = Check(rule=CHECKS[0].rule, look=breaks)  # type: ignore[arg-type]
    verdict = evaluate(facts(), (broken, *CHECKS[1:]))
    finding = verdict.findings[0]
    assert (verdict.level, finding.rule, finding.unknown) == (Level.STOP, CHECKS[0].rule.id, True)
    assert sentence("en", finding)[0] == f"Rule {CHECKS[0].rule.id} could not be checked."


def test_facts_that_break_their_types_stop() -> None:
    naive = replace(facts(), at=facts().at.replace(tzinfo=None), intent=an_intent(given_at=facts().at))
    assert evaluate(naive).level is Level.STOP


def test_rules_are_in_one_table_each_once() -> None:
    ids = [check.rule.id for check in CHECKS]
    assert len(ids) == len(set(ids))
    assert engine.VERSION
    for check in CHECKS:
        rule = check.rule
        assert rule.levels
        assert rule.title
        assert rule.looks_at
        assert rule.passes_when
        assert rule.source
        assert rule.hazard
        assert rule.remedies


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_and_remedy_has_its_words(language: str) -> None:
    words = clinical()
    codes = {f"finding-{check.rule.id}" for check in CHECKS} | {f"remedy-{remedy}" for check in CHECKS for remedy in check.rule.remedies}
    codes |= {"finding-E1", "finding-broken", "remedy-tell-support"} | {f"level-{level.name}" for level in Level}
    assert not {code for code in codes if not words.has(language, code)}


def test_patients_of_the_neighbourhood_do_not_matter() -> None:
    alone = evaluate(facts(patients=(a_patient(),)))
    assert alone == evaluate(facts(patients=(a_neighbour(allergies=None), a_patient())))
    assert level_of(alone, "P1") is Level.PASS
