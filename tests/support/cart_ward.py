"""A small ward for the cart's tests: signed tables, symbols to hold before its camera, and a bedside that is driven by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from argon2 import PasswordHasher
from joserfc import jws
from joserfc.jwk import OKPKey

from cart_client import sealed
from cart_client.bedside import Bedside
from cart_client.chart import Chart
from cart_client.inbox import Answer, Asked, ClockMeasured, Command, EnterPin, LeaseTold, Link, LinkTold
from cart_client.journal import Journal
from cart_client.scanning import Seen
from devices.ports import DrawerOutcome
from pointofcare.labels.symbol import Symbol
from pointofcare.orders.order import Order, OrderCategory, OrderStatus, Prn
from pointofcare.people import Allergy, Band, BandStatus, Patient, PatientStatus, StaffRole
from pointofcare.products import HighAlert, Ingredient, Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import HistoryEntry, Lease
from pointofcare.wire import tables
from pointofcare.wire.messages import LeaseAsked, TableIssued, TableKind, WitnessAnswered, WitnessAsked
from pointofcare.wire.tables import FormularyBody, PatientChartBody, PolicyBody, StaffEntry, StaffRosterBody, Table, TableBody

FACILITY, WARD, CART, ZONE = "22001", "NOI-TH", "cart-1", "Asia/Ho_Chi_Minh"
NOW = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)  # 08:05 on the ward
KEY = OKPKey.generate_key("Ed25519", private=True)
AT_REST = sealed.Key(value=bytes(range(32)))
PUBLIC = OKPKey.import_key(KEY.as_dict(private=False))
PIN = "2468"
PIN_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PIN)

GSRN = {"P1": "893600000000000125", "P2": "893600000000000132"}
AMOX, MORPHINE, PARACETAMOL = "08936000000011", "08936000000028", "08936000000035"


def q(text: str) -> Quantity:
    number, unit = text.split(" ")
    return Quantity(value=Decimal(number), unit=unit)


def patients() -> tuple[Patient, ...]:
    def one(pid: str, mrn: str, name: str, born: date, bed: str, allergies: tuple[Allergy, ...] = ()) -> Patient:
        return Patient(
            id=pid,
            mrn=mrn,
            name=name,
            birth_date=born,
            sex="male",
            ward=WARD,
            bed=bed,
            status=PatientStatus.ADMITTED,
            bands=(Band(gsrn=GSRN[pid], srin="1", status=BandStatus.ACTIVE),),
            allergies=allergies,
        )

    return (
        one("P1", "24-000123", "NGUYỄN VĂN AN", date(1958, 4, 11), "H012", (Allergy(substance="ibuprofen", severity="severe"),)),
        one("P2", "24-000124", "TRẦN THỊ BÌNH", date(1990, 12, 30), "H013"),
    )


def an_order(order_id: str, patient: str, ingredient: str, dose: str, **more: object) -> Order:
    base = Order(
        id=order_id,
        version=1,
        patient=patient,
        ingredient=ingredient,
        form="capsule",
        route="PO",
        category=OrderCategory.SCHEDULED,
        status=OrderStatus.ACTIVE,
        verified=True,
        dose=q(dose),
        times=(time(8, 0), time(20, 0)),
        start=NOW - timedelta(days=1),
        display=f"{ingredient.capitalize()} {dose}",
    )
    return replace(base, **more)  # type: ignore[arg-type]


PRN = Prn(reasons=("pain",), min_interval=timedelta(hours=4))


def orders() -> tuple[Order, ...]:
    return (
        an_order("O1", "P1", "amoxicillin", "500 mg"),
        an_order("O2", "P1", "morphine", "10 mg", needs_double_check=True),
        an_order("O3", "P1", "paracetamol", "1000 mg", category=OrderCategory.PRN, times=(), prn=PRN),
        an_order("O4", "P2", "amoxicillin", "500 mg"),
    )


def a_product(product_id: str, gtin: str, name: str, ingredient: str, amount: str, **more: object) -> Product:
    base = Product(
        id=product_id, gtin=gtin, name=name, form="capsule", routes=("PO",), ingredients=(Ingredient(name=ingredient, amount=q(amount)),)
    )
    return replace(base, **more)  # type: ignore[arg-type]


def products() -> tuple[Product, ...]:
    return (
        a_product("AMOX500", AMOX, "Amoxicillin 500 mg", "amoxicillin", "500 mg"),
        a_product("MORPH10", MORPHINE, "Morphine 10 mg", "morphine", "10 mg", high_alert=HighAlert.WITNESS_REQUIRED),
        a_product("PARA500", PARACETAMOL, "Paracetamol 500 mg", "paracetamol", "500 mg"),
    )


def staff() -> tuple[StaffEntry, ...]:
    def one(sid: str, name: str, role: StaffRole) -> StaffEntry:
        return StaffEntry(id=sid, name=name, badge=sid, pin_hash=PIN_HASH, roles=(role,), licensed=True, active=True, on_shift=True)

    return (
        one("N1", "ĐD. Lê Thị Hoa", StaffRole.NURSE),
        one("N2", "ĐD. Phạm Minh", StaffRole.NURSE),
        one("C1", "ĐDT. Vũ Lan", StaffRole.CHARGE_NURSE),
    )


def signed(table: Table, key: OKPKey = KEY) -> str:
    return jws.serialize_compact({"alg": "Ed25519"}, tables.claims(table), key, algorithms=["Ed25519"])


def a_table(
    kind: TableKind,
    body: TableBody,
    *,
    version: int = 1,
    facility: str = FACILITY,
    ward: str = WARD,
    issued_at: datetime = NOW,
    lasts: timedelta = timedelta(hours=24),
) -> Table:
    return Table(kind=kind, facility=facility, ward=ward, version=version, issued_at=issued_at, expires_at=issued_at + lasts, body=body)


def issued(table: Table, key: OKPKey = KEY) -> TableIssued:
    return TableIssued(kind=table.kind, ward=table.ward, version=table.version, jws=signed(table, key))


def chart_body(order_list: tuple[Order, ...] | None = None, history: tuple[HistoryEntry, ...] = ()) -> PatientChartBody:
    return PatientChartBody(
        ward=WARD,
        ward_name="Khoa Nội tổng hợp",
        timezone=ZONE,
        patients=patients(),
        orders=orders() if order_list is None else order_list,
        history=history,
        drawers={"P1": 3, "P2": 4},
    )


def ward_tables(issued_at: datetime = NOW - timedelta(minutes=10)) -> tuple[Table, ...]:
    return (
        a_table(TableKind.PATIENT_CHART, chart_body(), issued_at=issued_at),
        a_table(TableKind.STAFF_ROSTER, StaffRosterBody(staff=staff()), issued_at=issued_at),
        a_table(TableKind.FORMULARY, FormularyBody(products=products()), issued_at=issued_at),
        a_table(TableKind.POLICY, PolicyBody(), issued_at=issued_at),
    )


def a_chart(path: Path, *, full: bool = True, now: datetime = NOW) -> Chart:
    chart = Chart(path / "chart.sqlite", facility=FACILITY, ward=WARD, key=PUBLIC)
    for table in ward_tables(now - timedelta(minutes=10)) if full else ():
        chart.take(issued(table), now)
    return chart


def badge(staff_id: str) -> Symbol:
    return Symbol(identifier="]Q1", content=f"BADGE:{staff_id}".encode())


def band(patient: str, srin: str = "1") -> Symbol:
    return Symbol(identifier="]d2", content=f"8018{GSRN[patient]}\x1d8019{srin}".encode())


def pack(gtin: str, lot: str = "A1", expiry: str = "270131", serial: str = "") -> Symbol:
    tail = f"\x1d21{serial}" if serial else ""
    return Symbol(identifier="]d2", content=f"01{gtin}17{expiry}10{lot}{tail}".encode())


@dataclass
class FakeDrawers:
    """Remembers what was asked; `fault` is raised after it was asked."""

    outcome: DrawerOutcome = DrawerOutcome.UNLOCKED
    fault: Exception | None = None
    unlocked: list[tuple[int, str]] = field(default_factory=list)

    def unlock(self, drawer: int, *, command_id: str, ttl_s: float) -> DrawerOutcome:
        self.unlocked.append((drawer, command_id))
        if self.fault is not None:
            raise self.fault
        return self.outcome

    def battery_percent(self) -> int | None:
        return None

    def happenings(self, *, run: str, after: int) -> None:
        return None

    def close(self) -> None:
        pass


@dataclass
class Clock:
    """A wall clock and a monotonic one that only move when told to."""

    at: datetime = NOW
    mono: float = 1000.0

    def pass_by(self, span: timedelta) -> None:
        self.at += span
        self.mono += span.total_seconds()


class Stand:
    """A cart at the bedside without threads: each call is one value through the inbox."""

    def __init__(
        self,
        folder: Path,
        *,
        link: Link = Link.ONLINE,
        max_pages: int | None = None,
        full: bool = True,
        clock: Clock | None = None,
        measured: bool = True,
        cart: str = CART,
        idle_lock_s: int = 0,
        ask_witness: Callable[[WitnessAsked | WitnessAnswered], None] = lambda _body: None,
    ) -> None:
        self.clock = clock or Clock()
        self.chart = a_chart(folder, full=full)
        self.journal = Journal(folder / "journal.sqlite", cart=cart, at_rest=AT_REST, max_pages=max_pages)
        self.drawers = FakeDrawers()
        self.leases: list[LeaseAsked] = []
        ids = itertools.count(1)
        self.bedside = Bedside(
            cart=cart,
            facility=FACILITY,
            ward=WARD,
            zone=ZONE,
            chart=self.chart,
            journal=self.journal,
            drawers=self.drawers,
            ask_lease=self.leases.append,
            ask_witness=ask_witness,
            now=lambda: self.clock.at,
            mono_s=lambda: self.clock.mono,
            new_id=lambda: f"00000000-0000-4000-8000-{next(ids):012d}",
            idle_lock_s=lambda: idle_lock_s,
            aside=lambda call: call(),
        )
        self.put(LinkTold(link=link))
        if measured:
            self.put(ClockMeasured(offset_s=0.0))

    def put(self, item: object) -> None:
        self.bedside.handle(item)
        while not self.bedside.inbox.empty():
            self.bedside.handle(self.bedside.inbox.get())
        self.bedside.rest()

    def hold(self, *symbols: Symbol) -> None:
        for symbol in symbols:
            self.clock.pass_by(timedelta(seconds=5))
            self.put(Seen(symbol=symbol, at=self.clock.at))

    def press(self, command: Callable[..., Command], **fields: object) -> Answer:
        """Press a button on the screen as it is now."""
        fields.setdefault("moment", self.view.moment)
        asked = Asked(command=command(**fields), answer=Future())
        self.put(asked)
        return asked.answer.result(0)

    def sign_in(self, staff_id: str = "N1") -> None:
        self.hold(badge(staff_id))
        self.press(EnterPin, pin=PIN)

    def lease(self, patient: str, lease: Lease = Lease.HELD) -> None:
        self.put(LeaseTold(patient=patient, lease=lease, fence=7, until_mono_s=self.clock.mono + 300))

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
