"""A made-up province in PostgreSQL for tests and benchmarks, and what a statement looks at there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from flask import Flask
from sqlalchemy import event

from pointofcare.people import StaffRole
from server.app import create_app
from server.store import driver
from server.store.database import db
from server.store.transaction import Actor
from simulation.scale import fill
from simulation.scale.people import FIRST, Size
from tests.support import databases

FACILITY = FIRST + "01"
# Tables with a row for each person, order, dose, message or look: what a hospital has more of every day.
BIG = frozenset(
    {*fill.TABLES, "attempts", "observations", "weights", "allergies", "tasks", "task_steps", "discrepancies", "sign_in_sessions"}
)
_ROLES = {
    "nurse": StaffRole.NURSE,
    "charge": StaffRole.CHARGE_NURSE,
    "pharmacist": StaffRole.PHARMACIST,
    "doctor": StaffRole.PRESCRIBER,
    "admin": StaffRole.ADMINISTRATOR,
}


def person_of_staff(role: str) -> Actor:
    """ "nurse", "charge", "pharmacist", "doctor" or "admin" of the first facility."""
    return Actor(id=fill.member(FACILITY, role), name=role, roles=frozenset({_ROLES[role]}))


def size(people: int, *, facilities: int = 1, until: datetime | None = None, days: int = 30) -> Size:
    """As in the province: 2.3 orders for each person."""
    at = until or datetime.now(UTC).replace(second=0, microsecond=0)
    return Size(people=people, facilities=facilities, orders=round(people * 3_135_449 / 1_378_023), days=days, seed=1, until=at)


@contextmanager
def filled(wanted: Size, directory: Path, *, progress: fill.Progress = lambda _: None) -> Iterator[Flask]:
    """The whole application of the first facility over a database of its own, with its context pushed."""
    cluster, name = databases._cluster(), f"s{uuid4().hex}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")  # type: ignore[call-overload]
    try:
        fill.fill(cluster.url(name), wanted, progress=progress)
        config = databases.config_for(cluster.url(name, driver=True), directory, facility=FACILITY)
        app = create_app(config)
        app.config["TESTING"] = True
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()
    finally:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One step of a plan over a big table: so many rows were read for it, `kind` as PostgreSQL names it."""

    table: str
    kind: str
    rows: int
    condition: str


@contextmanager
def statements() -> Iterator[dict[str, Any]]:
    """Every statement that runs in the block, with its first parameters."""
    seen: dict[str, Any] = {}

    def keep(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        seen.setdefault(statement, parameters)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)


def walks(statement: str, parameters: Any) -> list[Walk]:
    """Runs the statement, undoes it, and says what it read of the big tables. Whatever reads a whole table counts as dear, as it is where
    the table is big, so that it is chosen only where no index can serve."""
    with db.engine.connect() as connection:
        for way in ("seqscan", "hashjoin", "mergejoin"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        # Those of `server.store.driver` have numbered parameters.
        with driver.as_written(connection) if isinstance(parameters, tuple) else nullcontext():
            told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {statement}", parameters).scalar()
        connection.rollback()
    plan = told if isinstance(told, list) else json.loads(str(told))
    return list(_of(plan[0]["Plan"]))


def _of(node: dict[str, Any]) -> Iterator[Walk]:
    table = node.get("Relation Name", "")
    if table in BIG:
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        yield Walk(
            table=table,
            kind=node["Node Type"],
            rows=int((node["Actual Rows"] + removed) * node["Actual Loops"]),
            condition=str(node.get("Index Cond") or node.get("Recheck Cond") or node.get("Filter") or ""),
        )
    for below in node.get("Plans", ()):
        yield from _of(below)
