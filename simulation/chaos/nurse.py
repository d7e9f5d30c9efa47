"""A virtual nurse at one cart of a chaos run: pulls the scanner's trigger, presses the kiosk's buttons, reads the screen, writes her diary.

She goes by what the screen shows, so that she can go on wherever a killed cart comes back. Her diary (`nurses.jsonl`) is the truth
that the history is compared with: what she did, and what the screen said of it. She never gives what the screen stops.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import Product
from simulation.chaos import wards
from simulation.chaos.kiosk import Kiosk, KioskGoneError, Screen
from simulation.ward import StaffMember

_LOOK_S = 0.04
_LEASE_WAIT_S = 5.0
_LEFT_AFTER_STOPS = 12
_REFUSED_OF = 40  # one dose of so many is refused by the patient


class Diary:
    """`nurses.jsonl`: one line an act, on disk before the nurse goes on. Safe from several threads."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, **line: object) -> None:
        text = json.dumps({"at": datetime.now(UTC).isoformat(), **line}, ensure_ascii=False) + "\n"
        with self._lock:
            self._file.write(text)
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        with self._lock:
            self._file.close()


@dataclass(slots=True, eq=False)
class Bed:
    """A patient with the doses that are still to be given: `todo` in order. `stops` counts how often the first was stopped."""

    patient: Patient
    todo: deque[Order]
    stops: int = 0


@dataclass(slots=True, eq=False)
class Round:
    """The patients of one ward. Two nurses take from `waiting`; `done` are seen to and may go home."""

    ward: str
    waiting: deque[Bed] = field(default_factory=deque)
    done: list[Patient] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> Bed | None:
        with self.lock:
            return self.waiting.popleft() if self.waiting else None

    def give_back(self, bed: Bed) -> None:
        with self.lock:
            self.waiting.appendleft(bed)

    def finish(self, bed: Bed) -> None:
        with self.lock:
            self.done.append(bed.patient)

    def admit(self, beds: list[Bed]) -> None:
        with self.lock:
            self.waiting.extend(beds)

    def going_home(self, ready: Callable[[Patient], bool]) -> list[Patient]:
        """Those who are done and `ready`: their records are where they belong, so that nobody is sent home before the dose arrives."""
        with self.lock:
            home = [patient for patient in self.done if ready(patient)]
            self.done = [patient for patient in self.done if patient not in home]
            return home


class Tally:
    """How many doses were recorded, over all nurses; `ended` ends their work."""

    def __init__(self) -> None:
        self.doses = 0
        self.lock = threading.Lock()
        self.ended = threading.Event()

    def add(self) -> None:
        with self.lock:
            self.doses += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    """A record of which it is not known yet what became of it."""

    order: Order
    due_at: str | None
    act: str
    action: str


class Nurse:
    """`scanner` writes to the cart's serial line. `trouble` counts what she met, for the report."""

    def __init__(
        self,
        *,
        cart: str,
        person: StaffMember,
        kiosk_port: int,
        scanner: int,
        round_: Round,
        stock: dict[str, Product],
        diary: Diary,
        tally: Tally,
        seed: int,
        today: date,
        each_s: float = 0.0,
    ) -> None:
        self.cart, self.person = cart, person
        self.kiosk = Kiosk(kiosk_port)
        self._scanner, self._round, self._stock, self._diary, self._tally = scanner, round_, stock, diary, tally
        self._rng = random.Random(f"nurse-{seed}-{cart}")
        self._packs: Iterator[tuple[str, str, date]] = wards.packs(random.Random(f"packs-{seed}-{cart}"), today)
        # A dose takes her so long at least: a hospital gives no more than its server takes, or all that follows is one long queue.
        self._each_s, self._dose_began_s = each_s, time.monotonic()
        self._number = int(cart.rpartition("-")[2])
        self._bed: Bed | None = None
        self._unknown: dict[str, _Act] = {}
        self.trouble: dict[str, int] = {}
        self.doing = "starting"
        self.finished = threading.Event()
        self.given_up = threading.Event()

    def run(self) -> None:
        """Until the tally has ended and nothing of hers is open, or `given_up` is set."""
        while not self.given_up.is_set():
            try:
                if self._step() and self._tally.ended.is_set():
                    break
            except KioskGoneError:
                self._met("kiosk-gone")
                self.doing = "waiting for the cart"
                self.given_up.wait(0.25)
        self.kiosk.close()
        self.finished.set()

    # One thing after the other, by what the screen shows.

    def _step(self) -> bool:
        """Do the next thing; True when there is nothing of hers left open."""
        screen = self.kiosk.screen()
        if screen["state"] in ("idle", "badge"):
            self._sign_in(screen)
            return False
        if self._unknown and self._look_up(screen):
            return False
        if screen["open"] and screen["state"] not in ("giving", "counting"):
            return self._resolve(screen)
        if self._tally.ended.is_set() and screen["state"] != "giving":
            self.doing = "going home"
            if screen["patient"] is not None:
                self._press(screen, "close")
                return False
            return not self._unknown and not screen["open"]
        if self._bed is None:
            self._bed = self._round.take()
            if self._bed is None:
                self.doing = "waiting for patients"
                self.given_up.wait(0.2)
                return True
        if not self._bed.todo:
            self._round.finish(self._bed)
            self._bed = None
            return True
        if screen["patient"] != self._bed.patient.id:
            self._go_to(screen, self._bed.patient)
        else:
            self._next_dose(screen, self._bed)
        return False

    def _sign_in(self, screen: Screen) -> None:
        self.doing = "signing in"
        if screen["strip"]["missing"]:
            time.sleep(0.1)
            return
        if screen["state"] == "idle":
            self._scan(wards.badge(self.person))
            screen = self._until(lambda now: now["state"] != "idle")
        if screen["state"] == "badge":
            self._press(screen, "pin", pin=self.person.pin)

    def _go_to(self, screen: Screen, patient: Patient) -> None:
        """To the patient's bed: only when the chart knows the patient, as a nurse reads it on the ward's list."""
        self.doing = f"going to {patient.id}"
        if screen["state"] != "signed-in":
            screen = self._press(screen, "close") or self.kiosk.screen()
        if screen["state"] != "signed-in" or not any(line["patient"] == patient.id for line in screen["dues"]):
            self._met("not-on-the-list")
            time.sleep(0.15)
            return
        self._scan(wards.band(patient))
        self._until(lambda now: now["patient"] == patient.id or now["state"] == "stopped")

    def _next_dose(self, screen: Screen, bed: Bed) -> None:
        order = bed.todo[0]
        self.doing = f"giving {order.id}"
        state = screen["state"]
        if state in ("patient", "concluded"):
            if any(line["order"] == order.id and line["status"] in ("given", "not-given") for line in screen["dues"]):
                self._met("given-by-another")
                bed.todo.popleft()
                return
            if screen["strip"]["link"] == "online" and screen["strip"]["lease"] == "none":
                screen = self._until(lambda now: now["strip"]["lease"] != "none" or now["strip"]["link"] != "online", _LEASE_WAIT_S)
            if self._rng.randrange(_REFUSED_OF) == 0:
                self._refused(screen, bed, order)
                return
            moment = screen["moment"]
            self._scan(self._pack(order))
            self._until(lambda now: now["moment"] != moment and now["level"] is not None)
        elif state == "warned":
            self._press(screen, "acknowledge")
        elif state == "awaiting-reason":
            self._reason(screen)
        elif state == "giving":
            self._confirm(screen, bed, order)
        else:
            self._stopped(screen, bed)

    def _pack(self, order: Order) -> bytes:
        product = self._stock[order.ingredient]
        lot, serial, expiry = next(self._packs)
        return wards.Pack(product=product.id, gtin=product.gtin, lot=lot, serial=f"{self._number:02d}{serial}", expiry=expiry).typed()

    def _reason(self, screen: Screen) -> None:
        asked = [finding["rule"] for finding in screen["findings"] if not finding["satisfied"]]
        for rule in asked:
            self._met(f"reason-{rule}")
        self._press(screen, "reason", reason="clinical-judgement", reason_text="network away", satisfies=asked)

    def _stopped(self, screen: Screen, bed: Bed) -> None:
        for finding in screen["findings"]:
            if finding["level"] == "STOP" and not finding["satisfied"]:
                self._met(f"stop-{finding['rule']}")
        bed.stops += 1
        self._press(screen, "clear")
        if bed.stops >= _LEFT_AFTER_STOPS:
            bed.stops = 0
            self._met("patient-later")
            self._press(self.kiosk.screen(), "close")
            self._round.give_back(bed)
            self._bed = None
        time.sleep(0.3)

    def _confirm(self, screen: Screen, bed: Bed, order: Order) -> None:
        record_id = str(screen["record_id"])
        if screen["order"] != order.id:
            self._met("other-order")
        act = _Act(order=order, due_at=screen["due"], act="confirm", action="completed")
        try:
            after = self._press(screen, "confirm", record_id=record_id)
        except KioskGoneError:
            self._tell(record_id, act, "unknown")
            self._unknown[record_id] = act
            raise
        if after is not None and _here(after, record_id):
            self._tell(record_id, act, "recorded")
            self._settled(bed, order)
        else:
            self._met(f"notice-{(after or {}).get('notice') or 'page-too-old'}")
            time.sleep(0.1)

    def _refused(self, screen: Screen, bed: Bed, order: Order) -> None:
        """The patient does not want it: told on the list's line."""
        due = next((line["due"] for line in screen["dues"] if line["order"] == order.id), None)
        known = {done["record_id"] for done in screen["recorded"]}
        act = _Act(order=order, due_at=due, act="refuse", action="not-done")
        try:
            after = self._press(screen, "decline", why="refuse:refused", order=order.id, due=due or "")
        except KioskGoneError:
            self._tell(None, act, "unknown")
            raise
        fresh = [done["record_id"] for done in (after or {}).get("recorded", ()) if done["record_id"] not in known]
        if fresh:
            self._tell(fresh[0], act, "recorded")
            self._settled(bed, order)
        else:
            self._met("refusal-not-taken")

    def _settled(self, bed: Bed, order: Order) -> None:
        self._tally.add()
        bed.stops = 0
        with contextlib.suppress(ValueError):
            bed.todo.remove(order)
        self.given_up.wait(max(0.0, self._dose_began_s + self._each_s - time.monotonic()))
        self._dose_began_s = time.monotonic()

    # After a cart came back.

    def _look_up(self, screen: Screen) -> bool:
        """What the cart says now of what was pressed when it died; True when something was found out."""
        for record_id, act in list(self._unknown.items()):
            if _here(screen, record_id):
                self._tell(record_id, act, "recorded")
            elif record_id in screen["open"]:
                if screen["state"] in ("giving", "counting"):
                    continue
                after = self._press(screen, "resolve", record_id=record_id, given="yes", reason="battery")
                if after is None or not _here(after, record_id):
                    self._met("not-resolved")
                    time.sleep(0.1)
                    return True
                self._tell(record_id, act, "recorded")
            else:
                continue
            self._unknown.pop(record_id)
            if self._bed is not None and act.order in self._bed.todo:
                self._settled(self._bed, act.order)
            else:
                self._tally.add()
            return True
        return False

    def _resolve(self, screen: Screen) -> bool:
        """A dose that was verified and never confirmed: she did not give it, and says so."""
        record_id = screen["open"][0]
        after = self._press(screen, "resolve", record_id=record_id, given="no", reason="battery")
        if after is not None and record_id not in after["open"]:
            self._diary.write(
                cart=self.cart, nurse=self.person.id, patient=None, order=None, due_at=None, act="not-given",
                record=record_id, said="not-recorded", action="not-done",
            )  # fmt: skip
        else:
            self._met("not-resolved")
            time.sleep(0.1)
        return False

    # Small things.

    def _tell(self, record_id: str | None, act: _Act, said: str) -> None:
        self._diary.write(
            cart=self.cart, nurse=self.person.id, patient=act.order.patient, order=act.order.id, due_at=act.due_at, act=act.act,
            record=record_id, said=said, action=act.action,
        )  # fmt: skip

    def _press(self, screen: Screen, button: str, **fields: Any) -> Screen | None:
        return self.kiosk.press(button, int(screen["moment"]), **fields)

    def _scan(self, typed: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._scanner, typed)

    def _until(self, seen: Any, within_s: float = 3.0) -> Screen:
        """The first screen that shows it, or the last one when the time is over: she looks again then."""
        deadline = time.monotonic() + within_s
        while True:
            time.sleep(_LOOK_S)
            screen = self.kiosk.screen()
            if seen(screen):
                return screen
            if time.monotonic() > deadline:
                self._met("waited-in-vain")
                return screen

    def _met(self, what: str) -> None:
        self.trouble[what] = self.trouble.get(what, 0) + 1


def _here(screen: Screen, record_id: str) -> bool:
    return any(done["record_id"] == record_id and done["here"] for done in screen["recorded"])
