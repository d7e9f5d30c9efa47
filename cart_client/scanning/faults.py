"""What can be wrong with a camera that has a cable, a lens and a program of its own. Pure: numbers and a clock in, a fault out.

Each is noticed within two seconds, and none because of one picture: a hand that passes over the lens is no fault. Must never call a camera
well because nothing came from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from devices.ports import Frame, Measured


class Fault(StrEnum):
    NO_PICTURE = "no-picture"
    FROZEN = "frozen"
    BLACK = "black"
    WRONG_SIZE = "wrong-size"
    SLOW = "slow"


# Worth a line in the cart's history for ever: the others pass when a hand or a busy minute does.
LASTING_FAULTS = frozenset({Fault.FROZEN, Fault.WRONG_SIZE})
# No picture for this long, and the same picture for this long. Local choice: under the two seconds after which a nurse turns away.
SILENT_S = 1.5
FROZEN_S = 1.5
# A lens cover, and no dim room: there the picture still has light and dark places.
BLACK_LIGHT, BLACK_SPREAD = 12.0, 6.0
# Fewer pictures a second than this, and whoever holds a code waits for the camera.
SLOW_HZ = 3.0
# Smaller pictures show no code of a wristband at a hand's distance.
LEAST_SIZE = (640, 360)
# How long a fault must be seen before it is told (seconds), and how long nothing of it before it is over.
_TOLD_AFTER_S = {Fault.NO_PICTURE: 0.0, Fault.FROZEN: 0.0, Fault.BLACK: 1.0, Fault.WRONG_SIZE: 0.3, Fault.SLOW: 0.5}
OVER_AFTER_S = 0.5


def of_picture(frame: Frame, measured: Measured, wanted: tuple[int, int] | None) -> Fault | None:
    """What is wrong as far as this one picture shows; `wanted` (width, height) is what the configuration asks for."""
    size = (measured.width, measured.height)
    if is_black(measured):
        return Fault.BLACK  # before frozen: nothing but black may well be the same each time
    if frame.unchanged_s is not None and frame.unchanged_s >= FROZEN_S:
        return Fault.FROZEN
    if (wanted is not None and size != wanted) or size[0] < LEAST_SIZE[0] or size[1] < LEAST_SIZE[1]:
        return Fault.WRONG_SIZE
    if frame.rate_hz is not None and frame.rate_hz < SLOW_HZ:
        return Fault.SLOW
    return None


def is_black(measured: Measured) -> bool:
    return measured.light < BLACK_LIGHT and measured.spread < BLACK_SPREAD


def shows_now(frame: Frame, measured: Measured) -> bool:
    """Whether this picture shows what is before the lens now: what is read in it counts, and what is not in it is gone."""
    return frame.unchanged_s == 0.0 and not is_black(measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`fault` is what is told, None for nothing, since `since`; `seen` is what the newest pictures showed, since `seen_mono_s`."""

    fault: Fault | None = None
    since: datetime | None = None
    seen: Fault | None = None
    seen_mono_s: float = 0.0
    seen_at: datetime | None = None


def settle(standing: Standing, seen: Fault | None, mono_s: float, at: datetime) -> Standing:
    """What is told after `seen` was seen at `mono_s` (a clock that nobody sets) and `at`; the same again is asked as time passes."""
    if seen is not standing.seen or standing.seen_at is None:
        standing = replace(standing, seen=seen, seen_mono_s=mono_s, seen_at=at)
    if standing.fault is Fault.NO_PICTURE and seen is not standing.fault:
        standing = replace(standing, fault=None, since=None)  # a picture that came ends its absence at once
    if seen is standing.fault:
        return standing
    lasted_s = mono_s - standing.seen_mono_s
    if seen is None:
        return replace(standing, fault=None, since=None) if lasted_s >= OVER_AFTER_S else standing
    if lasted_s < _TOLD_AFTER_S[seen]:
        return standing
    began_at = standing.seen_at or at
    if seen is Fault.FROZEN:
        began_at -= timedelta(seconds=FROZEN_S)
    return replace(standing, fault=seen, since=began_at)
