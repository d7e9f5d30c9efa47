"""A hand scanner on a serial line (RS-232, or USB in its serial mode): one symbol a line, with its AIM symbology identifier.

The scanner must be set to send the identifier ("]d2") before each symbol and CR, LF or both after it, and FNC1 as GS (0x1D); its manual
has the bar codes for that. A symbol that comes without an identifier is handed over without one, so it is never taken for GS1. A
scanner that types as a keyboard is `devices.scanners.keyboard`. Must never put two lines together.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import serial

from devices.ports import Scanner
from devices.serial.line import Line
from pointofcare.labels.symbol import Symbol

_IDENTIFIER = re.compile(rb"\][A-Za-z][0-9A-Za-z]")
# The longest QR code; more in one line is not a symbol.
LONGEST_BYTES = 4_296
# A scanner sends a symbol in one go: what is left without an end for this long belongs to no line.
BROKEN_AFTER_S = 1.0


class SerialScanner:
    """`port` is a device file. Opened by `symbols`, which may be called again after it raised; `opened` is set while it is open."""

    def __init__(self, port: str, *, baud: int = 115_200) -> None:
        self._line = Line(port, baud=baud, what="scanner", remedy="plug it in, and see that it is in serial mode")
        self.opened = self._line.opened

    def symbols(self) -> Iterator[Symbol]:
        """Each symbol as it comes, until `close`. Raises: DeviceUnavailableError."""
        with self._line.open() as line:
            yield from self._read(line)

    def close(self) -> None:
        self._line.close()

    def describe(self) -> str:
        return f"serial scanner {self._line.port}"

    def _read(self, line: serial.Serial) -> Iterator[Symbol]:
        held = bytearray()
        heard_s = time.monotonic()
        skipping = False
        while not self._line.closed:
            some = line.read(max(line.in_waiting, 1))
            now_s = time.monotonic()
            if not some:
                if held and now_s - heard_s > BROKEN_AFTER_S:
                    held.clear()
                    skipping = True  # the rest may still come: it is not a symbol of its own
                continue
            heard_s = now_s
            for byte in some:
                if byte in b"\r\n":
                    if held and not skipping:
                        yield symbol_of(bytes(held))
                    held.clear()
                    skipping = False
                elif not skipping:
                    held.append(byte)
                    if len(held) > LONGEST_BYTES:
                        held.clear()
                        skipping = True


def symbol_of(line: bytes) -> Symbol:
    """Of what a scanner sent for it. Without an identifier it is never taken for GS1."""
    if _IDENTIFIER.match(line):
        return Symbol(identifier=line[:3].decode("ascii"), content=line[3:])
    return Symbol(identifier="", content=line)


def open_scanner(source: str = "", *, baud: str = "115200") -> Scanner:
    """`source` is the device file. Raises: ValueError."""
    if not source:
        raise ValueError("name the device file: serial:/dev/serial/by-id/...")
    return SerialScanner(source, baud=int(baud))
