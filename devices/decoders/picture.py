"""The picture that a nurse sees: the frame, smaller, with what was read outlined.

Must never draw on the frame itself, nor write a symbol's content on it: the content may be a patient's identity.
"""

from __future__ import annotations

import cv2
import numpy as np

from devices.ports import Frame
from pointofcare.errors import DeviceError
from pointofcare.labels.symbol import Symbol

QUALITY = 75
_UNDER, _OVER = (0, 0, 0), (0, 255, 255)


class OpenCVPicture:
    """Outlines are yellow over black, so that they show on light and dark alike."""

    def jpeg(self, frame: Frame, symbols: tuple[Symbol, ...] = (), *, width: int = 640) -> bytes:
        height_px, width_px = frame.image.shape[:2]
        scale = min(1.0, width / width_px)
        size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
        canvas = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA) if scale < 1 else frame.image.copy()
        thickness = max(3, canvas.shape[1] // 120)
        for colour, line_px in ((_UNDER, thickness * 2), (_OVER, thickness)):
            for symbol in symbols:
                if symbol.outline:
                    corners = np.rint(np.array(symbol.outline, dtype=np.float64) * scale).astype(np.int32)
                    cv2.polylines(canvas, [corners.reshape(-1, 1, 2)], True, colour, line_px, cv2.LINE_AA)
        done, data = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not done:
            raise DeviceError("the picture could not be made", number=frame.number)
        return bytes(data.tobytes())


def open_picture() -> OpenCVPicture:
    return OpenCVPicture()
