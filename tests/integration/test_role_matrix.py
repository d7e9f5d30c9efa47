"""Every address of the application, with every method, for every role and for nobody: what the table says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pointofcare.people import StaffRole
from server.security import access, sign_in
from server.security.access import ENDPOINTS, Scope
from server.security.permissions import PERMISSIONS, permits
from server.store.transaction import Actor, transaction
from server.usecases import staff
from simulation import roles as page
from tests.support import server_ward, web

ACTORS = tuple(Actor(id=f"R-{role.value}", name=role.value, roles=frozenset({role})) for role in StaffRole)
NOBODYS_ID = {"string": "nobody", "int": "999999", "default": "nobody", "path": "nothing", "anything": "nothing"}
# An answer that a permitted caller may get to a request that names nothing and carries no form's token; 5xx is never right.
LET_IN = {200, 204, 302, 303, 304, 400, 404, 405, 409, 415, 422, 429}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("roles")) as made:
        with made.app_context(), transaction(server_ward.IMPORT) as tx:
            for actor in ACTORS:
                staff.receive(tx, server_ward.a_member(actor))
        yield made


@pytest.fixture(autouse=True)
def _fresh_limits(app: Flask) -> None:
    with app.app_context():
        sign_in.limiter.reset()


def calls(app: Flask) -> list[tuple[str, str, str]]:
    """Endpoint, method and an address, of every rule and method."""
    found = []
    for rule in app.url_map.iter_rules():
        values = {name: NOBODYS_ID.get(_kind(converter), "nobody") for name, converter in rule._converters.items()}
        with app.test_request_context():
            _, address = rule.build(values, append_unknown=False) or ("", "")
        found += [(rule.endpoint, method, address) for method in sorted((rule.methods or set()) - {"OPTIONS"})]
    return found


def _kind(converter: object) -> str:
    return "int" if "Integer" in type(converter).__name__ else "path" if "Path" in type(converter).__name__ else "string"


def answers(app: Flask, client: FlaskClient) -> dict[tuple[str, str], tuple[int, str]]:
    found = {}
    for endpoint, method, address in calls(app):
        with client.open(address, method=method) as answer:
            found[endpoint, method] = (answer.status_code, answer.headers.get("Location", ""))
    return found


def test_every_address_has_a_line_and_every_line_an_address(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(ENDPOINTS)


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: actor.name)
def test_each_role_is_let_in_where_the_table_says_so_and_refused_everywhere_else(app: Flask, actor: Actor) -> None:
    client = web.signed_in(app, actor)
    for (endpoint, method), (status, location) in answers(app, client).items():
        line = ENDPOINTS[endpoint]
        is_let_in = line.permission is None or permits(actor.roles, line.permission)
        expected = LET_IN if is_let_in else {403}
        if endpoint.startswith("fhir.") and line.scope is not Scope.NONE:
            expected = {401}  # a cookie counts for nothing there: tests/integration/test_fhir_access.py walks it with tokens
        assert status in expected, (endpoint, method, status)
        assert is_let_in or not location, (endpoint, method, location)


def test_nobody_is_led_to_the_sign_in_page_or_told_to_sign_in_everywhere_that_is_not_open(app: Flask) -> None:
    for (endpoint, method), (status, location) in answers(app, app.test_client()).items():
        if ENDPOINTS[endpoint].scope is Scope.NONE:
            assert status in {*LET_IN, 401}, (endpoint, method, status)
        elif endpoint.startswith(("api.", "fhir.", "verdicts.", "fleet_api.")):
            assert status == 401, (endpoint, method, status)
        else:
            assert (status, location.split("?")[0]) == (302, "/sign-in"), (endpoint, method, status)


def test_an_address_without_a_line_is_served_to_nobody(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {endpoint: line for endpoint, line in ENDPOINTS.items() if endpoint not in ("staff.everybody", "healthz", "api.carts")}
    monkeypatch.setattr(access, "ENDPOINTS", lines)
    for client in (app.test_client(), web.signed_in(app, web.ADMIN)):
        for address in ("/staff/", "/healthz", "/api/v1/carts"):
            assert client.get(address).status_code == 404, address


def test_what_a_view_asks_by_itself_is_what_its_line_says(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        asked = None
        inner: object = view
        while inner is not None:
            asked = getattr(inner, "permission", asked)
            inner = getattr(inner, "__wrapped__", None)
        assert asked is None or asked == ENDPOINTS[endpoint].permission, endpoint


def test_every_permission_is_held_by_somebody_and_asked_for_somewhere() -> None:
    asked = {line.permission for line in ENDPOINTS.values()} - {None}
    assert asked <= frozenset().union(*PERMISSIONS.values())


def test_the_page_of_the_roles_says_what_the_program_asks(app: Flask) -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(app), "run make roles"
