"""A hospital under load, as its nurses would feel it: doses while a fleet grows, while a shift changes, and through a day at speed.

Run `make bench-load` or `python -m benchmarks.scale.load [--people 100000] [--database URL] [--only carts,shift,day] [--quick] [--write]`.
A made-up hospital in PostgreSQL, the real server as a process of its own with its web pages and gateway, a real Mosquitto, and simulated
carts over MQTT. Every dose is timed twice: until its receipt (it is committed), and until another cart of the ward holds a signed chart
that was made after that. All of it shares one machine, so that what the carts cost is in the times.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import multiprocessing as mp
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from flask import Flask
from flask_security.utils import hash_password

from benchmarks import measure
from benchmarks.scale import load_report
from benchmarks.scale.carts import Carts, Told
from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import PointOfCareError
from pointofcare.people import StaffRole
from server.app import CONFIG, counting_rules, create_app
from server.security import sealing, signing
from server.store.database import db
from server.store.staff import StaffMember
from server.store.transaction import Actor, transaction
from server.usecases import quality_days, staff
from simulation import processes
from simulation.fleet import costs
from simulation.fleet.reader import Reader, token_of
from simulation.scale import courses, fill
from simulation.scale.people import Facility, Size, facilities, moment, person
from tests.support import databases, province
from tests.support.brokers import SERVER, running_broker

FLEETS = (50, 100, 250, 500)
DOSES_A_MINUTE = 180
SIGN_INS = 60
# Each at a server of its own, which takes 120 tries of one address in five minutes. One alone has so few doses that its p99 is its worst.
CHANGES = 3
# So many browsers sign in at once.
DESKS = 6
# What a shift change is measured beside: the doses of the whole province.
SHIFT_HZ = 3.0
# How busy each hour of the day is, to each other. Rounds are in the morning, at noon and in the evening.
DAY = (1, 1, 1, 1, 2, 4, 9, 10, 12, 8, 6, 5, 6, 5, 4, 4, 5, 7, 9, 9, 8, 5, 3, 2)
SPEED = 5.0
PASSWORD = "correct horse battery"
_READY_S, _CALM_S, _LONGEST_S = 60.0, 120.0, 60.0
_PARTS = ("carts", "shift", "day")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What runs: the server's process, its address, and carts that are connected."""

    facility: Facility
    size: Size
    carts: Carts
    server: processes.Child
    address: str
    numbers: Iterator[int]

    def cpu_s(self) -> float:
        return sum(each.cpu_s for each in self._processes())

    def rss_mb(self) -> float:
        return round(sum(each.rss_mb for each in self._processes()), 1)

    def _processes(self) -> list[costs.Costs]:
        """Doses, and pages where they are apart."""
        whole = psutil.Process(self.server.process.pid)
        return [costs.of(each.pid) for each in (whole, *whole.children(recursive=True))]


def run(
    people: int, *, url: str | None = None, facilities_: int = 1, only: Sequence[str] = _PARTS, quick: bool = False, apart: bool = True
) -> dict[str, Any]:
    """{"carts": [...], "shift": {...}, "day": {...}}, saved."""
    result: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "people": people,
        "quick": quick,
        "apart": apart,
        "machine": measure.machine(),
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, _hospital(people, facilities_, url, Path(name)) as (size, base):
        numbers = itertools.count()
        if "carts" in only:
            result["carts"] = []
            for count in (FLEETS[0], FLEETS[-1]) if quick else FLEETS:
                with _stage(size, base, Path(name) / f"fleet-{count}", count, numbers, apart=apart) as stage:
                    result["carts"].append(_fleet(stage, count, seconds=20.0 if quick else 60.0))
        if "shift" in only:
            changes = []
            for number in range(1 if quick else CHANGES):
                with _stage(size, base, Path(name) / f"shift-{number}", FLEETS[0], numbers, apart=apart) as stage:
                    changes.append(_change(stage, seconds=15.0 if quick else 45.0))
            result["shift"] = _shift(changes)
        if "day" in only:
            with _stage(size, base, Path(name) / "day", FLEETS[0], numbers, apart=apart) as stage:
                result["day"] = _day(stage, sampled_s=10.0 if quick else 60.0)
    measure.save("load", result)
    return result


@contextmanager
def _hospital(people: int, facilities_: int, url: str | None, folder: Path) -> Iterator[tuple[Size, str]]:
    """A filled database with people who can sign in: one of its own, or the one at `url` that was filled before."""
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    if url is None:
        size = province.size(people, facilities=facilities_, until=until)
        with province.filled(size, folder, progress=_say) as app:
            _people(app)
            _settled(app)
            yield size, db.engine.url.render_as_string(hide_password=False)
        return
    known = fill.until_of(url)
    if known is None:
        raise PointOfCareError("this database was not filled by the simulation", remedy="python -m simulation scale --database URL")
    size = province.size(people, facilities=facilities_, until=known)
    app = create_app(databases.config_for("postgresql+psycopg://" + url.removeprefix("postgresql://"), folder, facility=province.FACILITY))
    with app.app_context():
        _people(app)
        db.engine.dispose()
    yield size, "postgresql+psycopg://" + url.removeprefix("postgresql://")


def _settled(app: Flask) -> None:
    """As a database that has been there for years: or what the first minutes of one that was filled at once cost would be measured."""
    quality_days.catch_up(counting_rules(app.config[CONFIG]))
    sealing.Sealer(signing.load_or_generate(app.config[CONFIG].signing_key), scope=contextlib.nullcontext).drain()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)")
        connection.exec_driver_sql("CHECKPOINT")


def _people(app: Flask) -> None:
    """A shift of nurses, each with a password. One hash for all of them: what is measured is looking at it."""
    with app.app_context(), transaction(Actor(id="import")) as tx:
        hashed = hash_password(PASSWORD)
        for number in range(SIGN_INS):
            name = _nurse(number)
            staff.receive(
                tx,
                StaffMember(
                    id=name,
                    name=name,
                    username=name,
                    email=f"{name}@scale.test",
                    roles=(StaffRole.NURSE,),
                    password_hash=hashed,
                    licensed=True,
                ),
            )


def _nurse(number: int) -> str:
    return f"shift-{number:02}"


@contextmanager
def _stage(size: Size, url: str, folder: Path, count: int, numbers: Iterator[int], *, apart: bool) -> Iterator[Stage]:
    """Two carts for each ward; the others stand in wards without patients and cost telemetry alone."""
    folder.mkdir(parents=True)
    facility = facilities(size)[0]
    working = {f"cart-{ward}-{number}": ward for ward in facility.wards for number in range(1, 1 + fill.CARTS_PER_WARD)}
    wards = dict(itertools.islice({**working, **{f"cart-R-{number}": f"R{number % 20:02}" for number in range(count)}}.items(), count))
    if len(wards) < len(working):
        raise PointOfCareError(f"{count} carts are too few for {len(facility.wards)} wards", remedy="take fewer people or more carts")
    with running_broker("mosquitto", tuple(wards), facility=facility.id) as (broker, passwords):
        port = _free_port()
        config = folder / "server.toml"
        config.write_text(_settings(url, facility.id, port, broker.port, passwords[SERVER]), encoding="utf-8")
        command = [sys.executable, "-m", "server", "run", "--config", str(config), *(["--pages-apart"] if apart else [])]
        child = processes.start("server", command, log=folder / "server.log")
        try:
            processes.wait_for_line(child, "pointofcare-server ready", timeout_s=_READY_S)
            carts = Carts(broker.host, broker.port, passwords, facility=facility.id, wards=wards)
            try:
                carts.connect()
                if not carts.run(_READY_S, until=lambda: carts.online == count):
                    raise PointOfCareError(f"{carts.online} of {count} carts came online", remedy=f"see {child.log}")
                stage = Stage(facility=facility, size=size, carts=carts, server=child, address=f"http://127.0.0.1:{port}", numbers=numbers)
                _settle(stage)
                _doses(stage, seconds=3.0, hz=DOSES_A_MINUTE / 60)
                yield stage
            finally:
                carts.close()
        finally:
            processes.stop([child])


def _settings(url: str, facility: str, port: int, broker: int, password: str) -> str:
    lines = [
        f"database_url = {json.dumps(url)}",
        f"facility = {json.dumps(facility)}",
        f"secret_key = {json.dumps('k' * 40)}",
        f"password_salt = {json.dumps('s' * 40)}",
        'timezone = "Asia/Ho_Chi_Minh"',
        "[http]",
        f"port = {port}",
        "[mqtt]",
        'host = "127.0.0.1"',
        f"port = {broker}",
        f"username = {json.dumps(SERVER)}",
        f"password = {json.dumps(password)}",
        "[emr]",
        'target = "folder"',
        'folder = "emr-out"',
    ]
    return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _settle(stage: Stage) -> None:
    """Until the server has dealt with what the carts asked for when they came: a second in which it sends nothing."""
    ends_s = time.monotonic() + _CALM_S
    while time.monotonic() < ends_s:
        before = stage.carts.received
        stage.carts.run(1.5)
        if stage.carts.received == before:
            return


def _record(stage: Stage) -> AdministrationRecord:
    """The next dose that is due to the next patient. They lie far ahead, on days of their own, so that none is given twice."""
    number, beds = next(stage.numbers), stage.facility.beds
    one, course = person(stage.facility, number % beds), number // beds % len(courses.COURSES)
    day = stage.size.until.date() + timedelta(days=_FIRST_DAY + number // (beds * len(courses.COURSES)))
    due = moment(day, courses.COURSES[course][2][0])
    return replace(courses.record(course, due, **fill.texts_of(stage.facility, one, course, due)), record_id=str(uuid4()))


# A database that is kept is measured more than once.
_FIRST_DAY = 20 + int(time.time() // 60) % 600


def _doses(stage: Stage, *, seconds: float, hz: float, until: Callable[[], bool] | None = None) -> list[Told]:
    """Doses at this pace for so long, and longer until `until`, where it is given; each with its receipt."""
    given: list[Told] = []
    every_s, began_s = 1 / hz, time.monotonic()
    is_over = False

    def give() -> None:
        if is_over:
            return
        # By the clock, not after the one before: a server that is slow gets no fewer.
        stage.carts.at(max(0.0, began_s + every_s * (len(given) + 1) - time.monotonic()), give)
        record = _record(stage)
        stage.carts.give(record)
        given.append(stage.carts.doses[record.record_id])

    stage.carts.at(0.0, give)
    stage.carts.run(seconds)
    if until is not None:
        stage.carts.run(_LONGEST_S * 4, until=until)
    is_over = True
    if not stage.carts.run(_LONGEST_S, until=lambda: all(told.receipt_s is not None for told in given)):
        raise PointOfCareError(f"{stage.carts.open} doses have no receipt after {_LONGEST_S:.0f} s", remedy=f"see {stage.server.log}")
    stage.carts.run(_LONGEST_S, until=lambda: not stage.carts.uncharted)
    return given


def _of(given: Sequence[Told]) -> dict[str, Any]:
    """In ms."""
    receipts = [1000 * told.receipt_s for told in given if told.receipt_s is not None]
    charts = [1000 * told.chart_s for told in given if told.chart_s is not None]
    found: dict[str, Any] = {"doses": len(given), "charted": len(charts)}
    for name, values in (("receipt", receipts), ("chart", charts)):
        for share in (0.5, 0.95, 0.99):
            quantile = costs.quantile(values, share)
            found[f"{name}_p{share * 100:.0f}_ms"] = None if quantile is None else round(quantile, 1)
    return found


def _fleet(stage: Stage, count: int, *, seconds: float) -> dict[str, Any]:
    """Doses of a whole province's pace beside the telemetry of this many carts."""
    received, cpu_s, began_s = stage.carts.received, stage.cpu_s(), time.monotonic()
    given = _doses(stage, seconds=seconds, hz=DOSES_A_MINUTE / 60)
    took_s = time.monotonic() - began_s
    found = {
        "carts": count,
        "doses_a_minute": DOSES_A_MINUTE,
        **_of(given),
        "server_cpu_s_a_minute": round((stage.cpu_s() - cpu_s) / took_s * 60, 2),
        "server_rss_mb": stage.rss_mb(),
        "messages_down": stage.carts.received - received,
    }
    _say(json.dumps(found))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The doses before and during a shift change, and how long each of those who came took to sign in."""

    idle: Sequence[Told]
    busy: Sequence[Told]
    each_s: Sequence[float]
    all_s: float


def _change(stage: Stage, *, seconds: float) -> Change:
    """Idle for so many, then a shift that signs in and opens its ward's board while doses go on. The server has shown its pages before, as
    one that runs for days."""
    _one_sign_in(stage.address, _nurse(0), stage.facility.wards[0])
    idle = _doses(stage, seconds=seconds, hz=SHIFT_HZ)
    context = mp.get_context("spawn")
    told: Any = context.Queue()
    over = context.Event()
    names = [_nurse(number) for number in range(SIGN_INS)]
    browsers = context.Process(target=_sign_in, args=(stage.address, names, stage.facility.wards[0], over, told))
    browsers.start()
    try:
        busy = _doses(stage, seconds=1.0, hz=SHIFT_HZ, until=over.is_set)
        took = told.get(timeout=_LONGEST_S)
    finally:
        browsers.join(_LONGEST_S)
        if browsers.is_alive():
            browsers.terminate()
    if isinstance(took, str):
        raise PointOfCareError(f"the shift could not sign in: {took}", remedy=f"see {stage.server.log}")
    _say(json.dumps({"idle": _of(idle), "busy": _of(busy), "all_s": round(took["all_s"], 1)}))
    return Change(idle=idle, busy=busy, each_s=took["each_s"], all_s=took["all_s"])


def _shift(changes: Sequence[Change]) -> dict[str, Any]:
    """All of them together, beside all that was idle."""
    idle, busy = (_of([dose for each in parts for dose in each]) for parts in zip(*((one.idle, one.busy) for one in changes), strict=True))
    each_s = [one for change in changes for one in change.each_s]
    found = {
        "idle": idle,
        "busy": {**busy, "sign_in_s": measure.spread(each_s), "all_s": round(max(change.all_s for change in changes), 1)},
        "changes": len(changes),
        "worst_receipt_p99_ms": max(_of(change.busy)["receipt_p99_ms"] for change in changes),
        "sign_ins": SIGN_INS,
        "desks": DESKS,
        "times_idle": round(busy["receipt_p99_ms"] / idle["receipt_p99_ms"], 2),
    }
    _say(json.dumps(found))
    return found


def _one_sign_in(address: str, name: str, ward: str) -> float:
    """How long it took, in seconds."""
    began_s = time.monotonic()
    reader = Reader(address)
    _, page = reader.post("/sign-in", {"username": name, "password": PASSWORD}, token=token_of(reader.get("/sign-in")))
    if 'name="password"' in page:
        raise PointOfCareError(f"{name} was not let in", remedy="see the server's log")
    reader.get(f"/ward/?ward={ward}")
    return time.monotonic() - began_s


def _sign_in(address: str, names: Sequence[str], ward: str, over: Any, told: Any) -> None:
    """The process of the browsers."""

    began_s = time.monotonic()
    try:
        with ThreadPoolExecutor(DESKS) as desks:
            each = list(desks.map(lambda name: _one_sign_in(address, name, ward), names))
        told.put({"each_s": each, "all_s": time.monotonic() - began_s})
    except Exception as exc:  # noqa: BLE001 - the other process says it
        told.put(f"{type(exc).__name__}: {exc}")
    finally:
        over.set()


def _day(stage: Stage, *, sampled_s: float) -> dict[str, Any]:
    """So many seconds of each hour, at `SPEED`: an hour after the other without a pause, as busy as the hour is."""
    mean = sum(DAY) / len(DAY)
    hours = []
    cpu_s, began_s = stage.cpu_s(), time.monotonic()
    for hour, weight in enumerate(DAY):
        a_minute = DOSES_A_MINUTE * weight / mean
        given = _doses(stage, seconds=sampled_s / SPEED, hz=a_minute / 60 * SPEED)
        hours.append({"hour": hour, "doses_a_minute": round(a_minute), **_of(given)})
    took_s = time.monotonic() - began_s
    done = list(stage.carts.doses.values())[-sum(hour["doses"] for hour in hours) :]
    found = {
        "speed": SPEED,
        "sampled_s_an_hour": sampled_s,
        "doses_a_minute_mean": DOSES_A_MINUTE,
        **_of(done),
        "took_s": round(took_s, 1),
        "server_cpu_ms_a_dose": round((stage.cpu_s() - cpu_s) * 1000 / len(done), 2),
        "hours": hours,
    }
    _say(json.dumps({name: value for name, value in found.items() if name != "hours"}))
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.load", description="Doses while a hospital is busy.")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--facilities", type=int, default=1, help="of the database; the first one is measured")
    parser.add_argument("--database", help="postgresql://..., filled before with as many people; it is added to")
    parser.add_argument("--only", default=",".join(_PARTS), help="with commas")
    parser.add_argument("--one-process", action="store_true", help="pages and doses in one process; the package's unit runs them apart")
    parser.add_argument("--quick", action="store_true", help="shorter; rough")
    parser.add_argument("--write", action="store_true", help="put tables and plots into docs/performance.md")
    parser.add_argument("--report", action="store_true", help="measure nothing: tables and plots of the last results")
    chosen = parser.parse_args(arguments)
    if chosen.report:
        result: Mapping[str, Any] = json.loads((measure.RESULTS / "load.json").read_text(encoding="utf-8"))
    else:
        result = run(
            chosen.people,
            url=chosen.database,
            facilities_=chosen.facilities,
            only=chosen.only.split(","),
            quick=chosen.quick,
            apart=not chosen.one_process,
        )
    print(load_report.text(result))
    if chosen.write or chosen.report:
        print(f"written: {', '.join(str(path) for path in load_report.write(result))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
