"""The review page names carts that have not reported, and a person says why one is settled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from server.store import leases as stored
from server.store.transaction import Actor, reading, transaction
from server.usecases import leases
from tests.support import web
from tests.support.server_ward import CHARGE, NOW, NURSE

GATEWAY = Actor(id="gateway")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made, made.app_context():
        yield made


def in_doubt() -> list[str]:
    with reading() as tx:
        return [each.cart for each in stored.doubts(tx, "P1")]


def test_a_doubt_over_a_lease_is_shown_and_resolved_by_a_person_with_a_reason(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        leases.acquire(tx, patient="P1", cart="c7", nurse="N1")
    with transaction(GATEWAY, at=NOW + leases.LASTS) as tx:
        leases.notice(tx)
    client = web.signed_in(app, CHARGE)
    assert "/review/leases/P1/c7" in client.get("/review/").text
    web.post(client, "/review/leases/P1/c7", "/review/", reason=" ")
    assert in_doubt() == ["c7"]
    web.post(client, "/review/leases/P1/c7", "/review/", reason="asked her: nothing was given")
    assert in_doubt() == []
    assert "/review/leases/P1/c7" not in client.get("/review/").text


def test_a_nurse_resolves_no_doubt(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        leases.acquire(tx, patient="P1", cart="c7")
        leases.release(tx, patient="P1", cart="c7", fence=1)
    client = web.signed_in(app, NURSE)
    token = web.token_of(client.get("/account/").text)
    assert client.post("/review/leases/P1/c7", data={"csrf_token": token, "reason": "x"}).status_code == 403
    assert in_doubt() == ["c7"]
