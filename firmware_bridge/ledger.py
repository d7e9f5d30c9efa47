"""What happened at the cart's hardware, numbered and kept until the server has it.

One SQLite file: the events that wait, and how far the microcontroller's mailbox was read, in one transaction, so that each
event of the microcontroller gets exactly one number. A new file is a new epoch. Nothing here names a patient.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pointofcare.errors import JournalError
from pointofcare.wire.messages import FleetEvent

MOST_KEPT = 20_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at TEXT NOT NULL, boot_id TEXT, mono_ms INTEGER, details TEXT NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event before it has a number. `boot_id` and `mono_ms` are the microcontroller's."""

    kind: str
    at: datetime
    boot_id: str | None = None
    mono_ms: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)


class Ledger:
    """Any thread may call it. Raises: JournalError when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._guard = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            self._db.execute("INSERT OR IGNORE INTO about VALUES ('epoch', ?)", (uuid.uuid4().hex,))
            self.epoch: str = self._about("epoch") or ""
        except (OSError, sqlite3.Error) as exc:
            raise JournalError(f"the event file {path} cannot be used: {exc}", remedy="free some space or mend the folder") from exc

    def add(self, happening: Happening) -> None:
        """One event of our own."""
        self._write([happening], None)

    def take(self, happenings: Sequence[Happening], *, boot_id: str, upto: int) -> None:
        """The microcontroller's events of `boot_id` up to its number `upto`: all of them and the mark, or nothing."""
        self._write(happenings, (boot_id, upto))

    def mark(self) -> tuple[str, int]:
        """(boot id, number) up to where the mailbox was read; ("", 0) at the beginning."""
        with self._guard:
            return self._about("boot") or "", int(self._about("upto") or 0)

    def waiting(self, *, after: int = 0, limit: int = 50) -> tuple[FleetEvent, ...]:
        """The oldest events that the server has not acknowledged, numbered above `after`."""
        with self._guard:
            rows = self._execute(
                "SELECT seq, kind, at, boot_id, mono_ms, details, (SELECT min(seq) FROM event) FROM event "
                "WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, limit),
            ).fetchall()
        return tuple(
            FleetEvent(
                seq=seq,
                epoch=self.epoch,
                kind=kind,
                at=datetime.fromisoformat(at),
                boot_id=boot_id,
                mono_ms=mono_ms,
                details=json.loads(details),
                first=first,
            )
            for seq, kind, at, boot_id, mono_ms, details, first in rows
        )

    def count(self) -> int:
        with self._guard:
            return int(self._execute("SELECT count(*) FROM event", ()).fetchone()[0])

    def forget(self, epoch: str, upto: int) -> None:
        """The server has them. Another epoch's acknowledgement is not ours."""
        if epoch == self.epoch:
            with self._guard:
                self._execute("DELETE FROM event WHERE seq <= ?", (upto,))

    def close(self) -> None:
        with self._guard:
            self._db.close()

    def _write(self, happenings: Sequence[Happening], mark: tuple[str, int] | None) -> None:
        with self._guard:
            self._execute("BEGIN IMMEDIATE", ())
            try:
                for event in happenings:
                    self._execute(
                        "INSERT INTO event (kind, at, boot_id, mono_ms, details) VALUES (?, ?, ?, ?, ?)",
                        (event.kind, event.at.astimezone(UTC).isoformat(), event.boot_id, event.mono_ms, json.dumps(dict(event.details))),
                    )
                if mark is not None:
                    self._execute("INSERT OR REPLACE INTO about VALUES ('boot', ?), ('upto', ?)", (mark[0], str(mark[1])))
                # Drawer events of a server that never comes back must not fill the disk that the doses are written on.
                self._execute("DELETE FROM event WHERE seq <= (SELECT max(seq) FROM event) - ?", (MOST_KEPT,))
                self._execute("COMMIT", ())
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _about(self, name: str) -> str | None:
        row = self._execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _execute(self, sql: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, values)
        except sqlite3.Error as exc:
            raise JournalError(f"the event file refused: {exc}", remedy="free some space on the disk") from exc
