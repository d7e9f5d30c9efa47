"""Which commands this cart has begun, and how they ended: a small file of its own, because a command must not act twice, also not after
the power failed in the middle of it.

It holds ids, names and outcomes, never anything about a person. A memory that cannot be used lets nothing be begun, and must never keep
the cart from starting: a cart without commands gives doses.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import threading
from datetime import datetime
from pathlib import Path

from pointofcare.errors import JournalError
from pointofcare.wire.messages import CommandAnswered, CommandOutcome

log = logging.getLogger(__name__)
KEPT = 1000
BEGUN = "begun"
FILE = "commands.sqlite"


class Memory:
    """Callable from any thread. Raises: JournalError, from every method but the making of it and `close`, when the file cannot be used.

    A damaged file is set aside: the next start begins a new one. Until then nothing is begun, for nobody knows what was."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._why = ""
        self._open: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
            self._open.execute("PRAGMA journal_mode=WAL")
            self._open.execute("PRAGMA synchronous=FULL")
            self._open.execute(
                "CREATE TABLE IF NOT EXISTS commands (place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, "
                "at TEXT NOT NULL, outcome TEXT NOT NULL, why TEXT NOT NULL, told TEXT NOT NULL)"
            )
            (found,) = self._open.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found)
        except (sqlite3.Error, OSError) as exc:
            self._why = str(exc) or type(exc).__name__
            log.error("the memory of commands cannot be used, and so none is carried out: %s", self._why)
            self.close()
            # A full disk or a right that is missing damages nothing: the file stays.
            if isinstance(exc, sqlite3.DatabaseError) and not isinstance(exc, sqlite3.OperationalError):
                _set_aside(path)

    @property
    def _file(self) -> sqlite3.Connection:
        """Raises: JournalError."""
        if self._open is None:
            raise _fault(OSError(self._why))
        return self._open

    def begin(self, command_id: str, name: str, at: datetime) -> CommandAnswered | None:
        """None: it is new, and is from now known as begun. Else how it ended; one that never ended has an unknown outcome."""
        try:
            with self._lock:
                made = self._file.execute(
                    "INSERT INTO commands (id, name, at, outcome, why, told) VALUES (?, ?, ?, ?, '', '{}') ON CONFLICT (id) DO NOTHING",
                    (command_id, name, at.isoformat(), BEGUN),
                )
                if made.rowcount == 1:
                    self._file.execute("DELETE FROM commands WHERE place <= (SELECT max(place) FROM commands) - ?", (KEPT,))
                    return None
                row = self._file.execute("SELECT id, name, outcome, why, told FROM commands WHERE id = ?", (command_id,)).fetchone()
            return _answer(row)
        except (sqlite3.Error, TypeError, ValueError) as exc:
            raise _fault(exc) from exc

    def known(self, command_id: str) -> CommandAnswered | None:
        """How it ended, as `begin` tells it, without beginning it; None: it is new."""
        try:
            with self._lock:
                row = self._file.execute("SELECT id, name, outcome, why, told FROM commands WHERE id = ?", (command_id,)).fetchone()
            return _answer(row) if row is not None else None
        except (sqlite3.Error, TypeError, ValueError) as exc:
            raise _fault(exc) from exc

    def end(self, answer: CommandAnswered) -> None:
        try:
            with self._lock:
                self._file.execute(
                    "UPDATE commands SET outcome = ?, why = ?, told = ? WHERE id = ?",
                    (answer.outcome.value, answer.why or "", json.dumps(dict(answer.values)), answer.command),
                )
        except (sqlite3.Error, TypeError, ValueError) as exc:
            raise _fault(exc) from exc

    def unsettled(self) -> tuple[CommandAnswered, ...]:
        """What was begun or accepted when the program ended, oldest first."""
        try:
            with self._lock:
                rows = self._file.execute(
                    "SELECT id, name, outcome, why, told FROM commands WHERE outcome IN (?, ?) ORDER BY place",
                    (BEGUN, CommandOutcome.ACCEPTED.value),
                ).fetchall()
            return tuple(_answer(row) for row in rows)
        except (sqlite3.Error, TypeError, ValueError) as exc:
            raise _fault(exc) from exc

    def close(self) -> None:
        with self._lock, contextlib.suppress(sqlite3.Error):
            if self._open is not None:
                self._open.close()


def _answer(row: tuple[str, str, str, str, str]) -> CommandAnswered:
    command_id, name, outcome, why, told = row
    if outcome == BEGUN:
        return CommandAnswered(command=command_id, name=name, outcome=CommandOutcome.OUTCOME_UNKNOWN, why="interrupted")
    return CommandAnswered(command=command_id, name=name, outcome=CommandOutcome(outcome), why=why or None, values=json.loads(told))


def _set_aside(path: Path) -> None:
    """For who looks at this cart; one that cannot be renamed stays, and is found again."""
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + end).replace(path.with_name(f"{path.name}.damaged{end}"))


def _fault(exc: Exception) -> JournalError:
    return JournalError("the memory of commands cannot be used, and so none is carried out", remedy="look at the cart's disk", why=str(exc))
