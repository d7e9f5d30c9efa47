"""The four sides of a matrix code, each a line through where its rows turn dark first: a finger or a word beside it hides only some.

A box that encloses everything dark is drawn out by whatever touches the code. Must never decide what a symbol says.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

OUTSIDE_PX, INSIDE_PX = 22, 56  # of a straightened picture, looked at on both sides of where a side should be
CLOSE_PX = 12  # outside of a square that was cut off from what stands beside it
MIDDLE_SHARE = 0.84  # of a side's length: its ends are where something covers a corner
SLOPES = np.linspace(-0.16, 0.16, 9)
NEAR_PX = 2  # of a line that a row's first dark counts for it
LEAST_ROWS, LEAST_NEAR = 12, 8
SMOOTH_PX = 1.2
TURNS = 2
LONGER = 1.12  # than wide or high, beyond which something lies beside the code at one of two ends
LEAST_SIDE_PX, MOST_UNLIKE = 40.0, 1.6
FAINT_SHARE, FURTHER_PX = 0.72, 4.0  # of the way from dark to light; from the sides of what is dark
Box = tuple[float, float, float, float]


def quads(image: Any, spans: tuple[float, float]) -> list[Any]:
    """Corners (4 x 2, clockwise from the top left) of the block in the middle of a straightened `image`, about `spans` (px) wide and high;
    several where one end could belong to something else, or where what is faint begins further out."""
    size = image.shape[0]
    smooth = cv2.GaussianBlur(image, (0, 0), SMOOTH_PX).astype(np.float32)
    padded = np.pad(smooth, OUTSIDE_PX + INSIDE_PX, mode="edge")
    middle, wide, high = size / 2, spans[0] / 2, spans[1] / 2
    known = (middle - wide, middle - high, middle + wide, middle + high)
    found = []
    boxes = [known, *_ends(known), *_grown(known)]
    for box in boxes:
        outside = OUTSIDE_PX if box is known else CLOSE_PX
        corners = _quad(padded, size, box, outside)
        for _ in range(TURNS - 1):
            if corners is not None and _sound(corners, size):
                corners = _quad(padded, size, _middle(corners), outside)
        if corners is not None and _sound(corners, size):
            found.append(corners)
            if box is known:  # a line of words was taken for a side
                boxes += _ends(_middle(corners))
    return found + [further for corners in found if (further := _further(padded, size, corners)) is not None]


def _further(padded: Any, size: int, corners: Any) -> Any | None:
    """The same sides where what is half as dark counts too: the dots of a clock track are the first to fade in a blur."""
    faint = _quad(padded, size, _middle(corners), CLOSE_PX, level_share=FAINT_SHARE)
    return faint if faint is not None and _sound(faint, size) and np.abs(faint - corners).max() > FURTHER_PX else None


def _ends(box: Box) -> list[Box]:
    """The two squares at the ends of a box that is longer than wide."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    if wide > LONGER * high:
        return [(left, top, left + high, bottom), (right - high, top, right, bottom)]
    if high > LONGER * wide:
        return [(left, top, right, top + wide), (left, bottom - wide, right, bottom)]
    return []


def _grown(box: Box) -> list[Box]:
    """The square as large as a box that is longer than wide, where a part of the code was taken for nothing."""
    left, top, right, bottom = box
    x, y, half = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top) / 2
    return [(x - half, y - half, x + half, y + half)] if 2 * half > LONGER * min(right - left, bottom - top) else []


def _middle(corners: Any) -> Box:
    a, b, c, d = corners
    return float(a[0] + d[0]) / 2, float(a[1] + b[1]) / 2, float(b[0] + c[0]) / 2, float(c[1] + d[1]) / 2


def _sound(corners: Any, size: int) -> bool:
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    inside = corners.min() > -OUTSIDE_PX and corners.max() < size + OUTSIDE_PX
    return bool(inside and sides.min() >= LEAST_SIDE_PX and sides.max() <= MOST_UNLIKE * sides.min())


def _quad(padded: Any, size: int, box: Box, outside: int, *, level_share: float = 0.5) -> Any | None:
    pad = OUTSIDE_PX + INSIDE_PX
    left, top, right, bottom = (min(max(round(edge), 0), size) for edge in box)
    reach_x, reach_y = round((right - left) * MIDDLE_SHARE / 2), round((bottom - top) * MIDDLE_SHARE / 2)
    if min(reach_x, reach_y) < LEAST_ROWS:
        return None
    x, y = (left + right) // 2 + pad, (top + bottom) // 2 + pad
    low, high = np.percentile(padded[top + pad : bottom + pad : 2, left + pad : right + pad : 2], (10, 85))
    level = float(low + level_share * (high - low))
    rows, columns = padded[y - reach_y : y + reach_y], padded[:, x - reach_x : x + reach_x].T
    lines = (
        _line(rows[:, left + pad - outside : left + pad + INSIDE_PX], level),
        _line(columns[:, top + pad - outside : top + pad + INSIDE_PX], level),
        _line(rows[:, right + pad - INSIDE_PX : right + pad + outside][:, ::-1], level),
        _line(columns[:, bottom + pad - INSIDE_PX : bottom + pad + outside][:, ::-1], level),
    )
    first, second, third, fourth = lines
    if first is None or second is None or third is None or fourth is None:
        return None
    across, down = x - pad - 0.5, y - pad - 0.5
    west, east = (left - outside + first[0], first[1]), (right + outside - 1 - third[0], -third[1])
    north, south = (top - outside + second[0], second[1]), (bottom + outside - 1 - fourth[0], -fourth[1])

    def crossing(upright: tuple[float, float], lying: tuple[float, float]) -> tuple[float, float]:
        at_y = (lying[0] + lying[1] * (upright[0] - upright[1] * down - across)) / (1 - lying[1] * upright[1])
        return upright[0] + upright[1] * (at_y - down), at_y

    return np.array([crossing(west, north), crossing(east, north), crossing(east, south), crossing(west, south)])


def _line(rows: Any, level: float) -> tuple[float, float] | None:
    """(place at the middle row, lean a row) of the line at which most rows (from outside to inside) are dark for the first time and few
    were before. Rows that are dark from the beginning are covered, and say nothing."""
    count, width = rows.shape
    dark = rows < level
    first = dark.argmax(axis=1)
    at = np.nonzero(first > 1)[0]
    if len(at) < LEAST_ROWS:
        return None
    inner = first[at]
    after, before = rows[at, inner], rows[at, inner - 1]
    place = inner - (level - after) / (before - after + 1e-6)
    off = at - (count - 1) / 2
    leant = place[None, :] - SLOPES[:, None] * off[None, :]
    bins = np.clip(np.rint(leant), 0, width - 1).astype(np.int64) + np.arange(len(SLOPES))[:, None] * width
    counts = np.bincount(bins.ravel(), minlength=len(SLOPES) * width).reshape(len(SLOPES), width)
    sums = np.pad(np.cumsum(counts, axis=1), ((0, 0), (NEAR_PX + 1, NEAR_PX)), mode="edge")
    sums[:, : NEAR_PX + 1] = 0
    earlier = sums[:, :width]
    score = sums[:, 2 * NEAR_PX + 1 :] - 2 * earlier
    slope, best = divmod(int(score.argmax()), width)
    near = np.abs(leant[slope] - best) < NEAR_PX + 0.5
    if int(near.sum()) < LEAST_NEAR:
        return None
    lean, middle = np.polyfit(off[near], place[near], 1)
    return float(middle), float(lean)
