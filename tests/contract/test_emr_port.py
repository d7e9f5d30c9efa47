"""What is read back from an EMR that holds FHIR is what was sent, field by field (what every adapter owes: test_emr_contract)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.config import EmrConfig
from server.emr import EmrPort, open_emr
from server.emr.fhir_mapping import to_bundle, to_bytes
from simulation.emr_peer import RunningEmr
from tests.support.emr import CONTEXT, SITE, an_administration
from tests.support.sekmet import sekmet

__all__ = ["sekmet"]


@pytest.fixture(params=["folder", "fhir"])
def emr(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmrPort]:
    base_url = None
    if request.param == "fhir":
        running: RunningEmr = request.getfixturevalue("sekmet")
        base_url = running.base_url
    target = open_emr(EmrConfig(target=request.param, folder=tmp_path / "emr", base_url=base_url, identifiers=SITE), facility="bv1")
    target.check()
    yield target
    target.close()


def _payload(number: int, **changes: object) -> tuple[bytes, str]:
    record = an_administration(number, **changes)
    return to_bytes(to_bundle(record, CONTEXT)), record.record_id


def test_a_record_is_taken_and_read_back_with_what_was_sent(emr: EmrPort) -> None:
    payload, record_id = _payload(101)
    accepted = emr.submit(payload, record_id)
    assert accepted.emr_id
    assert not accepted.replayed
    found = emr.read_back(record_id)
    assert found is not None
    sent = to_bundle(an_administration(101), CONTEXT)["entry"][0]["resource"]
    for field in ("identifier", "status", "subject", "contained", "dosage", "effectiveDateTime", "performer", "request", "extension"):
        assert found[field] == sent[field], field


def test_a_refused_dose_arrives_as_not_done(emr: EmrPort) -> None:
    payload, record_id = _payload(103, status="not-done", action="refuse", status_reason="refused", dose=None)
    emr.submit(payload, record_id)
    found = emr.read_back(record_id)
    assert found is not None
    assert found["status"] == "not-done"
    assert found["statusReason"][0]["coding"][0]["code"] == "refused"
    assert "dosage" not in found
