"""A serial line without hardware: a pseudo-terminal in raw mode, with a stable name for the other program to open.

For simulated peripherals that ship, and for tests. `unplug` is what pulling the cable is to the reader on the other side.
"""

from __future__ import annotations

import contextlib
import os
import tty
from pathlib import Path

from pointofcare.errors import DeviceUnavailableError


class PseudoTerminal:
    """`link` is a path that always names the current terminal, through `unplug` and `plug`; None: only `port` does."""

    def __init__(self, link: Path | None = None) -> None:
        self._link = link
        self._master: int | None = None
        self._slave: int | None = None
        self._name = ""

    @property
    def port(self) -> str:
        """What the other program opens."""
        return str(self._link) if self._link is not None else self._name

    @property
    def master(self) -> int | None:
        """The descriptor of our end, not blocking; None while unplugged."""
        return self._master

    def plug(self) -> None:
        """A new terminal under the same name. Raises: DeviceUnavailableError."""
        self.unplug()
        try:
            self._master, self._slave = os.openpty()
            tty.setraw(self._master)
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self._name = os.ttyname(self._slave)
            if self._link is not None:
                self._point(self._link)
        except OSError as exc:
            self.unplug()
            raise DeviceUnavailableError(f"no pseudo-terminal: {exc.strerror}", remedy="check the folder of the link") from exc

    def unplug(self) -> None:
        """The other side sees the line end. Our slave descriptor is held until then, so that it may close and open at will."""
        for handle in (self._slave, self._master):
            if handle is not None:
                with contextlib.suppress(OSError):
                    os.close(handle)
        self._master = self._slave = None
        if self._link is not None and self._link.is_symlink():
            self._link.unlink()

    def _point(self, link: Path) -> None:
        fresh = link.with_name(f".{link.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._name)
        fresh.replace(link)
