"""Reads PDFs as a person does: their words, their codes, and whether something lies outside the paper."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import pypdfium2
import zxingcpp


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`words` is the text in one line, NFC. `outside` are signs beyond the edge of the page, `codes` what symbols on its picture say."""

    words: str
    outside: int
    codes: tuple[str, ...]


def read(pdf: bytes, *, codes: bool = True) -> tuple[Page, ...]:
    with pypdfium2.PdfDocument(pdf) as document:
        return tuple(_page(document[place], codes=codes) for place in range(len(document)))


def fonts(pdf: bytes) -> bool:
    """Is every font that is used embedded?"""
    return b"/FontFile" in pdf or b"/ObjStm" in pdf


def _page(page: pypdfium2.PdfPage, *, codes: bool) -> Page:
    width, height = page.get_size()
    text = page.get_textpage()
    outside = 0
    for place in range(text.count_chars()):
        left, bottom, right, top = text.get_charbox(place)
        outside += left < 0 or bottom < 0 or right > width or top > height
    said: tuple[str, ...] = ()
    if codes:
        said = tuple(found.text for found in zxingcpp.read_barcodes(page.render(scale=3).to_pil()))
    words = unicodedata.normalize("NFC", re.sub(r"\s+", " ", text.get_text_range().replace("\ufffe", "")))
    return Page(words=words, outside=outside, codes=said)
