"""Which commands this cart has begun, and how they ended: a small file of its own, because a command must not act twice, also not after
the power failed in the middle of it.

It holds ids, names and outcomes, never anything about a person. A memory that cannot be written lets nothing be begun.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import datetime
from pathlib import Path

from pointofcare.errors import JournalError
from pointofcare.wire.messages import CommandAnswered, CommandOutcome

KEPT = 1000
BEGUN = "begun"
FILE = "commands.sqlite"


class Memory:
    """Callable from any thread. Raises: JournalError, from every method, when the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=FULL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS commands (place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, "
                "at TEXT NOT NULL, outcome TEXT NOT NULL, why TEXT NOT NULL, told TEXT NOT NULL)"
            )
        except (sqlite3.Error, OSError) as exc:
            raise _fault(exc) from exc

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
        except sqlite3.Error as exc:
            raise _fault(exc) from exc
        return _answer(row)

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
        except sqlite3.Error as exc:
            raise _fault(exc) from exc
        return tuple(_answer(row) for row in rows)

    def close(self) -> None:
        with self._lock:
            self._file.close()


def _answer(row: tuple[str, str, str, str, str]) -> CommandAnswered:
    command_id, name, outcome, why, told = row
    if outcome == BEGUN:
        return CommandAnswered(command=command_id, name=name, outcome=CommandOutcome.OUTCOME_UNKNOWN, why="interrupted")
    return CommandAnswered(command=command_id, name=name, outcome=CommandOutcome(outcome), why=why or None, values=json.loads(told))


def _fault(exc: Exception) -> JournalError:
    return JournalError("the memory of commands cannot be used, and so none is carried out", remedy="look at the cart's disk", why=str(exc))
