"""A cart that is updated: a server that hands releases out, a bridge, and a simulated microcontroller with a bootloader."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import waitress
from flask import Flask
from joserfc import jws
from joserfc.jwk import OKPKey

from firmware_bridge import config
from firmware_bridge.app import Bridge
from firmware_bridge.simulated import Knobs, SimulatedMicrocontroller
from firmware_bridge.simulated_boot import Bootloader
from pointofcare.firmware import Target
from pointofcare.wire import jobs
from pointofcare.wire.messages import JobAssigned, JobOrder, JobState, JobTarget, JobTold
from server.config import FirmwareConfig, ServerConfig
from server.firmware import repository, serving, standing
from tests.support import firmware as signers
from tests.support.bridge import eventually
from tests.support.firmware import HARDWARE, People

DOCKED: Mapping[str, object] = {"docked": True, "idle_min": 0}


@dataclass(slots=True, kw_only=True)
class Cart:
    """`told` is all that the bridge reported of jobs, in order. `key` is the server's, `url` where releases are handed out."""

    people: People
    url: str
    place: Path
    microcontroller: SimulatedMicrocontroller
    knobs: Knobs
    name: str = "c1"
    key: OKPKey = field(default_factory=lambda: OKPKey.generate_key("Ed25519"))
    told: list[JobTold] = field(default_factory=list)
    bridge: Bridge | None = None
    broker_port: int = 1
    password: str = ""

    def release(self, version: str) -> Target:
        self.people.release(self.people.image(version, size=1500), version=version)
        return self.target(version)

    def target(self, version: str) -> Target:
        found = standing.of(self.people.held)
        assert found is not None
        return next(each.target for each in found.released if str(each.target.version) == version)

    def order(self, target: Target, *, job: str = "j1", attempt: int = 1, **change: object) -> JobOrder:
        now = repository.now()
        wanted = JobTarget(
            name=target.name,
            version=str(target.version),
            length=target.length,
            sha256=target.sha256,
            hardware=target.hardware,
            image_hash=target.image_hash,
            security_counter=target.security_counter,
        )
        given: dict[str, object] = {
            "facility": "h1",
            "cart": self.name,
            "job": job,
            "kind": jobs.MCU_FIRMWARE,
            "target": wanted,
            "attempt": attempt,
            "issued_at": now,
            "expires_at": now + timedelta(hours=1),
            "gates": DOCKED,
        }
        return JobOrder(**{**given, **change})  # type: ignore[arg-type]

    def signed(self, order: JobOrder, *, key: OKPKey | None = None, kind: str = jobs.TYPE) -> JobAssigned:
        header = {"alg": "Ed25519", "typ": kind}
        return JobAssigned(job=order.job, signed=jws.serialize_compact(header, jobs.claims(order), key or self.key, algorithms=["Ed25519"]))

    def settings(self) -> config.Config:
        given = {
            "cart": self.name,
            "facility": "h1",
            "serial_port": self.microcontroller.port,
            "poll_s": 0.05,
            "report_s": 1.0,
            "broker": {"host": "127.0.0.1", "port": self.broker_port, "username": self.name},
            "update": {"url": self.url, "root_file": "root.json", "server_key": "server.jwk", "image_key": "image-key.pem"},
        }
        return config.read(given, {config.PASSWORD: self.password}, beside=self.place)

    def start(self, **tools: object) -> Bridge:
        """The bridge's program, as after a start of the cart computer. Nobody uses the cart, and it stands at its dock."""
        self.bridge = Bridge(self.settings())
        updater = self.bridge.updater
        assert updater is not None
        for name, value in {"soak_s": 0.2, "reset_patience_s": 1.5, "silent_s": 3.0, "fetch_again_s": 0.2, **tools}.items():
            setattr(updater.tools, name, value)
        updater._turn_s = 0.1
        if not self.password:
            updater.tell_with(self._hear)
        self.bridge.relay.in_use(busy=False, ttl_ms=600_000)
        self.bridge.start()
        return self.bridge

    def stop(self) -> None:
        """The cart computer loses its power: whatever it had in memory is gone."""
        if self.bridge is not None:
            self.bridge.stop()
            self.bridge = None

    def assign(self, what: JobAssigned) -> None:
        assert self.bridge is not None
        assert self.bridge.updater is not None
        self.bridge.updater.assigned(what)

    def ends(self, state: JobState, *, job: str = "j1", why: str | None = None, within_s: float = 40.0) -> JobTold:
        def ended() -> bool:
            return any(each.job == job and each.state is state and (why is None or each.why == why) for each in self.told)

        eventually(ended, f"the job never was {state} {why}: {[(each.state.value, each.why) for each in self.told]}", within_s=within_s)
        return next(each for each in self.told if each.job == job and each.state is state and (why is None or each.why == why))

    def _hear(self, told: JobTold) -> bool:
        self.told.append(told)
        return True


@contextmanager
def a_server(people: People) -> Iterator[str]:
    """What hands the releases out: the server's own pages for them, over HTTP."""
    app = Flask("releases")
    app.config["POINTOFCARE_CONFIG"] = ServerConfig(
        facility="h1",
        secret_key="x" * 32,
        password_salt="y" * 32,
        database_url="sqlite://",
        signing_key=people.folder / "unused.jwk",
        firmware=FirmwareConfig(directory=people.held.directory),
    )
    app.register_blueprint(serving.room)
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=2)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}/firmware"
    finally:
        server.close()
        thread.join(5)


@contextmanager
def a_cart(made: Path, *, knobs: Knobs | None = None, start: bool = True, broker_port: int = 1, password: str = "") -> Iterator[Cart]:
    """`made` is the folder of a facility after its ceremony; a copy of it is worked on."""
    with tempfile.TemporaryDirectory(prefix="up-", ignore_cleanup_errors=True) as fresh:
        place = Path(fresh)
        shutil.copytree(made, place / "people", symlinks=True)
        people = signers.people(place / "people")
        standing.refresh(people.held, at=repository.now(), always=True)
        with a_server(people) as url, a_cart_of(people, url, place, knobs=knobs, broker_port=broker_port, password=password) as cart:
            (place / "server.jwk").write_text(json.dumps(cart.key.as_dict(private=False)), encoding="utf-8")
            if start:
                cart.start()
            yield cart


@contextmanager
def a_cart_of(
    people: People, url: str, place: Path, *, name: str = "c1", knobs: Knobs | None = None, broker_port: int = 1, password: str = ""
) -> Iterator[Cart]:
    """A cart that fetches from `url` and keeps what it has in `place`. Not started: server.jwk in `place` is the key that it believes."""
    key = people.image_key().public_key()
    chosen = knobs or Knobs()
    bootloader = Bootloader(place / "flash", key=key)
    microcontroller = SimulatedMicrocontroller(link=place / "mcu", knobs=chosen, bootloader=bootloader, hardware=HARDWARE)
    microcontroller.on_mains = True
    microcontroller.start()
    (place / "root.json").write_bytes(people.held.first_root())
    (place / "image-key.pem").write_bytes(people.held.image_key.read_bytes())
    cart = Cart(
        people=people,
        url=url,
        place=place,
        microcontroller=microcontroller,
        knobs=chosen,
        name=name,
        broker_port=broker_port,
        password=password,
    )
    try:
        yield cart
    finally:
        cart.stop()
        microcontroller.stop()
