"""Laid out labels as ZPL II, one format a label.

Symbols are always sent as the dots that were read back, so that nothing depends on how a printer draws a symbol. Words are sent the same
way, or as text (`font`) with ^CI28, UTF-8, and ^FH, so that no sign of a name is ever a command. Must never let text from outside stand
in a format unescaped.
Source: Zebra, ZPL II Programming Guide: ^GF (with its alternative data compression), ^FH, ^CI, ^FO.
"""

from __future__ import annotations

from itertools import groupby

from PIL import Image

from devices.printers import raster
from devices.printers.layout import Layout

# The printer's own Unicode font, which Zebra ships in its printers' memory.
UNICODE_FONT = "E:TT0003M_.TTF"
_ESCAPED = "_^~\\"
_TWENTIES, _ONES = "ghijklmnopqrstuvwxyz", "GHIJKLMNOPQRSTUVWXY"


def of(layout: Layout, *, font: bool = False) -> bytes:
    """One label. The symbols are read back first. Raises: DeviceProtocolError."""
    raster.check(layout)
    turned = layout.stock.turned
    width, height = (layout.height, layout.width) if turned else (layout.width, layout.height)
    fields = [f"^XA^CI28^PW{width}^LL{height}^LH0,0^PQ1,0,1,Y\n"]
    for code in layout.codes:
        fields.append(_graphic(raster.code_picture(code), code.left, code.top, layout))
    for line in layout.lines:
        if font and not turned:
            fields.append(f"^FO{line.left},{line.top}^A@N,{line.size},{line.size},{UNICODE_FONT}^FH_^FD{escaped(line.text)}^FS\n")
        elif font:
            left, top = _turned(line.left, line.top, line.width, line.height, layout)
            fields.append(f"^FO{left},{top}^A@R,{line.size},{line.size},{UNICODE_FONT}^FH_^FD{escaped(line.text)}^FS\n")
        else:
            fields.append(_graphic(raster.line_picture(line), line.left, line.top, layout))
    fields.append("^XZ\n")
    return "".join(fields).encode()


def escaped(text: str) -> str:
    """As a field's data behind ^FH_: what could be a command is written as hexadecimal, control characters too."""
    return "".join(f"_{ord(sign):02X}" if sign in _ESCAPED or ord(sign) < 32 or ord(sign) == 127 else sign for sign in text)


def _turned(left: int, top: int, width: int, height: int, layout: Layout) -> tuple[int, int]:
    """Where a box stands once the label is turned a quarter clockwise."""
    del width
    return layout.height - top - height, left


def _graphic(drawn: Image.Image, left: int, top: int, layout: Layout) -> str:
    if layout.stock.turned:
        left, top = _turned(left, top, drawn.width, drawn.height, layout)
        drawn = drawn.transpose(Image.Transpose.ROTATE_270)
    row_bytes = -(-drawn.width // 8)
    # In PIL a set bit is paper, in ZPL it is black.
    flat = Image.new("1", (row_bytes * 8, drawn.height), 1)
    flat.paste(drawn, (0, 0))
    data = bytes(255 - value for value in flat.tobytes())
    total = len(data)
    rows = [data[start : start + row_bytes].hex().upper() for start in range(0, total, row_bytes)]
    return f"^FO{max(0, left)},{max(0, top)}^GFA,{total},{total},{row_bytes},{_compressed(rows)}^FS\n"


def _compressed(rows: list[str]) -> str:
    """ ":" is the row before again, "," zeros to the end of the row, a letter repeats the sign behind it."""
    found = []
    before = ""
    for row in rows:
        if row == before:
            found.append(":")
            continue
        before = row
        bare = row.rstrip("0")
        found.append("".join(_run(sign, len(list(group))) for sign, group in groupby(bare)) + ("," if len(bare) < len(row) else ""))
    return "".join(found)


def _run(sign: str, count: int) -> str:
    text = ""
    while count > 419:
        text, count = text + "zY" + sign, count - 419
    if count == 1:
        return text + sign
    if count >= 20:
        text, count = text + _TWENTIES[count // 20 - 1], count % 20
    return text + (_ONES[count - 1] if count else "") + sign
