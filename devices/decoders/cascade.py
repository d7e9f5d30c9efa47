"""The cart's decoder: regions first, a look at the whole frame when they give nothing, then closer work inside a time budget.

1. Patches that could be a code (`regions`), each upright and enlarged, by zxing-cpp: those of a coarse search, and when these are not
   all, or gave nothing, those of a fine one, which finds what is small.
2. When that gave nothing: zxing-cpp over the whole frame, made smaller; small codes are the regions' business.
3. What is located and unread, until the budget is spent: grids of modules (`matrix_read`), bars by likelihood (`bar_read`).

In a stream, what was read in the picture before is looked for where it was; only when it is not all there, and in every third picture, is
the rest searched too, for a second label may have come into view. One in which nothing was read for some pictures has 1 and 3 for the
strongest and for what stayed where it was, and 2 in some pictures only.

A linear code is believed only with evidence from the picture itself; a matrix code carries its own error correction. Must never
return a linear code that one reader merely claims, nor two symbols for one place.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from devices.decoders import bar_profile, bar_read, matrix_read, outline, quality, regions, second_look, switched_on, zxing
from devices.ports import Frame, Look, Reading, Rejection, Unread
from pointofcare.errors import DeviceError
from pointofcare.labels import symbologies as named
from pointofcare.labels.symbol import Symbol

DEFAULT_BUDGET_MS = 100.0
INVERT_EVERY = 5
WHOLE_SIDE_PX = 960
LARGE_SHARE = 0.4  # of the picture's longer side: a code that large is seen in the whole picture, made smaller
QUICK_SHARE = 0.3  # of the strongest block's strength, below which a block is not looked at
CLOSE_SHARE, CLOSE_SHAPE, CLOSE_COHERENCE = 0.5, 0.5, 0.25  # the same for close work; least and most of what a block may be for it
LARGEST_SIDE_PX = 2560
MOST_SYMBOLS = 64
MOSTLY_BARS = 20
ROW_COHERENCE = 0.75  # of bars that are a code's if they are the strongest in the picture
MOST_UNREAD = 3
LEAST_SIDE_PX = 24
SPOT_PX = 48
VAIN_TRIES, REST_FRAMES = 3, 4
STREAM_GAP = 8  # between the numbers of two pictures, beyond which they are no stream
CALM_AFTER, CALM_WHOLE, CALM_BARS = (
    4,
    4,
    2,
)  # pictures in a row without a reading; and of what follows one in so many is searched as a whole
LABEL_BESIDE = 0.75  # of the strength of what the coarse search gave, from which on another block asks for the fine one
SECOND_LABEL = 0.5  # of the strength of what was read, below which a patch is no further label
FOLLOWED = 2  # pictures in a row in which only what was read before is looked for
MOST_FOLLOWED = 3  # symbols, with more of which the whole picture is searched as well
SAME_PLACE, SAME_SIZE, SAME_LEAN_DEG = 0.2, 0.3, 5.0  # of bars' longer side; of their sides; of patches that are one
THUMB_PX, ALIKE = 8, 0.6  # a place from afar; how like it must be (1: the same) before it is read again
BESIDE_SHARE = 0.12  # of the budget, for what lies unread beside what was read
SHARP_PX = 240.0  # a matrix code that is larger needs no enlarging


@dataclass(frozen=True, slots=True, kw_only=True)
class _Followed:
    """A symbol of the picture before, where it was and what that place looked like."""

    region: regions.Region
    symbol: Symbol
    look: Any


@dataclass(slots=True)
class _Work:
    """What one frame has given so far."""

    grey: Any
    begun: float
    until: float
    readings: list[Reading] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    strips: dict[regions.Region, bar_profile.Strip] = field(default_factory=dict)
    claimed: dict[regions.Region, bar_read.Claimed] = field(default_factory=dict)
    closer: set[regions.Region] = field(default_factory=set)
    # What was claimed of an upright strip and the picture did not support: a look along a straight line would not either.
    refused: set[tuple[str, bytes]] = field(default_factory=set)

    def add(self, found: list[Reading]) -> bool:
        self.readings = _distinct([*self.readings, *found])[:MOST_SYMBOLS]
        return bool(found)

    def holds(self, region: regions.Region) -> bool:
        """Whether what was read lies in `region`."""
        return any(_inside(reading.symbol, region) for reading in self.readings)


class CascadeDecoder:
    """`budget_ms` bounds the close work on one picture, in processor time; one attempt may run over it. `clock` counts seconds.
    `symbologies`: what a site switched on beside what is always read. Raises: ConfigError."""

    def __init__(
        self, *, budget_ms: float = DEFAULT_BUDGET_MS, clock: Callable[[], float] = time.thread_time, symbologies: Collection[str] = ()
    ) -> None:
        self._switched_on = named.switched_on(symbologies)
        self._budget_s = budget_ms / 1000
        self._clock = clock
        self._vain: dict[tuple[int, int], int] = {}
        self._number: int | None = None
        self._nothing = 0
        # What the picture before gave, each with where it was; and for how many pictures nothing else was looked for.
        self._before: tuple[_Followed, ...] = ()
        self._followed = 0
        self._unsearched = 0  # pictures of the stream since one was searched finely

    def decode(self, frame: Frame) -> list[Symbol]:
        return self.look(frame).symbols

    def look(self, frame: Frame) -> Look:
        """Raises: DeviceError for what is no picture of a camera (height x width x 3, uint8)."""
        grey, scale = _grey(frame.image)
        if min(grey.shape) < LEAST_SIDE_PX:
            return Look()
        calm = self._calm(frame.number)
        begun = self._clock()
        work = _Work(grey=grey, begun=begun, until=begun + self._budget_s)
        if self._follow(work):
            return Look(readings=tuple(_enlarged(reading, scale) for reading in work.readings), quality=quality.of(grey))
        places = coarse = regions.find(grey, side_px=regions.COARSE_SIDE_PX)
        bars = not calm or frame.number % CALM_BARS == 0  # which are dear to follow, and are back in the next picture
        self._look_at(work, [one for one in _foremost(coarse) if bars or one.kind == regions.MATRIX], calm)
        hopeful: list[regions.Region] = []
        if (self._unsearched >= FOLLOWED or not self._is_all(work, coarse)) and (not calm or frame.number % CALM_WHOLE == 0):
            fine = [one for one in regions.find(grey) if not any(_is_same_bars(one, other) for other in work.strips)]
            self._look_at(work, fine, calm)
            hopeful = _worth_more(work, fine)
            places = fine + coarse
            self._unsearched = -1
        hopeful += _worth_more(work, coarse)
        awake = [region for region in hopeful if not self._rests(frame.number, region)]
        if calm:
            awake = [region for region in awake if self._stayed(region)]
        awake.sort(key=lambda region: self._vain.get(_spot(region), 0))
        # One block a picture: where a code stays unread, the next one comes first in the next.
        blocks = [region for region in awake if region.kind == regions.MATRIX]
        awake = blocks[:1] + [region for region in awake if region.kind == regions.LINEAR]
        if not work.readings:
            # Bars that are the strongest in the picture are followed while there is time; a block has the rest of it.
            most = max((one.strength for one in places), default=0.0)
            rows = [one for one in awake if one.kind == regions.LINEAR and one.coherence >= ROW_COHERENCE and one.strength == most]
            self._closer(work, rows + blocks[:1], work.until)
        large = any(max(one.width, one.height) >= LARGE_SHARE * max(grey.shape) for one in places[:1])
        if not work.readings and (not calm or large or work.strips or frame.number % CALM_WHOLE == 0):
            linear = any(strip.profiles[0].bars >= bar_read.LEAST_BARS for strip in work.strips.values())
            linear = linear or frame.number % REST_FRAMES == 1
            self._whole(work, invert=frame.number % INVERT_EVERY == 0, linear=linear)
        self._closer(work, awake, work.until if not work.readings else self._clock() + self._budget_s * BESIDE_SHARE)
        if self._switched_on:
            more = switched_on.look(grey, self._switched_on, [reading.symbol for reading in work.readings])
            work.add([_reading(symbol, "zxing", 0.95) for symbol in more.believed])
            work.rejections += more.rejected
        self._unsearched += 1
        self._remember(work, places)
        self._before, self._followed = _followed(grey, work.readings, places), 0
        readings = tuple(_enlarged(reading, scale) for reading in work.readings)
        unread = tuple(
            Unread(kind=region.kind, outline=_grown(region.corners, scale), hints=() if readings else quality.hints(grey, region))
            for region in places[:MOST_UNREAD]
            if not work.holds(region)
        )
        return Look(readings=readings, rejections=tuple(work.rejections[:MOST_SYMBOLS]), unread=unread, quality=quality.of(grey))

    def _is_all(self, work: _Work, places: list[regions.Region]) -> bool:
        """Whether what was read can be expected to be all that is there: beside it no block of edges that could be another label."""
        if not work.readings:
            return False
        least = LABEL_BESIDE * max((one.strength for one in places if work.holds(one)), default=0.0)
        return not any(one.kind == regions.MATRIX and one.strength >= least and not work.holds(one) for one in places)

    def _look_at(self, work: _Work, places: list[regions.Region], calm: bool) -> None:
        """The quick look at each place that is worth one."""
        enough = 0.0
        looks = _worth_a_look(places, max(work.grey.shape))
        for region in looks:
            foremost = next(one for one in looks if one.kind == region.kind)
            if region.strength < enough or (calm and region is not foremost and not self._stayed(region)):
                continue
            if self._quick(work, region) and region.kind == regions.MATRIX:
                enough = max(enough, SECOND_LABEL * region.strength)

    def _remember(self, work: _Work, places: list[regions.Region]) -> None:
        """Where close work was in vain: a place that stays so is tried at every fourth picture only, until something is read."""
        self._nothing = 0 if work.readings else self._nothing + 1
        if work.readings:
            self._vain.clear()
            return
        tried = {_spot(region): self._vain.get(_spot(region), 0) + 1 for region in work.closer}
        self._vain = {_spot(region): self._vain.get(_spot(region), 0) for region in places} | tried

    def _calm(self, number: int) -> bool:
        """Whether this picture goes on a stream in which nothing was read lately. Single pictures always get all the work."""
        follows = self._number is not None and 0 < number - self._number <= STREAM_GAP
        self._number = number
        if not follows:
            self._nothing, self._before, self._unsearched = 0, (), 0
            self._vain.clear()
        return self._nothing >= CALM_AFTER

    def _follow(self, work: _Work) -> bool:
        """Whether all that the picture before gave is where it was, and it is not time to look at the rest of the picture."""
        if not self._before or self._followed >= FOLLOWED or self._switched_on:
            return False
        again = []
        for one in self._before:
            if not _is_alike(one.look, _thumb(work.grey, one.region)):
                return False
            self._quick(work, one.region)
            found = next((each.symbol for each in work.readings if _is_again(each.symbol, one)), None)
            if found is None:
                return False
            (x, y), (x0, y0) = outline.centre(found.outline), outline.centre(one.symbol.outline)
            moved = replace(one.region, x=one.region.x + x - x0, y=one.region.y + y - y0)
            again.append(_Followed(region=moved, symbol=found, look=_thumb(work.grey, moved)))
        if len(work.readings) != len(again):  # something beside it was read too
            return False
        self._before = tuple(again)
        self._followed += 1
        self._unsearched += 1
        return True

    def _stayed(self, region: regions.Region) -> bool:
        """Whether something was there in the picture before: who holds a code before the lens holds it there."""
        across, down = _spot(region)
        return any(abs(across - x) <= 1 and abs(down - y) <= 1 for x, y in self._vain)

    def _rests(self, number: int, region: regions.Region) -> bool:
        return self._vain.get(_spot(region), 0) >= VAIN_TRIES and number % REST_FRAMES != 0

    def _quick(self, work: _Work, region: regions.Region) -> bool:
        if region.kind == regions.LINEAR:
            bars, work.strips[region] = bar_read.quick(work.grey, region)
            if bars is not None:
                return work.add([_reading(bars.symbol, "bars", bars.likeness)])
            return work.strips[region].profiles[0].bars >= bar_read.LEAST_BARS and work.add(self._claimed(work, region))
        crop = regions.upright(work.grey, region, margin=0.35, enlarge=min(2.0, max(1.0, SHARP_PX / max(region.width, region.height))))
        found = zxing.matrix_symbols(crop.image, downscale=max(crop.image.shape) > 500)
        return work.add([_reading(replace(symbol, outline=crop.in_frame(symbol.outline)), "zxing", 1.0) for symbol in found])

    def _claimed(self, work: _Work, region: regions.Region) -> list[Reading]:
        """What zxing-cpp says of an upright strip, where the picture supports it; else it is kept as where close work begins."""
        crop = work.strips[region].crop
        believed = []
        for symbol in zxing.linear_symbols(crop.image, rotate=False):
            placed = replace(symbol, outline=crop.in_frame(symbol.outline))
            if second_look.confirms(work.grey, placed, begins=(0,)):
                believed.append(_reading(placed, "zxing", 0.95))
            elif symbol.outline:
                work.refused.add((symbol.identifier, symbol.content))
                begin, end = symbol.outline[0][0], symbol.outline[1][0]
                work.claimed[region] = bar_read.Claimed(ean=symbol.identifier == "]E0", turned=end < begin)
        return believed

    def _linear(self, work: _Work, symbols: list[Symbol]) -> list[Reading]:
        believed = []
        for symbol in symbols:
            told = symbol.identifier, symbol.content
            if told not in work.refused and second_look.confirms(work.grey, symbol, begins=(0, 2)):
                believed.append(_reading(symbol, "zxing", 0.95))
            else:
                work.rejections.append(
                    Rejection(format=_format(symbol), text=symbol.content.decode("utf-8", "replace"), reason="no-evidence")
                )
        return believed

    def _whole(self, work: _Work, *, invert: bool, linear: bool) -> None:
        scale = min(1.0, WHOLE_SIDE_PX / max(work.grey.shape))
        small = cv2.resize(work.grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else work.grey

        def placed(symbol: Symbol) -> Symbol:
            return replace(symbol, outline=tuple((round(x / scale), round(y / scale)) for x, y in symbol.outline))

        work.add([_reading(placed(symbol), "zxing", 1.0) for symbol in zxing.matrix_symbols(small, invert=invert)])
        if linear:
            work.add(self._linear(work, [placed(symbol) for symbol in zxing.linear_symbols(small)]))

    def _closer(self, work: _Work, places: list[regions.Region], until: float) -> None:
        """Unread regions, each as its kind is read."""
        open_ = [region for region in places if region not in work.closer and not work.holds(region)]
        matrix = any(not second_look.is_linear(reading.symbol) for reading in work.readings)
        if matrix:  # it says more than its neighbour could; but two labels in one view must both be told
            open_ = [region for region in open_ if region in work.strips and work.strips[region].profiles[0].bars >= MOSTLY_BARS]
        elif work.readings:
            open_ = [region for region in open_ if region.kind == regions.MATRIX]
        if not open_:
            return
        for region in open_:
            if self._clock() > until:
                return
            work.closer.add(region)
            if region.kind == regions.MATRIX:
                symbol = matrix_read.read(work.grey, region, until=until, clock=self._clock)
                found = [] if symbol is None else [_reading(symbol, "grid", 0.99)]
            else:
                bars = bar_read.read(work.strips[region], until=until, clock=self._clock, claimed=work.claimed.get(region))
                found = [] if bars is None else [_reading(bars.symbol, "bars", bars.likeness)]
            if work.add(found):
                return


def _foremost(places: list[regions.Region]) -> list[regions.Region]:
    """The strongest of each kind, and what is nearly as strong."""
    best = {kind: max((one.strength for one in places if one.kind == kind), default=0.0) for kind in (regions.MATRIX, regions.LINEAR)}
    return [one for one in places if one.strength >= SECOND_LABEL * best[one.kind]]


def _worth_a_look(places: list[regions.Region], side_px: int) -> list[regions.Region]:
    """Blocks first, for a look at one costs a fraction of what following bars does; without what is much weaker than the strongest."""
    blocks = [region for region in places if region.kind == regions.MATRIX]
    least = QUICK_SHARE * max((region.strength for region in blocks), default=0.0)
    blocks = [one for one in blocks if one.strength >= least and max(one.width, one.height) < LARGE_SHARE * side_px]
    return blocks + [one for one in places if one.kind == regions.LINEAR and one.coherence >= bar_read.LEAST_COHERENCE]


def _worth_more(work: _Work, places: list[regions.Region]) -> list[regions.Region]:
    """Where close work can be expected to give something: the strongest blocks, and bars that are no text and do not repeat."""
    least = CLOSE_SHARE * max((region.strength for region in places), default=0.0)
    blocks = [one for one in places if one.kind == regions.MATRIX and one.strength >= least and one.coherence <= CLOSE_COHERENCE]
    blocks = [one for one in blocks if min(one.width, one.height) >= CLOSE_SHAPE * max(one.width, one.height)]
    return blocks + [region for region in places if region in work.strips and bar_read.hopeful(region, work.strips[region])]


def _is_same_bars(one: regions.Region, other: regions.Region) -> bool:
    """Whether following the bars of `one` would say what following those of `other` said, at the same price."""
    if one.kind != regions.LINEAR or other.kind != regions.LINEAR:
        return False
    if abs((one.angle_deg - other.angle_deg + 90) % 180 - 90) > SAME_LEAN_DEG:
        return False
    near = SAME_PLACE * max(other.width, other.height)
    sizes = (one.width / other.width, one.height / other.height)
    return math.dist((one.x, one.y), (other.x, other.y)) < near and all(1 - SAME_SIZE < size < 1 + SAME_SIZE for size in sizes)


def _grey(image: Any) -> tuple[Any, float]:
    """The picture in grey, no larger than is useful, and by what its places must be multiplied to be those of the frame."""
    if getattr(image, "ndim", 0) != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise DeviceError("this is no picture of a camera", shape=str(getattr(image, "shape", "")), type=str(getattr(image, "dtype", "")))
    factor = max(image.shape[:2]) / LARGEST_SIDE_PX
    if factor > 1:
        size = (max(1, round(image.shape[1] / factor)), max(1, round(image.shape[0] / factor)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), max(1.0, factor)


def _spot(region: regions.Region) -> tuple[int, int]:
    return round(region.x / SPOT_PX), round(region.y / SPOT_PX)


def _followed(grey: Any, readings: list[Reading], places: list[regions.Region]) -> tuple[_Followed, ...]:
    """Empty where one of them has no place to look at again."""
    symbols = [reading.symbol for reading in readings]
    if any(len(symbol.outline) != 4 for symbol in symbols) or len(symbols) > MOST_FOLLOWED:
        return ()
    at = [(symbol, _place(symbol, places)) for symbol in symbols]
    return tuple(_Followed(region=region, symbol=symbol, look=_thumb(grey, region)) for symbol, region in at)


def _place(symbol: Symbol, places: list[regions.Region]) -> regions.Region:
    """The patch that `symbol` was read in, or, where the whole picture was searched, one made from its corners."""
    kind = regions.LINEAR if second_look.is_linear(symbol) else regions.MATRIX
    for region in places:
        if region.kind == kind and _inside(symbol, region):
            return region
    x, y = outline.centre(symbol.outline)
    width, height, angle_deg = outline.sides(symbol.outline)
    return regions.Region(x=x, y=y, width=max(1.0, width), height=max(1.0, height), angle_deg=angle_deg, kind=kind)


def _thumb(grey: Any, region: regions.Region) -> Any:
    """What a place looks like from afar, without its brightness and contrast: enough to tell that something else is there now."""
    reach = 0.75 * max(region.width, region.height)
    top, left = max(0, round(region.y - reach)), max(0, round(region.x - reach))
    part = grey[top : max(top + 1, round(region.y + reach)), left : max(left + 1, round(region.x + reach))]
    if 0 in part.shape:
        return np.zeros((THUMB_PX, THUMB_PX), np.float32)
    small = cv2.resize(part, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    return small / max(1.0, float(np.linalg.norm(small)))


def _is_alike(one: Any, other: Any) -> bool:
    return float((one * other).sum()) >= ALIKE


def _is_again(found: Symbol, before: _Followed) -> bool:
    symbol = before.symbol
    return found.content == symbol.content and found.identifier == symbol.identifier and _inside(found, before.region)


def _grown(place: outline.Outline, scale: float) -> outline.Outline:
    return place if scale == 1 else tuple((round(x * scale), round(y * scale)) for x, y in place)


def _enlarged(reading: Reading, scale: float) -> Reading:
    return reading if scale == 1 else replace(reading, symbol=replace(reading.symbol, outline=_grown(reading.symbol.outline, scale)))


def _reading(symbol: Symbol, reader: str, confidence: float) -> Reading:
    return Reading(symbol=symbol, format=_format(symbol), reader=reader, confidence=confidence)


_FORMATS = {"]d": "DataMatrix", "]Q": "QRCode", "]C": "Code128", "]E": "EAN13"}


def _format(symbol: Symbol) -> str:
    return switched_on.name(symbol) or _FORMATS.get(symbol.identifier[:2], "unknown")


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


def open_decoder(*, symbologies: Collection[str] = ()) -> CascadeDecoder:
    return CascadeDecoder(symbologies=symbologies)
