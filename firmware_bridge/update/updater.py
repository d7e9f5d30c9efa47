"""Carries out the one job of this cart: a thread that goes through the table step by step, and tells how far it is.

It resumes where it was after any stop. Drawers are the relay's: while `refusal` says something, none is unlocked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from devices.firmware import job
from devices.firmware.job import ServerKeys
from firmware_bridge.images import ImageState
from firmware_bridge.update import machine
from firmware_bridge.update.machine import Event, State
from firmware_bridge.update.sessions import Session, Sessions
from firmware_bridge.update.steps import Outcome, Steps, Tools
from pointofcare.errors import JournalError, NotPermittedError
from pointofcare.wire.messages import JobAssigned, JobOrder, JobState, JobTold

_log = logging.getLogger(__name__)
TELL_S = 60.0
TURN_S = 0.5
_SLOTS_S = 60.0


class Updater:
    """`tell` sends one report and says whether it went out. Call `start` once, `stop` once; the others from any thread."""

    def __init__(
        self, tools: Tools, *, keys: ServerKeys, facility: str, cart: str, tell: Callable[[JobTold], bool], turn_s: float = TURN_S
    ) -> None:
        self.tools = tools
        self._tools = tools
        self._sessions: Sessions = tools.sessions
        self._keys = keys
        self._facility = facility
        self._cart = cart
        self._tell = tell
        self._turn_s = turn_s
        self._guard = threading.Lock()
        self._assigned: JobAssigned | None = None
        self._later: JobAssigned | None = None
        self._withdrawn = False
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._owed: Session | None = None  # what the disk refused, and takes later
        self._percent: int | None = None
        self._told: tuple[object, ...] | None = None
        self._tell_at = 0.0
        self._slots_at = 0.0
        self._refused: JobTold | None = None
        tools.progress = self._progress
        tools.interrupted = self._interrupted
        tools.committed = self._committed
        self._steps = Steps(tools)
        self._session = self._sessions.current()
        self._do: Mapping[State, Callable[[Session], Outcome]] = {
            State.RECEIVED: self._steps.received,
            State.READY: self._steps.ready,
            State.UPLOADING: self._steps.uploading,
            State.UPLOADED: self._steps.uploaded,
            State.MARKING: self._steps.marking,
            State.RESETTING: self._steps.resetting,
            State.TRYING: self._steps.trying,
            State.CONFIRMING: self._steps.confirming,
            State.REVERTING: self._steps.reverting,
            State.UNCLEAR: self._steps.unclear,
        }
        self._thread = threading.Thread(target=self._run, name="firmware-updater", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(15)
        self._sessions.close()

    @property
    def refusal(self) -> str:
        """Why no drawer may be unlocked now, "" when nothing is in the way."""
        session = self._session
        if session is None or session.state not in machine.LOCKED:
            return ""
        if session.state in (State.MARKING, State.RESETTING) and session.reset_boot != session.boot_before:
            return ""  # no reset was sent: who comes to a drawer first gets it, and the reset waits
        if session.state is State.UNCLEAR and self._steps.runs_on:
            return ""  # it takes no reset, and works as before: whoever waits for a drug gets it
        return f"the firmware is being changed ({session.state.value})"

    @property
    def state(self) -> str:
        """The state of the newest update, "" when there was none."""
        return self._session.state.value if self._session is not None else ""

    @property
    def slots(self) -> tuple[ImageState, ...]:
        """What was last seen in the microcontroller's slots."""
        return self._steps.slots

    def assigned(self, what: JobAssigned) -> None:
        """The server's one job for this cart, or that there is none. Looked at by the thread."""
        with self._guard:
            self._assigned = what
        self._wake.set()

    def tell_with(self, tell: Callable[[JobTold], bool]) -> None:
        """Reports go there from now on."""
        self._tell = tell

    def tell_again(self) -> None:
        """Somebody has come who did not hear the last report."""
        self._told = None
        self._wake.set()

    def turn(self) -> bool:
        """One step; whether there is another to do at once. Raises: JournalError."""
        if self._owed is not None and self._owed.final:
            self._keep(self._owed)  # before another update is begun
        self._take()
        session = self._session
        if session is None or session.final:
            self._look_at_slots()
            self._say()
            return False
        if self._withdrawn and machine.takes(session.state, Event.WITHDREW):
            outcome = Outcome(session=session, event=Event.WITHDREW, why="withdrawn")
        else:
            outcome = self._do[session.state](session)
        following = machine.after(session.state, outcome.event) if outcome.event is not None else session.state
        fresh = replace(outcome.session, state=following, why=outcome.why)
        if fresh != session:
            fresh = replace(fresh, changed_at=self._tools.wall())
            self._keep(fresh)
        if following is not session.state:
            _log.info("update %s: %s -> %s %s", session.order.job, session.state.value, following.value, outcome.why)
            self._steps.entered()
            self._percent = None
            if following is State.TRYING:
                self._withdrawn = False  # it starts already
            self._slots_at = 0.0  # what is in the slots now is told at once, and not with the next look of the minute
        self._session = fresh
        self._say()
        return following is not session.state and not fresh.final

    def _keep(self, session: Session) -> None:
        """On disk; what is seen again after a power cut need not be there for drawers to open. Raises: JournalError for all else."""
        try:
            if session.state is State.SUCCEEDED:
                self._sessions.keep_counter(session.order.target.security_counter)
            self._sessions.write(session)
        except JournalError as exc:
            if session.state not in machine.SEEN_AGAIN:
                raise
            if self._owed is None:
                _log.error("the update cannot be kept on disk, and goes on: %s", exc)
            self._owed = session
        else:
            self._owed = None

    def _take(self) -> None:
        with self._guard:
            assigned, self._assigned = self._assigned, None
        if assigned is None and self._session is not None and self._session.final:
            assigned, self._later = self._later, None
        if assigned is None:
            return
        if assigned.signed is None:
            self._later = None
            self._withdrawn = not self._too_late_to_withdraw()
            return
        now = self._tools.wall()
        try:
            order = job.order_of(assigned, self._keys, facility=self._facility, cart=self._cart)
            self._admit(order, assigned)
        except NotPermittedError as exc:
            _log.warning("%s", exc)
            self._refuse(assigned, exc, now)

    def _too_late_to_withdraw(self) -> bool:
        """A reset was sent: what runs on trial ends its trial, whatever befalls it, for ending it here would open drawers under it. Only
        an outcome that is unknown already may be given up by somebody who was told so."""
        session = self._session
        if session is None or session.state in machine.HARMLESS or session.state is State.UNCLEAR:
            return False
        return bool(session.reset_boot) or session.state not in (State.MARKING, State.RESETTING)

    def _admit(self, order: JobOrder, assigned: JobAssigned) -> None:
        """Raises: NotPermittedError for an order that is older than what was begun."""
        known = self._sessions.find(order.job, order.attempt)
        if known is not None:  # it was here before, and is not done again: the server hears what came of it
            if self._session is not None and known.number == self._session.number:
                self._withdrawn, self._told = False, None
            else:
                self._tell(_report(known, None))
            return
        job.in_time(order, now=self._tools.wall())
        newest = self._sessions.newest_issue()
        if newest is not None and order.issued_at < newest:
            raise NotPermittedError("this job is older than the one before", remedy="assign it anew", why="replayed", attempt=order.attempt)
        current = self._session
        if current is not None and not current.final:
            if current.state not in machine.HARMLESS:
                self._later = assigned  # what has begun is ended first
                return
            left = replace(current, state=machine.after(current.state, Event.WITHDREW), why="replaced", changed_at=self._tools.wall())
            self._keep(left)
            self._session, self._told = left, None
            self._say()
        self._session = self._sessions.begin(order, state=State.RECEIVED, why="", at=self._tools.wall())
        self._withdrawn, self._refused, self._told = False, None, None
        self._steps.entered()

    def _refuse(self, assigned: JobAssigned, exc: NotPermittedError, at: datetime) -> None:
        attempt, why = exc.fields.get("attempt"), str(exc.fields.get("why", exc.code))
        if assigned.job is None:
            return
        self._refused = JobTold(
            job=assigned.job, attempt=attempt if isinstance(attempt, int) else 0, state=JobState.REJECTED, step="received", why=why, at=at
        )

    def _say(self) -> None:
        if self._refused is not None and self._tell(self._refused):
            self._refused = None
        session = self._session
        if session is None:
            return
        now = self._tools.mono()
        about = (session.number, session.state, session.why, self._percent if self._percent is None else self._percent // 10)
        if about == self._told and (session.final or now < self._tell_at):
            return
        if self._tell(_report(session, self._percent)):
            self._told = about
            self._tell_at = now + TELL_S

    def _progress(self, percent: int) -> None:
        self._percent = percent
        self._say()

    def _committed(self, session: Session) -> None:
        """From here on no drawer is unlocked: a reset is about to be sent."""
        self._session = session
        if session.reset_boot:
            self._withdrawn = False

    def _interrupted(self) -> bool:
        return self._stopping.is_set() or self._assigned is not None

    def _look_at_slots(self) -> None:
        if self._tools.mono() >= self._slots_at:
            self._slots_at = self._tools.mono() + _SLOTS_S
            self._steps.look()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            again = False
            try:
                again = self.turn()
            except JournalError as exc:
                _log.error("the update cannot be kept on disk, and waits: %s", exc)
            except Exception:  # noqa: BLE001 - an update that breaks must not end the thread that would revert it
                _log.exception("a step of the update failed")
            if not again:
                self._wake.wait(self._turn_s)


def _report(session: Session, percent: int | None) -> JobTold:
    return JobTold(
        job=session.order.job,
        attempt=session.order.attempt,
        state=machine.TOLD[session.state],
        step=session.state.value,
        percent=percent,
        why=session.why or None,
        at=session.changed_at.astimezone(UTC),
        details={"resets": session.resets, "uploads": session.uploads},
    )
