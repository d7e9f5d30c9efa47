"""The REST API: its description, its problem documents, its pages of results, its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from server.api import errors
from server.store import orders, views_patients
from server.store.transaction import reading, transaction
from server.usecases import administrations
from tests.support import server_ward, web
from tests.support.server_ward import NOW, NURSE, PHARMACIST, PRESCRIBER
from tests.support.web import ADMIN, FLEET


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("api")) as found:
        with found.app_context():
            web.give_password(found, PHARMACIST)
            web.give_password(found, PRESCRIBER)
            for number in range(5):
                with transaction(server_ward.IMPORT) as tx:
                    record = server_ward.a_record(1, effective_at=NOW - timedelta(minutes=number), record_id=f"record-{number}")
                    administrations.record(tx, record)
        yield found


def token(app: Flask, name: str) -> dict[str, str]:
    answer = app.test_client().post("/api/v1/tokens", json={"username": name, "password": web.PASSWORD})
    assert answer.status_code == 201, answer.text
    return {"Authentication-Token": answer.json["token"]}


def is_problem(answer, status: int, code: str) -> dict[str, object]:  # type: ignore[no-untyped-def]
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["type"] == f"urn:pointofcare:problem:{code}"
    return dict(answer.json)


def test_the_description_is_openapi_and_names_every_endpoint(app: Flask) -> None:
    spec = app.test_client().get("/api/openapi.json").json
    assert spec["openapi"] == "3.1.0"
    assert {"/api/v1/tokens", "/api/v1/patients", "/api/v1/orders", "/api/v1/administrations/{record_id}", "/api/v1/carts"} <= set(
        spec["paths"]
    )
    known = spec["components"]["schemas"]

    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in references(spec["paths"]):
        kind, name = reference.removeprefix("#/components/").split("/")
        assert name in spec["components"][kind], reference
    assert "Order" in known
    assert app.test_client().get("/api/").status_code == 200


def test_a_stranger_gets_401_and_a_wrong_role_403(app: Flask) -> None:
    is_problem(app.test_client().get("/api/v1/patients"), 401, "not-signed-in")
    is_problem(web.signed_in(app, FLEET).get("/api/v1/patients"), 403, "not-permitted")
    is_problem(app.test_client().get("/api/v1/patients", headers={"Authentication-Token": "rubbish"}), 401, "not-signed-in")


def test_a_wrong_password_gives_no_token_and_says_nothing_of_the_name(app: Flask) -> None:
    web.forget_failures(app)
    answers = []
    for name in ("ph1", "nobody-at-all"):
        answer = app.test_client().post("/api/v1/tokens", json={"username": name, "password": "wrong"})
        answers.append(is_problem(answer, 401, "not-signed-in")["detail"])
    assert answers[0] == answers[1]
    assert app.test_client().post("/api/v1/tokens", data={"username": "ph1", "password": "x"}).status_code == 415


def test_a_token_reads_and_writes_without_a_session(app: Flask) -> None:
    headers = token(app, "ph1")
    client = app.test_client()
    assert client.get("/api/v1/patients", headers=headers).json["items"][0]["id"] == "P1"
    verified = client.post("/api/v1/orders/O2/verify", headers=headers, json={"version": 1})
    assert verified.status_code == 200
    assert verified.json["verification"] == "verified"
    is_problem(client.post("/api/v1/orders/O2/verify", headers=headers, json={"version": 7}), 409, "conflict")


def test_a_session_needs_the_pages_token_to_write(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    answer = client.post("/api/v1/orders/O1/verify", json={"version": 1})
    assert answer.status_code == 400
    with app.app_context(), reading() as tx:
        assert orders.get(tx, "O1").verification is orders.Verification.PENDING
    given = web.token_of(client.get("/pharmacy/").text)
    assert client.post("/api/v1/orders/O1/verify", json={"version": 1}, headers={"X-CSRFToken": given}).status_code == 200


def an_order(**changes: object) -> dict[str, object]:
    return {
        "patient": "P1", "ingredient": "paracetamol", "form": "tablet", "route": "PO", "category": "scheduled", "dose": "500 mg",
        "times": ["08:00"], "start": "2026-11-21T08:00:00+07:00", **changes,
    }  # fmt: skip


def test_a_prescriber_places_amends_and_stops(app: Flask) -> None:
    headers = token(app, "d1")
    client = app.test_client()
    placed = client.post("/api/v1/orders", headers=headers, json=an_order(id="API-1"))
    assert placed.status_code == 201, placed.text
    assert placed.json["prescriber"] == "D1"
    is_problem(client.post("/api/v1/orders", headers=headers, json=an_order(id="API-1")), 409, "conflict")
    amended = client.put("/api/v1/orders/API-1", headers=headers, json=an_order(version=1, reason="less", dose="250 mg"))
    assert amended.json["version"] == 2
    assert amended.json["dose"] == "250 mg"
    stopped = client.post("/api/v1/orders/API-1/stop", headers=headers, json={"version": 2, "text": "cured"})
    assert stopped.json["status"] == "stopped"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dose": "many"}, "dose"),
        ({"times": []}, "times"),
        ({"category": "sometimes"}, "category"),
        ({"patient": "../../etc"}, "patient"),
        ({"start": "tomorrow"}, "start"),
        ({"verified": True}, "verified"),
        ({"roles": ["administrator"]}, "roles"),
    ],
)
def test_bad_input_names_the_field(app: Flask, changes: dict[str, object], field: str) -> None:
    client = web.signed_in(app, PRESCRIBER)
    given = web.token_of(client.get("/patients/P1").text)
    answer = client.post("/api/v1/orders", json=an_order(**changes), headers={"X-CSRFToken": given})
    assert answer.status_code == 422
    assert field in {one["field"] for one in answer.json["errors"]}, answer.json


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"version": NaN}', b"null"])
def test_rubbish_instead_of_json_is_a_problem_and_no_crash(app: Flask, body: bytes) -> None:
    client = web.signed_in(app, PHARMACIST)
    given = web.token_of(client.get("/pharmacy/").text)
    answer = client.post("/api/v1/orders/O1/verify", data=body, content_type="application/json", headers={"X-CSRFToken": given})
    assert answer.status_code in (400, 422)
    assert answer.content_type == "application/problem+json"


def test_doses_come_page_by_page_and_by_their_id(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    seen: list[str] = []
    after = ""
    for _ in range(5):
        answer = client.get("/api/v1/patients/P1/administrations", query_string={"limit": 2, "after": after}).json
        seen += [item["record_id"] for item in answer["items"]]
        after = answer["next"]
        if after is None:
            break
    assert seen == [f"record-{number}" for number in range(5)]
    one = client.get("/api/v1/administrations/record-3").json
    assert one["lot"] == "A1"
    assert one["dose"] == "500 mg"
    is_problem(client.get("/api/v1/administrations/nothing"), 404, "not-found")
    is_problem(client.get("/api/v1/patients/P1/administrations?after=rubbish"), 422, "message-unreadable")
    assert client.get("/api/v1/patients/P1/administrations?limit=9999").status_code == 422


def test_an_unknown_address_is_a_problem_document(app: Flask) -> None:
    is_problem(web.signed_in(app, NURSE).get("/api/v1/nowhere"), 404, "not-found")


def test_an_import_is_a_dry_run_unless_told_otherwise(app: Flask) -> None:
    client = web.signed_in(app, ADMIN)
    given = {"X-CSRFToken": web.token_of(client.get("/import/").text)}
    content = "id,mrn,name,status\nP77,77,MAI,admitted\n"
    report = client.post("/api/v1/imports", json={"files": [{"name": "p.csv", "content": content}]}, headers=given).json
    assert report["written"] is False
    assert report["counts"]["patients"] == {"new": 1, "changed": 0, "same": 0}
    assert client.get("/api/v1/carts").json == []
    bad = client.post("/api/v1/imports", json={"files": [{"name": "p.csv", "content": "id,mrn\n"}]}, headers=given).json
    assert bad["problems"][0]["code"] == "column-missing"


def test_every_class_of_failure_has_one_status() -> None:
    kinds = [kind for kind, _ in errors.STATUS]
    assert len(kinds) == len(set(kinds))


def test_a_database_that_takes_nothing_is_told_apart_from_a_fault_of_ours(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = web.signed_in(app, NURSE)

    def full(*_: object, **__: object) -> object:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr(views_patients, "find", full)
    answer = client.get("/api/v1/patients")
    is_problem(answer, 503, "database-unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert "INSERT" not in answer.text
