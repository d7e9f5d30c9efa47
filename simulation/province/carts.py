"""Virtual carts of a province that give doses: the product's own MQTT client and the product's own journal, no screen and no verdict.

A dose is in the journal before it is sent, and is sent again until its receipt is there: what is proven is that none gets lost on the
way. The doses lie on days of their own, so that none is given twice.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cart_client import sealed
from cart_client.journal import Journal
from devices.broker import Arrival, Broker, BrokerConfig, BrokerEvent, Connected, Disconnected
from pointofcare.administration.record import AdministrationRecord
from pointofcare.wire import routes
from pointofcare.wire.messages import (
    AdministrationRecorded,
    Body,
    CartBirth,
    CartPhase,
    CartState,
    Message,
    RecordReceived,
)
from simulation.scale import courses, fill
from simulation.scale.people import Facility, moment, person

RESEND_S = 3.0
AT_ONCE = 20
_FIRST_DAY = 30


@dataclass(slots=True, kw_only=True)
class Dose:
    given_s: float
    receipt_s: float | None = None


@dataclass(slots=True, kw_only=True)
class Giver:
    """One cart. `connected` are the moments (monotonic) at which it came to a broker, `lost` those at which it lost it."""

    facility: Facility
    name: str
    journal: Journal
    doses: dict[str, Dose] = field(default_factory=dict)
    connected: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    _inbox: queue.Queue[BrokerEvent | None] = field(default_factory=queue.Queue)
    _broker: Broker | None = None
    _thread: threading.Thread | None = None
    _sent: dict[str, float] = field(default_factory=dict)

    def start(self, hosts: str, username: str, password: str) -> None:
        config = BrokerConfig(
            host=hosts, port=1883, client_id=self.name, username=username, password=password, keepalive_s=5, backoff_max_s=3.0
        )
        self._broker = Broker(config, self._inbox.put)
        for route in (routes.RECEIPT, routes.EMR):
            self._broker.on(route, facility=self.facility.id, cart=self.name)
        self._thread = threading.Thread(target=self._run, name=f"cart-{self.facility.id}-{self.name}", daemon=True)
        self._thread.start()
        self._broker.start()

    def give(self, record: AdministrationRecord) -> None:
        self.journal.append(record, message_id=str(uuid.uuid4()))
        self.doses[record.record_id] = Dose(given_s=time.monotonic())
        self._inbox.put(None)

    @property
    def online(self) -> bool:
        return self._broker is not None and self._broker.connected

    @property
    def unsettled(self) -> int:
        return self.journal.unsent_count()

    def stop(self) -> None:
        if self._broker is not None:
            self._broker.stop()
        self._halt = True
        self._inbox.put(None)
        if self._thread is not None:
            self._thread.join(5.0)
        self.journal.close()

    _halt: bool = False

    def _run(self) -> None:
        while not self._halt:
            try:
                event = self._inbox.get(timeout=0.5)
            except queue.Empty:
                event = None
            if isinstance(event, Connected):
                self.connected.append(time.monotonic())
                self._sent.clear()
                self._say(
                    routes.BIRTH,
                    CartBirth(versions={"app": "province"}, hardware="simulated", boot_id="province", epoch="", ward=self.ward),
                )
                self._say(routes.STATE, CartState(phase=CartPhase.READY, ward=self.ward, at=datetime.now(UTC)))
            elif isinstance(event, Disconnected):
                self.lost.append(time.monotonic())
            elif isinstance(event, Arrival):
                self._heard(event)
                event.ack()
            self._drain()

    @property
    def ward(self) -> str:
        return self.facility.wards[0]

    def _heard(self, arrival: Arrival) -> None:
        body = arrival.message.body
        if not isinstance(body, RecordReceived):
            return
        dose = self.doses.get(body.record_id)
        if dose is None:
            self.strange.append(body.record_id)
            return
        if dose.receipt_s is None:
            dose.receipt_s = time.monotonic()
        self.journal.settle(body.record_id, at=datetime.now(UTC), duplicate=body.duplicate)

    def _drain(self) -> None:
        if not self.online or self._broker is None:
            return
        now_s = time.monotonic()
        for entry in self.journal.unsent(limit=AT_ONCE):
            if now_s - self._sent.get(entry.record_id, -RESEND_S) < RESEND_S:
                continue
            body = entry.message.body
            assert isinstance(body, AdministrationRecorded)
            self._broker.publish(routes.ADMINISTRATION, entry.message, facility=self.facility.id, cart=self.name)
            self._sent[entry.record_id] = now_s

    def _say(self, route: routes.Route, body: Body) -> None:
        assert self._broker is not None
        message = Message(id=str(uuid.uuid4()), sent_at=datetime.now(UTC), sender=self.name, body=body)
        self._broker.publish(route, message, facility=self.facility.id, cart=self.name)


class Wards:
    """The carts of every facility, and which dose is next."""

    def __init__(self, facilities: tuple[Facility, ...], directory: Path, *, carts: int) -> None:
        directory.mkdir()
        self._numbers = {facility.id: 0 for facility in facilities}
        self.givers = tuple(
            Giver(
                facility=facility,
                name=f"cart-{facility.wards[0]}-{number + 1}",
                journal=Journal(
                    directory / f"{facility.id}-{number + 1}.sqlite", cart=f"cart-{facility.wards[0]}-{number + 1}", at_rest=sealed.draw()
                ),
            )
            for facility in facilities
            for number in range(carts)
        )

    def start(self, hosts: str, passwords: Mapping[tuple[str, str], str], *, user: Mapping[tuple[str, str], str]) -> None:
        for giver in self.givers:
            key = (giver.facility.id, giver.name)
            giver.start(hosts, user[key], passwords[key])

    def give_one_each(self) -> None:
        for giver in self.givers:
            giver.give(self._next(giver))

    def _next(self, giver: Giver) -> AdministrationRecord:
        facility = giver.facility
        number = self._numbers[facility.id]
        self._numbers[facility.id] = number + 1
        one, course = person(facility, number % facility.beds), number // facility.beds % len(courses.COURSES)
        day = facility.size.until.date() + timedelta(days=_FIRST_DAY + number // (facility.beds * len(courses.COURSES)))
        due = moment(day, courses.COURSES[course][2][0])
        words = fill.texts_of(facility, one, course, due) | {"record": str(uuid.uuid4()), "cart": giver.name}
        return courses.record(course, due, **words)

    @property
    def online(self) -> int:
        return sum(giver.online for giver in self.givers)

    @property
    def unsettled(self) -> int:
        return sum(giver.unsettled for giver in self.givers)
