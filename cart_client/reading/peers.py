"""Other readers on the same pictures, each as its manual shows it, asked for the formats of the cart alone. For comparing: the cart never
acts on what these say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import cv2

Read = Callable[[Any], set[bytes]]


def readers() -> Mapping[str, Read]:
    """By name: from a grey picture (height x width, uint8) to the contents read in it. Raises: ImportError without the libraries."""
    return {"zxing-cpp": _zxing(), "zxing-cpp split": zxing_split(), "pyzbar": _zbar()}


def timed(read: Read, image: Any) -> tuple[set[bytes], float]:
    """What is read in a BGR picture, and the processor time in ms."""
    started = time.thread_time()
    found = read(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    return found, (time.thread_time() - started) * 1000


def _zxing() -> Read:
    import zxingcpp

    kinds = [getattr(zxingcpp.BarcodeFormat, name) for name in ("DataMatrix", "QRCode", "Code128", "EAN13", "UPCA")]
    formats = zxingcpp.BarcodeFormats(kinds)
    return lambda grey: {bytes(one.bytes) for one in zxingcpp.read_barcodes(grey, formats=formats)}


def zxing_split() -> Read:
    """zxing-cpp in two passes: matrix codes with downscaling, linear codes without, which is what keeps it from misreading Code 128."""
    import zxingcpp

    kind = zxingcpp.BarcodeFormat
    matrix = zxingcpp.BarcodeFormats([kind.DataMatrix, kind.QRCode])
    linear = zxingcpp.BarcodeFormats([kind.Code128, kind.EAN13, kind.UPCA])

    def read(grey: Any) -> set[bytes]:
        found = zxingcpp.read_barcodes(grey, formats=matrix, try_rotate=True, try_downscale=True, try_invert=False)
        found += zxingcpp.read_barcodes(grey, formats=linear, try_rotate=True, try_downscale=False, try_invert=False)
        return {bytes(one.bytes) for one in found}

    return read


def _zbar() -> Read:
    from pyzbar import pyzbar

    kinds = [pyzbar.ZBarSymbol.QRCODE, pyzbar.ZBarSymbol.CODE128, pyzbar.ZBarSymbol.EAN13, pyzbar.ZBarSymbol.UPCA]
    return lambda grey: {bytes(one.data) for one in pyzbar.decode(grey, symbols=kinds)}
