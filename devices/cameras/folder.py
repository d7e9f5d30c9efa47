"""Replays pictures from disk: a folder of images in name order, one image, or a video file; once, or again and again.

For tests, training and for replaying what a real cart saw. Must never skip a picture when it is not looping.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from devices.cameras.frame import freeze
from devices.ports import Frame
from pointofcare.errors import DeviceUnavailableError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
LOOP_RATE_HZ = 5.0


class FolderCamera:
    """`rate_hz` None plays as fast as the reader asks. A looping one is always paced. `unreadable` counts skipped files."""

    def __init__(self, path: Path, *, loop: bool = False, rate_hz: float | None = None) -> None:
        self._path = path
        self._loop = loop
        self._rate_hz = rate_hz if rate_hz is not None or not loop else LOOP_RATE_HZ
        self._closed = threading.Event()
        self._number = 0
        self.unreadable = 0

    def frames(self) -> Iterator[Frame]:
        while not self._closed.is_set():
            before = self._number
            for image in self._pictures():
                if self._closed.is_set():
                    return
                self._number += 1
                yield freeze(image, self._number)
                if self._rate_hz is not None and self._closed.wait(1 / self._rate_hz):
                    return
            if self._closed.is_set():
                return
            if self._number == before:
                raise self._missing("holds no picture that can be read", unreadable=self.unreadable)
            if not self._loop:
                return

    def close(self) -> None:
        self._closed.set()

    def describe(self) -> str:
        return f"folder {self._path}{' (looping)' if self._loop else ''}"

    def wanted_size(self) -> tuple[int, int] | None:
        return None

    def _pictures(self) -> Iterator[Any]:
        for file in self._files():
            if file.suffix.lower() not in IMAGE_SUFFIXES:
                yield from self._video(file)
                continue
            image = _read(file)
            if image is None:
                self.unreadable += 1
                continue
            yield image

    def _files(self) -> list[Path]:
        try:
            if self._path.is_dir():
                return sorted(file for file in self._path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
            if self._path.is_file():
                return [self._path]
        except OSError as error:
            raise self._missing(str(error)) from error
        raise self._missing("does not exist")

    def _video(self, file: Path) -> Iterator[Any]:
        capture = cv2.VideoCapture(str(file))
        try:
            while not self._closed.is_set():
                found, image = capture.read()
                if not found:
                    return
                yield image
        finally:
            capture.release()

    def _missing(self, why: str, **fields: object) -> DeviceUnavailableError:
        remedy = "give a folder of images, one image, or a video file"
        return DeviceUnavailableError(f"camera folder {self._path}: {why}", remedy=remedy, path=str(self._path), **fields)


def _read(file: Path) -> Any:
    """The image as BGR, None when the file is not one. Through bytes, because OpenCV fails on some non-ASCII paths."""
    try:
        data = np.fromfile(file, dtype=np.uint8)
    except OSError:
        return None
    return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None


def open_camera(source: str, *, loop: str = "0", rate_hz: str = "") -> FolderCamera:
    """`source` is a path; options as text, `loop` "1" or "0". Raises: ValueError for an option that is neither."""
    if loop not in {"0", "1"}:
        raise ValueError(f"loop is 0 or 1, not {loop!r}")
    return FolderCamera(Path(source), loop=loop == "1", rate_hz=float(rate_hz) if rate_hz else None)
