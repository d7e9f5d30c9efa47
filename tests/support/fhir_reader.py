"""Whoever reads from our FHIR face in tests: people with tokens, and registered programs that sign their statements."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from flask import Flask
from joserfc import jwt
from joserfc.jwk import ECKey

from server.store.transaction import Actor, transaction
from server.usecases import fhir_clients
from tests.support import web

TOKEN = "http://localhost/fhir/token"
R4 = "/fhir/R4"


def key() -> ECKey:
    return ECKey.generate_key("P-384", {"kid": "k1"})


def jwks(*keys: ECKey) -> str:
    return json.dumps({"keys": [{**one.as_dict(private=False), "kid": one.kid} for one in keys]})


def register(app: Flask, client: str = "his", *, signer: ECKey, scopes: str = "system/*.rs", wards: tuple[str, ...] = ()) -> None:
    with app.app_context(), transaction(web.ADMIN) as tx:
        fhir_clients.register(tx, web.ADMIN, client=client, name="The hospital's own system", jwks=jwks(signer), scopes=scopes, wards=wards)


def revoke(app: Flask, client: str = "his") -> None:
    with app.app_context(), transaction(web.ADMIN) as tx:
        fhir_clients.revoke(tx, web.ADMIN, client, reason="no longer used")


def statement(signer: ECKey, client: str = "his", **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": TOKEN, "exp": now + 240, "iat": now, "jti": uuid4().hex} | changes
    return jwt.encode({"alg": "ES384", "kid": signer.kid or "k1"}, claims, signer, algorithms=["ES384"])


def asked(app: Flask, signed: str, *, scope: str = "system/*.rs", **changes: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed,
        "scope": scope,
    }
    return app.test_client().post("/fhir/token", data=form | changes)


def program(app: Flask, signer: ECKey, client: str = "his", *, scope: str = "system/*.rs") -> Reader:
    answer = asked(app, statement(signer, client), scope=scope)
    assert answer.status_code == 200, answer.json
    return Reader(app, {"Authorization": f"Bearer {answer.json['access_token']}"})


def person(app: Flask, actor: Actor) -> Reader:
    web.give_password(app, actor)
    answer = app.test_client().post("/api/v1/tokens", json={"username": actor.id.lower(), "password": web.PASSWORD})
    return Reader(app, {"Authorization": f"Bearer {answer.json['token']}"})


@dataclass(slots=True)
class Reader:
    app: Flask
    headers: Mapping[str, str]

    def get(self, address: str, **headers: str) -> Any:
        address = address if address.startswith(("/", "http")) else f"{R4}/{address}"
        return self.app.test_client().get(address.removeprefix("http://localhost"), headers={**self.headers, **headers})

    def ok(self, address: str, **headers: str) -> Any:
        answer = self.get(address, **headers)
        assert answer.status_code == 200, (address, answer.status_code, answer.text[:500])
        return answer.json

    def found(self, address: str, mode: str = "match") -> list[Any]:
        """The resources of one page."""
        return [one["resource"] for one in self.ok(address).get("entry", ()) if one["search"]["mode"] == mode]

    def pages(self, address: str) -> Iterator[Any]:
        seen = 0
        while address:
            page = self.ok(address)
            yield page
            address = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
            seen += 1
            assert seen < 500

    def every(self, address: str) -> list[Any]:
        return [one["resource"] for page in self.pages(address) for one in page.get("entry", ()) if one["search"]["mode"] == "match"]

    def ids(self, address: str) -> list[str]:
        return [one["id"] for one in self.every(address)]
