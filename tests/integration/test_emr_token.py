"""Signing in at an EMR that asks for tokens, against a real one."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey

from pointofcare.errors import ConfigError, EmrUnavailableError
from server import config as configuration
from server.__main__ import main as command
from server.config import EmrConfig
from server.emr import EmrPort, open_emr, token_key
from server.emr.fhir_mapping import to_bundle, to_bytes
from server.emr.token import ClientCredentials
from simulation import emr_peer
from simulation.emr_peer import RunningEmr
from tests.support.emr import CONTEXT, SITE, an_administration

SECRET = "a-secret-of-the-test"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmr]:
    client = {"client_id": "bedside", "client_secret": SECRET, "scopes": "system/*.*"}
    running = emr_peer.start(
        tmp_path_factory.mktemp("guarded"), more={"server_auth": {"types": ["smart"], "smart_clients": [client], "token_lifetime": 3600}}
    )
    yield running
    running.stop()


def _opened(guarded: RunningEmr, secret: str = SECRET) -> EmrPort:
    config = EmrConfig(
        target="fhir",
        base_url=guarded.base_url,
        identifiers=SITE,
        token_url=guarded.base_url.removesuffix("/fhir") + "/auth/token",
        client_id="bedside",
        client_secret=secret,
        scope="system/*.*",
    )
    return open_emr(config, facility="bv1")


def _send(emr: EmrPort, number: int) -> str:
    record = an_administration(number)
    return emr.submit(to_bytes(to_bundle(record, CONTEXT)), record.record_id).emr_id


def test_a_token_is_drawn_once_and_the_dose_lands(guarded: RunningEmr) -> None:
    emr = _opened(guarded)
    emr.check()
    assert _send(emr, 301)
    assert _send(emr, 302)
    found = emr.read_back(an_administration(302).record_id)
    assert found is not None
    assert found["status"] == "completed"
    emr.close()


def test_a_token_that_the_emr_no_longer_takes_is_replaced(guarded: RunningEmr, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    kept = ClientCredentials._kept

    def counted(self: ClientCredentials, answer: object) -> str:
        drawn.append(kept(self, answer))  # type: ignore[arg-type]
        return drawn[-1] if len(drawn) > 1 else "a-token-of-before-the-restart"

    monkeypatch.setattr(ClientCredentials, "_kept", counted)
    emr = _opened(guarded)
    assert _send(emr, 303)
    assert len(drawn) == 2
    emr.close()


def test_a_wrong_secret_sends_nothing_and_says_what_to_check(guarded: RunningEmr) -> None:
    emr = _opened(guarded, "another-secret")
    with pytest.raises(EmrUnavailableError) as caught:
        _send(emr, 304)
    assert "client_id" in caught.value.remedy
    assert "another-secret" not in str(caught.value)
    emr.close()


def test_half_a_sign_in_is_a_configuration_fault() -> None:
    given = {
        "database_url": "sqlite:///x.sqlite",
        "facility": "h1",
        "secret_key": "s" * 40,
        "password_salt": "p" * 40,
        "emr": {"target": "fhir", "base_url": "https://emr.example/fhir", "client_id": "bedside"},
    }
    with pytest.raises(ConfigError) as caught:
        configuration.read(given, anchor=Path("/etc"))
    assert {where for where, _ in caught.value.problems} == {"emr.token_url", "emr.client_secret"}


def test_a_key_that_others_may_read_or_that_is_too_weak_is_refused(tmp_path: Path) -> None:
    drawn = tmp_path / "key.json"
    assert token_key.draw(drawn).algorithm == "ES384"
    with pytest.raises(ConfigError, match="cannot be written"):
        token_key.draw(drawn)
    drawn.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        token_key.load(drawn)
    short = rsa.generate_private_key(65537, 1024).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for name, content in (("short", short), ("none", b"-"), ("json", b"{")):
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(0o600)
        with warnings.catch_warnings(action="ignore"), pytest.raises(ConfigError):
            token_key.load(path)


def test_the_jwks_holds_the_public_half_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    other.chmod(0o600)
    settings = tmp_path / "server.toml"
    settings.write_text(
        f'database_url = "sqlite:///x.sqlite"\nfacility = "h1"\nsecret_key = "{"s" * 40}"\npassword_salt = "{"p" * 40}"\n'
        '[emr]\ntarget = "fhir"\nbase_url = "https://emr.example/fhir"\ntoken_url = "https://emr.example/token"\n'
        'client_id = "bedside"\ntoken_key = "emr-key.json"\n'
    )
    assert command(["emr", "new-key", "--config", str(settings)]) == 0
    assert (tmp_path / "emr-key.json").stat().st_mode & 0o077 == 0
    capsys.readouterr()
    assert command(["emr", "jwks", "--config", str(settings), str(other)]) == 0
    listed = json.loads(capsys.readouterr().out)["keys"]
    assert [(one["kty"], one["alg"], one["use"]) for one in listed] == [("EC", "ES384", "sig"), ("RSA", "RS384", "sig")]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for one in listed for name in one}
    assert command(["emr", "new-key", "--config", str(settings)]) == 2, "a key that is there is never overwritten"
