"""The cart's decoder: regions first, a look at the whole frame when they give nothing, then closer work inside a time budget.

1. Patches that could be a code (`regions`), the place of the last reading first, each upright and enlarged, by zxing-cpp.
2. When that gave nothing: zxing-cpp over the whole frame, made smaller; small codes are the regions' business.
3. What is located and unread, until the budget is spent: grids of modules (`matrix_read`), bars by likelihood (`bar_read`).

A linear code is believed only with evidence from the picture itself; a matrix code carries its own error correction. Must never
return a linear code that one reader merely claims, nor two symbols for one place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import cv2

from devices.decoders import bar_profile, bar_read, matrix_read, outline, regions, second_look, zxing
from devices.ports import Frame, Look, Reading, Rejection, Unread
from pointofcare.labels.symbol import Symbol

DEFAULT_BUDGET_MS = 60.0
INVERT_EVERY = 5
WHOLE_SIDE_PX = 960
LARGEST_PX = 4_200_000
LARGEST_SIDE_PX = 2560
MOST_SYMBOLS = 64
MOSTLY_BARS = 20
SHARP_PX = 240.0  # a matrix code that is larger needs no enlarging


@dataclass(slots=True)
class _Work:
    """What one frame has given so far."""

    grey: Any
    until: float
    readings: list[Reading] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    strips: dict[regions.Region, bar_profile.Strip] = field(default_factory=dict)

    def add(self, found: list[Reading]) -> bool:
        self.readings = _distinct([*self.readings, *found])[:MOST_SYMBOLS]
        return bool(found)

    def holds(self, region: regions.Region) -> bool:
        """Whether what was read lies in `region`."""
        return any(_inside(reading.symbol, region) for reading in self.readings)


class CascadeDecoder:
    """`budget_ms` bounds step 3; one attempt may run over it. `clock` counts seconds, for tests."""

    def __init__(self, *, budget_ms: float = DEFAULT_BUDGET_MS, clock: Callable[[], float] = time.perf_counter) -> None:
        self._budget_s = budget_ms / 1000
        self._clock = clock
        self._turn = 0

    def decode(self, frame: Frame) -> list[Symbol]:
        return self.look(frame).symbols

    def look(self, frame: Frame) -> Look:
        grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        work = _Work(grey=grey, until=self._clock() + self._budget_s)
        places = regions.find(grey)
        for region in places:
            self._quick(work, region)
        if not work.readings:
            self._whole(work, invert=frame.number % INVERT_EVERY == 0)
        self._closer(work, places)
        unread = tuple(Unread(kind=region.kind, outline=region.corners) for region in places if not work.holds(region))
        return Look(readings=tuple(work.readings), rejections=tuple(work.rejections), unread=unread)

    def _quick(self, work: _Work, region: regions.Region) -> bool:
        if region.kind == regions.LINEAR:
            bars, work.strips[region] = bar_read.quick(work.grey, region)
            return bars is not None and work.add([_reading(bars.symbol, "bars", bars.likeness)])
        crop = regions.upright(work.grey, region, enlarge=min(2.0, max(1.0, SHARP_PX / max(region.width, region.height))))
        found = zxing.matrix_symbols(crop.image, downscale=max(crop.image.shape) > 500)
        return work.add([_reading(replace(symbol, outline=crop.in_frame(symbol.outline)), "zxing", 1.0) for symbol in found])

    def _linear(self, work: _Work, symbols: list[Symbol], crop: regions.Crop | None) -> list[Reading]:
        believed = []
        for symbol in symbols:
            placed = symbol if crop is None else replace(symbol, outline=crop.in_frame(symbol.outline))
            if second_look.confirms(work.grey, placed):
                believed.append(_reading(placed, "zxing", 0.95))
            else:
                work.rejections.append(
                    Rejection(format=_format(placed), text=placed.content.decode("utf-8", "replace"), reason="no-evidence")
                )
        return believed

    def _whole(self, work: _Work, *, invert: bool) -> None:
        scale = min(1.0, WHOLE_SIDE_PX / max(work.grey.shape))
        size = tuple(max(1, round(side * scale)) for side in work.grey.shape[::-1])
        small = cv2.resize(work.grey, size, interpolation=cv2.INTER_AREA) if scale < 1 else work.grey

        def placed(symbol: Symbol) -> Symbol:
            return replace(symbol, outline=tuple((round(x / scale), round(y / scale)) for x, y in symbol.outline))

        work.add([_reading(placed(symbol), "zxing", 1.0) for symbol in zxing.matrix_symbols(small, invert=invert)])
        work.add(self._linear(work, [placed(symbol) for symbol in zxing.linear_symbols(small)], None))

    def _closer(self, work: _Work, places: list[regions.Region]) -> None:
        """Unread regions, each as its kind is read; the next frame begins with the next of them."""
        open_ = [region for region in places if not work.holds(region)]
        matrix = any(not second_look.is_linear(reading.symbol) for reading in work.readings)
        if matrix:  # it says more than its neighbour could; but two labels in one view must both be told
            open_ = [region for region in open_ if region.kind == regions.LINEAR and work.strips[region].profiles[0].bars >= MOSTLY_BARS]
        elif work.readings:
            open_ = [region for region in open_ if region.kind == regions.MATRIX]
        if not open_:
            return
        begin = self._turn % len(open_)
        for region in open_[begin:] + open_[:begin]:
            if self._clock() > work.until:
                return
            self._turn += 1
            if region.kind == regions.MATRIX:
                symbol = matrix_read.read(work.grey, region, until=work.until, clock=self._clock)
                found = [] if symbol is None else [_reading(symbol, "grid", 0.99)]
            else:
                bars = bar_read.read(work.strips[region], until=work.until, clock=self._clock)
                found = [] if bars is None else [_reading(bars.symbol, "bars", bars.likeness)]
            if work.add(found):
                self._turn = 0
                return


def _reading(symbol: Symbol, reader: str, confidence: float) -> Reading:
    return Reading(symbol=symbol, format=_format(symbol), reader=reader, confidence=confidence)


_FORMATS = {"]d": "DataMatrix", "]Q": "QRCode", "]C": "Code128", "]E": "EAN13"}


def _format(symbol: Symbol) -> str:
    return _FORMATS.get(symbol.identifier[:2], "unknown")


def _inside(symbol: Symbol, region: regions.Region) -> bool:
    if not symbol.outline:
        return False
    x, y = outline.centre(symbol.outline)
    reach = max(region.width, region.height) / 2
    return abs(x - region.x) <= reach and abs(y - region.y) <= reach


def _distinct(readings: list[Reading]) -> list[Reading]:
    kept = distinct([reading.symbol for reading in readings])
    return [next(reading for reading in readings if reading.symbol is symbol) for symbol in kept]


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
