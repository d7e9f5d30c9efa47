"""A pulse oximeter on a serial line (RS-232 or USB): pulse and oxygen saturation, as it shows them.

It only listens: nothing is ever sent to the device. What comes is kept for seconds and never stored.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import serial

from devices.monitors import lines
from devices.ports import Monitor, MonitorReading
from pointofcare.errors import DeviceUnavailableError

BAUD = 9600
LONGEST_BYTES = 256
_POLL_S = 0.1


class Oximeter:
    """`port` is a device file. Opened by `readings`, which may be called again after it raised; `opened` is set while it is open."""

    def __init__(self, port: str, *, baud: int = BAUD) -> None:
        self._port, self._baud = port, baud
        self._closed = threading.Event()
        self.opened = threading.Event()

    def readings(self) -> Iterator[MonitorReading]:
        """Each line as it comes, until `close`. Raises: DeviceUnavailableError."""
        try:
            with serial.Serial(self._port, self._baud, timeout=_POLL_S) as line:
                self.opened.set()
                yield from self._read(line)
        except (OSError, serial.SerialException) as exc:
            if self._closed.is_set():
                return
            raise DeviceUnavailableError(
                f"the monitor on {self._port} does not answer: {exc}", remedy="plug it in and switch it on", port=self._port
            ) from exc
        finally:
            self.opened.clear()

    def close(self) -> None:
        self._closed.set()

    def describe(self) -> str:
        return f"pulse oximeter {self._port}"

    def _read(self, line: serial.Serial) -> Iterator[MonitorReading]:
        held = bytearray()
        whole = False  # what comes before the first line's end may be half a line
        while not self._closed.is_set():
            for byte in line.read(max(line.in_waiting, 1)):
                if byte not in b"\r\n":
                    held.append(byte)
                    if len(held) > LONGEST_BYTES:
                        held.clear()
                        whole = False
                    continue
                found = lines.read(held.decode("ascii", "replace")) if whole else None
                held.clear()
                whole = True
                if found is not None:
                    yield MonitorReading(values=found.values, fault=found.fault, at_mono_s=time.monotonic())


def open_monitor(source: str = "", *, baud: str = str(BAUD)) -> Monitor:
    """`source` is the device file. Raises: ValueError."""
    if not source:
        raise ValueError("name the device file: oximeter:/dev/serial/by-id/...")
    return Oximeter(source, baud=int(baud))
