"""The bridge's configuration: one frozen value, read once at the start from a TOML file, the broker's password from the environment.

Every fault is told at once. Nothing else in the bridge reads a file of settings or the environment.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from devices.broker import BrokerConfig
from devices.identity import Identity
from pointofcare.errors import ConfigError, not_a_setting
from pointofcare.wire import routes

PASSWORD = "POC_BRIDGE_BROKER_PASSWORD"
_LONGEST_SOCKET_PATH = 100  # a Unix socket's address holds 108 bytes
_MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateConfig:
    """`url` is where `/metadata/` and `/targets/` of the releases begin; `root_file` the root metadata that was put here at the
    installation, `server_key` the public key that signs jobs, `image_key` that of images. An image must run `prove_s` without a fault
    of the line before it is confirmed. `ca_file`, `cert_file` and `key_file` are for a server with certificates of its own."""

    url: str
    root_file: Path
    server_key: Path
    image_key: Path
    prove_s: float = 60.0
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`serial_port` is the microcontroller's device, `socket_path` where the cart program asks for a drawer. `poll_s` between
    two looks at the microcontroller, `report_s` between two telemetry messages of a kind that did not change. `identity` holds the key and
    certificate of the bridge, which then renews it."""

    cart: str
    facility: str
    serial_port: str
    socket_path: Path
    data_dir: Path
    broker: BrokerConfig
    baudrate: int = 115200
    poll_s: float = 0.25
    report_s: float = 60.0
    update: UpdateConfig | None = None
    identity: Identity | None = None


def load(path: Path, environment: Mapping[str, str]) -> Config:
    """The configuration in the TOML file at `path`. Raises: ConfigError naming every fault."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"the configuration {path} cannot be read: {exc.strerror}", remedy="give --config a readable TOML file") from exc
    except (ValueError, RecursionError) as exc:  # a number of too many digits is a plain ValueError
        raise ConfigError(f"the configuration {path} is not TOML: {exc}", remedy="mend the line that is named") from exc
    return read(given, environment, beside=path.parent)


def read(given: Mapping[str, object], environment: Mapping[str, str], *, beside: Path) -> Config:
    """The configuration in `given`; relative paths start in the folder `beside`. Raises: ConfigError naming every fault."""
    faults: list[tuple[str, str]] = []
    top = _Table(given, "", faults)
    broker = top.table("broker")
    cart, facility = top.level("cart"), top.level("facility")
    socket_path = beside / top.text("socket_path", "drawers.sock")
    if len(str(socket_path).encode()) > _LONGEST_SOCKET_PATH:
        faults.append(("socket_path", f"at most {_LONGEST_SOCKET_PATH} bytes, or the system cannot open it"))
    files = {name: beside / told if (told := broker.text(name, "")) else None for name in ("ca_file", "cert_file", "key_file")}
    identity = _identity(top.text("identity_dir", ""), beside, f"{cart}-mcu", files, faults)
    if identity is not None:
        files = {"ca_file": identity.ca_file, "cert_file": identity.in_use, "key_file": None}
    config = Config(
        cart=cart,
        facility=facility,
        serial_port=top.text("serial_port"),
        socket_path=socket_path,
        data_dir=beside / top.text("data_dir", "bridge"),
        baudrate=int(top.number("baudrate", 115200, least=1200, most=4_000_000)),
        poll_s=top.number("poll_s", 0.25, least=0.02, most=10),
        report_s=top.number("report_s", 60, least=1, most=3600),
        broker=BrokerConfig(
            host=broker.text("host", "127.0.0.1"),
            port=int(broker.number("port", 1883, least=1, most=65535)),
            client_id=broker.text("client_id", f"{cart}-mcu"),
            username=broker.text("username", "") or None,
            password=environment.get(PASSWORD) or None,
            ca_file=files["ca_file"],
            cert_file=files["cert_file"],
            key_file=files["key_file"],
            plain_network=broker.flag("plain_network"),
        ),
        update=_update(top.table("update"), beside, faults),
        identity=identity,
    )
    for table in (top, broker):
        table.no_others()
    if faults:
        lines = "; ".join(f"{where}: {what}" for where, what in faults)
        raise ConfigError(f"the configuration has {len(faults)} fault(s): {lines}", problems=tuple(faults))
    return config


def _identity(
    directory: str, beside: Path, machine: str, files: Mapping[str, Path | None], faults: list[tuple[str, str]]
) -> Identity | None:
    if not directory:
        return None
    found = Identity(directory=beside / directory, cart=machine)
    if any(files.values()):
        faults.append(("broker.ca_file", "identity_dir brings its own ca_file, cert_file and key_file: remove these"))
    if not found.complete:
        claim = f"claim {machine}, then run pointofcare-cart enrol --name {machine} --identity {found.directory}"
        faults.append(("identity_dir", f"{found.directory} holds no certificate: {claim}"))
    return found


def _update(given: _Table, beside: Path, faults: list[tuple[str, str]]) -> UpdateConfig | None:
    """None where the file says nothing of updates: then none is ever taken."""
    if given.empty:
        return None
    url = given.text("url").rstrip("/")
    if urlsplit(url).scheme not in ("http", "https"):
        faults.append(("update.url", "must be the http(s) address of the releases, as http://server:8080/firmware"))
    root_file, server_key, image_key = (given.text(name) for name in ("root_file", "server_key", "image_key"))
    ca_file, cert_file, key_file = (given.text(name, "") for name in ("ca_file", "cert_file", "key_file"))
    made = UpdateConfig(
        url=url,
        root_file=beside / root_file,
        server_key=beside / server_key,
        image_key=beside / image_key,
        prove_s=given.number("prove_s", 60, least=1, most=3600),
        ca_file=beside / ca_file if ca_file else None,
        cert_file=beside / cert_file if cert_file else None,
        key_file=beside / key_file if key_file else None,
    )
    given.no_others()
    return made


class _Table:
    """One table of the file. Every fault goes to `faults`, and a harmless value comes back."""

    def __init__(self, given: Mapping[str, object], path: str, faults: list[tuple[str, str]]) -> None:
        self._given = given
        self._path = path
        self._faults = faults
        self._asked: set[str] = set()

    def table(self, name: str) -> _Table:
        found = self._take(name, {})
        if not isinstance(found, dict):
            self._fault(name, f"make it a table: [{name}]")
            found = {}
        return _Table(found, f"{name}.", self._faults)

    @property
    def empty(self) -> bool:
        return not self._given

    def text(self, name: str, default: object = _MISSING) -> str:
        value = self._take(name, default)
        if value is _MISSING or (default is _MISSING and value == ""):
            self._fault(name, "is missing")
        elif not isinstance(value, str):
            self._fault(name, "must be text in quotes")
        else:
            return value
        return "x"

    def level(self, name: str) -> str:
        value = self.text(name)
        if not routes.is_level(value):
            self._fault(name, "1 to 64 of A-Z a-z 0-9 _ -: it is a level of every MQTT topic")
        return value

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        value = self._take(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            self._fault(name, f"must be a number from {least} to {most}")
            return default
        return value

    def flag(self, name: str) -> bool:
        value = self._take(name, False)
        if not isinstance(value, bool):
            self._fault(name, "must be true or false")
        return value is True

    def no_others(self) -> None:
        for name in self._given:
            if name not in self._asked:
                self._fault(name, not_a_setting(name, self._asked))

    def _take(self, name: str, default: object) -> object:
        self._asked.add(name)
        return self._given.get(name, default)

    def _fault(self, name: str, what: str) -> None:
        self._faults.append((f"{self._path}{name}", what))
