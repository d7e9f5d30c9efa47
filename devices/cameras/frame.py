"""Makes `Frame`s: numbered, stamped, and locked against writing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from devices.ports import Frame


def freeze(image: Any, number: int) -> Frame:
    """`image` becomes read-only: threads share it, nobody may draw on it."""
    image.flags.writeable = False
    return Frame(image=image, number=number, taken_at=datetime.now(UTC))
