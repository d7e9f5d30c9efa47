"""Which moments a message may name. Beyond them no sum of times ends well, and no computer of ours ever stood there.

A computer that does not know the time yet begins at 1970, and its events are to be heard all the same.
"""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST = datetime(1969, 1, 1, tzinfo=UTC)
LATEST = datetime(2101, 1, 1, tzinfo=UTC)


def is_possible(at: datetime) -> bool:
    return EARLIEST <= at < LATEST
