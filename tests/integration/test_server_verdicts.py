"""Verdicts keep their facts in the record's own transaction, are exported, and are judged again. On both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import NotFoundError
from pointofcare.verdict.policy import Policy
from pointofcare.wire import recompute
from pointofcare.wire.messages import AttemptOutcome, AttemptStopped
from pointofcare.wire.recompute import ATTEMPT, StoredVerdict
from server import config as configuration
from server.__main__ import main
from server.app import bare_app
from server.store import migrate, verdicts
from server.store.transaction import Actor, reading, transaction
from server.store.verdicts import Unreadable
from server.usecases import administrations, attempts, replays
from simulation import verdict_command
from tests.support.builders import facts, local
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NOW, WARD, a_record, open_ward
from tests.support.stored_verdicts import stored

GATEWAY = Actor(id="gateway")
LATE = facts(at=local("09:30:00"))
MONTH = (NOW - timedelta(days=1), NOW + timedelta(days=30))
WIDE = Policy(version="wide", window_frequent=timedelta(hours=3))


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        yield made


def give(record_id: str, *, at: datetime = NOW, judged: StoredVerdict | None = None, ward: str = WARD, keep: bool = True) -> None:
    """A dose whose record says what `judged` says."""
    judged = judged or stored(record_id, facts())
    made = a_record(
        record_id=record_id,
        recorded_at=at,
        effective_at=at,
        ward=ward,
        level=judged.level,
        findings=judged.findings,
        engine=judged.engine,
        policy=judged.policy,
        order=judged.order,
        order_version=judged.order_version,
        due=judged.due,
    )
    with transaction(GATEWAY, at=at) as tx:
        administrations.record(tx, made, verdict_facts=judged.facts if keep else None)


def an_attempt(record_id: str, judged: StoredVerdict) -> AttemptStopped:
    return AttemptStopped(
        record_id=record_id,
        facility="h1",
        ward=WARD,
        cart="c1",
        at=NOW,
        outcome=AttemptOutcome.STOPPED,
        nurse="N1",
        patient="P1",
        order=judged.order,
        order_version=judged.order_version,
        due=judged.due,
        action="give",
        level=judged.level,
        findings=judged.findings,
        scans=(),
        engine=judged.engine,
        policy=judged.policy,
        chart_version=1,
        online=True,
        seq=1,
        epoch="e",
        facts=judged.facts,
    )


def found() -> list[StoredVerdict | Unreadable]:
    with reading() as tx:
        return list(verdicts.every(tx, since=MONTH[0], until=MONTH[1]))


def test_a_dose_keeps_the_facts_of_its_verdict_and_replays_the_same(app: Flask) -> None:
    give("r-1", judged=stored("r-1", LATE))
    (kept,) = found()
    assert isinstance(kept, StoredVerdict)
    assert (kept.record_id, kept.kind, kept.ward, kept.at, kept.level) == ("r-1", "administration", WARD, NOW, "WARN")
    with reading() as tx:
        assert replays.replay(tx, "r-1").is_same


def test_an_attempt_keeps_them_once_and_beside_its_document(app: Flask) -> None:
    attempt = an_attempt("r-2", stored("r-2", LATE, kind=ATTEMPT))
    with transaction(GATEWAY, at=NOW) as tx:
        attempts.record(tx, attempt)
        attempts.record(tx, attempt)
    (kept,) = found()
    assert isinstance(kept, StoredVerdict)
    assert (kept.kind, kept.facts) == (ATTEMPT, attempt.facts)
    with reading() as tx:
        assert replays.replay(tx, "r-2", kind=ATTEMPT).is_same
        from server.store import administrations as doses

        (line,) = doses.attempts(tx)
        assert "facts" not in line.document


def test_the_same_record_again_keeps_the_first_facts(app: Flask) -> None:
    give("r-1", judged=stored("r-1", LATE))
    give("r-1", judged=replace(stored("r-1", facts()), level="WARN"))
    (kept,) = found()
    assert isinstance(kept, StoredVerdict)
    assert kept.facts == stored("r-1", LATE).facts


def test_nothing_is_kept_of_a_record_that_was_not_committed(app: Flask) -> None:
    def torn() -> None:
        with transaction(GATEWAY, at=NOW) as tx:
            administrations.record(tx, a_record(record_id="r-1"), verdict_facts="x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        torn()
    assert found() == []


def test_a_record_without_facts_is_counted_and_cannot_be_judged(app: Flask) -> None:
    give("r-1", keep=False)
    with reading() as tx:
        assert replays.replay(tx, "r-1").why == "no-facts"
        asked = replays.what_if(tx, WIDE, *MONTH)
    assert (asked.found.stored, asked.found.judged, asked.until) == (1, 0, None)
    assert set(asked.found.unknown) == {"r-1"}


def test_an_unknown_record_is_not_found(app: Flask) -> None:
    with reading() as tx, pytest.raises(NotFoundError):
        replays.replay(tx, "nobody")


def test_what_if_goes_through_batches_and_ends_at_its_limit(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "BATCH", 3)
    late = stored("x", LATE)
    for number in range(8):  # four at a time were given at one and the same moment
        give(f"r-{number}", at=NOW + timedelta(minutes=number // 4), judged=late)
    with reading() as tx:
        whole = replays.what_if(tx, WIDE, *MONTH)
        part = replays.what_if(tx, WIDE, *MONTH, limit=5)
        none = replays.what_if(tx, Policy(), *MONTH)
    assert (whole.found.stored, len(whole.found.changes), whole.until) == (8, 8, None)
    assert sorted(each.record_id for each in whole.found.changes) == [f"r-{number}" for number in range(8)]
    assert (part.found.stored, part.until) == (5, NOW + timedelta(minutes=1))
    assert none.found.changes == ()


def test_what_if_takes_the_wards_own_policy(app: Flask) -> None:
    give("r-1", judged=stored("r-1", LATE))
    give("r-2", judged=stored("r-2", LATE), ward="NGOAI")
    with reading() as tx:
        asked = replays.what_if(tx, lambda ward: WIDE if ward == "NGOAI" else Policy(), *MONTH)
        alone = replays.what_if(tx, WIDE, *MONTH, ward=WARD)
    assert [each.record_id for each in asked.found.changes] == ["r-2"]
    assert [each.record_id for each in alone.found.changes] == ["r-1"]


def test_what_was_outside_the_time_is_left_out(app: Flask) -> None:
    give("r-1", at=MONTH[0])
    give("r-2", at=MONTH[1])
    give("r-3", at=MONTH[0] - timedelta(seconds=1))
    assert [each.record_id for each in found()] == ["r-1"]


def test_export_is_read_again_as_it_was(app: Flask) -> None:
    give("r-1", judged=stored("r-1", LATE))
    with transaction(GATEWAY, at=NOW) as tx:
        attempts.record(tx, an_attempt("r-2", stored("r-2", LATE, kind=ATTEMPT)))
    with reading() as tx:
        lines = [(json.loads(line), why) for line, why in replays.export(tx, since=MONTH[0], until=MONTH[1])]
    assert [why for _, why in lines] == ["", ""]
    read = [recompute.read(line) for line, _ in lines]
    assert read == found()
    assert all(recompute.replay(each).is_same for each in read)


def test_forgotten_facts_leave_the_record(app: Flask) -> None:
    give("r-1", judged=stored("r-1", LATE))
    give("r-2", at=NOW + timedelta(days=2))
    with transaction(GATEWAY, at=NOW) as tx:
        assert verdicts.forget(tx, before=NOW + timedelta(days=1)) == 1
    kept = found()
    assert [(each.record_id, isinstance(each, StoredVerdict) and each.facts is not None) for each in kept] == [
        ("r-1", False),
        ("r-2", True),
    ]


def test_schema_is_what_the_tables_say(app: Flask) -> None:
    assert migrate.differences() == ""


def test_commands_export_and_forget(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    config = tmp_path / "server.toml"
    assert main(["init", "--config", str(config), "--facility", "h1"]) == 0
    assert main(["migrate", "--config", str(config)]) == 0
    with bare_app(configuration.load(config)).app_context():
        open_ward()
        give("r-1", judged=stored("r-1", LATE))
    capsysbinary.readouterr()
    asked = ["--config", str(config), "--since", "2026-03-02", "--until", "2026-03-03"]
    assert main(["export-verdicts", *asked]) == 0
    (line,) = capsysbinary.readouterr().out.splitlines()
    file = tmp_path / "verdicts.jsonl"
    file.write_bytes(line)
    assert verdict_command.main(["replay", str(file)]) == 0
    assert b"SAME" in capsysbinary.readouterr().out
    assert main(["export-verdicts", *asked, "--ward", "NGOAI"]) == 0
    assert capsysbinary.readouterr().out == b""
    assert main(["forget-verdict-facts", "--config", str(config), "--before", "2026-03-03"]) == 0
    assert main(["export-verdicts", *asked]) == 0
    file.write_bytes(capsysbinary.readouterr().out.splitlines()[-1])
    assert verdict_command.main(["replay", str(file)]) == 2
    assert main(["export-verdicts", "--config", str(config), "--since", "yesterday", "--until", "2026-03-03"]) == 2
