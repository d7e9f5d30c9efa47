"""How the archive of a PostgreSQL's WAL stands: what a restore to a moment reads, and what is lost with the machine when it stands still.

Any role may ask.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import text

from server.store.database import db

# A cluster in which nothing happens writes less than this behind the last segment, and switches to no new one for it.
IDLE_BYTES = 4096
_SEGMENT = re.compile(r"[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})(\.[0-9A-F]{8}\.backup)?", re.ASCII)
_ASKED = """SELECT current_setting('archive_mode') AS mode,
    (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size') AS segment_bytes,
    CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() - '0/0'::pg_lsn END AS written,
    last_archived_wal AS newest, last_archived_time AS archived_at, last_failed_time AS failed_at,
    pg_postmaster_start_time() AS started_at, clock_timestamp() AS now FROM pg_stat_archiver"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """`is_on`: PostgreSQL is told to archive. `works`: it does, and the newest try did not fail. `waiting_s`: since when something waits
    that is on this machine alone, 0: nothing does."""

    is_on: bool
    works: bool
    waiting_s: float
    archived_at: datetime | None
    failed_at: datetime | None


def state() -> Archive | None:
    """None: of SQLite, and of a standby, which archives nothing. Needs a Flask application context. Raises: SQLAlchemyError."""
    if db.engine.dialect.name == "sqlite":
        return None
    with db.engine.connect() as connection:
        return _read(connection.execute(text(_ASKED)).one())


def of(connection: psycopg.Connection[Any]) -> Archive | None:
    """The same over a connection of one's own. Raises: psycopg.Error."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return _read(cursor.execute(_ASKED).fetchone())


def _read(row: Any) -> Archive | None:
    if row.written is None:
        return None
    is_on = row.mode != "off"
    failing = row.failed_at is not None and (row.archived_at is None or row.failed_at > row.archived_at)
    kept = _end_of(row.newest or "", int(row.segment_bytes))
    waits = kept is None or int(row.written) - kept > IDLE_BYTES
    since = row.archived_at or row.started_at
    return Archive(
        is_on=is_on,
        works=is_on and not failing,
        waiting_s=max(0.0, (row.now - since) / timedelta(seconds=1)) if waits else 0.0,
        archived_at=row.archived_at,
        failed_at=row.failed_at,
    )


def _end_of(segment: str, segment_bytes: int) -> int | None:
    """Where in the log a segment ends, by its name; None: it is none, so nobody knows how far the archive is."""
    found = _SEGMENT.fullmatch(segment)
    if found is None:
        return None
    return (int(found[1], 16) << 32) + (int(found[2], 16) + 1) * segment_bytes
