"""A microcontroller without a cart: locks, battery and event mailbox behind a real serial line (a pseudo-terminal).

Ships for the demo, for training and for tests. It speaks the protocol from its own reading of it (headers and CBOR by hand),
so that a mistake in the bridge's classes shows. Its knobs make the bad days: lost and damaged answers, slow answers, refusals,
a stuck bolt, a reset, a pulled cable.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import select
import struct
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cbor2
from smp import packet
from smp.exceptions import SMPException

from devices.serial.pseudo import PseudoTerminal
from firmware_bridge.simulated_boot import Bootloader

_HEADER = struct.Struct("!BBHHBB")
_GROUP = 66
_OS_GROUP = 0
_IMAGE_GROUP = 1
_WRITE = 2
_MAILBOX = 64
_REMEMBERED_IDS = 64
_LONGEST_TTL_MS = 60_000
_EINVAL, _ENOTSUP = 3, 8


@dataclass(slots=True, kw_only=True)
class Knobs:
    """What goes wrong. Shares are of 1: `lose` answers that never leave, `damage` lines with a broken byte. `delay_s` before
    every answer. `refuse` and `stuck` name drawers. `noise` puts log text on the line before answers. `ill` names versions of firmware
    ("1.2.0.0") whose self-test fails, `mute` such that never answer; `cut_swap`: the power fails in the middle of the next swap, and
    somebody has to switch it on again. A reset comes `reset_after_s` after its answer, and takes `start_s`; `ignore_resets` of them
    are answered and not carried out."""

    lose: float = 0.0
    damage: float = 0.0
    delay_s: float = 0.0
    noise: bool = False
    refuse: set[int] = field(default_factory=set)
    stuck: set[int] = field(default_factory=set)
    ill: set[str] = field(default_factory=set)
    mute: set[str] = field(default_factory=set)
    cut_swap: bool = False
    ignore_resets: int = 0
    reset_after_s: float = 0.15
    start_s: float = 0.15


@dataclass(slots=True, kw_only=True)
class _Lock:
    free_until: float = 0.0
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A bolt that really moved."""

    drawer: int
    command_id: str
    at_mono_s: float


class SimulatedMicrocontroller:
    """`drain_percent_per_h` empties the battery while `on_mains` is False. With `hand`, a person opens every unlocked drawer
    after one second and closes it two seconds later."""

    def __init__(
        self,
        *,
        drawers: int = 8,
        link: Path | None = None,
        knobs: Knobs | None = None,
        seed: int = 0,
        charge_percent: float = 87.0,
        drain_percent_per_h: float = 9.0,
        hand: bool = False,
        bootloader: Bootloader | None = None,
        hardware: str = "simulated-r1",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.knobs = knobs or Knobs()
        self.on_mains = False
        self.bootloader = bootloader or Bootloader()
        self.resets = 0
        self._hardware = hardware
        self._reset_at: float | None = None
        self._dark_until: float | None = None
        self._random = random.Random(seed)
        self._clock = clock
        self._line = PseudoTerminal(link)
        self._locks = {number: _Lock() for number in range(1, drawers + 1)}
        self._answers: OrderedDict[str, int] = OrderedDict()  # in flash: a reset must not let a known command act again
        self._moved: list[Moved] = []
        self._signals: dict[str, tuple[float, int]] = {}
        self._charge = charge_percent
        self._drain = drain_percent_per_h
        self._charged_at = clock()
        self._hand = hand
        self._plans: list[tuple[float, int, bool]] = []
        self._guard = threading.RLock()
        self._stopping = threading.Event()
        self._plugged = threading.Event()
        self._thread: threading.Thread | None = None
        self._alive_until: float | None = None
        self._boot = ""
        self._started_at = 0.0
        self._events: deque[dict[str, Any]] = deque()
        self._number = 0
        self._lost = 0
        self.reset()

    @property
    def port(self) -> str:
        """What the bridge opens."""
        return self._line.port

    @property
    def moved(self) -> tuple[Moved, ...]:
        """Every bolt that moved, in order: the truth that no answer can hide."""
        with self._guard:
            return tuple(self._moved)

    def signalled(self, kind: str) -> tuple[float, int]:
        """Seconds that "lights" or "sound" goes on from now, and how often it was begun."""
        with self._guard:
            until, begun = self._signals.get(kind, (0.0, 0))
            return max(0.0, until - self._clock()), begun

    def start(self) -> None:
        self._line.plug()
        self._plugged.set()
        self._thread = threading.Thread(target=self._serve, name="simulated-microcontroller", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._plugged.set()
        if self._thread is not None:
            self._thread.join(5)
        self._line.unplug()

    def unplug(self) -> None:
        """The cable is pulled; the microcontroller itself runs on."""
        self._plugged.clear()
        with self._guard:
            self._line.unplug()

    def plug(self) -> None:
        with self._guard:
            self._line.plug()
        self._plugged.set()

    def reset(self) -> None:
        """As by its watchdog: everything locks, a new boot, an empty mailbox, its clock from zero. The bootloader swaps what waits."""
        with self._guard:
            self._reset_at = None
            if self.bootloader.boot(cut=self.knobs.cut_swap):
                self.knobs.cut_swap = False
                self._dark_until = math.inf
                return
            self._dark_until = self._clock() + self.knobs.start_s if self._boot else None
            for lock in self._locks.values():
                lock.free_until = 0.0
            self._boot = f"{self._random.getrandbits(64):016x}"
            self._started_at = self._clock()
            self._events.clear()
            self._number = self._lost = 0
            self._alive_until = None
            self._note("boot")

    def pull(self, drawer: int) -> bool:
        """Somebody pulls at a drawer: whether it opened."""
        with self._guard:
            lock = self._locks[drawer]
            if lock.free_until <= self._clock() or lock.open:
                return False
            lock.open = True
            self._note("drawer-opened", drawer)
            return True

    def key(self, drawer: int) -> None:
        """Somebody opens a drawer with the mechanical key: no bolt is asked, and the switch behind the drawer tells."""
        with self._guard:
            lock = self._locks[drawer]
            if not lock.open:
                lock.open = True
                self._note("drawer-opened", drawer)

    def push(self, drawer: int) -> None:
        """Somebody closes a drawer; it locks at once."""
        with self._guard:
            lock = self._locks[drawer]
            if lock.open:
                lock.open = False
                lock.free_until = 0.0
                self._note("drawer-closed", drawer)

    def is_free(self, drawer: int) -> bool:
        with self._guard:
            self._tick()
            return self._locks[drawer].free_until > self._clock()

    def power_on(self) -> None:
        """Somebody switches it off and on."""
        self.reset()

    def _note(self, kind: str, drawer: int | None = None) -> None:
        self._number += 1
        event: dict[str, Any] = {"s": self._number, "ms": self._up_ms(), "k": kind}
        if drawer is not None:
            event["d"] = drawer
        if len(self._events) >= _MAILBOX:
            self._events.popleft()
            self._lost += 1
        self._events.append(event)

    def _up_ms(self) -> int:
        return int((self._clock() - self._started_at) * 1000)

    def _tick(self) -> None:
        """What happens by itself: locks that run out, a bridge that fell silent, the hand, the battery."""
        now = self._clock()
        if self._reset_at is not None and now >= self._reset_at:
            self.reset()
        silent = self._alive_until is not None and now > self._alive_until
        if silent:
            self._alive_until = None
            self._note("bridge-silent")
        for number, lock in self._locks.items():
            if lock.free_until and (lock.free_until <= now or silent):
                lock.free_until = 0.0
                if not lock.open:
                    self._note("drawer-locked", number)
        for plan in [plan for plan in self._plans if plan[0] <= now]:
            self._plans.remove(plan)
            if plan[2]:
                self.pull(plan[1])
            else:
                self.push(plan[1])
        if not self.on_mains:
            self._charge = max(0.0, self._charge - (now - self._charged_at) / 3600 * self._drain)
        else:
            self._charge = min(100.0, self._charge + (now - self._charged_at) / 3600 * 40)
        self._charged_at = now

    def _serve(self) -> None:
        buffer = b""
        frame: Any = None
        while not self._stopping.is_set():
            if not self._plugged.wait(0.1):
                buffer, frame = b"", None
                continue
            with self._guard:
                self._tick()
                master = self._line.master
            if master is None:
                continue
            try:
                ready, _, _ = select.select([master], [], [], 0.05)
                buffer += os.read(master, 4096) if ready else b""
            except (OSError, ValueError):
                continue
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                frame = self._line_in(line + b"\n", frame)

    def _line_in(self, line: bytes, frame: Any) -> Any:
        """One line of the framing; the decoder that waits for more lines, or None."""
        if line.startswith(packet.START_DELIMITER):
            frame = packet.decode()
            next(frame)
        if frame is None:
            return None
        try:
            frame.send(line)
        except StopIteration as done:
            self._request_in(done.value)
            return None
        except (SMPException, ValueError, struct.error):
            return None
        return frame

    def _request_in(self, request: bytes) -> None:
        try:
            op_version, _flags, length, group, sequence, command = _HEADER.unpack(request[: _HEADER.size])
            body = cbor2.loads(request[_HEADER.size :]) if length else {}
        except (struct.error, cbor2.CBORError, EOFError):
            return
        with self._guard:
            self._tick()
            if self._dark_until is not None and self._clock() < self._dark_until:
                return
            if self.bootloader.version in self.knobs.mute:
                return
            writes = op_version & 0b111 == _WRITE
            asked = body if isinstance(body, dict) else {}
            answer = self.bootloader.answer(command, asked, writes=writes) if group == _IMAGE_GROUP else self.answer(group, command, asked)
        content = cbor2.dumps(answer, canonical=True)
        operation = (op_version & 0b111) | 1
        header = _HEADER.pack((op_version & 0b11000) | operation, 0, len(content), group, sequence, command)
        if self.knobs.delay_s and self._stopping.wait(self.knobs.delay_s):
            return
        if self._random.random() < self.knobs.lose:
            return
        self._out(header + content)

    def _out(self, answer: bytes) -> None:
        lines = b"I: lock task alive\n" if self.knobs.noise else b""
        for line in packet.encode(answer):
            if self._random.random() < self.knobs.damage:
                place = self._random.randrange(2, len(line) - 1)
                line = line[:place] + b"!" + line[place + 1 :]
            lines += line
        with self._guard, contextlib.suppress(OSError, ValueError):
            if self._line.master is not None:
                os.write(self._line.master, lines)

    def answer(self, group: int, command: int, body: dict[str, Any]) -> dict[str, Any]:
        """What it says to one request, without the line."""
        if group == _OS_GROUP and command == 5:
            return self._told_to_reset()
        if group == _OS_GROUP and command == 6:
            return {"buf_size": 1024, "buf_count": 2}
        if group == _OS_GROUP and command == 0:
            return {"r": body.get("d", "")}
        actions: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
            0: self._info,
            1: self._power,
            2: self._drawers,
            3: self._unlock,
            4: self._mailbox,
            5: self._leds,
            6: self._beep,
            8: self._heartbeat,
            9: self._selftest,
            10: self._lock,
        }
        if group != _GROUP or command not in actions:
            return {"rc": _ENOTSUP}
        try:
            return actions[command](body)
        except (KeyError, TypeError, ValueError):
            return {"rc": _EINVAL}

    def _told_to_reset(self) -> dict[str, Any]:
        """Answered first, done after: what is asked in between still speaks of the start before."""
        self.resets += 1
        if self.knobs.ignore_resets:
            self.knobs.ignore_resets -= 1
        elif self._reset_at is None:
            self._reset_at = self._clock() + self.knobs.reset_after_s
        return {}

    def _info(self, _body: dict[str, Any]) -> dict[str, Any]:
        version = self.bootloader.version.removesuffix(".0")
        return {"hw": self._hardware, "fw": version, "proto": 1, "boot": self._boot, "up_ms": self._up_ms(), "n": len(self._locks)}

    def _power(self, _body: dict[str, Any]) -> dict[str, Any]:
        charge = round(self._charge)
        return {
            "mv": 21_000 + charge * 45, "ma": 1800 if self.on_mains else -950, "soc": charge, "soh": 94, "cyc": 212, "dC": 281,
            "chg": self.on_mains and charge < 100, "ac": self.on_mains,
        }  # fmt: skip

    def _drawers(self, _body: dict[str, Any]) -> dict[str, Any]:
        now = self._clock()
        bits = {"open": 0, "free": 0, "stuck": 0}
        for number, lock in self._locks.items():
            bit = 1 << (number - 1)
            bits["open"] |= bit * lock.open
            bits["free"] |= bit * (lock.free_until > now)
            bits["stuck"] |= bit * (number in self.knobs.stuck)
        return {"n": len(self._locks), **bits}

    def _unlock(self, body: dict[str, Any]) -> dict[str, Any]:
        drawer, command_id, ttl_ms = int(body["d"]), str(body["id"]), int(body["ttl_ms"])
        if not command_id or len(command_id) > 64 or not 0 < ttl_ms <= _LONGEST_TTL_MS:
            raise ValueError
        now = self._clock()
        if command_id in self._answers:
            lock = self._locks.get(drawer)
            left_ms = max(0, int((lock.free_until - now) * 1000)) if lock else 0
            return {"st": self._answers[command_id], "again": True, "left_ms": left_ms}
        status = self._moves(drawer, command_id, now, ttl_ms)
        self._answers[command_id] = status
        while len(self._answers) > _REMEMBERED_IDS:
            self._answers.popitem(last=False)
        return {"st": status, "again": False, "left_ms": ttl_ms if status == 0 else 0}

    def _moves(self, drawer: int, command_id: str, now: float, ttl_ms: int) -> int:
        if drawer not in self._locks:
            return 3
        if drawer in self.knobs.refuse:
            self._note("unlock-refused", drawer)
            return 1
        if drawer in self.knobs.stuck:
            self._note("drawer-stuck", drawer)
            return 2
        self._locks[drawer].free_until = now + ttl_ms / 1000
        self._moved.append(Moved(drawer=drawer, command_id=command_id, at_mono_s=now))
        self._note("drawer-unlocked", drawer)
        if self._hand:
            self._plans += [(now + 1.0, drawer, True), (now + 3.0, drawer, False)]
        return 0

    def _mailbox(self, body: dict[str, Any]) -> dict[str, Any]:
        after = int(body["after"]) if body.get("boot") == self._boot else 0
        while self._events and self._events[0]["s"] <= after:
            self._events.popleft()
        waiting = list(self._events)
        return {"boot": self._boot, "up_ms": self._up_ms(), "ev": waiting[:4], "more": len(waiting) > 4, "lost": self._lost}

    def _heartbeat(self, body: dict[str, Any]) -> dict[str, Any]:
        self._alive_until = self._clock() + int(body["ttl_ms"]) / 1000
        return {"ok": True}

    def _selftest(self, _body: dict[str, Any]) -> dict[str, Any]:
        bad = [f"lock-{number}" for number in sorted(self.knobs.stuck)]
        bad += ["gauge"] if self.bootloader.version in self.knobs.ill else []
        return {"ok": not bad, "bad": bad}

    def _leds(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._signal("lights", body)

    def _beep(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._signal("sound", body)

    def _signal(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        lasts_ms = int(body["ms"])
        if not 0 <= lasts_ms <= _LONGEST_TTL_MS:
            raise ValueError
        begun = self._signals.get(kind, (0.0, 0))[1]
        self._signals[kind] = (self._clock() + lasts_ms / 1000, begun + 1)
        return {"ms": lasts_ms}

    def _lock(self, body: dict[str, Any]) -> dict[str, Any]:
        """The worst of what was asked for: not there, stuck, open, locked."""
        drawer = int(body["d"])
        if drawer and drawer not in self._locks:
            return {"st": 3, "open": 0}
        asked = [drawer] if drawer else list(self._locks)
        for number in asked:
            lock = self._locks[number]
            if lock.free_until:
                lock.free_until = 0.0
                if not lock.open:
                    self._note("drawer-locked", number)
        opened = sum(1 << (number - 1) for number in asked if self._locks[number].open)
        stuck = any(number in self.knobs.stuck for number in asked)
        return {"st": 2 if stuck else 4 if opened else 0, "open": opened}
