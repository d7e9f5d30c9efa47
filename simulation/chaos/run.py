"""One chaos run from start to verdict: machines up, nurses at work, faults by their schedule, everything drained, the history compared.

The main thread starts and kills; it is the one that the programs' lives hang on. The verdict is the history checker's, a program of
its own that reads files only. A run that could not be finished is no good run.
"""

from __future__ import annotations

import contextlib
import json
import random
import resource
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil

from pointofcare.errors import PointOfCareError
from simulation import ward
from simulation.chaos import control, faults, machines, schedule, wards
from simulation.chaos.crash_points import POINTS
from simulation.chaos.desk import Desk, beds_of
from simulation.chaos.machines import Machines
from simulation.chaos.nurse import Diary, Nurse, Round, Tally
from simulation.chaos.recovery import Behind, CartShows, Watch, records_of
from simulation.chaos.schedule import Fault
from simulation.ward import Ward

Say = Callable[[str], None]
_STEP_S = 0.05
_LOOK_S = 0.5
_TOLD_EVERY_S = 15.0
_POINT_WAIT_S = 20.0
_RECOVERS_WITHIN_S = 240.0
# So long after a fault ended the next one may come, whether or not all is well again: troubles come in numbers.
_NEXT_AFTER_S = 4.0
_NO_DOSE_FOR_S = 180.0
_DRAIN_S = 240.0
_FINISH_S = 60.0
_SEED_ROUNDS = 1
# So often a crash point that nobody passed is armed again; then its program is simply killed.
_ARMED_AGAIN = 3
# What the history checker counts. A run with any of these is not good, and neither is one without a word about them.
_VERDICTS = ("lost", "doubled", "wrong_order", "stuck", "forged", "audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    doses: int
    faults: int
    carts: int
    seed: int
    broker: str = "nats"
    # Doses a second, of all nurses together.
    rate: float = 7.0


@dataclass(slots=True, kw_only=True, eq=False)
class _Open:
    """A fault that was begun. `ends_s` None: a crash point that waits to be passed, until `waits_until_s`."""

    fault: Fault
    at: datetime
    ends_s: float | None
    waits_until_s: float = 0.0
    ended_at: datetime | None = None
    ended_s: float = 0.0
    before: Behind | None = None
    # The newest dose of the cart when it answered first after the fault: what has to be at the server for the fault to be over.
    newest: str | None = None
    recovered_at: datetime | None = None
    recovery_s: float | None = None
    hit: bool = True


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What the run itself saw; what became of the doses the history checker says."""

    seconds: float = 0.0
    doses: int = 0
    opened: list[_Open] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    not_drained: list[str] = field(default_factory=list)
    trouble: dict[str, int] = field(default_factory=dict)
    imports: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict)


def whole(asked: Asked, directory: Path, *, say: Say, json_file: Path | None = None) -> bool:
    """Whether nothing was lost, doubled, out of order or stuck. The evidence stays in `directory`."""
    say(f"Seed {asked.seed}: {asked.doses} doses, {asked.faults} faults, {asked.carts} carts, broker {asked.broker}.")
    outcome = _Run(asked, directory, say).go()
    verdict = _history(directory, say)
    result = _result(asked, outcome, verdict, directory)
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    (directory / "result.json").write_text(text, encoding="utf-8")
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(text, encoding="utf-8")
    _tell(result, say)
    return bool(result["ok"])


class _Run:
    def __init__(self, asked: Asked, directory: Path, say: Say) -> None:
        self._asked, self._directory, self._say = asked, directory, say
        self._outcome = Outcome()
        self._names = tuple(f"cart-{number:02d}" for number in range(1, asked.carts + 1))
        self._stock = wards.products()
        self._tally = Tally()
        self._rounds = {name: Round(ward=name) for name in wards.wards(asked.carts)}
        points = {name: point.program for name, point in POINTS.items()}
        drawn = schedule.draw(asked.seed, doses=asked.doses, faults=asked.faults, carts=self._names, points=points)
        (directory / "schedule.json").write_text(json.dumps([asdict(fault) for fault in drawn], indent=1) + "\n", encoding="utf-8")
        self._coming = deque(drawn)
        self._waiting: list[Fault] = []
        self._open: list[_Open] = []
        self._recovering: list[_Open] = []
        self._armed_again: Counter[int] = Counter()

    def go(self) -> Outcome:
        rng = random.Random(f"chaos-{self._asked.seed}")
        people = wards.staff(self._asked.carts, rng)
        now = datetime.now(UTC)
        first = {
            name: wards.joined([wards.round_of(name, place, number, now, self._stock) for number in range(_SEED_ROUNDS)])
            for place, name in enumerate(self._rounds)
        }
        everything = wards.joined(list(first.values()))
        whole_ward = replace(everything, products=self._stock, staff=people)
        self._machines = machines.start(
            self._directory, carts=self._asked.carts, broker=self._asked.broker, first=whole_ward,
            people=people, say=self._say,
        )  # fmt: skip
        try:
            self._work(first, rng)
        finally:
            self._machines.stop()
        return self._outcome

    def _work(self, first: dict[str, Ward], rng: random.Random) -> None:
        made = self._machines
        for name, each in first.items():
            self._rounds[name].admit(beds_of(each, rng))
        diary = Diary(self._directory / "nurses.jsonl")
        database = self._directory / "server" / "server.sqlite"
        self._watch = Watch(made.kiosk_port, database)
        administrator = next(member for member in made.people if member.id == "S-admin1")
        desk = Desk(
            made.server_url,
            administrator,
            self._rounds,
            self._stock,
            self._directory / "import",
            lambda: records_of(database),
            self._tally.ended,
            _SEED_ROUNDS,
            rng,
        )
        nurses = [self._nurse(cart, number, diary) for number, cart in enumerate(self._names)]
        threads = [threading.Thread(target=nurse.run, name=nurse.cart, daemon=True) for nurse in nurses]
        for thread in threads:
            thread.start()
        desk.start()
        started_s = time.monotonic()
        self._say("the nurses are at work")
        self._faults_while_doses(nurses, started_s)
        self._drain(nurses)
        self._outcome.seconds = time.monotonic() - started_s
        self._outcome.cpu_s = _cpu_s(made)
        for nurse in nurses:
            nurse.given_up.set()
        for thread in threads:
            thread.join(20)
        desk.stop()
        diary.close()
        self._watch.close()
        self._outcome.doses = self._tally.doses
        self._outcome.imports = desk.imports
        for nurse in nurses:
            for what, count in nurse.trouble.items():
                self._outcome.trouble[what] = self._outcome.trouble.get(what, 0) + count
        self._outcome.unexpected += desk.problems

    def _nurse(self, cart: str, number: int, diary: Diary) -> Nurse:
        scanner = self._machines.scanner[cart].master
        assert scanner is not None
        return Nurse(
            cart=cart,
            person=self._machines.people[number],
            kiosk_port=self._machines.kiosk_port[cart],
            scanner=scanner,
            round_=self._rounds[self._machines.ward_of(cart)],
            stock={product.ingredients[0].name: product for product in self._stock},
            diary=diary,
            tally=self._tally,
            seed=self._asked.seed,
            today=datetime.now(ZoneInfo(ward.TIMEZONE)).date(),
            each_s=self._asked.carts / self._asked.rate,
        )

    # Faults.

    def _faults_while_doses(self, nurses: list[Nurse], started_s: float) -> None:
        looked_s = told_s = progressed_s = time.monotonic()
        doses = 0
        while True:
            now_s = time.monotonic()
            if self._tally.doses != doses:
                doses, progressed_s = self._tally.doses, now_s
            self._due()
            self._advance(now_s)
            if now_s - looked_s >= _LOOK_S:
                looked_s = now_s
                self._look(now_s)
                self._revive()
            if now_s - told_s >= _TOLD_EVERY_S:
                told_s = now_s
                begun = len(self._outcome.opened)
                rate = doses / max(0.001, now_s - started_s)
                self._say(f"{now_s - started_s:6.0f} s  {doses} doses ({rate:.1f}/s), {begun} faults, {len(self._recovering)} recovering")
            if doses >= self._asked.doses and not (self._coming or self._waiting or self._open):
                return
            if now_s - progressed_s > _NO_DOSE_FOR_S:
                doing = {nurse.cart: nurse.doing for nurse in nurses}
                self._outcome.not_drained.append(f"no dose for {_NO_DOSE_FOR_S:.0f} s: {doing}")
                return
            time.sleep(_STEP_S)

    def _due(self) -> None:
        while self._coming and self._coming[0].after <= self._tally.doses:
            self._waiting.append(self._coming.popleft())
        recent_s = time.monotonic() - _NEXT_AFTER_S
        busy = {faults.acts_on(each.fault) for each in (*self._open, *(late for late in self._recovering if late.ended_s > recent_s))}
        for fault in list(self._waiting):
            place = faults.acts_on(fault)
            if place in busy:
                continue
            busy.add(place)
            self._waiting.remove(fault)
            self._begin(fault)

    def _begin(self, fault: Fault) -> None:
        now_s = time.monotonic()
        opened = _Open(fault=fault, at=datetime.now(UTC), ends_s=now_s + fault.length_s)
        if fault.kind == "crash":
            opened.ends_s, opened.waits_until_s = None, now_s + _POINT_WAIT_S
        try:
            faults.begin(self._machines, fault)
        except PointOfCareError as exc:
            self._outcome.unexpected.append(f"fault {fault.number} could not begin: {exc}")
        self._open.append(opened)
        self._outcome.opened.append(opened)

    def _advance(self, now_s: float) -> None:
        for opened in list(self._open):
            if opened.ends_s is None:
                self._crash_waits(opened, now_s)
            elif now_s >= opened.ends_s:
                self._open.remove(opened)
                self._end(opened)

    def _machine(self, opened: _Open) -> machines.Machine:
        return self._machines.server if opened.fault.target == "server" else self._machines.cart[opened.fault.target]

    def _crash_waits(self, opened: _Open, now_s: float) -> None:
        machine = self._machine(opened)
        if not machine.runs:
            opened.hit = self._crashed(opened)
            opened.ends_s = now_s + opened.fault.length_s
        elif now_s >= opened.waits_until_s and control.disarm(machine.control):
            opened.hit = False
            self._open.remove(opened)
            opened.ended_at = opened.recovered_at = datetime.now(UTC)
            opened.recovery_s = 0.0
            self._write(opened)
            self._arm_again(opened.fault)

    def _arm_again(self, fault: Fault) -> None:
        """So that as many faults happen as were asked for, and each named point is hit as often as its count says."""
        self._armed_again[fault.number] += 1
        missed = self._armed_again[fault.number] > _ARMED_AGAIN
        self._waiting.append(replace(fault, kind=f"kill-{self._side(fault)}", point=None) if missed else fault)

    def _side(self, fault: Fault) -> str:
        return "server" if fault.target == "server" else "cart"

    def _crashed(self, opened: _Open) -> bool:
        """Whether the program told, right before it ended, that it ends there; it may have ended for another reason."""
        told = _lines(self._directory / control.CRASHES)
        return any(
            line["program"] == opened.fault.target
            and line["point"] == opened.fault.point
            and datetime.fromisoformat(line["at"]) >= opened.at
            for line in told
        )

    def _end(self, opened: _Open) -> None:
        try:
            if opened.fault.kind != "crash" or not self._machine(opened).runs:
                faults.end(self._machines, opened.fault)
        except PointOfCareError as exc:
            self._outcome.unexpected.append(f"fault {opened.fault.number} could not end: {exc}")
        opened.ended_at, opened.ended_s = datetime.now(UTC), time.monotonic()
        opened.before = self._watch.behind()
        self._recovering.append(opened)

    def _look(self, now_s: float) -> None:
        behind = self._watch.behind() if self._recovering else None
        shown = {target: self._watch.cart_shows(target) for target in {each.fault.target for each in self._recovering} & set(self._names)}
        for opened in list(self._recovering):
            target = opened.fault.target
            if target in self._names:
                well = self._caught_up(opened, shown[target])
            else:
                well = behind is not None and opened.before is not None and _went_on(target, opened.before, behind)
            if well or now_s - opened.ended_s > _RECOVERS_WITHIN_S:
                self._recovering.remove(opened)
                if well:
                    opened.recovered_at, opened.recovery_s = datetime.now(UTC), now_s - opened.ended_s
                self._write(opened)

    def _caught_up(self, opened: _Open, now: CartShows | None) -> bool:
        """The cart is online, and what it had recorded when it came back is at the server: its nurse goes on meanwhile."""
        if now is None:
            return False
        opened.newest = opened.newest or now.newest
        return now.well and (now.unsent == 0 or (opened.newest is not None and self._watch.at_server(opened.newest)))

    def _revive(self) -> None:
        """A program that ended by itself is started again, as a service manager does, and told of."""
        under = {opened.fault.target for opened in self._open}
        for machine in (self._machines.server, *self._machines.cart.values()):
            if not machine.runs and machine.name not in under:
                code = machine.child.process.returncode if machine.child is not None else None
                self._outcome.unexpected.append(f"{machine.name} ended by itself with {code}; see {machine.name}.{machine.starts:03d}.log")
                machine.start()

    def _write(self, opened: _Open) -> None:
        fault = opened.fault
        line = {
            "at": opened.at.isoformat(),
            "ended_at": opened.ended_at.isoformat() if opened.ended_at else None,
            "kind": fault.kind,
            "target": fault.target,
            "point": fault.point,
            "recovered_at": opened.recovered_at.isoformat() if opened.recovered_at else None,
            "number": fault.number,
            "hit": opened.hit,
        }
        with (self._directory / "faults.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    # The end.

    def _drain(self, nurses: list[Nurse]) -> None:
        self._say(f"{self._tally.doses} doses, {len(self._outcome.opened)} faults; the faults end, everything drains")
        self._tally.ended.set()
        for opened in list(self._open):
            self._open.remove(opened)
            if opened.fault.kind == "crash":
                opened.hit = not control.disarm(self._machine(opened).control) and self._crashed(opened)
            self._end(opened)
        for proxy in self._machines.proxies.values():
            proxy.heal()
        told_s = time.monotonic()
        deadline_s = told_s + _DRAIN_S
        left: list[str] = ["not looked yet"]
        while left and time.monotonic() < deadline_s:
            self._revive()
            self._look(time.monotonic())
            left = [f"{nurse.cart}: the nurse is {nurse.doing}" for nurse in nurses if not nurse.finished.is_set()]
            unsent = {cart: self._watch.cart_unsent(cart) for cart in self._names}
            left += [f"{cart}: {count} not at the server" for cart, count in unsent.items() if count]
            behind = self._watch.behind()
            if behind.outbox_pending:
                left.append(f"{behind.outbox_pending} not in the EMR")
            if behind.untold:
                left.append(f"{behind.untold} of which no cart was told")
            if self._recovering:
                left.append(f"{len(self._recovering)} faults not recovered from")
            if left:
                time.sleep(_LOOK_S)
                if time.monotonic() - told_s >= _TOLD_EVERY_S:
                    told_s = time.monotonic()
                    self._say(f"still: {'; '.join(left)}")
        for opened in self._recovering:
            self._write(opened)
        self._outcome.not_drained += left


def _cpu_s(running: Machines) -> dict[str, float]:
    """Processor time by part, of what runs at the end; what was killed before is only in "all"."""
    parts = {"server": [running.server.pid], "carts": [machine.pid for machine in running.cart.values()]}
    parts |= {"emr": [running.emr.pid], "broker": [running.broker.pid]}
    found: dict[str, float] = {}
    for name, pids in parts.items():
        with contextlib.suppress(psutil.Error):
            found[name] = round(sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids), 1)
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    found["nurses and proxies"] = round(own.ru_utime + own.ru_stime, 1)
    found["ended before"] = round(ended.ru_utime + ended.ru_stime, 1)
    return found


def _went_on(target: str, before: Behind, now: Behind) -> bool:
    if before.records < 0 or now.records < 0:
        return False
    if target == "emr":
        return now.outbox_pending == 0 or now.outbox_sent > before.outbox_sent
    return now.records > before.records


def _history(directory: Path, say: Say) -> dict[str, Any]:
    """The verdict of the history checker, which runs beside and reads files."""
    command = [sys.executable, "-m", "simulation.chaos.history", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    (directory / "history.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    for line in done.stdout.splitlines():
        say(f"  {line}")
    try:
        return dict(json.loads((directory / "history.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        say(f"the history checker gave no verdict (exit code {done.returncode}):\n{done.stderr[-3000:]}")
        return {}


def _result(asked: Asked, outcome: Outcome, verdict: dict[str, Any], directory: Path) -> dict[str, Any]:
    kinds = Counter(opened.fault.kind for opened in outcome.opened if opened.hit)
    points = Counter(line["point"] for line in _lines(directory / control.CRASHES))
    times = [opened.recovery_s for opened in outcome.opened if opened.recovery_s is not None]
    never = [opened.fault.number for opened in outcome.opened if opened.recovery_s is None]
    found = {name: verdict.get(name) for name in _VERDICTS}
    result: dict[str, Any] = {
        "seed": asked.seed,
        "doses": outcome.doses,
        "faults_total": kinds.total(),
        "faults": dict(sorted(kinds.items())),
        "crash_points": dict(sorted(points.items())),
        **found,
        "longest_recovery_s": round(max(times, default=0.0), 1),
        "never_recovered": never,
        "not_drained": outcome.not_drained,
        "unexpected": outcome.unexpected,
        "seconds": round(outcome.seconds, 1),
        "carts": asked.carts,
        "broker": asked.broker,
        "met": dict(sorted(outcome.trouble.items())),
        "imports": outcome.imports,
        "cpu_s": outcome.cpu_s,
    }
    seldom = {point: points[point] for point in schedule.NAMED if points[point] < schedule.hits_wanted(asked.faults)}
    result["too_seldom"] = seldom
    whole_run = outcome.doses >= asked.doses and kinds.total() >= asked.faults and not seldom
    result["ok"] = all(value == 0 for value in found.values()) and not never and not outcome.not_drained and whole_run
    return result


def _lines(path: Path) -> list[dict[str, Any]]:
    """Of a file with one JSON object a line; the last one may be half written."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
    return found


def _tell(result: dict[str, Any], say: Say) -> None:
    say(f"{result['doses']} doses and {result['faults_total']} faults in {result['seconds']:.0f} s, seed {result['seed']}")
    for name in ("faults", "crash_points"):
        say(f"{name.replace('_', ' ')}: " + ", ".join(f"{kind} {count}" for kind, count in result[name].items()))
    say("processor seconds: " + ", ".join(f"{what} {seconds}" for what, seconds in result["cpu_s"].items()))
    say("met by the nurses: " + ", ".join(f"{what} {count}" for what, count in result["met"].items()))
    for name in (*_VERDICTS, "longest_recovery_s", "never_recovered", "not_drained", "too_seldom", "unexpected"):
        say(f"{name.replace('_', ' '):20} {result[name]}")
    say("nothing was lost, doubled, out of order or stuck" if result["ok"] else "NOT GOOD")
