"""Debian's Mosquitto as the broker of one hospital.

It acknowledges before it writes, and grants a SUBSCRIBE to a forbidden topic without ever delivering from it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from devices.brokers import process
from devices.brokers.account import Account, check_unique
from devices.brokers.listener import LOOPBACK, Listener
from devices.brokers.process import BrokerKind, RunningBroker
from pointofcare.errors import DeviceUnavailableError

_LISTENING = re.compile(r"mosquitto version \S+ running")
_RELOADED = re.compile(r"Reloading config")
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"


def start(directory: Path, accounts: Sequence[Account], *, facility: str, port: int = 0, listener: Listener = LOOPBACK) -> RunningBroker:
    """A Mosquitto, its store in `directory`. Raises: DeviceUnavailableError, ConfigError."""
    return process.start(_kind(accounts, facility, listener), directory, port)


def reload(running: RunningBroker, accounts: Sequence[Account], *, facility: str, listener: Listener = LOOPBACK) -> None:
    """Give it other accounts. Permissions bite at once, but a connection whose account is gone stays until it ends.
    Raises: ConfigError."""
    running.use(_kind(accounts, facility, listener))


def config(
    directory: Path, *, port: int, as_root: bool, listener: Listener = LOOPBACK, acl_file: Path | None = None, pid_file: Path | None = None
) -> str:
    """The broker's configuration file. `acl_file`: where somebody else keeps it, instead of in `directory`."""
    passwords = "" if listener.by_certificate else f"password_file {directory / 'passwords'}\n"
    told = f"pid_file {pid_file}\n" if pid_file is not None else ""
    return f"""per_listener_settings false
allow_anonymous false
{passwords}acl_file {acl_file or directory / "permissions"}
{told}persistence true
persistence_location {directory / "store"}/
autosave_interval 1
set_tcp_nodelay true
max_inflight_messages 100
max_queued_messages 20000
message_size_limit 1048576
log_dest stderr
listener {port} {listener.host}
{_tls(listener)}{"user root" if as_root else ""}
"""


def permissions(accounts: Sequence[Account], *, facility: str) -> str:
    """The acl_file."""
    lines: list[str] = []
    for account in accounts:
        lines.append(f"user {account.name}")
        lines.extend(f"topic write {topic}" for topic in account.writes(facility))
        lines.extend(f"topic read {topic}" for topic in account.reads(facility))
        lines.append("")
    return "\n".join(lines)


def _tls(listener: Listener) -> str:
    if listener.cert_file is None or listener.key_file is None:
        return ""
    lines = [f"certfile {listener.cert_file.resolve()}", f"keyfile {listener.key_file.resolve()}", "tls_version tlsv1.2"]
    if listener.client_ca_file is not None:
        lines += [f"cafile {listener.client_ca_file.resolve()}", "require_certificate true"]
    if listener.by_certificate:
        # The client id becomes the name in the certificate, whatever the client says, so that nobody takes over another's session.
        lines += ["use_identity_as_username true", "use_username_as_clientid true"]
    if listener.crl_file is not None:
        lines.append(f"crlfile {listener.crl_file.resolve()}")
    return "\n".join(lines) + "\n"


def _kind(accounts: Sequence[Account], facility: str, listener: Listener) -> BrokerKind:
    check_unique(accounts)
    write = partial(_write, _binary("mosquitto"), tuple(accounts), facility, listener)
    return BrokerKind(name="mosquitto", write=write, listening=_LISTENING, reloaded=_RELOADED, picks_port=False, host=listener.local_host)


def _write(binary: str, accounts: Sequence[Account], facility: str, listener: Listener, directory: Path, port: int) -> list[str]:
    (directory / "store").mkdir(exist_ok=True)
    process.private_file(directory / "permissions", permissions(accounts, facility=facility))
    if not listener.by_certificate:
        fresh = directory / "passwords.new"
        process.private_file(fresh, "".join(f"{account.name}:{account.password}\n" for account in accounts))
        if accounts:
            subprocess.run([_binary("mosquitto_passwd"), "-U", str(fresh)], check=True, capture_output=True, timeout=30)
        fresh.replace(directory / "passwords")
    path = directory / "mosquitto.conf"
    process.private_file(path, config(directory, port=port, as_root=os.geteuid() == 0, listener=listener))
    return [binary, "-c", str(path)]


def _binary(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=_PLACES)
    if found is None:
        raise DeviceUnavailableError(f"{name} is not installed", remedy="install the package mosquitto")
    return found
