"""What a request costs the server in a small hospital and in a province: the same requests at several sizes, beside a bare Flask floor.

Run `make bench-scale` or `python -m benchmarks.scale [--people 50,10000] [--quick] [--no-instructions] [--write]`. Each size is filled into
a PostgreSQL of its own (`simulation/scale`), measured in its first facility, and dropped; the last one may lie in a database that was
filled before (`--database`), which is kept. SQL statements and processor time are of each
request; instructions are counted by callgrind in a process of its own, in user space and without PostgreSQL, whose processor time stands
beside them. Nothing here measures a network or a disk: the database is on a socket, and its fsync is off.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from benchmarks import measure
from benchmarks.record_dose import _counted, _floor, _record
from benchmarks.scale import report
from pointofcare.wire import codec
from pointofcare.wire.messages import AdministrationRecorded
from server.app import create_app
from server.store import bedside, folding, views_patients
from server.store.database import db
from server.store.transaction import reading
from server.usecases import tables
from simulation.scale import courses, fill
from simulation.scale.people import Facility, Person, Size, facilities, moment, person
from tests.support import databases, province, web
from tests.support.brokers import a_message

# People -> facilities: each size is a hospital or a province that could be.
SIZES: Mapping[int, int] = {50: 1, 10_000: 1, 100_000: 2, 1_378_023: 20}
PATIENTS, DOSES = 40, 40
FLOOR = "bare_insert"
_WARM = 8
_LONGEST_S = 3000
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_ZONE = "Asia/Ho_Chi_Minh"
# Where the numbers of what is done under callgrind begin: first what warms up, of the same patients, then what is counted.
_WARM_FROM, _COUNTED_FROM = 5000, 6000
_SEQUENCE = itertools.count(10**6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """`prepare` makes what `do` is called with, of a number that never comes twice; only `do` is measured."""

    prepare: Callable[[int], Any]
    do: Callable[[Any], object]


def run(
    people: Sequence[int],
    *,
    quick: bool = False,
    instructions: bool = True,
    until: datetime | None = None,
    database: str | None = None,
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """{"sizes": [{"people", "facilities", "filled_s", "database_mb", "works": {name: {...}}}], ...}, saved after each size unless only some
    works were wanted. `database` holds the last size already."""
    at = until or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    result: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": measure.machine(),
        "sizes": [],
    }
    for count in people:
        here = database if count == people[-1] else None
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as name, _filled(count, at, here, Path(name)) as (app, size):
            filled_s = None if here else round(time.monotonic() - started, 1)
            url = db.engine.url.render_as_string(hide_password=False)
            found = _measured(app, size, rounds=20 if quick else 80, only=only)
            row = {
                "people": count,
                "orders": sum(one.orders_made for one in facilities(size)),
                "facilities": size.facilities,
                "filled_s": filled_s,
                "works": found,
            }
            row["database_mb"] = _megabytes()
            if instructions:
                for work, number in _instructions(url, size, Path(name), rounds=3 if quick else 10, only=only).items():
                    found[work]["instructions"] = number
        result["sizes"].append(row)
        if not only:
            measure.save("scale", result)
    return result


@contextmanager
def _filled(people: int, until: datetime, database: str | None, directory: Path) -> Iterator[tuple[Flask, Size]]:
    known = fill.until_of(database) if database else None
    size = province.size(people, facilities=SIZES.get(people, max(1, people // 60_000)), until=known or until)
    if database is None:
        with province.filled(size, directory, progress=_say) as app:
            yield app, size
        return
    fill.fill(database, size, progress=_say)  # goes on where it was cut off; nothing where all of it is there
    url = "postgresql+psycopg://" + database.removeprefix("postgresql://")
    app = create_app(databases.config_for(url, directory, facility=province.FACILITY))
    app.config["TESTING"] = True
    with app.app_context():
        _drop_floor()
        yield app, size
        db.session.remove()
        db.engine.dispose()


def _drop_floor() -> None:
    with db.engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS floor"))


def works(app: Flask, size: Size, directory: Path) -> dict[str, Work]:
    """What is measured, by name. Needs an application context."""
    facility = facilities(size)[0]
    browser = web.signed_in(app, province.person_of_staff("charge"), factor=True)
    at, patients = size.until, min(PATIENTS, facility.people)
    found, here = person(facility, facility.people - 1), person(facility, 3)

    def a_patient(number: int) -> str:
        return person(facility, number % patients).id

    def page(address: str) -> Work:
        return Work(prepare=lambda number: address.format(patient=a_patient(number)), do=lambda address: _get(app, browser, address))

    return {
        FLOOR: Work(prepare=lambda number: _dose(facility, size, 10**6 + number, patients), do=_floor(directory)),
        "record_dose": Work(prepare=lambda number: _dose(facility, size, number, patients), do=_record),
        "record_next_dose": Work(prepare=lambda number: _next_dose(facility, size, number, patients), do=_record),
        "chart": Work(prepare=a_patient, do=lambda patient: _read(lambda tx: bedside.of_patient(tx, patient), at)),
        "medication_record": Work(
            prepare=a_patient, do=lambda patient: _read(lambda tx: views_patients.doses(tx, patient=patient, limit=DOSES), at)
        ),
        "ward_chart": Work(prepare=lambda _: "W01", do=lambda ward: _read(lambda tx: tables.chart(tx, ward, timezone=_ZONE), at)),
        "patient_page": page("/patients/{patient}"),
        "ward_board_page": page("/ward/?ward=W01"),
        "search_page_here": page(f"/patients/?q={_plain(here.name)}"),
        "search_page_all": page(f"/patients/?all=1&q={_plain(found.name)}+{found.mrn[-5:]}"),
        "sign_in": _signing_in(app),
    }


def _plain(name: str) -> str:
    return folding.folded(name).replace(" ", "+")


def _dose(facility: Facility, size: Size, number: int, patients: int) -> bytes:
    """The message of the next dose that is due to the next patient: after the last patient the next order, then the next day."""
    one, course = person(facility, number % patients), number // patients % len(courses.COURSES)
    day = size.until.date() + timedelta(days=1 + number // (patients * len(courses.COURSES)) % 1000)
    return _message(facility, one, course, moment(day, courses.COURSES[course][2][0]))


def _next_dose(facility: Facility, size: Size, number: int, patients: int) -> bytes:
    """The same of the evening that comes: of a patient who got doses in the three days before, which the second look looks through."""
    place = number % 1000 + {_WARM_FROM: 100, _COUNTED_FROM: 140}.get(number // 1000 * 1000, 0)
    one, course = person(facility, place % patients), place // patients % len(courses.COURSES)
    return _message(facility, one, course, moment(size.until.date() + timedelta(days=1), courses.COURSES[course][2][1]))


def _message(facility: Facility, one: Person, course: int, due: datetime) -> bytes:
    words = fill.texts_of(facility, one, course, due)
    body = AdministrationRecorded(record=courses.record(course, due, **words), seq=next(_SEQUENCE), epoch="bench")
    message = a_message(words["cart"], body)
    return codec.encode(replace(message, sid="s1"))


def _read(look: Callable[[Any], object], at: datetime) -> None:
    with reading(at=at) as tx:
        look(tx)


def _get(app: Flask, browser: FlaskClient, address: str) -> None:
    # A context of its own, as each request of a server has: nothing is remembered from the one before.
    with app.app_context():
        answer = browser.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}")


def _signing_in(app: Flask) -> Work:
    """The form's page is fetched before: it is not what is measured."""
    nurse = province.person_of_staff("nurse")
    web.give_password(app, nurse)

    def prepare(_: int) -> tuple[FlaskClient, str]:
        web.forget_failures(app)
        client = app.test_client()
        with app.app_context():
            return client, web.token_of(client.get("/sign-in").text)

    def once(ready: tuple[FlaskClient, str]) -> None:
        client, token = ready
        with app.app_context():
            answer = client.post("/sign-in", data={"csrf_token": token, "username": nurse.id, "password": web.PASSWORD})
        if answer.status_code != 302:
            raise RuntimeError(f"the sign-in answered {answer.status_code}")

    return Work(prepare=prepare, do=once)


def _measured(app: Flask, size: Size, *, rounds: int, only: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        every = _wanted(works(app, size, Path(folder)), only)
        with _counted() as statements:
            return {name: _one(work, rounds, statements) for name, work in every.items()}


def _wanted(every: dict[str, Work], only: Sequence[str]) -> dict[str, Work]:
    return {name: work for name, work in every.items() if not only or name in (FLOOR, *only)}


def _one(work: Work, rounds: int, statements: list[str]) -> dict[str, Any]:
    cpu: list[float] = []
    wall: list[float] = []
    sql: list[int] = []
    database = 0.0
    for number in range(_WARM + rounds):
        ready = work.prepare(number)
        if number == _WARM:
            # What PostgreSQL does of this is told in hundredths of a second, so it is counted over all rounds.
            database = _database_cpu_s()
        statements.clear()
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        work.do(ready)
        cpu.append((time.process_time() - cpu_s) * 1000)
        wall.append((time.perf_counter() - wall_s) * 1000)
        sql.append(len(statements))
    return {
        "rounds": rounds,
        # The floor's one INSERT goes by a connection of its own, and is not seen.
        "sql_max": max(1, *sql[_WARM:]),
        "cpu_ms": round(statistics.median(cpu[_WARM:]), 3),
        "wall_ms": round(statistics.median(wall[_WARM:]), 3),
        "database_cpu_ms": round((_database_cpu_s() - database) * 1000 / rounds, 2),
    }


def _database_cpu_s() -> float:
    """Of the processes that serve this database."""
    with db.engine.connect() as connection:
        pids = connection.execute(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")).scalars().all()
    ticks = 0
    for pid in pids:
        try:
            told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(told[11]) + int(told[12])
    return ticks / _TICKS_PER_S


def _megabytes() -> int:
    with db.engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()) >> 20


def _instructions(url: str, size: Size, folder: Path, *, rounds: int, only: Sequence[str] = ()) -> dict[str, int]:
    """Work -> instructions of one, counted in one process for all. Raises: RuntimeError without valgrind."""
    if shutil.which("valgrind") is None:
        raise RuntimeError("valgrind is not installed: apt-get install valgrind, or say --no-instructions")
    out = folder / "callgrind"
    tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", "--quiet"]
    told = json.dumps({"url": url, "rounds": rounds, "only": list(only), **size.document()})
    command = [*tool, sys.executable, "-m", "benchmarks.scale", "--count", told]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_LONGEST_S, check=True, env=environment)
    names = json.loads(done.stdout.splitlines()[-1])
    return {name: _total(Path(f"{out}.{place}")) // rounds for place, name in enumerate(names, start=1)}


def _total(path: Path) -> int:
    found = [int(line.split()[1]) for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if re.match("totals: ", line)]
    return max(found)


def _count(told: Mapping[str, Any]) -> None:
    """Under callgrind: each work in turn, with one file of counts after each."""
    named = {name: told[name] for name in ("people", "facilities", "orders", "days", "seed")}
    size = Size(**named, until=datetime.fromisoformat(str(told["until"])))
    rounds = int(told["rounds"])
    with tempfile.TemporaryDirectory() as name:
        app = create_app(databases.config_for(str(told["url"]), Path(name), facility=province.FACILITY))
        app.config["TESTING"] = True
        with app.app_context():
            _drop_floor()
            every = _wanted(works(app, size, Path(name)), told["only"])
            for work in every.values():
                for number in range(max(_WARM, rounds)):
                    work.do(work.prepare(_WARM_FROM + number))
                each = [work.prepare(_COUNTED_FROM + number) for number in range(rounds)]
                gc.collect()
                _tell("-i", "on")
                for ready in each:
                    work.do(ready)
                _tell("-i", "off")
                _tell("-d")
            db.session.remove()
            db.engine.dispose()
    print(json.dumps(list(every)))


def _tell(*words: str) -> None:
    subprocess.run(["callgrind_control", *words, str(os.getpid())], capture_output=True, check=True, timeout=120)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description="What a request costs in a small hospital and a province."
    )
    parser.add_argument("--people", default="50,10000,100000", help="sizes, with commas (the whole province: 1378023)")
    parser.add_argument("--only", default="", help="some works, with commas (record_dose,medication_record); nothing is kept of it")
    parser.add_argument("--database", help="postgresql://..., just filled with the last of --people; it keeps the doses given here")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; rough times, the same statements")
    parser.add_argument("--no-instructions", action="store_true", help="without callgrind, which is as slow as fifty of us")
    parser.add_argument("--write", action="store_true", help="put table and plot into docs/performance.md")
    parser.add_argument("--report", action="store_true", help="measure nothing: write table and plot of the last results")
    parser.add_argument("--count", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.count:
        _count(json.loads(chosen.count))
        return 0
    if chosen.report:
        result = json.loads((measure.RESULTS / "scale.json").read_text(encoding="utf-8"))
    else:
        result = run(
            [int(one) for one in chosen.people.split(",")],
            quick=chosen.quick,
            instructions=not chosen.no_instructions,
            database=chosen.database,
            only=[one for one in chosen.only.split(",") if one],
        )
    print(report.table(result))
    if chosen.write or chosen.report:
        print(f"written: {', '.join(str(path) for path in report.write(result))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
