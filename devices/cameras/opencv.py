"""A camera through OpenCV: a V4L2 device by its index or path, an RTSP or other stream by its URL, or a recorded video file.

A live source is read by one thread that keeps only the newest picture; a recorded file is read in order, nothing skipped.
Must never release a capture while another thread reads from it (OpenCV crashes), so the reading thread releases its own.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

# Read once, when OpenCV is loaded: without it a device that went silent keeps a thread for ten seconds.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")

import cv2

from devices.cameras import address, controls
from devices.cameras.arrivals import STALE_S, Arrival, Arrivals, of_image
from devices.cameras.controls import Controls
from devices.cameras.frame import freeze
from devices.cameras.newest import Newest
from devices.ports import Frame
from pointofcare.errors import DeviceUnavailableError

_log = logging.getLogger(__name__)

DEFAULT_STALL_S = 1.5
# Opening a stream is a conversation over the network, and some devices take their time to wake.
OPENING_S = 6.0
DEFAULT_SIZE = (1280, 720)
# Pictures that nobody took for this long are not decoded any more until somebody waits for one.
UNTAKEN_S = 0.25


class OpenCVCamera:
    """`source`: an index ("0"), a device's path ("/dev/v4l/by-id/usb-...", which stays the same whichever port it is plugged into), a
    URL, or a file. `wanted` is asked of a V4L2 device, which may ignore it: `refused` says what it did not take. `capture` opens a source
    as `cv2.VideoCapture` does."""

    def __init__(
        self,
        source: str,
        *,
        stall_s: float = DEFAULT_STALL_S,
        wanted: Controls | None = None,
        capture: Callable[..., Any] = cv2.VideoCapture,
        arrivals: Arrivals | None = None,
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._stall_s = stall_s
        self._wanted = wanted or Controls(width=DEFAULT_SIZE[0], height=DEFAULT_SIZE[1])
        self._capture, self._mono_s = capture, mono_s
        self._arrivals = arrivals or Arrivals(mono_s=mono_s)
        self._closed = threading.Event()
        self._newest: Newest[tuple[Any, Arrival]] | None = None
        self._number = 0
        self.refused: tuple[str, ...] = ()

    @property
    def device(self) -> bool:
        """A V4L2 device, and no stream or file."""
        return self._source.isdigit() or self._source.startswith("/dev/")

    @property
    def live(self) -> bool:
        return self.device or "://" in self._source

    def frames(self) -> Iterator[Frame]:
        if self._closed.is_set():
            return
        if not self.live:
            for image in self._recorded_pictures():
                self._number += 1
                yield freeze(image, self._number)
            return
        for image, arrival in self._live_pictures():
            self._number += 1
            yield freeze(image, self._number, arrival)

    def close(self) -> None:
        self._closed.set()
        newest = self._newest
        if newest is not None:
            newest.end()

    def describe(self) -> str:
        return f"opencv {'device ' if self.device else ''}{address.shown(self._source)}"

    def wanted_size(self) -> tuple[int, int] | None:
        if not self.device or self._wanted.width is None or self._wanted.height is None:
            return None
        return self._wanted.width, self._wanted.height

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

    def _live_pictures(self) -> Iterator[tuple[Any, Arrival]]:
        newest: Newest[tuple[Any, Arrival]] = Newest()
        self._newest = newest
        if self._closed.is_set():
            return
        reader = threading.Thread(target=self._read, args=(newest,), name=f"camera {address.shown(self._source)}", daemon=True)
        reader.start()
        try:
            first = True
            until_s = self._mono_s() + OPENING_S
            while True:
                try:
                    taken = newest.take(max(0.0, until_s - self._mono_s()))
                except TimeoutError:
                    raise self._lost("no picture", stall_s=OPENING_S if first else self._stall_s) from None
                if taken is None:
                    return
                if not first and self._mono_s() - taken[1].mono_s > STALE_S:
                    continue  # it waited for a reader that was elsewhere
                first = False
                yield taken
                until_s = self._mono_s() + self._stall_s
        finally:
            newest.end()

    def _read(self, newest: Newest[tuple[Any, Arrival]]) -> None:
        try:
            capture = self._open()
        except DeviceUnavailableError as error:
            newest.end(error)
            return
        self._arrivals.connected()
        try:
            while not newest.ended:
                if not capture.grab():
                    newest.end(self._lost("the source gives no more pictures"))
                    return
                if not newest.wanted(UNTAKEN_S):
                    self._arrivals.passed()
                    continue
                found, image = capture.retrieve()
                if not found:
                    newest.end(self._lost("a picture could not be decoded"))
                    return
                newest.put((image, self._arrivals.came(of_image(image))))
        except cv2.error as error:
            newest.end(self._lost(str(error)))
        finally:
            capture.release()

    def _open(self) -> Any:
        try:
            if self.device:
                # A path that stays leads to whichever number the kernel gave this time.
                name: int | str = int(self._source) if self._source.isdigit() else os.path.realpath(self._source)
                capture = self._capture(name, cv2.CAP_V4L2)
                capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
                if capture.isOpened():
                    self.refused = controls.apply(capture, self._wanted)
                    for told in self.refused:
                        _log.warning("camera %s: %s", self._source, told)
                capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            elif self.live:
                limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPENING_S * 1000), cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(self._stall_s * 1000)]
                capture = self._capture(self._source, cv2.CAP_FFMPEG, limits)
            else:
                capture = self._capture(self._source)
        except cv2.error as error:
            raise self._lost(str(error)) from error
        if not capture.isOpened():
            capture.release()
            raise self._lost("it does not open")
        return capture

    def _lost(self, why: str, **fields: object) -> DeviceUnavailableError:
        remedy = (
            "check the cable and that no other program uses the camera"
            if self.device
            else "check that the camera's address or file is right and reachable"
        )
        shown = address.shown(self._source)
        return DeviceUnavailableError(f"camera {shown}: {why}", remedy=remedy, source=shown, **fields)


def open_camera(
    source: str,
    *,
    stall_s: str = str(DEFAULT_STALL_S),
    width: str = str(DEFAULT_SIZE[0]),
    height: str = str(DEFAULT_SIZE[1]),
    rate_hz: str = "",
    exposure: str = "",
    focus: str = "",
) -> OpenCVCamera:
    """`source` as in the class; options as text. Raises: ValueError for one that cannot be."""
    wanted = controls.parse(width=width, height=height, rate_hz=rate_hz, exposure=exposure, focus=focus)
    return OpenCVCamera(source, stall_s=seconds("stall_s", stall_s), wanted=wanted)


def open_stream(source: str, *, stall_s: str = str(DEFAULT_STALL_S)) -> OpenCVCamera:
    """An RTSP camera, `rtsp://user:password@host/path`. Raises: ValueError for another address."""
    if not source.startswith(("rtsp://", "rtsps://")):
        raise ValueError(f"{address.shown(source)!r} is no rtsp address: write rtsp://HOST/PATH")
    return OpenCVCamera(source, stall_s=seconds("stall_s", stall_s))


def seconds(name: str, text: str) -> float:
    """Raises: ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 60:
        raise ValueError(f"{name}={text}: write seconds from 0.1 to 60")
    return value
