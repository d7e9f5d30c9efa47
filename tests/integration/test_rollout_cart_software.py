"""The cart's own program in waves, with everything real but the archive's content: the server's engine and signed repository over HTTP, a
broker, and carts as processes under the launcher. A version that falls goes back by itself, and the second
wave is not begun."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from server.__main__ import main
from server.mqtt import jobs
from server.usecases import rollouts
from tests.integration.test_rollout_bridges import Fleet, a_hospital
from tests.support import cart_versions as made
from tests.support import firmware as signers
from tests.support.brokers import FACILITY, SERVER, Clients, running_clients
from tests.support.cart_versions import Machine

CARTS = ("c1", "c2")
WITHIN_S = "90"


@dataclass
class Yard:
    fleet: Fleet
    machines: dict[str, Machine]
    rooms: dict[str, Path]

    def current(self, cart: str) -> str:
        link = self.rooms[cart] / "current"
        return link.resolve().name if link.is_symlink() else "package"

    def release(self, version: str, program: str, **more: int) -> str:
        people = self.fleet.people
        return made.release(people, made.signed(people, version, program, **more), version)  # type: ignore[arg-type] # a counter

    def rollout(self, version: str, waves: str) -> str:
        plan = ("--carts", waves, "--newcomers", "left-out", "--idle-min", "0", "--bake-min", "0", "--pause-at-failures", "1")
        words = ["rollout", "create", "--title", version, "--release", f"{version}+0", *plan, "--config", str(self.fleet.settings)]
        until("both carts are known to the server", lambda: main(words) == 0)
        number = self.fleet.capsys.readouterr().out.split()[-1]
        self.fleet.command("rollout", "start", number)
        return number


@pytest.fixture
def yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Yard]:
    monkeypatch.setattr(jobs, "LOOK_EVERY_S", 0.5)
    monkeypatch.setattr(rollouts, "TICK_EVERY", timedelta(seconds=0.4))
    people = signers.people(tmp_path / "people")
    people.ceremony()
    settings = tmp_path / "server.toml"
    assert main(["init", "--facility", FACILITY, "--config", str(settings)]) == 0
    with running_clients("mosquitto", CARTS) as clients:
        monkeypatch.setenv("POINTOFCARE_MQTT_PORT", str(clients.running.port))
        monkeypatch.setenv("POINTOFCARE_MQTT_USERNAME", SERVER)
        monkeypatch.setenv("POINTOFCARE_MQTT_PASSWORD", clients.passwords[SERVER])
        monkeypatch.setenv("POINTOFCARE_FIRMWARE_DIRECTORY", str(people.held.directory))
        assert main(["migrate", "--config", str(settings)]) == 0
        assert main(["export-key", "--output", str(tmp_path / "server.jwk"), "--config", str(settings)]) == 0
        with a_hospital(settings) as url:
            fleet = Fleet(settings=settings, people=people, carts={}, capsys=capsys)
            machines = {name: _machine(name, people, url, clients, tmp_path) for name in CARTS}
            try:
                for machine in machines.values():
                    machine.on()
                yield Yard(fleet=fleet, machines=machines, rooms={name: tmp_path / name / "software" for name in CARTS})
            finally:
                for machine in machines.values():
                    machine.power_fails()


def _machine(name: str, people: signers.People, url: str, clients: Clients, folder: Path) -> Machine:
    place = folder / name
    (place / "frames").mkdir(parents=True)
    (place / "software").mkdir()
    (place / "root.json").write_bytes(people.held.first_root())
    (place / "image-key.pem").write_bytes(people.held.signed_image_key())
    (place / "cart.toml").write_text(
        f'cart = "{name}"\nfacility = "{FACILITY}"\nward = "er"\ndata_dir = "data"\nserver_key_file = "{folder}/server.jwk"\n'
        f'[broker]\nport = {clients.running.port}\nusername = "{name}"\n[kiosk]\nport = 0\n'
        f'[devices]\ncamera = "folder:{place}/frames?loop=1"\n'
        f'[software]\nurl = "{url}"\nroot_file = "root.json"\nimage_key = "image-key.pem"\nno_battery = true\n',
        encoding="utf-8",
    )
    environment = {"POC_CART_BROKER_PASSWORD": clients.passwords[name], "POINTOFCARE_CART_SILENT_S": "20"}
    package = made.a_package(place / "package")
    return Machine(package, place / "software", "--config", str(place / "cart.toml"), environment=environment)


def until(what: str, is_so: Callable[[], bool], *, within_s: float = 90.0) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def test_a_version_goes_out_in_waves_and_one_that_falls_goes_back_and_the_second_wave_is_not_begun(yard: Yard) -> None:
    fleet = yard.fleet
    yard.release("1.1.0", made.WELL)
    good = yard.rollout("1.1.0", "c1/c2")
    fleet.command("rollout", "show", good, "--until", "awaiting", "--within", WITHIN_S)
    assert yard.current("c1").startswith("1.1.0+0-")
    assert yard.current("c2") == "package"
    assert fleet.read("rollout", "why", "c2")["code"] == "waits-for-wave"

    # The power fails while the second one unpacks, tries or starts it: wherever that is, it ends there.
    fleet.command("rollout", "approve", good, "--reason", "the first one is well")
    until("c2 began", lambda: any((yard.rooms["c2"]).glob("job.json")))
    yard.machines["c2"].power_fails()
    yard.machines["c2"].on()
    fleet.command("rollout", "show", good, "--until", "finished", "--within", WITHIN_S)
    assert yard.current("c2") == yard.current("c1")

    yard.release("1.2.0", made.FALLS)
    bad = yard.rollout("1.2.0", "c1/c2")
    fleet.command("rollout", "show", bad, "--until", "paused", "--within", WITHIN_S)
    shown = fleet.read("rollout", "show", bad)
    assert (shown["state"], shown["why"]) == ("paused", "failures")
    assert {one["cart"]: (one["state"], one["attempts"]) for one in shown["carts"]} == {"c1": ("penalty", 1), "c2": ("queued", 0)}
    assert yard.current("c1").startswith("1.1.0+0-"), "it went back by itself"
    assert "does-not-stay" in (yard.rooms["c1"] / "returned.json").read_text(encoding="utf-8")
