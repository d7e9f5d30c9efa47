"""How a source's pictures come: how fast, and whether they still change.

A camera that hangs often goes on sending its last picture. Counted where pictures arrive, not where they are taken: a slow reader sees
few of them, and must neither take a lively camera for a frozen one nor the other way round. Must never keep a picture.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# What is older than this when it is taken shows the past.
STALE_S = 1.0
RATE_OVER_S = 1.0
# Every so manieth pixel across and down is enough to tell two pictures apart: no sensor gives the same noise twice.
_STRIDE = 8
_TICK_S = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When a picture came, by the clock (aware UTC) and by one that nobody sets, and what `Frame` says of its source."""

    at: datetime
    mono_s: float
    unchanged_s: float | None
    rate_hz: float | None


class Arrivals:
    """For one source; used by the thread that receives. `mono_s` counts seconds."""

    def __init__(self, *, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._mono_s = mono_s
        self._print: bytes | None = None
        self._same_since = 0.0
        self._is_first = True
        self._times: deque[float] = deque(maxlen=256)

    def connected(self) -> None:
        """A new connection: its first picture may be an old one, and nothing is known of its rate. That the source still sends what it
        sent before the connection broke is no news either."""
        self._is_first = True
        self._times.clear()

    def passed(self) -> float:
        """A picture arrived that nobody wants: it counts for the rate alone. When that was."""
        now = self._mono_s()
        self._times.append(now)
        while len(self._times) > 2 and now - self._times[0] > RATE_OVER_S:  # two at least: a very slow one has a rate too
            self._times.popleft()
        return now

    def came(self, fingerprint: bytes) -> Arrival:
        """A picture with this fingerprint arrived."""
        now = self.passed()
        is_repeat = fingerprint == self._print
        if not is_repeat:
            self._same_since = now
        # The same picture within one tick of the clock is the same all the same.
        unchanged_s: float | None = max(now - self._same_since, _TICK_S) if is_repeat else 0.0
        if self._is_first:
            unchanged_s = None
        self._print, self._is_first = fingerprint, False
        span_s = now - self._times[0]
        rate_hz = (len(self._times) - 1) / span_s if span_s >= RATE_OVER_S / 2 else None
        return Arrival(at=datetime.now(UTC), mono_s=now, unchanged_s=unchanged_s, rate_hz=rate_hz)


def of_image(image: Any) -> bytes:
    """The fingerprint of a height x width x 3 array."""
    return hashlib.blake2b(image[::_STRIDE, ::_STRIDE].tobytes(), digest_size=16).digest()


def of_jpeg(data: bytes) -> bytes:
    """The fingerprint of a JPEG's picture alone: cameras that hang go on to write the time into its headers."""
    begins = data.find(b"\xff\xda")
    return hashlib.blake2b(data[max(0, begins) :], digest_size=16).digest()
