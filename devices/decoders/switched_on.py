"""What a site switched on beside what is always read: EAN-8, ITF-14, Code 39, PDF417, HIBC in Code 39. Claimed by zxing-cpp, then doubted.

A linear claim needs the picture's own evidence for each character (`slot_evidence`); Code 39, which has no check digit, and PDF417 must
besides say the same when the picture is looked at once more in another size. ITF counts only with fourteen digits, HIBC only with its
check character, PDF417 only where it can have no fewer than eight check codewords. Must never read what was not asked for.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import zxingcpp

from devices.decoders import outline, slot_evidence
from devices.ports import Rejection
from pointofcare.labels import hibc, symbologies
from pointofcare.labels.symbol import Symbol

_FORMAT = zxingcpp.BarcodeFormat
_FORMATS = {
    symbologies.EAN_8: _FORMAT.EAN8,
    symbologies.ITF_14: _FORMAT.ITF,
    symbologies.CODE_39: _FORMAT.Code39Std,
    symbologies.HIBC: _FORMAT.Code39Std,
    symbologies.PDF_417: _FORMAT.PDF417,
}
_NAMES = {"]E4": "EAN8", "]I": "ITF14", "]A0": "Code39", "]A1": "Code39", "]L": "PDF417"}
SHORTEST_PX = 60.0
AGAIN_SCALE = 1.5
AGAIN_MARGIN = 0.12
MOST_CLAIMS = 8
LEAST_CHECKS = 5.0  # a lower bound above four says eight: the numbers that PDF417 has are powers of two
_MOST_39 = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    believed: tuple[Symbol, ...] = ()
    rejected: tuple[Rejection, ...] = ()


def name(symbol: Symbol) -> str:
    """ "" for what is no business of this module."""
    return _NAMES.get(symbol.identifier, _NAMES.get(symbol.identifier[:2], ""))


def look(grey: Any, on: Collection[str], known: Collection[Symbol] = ()) -> Found:
    """What of `on` is in `grey` (height x width, uint8). `known`: what was read already; no code lies on another."""
    if not on:
        return Found()
    believed, rejected = [], []
    formats = zxingcpp.BarcodeFormats(list(dict.fromkeys(_FORMATS[one] for one in sorted(on))))
    for claim in _claims(grey, formats)[:MOST_CLAIMS]:
        symbol = _symbol(claim)
        if symbol is None or any(_over(symbol, other) for other in known):
            continue
        reason = _doubt(grey, symbol, claim, on)
        if reason:
            rejected.append(Rejection(format=name(symbol), text=symbol.content.decode("utf-8", "replace"), reason=reason))
        else:
            believed.append(symbol)
    return Found(believed=tuple(believed), rejected=tuple(rejected))


def _claims(grey: Any, formats: Any) -> list[Any]:
    """Never in a smaller size: that is what makes readers misread bars."""
    return list(
        zxingcpp.read_barcodes(
            grey, formats=formats, try_rotate=True, try_downscale=False, try_invert=False, text_mode=zxingcpp.TextMode.Plain
        )
    )


def _symbol(claim: Any) -> Symbol | None:
    content = bytes(claim.bytes)
    identifier = str(claim.symbology_identifier)
    if claim.format == _FORMAT.EAN8:
        identifier = "]E4"
    if not claim.valid or not content or not (identifier in _NAMES or identifier[:2] in _NAMES):
        return None
    place = claim.position
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    return Symbol(identifier=identifier, content=content, outline=tuple((int(corner.x), int(corner.y)) for corner in corners))


def _doubt(grey: Any, symbol: Symbol, claim: Any, on: Collection[str]) -> str:
    """Why `symbol` is not believed; "" when it is."""
    if symbol.identifier.startswith("]L"):
        if checks_at_least(symbol.content, str(claim.ec_level)) <= LEAST_CHECKS:
            return "few-checks"
        return "" if _says_again(grey, symbol, _FORMAT.PDF417) else "no-agreement"
    if math.dist(*symbol.outline[:2]) < SHORTEST_PX:
        return "no-evidence"
    text = symbol.content.decode("ascii", "replace")
    if symbol.identifier == "]E4":
        return "" if slot_evidence.supports_ean8(grey, symbol.outline, text) else "no-evidence"
    if symbol.identifier.startswith("]I"):
        if symbol.identifier != "]I1" or len(text) != 14:
            return "no-check-digit"
        return "" if slot_evidence.supports_itf14(grey, symbol.outline, text) else "no-evidence"
    if symbologies.CODE_39 not in on and not hibc.is_sound(text):
        return "no-check-character"
    if len(text) > _MOST_39 or not slot_evidence.supports_code39(grey, symbol.outline, text):
        return "no-evidence"
    return "" if _says_again(grey, symbol, _FORMAT.Code39Std) else "no-agreement"


def _says_again(grey: Any, symbol: Symbol, format_: Any) -> bool:
    """Whether the same is read from its own place cut out, turned upright and drawn in another size."""
    corners = np.array(symbol.outline, dtype=np.float32)
    wide = max(math.dist(*symbol.outline[:2]), math.dist(*symbol.outline[2:]))
    high = max(math.dist(symbol.outline[1], symbol.outline[2]), math.dist(symbol.outline[3], symbol.outline[0]))
    size = (round(wide * AGAIN_SCALE), max(24, round(high * AGAIN_SCALE)))
    if max(size) > 6000 or min(wide, high) < 4:
        return False
    pad = max(30, round(AGAIN_MARGIN * size[0]))
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], dtype=np.float32) + pad
    matrix = cv2.getPerspectiveTransform(corners, target)
    again = cv2.warpPerspective(grey, matrix, (size[0] + 2 * pad, size[1] + 2 * pad), flags=cv2.INTER_CUBIC, borderValue=255)
    found = _claims(again, zxingcpp.BarcodeFormats([format_]))
    return [bytes(one.bytes) for one in found if one.valid] == [symbol.content]


def checks_at_least(content: bytes, ec_level: str) -> float:
    """How many check codewords a PDF417 has, at the least, that holds `content` and tells their share of all, as in "40%".

    A codeword says at most 2.93 digits or two other signs."""
    share = float(ec_level.rstrip("%")) if ec_level.rstrip("%").isdigit() else 0.0
    if not 0 < share < 100:
        return 0.0
    digits = sum(0x30 <= one <= 0x39 for one in content)
    data = 1 + math.ceil(digits / 2.94 + (len(content) - digits) / 2)
    return data * share / (100 - share)


def _over(symbol: Symbol, other: Symbol) -> bool:
    """Whether one lies on the other's place: then the shorter kind is a part of the longer."""
    if not symbol.outline or not other.outline:
        return False
    for one, two in ((symbol, other), (other, symbol)):
        middle = outline.centre(one.outline)
        if cv2.pointPolygonTest(np.array(two.outline, dtype=np.float32).reshape(-1, 1, 2), middle, False) >= 0:
            return True
    return False
