"""A grid of modules laid over a picture: found by its fixed patterns, bent as tilt and a round wrist bend it, read module by module.

The place of each module is a polynomial of second degree (twelve numbers), so that perspective and the bow of a cylinder are
one and the same fit. Must never decode: what the modules say is left to a reader with error correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from devices.decoders import matrix_patterns as patterns

BLURS_MODULES = (0.3, 0.5, 0.75)
# Standard deviations, in share of half the symbol, that tilt and roundness give the terms uv, uu and vv.
BEND_PRIOR = 0.05
STILL = 0.004
MOST_SAMPLES = 32_000  # OpenCV maps no picture of more rows; a QR code of identity cards has more samples
DECONVOLVE_STEPS = 14
WEIGHT_TURNS, STRAY = 2, 2.5  # times the middle residual, from which on a sample counts less than half
LIGHT_MODULES = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """`layers`: height x width x 3, float32: the picture, and its slopes across and down."""

    layers: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """`shape`: 6 x 2, the pixel of each (u, v) by the basis; `likeness`: correlation of picture and pattern, 1 is perfect."""

    shape: Any
    likeness: float


def picture(grey: Any) -> Picture:
    """`grey`: height x width, uint8 or float32."""
    image = grey.astype(np.float32)
    across = cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return Picture(layers=cv2.merge([image, across, down]))


def from_corners(corners: Any) -> Any:
    """The shape that leads to four corners (4 x 2, from the top left, clockwise)."""
    a, b, c, d = np.asarray(corners, dtype=np.float64)
    shape = np.zeros((6, 2))
    shape[:4] = (a + b + c + d) / 4, (b + c - a - d) / 4, (c + d - a - b) / 4, (a + c - b - d) / 4
    return shape


def corners(shape: Any) -> Any:
    """4 x 2, from the top left, clockwise."""
    ends = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float64)
    return patterns.basis(ends[:, 0], ends[:, 1]).astype(np.float64) @ shape


def likeness(seen: Picture, template: patterns.Template, shape: Any) -> float:
    """How much the picture looks like the pattern laid so; light may lie on it unevenly."""
    values = _values(seen, template.basis, shape)[:, 0]
    dark, light = template.dark - template.dark.mean(), values - values.mean()
    return -float(dark @ light) / (float(np.linalg.norm(dark) * np.linalg.norm(light)) + 1e-6)


def fit(
    seen: Picture, template: patterns.Template, shape: Any, *, steps: int, bend: float = BEND_PRIOR, partly_hidden: bool = False
) -> Laid:
    """The shape near `shape` under which the picture looks most like the pattern (Gauss-Newton, damped); with `partly_hidden`, samples
    that fit worse than most count less, as those under a finger."""
    basis = template.basis
    shape = shape.copy()
    half = max(2.0, float(np.abs(shape[1:3]).max()))
    damping = np.array([0, 0, 0, 1, 1, 1], dtype=np.float64) / (bend * half) ** 2
    field = np.stack([template.dark, np.ones_like(template.dark), basis[:, 1], basis[:, 2]], axis=1)
    count = len(template.dark)
    square = np.linalg.inv(field.T @ field + 1e-3 * np.eye(4, dtype=np.float32))
    limit = 0.35 * half * 2 / template.size
    best = -1.0
    kept = shape
    prior = np.concatenate([damping, damping])
    for _ in range(steps):
        values = _values(seen, basis, shape)
        light = values[:, 0]
        level = square @ (field.T @ light)
        residual = field @ level - light
        weight = None
        if partly_hidden:
            for _turn in range(WEIGHT_TURNS):
                weight = 1 / (1 + (residual / (STRAY * float(np.median(np.abs(residual))) + 1e-3)) ** 2)
                weighted = weight[:, None] * field
                level = np.linalg.solve(weighted.T @ field + 1e-3 * np.eye(4, dtype=np.float32), weighted.T @ light)
                residual = field @ level - light
        power = float(residual @ residual) / count
        middle = float(light.sum()) / count
        spread = float(light @ light) / count - middle * middle + 1e-6
        like = float(np.sqrt(max(0.0, 1 - power / spread))) * (1.0 if level[0] < 0 else -1.0)
        if like > best:
            best, kept = like, shape.copy()
        slope = np.concatenate([values[:, 1:2] * basis, values[:, 2:3] * basis], axis=1)
        counted = slope if weight is None else slope * weight[:, None]
        normal = (counted.T @ slope).astype(np.float64)
        pull = prior * shape.T.ravel() * power
        normal.flat[::13] += prior * power + 1e-4 * normal.trace() / 12
        move = np.linalg.solve(normal, (counted.T @ residual).astype(np.float64) - pull)
        move = np.minimum(np.maximum(move, -limit), limit)
        shape[:, 0] += move[:6]
        shape[:, 1] += move[6:]
        if float(np.abs(move).max()) < STILL * half * 8 / template.size:
            break
    final = likeness(seen, template, shape)
    return Laid(shape=shape, likeness=final) if final >= best - 0.02 else Laid(shape=kept, likeness=best)


def _values(seen: Picture, basis: Any, shape: Any) -> Any:
    """samples x 3."""
    if len(basis) > MOST_SAMPLES:
        return np.concatenate([_values(seen, part, shape) for part in np.array_split(basis, -(-len(basis) // MOST_SAMPLES))])
    at = basis @ shape.astype(np.float32)
    values = cv2.remap(
        seen.layers, np.ascontiguousarray(at[:, 0:1]), np.ascontiguousarray(at[:, 1:2]), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return values.reshape(-1, 3)


def read(seen: Picture, kind: str, laid: Laid, size: int, blur_modules: float) -> Any:
    """The modules (`size` x `size`, 1 dark) under a laid grid, the fixed ones as they must be."""
    dark = _darkness(seen, patterns.template(kind, size, blur_modules), laid, size)
    return _sharpened(dark, patterns.known(kind, size), blur_modules)


def refine(seen: Picture, laid: Laid, modules: Any, blur_modules: float, *, steps: int = 5) -> Laid:
    """The grid laid anew with all modules known, as far as they are read rightly."""
    return fit(seen, patterns.of_modules(modules, blur_modules), laid.shape, steps=steps)


def reread(seen: Picture, kind: str, laid: Laid, modules: Any, blur_modules: float) -> Any:
    """The modules once more, the light now measured over the whole symbol."""
    size = len(modules)
    dark = _darkness(seen, patterns.of_modules(modules, blur_modules), laid, size)
    # What is wrong over several modules at once is light: glare, a shadow, the end of a wrist.
    wrong = dark - patterns.blurred(modules, blur_modules)
    reach = LIGHT_MODULES * patterns.STEPS
    dark -= cv2.blur(wrong, (reach, reach), borderType=cv2.BORDER_REPLICATE)
    return _sharpened(dark, patterns.known(kind, size), blur_modules)


def _darkness(seen: Picture, template: patterns.Template, laid: Laid, size: int) -> Any:
    """How dark each sample of the lattice is, from 0 to 1, after the light that the template's samples show."""
    whole = patterns.whole_basis(size)
    light = _values(seen, whole, laid.shape)[:, 0]
    known = _values(seen, template.basis, laid.shape)[:, 0]
    basis, dark = template.basis, template.dark
    field = np.stack([dark, dark * basis[:, 1], dark * basis[:, 2], np.ones_like(dark), basis[:, 1], basis[:, 2]], axis=1)
    ridge = np.diag(np.array([0, 1, 1, 0, 1, 1], dtype=np.float32) * 0.02 * len(dark) + 1e-3)
    level = np.linalg.solve(field.T @ field + ridge, field.T @ known)
    gain = level[0] + level[1] * whole[:, 1] + level[2] * whole[:, 2]
    base = level[3] + level[4] * whole[:, 1] + level[5] * whole[:, 2]
    gain = np.minimum(gain, 0.3 * level[0]) if level[0] < 0 else np.full_like(gain, -1.0)
    side = (size + 2 * patterns.RING) * patterns.STEPS
    return ((light - base) / gain).reshape(side, side).astype(np.float32)


def _sharpened(dark: Any, known: Any, blur_modules: float) -> Any:
    """The modules that, blurred, look most like `dark`: projected gradient, each module kept between light and dark."""
    steps, ring = patterns.STEPS, patterns.RING
    fixed = np.pad(known, ring, constant_values=0)
    free = fixed == patterns.UNKNOWN
    count = len(fixed)
    means = dark.reshape(count, steps, count, steps).mean(axis=(1, 3))
    modules = np.where(free, np.clip(means, 0, 1), fixed).astype(np.float32)
    for _ in range(DECONVOLVE_STEPS):
        fine = np.repeat(np.repeat(modules, steps, 0), steps, 1)
        missing = dark - cv2.GaussianBlur(fine, (0, 0), blur_modules * steps, borderType=cv2.BORDER_REPLICATE)
        back = cv2.GaussianBlur(missing, (0, 0), blur_modules * steps, borderType=cv2.BORDER_REPLICATE)
        modules += np.where(free, 1.6 * back.reshape(count, steps, count, steps).mean(axis=(1, 3)), 0)
        np.clip(modules, 0, 1, out=modules)
    return (modules[ring:-ring, ring:-ring] > 0.5).astype(np.int8)
