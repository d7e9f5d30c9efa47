"""Prints the labels of the virtual hospital: wristbands, drug packs, badges, bags, as pictures with true barcodes.

Every barcode is written by zxing-cpp from the content that a real printer would get. Must never draw what the barcode does
not say, except where a caller asks for a bad label on purpose: content is passed through unchecked, wrong check digits too.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

FONT_FOLDER = Path("/usr/share/fonts/truetype/dejavu")
BADGE_PREFIX = "BADGE:"
_INK, _PAPER, _FAINT = (20, 20, 24), (252, 252, 250), (96, 100, 108)
_DATAMATRIX, _QR = zxingcpp.BarcodeFormat.DataMatrix, zxingcpp.BarcodeFormat.QRCode
_CODE128, _EAN13 = zxingcpp.BarcodeFormat.Code128, zxingcpp.BarcodeFormat.EAN13


def wristband(patient_name: str, birth_date: date | None, mrn: str, gsrn: str, srin: str | None = None) -> Image.Image:
    """A GS1 DataMatrix with AI 8018 (and 8019), and the words that a nurse compares."""
    elements = f"(8018){gsrn}" + (f"(8019){srin}" if srin else "")
    band = _card(1180, 300)
    _paste(band, gs1_datamatrix(elements, module_px=9), 40, centred=True)
    _words(band, 290, 40, patient_name, (_born(birth_date), f"MRN {mrn}", f"(8018) {gsrn}"))
    return band


def mrn_band(patient_name: str, birth_date: date | None, mrn: str, *, code: str = "code128") -> Image.Image:
    """A band of a hospital without GS1: the plain MRN as `code128` or `qr`."""
    if code == "qr":
        band = _card(1100, 300)
        _paste(band, qr(mrn, module_px=9), 40, centred=True)
        _words(band, 310, 40, patient_name, (_born(birth_date), f"MRN {mrn}"))
        return band
    band = _card(1180, 330)
    _words(band, 40, 20, patient_name, (f"{_born(birth_date)}    MRN {mrn}",))
    _paste(band, code128(mrn, module_px=5, height_px=110), 40, y=180)
    return band


def drug_pack(name: str, gtin: str, lot: str, expiry: date, serial: str | None = None) -> Image.Image:
    """A pack with a GS1 DataMatrix: 01, 17, 10 and, when given, 21. `gtin` has 14 digits."""
    elements = f"(01){gtin}(17){expiry:%y%m%d}(10){lot}" + (f"(21){serial}" if serial else "")
    pack = _card(1040, 420, stripe=(46, 110, 180))
    _paste(pack, gs1_datamatrix(elements, module_px=9), 60, y=96)
    lines = (f"GTIN {gtin}", f"LOT {lot}", f"EXP {expiry:%m/%Y}", *((f"SN {serial}",) if serial else ()))
    _words(pack, 350, 80, name, lines)
    return pack


def unit_dose(name: str, gtin: str) -> Image.Image:
    """One dose in a blister, with an EAN-13 and neither lot nor expiry. `gtin` has 13 digits, or 14 with a leading 0."""
    pack = _card(820, 400, stripe=(196, 120, 40))
    _words(pack, 60, 80, name, ())
    code = zxingcpp.create_barcode(gtin[-13:], _EAN13)
    _paste(pack, _drawn(code, 6, height_px=150), 60, y=190)
    return pack


def badge(name: str, role: str, badge: str) -> Image.Image:
    """A staff badge: a QR code with the badge number behind its prefix."""
    card = _card(640, 860, stripe=(40, 128, 96))
    draw = ImageDraw.Draw(card)
    draw.ellipse((230, 90, 410, 270), fill=(206, 216, 222))
    draw.text((320, 320), name, font=_font(44, bold=True), fill=_INK, anchor="mm")
    draw.text((320, 380), role, font=_font(32), fill=_FAINT, anchor="mm")
    _paste(card, qr(f"{BADGE_PREFIX}{badge}", module_px=11), None, y=440)
    return card


def bag(bag_id: str, title: str, lines: tuple[str, ...] = (), *, code: str = "qr") -> Image.Image:
    """An infusion bag's label: its id in plain text as `qr` or `code128`."""
    label = _card(1000, 420)
    if code == "code128":
        _words(label, 40, 30, title, lines)
        _paste(label, code128(bag_id, module_px=5, height_px=110), 40, y=270)
    else:
        _paste(label, qr(bag_id, module_px=10), 40, centred=True)
        _words(label, 360, 60, title, (*lines, bag_id))
    return label


def carton(name: str, gtin: str, lot: str, expiry: date) -> Image.Image:
    """A carton with the same elements in a GS1-128, which is longer and read line by line."""
    code = gs1_128(f"(01){gtin}(17){expiry:%y%m%d}(10){lot}", module_px=4, height_px=120)
    card = _card(max(1000, code.width + 80), 380)
    _words(card, 40, 30, name, (f"LOT {lot}    EXP {expiry:%m/%Y}",))
    _paste(card, code, 40, y=210)
    return card


def identity_card(name: str, text: str) -> Image.Image:
    """The front of an identity card, as far as a reader is concerned: a QR code with Vietnamese text, no ECI."""
    card = _card(1000, 560, stripe=(188, 60, 60))
    _paste(card, qr(text, module_px=6), 40, y=100)
    _words(card, 470, 110, name, ())
    return card


def gs1_datamatrix(elements: str, *, module_px: int = 8) -> Image.Image:
    """`elements` in brackets, "(01)...(17)...": FNC1 and separators are set by the writer. Always square."""
    return _drawn(zxingcpp.create_barcode(elements, _DATAMATRIX, gs1=True, force_square=True), module_px)


def gs1_128(elements: str, *, module_px: int = 4, height_px: int = 110) -> Image.Image:
    return _drawn(zxingcpp.create_barcode(elements, _CODE128, gs1=True), module_px, height_px=height_px)


def code128(text: str, *, module_px: int = 4, height_px: int = 110) -> Image.Image:
    return _drawn(zxingcpp.create_barcode(text, _CODE128), module_px, height_px=height_px)


def qr(text: str, *, module_px: int = 8) -> Image.Image:
    """Beyond ASCII the bytes are UTF-8 without an ECI, as label printers here send them."""
    content = text if text.isascii() else text.encode()
    return _drawn(zxingcpp.create_barcode(content, _QR, ec_level="M"), module_px)


def _drawn(code: Any, module_px: int, *, height_px: int | None = None) -> Image.Image:
    """A matrix code scaled to whole pixels a module; a linear one stretched from its bars to `height_px`, quiet zones kept."""
    if height_px is None:
        modules = np.array(code.to_image(scale=1, add_quiet_zones=False))
        modules = np.pad(modules, 4, constant_values=255)
        return Image.fromarray(np.kron(modules, np.ones((module_px, module_px), np.uint8)))
    row = np.array(code.to_image(scale=1, add_quiet_zones=True))
    row = np.pad(row[row.shape[0] // 2], 4, constant_values=255)
    return Image.fromarray(np.tile(np.repeat(row, module_px), (height_px, 1)))


def _card(width_px: int, height_px: int, *, stripe: tuple[int, int, int] | None = None) -> Image.Image:
    card = Image.new("RGB", (width_px, height_px), _PAPER)
    draw = ImageDraw.Draw(card)
    if stripe is not None:
        draw.rectangle((0, 0, width_px, 50), fill=stripe)
    draw.rectangle((0, 0, width_px - 1, height_px - 1), outline=(170, 174, 180), width=3)
    return card


def _paste(card: Image.Image, code: Image.Image, x: int | None, *, y: int = 0, centred: bool = False) -> None:
    left = (card.width - code.width) // 2 if x is None else x
    top = (card.height - code.height) // 2 if centred else y
    card.paste(code.convert("RGB"), (left, top))


def _words(card: Image.Image, x: int, y: int, title: str, lines: tuple[str, ...]) -> None:
    draw = ImageDraw.Draw(card)
    size = 60
    while size > 26 and draw.textlength(title, font=_font(size, bold=True)) > card.width - x - 30:
        size -= 4
    draw.text((x, y), title, font=_font(size, bold=True), fill=_INK)
    for number, line in enumerate(lines):
        draw.text((x, y + 84 + number * 52), line, font=_font(38), fill=_FAINT if number > 1 else _INK)


def _born(birth_date: date | None) -> str:
    return f"{birth_date:%d/%m/%Y}" if birth_date else ""


@cache
def _font(size: int, *, bold: bool = False) -> Any:
    file = FONT_FOLDER / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(str(file), size) if file.exists() else ImageFont.load_default(size)
