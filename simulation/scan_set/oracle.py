"""What is left in a picture for a reader that knows where every module is: samples at the true places, a threshold, zxing-cpp.

A bar to reach, not a reader: it uses the truth. What it cannot read may still be readable by better means.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import zxingcpp

from simulation.scan_set.shot import GAMMA, Shot

_ROWS = 24
SHARPENED = (0.0, 0.15, 0.3)
_FORMATS = {
    "DataMatrix": zxingcpp.BarcodeFormat.DataMatrix,
    "QRCode": zxingcpp.BarcodeFormat.QRCode,
    "Code128": zxingcpp.BarcodeFormat.Code128,
    "EAN13": zxingcpp.BarcodeFormat.EAN13,
}


def module_points(shot: Shot) -> Any:
    """(rows, columns, 2) pixels of the middle of every module; a linear symbol is told at some heights."""
    label = shot.scene.label
    rows, columns = label.printed.modules.shape
    if label.printed.linear:
        rows = _ROWS
    across = ((np.arange(columns) + 0.5) / columns - 0.5) * label.width_mm
    down = ((np.arange(rows) + 0.5) / rows - 0.5) * label.height_mm * (0.9 if label.printed.linear else 1.0)
    return shot.hold.surface.seen_at(np.stack(np.meshgrid(across, down), axis=-1))


def reads(shot: Shot) -> bool:
    """Whether the symbol's own bytes come out."""
    printed = shot.scene.label.printed
    grey = cv2.cvtColor(shot.image, cv2.COLOR_BGR2GRAY)
    points = module_points(shot).astype(np.float32)
    values = cv2.remap(grey, points[..., 0], points[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    values = (values / 255) ** np.float32(GAMMA)  # light adds up linearly, and so do neighbours that blur into each other
    kind = _FORMATS[printed.symbology]
    if not printed.linear:
        for strength in SHARPENED:
            clear = _sharpened(values, strength)
            if _found(_drawn(clear < _local_middle(clear, 7)), kind, printed.content):
                return True
        return False
    thirds = [values, *np.array_split(values, 3)]
    for part in thirds:
        row = np.median(part, axis=0, keepdims=True)
        for strength in SHARPENED:
            clear = _sharpened(row, strength)
            if any(_found(_drawn(clear < _local_middle(clear, reach), tall=True), kind, printed.content) for reach in (9, 15, 31)):
                return True
    return False


def _sharpened(values: Any, strength: float) -> Any:
    """Takes back from each module what its neighbours lent it."""
    kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32) if len(values) > 1 else np.array([[-1, 2, -1]], np.float32)
    return values + np.float32(strength) * cv2.filter2D(values, -1, kernel, borderType=cv2.BORDER_REPLICATE)


def _local_middle(values: Any, reach: int) -> Any:
    """Between the darkest and the lightest nearby, smoothed."""
    size = (reach, min(reach, 2 * values.shape[0] - 1))
    window = np.ones(size[::-1], np.uint8)
    light, dark = cv2.dilate(values, window), cv2.erode(values, window)
    return cv2.blur((light + dark) / 2, size, borderType=cv2.BORDER_REPLICATE)


def _drawn(dark: Any, *, tall: bool = False) -> Any:
    picture = np.where(dark, 0, 255).astype(np.uint8)
    picture = np.repeat(np.repeat(picture, 60 if tall else 4, axis=0), 4, axis=1)
    return np.pad(picture, 48, constant_values=255)


def _found(picture: Any, kind: Any, content: bytes) -> bool:
    return any(bytes(one.bytes) == content for one in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats([kind])))
