"""Where everything stands on a label, in dots of its printer: the symbol in whole dots a square, the words wrapped and shrunk to fit.

Nothing is ever cut off. What does not fit at the smallest size that can be read is refused, with the name of the field, so that a person
shortens it or takes a larger label. Must never print a symbol below the least size of its standard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import ImageFont

from devices.printers import symbol
from devices.printers.stock import LEAST_MODULE_MM, Stock
from devices.printers.symbol import Code, Drawn
from pointofcare.errors import UnreadableError

_FONTS = Path(__file__).parent / "fonts"
_GAP_MM = 1.2
# Above and below the line on which letters stand, in heights of the font: Vietnamese capitals carry two marks one above the other.
_ABOVE, _BELOW = 1.1, 0.22
_STEPS = 24
_TINY = 1e-6


class DoesNotFitError(UnreadableError):
    """A word or a line does not fit on the label at the smallest size. `fields["field"]` names it."""

    code = "label-does-not-fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`points` is the size that is wanted, `least` the smallest that can be read; `rows` is over how many rows it may be wrapped."""

    field: str
    text: str
    points: float
    least: float
    bold: bool = False
    rows: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a label of any kind says: one symbol, and lines from top to bottom."""

    code: Code
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedCode:
    """`left` and `top` are of the black squares, in dots; `module` is how many dots one square is wide."""

    left: int
    top: int
    module: int
    drawn: Drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """`size` is the font's height in dots; `width` is at most what was free for it."""

    field: str
    text: str
    left: int
    top: int
    size: int
    width: int
    bold: bool

    @property
    def baseline(self) -> int:
        """Dots from `top` to the line on which the letters stand."""
        return math.ceil(self.size * _ABOVE)

    @property
    def height(self) -> int:
        return _row(self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`width` and `height` in dots, upright."""

    stock: Stock
    dpi: int
    width: int
    height: int
    codes: tuple[PlacedCode, ...]
    lines: tuple[PlacedLine, ...]

    def mm(self, dots: float) -> float:
        return dots * 25.4 / self.dpi


def place(label: Label, stock: Stock, dpi: int) -> Layout:
    """Raises: DoesNotFitError, DeviceProtocolError (the code cannot be written)."""
    dots = dpi / 25.4
    width, height, margin = int(stock.width_mm * dots), int(stock.height_mm * dots), math.ceil(stock.margin_mm * dots)
    drawn = symbol.drawn(label.code)
    gap = math.ceil(_GAP_MM * dots)
    if stock.kind == "band":
        return _band(label, drawn, stock, dpi, width, height, margin, gap)
    if stock.stacked:
        module = _module(drawn, stock, dpi, min(width - 2 * margin, (height - 2 * margin) * 6 // 10))
        side = drawn.side * module
        code = PlacedCode(left=(width - side) // 2 + drawn.quiet * module, top=margin + drawn.quiet * module, module=module, drawn=drawn)
        lines = _fit(
            label.lines,
            dpi,
            left=margin,
            top=margin + side + gap,
            width=width - 2 * margin,
            height=height - 2 * margin - side - gap,
            at_top=True,
        )
        return Layout(stock=stock, dpi=dpi, width=width, height=height, codes=(code,), lines=_centred(lines, margin, width - 2 * margin))
    module = _module(drawn, stock, dpi, min(height - 2 * margin, (width - 2 * margin) // 2))
    side = drawn.side * module
    code = PlacedCode(left=margin + drawn.quiet * module, top=(height - side) // 2 + drawn.quiet * module, module=module, drawn=drawn)
    left = margin + side + gap
    lines = _fit(label.lines, dpi, left=left, top=margin, width=width - margin - left, height=height - 2 * margin)
    return Layout(stock=stock, dpi=dpi, width=width, height=height, codes=(code,), lines=lines)


def _band(label: Label, drawn: Drawn, stock: Stock, dpi: int, width: int, height: int, margin: int, gap: int) -> Layout:
    """The symbol several times along the band, so that one looks up whichever way the wrist lies, the words twice between them."""
    dots = dpi / 25.4
    start, across = math.ceil(stock.start_mm * dots), height - 2 * math.ceil(1.0 * dots)
    module = _module(drawn, stock, dpi, across)
    side = drawn.side * module
    end = width - margin
    words = int(max(48 * dots, min(85 * dots, (end - start) / 2 - side - gap)))
    codes: list[PlacedCode] = []
    lines: list[PlacedLine] = []
    left = start
    while left + side <= end:
        codes.append(
            PlacedCode(left=left + drawn.quiet * module, top=(height - side) // 2 + drawn.quiet * module, module=module, drawn=drawn)
        )
        left += side + gap
        if left + words <= end:
            lines += _fit(label.lines, dpi, left=left, top=(height - across) // 2, width=words - gap, height=across)
            left += words
        left += gap
    if not codes or not lines:
        raise _unfit("code")
    return Layout(stock=stock, dpi=dpi, width=width, height=height, codes=tuple(codes), lines=tuple(lines))


def _module(drawn: Drawn, stock: Stock, dpi: int, room: int) -> int:
    """Whole dots a square: as wanted where there is room, never below the standard's least. Raises: DoesNotFitError."""
    dot_mm = 25.4 / dpi
    least = math.ceil(LEAST_MODULE_MM / dot_mm - _TINY)
    wanted = max(least, round(stock.module_mm / dot_mm))
    fits = min(wanted, room // drawn.side)
    if fits < least:
        raise _unfit("code")
    return fits


def _fit(lines: Sequence[Line], dpi: int, *, left: int, top: int, width: int, height: int, at_top: bool = False) -> tuple[PlacedLine, ...]:
    """All lines as large as they fit together, in the middle of the height. Raises: DoesNotFitError, naming who asks for most."""
    shown = [line for line in lines if line.text.strip()]
    for step in range(_STEPS + 1):
        share = 1 - step / _STEPS
        rows = [_sized(line, share, width, dpi) for line in shown]
        tall = sum(_row(size) * len(found) for _, size, found in rows)
        if all(found for _, _, found in rows) and tall <= height:
            break
    else:
        broken = next((line.field for line, _, found in rows if not found), "")
        raise _unfit(broken or max(rows, key=lambda each: len(each[2]) * each[1])[0].field)
    placed = []
    if not at_top:
        top += (height - tall) // 2
    for line, size, found in rows:
        for text in found:
            placed.append(
                PlacedLine(
                    field=line.field, text=text, left=left, top=top, size=size, width=_long(text, size, bold=line.bold), bold=line.bold
                )
            )
            top += _row(size)
    return tuple(placed)


def _sized(line: Line, share: float, width: int, dpi: int) -> tuple[Line, int, list[str]]:
    """The line between its smallest size (`share` 0) and the wanted one (1), with the rows that it takes."""
    size = _dots(line.least + (line.points - line.least) * share, dpi)
    return line, size, _wrapped(line, size, width)


def _wrapped(line: Line, size: int, width: int) -> list[str]:
    """The rows that the line takes at this size, [] when it takes more than it may, or has a word that is too wide."""
    found: list[str] = []
    for word in line.text.split():
        if _long(word, size, bold=line.bold) > width:
            return []
        longer = f"{found[-1]} {word}" if found else word
        if found and _long(longer, size, bold=line.bold) <= width:
            found[-1] = longer
        else:
            found.append(word)
    return found if len(found) <= line.rows else []


def _centred(lines: tuple[PlacedLine, ...], left: int, width: int) -> tuple[PlacedLine, ...]:
    return tuple(
        PlacedLine(
            field=line.field,
            text=line.text,
            left=left + max(0, (width - line.width) // 2),
            top=line.top,
            size=line.size,
            width=line.width,
            bold=line.bold,
        )
        for line in lines
    )


def _dots(points: float, dpi: int) -> int:
    return max(1, int(points * dpi / 72))


def _row(size: int) -> int:
    """Dots from one row to the next."""
    return math.ceil(size * _ABOVE) + math.ceil(size * _BELOW)


@lru_cache(maxsize=8192)
def _long(text: str, size: int, *, bold: bool) -> int:
    wide: float = font(size, bold=bold).getlength(text)
    return math.ceil(wide)


@lru_cache(maxsize=256)
def font(size: int, *, bold: bool) -> Any:
    """The font that is measured and drawn with, `size` dots high."""
    return ImageFont.truetype(str(_FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), size)


def font_file(*, bold: bool) -> Path:
    return _FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")


def _unfit(field: str) -> DoesNotFitError:
    return DoesNotFitError(f"the {field} does not fit on the label", remedy="shorten it, or take a larger label", field=field)
