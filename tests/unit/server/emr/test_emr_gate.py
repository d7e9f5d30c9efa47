"""The gate before the first sending, measured: every good shape passes, and no single fault does.

The faults are those that real servers were seen to let through, each in a bundle that is good but for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from server.emr import validation
from tests.support import emr_bundles
from tests.support.emr_bundles import changed, entry

GOOD = dict(emr_bundles.good())
NOWHERE = "urn:uuid:00000000-0000-4000-8000-000000000000"
MA, ISSUE, PROVENANCE, OBSERVATION = "MedicationAdministration", "DetectedIssue", "Provenance", "Observation"


def _at(kind: str, change: Callable[[dict], object]) -> Callable[[dict], object]:
    return lambda bundle: change(entry(bundle, kind))


def _given(change: Callable[[dict], object]) -> tuple[str, Callable[[dict], object]]:
    return "given", _at(MA, change)


def _repeat(**timing: object) -> Callable[[dict], object]:
    """A timing where FHIR has one in these types: in an extension."""
    return _at(MA, lambda r: r["extension"].append({"url": "https://bv1.example/t", "valueTiming": {"repeat": timing}}))


BAD: dict[str, tuple[str, Callable[[dict], object]]] = {
    # codes that must be of their table
    "status-not-given": _given(lambda r: r.update(status="not-given")),
    "status-missing": _given(lambda r: r.pop("status")),
    "issue-status": ("given-overridden", _at(ISSUE, lambda r: r.update(status="open"))),
    "issue-severity": ("given-overridden", _at(ISSUE, lambda r: r.update(severity="STOP"))),
    "observation-status": ("measured-pain", _at(OBSERVATION, lambda r: r.update(status="done"))),
    "procedure-status": ("patch-off", _at("Procedure", lambda r: r.update(status="finished"))),
    "provenance-role": ("given", _at(PROVENANCE, lambda r: r["entity"][0].update(role="order"))),
    "event-action": ("stopped", _at("AuditEvent", lambda r: r.update(action="X"))),
    "event-outcome": ("stopped", _at("AuditEvent", lambda r: r.update(outcome="16"))),
    "device-status": ("cart", _at("Device", lambda r: r.update(status="on"))),
    "comparator": _given(lambda r: r["dosage"]["dose"].update(comparator="=")),
    # what must be there
    "no-subject": _given(lambda r: r.pop("subject")),
    "empty-subject": _given(lambda r: r.update(subject={})),
    "no-medication": _given(lambda r: r.pop("medicationReference")),
    "no-moment": _given(lambda r: r.pop("effectiveDateTime")),
    "no-moment-though-not-done": ("refused", _at(MA, lambda r: r.pop("effectiveDateTime"))),
    "no-identifier": _given(lambda r: r.pop("identifier")),
    "identifier-without-system": _given(lambda r: r["identifier"][0].pop("system")),
    "not-done-without-reason": ("refused", _at(MA, lambda r: r.pop("statusReason"))),
    "no-agent": ("given", _at(PROVENANCE, lambda r: r.pop("agent"))),
    "no-target": ("given", _at(PROVENANCE, lambda r: r.pop("target"))),
    "no-recorded": ("given", _at(PROVENANCE, lambda r: r.pop("recorded"))),
    "observation-without-code": ("measured-spo2", _at(OBSERVATION, lambda r: r.pop("code"))),
    "observation-without-value": ("measured-spo2", _at(OBSERVATION, lambda r: r.pop("valueQuantity"))),
    "event-without-source": ("stopped", _at("AuditEvent", lambda r: r.pop("source"))),
    "event-without-requestor": ("stopped", _at("AuditEvent", lambda r: r["agent"][0].pop("requestor"))),
    "mitigation-without-action": ("given-overridden", _at(ISSUE, lambda r: r["mitigation"][0].pop("action"))),
    # what must not be there
    "unknown-element": _given(lambda r: r.update(fiveRights=True)),
    "element-of-r5": _given(lambda r: r.update(occurenceDateTime="2026-03-02T01:02:03Z")),
    "two-medications": _given(lambda r: r.update(medicationCodeableConcept={"text": "two of them"})),
    "two-moments": _given(lambda r: r.update(effectivePeriod={"start": "2026-03-02T01:02:03Z"})),
    "dose-though-not-done": ("refused", _at(MA, lambda r: r.update(dosage={"dose": {"value": 1}}))),
    "empty-list": _given(lambda r: r.update(note=[])),
    "null": _given(lambda r: r.update(note=None)),
    "extension-of-two-kinds": _given(lambda r: r["extension"][0].update(valueString="x")),
    "extension-of-nothing": _given(lambda r: r["extension"].append({"url": "https://bv1.example/x"})),
    # forms
    "impossible-day": _given(lambda r: r.update(effectiveDateTime="2026-02-30T00:00:00Z")),
    "moment-without-zone": _given(lambda r: r.update(effectiveDateTime="2026-03-02T01:02:03")),
    "moment-without-seconds": _given(lambda r: r.update(effectiveDateTime="2026-03-02T01:02Z")),
    "number-as-text": _given(lambda r: r["dosage"]["dose"].update(value="500")),
    "text-as-number": _given(lambda r: r["note"] if "note" in r else r.update(note=[{"text": 5}])),
    "impossible-expiry": _given(lambda r: r["contained"][0]["batch"].update(expirationDate="2027-13-01")),
    "one-instead-of-a-list": _given(lambda r: r.update(identifier=r["identifier"][0])),
    # invariants
    "mad-1": _given(lambda r: r["dosage"].pop("dose")),
    "mad-1-empty": _given(lambda r: r.update(dosage={"text": "one tablet"})),
    "qty-3": _given(lambda r: r["dosage"]["dose"].pop("system")),
    "qty-3-of-waste": ("with-waste", _at(MA, lambda r: r["extension"][1]["extension"][0]["valueQuantity"].pop("system"))),
    "per-1": ("infusion-end", _at(MA, lambda r: r["effectivePeriod"].update(end="2020-01-01T00:00:00Z"))),
    "per-1-of-an-event": ("stopped", _at("AuditEvent", lambda r: r["period"].update(end="2020-01-01T00:00:00Z"))),
    "tim-1": ("given", _repeat(duration=30)),
    "tim-2": ("given", _repeat(frequency=3, period=8)),
    "tim-4": ("given", _repeat(duration=-30, durationUnit="min")),
    "tim-5": ("given", _repeat(period=-8, periodUnit="h")),
    "tim-6": ("given", _repeat(periodMax=8)),
    "tim-7": ("given", _repeat(durationMax=30, durationUnit="min")),
    "tim-8": ("given", _repeat(countMax=3)),
    "tim-9": ("given", _repeat(offset=30)),
    "tim-9-beside-a-meal": ("given", _repeat(offset=30, when=["C"])),
    "tim-10": ("given", _repeat(timeOfDay=["08:00:00"], when=["AC"])),
    "period-unit": ("given", _repeat(frequency=1, period=8, periodUnit="hours")),
    # references
    "target-outside": ("given", _at(PROVENANCE, lambda r: r["target"][0].update(reference=NOWHERE))),
    "issue-outside": (
        "given-overridden",
        _at(MA, lambda r: r["supportingInformation"][0].update(reference=NOWHERE)),
    ),
    "contained-outside": _given(lambda r: r["medicationReference"].update(reference="#other")),
    "contained-unused": _given(lambda r: r.update(medicationReference={"reference": "Medication/9"})),
    "subject-is-a-practitioner": _given(lambda r: r["subject"].update(type="Practitioner")),
    "subject-refers-to-an-order": _given(lambda r: r["subject"].update(reference="MedicationRequest/9")),
    "performer-is-a-patient": _given(lambda r: r["performer"][0]["actor"].update(type="Patient")),
    "device-is-a-place": _given(lambda r: r["device"][0].update(type="Location")),
    "no-reference-at-all": _given(lambda r: r["subject"].update(reference="the patient in bed 3")),
    # the bundle itself
    "batch": ("given", lambda bundle: bundle.update(type="batch")),
    "stored-twice": ("given", lambda bundle: bundle["entry"][0]["request"].pop("ifNoneExist")),
    "provenance-stored-twice": ("given", lambda bundle: bundle["entry"][1]["request"].pop("ifNoneExist")),
    "one-url-for-two": ("given", lambda bundle: bundle["entry"][1].update(fullUrl=bundle["entry"][0]["fullUrl"])),
    "no-url": ("given", lambda bundle: bundle["entry"][0].pop("fullUrl")),
    "deleting": ("given", lambda bundle: bundle["entry"][0]["request"].update(method="DELETE")),
    "to-another-type": ("given", lambda bundle: bundle["entry"][0]["request"].update(url="Medication")),
    "changes-what": ("correction", lambda bundle: bundle["entry"][0]["request"].update(url=MA)),
    "nothing-in-it": ("given", lambda bundle: bundle.update(entry=[])),
}  # fmt: skip


def test_there_are_enough_of_both_to_say_something() -> None:
    assert len(set(GOOD.values())) >= 100
    assert len(BAD) >= 34


@pytest.mark.parametrize("name", GOOD)
def test_nothing_good_is_kept_back(name: str) -> None:
    assert validation.to_send(GOOD[name]) == ()


@pytest.mark.parametrize("name", BAD)
def test_no_single_fault_goes_out(name: str) -> None:
    of, fault = BAD[name]
    broken = changed(GOOD[of], fault)
    assert json.loads(broken) != json.loads(GOOD[of]), "the fault is there"
    assert validation.to_send(broken), name
