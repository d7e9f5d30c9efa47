"""The readers' loops: frames of the camera in, each newly held symbol out, once; and the symbols of a hand scanner.

A symbol that stays in the picture is one scan. It must be out of the picture for a while before the same content counts again, so
that one pack held for long is never two units; a pack with a serial number differs by its content. A lost camera is told and
tried again with growing pauses. Symbols are not interpreted here.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from devices.ports import Camera, Decoder, DistantCamera, Frame, Picture, Scanner, Told
from pointofcare.errors import DeviceError
from pointofcare.labels.symbol import Symbol

log = logging.getLogger(__name__)

# Out of the picture for this long, over at least so many decoded pictures, before the same symbol counts again: a hand that shakes
# loses a symbol for some frames, a second unit takes longer than that to be fetched. Local choice.
GONE_AFTER = timedelta(seconds=1.2)
GONE_FRAMES = 4
# So many pictures in a row that break the decoder are a fault that is told like a lost camera.
BROKEN_FRAMES = 5
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
# A distant camera that tells nothing for this long is away.
SILENT_S = 3.0
# No fault: a phone's page sleeps whenever nobody looks at it.
PHONE_AWAY = "phone-away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A symbol newly held before the camera: `at` when it was decoded, `frame_at` when its picture was taken, `beside` what else
    was in that picture, new or not."""

    symbol: Symbol
    at: datetime
    frame_at: datetime | None = None
    beside: tuple[Symbol, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraTold:
    """Whether pictures come. `why` is the error's code when they do not."""

    live: bool
    why: str = ""
    source: str = ""


_Key = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is in the picture: each symbol's key with when it was last seen and how many pictures came without it since."""

    symbols: Mapping[_Key, tuple[datetime, int]] = field(default_factory=lambda: MappingProxyType({}))


def step(held: Held, found: list[Symbol], at: datetime) -> tuple[Held, tuple[Symbol, ...]]:
    """The next `Held` after a picture taken at `at` that showed `found`, and the symbols that are new in it."""
    seen = {(symbol.identifier, symbol.content): symbol for symbol in found}
    fresh = tuple(symbol for key, symbol in seen.items() if key not in held.symbols)
    kept: dict[_Key, tuple[datetime, int]] = dict.fromkeys(seen, (at, 0))
    for key, (last, missed) in held.symbols.items():
        if key not in seen and not (missed + 1 >= GONE_FRAMES and at - last >= GONE_AFTER):
            kept[key] = (last, missed + 1)
    return Held(symbols=MappingProxyType(kept)), fresh


class Viewfinder:
    """The newest picture for the kiosk, made into a JPEG only when somebody looks."""

    def __init__(self, picture: Picture, *, width: int = 640) -> None:
        self._picture, self._width = picture, width
        self._lock = threading.Lock()
        self._newest: tuple[Frame, tuple[Symbol, ...]] | None = None
        self._made: tuple[int, bytes] | None = None
        self._times: deque[datetime] = deque(maxlen=30)

    def show(self, frame: Frame, symbols: tuple[Symbol, ...]) -> None:
        with self._lock:
            self._newest = (frame, symbols)
            self._times.append(frame.taken_at)

    def clear(self) -> None:
        """No picture is better than an old one."""
        with self._lock:
            self._newest = self._made = None
            self._times.clear()

    def jpeg(self) -> tuple[int, bytes] | None:
        """(number of the frame, JPEG), None while there is no picture."""
        with self._lock:
            newest, made = self._newest, self._made
        if newest is None:
            return None
        frame, symbols = newest
        if made is None or made[0] != frame.number:
            made = (frame.number, self._picture.jpeg(frame, symbols, width=self._width))
            with self._lock:
                self._made = made
        return made

    def fps(self) -> float:
        with self._lock:
            times = list(self._times)
        if len(times) < 2 or (seconds := (times[-1] - times[0]).total_seconds()) <= 0:
            return 0.0
        return (len(times) - 1) / seconds


def _decoded(decoder: Decoder, frame: Frame) -> list[Symbol] | None:
    """None for a picture that breaks the decoder: whoever holds it before the camera must not stop the cart."""
    try:
        return decoder.decode(frame)
    except Exception:
        log.exception("picture %d broke the decoder", frame.number)
        return None


def watch(camera: Camera, decoder: Decoder, viewfinder: Viewfinder, inbox: queue.Queue[object], halt: threading.Event) -> None:
    """Run until `halt` is set (and the camera closed): put a `Seen` for each new symbol, a `CameraTold` when pictures come or stop."""
    failures = 0
    live: bool | None = None
    broken = 0
    # Kept over a reconnect: a pack that lay there all the time is still the same pack.
    held = Held()
    while not halt.is_set():
        why = "camera-ended"
        try:
            for frame in camera.frames():
                if halt.is_set():
                    return
                if live is not True:
                    live, failures = True, 0
                    inbox.put(CameraTold(live=True, source=camera.describe()))
                found = _decoded(decoder, frame)
                broken = broken + 1 if found is None else 0
                if broken >= BROKEN_FRAMES:
                    raise DeviceError("the pictures cannot be searched for codes", remedy="take away what is before the camera")
                if found is None:
                    continue
                viewfinder.show(frame, tuple(found))
                held, fresh = step(held, found, frame.taken_at)
                for symbol in fresh:
                    beside = tuple(other for other in found if other.content != symbol.content)
                    inbox.put(Seen(symbol=symbol, at=datetime.now(UTC), frame_at=frame.taken_at, beside=beside))
        except DeviceError as exc:
            why = exc.code
            log.warning("camera: %s", exc)
        if halt.is_set():
            return
        viewfinder.clear()
        broken = 0
        if live is not False:
            live = False
            inbox.put(CameraTold(live=False, why=why, source=camera.describe()))
        pause_s = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
        failures += 1
        halt.wait(pause_s * random.uniform(0.8, 1.2))


def listen(scanner: Scanner, inbox: queue.Queue[object], halt: threading.Event) -> None:
    """Run until `halt` is set (and the scanner closed): put a `Seen` for each symbol. Whoever pulls the trigger twice means it twice."""
    failures = 0
    while not halt.is_set():
        try:
            for symbol in scanner.symbols():
                failures = 0
                inbox.put(Seen(symbol=symbol, at=datetime.now(UTC)))
        except DeviceError as exc:
            log.warning("scanner: %s", exc)
        if halt.is_set():
            return
        pause_s = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
        failures += 1
        halt.wait(pause_s * random.uniform(0.8, 1.2))


class Onlooker:
    """A distant camera's messages in, each newly held symbol out, once: the same rule as for a camera of the cart's own.

    `tell` is called from whichever thread a message came by. What was held stays held over a silence, however long."""

    def __init__(self, camera: DistantCamera, inbox: queue.Queue[object], *, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._camera, self._inbox, self._mono_s = camera, inbox, mono_s
        self._lock = threading.Lock()
        self._held = Held()
        self._live: bool | None = None
        self._heard_mono_s = mono_s()

    def tell(self, message: Mapping[str, object]) -> tuple[Told, int]:
        """The answer, and how many symbols of it were new. Raises: MessageError."""
        told = self._camera.take(message)
        with self._lock:
            if told.why in ("too-often", "elsewhere"):
                return told, 0
            self._heard_mono_s = self._mono_s()
            if told.sighting is None:
                return told, 0
            if self._live is not True:
                self._live = True
                self._inbox.put(CameraTold(live=True, source=self._camera.describe()))
            found, at = told.sighting.symbols, told.sighting.at
            self._held, fresh = step(self._held, list(found), at)
            for symbol in fresh:
                beside = tuple(other for other in found if other.content != symbol.content)
                self._inbox.put(Seen(symbol=symbol, at=at, frame_at=at, beside=beside))
            return told, len(fresh)

    def silent_s(self) -> float:
        """Since the last message that was heard."""
        with self._lock:
            return self._mono_s() - self._heard_mono_s

    def look(self) -> None:
        """Says so when nothing is told any more; to be called every second."""
        with self._lock:
            if self._live is not False and self._mono_s() - self._heard_mono_s >= SILENT_S:
                self._live = False
                self._inbox.put(CameraTold(live=False, why=PHONE_AWAY, source=self._camera.describe()))
