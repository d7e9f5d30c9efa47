"""The picture of a scene: light on the label, the lens, the sensor, JPEG. And what is true about it.

Twice the resolution where the label is, so that small modules mix as they do on a sensor; light is added up linearly, then encoded.
Must never depend on what the symbol says.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

from simulation.scan_set import ground, scene
from simulation.scan_set.scene import Hold, Scene

GAMMA = 2.2
FINER = 2  # subpixels a pixel, each way
STRIDE_PX = 4  # where rays are cast; between them the label's coordinates are smooth
READ_NOISE_ELECTRONS = 3.5
AMBIENT = 0.45
SHARPNESS = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """`jpeg` as the camera sends it; `corners` of the symbol in pixels, clockwise from its own top left (float, 4 x 2)."""

    jpeg: bytes
    scene: Scene
    hold: Hold
    corners: Any

    @property
    def image(self) -> Any:
        """height x width x 3, BGR uint8."""
        return cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)


def taken(of: Scene, moment: int = 0) -> Shot:
    """The scene at a moment of trembling: 0 is the scene as drawn."""
    return _taken(of, scene.held(of, moment), moment)


def arriving(of: Scene, frame: int, *, rate_hz: float = 30) -> Shot:
    """Frame `frame` of the label being brought into view."""
    return _taken(of, scene.arriving(of, frame / rate_hz), 1_000_000 + frame)


def empty(key: str, size: tuple[int, int]) -> bytes:
    """A view without any label, as JPEG."""
    rng = random.Random(f"empty {key}")
    exposure = rng.uniform(0.6, 1.0)
    frame = cv2.LUT(ground.drawn(rng, size), _encoding(round(exposure, 2)))
    return seen(frame, rng, electrons=rng.uniform(400, 6000), quality=rng.randrange(80, 96))


def _taken(of: Scene, hold: Hold, moment: int) -> Shot:
    still, rng = random.Random(f"ground {of.key}"), random.Random(f"shot {of.key} {moment}")
    encoding = _encoding(round(of.exposure, 2))
    frame = cv2.LUT(ground.drawn(still, of.size), encoding)
    if of.radius_mm is not None:
        _wrist(frame, of, hold, ground.skin(still))
    _lay(frame, of, hold)
    corners = scene.outline(of, hold)
    if of.occluded:
        ground.finger_over(
            still,
            frame,
            corners,
            linear=of.label.printed.linear,
            px_per_mm=of.module_px / of.label.module_mm,
            encode=lambda colour: tuple(int(encoding[min(255, int(part))]) for part in colour),
        )
    jpeg = seen(frame, rng, electrons=of.electrons, quality=of.quality)
    return Shot(jpeg=jpeg, scene=of, hold=hold, corners=corners)


@cache
def _encoding(exposure: float) -> Any:
    """Linear reflectance 0..255 to what the file says, 0..255."""
    return np.clip(255 * (np.arange(256) / 255 * exposure) ** (1 / GAMMA), 0, 255).astype(np.uint8)


def _cast(hold: Hold, box: tuple[int, int, int, int], stride: float) -> tuple[Any, Any, Any, Any, Any]:
    """u, v (mm), above 0 where the ray meets, the outward normal and the way to the camera, on a grid over `box`, ready for `_spread`."""
    left, top, right, bottom = box
    columns, rows = math.ceil((right - left) / stride) + 2, math.ceil((bottom - top) / stride) + 2
    # The middle of grid cell k, in pixels, one cell before the box.
    x = left - 0.5 + (np.arange(columns) - 0.5) * stride
    y = top - 0.5 + (np.arange(rows) - 0.5) * stride
    grid_x, grid_y = np.meshgrid(x, y)
    u, v, meets, normal = hold.surface.lies_at(grid_x, grid_y)
    view = np.stack(
        [
            (hold.surface.centre_px[0] - grid_x) / hold.surface.focal_px,
            (hold.surface.centre_px[1] - grid_y) / hold.surface.focal_px,
            -np.ones_like(grid_x),
        ],
        axis=-1,
    )
    return u, v, meets, normal, view / np.linalg.norm(view, axis=-1, keepdims=True)


def _spread(values: Any, box: tuple[int, int, int, int], stride: int, finer: int) -> Any:
    """Values of a grid of `_cast` at every (sub)pixel of `box`, of their own type."""
    wide, high = (box[2] - box[0]) * finer, (box[3] - box[1]) * finer
    factor = stride * finer
    large = cv2.resize(values, (values.shape[1] * factor, values.shape[0] * factor), interpolation=cv2.INTER_LINEAR)
    return large[factor : factor + high, factor : factor + wide]


def _light(of: Scene, normal: Any, view: Any) -> tuple[Any, Any]:
    """How bright a matt surface is (1 when it faces the camera), and what gloss adds."""
    towards = np.array(of.light)
    facing = np.maximum(0, normal @ towards)
    matt = (AMBIENT + (1 - AMBIENT) * facing) / (AMBIENT + (1 - AMBIENT) * -of.light[2])
    half = view + towards
    half /= np.linalg.norm(half, axis=-1, keepdims=True)
    return matt, of.glare * np.maximum(0, (normal * half).sum(axis=-1)) ** SHARPNESS


def _wrist(frame: Any, of: Scene, hold: Hold, colour: tuple[float, float, float]) -> None:
    """The arm that the band is on, over the whole picture."""
    stride = 8
    box = (0, 0, of.size[0], of.size[1])
    _u, _v, meets, normal, view = _cast(hold, box, stride)
    matt, _gloss = _light(of, normal, view)
    tone = 255 * np.clip(matt * of.exposure, 0, 1.5) ** (1 / GAMMA)
    coarse = np.stack([np.clip(tone * (part / 255) ** (1 / GAMMA), 0, 255) for part in colour], axis=-1).astype(np.uint8)
    skin = _spread(coarse, box, stride, 1)
    there = (_spread(meets.astype(np.float32), box, stride, 1) > 0).astype(np.uint8)
    cv2.copyTo(skin, there, frame)


def _box(of: Scene, hold: Hold) -> tuple[int, int, int, int] | None:
    """Whole pixels around the label, None when it is out of the picture."""
    label = of.label
    high, wide = label.picture.shape
    right_mm, bottom_mm = label.left_mm + wide / label.px_per_mm, label.top_mm + high / label.px_per_mm
    most = 1.45 * of.radius_mm if of.radius_mm is not None else math.inf
    u = np.clip(np.linspace(label.left_mm, right_mm, 41), -most, most)
    v = np.linspace(label.top_mm, bottom_mm, 9)
    points = hold.surface.seen_at(np.stack(np.meshgrid(u, v), axis=-1)).reshape(-1, 2)
    pad = 6 + 2 * hold.defocus_px + hold.motion_px
    left, top = (max(0, math.floor(value - pad)) for value in points.min(axis=0))
    right, bottom = (min(of.size[axis], math.ceil(points.max(axis=0)[axis] + pad)) for axis in (0, 1))
    return (left, top, right, bottom) if right - left > 2 and bottom - top > 2 else None


def _lay(frame: Any, of: Scene, hold: Hold) -> None:
    """The label into the picture."""
    box = _box(of, hold)
    if box is None:
        return
    label = of.label
    u, v, meets, normal, view = _cast(hold, box, STRIDE_PX)
    matt, gloss = (part.astype(np.float32) for part in _light(of, normal, view))
    scale = label.px_per_mm
    x = _spread(((u - label.left_mm) * scale - 0.5).astype(np.float32), box, STRIDE_PX, FINER)
    y = _spread(((v - label.top_mm) * scale - 0.5).astype(np.float32), box, STRIDE_PX, FINER)
    high, wide = label.picture.shape
    step = scale * label.module_mm / of.module_px / FINER  # label pixels a subpixel
    paper = cv2.GaussianBlur(label.picture, (0, 0), 0.35 * step) if step > 1.2 else label.picture
    seen_paper = cv2.remap(paper, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    there = ((x > -0.5) & (x < wide - 0.5) & (y > -0.5) & (y < high - 0.5)).astype(np.float32)
    if of.radius_mm is not None:
        there *= _spread(meets, box, STRIDE_PX, FINER) > 0
    bright = seen_paper * (_spread(matt, box, STRIDE_PX, FINER) * np.float32(of.exposure / 255)) + _spread(gloss, box, STRIDE_PX, FINER)
    # The weight goes along, so that an edge mixes with what is behind it.
    both = _through_lens(cv2.merge([bright * there, there]), hold)
    both = cv2.resize(both, (box[2] - box[0], box[3] - box[1]), interpolation=cv2.INTER_AREA)
    weight = np.clip(both[..., 1], 0, 1)
    tone = np.clip(both[..., 0] / np.maximum(weight, 1e-3), 0, 1) ** np.float32(1 / GAMMA)
    piece = frame[box[1] : box[3], box[0] : box[2]]
    for channel, tint in enumerate(label.tint):
        mixed = piece[..., channel] * (1 - weight) + np.minimum(tone * np.float32(255 * tint), 255) * weight
        piece[..., channel] = mixed + 0.5


def _through_lens(picture: Any, hold: Hold) -> Any:
    if hold.defocus_px * FINER > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), hold.defocus_px * FINER)
    length = hold.motion_px * FINER
    return cv2.filter2D(picture, -1, _path(length, hold.motion_rad)) if length > 0.6 else picture


def _path(length: float, angle: float) -> Any:
    """A straight way of `length` pixels as a kernel, exact to a fraction of a pixel."""
    reach = math.ceil(length / 2) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    along = np.linspace(-length / 2, length / 2, max(9, math.ceil(length * 4)))
    x, y = reach + along * math.cos(angle), reach + along * math.sin(angle)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        share = (x - left if right else 1 - x + left) * (y - top if down else 1 - y + top)
        np.add.at(kernel, (top + down, left + right), share)
    return kernel / kernel.sum()


def seen(frame: Any, rng: random.Random, *, electrons: float, quality: int) -> bytes:
    """`frame` (BGR uint8, encoded) as the sensor counts it, as JPEG. Shot noise follows the light, and read noise is added."""
    value = np.arange(256) / 255
    linear = np.maximum(value**GAMMA, 0.004)
    spread_linear = np.sqrt(linear * electrons + READ_NOISE_ELECTRONS**2) / electrons
    sigma = np.minimum(255 / GAMMA * linear ** (1 / GAMMA - 1) * spread_linear, 45).astype(np.float32)
    height, width = frame.shape[:2]
    tile = _grain()
    top, left = rng.randrange(tile.shape[0] - height), rng.randrange(tile.shape[1] - width)
    grain = tile[top : top + height, left : left + width]
    if rng.random() < 0.5:
        grain = grain[:, ::-1]
    if rng.random() < 0.5:
        grain = grain[::-1]
    noise = (cv2.LUT(frame[..., 1], sigma) * grain).astype(np.int16)
    noisy = cv2.add(frame, cv2.merge([noise, noise, noise]), dtype=cv2.CV_8U)
    done, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the picture could not be encoded")
    return bytes(data.tobytes())


@cache
def _grain() -> Any:
    """Standard normal, drawn once; each picture takes another piece of it."""
    return np.random.default_rng(20261122).standard_normal((2000, 3000), np.float32)
