"""A bedside at the far end of a real broker: a server with its gateway, and carts with loop, journal, chart, uplink and kiosk pages.

Everything but the broker is in this one process. What a nurse sees is read from the kiosk's own pages.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher
from flask import Flask
from joserfc.jwk import OKPKey

from cart_client import inbox
from cart_client.bedside import Bedside, clock_of
from cart_client.chart import Chart
from cart_client.journal import Journal
from cart_client.scanning import Seen
from cart_client.uplink import Uplink
from cart_client.web import state
from cart_client.web.app import create_app as create_kiosk
from devices.broker import BrokerConfig
from devices.brokers.process import RunningBroker
from pointofcare.labels.symbol import Symbol
from pointofcare.orders.order import Order
from pointofcare.people import StaffRole
from server.config import MqttConfig
from server.mqtt.gateway import Gateway
from server.security import signing
from server.store.transaction import Actor, transaction
from server.usecases import orders, staff
from server.usecases.facts import Site
from tests.support.brokers import FACILITY, SERVER, running_broker
from tests.support.cart_ward import FakeDrawers
from tests.support.server_ward import AMOXICILLIN, CHARGE, IMPORT, NURSE, PHARMACIST, PRESCRIBER, WARD, a_member, an_order, gsrn

PIN = "2468"
PIN_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PIN)
SECOND = Actor(id="N2", name="ĐD. Phạm Minh", roles=frozenset({StaffRole.NURSE}))
ZONE = "Asia/Ho_Chi_Minh"
_PAUSE = threading.Event()


class Cart:
    """One cart. `symbol` of a badge, a band or a pack goes in where the camera's would; buttons go through the loop's own inbox."""

    def __init__(self, name: str, folder: Path, broker: RunningBroker, password: str, key: OKPKey) -> None:
        folder.mkdir()
        self.name, self.is_linked = name, True
        self.journal = Journal(folder / "journal.sqlite", cart=name)
        self.chart = Chart(folder / "chart.sqlite", facility=FACILITY, ward=WARD, key=key)
        clock = clock_of(self.journal)
        self.bedside = Bedside(
            cart=name,
            facility=FACILITY,
            ward=WARD,
            zone=ZONE,
            chart=self.chart,
            journal=self.journal,
            drawers=FakeDrawers(),
            clock=clock,
            ask_lease=lambda asked: self.uplink.ask_lease(asked) if self.is_linked else None,
            wake=lambda: self.uplink.wake(),
        )
        self.uplink = Uplink(
            BrokerConfig(host=broker.host, port=broker.port, client_id=name, username=name, password=password),
            cart=name,
            facility=FACILITY,
            ward=WARD,
            chart=self.chart,
            journal=self.journal,
            tell=self.bedside.inbox.put,
            versions={"app": "test"},
            clock=clock,
            backoff_first_s=0.3,
        )
        kiosk = create_kiosk(view=lambda: self.bedside.view, ask=self.bedside.ask, jpeg=lambda: None, names=self.chart.names, language="en")
        self.page = kiosk.test_client()
        self._loop = threading.Thread(target=self.bedside.run, name=f"bedside-{name}", daemon=True)

    def start(self) -> None:
        self._loop.start()
        self.uplink.start()
        self.until(
            lambda view: view.strip.link is inbox.Link.ONLINE and not view.strip.missing and view.strip.clock_offset_s is not None,
            within_s=60.0,
        )

    def stop(self) -> None:
        self.uplink.stop()
        self.bedside.inbox.put(inbox.Halt())
        if self._loop.is_alive():
            self._loop.join(5)
        self.journal.close()
        self.chart.close()

    def until(self, true: Callable[..., bool], *, within_s: float = 30.0) -> float:
        """Waits until the screen's picture is so; how long that took, in seconds."""
        started = time.monotonic()
        while not true(self.bedside.view):
            if time.monotonic() - started >= within_s:
                raise AssertionError(f"not within {within_s:.0f} s: {state.plain(self.bedside.view)}")
            _PAUSE.wait(0.005)
        return time.monotonic() - started

    def words(self, language: str = "en") -> str:
        """The kiosk's page as a nurse reads it."""
        self.page.set_cookie("language", language)
        return self.page.get("/part/main").text

    def state(self) -> str:
        return str(self.bedside.view.session.state.value)

    def show(self, symbol: Symbol) -> None:
        at = datetime.now(UTC)
        self.bedside.inbox.put(Seen(symbol=symbol, at=at))
        self.until(lambda view: view.trace is not None and view.trace.decode_at == at)

    def press(self, command: Callable[..., inbox.Command], **fields: object) -> str:
        """The notice that the press was answered with, "" when it was done."""
        fields.setdefault("moment", self.bedside.view.moment)
        return self.bedside.ask(command(**fields)).notice

    def lose_the_link(self) -> None:
        """The loop believes that nobody is there; what it journals still goes out, as when the link is back later."""
        self.is_linked = False
        self.bedside.inbox.put(inbox.LinkTold(link=inbox.Link.OFFLINE))
        self.until(lambda view: view.strip.link is inbox.Link.OFFLINE)

    def sign_in(self, person: Actor = NURSE) -> None:
        self.show(badge(person))
        assert self.press(inbox.EnterPin, pin=PIN) == ""

    def open(self, number: int = 1, *, lease: str = "held") -> None:
        self.show(Symbol(identifier="]d2", content=f"8018{gsrn(number)}\x1d80191".encode()))
        self.until(lambda view: view.strip.lease.value == lease)

    def verify(self, *, reason: str = "") -> str:
        """Scan the pack up to the screen that says: may be given. `reason` answers what asks for one. The record's id."""
        self.show(pack())
        if reason:
            self.until(lambda view: view.session.state.value == "awaiting-reason")
            verdict = self.bedside.view.session.verdict
            asked = tuple(each.rule for each in verdict.findings if not each.satisfied) if verdict is not None else ()
            assert self.press(inbox.GiveReason, reason=reason, satisfies=asked) == ""
        self.until(lambda view: view.session.state.value == "giving")
        return str(self.bedside.view.session.record_id)


def badge(person: Actor) -> Symbol:
    return Symbol(identifier="]Q1", content=f"BADGE:BADGE:{person.id}".encode())


def pack(serial: str = "") -> Symbol:
    tail = f"\x1d21{serial}" if serial else ""
    return Symbol(identifier="]d2", content=f"01{AMOXICILLIN.gtin}1731013110A1{tail}".encode())


@dataclass
class Line:
    app: Flask
    carts: dict[str, Cart]
    gateway: Gateway
    broker: RunningBroker
    passwords: dict[str, str]


def due_now(number: int, patient: str, **changes: object) -> Order:
    """An order with a dose that is due in this minute."""
    now = datetime.now(ZoneInfo(ZONE)).replace(second=0, microsecond=0)
    made = an_order(number, patient=patient, times=(now.time(),), start=datetime.now(UTC) - timedelta(days=2), display="Amoxicillin 500 mg")
    return replace(made, **changes)  # type: ignore[arg-type]


def ready(patients: int = 2) -> None:
    """People with badge and PIN, and an order for each patient that is due now: called inside an application context, with a ward."""
    with transaction(IMPORT) as tx:
        for person in (NURSE, SECOND, CHARGE, PHARMACIST):
            staff.receive(tx, a_member(person, pin_hash=PIN_HASH))
    for number in range(1, patients + 1):
        with transaction(PRESCRIBER) as tx:
            orders.stop(tx, PRESCRIBER, f"O{number}", 1, reason="another is due now")
            orders.place(tx, PRESCRIBER, due_now(100 + number, f"P{number}"))
        with transaction(PHARMACIST) as tx:
            orders.verify(tx, PHARMACIST, f"O{100 + number}", 1)


@contextmanager
def line(kind: str, folder: Path, app: Flask, carts: Sequence[str] = ("c1",), others: Sequence[str] = ()) -> Iterator[Line]:
    """The server's gateway and the carts over a broker of `kind`, with accounts for `others`. `app` has its context pushed and its ward
    `ready`."""
    with running_broker(kind, (*carts, *others)) as (broker, passwords):
        key = signing.load_or_generate(folder / "key.json")
        gateway = Gateway(
            MqttConfig(host=broker.host, port=broker.port, username=SERVER, password=passwords[SERVER]),
            facility=FACILITY,
            key=key,
            site=Site(timezone=ZONE),
            lifetime=timedelta(hours=24),
            version="test",
            scope=app.app_context,
        )
        with ExitStack() as stack:
            gateway.start()
            stack.callback(gateway.stop)
            made: dict[str, Cart] = {}
            for name in carts:
                made[name] = Cart(name, folder / name, broker, passwords[name], OKPKey.import_key(key.key.as_dict(private=False)))
                stack.callback(made[name].stop)
            for cart in made.values():
                cart.start()
            yield Line(app=app, carts=made, gateway=gateway, broker=broker, passwords=passwords)
