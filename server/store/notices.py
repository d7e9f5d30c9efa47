"""Waking another process of the same server: PostgreSQL tells whoever listens, SQLite's file says that it changed.

A notice carries nothing: who is woken looks for itself, and looks anyway twice a second. So one that is lost only costs time.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import func, select, text

from server.store.database import db
from server.store.transaction import Transaction, reading

log = logging.getLogger(__name__)
COMMANDS = "pointofcare_commands"
# How often SQLite is asked for a number that it has in memory.
LOOK_EVERY_S = 0.05
# So soon it sees that it is to end.
LONGEST_WAIT_S = 1.0
AGAIN_S = 5.0


def tell(tx: Transaction, channel: str) -> None:
    """With the commit of `tx`. On SQLite the commit itself is the notice."""
    if tx.session.get_bind().dialect.name == "postgresql":
        tx.session.execute(select(func.pg_notify(channel, tx.facility)))


class Listener:
    """Calls `wake` from a thread of its own when something was told on `channel`; where only a commit is the notice, when there is
    something `wanted`. `scope` opens what the store needs."""

    def __init__(
        self,
        channel: str,
        wake: Callable[[], None],
        *,
        wanted: Callable[[Transaction], bool],
        scope: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._channel, self._wake, self._wanted, self._scope = channel, wake, wanted, scope
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._halt.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while not self._halt.is_set():
            try:
                with self._scope():
                    self._listen()
            except Exception as exc:  # noqa: BLE001 - whatever a driver raises: the gateway looks by itself meanwhile
                log.warning("notices of other processes do not come: %s", exc)
            self._halt.wait(AGAIN_S)

    def _listen(self) -> None:
        if db.engine.dialect.name != "postgresql":
            self._watch_file()
            return
        held = db.engine.raw_connection()
        connection = held.driver_connection
        held.detach()  # it is this thread's own, and never goes back to the pool
        with contextlib.closing(held):
            self._follow(connection)

    def _follow(self, connection: Any) -> None:
        connection.autocommit = True
        connection.execute(f"LISTEN {self._channel}")
        self._wake()
        while not self._halt.is_set():
            for _notice in connection.notifies(timeout=LONGEST_WAIT_S, stop_after=1):
                self._wake()

    def _watch_file(self) -> None:
        """`data_version` rises when another connection has committed; asking reads no page of the file."""
        with db.engine.connect() as connection:
            before = None
            while not self._halt.wait(LOOK_EVERY_S):
                now = connection.execute(text("PRAGMA data_version")).scalar()
                connection.rollback()
                if now != before:  # the first time too: what was asked before this began is wanted like any other
                    with reading() as tx:
                        wanted = self._wanted(tx)
                    if wanted:
                        self._wake()
                before = now
