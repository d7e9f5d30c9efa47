"""Asking the server what time it is, and what its answer is worth. It sets the cart's clock, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cart_client.clock import CartClock, Sample
from cart_client.inbox import ClockMeasured
from pointofcare.wire.messages import ClockAsked, ClockTold

CLOCK_EVERY_S = 300.0
# An answer that came too late measures nothing, and every dose needs a reason until the clock is known.
CLOCK_UNKNOWN_EVERY_S = 10.0
CLOCK_WORST_TRIP_S = 5.0
# A server that says another time has a clock that is broken itself.
_NO_TIME_BEFORE, _NO_TIME_AFTER = datetime(2025, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class ClockAsking:
    """`steady_s` goes on in a suspend: an answer that waited in a closed lid is a late one."""

    def __init__(self, clock: CartClock, steady_s: Callable[[], float]) -> None:
        self._clock, self._steady_s = clock, steady_s
        self._questions: dict[datetime, float] = {}
        self._known = False

    @property
    def every_s(self) -> float:
        return CLOCK_EVERY_S if self._known else CLOCK_UNKNOWN_EVERY_S

    def ask(self) -> ClockAsked:
        asked, asked_s = ClockAsked(asked_at=self._clock.wall_at()), self._steady_s()
        self._questions = {at: then for at, then in self._questions.items() if asked_s - then <= CLOCK_WORST_TRIP_S}
        self._questions[asked.asked_at] = asked_s
        return asked

    def told(self, body: ClockTold) -> tuple[ClockMeasured | None, bool]:
        """What was measured, None for nothing; and whether what this cart said of the time before was wrong. Half of the way there and
        back is how wrong the measure may be."""
        asked_s = self._questions.pop(body.asked_at, None)
        if asked_s is None:
            return None, False
        trip_s = self._steady_s() - asked_s
        if not 0 <= trip_s <= CLOCK_WORST_TRIP_S or not _NO_TIME_BEFORE <= body.server_at < _NO_TIME_AFTER:
            return None, False
        sample = Sample(server_at=body.server_at, mono_s=asked_s + trip_s / 2, error_s=trip_s / 2)
        wall_then = self._clock.wall_at() - timedelta(seconds=trip_s / 2)
        set_s = self._clock.measured(sample)
        anew = not self._known or set_s is not None
        self._known = True
        return ClockMeasured(offset_s=(wall_then - body.server_at).total_seconds(), taken=True, set_s=set_s), anew
