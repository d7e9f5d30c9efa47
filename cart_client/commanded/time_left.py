"""How long a command that came may still begin."""

from __future__ import annotations

import time

from cart_client.clock import CartClock
from devices.broker import Arrival


def left_s(arrival: Arrival, clock: CartClock) -> float | None:
    """Seconds, None without end. From its receipt alone where the clock is not measured; where it is, from its sending too: a connection
    that stalls hands over what it held back with nothing to show for the wait."""
    ttl_s = arrival.message.ttl_s
    if ttl_s is None:
        return None
    left = ttl_s - (time.monotonic() - arrival.received_mono_s)
    reading = clock.read()
    if reading.offset_s is None or reading.error_s is None:
        return left
    return min(left, ttl_s + reading.error_s - (reading.at - arrival.message.sent_at).total_seconds())
