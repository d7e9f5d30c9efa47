"""The ZPL that the printers' room writes, drawn as the printer would put it on paper.

A subset on purpose: a command that stands outside of it is an error, so that nothing is sent to a real printer that was never looked at.
Must never know how the label was laid out: it sees the bytes on the wire alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw

from devices.printers.layout import font

_COMMAND = re.compile(r"\^(XA|XZ|CI|PW|LL|LH|PQ|FO|GFA|A@N|A@R|FH|FD|FS)")
_HEX = re.compile(r"_([0-9A-Fa-f]{2})")
_REPEATS = {letter: count for count, letter in enumerate("GHIJKLMNOPQRSTUVWXY", start=1)} | {
    letter: 20 * count for count, letter in enumerate("ghijklmnopqrstuvwxyz", start=1)
}


class ZplError(ValueError):
    """A format that this printer does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """One label as it lies in the tray: `picture` mode "1", one pixel a dot; `texts` are the words that were sent as text."""

    picture: Image.Image
    texts: tuple[str, ...]


def formats(data: bytes) -> list[bytes]:
    """The whole labels in the stream."""
    return [match[0] for match in re.finditer(rb"\^XA.*?\^XZ", data, re.DOTALL)]


def drawn(data: bytes) -> Printed:
    """Of one format. Raises: ZplError."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ZplError("not UTF-8") from exc
    fields = _commands(text)
    if [name for name, _ in fields[:1]] != ["XA"] or fields[-1][0] != "XZ":
        raise ZplError("a format is ^XA to ^XZ")
    values = dict(fields)
    if values.get("CI") != "28":
        raise ZplError("without ^CI28 the words are not UTF-8")
    width, height = int(values["PW"]), int(values["LL"])
    paper = Image.new("1", (width, height), 1)
    said: list[str] = []
    at, size, turned, escapes = (0, 0), 0, False, False
    for name, value in fields:
        if name == "FO":
            left, _, top = value.partition(",")
            at = (int(left), int(top))
        elif name in ("A@N", "A@R"):
            size, turned = int(value.lstrip(",").split(",")[0]), name == "A@R"
        elif name == "FH":
            escapes = True
        elif name == "GFA":
            _put(paper, _graphic(value), at)
        elif name == "FD":
            if not escapes or not size:
                raise ZplError("text without ^FH and a font")
            words = _HEX.sub(lambda match: chr(int(match[1], 16)), value)
            said.append(words)
            _put(paper, _words(words, size, turned=turned), at)
        elif name == "FS":
            size, turned, escapes = 0, False, False
    return Printed(picture=paper, texts=tuple(said))


def _commands(text: str) -> list[tuple[str, str]]:
    found = []
    marks = list(_COMMAND.finditer(text))
    if text.count("^") != len(marks) or "~" in text:
        raise ZplError("a command that is not known here")
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        found.append((mark[1], text[mark.end() : following.start() if following else len(text)].strip("\r\n")))
    return found


def _put(paper: Image.Image, drawing: Image.Image, at: tuple[int, int]) -> None:
    if at[0] + drawing.width > paper.width + 8 or at[1] + drawing.height > paper.height + 8:
        raise ZplError(f"a field at {at} of {drawing.size} leaves the label of {paper.size}")
    paper.paste(0, (at[0], at[1]), drawing.point(lambda value: 0 if value else 1))


def _graphic(value: str) -> Image.Image:
    _, total, row_bytes, data = _whole(value)
    rows: list[str] = []
    row, repeat = "", 0
    for sign in re.sub(r"\s", "", data):
        if sign == ":":
            rows.append(rows[-1])
        elif sign in (",", "!"):
            rows.append(row.ljust(row_bytes * 2, "0" if sign == "," else "F"))
            row = ""
        elif sign in _REPEATS:
            repeat += _REPEATS[sign]
        else:
            row += sign * (repeat or 1)
            repeat = 0
        while len(row) >= row_bytes * 2:
            rows.append(row[: row_bytes * 2])
            row = row[row_bytes * 2 :]
    flat = bytes.fromhex("".join(rows))
    if len(flat) != total or row:
        raise ZplError(f"a graphic of {len(flat)} bytes says that it has {total}")
    return Image.frombytes("1", (row_bytes * 8, total // row_bytes), bytes(255 - each for each in flat))


def _whole(value: str) -> tuple[int, int, int, str]:
    parts = value.lstrip(",").split(",", 3)
    if len(parts) != 4:
        raise ZplError("^GFA takes three numbers and data")
    return int(parts[0]), int(parts[1]), int(parts[2]), parts[3]


def _words(text: str, size: int, *, turned: bool) -> Image.Image:
    drawing: Any = font(size, bold=False)
    left, top, right, bottom = drawing.getbbox(text, anchor="ls")
    paper = Image.new("1", (max(1, int(right - min(left, 0))), max(1, int(bottom - top))), 1)
    ImageDraw.Draw(paper).text((0, -top), text, font=drawing, fill=0, anchor="ls")
    return paper.transpose(Image.Transpose.ROTATE_270) if turned else paper
