"""Every verdict that leaves the cart carries what it was a function of: a dose, a stop, a refusal, one given up, one told later."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from pointofcare.errors import MessageError
from pointofcare.wire import recompute, snapshot
from pointofcare.wire.messages import AdministrationRecorded, AttemptStopped
from tests.support.cart_ward import AMOX, Stand, band, pack


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    made = Stand(tmp_path)
    made.sign_in()
    made.hold(band("P1"))
    made.lease("P1")
    return made


def rows(stand: Stand) -> list[AdministrationRecorded | AttemptStopped]:
    return [entry.message.body for entry in stand.journal.unsent(limit=100)]  # type: ignore[misc]


def test_a_dose_that_was_given(stand: Stand) -> None:
    stand.hold(pack(AMOX))
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id)
    (row,) = rows(stand)
    assert isinstance(row, AdministrationRecorded)
    assert recompute.replay(recompute.of_administration(row.record, row.facts)).is_same


def test_a_dose_that_was_stopped(stand: Stand) -> None:
    stand.hold(pack(AMOX, expiry="200131"))
    (row,) = rows(stand)
    assert isinstance(row, AttemptStopped)
    assert recompute.replay(recompute.of_attempt(row, row.facts)).is_same


def test_a_band_that_stops_at_once(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.sign_in()
    stand.hold(band("P1", srin="9"))
    (row,) = rows(stand)
    assert isinstance(row, AttemptStopped)
    assert recompute.replay(recompute.of_attempt(row, row.facts)).is_same


def test_no_name_and_no_birth_date_leaves_with_the_facts(stand: Stand) -> None:
    stand.hold(pack(AMOX))
    patient = stand.view.patient
    assert patient is not None
    assert patient.name
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id)
    (row,) = rows(stand)
    assert row.facts is not None
    kept = snapshot.unpack(row.facts)
    assert [(each.name, each.birth_date) for each in kept.patients] == [("", None)]
    assert len(row.facts) < 6000


def test_a_dose_whose_facts_cannot_be_kept_is_recorded_all_the_same(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_facts: object, **_known: object) -> str:
        raise MessageError("too many")

    monkeypatch.setattr(snapshot, "pack", refuse)
    stand.hold(pack(AMOX))
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id)
    (row,) = rows(stand)
    assert isinstance(row, AdministrationRecorded)
    assert row.facts is None
    assert recompute.replay(recompute.of_administration(row.record, row.facts)).why == "no-facts"


def test_a_dose_left_open_keeps_the_facts_of_its_verdict(stand: Stand) -> None:
    stand.hold(pack(AMOX))
    record_id = stand.view.session.record_id
    stand.clock.pass_by(timedelta(hours=1))
    stand.press(inbox.SignOut)
    stand.sign_in()
    stand.press(inbox.ResolveOpen, record_id=record_id, given=False, reason="refused", reason_text="")
    (row,) = [row for row in rows(stand) if isinstance(row, AttemptStopped)]
    assert recompute.replay(recompute.of_attempt(row, row.facts)).why == ""
    assert row.facts is not None
