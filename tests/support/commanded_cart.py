"""A whole cart for commands: the real cart program as a process, its bridge, a simulated microcontroller, a real broker and a gateway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from pointofcare.people import StaffRole
from server.config import MqttConfig
from server.mqtt.gateway import Gateway
from server.security import signing
from server.store import commands
from server.store.commands import CartCommand
from server.store.transaction import Actor, reading, transaction
from server.usecases import cart_commands
from server.usecases.cart_commands import OPEN, State
from server.usecases.facts import Site
from tests.support.bridge import RunningBridge, a_bridge
from tests.support.brokers import SERVER, Clients, running_clients
from tests.support.cart_ward import PUBLIC
from tests.support.databases import migrated_app

FACILITY, CART, WARD = "h1", "c1", "NOI-TH"
MANAGER = Actor(id="F1", name="Fleet manager", roles=frozenset({StaffRole.FLEET_MANAGER}))
SECOND = Actor(id="F2", name="Another manager", roles=frozenset({StaffRole.FLEET_MANAGER}))
WAIT_S = 60.0


@dataclass
class Yard:
    """`program` is the cart's process, `bridge` has the microcontroller that really moves."""

    app: Flask
    clients: Clients
    gateway: Gateway
    bridge: RunningBridge
    directory: Path
    program: subprocess.Popen[bytes]

    def ask(self, name: str, **params: object) -> CartCommand:
        with self.app.app_context(), transaction(MANAGER) as tx:
            (made,) = cart_commands.ask(tx, MANAGER, (CART,), name, params).commands
        self.gateway.wake()
        return made

    def confirm(self, command: CartCommand) -> None:
        with self.app.app_context(), transaction(SECOND) as tx:
            cart_commands.second(tx, SECOND, command.id, confirms=True)
        self.gateway.wake()

    def state(self, command: CartCommand) -> CartCommand:
        with self.app.app_context(), reading(MANAGER) as tx:
            found = commands.get(tx, command.id)
        assert found is not None
        return found

    def ended(self, command: CartCommand, *, within_s: float = WAIT_S) -> CartCommand:
        """As it is once it is over."""
        until, pause = time.monotonic() + within_s, threading.Event()
        while (found := self.state(command)).state in OPEN:
            assert time.monotonic() < until, f"{found} is not over"
            pause.wait(0.005)
        return found

    def comes(self, command: CartCommand, state: State, *, within_s: float = WAIT_S) -> CartCommand:
        until, pause = time.monotonic() + within_s, threading.Event()
        while (found := self.state(command)).state != state:
            assert time.monotonic() < until, f"{found} does not become {state}"
            pause.wait(0.01)
        return found

    def alive(self) -> None:
        """Until the server knows a cart that is there and answers in its newest session."""
        until, pause = time.monotonic() + WAIT_S, threading.Event()
        while True:
            found = self.ended(self.ask("rebirth"))
            if found.state == State.DONE:
                return
            assert time.monotonic() < until, f"the cart is not there: {found}"
            pause.wait(0.2)

    def kill(self) -> None:
        self.program.send_signal(signal.SIGKILL)
        self.program.wait(20)

    def start(self) -> None:
        self.program = _start(self.directory, self.clients)


@contextmanager
def a_yard(kind: str = "mosquitto", *, pictures: int = 0) -> Iterator[Yard]:
    with (
        tempfile.TemporaryDirectory(prefix="yard-", ignore_cleanup_errors=True) as folder,
        migrated_app("sqlite", Path(folder)) as app,
        running_clients(kind, (CART, "c1-mcu")) as clients,
        a_bridge() as bridge,
    ):
        directory = Path(folder)
        _settings(directory, clients, bridge, pictures)
        gateway = a_gateway(app, clients, directory)
        gateway.start()
        yard = Yard(app=app, clients=clients, gateway=gateway, bridge=bridge, directory=directory, program=_start(directory, clients))
        try:
            yard.alive()
            yield yard
        finally:
            yard.program.terminate()
            yard.program.wait(30)
            gateway.stop()


def a_gateway(app: Flask, clients: Clients, directory: Path) -> Gateway:
    return Gateway(
        MqttConfig(host="127.0.0.1", port=clients.running.port, username=SERVER, password=clients.passwords[SERVER]),
        facility=FACILITY,
        key=signing.load_or_generate(directory / "key.json"),
        site=Site(),
        lifetime=timedelta(hours=24),
        version="test",
        scope=app.app_context,
    )


def _settings(directory: Path, clients: Clients, bridge: RunningBridge, pictures: int) -> None:
    (directory / "server-key.json").write_text(json.dumps(PUBLIC.as_dict(private=False)), encoding="utf-8")
    frames = directory / "frames"
    frames.mkdir()
    if pictures:
        _paint(frames, pictures)
    (directory / "cart.toml").write_text(
        f'cart = "{CART}"\nfacility = "{FACILITY}"\nward = "{WARD}"\ndata_dir = "data"\nserver_key_file = "server-key.json"\n'
        f'[broker]\nport = {clients.running.port}\nusername = "{CART}"\n[kiosk]\nport = 0\n'
        f'[devices]\ncamera = "folder:{frames}?loop=1"\ndrawers = "bridge:{bridge.bridge.config.socket_path}"\n',
        encoding="utf-8",
    )


def _paint(frames: Path, count: int) -> None:
    """Pictures that differ, so that the camera does not look frozen."""
    import numpy
    from PIL import Image

    random = numpy.random.default_rng(1)
    for number in range(count):
        Image.fromarray(random.integers(0, 255, (720, 1280, 3), dtype=numpy.uint8)).save(frames / f"{number:03}.png")


def _start(directory: Path, clients: Clients) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "POC_CART_BROKER_PASSWORD": clients.passwords[CART], "PYTHONPATH": os.getcwd()}
    log = (directory / "cart.log").open("ab")
    command: Sequence[str] = [sys.executable, "-m", "cart_client", "--config", str(directory / "cart.toml")]
    with log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def now() -> datetime:
    return datetime.now(UTC)
