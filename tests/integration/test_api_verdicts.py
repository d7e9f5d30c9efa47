"""The engine over HTTP answers as the command does, takes what the format takes, refuses the rest by path, and writes nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from server.store import audit, verdicts
from server.store.transaction import reading
from simulation.verdict_command import run
from tests.support import web
from tests.support.server_ward import NOW, NURSE
from tests.support.web import FLEET

SUITE = Path(__file__).parents[1] / "data" / "scenarios"
BARE = {"id": "bare", "at": "2026-03-02T08:05:00+07:00", "intent": {"action": "give"}}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("api")) as found:
        yield found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return web.signed_in(app, NURSE)


def ask(client: FlaskClient, body: object, *, kind: str = "application/json") -> Any:
    token = web.token_of(client.get("/").text)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/api/v1/verdicts", data=data, content_type=kind, headers={"X-CSRFToken": token})


@pytest.mark.parametrize("name", ["open-format-1.json", "boundary-identity.json", "other-side.json"])
def test_answers_are_those_of_the_command(client: FlaskClient, name: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert run([str(SUITE / name)], explain=False, language="en", out=out, err=err) == 0
    found = ask(client, (SUITE / name).read_bytes())
    assert found.status_code == 200, found.text
    assert found.json == [json.loads(line) for line in out.getvalue().splitlines()]


def test_one_scenario_has_one_answer(client: FlaskClient) -> None:
    found = ask(client, BARE).json
    assert (found["id"], found["level"]) == ("bare", "STOP")
    assert set(found) == {"id", "level", "order", "due", "record", "findings", "engine", "policy"}


def test_a_stranger_is_asked_to_sign_in_and_any_role_may_ask(app: Flask) -> None:
    assert app.test_client().get("/api/v1/rules").status_code == 401
    answer = app.test_client().post("/api/v1/verdicts", json=BARE, headers={"Authentication-Token": "rubbish"})
    assert answer.status_code == 401
    assert ask(web.signed_in(app, FLEET), BARE).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (BARE | {"colour": 1}, "colour"),
        (BARE | {"cart": {"onlin": True}}, "cart.onlin"),
        (BARE | {"patients": [{"id": "P1", "weight": {"value": "62 stone", "at": "2026-03-02T08:00:00Z"}}]}, "patients[0].weight.value"),
        ({"scenarios": [BARE | {"at": "soon"}]}, "scenarios[0].at"),
        ([], "(top)"),
        (b"{", "line 1, column 2"),
        (b'{"id": 1e999}', ""),
        (b"[" * 5000, ""),
        (b"\xff", "byte 0"),
        (b"", ""),
    ],
)
def test_a_fault_is_a_problem_with_its_path_and_remedy(client: FlaskClient, body: object, field: str) -> None:
    answer = ask(client, body)
    assert answer.status_code == 422, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json["errors"]
    assert all(each["message"] for each in answer.json["errors"])
    assert field in [each["field"] for each in answer.json["errors"]] or not field


def test_what_is_not_json_is_415(client: FlaskClient) -> None:
    assert ask(client, BARE, kind="text/plain").status_code == 415


def test_too_much_is_refused_before_it_costs(client: FlaskClient) -> None:
    assert ask(client, {"scenarios": [{"id": str(number)} for number in range(501)], "base": BARE}).status_code == 422
    large = {"scenarios": [{"id": str(number)} for number in range(300)], "base": BARE | {"x": "y" * 200_000}}
    answer = ask(client, large)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "base"
    assert ask(client, b" " * 1_100_000).status_code == 413


def test_nothing_is_written(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), reading() as tx:
        before = len(audit.listed(tx))
    assert ask(client, (SUITE / "open-format-1.json").read_bytes()).status_code == 200
    with app.app_context(), reading() as tx:
        assert len(audit.listed(tx)) == before
        assert verdicts.count(tx, since=NOW.replace(year=2000), until=NOW.replace(year=2100)) == 0


def test_the_rules_are_listed_with_what_proves_them(client: FlaskClient) -> None:
    found = client.get("/api/v1/rules").json
    by_key = {(each["id"], each["kind"]): each for each in found["items"]}
    assert by_key[("P1", "check")]["levels"] == ["STOP"]
    assert by_key[("P1", "check")]["scenarios"]
    assert by_key[("S5", "task")]["tests"]


def test_both_are_in_the_description(app: Flask) -> None:
    paths = app.test_client().get("/api/openapi.json").json["paths"]
    assert "post" in paths["/api/v1/verdicts"]
    assert "application/json" in paths["/api/v1/verdicts"]["post"]["requestBody"]["content"]
    assert "get" in paths["/api/v1/rules"]
    assert app.test_client().get("/api/").status_code == 200


def test_wrong_method_is_405_and_names_the_right_one(client: FlaskClient) -> None:
    answer = client.get("/api/v1/verdicts")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["500 mg", "\ud800", "P1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "at", "value", "order"]), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "id",
    "at",
    "ward",
    "cart",
    "nurse",
    "policy",
    "patients",
    "products",
    "orders",
    "history",
    "bags",
    "scans",
    "intent",
    "expect",
    "x",
]


@settings(max_examples=60, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_no_scenario_that_anybody_can_send_crashes_the_server(app: Flask, changes: dict[str, Any]) -> None:
    client = web.signed_in(app, NURSE)
    answer = ask(client, json.dumps(BARE | changes).encode("utf-8", "surrogatepass"))
    assert answer.status_code in (200, 422), answer.text
