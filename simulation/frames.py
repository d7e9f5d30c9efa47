"""What a cart's camera would see: a label held over a desk, or the empty desk, as a frame of pixels.

Perspective, roll, light, defocus, shot noise and JPEG are drawn from one seed, so that a frame can be made again. Must never
depend on what the label says: nothing is arranged for the decoder.
"""

from __future__ import annotations

import math
import random
from typing import Any

import cv2
import numpy as np
from PIL import Image

SIZE = (1280, 720)
TREMBLE_RAD = math.radians(0.6)
TREMBLE_PX = 2.0


def frame_with(
    label: Image.Image,
    seed: int,
    *,
    moment: int = 0,
    desk: int | None = None,
    size: tuple[int, int] = SIZE,
    difficulty: float = 0.3,
    fill: float | None = None,
) -> Any:
    """height x width x 3 (BGR, uint8). `difficulty` 0 is a steady hand in good light, 1 a dark, tilted, blurred view.

    Another `moment` is the same hold a little later: the hand trembles, the noise is new. `desk` is the seed of the empty frame
    over which the label is held, where that matters. `fill` is the share of the frame's
    width or height that the label takes; drawn from the seed when None."""
    rng, tremble = random.Random(seed), random.Random(f"{seed} {moment}")
    frame = _desk(rng if desk is None else random.Random(desk), size)
    share = fill if fill is not None else rng.uniform(0.62, 0.86) - 0.28 * difficulty
    corners = _pose(rng, tremble, label.size, size, share, difficulty)
    paper: Any = cv2.cvtColor(np.asarray(label.convert("RGB")), cv2.COLOR_RGB2BGR)
    width, height = label.size
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(flat, corners)
    shrink = float(np.linalg.norm(corners[1] - corners[0])) / width
    if shrink < 0.8:  # a lens averages over its pixels; the warp alone would skip some
        paper = cv2.GaussianBlur(paper, (0, 0), 0.35 / shrink)
    warped = cv2.warpPerspective(paper, matrix, size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.full(paper.shape[:2], 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
    shadow = cv2.GaussianBlur(mask, (0, 0), 9)
    frame = cv2.multiply(frame, cv2.cvtColor(255 - shadow // 3, cv2.COLOR_GRAY2BGR), scale=1 / 255)
    cv2.copyTo(warped, mask, frame)
    return _seen(rng, tremble, frame, difficulty)


def empty_frame(seed: int, *, moment: int = 0, size: tuple[int, int] = SIZE) -> Any:
    """The desk with nothing held before the camera, as BGR uint8."""
    rng = random.Random(seed)
    return _seen(rng, random.Random(f"{seed} {moment}"), _desk(rng, size), 0.3)


def jpeg(frame: Any, *, quality: int = 85) -> bytes:
    done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the frame could not be encoded")
    return bytes(data.tobytes())


def _desk(rng: random.Random, size: tuple[int, int]) -> Any:
    """A table top with a blanket's edge, a tray and a few dull things."""
    width, height = size
    tone = rng.randrange(90, 170)
    desk: Any = np.full((height, width, 3), (tone, tone + rng.randrange(-8, 12), tone + rng.randrange(-4, 20)), np.uint8)
    grain = np.random.default_rng(rng.getrandbits(32)).integers(0, 18, (height // 48 + 1, width // 64 + 1, 1), dtype=np.uint8)
    desk = cv2.add(desk, cv2.cvtColor(cv2.resize(grain, size, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR))
    for _ in range(rng.randrange(3, 7)):
        colour = tuple(rng.randrange(60, 220) for _ in range(3))
        x, y = rng.randrange(width), rng.randrange(height)
        if rng.random() < 0.5:
            cv2.circle(desk, (x, y), rng.randrange(height // 20, height // 6), colour, -1, cv2.LINE_AA)
        else:
            box = ((float(x), float(y)), (rng.uniform(60, 420), rng.uniform(30, 200)), rng.uniform(0, 90))
            cv2.fillPoly(desk, [cv2.boxPoints(box).astype(np.int32)], colour, cv2.LINE_AA)
    return cv2.GaussianBlur(desk, (0, 0), 1.5)


def _pose(
    rng: random.Random, tremble: random.Random, label: tuple[int, int], size: tuple[int, int], share: float, difficulty: float
) -> Any:
    """The label's four corners in the frame: a plane turned in space, seen by a lens twice as far off as the frame is wide."""
    width, height = size
    scale = min(width * share / label[0], height * min(0.9, share + 0.1) / label[1])
    lean = math.radians(6 + 30 * difficulty)
    roll = rng.gauss(0, math.radians(2 + 14 * difficulty)) + math.pi * (rng.random() < 0.3 * difficulty)
    pitch, yaw = rng.uniform(-lean, lean), rng.uniform(-lean, lean)
    roll, pitch, yaw = (angle + tremble.gauss(0, TREMBLE_RAD) for angle in (roll, pitch, yaw))
    turn = _about(2, roll) @ _about(0, pitch) @ _about(1, yaw)
    half = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * np.array([label[0], label[1], 0]) * scale / 2
    points = half @ turn.T
    distance = 2.0 * width
    flat = points[:, :2] * (distance / (distance + points[:, 2:]))
    reach = np.abs(flat).max(axis=0)
    room = np.maximum(0, np.array([width, height]) / 2 - reach - 6)
    middle = np.array([width / 2 + rng.uniform(-1, 1) * room[0], height / 2 + rng.uniform(-1, 1) * room[1]])
    middle += np.array([tremble.gauss(0, TREMBLE_PX), tremble.gauss(0, TREMBLE_PX)])
    return (flat + middle).astype(np.float32)


def _about(axis: int, angle: float) -> Any:
    cosine, sine = math.cos(angle), math.sin(angle)
    one, other = (n for n in range(3) if n != axis)
    matrix = np.eye(3)
    matrix[one, one] = matrix[other, other] = cosine
    matrix[one, other], matrix[other, one] = -sine, sine
    return matrix


def _seen(rng: random.Random, tremble: random.Random, frame: Any, difficulty: float) -> Any:
    """Light, lens and sensor."""
    height, width = frame.shape[:2]
    across = np.linspace(rng.uniform(0.75, 1.0), rng.uniform(0.75, 1.0), width, dtype=np.float32)
    down = np.linspace(rng.uniform(0.8, 1.0), rng.uniform(0.8, 1.0), height, dtype=np.float32)
    light = np.outer(down, across) * (1.05 - 0.55 * difficulty * rng.random())
    lit = cv2.multiply(frame, cv2.merge([light, light, light]), dtype=cv2.CV_32F)
    blur = tremble.uniform(0.2, 0.5 + 1.2 * difficulty)
    lit = cv2.GaussianBlur(lit, (0, 0), blur)
    if tremble.random() < difficulty:
        lit = _moved(lit, tremble.uniform(1, 2 + 4 * difficulty), tremble.uniform(0, math.pi))
    noise = _noise(tremble, height, width) * np.float32(1.5 + 6 * difficulty)
    lit = cv2.add(lit, cv2.merge([noise, noise, noise]))
    pixels = np.clip(lit, 0, 255).astype(np.uint8)
    return cv2.imdecode(np.frombuffer(jpeg(pixels, quality=tremble.randrange(70, 93)), np.uint8), cv2.IMREAD_COLOR)


def _noise(tremble: random.Random, height: int, width: int) -> Any:
    """Standard normal; a generator of its own, because OpenCV's is shared by all threads."""
    return np.random.default_rng(tremble.getrandbits(32)).standard_normal((height, width), np.float32)


def _moved(frame: Any, length_px: float, angle: float) -> Any:
    side = 2 * math.ceil(length_px / 2) + 1
    kernel = np.zeros((side, side), np.float32)
    half = length_px / 2
    middle = side // 2
    start = (round(middle - half * math.cos(angle)), round(middle - half * math.sin(angle)))
    end = (round(middle + half * math.cos(angle)), round(middle + half * math.sin(angle)))
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(frame, -1, kernel / kernel.sum())
