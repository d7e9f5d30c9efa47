"""A dose that was stopped at the bedside reaches the outbox where the site wants it, once, and as nothing but what it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.administration.record import FindingEvidence
from pointofcare.errors import ConfigError
from pointofcare.wire.messages import AttemptOutcome, AttemptStopped
from server import config as configuration
from server.emr.fhir_mapping import MappingContext
from server.emr.forms import FHIR
from server.store import outbox
from server.store.beside import Blocked
from server.store.transaction import Actor, reading, transaction
from server.usecases import attempts
from tests.support import server_ward
from tests.support.databases import migrated_app
from tests.support.server_ward import NOW, WARD

GATEWAY = Actor(id="gateway")
WRONG_PATIENT = FindingEvidence(rule="P4", level="STOP", satisfied=False, unknown=False, facts={}, remedy="scan-band-of", params={})
SHADOW = replace(WRONG_PATIENT, rule="N9", shadow=True)
ATTEMPT = AttemptStopped(
    record_id="5b0e7f3a-0c70-4c8e-9a53-0d2a7a1f9d99",
    facility="h1",
    ward=WARD,
    cart="c1",
    at=NOW,
    outcome=AttemptOutcome.STOPPED,
    nurse="N1",
    patient="P1",
    order="O1",
    order_version=1,
    due=None,
    action="give",
    level="STOP",
    findings=(WRONG_PATIENT, SHADOW),
    scans=(),
    engine="1.0.0",
    policy="default",
    chart_version=1,
    online=True,
    seq=1,
    epoch="e",
    products=("AMOX500",),
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as found:
        server_ward.open_ward()
        yield found


def _record(attempt: AttemptStopped, *, tell_emr: bool) -> list[outbox.OutboxItem]:
    with transaction(GATEWAY) as tx:
        attempts.record(tx, attempt, sender="c1", tell_emr=tell_emr)
    with reading() as tx:
        return [item for item in outbox.worklist(tx) if item.record_id == attempt.record_id]


@pytest.mark.usefixtures("app")
def test_it_is_queued_once_with_the_patient_that_was_identified_and_builds_a_valid_bundle() -> None:
    _record(ATTEMPT, tell_emr=True)
    (item,) = _record(ATTEMPT, tell_emr=True)
    assert isinstance(item.record, Blocked)
    assert (item.kind, item.record.mrn, item.record.level) == (outbox.BLOCKED, server_ward.a_patient(1).mrn, "STOP")
    assert [rule.rule for rule in item.record.rules] == ["P4"], "what only ran in shadow stopped nobody"
    assert FHIR.beside is not None
    payload = FHIR.beside(item.record, MappingContext(site="https://h1.example/bcma"))
    assert FHIR.problems(payload) == ()
    assert b"MedicationAdministration" not in payload


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("patient", [None, "somebody-unknown"])
def test_nobody_is_named_who_was_not_identified(patient: str | None) -> None:
    (item,) = _record(replace(ATTEMPT, patient=patient), tell_emr=True)
    assert isinstance(item.record, Blocked)
    assert item.record.mrn == ""


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("changes", [{"outcome": AttemptOutcome.ABANDONED}, {"outcome": AttemptOutcome.LEFT_OPEN}, {}])
def test_what_nobody_stopped_or_the_site_does_not_want_told_is_not_queued(changes: dict[str, AttemptOutcome]) -> None:
    assert _record(replace(ATTEMPT, **changes), tell_emr=bool(changes)) == []  # type: ignore[arg-type]


def test_an_emr_without_words_for_it_is_refused_at_the_start(tmp_path: Path) -> None:
    given = {"database_url": "sqlite:///x.sqlite", "facility": "h1", "secret_key": "s" * 40, "password_salt": "p" * 40}
    with pytest.raises(ConfigError) as caught:
        configuration.read({**given, "emr": {"target": "hl7v2", "host": "emr", "blocked_attempts": True}}, anchor=tmp_path)
    assert [where for where, _ in caught.value.problems] == ["emr.blocked_attempts"]
