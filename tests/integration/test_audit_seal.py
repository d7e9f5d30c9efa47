"""The sealed audit: whatever is changed, removed, put in or cut off in the database afterwards is found and named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from joserfc.jwk import OKPKey
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from server.__main__ import main
from server.security import audit_check, sealing, signing
from server.security.audit_check import Result
from server.security.signing import SigningKey
from server.store import audit_log, views_log
from server.store.database import db
from server.store.transaction import Actor, reading, transaction
from tests.support.databases import KINDS, migrated_app

NURSE = Actor(id="N1", name="Nurse", place="10.0.0.7")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return signing.load_or_generate(tmp_path / "signing.jwk")


def do(count: int, *, start: int = 0) -> None:
    for number in range(start, start + count):
        with transaction(NURSE) as tx:
            tx.audit("order.hold", f"order/O{number}", {"before": "active", "after": "on-hold", "amount": 1.50, "name": "Nguyễn"})


def sealed(key: SigningKey) -> str:
    with transaction(sealing.ACTOR) as tx:
        checkpoint = sealing.seal(tx, key)
    assert checkpoint is not None
    return checkpoint.jws


def checked(key: SigningKey, *kept: str) -> Result:
    with reading() as tx:
        return audit_check.check(audit_log.lines(tx), key.key, kept)


def alter(statement: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text(statement))


def test_a_log_that_nobody_touched_is_proven_whole(app: Flask, key: SigningKey) -> None:
    do(5)
    first = sealed(key)
    do(9, start=5)
    second = sealed(key)
    do(2, start=14)
    found = checked(key, first, second)
    assert found.faults == []
    assert (found.entries, found.checkpoints, found.unsealed) == (14, 4, 2)


def test_what_waits_for_its_seal_is_counted_though_it_was_late_or_a_seal_took_only_some(
    app: Flask, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits() -> int:
        with reading() as tx:
            return views_log.unsealed_count(tx)

    do(4)
    assert waits() == 4
    sealed(key)
    rest = waits()  # a seal is a row itself
    with transaction(NURSE, at=datetime.now(UTC) - timedelta(minutes=50)) as tx:
        tx.audit("order.hold", "order/LATE")
    assert waits() == rest + 1
    monkeypatch.setattr(views_log, "MOST_COUNTED", 3)
    do(5, start=4)
    assert waits() == 3


def test_an_entry_says_who_with_which_role_from_where(app: Flask, key: SigningKey) -> None:
    do(1)
    sealed(key)
    with reading() as tx:
        entry = json.loads(str(next(iter(audit_log.lines(tx)))["entry"]))
    assert (entry["actor"], entry["place"], entry["subject"]) == ("N1", "10.0.0.7", "order/O0")
    assert entry["at"].endswith("+00:00")


def test_a_changed_entry_is_named(app: Flask, key: SigningKey) -> None:
    do(6)
    sealed(key)
    alter("UPDATE audit SET actor = 'N2' WHERE subject = 'order/O3'")
    assert checked(key).faults[0] == "the entry at place 3 (audit id 4) was changed"


def test_a_change_that_mends_its_leaf_too_is_found_by_the_root(app: Flask, key: SigningKey) -> None:
    do(6)
    sealed(key)
    alter("UPDATE audit SET actor = 'N2' WHERE subject = 'order/O3'")
    with reading() as tx:
        line = next(each for each in audit_log.lines(tx) if each.get("place") == 3)
    forged = audit_log.merkle.leaf_hash(str(line["entry"]).encode()).hex()
    alter(f"UPDATE audit_leaves SET hash = '{forged}' WHERE place = 3")
    assert checked(key).faults == ["the first 6 entries are not those of the checkpoint from the log: somewhere in the places 0 to 5"]


def test_a_removed_entry_is_named(app: Flask, key: SigningKey) -> None:
    do(6)
    sealed(key)
    alter("DELETE FROM audit_leaves WHERE place = 2")
    alter("DELETE FROM audit WHERE id = 3")
    assert "place 2 is missing" in checked(key).faults[0]


def test_a_log_cut_off_at_its_end_is_found_by_a_checkpoint_that_somebody_kept(app: Flask, key: SigningKey) -> None:
    do(4)
    sealed(key)
    do(4, start=4)
    kept = sealed(key)
    for statement in (
        "DELETE FROM audit_checkpoints WHERE size = 8",
        "DELETE FROM audit_leaves WHERE place >= 4",
        "DELETE FROM audit WHERE id > 4",
    ):
        alter(statement)
    assert checked(key).faults == []  # it looks whole to whoever kept nothing
    assert checked(key, kept).faults == ["the log was cut off: a checkpoint from who kept it covers 8 entries, 4 are here"]


def test_a_log_written_anew_is_found_by_a_checkpoint_that_somebody_kept(app: Flask, key: SigningKey) -> None:
    do(4)
    kept = sealed(key)
    for table in ("audit_checkpoints", "audit_leaves"):
        alter(f"DELETE FROM {table}")
    alter("UPDATE audit SET actor = 'N9' WHERE id = 1")
    sealed(key)
    assert checked(key).faults == []
    assert "not those of the checkpoint from who kept it" in checked(key, kept).faults[0]


def test_a_forged_checkpoint_does_not_hold(app: Flask, key: SigningKey) -> None:
    do(2)
    sealed(key)
    other = SigningKey(key=OKPKey.generate_key("Ed25519"))
    do(1, start=2)
    forged = sealed(other)
    assert any("its signature does not verify" in fault for fault in checked(key, forged).faults)


def test_a_row_that_was_committed_late_gets_a_later_place(app: Flask, key: SigningKey) -> None:
    do(3)
    alter("UPDATE audit SET id = 100 WHERE id = 2")  # as if its transaction had been slow: lower ids are sealed later
    with transaction(sealing.ACTOR) as tx:
        assert sealing.seal(tx, key, limit=3) is not None
    columns = "facility, at, actor, action"
    alter(f"INSERT INTO audit (id, {columns}, subject, detail) SELECT 2, {columns}, 'order/late', detail FROM audit WHERE id = 1")
    sealed(key)
    found = checked(key)
    assert (found.faults, found.entries) == ([], 4)


def test_of_two_writers_one_fails_and_nothing_is_sealed_twice(app: Flask, key: SigningKey) -> None:
    do(3)
    with reading() as tx:
        found, before = audit_log.unsealed(tx, limit=10), audit_log.frontier(tx, 0)
    sealed(key)
    grown = before.grown(audit_log.merkle.leaf_hash(one.entry) for one in found)
    with pytest.raises(IntegrityError), transaction(sealing.ACTOR) as tx:
        audit_log.put(tx, found, grown, "late")
    assert checked(key).faults == []


def test_the_sealer_seals_what_there_is_before_it_stops(app: Flask, key: SigningKey) -> None:
    do(3)
    told: list[int] = []
    sealer = sealing.Sealer(key, scope=app.app_context, sealed=lambda checkpoint: told.append(checkpoint.size))
    sealer.start()
    sealer.stop()
    assert told == [3]


def test_what_has_gathered_is_sealed_in_small_pieces_with_rests_for_doses_between_them(
    app: Flask, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(7)
    monkeypatch.setattr(sealing.seal, "__kwdefaults__", {"limit": 2})
    rests: list[float] = []
    assert sealing.Sealer(key, scope=app.app_context).drain(rest=rests.append) == len(rests) == 4
    assert min(rests) > 0
    assert checked(key).faults == []


def test_an_exported_log_is_verified_elsewhere_by_the_program_alone(
    app: Flask, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    do(7)
    kept = tmp_path / "kept.txt"
    kept.write_text(sealed(key) + "\n", encoding="utf-8")
    log, public = tmp_path / "log.jsonl", tmp_path / "public.jwk"
    sealing.from_command_line("export", key, output=log, kept=None)
    public.write_text(signing.public_jwk(key), encoding="utf-8")
    assert audit_check.main([str(log), "--key", str(public), "--kept", str(kept)]) == 0
    assert "7 entries, 2 checkpoints hold, 0 not sealed yet, 0 faults" in capsys.readouterr().out
    log.write_text(log.read_text(encoding="utf-8").replace("order/O5", "order/O6"), encoding="utf-8")
    assert audit_check.main([str(log), "--key", str(public)]) == 1
    assert "the entry at place 5" in capsys.readouterr().err


def test_the_commands_seal_print_and_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "server.toml"
    assert main(["init", "--config", str(config)]) == 0
    assert main(["migrate", "--config", str(config)]) == 0
    assert main(["audit", "checkpoint", "--config", str(config)]) == 1
    assert main(["audit", "seal", "--config", str(config)]) == 0
    assert main(["audit", "verify", "--config", str(config)]) == 0
    assert "0 faults" in capsys.readouterr().out
