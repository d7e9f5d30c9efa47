"""What is always dark or always light in a DataMatrix (ISO/IEC 16022) and in a QR code (ISO/IEC 18004), whatever they say.

Must never hold anything of a symbol's content.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

DATAMATRIX, QR = "DataMatrix", "QRCode"
# The smallest squares carry too few check characters to stand alone against a grid that was laid by guess.
DATAMATRIX_SIZES = (14, 16, 18, 20, 22, 24, 26, 32, 36, 40, 44, 48)
QR_SIZES = tuple(range(21, 62, 4))
UNKNOWN = -1
STEPS = 2  # samples a module
RING = 1  # modules of quiet zone that belong to a pattern
_LARGEST_UNDIVIDED = 26
_QR_ALIGNMENT = {1: (), 2: (6, 18), 3: (6, 22), 4: (6, 26), 5: (6, 30), 6: (6, 34), 7: (6, 22, 38), 8: (6, 24, 42), 9: (6, 26, 46)}
_QR_ALIGNMENT |= {10: (6, 28, 50), 11: (6, 30, 54)}


def known(kind: str, size: int) -> Any:
    """`size` x `size`, int8: 1 dark, 0 light, UNKNOWN where the content stands."""
    return _datamatrix(size) if kind == DATAMATRIX else _qr(size)


def _datamatrix(size: int) -> Any:
    """Each region has a solid left and lower side, and alternates along the others."""
    regions = 1 if size <= _LARGEST_UNDIVIDED else 2
    side = size // regions
    one = np.full((side, side), UNKNOWN, np.int8)
    places = np.arange(side)
    one[0], one[:, -1] = 1 - places % 2, places % 2
    one[:, 0], one[-1] = 1, 1
    return np.tile(one, (regions, regions))


def _qr(size: int) -> Any:
    pattern = np.full((size, size), UNKNOWN, np.int8)
    places = np.arange(size)
    pattern[6], pattern[:, 6] = 1 - places % 2, 1 - places % 2
    centres = _QR_ALIGNMENT[(size - 17) // 4]
    for row in centres:
        for column in centres:
            if (row, column) not in {(6, 6), (6, size - 7), (size - 7, 6)}:
                ring = np.maximum(*np.abs(np.mgrid[-2:3, -2:3]))
                pattern[row - 2 : row + 3, column - 2 : column + 3] = ring != 1
    ring = np.maximum(*np.abs(np.mgrid[-4:5, -4:5]))
    finder = ((ring <= 1) | (ring == 3)).astype(np.int8)
    pattern[:8, :8] = finder[1:, 1:]
    pattern[:8, -8:] = finder[1:, :-1]
    pattern[-8:, :8] = finder[:-1, 1:]
    pattern[-8, 8] = 1
    return pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Samples of a pattern: `basis` (samples x 6) are 1, u, v, uv, uu, vv with u and v from -1 to 1 across the symbol; `dark`
    (samples) is how dark the blurred pattern is there."""

    size: int
    basis: Any
    dark: Any


@cache
def template(kind: str, size: int, blur_modules: float) -> Template:
    """Only what is known of every symbol of that `kind` and `size`, with the quiet zone around it."""
    return of_modules(known(kind, size), blur_modules)


def of_modules(modules: Any, blur_modules: float) -> Template:
    """Of a square of modules (1, 0, UNKNOWN), the unknown left out."""
    size = len(modules)
    framed = np.pad(modules, RING, constant_values=0)
    seen = np.repeat(np.repeat(framed != UNKNOWN, STEPS, 0), STEPS, 1)
    dark = blurred(modules, blur_modules)
    u, v = lattice(size)
    return Template(size=size, basis=basis(u[seen], v[seen]), dark=dark[seen])


def blurred(modules: Any, blur_modules: float) -> Any:
    """How dark it looks, `STEPS` samples a module, `RING` modules of quiet zone on each side; the unknown is half dark."""
    wide = np.pad(np.where(modules == UNKNOWN, 0.5, modules).astype(np.float32), RING + 2)
    fine = np.repeat(np.repeat(wide, STEPS, 0), STEPS, 1)
    return cv2.GaussianBlur(fine, (0, 0), blur_modules * STEPS)[2 * STEPS : -2 * STEPS, 2 * STEPS : -2 * STEPS]


@cache
def lattice(size: int) -> tuple[Any, Any]:
    """u and v of each sample, both ((size + 2 RING) STEPS) squared, from -1 to 1 across the symbol itself."""
    at = ((np.arange((size + 2 * RING) * STEPS) + 0.5) / STEPS - RING) * 2 / size - 1
    u, v = np.meshgrid(at, at)
    return u, v


def basis(u: Any, v: Any) -> Any:
    return np.stack([np.ones_like(u), u, v, u * v, u * u, v * v], axis=-1).astype(np.float32)


@cache
def whole_basis(size: int) -> Any:
    """The basis of every sample of the lattice, (samples x 6)."""
    u, v = lattice(size)
    return basis(u.ravel(), v.ravel())
