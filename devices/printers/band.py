"""A wristband as a PDF page of the band's own size: GS1 DataMatrix with AI 8018 and 8019, and the words that a nurse compares.

The symbol stands on the band several times, so that one of them looks up whichever way the wrist lies. Must never print a symbol that
says anything else than the band it was given: the content is read back before the page is returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from fpdf import FPDF

from devices.printers import pages, symbol
from devices.printers.symbol import Code

_GAP_MM = 4.0
_MARGIN_MM = 3.0
_QUIET_MODULES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of the band, in millimetres; `clasp_mm` at its end stays empty, `module_mm` is one square of the symbol."""

    width_mm: float
    length_mm: float
    clasp_mm: float
    module_mm: float


# Direct thermal bands as they are sold: 25 x 279 mm for adults, 25 x 178 mm for children, 19 x 160 mm for infants.
SIZES = MappingProxyType(
    {
        "adult": Size(width_mm=25, length_mm=279, clasp_mm=35, module_mm=0.55),
        "child": Size(width_mm=25, length_mm=178, clasp_mm=28, module_mm=0.5),
        "infant": Size(width_mm=19, length_mm=160, clasp_mm=28, module_mm=0.42),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """`lines` stand below the name; `birth_date` None prints nothing in its place."""

    gsrn: str
    srin: str
    name: str
    mrn: str
    birth_date: date | None = None
    lines: tuple[str, ...] = ()


def pdf(band: Band, size: Size) -> bytes:
    """One page. Raises: DeviceProtocolError: the symbol cannot be written, or does not read back."""
    drawn = symbol.drawn(Code(kind="gs1-datamatrix", text=f"(8018){band.gsrn}(8019){band.srin}"))
    page = pages.empty(f"{band.gsrn}/{band.srin}")
    pages.add(page, size.length_mm, size.width_mm)
    side = (len(drawn.rows) + 2 * _QUIET_MODULES) * size.module_mm
    quiet = _QUIET_MODULES * size.module_mm
    words_mm = max(48.0, min(85.0, (size.length_mm - size.clasp_mm) / 2 - side - _GAP_MM))
    left = size.clasp_mm
    while left + side <= size.length_mm - _MARGIN_MM:
        pages.squares(page, drawn, left_mm=left + quiet, top_mm=(size.width_mm - side) / 2 + quiet, side_mm=size.module_mm)
        left += side + 1
        if left + words_mm <= size.length_mm - _MARGIN_MM:
            _words(page, band, left, words_mm, size)
            left += words_mm
        left += _GAP_MM
    return bytes(page.output())


def _words(page: FPDF, band: Band, left: float, width_mm: float, size: Size) -> None:
    born = f"{band.birth_date:%d/%m/%Y}" if band.birth_date is not None else ""
    rows = [(band.name, "B", 11.5), ("   ".join(each for each in (born, band.mrn) if each), "B", 10.0)]
    rows += [(line, "", 7.5) for line in band.lines]
    rows.append((f"(8018) {band.gsrn} (8019) {band.srin}", "", 5.5))
    room = (size.width_mm - 2) / sum(points for _, _, points in rows)
    top = 1.0
    for text, style, points in rows:
        height = points * min(0.62, room)
        _fit(page, text, style, height / 0.46, width_mm)
        page.set_xy(left, top)
        page.cell(width_mm, height, text)
        top += height


def _fit(page: FPDF, text: str, style: str, points: float, width_mm: float) -> None:
    """As large as it fits on its line: a long name is smaller, and never cut off."""
    page.set_font(pages.FONT, style, points)
    wide = page.get_string_width(text)
    if wide > width_mm - 2:
        page.set_font(pages.FONT, style, points * (width_mm - 2) / wide)
