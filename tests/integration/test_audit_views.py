"""Every page, file and answer that shows clinical data leaves one row that says who looked at whom; none is shown without it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.exc import OperationalError

from pointofcare.orders.order import OrderCategory
from pointofcare.people import StaffRole
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import CartBirth
from server.security import viewing
from server.security.viewing import UNWATCHED, VIEWS
from server.store import audit, documents, downtime, emergencies, fleet, incoming, labels, patients, stays
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, bags, bedside_notes, orders, photos, recalls, staff
from server.usecases import downtime as paper_sheets
from server.usecases import labels as label_verbs
from tests.integration.test_bedside_notes import a_note
from tests.support import server_ward
from tests.support.server_ward import AMOXICILLIN, CHARGE, NURSE, PHARMACIST, PRESCRIBER, a_record
from tests.support.web import ADMIN, FLEET, signed_in, token_of, ward_app

# One person who may look at everything, so that the walk is about rows and not about doors.
EVERYTHING = Actor(id="ALL", name="Vũ Thị Tất Cả", roles=frozenset(StaffRole))
RECORD, NOTE = "r-audit-1", "n-audit-1"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with ward_app(tmp_path_factory.mktemp("audit"), verified=True) as made:
        with made.app_context():
            _fill()
        yield made


def _fill() -> None:
    """A dose, an infusion with its bag, a recall: each address then has something to show."""
    now = datetime.now(UTC)
    with transaction(server_ward.IMPORT) as tx:
        staff.receive(tx, server_ward.a_member(EVERYTHING))
        fleet.put_birth(tx, "c1", CartBirth(versions={}, hardware="test", boot_id="b", epoch="e"))
    with transaction(Actor(id="gateway")) as tx:
        administrations.record(tx, a_record(record_id=RECORD, recorded_at=now, effective_at=now), reevaluate=False)
        bedside_notes.record(tx, a_note(NOTE, at=now, recorded_at=now))
        bedside_notes.record(tx, a_note("i-audit-1", kind="incident", seq=2, at=now, recorded_at=now))
    drip = server_ward.an_order(
        9, category=OrderCategory.INFUSION, dose=None, times=(), route="IV", rate=Quantity(value=Decimal(50), unit="mL/h"),
        start=now - timedelta(hours=1),
    )  # fmt: skip
    with transaction(PRESCRIBER) as tx:
        orders.place(tx, PRESCRIBER, drip)
    with transaction(PHARMACIST) as tx:
        orders.verify(tx, PHARMACIST, "O9", 1)
    with transaction(PHARMACIST) as tx:
        bags.prepare(tx, PHARMACIST, "O9", 1)
    with transaction(PHARMACIST) as tx:
        made = {"lot": "A1", "expiry": date(2031, 1, 31), "count": 1, "ward": server_ward.WARD, "stock": "unit-dose-38x25"}
        label_verbs.of_product(tx, PHARMACIST, product=AMOXICILLIN.id, **made)
    with transaction(PHARMACIST) as tx:
        recalls.recall(tx, PHARMACIST, gtin=AMOXICILLIN.gtin, lots=("L1",), reason="particles")
    picture = io.BytesIO()
    Image.new("RGB", (240, 320), "grey").save(picture, "JPEG")
    with transaction(NURSE) as tx:
        photos.take(tx, NURSE, "P1", picture.getvalue())
    with transaction(NURSE) as tx:
        until = tx.at + timedelta(hours=1)
        emergencies.add(tx, patient="P1", ward=server_ward.WARD, code="phone", reason="asked", until=until, review_by=until)

    with transaction(NURSE) as tx:
        told = {"patient": "P1", "order": "O1", "order_version": 1, "due": now}
        printed = {"bed": "1", "name": "P1", "mrn": "1", "drug": "a drug", "dose": "500 mg", "route": "PO"}
        paper_sheets.print_sheet(tx, NURSE, server_ward.WARD, [downtime.Printed(**told, printed=printed)])
        incoming.keep(tx, source="fhir", kind="Patient", key="Patient/P1/1", payload=b"{}", subject="P1")
    with transaction(NURSE) as tx:
        paper = io.BytesIO()
        Image.new("RGB", (10, 10)).save(paper, "PDF")
        at = {"since": now, "until": now + timedelta(days=1), "made_by": NURSE.id, "made_at": now}
        issue = documents.Issue(
            code=CODE, kind="medication", subject="P1", ward=server_ward.WARD, version=1, content="c", digest="d", pages=1, size_bytes=1,
            signatures=(), batch="DB1", **at,
        )  # fmt: skip
        documents.add(tx, issue, paper.getvalue(), kept_for=timedelta(days=1))
        batch = {"total": 1, "done": 1, "failed": (), "state": documents.DONE, "changed_at": now}
        documents.add_batch(tx, documents.Batch(id="DB1", kind="medication", ward=server_ward.WARD, **batch, **at))


CODE = "A" * 16


def rows(app: Flask) -> list[Any]:
    with app.app_context(), reading() as tx:
        return list(audit.listed(tx, limit=2000))


def looks(app: Flask, client: FlaskClient, address: str) -> list[Any]:
    """The rows that one look left."""
    before = {line.id for line in rows(app)}
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code, answer.text[:300])
    return [line for line in rows(app) if line.id not in before]


def address_of(app: Flask, endpoint: str) -> str:
    with app.app_context(), reading(EVERYTHING) as tx:
        from server.store import bags as store

        bag = store.listed(tx, ward=server_ward.WARD)[0].id
        batch = labels.batches(tx)[0].id
        sheet = downtime.listed(tx, since=datetime(2026, 1, 1, tzinfo=UTC))[0].sheet
        stay = stays.of_patient(tx, "P1")[0].id
        item = incoming.listed(tx)[0].id
    values = {
        "patient_id": "P1",
        "record_id": NOTE if endpoint == "bedside.one" else RECORD,
        "order_id": "O9" if endpoint.startswith("bags") else "O1",
        "bag": bag,
        "recall": 1,
        "emergency": 1,
        "kind": "administration",
        "cart_id": "c1",
        "ward": server_ward.WARD,
        "batch": batch,
        "code": CODE,
        "batch_id": "DB1",
        "ward_id": server_ward.WARD,
        "sheet": sheet,
        "number": 1,
        "stay": stay,
        "item": item,
        "report_id": "i-audit-1",
    }
    rule = next(rule for rule in app.url_map.iter_rules(endpoint) if "GET" in (rule.methods or ()))
    with app.test_request_context():
        address: str = app.url_for(endpoint, **{name: values[name] for name in rule.arguments})
    return address + ("?patient_id=P1" if endpoint in ("orders.form", "transcription.form") else "")


def test_every_endpoint_is_either_watched_or_says_why_not(app: Flask) -> None:
    known = set(VIEWS) | set(UNWATCHED)
    assert {rule.endpoint for rule in app.url_map.iter_rules()} - known == set()
    assert not set(VIEWS) & set(UNWATCHED)
    assert all(UNWATCHED.values())


# Shown only as the answer to what was entered.
ANSWERS = {
    "work.answer", "orders.place", "bags.prepare", "merging.join", "transcription.enter", "labels.make_round", "downtime.enter",
    "insurance.find", "insurance.add", "insurance.correct",
}  # fmt: skip
# Read with tokens alone: test_fhir_access.py.
BY_TOKEN = {name for name in VIEWS if name.startswith("fhir.")}
READABLE = sorted(set(VIEWS) - ANSWERS - BY_TOKEN - {f"admission.{name}" for name in ("enter", "identify", "newborn")})


@pytest.mark.parametrize("endpoint", READABLE)
def test_each_look_leaves_one_row_with_who_where_and_whom(app: Flask, endpoint: str) -> None:
    with app.app_context(), transaction(server_ward.IMPORT) as tx:
        patients.assign_drawer(tx, cart="c1", drawer=1, patient="P1")
    client = signed_in(app, EVERYTHING)
    (row,) = [line for line in looks(app, client, address_of(app, endpoint)) if line.action.startswith("view.")]
    assert (row.actor, row.action, row.detail["page"]) == ("ALL", VIEWS[endpoint].action, endpoint)
    assert "{" not in row.subject
    told = (
        row.detail.get("patient") == "P1"
        or row.detail.get("patients") == ["P1"]
        or "count" in row.detail
        or row.subject.startswith("audit")
    )
    assert told, row
    assert datetime.now(UTC) - row.at < timedelta(minutes=1)


def test_a_row_has_the_roles_and_the_address(app: Flask) -> None:
    signed_in(app, NURSE).get("/patients/P1", environ_overrides={"REMOTE_ADDR": "10.1.2.3"})
    with app.app_context(), reading() as tx:
        from sqlalchemy import select

        from server.store.tables import AuditRow

        row = tx.session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(1)).one()
        assert (row.actor, row.roles, row.place, row.subject) == ("N1", "nurse", "10.1.2.3", "patient/P1")


def test_a_long_list_names_its_ward_and_number_and_no_patient(app: Flask) -> None:
    with app.test_request_context():
        viewing.seen(patients=[f"P{n}" for n in range(240)], ward="NOI-TH", count=240)
        from flask import g

        assert g.pop("pointofcare_seen") == {"ward": "NOI-TH", "count": 240}


def test_what_was_searched_for_is_not_written_down(app: Flask) -> None:
    found = looks(app, signed_in(app, NURSE), "/patients/?q=NGUY%E1%BB%84N")
    assert "NGUY" not in json.dumps([row.detail for row in found], ensure_ascii=False)
    assert found[0].detail["patients"] == ["P1", "P2"]


def test_a_page_that_refreshes_itself_is_one_view(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(app, CHARGE)
    assert len(looks(app, client, "/ward/")) == 1
    assert looks(app, client, "/ward/?part=live") == []
    monkeypatch.setattr(viewing, "ONE_VIEW_S", 0.0)
    assert len(looks(app, client, "/ward/?part=live")) == 1


def test_a_refresh_without_a_view_before_it_is_a_view(app: Flask) -> None:
    with app.app_context(), transaction(server_ward.IMPORT) as tx:
        staff.receive(tx, server_ward.a_member(Actor(id="N77", name="Nurse", roles=frozenset({StaffRole.NURSE}))))
    client = signed_in(app, Actor(id="N77"))
    assert len(looks(app, client, "/ward/?part=live")) == 1


@pytest.mark.parametrize("address", ["/patients/P1", "/api/v1/patients/P1", "/work/variance.csv"])
def test_what_cannot_be_audited_is_not_shown(app: Flask, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    client = signed_in(app, NURSE)

    def broken(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(audit, "transaction", broken)
    answer = client.get(address)
    assert answer.status_code == 503
    assert "NGUYỄN VĂN" not in answer.text
    assert "P1" not in answer.text.replace(address, "")
    assert "Content-Security-Policy" in answer.headers


def test_who_was_refused_is_written_down(app: Flask) -> None:
    before = len(rows(app))
    assert signed_in(app, FLEET).get("/patients/P1").status_code == 403
    found = rows(app)
    assert len(found) == before + 1
    assert (found[0].actor, found[0].action, found[0].subject) == ("F1", "view.refused", "patient/P1")


def test_a_form_that_comes_back_with_the_patient_is_a_view(app: Flask) -> None:
    client = signed_in(app, PRESCRIBER)
    token = token_of(client.get("/orders/new?patient_id=P1").text)
    before = len(rows(app))
    answer = client.post("/orders/new", data={"csrf_token": token, "patient_id": "P1"})
    assert answer.status_code == 422
    (row,) = rows(app)[: len(rows(app)) - before]
    assert (row.action, row.detail["patient"]) == ("view.patient", "P1")


def test_nothing_is_written_for_who_is_not_signed_in_or_for_what_is_not_there(app: Flask) -> None:
    before = len(rows(app))
    assert app.test_client().get("/patients/P1").status_code == 302
    assert signed_in(app, NURSE).get("/patients/P-NOBODY").status_code == 404
    assert len(rows(app)) == before


def test_no_row_holds_a_name_a_pin_or_a_password(app: Flask, tmp_path: Path) -> None:
    for endpoint in READABLE:
        signed_in(app, EVERYTHING).get(address_of(app, endpoint))
    told = json.dumps([(row.subject, row.detail) for row in rows(app)], ensure_ascii=False)
    for name in ("NGUYỄN VĂN", EVERYTHING.name, "argon2", ADMIN.name):
        assert name not in told, name
