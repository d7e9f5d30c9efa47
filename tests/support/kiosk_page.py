"""The kiosk's pages over a bedside whose camera is told what it sees: a server of its own on a port of its own, no broker, no program."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from waitress.server import create_server

from cart_client.inbox import Answer, Asked, Command
from cart_client.scanning import CameraTold, Outlook
from cart_client.screen import View
from cart_client.web import serving
from cart_client.web.app import create_app
from tests.support.cart_ward import Stand


@dataclass
class Lens:
    """What the pages get of the camera: a picture with its number, and what is drawn over it."""

    picture: tuple[int, bytes] | None = None
    outlook: Outlook = field(default_factory=Outlook)


@dataclass
class Kiosk:
    stand: Stand
    url: str
    lock: threading.RLock
    frozen: threading.Event = field(default_factory=threading.Event)
    lens: Lens = field(default_factory=lambda: Lens())

    def hold(self, *symbols: object) -> None:
        with self.lock:
            self.stand.hold(*symbols)  # type: ignore[arg-type]


@contextmanager
def running_kiosk(directory: Path, *, in_the_wards_time: bool = False) -> Iterator[Kiosk]:
    """`in_the_wards_time`: the pages' clock goes on from the bedside's own moment, where it is today otherwise."""
    stand = Stand(directory)
    stand.put(CameraTold(live=True, source="test"))
    lock = threading.RLock()

    def ask(command: Command) -> Answer:
        asked = Asked(command=command, answer=Future())
        with lock:
            stand.put(asked)
        return asked.answer.result(0)

    lens = Lens(picture=(1, cv2.imencode(".jpg", np.full((480, 640, 3), 120, np.uint8))[1].tobytes()))
    frozen = threading.Event()
    last: list[View] = []
    begun = time.monotonic()

    def view() -> View:
        """As the running loop shows it: a new picture every second, until it hangs."""
        if not (frozen.is_set() and last):
            at = stand.clock.at + timedelta(seconds=time.monotonic() - begun) if in_the_wards_time else datetime.now(UTC)
            last[:] = [replace(stand.view, at=at)]
        return last[0]

    app = create_app(view=view, ask=ask, jpeg=lambda: lens.picture, names=stand.chart.names, outlook=lambda: lens.outlook)
    server = create_server(app, host="127.0.0.1", port=0, threads=6)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield Kiosk(stand=stand, url=f"http://127.0.0.1:{server.effective_port}/", lock=lock, frozen=frozen, lens=lens)
    finally:
        serving.stop(server)
        thread.join(5)
    assert not thread.is_alive()
