"""A phone's cart for tests: the bedside of `cart_ward` behind the pages that a phone gets, in process or on a Unix socket."""

from __future__ import annotations

import base64
import re
import threading
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from waitress.server import create_server

from cart_client.inbox import Answer, Asked, Command
from cart_client.scanning import Onlooker
from cart_client.web import serving
from cart_client.web.app import create_app
from cart_client.web.phone import PAIRING, Phone, became
from devices.scanners.browser import BrowserCamera
from pointofcare.labels.symbol import Symbol
from tests.support.cart_ward import Stand

_PICTURE = timedelta(seconds=1)


class PhoneCart:
    """`at_s` is the monotonic clock of the phone's parts; the bedside has its own. Each scan passes five seconds there."""

    def __init__(self, folder: Path) -> None:
        self.stand = Stand(folder)
        self.lock = threading.RLock()
        self.at_s = 100.0
        camera = BrowserCamera(mono_s=lambda: self.at_s, now=lambda: self.stand.clock.at)
        self.onlooker = Onlooker(camera, self.stand.bedside.inbox, mono_s=lambda: self.at_s)
        self.phone = Phone(
            self.onlooker,
            view=lambda: self.stand.view,
            ask=self.ask,
            became=lambda record_id: became(self.stand.journal, record_id),
            mono_s=lambda: self.at_s,
        )
        self.app: Flask = create_app(
            view=lambda: self.stand.view, ask=self.ask, jpeg=lambda: None, names=self.stand.chart.names, phone=self.phone
        )

    def ask(self, command: Command) -> Answer:
        asked = Asked(command=command, answer=Future())
        with self.lock:
            self.stand.put(asked)
        return asked.answer.result(0)

    def settle(self) -> None:
        """What the camera told goes through the loop."""
        with self.lock:
            while not self.stand.bedside.inbox.empty():
                self.stand.put(self.stand.bedside.inbox.get())

    def serve(self, socket: Path) -> Any:
        """On a Unix socket, as the program does; the return value stops it."""
        server = create_server(self.app, unix_socket=str(socket), unix_socket_perms="600", threads=6)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()

        def stop() -> None:
            serving.stop(server)
            thread.join(5)

        return stop


class Browser:
    """A browser that came through the gate: it names its pairing as the gate does."""

    def __init__(self, cart: PhoneCart, pairing: int = 1) -> None:
        self.cart, self.pairing = cart, pairing
        self.client: FlaskClient = cart.app.test_client()
        self.page, self.number, self.beat = f"page-of-{pairing:04d}-xxxxxxxx", 0, ""

    @property
    def named(self) -> dict[str, str]:
        return {PAIRING: str(self.pairing)}

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.named, base_url="http://localhost")

    def token(self) -> str:
        found = re.search(r'data-csrf="([^"]+)"', self.get("/").text)
        assert found
        return found.group(1)

    def tell(self, *symbols: Symbol, **other: object) -> Any:
        """One picture with these symbols."""
        self.number += 1
        self.cart.at_s += 0.5
        listed = [[one.identifier, base64.b64encode(one.content).decode()] for one in symbols]
        body = {"page": self.page, "number": self.number, "beat": self.beat, "symbols": listed} | other
        answer = self.client.post("/phone/seen", json=body, headers=self.named | {"X-CSRFToken": self.token()}, base_url="http://localhost")
        if answer.is_json:
            self.beat = answer.json.get("beat") or self.beat
        self.cart.settle()
        return answer

    def hold(self, *symbols: Symbol) -> None:
        """As a hand does: into the picture, and out again for long enough."""
        self.tell(symbols=None)
        for symbol in symbols:
            answer = self.tell(symbol)
            assert (answer.status_code, answer.json["fresh"]) == (200, 1), answer.text
            for _ in range(5):
                self.cart.stand.clock.pass_by(_PICTURE)
                self.tell()

    def press(self, name: str, **fields: str) -> Any:
        form = {"moment": str(self.cart.stand.view.moment), "csrf_token": self.token(), **fields}
        return self.client.post(f"/do/{name}", data=form, headers=self.named, base_url="http://localhost")
