"""A network camera that sends `multipart/x-mixed-replace` JPEGs over HTTP.

OpenCV's own reader hides how old a picture is and hangs on a silent peer; this one always delivers the newest picture, takes
silence for a loss, and reconnects. Must never hold more than one part and one picture, whatever the peer sends, and never
pass on a part that is cut short.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from devices.cameras import address
from devices.cameras.arrivals import STALE_S, Arrival, Arrivals, of_jpeg
from devices.cameras.frame import freeze
from devices.cameras.newest import Newest
from devices.ports import Frame
from pointofcare.errors import DeviceUnavailableError

_log = logging.getLogger(__name__)

MAX_PART_BYTES = 8_000_000
MAX_LINE_BYTES = 4_096
CHUNK_BYTES = 64_000
DEFAULT_STALL_S = 2.0
DEFAULT_PATIENCE_S = 10.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.5


class MjpegCamera:
    """`stall_s` of silence breaks a connection; after `patience_s` without a picture, reconnecting included, it is lost.

    `reconnects` counts the connections after the first."""

    def __init__(
        self, url: str, *, stall_s: float = DEFAULT_STALL_S, patience_s: float = DEFAULT_PATIENCE_S, arrivals: Arrivals | None = None
    ) -> None:
        self._url = address.shown(url)  # what is shown and written down
        self._account = address.basic(url)
        self._arrivals = arrivals or Arrivals()
        self._parts = urlsplit(url)
        self._stall_s = stall_s
        self._patience_s = patience_s
        self._closed = threading.Event()
        self._newest: Newest[tuple[bytes, Arrival]] | None = None
        self._number = 0
        self._wire: socket.socket | None = None
        self._cut_parts = 0
        self._undecodable_parts = 0
        self.reconnects = 0

    @property
    def corrupt(self) -> int:
        """Parts that were no whole JPEG."""
        return self._cut_parts + self._undecodable_parts

    def frames(self) -> Iterator[Frame]:
        newest: Newest[tuple[bytes, Arrival]] = Newest()
        self._newest = newest
        if self._closed.is_set():
            return
        stop = threading.Event()
        reader = threading.Thread(target=self._keep_reading, args=(newest, stop), name=f"camera {self._url}", daemon=True)
        reader.start()
        last_good = time.monotonic()
        try:
            while True:
                remaining_s = last_good + self._patience_s - time.monotonic()
                try:
                    if remaining_s <= 0:
                        raise TimeoutError
                    taken = newest.take(remaining_s)
                except TimeoutError:
                    raise self._lost("no picture", patience_s=self._patience_s, corrupt=self.corrupt) from None
                if taken is None:
                    return
                jpeg, arrival = taken
                if time.monotonic() - arrival.mono_s > STALE_S:
                    continue  # it waited for a reader that was elsewhere
                image = _decode(jpeg)
                if image is None:
                    self._undecodable_parts += 1
                    continue
                self._number += 1
                yield freeze(image, self._number, arrival)
                last_good = time.monotonic()
        finally:
            stop.set()
            newest.end()
            self._hang_up()

    def close(self) -> None:
        self._closed.set()
        newest = self._newest
        if newest is not None:
            newest.end()
        self._hang_up()

    def describe(self) -> str:
        return f"mjpeg {self._url}"

    def wanted_size(self) -> tuple[int, int] | None:
        return None

    def _hang_up(self) -> None:
        """Wakes the reading thread out of a slow or silent peer."""
        wire = self._wire
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def _keep_reading(self, newest: Newest[tuple[bytes, Arrival]], stop: threading.Event) -> None:
        pause_s = FIRST_PAUSE_S
        connected_before = False
        while not newest.ended:
            received = False
            try:
                for jpeg in self._read_connection(newest):
                    newest.put((jpeg, self._arrivals.came(of_jpeg(jpeg))))
                    received = True
                why = "the stream ended"
            except (OSError, http.client.HTTPException, ValueError) as error:
                why = f"{type(error).__name__}: {error}".rstrip(": ")
            if not connected_before and not received:
                newest.end(self._lost(why))
                return
            connected_before = True
            pause_s = FIRST_PAUSE_S if received else min(pause_s * 2, LONGEST_PAUSE_S)
            if newest.ended or stop.wait(pause_s):
                return
            _log.warning("camera %s: %s; connecting again", self._url, why)
            self.reconnects += 1

    def _read_connection(self, newest: Newest[tuple[bytes, Arrival]]) -> Iterator[bytes]:
        """One connection's parts until it ends. Raises: OSError (also on silence), HTTPException, ValueError."""
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=self._stall_s)
        try:
            connection.connect()
            self._wire = connection.sock  # kept here: http.client forgets it once a response without a length begins
            path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
            account = {"Authorization": self._account} if self._account else {}
            connection.request("GET", path, headers={"Accept": "multipart/x-mixed-replace", **account})
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise ValueError(f"HTTP {response.status}")
            self._arrivals.connected()
            boundary = _boundary(response.headers.get_content_type(), response.headers.get_param("boundary"))
            while not newest.ended:
                length = _next_part(response, boundary)
                if length is None:
                    return
                jpeg = _exactly(response, length) if length >= 0 else _until_boundary(response, boundary)
                if jpeg.startswith(b"\xff\xd8") and jpeg.rstrip(b"\r\n\0").endswith(b"\xff\xd9"):
                    yield jpeg
                else:
                    self._cut_parts += 1
        finally:
            connection.close()

    def _lost(self, why: str, **fields: object) -> DeviceUnavailableError:
        remedy = "check that the camera is on, on the network, and that its address is right"
        return DeviceUnavailableError(f"camera {self._url}: {why}", remedy=remedy, source=self._url, **fields)


def _decode(jpeg: bytes) -> Any:
    try:
        return cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def _boundary(content_type: str, parameter: object) -> bytes:
    if not content_type.startswith("multipart/") or not isinstance(parameter, str) or not parameter:
        raise ValueError(f"not a multipart stream but {content_type}")
    return b"--" + parameter.strip('"').removeprefix("--").encode("ascii", "replace")


def _next_part(response: http.client.HTTPResponse, boundary: bytes) -> int | None:
    """Skips to the next part and past its header. Its length, -1 when the header names none, None at the stream's end."""
    skipped = 0
    while True:
        line = response.readline(MAX_LINE_BYTES)
        if not line:
            return None
        stripped = line.strip()
        if stripped == boundary + b"--":
            return None
        if stripped == boundary:
            break
        skipped += len(line)
        if skipped > MAX_PART_BYTES:
            raise ValueError("no part boundary")
    length = -1
    read = 0
    while line := response.readline(MAX_LINE_BYTES):
        read += len(line)
        if read > MAX_LINE_BYTES:
            raise ValueError("part header too long")
        if not line.strip():
            return length
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
            if not 0 <= length <= MAX_PART_BYTES:
                raise ValueError(f"part of {length} bytes")
    return None


def _exactly(response: http.client.HTTPResponse, length: int) -> bytes:
    received = bytearray()
    while len(received) < length:
        chunk = response.read1(min(length - len(received), CHUNK_BYTES))
        if not chunk:
            raise http.client.IncompleteRead(b"", length - len(received))
        received += chunk
    return bytes(received)


def _until_boundary(response: http.client.HTTPResponse, boundary: bytes) -> bytes:
    """A part without a length ends at the JPEG's own end marker, which entropy-coded data cannot contain."""
    received = bytearray()
    while len(received) <= MAX_PART_BYTES:
        line = response.readline(CHUNK_BYTES)
        if not line:
            raise http.client.IncompleteRead(b"")
        if line.strip().startswith(boundary):
            raise ValueError("part without an end")
        received += line
        if received.rstrip(b"\r\n").endswith(b"\xff\xd9"):
            return bytes(received)
    raise ValueError("part too long")


def open_camera(source: str, *, stall_s: str = str(DEFAULT_STALL_S), patience_s: str = str(DEFAULT_PATIENCE_S)) -> MjpegCamera:
    """`source` is an http(s) URL; options as text. Raises: ValueError for another URL, or an option that is no number."""
    url = urlsplit(source)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError(f"{address.shown(source)!r} is no http address: write http://HOST/PATH")
    return MjpegCamera(source, stall_s=float(stall_s), patience_s=float(patience_s))
