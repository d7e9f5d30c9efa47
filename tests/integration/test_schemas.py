"""Databases of earlier versions, as their own code wrote them: brought up to date, nothing lost, and today's programs run on them."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import MetaData, event, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from cart_client import at_rest, sealed
from cart_client.journal import Journal
from pointofcare.errors import ConfigError
from pointofcare.labels.scan import SiteProfile
from pointofcare.wire.messages import EmrState, TableKind
from server.app import create_app
from server.bare import bare_app
from server.store import administrations, backups, fleet, migrate, outbox
from server.store.database import db
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations as verbs
from server.usecases import tables
from tests.support import schemas
from tests.support.databases import FACILITY, KINDS, config_for, empty_app
from tests.support.server_ward import NOW, WARD, a_record

SERVERS = sorted(name for name in schemas.VERSIONS if name.startswith("server-"))
JOURNALS = sorted(name for name in schemas.VERSIONS if name.startswith("journal-"))
KIND = pytest.mark.parametrize("kind", KINDS)
GATEWAY = Actor(id="gateway")


@contextmanager
def at_schema(kind: str, name: str, directory: Path) -> Iterator[Flask]:
    """An application over a database as `name` left it, its context pushed."""
    path = directory / "old.sqlite"
    schemas.to_sqlite(name, path)
    if kind == "sqlite":
        app = create_app(config_for(f"sqlite:///{path}", directory))
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()
        return
    with empty_app(kind, directory) as app:
        migrate.upgrade(name.removeprefix("server-"))
        schemas.copy_rows(path, db.engine)
        yield app


def rows(engine: Engine) -> dict[str, list[Mapping[str, Any]]]:
    """Every row of every table."""
    found = MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in found.sorted_tables
            if table.name != "alembic_version"
        }


def kept(before: list[Mapping[str, Any]], after: list[Mapping[str, Any]]) -> bool:
    """Whether each row of before is there with the same values, in the columns that both have."""
    if not before:
        return True
    names = sorted(set(before[0]) & set(after[0] if after else ()))
    return sorted(repr([row[name] for name in names]) for row in before) == sorted(repr([row[name] for name in names]) for row in after)


@pytest.mark.parametrize(("kind", "name"), [*(("sqlite", name) for name in SERVERS), *(("postgresql", name) for name in SERVERS[::2])])
def test_a_database_of_each_shipped_schema_is_brought_up_to_date_with_all_its_rows(kind: str, name: str, tmp_path: Path) -> None:
    with at_schema(kind, name, tmp_path):
        before = rows(db.engine)
        assert len(before["administrations"]) == 2
        with pytest.raises(ConfigError, match="pointofcare-server migrate"):
            migrate.require_current()
        migrate.upgrade()
        migrate.require_current()
        assert migrate.differences() == ""
        after = rows(db.engine)
        gone = set(before) - set(after)
        assert gone <= {"verdict_facts"}, "only what moved into another table"
        assert [table for table in before if table not in gone and not kept(before[table], after[table])] == []


@KIND
def test_facts_of_an_older_schema_move_into_the_rows_of_their_records(kind: str, tmp_path: Path) -> None:
    first, second = schemas.RECORDS[:2]
    with at_schema(kind, "server-0006", tmp_path):
        found = MetaData()
        found.reflect(db.engine, only=("attempts", "verdict_facts"))
        kept_facts, stopped = found.tables["verdict_facts"], found.tables["attempts"]
        attempt = {"facility": FACILITY, "record_id": "a-1", "ward": WARD, "cart": "c1", "level": "STOP", "rules": ["D1"], "at": NOW}
        facts = {"facility": FACILITY, "kind": "attempt", "record_id": "a-1", "ward": WARD, "at": NOW, "engine": "1.0.0", "policy": "p"}
        with db.engine.begin() as connection:
            connection.execute(kept_facts.update().where(kept_facts.c.record_id == first).values(facts="of the first"))
            connection.execute(stopped.insert().values(**attempt, received_at=NOW, document={"epoch": "e", "seq": 7}))
            connection.execute(kept_facts.insert().values(**facts, level="STOP", facts="of the attempt"))
        migrate.upgrade()
        with db.engine.connect() as connection:
            given = {row.record_id: row.facts for row in connection.execute(text("SELECT record_id, facts FROM administrations"))}
            assert given == {first: "of the first", second: None}
            asked = connection.execute(text("SELECT facts, cart_epoch, cart_seq FROM attempts WHERE record_id = 'a-1'")).one()
            assert tuple(asked) == ("of the attempt", "e", 7)  # numbered as in its document: else it would be a gap


@pytest.mark.parametrize(("kind", "name"), [("sqlite", SERVERS[0]), ("postgresql", SERVERS[-1])])
def test_todays_server_goes_on_where_the_old_one_stopped(kind: str, name: str, tmp_path: Path) -> None:
    with at_schema(kind, name, tmp_path):
        migrate.upgrade()
        with reading() as tx:
            old = administrations.get(tx, schemas.RECORDS[0])
            assert old is not None
            assert (old.record.patient, str(old.record.dose), old.record.nurse) == ("P1", "500 mg", "N1")
            assert outbox.counts(tx).pending == 2
        with transaction(GATEWAY, at=NOW + timedelta(hours=1)) as tx:
            again = verbs.record(tx, old.record, cart_seq=1, epoch="e1")
            assert again.duplicate
            assert "other-story" not in {note.code for note in again.discrepancies}
            fresh = verbs.record(tx, a_record(1), cart_seq=3, epoch="e1")
            assert not fresh.duplicate
            assert "not-evaluated" not in {note.code for note in fresh.discrepancies}
            assert "given-twice" in {note.code for note in fresh.discrepancies}
        with reading() as tx:
            for table in TableKind:
                made = tables.build(tx, WARD, table, facility=FACILITY, lifetime=timedelta(hours=24), timezone="UTC", site=SiteProfile())
                assert made.kind is table
            assert fleet.carts(tx) == ()


REVISIONS = [script.revision for script in ScriptDirectory.from_config(migrate._config()).walk_revisions()][::-1]


@pytest.mark.parametrize("revision", [each for each in REVISIONS if f"server-{each}" not in schemas.VERSIONS])
def test_each_step_that_no_version_stopped_at_leads_on_too(revision: str, tmp_path: Path) -> None:
    with at_schema("sqlite", SERVERS[0], tmp_path):
        migrate.upgrade(revision)
        assert migrate.current() == revision
        migrate.upgrade()
        assert migrate.differences() == ""
        assert len(rows(db.engine)["administrations"]) == 2


def _killed_at(number: int) -> None:
    """Upgrades in a process of its own that is killed at its statement `number`."""
    child = os.fork()
    if child == 0:
        try:
            db.engine.dispose(close=False)
            sent = iter(range(number))

            @event.listens_for(db.engine, "before_cursor_execute")
            def _count(*_: Any) -> None:
                if next(sent, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)

            migrate.upgrade()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    ("kind", "number"), [*(("sqlite", number) for number in (5, 17, 41, 60, 90)), ("postgresql", 29), ("postgresql", 60)]
)
def test_a_migration_that_is_killed_in_the_middle_can_be_run_again(kind: str, number: int, tmp_path: Path) -> None:
    with at_schema(kind, SERVERS[0], tmp_path):
        before = rows(db.engine)
        db.engine.dispose()
        _killed_at(number)
        with db.engine.connect() as connection:
            reached = migrate.current()
            assert reached is not None
            if kind == "sqlite":
                assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        migrate.upgrade()
        assert migrate.differences() == ""
        after = rows(db.engine)
        assert [table for table in before if table in after and not kept(before[table], after[table])] == []


@KIND
def test_a_database_that_a_newer_version_changed_is_refused_with_what_to_do(kind: str, tmp_path: Path) -> None:
    with at_schema(kind, SERVERS[-1], tmp_path):
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for refused in (migrate.require_current, migrate.upgrade):
            with pytest.raises(ConfigError, match="newer than this version") as caught:
                refused()
            assert "install the version" in caught.value.remedy


@KIND
def test_a_backup_that_holds_the_oldest_schema_is_restored_and_brought_up_to_date(kind: str, tmp_path: Path) -> None:
    key, path = tmp_path / "key.json", tmp_path / "old.backup"
    with at_schema(kind, SERVERS[0], tmp_path):
        made = backups.make(path, facility=FACILITY, signing_key=key, at=datetime.now(UTC))
        assert made.schema == "0001"
    with empty_app(kind, tmp_path):
        backups.restore(path, facility=FACILITY, signing_key=key)
        migrate.require_current()
        assert migrate.differences() == ""
        with reading() as tx:
            assert administrations.get(tx, schemas.RECORDS[1]) is not None


@pytest.mark.parametrize("name", JOURNALS)
def test_a_cart_opens_the_journal_of_each_earlier_version_and_loses_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    schemas.to_sqlite(name, path)
    with closing(sqlite3.connect(path)) as old:
        before = {
            table: old.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in ("entry", "settlement", "opened", "event")
        }
        epoch = old.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0]
    for _ in range(2):  # also after a restart
        journal = Journal(path, cart="c1")
        try:
            assert journal.epoch == epoch
            assert [entry.record_id for entry in journal.unsent()] == list(schemas.RECORDS[1:])
            first = journal.standing(schemas.RECORDS[0])
            assert (first.at_server, first.emr, first.discrepancies) == (True, EmrState.SETTLED, 1)
            assert [record.record_id for record in journal.open_doses()] == [schemas.OPENED]
            assert [noted.kind for noted in journal.events()] == ["camera-back"]
            assert journal.last_seq() == 3
        finally:
            journal.close()
    with closing(sqlite3.connect(path)) as now:
        for table, found in before.items():
            width = len(found[0])
            assert [row[:width] for row in now.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()] == found
    journal = Journal(path, cart="c1")
    record = replace(journal.open_doses()[0], record_id="00000000-0000-4000-8000-00000000000a")
    assert journal.append(record, message_id="m-10").seq == 4
    journal.close()


@pytest.mark.parametrize("name", JOURNALS)
def test_the_journal_of_an_earlier_version_is_encrypted_at_the_first_start_and_loses_nothing(name: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    path = data / at_rest.JOURNAL
    schemas.to_sqlite(name, path)
    assert b"camera-lost" in path.read_bytes()
    for _ in range(2):
        unlocked = at_rest.unlock(data, at_rest.AtRest())
        journal = Journal(path, cart="c1", at_rest=unlocked.key)
        assert [entry.record_id for entry in journal.unsent()] == list(schemas.RECORDS[1:])
        assert [record.record_id for record in journal.open_doses()] == [schemas.OPENED]
        assert journal.standing(schemas.RECORDS[0]).at_server
        journal.close()
        unlocked.close()
    assert not sealed.is_plain(path)
    assert [file.name for file in data.rglob("*") if file.is_file() and b"camera-lost" in file.read_bytes()] == []


def test_a_database_that_comes_late_is_waited_for_as_long_as_was_said(tmp_path: Path) -> None:
    """As after a power cut: its socket is not there, and then it is."""
    late = tmp_path / "late"
    late.mkdir()
    with empty_app("postgresql", tmp_path):
        url = db.engine.url
        held = Path(str(url.query["host"])) / ".s.PGSQL.5432"
        asked: list[str] = []

        def tell(line: str) -> None:
            asked.append(line)
            (late / held.name).symlink_to(held)

        later = url.set(query={"host": str(late)}).render_as_string(hide_password=False)
        with bare_app(config_for(later, tmp_path)).app_context():
            with pytest.raises(OperationalError):
                migrate.wait_for_database(0)
            migrate.wait_for_database(60, tell=tell)
            assert len(asked) == 1
            db.engine.dispose()
