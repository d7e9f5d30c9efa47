"""An infusion is one resource whatever comes when; a removal, an effect and a measurement are no dose."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from pointofcare.administration.record import AdministrationRecord
from pointofcare.quantity import Quantity
from server.emr import validation
from server.emr.fhir_chain import to_bundle
from server.emr.fhir_mapping import to_bytes
from server.emr.fhir_observation import to_bundle as observation_bundle
from server.emr.port import StartMissingError
from server.store.observations import Measurement
from tests.support.emr import AT, CONTEXT, SITE, an_administration

START = an_administration(
    1,
    action="start",
    status="in-progress",
    dose=Quantity.parse("500 mL"),
    rate=Quantity.parse("83 mL/h"),
    route="IV",
    bag="BAG7",
    drop_factor=20,
)


def an_act(number: int, action: str, status: str, minutes: int, **changes: object) -> AdministrationRecord:
    at = AT + timedelta(minutes=minutes)
    plain = {
        "dose": None,
        "route": None,
        "continues": START.record_id,
        "effective_at": at,
        "recorded_at": at,
        "product": None,
        "gtin": None,
    }
    return an_administration(number, action=action, status=status, **{**plain, **changes})


RATE = an_act(2, "rate", "in-progress", 10, rate=Quantity.parse("120 mL/h"))
HOLD = an_act(3, "hold", "on-hold", 20, status_reason="procedure")
STOP = an_act(4, "stop", "stopped", 40, status_reason="infiltrated", dose=Quantity.parse("70 mL"), nurse="N2")


def bundle(record: AdministrationRecord, *chain: AdministrationRecord) -> dict:
    made = to_bundle(record, replace(CONTEXT, chain=chain))
    assert validation.problems(to_bytes(made)) == ()
    return made


def resource(made: dict, kind: str = "MedicationAdministration") -> dict:
    (found,) = [entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] == kind]
    return found


def entry_of(made: dict, kind: str = "MedicationAdministration") -> dict:
    (found,) = [entry for entry in made["entry"] if entry["resource"]["resourceType"] == kind]
    return found


def test_the_start_creates_it_in_progress_with_its_rate_and_no_dose_yet() -> None:
    made = bundle(START)
    assert entry_of(made)["request"]["method"] == "POST"
    found = resource(made)
    assert found["status"] == "in-progress"
    assert found["effectivePeriod"] == {"start": "2026-03-02T01:02:03.456Z"}
    assert found["dosage"]["rateQuantity"] == {"value": 83, "unit": "mL/h", "system": "http://unitsofmeasure.org", "code": "mL/h"}
    assert "dose" not in found["dosage"]


def test_a_change_of_rate_is_the_same_resource_with_the_new_rate() -> None:
    made = bundle(RATE, START)
    entry = entry_of(made)
    assert entry["request"]["method"] == "PUT"
    assert entry["request"]["url"].endswith(START.record_id)
    found = entry["resource"]
    assert (found["status"], found["dosage"]["rateQuantity"]["value"]) == ("in-progress", 120)
    assert [one["value"] for one in found["identifier"]] == [START.record_id, RATE.record_id]


def test_a_pause_says_why_and_keeps_the_period_open() -> None:
    found = resource(bundle(HOLD, START, RATE))
    assert found["status"] == "on-hold"
    assert found["statusReason"][0]["coding"][0]["code"] == "procedure"
    assert "end" not in found["effectivePeriod"]


def test_the_end_closes_the_period_with_what_was_given() -> None:
    found = resource(bundle(STOP, START, RATE, HOLD))
    assert found["status"] == "stopped"
    assert found["effectivePeriod"] == {"start": "2026-03-02T01:02:03.456Z", "end": "2026-03-02T01:42:03.456Z"}
    assert found["dosage"]["dose"]["value"] == 70
    assert [one["actor"]["identifier"]["value"] for one in found["performer"]] == ["N1", "N2"]


def test_an_infusion_that_was_given_whole_has_the_dose_of_its_start() -> None:
    found = resource(bundle(replace(STOP, status="completed", dose=None, status_reason=None), START))
    assert (found["status"], found["dosage"]["dose"]["value"]) == ("completed", 500)
    assert "statusReason" not in found


@pytest.mark.parametrize("arrival", list(itertools.permutations([START, RATE, HOLD, STOP])))
def test_the_last_bundle_tells_the_same_in_whatever_order_the_records_came(arrival: Sequence[AdministrationRecord]) -> None:
    last = arrival[-1]
    found = resource(bundle(last, *arrival))
    told = {name: found[name] for name in ("status", "effectivePeriod", "dosage")}
    assert told["status"] == "stopped"
    assert told == {name: resource(bundle(STOP, START, RATE, HOLD))[name] for name in told}
    assert {one["value"] for one in found["identifier"]} == {record.record_id for record in arrival}


def test_an_act_before_its_start_waits_for_it() -> None:
    with pytest.raises(StartMissingError):
        to_bundle(RATE, CONTEXT)


def test_a_start_that_came_last_is_an_update_and_undoes_nothing() -> None:
    made = bundle(START, STOP, START)
    assert entry_of(made)["request"]["method"] == "PUT"
    assert resource(made)["status"] == "stopped"


def test_a_withdrawn_end_lets_it_run_again() -> None:
    undo = an_act(5, "undo", "entered-in-error", 50, continues=None, amends=STOP.record_id, status_reason="wrong-patient-charted")
    found = resource(bundle(undo, START, RATE, STOP))
    assert (found["status"], found["dosage"]["rateQuantity"]["value"]) == ("in-progress", 120)
    assert "end" not in found["effectivePeriod"]
    assert undo.record_id in {one["value"] for one in found["identifier"]}


def test_a_withdrawn_start_is_entered_in_error_with_everything_that_went_on_with_it() -> None:
    undo = an_act(5, "undo", "entered-in-error", 50, continues=None, amends=START.record_id, status_reason="wrong-patient-charted")
    found = resource(bundle(undo, START, RATE))
    assert found["status"] == "entered-in-error"
    assert found["statusReason"][0]["coding"][0]["code"] == "wrong-patient-charted"
    late = resource(bundle(STOP, START, RATE, undo))
    assert late["status"] == "entered-in-error"


def test_a_corrected_start_takes_its_acts_along() -> None:
    again = replace(START, record_id=an_administration(6).record_id, amends=START.record_id, rate=Quantity.parse("40 mL/h"))
    made = bundle(again, START, STOP)
    found = {entry["resource"]["identifier"][0]["value"]: entry["resource"] for entry in made["entry"] if "identifier" in entry["resource"]}
    assert found[START.record_id]["status"] == "entered-in-error"
    assert found[again.record_id]["status"] == "stopped"


def test_a_corrected_rate_replaces_the_wrong_one() -> None:
    right = replace(RATE, record_id=an_administration(7).record_id, amends=RATE.record_id, continues=None, rate=Quantity.parse("12 mL/h"))
    found = resource(bundle(right, START, RATE))
    assert found["dosage"]["rateQuantity"]["value"] == 12


def test_a_correction_of_what_is_not_here_waits_for_it() -> None:
    with pytest.raises(StartMissingError):
        to_bundle(replace(RATE, amends="nowhere"), replace(CONTEXT, chain=(START,)))


def test_waste_that_was_charted_later_stands_on_the_dose() -> None:
    given = an_administration(8, route="IV")
    waste = an_administration(9, action="waste", continues=given.record_id, dose=None, waste=Quantity.parse("2.5 mg"), witness="N2")
    found = resource(bundle(waste, given))
    assert (found["status"], found["dosage"]["dose"]["value"]) == ("completed", 500)
    act = next(one for one in found["extension"] if one["url"].endswith("/act"))
    assert {"url": "waste", "valueQuantity": {"value": 2.5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}} in act[
        "extension"
    ]


def test_a_removed_patch_is_a_procedure_that_is_part_of_its_administration() -> None:
    patch = an_administration(10, route="TD", site="left shoulder")
    removal = an_administration(11, action="remove", continues=patch.record_id, dose=None, site="left shoulder")
    made = bundle(removal, patch)
    found = resource(made, "Procedure")
    assert (found["status"], found["performedDateTime"]) == ("completed", "2026-03-02T01:02:03.456Z")
    assert found["partOf"][0]["identifier"]["value"] == patch.record_id
    assert not [entry for entry in made["entry"] if entry["resource"]["resourceType"] == "MedicationAdministration"], "never one more dose"
    undo = an_administration(12, action="undo", status="entered-in-error", amends=removal.record_id, dose=None)
    withdrawn = resource(bundle(undo, patch, removal), "Procedure")
    assert withdrawn["status"] == "entered-in-error"


def test_the_effect_of_a_dose_as_needed_is_an_observation_of_it() -> None:
    dose = an_administration(13, prn_reason="pain")
    effect = an_administration(14, action="assess", continues=dose.record_id, dose=None, effect="relieved")
    found = resource(bundle(effect, dose), "Observation")
    assert found["valueCodeableConcept"]["coding"][0] == {"system": f"{SITE}/sid/effect", "code": "relieved"}
    assert found["partOf"][0]["identifier"]["value"] == dose.record_id


def test_a_dose_alone_is_told_as_ever() -> None:
    from server.emr import fhir_mapping

    assert bundle(an_administration(15)) == fhir_mapping.to_bundle(an_administration(15), CONTEXT)


@pytest.mark.parametrize(
    ("code", "value", "told"),
    [
        ("heart-rate", "58 /min", ("8867-4", 58, "/min")),
        ("temperature", "38.5 Cel", ("8310-5", 38.5, "Cel")),
        ("spo2", "97 %", ("2708-6", 97, "%")),
        ("glucose", "5.40 mmol/L", ("15074-8", 5.4, "mmol/L")),
        ("potassium", "4.1 mmol/L", ("2823-3", 4.1, "mmol/L")),
        ("inr", "2.5 1", ("6301-6", 2.5, "1")),
        ("creatinine", "0.09 mmol/L", ("14682-9", 90, "umol/L")),
    ],
)
def test_a_measurement_is_an_observation_with_its_loinc_code_and_ucum_unit(code: str, value: str, told: tuple[object, ...]) -> None:
    measured = Measurement(
        record_id=an_administration(20).record_id,
        facility="bv1",
        ward="W3",
        cart="c01",
        patient="P1",
        mrn="24-000123",
        code=code,
        value=Quantity.parse(value),
        at=AT,
        nurse="N1",
        recorded_at=AT,
    )
    made = observation_bundle(measured, CONTEXT)
    assert validation.problems(to_bytes(made)) == ()
    found = resource(made, "Observation")
    assert (found["code"]["coding"][0]["code"], found["valueQuantity"]["value"], found["valueQuantity"]["code"]) == told
    assert found["subject"]["identifier"]["value"] == "24-000123"
    assert observation_bundle(replace(measured, cart=""), CONTEXT)["entry"][0]["resource"].get("device") is None
