"""Our FHIR face as its readers see it: what was given, what became of it, by every way in which a client searches and pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from pointofcare.orders.order import OrderStatus
from pointofcare.quantity import Quantity
from server.emr import validation
from server.store import fhir_walk
from server.store.transaction import Actor, transaction
from server.usecases import administrations, orders
from server.usecases import fhir_search as searching
from server.usecases.fhir_kinds import KINDS
from tests.support import fhir_reader, server_ward, web
from tests.support.fhir_reader import Reader
from tests.support.server_ward import NOW, PHARMACIST, PRESCRIBER, a_record

GATEWAY = Actor(id="gateway")
OVERRIDE = FindingEvidence(
    rule="T2", level="REASON", satisfied=True, unknown=False, facts={}, remedy="earliest 14:20", params={"at": "14:20"}
)


def record(app: Flask, *records: AdministrationRecord, seq: int = 100) -> None:
    for number, one in enumerate(records):
        with app.app_context(), transaction(GATEWAY) as tx:
            administrations.record(tx, one, cart_seq=seq + number, epoch=one.record_id)


def infusion(name: str, *, patient: int = 2) -> tuple[AdministrationRecord, ...]:
    """Started, its rate changed, ended."""
    start = a_record(
        patient, record_id=f"{name}-start", action="start", status="in-progress", dose=None, rate=Quantity.parse("80 mL/h"), route="IV"
    )
    change = replace(
        start, record_id=f"{name}-rate", action="rate", continues=start.record_id, effective_at=NOW + timedelta(hours=1),
        rate=Quantity.parse("40 mL/h"), nurse="CN1",
    )  # fmt: skip
    end = replace(
        start, record_id=f"{name}-end", action="stop", status="completed", continues=start.record_id, rate=None,
        effective_at=NOW + timedelta(hours=2), dose=Quantity.parse("120 mL"),
    )  # fmt: skip
    return start, change, end


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("fhir"), verified=True, patient_count=3) as made:
        made.config["PROPAGATE_EXCEPTIONS"] = False
        record(
            made,
            a_record(1, record_id="given", findings=(OVERRIDE,), level="REASON", status_reason="patient-asleep"),
            a_record(1, record_id="refused", status="not-done", status_reason="refused", dose=None, product=None, gtin=None, order=None),
            a_record(3, record_id="wrong"),
            *infusion("drip"),
            seq=1,
        )
        with made.app_context(), transaction(PRESCRIBER) as tx:
            orders.place(tx, PRESCRIBER, server_ward.an_order(4, patient="P3", prescriber=PRESCRIBER.id))
        record(made, a_record(3, record_id="right", amends="wrong", dose=Quantity.parse("250 mg"), due=None), seq=50)
        yield made


@pytest.fixture(scope="module")
def reader(app: Flask) -> Reader:
    signer = fhir_reader.key()
    fhir_reader.register(app, signer=signer)
    return fhir_reader.program(app, signer)


def test_a_dose_is_read_with_all_that_it_refers_to(reader: Reader) -> None:
    given = reader.ok("MedicationAdministration/given")
    assert (given["status"], given["dosage"]["dose"]["value"]) == ("completed", 500)
    assert given["subject"]["reference"] == "Patient/P1"
    assert given["meta"]["versionId"] == "1"
    for reference in (
        given["subject"]["reference"],
        given["context"]["reference"],
        given["request"]["reference"],
        given["performer"][0]["actor"]["reference"],
        given["supportingInformation"][0]["reference"],
    ):
        kind, _, _ = reference.partition("/")
        assert reader.ok(reference)["resourceType"] == kind, reference


def test_an_infusion_is_one_resource_and_each_of_its_states_can_be_read(reader: Reader) -> None:
    assert [one["id"] for one in reader.found("MedicationAdministration?patient=P2")] == ["drip-start"]
    now = reader.ok("MedicationAdministration/drip-start")
    assert (now["status"], now["meta"]["versionId"], now["dosage"]["dose"]["value"]) == ("completed", "3", 120)
    states = reader.ok("MedicationAdministration/drip-start/_history")["entry"]
    assert [(one["resource"]["meta"]["versionId"], one["resource"]["status"]) for one in states] == [
        ("3", "completed"),
        ("2", "in-progress"),
        ("1", "in-progress"),
    ]
    second = reader.ok("MedicationAdministration/drip-start/_history/2")
    assert second["dosage"]["rateQuantity"]["value"] == 40
    assert reader.get("MedicationAdministration/drip-start/_history/4").status_code == 404
    assert reader.get("MedicationAdministration/drip-end").status_code == 404, "an act is no resource of its own"
    assert [one["id"] for one in reader.found("MedicationAdministration?identifier=drip-end")] == ["drip-start"]
    assert reader.found("MedicationAdministration?performer=Practitioner/CN1")[0]["id"] == "drip-start"


def test_a_corrected_dose_is_never_read_as_given(reader: Reader) -> None:
    found = {one["id"]: one["status"] for one in reader.every("MedicationAdministration?patient=P3")}
    assert found == {"wrong": "entered-in-error", "right": "completed"}
    assert reader.ids("MedicationAdministration?patient=P3&status=completed") == ["right"]
    assert reader.ids("MedicationAdministration?status=entered-in-error") == ["wrong"]


SEARCHES: tuple[tuple[str, set[str]], ...] = (
    ("MedicationAdministration?patient=Patient/P1", {"given", "refused"}),
    ("MedicationAdministration?subject=http://localhost/fhir/R4/Patient/P1&status=completed", {"given"}),
    ("MedicationAdministration?patient.identifier=24-000001&status=not-done", {"refused"}),
    ("MedicationAdministration?subject:identifier=https://pointofcare.invalid/h1/sid/patient|24-000001&status=not-done", {"refused"}),
    ("MedicationAdministration?patient:Patient=P1,P3&status=completed", {"given", "right"}),
    ("MedicationAdministration?patient=http://elsewhere.example/fhir/Patient/P1", set()),
    ("MedicationAdministration?patient=Practitioner/P1", set()),
    ("MedicationAdministration?request=O1", {"given"}),
    ("MedicationAdministration?context=Encounter/P2", {"drip-start"}),
    ("MedicationAdministration?code=https://www.gs1.org/gtin|08936000000011", {"given", "wrong", "right", "drip-start"}),
    ("MedicationAdministration?code=NOTHING", set()),
    ("MedicationAdministration?device=Device/c1&status=not-done", {"refused"}),
    ("MedicationAdministration?effective-time=2026-03-02", {"given", "refused", "wrong", "right", "drip-start"}),
    ("MedicationAdministration?effective-time=lt2026-03-02", set()),
    (
        "MedicationAdministration?effective-time=ge2026-03-02T08:05:00%2B07:00&effective-time=lt2026-03-03",
        {"given", "refused", "wrong", "right", "drip-start"},
    ),
    ("MedicationAdministration?_lastUpdated=lt2026-03-02", set()),
    ("MedicationAdministration?_id=given,right,nobody", {"given", "right"}),
    ("MedicationAdministration?_id=given&_id=right", set()),
    ("MedicationRequest?patient=P1", {"O1"}),
    ("MedicationRequest?status=active", {"O1", "O2", "O3", "O4"}),
    ("MedicationRequest?status=active&requester=Practitioner/D1", {"O4"}),
    ("MedicationRequest?status=stopped", set()),
    ("MedicationRequest?identifier=https://pointofcare.invalid/h1/sid/order|O2", {"O2"}),
    ("MedicationRequest?identifier=http://elsewhere.example|O2", set()),
    ("Patient?name=van nguyen", {"P1", "P2", "P3"}),
    ("Patient?name=NGUYỄN&gender=female", set()),
    ("Patient?identifier=24-000002", {"P2"}),
    ("Patient?birthdate=1958-04-11", {"P1", "P2", "P3"}),
    ("Patient?birthdate=gt1958-04", set()),
    ("Patient?birthdate=ge1958-04&birthdate=lt1959", {"P1", "P2", "P3"}),
    ("Patient?active=false", set()),
    ("Encounter?status=in-progress&location=Location/NOI-TH", {"P1", "P2", "P3"}),
    ("Encounter?status=finished", set()),
    ("DetectedIssue?patient=P1", {"given.o1"}),
    ("DetectedIssue?implicated=MedicationRequest/O1&identified=2026-03-02", {"given.o1"}),
    ("DetectedIssue?identified=gt2026-03-02", set()),
    ("Provenance?target=MedicationAdministration/drip-start", {"drip-start", "drip-rate", "drip-end"}),
    ("Provenance?target=MedicationAdministration/wrong", {"wrong"}),
    ("Medication?code=08936000000011", {"AMOX500"}),
    ("Practitioner?identifier=N1", {"N1"}),
    ("Location?_id=NOI-TH", {"NOI-TH"}),
)  # fmt: skip


@pytest.mark.parametrize(("address", "ids"), SEARCHES, ids=[address for address, _ in SEARCHES])
def test_searches_find_what_is_meant_and_nothing_else(reader: Reader, address: str, ids: set[str]) -> None:
    assert set(reader.ids(address)) == ids


def test_an_allergy_is_read_with_its_patient(reader: Reader) -> None:
    found = reader.found("AllergyIntolerance?patient=P1")
    assert [one["code"]["text"] for one in found] == ["aspirin"]
    assert reader.ok(f"AllergyIntolerance/{found[0]['id']}")["patient"]["reference"] == "Patient/P1"


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "AuditEvent"])
def test_pages_of_any_size_hold_each_resource_once(reader: Reader, kind: str, count: int) -> None:
    whole = reader.ids(f"{kind}?_count=200")
    assert sorted(reader.ids(f"{kind}?_count={count}")) == sorted(whole)
    assert len(whole) == len(set(whole))
    for sort in KINDS[kind].sorts:
        for sign in ("", "-"):
            assert sorted(reader.ids(f"{kind}?_count={count}&_sort={sign}{sort}")) == sorted(whole), sort


def test_a_page_that_looked_at_enough_says_where_the_next_goes_on(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching.fhir_walk, "look", _bounded(fhir_walk.look))
    assert set(reader.ids("MedicationAdministration?status=not-done&_count=1")) == {"refused"}
    assert set(reader.ids("MedicationRequest?requester=D1&authoredon=gt2000&_count=50")) == {"O4"}


def _bounded(look: Any) -> Any:
    return lambda tx, table, asked: look(tx, table, asked, most=1)


def test_links_are_good_for_their_own_search_alone(reader: Reader) -> None:
    page = reader.ok("MedicationAdministration?_count=1")
    after = next(link["url"] for link in page["link"] if link["relation"] == "next").split("_cursor=")[1]
    for address in (f"MedicationAdministration?status=completed&_cursor={after}", f"Patient?_cursor={after}", "Patient?_cursor=x"):
        answer = reader.get(address)
        assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["_cursor"]), address


def test_a_resource_that_comes_while_somebody_pages_moves_nothing_that_was_read(app: Flask, reader: Reader) -> None:
    before = reader.ids("MedicationAdministration?_sort=_lastUpdated&_count=200")
    pages = reader.pages("MedicationAdministration?_sort=_lastUpdated&_count=2")
    seen = [one["resource"]["id"] for one in next(pages)["entry"]]
    record(app, a_record(1, record_id="late", due=None, order=None), seq=70)
    for page in pages:
        seen += [one["resource"]["id"] for one in page.get("entry", ()) if one["search"]["mode"] == "match"]
    assert seen == [*before, "late"]
    assert reader.ids("MedicationAdministration?_sort=-_lastUpdated&_count=1")[0] == "late"


def test_what_goes_on_with_a_dose_brings_it_to_the_end_of_the_changes(app: Flask, reader: Reader) -> None:
    since = reader.ok("MedicationAdministration/drip-start")["meta"]["lastUpdated"]
    record(app, replace(infusion("drip")[1], record_id="drip-late", effective_at=NOW + timedelta(minutes=90)), seq=80)
    changed = reader.ids(f"MedicationAdministration?_lastUpdated=gt{since.replace('+', '%2B')}")
    assert changed[-1] == "drip-start"
    assert reader.ok("MedicationAdministration/drip-start")["meta"]["versionId"] == "4"


def test_an_order_has_its_versions_and_what_the_pharmacist_said(app: Flask, reader: Reader) -> None:
    verified = reader.ok("MedicationRequest/O3")
    assert verified["meta"]["versionId"] == "1-v"
    said = [one for one in verified["extension"] if one["url"].endswith("pharmacist-verification")]
    assert said[0]["valueCode"] == "verified"
    with app.app_context(), transaction(PRESCRIBER) as tx:
        orders.amend(
            tx, PRESCRIBER, replace(server_ward.an_order(3, patient="P3"), dose=Quantity.parse("250 mg")), version=1, reason="kidneys"
        )
    now = reader.get("MedicationRequest/O3", **{"If-None-Match": 'W/"1-v"'})
    assert (now.status_code, now.json["meta"]["versionId"]) == (200, "2-p")
    first = reader.ok("MedicationRequest/O3/_history/1")
    assert first["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 500
    assert [one["resource"]["meta"]["versionId"] for one in reader.ok("MedicationRequest/O3/_history")["entry"]] == ["2-p", "1"]
    with app.app_context(), transaction(PHARMACIST) as tx:
        orders.verify(tx, PHARMACIST, "O3", 2)
    assert OrderStatus.ACTIVE.value == reader.ok("MedicationRequest/O3")["status"]


def test_includes_bring_what_is_referred_to_and_what_refers(reader: Reader) -> None:
    address = "MedicationAdministration?_id=given&_include=MedicationAdministration:*&_revinclude=Provenance:target"
    brought = {f"{one['resourceType']}/{one['id']}" for one in reader.found(address, "include")}
    assert brought >= {"Patient/P1", "Encounter/P1", "MedicationRequest/O1", "Practitioner/N1", "Provenance/given"}
    assert [one["id"] for one in reader.found("Patient?_id=P2&_revinclude=MedicationRequest:patient", "include")] == ["O2"]


def test_everything_of_a_patient_comes_in_pages_with_the_people_and_places_around(reader: Reader) -> None:
    kinds = [one["resourceType"] for one in reader.every("Patient/P1/$everything?_count=2")]
    assert {
        "Patient",
        "Encounter",
        "AllergyIntolerance",
        "MedicationRequest",
        "MedicationAdministration",
        "DetectedIssue",
        "Provenance",
    } <= set(kinds)
    assert set(reader.ids("Patient/P1/$everything?_type=MedicationAdministration&end=2026-03-01")) == set()
    assert reader.ids("Patient/P1/$everything?_type=Patient") == ["P1"]
    assert len(reader.every("Patient/$everything?_type=Patient&_count=1")) == 3


def test_how_a_page_is_shown_can_be_chosen(reader: Reader) -> None:
    page = reader.ok("Patient?_elements=name&_count=1")
    assert set(page["entry"][0]["resource"]) == {"resourceType", "id", "meta", "name"}
    assert reader.ok("Patient?_summary=count")["total"] == 3
    assert reader.ok("Patient")["total"] == 3
    assert "total" not in reader.ok("Patient?_count=1")
    answer = reader.get("Patient/P1")
    assert reader.get("Patient/P1", **{"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert answer.headers["Last-Modified"].endswith("GMT")
    head = reader.app.test_client().head("/fhir/R4/Patient/P1", headers=reader.headers)
    assert (head.status_code, head.data) == (200, b"")
    form = reader.app.test_client().post("/fhir/R4/Patient/_search", data={"name": "nguyễn", "_count": "1"}, headers=reader.headers)
    assert len(form.json["entry"]) == 1


REFUSED: tuple[tuple[str, int, str], ...] = (
    ("Patient?birthdate=yesterday", 400, "birthdate"),
    ("Patient?birthdate=2026-13-40", 400, "birthdate"),
    ("Patient?name=", 400, "name"),
    ("Patient?name=😀", 400, "name"),
    ("Patient?name:contains=ngu", 400, "name:contains"),
    ("Patient?identifier=a|b|c", 400, "identifier"),
    ("Patient?_count=many", 400, "_count"),
    ("Patient?_count=-1", 400, "_count"),
    ("Patient?_sort=name", 400, "_sort"),
    ("Patient?_summary=text", 400, "_summary"),
    ("Patient?_include=Nothing:x", 400, "_include"),
    ("Patient?_include:iterate=Patient:x", 400, "_include:iterate"),
    ("Patient?_revinclude=Patient:name", 400, "_revinclude"),
    ("MedicationAdministration?patient.name=an", 400, "patient.name"),
    ("MedicationAdministration?effective-time=2026-03-02T08:05:00%2B99:00", 400, "effective-time"),
    ("MedicationAdministration?status=" + ",".join("x" * 101), 400, "status"),
    ("Patient/P1/$everything?start=x", 400, "start"),
    ("Patient/P1/$everything?_type=Nothing", 400, "_type"),
    ("Patient/P1/$everything?patient=P2", 400, "patient"),
    ("Patient?_format=xml", 406, "_format"),
    ("Nothing", 404, ""),
    ("Patient/nobody", 404, ""),
    ("Patient/P.zz", 404, ""),
    ("Patient/P1/_history", 404, ""),
    ("Patient/P1/_history/1", 404, ""),
    ("Observation/value.o99999", 404, ""),
    ("a/b/c/d/e", 404, ""),
)


@pytest.mark.parametrize(("address", "status", "parameter"), REFUSED, ids=[one[0][:60] for one in REFUSED])
def test_what_is_not_understood_is_told_by_name_and_never_half_done(reader: Reader, address: str, status: int, parameter: str) -> None:
    answer = reader.get(address)
    assert (answer.status_code, answer.content_type) == (status, "application/fhir+json; charset=utf-8")
    issue = answer.json["issue"][0]
    assert issue["details"]["text"]
    assert issue["diagnostics"]
    assert issue.get("expression", [""]) == [parameter]


def test_an_unknown_parameter_is_refused_where_the_client_is_strict_and_told_where_it_is_not(reader: Reader) -> None:
    assert reader.get("Patient?nosuch=1", Prefer="handling=strict").json["issue"][0]["expression"] == ["nosuch"]
    page = reader.ok("Patient?nosuch=1&_id=P1")
    assert "nosuch" not in page["link"][0]["url"]
    assert "nosuch" in page["entry"][-1]["resource"]["issue"][0]["details"]["text"]
    assert page["entry"][-1]["search"]["mode"] == "outcome"


def test_nothing_can_be_written_and_xml_is_not_offered(reader: Reader) -> None:
    client = reader.app.test_client()
    for method, address in (("POST", "Patient"), ("PUT", "Patient/P1"), ("DELETE", "Patient/P1"), ("PATCH", "Patient/P1"), ("POST", "")):
        answer = client.open(f"/fhir/R4/{address}", method=method, headers=reader.headers, json={})
        assert answer.status_code in (404, 405), (method, address)
        assert answer.json["resourceType"] == "OperationOutcome"
    for accepted in ("application/fhir+xml", "text/turtle", "application/fhir+json; fhirVersion=5.0"):
        assert reader.get("Patient/P1", Accept=accepted).status_code == 406, accepted
    assert reader.get("Patient/P1", Accept="application/fhir+json; fhirVersion=4.0").status_code == 200


def test_a_record_that_fhir_cannot_hold_is_told_and_hides_no_other(app: Flask, reader: Reader) -> None:
    record(app, a_record(2, record_id="x" * 80, due=None, order=None), seq=90)
    page = reader.ok("MedicationAdministration?patient=P2")
    modes = [one["search"]["mode"] for one in page["entry"]]
    assert sorted(modes) == ["match", "outcome"]
    told = next(one["resource"] for one in page["entry"] if one["search"]["mode"] == "outcome")
    assert "cannot be told" in told["issue"][0]["details"]["text"]


def test_all_that_is_served_is_valid_r4(reader: Reader) -> None:
    faults = {}
    for kind in KINDS:
        for page in reader.pages(f"{kind}?_count=100"):
            if page.get("entry"):
                found = validation.problems(json.dumps(page).encode())
                if found:
                    faults[kind] = found[:5]
    assert faults == {}
