"""A server and a broker of a virtual fleet's own, in a folder: started, prepared, and ended with whoever made them.

Real programs with real certificates. For load and for training; the demo has its own.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices.brokers import mosquitto, nats
from devices.brokers.account import Account, AccountKind
from devices.brokers.listener import Listener
from devices.brokers.process import RunningBroker
from pointofcare.errors import PointOfCareError
from pointofcare.wire.training import is_training
from server.security import authority
from simulation import processes
from simulation.fleet import postgres
from simulation.fleet.roster import Build
from simulation.processes import Child

FACILITY = "fleet-training"
BROKERS = {"mosquitto": mosquitto.start, "nats": nats.start}
WARD_NAMES = "Khoa mô phỏng"
_READY_S = 60.0
_PREPARED_S = 240.0
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: str
    name: str
    username: str
    role: str
    password: str = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Stage:
    """What runs. `server` is the server's process, `manager` who signs in as the fleet manager."""

    directory: Path
    facility: str
    broker: RunningBroker
    server: Child
    server_url: str
    people: tuple[Person, ...]
    database: str

    @property
    def manager(self) -> Person:
        return self.people[0]

    @property
    def ca(self) -> Path:
        return self.directory / "tls" / "ca.pem"

    @property
    def server_key(self) -> Path:
        return self.directory / "server-key.json"

    def certificate(self, cart: str) -> Path:
        return self.directory / "carts" / f"{cart}.pem"


@contextlib.contextmanager
def open_stage(
    directory: Path,
    builds: Sequence[Build],
    *,
    broker: str = "mosquitto",
    database: str = "sqlite",
    facility: str = FACILITY,
    wards: Sequence[str],
    settings: Sequence[str] = (),
    progress: Progress = print,
) -> Iterator[Stage]:
    """A server with `builds` enrolled, and a broker that knows each by its certificate; all of it ends with the block.

    `database`: "sqlite", "postgresql" (a cluster of its own) or an address. Raises: PointOfCareError naming what did not start."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    memory = _memory(directory)
    ports = {name: _port(memory["ports"].get(name, 0)) for name in ("server", "broker")}
    memory["ports"] = ports
    _private(directory / "fleet-memory.json", json.dumps(memory))
    people = tuple(Person(**one) for one in memory["people"])
    with contextlib.ExitStack() as undo:
        url = database
        if database == "sqlite":
            url = "sqlite:///fleet.sqlite"
        elif database == "postgresql":
            progress("PostgreSQL")
            url = undo.enter_context(postgres.cluster(directory / "postgres"))
        config = directory / "server.toml"
        _private(config, _settings(memory, url, facility, ports, broker, settings))
        order = {
            "carts": [build.id for build in builds],
            "people": memory["people"],
            "wards": {ward: f"{WARD_NAMES} {number}" for number, ward in enumerate(wards, start=1)},
        }
        _private(directory / "order.json", json.dumps(order))
        progress(f"schema, authority, {len(builds)} certificates")
        _prepare(directory, config)
        progress(f"broker ({broker}, TLS, each cart by its certificate)")
        listener = Listener(
            cert_file=directory / "tls" / "broker.pem",
            key_file=directory / "tls" / "broker.key",
            client_ca_file=directory / "tls" / "ca.pem",
            by_certificate=True,
            crl_file=directory / "broker-files" / "crl.pem",
        )
        accounts = [
            _account(directory / "tls" / "server.pem", AccountKind.SERVER),
            *(_account(directory / "carts" / f"{build.id}.pem", AccountKind.CART) for build in builds),
        ]
        running = BROKERS[broker](directory / "broker", accounts, facility=facility, port=ports["broker"], listener=listener)
        undo.callback(running.stop)
        progress("server")
        command = [sys.executable, "-m", "server", "run", "--config", str(config)]
        child = processes.start("server", command, log=directory / "log" / "server.log")
        undo.callback(lambda: processes.stop([child]))
        processes.wait_for_line(child, "pointofcare-server ready", timeout_s=_READY_S)
        yield Stage(
            directory=directory,
            facility=facility,
            broker=running,
            server=child,
            server_url=f"http://127.0.0.1:{ports['server']}",
            people=people,
            database=url,
        )


def _prepare(directory: Path, config: Path) -> None:
    log = directory / "log" / "prepare.log"
    command = [sys.executable, "-m", "simulation.fleet.prepare", str(config), str(directory / "order.json")]
    child = processes.start("prepare", command, log=log)
    try:
        code = child.process.wait(timeout=_PREPARED_S)
    except Exception as exc:
        processes.stop([child])
        raise PointOfCareError(f"the fleet's certificates took longer than {_PREPARED_S:.0f} s", remedy=f"see {log}") from exc
    if code != 0:
        raise PointOfCareError(f"the fleet could not be prepared:\n{processes.tail(log)}", remedy=f"see {log}")


def _account(path: Path, kind: AccountKind) -> Account:
    name, subject = authority.broker_names(path.read_text(encoding="ascii"))
    return Account(name=name, kind=kind, subjects=(subject,))


def _settings(memory: Mapping[str, Any], url: str, facility: str, ports: Mapping[str, int], broker: str, more: Sequence[str]) -> str:
    lines = [
        f"database_url = {json.dumps(url)}",
        f"facility = {json.dumps(facility)}",
        f"secret_key = {json.dumps(memory['secret_key'])}",
        f"password_salt = {json.dumps(memory['password_salt'])}",
        'signing_key = "signing-key.json"',
        'timezone = "Asia/Ho_Chi_Minh"',
        *(["training = true"] if is_training(facility) else []),
        "[http]",
        f"port = {ports['server']}",
        "[mqtt]",
        'host = "127.0.0.1"',
        f"port = {ports['broker']}",
        'ca_file = "tls/ca.pem"',
        'certificate_file = "tls/server.pem"',
        'key_file = "tls/server.key"',
        "[machines]",
        'ca_dir = "ca"',
        f"broker = {json.dumps(broker)}",
        'broker_files = "broker-files"',
        "[emr]",
        'target = "folder"',
        'folder = "emr-out"',
        *more,
    ]
    return "\n".join(lines) + "\n"


def _memory(directory: Path) -> dict[str, Any]:
    path = directory / "fleet-memory.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    people = [
        ("SF-1", "Hoàng Minh Đức", "hoangminhduc", "fleet-manager"),
        ("SF-2", "Vũ Thị Lan", "vuthilan", "fleet-manager"),
        ("SF-3", "Đặng Quốc Bảo", "dangquocbao", "administrator"),
    ]
    return {
        "secret_key": secrets.token_urlsafe(36),
        "password_salt": secrets.token_urlsafe(36),
        "ports": {},
        "people": [
            {"id": key, "name": name, "username": username, "role": role, "password": secrets.token_urlsafe(12)}
            for key, name, username, role in people
        ],
    }


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


def _port(before: int) -> int:
    """The one of the last start where it is free, else a free one."""
    for wanted in (before, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", wanted))
                return int(probe.getsockname()[1])
    raise PointOfCareError("no free port", remedy="close something that listens")


def forget(directory: Path) -> None:
    """What an earlier stage left in its folder."""
    if directory.exists():
        shutil.rmtree(directory)
