"""What a job's signature covers: the order itself, bound to one facility, one cart, one attempt and a time."""

from __future__ import annotations

from pointofcare.wire import values
from pointofcare.wire.messages import JobOrder

TYPE = "cart-job"
MCU_FIRMWARE = "mcu-firmware"
CART_SOFTWARE = "cart-software"


def claims(order: JobOrder) -> bytes:
    """The bytes that are signed. Raises: MessageError."""
    return values.dump(order)


def read_claims(data: bytes) -> JobOrder:
    """Raises: MessageError for anything that is no order."""
    return values.load(JobOrder, data)
