"""What the cart journals can be judged again: every record and every stop carries the facts of its verdict, and replays the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client.journal import Journal
from pointofcare.wire import recompute, snapshot
from pointofcare.wire.messages import AdministrationRecorded, AttemptOutcome, AttemptStopped
from tests.support.builders import NOW, facts
from tests.support.stored_verdicts import stored
from tests.support.wire_bodies import BODIES, RECORD


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite", cart="c1")


def test_facts_go_out_with_the_record(journal: Journal) -> None:
    text = snapshot.pack(facts())
    body = journal.append(RECORD, message_id="m-1", facts=text).message.body
    assert isinstance(body, AdministrationRecorded)
    assert body.facts == text


def test_record_told_later_keeps_the_facts_of_its_verdict(journal: Journal) -> None:
    text = snapshot.pack(facts())
    journal.open_dose(RECORD, at=NOW, facts=text)
    body = journal.append(RECORD, message_id="m-1").message.body
    assert isinstance(body, AdministrationRecorded)
    assert body.facts == text


def test_dose_left_open_keeps_the_facts_of_its_verdict(journal: Journal) -> None:
    text = snapshot.pack(facts())
    journal.open_dose(RECORD, at=NOW, facts=text)
    golden = BODIES["AttemptStopped"]
    assert isinstance(golden, AttemptStopped)
    told = replace(golden, record_id=RECORD.record_id, outcome=AttemptOutcome.LEFT_OPEN, facts=None)
    body = journal.append_attempt(told, message_id="m-1").message.body
    assert isinstance(body, AttemptStopped)
    assert body.facts == text


def test_same_record_again_a_moment_later_is_the_same_row(journal: Journal) -> None:
    first = journal.append(RECORD, message_id="m-1", facts=snapshot.pack(facts()))
    again = journal.append(RECORD, message_id="m-2", facts=snapshot.pack(facts(at=NOW + timedelta(seconds=1))))
    assert again == first


def test_stored_verdict_of_a_packed_moment_is_the_same() -> None:
    assert recompute.replay(stored("r-1", facts())).is_same
