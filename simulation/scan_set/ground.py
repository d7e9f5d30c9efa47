"""What lies behind a label: a table, a sheet, a hand, printed paper, other packages. And what lies before it: a finger.

Colour pictures, uint8 BGR, in linear reflectance like the labels.
"""

from __future__ import annotations

import math
import random
from typing import Any

import cv2
import numpy as np

from simulation import corpus

_SKINS = ((60, 86, 132), (84, 116, 160), (40, 58, 92), (104, 138, 178))
_LATIN = ("Paracetamol", "500 mg", "LOT", "EXP 05/2029", "Rx", "Khoa Noi", "Benh nhan", "Bs. Tran", "10 ml", "NaCl 0.9%", "893456", "Uong")


def drawn(rng: random.Random, size: tuple[int, int]) -> Any:
    """A ground of one of the kinds, then blurred a little, as it lies before or behind what is in focus."""
    picture = rng.choice((_table, _sheet, _paper, _table))(rng, size)
    for _ in range(rng.randrange(1, 4)):
        _package(rng, picture)
    if rng.random() < 0.4:
        _hand(rng, picture)
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 2.2))


def soft_noise(rng: random.Random, size: tuple[int, int], cell_px: float, spread: float) -> Any:
    """float32 height x width with smooth hills of about `cell_px`, standard deviation `spread`."""
    grid = np.random.default_rng(rng.getrandbits(32)).standard_normal(
        (max(2, round(size[1] / cell_px)), max(2, round(size[0] / cell_px))), np.float32
    )
    return cv2.resize(grid * np.float32(spread), size, interpolation=cv2.INTER_CUBIC)


def _toned(tone: Any, colour: tuple[float, float, float]) -> Any:
    return cv2.merge([np.clip(tone * part, 0, 255).astype(np.uint8) for part in colour])


def _table(rng: random.Random, size: tuple[int, int]) -> Any:
    tone = soft_noise(rng, size, 160, 10) + rng.uniform(40, 150)
    if rng.random() < 0.5:  # wood
        tone += soft_noise(rng, (2, size[1]), 6, 7)[:, :1]
    return _toned(tone, (rng.uniform(0.6, 1.1), rng.uniform(0.8, 1.05), rng.uniform(0.9, 1.15)))


def _sheet(rng: random.Random, size: tuple[int, int]) -> Any:
    tone = soft_noise(rng, size, 220, 22) + soft_noise(rng, size, 60, 6) + rng.uniform(90, 170)
    weave = np.arange(max(size)) % rng.choice((3, 4, 5)) == 0
    tone[weave[: size[1]]] -= 6
    tone[:, weave[: size[0]]] -= 6
    return _toned(tone, (rng.uniform(0.95, 1.1), rng.uniform(0.95, 1.1), rng.uniform(0.85, 1.0)))


def _paper(rng: random.Random, size: tuple[int, int]) -> Any:
    picture = _toned(soft_noise(rng, size, 300, 8) + rng.uniform(130, 190), (1.0, 1.0, 1.0))
    high = rng.uniform(0.5, 1.1)
    step = round(32 * high)
    for row in range(step, size[1], step):
        if rng.random() < 0.8:
            line = "  ".join(rng.choice(_LATIN) for _ in range(rng.randrange(3, 9)))
            cv2.putText(
                picture, line, (rng.randrange(10, 120), row), cv2.FONT_HERSHEY_SIMPLEX, high, (30, 30, 34), 1 + int(high > 0.8), cv2.LINE_AA
            )
    return picture


def _package(rng: random.Random, picture: Any) -> None:
    """A box with words and stripes, at any angle."""
    height, width = picture.shape[:2]
    wide, high = rng.randrange(160, 520), rng.randrange(90, 280)
    colour = tuple(rng.randrange(30, 230) for _ in range(3))
    box: Any = np.full((high, wide, 3), colour, np.uint8)
    stripe = tuple(rng.randrange(20, 230) for _ in range(3))
    cv2.rectangle(box, (0, 0), (wide, high // rng.randrange(3, 7)), stripe, -1)
    for row in range(rng.randrange(1, 5)):
        text = rng.choice((*_LATIN, corpus.digits(rng, 14)))
        cv2.putText(box, text, (12, high // 3 + 30 * row), cv2.FONT_HERSHEY_DUPLEX, rng.uniform(0.4, 1.1), (20, 20, 20), 1, cv2.LINE_AA)
    _laid(rng, picture, box, (rng.uniform(0, width), rng.uniform(0, height)))


def _laid(rng: random.Random, picture: Any, piece: Any, at_px: tuple[float, float]) -> None:
    high, wide = piece.shape[:2]
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), rng.uniform(0, 360), rng.uniform(0.7, 1.4))
    matrix[:, 2] += np.array(at_px) - np.array([wide / 2, high / 2])
    cv2.warpAffine(piece, matrix, (picture.shape[1], picture.shape[0]), dst=picture, borderMode=cv2.BORDER_TRANSPARENT)


def skin(rng: random.Random) -> tuple[float, float, float]:
    base = rng.choice(_SKINS)
    return tuple(part * rng.uniform(0.92, 1.08) for part in base)  # type: ignore[return-value]


def _hand(rng: random.Random, picture: Any) -> None:
    height, width = picture.shape[:2]
    colour = skin(rng)
    palm = (rng.randrange(width), rng.randrange(height))
    thick = height // rng.randrange(7, 11)
    way = rng.uniform(0, 2 * math.pi)
    cv2.ellipse(picture, palm, (thick * 2, int(thick * 1.7)), math.degrees(way), 0, 360, colour, -1, cv2.LINE_AA)
    for finger in range(4):
        angle = way + (finger - 1.5) * 0.28
        tip = (round(palm[0] + math.cos(angle) * thick * 5), round(palm[1] + math.sin(angle) * thick * 5))
        _finger(picture, palm, tip, thick, colour)


def _finger(picture: Any, root: tuple[int, int], tip: tuple[int, int], thick: int, colour: tuple[float, float, float]) -> None:
    for part, light in ((1.0, 0.72), (0.82, 0.86), (0.55, 1.0)):
        tone = tuple(value * light for value in colour)
        cv2.line(picture, root, tip, tone, max(1, round(thick * part)), cv2.LINE_AA)


def _whole(point: Any) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def finger_over(rng: random.Random, picture: Any, corners: Any, *, linear: bool, px_per_mm: float, encode: Any) -> None:
    """A finger that covers a little of the symbol with these `corners` (4, 2): a corner's edge of a matrix, part of a linear one's height.

    `encode` makes a colour of `picture` from linear reflectance."""
    corner = rng.randrange(4)
    thick = max(10.0, rng.uniform(11, 16) * px_per_mm)
    middle = corners.mean(axis=0)
    if linear:  # from above or below, so that each bar is still seen somewhere
        side = rng.choice((0, 2))
        edge = corners[side] + (corners[(side + 1) % 4] - corners[side]) * rng.uniform(0.1, 0.9)
        inward = (corners[(side + 3) % 4] - corners[side]) * rng.uniform(0.15, 0.5)
        tip = edge + inward
        outward = -inward / (np.linalg.norm(inward) + 1e-9)
    else:
        outward = corners[corner] - middle
        size = float(np.linalg.norm(outward))
        outward = outward / (size + 1e-9)
        tip = corners[corner] - outward * size * rng.uniform(-0.12, 0.1)
    start = tip + outward * (thick / 2)
    root = tip + outward * (thick * 6)
    _finger(picture, _whole(root), _whole(start), round(thick), encode(skin(rng)))
