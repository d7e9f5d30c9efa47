"""A skin test that was read at a cart: in the next chart of the ward, and in the server's own verdict. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.people import SkinResult
from pointofcare.verdict.policy import Listed, Policy
from pointofcare.wire.messages import BedsideNoted, TableKind
from server.store import bedside, versions
from server.store.transaction import Actor, reading, transaction
from server.usecases import bedside_notes, skin_tests
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NOW, WARD, open_ward

GATEWAY = Actor(id="gateway")
LISTED = Policy(skin_tested=(Listed(name="amoxicillin"),))


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward()
        yield made


def a_note(record_id: str, **details: object) -> BedsideNoted:
    made = (NOW - timedelta(minutes=20)).isoformat()
    return BedsideNoted(
        record_id=record_id,
        facility="h1",
        ward=WARD,
        cart="c1",
        kind="skin-test",
        patient="P1",
        of=None,
        at=NOW,
        recorded_at=NOW,
        nurse="N1",
        online=True,
        seq=1,
        epoch="e1",
        details={"drug": "amoxicillin", "result": "positive", "made_at": made, **details},
    )


def test_a_test_stands_in_the_chart_of_its_patient_and_other_carts_get_it(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        before = versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART]
        bedside_notes.record(tx, a_note("s-1"))
        bedside_notes.record(tx, a_note("s-2", result="maybe"))  # not understood is no test, and never a negative one
        bedside_notes.record(tx, replace(a_note("s-3"), patient=None))
    with reading() as tx:
        assert versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART] > before
        patients = bedside.of_ward(tx, WARD).patients
        assert [each.skin_tests for each in skin_tests.with_tests(tx, patients, Policy())] == [None]
        found = skin_tests.with_tests(tx, patients, LISTED)[0].skin_tests
    assert found is not None
    assert [(each.drug, each.result, each.read_by) for each in found] == [("amoxicillin", SkinResult.POSITIVE, "N1")]
