"""What a cart tells of its camera, as its page may show it. A cart may tell anything: what is not of the agreed kind is not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """`fault` "" for none; shares 0..1; None: not known."""

    live: bool
    fault: str
    since: datetime | None
    rate_hz: float | None
    size: tuple[int, int] | None
    light_percent: float | None
    searched_share: float | None
    read_share: float | None
    losses: int | None
    at: datetime | None


def told(telemetry: Mapping[str, object] | None) -> Lens | None:
    """Of the newest numbers of a cart, by kind; None for a cart without a camera."""
    numbers = (telemetry or {}).get("camera")
    if not isinstance(numbers, Mapping):
        return None
    width, height, losses = (_number(numbers.get(name)) for name in ("width_px", "height_px", "losses"))
    return Lens(
        live=numbers.get("live") is True,
        fault=str(numbers.get("fault") or "")[:40],
        since=_moment(numbers.get("fault_since")),
        rate_hz=_number(numbers.get("picture_rate_hz")),
        size=(round(width), round(height)) if width and height else None,
        light_percent=_number(numbers.get("light_percent")),
        searched_share=_number(numbers.get("searched_share")),
        read_share=_number(numbers.get("read_share")),
        losses=round(losses) if losses is not None else None,
        at=_moment(numbers.get("at")),
    )


def _number(value: object) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if fits and isinstance(value, int | float) else None


def _moment(value: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None
