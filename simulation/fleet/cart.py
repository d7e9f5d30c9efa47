"""One virtual cart on the wire: it lives its day (`story`), tells of it, and obeys what the server may ask of a cart.

Everything runs on the loop's thread. What a real cart must never do holds here too: no command that was retained, late, meant for
another session or seen before is carried out; no job and no configuration that the server's key did not sign.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from pointofcare.wire import routes
from simulation.fleet import commands, firmware, numbers, settings, story, voice
from simulation.fleet.firmware import Facts, Slot, Slots, Update
from simulation.fleet.line import Door, Line
from simulation.fleet.roster import Build
from simulation.fleet.scenario import Scenario
from simulation.fleet.story import Happening, Place, Trouble
from simulation.fleet.voice import Heard

RESEND_S = 10.0
_EVENTS_AT_ONCE = 50
_REMEMBERED = 200
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0
_STEADY_AFTER_S = 10.0
_REBOOT_S = 4.0
_MINUTES_AT_ONCE = 30
_CODES = (
    "battery-low", "battery-critical", "battery-worn", "dock-without-power", "clock-off", "camera-fault", "mcu-lost",
)  # fmt: skip
# Steps during which nothing else may move the cart's hardware.
_RESTLESS = frozenset({"test", "selftest", "confirm"})
Verify = Callable[[str, str], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What all carts of a fleet share. `speed`: how many story minutes pass in a real one; `pace`: how many times faster than usual an
    update goes; `verify` gives the signed words of a JWS of a type, None when its signature does not hold; `run` tells this run from
    others; `calm`: none goes out of reach by itself; `first` whether the broker may still hold alerts of an earlier run."""

    facility: str
    scenario: Scenario
    wards: tuple[str, ...]
    verify: Verify
    run: str
    telemetry_s: float = 60.0
    speed: float = 1.0
    pace: float = 1.0
    hour_offset: int = 7
    calm: bool = False
    first: bool = True


@dataclass(slots=True, kw_only=True)
class Count:
    """What all carts of a fleet did together."""

    connects: int = 0
    drops: int = 0
    failed: int = 0
    published: int = 0
    received: int = 0
    commands: int = 0
    refused: int = 0
    events: int = 0
    acknowledged: int = 0
    tables: int = 0
    jobs: dict[str, int] = field(default_factory=dict)
    why: dict[str, int] = field(default_factory=dict)


class VirtualCart:
    """`connect` opens a line to a door; `wall_s` is Unix time, `mono_s` never jumps."""

    def __init__(
        self,
        build: Build,
        play: Play,
        door: Door,
        count: Count,
        *,
        connect: Callable[[VirtualCart], Line],
        wall_s: Callable[[], float],
        started_mono_s: float,
        start_at_s: float = 0.0,
    ) -> None:
        self.build, self.door = build, door
        self._play, self._count, self._connect, self._wall_s = play, count, connect, wall_s
        self.topics = voice.topics(play.facility, build.id)
        self._dice = random.Random(f"wire-{build.seed}-{build.id}-{play.run}")
        self._started_mono_s = started_mono_s
        self.day = story.dawn(build, hour=self._hour(0))
        self.troubles: frozenset[Trouble] = frozenset()
        self.slots: Slots = (_first_image(build), None)
        self.update: Update | None = None
        self.line: Line | None = None
        self._retry_at_s = started_mono_s + start_at_s
        self._tries = 0
        self._ready_mono_s = 0.0
        self._silent_until_s = 0.0
        self._told_phase: tuple[str, str, str] | None = None
        self._told_alerts: dict[str, Any] = {}
        self._swept = not play.first
        self._next_telemetry_s = dict.fromkeys(numbers.KINDS, 0.0)
        self._events: dict[int, dict[str, object]] = {}
        self._seq = 0
        self._acknowledged = 0
        self._resend_at_s = 0.0
        self._answered: dict[str, tuple[str, dict[str, object]]] = {}
        self._owed: list[tuple[str, dict[str, object]]] = []
        self._extra_boots = 0
        self._tables: dict[str, int] = {}
        self._chart_at_s: float | None = None
        self._asked_clock_s: dict[str, float] = {}
        self._rtt_ms: float | None = None
        self._config = settings.factory()
        self._config_minute = 0
        self._epoch = f"sim-{build.seed}-{build.serial}"
        self._assigned: tuple[str, int] | None = None
        self.why = ""  # a reason of the test's own: then the cart is "degraded" because of it

    # The loop's looks.

    @property
    def online(self) -> bool:
        return self.line is not None and self.line.is_ready

    @property
    def sid(self) -> str:
        return self.line.sid if self.line is not None else ""

    @property
    def phase(self) -> tuple[str, str]:
        if self.update is not None and self.update.state == "in-progress" and self.update.step in _RESTLESS:
            return "updating", "firmware"
        if self.why:
            return "degraded", self.why
        if Trouble.MCU_SILENT in self.troubles:
            return "degraded", "mcu-lost"
        if Trouble.CAMERA_DARK in self.troubles:
            return "degraded", "camera-unavailable"
        return "ready", ""

    def look(self, mono_s: float) -> None:
        """About once a second."""
        elapsed_s = mono_s - self._started_mono_s
        self.troubles = self._play.scenario.troubles(self.build, ward=self.day.ward, elapsed_s=elapsed_s)
        self._live(elapsed_s, mono_s)
        self._work(elapsed_s, mono_s)
        reachable = self.day.alive and mono_s >= self._silent_until_s and Trouble.WIFI_DOWN not in self.troubles
        if self.line is not None and not reachable:
            self.line.close(politely=False)
        if self.line is None:
            if reachable and mono_s >= self._retry_at_s:
                self.line = self._connect(self)
            return
        self.line.look()
        if self.online:
            self._tell(mono_s)

    def ready(self, line: Line, mono_s: float) -> None:
        if line is not self.line:
            return
        self._count.connects += 1
        self._ready_mono_s = mono_s
        self._told_phase = None
        self._say("birth", "CartBirth", self._birth(), retain=True)
        self._tell_state()
        self._ask_tables()
        asked = voice.moment(self._at())
        self._asked_clock_s = {asked: mono_s}
        self._say("clock", "ClockAsked", {"asked_at": asked}, ttl_s=5.0)
        self._report_config()
        for code in _CODES if not self._swept else ():
            if code not in self._told_alerts:
                self._clear(code)
        self._swept = True
        for code, alert in list(self._told_alerts.items()):
            self._say(f"alert/{code}", "AlertRaised", alert, retain=True)
        for name, answer in self._owed:
            self._say(f"rsp/{name}", "CommandAnswered", answer)
        self._owed.clear()
        if self.update is not None:
            self._tell_job()
        self._resend_at_s = 0.0
        spread_s = min(self._play.telemetry_s, 60.0)
        for kind in numbers.KINDS:  # a fleet that comes back together must not speak together ever after
            self._next_telemetry_s[kind] = mono_s + self._dice.uniform(0.0, spread_s)

    def ended(self, line: Line, why: str, mono_s: float) -> None:
        if line is not self.line:
            return
        self.line = None
        self._count.published += line.published
        self._count.received += line.received
        if self._ready_mono_s:
            self._count.drops += 1
        else:
            self._count.failed += 1
            self._count.why[why] = self._count.why.get(why, 0) + 1
        steady = bool(self._ready_mono_s) and mono_s - self._ready_mono_s > _STEADY_AFTER_S
        self._tries = 0 if steady else self._tries + 1
        self._ready_mono_s = 0.0
        longest = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(self._tries, 10))
        self._retry_at_s = mono_s + self._dice.uniform(0.1, longest)

    def heard(self, topic: str, payload: bytes, retained: bool, mono_s: float) -> None:
        """A message of the server. One that is not understood is nobody's fault here, and is left."""
        found = voice.hear(payload)
        if found is None:
            return
        if topic == f"{self.topics.up}state" and found.body.get("phase") == "lost" and found.sid != self.sid:
            # The late will of an earlier connection of ours: say that we live.
            self._told_phase = None
            self._say("birth", "CartBirth", self._birth(), retain=True)
            self._tell_state()
            return
        if not topic.startswith(self.topics.down):
            return
        below = topic.removeprefix(self.topics.down)
        if below.startswith("cmd/"):
            self._commanded(below.removeprefix("cmd/"), found, retained, mono_s)
        elif below == "ack":
            self._acknowledge(found.body)
        elif below == "table":
            self._table(found.body)
        elif below == "clock":
            asked_s = self._asked_clock_s.pop(str(found.body.get("asked_at")), None)
            self._rtt_ms = None if asked_s is None else round((mono_s - asked_s) * 1000, 1)
        elif below == "config":
            self._configured(found.body)
        elif below == "job":
            self._job(found.body)

    def probe(self, why: str) -> None:
        """Changes the cart's state at once: "degraded" because of `why`, "" as it was. For measuring."""
        self.why = why
        if self.online:
            self._tell_state()

    # Living.

    def _live(self, elapsed_s: float, mono_s: float) -> None:
        due = int(elapsed_s * self._play.speed / 60)
        for _ in range(min(_MINUTES_AT_ONCE, due - self.day.minute)):
            before = self.day
            hour = self._hour(self.day.minute)
            self.day, happened = story.step(self.build, self.day, hour=hour, troubles=self.troubles, wards=self._play.wards)
            for one in happened:
                self._happened(one, mono_s)
            if before.place is not self.day.place:
                self._next_telemetry_s["power"] = 0.0
        self._tell_alerts()
        changed = settings.by_hand(self._config, self.build, self.day.minute - self._config_minute)
        if changed is not self._config:
            self._config = changed
            self._report_config()

    def _happened(self, one: Happening, mono_s: float) -> None:
        self._event(one.kind, {**one.details, **({"silent_s": one.silent_s} if one.silent_s else {})})
        if one.silent_s and not self._play.calm:
            self._silent_until_s = mono_s + one.silent_s / max(1.0, self._play.speed / 4)

    def _hour(self, minute: int) -> int:
        return int((self._wall_s() + minute * 60 * (1 - 1 / self._play.speed)) // 3600 + self._play.hour_offset) % 24

    def _event(self, kind: str, details: Mapping[str, object]) -> None:
        """Kept until the server says that it has it."""
        self._seq += 1
        self._count.events += 1
        self._events[self._seq] = {
            "seq": self._seq,
            "epoch": f"sim-{self._play.run}",
            "kind": kind,
            "at": voice.moment(self._at()),
            "boot_id": self._boot_id,
            "mono_ms": self._up_ms,
            "clock_error_ms": round(story.clock_offset_s(self.day, self.troubles) * 1000),
            "details": dict(details),
        }
        if self.online:
            self._send_event(self._seq)

    def _send_event(self, seq: int) -> None:
        self._say("ev", "FleetEvent", self._events[seq], message=f"{self._play.run}-{seq}")

    def _acknowledge(self, body: Mapping[str, Any]) -> None:
        upto = body.get("upto")
        if body.get("epoch") != f"sim-{self._play.run}" or not isinstance(upto, int):
            return
        for seq in [seq for seq in self._events if seq <= upto]:
            del self._events[seq]
            self._count.acknowledged += 1

    # Telling.

    def _tell(self, mono_s: float) -> None:
        self._tell_state()
        if self._events and mono_s >= self._resend_at_s:
            self._resend_at_s = mono_s + RESEND_S
            for seq in sorted(self._events)[:_EVENTS_AT_ONCE]:
                self._send_event(seq)
        for kind, due_s in self._next_telemetry_s.items():
            if mono_s >= due_s:
                self._next_telemetry_s[kind] = mono_s + (self._config.telemetry_s or self._play.telemetry_s)
                values = self._values(kind)
                if values is not None:
                    told = {"kind": kind, "at": voice.moment(self._at()), "values": values}
                    self._say(f"tele/{kind}", "Telemetry", told, qos=0, ttl_s=60.0)

    def _tell_state(self) -> None:
        now = (*self.phase, self.day.ward)
        if now != self._told_phase:
            if self._told_phase is not None and self._told_phase[2] != self.day.ward:
                self._ask_tables()
            self._told_phase = now
            self._say("state", "CartState", self._state(*self.phase), retain=True)

    def _tell_alerts(self) -> None:
        wanted = {alert.code: alert for alert in story.alerts(self.build, self.day, self.troubles)}
        for code in [code for code in self._told_alerts if code not in wanted]:
            del self._told_alerts[code]
            if self.online:
                self._clear(code)
        for code, alert in wanted.items():
            before = self._told_alerts.get(code)
            if before is None:
                self._told_alerts[code] = {
                    "code": code, "severity": alert.severity, "at": voice.moment(self._at()), "details": dict(alert.details),
                }  # fmt: skip
                if self.online:
                    self._say(f"alert/{code}", "AlertRaised", self._told_alerts[code], retain=True)

    def _clear(self, code: str) -> None:
        if self.line is not None:
            self.line.publish(f"{self.topics.up}alert/{code}", b"", retain=True)

    def will(self, sid: str) -> tuple[str, bytes]:
        return f"{self.topics.up}state", self._payload("CartState", self._state("lost", "connection-lost"), sid=sid)

    def _say(
        self,
        below: str,
        kind: str,
        body: Mapping[str, object],
        *,
        qos: int = 1,
        retain: bool = False,
        ttl_s: float | None = None,
        message: str = "",
    ) -> None:
        if self.line is not None:
            payload = self._payload(kind, body, sid=self.line.sid, ttl_s=ttl_s, message=message)
            self.line.publish(f"{self.topics.up}{below}", payload, qos=qos, retain=retain)

    def _payload(self, kind: str, body: Mapping[str, object], *, sid: str, ttl_s: float | None = None, message: str = "") -> bytes:
        return voice.say(kind, body, sender=self.build.id, sid=sid, at=self._at(), ttl_s=ttl_s, message=message)

    def _at(self) -> Any:
        return voice.wall(self._wall_s(), story.clock_offset_s(self.day, self.troubles))

    @property
    def _boot_id(self) -> str:
        return f"{self._play.run}-{self.day.boots + self._extra_boots}"

    @property
    def _up_ms(self) -> int:
        return self.day.up_min * 60_000

    def _state(self, phase: str, why: str) -> dict[str, object]:
        return {"phase": phase, "why": why, "ward": self.day.ward, "at": voice.moment(self._at())}

    def _birth(self) -> dict[str, object]:
        running = self.slots[0]
        return {
            "versions": {"app": self.build.app, "os": self.build.system, "mcu": running.version if running else ""},
            "hardware": self.build.hardware,
            "boot_id": self._boot_id,
            "epoch": self._epoch,
            "last_seq": 0,
            "ward": self.day.ward,
            "capabilities": ["simulated", "drawers", "camera"],
            "config_hash": self._config.hash,
        }

    def _values(self, kind: str) -> dict[str, object] | None:
        chart_s = None if self._chart_at_s is None else round(max(0.0, self._wall_s() - self._chart_at_s), 1)
        standing = numbers.Standing(
            slots=self.slots,
            boot_id=self._boot_id,
            events_waiting=len(self._events),
            rtt_ms=self._rtt_ms,
            chart_age_s=chart_s,
            tables=self._tables,
            epoch=self._epoch,
        )
        return numbers.of(kind, self.build, self.day, self.troubles, standing)

    # Obeying.

    def _table(self, body: Mapping[str, Any]) -> None:
        version = body.get("version")
        if isinstance(version, int):
            self._count.tables += 1
            self._tables[str(body.get("kind"))] = version
            if body.get("kind") == "patient-chart":
                self._chart_at_s = self._wall_s()

    def _ask_tables(self) -> None:
        self._say("tables", "TablesHeld", {"ward": self.day.ward, "held": []}, ttl_s=60.0)

    def _commanded(self, name: str, asked: Heard, retained: bool, mono_s: float) -> None:
        self._count.commands += 1
        before = self._answered.get(asked.id)
        if before is not None:
            self._say(f"rsp/{before[0]}", "CommandAnswered", before[1])  # the same answer; nothing is done again
            return
        found = commands.reply(
            name,
            asked,
            retained=retained,
            waited_s=0.0,  # it is dealt with as it comes
            sid=self.sid,
            updating=self.phase[0] == "updating",
            build=self.build,
            day=self.day,
            troubles=self.troubles,
            epoch=self._epoch,
        )
        self._count.refused += found.outcome == "refused"
        answer: dict[str, object] = {"command": asked.id, "name": name, "outcome": found.outcome, "values": dict(found.values)}
        if found.why:
            answer["why"] = found.why
        while len(self._answered) >= _REMEMBERED:
            self._answered.pop(next(iter(self._answered)))
        self._answered[asked.id] = (name, answer)
        self._say(f"rsp/{name}", "CommandAnswered", answer)
        match found.then:
            case "event":
                self._event("located", {})
            case "rebirth":
                self._say("birth", "CartBirth", self._birth(), retain=True)
                self._told_phase = None
                self._tell_state()
            case "tables":
                self._ask_tables()
            case "restart":
                # What it answers after it is back is part of the same command.
                done = {**answer, "outcome": "done"}
                self._answered[asked.id] = (name, done)
                self._owed.append((name, done))
                self._restart(mono_s, _REBOOT_S / self._play.pace)

    def _restart(self, mono_s: float, out_s: float) -> None:
        """Its answers leave first: paho writes at once outside of its own callbacks, and inside of one with the loop's next turn."""
        self._extra_boots += 1
        self._silent_until_s = mono_s + out_s + 0.2
        self._event("restarted", {"why": "command"})

    def _configured(self, body: Mapping[str, Any]) -> None:
        order = self._play.verify(str(body.get("signed")), "cart-config")
        if order is None or order.get("cart") != self.build.id or order.get("facility") != self._play.facility:
            return
        found = settings.taken(self._config, order)
        if found is not None:
            self._config, self._config_minute = found, self.day.minute
            self._report_config()

    def _report_config(self) -> None:
        self._say("config", "ConfigReported", self._config.told())

    # Firmware.

    def _job(self, body: Mapping[str, Any]) -> None:
        if body.get("signed") is None:
            if self.update is not None and self.update.state in ("queued", "waiting"):
                self.update, self._assigned = None, None
            return
        job = str(body.get("job"))
        words = self._play.verify(str(body["signed"]), "cart-job")
        try:
            expires_at = voice.time_of(words["expires_at"]) if words is not None else None
            if (
                words is None
                or expires_at is None
                or (words["facility"], words["cart"], words["job"]) != (self._play.facility, self.build.id, job)
            ):
                raise ValueError("not ours")
            order = firmware.order(words, expires_s=expires_at.timestamp())
        except (KeyError, TypeError, ValueError, AttributeError):
            if routes.is_level(job):
                self._say(f"job/{job}", "JobTold", self._told_job(job, 1, "rejected", "verify", "signature"))
            return
        if self._assigned == (order.job, order.attempt):
            self._tell_job()  # it came again: what became of it is said again
            return
        if self.update is not None and self.update.state == "in-progress":
            return  # the current one ends first; the server says the next one again
        self._assigned = (order.job, order.attempt)
        refused = firmware.refusal(order, hardware=self.build.hardware, slots=self.slots, now_s=self._wall_s())
        self.update = Update(order=order, state="rejected", step="verify", why=refused) if refused else Update(order=order)
        self._counted(self.update)
        self._tell_job()

    def _work(self, elapsed_s: float, mono_s: float) -> None:
        update = self.update
        if update is None or update.over or not self.day.alive or mono_s < self._silent_until_s:
            return
        facts = Facts(
            now_s=self._wall_s(),
            docked=self.day.docked,
            idle_min=self.day.idle_min,
            charge_percent=round(self.day.battery.charge * 100),
            busy=self.day.place is Place.ROUND,
        )
        fault = self._play.scenario.fault_of(self.build, ward=self.day.ward, version=update.order.version, elapsed_s=elapsed_s)
        turn = firmware.turn(update, self.slots, facts, fault=fault, pace=self._play.pace)
        self.update, before = turn.update, self.slots
        self.slots = turn.slots
        if turn.update.boots != update.boots:
            self._extra_boots += 1
        if before != self.slots:
            self._next_telemetry_s["mcu"] = 0.0
        if turn.out_s:
            self._extra_boots += 1
            self._silent_until_s = mono_s + turn.out_s
            self._event("restarted", {"why": "power-lost"})
        if _told(update) != _told(turn.update):
            self._counted(turn.update)
            self._tell_job()
            if turn.update.over:
                self._event("firmware-" + turn.update.state, {"version": turn.update.order.version})
                if self.online:
                    self._say("birth", "CartBirth", self._birth(), retain=True)

    def _counted(self, update: Update) -> None:
        if update.over:
            self._count.jobs[update.state] = self._count.jobs.get(update.state, 0) + 1

    def _tell_job(self) -> None:
        update = self.update
        if update is not None:
            told = self._told_job(update.order.job, update.order.attempt, update.state, update.step, update.why)
            if update.percent is not None:
                told["percent"] = update.percent
            self._say(f"job/{update.order.job}", "JobTold", told)

    def _told_job(self, job: str, attempt: int, state: str, step: str, why: str | None) -> dict[str, object]:
        told: dict[str, object] = {
            "job": job, "attempt": attempt, "state": state, "step": step, "at": voice.moment(self._at()), "details": {},
        }  # fmt: skip
        return {**told, "why": why} if why else told


def _first_image(build: Build) -> Slot:
    return Slot(version=build.firmware, hash=sha256(f"{build.hardware} {build.firmware}".encode()).hexdigest(), active=True, confirmed=True)


def _told(update: Update) -> tuple[object, ...]:
    return update.state, update.step, update.percent, update.why


def unsigned(_signed: str, _kind: str) -> Mapping[str, Any] | None:
    """A `verify` for a fleet that has no key of the server: nothing is believed."""
    return None
