"""What a picture is like, in cheap numbers: light, motion, where a code could be, and how sharp, small or dazzled it is there.

For guidance and for faults, never for reading: nothing here says what a code contains, and no picture is kept but a thumbnail of the one
before. A millisecond or two a picture, so that it may run on every one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from devices.ports import Frame, Measured, Place

THUMB_PX = 80
SEARCH_PX = 640
# A difference up to this is what a sensor makes by itself.
NOISE = 4
# An edge of this strength counts; so much of a neighbourhood must be edges, and the box must be this large (pixels of the search picture).
EDGE = 60
DENSE = 0.45
LEAST_SIDE_PX = 18
COARSER = 4
# Brighter than this says nothing any more.
BLIND = 250


class OpenCVGauge:
    """Holds the thumbnail of the picture before; for one camera."""

    def __init__(self) -> None:
        self._before: Any = None

    def light(self, frame: Frame) -> Measured:
        height, width = frame.image.shape[:2]
        # Green is nearly what an eye calls bright, and one channel is a third of the work.
        step = max(1, width // (THUMB_PX * 4))
        coarse = np.ascontiguousarray(frame.image[::step, ::step, 1])
        thumb = cv2.resize(coarse, (THUMB_PX, max(1, THUMB_PX * height // width)), interpolation=cv2.INTER_AREA)
        mean, deviation = cv2.meanStdDev(coarse)
        before, self._before = self._before, thumb
        is_same_size = before is not None and before.shape == thumb.shape
        motion = _motion(thumb, before) if is_same_size else 0.0
        return Measured(width=width, height=height, light=float(mean[0][0]), spread=float(deviation[0][0]), motion=motion)

    def place(self, frame: Frame, measured: Measured) -> Measured:
        grey = cv2.extractChannel(frame.image, 1)
        found = _densest(grey)
        if found is None:
            return measured
        crop = grey[found.y : found.y + found.height, found.x : found.x + found.width]
        return replace(
            measured,
            place=found,
            sharpness=_sharpness(crop),
            module_px=_module_px(crop),
            place_light=float(crop.mean()),
            glare=_glare(grey, found),
        )


def _motion(thumb: Any, before: Any) -> float:
    """The mean difference, noise left out."""
    difference = cv2.absdiff(thumb, before)
    return float((difference - np.minimum(difference, NOISE)).mean())


def _densest(grey: Any) -> Place | None:
    """The place where edges are densest, as far as it is large enough for a code."""
    scale = min(1.0, SEARCH_PX / grey.shape[1])
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    across = cv2.convertScaleAbs(cv2.Sobel(small, cv2.CV_16S, 1, 0, ksize=3))
    down = cv2.convertScaleAbs(cv2.Sobel(small, cv2.CV_16S, 0, 1, ksize=3))
    edges = cv2.max(across, down)
    # Which neighbourhoods are dense is asked of a quarter of the size: that is what keeps this cheap.
    coarse = (max(1, edges.shape[1] // COARSER), max(1, edges.shape[0] // COARSER))
    share = cv2.resize(cv2.threshold(edges, EDGE, 255, cv2.THRESH_BINARY)[1], coarse, interpolation=cv2.INTER_AREA)
    share = cv2.blur(share, (5, 5))
    dense = cv2.threshold(share, 255 * DENSE, 255, cv2.THRESH_BINARY)[1]
    dense = cv2.morphologyEx(dense, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, _labels, stats, _middles = cv2.connectedComponentsWithStats(dense, connectivity=8)
    best, score = None, 0.0
    for index in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[index])
        if min(width, height) * COARSER < LEAST_SIDE_PX or width > coarse[0] * 0.95:
            continue
        # A code fills its box; a line of print is thin, and a bright rim is hollow.
        strength = float(share[y : y + height, x : x + width].mean()) * min(width, height) * area / (width * height)
        if strength > score:
            best, score = (x, y, width, height), strength
    if best is None:
        return None
    x, y, width, height = (round(value * COARSER / scale) for value in best)
    return Place(x=x, y=y, width=min(width, grey.shape[1] - x), height=min(height, grey.shape[0] - y))


def _sharpness(crop: Any) -> float:
    """Second differences against contrast, with what noise alone would make taken off."""
    contrast = float(crop.var())
    if contrast < 25:
        return 0.0
    return float(cv2.Laplacian(crop, cv2.CV_16S).var()) / contrast


def _module_px(crop: Any) -> float | None:
    """The width of the narrowest bars along the middle lines both ways, None when there are too few to say."""
    _, black = cv2.threshold(crop, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    height, width = black.shape
    lines = [black[height * part // 8] for part in (2, 3, 4, 5, 6)] + [black[:, width * part // 8] for part in (2, 3, 4, 5, 6)]
    runs: list[Any] = []
    for line in lines:
        changes = np.flatnonzero(np.diff(line.astype(np.int8)))
        if len(changes) >= 8:
            runs.append(np.diff(changes))
    if not runs:
        return None
    return float(np.percentile(np.concatenate(runs), 25))


def _glare(grey: Any, place: Place) -> float:
    """The share of the place and what is just around it that is one blind spot: saturated, larger than any white module or margin, on paper
    that is else darker. Around it too, because a spot on a code leaves edges at its side alone."""
    beyond_x, beyond_y = place.width // 3, place.height // 3
    top, left = max(0, place.y - beyond_y), max(0, place.x - beyond_x)
    near = grey[top : place.y + place.height + beyond_y, left : place.x + place.width + beyond_x]
    blind = (near >= BLIND).astype(np.uint8)
    if near.size == 0 or not blind.any():
        return 0.0
    reach = max(7, min(place.width, place.height) // 7)
    spot = cv2.morphologyEx(blind, cv2.MORPH_OPEN, np.ones((reach, reach), np.uint8))
    share = float(spot.mean())
    rest = near[cv2.dilate(spot, np.ones((reach, reach), np.uint8)) == 0]
    if share == 0.0 or rest.size == 0 or float(np.percentile(rest, 90)) >= BLIND:
        return 0.0
    return share


def open_gauge() -> OpenCVGauge:
    return OpenCVGauge()
