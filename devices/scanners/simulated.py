"""A scanner that types as a keyboard and is not there: the kernel's very events, through a named pipe. For training and for tests."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from devices.scanners import keys
from devices.scanners.keyboard import EVENT
from devices.scanners.keys import Layout
from pointofcare.errors import DeviceUnavailableError

_SHIFT, _CONTROL, _ENTER = 42, 29, 28
_KEYPAD = {"0": 82, "2": 80, "9": 73}
Event = tuple[int, int, int]


class Separator(StrEnum):
    """How it sends GS."""

    CONTROL = "ctrl"
    F8 = "f8"
    ALT = "alt"


def typed(content: bytes, layout: Layout, separator: Separator = Separator.CONTROL) -> Iterator[Event]:
    """(kind, code, value) of each event: every character and Enter. Raises: ValueError for what the layout has no key for."""
    for byte in content:
        if byte != keys.GS:
            yield from _character(chr(byte), layout)
        elif separator is Separator.CONTROL:
            yield from _stroke(27, _CONTROL)
        elif separator is Separator.F8:
            yield from _stroke(keys.F8)
        else:
            yield keys.EV_KEY, keys.ALT, 1
            for digit in "029":
                yield from _stroke(_KEYPAD[digit])
            yield keys.EV_KEY, keys.ALT, 0
            yield keys.EV_SYN, 0, 0
    yield from _stroke(_ENTER)


def _character(text: str, layout: Layout) -> Iterator[Event]:
    for code, levels in keys.LAYOUTS[layout].items():
        level = levels.index(text) if text in levels else None
        if level is not None and not (level == 2 and text == " "):
            held = (None, _SHIFT, keys.ALT_GR)[level]
            yield from _stroke(code) if held is None else _stroke(code, held)
            return
    raise ValueError(f"{layout.value} has no key for {text!r}")


def _stroke(code: int, held: int | None = None) -> Iterator[Event]:
    around = () if held is None else (held,)
    for key in (*around, code):
        yield keys.EV_KEY, key, 1
        yield keys.EV_SYN, 0, 0
    for key in (code, *around):
        yield keys.EV_KEY, key, 0
        yield keys.EV_SYN, 0, 0


class SimulatedKeyboardScanner:
    """`device` is what a cart opens. `unplug` is what pulling the cable is to who reads it."""

    def __init__(self, device: Path, *, layout: Layout = Layout.US, separator: Separator = Separator.CONTROL) -> None:
        self.device = device
        self._layout = layout
        self._separator = separator
        self._handle: int | None = None

    def plug(self) -> None:
        """Raises: DeviceUnavailableError."""
        self.unplug()
        try:
            os.mkfifo(self.device, 0o600)
            self._handle = os.open(self.device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            raise DeviceUnavailableError(f"no pipe at {self.device}: {exc.strerror}", remedy="check the folder") from exc

    def unplug(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        with contextlib.suppress(FileNotFoundError):
            self.device.unlink()

    def scan(self, content: bytes) -> None:
        """One symbol, with its identifier in front. Raises: ValueError for what its layout has no key for."""
        self.send(list(typed(content, self._layout, self._separator)))

    def send(self, events: list[Event]) -> None:
        """Any events at all."""
        now = time.time()
        for kind, code, value in events:
            if self._handle is not None:
                os.write(self._handle, EVENT.pack(int(now), int(now % 1 * 1_000_000), kind, code, value))
