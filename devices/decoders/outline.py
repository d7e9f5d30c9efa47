"""Outlines: four corners in pixels of the frame, clockwise from the symbol's own top left."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

Point = tuple[int, int]
Outline = tuple[Point, ...]


def around(points: Iterable[tuple[float, float]]) -> Outline:
    """The smallest rectangle, at any angle, around points of a reader that tells no corners. () for no points."""
    cloud = np.array(list(points), dtype=np.float32)
    if len(cloud) == 0:
        return ()
    corners = cv2.boxPoints(cv2.minAreaRect(cloud))
    return tuple((round(float(x)), round(float(y))) for x, y in corners)


def mapped(outline: Outline, matrix: Any) -> Outline:
    """`outline` through a 2x3 affine matrix."""
    return tuple(
        (round(float(matrix[0][0] * x + matrix[0][1] * y + matrix[0][2])), round(float(matrix[1][0] * x + matrix[1][1] * y + matrix[1][2])))
        for x, y in outline
    )


def centre(outline: Outline) -> tuple[float, float]:
    return (sum(x for x, _ in outline) / len(outline), sum(y for _, y in outline) / len(outline))


def spread(outline: Outline) -> float:
    """The longer side of the upright box around it, in pixels."""
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return float(max(max(xs) - min(xs), max(ys) - min(ys)))


def sides(outline: Outline) -> tuple[float, float, float]:
    """Along its upper side, down its left one, in pixels, and by how many degrees the upper side leans (-90..90)."""
    (x0, y0), (x1, y1), _opposite, (x3, y3) = outline
    lean = math.degrees(math.atan2(y1 - y0, x1 - x0))
    return math.dist((x0, y0), (x1, y1)), math.dist((x0, y0), (x3, y3)), (lean + 90) % 180 - 90
