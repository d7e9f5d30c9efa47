"""Opens a province for a run: engines, hospitals that are filled, programs, carts; and ends all of it again, whatever happened."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from devices.brokers import nats_cluster
from devices.brokers.account import Account, AccountKind
from pointofcare.errors import DeviceUnavailableError
from simulation import processes
from simulation.processes import Child
from simulation.province import engines as machines
from simulation.province.carts import Giver, Wards
from simulation.province.engines import Engines
from simulation.scale import fill
from simulation.scale.people import Facility, Size, facilities

PARTS = ("web", "gateway", "dispatcher")


@dataclass(slots=True, kw_only=True)
class Province:
    directory: Path
    engines: Engines
    facilities: tuple[Facility, ...]
    wards: Wards
    children: list[Child] = field(default_factory=list)
    accounts: dict[str, tuple[Account, ...]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)


@contextmanager
def opened(count: int, *, carts: int, directory: Path | None = None, say: Callable[[str], None] = print) -> Iterator[Province]:
    """The whole province, its carts connected. Ends everything that it started. Raises: DeviceUnavailableError."""
    size = Size(people=40 * count, facilities=count, orders=0, days=7, seed=1, until=_midnight())
    known = facilities(size)
    place = directory or Path(tempfile.mkdtemp(prefix="poc-province-", dir="/tmp"))
    place.mkdir(exist_ok=directory is None)
    place.chmod(0o755)  # the database's user looks into its own folder here
    roles = [machines.role_of(facility.id) for facility in known]
    words = {role: secrets.token_hex(12) for role in ("postgres", machines.REPLICATOR, machines.OWNER, machines.REPORTS, *roles)}
    engines = machines.prepare(place, words)
    province = Province(directory=place, engines=engines, facilities=known, wards=Wards(known, place / "journals", carts=carts))
    try:
        began = time.monotonic()
        machines.start_databases(engines)
        say(f"databases ready after {time.monotonic() - began:.1f} s: {engines.primary().name} leads")
        province.accounts = {facility.id: _accounts(province, facility) for facility in known}
        machines.start_brokers(engines, province.accounts)
        say(f"three brokers ready after {time.monotonic() - began:.1f} s")
        _fill(province, size)
        say(f"{count} hospitals filled after {time.monotonic() - began:.1f} s")
        _start_programs(province)
        say(f"{len(province.children)} programs ready after {time.monotonic() - began:.1f} s")
        secret = {(facility, one.name): one.password for facility, each in province.accounts.items() for one in each}
        names = {key: nats_cluster.user(*key) for key in secret}
        province.wards.start(engines.hosts, secret, user=names)
        until(lambda: province.wards.online == len(province.wards.givers), "the carts", 60.0)
        say(f"{province.wards.online} carts connected after {time.monotonic() - began:.1f} s")
        yield province
    finally:
        with processes.undisturbed():
            began = time.monotonic()
            with ThreadPoolExecutor(max_workers=len(province.wards.givers)) as pool:
                list(pool.map(Giver.stop, province.wards.givers))
            province.stopped = processes.stop_together(province.children)
            engines.stop()
            if directory is None:
                _gone(place)
            say(f"ended after {time.monotonic() - began:.1f} s")


def _gone(place: Path) -> None:
    """What a killed database's last process still writes there is taken too."""
    ends_s = time.monotonic() + 5.0
    while place.exists() and time.monotonic() < ends_s:
        shutil.rmtree(place, ignore_errors=True)
        time.sleep(0.05)


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _accounts(province: Province, facility: Facility) -> tuple[Account, ...]:
    carts = [giver.name for giver in province.wards.givers if giver.facility.id == facility.id]
    server = Account(name="server", kind=AccountKind.SERVER, password=secrets.token_hex(12))
    return (server, *(Account(name=name, kind=AccountKind.CART, password=secrets.token_hex(12)) for name in carts))


def _fill(province: Province, size: Size) -> None:
    """As `docs/province.md` says: migrate, lay out, fill, and hold each hospital's role to its own rows."""
    config = str(_settings(province, province.facilities[0], province.directory, owner=True))
    _say_to_server("migrate", "--config", config)
    _say_to_server("province", "partition", "--config", config)
    for facility in province.facilities:
        _say_to_server("province", "open", facility.id, "--role", machines.role_of(facility.id), "--config", config)
    _say_to_server("province", "open-reports", "--role", machines.REPORTS, "--config", config)
    fill.fill(province.engines.direct(machines.OWNER), size, progress=lambda _line: None)


def _say_to_server(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "server", *words], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise DeviceUnavailableError(f"{' '.join(words[:2])} failed: {done.stderr[-800:]}", remedy="see the message above")


def report(province: Province, *words: str) -> subprocess.CompletedProcess[str]:
    """`pointofcare-server province report`, as whoever reads over all hospitals."""
    config = _settings(province, province.facilities[0], province.directory, reports=True)
    command = [sys.executable, "-m", "server", "province", "report", *words, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _settings(province: Province, facility: Facility, directory: Path, *, owner: bool = False, reports: bool = False) -> Path:
    server = province.accounts[facility.id][0]
    engines = province.engines
    role = machines.OWNER if owner else machines.role_of(facility.id)
    url = "postgresql+psycopg:" + engines.direct(role).removeprefix("postgresql:") if owner else engines.url(role)
    replica = engines.url(machines.REPORTS, attributes="prefer-standby", pooled=False)
    lines = [
        f"database_url = {json.dumps(url)}",
        *([f"replica_url = {json.dumps(replica)}"] if reports else []),
        f"facility = {json.dumps(facility.id)}",
        f"secret_key = {json.dumps(facility.id * 6)}",
        f"password_salt = {json.dumps(facility.id * 6)}",
        "[http]",
        "port = 0",
        "[mqtt]",
        f"host = {json.dumps(engines.hosts)}",
        f"username = {json.dumps(nats_cluster.user(facility.id, server.name))}",
        f"password = {json.dumps(server.password)}",
        "[emr]",
        'target = "folder"',
        'folder = "emr-out"',
    ]
    path = directory / ("owner.toml" if owner else "reports.toml" if reports else "server.toml")
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _start_programs(province: Province) -> None:
    for facility in province.facilities:
        directory = province.directory / facility.id
        directory.mkdir()
        config = _settings(province, facility, directory)
        first = True
        for part in PARTS:
            for number in (1, 2):
                name = f"{part}-{facility.id}-{number}"
                command = [sys.executable, "-m", "server", part, "--config", str(config)]
                child = processes.start(name, command, log=directory / f"{part}-{number}.log")
                province.children.append(child)
                if first:  # draws the signing key that the others read
                    processes.wait_for_line(child, "pointofcare-server", timeout_s=60.0)
                    first = False
    for child in province.children:
        processes.wait_for_line(child, "pointofcare-server", timeout_s=120.0)


def until(is_so: Callable[[], bool], what: str, timeout_s: float, *, fails: bool = True) -> bool:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            if fails:
                raise DeviceUnavailableError(f"{what} are not ready after {timeout_s:.0f} s", remedy="see the logs: --directory keeps them")
            return False
        time.sleep(0.1)
    return True
