"""Phones as carts in the virtual hospital: their cart processes, the HTTPS gate before them, and a certificate of the demo's own authority.

The authority is drawn for the demo's folder and is nobody's outside it. A real phone reaches the gate only where the demo was told this
machine's address.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pointofcare.wire import routes
from simulation import processes, ward
from simulation.processes import Child

NAMES = ("phone-01", "phone-02")
LOCAL = "127.0.0.1"
CARTS, GATE = "phone carts", "phone gate"
SETTINGS = "phones.toml"
# Made by `pointofcare-server ca issue-server`.
TLS = "phone-tls"
CERTIFICATE = f"{TLS}/broker.pem"
KEY = f"{TLS}/broker.key"


def gate_settings(host: str, port: int) -> list[str]:
    """The lines of the server's file. `host` is how phones reach this machine; only a foreign one is listened for on the network."""
    return [
        "[phones]",
        f"host = {json.dumps(host)}",
        f"port = {port}",
        f"address = {json.dumps(address(host, port))}",
        f"certificate_file = {json.dumps(CERTIFICATE)}",
        f"key_file = {json.dumps(KEY)}",
        'sockets = "phones"',
    ]


def address(host: str, port: int) -> str:
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def socket(directory: Path, name: str) -> str:
    """Where the cart of one phone says that it listens."""
    return f"unix:{directory / 'phones' / name}.sock"


def write(directory: Path, names: Sequence[str], *, broker_host: str, broker_port: int, facility: str = ward.FACILITY) -> Path:
    """The file of the phones' carts. Raises: OSError."""
    assert all(routes.is_level(name) for name in names)
    path = directory / SETTINGS
    lines = [
        f"facility = {json.dumps(facility)}",
        f"ward = {json.dumps(ward.WARD)}",
        f"zone = {json.dumps(ward.TIMEZONE)}",
        'data_dir = "{phone}/data"',
        'server_key_file = "server-key.json"',
        "[phones]",
        f"names = {json.dumps(list(names))}",
        'sockets = "phones"',
        "[broker]",
        f"host = {json.dumps(broker_host)}",
        f"port = {broker_port}",
        'username = "{phone}"',
    ]
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def start(directory: Path, settings: Path, phones: Path, passwords: Mapping[str, str], names: Sequence[str]) -> tuple[Child, Child]:
    """(carts, gate), not waited for. `settings` is the server's file, `phones` the carts'."""
    environment = {f"POC_CART_BROKER_PASSWORD_{name.upper().replace('-', '_')}": passwords[name] for name in names}
    log = directory / "log"
    carts = [sys.executable, "-m", "cart_client", "phones", "--config", str(phones)]
    gate = [sys.executable, "-m", "server", "phones", "--config", str(settings)]
    return (
        processes.start(CARTS, carts, log=log / "phones.log", environment=environment),
        processes.start(GATE, gate, log=log / "gate.log", environment={}),
    )
