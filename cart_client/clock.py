"""What time it is, as far as this machine can know it: measured against the server, carried on by a clock that nobody sets.

Between two measures only the steady clock counts, so that no jump of the wall clock moves a dose. Without any measure since the
machine started it is the wall clock, but never earlier than what this cart recorded before. What is not known is said to be not
known; nothing here may turn a guess into a measured time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

# A quartz runs 20 to 50 ppm off; in the cold of a corridor more. Twelve hours make four seconds of it.
DRIFT = 1e-4
# A measure that may be off by more than this by now measures nothing any more: a week without a server.
UNSURE_S = 60.0
# A clock found to be ahead by up to this stands still until it is right again; by more it is set back, which is told.
HELD_S = 60.0
# A measured time is kept every minute: a record that says much later than that was made before its clock was set back.
_BELIEVED = timedelta(minutes=10)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def steady_s() -> float:
    """Seconds since the machine started, sleep included: Python's own monotonic clock stands still in a suspend."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall() -> datetime:
    """The machine's wall clock, which anybody may have set."""
    return datetime.now(UTC)


def boot_id() -> str:
    """Which start of the machine this is, "" when it does not say: the steady clock counts within one start only."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The server's clock showed `server_at` at `mono_s` of the steady clock, give or take `error_s` (half the way there and back)."""

    server_at: datetime
    mono_s: float
    error_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a cart knows of the time, for its next start. It was `at` at `mono_s` of the start `boot_id`; `error_s` and when it was
    measured (`measured_mono_s`) are None when it never was."""

    boot_id: str
    mono_s: float
    at: datetime
    error_s: float | None = None
    measured_mono_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`at` is the best that is known. `offset_s` is how far the wall clock is ahead of it, None when `at` is not measured; then
    `behind_s` says by how much the wall clock is behind what this cart has recorded, 0 when it may be right."""

    at: datetime
    wall_at: datetime
    offset_s: float | None = None
    age_s: float | None = None
    error_s: float | None = None
    behind_s: float = 0.0


def may_erase(reading: Reading, on_s: float, after: timedelta) -> bool:
    """Whether what expired by this time may be destroyed, by a program that has run for `on_s`. A wall clock that nobody checked since
    the machine started may be years ahead, and what is erased does not come back with the right time: then only after `after`."""
    return reading.offset_s is not None or on_s >= after.total_seconds()


class CartClock:
    """Safe to call from several threads. `last_at` is the time of the newest record of this cart."""

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = wall,
        mono_s: Callable[[], float] = steady_s,
        boot_id: str = "",
        kept: Kept | None = None,
        last_at: datetime | None = None,
    ) -> None:
        self._wall, self._mono_s, self._boot_id = wall, mono_s, boot_id
        self._lock = threading.Lock()
        self._best: Sample | None = None
        self._measured_mono_s: float | None = None
        self._last: datetime | None = None
        now_mono_s = mono_s()
        if kept is not None and kept.error_s is not None and last_at is not None and last_at - kept.at > _BELIEVED:
            last_at = None  # recorded by a clock that was ahead, as a measure said since
        known = [at for at in (last_at, kept.at if kept is not None else None) if at is not None]
        self._floor: tuple[datetime, float] | None = (max(known), now_mono_s) if known else None
        if kept is not None and boot_id and kept.boot_id == boot_id and kept.mono_s <= now_mono_s:
            since = kept.at + timedelta(seconds=now_mono_s - kept.mono_s)
            self._floor = (max(since, last_at or since), now_mono_s)
            if kept.error_s is not None and kept.measured_mono_s is not None:
                self._best = Sample(server_at=kept.at, mono_s=kept.mono_s, error_s=kept.error_s)
                self._measured_mono_s = kept.measured_mono_s

    def now(self) -> datetime:
        """The best that is known, aware UTC; never earlier than what was said before, save after a measure that says how wrong it was."""
        return self.read().at

    def read(self) -> Reading:
        with self._lock:
            return self._read(self._mono_s(), self._wall())

    def measured(self, sample: Sample) -> float | None:
        """Take a measure, unless what is known is better. By how many seconds the clock was set, where that is more than it may stand
        still for; else None."""
        with self._lock:
            mono_s = self._mono_s()
            before = self._read(mono_s, self._wall()).at
            if not self._is_better(sample):
                return None
            self._best, self._measured_mono_s, self._floor = sample, sample.mono_s, None
            found = self._carried(sample, mono_s)
            if abs(by_s := (found - before).total_seconds()) <= HELD_S:
                return None
            self._last = found
            return by_s

    def kept(self) -> Kept:
        """What to keep for the next start."""
        with self._lock:
            mono_s = self._mono_s()
            at = self._read(mono_s, self._wall()).at
            error_s = self._error_s(mono_s)
            return Kept(boot_id=self._boot_id, mono_s=mono_s, at=at, error_s=error_s, measured_mono_s=self._measured_mono_s)

    def wall_at(self) -> datetime:
        """What the machine's own wall clock shows."""
        return self._wall()

    def _is_better(self, sample: Sample) -> bool:
        """Narrower than what is left of the last one after its drift, or apart from it: then the server's clock was set, and it counts."""
        known_s = self._error_s(sample.mono_s)
        if self._best is None or known_s is None or sample.error_s <= known_s:
            return True
        apart_s = abs((self._carried(self._best, sample.mono_s) - sample.server_at).total_seconds())
        return apart_s > known_s + sample.error_s

    def _error_s(self, mono_s: float) -> float | None:
        return self._best.error_s + DRIFT * abs(mono_s - self._best.mono_s) if self._best is not None else None

    @staticmethod
    def _carried(sample: Sample, mono_s: float) -> datetime:
        return sample.server_at + timedelta(seconds=mono_s - sample.mono_s)

    def _read(self, mono_s: float, wall_at: datetime) -> Reading:
        error_s = self._error_s(mono_s)
        if self._best is None or error_s is None:
            at, behind_s = self._unmeasured(mono_s, wall_at)
            self._last = at
            return Reading(at=at, wall_at=wall_at, behind_s=behind_s)
        at = self._carried(self._best, mono_s)
        if self._last is not None and timedelta(0) < self._last - at <= timedelta(seconds=HELD_S):
            at = self._last
        self._last = at
        if error_s > UNSURE_S or self._measured_mono_s is None:
            return Reading(at=at, wall_at=wall_at)
        return Reading(
            at=at,
            wall_at=wall_at,
            offset_s=(wall_at - at).total_seconds(),
            age_s=max(0.0, mono_s - self._measured_mono_s),
            error_s=error_s,
        )

    def _unmeasured(self, mono_s: float, wall_at: datetime) -> tuple[datetime, float]:
        """The wall clock, or what was recorded last and the time since the start, whichever is later."""
        if self._floor is None:
            self._floor = (wall_at, mono_s)
            return wall_at, 0.0
        floor = self._floor[0] + timedelta(seconds=mono_s - self._floor[1])
        at = max(floor, wall_at)
        self._floor = (at, mono_s)
        behind_s = (at - wall_at).total_seconds()
        return at, behind_s if behind_s > HELD_S else 0.0
