"""The cart's decoder: a quick look at the whole frame, then a closer look at what could be a code, inside a time budget.

1. zxing-cpp's split pass over the frame. An easy frame ends here; beside a lone linear code, a matrix code is looked for too.
2. Regions with many edges, turned upright and enlarged: zxing-cpp, then zbar.
3. A linear code is believed only after a second look (`second_look`); a matrix code carries its own error correction.

Must never return a linear code that one reader saw once, nor two symbols for one place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import cv2

from devices.decoders import outline, regions, second_look, zbar, zxing
from devices.ports import Frame
from pointofcare.labels.symbol import Symbol

DEFAULT_BUDGET_MS = 75.0
INVERT_EVERY = 5


class CascadeDecoder:
    """`budget_ms` bounds steps 2 and 3 after step 1; one crop may run over it. `clock` counts seconds, for tests."""

    def __init__(self, *, budget_ms: float = DEFAULT_BUDGET_MS, clock: Callable[[], float] = time.perf_counter) -> None:
        self._budget_s = budget_ms / 1000
        self._clock = clock

    def decode(self, frame: Frame) -> list[Symbol]:
        until = self._clock() + self._budget_s
        grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        found = zxing.matrix_symbols(grey, invert=frame.number % INVERT_EVERY == 0)
        found += second_look.believed(grey, zxing.linear_symbols(grey))
        if not found:
            found = self._closer(grey, until)
        elif all(second_look.is_linear(symbol) for symbol in found):
            found += self._matrix_beside(grey, until)
        return distinct(found)

    def _matrix_beside(self, grey: Any, until: float) -> list[Symbol]:
        """A pack may carry a small DataMatrix with lot and expiry beside the EAN that was read first."""
        found: list[Symbol] = []
        for region in regions.find(grey):
            if self._clock() > until:
                break
            for crop in islice(regions.variants(regions.upright(grey, region)), 2):
                found += [replace(symbol, outline=crop.in_frame(symbol.outline)) for symbol in zxing.matrix_symbols(crop.image)]
        return found

    def _closer(self, grey: Any, until: float) -> list[Symbol]:
        for region in regions.find(grey):
            crop = regions.upright(grey, region)
            for attempt in _attempts(crop):
                found = [placed for symbol in attempt if (placed := _placed(grey, crop, symbol)) is not None]
                if found:
                    return found
                if self._clock() > until:
                    return []
        return []


def _attempts(crop: regions.Crop) -> Iterator[list[Symbol]]:
    for variant in regions.variants(crop):
        yield [*zxing.matrix_symbols(variant.image), *zxing.linear_symbols(variant.image)]
    yield zbar.symbols(crop.image, wanted=zbar.LINEAR)  # it adds no QR, and would name one differently from frame to frame


def _placed(grey: Any, crop: regions.Crop, symbol: Symbol) -> Symbol | None:
    """The symbol with its outline in the frame; None for a linear one that a second look does not confirm."""
    placed = replace(symbol, outline=crop.in_frame(symbol.outline))
    if second_look.is_linear(symbol) and not second_look.confirms(grey, placed):
        return None
    return placed


def distinct(symbols: list[Symbol]) -> list[Symbol]:
    """One of each content at a place; two equal codes side by side stay two."""
    kept: list[Symbol] = []
    for symbol in symbols:
        if not any(_same(symbol, other) for other in kept):
            kept.append(symbol)
    return kept


def _same(one: Symbol, other: Symbol) -> bool:
    if one.content != other.content or one.identifier != other.identifier:
        return False
    if not one.outline or not other.outline:
        return True
    (x0, y0), (x1, y1) = outline.centre(one.outline), outline.centre(other.outline)
    near = max(outline.spread(one.outline), outline.spread(other.outline)) / 2
    return abs(x0 - x1) < near and abs(y0 - y1) < near


def open_decoder() -> CascadeDecoder:
    return CascadeDecoder()
