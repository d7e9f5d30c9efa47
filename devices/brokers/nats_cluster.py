"""Several NATS servers as one broker of many hospitals: each hospital an account of its own, every kept message on three of them.

A topic of one account does not exist in another: no permission that somebody forgot can show it. What a node acknowledged lies on most of
the nodes; with one node left of three nothing is acknowledged any more, and carts keep what they have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devices.brokers import nats, process
from devices.brokers.account import Account
from devices.brokers.listener import LOOPBACK, Listener
from devices.brokers.process import BrokerKind, RunningBroker
from pointofcare.errors import ConfigError
from pointofcare.wire import routes

_READY = re.compile(r"Listening for MQTT clients on (?:mqtt|tls)://\S+:(?P<port>\d+)")
_RELOADED = re.compile(r"Reloaded server configuration")
REPLICAS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """`route` is where the other nodes reach it, "host:port"."""

    name: str
    route: str
    port: int = 8883
    monitor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """`secret` is known to the nodes alone. `tls`: text of a block that the routes between the nodes are protected with."""

    nodes: tuple[Node, ...]
    secret: str
    name: str = "pointofcare"
    tls: str = ""

    def __post_init__(self) -> None:
        problems = []
        if len(self.nodes) < REPLICAS or len(self.nodes) % 2 == 0:
            problems.append(("nodes", "name three, or five: fewer cannot outvote one that is away"))
        if len({node.name for node in self.nodes}) != len(self.nodes):
            problems.append(("nodes", "give each a name of its own"))
        if not re.fullmatch(r"[A-Za-z0-9_-]{16,64}", self.secret):
            problems.append(("secret", "use 16 to 64 of A-Z a-z 0-9 _ -"))
        if problems:
            raise ConfigError("the cluster of brokers cannot be used", problems=tuple(problems))


def user(facility: str, name: str) -> str:
    """What an account of a hospital is called in the cluster."""
    return f"{facility}.{name}"


def hospital(accounts: Sequence[Account], *, facility: str, by_certificate: bool = False) -> str:
    """The file of one hospital, which the configuration of each node includes. Raises: ConfigError."""
    if not routes.is_level(facility):
        raise ConfigError(f"{facility!r} is no facility", problems=(("facility", "use 1 to 64 of A-Z a-z 0-9 _ -"),))
    return nats.hospital(
        accounts,
        facility=facility,
        by_certificate=by_certificate,
        name=f"hospital-{facility}",
        prefix="" if by_certificate else f"{facility}.",
    )


def config(cluster: Cluster, node: Node, *, store: Path, hospitals: Sequence[str], listener: Listener = LOOPBACK) -> str:
    """The configuration of one node; `hospitals` are the names of their files, beside it."""
    peers = ", ".join(f'"nats-route://routes:{cluster.secret}@{each.route}"' for each in cluster.nodes)
    included = "\n".join(f'  include "{name}"' for name in hospitals)
    monitor = f'http: "{node.monitor}"\n' if node.monitor else ""
    tls = nats.tls(listener)
    own = f"tls {tls}\n" if listener.by_certificate else ""
    return f"""server_name: "{node.name}"
listen: "127.0.0.1:-1"
{monitor}{own}jetstream {{ store_dir: "{store}", max_memory_store: 128MB, max_file_store: 4GB, limits {{ default_max_consumers: -1 }} }}
cluster {{
  name: "{cluster.name}"
  listen: "{node.route}"
  authorization {{ user: routes, password: "{cluster.secret}", timeout: 3 }}
  {cluster.tls}
  routes: [ {peers} ]
}}
mqtt {{
  listen: "{listener.address}:{node.port}", ack_wait: "10s", max_ack_pending: 1000
  stream_replicas: {REPLICAS}
  {f"tls {tls}" if tls else ""}
}}
accounts {{
{included}
}}
"""


def start(cluster: Cluster, node: Node, directory: Path, hospitals: Mapping[str, Sequence[Account]]) -> RunningBroker:
    """One node on loopback, which ends with this program. Raises: DeviceUnavailableError, ConfigError."""

    def write(folder: Path, _port: int) -> list[str]:
        names = []
        for facility, accounts in hospitals.items():
            names.append(f"hospital-{facility}.conf")
            process.private_file(folder / names[-1], hospital(accounts, facility=facility))
        path = folder / "nats.conf"
        process.private_file(path, config(cluster, node, store=folder / "store", hospitals=names))
        return [nats.binary(), "-c", str(path)]

    kind = BrokerKind(name="nats", write=write, listening=_READY, reloaded=_RELOADED, picks_port=True, host="127.0.0.1")
    return process.start(kind, directory, node.port)
