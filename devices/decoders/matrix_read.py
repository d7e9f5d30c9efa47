"""A located DataMatrix or QR code read module by module, drawn anew as a clean picture, and decoded by zxing-cpp.

Its Reed-Solomon check is the gate: a grid that was laid wrongly does not decode. Must never correct anything by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import zxingcpp

from devices.decoders import grid, grid_search, outline, zxing
from devices.decoders import matrix_patterns as patterns
from devices.decoders.regions import Region
from pointofcare.labels.symbol import Symbol

QUIET_MODULES = 3
MODULE_PX = 4
_FORMATS = {patterns.DATAMATRIX: zxingcpp.BarcodeFormat.DataMatrix, patterns.QR: zxingcpp.BarcodeFormat.QRCode}


def read(grey: Any, region: Region, *, until: float, clock: Callable[[], float] = time.thread_time) -> Symbol | None:
    """The matrix code in `region` of `grey` (height x width, uint8); None when no grid decodes before `until` (of `clock`)."""
    for block in _blocks(grey, region):
        straight = grid_search.straighten(grey, block)
        for candidate in grid_search.candidates(straight):
            symbol = attempt(grid.picture(straight.image), candidate)
            if symbol is not None:
                corners = [(float(x), float(y)) for x, y in symbol[1]]
                place = outline.mapped(tuple((round(x), round(y)) for x, y in corners), straight.to_frame)
                return Symbol(identifier=symbol[0].identifier, content=symbol[0].content, outline=place)
            if clock() > until:
                return None
    return None


def _blocks(grey: Any, region: Region) -> Iterator[Region]:
    """The region itself, then what light gaps cut out of it: a code beside its text."""
    yield region
    yield from grid_search.split(grey, region, most=1)


def attempt(seen: grid.Picture, candidate: grid_search.Candidate) -> tuple[Symbol, Any] | None:
    """The symbol and its corners (4 x 2 in the picture), the grid laid ever finer."""
    laid, blur = candidate.laid, candidate.blur_modules
    modules = grid.read(seen, candidate.kind, laid, candidate.size, blur)
    found = decoded(modules, candidate.kind)
    for blur in (0.5, 0.35, 0.65):
        if found is not None:
            break
        laid = grid.refine(seen, laid, modules, blur)
        modules = grid.reread(seen, candidate.kind, laid, modules, blur)
        found = decoded(modules, candidate.kind)
    return None if found is None else (found, grid.corners(laid.shape))


def decoded(modules: Any, kind: str) -> Symbol | None:
    """What a square of modules (1 dark) says, by its own error correction."""
    clean = np.pad(np.where(modules == 1, 0, 255).astype(np.uint8), QUIET_MODULES, constant_values=255)
    clean = np.repeat(np.repeat(clean, MODULE_PX, 0), MODULE_PX, 1)
    found = zxingcpp.read_barcodes(
        clean,
        formats=zxingcpp.BarcodeFormats([_FORMATS[kind]]),
        try_rotate=False,
        try_downscale=False,
        try_invert=False,
        is_pure=True,
        text_mode=zxingcpp.TextMode.Plain,
        binarizer=zxingcpp.Binarizer.FixedThreshold,
    )
    return next(iter(zxing.symbols_of(found)), None)
