"""What a hostile or clumsy client sends to the API: every answer is a problem document that names the field, and never a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.support import server_ward, web
from tests.support.server_ward import NURSE, PHARMACIST, PRESCRIBER
from tests.support.web import ADMIN, EVERYBODY

ORDER: dict[str, Any] = {
    "patient": "P1", "ingredient": "paracetamol", "form": "tablet", "route": "PO", "category": "scheduled", "dose": "500 mg",
    "times": ["08:00"], "start": "2026-11-21T08:00:00Z",
}  # fmt: skip
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("api")) as found:
        yield found


@pytest.fixture(autouse=True)
def _fresh_limits(app: Flask) -> None:
    web.forget_failures(app)


@pytest.fixture(scope="module")
def tokens(app: Flask) -> dict[str, dict[str, str]]:
    found = {}
    for person in EVERYBODY:
        web.give_password(app, person)
        web.forget_failures(app)
        answer = app.test_client().post("/api/v1/tokens", json={"username": person.id.lower(), "password": web.PASSWORD})
        found[person.id] = {"Authentication-Token": answer.json["token"]}
    return found


def _is_problem(answer: TestResponse, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    assert answer.content_type == "application/problem+json", answer.text[:200]
    body: dict[str, Any] = answer.json
    assert body["type"].startswith("urn:pointofcare:problem:")
    assert body["status"] == answer.status_code
    assert "Traceback" not in answer.text
    assert "sqlalchemy" not in answer.text.lower()
    return body


@pytest.mark.parametrize(
    "after",
    ["garbage", "2026-01-01T00:00:00~x", "0001-01-01T00:00:00+14:00~x", "9999-12-31T23:59:59-14:00~x", "~", "2026-01-01T00:00:00Z~"],
)
def test_a_cursor_that_is_none_names_its_field(app: Flask, tokens: dict[str, dict[str, str]], after: str) -> None:
    answer = app.test_client().get(f"/api/v1/patients/P1/administrations?after={quote(after)}", headers=tokens["N1"])
    assert _is_problem(answer, 422)["errors"][0]["field"] == "after"


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b'{"a":' * 100_000, b'{"version":' + b"9" * 10_000 + b"}", b"\xff\xfe", b"NaN", b"", b"null", b"[]", b"7"]
)
def test_a_body_made_to_exhaust_the_server_is_a_bad_request(app: Flask, tokens: dict[str, dict[str, str]], body: bytes) -> None:
    for address, headers in (("/api/v1/orders", tokens["D1"]), ("/api/v1/tokens", {})):
        answer = app.test_client().post(address, data=body, content_type="application/json", headers=headers)
        _is_problem(answer, 400, 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_a_body_of_another_kind_says_which_is_wanted(app: Flask, tokens: dict[str, dict[str, str]], kind: str) -> None:
    answer = app.test_client().post("/api/v1/orders", data=b"{}", content_type=kind, headers=tokens["D1"])
    assert "application/json" in _is_problem(answer, 415)["detail"]


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("PATCH", "/api/v1/patients", "GET"),
        ("DELETE", "/api/v1/orders/O1", "GET"),
        ("POST", "/api/v1/carts", "GET"),
        ("GET", "/api/v1/tokens", "POST"),
    ],
)
def test_a_method_that_an_address_does_not_have_is_told_with_those_it_has(
    app: Flask, tokens: dict[str, dict[str, str]], method: str, address: str, allowed: str
) -> None:
    answer = app.test_client().open(address, method=method, headers=tokens["D1"])
    _is_problem(answer, 405)
    assert allowed in answer.headers["Allow"]


def test_a_forged_session_write_is_a_problem_for_every_method(app: Flask) -> None:
    client = web.signed_in(app, PRESCRIBER)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert _is_problem(client.open("/api/v1/orders/O1", method=method, json={}), 400)["type"].endswith("csrf")


@pytest.mark.parametrize("header", [{"Authentication-Token": "x"}, {"Authentication-Token": ""}, {"Authentication-Token": "a.b.c"}])
def test_a_forged_token_is_nobody_even_beside_a_session(app: Flask, header: dict[str, str]) -> None:
    _is_problem(app.test_client().get("/api/v1/patients", headers=header), 401)
    answer = app.test_client().post("/api/v1/orders", json=ORDER, headers=header)
    _is_problem(answer, 401)


def test_guessing_through_the_api_is_stopped_with_a_remedy(app: Flask) -> None:
    answers = [app.test_client().post("/api/v1/tokens", json={"username": "ph1", "password": f"guess {n}"}) for n in range(9)]
    wait_s = int(answers[-1].headers["Retry-After"])
    assert 20 <= wait_s <= 30  # of thirty, what has passed since the last guess
    assert f"wait {wait_s} seconds" in _is_problem(answers[-1], 429)["remedy"]


def test_a_role_in_body_query_or_header_has_no_effect(app: Flask, tokens: dict[str, dict[str, str]]) -> None:
    headers = {**tokens["N1"], "X-Role": "prescriber", "X-Forwarded-User": "D1", "Authorization": "Basic RDE6eA=="}
    body = {**ORDER, "roles": ["prescriber"], "prescriber": "D1", "actor": "D1"}
    _is_problem(app.test_client().post("/api/v1/orders?role=prescriber", json=body, headers=headers), 403, 422)
    _is_problem(app.test_client().post("/api/v1/orders/O1/verify", json={"version": 1}, headers=headers), 403)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "O9\n"}, "id"),
        ({"patient": "P1\n"}, "patient"),
        ({"additives": ["x"] * 31}, "additives"),
        ({"additives": ["a\x00b"]}, "additives"),
        ({"prn_reasons": ["\u202epain"]}, "prn_reasons"),
        ({"times": ["08:00"] * 49}, "times"),
        ({"times": ["08:00|25:00"]}, "times"),
        ({"dose": "1e400 mg"}, "dose"),
        ({"dose": "9" * 400 + " mg"}, "dose"),
        ({"every": "99999999999999 h", "times": []}, "every"),
        ({"start": "0001-01-01T00:00:00+14:00"}, "start"),
        ({"rate": "5 mg/kg", "category": "infusion"}, "rate"),
        ({"category": "prn", "prn_max_24h": "lots"}, "prn_max_24h"),
        ({"indication": "x\x07"}, "indication"),
    ],
)
def test_a_bad_field_is_named_as_it_was_sent(app: Flask, tokens: dict[str, dict[str, str]], changes: dict[str, Any], field: str) -> None:
    answer = app.test_client().post("/api/v1/orders", json={**ORDER, **changes}, headers=tokens["D1"])
    errors = _is_problem(answer, 422)["errors"]
    assert field in {one["field"].partition(".")[0] for one in errors}, errors
    assert all("???" not in one["message"] for one in errors)


def test_a_decision_of_another_is_not_overturned_by_a_client_that_did_not_look(app: Flask, tokens: dict[str, dict[str, str]]) -> None:
    from server.store.transaction import Actor, transaction
    from server.usecases import orders

    other = Actor(id="PH9", name="Other", roles=PHARMACIST.roles)
    with app.app_context(), transaction(other) as tx:
        orders.reject(tx, other, "O2", 1, reason="allergic")
    client = app.test_client()
    _is_problem(client.post("/api/v1/orders/O2/verify", json={"version": 1}, headers=tokens["PH1"]), 409)
    _is_problem(client.post("/api/v1/orders/O2/verify", json={"version": 1, "seen": "pending"}, headers=tokens["PH1"]), 409)
    assert client.post("/api/v1/orders/O2/verify", json={"version": 1, "seen": "rejected"}, headers=tokens["PH1"]).status_code == 200


def test_no_answer_holds_a_hash_or_a_secret(app: Flask, tokens: dict[str, dict[str, str]]) -> None:
    for address in (
        "/api/v1/patients",
        "/api/v1/patients/P1",
        "/api/v1/patients/P1/orders",
        "/api/v1/carts",
        "/api/v1/outbox",
        "/api/openapi.json",
    ):
        for person in EVERYBODY:
            text = app.test_client().get(address, headers=tokens[person.id]).text
            for secret in ("argon2", "fs_uniquifier", "pin_hash", app.config["SECRET_KEY"]):
                assert secret not in text, (address, secret)


def _described(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/api/openapi.json").json
    return found


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _fits(document: dict[str, Any], schema: dict[str, Any], value: object, path: str = "") -> None:
    schema = _resolved(document, schema)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    kind = names[type(value)]
    assert not kinds or kind in kinds or (kind == "integer" and "number" in kinds), f"{path}: {kind} is not in {kinds}"
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), f"{path}: {set(value) - set(schema['properties'])} is not described"
        for name, inner in value.items():
            _fits(document, schema["properties"][name], inner, f"{path}.{name}")
    if isinstance(value, list) and "items" in schema:
        for inner in value:
            _fits(document, schema["items"], inner, f"{path}[]")


def test_every_get_answers_as_described(app: Flask, tokens: dict[str, dict[str, str]]) -> None:
    document = _described(app)
    ids = {"patient_id": "P1", "order_id": "O1", "record_id": "none", "rest": "nowhere"}
    checked = 0
    for path, operations in document["paths"].items():
        if "get" not in operations:
            continue
        address = path
        for name, value in ids.items():
            address = address.replace("{" + name + "}", value)
        for person in (NURSE, ADMIN):
            answer = app.test_client().get(address, headers=tokens[person.id])
            if answer.status_code == 200:
                schema = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
                _fits(document, schema, answer.json, path)
                checked += 1
            else:
                _is_problem(answer, 403, 404, 405)
    assert checked >= 5


TEXTS = st.text(max_size=40) | st.sampled_from(
    ["500 mg", "08:00", "PO", "P1", "2026-11-21T08:00:00Z", "\ud800", "\x00", "1e9 mg", "%s", "'; DROP TABLE orders; --"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS, lambda inner: st.lists(inner, max_size=4), max_leaves=6
)


@QUICK
@given(
    changes=st.dictionaries(
        st.sampled_from([*ORDER, "id", "dose_max", "every", "end", "rate", "additives", "prn_reasons", "x"]), VALUES, max_size=5
    )
)
def test_no_order_that_anybody_can_send_crashes_the_server(app: Flask, tokens: dict[str, dict[str, str]], changes: dict[str, Any]) -> None:
    body = json.dumps({**ORDER, **changes})
    answer = app.test_client().post("/api/v1/orders", data=body, content_type="application/json", headers=tokens["D1"])
    if answer.status_code != 201:
        _is_problem(answer, 400, 404, 409, 422)


@QUICK
@given(
    path=st.sampled_from(["patients", "orders", "carts", "outbox", "administrations", "patients/P1/administrations"]),
    key=st.text(max_size=30),
    query=st.dictionaries(st.sampled_from(["limit", "after", "q", "ward", "state"]), st.text(max_size=20), max_size=3),
)
def test_no_address_that_anybody_can_ask_for_crashes_the_server(
    app: Flask, tokens: dict[str, dict[str, str]], path: str, key: str, query: dict[str, str]
) -> None:
    client: FlaskClient = app.test_client()
    for address in (f"/api/v1/{path}", f"/api/v1/{path}/{quote(key.encode('utf-8', 'replace'), safe='')}"):
        answer = client.get(
            address, query_string={name: value.encode("utf-8", "replace") for name, value in query.items()}, headers=tokens["PH1"]
        )
        assert answer.status_code < 500, (address, answer.text)


def test_the_ward_of_the_tests_is_still_there(app: Flask, tokens: dict[str, dict[str, str]]) -> None:
    found = app.test_client().get("/api/v1/patients", headers=tokens["N1"]).json["items"]
    assert server_ward.a_patient(1).mrn in {one["mrn"] for one in found}
