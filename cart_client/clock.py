"""The clock that nobody sets, and that goes on while the machine sleeps: for leases, ages and idle times.

Python's own monotonic clock stands still in a suspend, so that a lease would seem to last for as long as the lid was closed.
"""

from __future__ import annotations

import time


def steady_s() -> float:
    """Seconds since the machine started, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
