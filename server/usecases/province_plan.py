"""The plan of a province's machines and hospitals, read from one TOML (docs/province.md). Every fault is told at once."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from pointofcare.errors import ConfigError
from pointofcare.wire import routes

ROLES = ("database", "etcd", "broker", "programs")
PORTS = {"mqtt": 8883, "route": 6222, "postgresql": 5432, "pgbouncer": 6432, "patroni": 8008, "etcd": 2379, "etcd_peer": 2380}
_OF_ROLE = {"database": ("postgresql", "pgbouncer", "patroni"), "etcd": ("etcd", "etcd_peer"), "broker": ("mqtt", "route"), "programs": ()}
_CERTIFICATES = ("ca", "certificate", "key")
_DATABASE_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_MACHINE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PATH = re.compile(r"/[A-Za-z0-9._/-]+")
_TAKEN_ROLES = ("postgres", "replicator", "pointofcare", "pointofcare_reports")
_MOST_CARTS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    name: str
    address: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """`role` is its role in the database, `port` where its pages listen on each machine of programs."""

    id: str
    name: str
    role: str
    carts: int
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    machines: tuple[Machine, ...]
    hospitals: tuple[Hospital, ...]
    certificates: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=lambda: dict(PORTS))

    def having(self, role: str) -> tuple[Machine, ...]:
        return tuple(machine for machine in self.machines if role in machine.roles)


def read(path: Path) -> Plan:
    """Raises: ConfigError naming each field and its remedy."""
    try:
        return parse(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read", problems=((str(path), str(exc)),)) from exc


def parse(values: Mapping[str, Any]) -> Plan:
    """Raises: ConfigError."""
    problems: list[tuple[str, str]] = []
    _known(values, ("ports", "certificates", "machine", "hospital"), "", problems)
    ports = dict(PORTS)
    given = _table(values, "ports", problems)
    _known(given, tuple(PORTS), "ports.", problems)
    for name in PORTS.keys() & given.keys():
        ports[name] = _number(given, name, f"ports.{name}", 1, 65535, problems)
    paths = _table(values, "certificates", problems)
    _known(paths, _CERTIFICATES, "certificates.", problems)
    certificates = {name: _text(paths, name, f"certificates.{name}", problems) for name in _CERTIFICATES}
    for name, path in certificates.items():
        if path and not _PATH.fullmatch(path):
            problems.append((f"certificates.{name}", "give a full path of A-Z a-z 0-9 . _ - /"))
    machines = tuple(_machine(each, f"machine[{at}]", problems) for at, each in enumerate(_list(values, "machine", problems)))
    hospitals = tuple(_hospital(each, f"hospital[{at}]", problems) for at, each in enumerate(_list(values, "hospital", problems)))
    plan = Plan(machines=machines, hospitals=hospitals, certificates=certificates, ports=ports)
    _check(plan, problems)
    if problems:
        raise ConfigError("the plan cannot be used", problems=tuple(problems))
    return plan


def _machine(values: Mapping[str, Any], at: str, problems: list[tuple[str, str]]) -> Machine:
    _known(values, ("name", "address", "roles"), f"{at}.", problems)
    name = _text(values, "name", f"{at}.name", problems)
    if name and not _MACHINE.fullmatch(name):
        problems.append((f"{at}.name", "use 1 to 63 of a-z 0-9 -"))
    address = _text(values, "address", f"{at}.address", problems)
    try:
        found = IPv4Address(address)
        if found.is_loopback or found.is_unspecified:
            problems.append((f"{at}.address", "give the address by which the other machines reach it"))
    except ValueError:
        if address:
            problems.append((f"{at}.address", "give an IPv4 address, such as 10.0.0.1"))
    roles = values.get("roles")
    if not isinstance(roles, list) or not roles or not all(role in ROLES for role in roles):
        problems.append((f"{at}.roles", f"name one or more of {', '.join(ROLES)}"))
        roles = []
    return Machine(name=name, address=address, roles=tuple(roles))


def _hospital(values: Mapping[str, Any], at: str, problems: list[tuple[str, str]]) -> Hospital:
    _known(values, ("id", "name", "role", "carts", "port"), f"{at}.", problems)
    known = _text(values, "id", f"{at}.id", problems)
    if known and not routes.is_level(known):
        problems.append((f"{at}.id", "it is a level of topics: use 1 to 64 of A-Z a-z 0-9 _ -"))
    name = _text(values, "name", f"{at}.name", problems)
    if not name.isprintable():
        problems.append((f"{at}.name", "use printable characters on one line"))
    role = _text(values, "role", f"{at}.role", problems)
    if role and (not _DATABASE_ROLE.fullmatch(role) or role in _TAKEN_ROLES):
        problems.append((f"{at}.role", "use 1 to 63 of a-z 0-9 _ that no other program has, such as facility_h01"))
    return Hospital(
        id=known,
        name=name,
        role=role,
        carts=_number(values, "carts", f"{at}.carts", 1, _MOST_CARTS, problems),
        port=_number(values, "port", f"{at}.port", 1024, 65535, problems),
    )


def _check(plan: Plan, problems: list[tuple[str, str]]) -> None:
    """What no single field shows."""
    etcd, brokers = len(plan.having("etcd")), len(plan.having("broker"))
    if etcd < 3 or etcd % 2 == 0:
        problems.append(("machine.roles", f"{etcd} machines have etcd: give it to three or five, an even number outvotes nobody"))
    if brokers < 3 or brokers % 2 == 0:
        problems.append(("machine.roles", f"{brokers} machines have broker: give it to three or five"))
    if len(plan.having("database")) < 2:
        problems.append(("machine.roles", "give database to two machines: one alone has nobody to take over"))
    if not plan.having("programs"):
        problems.append(("machine.roles", "give programs to at least one machine"))
    for where, found in (
        ("machine.name", [machine.name for machine in plan.machines]),
        ("machine.address", [machine.address for machine in plan.machines]),
        # Folders and accounts: what differs in case alone is the same for a person who reads it.
        ("hospital.id", [hospital.id.lower() for hospital in plan.hospitals]),
        ("hospital.role", [hospital.role for hospital in plan.hospitals]),
    ):
        problems.extend((where, f"{twice!r} stands twice: name it once") for twice, count in Counter(found).items() if count > 1 and twice)
    for machine in plan.machines:
        used = [(plan.ports[name], f"ports.{name}") for role in dict.fromkeys(machine.roles) for name in _OF_ROLE[role]]
        if "programs" in machine.roles:
            used += [(hospital.port, f"port of {hospital.id}") for hospital in plan.hospitals]
        for port, count in Counter(number for number, _ in used).items():
            if count > 1 and port:
                who = " and ".join(name for number, name in used if number == port)
                problems.append((f"machine {machine.name}", f"port {port} is taken twice, by {who}: give one of them another"))


def _known(values: Mapping[str, Any], names: tuple[str, ...], before: str, problems: list[tuple[str, str]]) -> None:
    problems.extend((f"{before}{name}", f"is no setting: use {', '.join(names)}") for name in values if name not in names)


def _table(values: Mapping[str, Any], name: str, problems: list[tuple[str, str]]) -> Mapping[str, Any]:
    found = values.get(name, {})
    if not isinstance(found, dict):
        problems.append((name, f"write it as [{name}]"))
        return {}
    return found


def _list(values: Mapping[str, Any], name: str, problems: list[tuple[str, str]]) -> list[Mapping[str, Any]]:
    found = values.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        problems.append((name, f"write each as [[{name}]]"))
        return []
    return found


def _text(values: Mapping[str, Any], name: str, at: str, problems: list[tuple[str, str]]) -> str:
    found = values.get(name)
    if not isinstance(found, str) or not found:
        problems.append((at, "it is missing: give a text"))
        return ""
    return found


def _number(values: Mapping[str, Any], name: str, at: str, least: int, most: int, problems: list[tuple[str, str]]) -> int:
    found = values.get(name)
    if type(found) is not int or not least <= found <= most:
        problems.append((at, f"give a whole number from {least} to {most}"))
        return 0
    return found
