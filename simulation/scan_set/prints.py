"""What is printed on a band, a blister, a label or a card: the symbol with its modules, the words around it, and the faults of the printer.

The expected bytes are built from GS1's rules, not taken from the library that draws the symbol. A label is a picture of linear
reflectance (0..255) with a scale in pixels a millimetre; (0, 0) mm is the middle of the symbol.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import cv2
import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from simulation import corpus, labels

GS = b"\x1d"
CELL_PX = 6  # pixels of the label's picture a module
_FORMAT = zxingcpp.BarcodeFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """`modules` is rows x columns, True where dark; a linear symbol has one row. `symbology` as a manifest names it."""

    symbology: str
    identifier: str
    content: bytes
    modules: Any

    @property
    def linear(self) -> bool:
        return len(self.modules) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """`picture`: uint8, linear reflectance. The symbol covers `width_mm` x `height_mm` around (0, 0); `left_mm` and `top_mm` is where
    the picture begins. A `band` goes around a wrist, u along its length."""

    printed: Printed
    picture: Any
    px_per_mm: float
    left_mm: float
    top_mm: float
    module_mm: float
    width_mm: float
    height_mm: float
    band: bool
    tint: tuple[float, float, float]
    gloss: float


def contents(kind: str, rng: random.Random) -> Printed:
    """Raises: KeyError."""
    return _CONTENTS[kind](rng)


def _dm_band(rng: random.Random) -> Printed:
    gsrn, srin = corpus.digits(rng, 18, prefix="893"), f"{rng.randrange(1, 40):02d}" if rng.random() < 0.5 else None
    content = b"8018" + gsrn.encode() + (GS + b"8019" + srin.encode() if srin else b"")
    return _matrix(f"(8018){gsrn}" + (f"(8019){srin}" if srin else ""), _FORMAT.DataMatrix, "]d2", content)


def _dm_blister(rng: random.Random) -> Printed:
    gtin, lot, expiry = corpus.digits(rng, 14, prefix="0893"), _lot(rng), _day(rng)
    serial = (
        "".join(rng.choice(string.ascii_uppercase + string.digits) for _ in range(rng.randrange(8, 13))) if rng.random() < 0.5 else None
    )
    content = f"01{gtin}17{expiry:%y%m%d}10{lot}".encode() + (GS + b"21" + serial.encode() if serial else b"")
    elements = f"(01){gtin}(17){expiry:%y%m%d}(10){lot}" + (f"(21){serial}" if serial else "")
    return _matrix(elements, _FORMAT.DataMatrix, "]d2", content)


def _c128_band(rng: random.Random) -> Printed:
    if rng.random() < 0.5:
        gsrn = corpus.digits(rng, 18, prefix="893")
        return _linear(f"(8018){gsrn}", _FORMAT.Code128, "]C1", b"8018" + gsrn.encode(), gs1=True)
    mrn = _mrn(rng)
    return _linear(mrn, _FORMAT.Code128, "]C0", mrn.encode())


def _c128_label(rng: random.Random) -> Printed:
    if rng.random() < 0.4:
        gtin, expiry = corpus.digits(rng, 14, prefix="0893"), _day(rng)
        return _linear(f"(01){gtin}(17){expiry:%y%m%d}", _FORMAT.Code128, "]C1", f"01{gtin}17{expiry:%y%m%d}".encode(), gs1=True)
    text = rng.choice((f"BAG-{rng.randrange(10**6):06d}", _mrn(rng), f"DD{rng.randrange(10**5):05d}"))
    return _linear(text, _FORMAT.Code128, "]C0", text.encode())


def _ean_label(rng: random.Random) -> Printed:
    digits = corpus.digits(rng, 13, prefix="893" if rng.random() < 0.6 else rng.choice(("0", "300", "471", "590", "885")))
    return _linear(digits, _FORMAT.EAN13, "]E0", digits.encode(), symbology="EAN13")


def _qr_band(rng: random.Random) -> Printed:
    if rng.random() < 0.4:
        gsrn = corpus.digits(rng, 18, prefix="893")
        return _matrix(f"(8018){gsrn}", _FORMAT.QRCode, "]Q3", b"8018" + gsrn.encode())
    text = _mrn(rng) if rng.random() < 0.5 else f"{_mrn(rng)}|{corpus.name(rng)}|{rng.randrange(1935, 2020)}"
    return _plain_qr(text)


def _cccd(rng: random.Random) -> Printed:
    return _plain_qr(corpus.cccd(rng))


_CONTENTS: dict[str, Callable[[random.Random], Printed]] = {
    "dm-band": _dm_band,
    "dm-blister": _dm_blister,
    "c128-band": _c128_band,
    "c128-label": _c128_label,
    "ean-label": _ean_label,
    "qr-band": _qr_band,
    "cccd-qr": _cccd,
}


def _matrix(elements: str, kind: Any, identifier: str, content: bytes) -> Printed:
    square = {"force_square": True} if kind == _FORMAT.DataMatrix else {"ec_level": "M"}
    code = zxingcpp.create_barcode(elements, kind, gs1=True, **square)
    name = "DataMatrix" if kind == _FORMAT.DataMatrix else "QRCode"
    return Printed(symbology=name, identifier=identifier, content=content, modules=_dark(code))


def _plain_qr(text: str) -> Printed:
    """UTF-8 without an ECI beyond ASCII, as identity cards and label printers write it."""
    code = zxingcpp.create_barcode(text if text.isascii() else text.encode(), _FORMAT.QRCode, ec_level="M")
    return Printed(symbology="QRCode", identifier="]Q1", content=text.encode(), modules=_dark(code))


def _linear(text: str, kind: Any, identifier: str, content: bytes, *, gs1: bool = False, symbology: str = "Code128") -> Printed:
    code = zxingcpp.create_barcode(text, kind, gs1=True) if gs1 else zxingcpp.create_barcode(text, kind)
    dark = _dark(code)
    row = dark[len(dark) // 2]
    ends = np.flatnonzero(row)
    return Printed(symbology=symbology, identifier=identifier, content=content, modules=row[None, ends[0] : ends[-1] + 1])


def _dark(code: Any) -> Any:
    return np.array(code.to_image(scale=1, add_quiet_zones=False)) < 128


def _mrn(rng: random.Random) -> str:
    return f"{rng.choice(('BN', 'HS', ''))}{rng.randrange(10**8):08d}"


def _lot(rng: random.Random) -> str:
    return "".join(rng.choice(string.ascii_uppercase + string.digits) for _ in range(rng.randrange(4, 11)))


def _day(rng: random.Random) -> date:
    return date(2027, 1, 1) + timedelta(days=rng.randrange(5 * 365))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stock:
    """What a kind is printed on: the size of a module, of the label around the symbol, and its paper (reflectance 0..1)."""

    module_mm: tuple[float, float]
    room_mm: tuple[float, float]
    band: bool
    paper: tuple[float, float]
    ink: tuple[float, float]
    gloss: float
    bar_mm: tuple[float, float] = (0, 0)


_STOCK: dict[str, _Stock] = {
    "dm-band": _Stock(module_mm=(0.40, 0.52), room_mm=(45, 8), band=True, paper=(0.75, 0.88), ink=(0.04, 0.12), gloss=0.7),
    "dm-blister": _Stock(module_mm=(0.28, 0.42), room_mm=(14, 8), band=False, paper=(0.50, 0.80), ink=(0.05, 0.15), gloss=1.0),
    "c128-band": _Stock(
        module_mm=(0.24, 0.26), room_mm=(30, 5), band=True, paper=(0.75, 0.88), ink=(0.04, 0.12), gloss=0.7, bar_mm=(8, 13)
    ),
    "c128-label": _Stock(
        module_mm=(0.25, 0.33), room_mm=(6, 9), band=False, paper=(0.75, 0.88), ink=(0.04, 0.12), gloss=0.3, bar_mm=(8, 14)
    ),
    "ean-label": _Stock(
        module_mm=(0.26, 0.36), room_mm=(6, 9), band=False, paper=(0.75, 0.88), ink=(0.04, 0.14), gloss=0.5, bar_mm=(9, 20)
    ),
    "qr-band": _Stock(module_mm=(0.38, 0.50), room_mm=(40, 7), band=True, paper=(0.75, 0.88), ink=(0.04, 0.12), gloss=0.7),
    "cccd-qr": _Stock(module_mm=(0.24, 0.30), room_mm=(34, 18), band=False, paper=(0.68, 0.84), ink=(0.05, 0.14), gloss=0.8),
}


def label(kind: str, printed: Printed, rng: random.Random, *, radius_mm: float | None, dead_share: float = 0.0) -> Label:
    """The whole label with `printed` on it. Raises: KeyError."""
    stock = _STOCK[kind]
    module_mm = rng.uniform(*stock.module_mm)
    scale = CELL_PX / module_mm
    rows, columns = printed.modules.shape
    width_mm = columns * module_mm
    height_mm = rng.uniform(*stock.bar_mm) if printed.linear else rows * module_mm
    quiet = 10 * module_mm if printed.linear else (4 if printed.symbology == "QRCode" else 1.5) * module_mm
    side = [quiet + rng.uniform(0.2, 1.0) * stock.room_mm[0] for _ in range(2)]
    above = [quiet + rng.uniform(0.35, 1.0) * stock.room_mm[1] for _ in range(2)]
    if stock.band:
        longest = 1.75 * (radius_mm or 30) - width_mm / 2  # about as far around the wrist as can be seen
        side = [min(longest, width_mm / 2 + 60)] * 2
    left_px, top_px = round(side[0] * scale), round(above[0] * scale)
    code = np.repeat(np.repeat(printed.modules, CELL_PX if not printed.linear else round(height_mm * scale), axis=0), CELL_PX, axis=1)
    size = (left_px + code.shape[1] + round(side[1] * scale), top_px + code.shape[0] + round(above[1] * scale))
    page = Image.new("L", size, 255)
    draw = ImageDraw.Draw(page)
    gap = max(quiet, 1.0)
    _words(draw, kind, rng, size, (left_px, top_px, left_px + code.shape[1], top_px + code.shape[0]), scale, gap)
    ink = np.asarray(page).copy()
    ink[top_px : top_px + code.shape[0], left_px : left_px + code.shape[1]] = np.where(code, 0, 255)
    ink = _gained(ink, rng)
    if rng.random() < dead_share:
        _dead_dots(ink, rng, scale, (top_px, top_px + code.shape[0]))
    light, dark = rng.uniform(*stock.paper), rng.uniform(*stock.ink)
    picture = cv2.LUT(ink, np.linspace(dark * 255, light * 255, 256).astype(np.uint8))
    warm = rng.uniform(-0.05, 0.05)
    return Label(
        printed=printed,
        picture=picture,
        px_per_mm=scale,
        left_mm=-width_mm / 2 - left_px / scale,
        top_mm=-code.shape[0] / scale / 2 - top_px / scale,
        module_mm=module_mm,
        width_mm=width_mm,
        height_mm=code.shape[0] / scale,
        band=stock.band,
        tint=(1 - warm, 1.0, 1 + warm),
        gloss=stock.gloss,
    )


def _gained(ink: Any, rng: random.Random) -> Any:
    """Ink that ran, or a head that was too cold: edges move by up to a seventh of a module, and are soft."""
    soft = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.12, 0.22) * CELL_PX)
    middle, steep = 127.5 + rng.uniform(-45, 35), rng.uniform(1.6, 2.6)
    return cv2.LUT(soft, np.clip((np.arange(256) - (255 - middle)) * steep + 127.5, 0, 255).astype(np.uint8))


def _dead_dots(ink: Any, rng: random.Random, scale: float, rows: tuple[int, int]) -> None:
    """A thermal head's broken dots leave pale lines along the way of the paper."""
    for _ in range(rng.choice((1, 1, 2))):
        thick = max(1, round(rng.uniform(0.06, 0.12) * scale))
        row = rng.randrange(rows[0], max(rows[0] + 1, rows[1] - thick))
        ink[row : row + thick] = np.maximum(ink[row : row + thick], rng.randrange(170, 256))


def _words(
    draw: Any, kind: str, rng: random.Random, size: tuple[int, int], box: tuple[int, int, int, int], scale: float, gap_mm: float
) -> None:
    """Some lines beside a band's code, above and below a label's, never in its quiet zone."""
    left, top, right, bottom = box
    gap = gap_mm * scale
    lines = [
        corpus.name(rng),
        f"{rng.randrange(1, 29):02d}/{rng.randrange(1, 13):02d}/{rng.randrange(1935, 2020)}  {_mrn(rng)}",
        "Khoa Nội A2",
    ]
    if kind in {"dm-blister", "ean-label", "c128-label"}:
        lines = [rng.choice(_DRUGS), f"LOT {_lot(rng)}  EXP {_day(rng):%m/%Y}", "Uống. Bảo quản dưới 30 °C"]
    if kind == "cccd-qr":
        lines = ["CĂN CƯỚC CÔNG DÂN", corpus.name(rng), f"{rng.randrange(10**11, 10**12)}", "Có giá trị đến: 01/01/2040"]
    if kind.endswith("-band"):
        _column(draw, lines, (right + gap, top), rng.uniform(2.4, 3.4) * scale)
        high = rng.uniform(2.0, 2.6) * scale
        wide = max(draw.textlength(line, font=font(max(6, round(high)), bold=True)) for line in lines[:0:-1])
        _column(draw, lines[:0:-1], (left - gap - wide, top), high)
        if kind == "c128-band":
            draw.text((left, bottom + 0.6 * scale), _mrn(rng), font=font(round(2.4 * scale)), fill=0)
        return
    high = min(2.6 * scale, max(6.0, (top - gap) * 0.8))
    if top - gap > 6:
        _column(draw, lines[:1], (left * 0.3, max(1.0, (top - gap - high) / 2)), high)
    if size[1] - bottom - gap > 6:
        _column(draw, lines[1:], (left * 0.3, bottom + gap * 0.7), high * 0.8)
    if kind == "cccd-qr":
        _column(draw, lines, (right + gap, top), 2.4 * scale)


_DRUGS = ("Amoxicillin 500 mg", "Paracetamol 500 mg", "Metformin 850 mg", "Furosemide 20 mg/2 ml", "Ceftriaxone 1 g", "Kali clorid 10 %")


def _column(draw: Any, lines: list[str], at: tuple[float, float], high_px: float) -> None:
    for number, line in enumerate(lines):
        draw.text((at[0], at[1] + number * high_px * 1.35), line, font=font(max(6, round(high_px)), bold=number == 0), fill=0)


@cache
def font(size_px: int, *, bold: bool = False) -> Any:
    file = labels.FONT_FOLDER / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(str(file), size_px) if file.exists() else ImageFont.load_default(size_px)
