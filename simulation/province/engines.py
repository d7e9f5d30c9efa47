"""The engines of a province on loopback: etcd, two PostgreSQL under Patroni with a pgbouncer before each, three NATS.

The same programs and the same settings as in `deploy/province`, with ports and folders of a run's own. PostgreSQL does not run as root:
started by root, everything of the database is the user `postgres`'s.
"""

from __future__ import annotations

import glob
import json
import os
import pwd
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from devices.brokers import nats_cluster
from devices.brokers.account import Account
from devices.brokers.nats_cluster import Cluster, Node
from devices.brokers.process import RunningBroker
from pointofcare.errors import DeviceUnavailableError
from simulation import processes
from simulation.processes import Child

DATABASE = "pointofcare"
OWNER, REPLICATOR, REPORTS = "pointofcare", "replicator", "pointofcare_reports"
_READY_S = 90.0
_PACKAGES = "patroni etcd-server pgbouncer postgresql"


def missing() -> str:
    """What is not installed, "" when everything is."""
    found = {
        "etcd-server": shutil.which("etcd"),
        "patroni": shutil.which("patroni"),
        "pgbouncer": _pgbouncer(),
        "postgresql": glob.glob("/usr/lib/postgresql/*/bin/postgres"),
        "util-linux": shutil.which("setpriv"),
    }
    return " ".join(name for name, there in found.items() if not there)


@dataclass(slots=True, kw_only=True)
class Database:
    """One PostgreSQL with its Patroni and its pgbouncer. `port` is PostgreSQL's own, `pooled` pgbouncer's, `rest` Patroni's."""

    name: str
    directory: Path
    port: int
    pooled: int
    rest: int
    patroni: Child | None = None
    pgbouncer: Child | None = None

    def told(self) -> dict[str, Any]:
        """What Patroni says of it; nothing while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/patroni", timeout=2) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as exc:
            with suppress(OSError, ValueError):
                found = json.loads(exc.read())
                return found if isinstance(found, dict) else {}
            return {}
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def role(self) -> str:
        """As Patroni tells it: primary, replica, or "" while it does not answer."""
        told = self.told()
        return {"master": "primary"}.get(told.get("role", ""), told.get("role", "")) if told.get("state") == "running" else ""

    def postmaster(self) -> int | None:
        try:
            return int((self.directory / "data" / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def kill(self) -> None:
        """As a power cut would: nobody says goodbye."""
        pid = self.postmaster()
        if self.patroni is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.patroni.process.pid, signal.SIGKILL)
            self.patroni.process.wait()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass(slots=True, kw_only=True)
class Engines:
    """What runs. `passwords` are those of the database's roles; `roles` what each facility's programs are called there."""

    directory: Path
    passwords: Mapping[str, str]
    databases: list[Database]
    brokers: list[RunningBroker] = field(default_factory=list)
    monitors: list[str] = field(default_factory=list)
    etcd: Child | None = None
    etcd_ports: tuple[int, int] = (0, 0)

    @property
    def hosts(self) -> str:
        """As `mqtt.host` wants them."""
        return ",".join(f"{broker.host}:{broker.port}" for broker in self.brokers)

    def users_at(self, number: int) -> list[str]:
        """Who is connected to a broker over MQTT, as it tells itself; raises OSError."""
        with urllib.request.urlopen(f"http://{self.monitors[number]}/connz?auth=1&limit=1024", timeout=3) as answer:
            told = json.load(answer)
        return sorted(each.get("authorized_user", "") for each in told["connections"] if each.get("mqtt_client"))

    def primary(self) -> Database:
        """Raises: DeviceUnavailableError when nobody leads within a minute and a half."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            for each in self.databases:
                if each.role() == "primary":
                    return each
            time.sleep(0.2)
        raise DeviceUnavailableError("no database leads", remedy=f"see {self.directory}")

    def replica(self) -> Database:
        """Raises: DeviceUnavailableError when nobody follows."""
        found = [each for each in self.databases if each.role() == "replica"]
        if not found:
            raise DeviceUnavailableError("no database follows", remedy=f"see {self.directory}")
        return found[0]

    def both(self) -> bool:
        """One leads and the other follows."""
        return sorted(each.role() for each in self.databases) == ["primary", "replica"]

    def url(self, role: str, *, attributes: str = "read-write", pooled: bool = True) -> str:
        """For a program: through pgbouncer, to whichever database leads (or follows)."""
        hosts = "&".join(f"host=127.0.0.1:{each.pooled if pooled else each.port}" for each in self.databases)
        secret = self.passwords[role]
        return f"postgresql+psycopg://{role}:{secret}@/{DATABASE}?{hosts}&target_session_attrs={attributes}&connect_timeout=4"

    def direct(self, role: str, database: Database | None = None, *, name: str = DATABASE) -> str:
        """Past pgbouncer, for migrations and for looking."""
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{(database or self.primary()).port}/{name}?connect_timeout=4"

    def maintain(self, *, on: bool) -> None:
        """As `patronictl pause` and `resume`: Patroni changes nothing by itself. Without it a replay that somebody paused is resumed by
        Patroni within two seconds. Raises: OSError, DeviceUnavailableError."""
        url = f"http://127.0.0.1:{self.primary().rest}/config"
        body = json.dumps({"pause": True if on else None}).encode()
        asked = urllib.request.Request(url, data=body, method="PATCH", headers={"Content-Type": "application/json"})
        urllib.request.urlopen(asked, timeout=5).close()
        log = self.databases[0].directory / "patroni.log"
        _until(lambda: all(bool(each.told().get("pause")) == on for each in self.databases), "Patroni's pause", log, 20.0)

    def stop(self) -> None:
        """All of it within half a minute; the databases are not needed any more, so what does not end is killed."""
        with ThreadPoolExecutor(max_workers=len(self.brokers) or 1) as pool:
            list(pool.map(RunningBroker.stop, self.brokers))
        processes.stop_together([each.pgbouncer for each in self.databases if each.pgbouncer is not None], timeout_s=3.0)
        pids = [each.postmaster() for each in self.databases]
        processes.stop_together([each.patroni for each in self.databases if each.patroni is not None], timeout_s=10.0)
        for pid in pids:
            if pid is not None and _is_postgres(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self.etcd is not None:
            processes.stop_together([self.etcd], timeout_s=3.0)

    def kill_etcd(self) -> None:
        """Its majority is gone: here the only one of it."""
        assert self.etcd is not None
        with suppress(ProcessLookupError):
            os.killpg(self.etcd.process.pid, signal.SIGKILL)
        self.etcd.process.wait()


def prepare(directory: Path, passwords: Mapping[str, str]) -> Engines:
    """Ports and folders, nothing started."""
    ports = free_ports(6)
    databases = [
        Database(name=f"db{number + 1}", directory=directory / f"db{number + 1}", port=port, pooled=pooled, rest=rest)
        for number, (port, pooled, rest) in enumerate((ports[:3], ports[3:]))
    ]
    return Engines(directory=directory, passwords=passwords, databases=databases)


def start_databases(engines: Engines) -> None:
    """Returns when one database leads, the other one follows it, and the database of the programs is there. Raises:
    DeviceUnavailableError."""
    client, peer = free_ports(2)
    engines.etcd_ports = (client, peer)
    start_etcd(engines)
    for each in engines.databases:
        each.directory.mkdir(mode=0o755)
        _given(each.directory)
        start_database(engines, each)
    _until(engines.both, "PostgreSQL under Patroni", engines.directory / "db1" / "patroni.log", _READY_S)
    with psycopg.connect(engines.direct("postgres", name="postgres"), autocommit=True) as connection:
        for role in engines.passwords:
            if role in ("postgres", REPLICATOR):
                continue
            connection.execute(f"CREATE ROLE \"{role}\" LOGIN PASSWORD '{engines.passwords[role]}'")
        connection.execute(f'CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template0 ENCODING UTF8 LOCALE "C.UTF-8"')


def start_etcd(engines: Engines) -> None:
    """Also again after a kill, with what it knew. Raises: DeviceUnavailableError."""
    directory, (client, peer) = engines.directory, engines.etcd_ports
    url, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    engines.etcd = processes.start(
        "etcd",
        [
            *("etcd", "--name", "e1", "--data-dir", str(directory / "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url),
            *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"e1={peers}"),
            *("--log-level", "error", "--unsafe-no-fsync"),
        ],
        log=directory / "etcd.log",
    )
    _until(lambda: _answers(client), "etcd", directory / "etcd.log", 20.0)


def start_database(engines: Engines, each: Database) -> None:
    """Also again after a kill, where its folder is."""
    settings = each.directory / "patroni.yml"
    _written(settings, json.dumps(_patroni(engines, each, f"127.0.0.1:{engines.etcd_ports[0]}"), indent=1))  # JSON is YAML
    each.patroni = processes.start(f"patroni-{each.name}", [*_as_postgres(), "patroni", str(settings)], log=each.directory / "patroni.log")
    if each.pgbouncer is None:
        _written(each.directory / "users.txt", "".join(f'"{role}" "{secret}"\n' for role, secret in engines.passwords.items()))
        _written(each.directory / "pgbouncer.ini", _pooling(each))
        command = [*_as_postgres(), _pgbouncer(), str(each.directory / "pgbouncer.ini")]
        each.pgbouncer = processes.start(f"pgbouncer-{each.name}", command, log=each.directory / "pgbouncer.log")


def start_brokers(engines: Engines, hospitals: Mapping[str, Sequence[Account]]) -> None:
    """Three nodes, each with an account for each hospital. Raises: DeviceUnavailableError."""
    ports = free_ports(9)
    nodes = tuple(
        Node(name=f"n{number + 1}", port=ports[number], route=f"127.0.0.1:{ports[3 + number]}", monitor=f"127.0.0.1:{ports[6 + number]}")
        for number in range(3)
    )
    cluster = Cluster(nodes=nodes, secret=os.urandom(16).hex())
    # One that is alone waits for the others before it listens: all of them at once.
    threads = [_Starting(cluster, node, engines.directory / node.name, hospitals) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engines.brokers = [broker for thread in threads if (broker := thread.broker) is not None]
    engines.monitors = [node.monitor for node in nodes]
    if len(engines.brokers) != len(nodes):
        raise DeviceUnavailableError("a broker did not start", remedy=f"see {engines.directory}")
    for node in nodes:
        _until(lambda at=node.monitor: _healthy(at), node.name, engines.directory / node.name / "broker.log", 30.0)  # type: ignore[misc]


def _patroni(engines: Engines, each: Database, etcd: str) -> dict[str, object]:
    """As in `deploy/province/patroni.yml`, with smaller memory."""
    version = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: int(path.split("/")[4]))[-1]
    hba = ["local all all trust", "host replication replicator 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256"]
    return {
        "scope": "province",
        "name": each.name,
        "restapi": {"listen": f"127.0.0.1:{each.rest}", "connect_address": f"127.0.0.1:{each.rest}"},
        "etcd3": {"hosts": [etcd]},
        "bootstrap": {
            "dcs": {
                "ttl": 20,
                "loop_wait": 2,
                "retry_timeout": 4,
                "maximum_lag_on_failover": 1048576,
                "synchronous_mode": True,
                "postgresql": {
                    "use_pg_rewind": True,
                    "parameters": {
                        "max_connections": 120,
                        "shared_buffers": "64MB",
                        "wal_level": "replica",
                        "hot_standby": "on",
                        "max_wal_senders": 5,
                        "max_replication_slots": 5,
                        "wal_log_hints": "on",
                        "tcp_keepalives_idle": 5,
                        "tcp_keepalives_interval": 2,
                        "tcp_keepalives_count": 3,
                    },
                },
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
        },
        "postgresql": {
            "listen": f"127.0.0.1:{each.port}",
            "connect_address": f"127.0.0.1:{each.port}",
            "data_dir": str(each.directory / "data"),
            "bin_dir": str(Path(version).parent),
            "pgpass": str(each.directory / "pgpass"),
            "pg_hba": hba,
            "authentication": {
                "superuser": {"username": "postgres", "password": engines.passwords["postgres"]},
                "replication": {"username": REPLICATOR, "password": engines.passwords[REPLICATOR]},
            },
            "basebackup": [{"checkpoint": "fast"}],
            "parameters": {"unix_socket_directories": str(each.directory)},
        },
    }


def _pooling(each: Database) -> str:
    """As in `deploy/province/pgbouncer.ini`."""
    return f"""[databases]
{DATABASE} = host=127.0.0.1 port={each.port} dbname={DATABASE}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {each.pooled}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {each.directory}/users.txt
pool_mode = transaction
max_client_conn = 1000
default_pool_size = 10
query_wait_timeout = 4
server_connect_timeout = 3
server_login_retry = 1
server_fast_close = 1
server_check_delay = 2
tcp_keepidle = 5
tcp_keepintvl = 2
tcp_keepcnt = 3
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
"""


class _Starting:
    """A broker that is started in a thread: the thread stays with it as its keeper."""

    def __init__(self, cluster: Cluster, node: Node, directory: Path, hospitals: Mapping[str, Sequence[Account]]) -> None:
        import threading

        self.broker: RunningBroker | None = None
        self._of = (cluster, node, directory, hospitals)
        self._thread = threading.Thread(target=self._run, name=f"start-{node.name}")

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        with suppress(DeviceUnavailableError):
            self.broker = nats_cluster.start(*self._of)


def _as_postgres() -> list[str]:
    """Ends with whoever started it, also where its user is changed."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=TERM", "--"]


def _given(path: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(path, account.pw_uid, account.pw_gid)


def _written(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    _given(path)


def _pgbouncer() -> str:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin") or ""


def _is_postgres(pid: int) -> bool:
    with suppress(OSError):
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes() if sys.platform == "linux" else True
    return False


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _healthy(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://{address}/healthz", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def _until(is_so: object, what: str, log: Path, timeout_s: float) -> None:
    assert callable(is_so)
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            raise DeviceUnavailableError(f"{what} is not ready after {timeout_s:.0f} s:\n{processes.tail(log)}", remedy=f"see {log}")
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Free at this moment, and different from each other."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return found


def role_of(facility: str) -> str:
    """What the programs of a facility are called in the database."""
    return f"facility_{facility.replace('-', '_')}"
