"""A serial line that a device speaks on, open for as long as it is read. Must never tell a line that was closed on purpose as a fault."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import serial

from pointofcare.errors import DeviceUnavailableError

POLL_S = 0.1


class Line:
    """`port` is a device file, `what` names the device in an error's words. It may be opened again after it was lost; `opened` is set while
    it is open, and a read returns after `POLL_S` at the latest."""

    def __init__(self, port: str, *, baud: int, what: str, remedy: str) -> None:
        self.port = port
        self._baud, self._what, self._remedy = baud, what, remedy
        self._closed = threading.Event()
        self.opened = threading.Event()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def close(self) -> None:
        """For good."""
        self._closed.set()

    @contextlib.contextmanager
    def open(self) -> Iterator[serial.Serial]:
        """Raises: DeviceUnavailableError, on opening and on reading, unless it was closed."""
        try:
            with serial.Serial(self.port, self._baud, timeout=POLL_S) as line:
                self.opened.set()
                yield line
        except (OSError, serial.SerialException) as exc:
            if not self.closed:
                raise DeviceUnavailableError(
                    f"the {self._what} on {self.port} does not answer: {exc}", remedy=self._remedy, port=self.port
                ) from exc
        finally:
            self.opened.clear()
