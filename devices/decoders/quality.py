"""How good a picture is to read from, and what a person could mend about a place that was not read.

Must stay cheap: it runs on every frame.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from devices.decoders.regions import Region
from devices.ports import Quality

STRIDE_PX = 10
BURNT = 250
STEEPEST_SHARE = 0.995
DARK_LEVEL, GLARE_SHARE, SMALL_PX = 45.0, 0.04, 34.0
SOFT_SLOPE = 0.16  # of a place's own range between dark and light, a pixel


def of(grey: Any) -> Quality:
    """`grey`: height x width, uint8. Every tenth row is looked at."""
    rows = grey[::STRIDE_PX]
    levels = _counted(rows)
    total = int(levels.sum())
    below = np.cumsum(levels)
    slopes = cv2.absdiff(rows[:, 2:], rows[:, :-2]) if rows.shape[1] > 2 else np.zeros((1, 1), np.uint8)
    steep = np.cumsum(_counted(slopes))
    return Quality(
        brightness=float(np.searchsorted(below, total / 2)) / 255,
        glare_share=float(levels[BURNT:].sum()) / total,
        sharpness=float(np.searchsorted(steep, steep[-1] * STEEPEST_SHARE)) / 2 / 255,
    )


def _counted(levels: Any) -> Any:
    """How often each of the 256 levels occurs."""
    return cv2.calcHist([np.ascontiguousarray(levels)], [0], None, [256], [0, 256]).ravel()


def hints(grey: Any, region: Region) -> tuple[str, ...]:
    """Stable codes of what keeps `region` from being read, as far as the picture shows."""
    reach = max(region.width, region.height) / 2
    top, left = max(0, int(region.y - reach)), max(0, int(region.x - reach))
    every = 1 + int(reach / STRIDE_PX / 2)  # of the rows of a large place, so that it costs no more than a small one
    piece = grey[top : int(region.y + reach) + 1 : every, left : int(region.x + reach) + 1]
    if piece.size < 16 or min(piece.shape) < 3:
        return ()
    low, high = (float(level) for level in np.percentile(piece, (4, 96)))
    found = []
    if high < DARK_LEVEL:
        found.append("dark")
    if float((piece >= BURNT).mean()) > GLARE_SHARE and high >= BURNT:
        found.append("glare")
    slopes = cv2.absdiff(piece[:, 2:], piece[:, :-2])
    if float(np.percentile(slopes, 97)) / 2 < SOFT_SLOPE * max(high - low, 12.0):
        found.append("blurred")
    if min(region.width, region.height) < SMALL_PX:
        found.append("small")
    return tuple(found)
