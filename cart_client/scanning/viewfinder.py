"""The newest picture for the kiosk, made into a JPEG only when somebody looks, and no more often than an eye needs.

It costs the reader nothing: the scanning thread leaves a reference, whoever looks pays for the JPEG. Must never write a picture anywhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from devices.ports import Frame, Picture

# A picture for people: so many a second at most, however many look.
LOOKS_HZ = 6.0


class Viewfinder:
    """`width` in pixels; `mono_s` counts seconds."""

    def __init__(self, picture: Picture, *, width: int = 640, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._picture, self._width, self._mono_s = picture, width, mono_s
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._newest: Frame | None = None
        self._made: tuple[int, bytes] | None = None
        self._made_mono_s = 0.0

    def show(self, frame: Frame) -> None:
        with self._lock:
            self._newest = frame

    def clear(self) -> None:
        """No picture is better than an old one."""
        with self._lock:
            self._newest = self._made = None

    def number(self) -> int | None:
        """Of the newest frame, None while there is no picture."""
        with self._lock:
            return self._newest.number if self._newest is not None else None

    def jpeg(self) -> tuple[int, bytes] | None:
        """(number of the frame, JPEG), None while there is no picture. From any thread; several who look share one."""
        with self._making:
            with self._lock:
                newest, made = self._newest, self._made
            if newest is None:
                return None
            if made is not None and (made[0] == newest.number or self._mono_s() - self._made_mono_s < 1 / LOOKS_HZ):
                return made
            made = (newest.number, self._picture.jpeg(newest, width=self._width))
            with self._lock:
                if self._newest is None:  # the camera was lost meanwhile
                    return None
                self._made, self._made_mono_s = made, self._mono_s()
            return made
