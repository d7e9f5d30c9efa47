"""What the server pays to record one dose: SQL statements and CPU, beside a bare Flask insert measured in the same run.

Run `python -m benchmarks.record_dose [--quick]`. The dose is the whole way from the message's bytes to the commit: decoded, looked at
again by the verdict with the server's own facts, stored with outbox, audit and the chart's new version. The floor decodes JSON in a
Flask view and commits one INSERT. CPU is of this process; PostgreSQL's own is not in it.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, request
from sqlalchemy import event

from benchmarks.measure import save
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import AdministrationRecorded
from server.store import administrations as doses
from server.store.database import db
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations
from tests.support.brokers import a_message
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import DUE, NOW, a_record, open_ward

GATEWAY = Actor(id="gateway")
PATIENTS = 24
HISTORY = 40


def run(quick: bool = False) -> dict[str, Any]:
    """{"databases": {"sqlite": {...}, "postgresql": {...}}}: statements and times of a dose, of the floor, of a look at the record."""
    rounds = 60 if quick else 400
    results: dict[str, Any] = {"rounds": rounds, "patients": PATIENTS, "history": HISTORY, "quick": quick, "databases": {}}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as directory, migrated_app(kind, Path(directory)):
            results["databases"][kind] = _measure(Path(directory), rounds)
    save("record_dose", results)
    return results


def _measure(directory: Path, rounds: int) -> dict[str, Any]:
    open_ward(patient_count=PATIENTS)
    for hour in range(HISTORY):
        at = NOW - timedelta(hours=4 + hour)
        with transaction(GATEWAY, at=at) as tx:
            administrations.record(tx, a_record(due=None, order=None, effective_at=at, recorded_at=at), reevaluate=False)
    floor = _floor(directory)
    with _counted() as statements:
        sql, ours, bare, looks = [], [], [], []
        for number in range(rounds):
            payload = _payload(number)
            statements.clear()
            ours.append(_timed(lambda payload=payload: _record(payload)))
            sql.append(len(statements))
            bare.append(_timed(lambda payload=payload: floor(payload)))
            statements.clear()
            looks.append(_timed(_medication_record))
        record_sql = len(statements)
    return {
        "record_dose": {"sql_max": max(sql), "sql_median": statistics.median(sql), **_of(ours)},
        "bare_insert": {"sql_max": 1, **_of(bare)},
        "cpu_ratio": round(statistics.median(cpu for cpu, _ in ours) / statistics.median(cpu for cpu, _ in bare), 1),
        "medication_record": {"doses": HISTORY, "sql_max": record_sql, **_of(looks)},
    }


def _payload(number: int) -> bytes:
    """The next due dose of the next patient: after the last one comes the next day."""
    later = timedelta(days=number // PATIENTS)
    record = a_record(1 + number % PATIENTS, due=DUE + later, effective_at=NOW + later, recorded_at=NOW + later)
    record = replace(record, scans=tuple(replace(scan, at=scan.at + later) for scan in record.scans))
    body = AdministrationRecorded(record=record, seq=number + 1, epoch="e1")
    return codec.encode(replace(a_message("c1", body), sid="s1"))


def _record(payload: bytes) -> None:
    body = codec.decode(routes.ADMINISTRATION, payload).body
    assert isinstance(body, AdministrationRecorded)
    with transaction(GATEWAY, at=body.record.recorded_at + timedelta(seconds=1)) as tx:
        administrations.record(tx, body.record, cart_seq=body.seq, epoch=body.epoch)


def _medication_record() -> None:
    with reading(at=NOW) as tx:
        doses.of_patient(tx, "P1", limit=HISTORY)


def _floor(directory: Path) -> Callable[[bytes], None]:
    """One INSERT in a Flask view, with the same durability, on a connection that stays open."""
    bare = Flask("floor")
    if db.engine.dialect.name == "sqlite":
        light = sqlite3.connect(directory / "floor.sqlite", isolation_level=None)
        light.execute("PRAGMA journal_mode=WAL")
        light.execute("PRAGMA synchronous=FULL")
        light.execute("CREATE TABLE floor (id TEXT PRIMARY KEY, document TEXT)")
        insert: Callable[[str, str], Any] = lambda key, text: light.execute("INSERT INTO floor VALUES (?, ?)", (key, text))  # noqa: E731
    else:
        heavy = psycopg.connect(db.engine.url.set(drivername="postgresql").render_as_string(), autocommit=True)
        heavy.execute("CREATE TABLE floor (id text PRIMARY KEY, document text)")
        insert = lambda key, text: heavy.execute("INSERT INTO floor VALUES (%s, %s)", (key, text))  # noqa: E731

    @bare.post("/")
    def take() -> dict[str, str]:
        message = request.get_json()
        insert(message["id"], json.dumps(message))
        return {"id": message["id"]}

    client = bare.test_client()

    def once(payload: bytes) -> None:
        assert client.post("/", data=payload, content_type="application/json").status_code == 200

    return once


@contextmanager
def _counted() -> Iterator[list[str]]:
    seen: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", keep)
    yield seen
    event.remove(db.engine, "before_cursor_execute", keep)


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    """CPU and wall clock milliseconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return (time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000


def _of(measured: list[tuple[float, float]]) -> dict[str, float]:
    walls = sorted(wall for _, wall in measured)
    return {
        "cpu_ms_median": round(statistics.median(cpu for cpu, _ in measured), 3),
        "wall_ms_median": round(statistics.median(walls), 3),
        "wall_ms_p99": round(walls[int(len(walls) * 0.99)], 3),
    }


def table(results: dict[str, Any]) -> str:
    lines = [f"{'database':12} {'work':20} {'SQL':>4} {'CPU ms':>8} {'wall ms':>8} {'p99 ms':>8}"]
    for kind, found in results["databases"].items():
        for work in ("record_dose", "bare_insert", "medication_record"):
            row = found[work]
            times = "".join(f" {row[name]:>8.2f}" for name in ("cpu_ms_median", "wall_ms_median", "wall_ms_p99"))
            lines.append(f"{kind:12} {work:20} {row['sql_max']:>4}{times}")
        lines.append(f"{kind:12} one dose costs {found['cpu_ratio']} times the CPU of a bare insert")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run(quick="--quick" in sys.argv)))
