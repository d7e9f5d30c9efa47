"""A laid out label as a picture of its printer's dots: for the screen's preview, for ZPL, and to read it back before it is printed."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image, ImageDraw

from devices.printers import symbol
from devices.printers.layout import Layout, PlacedCode, PlacedLine, font
from pointofcare.errors import DeviceProtocolError


def picture(layout: Layout) -> Image.Image:
    """Upright, one pixel a dot, mode "1", True is paper."""
    paper = Image.new("1", (layout.width, layout.height), 1)
    for code in layout.codes:
        paper.paste(code_picture(code), (code.left, code.top))
    for line in layout.lines:
        drawn = line_picture(line)
        paper.paste(drawn, (line.left, line.top))
    return paper


def code_picture(code: PlacedCode) -> Image.Image:
    """The squares alone, without the quiet zone."""
    side = len(code.drawn.rows)
    small = Image.new("1", (side, side), 1)
    small.putdata([0 if black else 1 for row in code.drawn.rows for black in row])
    return small.resize((side * code.module, side * code.module), Image.Resampling.NEAREST)


def line_picture(line: PlacedLine) -> Image.Image:
    """One row of words, with room for the marks above and below."""
    paper = Image.new("1", (line.width + 1, line.height), 1)
    draw = ImageDraw.Draw(paper)
    draw.fontmode = "1"
    draw.text((0, line.baseline), line.text, font=font(line.size, bold=line.bold), fill=0, anchor="ls")
    return paper


def png(layout: Layout, *, scale: int = 2) -> bytes:
    drawn = picture(layout)
    out = io.BytesIO()
    drawn.resize((drawn.width * scale, drawn.height * scale), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def check(layout: Layout) -> None:
    """Reads each symbol from the dots that will be printed. Raises: DeviceProtocolError."""
    for code in layout.codes:
        quiet = code.drawn.quiet * code.module
        squares = code_picture(code)
        around = Image.new("L", (squares.width + 2 * quiet, squares.height + 2 * quiet), 255)
        around.paste(squares.convert("L"), (quiet, quiet))
        found = zxingcpp.read_barcode(around)
        if found is None or not symbol.says(code.drawn.code, found.symbology_identifier, bytes(found.bytes)):
            raise DeviceProtocolError("a label's code does not read back", remedy="print again; tell the administrator if it stays so")
