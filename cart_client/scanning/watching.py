"""The readers' loops: frames of the camera in, each newly held symbol out, once; and the symbols of a hand scanner.

A lost camera is told and tried again with growing pauses. What is read in a picture that hangs, in the first of a connection, or behind a
covered lens, counts for nothing. Symbols are not interpreted here.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cart_client.scanning import faults, guidance
from cart_client.scanning.held import Held, step
from cart_client.scanning.sight import Sight
from cart_client.scanning.told import Seen
from devices.ports import Camera, Decoder, Frame, Measured, Scanner
from pointofcare.errors import DeviceError
from pointofcare.labels.symbol import Symbol

log = logging.getLogger(__name__)

# So many pictures in a row that break the decoder are a fault that is told like a lost camera.
BROKEN_FRAMES = 5
# A camera that was plugged in again is found within two seconds, however long it was away.
_PAUSES_S = (0.25, 0.5, 1.0, 1.5)
# While nobody is signed in, one look in so many seconds is enough for a badge; what moves wakes the reader for a while.
IDLE_EVERY_S = 0.6
AWAKE_S = 4.0


def _decoded(decoder: Decoder, frame: Frame) -> list[Symbol] | None:
    """None for a picture that breaks the decoder: whoever holds it before the camera must not stop the cart."""
    try:
        return decoder.decode(frame)
    except Exception:
        log.exception("picture %d broke the decoder", frame.number)
        return None


class _Reader:
    """What the loop remembers from one picture to the next, over a reconnect too: a pack that lay there all the time is still the same."""

    def __init__(self, decoder: Decoder, sight: Sight, inbox: queue.Queue[object]) -> None:
        self._decoder, self._sight, self._inbox = decoder, sight, inbox
        self._held = Held()
        self._broken = 0

    def connecting(self) -> None:
        self._broken = 0

    def look(self, frame: Frame, measured: Measured) -> None:
        """Search one picture and tell what is new. Raises: DeviceError when the decoder breaks on picture after picture."""
        if measured.motion > guidance.MOVING:
            measured = self._sight.placed(frame, measured)
        if not faults.shows_now(frame, measured) or guidance.is_hopeless(measured):
            self._sight.skipped(measured)
            return
        found = _decoded(self._decoder, frame)
        self._broken = self._broken + 1 if found is None else 0
        if self._broken >= BROKEN_FRAMES:
            raise DeviceError("the pictures cannot be searched for codes", remedy="take away what is before the camera")
        if found is None:
            return
        self._held, fresh = step(self._held, found, frame.taken_at)
        for symbol in fresh:
            beside = tuple(other for other in found if other.content != symbol.content)
            self._inbox.put(Seen(symbol=symbol, at=datetime.now(UTC), frame_at=frame.taken_at, beside=beside))
        self._sight.searched(frame, measured, tuple(found))


def watch(
    camera: Camera,
    decoder: Decoder,
    sight: Sight,
    inbox: queue.Queue[object],
    halt: threading.Event,
    *,
    idle: Callable[[], bool] = lambda: False,
) -> None:
    """Run until `halt` is set (and the camera closed): put a `Seen` for each new symbol; `sight` tells when pictures come or stop, and
    what is wrong with them. While it is `idle`, one picture in `IDLE_EVERY_S` is looked at until something moves."""
    failures, told = 0, ""
    reader = _Reader(decoder, sight, inbox)
    while not halt.is_set():
        why = "camera-ended"
        reader.connecting()
        try:
            for frame in _paced(camera.frames(), sight, halt, idle):
                if halt.is_set():
                    return
                failures = 0
                reader.look(frame, sight.came(frame, camera.describe()))
        except DeviceError as exc:
            why = exc.code
            # A camera that is away for a night must not fill the disk: each fault once, until pictures come.
            if failures == 0 or why != told:
                log.warning("camera: %s", exc)
            told = why
        if halt.is_set():
            return
        sight.lost(why, camera.describe())
        pause_s = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
        failures += 1
        halt.wait(pause_s * random.uniform(0.8, 1.2))


def _paced(frames: Iterator[Frame], sight: Sight, halt: threading.Event, idle: Callable[[], bool]) -> Iterator[Frame]:
    """`frames`, with a pause after each one while nobody is there."""
    for frame in frames:
        yield frame
        if idle() and not sight.is_awake(AWAKE_S) and halt.wait(IDLE_EVERY_S):
            return


def listen(scanner: Scanner, inbox: queue.Queue[object], halt: threading.Event) -> None:
    """Run until `halt` is set (and the scanner closed): put a `Seen` for each symbol. Whoever pulls the trigger twice means it twice."""
    failures = 0
    while not halt.is_set():
        try:
            for symbol in scanner.symbols():
                failures = 0
                inbox.put(Seen(symbol=symbol, at=datetime.now(UTC)))
        except DeviceError as exc:
            if failures == 0:
                log.warning("scanner: %s", exc)
        if halt.is_set():
            return
        pause_s = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
        failures += 1
        halt.wait(pause_s * random.uniform(0.8, 1.2))
