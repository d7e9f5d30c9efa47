"""Says in the database that this program runs, and of which release: a schema is contracted only when no older one is left.

Never decides anything, and a database that is away costs it nothing but a line in the log.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from server.store import steps
from server.store.steps import Program

_log = logging.getLogger(__name__)
EVERY_S = 45.0


class Presence:
    """`part` as in `steps.Program`; `scope` opens the application context."""

    def __init__(self, part: str, *, scope: Callable[[], AbstractContextManager[object]], every_s: float = EVERY_S) -> None:
        now = datetime.now(UTC)
        host = socket.gethostname()[:255]
        self._program = Program(id=str(uuid4()), part=part, host=host, release=steps.release(), started_at=now, seen_at=now)
        self._scope, self._every_s = scope, every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        """The first word is said before anything else runs: a contraction that begins now sees this program."""
        self._guarded(self._beat)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._guarded(lambda: steps.ended(self._program.id))

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            self._guarded(self._beat)

    def _beat(self) -> None:
        steps.beat(replace(self._program, seen_at=steps.clock()))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            with self._scope():
                work()
        except Exception:  # noqa: BLE001 - the database is away: it is said at the next look
            _log.warning("that this program runs could not be said now", exc_info=True)
