"""A night from 19:00 to 07:00 without a network, in the middle of which the cart's program is killed. A real broker, the server's gateway,
its store and an EMR at both ends of it; the cart's own parts with clocks that a test moves, so that nobody waits twelve hours.
"""

from __future__ import annotations

import json
import threading
import time as machine_time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

import server.mqtt.gateway as gateway_module
import server.store.transaction as transaction_module
from cart_client import inbox
from cart_client.bedside import Bedside, clock_of
from cart_client.chart import Chart, key_from
from cart_client.inbox import Answer, Asked, Command
from cart_client.journal import Journal
from cart_client.scanning import Seen
from cart_client.uplink import Uplink
from devices.broker import BrokerConfig
from devices.brokers.process import RunningBroker
from pointofcare.labels.symbol import Symbol
from pointofcare.orders.order import OrderCategory, Prn
from pointofcare.quantity import Quantity
from server.config import MqttConfig
from server.emr.dispatcher import Dispatcher
from server.emr.fhir import FhirEmr
from server.mqtt.gateway import Gateway
from server.security import signing
from server.store import sequences, tasks
from server.store.tables import AdministrationRow, AuditRow
from server.store.transaction import reading, transaction
from server.usecases import orders, pharmacy, staff
from server.usecases.facts import Site
from server.usecases.task_kinds import RECORD_GAP, RECORDS_LOST
from simulation.emr_peer import RunningEmr
from tests.support import server_ward
from tests.support.brokers import running_broker
from tests.support.cart_ward import AMOX, MORPHINE, PARACETAMOL, PIN, PIN_HASH, FakeDrawers, badge, pack, products
from tests.support.databases import FACILITY, migrated_app
from tests.support.emr import ADMINISTRATION, CONTEXT
from tests.support.sekmet import sekmet, stored
from tests.support.server_ward import CHARGE, IMPORT, NURSE, PHARMACIST, PRESCRIBER, WARD
from tests.support.work import OTHER_NURSE

__all__ = ["sekmet"]

EVENING = datetime(2026, 3, 2, 11, 55, tzinfo=UTC)  # 18:55 on the ward
CART, ZONE = "c1", "Asia/Ho_Chi_Minh"
WALL_AHEAD = timedelta(seconds=90)
WAIT_S = 30.0


class Night:
    """The true time, which passes as it does, and faster when a test says so."""

    def __init__(self) -> None:
        self._begun_s = machine_time.monotonic()
        self._skipped = timedelta(0)

    def elapsed(self) -> timedelta:
        return timedelta(seconds=machine_time.monotonic() - self._begun_s) + self._skipped

    def now(self) -> datetime:
        return EVENING + self.elapsed()

    def until(self, ward_clock: time) -> None:
        """On to the next moment when the ward's clocks show this."""
        at = self.now().astimezone(server_zone())
        goal = datetime.combine(at.date(), ward_clock, at.tzinfo)
        self._skipped += (goal if goal > at else goal + timedelta(days=1)) - at


def server_zone() -> ZoneInfo:

    return ZoneInfo(ZONE)


class Cart:
    """The cart's program without its camera and pages; `kill` leaves everything as it lies."""

    def __init__(self, folder: Path, night: Night, key: str, broker: RunningBroker, password: str) -> None:
        self._night = night
        steady = lambda: 5000.0 + night.elapsed().total_seconds()  # noqa: E731
        self.journal = Journal(folder / "journal.sqlite", cart=CART)
        self.chart = Chart(folder / "chart.sqlite", facility=FACILITY, ward=WARD, key=key_from(key), mono_s=steady)
        clock = clock_of(self.journal, now=lambda: night.now() + WALL_AHEAD, mono_s=steady, boot_id="boot-1")
        self.uplink = Uplink(
            BrokerConfig(host="127.0.0.1", port=broker.port, client_id=CART, username=CART, password=password, backoff_max_s=0.3),
            cart=CART,
            facility=FACILITY,
            ward=WARD,
            chart=self.chart,
            journal=self.journal,
            tell=lambda item: self.bedside.inbox.put(item),
            versions={"app": "0"},
            clock=clock,
            mono_s=steady,
            backoff_first_s=0.3,
        )
        self.bedside = Bedside(
            cart=CART,
            facility=FACILITY,
            ward=WARD,
            zone=ZONE,
            chart=self.chart,
            journal=self.journal,
            drawers=FakeDrawers(),
            clock=clock,
            mono_s=steady,
            ask_lease=self.uplink.ask_lease,
            wake=self.uplink.wake,
            aside=lambda call: call(),
        )
        self.uplink.start()

    def kill(self) -> None:
        """No farewell and nothing closed: only the thread ends, as it would with its process."""
        self.uplink._events.put(_halt())
        self.uplink._thread.join(5.0)
        self.uplink._broker.stop()

    # The nurse.

    def put(self, item: object) -> None:
        self.bedside.handle(item)
        self.settle()

    def settle(self) -> None:
        while not self.bedside.inbox.empty():
            self.bedside.handle(self.bedside.inbox.get())

    def wait(self, what: str, true: Callable[[], bool]) -> None:
        deadline, pause = machine_time.monotonic() + WAIT_S, threading.Event()
        while True:
            self.settle()
            if true():
                return
            assert machine_time.monotonic() < deadline, f"{what}: {self.bedside.view.strip}"
            pause.wait(0.05)

    def hold(self, *symbols: Symbol) -> None:
        for symbol in symbols:
            self.put(Seen(symbol=symbol, at=self._night.now()))

    def press(self, command: Callable[..., Command], **fields: object) -> Answer:
        asked = Asked(command=command(moment=self.view.moment, **fields), answer=Future())
        self.put(asked)
        return asked.answer.result(0)

    def sign_in(self, who: str) -> None:
        self.put(inbox.Tick())  # whoever was there is signed out by now
        assert self.state == "idle"
        self.hold(badge(who))
        assert self.press(inbox.EnterPin, pin=PIN).done
        assert self.state == "signed-in"

    def at(self, patient: int) -> None:
        self.hold(Symbol(identifier="]d2", content=f"8018{server_ward.gsrn(patient)}\x1d80191".encode()))
        assert self.view.session.patient == f"P{patient}", self.view.notice

    def give(self, *packs: Symbol, prn: str = "", witness: str = "", order: str = "") -> set[str]:
        """Scan, answer what is asked, confirm. The rules that asked."""
        self.hold(*packs)
        asked: set[str] = set()
        for _ in range(4):
            if self.state in ("awaiting-reason", "awaiting-witness"):
                asked |= set(self.rules)
            if self.state == "awaiting-reason":
                self.press(inbox.GiveReason, reason="network-down", satisfies=tuple(self.rules), prn_reason=prn)
            elif self.state == "awaiting-witness":
                self.hold(badge(witness))
                assert self.press(inbox.EnterPin, pin=PIN).done
            elif self.state == "choosing":
                choice = next(line for line in self.view.choices if line.order.id == order)
                self.press(inbox.ChooseOrder, order=order, due=choice.due)
            elif self.state == "warned":
                self.press(inbox.Acknowledge)
        assert self.state == "giving", (self.state, self.rules, self.view.notice)
        self.press(inbox.Confirm, record_id=self.view.session.record_id)
        assert self.state == "concluded"
        self.press(inbox.ClosePatient)
        return asked

    def decline(self, patient: int, action: str, reason: str) -> None:
        self.at(patient)
        line = next(line for line in self.view.dues if line.status == "due")
        answer = self.press(inbox.Decline, action=action, reason=reason, order=line.order.id, due=line.due)
        assert answer.done, answer.notice
        self.press(inbox.ClosePatient)

    def due(self) -> dict[str, str]:
        """Order -> what the list says of its dose nearest to now."""
        now = self.view.at
        nearest = sorted((line for line in self.view.dues if line.due is not None), key=lambda line: abs(line.due - now), reverse=True)  # type: ignore[operator]
        return {line.order.id: line.status for line in nearest}

    @property
    def view(self):  # type: ignore[no-untyped-def]
        return self.bedside.view

    @property
    def state(self) -> str:
        return str(self.view.session.state.value)

    @property
    def rules(self) -> list[str]:
        verdict = self.view.session.verdict
        return [f.rule for f in verdict.findings if not f.satisfied] if verdict is not None else []


def _halt() -> object:
    from cart_client.uplink import _Halt

    return _Halt()


def open_ward() -> None:
    server_ward.open_ward(patient_count=3, at=EVENING - timedelta(hours=4))
    paracetamol = {"ingredient": "paracetamol", "dose": Quantity.parse("1000 mg"), "category": OrderCategory.PRN, "times": ()}
    with transaction(IMPORT, at=EVENING - timedelta(hours=4)) as tx:
        for product in products()[1:]:
            pharmacy.receive_product(tx, product)
        for actor in (NURSE, OTHER_NURSE, CHARGE):
            staff.receive(tx, server_ward.a_member(actor, pin_hash=PIN_HASH, badge=actor.id))
    new = (
        server_ward.an_order(
            11, patient="P1", prn=Prn(reasons=("pain",), min_interval=timedelta(hours=4)), display="Paracetamol 1 g", **paracetamol
        ),
        server_ward.an_order(
            12, patient="P2", ingredient="morphine", dose=Quantity.parse("10 mg"), times=(time(23),), needs_double_check=True, display="M"
        ),
        server_ward.an_order(13, patient="P3", times=(time(6),), display="Amoxicillin 06:00"),
    )
    for order in new:
        with transaction(PRESCRIBER, at=EVENING - timedelta(hours=4)) as tx:
            orders.place(tx, PRESCRIBER, order)
        with transaction(PHARMACIST, at=EVENING - timedelta(hours=4)) as tx:
            orders.verify(tx, PHARMACIST, order.id, 1)


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Night:
    """The server's clock is the true one."""
    made = Night()

    class Clock(datetime):
        @classmethod
        def now(cls, _zone: object = None) -> datetime:  # type: ignore[override]
            return made.now()

    monkeypatch.setattr(gateway_module, "SEQUENCES_EVERY_S", 0.2)
    for module in (gateway_module, transaction_module):
        monkeypatch.setattr(module, "datetime", Clock)
    return made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_a_night_without_network_flows_to_server_and_emr_once_and_in_order(
    tmp_path: Path, night: Night, stack: ExitStack, sekmet: RunningEmr
) -> None:
    app = stack.enter_context(migrated_app("sqlite", tmp_path))
    broker, passwords = stack.enter_context(running_broker("nats", (CART,), facility=FACILITY))
    open_ward()
    emr = FhirEmr(sekmet.base_url, identifier_system=ADMINISTRATION, timeout_s=5.0)
    stack.callback(emr.close)
    dispatcher = Dispatcher(emr, CONTEXT, scope=app.app_context, idle_s=0.2)
    gateway = Gateway(
        MqttConfig(host="127.0.0.1", port=broker.port, username="server", password=passwords["server"]),
        facility=FACILITY,
        key=signing.load_or_generate(tmp_path / "key.json"),
        site=Site(),
        lifetime=timedelta(hours=24),
        version="test",
        scope=app.app_context,
        recorded=dispatcher.wake,
    )
    gateway.start()
    stack.callback(gateway.stop)
    dispatcher.start()
    stack.callback(dispatcher.stop)
    public = signing.load(tmp_path / "key.json").key.as_dict(private=False)

    def a_cart() -> Cart:
        return Cart(tmp_path / "cart", night, json.dumps(public), broker, passwords[CART])

    # 18:55, online: tables, the clock, a first dose of the evening.
    cart = a_cart()
    stack.callback(lambda: cart.kill())
    cart.wait("online, with tables and time", lambda: _ready(cart))
    assert cart.view.strip.clock_offset_s == pytest.approx(90, abs=1)
    assert abs((cart.view.at - night.now()).total_seconds()) < 2

    # 19:00: the network goes.
    night.until(time(19))
    broker.kill()
    cart.wait("offline", lambda: cart.view.strip.link is inbox.Link.OFFLINE)
    night.until(time(20, 5))
    cart.sign_in("N1")
    assert cart.due()["O1"] == "due"
    cart.at(1)
    assert "O2" in cart.give(pack(AMOX))
    cart.decline(2, "refuse", "refused")
    cart.decline(3, "hold", "npo")
    assert {order: cart.due()[order] for order in ("O1", "O2", "O3")} == {"O1": "given", "O2": "not-given", "O3": "not-given"}
    assert (cart.view.strip.unsent, cart.journal.unsent_count()) == (3, 3)
    night.until(time(22, 0))
    cart.sign_in("N1")
    cart.at(1)
    cart.give(pack(PARACETAMOL, serial="S1"), pack(PARACETAMOL, serial="S2"), prn="pain")
    night.until(time(23, 10))
    cart.sign_in("N1")
    cart.at(2)
    asked = cart.give(pack(MORPHINE), witness="N2")
    assert {"O1", "O2"} <= asked  # the chart is older than four hours
    assert cart.view.strip.unsent == 5

    # 01:00: the cart's program is killed. The next nurse.
    night.until(time(1))
    cart.kill()
    cart = a_cart()
    assert cart.view.strip.unsent == 5
    assert cart.view.strip.clock_offset_s == pytest.approx(90, abs=1)
    assert cart.view.strip.clock_doubt == ""
    assert abs((cart.view.at - night.now()).total_seconds()) < 2
    assert cart.view.strip.chart_age_s == pytest.approx(6 * 3600, abs=1200)
    night.until(time(1, 30))
    cart.sign_in("N2")
    cart.at(1)
    line = next(line for line in cart.view.dues if line.order.id == "O11")
    assert [entry.nurse for entry in line.gives] == ["N1"]
    cart.hold(pack(PARACETAMOL, serial="S3"), pack(PARACETAMOL, serial="S4"))
    assert "N2" in cart.rules or "N1" in cart.rules, cart.rules  # given three and a half hours ago, by this cart's own journal
    cart.press(inbox.ClosePatient)
    night.until(time(2, 30))
    cart.sign_in("N2")
    assert (cart.due()["O12"], cart.due()["O13"]) == ("given", "upcoming")
    cart.at(1)
    cart.give(pack(PARACETAMOL, serial="S3"), pack(PARACETAMOL, serial="S4"), prn="pain")
    night.until(time(6, 10))
    cart.sign_in("N2")
    assert cart.due()["O13"] == "due"
    cart.at(3)
    cart.give(pack(AMOX), order="O13")
    waiting = cart.view.strip.unsent
    assert waiting == cart.journal.unsent_count() > 7

    # 07:00: it comes back, and nobody does anything.
    night.until(time(7))
    assert abs((cart.view.strip.chart_age_s or 0) - 12 * 3600) < 3600
    broker.start_again()
    cart.wait("everything at the server", lambda: cart.view.strip.unsent == 0)
    cart.wait("online again", lambda: _ready(cart))
    given = cart.journal.administrations(since=EVENING)
    assert [record.status for record in given] == ["completed", "not-done", "not-done", *["completed"] * 4]
    assert all(before.recorded_at <= after.recorded_at for before, after in pairwise(given))
    assert all(record.clock_offset_s == pytest.approx(90, abs=1) and not record.online for record in given)
    assert all(record.clock_wall_at - record.recorded_at == pytest.approx(WALL_AHEAD, abs=timedelta(seconds=1)) for record in given)
    cart.wait("everything in the EMR", lambda: all(cart.journal.standing(record.record_id).emr == "settled" for record in given))
    cart.wait("every number at the server", lambda: _upto() == cart.journal.last_seq())
    ids = [record.record_id for record in given]
    with reading() as tx:
        rows = tx.session.execute(select(AdministrationRow.record_id).order_by(AdministrationRow.received_at, AdministrationRow.cart_seq))
        assert [record_id for (record_id,) in rows] == ids
        audited = tx.session.scalars(select(AuditRow.subject).where(AuditRow.action == "administration.record").order_by(AuditRow.id))
        assert list(audited) == [f"administration/{record_id}" for record_id in ids]
        (numbers,) = sequences.lines(tx, CART)
        assert tasks.listed(tx, kinds=(RECORD_GAP, RECORDS_LOST)) == ()
    for record_id in ids:
        assert len(stored(sekmet, "MedicationAdministration", f"identifier={ADMINISTRATION}|{record_id}")) == 1
    assert (numbers.missing, numbers.replaced_at) == ((), None)


def _upto() -> int:
    with reading() as tx:
        return sum(each.upto for each in sequences.lines(tx, CART))


def _ready(cart: Cart) -> bool:
    strip = cart.view.strip
    return strip.link is inbox.Link.ONLINE and not strip.missing and strip.clock_offset_s is not None
