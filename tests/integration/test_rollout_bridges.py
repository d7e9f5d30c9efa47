"""A rollout over three real bridges: the server's engine, releases, gateway and commands on one side, a real broker between, and on the
other side bridges with simulated microcontrollers, one of which fails its self-test with the new image."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import waitress

from cart_client.web import serving
from firmware_bridge.simulated import Knobs
from pointofcare.wire import routes
from pointofcare.wire.messages import CartPhase, CartState
from server import config as configuration
from server import running
from server.__main__ import main
from server.app import create_app
from server.mqtt import jobs
from server.usecases import rollouts
from tests.support import firmware as signers
from tests.support.brokers import FACILITY, SERVER, Clients, a_message, running_clients
from tests.support.firmware import People
from tests.support.update import Cart, a_cart_of

CARTS = ("c1", "c2", "c3")
BAD = "c2"
VERSION, SLOT_VERSION = "1.1.0+7", "1.1.0.7"
WITHIN_S = "120"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A hospital and its carts. `older` is the image hash that each cart began with."""

    settings: Path
    people: People
    carts: Mapping[str, Cart]
    capsys: pytest.CaptureFixture[str]
    older: Mapping[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> str:
        """What `pointofcare-server` prints; the test fails when it ends with anything but 0."""
        self.capsys.readouterr()
        code = main([*words, "--config", str(self.settings)])
        told = self.capsys.readouterr()
        assert code == 0, f"{' '.join(words)}: {told.out}{told.err}"
        return told.out

    def read(self, *words: str) -> Any:
        return json.loads(self.command(*words, "--json"))

    def runs(self, cart: str) -> str:
        return self.carts[cart].microcontroller.bootloader.running_hash

    def resets(self) -> dict[str, int]:
        return {name: cart.microcontroller.resets for name, cart in self.carts.items()}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Fleet]:
    """The hospital's own program looks at its rollouts every five seconds; here more often."""
    monkeypatch.setattr(jobs, "LOOK_EVERY_S", 0.5)
    monkeypatch.setattr(rollouts, "TICK_EVERY", timedelta(seconds=0.4))
    people = signers.people(tmp_path / "people")
    people.ceremony()
    people.release(people.image(VERSION, size=1500), version=VERSION)
    settings = tmp_path / "server.toml"
    assert main(["init", "--facility", FACILITY, "--config", str(settings)]) == 0
    with running_clients("mosquitto", CARTS) as clients:
        monkeypatch.setenv("POINTOFCARE_MQTT_PORT", str(clients.running.port))
        monkeypatch.setenv("POINTOFCARE_MQTT_USERNAME", SERVER)
        monkeypatch.setenv("POINTOFCARE_MQTT_PASSWORD", clients.passwords[SERVER])
        monkeypatch.setenv("POINTOFCARE_FIRMWARE_DIRECTORY", str(people.held.directory))
        assert main(["migrate", "--config", str(settings)]) == 0
        assert main(["export-key", "--output", str(tmp_path / "server.jwk"), "--config", str(settings)]) == 0
        with a_hospital(settings) as url, ExitStack() as stack:
            carts = {name: stack.enter_context(_cart(name, people, url, clients, tmp_path / "server.jwk")) for name in CARTS}
            older = {name: cart.microcontroller.bootloader.running_hash for name, cart in carts.items()}
            yield Fleet(settings=settings, people=people, carts=carts, capsys=capsys, older=older)


@contextmanager
def a_hospital(settings: Path) -> Iterator[str]:
    """All of the server in this process; gives where it hands releases out."""
    config = configuration.load(settings)
    app = create_app(config)
    running.start(app, config, with_gateway=True, with_dispatcher=False)
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}/firmware"
    finally:
        serving.stop(server)
        thread.join(5)
        running.stop(app)


@contextmanager
def _cart(name: str, people: People, url: str, clients: Clients, server_key: Path) -> Iterator[Cart]:
    """The bridge, and beside it the session of the cart's own program, which says that the cart is there."""
    program, inbox = clients.make(name)
    clients.connect(program, inbox)
    state = a_message(name, CartState(phase=CartPhase.READY, ward="er"))
    assert program.publish(routes.STATE, state, facility=FACILITY, cart=name).wait(30)
    knobs = Knobs(ill={SLOT_VERSION}) if name == BAD else Knobs()
    reached = {"broker_port": clients.running.port, "password": clients.passwords[name]}
    with tempfile.TemporaryDirectory(prefix="ro-", ignore_cleanup_errors=True) as fresh:
        (Path(fresh) / "server.jwk").write_bytes(server_key.read_bytes())
        with a_cart_of(people, url, Path(fresh), name=name, knobs=knobs, **reached) as cart:  # type: ignore[arg-type] # a port, a password
            cart.start()
            yield cart


def test_a_rollout_over_real_bridges_pauses_itself_at_the_cart_whose_self_test_fails(fleet: Fleet) -> None:
    plan = ("--carts", "c1/c2,c3", "--newcomers", "left-out", "--idle-min", "0", "--bake-min", "0", "--at-once", "1")
    made = fleet.command("rollout", "create", "--title", "1.1.0", "--release", VERSION, *plan, "--pause-at-failures", "1").strip()
    fleet.command("rollout", "start", made)

    fleet.command("rollout", "show", made, "--until", "awaiting", "--within", WITHIN_S)
    first = fleet.read("rollout", "show", made)
    assert first["waves"] == [{"succeeded": 1}, {"queued": 2}]
    assert fleet.runs("c1") == first["image_hash"] != fleet.older["c1"]
    assert fleet.resets() == {"c1": 1, "c2": 0, "c3": 0}
    assert fleet.read("rollout", "why", "c2")["code"] == "waits-for-wave"

    fleet.command("rollout", "approve", made, "--reason", "the first one is well")
    fleet.command("rollout", "show", made, "--until", "paused,finished", "--within", WITHIN_S)
    paused = fleet.read("rollout", "show", made)
    assert (paused["state"], paused["why"], paused["wave"]) == ("paused", "failures", 2)
    assert {one["cart"]: (one["state"], one["attempts"]) for one in paused["carts"]} == {
        "c1": ("succeeded", 1),
        "c2": ("penalty", 1),
        "c3": ("queued", 0),
    }
    assert fleet.runs("c2") == fleet.older["c2"], "its bootloader put the older image back"
    assert fleet.carts["c2"].bridge.updater.refusal == "", "its drawers open again"  # type: ignore[union-attr] # it runs
    assert fleet.runs("c3") == fleet.older["c3"]
    assert fleet.resets() == {"c1": 1, "c2": 2, "c3": 0}

    told = {name: fleet.read("rollout", "why", name)["code"] for name in CARTS}
    assert told == {"c1": "succeeded", "c2": "penalty", "c3": "tripped"}
    assert "self-test" in fleet.command("rollout", "why", "c2")
    assert "paused itself" in fleet.command("rollout", "why", "c3")
