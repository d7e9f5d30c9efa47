"""Says in the database that this program runs, of which release, and what it tells of itself: a schema is contracted only when no older
one is left, and the pages know of a gateway that is another program.

A database that is away costs it nothing but a line in the log. A program that was stopped, or cut off, for so long that the schema was
contracted without it ends: it must write nothing to a schema that is no longer its own.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from server.store import migrate, steps
from server.store.steps import Program
from server.usecases import parts
from server.usecases.parts import Told

_log = logging.getLogger(__name__)
EVERY_S, AGAIN_S = 10.0, 2.0  # the second after a time when it could not be said
LOOK_S = 0.5


def end_program(why: str) -> None:
    _log.critical("%s: this program ends", why)
    os.kill(os.getpid(), signal.SIGTERM)


class Presence:
    """`part` as in `steps.Program`; `scope` opens the application context. `unfit` is told why this release may not go on. `tells` is asked
    twice a second what is to be told of this program; a change of its condition is said at once."""

    def __init__(
        self,
        part: str,
        *,
        scope: Callable[[], AbstractContextManager[object]],
        facility: str | None = None,
        tells: Callable[[], Told] = Told,
        unfit: Callable[[str], None] = end_program,
        every_s: float = EVERY_S,
    ) -> None:
        now = datetime.now(UTC)
        host = socket.gethostname()[:255]
        self._program = Program(
            id=str(uuid4()), part=part, host=host, release=steps.release(), started_at=now, seen_at=now, facility=facility
        )
        self._scope, self._tells, self._unfit, self._every_s = scope, tells, unfit, every_s
        self._said: Told | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    @property
    def program_id(self) -> str:
        return self._program.id

    def start(self) -> None:
        """The first word is said before anything else runs: a contraction that begins now sees this program."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._guarded(lambda: steps.ended(self._program.id))

    def _run(self) -> None:
        wait_s = self._every_s
        while not self._rest(wait_s):
            wait_s = self._every_s if self.look() else min(AGAIN_S, self._every_s)

    def _rest(self, longest_s: float) -> bool:
        """Until it is time, or there is something new to tell. True: stop."""
        until_mono_s = time.monotonic() + longest_s
        while not self._stopping.wait(min(LOOK_S, longest_s)):
            changed = self._said is not None and self._tells().condition != self._said.condition
            if changed or time.monotonic() >= until_mono_s:
                return False
        return True

    def look(self) -> bool:
        """Says that it runs, and looks whether it may. False: it could not be said."""
        self._said = None
        return self._guarded(self._beat)

    def _beat(self) -> None:
        told = self._tells()
        steps.beat(replace(self._program, seen_at=steps.clock(), told=parts.document(told)))
        self._said = told
        why = migrate.refused(migrate.current())
        if why:
            self._unfit(why)

    def _guarded(self, work: Callable[[], None]) -> bool:
        try:
            with self._scope():
                work()
            return True
        except Exception:  # noqa: BLE001 - the database is away: it is said at the next look
            _log.warning("that this program runs could not be said now", exc_info=True)
            return False
