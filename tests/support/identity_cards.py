"""Texts as the QR codes of Vietnamese identity cards carry them, drawn by chance: every letter of the alphabet with every mark, capital
and small, đ beside d, long names, the card of 2021 with its seven fields and the one of 2024 with more, marks parted (NFD) at times."""

from __future__ import annotations

import random
import string
import unicodedata
from typing import Any

import numpy as np
import zxingcpp

VOWELS = "aăâeêioôơuưy"
MARKS = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
LETTERS = [unicodedata.normalize("NFC", vowel + mark) for vowel in VOWELS for mark in MARKS]
ONSETS = (
    "",
    "b",
    "c",
    "ch",
    "d",
    "đ",
    "g",
    "gh",
    "gi",
    "h",
    "kh",
    "l",
    "m",
    "n",
    "ng",
    "ngh",
    "nh",
    "ph",
    "qu",
    "s",
    "t",
    "th",
    "tr",
    "v",
    "x",
)
CODAS = ("", "c", "ch", "m", "n", "ng", "nh", "p", "t", "i", "o", "u", "y")


def text(seed: int) -> str:
    """One card's text, 60 to about 700 bytes; the same seed gives the same text."""
    rng = random.Random(seed)
    number = _digits(rng, 12)
    old = rng.choice(("", _digits(rng, 9)))
    name = _words(rng, rng.choice((2, 3, 4, 5, 11)))
    name = name.upper() if rng.random() < 0.3 else name
    place = f"Số {rng.randrange(1, 999)}/{rng.randrange(1, 99)}, {_words(rng, rng.randrange(2, 9))}, {_words(rng, 2)}, {_words(rng, 2)}"
    fields = [number, old, name, _day(rng), rng.choice(("Nam", "Nữ")), place, _day(rng)]
    if rng.random() < 0.5:
        fields += [_day(rng), _words(rng, 4).upper(), _words(rng, 3).upper(), "", rng.choice(("", place))]
    said = "|".join(fields)
    return unicodedata.normalize("NFD", said) if rng.random() < 0.1 else said


def picture(seed: int) -> Any:
    """`text(seed)` as a QR code (BGR), 3 to 5 pixels a module, upright or turned, three in four without an ECI as card printers send it."""
    rng = random.Random(f"picture {seed}")
    said = text(seed)
    content = said if rng.random() < 0.25 else said.encode()
    code = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode, ec_level=rng.choice("LM"))
    modules = np.pad(np.array(code.to_image(scale=1, add_quiet_zones=False)), 4, constant_values=255)
    grey = np.pad(np.kron(np.rot90(modules, rng.randrange(4)), np.ones((rng.choice((3, 4, 5)),) * 2, np.uint8)), 24, constant_values=235)
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))


def _words(rng: random.Random, count: int) -> str:
    return " ".join(_word(rng) for _ in range(count))


def _word(rng: random.Random) -> str:
    word = rng.choice(ONSETS) + rng.choice(LETTERS) + rng.choice(CODAS)
    return word if rng.random() < 0.1 else word.capitalize()


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(count))


def _day(rng: random.Random) -> str:
    return f"{rng.randrange(1, 29):02d}{rng.randrange(1, 13):02d}{rng.randrange(1935, 2026)}"
