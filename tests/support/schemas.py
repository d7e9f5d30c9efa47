"""Databases as earlier versions left them: SQL that their own code wrote, in `tests/data/schemas`.

`python -m tests.support.schemas` writes them anew from the history: for each line of `VERSIONS` it takes the code of that commit out of
git, lets that code make a small ward with doses given in it, and dumps the file. What is there is never changed: add a line when a
schema is released. Steps that were only ever drawn together (0002 with 0003, 0004 and 0005 with 0006) have no code of their own between
them; the tests reach them by the migrations.
"""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, create_engine, select, text
from sqlalchemy.engine import Engine

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "tests" / "data" / "schemas"
# The last commit whose code wrote this schema.
VERSIONS = {
    "server-0001": "3d37137^",
    "server-0003": "5fa0290^",
    "server-0006": "fb1c851^",
    "server-0007": "1a590d1^",
    "server-0008": "c6002a1^",
    "server-0009": "95a035d^",
    "server-0013": "1c17d52",
    "journal-1": "d13697e^",
    "journal-2": "c6002a1",
}
RECORDS = ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-000000000003")
OPENED = "00000000-0000-4000-8000-000000000009"

# Runs under the old code: it must only use what that code has.
_SERVER = """
import inspect, sqlite3, sys, tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from server.app import bare_app
from server.store import migrate
from server.store.database import db
from server.store.transaction import Actor, transaction
from server.usecases import administrations, leases
from tests.support import server_ward as ward
from tests.support.databases import config_for
out, revision = Path(sys.argv[1]), sys.argv[2]
folder = Path(tempfile.mkdtemp())
app = bare_app(config_for(f"sqlite:///{folder / 'x.sqlite'}", folder))
with app.app_context():
    migrate.upgrade()
    ward.open_ward(patient_count=2)
    for number in (1, 2):
        with transaction(Actor(id="gateway"), at=ward.NOW + timedelta(minutes=number)) as tx:
            made = replace(ward.a_record(number), record_id=f"00000000-0000-4000-8000-00000000000{number}")
            administrations.record(tx, made, cart_seq=number, epoch="e1")
    with transaction(Actor(id="gateway"), at=ward.NOW + timedelta(minutes=3)) as tx:
        leases.acquire(tx, patient="P1", cart="c1")
    db.session.remove()
    db.engine.dispose()
with sqlite3.connect(folder / "x.sqlite") as copy:
    copy.execute("UPDATE alembic_version SET version_num = ?", (revision,))  # steps drawn ahead, and empty then
    copy.commit()
    out.write_text("\\n".join(copy.iterdump()) + "\\n")
"""
_JOURNAL = """
import sqlite3, sys, tempfile
from dataclasses import replace
from pathlib import Path
from cart_client.journal import Journal
from pointofcare.wire.messages import EmrState
from tests.integration.test_cart_journal import a_record
out = Path(sys.argv[1])
path = Path(tempfile.mkdtemp()) / "journal.sqlite"
journal = Journal(path, cart="c1")
base = a_record()
at = base.recorded_at
for number in (1, 2, 3):
    journal.append(replace(base, record_id=f"00000000-0000-4000-8000-00000000000{number}"), message_id=f"m-{number}")
journal.settle("00000000-0000-4000-8000-000000000001", at=at, discrepancies=1)
journal.settle_emr("00000000-0000-4000-8000-000000000001", EmrState.SETTLED, at=at, emr_id="E1")
journal.open_dose(replace(base, record_id="00000000-0000-4000-8000-000000000009"), at=at)
journal.note("camera-lost", at=at, details={"why": "x"})
journal.note("camera-back", at=at)
journal.acknowledge(journal.epoch, 1)
journal.close()
with sqlite3.connect(path) as copy:
    version = copy.execute("PRAGMA user_version").fetchone()[0]
    out.write_text("\\n".join(copy.iterdump()) + f"\\nPRAGMA user_version={version};\\n")
"""


def to_sqlite(name: str, path: Path) -> None:
    """The file as that version left it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as made:
        made.executescript((DIRECTORY / f"{name}.sql").read_text(encoding="utf-8"))


def copy_rows(path: Path, target: Engine) -> None:
    """The rows of a SQLite file into the same tables of a PostgreSQL database, which are there and empty."""
    source = create_engine(f"sqlite:///{path}")
    theirs, ours = MetaData(), MetaData()
    theirs.reflect(source)
    ours.reflect(target)
    with source.connect() as reading, target.begin() as writing:
        for table in ours.sorted_tables:
            if table.name != "alembic_version" and table.name in theirs.tables:
                rows = [_row(row._mapping, table) for row in reading.execute(select(theirs.tables[table.name]))]
                if table.name == "roles" or not rows:
                    writing.execute(table.delete())
                if rows:
                    writing.execute(table.insert(), rows)
        for table in ours.sorted_tables:
            column = table.autoincrement_column
            if column is not None and table.name in theirs.tables:
                newest = f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), max({column.name})) FROM {table.name}"
                writing.execute(text(newest))
    source.dispose()


def _row(row: Any, table: Table) -> dict[str, Any]:
    found = {}
    for name, value in row.items():
        moment = isinstance(value, datetime) and value.tzinfo is None
        kind = table.c[name].type.python_type
        found[name] = value.replace(tzinfo=UTC) if moment else bool(value) if kind is bool and value is not None else value
    return found


def _capture(name: str, commit: str) -> None:
    program, _, revision = name.partition("-")
    with tempfile.TemporaryDirectory() as made:
        tree = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
            archive.extractall(made, filter="data")
        script = _SERVER if program == "server" else _JOURNAL
        environment = {**os.environ, "PYTHONPATH": made}
        target = DIRECTORY / f"{name}.sql"
        subprocess.run([sys.executable, "-c", script, str(target), revision], cwd=made, env=environment, check=True)


def main() -> None:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, commit in VERSIONS.items():
        if not (DIRECTORY / f"{name}.sql").exists():
            _capture(name, commit)


if __name__ == "__main__":
    main()
