"""A change goes over what the EMR holds now: ours is written, theirs stays, and what they withdrew is not brought back."""

from __future__ import annotations

import json

import pytest

from pointofcare.errors import EmrRejectedError, EmrUnavailableError
from server.emr import answers, fhir_update, validation
from server.emr.fhir_mapping import to_bundle, to_bytes
from tests.support.emr import CASES, context_for


def _change() -> dict:
    bundle = to_bundle(CASES["withdrawal"], context_for(CASES["withdrawal"]))
    return json.loads(to_bytes(bundle))["entry"][0]


def _held(**changes: object) -> dict:
    given = json.loads(to_bytes(to_bundle(CASES["given"], context_for(CASES["given"]))))["entry"][0]["resource"]
    return {**given, "id": "17", "meta": {"versionId": "4", "lastUpdated": "2026-03-02T02:00:00Z", **given["meta"]}, **changes}


def test_it_is_for_the_version_that_was_read_and_no_other() -> None:
    entry = fhir_update.rebased(_change(), _held())
    assert entry["request"] == {"method": "PUT", "url": "MedicationAdministration/17", "ifMatch": 'W/"4"'}
    assert entry["resource"]["id"] == "17"
    assert entry["resource"]["status"] == "entered-in-error"
    assert "versionId" not in entry["resource"].get("meta", {})
    assert validation.problems(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).encode()) == ()


def test_what_somebody_in_the_emr_added_stays() -> None:
    theirs = {"system": "https://emr.example/id", "value": "MA-9"}
    note = {"text": "seen by the ward doctor", "time": "2026-03-02T05:00:00Z"}
    extension = {"url": "https://emr.example/ext/billing", "valueString": "B1"}
    held = _held()
    held = {
        **held,
        "identifier": [*held["identifier"], theirs],
        "note": [note, {"text": "an older note of ours"}],
        "extension": [*held["extension"], extension],
        "subject": {**held["subject"], "reference": "Patient/3"},
        "eventHistory": [{"reference": "Provenance/8"}],
    }
    found = fhir_update.rebased(_change(), held)["resource"]
    assert theirs in found["identifier"]
    assert len(found["identifier"]) == 3, "its own, that of the withdrawal, and theirs"
    assert found["note"] == [note]
    assert [one["url"] for one in found["extension"]].count(extension["url"]) == 1
    assert found["subject"]["reference"] == "Patient/3"
    assert found["eventHistory"] == [{"reference": "Provenance/8"}]


def test_what_the_emr_has_under_another_patient_is_a_persons() -> None:
    held = _held(subject={"identifier": {"system": "x", "value": "somebody else"}, "reference": "Patient/99"})
    with pytest.raises(EmrRejectedError, match="another patient"):
        fhir_update.rebased(_change(), held)


def test_an_element_of_before_does_not_stay_beside_the_new_one() -> None:
    change = _change()
    change["resource"].pop("effectiveDateTime")
    change["resource"]["effectivePeriod"] = {"start": "2026-03-02T01:02:03.456Z"}
    found = fhir_update.rebased(change, _held())["resource"]
    assert "effectiveDateTime" not in found
    assert "effectivePeriod" in found


def test_what_the_emr_withdrew_is_a_persons() -> None:
    change = _change()
    change["resource"]["status"] = "in-progress"
    with pytest.raises(EmrRejectedError, match="entered in error"):
        fhir_update.rebased(change, _held(status="entered-in-error"))
    assert fhir_update.rebased(_change(), _held(status="entered-in-error"))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("MedicationAdministration?identifier=https://h.example/sid/administration|a-1", ("MedicationAdministration", "a-1")),
        ("Procedure?identifier=https://h.example/sid%7Cx|a%2B1", ("Procedure", "a+1")),
        ("MedicationAdministration/17", None),
        ("MedicationAdministration?_tag=x|y", None),
    ],
)
def test_the_address_says_what_is_changed(url: str, found: tuple[str, str] | None) -> None:
    assert fhir_update.identifier_of(url) == found


def test_a_version_that_is_no_longer_the_newest_is_looked_at_again_and_two_of_one_are_not() -> None:
    conflict = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "conflict"}]}
    several = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "multiple-matches"}]}
    assert type(answers.meaning(412, conflict, has_match=True)) is EmrUnavailableError
    assert type(answers.meaning(412, None, has_match=True)) is EmrUnavailableError
    assert type(answers.meaning(412, several, has_match=True)) is EmrRejectedError
    assert type(answers.meaning(412, conflict)) is EmrRejectedError
