"""The machines of a chaos run, real programs that can be killed and started again: server, broker, EMR, carts, and proxies between.

Everything listens on loopback and keeps its state in the run's folder (docs/reliability.md, "The proof"). Nothing here knows what is
done to the machines, or reads what they recorded.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devices.brokers import mosquitto, nats
from devices.brokers.account import Account
from devices.brokers.process import RunningBroker
from devices.serial.pseudo import PseudoTerminal
from pointofcare.errors import PointOfCareError
from simulation import emr_peer, files, processes, ward
from simulation.chaos import control, wards
from simulation.fault_proxy import FaultProxy
from simulation.processes import Child
from simulation.ward import StaffMember, Ward

_BROKERS = {"nats": nats.start, "mosquitto": mosquitto.start}
_READY = {"server": "pointofcare-server ready"}
Progress = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Machine:
    """One program with how to start it again. `starts` counts them; `child` None: it was never started."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    logs: Path
    control: Path
    child: Child | None = None
    starts: int = 0

    @property
    def pid(self) -> int:
        return self.child.process.pid if self.child is not None else 0

    @property
    def runs(self) -> bool:
        return self.child is not None and self.child.process.poll() is None

    def start(self) -> None:
        """Without waiting until it is ready. Each start has a log of its own."""
        self.starts += 1
        log = self.logs / f"{self.name}.{self.starts:03d}.log"
        self.child = processes.start(self.name, self.argv, log=log, environment=self.environment)

    def kill(self) -> None:
        """SIGKILL, as a power cut."""
        if self.child is not None and self.child.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.process.pid, signal.SIGKILL)
            self.child.process.wait(10)

    def wait_ready(self, timeout_s: float) -> None:
        """Raises: DeviceUnavailableError with the log's tail."""
        assert self.child is not None
        processes.wait_for_line(self.child, _READY.get(self.name, "ready"), timeout_s=timeout_s)


@dataclass(slots=True, kw_only=True)
class Machines:
    """`proxies` by cart, "server" (to the broker) and "emr" (from the server). `people` are in the wards' staff table, a nurse a cart."""

    directory: Path
    carts: tuple[str, ...]
    server: Machine
    server_url: str
    broker: RunningBroker
    emr: emr_peer.RunningEmr
    cart: dict[str, Machine] = field(default_factory=dict)
    scanner: dict[str, PseudoTerminal] = field(default_factory=dict)
    kiosk_port: dict[str, int] = field(default_factory=dict)
    proxies: dict[str, FaultProxy] = field(default_factory=dict)
    people: tuple[StaffMember, ...] = ()
    passwords: Mapping[str, str] = field(default_factory=dict)

    def ward_of(self, cart: str) -> str:
        return wards.ward_of(self.carts.index(cart))

    def emr_again(self) -> None:
        """After a kill: on the same port, with the same data."""
        self.emr = emr_peer.start(self.emr.directory, port=self.emr.port)

    def stop(self) -> None:
        children = [machine.child for machine in (self.server, *self.cart.values()) if machine.child is not None]
        processes.stop(children)
        self.emr.stop()
        self.broker.stop()
        for proxy in self.proxies.values():
            proxy.stop()
        for line in self.scanner.values():
            line.unplug()


def start(directory: Path, *, carts: int, broker: str, first: Ward, people: tuple[StaffMember, ...], say: Progress) -> Machines:
    """Start everything in the empty folder `directory`. `first` are the patients and orders who are there from the start.

    Raises: PointOfCareError naming the part that did not start."""
    names = tuple(f"cart-{number:02d}" for number in range(1, carts + 1))
    passwords = {name: secrets.token_urlsafe(36) for name in ("server", "secret_key", "password_salt", *names)}
    accounts = [
        Account(name="server", password=passwords["server"], kind="server"),
        *(Account(name=name, password=passwords[name], kind="cart") for name in names),
    ]
    ports = _ports(carts + 1)
    with contextlib.ExitStack() as undo:
        say(f"broker ({broker}) and EMR")
        running = _BROKERS[broker](directory / "broker", accounts, facility=ward.FACILITY)
        undo.callback(running.stop)
        emr = emr_peer.start(directory / "emr")
        undo.callback(lambda: machines.emr.stop())
        proxies = {name: FaultProxy(running.port) for name in ("server", *names)}
        proxies["emr"] = FaultProxy(emr.port)
        for proxy in proxies.values():
            proxy.start()
            undo.callback(proxy.stop)
        server_directory = directory / "server"
        server_directory.mkdir(parents=True)
        settings = server_directory / "server.toml"
        _server_settings(settings, passwords, broker_port=proxies["server"].port, port=ports[0], emr_port=proxies["emr"].port)
        environment = {"POINTOFCARE_MQTT_PASSWORD": passwords["server"]}
        machines = Machines(
            directory=directory,
            carts=names,
            server=_machine(directory, "server", "server", "run", "--config", str(settings), environment=environment),
            server_url=f"http://127.0.0.1:{ports[0]}",
            broker=running,
            emr=emr,
            proxies=proxies,
            people=people,
            passwords=passwords,
        )
        undo.callback(lambda: processes.stop([m.child for m in (machines.server, *machines.cart.values()) if m.child is not None]))
        say(f"{len(first.patients)} patients, {len(first.orders)} orders")
        _prepare(directory, settings, first, environment, say)
        machines.server.start()
        for name, port in zip(names, ports[1:], strict=True):
            _cart(machines, name, port)
        for machine in (machines.server, *machines.cart.values()):
            machine.wait_ready(120)
        undo.pop_all()
    return machines


def _machine(directory: Path, name: str, program: str, *arguments: str, environment: Mapping[str, str]) -> Machine:
    """The product's program, with crash points around it."""
    folder = directory / "control" / name
    folder.mkdir(parents=True)
    return Machine(
        name=name,
        argv=(sys.executable, "-m", "simulation.chaos.program", program, *arguments),
        environment={**environment, control.ENVIRONMENT: str(folder)},
        logs=directory / "log",
        control=folder,
    )


def _server_settings(settings: Path, passwords: Mapping[str, str], *, broker_port: int, port: int, emr_port: int) -> None:
    _private(
        settings,
        [
            'database_url = "sqlite:///server.sqlite"',
            f"facility = {_toml(ward.FACILITY)}",
            f"secret_key = {_toml(passwords['secret_key'])}",
            f"password_salt = {_toml(passwords['password_salt'])}",
            'signing_key = "signing-key.json"',
            f"timezone = {_toml(ward.TIMEZONE)}",
            "demo = true",
            "[http]",
            f"port = {port}",
            "[mqtt]",
            'host = "127.0.0.1"',
            f"port = {broker_port}",
            'username = "server"',
            "[emr]",
            'target = "fhir"',
            f'base_url = "http://127.0.0.1:{emr_port}/fhir"',
        ],
    )


def _prepare(directory: Path, settings: Path, first: Ward, environment: Mapping[str, str], say: Progress) -> None:
    """The server's one-time work: schema, key for the carts, import, policy."""
    imported = files.write(first, directory / "import")
    log = directory / "log" / "prepare.log"
    command = [sys.executable, "-m", "simulation.prepare", str(settings), str(directory / "server-key.json"), str(directory / "bags.json")]
    prepared = processes.start("prepare", [*command, *map(str, imported)], log=log, environment=environment)
    if prepared.process.wait(timeout=180) != 0:
        raise PointOfCareError(f"the server's database could not be prepared:\n{processes.tail(log)}", remedy=f"see {log}")
    say("server and carts")


def _cart(machines: Machines, name: str, port: int) -> None:
    directory = machines.directory / "carts" / name
    directory.mkdir(parents=True)
    line = PseudoTerminal(directory / "scanner")
    line.plug()
    machines.scanner[name] = line
    machines.kiosk_port[name] = port
    _private(
        directory / "cart.toml",
        [
            f"cart = {_toml(name)}",
            f"facility = {_toml(ward.FACILITY)}",
            f"ward = {_toml(machines.ward_of(name))}",
            f"zone = {_toml(ward.TIMEZONE)}",
            'data_dir = "."',
            'server_key_file = "../../server-key.json"',
            "[broker]",
            'host = "127.0.0.1"',
            f"port = {machines.proxies[name].port}",
            f"username = {_toml(name)}",
            "[kiosk]",
            f"port = {port}",
            "[devices]",
            'camera = "none"',
            f"scanner = {_toml(f'serial:{line.port}')}",
            'decoder = "zxing"',
            'drawers = "none"',
        ],
    )
    environment = {"POC_CART_BROKER_PASSWORD": machines.passwords[name]}
    machines.cart[name] = _machine(machines.directory, name, "cart", "--config", str(directory / "cart.toml"), environment=environment)
    machines.cart[name].start()


def _private(path: Path, lines: list[str]) -> None:
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(text: str) -> str:
    return json.dumps(text)  # a JSON string is a TOML basic string


def _ports(count: int) -> list[int]:
    """Free ones, all bound at once, so that none is drawn twice."""
    with contextlib.ExitStack() as held:
        found = []
        for _ in range(count):
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            found.append(int(probe.getsockname()[1]))
    return found
