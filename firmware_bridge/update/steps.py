"""What is done in each state of an update: one look, at most one act, and what came of it.

An act that a reset would make irreversible is written down before it is done. A reset is sent again only when the microcontroller was
seen, long after, to run on as before: a second one on the way would take back what the first began. Which image runs is known by its
hash alone. Nothing here raises for what the microcontroller or the network does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from devices.firmware import image, job, releases
from devices.firmware.image import ImageKeys
from firmware_bridge import group
from firmware_bridge.images import Images, ImageState
from firmware_bridge.link import Link
from firmware_bridge.update.machine import Event, State
from firmware_bridge.update.sessions import Session, Sessions
from pointofcare import firmware
from pointofcare.errors import (
    DeviceError,
    FirmwareError,
    ImageRejectedError,
    OutcomeUnknownError,
    ReleasesExpiredError,
    ReleasesUnreachableError,
    ReleasesUntrustedError,
    TransferInterruptedError,
)
from pointofcare.firmware import Target
from pointofcare.fleet import gates

_log = logging.getLogger(__name__)
MOST_UPLOADS = 5
MOST_RESETS = 3
RESET_PATIENCE_S = 30.0  # how long a microcontroller may go on as before after it was told to reset
SILENT_S = 90.0
SOAK_S = 60.0
MOST_SOAKS = 10
FETCH_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`event` None: nothing to tell the machine yet. `session` carries what is to be kept with it, `why` a stable code."""

    session: Session
    event: Event | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look at the microcontroller: its start, and what is in its slots."""

    boot_id: str
    slots: tuple[ImageState, ...]

    @property
    def running(self) -> str:
        """The hash of the image that runs, "" when that is not known: never to be taken for another image."""
        active = [slot.hash for slot in self.slots if slot.active]
        return active[0] if len(active) == 1 else ""

    def confirmed(self, image_hash: str) -> bool:
        return self.running == image_hash and any(slot.active and slot.confirmed for slot in self.slots)

    def pending(self, image_hash: str) -> bool:
        return any(slot.pending and not slot.active and slot.hash == image_hash for slot in self.slots)

    def waits(self, image_hash: str) -> bool:
        """It lies in a slot that does not run."""
        return any(not slot.active and slot.hash == image_hash for slot in self.slots)


class HeldError(Exception):
    """Ends an upload: something else comes first."""


@dataclass(slots=True, kw_only=True)
class Tools:
    """What the steps work with. `hardware` gives what the gates ask for; `interrupted` is true when an upload must end at once,
    `progress` is told percents of the step, `committed` that a session was written whose act comes next."""

    link: Link
    images: Images
    sessions: Sessions
    source: releases.Source
    trusted: ImageKeys
    folder: Path
    hardware: Callable[[], gates.Hardware]
    wall: Callable[[], datetime]
    mono: Callable[[], float]
    interrupted: Callable[[], bool] = lambda: False
    progress: Callable[[int], None] = lambda _percent: None
    committed: Callable[[Session], None] = lambda _session: None
    soak_s: float = SOAK_S
    silent_s: float = SILENT_S
    reset_patience_s: float = RESET_PATIENCE_S
    fetch_again_s: float = FETCH_AGAIN_S


class Steps:
    """Keeps what need not outlive a power cut: since when the line is clean, when a reset was sent, when to fetch again."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._heard_at = tools.mono()
        self._fetch_at = 0.0
        self._sent_at: float | None = None
        self._soak_from: float | None = None
        self._soaks = 0
        self._failures = 0
        self._on_since: tuple[str, float] | None = None
        self.runs_on = False
        self.slots: tuple[ImageState, ...] = ()

    def entered(self) -> None:
        """A state was entered: what was counted in the one before counts no more."""
        self._heard_at = self._tools.mono()
        self._sent_at = self._soak_from = None
        self._on_since, self.runs_on = None, False
        self._soaks = 0
        self._fetch_at = 0.0

    def look(self) -> Seen | None:
        """None when the microcontroller does not answer."""
        try:
            before = self._tools.images.boot_id()
            slots = self._tools.images.image_states()
            after = self._tools.images.boot_id()
        except DeviceError:
            return None
        if before != after:
            return None  # it started in between: what was read is of nobody knows which start
        self.slots = slots
        seen = Seen(boot_id=after, slots=slots)
        if seen.running:
            self._heard_at = self._tools.mono()
        return seen

    def received(self, session: Session) -> Outcome:
        """Fetches the image, and believes it only when both signatures, the job and this board agree."""
        target = job.target_of(session.order)
        early = self._early(session, target)
        if early is not None:
            return early
        if self._tools.mono() < self._fetch_at:
            return Outcome(session=session, why=session.why)
        self._fetch_at = self._tools.mono() + self._tools.fetch_again_s
        try:
            content = releases.fetch(self._tools.source, target)
            fault = self._unfit(content, target)
            if fault:
                return Outcome(session=session, event=Event.REFUSED, why=fault)
            board = self._board()
            if board is None:
                self._fetch_at = 0.0
                return Outcome(session=session, why="mcu-silent")
            if board != target.hardware:
                return Outcome(session=session, event=Event.REFUSED, why="other-hardware")
            self._keep(target, content)
        except ImageRejectedError as exc:
            return Outcome(session=session, event=Event.REFUSED, why=str(exc.fields.get("why", exc.code)))
        except (FirmwareError, OSError) as exc:
            _log.warning("the image %s cannot be fetched yet: %s", target.name, exc)
            return Outcome(session=session, why=_later(exc))
        return Outcome(session=session, event=Event.VERIFIED)

    def ready(self, session: Session) -> Outcome:
        """The gates; then whether it is still released, for it may have been withdrawn while they were closed."""
        target = job.target_of(session.order)
        early = self._early(session, target)
        if early is not None:
            return early
        if session.uploads >= MOST_UPLOADS:
            return Outcome(session=session, event=Event.REFUSED, why="upload-failed")
        closed = gates.holding(session.order.gates, self._tools.hardware())
        if closed is not None:
            return Outcome(session=session, why=closed)
        if self._tools.mono() < self._fetch_at:
            return Outcome(session=session, why=session.why)
        self._fetch_at = self._tools.mono() + self._tools.fetch_again_s
        try:
            found = releases.lookup(self._tools.source, target.name)
        except ImageRejectedError as exc:
            return Outcome(session=session, event=Event.REFUSED, why=exc.code)
        except (FirmwareError, OSError) as exc:
            return Outcome(session=session, why=_later(exc))
        if found != target:
            return Outcome(session=session, event=Event.REFUSED, why="not-released")
        return Outcome(session=replace(session, uploads=session.uploads + 1), event=Event.GATES_OPEN)

    def uploading(self, session: Session) -> Outcome:
        target = job.target_of(session.order)
        early = self._early(session, target)
        if early is not None:
            return early
        try:
            content = self._kept(target).read_bytes()
        except OSError:
            return Outcome(session=session, event=Event.IMAGE_LOST, why="image-lost")
        fault = self._unfit(content, target)
        if fault:
            return Outcome(session=session, event=Event.REFUSED, why=fault)
        seen = self.look()
        if seen is not None and seen.waits(target.image_hash):
            return Outcome(session=session, event=Event.UPLOADED)

        def progress(sent: int, everything: int) -> None:
            self._tools.progress(min(100, sent * 100 // max(1, everything)))
            if self._tools.interrupted() or gates.unsafe(self._tools.hardware()) is not None:
                raise HeldError

        try:
            self._tools.images.upload(content, progress=progress)
        except HeldError:
            held = gates.unsafe(self._tools.hardware()) or "interrupted"
            return Outcome(session=replace(session, uploads=session.uploads - 1), event=Event.GATES_CLOSED, why=held)
        except (TransferInterruptedError, ImageRejectedError, DeviceError) as exc:
            _log.warning("the upload broke off: %s", exc)
            return Outcome(session=session, event=Event.IMAGE_LOST, why=exc.code)
        seen = self.look()
        if seen is None:
            return Outcome(session=session, why="mcu-silent")
        arrived = seen.waits(target.image_hash)
        return Outcome(session=session, event=Event.UPLOADED if arrived else Event.IMAGE_LOST, why="" if arrived else "upload-lost")

    def uploaded(self, session: Session) -> Outcome:
        target = job.target_of(session.order)
        early = self._early(session, target)
        if early is not None:
            return early
        seen = self.look()
        if seen is None:
            return Outcome(session=session, why="mcu-silent")
        if not seen.waits(target.image_hash):
            return Outcome(session=session, event=Event.IMAGE_LOST, why="image-lost")
        closed = gates.holding(session.order.gates, self._tools.hardware())
        if closed is not None:
            return Outcome(session=session, why=closed)
        return Outcome(session=replace(session, boot_before=seen.boot_id, resets=0, reset_boot=""), event=Event.GATES_OPEN)

    def marking(self, session: Session) -> Outcome:
        target = job.target_of(session.order)
        seen = self.look()
        taken = self._seen_taken(session, target, seen)
        if taken is not None:
            return taken
        if seen is None or not seen.waits(target.image_hash):
            return Outcome(session=session, event=Event.IMAGE_LOST, why="image-lost")
        try:
            self._tools.images.mark_test(target.image_hash)
        except DeviceError as exc:
            if session.resets >= MOST_RESETS:
                return self._marked_after_all(session, target)
            return Outcome(session=replace(session, resets=session.resets + 1), why=exc.code)
        return Outcome(session=replace(session, boot_before=seen.boot_id, resets=0), event=Event.MARKED)

    def _marked_after_all(self, session: Session, target: Target) -> Outcome:
        """The last answer may have been lost and the mark taken: only what is seen ends the update."""
        taken = self._seen_taken(session, target, self.look())
        return taken if taken is not None else Outcome(session=session, event=Event.GAVE_UP, why="mark-refused")

    def _seen_taken(self, session: Session, target: Target, seen: Seen | None) -> Outcome | None:
        """What follows from a look that shows silence, the image running or its mark taken; None: the mark is still to be set."""
        if seen is None or not seen.running:
            return self._silence(session, seen)
        if seen.running == target.image_hash:
            return Outcome(session=session, event=Event.SEEN_TARGET)
        if seen.pending(target.image_hash):
            return Outcome(session=replace(session, boot_before=seen.boot_id, resets=0), event=Event.SEEN_PENDING)
        return None

    def resetting(self, session: Session) -> Outcome:
        target = job.target_of(session.order)
        seen = self.look()
        if seen is None or not seen.running:
            return self._silence(session, seen)
        if seen.running == target.image_hash:
            return Outcome(session=session, event=Event.SEEN_TARGET)
        if not seen.pending(target.image_hash):
            if seen.boot_id != session.boot_before:
                return Outcome(session=session, event=Event.SEEN_OLD, why="bootloader-refused")
            return Outcome(session=session, event=Event.SEEN_UNTOUCHED, why="not-taken")
        return self._reset(replace(session, boot_before=seen.boot_id), seen)

    def trying(self, session: Session) -> Outcome:
        target = job.target_of(session.order)
        seen = self.look()
        if seen is None or not seen.running:
            self._soak_from = None
            return self._silence(session, seen)
        if seen.running != target.image_hash:
            return Outcome(session=session, event=Event.SEEN_OLD, why="fell-back")
        now, failures = self._tools.mono(), self._tools.link.status.failures
        if self._soak_from is None or failures != self._failures:
            self._soak_from = None
            fault = self._selftest()
            self._soaks += 1
            if fault:
                return self._failed(session, seen, fault)
            if self._soaks > MOST_SOAKS:
                return self._failed(session, seen, "selftest-unanswered" if fault is None else "line-unsteady")
            if fault is not None:
                self._soak_from, self._failures = now, self._tools.link.status.failures
            return Outcome(session=session, why="proving")
        self._tools.progress(min(100, int((now - self._soak_from) * 100 / max(self._tools.soak_s, 0.001))))
        if now - self._soak_from < self._tools.soak_s:
            return Outcome(session=session, why="proving")
        fault = self._selftest()
        if fault:
            return self._failed(session, seen, fault)
        if fault is None:
            self._soak_from = None
            return Outcome(session=session, why="proving")
        return Outcome(session=session, event=Event.PROVEN)

    def confirming(self, session: Session) -> Outcome:
        target = job.target_of(session.order)
        seen = self.look()
        if seen is None or not seen.running:
            return self._silence(session, seen)
        if seen.running != target.image_hash:
            return Outcome(session=session, event=Event.SEEN_OLD, why="fell-back")
        if not seen.confirmed(target.image_hash):
            try:
                self._tools.images.confirm(target.image_hash)
            except DeviceError as exc:
                return Outcome(session=session, why=exc.code)  # the next look tells what came of it
        with suppress(OSError):  # the next image takes its place at the latest
            self._kept(target).unlink(missing_ok=True)
        return Outcome(session=session, event=Event.CONFIRMED)

    def reverting(self, session: Session) -> Outcome:
        """The trial is over: the next start takes the image back, for nobody confirmed it."""
        target = job.target_of(session.order)
        seen = self.look()
        if seen is None or not seen.running:
            return self._silence(session, seen)
        if seen.running != target.image_hash:
            return Outcome(session=session, event=Event.SEEN_OLD, why=session.why)
        if seen.boot_id != session.boot_before and session.resets:
            return Outcome(session=session, event=Event.STILL_TARGET, why=session.why)
        outcome = self._reset(session, seen)
        return outcome if outcome.event is not None else replace(outcome, why=session.why)  # why it is taken back matters more

    def unclear(self, session: Session) -> Outcome:
        target = job.target_of(session.order)
        seen = self.look()
        self._look_on(session, seen, target)
        if seen is None or not seen.running:
            return Outcome(session=session, why=_unseen(seen))
        if seen.running == target.image_hash:
            return Outcome(session=session, event=Event.SEEN_TARGET)
        if seen.pending(target.image_hash):
            if session.resets >= MOST_RESETS:
                return Outcome(session=session, why="reset-not-taken")
            return Outcome(session=replace(session, boot_before=seen.boot_id), event=Event.SEEN_PENDING)
        if seen.boot_id != session.boot_before:
            return Outcome(session=session, event=Event.SEEN_OLD, why=session.why or "fell-back")
        return Outcome(session=session, event=Event.SEEN_UNTOUCHED, why="not-taken")

    def _look_on(self, session: Session, seen: Seen | None, target: Target) -> None:
        """`runs_on`: no reset will be sent any more, and for longer than one takes the old image was seen to answer in one start."""
        if seen is None or not seen.running or seen.running == target.image_hash or session.resets < MOST_RESETS:
            self._on_since, self.runs_on = None, False
            return
        now = self._tools.mono()
        if self._on_since is None or self._on_since[0] != seen.boot_id:
            self._on_since = (seen.boot_id, now)
        self.runs_on = now - self._on_since[1] >= self._tools.reset_patience_s

    def _failed(self, session: Session, seen: Seen, why: str) -> Outcome:
        fresh = replace(session, boot_before=seen.boot_id, reset_boot="", resets=0)
        return Outcome(session=fresh, event=Event.NOT_PROVEN, why=why)

    def _reset(self, session: Session, seen: Seen) -> Outcome:
        """Sends it once for this start, and once more only after a long look at a start that goes on."""
        held = self._in_the_way(session)
        if held and session.reset_boot != seen.boot_id:
            return Outcome(session=session, why=held)
        if session.reset_boot == seen.boot_id:
            if self._sent_at is None:
                self._sent_at = self._tools.mono()  # it was sent before this program started: wait as long as after sending
            if self._tools.mono() - self._sent_at < self._tools.reset_patience_s:
                return Outcome(session=session, why="reset-awaited")
        if session.resets >= MOST_RESETS:
            return Outcome(session=session, event=Event.GAVE_UP, why="reset-not-taken")
        fresh = replace(session, reset_boot=seen.boot_id, resets=session.resets + 1, changed_at=self._tools.wall())
        self._tools.sessions.write(fresh)
        self._tools.committed(fresh)  # nobody gets a drawer from here on; who got one just before is seen now
        if self._drawers_in_use():
            self._tools.sessions.write(session)
            self._tools.committed(session)
            return Outcome(session=session, why="drawer-open")
        self._sent_at = self._tools.mono()
        try:
            self._tools.images.reset()
        except OutcomeUnknownError:
            pass  # what is seen next tells
        except DeviceError as exc:
            _log.warning("the reset was not sent: %s", exc)
        return Outcome(session=fresh, why="reset-awaited")

    def _in_the_way(self, session: Session) -> str:
        """Who uses the cart holds a reset, but none that takes back: drawers are refused until it is done, and somebody waits for one."""
        now = self._tools.hardware()
        if session.state is State.REVERTING:
            return "drawer-open" if now.open_drawers else ""
        held = gates.unsafe(now)
        return held if held in ("in-use", "drawer-open") else ""

    def _drawers_in_use(self) -> bool:
        try:
            answer: group.DrawersAnswer = self._tools.link.ask(group.Drawers)
        except DeviceError:
            return True
        return bool(answer.open or answer.free)

    def _silence(self, session: Session, seen: Seen | None) -> Outcome:
        """Nothing was heard, or nothing that says which image runs."""
        if self._tools.mono() - self._heard_at >= self._tools.silent_s:
            return Outcome(session=session, event=Event.SILENT, why=_unseen(seen))
        return Outcome(session=session, why=session.why or _unseen(seen))

    def _early(self, session: Session, target: Target) -> Outcome | None:
        """What ends an update that has touched nothing yet."""
        if session.order.expires_at <= self._tools.wall():
            return Outcome(session=session, event=Event.EXPIRED, why=session.why or "expired")
        if target.security_counter < self._tools.sessions.counter():
            return Outcome(session=session, event=Event.REFUSED, why="security-counter-low")
        seen = self.look()
        if seen is not None and seen.confirmed(target.image_hash):
            return Outcome(session=session, event=Event.ALREADY_RUNS, why="already-runs")
        if seen is not None and seen.running == target.image_hash:
            return Outcome(session=session, event=Event.SEEN_TARGET)
        if seen is not None and not seen.running:
            return Outcome(session=session, why="running-unknown")
        return None

    def _unfit(self, content: bytes, target: Target) -> str:
        """The stable code why this is not the image of the job, "" when it is."""
        try:
            image.verify(content, self._tools.trusted)
        except ImageRejectedError as exc:
            _log.error("%s: %s", target.name, exc)
            return "image-signature"
        try:
            return "image-differs" if firmware.differences(target, firmware.target_of(target.name, content)) else ""
        except ImageRejectedError:
            return "image-differs"

    def _board(self) -> str | None:
        try:
            info: group.InfoAnswer = self._tools.link.ask(group.Info)
        except DeviceError:
            return None
        return info.hw

    def _selftest(self) -> str | None:
        """The stable code of what failed, "" when all is well, None when it gave no answer: that proves nothing."""
        try:
            answer: group.SelftestAnswer = self._tools.link.ask(group.Selftest)
        except DeviceError:
            return None
        return "" if answer.ok and not answer.bad else f"selftest-{str(answer.bad[0])[:40] if answer.bad else 'failed'}"

    def _kept(self, target: Target) -> Path:
        return self._tools.folder / f"{target.sha256}.bin"

    def _keep(self, target: Target, content: bytes) -> None:
        """One image at most lies here."""
        self._tools.folder.mkdir(parents=True, exist_ok=True)
        for old in self._tools.folder.glob("*.bin"):
            old.unlink(missing_ok=True)
        fresh = self._tools.folder / "fresh"
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._kept(target))


def _unseen(seen: Seen | None) -> str:
    return "mcu-silent" if seen is None else "running-unknown"


def _later(exc: Exception) -> str:
    """The stable code why nothing can be installed now; nothing of it concerns giving drugs."""
    if isinstance(exc, ReleasesExpiredError | ReleasesUntrustedError | ReleasesUnreachableError):
        return exc.code
    return ReleasesUnreachableError.code
