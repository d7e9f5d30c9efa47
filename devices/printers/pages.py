"""Laid out labels as one PDF, a page of the label's own size each: for any printer that a computer knows."""

from __future__ import annotations

from collections.abc import Iterable

from fpdf import FPDF

from devices.printers import layout as layouts
from devices.printers import raster
from devices.printers.layout import Layout, PlacedCode


def pdf(found: Iterable[Layout], *, title: str = "") -> bytes:
    """The symbols as sharp squares of whole printer dots, the words as text with all their marks. Raises: DeviceProtocolError."""
    page = FPDF(unit="mm")
    page.set_auto_page_break(False)
    page.set_margin(0)
    page.set_title(title)
    page.add_font("label", "", layouts.font_file(bold=False))
    page.add_font("label", "B", layouts.font_file(bold=True))
    page.set_fill_color(0)
    for each in found:
        raster.check(each)
        size = (each.stock.width_mm, each.stock.height_mm)
        page.add_page(orientation="L" if size[0] > size[1] else "P", format=(min(size), max(size)))
        for code in each.codes:
            _squares(page, code, each)
        for line in each.lines:
            page.set_font("label", "B" if line.bold else "", each.mm(line.size) / 25.4 * 72)
            page.text(each.mm(line.left), each.mm(line.top + line.baseline), line.text)
    return bytes(page.output())


def _squares(page: FPDF, code: PlacedCode, layout: Layout) -> None:
    """Black runs of each row."""
    side = layout.mm(code.module)
    left, top = layout.mm(code.left), layout.mm(code.top)
    for number, row in enumerate(code.drawn.rows):
        start = 0
        while start < len(row):
            end = start
            while end < len(row) and row[end] == row[start]:
                end += 1
            if row[start]:
                page.rect(left + start * side, top + number * side, (end - start) * side, side, "F")
            start = end
