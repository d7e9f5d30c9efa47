"""The mapping to FHIR, field by field and against golden files. Golden files are added, not changed, within a version."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from pointofcare.administration.record import FindingEvidence
from pointofcare.errors import EmrRejectedError, QuantityError
from pointofcare.quantity import Quantity
from server.emr import fhir_elements, fhir_evidence, validation
from server.emr.fhir_mapping import administration, to_bundle, to_bytes
from server.emr.port import StartMissingError
from tests.support.emr import ADMINISTRATION, CASES, CONTEXT, SECOND_PERSON, SITE, TOO_EARLY, an_administration, context_for

GOLDEN = Path(__file__).parents[3] / "data" / "fhir"


def _entries(bundle: dict, kind: str) -> list[dict]:
    return [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_record_maps_to_its_golden_bundle(name: str) -> None:
    record = CASES[name]
    found = json.loads(to_bytes(to_bundle(record, context_for(record))))
    assert found == json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_record_passes_our_own_gate(name: str) -> None:
    record = CASES[name]
    assert validation.problems(to_bytes(to_bundle(record, context_for(record)))) == ()


def test_the_same_record_gives_the_same_bytes() -> None:
    record = CASES["given-overridden"]
    assert to_bytes(to_bundle(record, CONTEXT)) == to_bytes(to_bundle(record, CONTEXT))


@pytest.mark.parametrize("status", ["completed", "not-done", "in-progress", "stopped", "on-hold"])
def test_fhir_statuses_are_never_translated(status: str) -> None:
    assert administration(an_administration(status=status), CONTEXT)["status"] == status


def test_a_dose_not_given_carries_no_dosage_even_when_one_was_planned() -> None:
    resource = administration(an_administration(status="not-done", status_reason="npo"), CONTEXT)
    assert "dosage" not in resource
    assert resource["statusReason"][0]["coding"][0] == {"system": f"{SITE}/sid/reason", "code": "npo"}
    assert resource["effectiveDateTime"] == "2026-03-02T01:02:03.456Z"


def test_not_given_without_a_reason_says_that_it_is_unknown() -> None:
    reason = administration(an_administration(status="not-done"), CONTEXT)["statusReason"][0]["coding"][0]
    assert reason["code"] == "unknown"


def test_the_medication_is_what_was_scanned_with_lot_and_expiry() -> None:
    (medication,) = administration(an_administration(), CONTEXT)["contained"]
    assert medication["code"]["coding"][0] == {"system": "https://www.gs1.org/gtin", "code": "08936000000012"}
    assert medication["batch"] == {"lotNumber": "A1+b", "expirationDate": "2027-05-31"}


def test_identifiers_in_conditions_are_percent_encoded() -> None:
    bundle = to_bundle(an_administration(record_id="a+b c&d"), CONTEXT)
    (created,) = _entries(bundle, "MedicationAdministration")
    assert created["request"]["ifNoneExist"] == f"identifier={ADMINISTRATION}|a%2Bb%20c%26d"


def test_every_created_resource_is_a_conditional_create_with_its_own_condition() -> None:
    bundle = to_bundle(CASES["given-overridden"], CONTEXT)
    conditions = [entry["request"]["ifNoneExist"] for entry in bundle["entry"]]
    assert len(set(conditions)) == len(conditions) == 4
    assert all("identifier=" in c or "_tag=" in c for c in conditions)


def test_what_was_overridden_is_found_from_the_administration() -> None:
    bundle = to_bundle(CASES["given-overridden"], CONTEXT)
    issues = _entries(bundle, "DetectedIssue")
    (given,) = _entries(bundle, "MedicationAdministration")
    linked = [reference["reference"] for reference in given["resource"]["supportingInformation"]]
    assert linked == [issue["fullUrl"] for issue in issues]
    early, witnessed = (issue["resource"] for issue in issues)
    assert early["severity"] == "moderate"
    assert early["mitigation"][0]["author"]["identifier"]["value"] == "N1"
    assert witnessed["mitigation"][0]["author"]["identifier"]["value"] == "N2"


def test_given_in_spite_of_an_open_stop_is_not_told_as_answered() -> None:
    stop = replace(TOO_EARLY, rule="P4", level="STOP", satisfied=False)
    bundle = to_bundle(an_administration(level="STOP", status_reason="emergency", findings=(stop,)), CONTEXT)
    (issue,) = _entries(bundle, "DetectedIssue")
    assert issue["resource"]["severity"] == "high"
    assert "mitigation" not in issue["resource"]
    (given,) = _entries(bundle, "MedicationAdministration")
    rights = [part["extension"] for part in given["resource"]["extension"][0]["extension"] if part["url"] == "right"]
    results = {parts[0]["valueCode"]: parts[1]["valueCode"] for parts in rights}
    assert results == {"patient": "open", "drug": "pass", "dose": "pass", "route": "pass", "time": "pass"}


def test_nurse_and_second_person_have_their_own_functions() -> None:
    performers = administration(an_administration(witness="N2", findings=(SECOND_PERSON,)), CONTEXT)["performer"]
    found = [(p["function"]["coding"][0]["code"], p["actor"]["identifier"]["value"]) for p in performers]
    assert found == [("performer", "N1"), ("verifier", "N2")]


def test_a_correction_withdraws_the_old_resource_and_adds_the_new_one() -> None:
    bundle = to_bundle(CASES["correction"], context_for(CASES["correction"]))
    withdrawn, new = _entries(bundle, "MedicationAdministration")
    assert withdrawn["request"] == {
        "method": "PUT",
        "url": f"MedicationAdministration?identifier={ADMINISTRATION}|{CASES['given'].record_id}",
    }
    assert withdrawn["resource"]["status"] == "entered-in-error"
    assert new["request"]["method"] == "POST"


def test_a_withdrawal_adds_no_administration_and_is_found_by_its_own_identifier() -> None:
    bundle = to_bundle(CASES["withdrawal"], context_for(CASES["withdrawal"]))
    (withdrawn,) = _entries(bundle, "MedicationAdministration")
    values = [identifier["value"] for identifier in withdrawn["resource"]["identifier"]]
    assert values == [CASES["given"].record_id, CASES["withdrawal"].record_id]
    (provenance,) = _entries(bundle, "Provenance")
    assert provenance["resource"]["target"] == [{"reference": withdrawn["fullUrl"]}]


def test_a_correction_without_its_original_waits_for_it() -> None:
    with pytest.raises(StartMissingError):
        to_bundle(CASES["correction"], CONTEXT)


@pytest.mark.parametrize("action", ["waste", "remove"])
def test_waste_or_a_removed_patch_is_never_told_as_a_dose(action: str) -> None:
    with pytest.raises(EmrRejectedError):
        to_bundle(an_administration(action=action, dose=None, waste=Quantity.parse("2 mg")), CONTEXT)


def test_a_withdrawal_that_names_nothing_is_left_to_a_person() -> None:
    with pytest.raises(EmrRejectedError):
        to_bundle(an_administration(status="entered-in-error"), CONTEXT)


def test_control_characters_of_a_scan_become_visible_not_invalid() -> None:
    assert fhir_elements.text("01\x1d10A") == "01␝10A"


def test_an_amount_keeps_every_digit_or_is_refused() -> None:
    assert fhir_elements.number(Decimal("0.1")) == 0.1
    assert json.dumps(fhir_elements.number(Decimal("500.0"))) == "500"
    with pytest.raises(QuantityError):
        fhir_elements.number(Decimal("123456789012.123456789"))


def test_a_moment_of_another_zone_is_told_in_utc_with_milliseconds() -> None:
    at = datetime(2026, 3, 2, 8, 2, 3, 456999, tzinfo=timezone(timedelta(hours=7)))
    assert fhir_elements.moment(at) == fhir_elements.moment(at.astimezone(UTC)) == "2026-03-02T01:02:03.456Z"


@pytest.mark.parametrize(
    ("rule", "right"), [("P4", "patient"), ("D1", "drug"), ("D9", "route"), ("Q2", "dose"), ("T1", "time"), ("G1", "drug"), ("O1", None)]
)
def test_each_rule_belongs_to_its_right(rule: str, right: str | None) -> None:
    assert fhir_evidence.right_of(rule) == right


def test_the_allergy_that_was_overridden_is_implicated_by_its_substance() -> None:
    facts = {"cause": "allergy", "substance": "penicillin"}
    finding = FindingEvidence(rule="D11", level="REASON", satisfied=True, unknown=False, facts=facts, remedy="ask-prescriber", params={})
    bundle = to_bundle(an_administration(findings=(finding,), reason_text="tolerated before"), CONTEXT)
    issue = next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "DetectedIssue")
    assert [one["type"] for one in issue["implicated"]] == ["MedicationRequest", "AllergyIntolerance"]
    assert issue["implicated"][1]["display"] == "penicillin"
    assert {"ALGY"} <= {one["code"] for one in issue["code"]["coding"]}
    assert issue["mitigation"][0]["action"]["text"] == "tolerated before"
