"""How far a PostgreSQL came: what a restored one has is held against what the live one has. Reads alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from server.store.database import Base

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """`rows` by table, of all facilities; `newest` is when the work of the newest entry of the audit began, None: there is none."""

    rows: Mapping[str, int]
    newest: datetime | None


def of(connection: Connection) -> Reached:
    present = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()}
    tables = [each.name for each in Base.metadata.sorted_tables if each.name in present]
    rows = {name: int(_one(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)))) for name in tables}
    return Reached(rows=rows, newest=_one(connection, sql.SQL("SELECT max(at) FROM audit")))


def entries(connection: Connection, until: datetime) -> int:
    """Of the audit, whose work began before `until`."""
    return int(_one(connection, sql.SQL("SELECT count(*) FROM audit WHERE at <= {}").format(sql.Literal(until))))


def seal(connection: Connection, facility: str, size: int) -> str | None:
    """The statement over the first `size` entries of a facility's audit."""
    found = connection.execute("SELECT jws FROM audit_checkpoints WHERE facility = %s AND size = %s", (facility, size)).fetchone()
    return None if found is None else str(found[0])


def owner(connection: Connection) -> str:
    """The role whose database it is."""
    return str(_one(connection, sql.SQL("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()")))


def _one(connection: Connection, asked: sql.SQL | sql.Composed) -> Any:
    row = connection.execute(asked).fetchone()
    return None if row is None else row[0]
