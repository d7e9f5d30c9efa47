"""A label printer that ships with the simulation: ZPL over TCP in, labels as pictures out, ~HS answered as the real one answers.

Its troubles (no paper, paused, an open head, a plug that is pulled) are for tests and drills. Must never listen beyond loopback.
"""

from __future__ import annotations

import re
import socketserver
import threading
from typing import Any

from simulation.devices import zpl
from simulation.devices.zpl import Printed

_WHOLE = re.compile(rb"\^XA.*?\^XZ\s*|~HS\s*", re.DOTALL)


class LabelPrinter:
    """On a free port of loopback. `printed` is what lies in the tray, oldest first. `start` and `stop` once each."""

    def __init__(self, *, port: int = 0) -> None:
        self.lock = threading.Lock()
        self.printed: list[Printed] = []
        self.waiting: list[bytes] = []
        self.paper_out = self.paused = self.head_open = self.mute = False
        self.unplug_after: int | None = None
        self.paper_left: int | None = None
        self._server = _Server(("127.0.0.1", port), self)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> LabelPrinter:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="label printer", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def load_paper(self, labels: int | None = None) -> None:
        with self.lock:
            self.paper_out, self.paper_left = False, labels
        self.work()

    def take(self, label: bytes) -> bool:
        """A whole label came. False: the plug is out, and nobody hears anything more."""
        with self.lock:
            if self.unplug_after is not None and len(self.printed) + len(self.waiting) >= self.unplug_after:
                return False
            self.waiting.append(label)
        self.work()
        return True

    def work(self) -> None:
        with self.lock:
            while self.waiting and not (self.paper_out or self.paused or self.head_open):
                if self.paper_left == 0:
                    self.paper_out = True
                    return
                self.printed.append(zpl.drawn(self.waiting.pop(0)))
                if self.paper_left is not None:
                    self.paper_left -= 1

    def status(self) -> bytes:
        """Three strings between STX and ETX, as in the ZPL II Programming Guide."""
        with self.lock:
            first = f"030,{self.paper_out:d},{self.paused:d},0400,{len(self.waiting):03d},0,0,0,000,0,0,0"
            second = f"000,0,{self.head_open:d},0,0,2,4,0,00000000,1,000"
        return b"".join(b"\x02" + text.encode() + b"\x03\r\n" for text in (first, second, "1234,0"))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], printer: LabelPrinter) -> None:
        self.printer = printer
        super().__init__(address, _Line)


class _Line(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        printer: LabelPrinter = server.printer
        held = b""
        while True:
            try:
                more = self.request.recv(65536)
            except OSError:
                return
            if not more:
                return
            held += more
            while (whole := _WHOLE.search(held)) is not None:
                held = held[whole.end() :]
                if whole[0].startswith(b"~HS"):
                    if printer.mute:
                        continue
                    try:
                        self.request.sendall(printer.status())
                    except OSError:
                        return
                elif not printer.take(whole[0]):
                    return
