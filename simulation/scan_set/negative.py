"""Pictures that hold no code, though some look like one: every symbol that a reader finds in them is a false one.

Text, stripes, keys, cloth, chequers, bars of chance widths, squares of chance modules inside a true finder pattern. Must never hold a
valid symbol: what is drawn here by chance has no right check digit or error correction but with a chance that is told in `broken`.
"""

from __future__ import annotations

import math
import random
import string
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from simulation.scan_set import ground, prints, scene, shot

KINDS = ("ground", "text", "stripes", "keyboard", "fabric", "chequers", "bars", "broken-matrix", "torn-linear", "noise")


def kind_of(number: int) -> str:
    return KINDS[number % len(KINDS)]


def taken(seed: int, number: int) -> bytes:
    """Negative `number` (from 0) of `seed`, as JPEG."""
    kind = kind_of(number)
    rng = random.Random(f"negative {seed} {number}")
    size = scene.SIZES[number // len(KINDS) % 2]
    if kind == "ground":
        return shot.empty(f"negative {seed} {number}", size)
    frame = cv2.LUT(ground.drawn(rng, size), _brightened(rng))
    if kind == "noise":
        frame = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, frame.shape, np.uint8)
        frame = cv2.GaussianBlur(frame, (0, 0), rng.uniform(0.4, 2.0))
    else:
        _held(frame, _DRAWN[kind](rng), rng)
    frame = cv2.GaussianBlur(frame, (0, 0), rng.uniform(0.3, 1.2))
    return shot.seen(frame, rng, electrons=rng.uniform(300, 6000), quality=rng.randrange(80, 96))


def _brightened(rng: random.Random) -> Any:
    return np.clip(255 * (np.arange(256) / 255 * rng.uniform(0.6, 1.0)) ** (1 / shot.GAMMA), 0, 255).astype(np.uint8)


def _held(frame: Any, page: Any, rng: random.Random) -> None:
    """`page` (grey, uint8) tilted before the ground, most of the picture high."""
    height, width = frame.shape[:2]
    high, wide = page.shape
    scale = min(width * rng.uniform(0.5, 0.95) / wide, height * rng.uniform(0.5, 0.95) / high)
    turn = rng.choice((0, 90)) + rng.gauss(0, 6) if rng.random() < 0.6 else rng.uniform(0, 360)
    matrix = np.vstack([cv2.getRotationMatrix2D((wide / 2, high / 2), turn, scale), [0, 0, 1]])
    matrix[:2, 2] += np.array([width / 2 - wide / 2, height / 2 - high / 2])
    lean = np.eye(3)
    lean[2, :2] = rng.uniform(-1, 1) * 1.5e-4, rng.uniform(-1, 1) * 1.5e-4
    middle = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1.0]])
    matrix = middle @ lean @ np.linalg.inv(middle) @ matrix
    if scale < 0.8:
        page = cv2.GaussianBlur(page, (0, 0), 0.35 / scale)
    colour = cv2.cvtColor(page, cv2.COLOR_GRAY2BGR)
    cv2.warpPerspective(colour, matrix, (width, height), dst=frame, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)


def _blank(wide: int, high: int, tone: int = 235) -> Any:
    return np.full((high, wide), tone, np.uint8)


def _text(rng: random.Random) -> Any:
    page = _blank(1000, 640)
    size = rng.uniform(0.35, 1.1)
    for row in range(30, 640, max(12, round(30 * size))):
        line = "".join(rng.choice(string.ascii_letters + string.digits + "   .,|/") for _ in range(rng.randrange(20, 110)))
        cv2.putText(
            page,
            line,
            (10, row),
            rng.choice((cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX)),
            size,
            25,
            1,
            cv2.LINE_AA,
        )
    return page


def _stripes(rng: random.Random) -> Any:
    """A shirt, a blind, a radiator: bars of one or two widths, over and over."""
    wide, gap = rng.randrange(3, 24), rng.randrange(3, 24)
    second = rng.choice((0, 0, rng.randrange(2, 12)))
    unit = np.concatenate([np.full(wide, 30), np.full(gap, 225), np.full(second, 60), np.full(gap if second else 0, 225)])
    row = np.tile(unit, 1000 // len(unit) + 1)[:1000].astype(np.uint8)
    return np.tile(row, (600, 1))


def _keyboard(rng: random.Random) -> Any:
    page = _blank(1000, 460, rng.choice((30, 210)))
    key, ink = (60, 230) if page[0, 0] < 100 else (245, 20)
    side = rng.randrange(40, 70)
    for top in range(12, 440 - side, side + 8):
        left = 12 + rng.randrange(0, side // 2)
        while left < 1000 - side:
            wide = side if rng.random() < 0.9 else side * 2
            cv2.rectangle(page, (left, top), (min(990, left + wide), top + side), key, -1)
            cv2.putText(
                page,
                rng.choice(string.ascii_uppercase + string.digits),
                (left + 8, top + side // 2),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.6,
                ink,
                1,
                cv2.LINE_AA,
            )
            left += wide + 8
    return page


def _fabric(rng: random.Random) -> Any:
    """Checks, gingham and knit: two gratings laid over each other."""
    x, y = np.meshgrid(np.arange(1000), np.arange(620))
    first, second = rng.uniform(3, 26), rng.uniform(3, 26)
    square = rng.random() < 0.5
    one, other = np.sin(2 * math.pi * x / first), np.sin(2 * math.pi * y / second)
    if square:
        one, other = np.sign(one), np.sign(other)
    tone = 128 + 50 * one + 50 * other
    return np.clip(tone, 10, 245).astype(np.uint8)


def _chequers(rng: random.Random) -> Any:
    """Modules of chance on a grid, with no finder pattern."""
    cells = np.random.default_rng(rng.getrandbits(32)).random((rng.randrange(12, 40), rng.randrange(12, 60))) < rng.uniform(0.35, 0.6)
    return _framed(np.where(cells, 30, 235).astype(np.uint8), rng.randrange(8, 16))


def _bars(rng: random.Random) -> Any:
    """Bars and spaces of one to four modules, as in a linear code, but of chance."""
    count = rng.randrange(25, 90)
    widths = [rng.choices((1, 2, 3, 4), (0.5, 0.27, 0.15, 0.08))[0] for _ in range(count * 2 + 1)]
    row = np.concatenate([np.full(width, 30 if place % 2 == 0 else 235) for place, width in enumerate(widths)]).astype(np.uint8)
    return _framed(np.tile(row, (rng.randrange(20, 60), 1)), rng.randrange(4, 8))


def _broken_matrix(rng: random.Random) -> Any:
    """The finder pattern of a true DataMatrix or QR around modules of chance: the error correction must refuse it.

    That chance modules lie within reach of some valid message is possible with less than 1e-9 (ten and more check codewords)."""
    printed = prints.contents(rng.choice(("dm-blister", "qr-band", "cccd-qr")), rng)
    modules = printed.modules.copy()
    chance = np.random.default_rng(rng.getrandbits(32)).random(modules.shape) < 0.5
    if printed.symbology == "DataMatrix":
        modules[1:-1, 1:-1] = chance[1:-1, 1:-1]
    else:
        keep = np.zeros_like(modules)
        keep[:9, :9] = keep[:9, -8:] = keep[-8:, :9] = True
        keep[6] = keep[:, 6] = True
        modules = np.where(keep, modules, chance)
    return _framed(np.where(modules, 30, 235).astype(np.uint8), rng.randrange(8, 14))


def _torn_linear(rng: random.Random) -> Any:
    """A Code 128 or EAN-13 of which an end is gone, start or stop with it."""
    printed = prints.contents(rng.choice(("c128-band", "c128-label", "ean-label")), rng)
    row = printed.modules[0]
    kept = rng.uniform(0.45, 0.85)
    cut = round(len(row) * kept)
    row = row[:cut] if rng.random() < 0.5 else row[-cut:]
    return _framed(np.tile(np.where(row, 30, 235).astype(np.uint8), (rng.randrange(25, 50), 1)), rng.randrange(4, 8))


def _framed(cells: Any, cell_px: int) -> Any:
    page = np.repeat(np.repeat(cells, cell_px, axis=0), cell_px, axis=1)
    return np.pad(page, 12 * cell_px, constant_values=235)


_DRAWN: dict[str, Callable[[random.Random], Any]] = {
    "text": _text,
    "stripes": _stripes,
    "keyboard": _keyboard,
    "fabric": _fabric,
    "chequers": _chequers,
    "bars": _bars,
    "broken-matrix": _broken_matrix,
    "torn-linear": _torn_linear,
}
