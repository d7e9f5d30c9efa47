"""What helps whoever holds a code that is not read: one short advice, out of what the picture is like. Pure.

An advice that flickers is no advice: it must hold for a moment before it is shown, and stays long enough to be read. Nothing is advised
where nobody holds anything. Must never say that a code was read or not accepted: that is the bedside's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from devices.ports import Measured
from pointofcare.labels.symbol import Symbol


class Advice(StrEnum):
    SHOW_ONE = "show-one"
    MORE_LIGHT = "more-light"
    TILT = "tilt"
    MOVE = "move"
    CLOSER = "closer"
    HOLD_STILL = "hold-still"
    TURN = "turn"


# Too dark for any reader, and dark enough to ask for light (0..255). Of rendered labels none was read beyond.
HOPELESS_LIGHT, DIM = 14.0, 45.0
GLARE = 0.04
# Narrower bars than this cannot be told apart, and a place smaller than this share of the picture's height is far away.
LEAST_MODULE_PX, LEAST_PLACE = 2.3, 0.09
MOVING, UNSHARP = 7.0, 0.10
# Blurred over and over while it moves: no reader gets anything out of it, and the next picture comes the sooner.
HOPELESS_SHARPNESS = 0.0025
# The place reaches the rim: so many pixels of 1000.
RIM = 6

# How long an advice is wanted before it is shown, how long it stays at least, and how long nothing is wanted before it goes (seconds).
SHOWN_AFTER_S, STAYS_S, GONE_AFTER_S = 0.35, 1.2, 0.6
# Somebody holds something up: there was motion lately. A box that merely lies there is no reason to talk.
HELD_UP_S, MOTION = 6.0, 0.2


def is_hopeless(measured: Measured) -> bool:
    """Whether searching this picture is a waste of the time in which the next one comes."""
    if measured.light < HOPELESS_LIGHT:
        return True
    return measured.place is not None and measured.sharpness < HOPELESS_SHARPNESS and measured.motion > MOVING


def advise(measured: Measured, found: tuple[Symbol, ...]) -> Advice | None:
    """What would help, as far as this one picture shows."""
    if found:
        return Advice.SHOW_ONE if _are_several(found) else None
    if measured.light < HOPELESS_LIGHT:
        return Advice.MORE_LIGHT
    place = measured.place
    if place is None:
        return None
    if measured.glare >= GLARE:
        return Advice.TILT
    if measured.place_light < DIM:
        return Advice.MORE_LIGHT
    if towards_middle(measured) is not None:
        return Advice.MOVE
    if measured.motion > MOVING:
        return Advice.HOLD_STILL
    is_far = min(place.width, place.height) < LEAST_PLACE * measured.height
    if is_far or (measured.module_px is not None and measured.module_px < LEAST_MODULE_PX):
        return Advice.CLOSER
    if measured.sharpness < UNSHARP or measured.module_px is None:
        return Advice.HOLD_STILL
    return Advice.TURN


def _are_several(found: tuple[Symbol, ...]) -> bool:
    """Two different codes of one kind. A pack's EAN beside its own DataMatrix is one thing."""
    kinds: dict[str, bytes] = {}
    return any(kinds.setdefault(symbol.identifier, symbol.content) != symbol.content for symbol in found)


def towards_middle(measured: Measured) -> tuple[int, int] | None:
    """Where a place that the picture's rim cuts must go: (-1, 0 or 1 across, -1, 0 or 1 down); None for one that is whole."""
    place = measured.place
    if place is None:
        return None
    rim_x, rim_y = measured.width * RIM // 1000, measured.height * RIM // 1000
    left, top = place.x <= rim_x, place.y <= rim_y
    right, bottom = place.x + place.width >= measured.width - rim_x, place.y + place.height >= measured.height - rim_y
    across, down = int(left) - int(right), int(top) - int(bottom)
    return (across, down) if across or down else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`advice` is on the screen since `since_s`; `wanted` is what the newest pictures want, since `wanted_since_s`."""

    advice: Advice | None = None
    since_s: float = 0.0
    wanted: Advice | None = None
    wanted_since_s: float = 0.0


def settle(shown: Shown, wanted: Advice | None, mono_s: float, *, is_read: bool = False) -> Shown:
    """What is on the screen after a picture that wants `wanted` at `mono_s`. What was read needs no advice any more, at once."""
    if is_read and wanted is None:
        return Shown(wanted_since_s=mono_s)
    since_s = shown.wanted_since_s if wanted is shown.wanted else mono_s
    kept = Shown(advice=shown.advice, since_s=shown.since_s, wanted=wanted, wanted_since_s=since_s)
    if wanted is shown.advice:
        return kept
    lasted_s = mono_s - since_s
    stayed = shown.advice is None or mono_s - shown.since_s >= STAYS_S
    if wanted is None:
        return Shown(wanted_since_s=since_s) if stayed and lasted_s >= GONE_AFTER_S else kept
    if stayed and lasted_s >= SHOWN_AFTER_S:
        return Shown(advice=wanted, since_s=mono_s, wanted=wanted, wanted_since_s=since_s)
    return kept
