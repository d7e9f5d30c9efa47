"""Whose turn it is: of several programs that do the same work for a facility, one does it and the others wait.

PostgreSQL's own lock decides (`pg_try_advisory_xact_lock`), held by a transaction that stays open, so that it holds behind pgbouncer too.
The server ends that transaction when nothing is heard of it for some seconds: a program that is frozen loses its turn. Nothing durable
hangs on it. Two that believe it is theirs for a moment record each dose once all the same, by its id. SQLite has no second program.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.store.database import db

# The holder speaks each second; so long after its last word the turn is free.
SILENT_S = 8


class Turn:
    """Of `work` ("gateway") in `facility`. Every method needs an application context; one thread at a time."""

    def __init__(self, facility: str, work: str) -> None:
        self._name = f"pointofcare/{facility}/{work}"
        self._held: Connection | None = None
        self._always = False

    def take(self) -> bool:
        """Whether it is ours now. False too when the database is away."""
        if self._held is not None or self._always:
            return True
        if db.engine.dialect.name != "postgresql":
            self._always = True
            return True
        connection = None
        try:
            connection = db.engine.connect()
            connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_S}s'"))
            got = connection.execute(text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": self._name}).scalar()
        except SQLAlchemyError:
            got = False
        if got and connection is not None:
            self._held = connection
            return True
        _let_go(connection)
        return False

    def is_held(self) -> bool:
        """Asked over the connection that holds it: as long as that one lives, nobody else has it."""
        if self._held is None:
            return self._always
        try:
            self._held.execute(text("SELECT 1")).scalar()
        except SQLAlchemyError:
            self.give_up()
            return False
        return True

    def give_up(self) -> None:
        held, self._held = self._held, None
        _let_go(held)


def _let_go(connection: Connection | None) -> None:
    if connection is None:
        return
    try:
        connection.rollback()
    except SQLAlchemyError:
        connection.invalidate()
    with suppress(SQLAlchemyError):
        connection.close()
