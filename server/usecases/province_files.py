"""The files of a province's machines, written from its plan: the same plan and the same drawn secrets give the same files."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from devices.brokers import nats_cluster
from devices.brokers.account import Account, AccountKind
from devices.brokers.listener import Listener
from devices.brokers.nats_cluster import Cluster, Node
from pointofcare.errors import ConfigError
from server.usecases import province_plan
from server.usecases.province_plan import Hospital, Machine, Plan

PARTS = ("web", "gateway", "dispatcher")
_SECRETS, _WRITTEN = "secrets.json", "written.json"
_UNIT = "pointofcare-server.service"
_UNITS = (Path(__file__).parents[2] / "deploy/systemd" / _UNIT, Path("/usr/lib/systemd/system") / _UNIT)
_OWNER = ("postgres", "replicator", "pointofcare", "pointofcare_reports")
# Measured, each with its source in docs/province.md.
_PROGRAM_MB, _IDLE_CPU_S, _CART_CPU_S, _DOSE_CPU_S = 1294 / 6, 6.1, 0.022, 0.05


def add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "write the files of every machine of a plan (exit code 2: the plan is wrong, or a person changed a file)"
    made = actions.add_parser("files", help=about, description=about)
    made.add_argument("--plan", type=Path, required=True, help="the machines and hospitals (docs/province.md)")
    made.add_argument("--into", type=Path, required=True, metavar="DIR", help="a folder for each machine is made in it; it holds secrets")
    made.add_argument("--force", action="store_true", help="also write over files that a person changed")
    made.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    plan = province_plan.read(chosen.plan)
    sys.stdout.write("\n".join([*write(plan, chosen.into, force=chosen.force), *estimate(plan)]) + "\n")
    return 0


def write(plan: Plan, directory: Path, *, force: bool = False) -> list[str]:
    """What was done, a line each. Nothing is written where a file was changed by a person. Raises: ConfigError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        known, written = _kept(directory / _SECRETS), _kept(directory / _WRITTEN)
        drawn = {name: known.get(name) or secrets.token_hex(20) for name in _names(plan)}
        files = _files(plan, drawn)
        changed = [] if force else [path for path, text in files.items() if _is_changed(directory / path, text, written.get(path))]
        if changed:
            remedy = "a person changed it: move it away, or give --force to write over it"
            raise ConfigError("nothing was written", problems=tuple((path, remedy) for path in changed))
        # Secrets first: files without them could not be written the same again. One that is in no plan now may come back.
        _private(directory / _SECRETS, _plain(known | drawn))
        new = [path for path, text in files.items() if _text(directory / path) != text]
        for path, text in files.items():
            _private(directory / path, text)
        _private(directory / _WRITTEN, _plain(written | {path: _digest(text) for path, text in files.items()}))
    except OSError as exc:
        raise ConfigError(f"{directory}: {exc}", problems=((str(directory), str(exc)),)) from exc
    stale = [path for path in written if path not in files and (directory / path).exists()]
    return [f"{len(new)} of {len(files)} files written", *(f"no longer in the plan, take it away: {path}" for path in stale)]


def estimate(plan: Plan) -> list[str]:
    """What the programs ask of each machine of programs, from measured figures."""
    carts, number = sum(each.carts for each in plan.hospitals), len(plan.hospitals)
    memory = number * len(PARTS) * _PROGRAM_MB / 1024
    cores = (number * _IDLE_CPU_S + carts * _CART_CPU_S) / 60
    return [
        f"{number} hospitals, {carts} carts: estimate {memory:.1f} GB for the programs of each machine that runs them",
        f"processor without doses: estimate {cores:.2f} cores; each 100 doses a minute {100 * _DOSE_CPU_S / 60:.2f} more",
    ]


def _files(plan: Plan, drawn: Mapping[str, str]) -> dict[str, str]:
    files: dict[str, str] = {}
    cluster = Cluster(
        nodes=tuple(_node(plan, each) for each in plan.having("broker")),
        secret=drawn["cluster"],
        tls=_route_tls(plan),
    )
    hospitals = {f"hospital-{each.id}.conf": nats_cluster.hospital(_accounts(each, drawn), facility=each.id) for each in plan.hospitals}
    for machine in plan.having("broker"):
        listener = Listener(
            host=machine.address,
            cert_file=Path(plan.certificates["certificate"]),
            key_file=Path(plan.certificates["key"]),
            elsewhere=True,
        )
        folder = f"{machine.name}/etc/pointofcare/nats"
        node, store = _node(plan, machine), Path("/var/lib/nats/pointofcare")
        files[f"{folder}/nats.conf"] = nats_cluster.config(cluster, node, store=store, hospitals=list(hospitals), listener=listener)
        files |= {f"{folder}/{name}": text for name, text in hospitals.items()}
    for machine in plan.having("etcd"):
        files[f"{machine.name}/etc/default/etcd"] = _etcd(plan, machine)
    for machine in plan.having("database"):
        files[f"{machine.name}/etc/patroni/config.yml"] = json.dumps(_patroni(plan, machine, drawn), indent=2) + "\n"  # JSON is YAML
        files[f"{machine.name}/etc/pgbouncer/pgbouncer.ini"] = _pgbouncer(plan, machine)
        roles = [*_OWNER[2:], *(each.role for each in plan.hospitals)]
        files[f"{machine.name}/etc/pgbouncer/users.txt"] = "".join(f'"{role}" "{drawn["database." + role]}"\n' for role in roles)
    for machine in plan.having("programs"):
        for part in PARTS:
            files[f"{machine.name}/etc/systemd/system/pointofcare-{part}@.service"] = unit(part)
        for hospital in plan.hospitals:
            files[f"{machine.name}/etc/pointofcare/{hospital.id}/server.toml"] = _server(plan, machine, hospital, drawn)
    files["roles.sql"] = _roles(plan, drawn)
    return files


def unit(part: str) -> str:
    """The template unit of one part, derived from the unit of the whole server with its hardening. Raises: ConfigError."""
    found = next((path for path in _UNITS if path.is_file()), None)
    if found is None:
        raise ConfigError("the server's unit is not here", problems=((_UNIT, "run this where pointofcare-server is installed"),))
    changes = {
        "Description": f"Point of care: {part} of %i",
        "After": "network-online.target",
        "Requires": None,  # the owner migrates a province, once for all hospitals
        "ConditionPathExists=/etc": "/pointofcare/%i/server.toml",
        "ExecStart": f"/usr/bin/pointofcare-server {part} --config /etc/pointofcare/%i/server.toml",
        "EnvironmentFile": "-/etc/pointofcare/%i/server.env",
        "WorkingDirectory": "/var/lib/pointofcare/%i",
        "ReadWritePaths": "/var/lib/pointofcare/%i",
    }
    lines = []
    for line in found.read_text(encoding="utf-8").splitlines():
        name = line.partition("=")[0]
        if line.startswith("#"):
            continue
        if line.startswith("ConditionPathExists=/etc"):
            lines.append("ConditionPathExists=/etc" + str(changes["ConditionPathExists=/etc"]))
        elif name not in changes:
            lines.append(line)
        elif changes[name] is not None:
            lines.append(f"{name}={changes[name]}")
            if name == "WorkingDirectory":
                lines += ["StateDirectory=pointofcare/%i", "StateDirectoryMode=0700"]
    return "\n".join(lines) + "\n"


def _node(plan: Plan, machine: Machine) -> Node:
    return Node(name=machine.name, route=f"{machine.address}:{plan.ports['route']}", port=plan.ports["mqtt"])


def _route_tls(plan: Plan) -> str:
    paths = plan.certificates
    return f'tls {{ cert_file: "{paths["certificate"]}", key_file: "{paths["key"]}", ca_file: "{paths["ca"]}", verify: true }}'


def _carts(hospital: Hospital) -> list[str]:
    return [f"cart-{number:03d}" for number in range(1, hospital.carts + 1)]


def _accounts(hospital: Hospital, drawn: Mapping[str, str]) -> list[Account]:
    server = Account(name="server", kind=AccountKind.SERVER, password=drawn[f"broker.{hospital.id}.server"])
    carts = (Account(name=name, kind=AccountKind.CART, password=drawn[f"broker.{hospital.id}.{name}"]) for name in _carts(hospital))
    return [server, *carts]


def _names(plan: Plan) -> list[str]:
    names = ["cluster", "patroni", *(f"database.{role}" for role in (*_OWNER, *(each.role for each in plan.hospitals)))]
    for hospital in plan.hospitals:
        names += [f"broker.{hospital.id}.{name}" for name in ("server", *_carts(hospital))]
        names += [f"{kind}.{hospital.id}" for kind in ("secret_key", "password_salt")]
    return names


def _etcd(plan: Plan, machine: Machine) -> str:
    def url(each: Machine, port: str) -> str:
        return f"https://{each.address}:{plan.ports[port]}"

    paths = plan.certificates
    values = {
        "NAME": machine.name,
        "DATA_DIR": "/var/lib/etcd/province",
        "LISTEN_CLIENT_URLS": url(machine, "etcd"),
        "ADVERTISE_CLIENT_URLS": url(machine, "etcd"),
        "LISTEN_PEER_URLS": url(machine, "etcd_peer"),
        "INITIAL_ADVERTISE_PEER_URLS": url(machine, "etcd_peer"),
        "INITIAL_CLUSTER": ",".join(f"{each.name}={url(each, 'etcd_peer')}" for each in plan.having("etcd")),
        "INITIAL_CLUSTER_TOKEN": "pointofcare-province",
        "INITIAL_CLUSTER_STATE": "new",
    }
    for kind in ("", "PEER_"):
        values |= {f"{kind}CERT_FILE": paths["certificate"], f"{kind}KEY_FILE": paths["key"], f"{kind}TRUSTED_CA_FILE": paths["ca"]}
        values[f"{kind}CLIENT_CERT_AUTH"] = "true"
    return "".join(f"ETCD_{name}={value}\n" for name, value in values.items())


def _patroni(plan: Plan, machine: Machine, drawn: Mapping[str, str]) -> dict[str, object]:
    """As deploy/province/patroni.yml explains, with TLS everywhere and a password before what changes the cluster."""
    paths, ports = plan.certificates, plan.ports
    own = {"certfile": paths["certificate"], "keyfile": paths["key"], "cafile": paths["ca"]}
    client = {"cacert": paths["ca"], "cert": paths["certificate"], "key": paths["key"]}
    rest, database = f"{machine.address}:{ports['patroni']}", f"{machine.address}:{ports['postgresql']}"
    reached = [f"{each.address}/32" for each in plan.machines if {"database", "programs"} & set(each.roles)]
    parameters = {
        "max_connections": max(400, 100 + 12 * len(plan.hospitals)),
        "shared_buffers": "4GB",
        "wal_level": "replica",
        "hot_standby": "on",
        "wal_log_hints": "on",
        "max_wal_senders": 5,
        "max_replication_slots": 5,
        "tcp_keepalives_idle": 5,
        "tcp_keepalives_interval": 2,
        "tcp_keepalives_count": 3,
    }
    dcs = {
        "ttl": 20,
        "loop_wait": 2,
        "retry_timeout": 4,
        "maximum_lag_on_failover": 1048576,
        "synchronous_mode": True,
        "postgresql": {"use_pg_rewind": True, "parameters": parameters},
    }
    hba = ["local all all peer", "host all all 127.0.0.1/32 scram-sha-256"]
    hba += [f"hostssl replication replicator {each} scram-sha-256" for each in reached]
    hba += [f"hostssl all all {each} scram-sha-256" for each in reached]
    return {
        "scope": "province",
        "name": machine.name,
        "restapi": {
            "listen": rest,
            "connect_address": rest,
            **own,
            "authentication": {"username": "patroni", "password": drawn["patroni"]},
        },
        "ctl": {"cacert": paths["ca"]},
        "etcd3": {"hosts": [f"{each.address}:{ports['etcd']}" for each in plan.having("etcd")], "protocol": "https", **client},
        "bootstrap": {"dcs": dcs, "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"]},
        "postgresql": {
            "listen": f"127.0.0.1,{database}",
            "connect_address": database,
            "data_dir": "/var/lib/postgresql/15/province",
            "bin_dir": "/usr/lib/postgresql/15/bin",
            "parameters": {"ssl": "on", "ssl_cert_file": paths["certificate"], "ssl_key_file": paths["key"]},
            "pg_hba": hba,
            "basebackup": [{"checkpoint": "fast"}],
            "authentication": {
                "superuser": {"username": "postgres", "password": drawn["database.postgres"]},
                "replication": {"username": "replicator", "password": drawn["database.replicator"]},
            },
        },
    }


def _pgbouncer(plan: Plan, machine: Machine) -> str:
    paths, ports = plan.certificates, plan.ports
    return f"""[databases]
pointofcare = host=127.0.0.1 port={ports["postgresql"]} dbname=pointofcare

[pgbouncer]
listen_addr = {machine.address}
listen_port = {ports["pgbouncer"]}
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/users.txt
client_tls_sslmode = require
client_tls_key_file = {paths["key"]}
client_tls_cert_file = {paths["certificate"]}
pool_mode = transaction
max_client_conn = 2000
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
"""


def _server(plan: Plan, machine: Machine, hospital: Hospital, drawn: Mapping[str, str]) -> str:
    paths, of = plan.certificates, hospital.id
    hosts = "&".join(f"host={each.address}:{plan.ports['pgbouncer']}" for each in plan.having("database"))
    brokers = ",".join(f"{each.address}:{plan.ports['mqtt']}" for each in plan.having("broker"))
    ending = f"target_session_attrs=read-write&connect_timeout=4&sslmode=verify-full&sslrootcert={paths['ca']}"
    url = f"postgresql+psycopg://{hospital.role}:{drawn['database.' + hospital.role]}@/pointofcare?{hosts}&{ending}"

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    return f"""# {hospital.name}
database_url = {quoted(url)}
facility = {quoted(of)}
secret_key = {quoted(drawn["secret_key." + of])}
password_salt = {quoted(drawn["password_salt." + of])}
signing_key = "/var/lib/pointofcare/{of}/signing-key.json"

[http]
port = {hospital.port}
secure_cookies = true
proxies = 1

[mqtt]
host = {quoted(brokers)}
username = {quoted(nats_cluster.user(of, "server"))}
password = {quoted(drawn[f"broker.{of}.server"])}
client_id = {quoted(f"server-{of}-{machine.name}")}
ca_file = {quoted(paths["ca"])}
"""


def _roles(plan: Plan, drawn: Mapping[str, str]) -> str:
    """For psql on the primary, again after a hospital came to the plan: what is there stays."""
    lines = [
        f"SELECT 'CREATE ROLE \"{role}\" LOGIN PASSWORD ''{drawn['database.' + role]}''' "
        f"WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec"
        for role in (*_OWNER[2:], *(each.role for each in plan.hospitals))
    ]
    made = 'CREATE DATABASE pointofcare OWNER pointofcare TEMPLATE template0 ENCODING UTF8 LOCALE "C.UTF-8"'
    lines.append(f"SELECT '{made}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'pointofcare') \\gexec")
    return "\n".join(lines) + "\n"


def _kept(path: Path) -> dict[str, str]:
    text = _text(path)
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    # Drawing new ones would lock every cart out: nobody goes on from a file that cannot be read.
    if not isinstance(found, dict) or not all(isinstance(value, str) and re.fullmatch("[0-9a-f]+", value) for value in found.values()):
        raise ConfigError(f"{path} cannot be read", problems=((str(path), "bring it back from a copy"),))
    return found


def _plain(values: Mapping[str, str]) -> str:
    return json.dumps(values, indent=1, sort_keys=True) + "\n"


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else None


def _is_changed(path: Path, text: str, written: str | None) -> bool:
    found = _text(path)
    return found is not None and found != text and _digest(found) != written


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _private(path: Path, text: str) -> None:
    """Whole or not at all, readable by its owner alone."""
    for folder in _missing(path.parent):
        folder.mkdir(mode=0o700)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _missing(folder: Path) -> Iterable[Path]:
    return [each for each in reversed((folder, *folder.parents)) if not each.exists()]
