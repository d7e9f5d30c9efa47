"""Enrolment over HTTP: what a cart gets, and how little anybody else learns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from flask import Flask

from server.security import authority as authorities
from server.security import sign_in
from server.store.transaction import transaction
from server.usecases import machines as verbs
from tests.integration.test_enrolment import a_key, request_of, signed
from tests.support import web
from tests.support.web import FLEET

ENROL, RENEW = "/api/v1/enrolment", "/api/v1/enrolment/renewal"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    authorities.create(tmp_path / "ca", facility="h1", at=datetime.now(UTC))
    with web.ward_app(tmp_path) as made:
        sign_in.limiter.reset()
        yield made
        sign_in.limiter.reset()


def a_token(app: Flask, cart: str = "cart-1") -> str:
    with app.app_context(), transaction(FLEET) as tx:
        return verbs.claim(tx, FLEET, cart).token


def test_a_cart_enrols_and_renews_without_anybody_signing_in(app: Flask) -> None:
    client, key, next_key = app.test_client(), a_key(), a_key()
    made = client.post(ENROL, json={"cart": "cart-1", "token": a_token(app), "csr": request_of(key)})
    assert made.status_code == 201, made.text
    root = x509.load_pem_x509_certificate(made.json["ca"].encode())
    x509.load_pem_x509_certificate(made.json["certificate"].encode()).verify_directly_issued_by(root)
    assert client.get(f"{ENROL}/authority").json["ca"] == made.json["ca"]
    csr = request_of(next_key)
    asked = {"certificate": made.json["certificate"], "csr": csr, "signature": signed(key, csr)}
    renewed = client.post(RENEW, json=asked)
    assert renewed.status_code == 201, renewed.text
    assert renewed.json["serial"] != made.json["serial"]


def test_a_refusal_is_the_same_for_an_unknown_cart_and_a_wrong_token(app: Flask) -> None:
    client, csr = app.test_client(), request_of(a_key())
    a_token(app)
    known = client.post(ENROL, json={"cart": "cart-1", "token": "wrong", "csr": csr})
    unknown = client.post(ENROL, json={"cart": "cart-2", "token": "wrong", "csr": csr})
    assert known.status_code == unknown.status_code == 403
    assert known.data == unknown.data
    assert known.json["remedy"]


def test_a_fault_in_the_request_names_its_field(app: Flask) -> None:
    client = app.test_client()
    answer = client.post(ENROL, json={"cart": "cart-1", "token": a_token(app), "csr": "nonsense"})
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == ["csr"]
    assert {one["field"] for one in client.post(ENROL, json={}).json["errors"]} == {"cart", "token", "csr"}
    answer = client.post(RENEW, json={"certificate": "x", "csr": request_of(a_key()), "signature": "%"})
    assert [one["field"] for one in answer.json["errors"]] == ["signature"]


def test_guessing_ends_soon(app: Flask) -> None:
    client, csr = app.test_client(), request_of(a_key())
    for _ in range(30):
        assert client.post(ENROL, json={"cart": "cart-1", "token": "guess", "csr": csr}).status_code == 403
    assert client.post(ENROL, json={"cart": "cart-1", "token": "guess", "csr": csr}).status_code == 429


def test_a_form_of_another_site_enrols_nothing(app: Flask) -> None:
    sent = app.test_client().post(ENROL, data={"cart": "cart-1", "token": a_token(app), "csr": request_of(a_key())})
    assert sent.status_code == 415


def test_a_server_without_an_authority_says_so(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "ca" / "ca.key").unlink()
    answer = app.test_client().post(ENROL, json={"cart": "cart-1", "token": "x", "csr": request_of(a_key())})
    assert answer.status_code == 404
    assert "ca init" in answer.json["remedy"]
