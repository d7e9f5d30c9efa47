"""A hand scanner that types as a keyboard (HID), read from the kernel's event device and kept from everybody else's.

It is grabbed: what it types reaches no screen, and no form is filled in by a pack. A scanner that cannot be grabbed is not read. Prefer
one in serial mode: it has no layout that can be set wrongly. The scanner must be set to send the AIM identifier ("]d2") before each
symbol and Enter or Tab after it, and GS as Ctrl-], F8 or Alt-029; `layout` must be the one that it is set to. Two scanners are two
sources: name them by `/dev/input/by-path/...`, for two of one make share their name in `by-id`. Must never read a keyboard that
somebody writes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import stat
import struct
import threading
from collections.abc import Iterator

from devices.ports import Scanner
from devices.scanners.keys import Keys, Layout
from devices.scanners.serial_line import symbol_of
from pointofcare.errors import DeviceUnavailableError
from pointofcare.labels.symbol import Symbol

EVENT = struct.Struct("llHHi")  # the kernel's: seconds and microseconds, kind, code, value
_GRAB = 0x40044590  # EVIOCGRAB
_EVENTS_AT_ONCE = 64
_LOOK_S = 0.2


class KeyboardScanner:
    """`device` is an event device file. Opened by `symbols`, which may be called again after it raised; `opened` is set while it is."""

    def __init__(self, device: str, *, layout: Layout = Layout.US) -> None:
        self._device = device
        self._layout = layout
        self._closed = threading.Event()
        self.opened = threading.Event()

    def symbols(self) -> Iterator[Symbol]:
        """Each symbol as it comes, until `close`. Raises: DeviceUnavailableError."""
        handle = self._open()
        try:
            self.opened.set()
            yield from self._read(handle)
        finally:
            self.opened.clear()
            os.close(handle)

    def close(self) -> None:
        self._closed.set()

    def describe(self) -> str:
        return f"keyboard scanner {self._device} ({self._layout.value})"

    def _open(self) -> int:
        try:
            handle = os.open(self._device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            raise self._gone(exc) from exc
        try:
            if stat.S_ISCHR(os.fstat(handle).st_mode):  # a simulated one is a pipe, that nobody else can read
                fcntl.ioctl(handle, _GRAB, 1)
        except OSError as exc:
            os.close(handle)
            raise DeviceUnavailableError(
                f"the scanner {self._device} cannot be had alone: {exc.strerror}", remedy="see that no other program holds it"
            ) from exc
        return handle

    def _read(self, handle: int) -> Iterator[Symbol]:
        keys = Keys(self._layout)
        rest = b""
        while not self._closed.is_set():
            ready, _, _ = select.select([handle], [], [], _LOOK_S)
            if not ready:
                continue
            try:
                some = os.read(handle, EVENT.size * _EVENTS_AT_ONCE)
            except BlockingIOError:
                continue
            except OSError as exc:
                raise self._gone(exc) from exc
            if not some:
                raise DeviceUnavailableError(f"the scanner {self._device} is gone", remedy="plug it in")
            rest += some
            whole = len(rest) - len(rest) % EVENT.size
            for seconds, micros, kind, code, value in EVENT.iter_unpack(rest[:whole]):
                line = keys.take(kind, code, value, seconds + micros / 1_000_000)
                if line is not None:
                    yield symbol_of(line)
            rest = rest[whole:]

    def _gone(self, exc: OSError) -> DeviceUnavailableError:
        return DeviceUnavailableError(
            f"the scanner {self._device} cannot be read: {exc.strerror}", remedy="plug it in, and let the program read its event device"
        )


def open_scanner(source: str = "", *, layout: str = Layout.US.value) -> Scanner:
    """`source` is the event device file. Raises: ValueError."""
    if not source:
        raise ValueError("name the device file: keyboard:/dev/input/by-path/...-event-kbd?layout=us")
    with contextlib.suppress(ValueError):
        return KeyboardScanner(source, layout=Layout(layout))
    raise ValueError(f"the layout {layout!r} is not known: use one of {', '.join(Layout)}")
