"""Makes `Frame`s: numbered, stamped, and locked against writing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from devices.cameras.arrivals import Arrival
from devices.ports import Frame


def freeze(image: Any, number: int, arrival: Arrival | None = None) -> Frame:
    """`image` becomes read-only: threads share it, nobody may draw on it. Without an `arrival` (a replay) it came now."""
    image.flags.writeable = False
    if arrival is None:
        return Frame(image=image, number=number, taken_at=datetime.now(UTC))
    return Frame(image=image, number=number, taken_at=arrival.at, unchanged_s=arrival.unchanged_s, rate_hz=arrival.rate_hz)
