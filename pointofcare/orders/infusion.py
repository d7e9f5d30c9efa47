"""The arithmetic of a drip and a bag: drops a minute, volume that has run in, when the bag is empty, how long it may hang.

Exact fractions until the last step, so that an hour of many changes of rate adds up to what was written. Must never guess a
concentration: only volume per time becomes drops, a rate in mg/h or ug/kg/min is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity

_PER_HOUR = (("L", 1), ("s", -1))
_VOLUME = (("L", 1),)
_ML = Fraction(1, 1000)
_MICROSECOND = timedelta(microseconds=1)
# Sets are made with 10, 15, 20 (macrodrip) and 60 (microdrip) drops per mL; blood sets and old stock lie between.
LEAST_DROP_FACTOR, MOST_DROP_FACTOR = 5, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """From `at` on it ran at `rate` (volume per time), until the next segment begins; None: paused, or stopped."""

    at: datetime
    rate: Quantity | None


def drops_per_minute(rate: Quantity, drop_factor: int) -> Fraction:
    """`rate` (volume per time) through a set with `drop_factor` drops per mL, exactly. Raises: QuantityError."""
    return _ml_per_second(rate) * 60 * _factor(drop_factor)


def whole_drops_per_minute(rate: Quantity, drop_factor: int) -> int:
    """As a nurse counts it: the nearest whole drop, a half goes up. Raises: QuantityError; also when less than one drop a minute
    would be left, which no drip chamber holds: such a rate needs a pump."""
    drops = drops_per_minute(rate, drop_factor)
    whole = (2 * drops + 1) // 2
    if whole < 1 and rate.value > 0:
        raise QuantityError(
            f"{rate} is less than a drop a minute", remedy="use a pump, or a set with more drops per mL", rate=rate, drop_factor=drop_factor
        )
    return whole


def rate_of_drops(drops_a_minute: int, drop_factor: int) -> Quantity:
    """mL/h, to 28 digits where it has no end. Raises: QuantityError."""
    if drops_a_minute < 0:
        raise QuantityError("drops a minute cannot be below zero", remedy="count the drops again", drops=drops_a_minute)
    return Quantity(value=Decimal(drops_a_minute) * 60 / Decimal(_factor(drop_factor)), unit="mL/h")


def volume_given(segments: Sequence[Segment], until: datetime) -> Fraction:
    """mL that ran in until `until`, exactly; what lies after it does not count. `segments` in any order; of two that begin at one
    instant the later in the sequence holds. Raises: QuantityError."""
    return sum((_ml_per_second(rate) * _seconds(end - begin) for begin, end, rate in _spans(segments, until)), Fraction(0))


def volume_left(volume: Quantity, segments: Sequence[Segment], at: datetime) -> Fraction:
    """mL of `volume` that are still in the bag at `at`; never below zero. Raises: QuantityError."""
    return max(_ml(volume) - volume_given(segments, at), Fraction(0))


def empty_at(volume: Quantity, segments: Sequence[Segment]) -> datetime | None:
    """When `volume` has run in if the last rate goes on, to the microsecond not before it; None while it is paused with something
    left, or was never started. Raises: QuantityError."""
    left = _ml(volume)
    ordered = _ordered(segments)
    for place, segment in enumerate(ordered):
        if left <= 0:
            return segment.at
        speed = _ml_per_second(segment.rate) if segment.rate is not None else Fraction(0)
        following = ordered[place + 1].at if place + 1 < len(ordered) else None
        if speed > 0 and (following is None or left <= speed * _seconds(following - segment.at)):
            return _after(segment.at, left / speed)
        if following is not None:
            left -= speed * _seconds(following - segment.at)
    return None


def hangs_until(started_at: datetime, hang_time: timedelta | None) -> datetime | None:
    """The moment from which the bag may hang no longer (that moment excluded); None where nothing limits it. Raises:
    QuantityError for a hang time that is not above zero."""
    if hang_time is None:
        return None
    if hang_time <= timedelta(0):
        raise QuantityError("a hang time must be above zero", remedy="correct the product", hang_time=hang_time)
    return started_at.astimezone(UTC) + hang_time


def _factor(drop_factor: int) -> int:
    if not LEAST_DROP_FACTOR <= drop_factor <= MOST_DROP_FACTOR:
        raise QuantityError(
            f"{drop_factor} drops per mL is no infusion set",
            remedy=f"read the number on the set's pack, {LEAST_DROP_FACTOR} to {MOST_DROP_FACTOR}",
            drop_factor=drop_factor,
        )
    return drop_factor


def _ml_per_second(rate: Quantity) -> Fraction:
    if rate.dimension != _PER_HOUR:
        raise QuantityError(f"{rate} is not a volume per time", remedy="give the rate as mL/h", rate=rate)
    if rate.value < 0:
        raise QuantityError(f"{rate} is below zero", remedy="give a rate of zero or more", rate=rate)
    return rate.exact() / _ML


def _ml(volume: Quantity) -> Fraction:
    if volume.dimension != _VOLUME:
        raise QuantityError(f"{volume} is not a volume", remedy="give the volume as mL", volume=volume)
    return volume.exact() / _ML


def _ordered(segments: Sequence[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda segment: segment.at)


def _spans(segments: Sequence[Segment], until: datetime) -> list[tuple[datetime, datetime, Quantity]]:
    ordered = _ordered(segments)
    ends = [*(segment.at for segment in ordered[1:]), until]
    return [
        (segment.at, min(end, until), segment.rate)
        for segment, end in zip(ordered, ends, strict=False)
        if segment.rate is not None and segment.at < min(end, until)
    ]


def _seconds(span: timedelta) -> Fraction:
    return Fraction(span // _MICROSECOND, 1_000_000)


def _after(at: datetime, seconds: Fraction) -> datetime | None:
    """Rounded up to a microsecond, so that it is never said to be empty too early; None beyond the calendar."""
    try:
        return at + timedelta(microseconds=-(-seconds * 1_000_000 // 1))
    except OverflowError:
        return None
