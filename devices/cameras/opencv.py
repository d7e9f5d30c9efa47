"""A camera through OpenCV: a V4L2 device by its index, a stream by its URL, or a recorded video file.

A live source is read by one thread that keeps only the newest picture; a recorded file is read in order, nothing skipped.
Must never release a capture while another thread reads from it (OpenCV crashes), so the reading thread releases its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import cv2

from devices.cameras.frame import freeze
from devices.cameras.newest import Newest
from devices.ports import Frame
from pointofcare.errors import DeviceUnavailableError

_log = logging.getLogger(__name__)

DEFAULT_STALL_S = 3.0
DEFAULT_SIZE = (1280, 720)


class OpenCVCamera:
    """`source`: an index ("0"), a URL, or a path. `size` (width, height) is asked of a V4L2 device, which may ignore it."""

    def __init__(self, source: str, *, stall_s: float = DEFAULT_STALL_S, size: tuple[int, int] = DEFAULT_SIZE) -> None:
        self._source = source
        self._stall_s = stall_s
        self._size = size
        self._closed = threading.Event()
        self._newest: Newest[Any] | None = None
        self._number = 0

    @property
    def live(self) -> bool:
        return self._source.isdigit() or "://" in self._source

    def frames(self) -> Iterator[Frame]:
        if self._closed.is_set():
            return
        pictures = self._live_pictures() if self.live else self._recorded_pictures()
        for image in pictures:
            self._number += 1
            yield freeze(image, self._number)

    def close(self) -> None:
        self._closed.set()
        newest = self._newest
        if newest is not None:
            newest.end()

    def describe(self) -> str:
        return f"opencv {'device ' if self._source.isdigit() else ''}{self._source}"

    def _recorded_pictures(self) -> Iterator[Any]:
        capture = self._open()
        try:
            while not self._closed.is_set():
                found, image = capture.read()
                if not found:
                    return
                yield image
        finally:
            capture.release()

    def _live_pictures(self) -> Iterator[Any]:
        newest: Newest[Any] = Newest()
        self._newest = newest
        if self._closed.is_set():
            return
        reader = threading.Thread(target=self._read, args=(newest,), name=f"camera {self._source}", daemon=True)
        reader.start()
        try:
            first = True
            while True:
                try:
                    image = newest.take(self._stall_s * 2 if first else self._stall_s)
                except TimeoutError:
                    raise self._lost("no picture", stall_s=self._stall_s) from None
                if image is None:
                    return
                first = False
                yield image
        finally:
            newest.end()

    def _read(self, newest: Newest[Any]) -> None:
        try:
            capture = self._open()
        except DeviceUnavailableError as error:
            newest.end(error)
            return
        try:
            while not newest.ended:
                found, image = capture.read()
                if not found:
                    newest.end(self._lost("the source gives no more pictures"))
                    return
                newest.put(image)
        except cv2.error as error:
            newest.end(self._lost(str(error)))
        finally:
            capture.release()

    def _open(self) -> Any:
        try:
            if self._source.isdigit():
                capture = cv2.VideoCapture(int(self._source), cv2.CAP_V4L2)
                capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
                capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
                capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
                capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            elif self.live:
                limit_ms = int(self._stall_s * 1000)
                limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
                capture = cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, limits)
            else:
                capture = cv2.VideoCapture(self._source)
        except cv2.error as error:
            raise self._lost(str(error)) from error
        if not capture.isOpened():
            capture.release()
            raise self._lost("it does not open")
        return capture

    def _lost(self, why: str, **fields: object) -> DeviceUnavailableError:
        remedy = (
            "check the cable and that no other program uses the camera"
            if self._source.isdigit()
            else "check that the camera's address or file is right and reachable"
        )
        return DeviceUnavailableError(f"camera {self._source}: {why}", remedy=remedy, source=self._source, **fields)


def open_camera(
    source: str, *, stall_s: str = str(DEFAULT_STALL_S), width: str = str(DEFAULT_SIZE[0]), height: str = str(DEFAULT_SIZE[1])
) -> OpenCVCamera:
    """`source` as in the class; options as text. Raises: ValueError for one that is no number."""
    return OpenCVCamera(source, stall_s=float(stall_s), size=(int(width), int(height)))
