"""Where in a picture a code could be: boxes with many edges, cut out and turned upright.

Readers scan near the horizontal and the vertical only, and lose small codes in a large picture; most of what they miss is
found again in a turned, enlarged crop. Must stay cheap: it runs on every frame that a first pass could not read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from devices.decoders.outline import Outline, mapped

SEARCH_WIDTH_PX = 960
MAX_REGIONS = 6
CROP_LIMIT_PX = 1400
MIN_SIDE_PX = 14
EDGE_SHARE = 0.30
EDGE_STRENGTH = 28.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A box in pixels of the frame, and the angle (degrees) by which its strongest edges lean from the vertical."""

    x: int
    y: int
    width: int
    height: int
    angle_deg: float


def find(grey: Any) -> list[Region]:
    """The most likely boxes of `grey` (height x width, uint8), the densest first, `MAX_REGIONS` at most."""
    scale = min(1.0, SEARCH_WIDTH_PX / grey.shape[1])
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=3)
    edges = ((cv2.magnitude(across, down) > EDGE_STRENGTH * 4).astype(np.uint8)) * 255
    dense = (cv2.blur(edges, (21, 21)) > 255 * EDGE_SHARE).astype(np.uint8)
    dense = cv2.morphologyEx(dense, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    count, _labels, stats, _centres = cv2.connectedComponentsWithStats(dense, connectivity=8)
    scored: list[tuple[float, Region]] = []
    for index in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[index])
        if min(width, height) < MIN_SIDE_PX:
            continue
        box = (slice(y, y + height), slice(x, x + width))
        angle = _lean(across[box], down[box])
        strength = float(edges[box].mean()) * math.sqrt(area)
        pad = 12
        left, top = max(0, x - pad), max(0, y - pad)
        right, bottom = min(small.shape[1], x + width + pad), min(small.shape[0], y + height + pad)
        region = Region(
            x=round(left / scale),
            y=round(top / scale),
            width=round((right - left) / scale),
            height=round((bottom - top) / scale),
            angle_deg=angle,
        )
        scored.append((strength, region))
    scored.sort(key=lambda pair: pair[0], reverse=True)
    return [region for _strength, region in scored[:MAX_REGIONS]]


def _lean(across: Any, down: Any) -> float:
    """The main gradient direction by the structure tensor, in degrees within -90..90; 0 for vertical bars."""
    xx, yy, xy = float((across * across).sum()), float((down * down).sum()), float((across * down).sum())
    return math.degrees(0.5 * math.atan2(2 * xy, xx - yy))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """`image` is grey; `to_frame` (2x3) leads from its pixels back to those of the frame."""

    image: Any
    to_frame: Any

    def in_frame(self, outline: Outline) -> Outline:
        return mapped(outline, self.to_frame)


def upright(grey: Any, region: Region, *, enlarge: float = 2.0) -> Crop:
    """The region turned so that its bars stand vertical, enlarged (less when that would be larger than is useful)."""
    angle = math.radians(region.angle_deg)
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    width, height = region.width * cosine + region.height * sine, region.width * sine + region.height * cosine
    scale = max(1.0, min(enlarge, CROP_LIMIT_PX / max(width, height)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    middle = (region.x + region.width / 2, region.y + region.height / 2)
    matrix = cv2.getRotationMatrix2D(middle, region.angle_deg, scale)
    matrix[0, 2] += size[0] / 2 - middle[0]
    matrix[1, 2] += size[1] / 2 - middle[1]
    image = cv2.warpAffine(grey, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return Crop(image=image, to_frame=cv2.invertAffineTransform(matrix))


def variants(crop: Crop) -> Iterator[Crop]:
    """The crop as it is, then sharpened, then with its contrast evened out."""
    yield crop
    blurred = cv2.GaussianBlur(crop.image, (0, 0), 2.0)
    yield Crop(image=cv2.addWeighted(crop.image, 2.0, blurred, -1.0, 0), to_frame=crop.to_frame)
    even = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4))
    yield Crop(image=even.apply(crop.image), to_frame=crop.to_frame)


def around(outline: Outline, shape: tuple[int, ...]) -> Region:
    """The region of a linear symbol that was read, with its quiet zones, leaning as its own top edge does."""
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    (x0, y0), (x1, y1) = outline[0], outline[1]
    length = math.hypot(x1 - x0, y1 - y0)
    pad = max(12, round(length * 0.12))
    left, top = max(0, min(xs) - pad), max(0, min(ys) - pad)
    right, bottom = min(shape[1], max(xs) + pad), min(shape[0], max(ys) + pad)
    return Region(x=left, y=top, width=right - left, height=bottom - top, angle_deg=math.degrees(math.atan2(y1 - y0, x1 - x0)))
