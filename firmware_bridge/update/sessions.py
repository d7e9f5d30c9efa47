"""The updates of this cart on disk: what was ordered, how far it is, and what was done before. SQLite, synchronous.

A state is written before the act that it stands for, so that after a power cut the act is looked for and not done twice. A job and
attempt that were here once are never begun anew. Nothing here names a patient.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from firmware_bridge.update.machine import FINAL, State
from pointofcare.errors import JournalError, MessageError
from pointofcare.wire import jobs
from pointofcare.wire.messages import JobOrder

_SCHEMA = """
CREATE TABLE IF NOT EXISTS firmware_update (
    number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, attempt INTEGER NOT NULL, claims BLOB NOT NULL, state TEXT NOT NULL,
    why TEXT NOT NULL, boot_before TEXT NOT NULL, resets INTEGER NOT NULL, uploads INTEGER NOT NULL, reset_boot TEXT NOT NULL,
    changed_at TEXT NOT NULL, UNIQUE (job, attempt)
) STRICT;
CREATE TABLE IF NOT EXISTS firmware_about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_KEPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One attempt at a job. `why` is a stable code. `boot_before` is the start of the microcontroller before the reset that is waited
    for, `reset_boot` the one in which a reset was sent, `resets` and `uploads` how often each was tried."""

    number: int
    order: JobOrder
    state: State
    why: str = ""
    boot_before: str = ""
    reset_boot: str = ""
    resets: int = 0
    uploads: int = 0
    changed_at: datetime

    @property
    def final(self) -> bool:
        return self.state in FINAL


class Sessions:
    """Any thread may call it. Raises: JournalError when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._guard = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as exc:
            raise JournalError(f"the update file {path} cannot be used: {exc}", remedy="free some space or mend the folder") from exc

    def current(self) -> Session | None:
        """The newest one, final or not; None when there was none yet."""
        with self._guard:
            return self._read("ORDER BY number DESC LIMIT 1", ())

    def find(self, job: str, attempt: int) -> Session | None:
        with self._guard:
            return self._read("WHERE job = ? AND attempt = ?", (job, attempt))

    def newest_issue(self) -> datetime | None:
        """When the newest order that was ever begun was issued."""
        with self._guard:
            text = self._about("issued_at")
            return datetime.fromisoformat(text) if text else None

    def counter(self) -> int:
        """The highest security counter of an image that this cart confirmed."""
        with self._guard:
            return int(self._about("security_counter") or 0)

    def begin(self, order: JobOrder, *, state: State, why: str, at: datetime) -> Session:
        """A new one. Raises: JournalError, also when this attempt was here before."""
        with self._guard:
            self._execute("BEGIN IMMEDIATE", ())
            try:
                cursor = self._execute(
                    "INSERT INTO firmware_update (job, attempt, claims, state, why, boot_before, resets, uploads, reset_boot, changed_at)"
                    " VALUES (?, ?, ?, ?, ?, '', 0, 0, '', ?)",
                    (order.job, order.attempt, jobs.claims(order), state.value, why, at.astimezone(UTC).isoformat()),
                )
                newest = self._about("issued_at")
                issued = order.issued_at.astimezone(UTC).isoformat()
                if newest is None or datetime.fromisoformat(newest) < order.issued_at:
                    self._execute("INSERT OR REPLACE INTO firmware_about VALUES ('issued_at', ?)", (issued,))
                self._execute("DELETE FROM firmware_update WHERE number <= (SELECT max(number) FROM firmware_update) - ?", (_KEPT,))
                self._execute("COMMIT", ())
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            return Session(number=int(cursor.lastrowid or 0), order=order, state=state, why=why, changed_at=at)

    def write(self, session: Session) -> None:
        with self._guard:
            self._execute(
                "UPDATE firmware_update SET state = ?, why = ?, boot_before = ?, reset_boot = ?, resets = ?, uploads = ?, changed_at = ?"
                " WHERE number = ?",
                (
                    session.state.value,
                    session.why,
                    session.boot_before,
                    session.reset_boot,
                    session.resets,
                    session.uploads,
                    session.changed_at.astimezone(UTC).isoformat(),
                    session.number,
                ),
            )

    def keep_counter(self, counter: int) -> None:
        """It never goes down."""
        with self._guard:
            highest = max(counter, int(self._about("security_counter") or 0))
            self._execute("INSERT OR REPLACE INTO firmware_about VALUES ('security_counter', ?)", (str(highest),))

    def close(self) -> None:
        with self._guard:
            self._db.close()

    def _read(self, which: str, values: tuple[object, ...]) -> Session | None:
        columns = "number, claims, state, why, boot_before, reset_boot, resets, uploads, changed_at"
        row = self._execute(f"SELECT {columns} FROM firmware_update {which}", values).fetchone()
        if row is None:
            return None
        number, claims, state, why, boot_before, reset_boot, resets, uploads, changed_at = row
        try:
            return Session(
                number=number,
                order=jobs.read_claims(claims),
                state=State(state),
                why=why,
                boot_before=boot_before,
                reset_boot=reset_boot,
                resets=resets,
                uploads=uploads,
                changed_at=datetime.fromisoformat(changed_at),
            )
        except (MessageError, ValueError) as exc:
            raise JournalError(f"an update in the file cannot be read: {exc}", remedy="look which firmware the cart runs") from exc

    def _about(self, name: str) -> str | None:
        row = self._execute("SELECT value FROM firmware_about WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _execute(self, sql: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, values)
        except sqlite3.Error as exc:
            raise JournalError(f"the update file refused: {exc}", remedy="free some space on the disk") from exc
