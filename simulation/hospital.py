"""A whole hospital on one machine: broker, server, carts, a microcontroller with its bridge, a virtual ward, a virtual hand.

The demo, the unattended run and the browser tests start the same one. All of it listens on loopback; its state lies in one folder, and
a second start there goes on with the same ward, secrets and, where they are free, ports.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from devices.brokers import nats
from devices.brokers.account import Account
from devices.brokers.process import RunningBroker
from pointofcare.errors import PointOfCareError
from pointofcare.wire.training import is_training
from simulation import emr_peer, files, gnuhealth_peer, gnuhealth_ward, processes, sekmet_ward, shelf, ward
from simulation import phones as phone_carts
from simulation.camera import VirtualCamera
from simulation.fleet import beside
from simulation.ordinary import Case, ordinary_doses
from simulation.processes import Child

Progress = Callable[[str], None]
_BAGS = "bags.json"
# A machine that does much else at once takes several times as long as an idle one.
_READY_S = 150.0
_PROGRAMS = ("server", "hand", "gate", "gnuhealth", *ward.CARTS)


@dataclass(slots=True, kw_only=True)
class Hospital:
    """What runs. `stop` ends all of it, last started first."""

    directory: Path
    seed: int
    facility: str
    ward: ward.Ward
    broker: RunningBroker
    hand: VirtualCamera
    server_url: str
    cart_urls: dict[str, str]
    viewer: Account
    emr: emr_peer.RunningEmr | None
    gnuhealth: gnuhealth_peer.RunningGnuHealth | None = None
    from_emr: tuple[Case, ...] = ()
    gate_url: str = ""
    phones: tuple[str, ...] = ()
    children: list[Child] = field(default_factory=list)

    def stop(self) -> list[str]:
        killed = processes.stop(self.children)
        self.hand.stop()
        if self.emr:
            self.emr.stop()
        if self.gnuhealth:
            self.gnuhealth.stop()
        self.broker.stop()
        return killed


def start(
    directory: Path,
    *,
    seed: int,
    facility: str = ward.FACILITY,
    carts: Sequence[str] = ward.CARTS,
    with_emr: bool = False,
    with_feed: bool = False,
    with_gnuhealth: bool = False,
    bridge: bool = True,
    virtual_fleet: bool = False,
    phones: Sequence[str] = (),
    phones_at: str = phone_carts.LOCAL,
    progress: Progress = print,
) -> Hospital:
    """Start everything in `directory` (made when missing). `phones` are carts without hardware, reached at `phones_at`.
    `virtual_fleet`: carts of other wards, of which nothing is real, live on the fleet page beside those of the ward.

    Raises: PointOfCareError naming the part that did not start."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    memory = _memory(directory, seed, facility)
    ports = _ports(memory["ports"], (*_PROGRAMS, "broker"))
    memory["ports"] = ports
    _remember(directory, memory)
    born = datetime.fromisoformat(memory["born"])
    the_ward = ward.build(memory["seed"], born, secret=memory["people"])
    accounts = [
        Account(name="server", password=memory["passwords"]["server"], kind="server"),
        Account(name="viewer", password=memory["passwords"]["viewer"], kind="viewer"),
        *(Account(name=cart, password=memory["passwords"][cart], kind="cart") for cart in (*ward.CARTS, *phone_carts.NAMES)),
        *(Account(name=cart, password=memory["passwords"][cart], kind="cart") for cart in (beside.NAMES if virtual_fleet else ())),
    ]
    with contextlib.ExitStack() as undo:
        progress("broker (NATS, MQTT)")
        broker = nats.start(directory / "broker", accounts, facility=facility, port=ports["broker"])
        undo.callback(broker.stop)
        emr = None
        if with_emr:
            progress("EMR (SEKMET, FHIR R4)")
            emr = emr_peer.start(directory / "emr")
            undo.callback(emr.stop)
        gnuhealth = None
        if with_gnuhealth:
            progress("EMR (GNU Health HIS; its database is made at the first start, which takes a minute)")
            gnuhealth = gnuhealth_peer.start(directory / "gnuhealth", port=ports["gnuhealth"])
            undo.callback(gnuhealth.stop)
        progress("virtual hand (camera pictures)")
        hand = VirtualCamera(
            list(carts),
            port=ports["hand"],
            shelf=lambda: shelf.of(the_ward, datetime.now(ZoneInfo(ward.TIMEZONE)).date(), bags=_bags(directory)),
        )
        hand.start()
        undo.callback(hand.stop)
        hospital = Hospital(
            directory=directory,
            seed=memory["seed"],
            facility=facility,
            ward=the_ward,
            broker=broker,
            hand=hand,
            server_url=f"http://127.0.0.1:{ports['server']}",
            cart_urls={cart: f"http://127.0.0.1:{ports[cart]}" for cart in carts},
            viewer=accounts[1],
            emr=emr,
            gnuhealth=gnuhealth,
            gate_url=phone_carts.address(phones_at, ports["gate"]) if phones else "",
            phones=tuple(phones),
            from_emr=_from_emr(the_ward, memory["seed"], born) if with_feed else (),
        )
        undo.callback(lambda: processes.stop(hospital.children))
        gate = phone_carts.gate_settings(phones_at, ports["gate"]) if phones else []
        _start_server(hospital, ports["server"], memory["passwords"], progress, gate=gate)
        if bridge:
            _start_bridge(hospital, carts[0], memory["passwords"][carts[0]], progress)
        for cart in carts:
            progress(f"cart {cart}")
            _start_cart(hospital, cart, ports[cart], memory["passwords"][cart], drawers=bridge and cart == carts[0])
        for name, word in (("server", "pointofcare-server ready"), *((child.name, "ready") for child in hospital.children[1:])):
            processes.wait_for_line(_child(hospital, name), word, timeout_s=_READY_S)
        if phones:
            progress(f"phones {', '.join(phones)}: their carts and the HTTPS gate")
            settings = phone_carts.write(directory, phones, facility=facility, broker_host=broker.host, broker_port=broker.port)
            hospital.children += phone_carts.start(directory, directory / "server.toml", settings, memory["passwords"], phones)
            processes.wait_for_line(_child(hospital, phone_carts.GATE), "pointofcare-server phones ready", timeout_s=_READY_S)
            for place in (phone_carts.socket(directory, phone) for phone in phones):
                processes.wait_for_line(_child(hospital, phone_carts.CARTS), f"ready {place}", timeout_s=_READY_S)
        if virtual_fleet:
            _start_fleet(hospital, memory["passwords"])
        undo.pop_all()
    return hospital


def _from_emr(the_ward: ward.Ward, seed: int, born: datetime) -> tuple[Case, ...]:
    """Two doses that are due, of two patients: ordered in the EMR alone. Raises: PointOfCareError."""
    found = ordinary_doses(the_ward, born)
    random.Random(f"emr-{seed}").shuffle(found)
    first = found[0]
    second = next((case for case in found if case.patient.id != first.patient.id), None)
    if second is None:
        raise PointOfCareError("one patient alone has a dose due", remedy="try another seed")
    return first, second


def _start_server(hospital: Hospital, port: int, passwords: Mapping[str, str], progress: Progress, *, gate: Sequence[str] = ()) -> None:
    directory = hospital.directory
    settings = directory / "server.toml"
    emr = ["[emr]", 'target = "folder"', 'folder = "emr-out"']
    the_ward = hospital.ward
    if hospital.emr:
        emr = sekmet_ward.settings(hospital.emr, feed=bool(hospital.from_emr))
    if hospital.emr and hospital.from_emr:
        progress("EMR: patients, stays, and orders that are there alone")
        the_ward = sekmet_ward.fill(hospital.emr, the_ward, [case.order for case in hospital.from_emr])
    if hospital.gnuhealth:
        progress("GNU Health: patients and orders of the first beds")
        the_ward = gnuhealth_ward.fill(hospital.gnuhealth, the_ward)
        emr = gnuhealth_ward.settings(hospital.gnuhealth)
    _private(
        settings,
        [
            'database_url = "sqlite:///server.sqlite"',
            f"facility = {_toml(hospital.facility)}",
            f"secret_key = {_toml(passwords['secret_key'])}",
            f"password_salt = {_toml(passwords['password_salt'])}",
            'signing_key = "signing-key.json"',
            f"timezone = {_toml(ward.TIMEZONE)}",
            "demo = true",
            *(["training = true"] if is_training(hospital.facility) else []),
            "[http]",
            f"port = {port}",
            "[mqtt]",
            f'host = "{hospital.broker.host}"',
            f"port = {hospital.broker.port}",
            'username = "server"',
            *gate,
            *emr,
        ],
    )
    environment = {"POINTOFCARE_MQTT_PASSWORD": passwords["server"]}
    seeded = directory / ".seeded"
    imported: list[Path] = []
    if not seeded.exists():
        progress(f"virtual ward: {len(the_ward.patients)} patients, {len(the_ward.orders)} orders")
        imported = files.write(the_ward, directory / "import")
    log = directory / "log" / "prepare.log"
    key = directory / "server-key.json"
    prepared = processes.start(
        "prepare",
        [sys.executable, "-m", "simulation.prepare", str(settings), str(key), str(directory / _BAGS), *map(str, imported)],
        log=log,
        environment=environment,
    )
    if prepared.process.wait(timeout=_READY_S) != 0:
        raise PointOfCareError(f"the server's database could not be prepared:\n{processes.tail(log)}", remedy=f"see {log}")
    for path in imported:
        path.unlink()  # they hold PINs and passwords in the clear
    seeded.touch()
    progress("server")
    command = [sys.executable, "-m", "server", "run", "--config", str(settings)]
    hospital.children.append(processes.start("server", command, log=directory / "log" / "server.log", environment=environment))


def _start_bridge(hospital: Hospital, cart: str, password: str, progress: Progress) -> None:
    directory = hospital.directory / cart
    directory.mkdir(exist_ok=True)
    progress(f"microcontroller and bridge of {cart}")
    link = directory / "mcu"
    simulated = processes.start(
        "microcontroller",
        [sys.executable, "-m", "firmware_bridge", "simulate", "--pty-link", str(link), "--drawers", "24"],
        log=hospital.directory / "log" / "microcontroller.log",
    )
    hospital.children.append(simulated)
    processes.wait_for_line(simulated, "ready", timeout_s=_READY_S)
    settings = directory / "bridge.toml"
    _private(
        settings,
        [
            f"cart = {_toml(cart)}",
            f"facility = {_toml(hospital.facility)}",
            f"serial_port = {_toml(str(link))}",
            f"socket_path = {_toml(str(directory / 'drawers.sock'))}",
            f"data_dir = {_toml(str(directory / 'bridge'))}",
            "[broker]",
            f'host = "{hospital.broker.host}"',
            f"port = {hospital.broker.port}",
            f"username = {_toml(cart)}",
        ],
    )
    hospital.children.append(
        processes.start(
            "bridge",
            [sys.executable, "-m", "firmware_bridge", "--config", str(settings)],
            log=hospital.directory / "log" / "bridge.log",
            environment={"POC_BRIDGE_BROKER_PASSWORD": password},
        )
    )


def _start_cart(hospital: Hospital, cart: str, port: int, password: str, *, drawers: bool) -> None:
    directory = hospital.directory / cart
    directory.mkdir(exist_ok=True)
    settings = directory / "cart.toml"
    socket_path = directory / "drawers.sock"
    _private(
        settings,
        [
            f"cart = {_toml(cart)}",
            f"facility = {_toml(hospital.facility)}",
            f"ward = {_toml(ward.WARD)}",
            f"zone = {_toml(ward.TIMEZONE)}",
            'data_dir = "data"',
            'server_key_file = "../server-key.json"',
            "[broker]",
            f'host = "{hospital.broker.host}"',
            f"port = {hospital.broker.port}",
            f"username = {_toml(cart)}",
            "[kiosk]",
            f"port = {port}",
            "[devices]",
            f"camera = {_toml(f'mjpeg:{hospital.hand.url}/{cart}/video.mjpg')}",
            'decoder = "cascade"',
            f"drawers = {_toml(f'bridge:{socket_path}' if drawers else 'none')}",
        ],
    )
    hospital.children.append(
        processes.start(
            cart,
            [sys.executable, "-m", "cart_client", "--config", str(settings)],
            log=hospital.directory / "log" / f"{cart}.log",
            environment={"POC_CART_BROKER_PASSWORD": password},
        )
    )


def _start_fleet(hospital: Hospital, passwords: Mapping[str, str]) -> None:
    """Nobody waits for it: its carts come when they come."""
    settings = hospital.directory / "fleet.json"
    told = beside.settings(
        facility=hospital.facility,
        host=hospital.broker.host,
        port=hospital.broker.port,
        seed=hospital.seed,
        server_key=hospital.directory / "server-key.json",
        passwords=dict(passwords),
        run=secrets.token_hex(4),
    )
    _private(settings, [json.dumps(told)])
    command = [sys.executable, "-m", "simulation.fleet.beside", str(settings)]
    hospital.children.append(processes.start("virtual fleet", command, log=hospital.directory / "log" / "fleet.log"))


def _bags(directory: Path) -> dict[str, list[str]]:
    """The bags that the pharmacist prepared when the ward was opened, by order."""
    path = directory / _BAGS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _child(hospital: Hospital, name: str) -> Child:
    return next(child for child in hospital.children if child.name == name)


def _memory(directory: Path, seed: int, facility: str) -> dict[str, Any]:
    """What a restart must find again: when the ward was born, its seed, the passwords between the programs.

    Raises: PointOfCareError: the folder is of another facility."""
    path = directory / "memory.json"
    names = ("server", "viewer", "secret_key", "password_salt", *ward.CARTS, *phone_carts.NAMES, *beside.NAMES)
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kept.get("facility", ward.FACILITY) != facility:
            problem = f"{directory} is the folder of {kept.get('facility', ward.FACILITY)}, not of {facility}"
            raise PointOfCareError(problem, remedy="name another folder with --directory")
        # A folder of an older program knows fewer names.
        kept["passwords"] = {**{name: secrets.token_urlsafe(36) for name in names}, **kept["passwords"]}
        return kept
    return {
        "facility": facility,
        "seed": seed,
        "born": datetime.now(UTC).replace(second=0, microsecond=0).isoformat(),
        "people": secrets.token_hex(16),
        "passwords": {name: secrets.token_urlsafe(36) for name in names},
        "ports": {},
    }


def _remember(directory: Path, memory: Mapping[str, object]) -> None:
    _private(directory / "memory.json", [json.dumps(memory, indent=1)])


def _private(path: Path, lines: Sequence[str]) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(text: str) -> str:
    return json.dumps(text)  # a JSON string is a TOML basic string


def _ports(before: Mapping[str, int], names: Sequence[str]) -> dict[str, int]:
    """The ports of the last start where they are free, else new free ones: all bound at once, so that none is drawn twice."""
    found: dict[str, int] = {}
    with contextlib.ExitStack() as held:
        for name in names:
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", before[name]))
            except (KeyError, OSError):
                _bind_anywhere(probe)
            found[name] = probe.getsockname()[1]
    return found


def _bind_anywhere(probe: socket.socket) -> None:
    """Below the ports that the system gives to whoever asks for any: half a minute goes by before the program that it is for takes it."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return
    probe.bind(("127.0.0.1", 0))


def sign_ins(hospital: Hospital) -> list[tuple[str, str, str, str]]:
    """(role, user name, password, PIN) of everybody in the virtual ward, for the table that the demo prints."""
    return [(member.roles[0].value, member.email, member.password, member.pin) for member in hospital.ward.staff]


def default_directory(name: str = "demo") -> Path:
    """Each kind has a folder of its own: POINTOFCARE_DEMO_DIR, POINTOFCARE_TRAINING_DIR, else one beside this."""
    return Path(os.environ.get(f"POINTOFCARE_{name.upper()}_DIR", f".{name}")).resolve()
