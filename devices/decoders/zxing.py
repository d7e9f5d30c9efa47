"""zxing-cpp as a decoder, in two passes: matrix codes with downscaling, linear codes without.

Downscaling is what makes zxing-cpp misread Code 128 with a valid checksum, so linear codes never get it. EAN-8, UPC-E, ITF and
Micro QR stay off: they are what a partly seen EAN-13 or QR code turns into; what a site switches on goes through `switched_on`
alone. The content is the symbol's raw bytes, GS kept; must never go through the library's text, which rewrites GS1 symbols.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import cv2
import zxingcpp

from devices.decoders import second_look, switched_on
from devices.ports import Frame
from pointofcare.labels import symbologies as named
from pointofcare.labels.symbol import Symbol

_FORMAT = zxingcpp.BarcodeFormat
# "QRCode" would be Micro QR too, which one finder of a partly seen QR code is taken for: the smallest hardly checks itself.
_MATRIX = zxingcpp.BarcodeFormats([_FORMAT.DataMatrix, _FORMAT.QRCodeModel2])
_NEVER = (_FORMAT.MicroQRCode, _FORMAT.RMQRCode)
_LINEAR = zxingcpp.BarcodeFormats([_FORMAT.Code128, _FORMAT.EAN13, _FORMAT.UPCA])


def matrix_symbols(grey: Any, *, invert: bool = False, downscale: bool = True) -> list[Symbol]:
    """DataMatrix and QR in `grey` (height x width, uint8). `invert` also looks for light on dark, at twice the cost."""
    found = zxingcpp.read_barcodes(
        grey, formats=_MATRIX, try_rotate=True, try_downscale=downscale, try_invert=invert, text_mode=zxingcpp.TextMode.Plain
    )
    return list(symbols_of(found))


def linear_symbols(grey: Any, *, rotate: bool = True) -> list[Symbol]:
    """Code 128, EAN-13 and UPC-A (as its EAN-13) in `grey`."""
    found = zxingcpp.read_barcodes(
        grey, formats=_LINEAR, try_rotate=rotate, try_downscale=False, try_invert=False, text_mode=zxingcpp.TextMode.Plain
    )
    return list(symbols_of(found))


def symbols_of(found: list[Any]) -> Iterator[Symbol]:
    for barcode in found:
        content = bytes(barcode.bytes)
        if not barcode.valid or not content or barcode.format in _NEVER:
            continue
        place = barcode.position
        corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        outline = tuple((int(corner.x), int(corner.y)) for corner in corners)
        yield Symbol(identifier=str(barcode.symbology_identifier), content=content, outline=outline)


class ZxingDecoder:
    """The split pass over the whole frame; every `invert_every`-th frame is also searched for light-on-dark codes.

    `symbologies`: what a site switched on beside. Raises: ConfigError."""

    def __init__(self, *, invert_every: int = 5, symbologies: Collection[str] = ()) -> None:
        self._invert_every = invert_every
        self._switched_on = named.switched_on(symbologies)

    def decode(self, frame: Frame) -> list[Symbol]:
        grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        invert = self._invert_every > 0 and frame.number % self._invert_every == 0
        found = [*matrix_symbols(grey, invert=invert), *second_look.believed(grey, linear_symbols(grey))]
        return [*found, *switched_on.look(grey, self._switched_on, found).believed]


def open_decoder(*, symbologies: Collection[str] = ()) -> ZxingDecoder:
    return ZxingDecoder(symbologies=symbologies)
