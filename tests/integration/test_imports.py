"""Imports: nothing is dropped in silence, nothing guessed, nothing written while a row is bad, and a second run changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import argon2
import pytest
from flask import Flask

from pointofcare.orders.order import OrderStatus
from pointofcare.people import BandStatus
from pointofcare.quantity import Quantity
from server.store import orders, patients, views_import
from server.store.transaction import Actor, reading, transaction
from server.usecases import imports
from server.usecases import orders as order_verbs
from tests.support import server_ward, web
from tests.support.web import ADMIN

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
ACTOR = Actor(id="A1", name="Administrator", roles=ADMIN.roles)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found, found.app_context():
        yield found


def run(*files: tuple[str, str], **options: bool) -> imports.ImportReport:
    return imports.run(ACTOR, [(name, text.encode()) for name, text in files], timezone="Asia/Ho_Chi_Minh", **options)


def samples(*names: str) -> list[tuple[str, str]]:
    return [(name, (SAMPLES / name).read_text(encoding="utf-8")) for name in names]


def the_patient(patient: str):  # type: ignore[no-untyped-def]
    with reading() as tx:
        return patients.get(tx, patient)


def the_order(order: str) -> orders.OrderView:
    with reading() as tx:
        return orders.get(tx, order)


ALL = ("orders.csv", "patients.csv", "products.csv", "staff.csv", "bundle.json")
HEAD = "id,mrn,name,status,ward,allergies,weight,weight_at,gsrn,srin,birth_date"


def a_row(**cells: str) -> str:
    given = {"id": "P50", "mrn": "50", "name": "MAI", "status": "admitted", "ward": "NOI-TH", **cells}
    return HEAD + "\n" + ",".join(given.get(name, "") for name in HEAD.split(",")) + "\n"


def test_the_samples_of_the_documentation_import_whatever_order_they_are_named_in(app: Flask) -> None:
    report = run(*samples(*ALL))
    assert report.problems == ()
    assert report.written
    assert the_patient("P001").allergies is not None
    assert len(the_patient("P001").allergies) == 2
    assert the_patient("P002").allergies == ()
    assert the_patient("P003").allergies is None
    assert the_order("O002").verification is orders.Verification.VERIFIED
    assert the_order("O001").verification is orders.Verification.PENDING
    assert the_order("O001").order.patient == "P002"
    assert the_order("O002").order.patient == "P001"  # named by its MRN


def test_a_second_run_changes_nothing(app: Flask) -> None:
    run(*samples(*ALL))
    versions = {key: the_order(key).order.version for key in ("O001", "O002", "O003", "HIS-7001", "MR002")}
    again = run(*samples(*ALL))
    assert {kind: (count.new, count.changed) for kind, count in again.counts.items()} == dict.fromkeys(imports.KINDS, (0, 0))
    assert {key: the_order(key).order.version for key in versions} == versions


def test_an_order_that_differs_becomes_a_new_version_and_is_unverified_again(app: Flask) -> None:
    run(*samples(*ALL))
    text = (SAMPLES / "orders.csv").read_text(encoding="utf-8").replace(",yes,50 mg,", ",,25 mg,")
    run(("orders.csv", text))
    changed = the_order("O002")
    assert changed.order.version == 2
    assert changed.order.dose == Quantity.parse("25 mg")
    assert changed.verification is orders.Verification.PENDING


def test_a_dose_nobody_can_compute_is_a_draft_with_the_reason_never_guessed_and_never_dropped(app: Flask) -> None:
    report = run(*samples(*ALL))
    drafts = dict(report.drafts)
    assert set(drafts) == {"O003", "MR002"}
    assert {code for code, _ in drafts["O003"]} == {"clarify-dose-unreadable", "clarify-times-unreadable"}
    for key in drafts:
        view = the_order(key)
        assert view.order.status is OrderStatus.DRAFT
        assert view.order.dose is None
        assert view.clarification
    page = web.signed_in(app, server_ward.PHARMACIST).get("/pharmacy/?order=O003").text
    assert "1 viên" in page


def test_a_fhir_bundle_brings_ward_bed_allergy_weight_and_order(app: Flask) -> None:
    run(*samples("bundle.json"))
    patient = the_patient("F001")
    assert (patient.ward, patient.bed, patient.mrn) == ("NOI-TH", "H011", "26-000101")
    assert patient.allergies is not None
    assert patient.allergies[0].substance == "ibuprofen"
    assert patient.weight is not None
    assert patient.weight.value == Quantity.parse("54.5 kg")
    order = the_order("HIS-7001").order
    assert (order.dose, order.route, [str(at) for at in order.times]) == (Quantity.parse("500 mg"), "PO", ["08:00:00", "20:00:00"])
    assert order.start == datetime(2026, 11, 21, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cells", "field", "code"),
    [
        ({"mrn": ""}, "mrn", "needed"),
        ({"status": "here"}, "status", "not-a-word"),
        ({"birth_date": "02/03/1958"}, "birth_date", "not-a-date"),
        ({"weight": "62", "weight_at": "2026-11-21T08:00:00Z"}, "weight", "not-an-amount"),
        ({"weight": "62 mL", "weight_at": "2026-11-21T08:00:00Z"}, "weight", "not-a-mass"),
        ({"weight": "62 kg", "weight_at": "2026-11-21T08:00:00"}, "weight_at", "no-offset"),
        ({"weight": "62 kg"}, "weight_at", "weight-and-moment"),
        ({"gsrn": "893600000000000018"}, "gsrn", "check-digit"),
        ({"srin": "1"}, "gsrn", "srin-without-gsrn"),
        ({"allergies": "none|amoxicillin"}, "allergies", "not-an-allergy"),
        ({"allergies": "amoxicillin:maybe"}, "allergies", "not-an-allergy"),
        ({"id": "P 50/../x"}, "id", "not-an-identifier"),
        ({"mrn": "24-000001"}, "mrn", "taken"),
        ({"gsrn": server_ward.gsrn(1)}, "gsrn", "taken"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_field_with_a_remedy_and_nothing_is_written(
    app: Flask, cells: dict[str, str], field: str, code: str
) -> None:
    report = run(("patients.csv", a_row(**cells)))
    assert [(one.row, one.field, one.code) for one in report.problems] == [(2, field, code)]
    for language in ("vi", "en", "fr"):
        assert report.problems[0].message_in(language) not in ("", code)
        assert report.problems[0].remedy_in(language) not in ("", f"{code}-remedy")
    assert not report.written
    with reading() as tx:
        assert not patients.known(tx, ("P50",))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"\xff\xfeid,mrn", "not-utf8"),
        (b"a,b,c\n1,2,3\n", "unknown-kind"),
        (b"id,mrn,name,status,nmae\n", "unknown-column"),
        (b"id,mrn,name,status,id\n", "column-twice"),
        (b"id,mrn,name\n", "column-missing"),
        (b"id,mrn,name,status\nP1,1\n", "wrong-cell-count"),
        (b'id,mrn,name,status\n"P1,1,A,admitted\n', "not-a-table"),
        (b"id,mrn\x00,name,status\n", "not-a-table"),
        (b"{", "not-json"),
        (b"[1]", "not-a-bundle"),
        (b'{"resourceType":"Patient"}', "not-a-bundle"),
        (b'{"resourceType":"Bundle","entry":[{}]}', "not-a-resource"),
        (
            b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","id":"x","name":5,"identifier":"q"}}]}',
            "wrong-element-type",
        ),
        (b'{"x": ' + b"[" * 100_000, "not-json"),
    ],
    ids=str,
)
def test_a_file_of_another_kind_is_a_problem_and_no_crash(app: Flask, content: bytes, code: str) -> None:
    report = imports.run(ACTOR, [("file", content)], timezone="Asia/Ho_Chi_Minh")
    assert code in {one.code for one in report.problems}
    assert not report.written


def test_byte_order_mark_and_semicolons_are_understood(app: Flask) -> None:
    report = run(("p.csv", "\ufeff" + a_row().replace(",", ";").replace("\n", "\r\n")))
    assert report.written
    assert the_patient("P50").name == "MAI"


def test_bad_rows_are_left_out_only_when_asked_and_are_still_listed(app: Flask) -> None:
    text = a_row() + a_row(id="P51", mrn="51", status="nowhere").split("\n")[1] + "\n"
    assert not run(("p.csv", text)).written
    report = run(("p.csv", text), skip_bad=True)
    assert report.written
    assert [one.row for one in report.problems] == [3]
    with reading() as tx:
        assert patients.known(tx, ("P50", "P51")) == {"P50"}


def test_a_dry_run_writes_nothing_even_when_all_is_well(app: Flask) -> None:
    report = run(("p.csv", a_row()), dry_run=True)
    assert report.ok
    assert not report.written
    with reading() as tx:
        assert not patients.known(tx, ("P50",))


def test_two_rows_with_one_id_are_both_refused(app: Flask) -> None:
    text = a_row() + a_row(name="ANOTHER", mrn="51").split("\n")[1] + "\n"
    assert [one.code for one in run(("p.csv", text)).problems] == ["id-twice", "id-twice"]


def test_an_order_of_an_unknown_or_of_another_patient_is_refused(app: Flask) -> None:
    head = "id,patient,ingredient,form,route,category,status,dose,start\n"
    rows = "X1,nobody,a,tablet,PO,prn,active,1 mg,2026-11-21T08:00:00Z\nO1,P2,a,tablet,PO,prn,active,1 mg,2026-11-21T08:00:00Z\n"
    assert [one.code for one in run(("o.csv", head + rows)).problems] == ["no-such-patient", "order-of-another"]


def test_a_file_without_allergies_never_wipes_out_a_known_allergy(app: Flask) -> None:
    assert the_patient("P1").allergies
    row = a_row(id="P1", mrn="24-000001", name="NGUYỄN VĂN 1", allergies="")
    run(("p.csv", row))
    assert the_patient("P1").allergies == server_ward.a_patient(1).allergies


def test_a_new_band_revokes_the_older_one_and_an_old_file_does_not_revive_it(app: Flask) -> None:
    old = a_row(gsrn=server_ward.gsrn(50), srin="1")
    run(("p.csv", old))
    run(("p.csv", a_row(gsrn=server_ward.gsrn(50), srin="2")))
    run(("p.csv", old))
    states = {band.srin: band.status for band in the_patient("P50").bands}
    assert states == {"1": BandStatus.REVOKED, "2": BandStatus.ACTIVE}


def test_pins_and_passwords_are_hashed_and_never_shown(app: Flask) -> None:
    head = "id,name,roles,badge,pin,password\n"
    report = run(("staff.csv", head + "N77,MAI,nurse,BADGE:77,604281,a long enough one\n"))
    assert report.secrets
    with reading() as tx:
        person = views_import.staff(tx)["N77"]
    assert person.pin_hash is not None
    assert argon2.PasswordHasher().verify(person.pin_hash, "604281")
    assert person.password_hash is not None
    assert "long enough" not in person.password_hash
    bad = run(("staff.csv", head + "N78,MAI,nurse,BADGE:78,12a45678,pw\n"))
    assert {one.field: one.value for one in bad.problems} == {"pin": "•••", "password": "•••"}
    again = run(("staff.csv", head + "N77,MAI,nurse,,,\n"))
    assert again.counts["staff"].same == 1  # an empty cell takes nothing away


def test_a_repeated_import_leaves_what_the_pharmacist_decided(app: Flask) -> None:
    run(*samples(*ALL))
    with transaction(server_ward.PHARMACIST) as tx:
        order_verbs.reject(tx, server_ward.PHARMACIST, "O002", 1, reason="bradycardia")
    run(*samples(*ALL))
    assert the_order("O002").verification is orders.Verification.REJECTED


@pytest.mark.parametrize(
    "change",
    [{"doNotPerform": True}, {"modifierExtension": [{"url": "x"}]}, {"intent": "proposal"}, {"status": "sleeping"}],
)
def test_a_request_that_forbids_or_only_proposes_is_never_an_order(app: Flask, change: dict[str, object]) -> None:
    bundle = json.loads((SAMPLES / "bundle.json").read_text(encoding="utf-8"))
    bundle["entry"][5]["resource"] |= change
    report = run(("bundle.json", json.dumps(bundle)), skip_bad=True)
    assert len(report.problems) == 1
    with reading() as tx:
        assert orders.find(tx, "HIS-7001") is None


def test_an_allergy_that_cannot_be_read_makes_the_list_unknown(app: Flask) -> None:
    bundle = json.loads((SAMPLES / "bundle.json").read_text(encoding="utf-8"))
    bundle["entry"].append({"resource": {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/F001"}, "code": {}}})
    report = run(("bundle.json", json.dumps(bundle)), skip_bad=True)
    assert [one.code for one in report.problems] == ["allergy-without-substance"]
    assert the_patient("F001").allergies is None


def test_the_page_shows_problems_first_and_writes_only_after_confirming(app: Flask) -> None:
    import io
    import re

    client = web.signed_in(app, ADMIN)
    token = web.token_of(client.get("/import/").text)
    upload = {"csrf_token": token, "files": (io.BytesIO(a_row().encode()), "p.csv")}
    page = client.post("/import/", data=upload, content_type="multipart/form-data").text
    with reading() as tx:
        assert not patients.known(tx, ("P50",))
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key is not None
    stolen = web.signed_in(app, ADMIN).post("/import/confirm", data={"csrf_token": "x", "key": key.group(1)})
    assert stolen.status_code == 400
    done = client.post("/import/confirm", data={"csrf_token": token, "key": key.group(1)}).text
    assert "The import is written" in done
    with reading() as tx:
        assert patients.known(tx, ("P50",))


@pytest.mark.parametrize(
    ("rate", "is_read"), [("80 mL/h", True), ("5 ug/kg/min", True), ("5 mg/kg", False), ("2 mg/mL", False), ("60 /min", False)]
)
def test_only_an_amount_per_time_is_a_rate(rate: str, is_read: bool) -> None:
    from pointofcare.orders.order import OrderCategory
    from server.usecases import import_orders
    from server.usecases.import_rows import Place

    certain = {
        "id": "O1",
        "patient": "P1",
        "ingredient": "noradrenaline",
        "form": "infusion",
        "route": "IV",
        "category": OrderCategory.INFUSION,
    }
    certain["status"] = OrderStatus.ACTIVE
    built = import_orders.build(place=Place(file="f", row=1), certain=certain, uncertain={"rate": rate, "start": "2026-11-21T08:00:00Z"})
    assert (built.order.rate is not None) is is_read
    assert (built.order.status is OrderStatus.ACTIVE) is is_read
