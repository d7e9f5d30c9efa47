"""Signing in at an EMR that asks for tokens, against a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointofcare.errors import ConfigError, EmrUnavailableError
from server import config as configuration
from server.config import EmrConfig
from server.emr import EmrPort, open_emr
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
