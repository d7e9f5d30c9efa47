"""What is known of the cart's camera, and what the nurse sees of it: faults, guidance, outlines, numbers for the fleet.

The scanning thread tells it of each picture; a watching thread asks it whether pictures still come; the kiosk's pages and the uplink read.
Pictures stay in memory, one at a time. Must never call a camera live because nobody looked.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cart_client.scanning import faults, guidance
from cart_client.scanning.faults import Fault, Standing
from cart_client.scanning.guidance import Advice
from cart_client.scanning.told import CameraTold
from cart_client.scanning.viewfinder import Viewfinder
from devices.ports import Frame, Gauge, Measured, Place
from pointofcare.labels.symbol import Symbol

LOOK_EVERY_S = 0.25
# What was read keeps its outline over pictures in which it was not found: a hand trembles.
READ_STAYS_S = 0.5
# Numbers are of the last so many seconds.
NUMBERS_OVER_S = 30.0
Outline = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the kiosk draws over the picture, in pixels of the frame (`width` x `height`): `read` are outlines of what was read, `place` is
    where something is that was not. `arrow_deg` is where to move it, clockwise from up; None for nowhere."""

    width: int = 0
    height: int = 0
    read: tuple[Outline, ...] = ()
    place: Place | None = None
    advice: Advice | None = None
    arrow_deg: int | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class _Looked:
    """One picture, for the numbers."""

    mono_s: float
    searched: bool
    was_place: bool
    was_read: bool
    light: float


class Sight:
    """`tell` puts a value on the bedside's inbox. `mono_s` is a clock that nobody sets, `now` aware UTC; `wanted` (width, height) is what
    the configuration asks of the camera."""

    def __init__(
        self,
        gauge: Gauge,
        viewfinder: Viewfinder,
        tell: Callable[[object], None],
        *,
        wanted: tuple[int, int] | None = None,
        mono_s: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._gauge, self.viewfinder, self._tell, self._wanted = gauge, viewfinder, tell, wanted
        self._mono_s, self._now = mono_s, now
        self._lock = threading.Lock()
        self._source = ""
        self._told: CameraTold | None = None
        self._standing = Standing()
        self._seen: Fault | None = None
        self._came_mono_s = mono_s()
        self._moved_mono_s = -math.inf
        self._rate_hz: float | None = None
        self._shown = guidance.Shown()
        self._outlook = Outlook()
        self._read_mono_s = -math.inf
        self._looked: deque[_Looked] = deque()
        self._size = (0, 0)
        self._losses = 0

    # From the scanning thread.

    def came(self, frame: Frame, source: str = "") -> Measured:
        """A picture came: what it is like, and whether anything is wrong with the camera."""
        measured = self._gauge.light(frame)
        with self._lock:
            now_s = self._mono_s()
            self._source, self._came_mono_s = source or self._source, now_s
            self._rate_hz, self._size = frame.rate_hz, (measured.width, measured.height)
            if measured.motion >= guidance.MOTION:
                self._moved_mono_s = now_s
            self._seen = faults.of_picture(frame, measured, self._wanted)
            self._settle(now_s)
            is_still = self._seen is Fault.FROZEN
        if is_still:
            self.viewfinder.clear()  # a picture that hangs must not look alive
        else:
            self.viewfinder.show(frame)
        return measured

    def placed(self, frame: Frame, measured: Measured) -> Measured:
        """`measured` with the place of what could be a code."""
        return measured if measured.place is not None else self._gauge.place(frame, measured)

    def skipped(self, measured: Measured) -> None:
        """The picture was not searched: it shows the past, or nothing."""
        self._looked_at(measured, (), searched=False)

    def searched(self, frame: Frame, measured: Measured, found: tuple[Symbol, ...]) -> None:
        """The picture was searched, and `found` was read in it."""
        if not found and self._is_held_up():
            measured = self.placed(frame, measured)
        self._looked_at(measured, found, searched=True)

    def lost(self, why: str, source: str) -> None:
        """No pictures come any more; `why` is the error's code."""
        self.viewfinder.clear()
        with self._lock:
            self._source = source
            self._absent(why)

    def is_awake(self, for_s: float) -> bool:
        """Whether anything moved before the lens lately."""
        with self._lock:
            return self._mono_s() - self._moved_mono_s < for_s

    # From the watching thread.

    def keep_watch(self, halt: threading.Event) -> None:
        """Look every quarter second until `halt`."""
        while not halt.wait(LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """Says so when no pictures come any more, and tells a fault whose time has come."""
        with self._lock:
            now_s = self._mono_s()
            is_silent = now_s - self._came_mono_s >= faults.SILENT_S
            if is_silent and (self._told is None or self._told.live):
                self._absent("camera-silent")
            elif self._told is not None and self._told.live and not is_silent:
                self._settle(now_s)
        if is_silent:
            self.viewfinder.clear()

    # From the pages and the uplink.

    def outlook(self) -> Outlook:
        with self._lock:
            return self._outlook

    def numbers(self) -> dict[str, object]:
        """For the fleet: flat, with units in the names, and nothing of what a picture showed."""
        with self._lock:
            self._forget(self._mono_s())
            looked = list(self._looked)
            standing, told = self._standing, self._told
            rate_hz, (width, height), losses = self._rate_hz, self._size, self._losses
        searched = [each for each in looked if each.searched]
        with_code = [each for each in searched if each.was_place or each.was_read]
        is_live = told is not None and told.live
        return {
            "live": is_live,
            "fault": standing.fault.value if standing.fault is not None else "",
            "fault_since": standing.since.isoformat() if standing.since is not None else None,
            "picture_rate_hz": round(rate_hz, 1) if rate_hz is not None and is_live else None,
            "searched_share": round(len(searched) / len(looked), 3) if looked else None,
            "read_share": round(sum(each.was_read for each in with_code) / len(with_code), 3) if with_code else None,
            "light_percent": round(sum(each.light for each in looked) / len(looked) / 2.55) if looked else None,
            "width_px": width,
            "height_px": height,
            "losses": losses,
        }

    # With the lock held.

    def _settle(self, now_s: float) -> None:
        self._standing = faults.settle(self._standing, self._seen, now_s, self._now())
        self._say(live=True)

    def _absent(self, why: str) -> None:
        self._standing = faults.settle(self._standing, Fault.NO_PICTURE, self._mono_s(), self._now())
        self._rate_hz = None
        self._shown, self._read_mono_s = guidance.Shown(), -math.inf
        self._say(live=False, why=why)

    def _say(self, *, live: bool, why: str = "") -> None:
        fault = self._standing.fault
        self._outlook = replace(self._outlook, fault=fault) if live else Outlook(fault=fault)
        before = self._told
        if before is not None and (before.live, before.fault) == (live, fault or ""):
            return
        if not live and (before is None or before.live):
            self._losses += 1
        self._told = CameraTold(live=live, why=why, source=self._source, fault=fault or "", since=self._standing.since)
        self._tell(self._told)

    # Each takes the lock.

    def _is_held_up(self) -> bool:
        with self._lock:
            return self._mono_s() - self._moved_mono_s < guidance.HELD_UP_S

    def _looked_at(self, measured: Measured, found: tuple[Symbol, ...], *, searched: bool) -> None:
        is_held_up = self._is_held_up()
        wanted = guidance.advise(measured, found) if is_held_up or found else None
        with self._lock:
            now_s = self._mono_s()
            self._looked.append(
                _Looked(mono_s=now_s, searched=searched, was_place=measured.place is not None, was_read=bool(found), light=measured.light)
            )
            self._forget(now_s)
            self._shown = guidance.settle(self._shown, wanted, now_s, is_read=bool(found))
            read = tuple(symbol.outline for symbol in found if symbol.outline)
            if read:
                self._read_mono_s = now_s
            elif now_s - self._read_mono_s < READ_STAYS_S:
                read = self._outlook.read
            advice = self._shown.advice
            towards = guidance.towards_middle(measured) if advice is Advice.MOVE else None
            self._outlook = Outlook(
                width=measured.width,
                height=measured.height,
                read=read,
                place=measured.place if not read and is_held_up else None,
                advice=advice,
                arrow_deg=round(math.degrees(math.atan2(towards[0], -towards[1]))) % 360 if towards is not None else None,
                fault=self._standing.fault,
            )

    def _forget(self, now_s: float) -> None:
        while self._looked and now_s - self._looked[0].mono_s > NUMBERS_OVER_S:
            self._looked.popleft()
