"""Signing in at an EMR with a key and no secret (SMART Backend Services), against a server of another project that verifies it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from pointofcare.errors import EmrRejectedError, EmrUnavailableError
from server.config import EmrConfig
from server.emr import EmrPort, open_emr, retry, token_key
from server.emr.fhir_mapping import to_bundle, to_bytes
from server.emr.token import SignedAssertion
from simulation import emr_peer
from simulation.emr_peer import RunningEmr
from tests.support.emr import CONTEXT, SITE, an_administration


def _send(emr: EmrPort, number: int) -> str:
    record = an_administration(number)
    return emr.submit(to_bytes(to_bundle(record, CONTEXT)), record.record_id).emr_id


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A key of each kind that SMART allows, and one that nobody registered."""
    folder = tmp_path_factory.mktemp("keys")
    found = {name: folder / name for name in ("ES384", "RS384", "stranger")}
    token_key.draw(found["ES384"])
    token_key.draw(found["stranger"])
    found["RS384"].write_bytes(RSAKey.generate_key(3072).as_pem(private=True))
    found["RS384"].chmod(0o600)
    return found


@pytest.fixture(scope="module")
def asymmetric(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, Path]) -> Iterator[RunningEmr]:
    """A FHIR server that verifies signed assertions: signature, audience, an end within five minutes, and no `jti` twice."""
    jwks = {name: json.loads(token_key.public_jwks([token_key.load(keys[name])])) for name in ("ES384", "RS384")}
    clients = [{"client_id": name, "jwks": known, "scopes": "system/*.*"} for name, known in jwks.items()]
    clients.append({"client_id": "reader", "jwks": jwks["ES384"], "scopes": "system/*.read"})
    running = emr_peer.start(
        tmp_path_factory.mktemp("asymmetric"), more={"server_auth": {"types": ["smart"], "smart_clients": clients, "enforce_scopes": True}}
    )
    yield running
    running.stop()


def _signing(asymmetric: RunningEmr, client: str, key: Path, **changes: object) -> EmrPort:
    config = EmrConfig(
        target="fhir",
        base_url=asymmetric.base_url,
        identifiers=SITE,
        token_url=asymmetric.base_url.removesuffix("/fhir") + "/auth/token",
        client_id=client,
        token_key=key,
        scope="system/*.read" if client == "reader" else "system/*.*",
        **changes,  # type: ignore[arg-type]
    )
    return open_emr(config, facility="bv1")


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_signed_assertion_opens_the_emr_and_no_secret_is_shared(asymmetric: RunningEmr, keys: dict[str, Path], algorithm: str) -> None:
    emr = _signing(asymmetric, algorithm, keys[algorithm])
    emr.check()
    assert _send(emr, 310 if algorithm == "ES384" else 311)
    emr.close()


def test_each_assertion_counts_once_and_ends_within_five_minutes(asymmetric: RunningEmr, keys: dict[str, Path]) -> None:
    key = token_key.load(keys["ES384"])
    auth = SignedAssertion("https://emr.example/token", client_id="ES384", key=key, now=lambda: 1_000_000.0)
    claims = [jwt.decode(auth._assertion(), key.key, algorithms=["ES384"]).claims for _ in range(2)]
    assert claims[0]["jti"] != claims[1]["jti"]
    assert {(one["iss"], one["sub"], one["aud"]) for one in claims} == {("ES384", "ES384", "https://emr.example/token")}
    assert all(0 < one["exp"] - 1_000_000 <= 300 for one in claims)
    question = SignedAssertion(asymmetric.base_url.removesuffix("/fhir") + "/auth/token", client_id="ES384", key=key)._question()
    with httpx.Client(trust_env=False) as client:
        answers = [client.send(question).status_code for _ in range(2)]
    assert answers == [200, 401], "the EMR takes one assertion once"


def test_a_key_that_the_emr_does_not_know_sends_nothing(asymmetric: RunningEmr, keys: dict[str, Path]) -> None:
    emr = _signing(asymmetric, "ES384", keys["stranger"])
    with pytest.raises(EmrUnavailableError) as caught:
        _send(emr, 312)
    assert "emr jwks" in caught.value.remedy
    emr.close()


def test_an_assertion_for_another_endpoint_is_worth_nothing(asymmetric: RunningEmr, keys: dict[str, Path]) -> None:
    emr = _signing(asymmetric, "ES384", keys["ES384"], token_audience="https://somebody.else/token")
    with pytest.raises(EmrUnavailableError):
        _send(emr, 313)
    emr.close()


def test_a_client_that_may_only_read_is_left_to_a_person(asymmetric: RunningEmr, keys: dict[str, Path]) -> None:
    emr = _signing(asymmetric, "reader", keys["ES384"])
    with pytest.raises(EmrRejectedError) as caught:
        _send(emr, 314)
    assert caught.value.fields["status"] == 403
    assert isinstance(retry.decide(caught.value, 1, idempotent=True, chance=0.5), retry.Park)
    emr.close()
