"""Where in a picture a code could be: patches full of edges, told apart into matrix codes and bars, cut out and turned upright.

Readers scan near the horizontal and the vertical only, and lose small codes in a large picture; most of what they miss is
found again in a turned, enlarged crop. Must stay cheap: it runs on every frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from devices.decoders.outline import Outline, mapped

SEARCH_SIDE_PX = 1400
COARSE_SIDE_PX = 700  # enough for what is large or sharp, at two thirds of the cost
CELL_PX = 4
BAND_CELLS = 12  # worked on at a time, so that it stays in the processor's cache
CELL_SMALLER_PX = 3  # of a picture that was made smaller
BARS_LEAST_SHAPE = 0.5  # of a linear code's width to its height; what is taller is the edge of something
MAX_REGIONS = 6
CROP_LIMIT_PX = 1400
LEAST_CELLS = 4
# Root mean square gradient (Sobel, grey levels) below which nothing is a code, and how far above the picture's own noise it must be.
LEAST_EDGE = 28.0
OVER_NOISE = 1.7
BARS_BESIDE_STRONGER = 0.42
MOST_BLOCKS, MOST_BARS = 3, 2
MOST_PATCHES = 9
MOST_CELLS = 1500  # beyond which a larger patch counts no more
# How much a patch's size counts beside its edges: a field of text is larger than any matrix code, bars are larger than a word.
AREA_COUNTS, LONG_COUNTS, FULL_COUNTS = 0.3, 0.8, 0.7
# Of patches that are searched for bars: cells, and coherence, from which on; directions that are told apart; cosine of one way (doubled).
TANGLED_CELLS, TANGLED_COHERENCE, WAYS, SAME_WAY = 150, 0.25, 24, math.cos(math.radians(30))
SHARP_GAIN = 0.8
NEIGHBOURHOOD_CELLS = 31
BARS_COHERENCE = 0.42
MATRIX, LINEAR = "matrix", "linear"
_ENERGY = np.array([[1, 1, 0]], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A leaning rectangle in pixels of the frame. `angle_deg`: by how much its strongest edges lean from the vertical (-90..90);
    `width` is measured across them. `coherence` 1 is bars only, 0 edges of all directions. `strength` counts edges, for sorting."""

    x: float
    y: float
    width: float
    height: float
    angle_deg: float
    kind: str = MATRIX
    coherence: float = 0.0
    strength: float = 0.0

    @property
    def corners(self) -> Outline:
        box = cv2.boxPoints(((self.x, self.y), (self.width, self.height), self.angle_deg))
        return tuple((round(float(x)), round(float(y))) for x, y in box)


def find(grey: Any, *, most: int = MAX_REGIONS, side_px: int = SEARCH_SIDE_PX) -> list[Region]:
    """The most likely patches of `grey` (height x width, uint8), the strongest first, `most` at most. It is searched in a size of at most
    `side_px`."""
    # Whole factors only: they are many times cheaper.
    factor = math.ceil(max(grey.shape) / side_px)
    rows, columns = grey.shape[0] // factor, grey.shape[1] // factor
    cell = CELL_PX if factor == 1 else CELL_SMALLER_PX
    height, width = rows // cell, columns // cell
    if min(height, width) < 5:
        return []
    small = grey[: rows * factor, : columns * factor]
    if factor > 1:
        small = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_AREA)
    tensor = _tensor(np.ascontiguousarray(small[: height * cell, : width * cell]), (width, height))
    cell_px = float(cell * factor)
    fine = cv2.sqrt(cv2.transform(tensor, _ENERGY))
    edge = cv2.blur(fine, (3, 3))
    smooth, sharp = cv2.convertScaleAbs(edge), cv2.convertScaleAbs(fine, alpha=SHARP_GAIN)
    below = np.cumsum(cv2.calcHist([smooth], [0], None, [256], [0, 256]))
    floor = max(LEAST_EDGE, OVER_NOISE * float(np.searchsorted(below, smooth.size / 2)))
    dense = _dense(cv2.medianBlur(smooth, 5), floor, BARS_BESIDE_STRONGER)
    bars = _patches(dense, tensor, edge, cell_px, LINEAR)
    bars = [one for one in _joined(bars) if one.width >= BARS_LEAST_SHAPE * one.height]
    bars.sort(key=lambda one: one.strength * (one.width * one.height) ** (LONG_COUNTS - AREA_COUNTS), reverse=True)
    # What stays after gaps of one cell, or of two, have been opened up is no text: a code has none.
    blocks: list[Region] = []
    maps = ((smooth, 3, 0.8), (sharp, 5, 0.6)) if side_px > COARSE_SIDE_PX else ((smooth, 3, 0.8),)
    for map_, opening, beside in maps:
        calm = cv2.morphologyEx(map_, cv2.MORPH_OPEN, np.ones((opening, opening), np.uint8))
        ranked = _patches(_dense(calm, floor, beside), tensor, calm, cell_px, MATRIX)
        ranked.sort(key=lambda one: one.strength, reverse=True)
        for one in ranked[:MOST_BLOCKS]:
            if not any(math.dist((one.x, one.y), (other.x, other.y)) < 0.5 * max(one.width, other.width) for other in blocks):
                blocks.append(one)
    blocks.sort(key=lambda one: one.strength, reverse=True)
    found = blocks[: most - min(len(bars), MOST_BARS)] + bars[:MOST_BARS]
    found.sort(key=lambda one: one.strength, reverse=True)
    return found[:most]


def _dense(calm: Any, floor: float, beside: float) -> Any:
    """Where it is above `floor` and no weaker than `beside` of the strongest in its neighbourhood: text beside a code is weaker."""
    around = cv2.dilate(calm, np.ones((NEIGHBOURHOOD_CELLS, NEIGHBOURHOOD_CELLS), np.uint8))
    return ((calm > floor) & (calm > beside * around)).astype(np.uint8)


def _patches(dense: Any, tensor: Any, edge: Any, cell: float, kind: str) -> list[Region]:
    _count, labels, stats, _centres = cv2.connectedComponentsWithStats(dense, connectivity=8)
    areas, sides = stats[1:, cv2.CC_STAT_AREA], stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    there = np.flatnonzero(dense)
    edges = np.bincount(labels.ravel()[there], weights=edge.ravel()[there], minlength=len(stats))[1:] / areas
    size = LONG_COUNTS if kind == LINEAR else AREA_COUNTS
    worth = edges * np.minimum(areas, MOST_CELLS) ** (size + FULL_COUNTS) / sides.prod(axis=1) ** FULL_COUNTS
    worth[areas < LEAST_CELLS] = -1.0
    order = [int(index) + 1 for index in np.argsort(-worth)[:MOST_PATCHES] if worth[index] > 0]
    found = []
    for index in order:
        left, top, width, height, area = (int(value) for value in stats[index])
        box = (slice(top, top + height), slice(left, left + width))
        inside = (labels[box] == index).astype(np.uint8)
        region = _region(inside, box, tensor, edge, cell, kind)
        if region is None and kind == LINEAR and area >= TANGLED_CELLS and _coherence(cv2.mean(tensor[box], inside)) >= TANGLED_COHERENCE:
            region = _region(_of_one_direction(inside, tensor[box]), box, tensor, edge, cell, kind)
        if region is not None:
            found.append(region)
    return found


def _coherence(moments: Sequence[float]) -> float:
    xx, yy, xy = moments[:3]
    return math.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-9)


def _of_one_direction(inside: Any, tensor: Any) -> Any:
    """The largest piece of a patch whose edges run as most of it do: bars that a finger's or a label's edge is joined to."""
    xx, yy, xy = cv2.split(tensor)
    doubled = np.arctan2(2 * xy, xx - yy)
    weight = np.hypot(2 * xy, xx - yy) * inside
    bins = np.bincount(((doubled + np.pi) * (WAYS / (2 * np.pi))).astype(np.int64).ravel() % WAYS, weights=weight.ravel(), minlength=WAYS)
    way = (int(bins.argmax()) + 0.5) * 2 * np.pi / WAYS - np.pi
    along = (inside * (np.cos(doubled - way) > SAME_WAY)).astype(np.uint8)
    along = cv2.morphologyEx(along, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _count, pieces, stats, _centres = cv2.connectedComponentsWithStats(along, connectivity=4)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()) if len(stats) > 1 else 0
    return (pieces == largest).astype(np.uint8) if largest else np.zeros_like(inside)


def _joined(found: list[Region]) -> list[Region]:
    """Pieces of bars that stand in one row, as a wide space leaves them in a large code, made one."""
    found = sorted(found, key=lambda one: one.strength, reverse=True)
    place = 0
    while place < len(found):
        one = found[place]
        other = next((other for other in found[place + 1 :] if _in_row(one, other)), None)
        if other is None:
            place += 1
            continue
        found.remove(other)
        found[place] = _both(one, other)
    return found


def _offset(one: Region, other: Region) -> tuple[float, float]:
    """How far `other` lies along and beside the width of `one`."""
    angle = math.radians(one.angle_deg)
    x, y = other.x - one.x, other.y - one.y
    return x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)


def _in_row(one: Region, other: Region) -> bool:
    if one.kind != LINEAR or other.kind != LINEAR or not 0.6 < one.height / other.height < 1.6:
        return False
    if abs((one.angle_deg - other.angle_deg + 90) % 180 - 90) > 8:
        return False
    along, beside = _offset(one, other)
    return abs(beside) < 0.3 * one.height and abs(along) - (one.width + other.width) / 2 < 0.7 * one.height


def _both(one: Region, other: Region) -> Region:
    along, _beside = _offset(one, other)
    low, high = min(-one.width / 2, along - other.width / 2), max(one.width / 2, along + other.width / 2)
    angle, middle = math.radians(one.angle_deg), (low + high) / 2
    return replace(
        one,
        x=one.x + middle * math.cos(angle),
        y=one.y + middle * math.sin(angle),
        width=high - low,
        height=max(one.height, other.height),
        strength=math.hypot(one.strength, other.strength),
    )


def _tensor(small: Any, size: tuple[int, int]) -> Any:
    """The gradient's second moments (xx, yy, xy) in cells, `size` of them: height x width x 3."""
    width, height = size
    cell = small.shape[1] // width
    parts = [np.empty((height, width), np.float32) for _part in range(3)]
    for top in range(0, height, BAND_CELLS):
        cells = min(BAND_CELLS, height - top)
        band = small[max(0, top * cell - 1) : (top + cells) * cell + 1]
        skip = 1 if top else 0
        across = cv2.Sobel(band, cv2.CV_32F, 1, 0, ksize=3)[skip : skip + cells * cell]
        down = cv2.Sobel(band, cv2.CV_32F, 0, 1, ksize=3)[skip : skip + cells * cell]
        for part, product in enumerate(((across, across), (down, down), (across, down))):
            cv2.resize(cv2.multiply(*product), (width, cells), dst=parts[part][top : top + cells], interpolation=cv2.INTER_AREA)
    return cv2.merge(parts)


def _region(inside: Any, box: tuple[slice, slice], tensor: Any, edge: Any, cell: float, kind: str) -> Region | None:
    """What a patch is: `inside` (0 or 1) of the cells in `box`."""
    area, width = cv2.countNonZero(inside), inside.shape[1]
    if area < LEAST_CELLS:
        return None
    xx, yy, xy, _none = moments = cv2.mean(tensor[box], inside)
    coherence = _coherence(moments)
    if (kind == LINEAR) != (coherence >= BARS_COHERENCE):
        return None
    angle = 0.5 * math.atan2(2 * xy, xx - yy)
    # The ends of each row are all that a hull needs.
    rows = np.nonzero(inside.any(axis=1))[0]
    first, last = inside[rows].argmax(axis=1), width - 1 - inside[rows, ::-1].argmax(axis=1)
    ys = (np.concatenate([rows, rows]) + box[0].start + 0.5) * cell
    xs = (np.concatenate([first, last]) + box[1].start + 0.5) * cell
    along, aside = xs * math.cos(angle) + ys * math.sin(angle), -xs * math.sin(angle) + ys * math.cos(angle)
    if coherence < BARS_COHERENCE:
        (x, y), (wide, high), lean = cv2.minAreaRect(np.stack([xs, ys], axis=1).astype(np.float32))
        quarters = round(lean / 90)
        lean -= 90 * quarters
        if quarters % 2:
            wide, high = high, wide
    else:
        (low, up), (near, far) = (along.min(), along.max()), (aside.min(), aside.max())
        wide, high, lean = up - low, far - near, math.degrees(angle)
        middle, across = (low + up) / 2, (near + far) / 2
        x, y = middle * math.cos(angle) - across * math.sin(angle), middle * math.sin(angle) + across * math.cos(angle)
    wide, high = float(wide) + cell, float(high) + cell
    filled = area * cell * cell / (wide * high)
    if filled < 0.25 or (coherence >= BARS_COHERENCE and min(wide, high) < 2.5 * cell):
        return None
    return Region(
        x=float(x),
        y=float(y),
        width=wide,
        height=high,
        angle_deg=float(lean),
        kind=LINEAR if coherence >= BARS_COHERENCE else MATRIX,
        coherence=coherence,
        strength=cv2.mean(edge[box], inside)[0]
        * min(area, MOST_CELLS) ** AREA_COUNTS
        * filled
        * min(1.0, 1.5 * min(wide, high) / max(wide, high)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """`image` is grey; `to_frame` (2x3) leads from its pixels back to those of the frame."""

    image: Any
    to_frame: Any

    def in_frame(self, outline: Outline) -> Outline:
        return mapped(outline, self.to_frame)


def upright(grey: Any, region: Region, *, enlarge: float = 2.0, margin: float = 0.2) -> Crop:
    """The region with a `margin` of its longer side, turned so that its bars stand vertical, enlarged (less when that would be
    larger than is useful)."""
    pad = 2 * max(12.0, margin * max(region.width, region.height))
    width, height = region.width + pad, region.height + pad
    scale = min(enlarge, CROP_LIMIT_PX / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    matrix = cv2.getRotationMatrix2D((region.x, region.y), region.angle_deg, scale)
    matrix[0, 2] += size[0] / 2 - region.x
    matrix[1, 2] += size[1] / 2 - region.y
    flags = cv2.INTER_CUBIC if scale >= 1 else cv2.INTER_AREA
    image = cv2.warpAffine(grey, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return Crop(image=image, to_frame=cv2.invertAffineTransform(matrix))


def variants(crop: Crop) -> Iterator[Crop]:
    """The crop as it is, then sharpened, then with its contrast evened out."""
    yield crop
    blurred = cv2.GaussianBlur(crop.image, (0, 0), 2.0)
    yield Crop(image=cv2.addWeighted(crop.image, 2.0, blurred, -1.0, 0), to_frame=crop.to_frame)
    even = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4))
    yield Crop(image=even.apply(crop.image), to_frame=crop.to_frame)
