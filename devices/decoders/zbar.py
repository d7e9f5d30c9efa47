"""zbar as a decoder, through pyzbar's wrapper of its C functions.

Not through `pyzbar.decode`: that lets zbar guess the character set of a QR code and turns Vietnamese UTF-8 into other
scripts without an error. Here QR is read in zbar's binary mode, and the bytes are the symbol's own. Whether a code is GS1
is taken from zbar's own modifier flag; where the library has none, no identifier is claimed for Code 128 and QR at all.
zbar reads no DataMatrix. Must never enable DataBar (C assertions) or the formats that a half-seen EAN turns into.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection, Iterator
from typing import Any

import cv2
from pyzbar import wrapper

from devices.decoders import outline, second_look
from devices.ports import Frame
from pointofcare.errors import ConfigError, DeviceError
from pointofcare.labels import symbologies as named
from pointofcare.labels.symbol import Symbol

_GREY = int.from_bytes(b"Y800", "little")
_CONFIG_ENABLE = 0
_CONFIG_BINARY = 4  # ZBAR_CFG_BINARY, which pyzbar calls CFG_NUM
_CODE_128, _EAN_13, _QR = 128, 13, 64
LINEAR = (_EAN_13, _CODE_128)
_WANTED = (*LINEAR, _QR)
_MODIFIER_GS1, _MODIFIER_AIM = 1, 2
_IDENTIFIERS = {
    (_CODE_128, 0): "]C0",
    (_CODE_128, _MODIFIER_GS1): "]C1",
    (_CODE_128, _MODIFIER_AIM): "]C2",
    (_QR, 0): "]Q1",
    (_QR, _MODIFIER_GS1): "]Q3",
    (_QR, _MODIFIER_AIM): "]Q5",
}


def _modifiers_function() -> Callable[[Any], int] | None:
    try:
        function = wrapper.load_libzbar().zbar_symbol_get_modifiers
    except AttributeError:
        return None
    function.restype = ctypes.c_uint
    function.argtypes = [ctypes.c_void_p]
    return lambda symbol: int(function(ctypes.cast(symbol, ctypes.c_void_p)))


_modifiers = _modifiers_function()


def symbols(grey: Any, *, wanted: tuple[int, ...] = _WANTED) -> list[Symbol]:
    """EAN-13 (UPC-A as its EAN-13), QR and Code 128 in `grey` (height x width, uint8).

    Raises: DeviceError when the library refuses the picture."""
    height, width = grey.shape
    pixels = grey.tobytes()
    scanner = wrapper.zbar_image_scanner_create()
    image = wrapper.zbar_image_create()
    try:
        wrapper.zbar_image_scanner_set_config(scanner, 0, _CONFIG_ENABLE, 0)
        for kind in wanted:
            wrapper.zbar_image_scanner_set_config(scanner, kind, _CONFIG_ENABLE, 1)
        if _QR in wanted:
            wrapper.zbar_image_scanner_set_config(scanner, _QR, _CONFIG_BINARY, 1)
        wrapper.zbar_image_set_format(image, _GREY)
        wrapper.zbar_image_set_size(image, width, height)
        wrapper.zbar_image_set_data(image, ctypes.cast(pixels, ctypes.c_void_p), len(pixels), None)
        if wrapper.zbar_scan_image(scanner, image) < 0:
            raise DeviceError("zbar refused the picture", width=width, height=height)
        return list(_symbols(image))
    finally:
        wrapper.zbar_image_destroy(image)
        wrapper.zbar_image_scanner_destroy(scanner)


def _symbols(image: Any) -> Iterator[Symbol]:
    symbol = wrapper.zbar_image_first_symbol(image)
    while symbol:
        kind = int(symbol.contents.type)
        content = ctypes.string_at(wrapper.zbar_symbol_get_data(symbol), wrapper.zbar_symbol_get_data_length(symbol))
        count = wrapper.zbar_symbol_get_loc_size(symbol)
        points = [(wrapper.zbar_symbol_get_loc_x(symbol, i), wrapper.zbar_symbol_get_loc_y(symbol, i)) for i in range(count)]
        if kind in _WANTED and content:
            yield Symbol(identifier=_identifier(kind, symbol), content=content, outline=outline.around(points))
        symbol = wrapper.zbar_symbol_next(symbol)


def _identifier(kind: int, symbol: Any) -> str:
    if kind == _EAN_13:
        return "]E0"
    if _modifiers is None:
        return ""
    return _IDENTIFIERS.get((kind, _modifiers(symbol)), "")


class ZbarDecoder:
    """zbar over the whole frame; a linear code is believed after a second look."""

    def decode(self, frame: Frame) -> list[Symbol]:
        grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        return second_look.believed(grey, symbols(grey))


def open_decoder(*, symbologies: Collection[str] = ()) -> ZbarDecoder:
    """Raises: ConfigError for whatever is not read anyway: no gate stands behind zbar's claims of it."""
    if further := sorted(named.switched_on(symbologies)):
        told = f"{', '.join(further)}: zbar alone has no gate against misreading these"
        remedy = 'use decoder = "cascade" or "zxing", or leave them out'
        raise ConfigError(told, problems=(("symbologies", f"{told}; {remedy}"),), remedy=remedy)
    return ZbarDecoder()
