"""Laid out labels as one PDF for any printer that a computer knows, a page of the label's own size each; and what each page is made of."""

from __future__ import annotations

from collections.abc import Iterable

from fpdf import FPDF

from devices.printers import layout as layouts
from devices.printers import raster
from devices.printers.layout import Layout
from devices.printers.symbol import Drawn

FONT = "label"


def pdf(found: Iterable[Layout], *, title: str = "") -> bytes:
    """The symbols as sharp squares of whole printer dots, the words as text with all their marks. Raises: DeviceProtocolError."""
    page = empty(title)
    for each in found:
        raster.check(each)
        add(page, each.stock.width_mm, each.stock.height_mm)
        for code in each.codes:
            squares(page, code.drawn, left_mm=each.mm(code.left), top_mm=each.mm(code.top), side_mm=each.mm(code.module))
        for line in each.lines:
            page.set_font(FONT, "B" if line.bold else "", each.mm(line.size) / 25.4 * 72)
            page.text(each.mm(line.left), each.mm(line.top + line.baseline), line.text)
    return bytes(page.output())


def empty(title: str) -> FPDF:
    """Without a page yet; FONT is there, plain and bold, and what is filled is black."""
    page = FPDF(unit="mm")
    page.set_auto_page_break(False)
    page.set_margin(0)
    page.set_title(title)
    page.add_font(FONT, "", layouts.font_file(bold=False))
    page.add_font(FONT, "B", layouts.font_file(bold=True))
    page.set_fill_color(0)
    return page


def add(page: FPDF, wide_mm: float, high_mm: float) -> None:
    page.add_page(orientation="L" if wide_mm > high_mm else "P", format=(min(wide_mm, high_mm), max(wide_mm, high_mm)))


def squares(page: FPDF, drawn: Drawn, *, left_mm: float, top_mm: float, side_mm: float) -> None:
    """Black runs of each row as rectangles, `side_mm` a square: sharp at whatever resolution the printer has."""
    for number, row in enumerate(drawn.rows):
        start = 0
        while start < len(row):
            end = start
            while end < len(row) and row[end] == row[start]:
                end += 1
            if row[start]:
                page.rect(left_mm + start * side_mm, top_mm + number * side_mm, (end - start) * side_mm, side_mm, "F")
            start = end
