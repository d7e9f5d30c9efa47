"""What a configuration asks of a camera's driver: size, rate, exposure, focus; and what the driver made of it.

A driver may ignore anything without a word, so that each value is read back. Must never fail a camera for a value that was refused:
a picture with the wrong exposure is better than none, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2

AUTO = "auto"
# V4L2: exposure by hand is 1, by aperture priority 3.
_EXPOSURE_BY_HAND, _EXPOSURE_BY_ITSELF = 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """`width`, `height` in pixels, `rate_hz` pictures a second. `exposure` and `focus` are the driver's own units (V4L2 exposure: 100 µs),
    `AUTO` hands them to the camera; None leaves everything as it is."""

    width: int | None = None
    height: int | None = None
    rate_hz: float | None = None
    exposure: float | str | None = None
    focus: float | str | None = None


def parse(*, width: str = "", height: str = "", rate_hz: str = "", exposure: str = "", focus: str = "") -> Controls:
    """Options as text, "" for not given. Raises: ValueError naming every fault."""
    faults: list[str] = []

    def number(name: str, text: str, least: float, most: float, unit: str) -> float | None:
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            faults.append(f"{name}={text}: write a number from {least:g} to {most:g} ({unit})")
            return None
        return value

    def control(name: str, text: str) -> float | str | None:
        return AUTO if text == AUTO else number(name, text, 0, 100_000, f"the driver's units, or {AUTO}")

    wide, high = number("width", width, 160, 7680, "pixels"), number("height", height, 120, 4320, "pixels")
    if (wide is None) != (high is None) and not faults:
        faults.append("width and height come together")
    made = Controls(
        width=round(wide) if wide is not None else None,
        height=round(high) if high is not None else None,
        rate_hz=number("rate_hz", rate_hz, 1, 240, "pictures a second"),
        exposure=control("exposure", exposure),
        focus=control("focus", focus),
    )
    if faults:
        raise ValueError("; ".join(faults))
    return made


def apply(capture: Any, wanted: Controls) -> tuple[str, ...]:
    """Sets what is wanted on an open `cv2.VideoCapture`; what the driver did not take, in words. Never raises."""
    return tuple(told for name, steps in _steps(wanted) if (told := _set(capture, name, steps)))


def _steps(wanted: Controls) -> Iterator[tuple[str, list[tuple[int, float]]]]:
    """Each control with the properties that make it, in the order in which drivers want them; the last one is read back."""
    if wanted.width is not None and wanted.height is not None:
        yield "width", [(cv2.CAP_PROP_FRAME_WIDTH, wanted.width), (cv2.CAP_PROP_FRAME_HEIGHT, wanted.height)]
    if wanted.rate_hz is not None:
        yield "rate_hz", [(cv2.CAP_PROP_FPS, wanted.rate_hz)]
    if wanted.exposure == AUTO:
        yield "exposure", [(cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_BY_ITSELF)]
    elif isinstance(wanted.exposure, float):
        yield "exposure", [(cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_BY_HAND), (cv2.CAP_PROP_EXPOSURE, wanted.exposure)]
    if wanted.focus == AUTO:
        yield "focus", [(cv2.CAP_PROP_AUTOFOCUS, 1)]
    elif isinstance(wanted.focus, float):
        yield "focus", [(cv2.CAP_PROP_AUTOFOCUS, 0), (cv2.CAP_PROP_FOCUS, wanted.focus)]


def _set(capture: Any, name: str, steps: list[tuple[int, float]]) -> str:
    try:
        taken = [bool(capture.set(code, value)) for code, value in steps]
        is_now = [float(capture.get(code)) for code, _ in steps]
    except cv2.error as error:
        return f"{name}: {error}"
    if name == "width":
        wide, high = (round(value) for _, value in steps)
        got = (round(is_now[0]), round(is_now[1]))
        return "" if got == (wide, high) else f"size {wide}x{high}: the camera gives {got[0]}x{got[1]}"
    if not all(taken):
        return f"{name}={steps[-1][1]:g}: the driver has no such control"
    off = not math.isclose(is_now[-1], steps[-1][1], rel_tol=0.02, abs_tol=0.5)
    return f"{name}={steps[-1][1]:g}: the driver made it {is_now[-1]:g}" if off else ""
