"""From a region to a laid grid: along which two directions the edges run, where the symbol ends, how many modules it has.

Several guesses are laid and the likeliest come first. Must never decide what a symbol says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np

from devices.decoders import grid, grid_sides
from devices.decoders import matrix_patterns as patterns
from devices.decoders.regions import Region

SIDE_PX = 280  # of the straightened crop
FILL = 0.6  # of it that the region takes
ANGLES = 90
DIRECTIONS_PX = 140  # of the picture that directions are measured in
ROUGH_PX, WIDER = 84, 8 / 7  # the side of a patch that shows the symbol and a module of the smallest one's quiet zone
MOST_SIZES, MOST_GUESSES, MOST_BOXES, MOST_PLACES = 5, 3, 1, 2
# Codes that were read began at 0.74 (QR 0.58), 0.92 and 0.92; chance comes as far only seldom, and each later step costs more.
LIKE_FROM_AFAR = {patterns.DATAMATRIX: 0.66, patterns.QR: 0.55}
LIKE_ROUGHLY = {patterns.DATAMATRIX: 0.8, patterns.QR: 0.76}
LIKE_ENOUGH = 0.86
LIKE_HIDDEN, MOST_HIDDEN = 0.82, 2  # where a finger covers what is fixed in a code; how many are read, as they lie and laid once more
SOFT_PX = 3.0
SPLIT_PX = 300
GAP_SHARES = (0.03, 0.09, 0.18)  # of a light gap that may be dark: noise, a smear, a letter that leans in


@dataclass(frozen=True, slots=True, kw_only=True)
class Straight:
    """A region with both families of edges along the axes. `to_frame` (2x3) leads back."""

    image: Any
    to_frame: Any
    spans: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    kind: str
    size: int
    laid: grid.Laid
    blur_modules: float


def directions(grey: Any, region: Region) -> tuple[float, float]:
    """The angles (radians) of the two strongest families of edge normals, the second nearer to a right angle from the first than 45."""
    half = 0.5 * max(region.width, region.height) * 1.1 + 4
    left, top = max(0, int(region.x - half)), max(0, int(region.y - half))
    piece = grey[top : int(region.y + half) + 1, left : int(region.x + half) + 1]
    if piece.size == 0:  # a region can be found to lie outside the picture
        return 0.0, math.pi / 2
    less = max(piece.shape) // DIRECTIONS_PX
    if less > 1:
        piece = cv2.resize(piece, None, fx=1 / less, fy=1 / less, interpolation=cv2.INTER_AREA)
    piece = cv2.GaussianBlur(piece.astype(np.float32), (0, 0), 0.8)
    across, down = cv2.Sobel(piece, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(piece, cv2.CV_32F, 0, 1, ksize=3)
    weight = across * across + down * down
    bins = (np.arctan2(down, across) % np.pi * (ANGLES / np.pi)).astype(np.int32) % ANGLES
    histogram = np.bincount(bins.ravel(), weights=weight.ravel(), minlength=ANGLES)
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.5) ** 2)
    smooth = np.convolve(np.concatenate([histogram[-6:], histogram, histogram[:6]]), kernel, mode="valid")
    crossed = smooth + np.roll(smooth, ANGLES // 2)
    first = int(crossed.argmax())
    peaks = []
    for start in (first, first + ANGLES // 2):
        window = [(start + step) % ANGLES for step in range(-12, 13)]
        place = 12 if smooth[window].max() <= 0 else int(smooth[window].argmax())
        place = min(max(place, 1), 23)
        low, mid, high = (float(smooth[window[place + step]]) for step in (-1, 0, 1))
        shift = 0.5 * (low - high) / (low - 2 * mid + high) if low - 2 * mid + high < 0 else 0.0
        peaks.append((start + place - 12 + max(-1.0, min(1.0, shift)) + 0.5) * math.pi / ANGLES)
    return peaks[0], peaks[1]


def straighten(grey: Any, region: Region) -> Straight:
    first, second = directions(grey, region)
    rows = np.array([[math.cos(first), math.sin(first)], [math.cos(second), math.sin(second)]])
    if np.linalg.det(rows) < 0:
        rows[1] = -rows[1]
    spans = np.array([region.width, region.height])
    if abs(math.sin(first - math.radians(region.angle_deg))) > math.sqrt(0.5):
        spans = spans[::-1]
    scale = FILL * SIDE_PX / max(8.0, float(spans.max()))
    rows *= scale
    middle = np.array([SIDE_PX / 2, SIDE_PX / 2])
    matrix = np.concatenate([rows, (middle - rows @ (region.x, region.y))[:, None]], axis=1)
    if scale < 0.7:  # made smaller first, for nothing must be lost between two pixels
        less = max(scale, 0.1)
        source = cv2.resize(grey, None, fx=less, fy=less, interpolation=cv2.INTER_AREA)
        onto = matrix @ np.array([[1 / less, 0, 0.5 / less - 0.5], [0, 1 / less, 0.5 / less - 0.5], [0, 0, 1]])
    else:
        source, onto = grey, matrix
    image = cv2.warpAffine(source, onto, (SIDE_PX, SIDE_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    wide, high = (float(span) * scale for span in spans)
    return Straight(image=image, to_frame=cv2.invertAffineTransform(matrix), spans=(wide, high))


def split(grey: Any, region: Region, *, most: int = 2) -> list[Region]:
    """The squarish blocks of a region that light gaps keep apart, the largest first: a code beside its text.

    Every row and column of a DataMatrix or QR code holds something dark, so a gap never runs through one."""
    first, second = directions(grey, region)
    rows = np.array([[math.cos(first), math.sin(first)], [math.cos(second), math.sin(second)]])
    if np.linalg.det(rows) < 0:
        rows[1] = -rows[1]
    spans = np.abs((np.array(region.corners, dtype=np.float64) - (region.x, region.y)) @ rows.T).max(axis=0) * 2
    scale = min(2.0, SPLIT_PX / (1.6 * max(8.0, float(spans.max()))))
    pad = max(8.0, 0.3 * float(spans.max()) * scale)
    size = (round(spans[0] * scale + 2 * pad), round(spans[1] * scale + 2 * pad))
    rows *= scale
    matrix = np.concatenate([rows, (np.array(size) / 2 - rows @ (region.x, region.y))[:, None]], axis=1)
    image = cv2.warpAffine(grey, matrix, size, flags=cv2.INTER_LINEAR if scale >= 0.7 else cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    dark = _dark(image)
    back = cv2.invertAffineTransform(matrix)
    found: list[tuple[float, Region]] = []
    taken: list[tuple[int, int, int, int]] = []
    for gap_share in GAP_SHARES:
        for box in _blocks(dark, (0, dark.shape[1], 0, dark.shape[0]), gap_share, 0):
            left, right, top, bottom = box
            wide, high = right - left, bottom - top
            share = float(dark[top:bottom, left:right].mean())
            if min(wide, high) < 16 or max(wide, high) > 2.2 * min(wide, high) or not 0.22 < share < 0.8:
                continue
            if any(max(abs(one - other) for one, other in zip(box, old, strict=True)) < 0.12 * max(wide, high) for old in taken):
                continue
            taken.append(box)
            x, y = back @ np.array([(left + right) / 2, (top + bottom) / 2, 1.0])
            block = Region(x=float(x), y=float(y), width=wide / scale, height=high / scale, angle_deg=math.degrees(first), kind=region.kind)
            found.append((wide * high * min(wide, high) / max(wide, high), block))
    found.sort(key=lambda one: one[0], reverse=True)
    return [block for _area, block in found[:most]]


def _dark(image: Any) -> Any:
    smooth: Any = cv2.GaussianBlur(image, (0, 0), 1.4)
    reach = np.ones((max(9, max(image.shape) // 4) | 1,) * 2, np.uint8)
    low: Any = cv2.blur(cv2.erode(smooth, reach).astype(np.float32), reach.shape)
    high: Any = cv2.blur(cv2.dilate(smooth, reach).astype(np.float32), reach.shape)
    contrast = high - low
    dark = (smooth < low + 0.5 * contrast) & (contrast > 0.4 * float(np.percentile(contrast[::4, ::4], 80)))
    return dark.astype(np.float32)


def _blocks(dark: Any, box: tuple[int, int, int, int], gap_share: float, depth: int) -> list[tuple[int, int, int, int]]:
    """(left, right, top, bottom) of the blocks in `box` that no light gap cuts further; so much of a gap may be dark."""
    left, right, top, bottom = box
    columns = _runs(cv2.reduce(dark[top:bottom, left:right], 0, cv2.REDUCE_AVG).ravel() > gap_share, left)
    rows = _runs(cv2.reduce(dark[top:bottom, left:right], 1, cv2.REDUCE_AVG).ravel() > gap_share, top)
    if not columns or not rows:
        return []
    if len(columns) == 1 and len(rows) == 1:
        return [(*columns[0], *rows[0])]
    if depth >= 4:
        return []
    found = []
    for low, high in columns:
        for near, far in rows if len(columns) == 1 else [(top, bottom)]:
            if high - low >= 16 and far - near >= 16:
                found += _blocks(dark, (low, high, near, far), gap_share, depth + 1)
    return found


def _runs(filled: Any, offset: int) -> list[tuple[int, int]]:
    """(begin, end) of the runs that are apart by two or more."""
    padded = np.concatenate([[False], filled, [False]]).astype(np.int8)
    steps = np.diff(padded)
    begins, ends = np.nonzero(steps == 1)[0], np.nonzero(steps == -1)[0]
    runs: list[tuple[int, int]] = []
    for begin, end in zip(begins, ends, strict=True):
        if runs and begin + offset - runs[-1][1] < 2:
            runs[-1] = (runs[-1][0], int(end) + offset)
        else:
            runs.append((int(begin) + offset, int(end) + offset))
    return runs


def boxes(image: Any, spans: tuple[float, float]) -> list[tuple[float, float, float, float]]:
    """(left, top, right, bottom) of the block in the middle, `spans` (px) wide and high as far as is known, as its quiet zone bounds it."""
    smooth = cv2.GaussianBlur(image, (0, 0), 1.2)
    size = image.shape[0]
    wide, high = spans
    known = (size / 2 - wide / 2, size / 2 - high / 2, size / 2 + wide / 2, size / 2 + high / 2)
    left, top, right, bottom = known
    for _ in range(2):
        mid, tall = (top + bottom) / 2, (bottom - top) * 0.36
        left, right = _ends(smooth[int(mid - tall) : int(mid + tall) + 1, :], (left + right) / 2, 4)
        mid, far = (left + right) / 2, (right - left) * 0.36
        top, bottom = _ends(smooth[:, int(mid - far) : int(mid + far) + 1].T, (top + bottom) / 2, 4)
    measured = (left, top, right, bottom)
    if max(abs(one - other) for one, other in zip(measured, known, strict=True)) > 0.2 * max(spans):
        return [known]
    return [measured, known] if max(abs(one - other) for one, other in zip(measured, known, strict=True)) > 4 else [measured]


def _ends(rows: Any, middle: float, least: int) -> tuple[float, float]:
    """Where, from the middle to both sides, the darkest quarter of each column turns light for at least `least` columns."""
    if rows.shape[0] < 4:
        return middle - 20, middle + 20
    darkest, lightest = int(0.25 * len(rows)), int(0.85 * len(rows))
    ordered = np.partition(rows, (darkest, lightest), axis=0)
    dark = ordered[darkest].astype(np.float32)
    low, high = np.percentile(dark, 8), np.percentile(ordered[lightest], 60)
    level = float(low + 0.5 * (high - low))
    light = dark > level
    count, start = len(light), int(min(max(middle, 1), len(dark) - 2))
    ends = []
    for step in (-1, 1):
        place, run = start, 0
        while 0 <= place < count and run < least:
            run = run + 1 if light[place] else 0
            place += step
        edge = place - step * run
        inner = edge - step
        if 0 <= edge < count and 0 <= inner < count and dark[edge] != dark[inner]:
            share = (level - float(dark[inner])) / (float(dark[edge]) - float(dark[inner]))
            ends.append(inner + step * min(max(share, 0.0), 1.0))
        else:
            ends.append(float(edge))
    return ends[0], ends[1]


@cache
def _stencils(kind: str) -> tuple[tuple[int, ...], Any, Any]:
    """The sizes of a kind; each one's fixed pattern and quiet zone in a patch that shows `WIDER` of the symbol, centred and normalised; and
    where it is known. Rows a size."""
    sizes = patterns.DATAMATRIX_SIZES if kind == patterns.DATAMATRIX else patterns.QR_SIZES
    rows, masks = [], []
    for size in sizes:
        at = np.floor(((np.arange(ROUGH_PX) + 0.5) / ROUGH_PX * WIDER - (WIDER - 1) / 2) * size).astype(int)
        framed = np.pad(np.pad(patterns.known(kind, size), 1, constant_values=0), size, constant_values=patterns.UNKNOWN)[
            np.ix_(at + size + 1, at + size + 1)
        ]
        mask = framed != patterns.UNKNOWN
        soft = cv2.GaussianBlur(np.where(mask, framed, 0.5).astype(np.float32), (0, 0), 0.5 * ROUGH_PX / WIDER / size)
        soft = np.where(mask, soft - soft[mask].mean(), 0)
        rows.append((soft / (np.linalg.norm(soft) + 1e-9)).ravel())
        masks.append((mask / mask.sum()).ravel())
    return sizes, np.array(rows, dtype=np.float32), np.array(masks, dtype=np.float32)


def guesses(image: Any, corners: Any, kinds: tuple[str, ...]) -> list[tuple[float, str, int, Any]]:
    """(likeness, kind, size, shape) of every kind, size and turn that could stand between corners (4 x 2), the likeliest first."""
    middle = corners.mean(axis=0)
    frame = (middle + (corners - middle) * WIDER).astype(np.float32)
    end = ROUGH_PX - 0.5
    flat = np.array([[-0.5, -0.5], [end, -0.5], [end, end], [-0.5, end]], dtype=np.float32)
    onto = cv2.getPerspectiveTransform(frame, flat)
    patch = cv2.warpPerspective(image, onto, (ROUGH_PX, ROUGH_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    turned = np.stack([np.rot90(patch, turn).ravel() for turn in range(4)], axis=1).astype(np.float32)
    turned -= turned.mean()
    squares = turned * turned
    found = []
    for kind in kinds:
        sizes, rows, masks = _stencils(kind)
        means = masks @ turned
        counts = (masks > 0).sum(axis=1, keepdims=True)
        power = (masks @ squares - means * means) * counts
        likes = -(rows @ turned) / np.sqrt(np.maximum(power, 1))
        found += [(float(likes[place, turn]), kind, size, turn) for place, size in enumerate(sizes) for turn in range(4)]
    found.sort(key=lambda one: one[0], reverse=True)
    likely = found[:MOST_GUESSES]
    for kind in kinds:  # two dark sides are soon found in anything: a kind that is likely enough by itself is never left out for another
        best = next(one for one in found if one[1] == kind)
        likely += [best] if best not in likely and best[0] >= LIKE_FROM_AFAR[kind] else []
    # np.rot90 turns counter-clockwise: the top left of the turned patch was `turn` corners further on.
    return [(like, kind, size, grid.from_corners(np.roll(corners, -turn, axis=0))) for like, kind, size, turn in likely]


def candidates(straight: Straight, kinds: tuple[str, ...] = (patterns.DATAMATRIX, patterns.QR)) -> Iterator[Candidate]:
    """Laid grids on a straightened crop, in the order of how likely they looked before they were laid; then those of which something may
    be covered, as they lie and laid by what fits; then what lies as its sides were measured."""
    image = straight.image
    pictures: dict[float, grid.Picture] = {}

    def softened(blur_px: float) -> grid.Picture:
        if blur_px not in pictures:
            pictures[blur_px] = grid.picture(cv2.GaussianBlur(image, (0, 0), blur_px) if blur_px else image)
        return pictures[blur_px]

    near: list[tuple[Candidate, Any]] = []
    found = [(guesses(image, corners, kinds), softly) for corners, softly in _places(straight)]
    found.sort(key=lambda one: one[0][0][0], reverse=True)
    for guessed, softly in found[:MOST_PLACES]:
        like, kind, size, shape = guessed[0]
        if like < LIKE_FROM_AFAR[kind]:
            continue
        for blur_px in softly:
            rough = grid.fit(softened(blur_px), patterns.template(kind, size, _soft_modules(blur_px, shape, size)), shape, steps=3)
            shape = rough.shape
        if rough.likeness < LIKE_ROUGHLY[kind]:
            continue
        # Where it lies is known better now, and with it how many modules it has.
        tried: list[tuple[str, int, int]] = []
        better = guesses(image, grid.corners(shape), kinds)
        for like, kind, size, shape in better + guessed:
            one = kind, size, _quarter(shape)
            if like < LIKE_FROM_AFAR[kind] or one in tried or len(tried) == MOST_SIZES:
                continue
            tried.append(one)
            rough = grid.fit(softened(SOFT_PX), patterns.template(kind, size, _soft_modules(SOFT_PX, shape, size)), shape, steps=3)
            laid = grid.fit(softened(0.0), patterns.template(kind, size, 0.5), rough.shape, steps=6)
            candidate = Candidate(kind=kind, size=size, laid=laid, blur_modules=0.5)
            if laid.likeness >= LIKE_HIDDEN:
                near.append((candidate, rough.shape))
            if laid.likeness >= LIKE_ENOUGH:
                yield candidate
    near.sort(key=lambda one: one[0].laid.likeness, reverse=True)
    yield from [one for one, _shape in near if one.laid.likeness < LIKE_ENOUGH][:MOST_HIDDEN]
    for candidate, shape in near[:MOST_HIDDEN]:
        template = patterns.template(candidate.kind, candidate.size, candidate.blur_modules)
        yield replace(candidate, laid=grid.fit(softened(0.0), template, shape, steps=6, partly_hidden=True))
    # Glare draws a softened dotted side outwards: last, the sides as they were measured.
    for guessed, _softly in found[:MOST_PLACES] if near else ():
        like, kind, size, shape = guessed[0]
        if like >= LIKE_FROM_AFAR[kind]:
            laid = grid.fit(softened(0.0), patterns.template(kind, size, 0.5), shape, steps=6)
            if laid.likeness >= LIKE_HIDDEN:
                yield Candidate(kind=kind, size=size, laid=laid, blur_modules=0.5)


def _quarter(shape: Any) -> int:
    """To which side of the picture a symbol's upper side runs."""
    return round(math.atan2(float(shape[1, 1]), float(shape[1, 0])) / (math.pi / 2)) % 4


def _soft_modules(blur_px: float, shape: Any, size: int) -> float:
    """How blurred a pattern of so many modules is that lies so in a picture that was softened."""
    side = float(np.linalg.norm(shape[1]) + np.linalg.norm(shape[2]))
    return round(math.hypot(0.6, blur_px * size / side), 1)


def _places(straight: Straight) -> Iterator[tuple[Any, tuple[float, ...]]]:
    """Corners (4 x 2) that the block in the middle could have, and how softly to begin there: a box follows no tilt."""
    for corners in grid_sides.quads(straight.image, straight.spans):
        yield corners, (SOFT_PX,)
    for left, top, right, bottom in boxes(straight.image, straight.spans)[:MOST_BOXES]:
        if min(right - left, bottom - top) >= 40 and max(right - left, bottom - top) <= 2.2 * min(right - left, bottom - top):
            yield np.array([[left, top], [right, top], [right, bottom], [left, bottom]]), (2 * SOFT_PX, SOFT_PX)
