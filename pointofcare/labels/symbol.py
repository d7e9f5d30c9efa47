"""One barcode symbol as a reader hands it over: raw, nothing interpreted, nothing lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """`identifier` is the AIM symbology identifier (ISO/IEC 15424), "]d2" a GS1 DataMatrix, "" when the reader has none.

    `content` keeps the bytes, GS (0x1D) included. `outline` is the four corners in pixels of the frame, clockwise from the
    symbol's own top left; () when it came from a scanner without a picture.
    """

    identifier: str
    content: bytes
    outline: tuple[tuple[int, int], ...] = ()
