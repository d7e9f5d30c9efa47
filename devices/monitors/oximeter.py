"""A pulse oximeter on a serial line (RS-232 or USB): pulse and oxygen saturation, as it shows them.

It only listens: nothing is ever sent to the device. What comes is kept for seconds and never stored.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import serial

from devices.monitors import lines
from devices.ports import Monitor, MonitorReading
from devices.serial.line import Line

BAUD = 9600
LONGEST_BYTES = 256


class Oximeter:
    """`port` is a device file. Opened by `readings`, which may be called again after it raised; `opened` is set while it is open."""

    codes: tuple[str, ...] = ("heart-rate", "spo2")

    def __init__(self, port: str, *, baud: int = BAUD) -> None:
        self._line = Line(port, baud=baud, what="monitor", remedy="plug it in and switch it on")
        self.opened = self._line.opened

    def readings(self) -> Iterator[MonitorReading]:
        """Each line as it comes, until `close`. Raises: DeviceUnavailableError."""
        with self._line.open() as line:
            yield from self._read(line)

    def close(self) -> None:
        self._line.close()

    def describe(self) -> str:
        return f"pulse oximeter {self._line.port}"

    def _read(self, line: serial.Serial) -> Iterator[MonitorReading]:
        held = bytearray()
        whole = False  # what comes before the first line's end may be half a line
        while not self._line.closed:
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
