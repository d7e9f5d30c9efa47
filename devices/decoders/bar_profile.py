"""The darkness along a located linear code, averaged along its bars however they lean, as one line of samples.

Bars on a wrist stay straight while their row bends, and tilt makes them fan out: so the average follows each bar's own lean and
counts only where bars are. Must never know what a code says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from devices.decoders import regions
from devices.decoders.outline import Outline

BLOCKS = 8
ENLARGE = 2.0
WIDEST_PX = 760
MOST_ROWS, TALLEST_PX = 48, 220
MARGIN = 0.12
SWING, FAINT = 0.16, 0.06  # of the range between dark and light that a turn must reach to count as a bar's edge; as a faint one


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`light`: samples, from 0 dark to 255; `edges`: the left and the right edge of each dark bar that was counted (bars x 2);
    `faint_bars`: how many there are with those that blur has nearly wiped out."""

    light: Any
    edges: Any
    faint_bars: int = 0

    @property
    def bars(self) -> int:
        return len(self.edges)

    @property
    def begin(self) -> float:
        return float(self.edges[0, 0]) if len(self.edges) else 0.0

    @property
    def end(self) -> float:
        return float(self.edges[-1, 1]) if len(self.edges) else len(self.light) - 1.0

    def turned(self) -> Profile:
        """Read from its last sample to its first."""
        return Profile(light=self.light[::-1].copy(), edges=len(self.light) - 1 - self.edges[::-1, ::-1], faint_bars=self.faint_bars)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The upright crop of a code; `height_px` of it has bars."""

    crop: regions.Crop
    profiles: tuple[Profile, ...]


def strip(grey: Any, region: regions.Region) -> Strip:
    """The profile of all the code's height first, then of its upper and its lower half."""
    scale = min(ENLARGE, WIDEST_PX / max(region.width, 1.0))
    middle = replace(region, height=min(region.height, TALLEST_PX / scale))  # bars are alike from end to end
    crop = regions.upright(grey, middle, enlarge=scale, margin=MARGIN)
    image = crop.image
    if image.shape[0] > MOST_ROWS:
        image = cv2.resize(image, (image.shape[1], MOST_ROWS), interpolation=cv2.INTER_AREA)
    image = _unleaned(_unleaned(image.astype(np.float32)))
    across = np.abs(cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3)) - 0.5 * np.abs(cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3))
    weight = cv2.blur(np.maximum(across, 0), (max(9, int(region.width * scale * 0.1)) | 1, 5))
    weight = np.maximum(weight - 0.5 * weight.max(axis=0, keepdims=True), 0) + 1e-3
    weight *= weight
    parts = [weight]
    return Strip(crop=crop, profiles=tuple(_profile((image * part).sum(axis=0) / (part.sum(axis=0) + 1e-6)) for part in parts))


def _unleaned(image: Any) -> Any:
    """The picture with each column's bars upright: their lean is measured in blocks and taken as a straight line over the width."""
    height, width = image.shape
    smooth = cv2.GaussianBlur(image, (0, 0), 1.0)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3)
    # Only slopes that are more across than down: edges of text and label lie along the code and would exaggerate every lean.
    across[np.abs(down) > np.abs(across)] = 0
    xx = cv2.resize(across * across, (BLOCKS, 1), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    xy = cv2.resize(across * down, (BLOCKS, 1), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    lean = np.clip(xy / (xx + 1e-6), -0.7, 0.7)
    weight = xx + 1e-6
    at = (np.arange(BLOCKS) + 0.5) / BLOCKS * 2 - 1
    basis = np.stack([np.ones(BLOCKS), at], axis=1)
    square = basis.T @ (weight[:, None] * basis) + np.diag([0, 0.03]) * weight.sum()
    offset, slope = np.linalg.solve(square, basis.T @ (weight * lean))
    columns = np.arange(width, dtype=np.float32)
    tangent = offset + slope * (columns / width * 2 - 1)
    rows = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    # A bar leans so that its normal makes the angle `lean` with the row: going down it moves to the left.
    at_x = (columns[None, :] - rows * tangent[None, :]).astype(np.float32)
    at_y = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], at_x.shape)
    return cv2.remap(image, at_x, np.ascontiguousarray(at_y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _profile(light: Any) -> Profile:
    width = len(light)
    reach = max(15, width // 8)
    high = cv2.blur(cv2.dilate(light.reshape(1, -1), np.ones((1, reach))), (reach, 1)).ravel()
    low = cv2.blur(cv2.erode(light.reshape(1, -1), np.ones((1, reach))), (reach, 1)).ravel()
    contrast = float(np.percentile(high - low, 80)) + 1e-3
    smooth = cv2.GaussianBlur(light.reshape(1, -1), (0, 0), 0.8).ravel()
    edges = _edges(smooth, _turns(smooth, SWING * contrast))
    if len(edges) < 4:
        return Profile(light=light, edges=edges)
    middles = edges.mean(axis=1)
    gap = float(np.median(np.diff(middles)))
    runs = np.split(edges, np.nonzero(np.diff(middles) > 4.5 * gap)[0] + 1)
    kept = max(runs, key=len)
    faint = [place for place, is_dark in _turns(smooth, FAINT * contrast) if is_dark and kept[0, 0] <= place <= kept[-1, 1]]
    return Profile(light=light, edges=kept, faint_bars=max(len(kept), len(faint)))


def _edges(light: Any, turns: list[tuple[int, bool]]) -> Any:
    """Where the light crosses the middle on both sides of each dark turning point (bars x 2)."""
    found = []
    for before, (place, is_dark), after in zip(turns, turns[1:], turns[2:], strict=False):
        if is_dark:
            found.append((_crossing(light, before[0], place), _crossing(light, after[0], place)))
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _crossing(light: Any, bright: int, dark: int) -> float:
    level = (float(light[bright]) + float(light[dark])) / 2
    step = 1 if dark > bright else -1
    stretch = light[bright : dark + step : step] if dark + step >= 0 else light[bright::-1]
    place = int((stretch < level).argmax())
    if place == 0:
        return float(bright)
    over, under = float(stretch[place - 1]), float(stretch[place])
    return bright + step * (place - 1 + (over - level) / (over - under + 1e-9))


def _turns(light: Any, swing: float) -> list[tuple[int, bool]]:
    """(place, whether dark) of the turning points that differ by more than `swing`."""
    found: list[tuple[int, bool]] = []
    low = high = float(light[0])
    low_at = high_at = 0
    falling: bool | None = None
    for place, value in enumerate(light.tolist()):
        if value < low:
            low, low_at = value, place
        if value > high:
            high, high_at = value, place
        if falling is not False and value > low + swing:
            found.append((low_at, True))
            falling, high, high_at = False, value, place
        elif falling is not True and value < high - swing:
            found.append((high_at, False))
            falling, low, low_at = True, value, place
    if falling is not None:  # what was still on its way: the light ground after the last bar turns no more
        found.append((low_at, True) if falling else (high_at, False))
    return found


def outline(crop: regions.Crop, begin: float, end: float) -> Outline:
    """The rectangle from column `begin` to `end` of the crop, in the frame."""
    height = crop.image.shape[0]
    top, bottom = height * 0.3, height * 0.7
    corners = ((begin, top), (end, top), (end, bottom), (begin, bottom))
    return crop.in_frame(tuple((round(x), round(y)) for x, y in corners))
