"""The page where carts are let in and thrown out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from server.security import authority as authorities
from server.security import enrolment
from server.store.transaction import reading
from server.usecases import machines as verbs
from tests.integration.test_enrolment import a_key, enrolled, request_of
from tests.support import web
from tests.support.server_ward import CHARGE, NURSE
from tests.support.web import ADMIN, FLEET


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> authorities.Authority:
    return authorities.create(tmp_path / "ca", facility="h1", at=datetime.now(UTC))


def test_a_claim_is_shown_once_as_a_code_and_as_a_command_that_works(app: Flask, root: authorities.Authority) -> None:
    client = web.signed_in(app, FLEET)
    text = web.post(client, "/machines/claim", "/machines/", cart="cart-1").text
    token = re.search(r"--token (\S+) --ca-sha256 ([0-9a-f]+)<", text)
    assert token
    assert token.group(2) == root.fingerprint
    assert "data:image/svg+xml" in text
    assert token.group(1) not in client.get("/machines/").text
    with app.app_context():
        assert enrolment.enrol(root, cart="cart-1", token=token.group(1), csr=request_of(a_key())).machine == "cart-1"
    assert "cart-1" in client.get("/machines/").text


def test_a_revocation_wants_a_reason_and_a_tick(app: Flask, root: authorities.Authority) -> None:
    with app.app_context():
        enrolled(root, a_key())
    client = web.signed_in(app, ADMIN)
    assert "Nothing was revoked" in web.post(client, "/machines/cart-1/revoke", "/machines/", reason="lost").text
    assert "reason" in web.post(client, "/machines/cart-1/revoke", "/machines/", sure="yes", reason=" ").text
    with app.app_context(), reading() as tx:
        assert len(verbs.standing(tx)) == 1
    assert "stolen" in web.post(client, "/machines/cart-1/revoke", "/machines/", sure="yes", reason="stolen").text
    with app.app_context(), reading() as tx:
        assert verbs.standing(tx) == ()


def test_nobody_else_claims_or_revokes(app: Flask, root: authorities.Authority) -> None:
    for who in (NURSE, CHARGE):
        client = web.signed_in(app, who)
        assert client.get("/machines/").status_code == 403
        token = web.token_of(client.get("/account/").text)
        for address in ("/machines/claim", "/machines/cart-1/revoke"):
            assert client.post(address, data={"csrf_token": token, "cart": "cart-1", "sure": "yes", "reason": "x"}).status_code == 403


def test_a_server_without_an_authority_says_what_to_do(app: Flask) -> None:
    assert "ca init" in web.signed_in(app, FLEET).get("/machines/").text
