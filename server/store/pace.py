"""How long this process took for what must not take long: counts in fixed buckets, in memory, for whoever watches.

Never a name, never more room however many there were, and never an exception: it stands in the way of a dose.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# Upper bounds in seconds. A nurse waits for the verdict of the cart; the server's second look holds up what comes after it.
BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`counts` by bucket, not added up; the last one is of what took longer than every bound."""

    counts: tuple[int, ...]
    sum_s: float


class Pace:
    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum_s = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Counts what the block took, whether it ended well or not."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.took(time.monotonic() - began)

    def took(self, seconds: float) -> None:
        place = next((place for place, bound in enumerate(BOUNDS_S) if seconds <= bound), len(BOUNDS_S))
        with self._lock:
            self._counts[place] += 1
            self._sum_s += seconds

    def told(self) -> Told:
        with self._lock:
            return Told(counts=tuple(self._counts), sum_s=self._sum_s)


# A dose taken in, with the second look at it, the outbox and the audit.
RECORDING = Pace()
# A verdict alone: what every right and rule says of one dose.
VERDICT = Pace()
