"""A pulse oximeter that is not there, on a pseudo-terminal: it writes the very lines of a real one, for training and for tests."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from devices.serial.pseudo import PseudoTerminal


class SimulatedOximeter:
    """`port` is what a cart opens. Nothing is sent by itself: `show` is one line."""

    def __init__(self, link: Path | None = None) -> None:
        self._line = PseudoTerminal(link)
        self._line.plug()

    @property
    def port(self) -> str:
        return self._line.port

    def show(self, spo2: int | None, pulse: int | None, *, exceptions: int = 0x800) -> None:
        """A line in Masimo's ASCII 1 form; None is a value that it does not have."""
        shown = [f"{name}={'---' if value is None else f'{value:03}'}" for name, value in (("SpO2", spo2), ("PR", pulse))]
        self.send(f"{' '.join(shown)} PI=04.69 EXC={exceptions:03X}\r\n".encode())

    def send(self, content: bytes) -> None:
        """Anything at all, as a line that went wrong would come."""
        if self._line.master is not None:
            os.write(self._line.master, content)

    def unplug(self) -> None:
        self._line.unplug()

    def plug(self) -> None:
        self._line.plug()

    def __enter__(self) -> SimulatedOximeter:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._line.unplug()
