"""`make province`: a small province on one machine, engines and programs killed under load, and the proof that no dose got lost or doubled.

Ends what it started. Exit code 0: everything held; 1: something did not; 2: it could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from devices.brokers import nats_cluster
from devices.brokers.account import Account, AccountKind
from pointofcare.errors import DeviceUnavailableError, PointOfCareError
from simulation import processes
from simulation.fleet import costs, machine
from simulation.processes import Child
from simulation.province import engines as machines
from simulation.province import proof
from simulation.province.carts import Giver, Wards
from simulation.province.engines import Engines
from simulation.scale import fill
from simulation.scale.people import Facility, Size, facilities

CARTS_BACK_S, WRITES_AGAIN_S = 15.0, 30.0
_SETTLE_S, _LONGEST_S = 120.0, 90.0
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


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pointofcare-demo province", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--facilities", type=int, default=3, choices=range(1, 6), metavar="1-5")
    parser.add_argument("--carts", type=int, default=2, choices=range(1, 11), metavar="1-10", help="of each facility")
    parser.add_argument("--seconds", type=float, default=10.0, help="of quiet load before, between and after the faults")
    parser.add_argument("--every", type=float, default=0.5, help="each cart gives a dose so often, in seconds")
    parser.add_argument("--no-faults", action="store_true", help="kill nothing")
    parser.add_argument("--stay", action="store_true", help="then stay up until Ctrl-C")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--directory", type=Path, help="keep logs and databases there; it must not exist")
    chosen = parser.parse_args(arguments)
    lacking = machines.missing()
    if lacking:
        print(f"not installed: {lacking}\nrun: deploy/setup.sh province", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _end)
    console = Console()
    try:
        with opened(chosen.facilities, carts=chosen.carts, directory=chosen.directory, say=console.print) as province:
            result = played(province, seconds=chosen.seconds, every_s=chosen.every, faults=not chosen.no_faults, say=console.print)
            tell(console, result)
            if chosen.json is not None:
                chosen.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
            if chosen.stay:
                console.print(f"it stays up, in {province.directory}; Ctrl-C ends it")
                threading.Event().wait()
    except KeyboardInterrupt:
        return 130
    except PointOfCareError as exc:
        print(f"{exc}\n{exc.remedy}", file=sys.stderr)
        return 2
    return 0 if result["held"] else 1


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(143)


@contextmanager
def opened(count: int, *, carts: int, directory: Path | None = None, say: Callable[[str], None] = print) -> Iterator[Province]:
    """The whole province, its carts connected. Ends everything that it started. Raises: DeviceUnavailableError."""
    place = directory or Path(tempfile.mkdtemp(prefix="poc-province-", dir="/tmp"))
    place.mkdir(exist_ok=directory is None)
    place.chmod(0o755)  # the database's user looks into its own folder here
    size = Size(people=40 * count, facilities=count, orders=0, days=7, seed=1, until=_midnight())
    known = facilities(size)
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
        _until(lambda: province.wards.online == len(province.wards.givers), "the carts", 60.0)
        say(f"{province.wards.online} carts connected after {time.monotonic() - began:.1f} s")
        yield province
    finally:
        province.wards.stop()
        province.stopped = processes.stop(province.children)
        engines.stop()
        if directory is None:
            shutil.rmtree(place, ignore_errors=True)


def played(
    province: Province, *, seconds: float, every_s: float, faults: bool = True, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Load, a broker killed, load, the primary killed, load; then everything settles, and is compared."""
    halt = threading.Event()
    giving = threading.Thread(target=_give, args=(province.wards, every_s, halt), name="doses", daemon=True)
    giving.start()
    times: dict[str, float | None] = {}
    try:
        time.sleep(seconds)
        if faults:
            lost = province.engines.brokers[0]
            began = time.monotonic()
            lost.kill()
            say("killed: the broker n1")
            times["carts_back_s"] = _until_again(province, began)
            time.sleep(seconds)
            primary = province.engines.primary()
            began = time.monotonic()
            primary.kill()
            say(f"killed: {primary.name}, which led")
            times["writes_again_s"] = _until_again(province, began)
            time.sleep(seconds)
            holder = next(child for child in province.children if child.name.startswith("gateway") and _works(child))
            began = time.monotonic()
            os.killpg(holder.process.pid, signal.SIGKILL)
            say(f"killed: {holder.name}, which worked")
            times["gateway_taken_over_s"] = _until_again(province, began)
            time.sleep(seconds)
    finally:
        halt.set()
        giving.join(10.0)
    began = time.monotonic()
    _until(lambda: province.wards.unsettled == 0, "the journals of the carts", _SETTLE_S, fails=False)
    found = proof.compared(province.engines.direct("postgres"), province.wards, province.directory, wait_s=_SETTLE_S)
    pids = [child.process.pid for child in province.children if child.process.poll() is None]
    result: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "facilities": len(province.facilities),
        "carts": len(province.wards.givers),
        "programs": len(province.children),
        **times,
        "settled_after_s": round(time.monotonic() - began, 1),
        **found,
        "programs_rss_mb": round(sum(costs.of(pid).rss_mb for pid in pids)),
        "machine": machine.facts(),
    }
    kept = not found["lost"] and not found["doubled"] and not found["strange"]
    quick = not faults or (
        (times["carts_back_s"] or 999.0) <= CARTS_BACK_S
        and (times["writes_again_s"] or 999.0) <= WRITES_AGAIN_S
        and (times["gateway_taken_over_s"] or 999.0) <= CARTS_BACK_S
    )
    return result | {"kept": kept, "held": kept and quick}


def tell(console: Console, result: dict[str, Any]) -> None:
    table = Table(title="A province on one machine")
    table.add_column("what")
    table.add_column("asked")
    table.add_column("found", justify="right")
    for what, asked, key in (
        ("doses given", "", "given"),
        ("lost", "0", "lost"),
        ("doubled", "0", "doubled"),
        ("in the EMR's folders", "all", "in_emr"),
        ("a broker killed: every cart has receipts again, s", f"{CARTS_BACK_S:.0f}", "carts_back_s"),
        ("the primary killed: every hospital writes again, s", f"{WRITES_AGAIN_S:.0f}", "writes_again_s"),
        ("a working gateway killed: taken over, s", f"{CARTS_BACK_S:.0f}", "gateway_taken_over_s"),
        ("memory of the programs, MB", "", "programs_rss_mb"),
    ):
        if key in result:
            table.add_row(what, asked, str(result[key]))
    console.print(table)
    console.print("everything held" if result["held"] else "NOT everything held")


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


def _settings(province: Province, facility: Facility, directory: Path, *, owner: bool = False) -> Path:
    server = province.accounts[facility.id][0]
    engines = province.engines
    role = machines.OWNER if owner else machines.role_of(facility.id)
    url = "postgresql+psycopg:" + engines.direct(role).removeprefix("postgresql:") if owner else engines.url(role)
    lines = [
        f"database_url = {json.dumps(url)}",
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
    path = directory / ("owner.toml" if owner else "server.toml")
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


def _give(wards: Wards, every_s: float, halt: threading.Event) -> None:
    while not halt.wait(every_s):
        wards.give_one_each()


def _works(child: Child) -> bool:
    """By its own last word."""
    words = [line for line in child.log.read_text(encoding="utf-8").splitlines() if line.startswith("pointofcare-server gateway")]
    return child.process.poll() is None and bool(words) and words[-1].endswith("works")


def _until_again(province: Province, began: float) -> float | None:
    """How long until every cart has a receipt for a dose that it gave after this moment; None: not in time."""

    def back(giver: Giver) -> float | None:
        found = [dose.receipt_s for dose in list(giver.doses.values()) if dose.given_s >= began and dose.receipt_s is not None]
        return min(found) if found else None

    deadline = began + _LONGEST_S
    while time.monotonic() < deadline:
        found = [back(giver) for giver in province.wards.givers]
        if all(each is not None for each in found):
            return round(max(each for each in found if each is not None) - began, 1)
        time.sleep(0.1)
    return None


def _until(is_so: Callable[[], bool], what: str, timeout_s: float, *, fails: bool = True) -> bool:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            if fails:
                raise DeviceUnavailableError(f"{what} are not ready after {timeout_s:.0f} s", remedy="see the logs: --directory keeps them")
            return False
        time.sleep(0.1)
    return True


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
