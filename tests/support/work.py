"""A ward with a controlled drug and several people of each role, for the tests of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from pointofcare.administration.record import AdministrationRecord, FindingEvidence, ScanEvidence
from pointofcare.people import StaffRole
from pointofcare.products import Controlled, Ingredient, Product
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import AttemptOutcome, AttemptStopped, CartBirth, FleetEvent
from server.store import fleet, tasks
from server.store.tasks import Task
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, attempts, orders, pharmacy, staff, tasks_raised
from server.usecases.administrations import Recorded
from tests.support import server_ward
from tests.support.server_ward import IMPORT, NOW, PHARMACIST, PRESCRIBER, WARD, a_record

GATEWAY = Actor(id="gateway")
SECOND = Actor(id="PH2", name="Second pharmacist", roles=frozenset({StaffRole.PHARMACIST}))
OTHER_NURSE = Actor(id="N2", name="Other nurse", roles=frozenset({StaffRole.NURSE}))
STUDENT = Actor(id="ST1", name="Student", roles=frozenset({StaffRole.STUDENT}))

MORPHINE = Product(
    id="MORPH10",
    gtin="08936000000028",
    name="Morphin 10 mg/mL",
    form="injection",
    routes=("IV", "SC"),
    ingredients=(Ingredient(name="morphine", amount=Quantity.parse("10 mg"), classes=("opioid",)),),
    volume=Quantity.parse("1 mL"),
    divisible=True,
    controlled=Controlled.NARCOTIC,
)
UNKNOWN_GTIN = "08936000000998"


def open_work() -> None:
    """On top of `server_ward.open_ward`: the drug, an order for it, more people, and a cart that is in the ward."""
    with transaction(IMPORT, at=NOW) as tx:
        pharmacy.receive_product(tx, MORPHINE)
        for actor in (SECOND, OTHER_NURSE, STUDENT):
            staff.receive(tx, server_ward.a_member(actor))
        fleet.put_birth(tx, "c1", CartBirth(boot_id="b", versions={}, hardware="cart", epoch="e1", ward=WARD))
    with transaction(PRESCRIBER, at=NOW) as tx:
        order = server_ward.an_order(
            9, patient="P1", ingredient="morphine", form="injection", route="IV", dose=Quantity.parse("6 mg"), display="Morphin 6 mg IV"
        )
        orders.place(tx, PRESCRIBER, order)
    with transaction(PHARMACIST, at=NOW) as tx:
        orders.verify(tx, PHARMACIST, "O9", 1)


def record(made: AdministrationRecord, *, at: datetime = NOW + timedelta(minutes=5)) -> Recorded:
    with transaction(GATEWAY, at=at) as tx:
        return administrations.record(tx, made, cart_seq=1, epoch="e1")


def morphine(*, units: int = 1, **changes: object) -> AdministrationRecord:
    """Morphine 6 mg of one 10 mg ampoule for P1, 4 mg wasted before a witness, unless changed."""
    scans = (
        ScanEvidence(identifier="]d2", text=f"8018{server_ward.gsrn(1)}\x1d80191", at=NOW - timedelta(seconds=40)),
        *(
            ScanEvidence(identifier="]d2", text=f"01{MORPHINE.gtin}10M1\x1d17270131\x1d21S{place}", at=NOW - timedelta(seconds=20 - place))
            for place in range(units)
        ),
    )
    values: dict[str, object] = {
        "order": "O9",
        "product": MORPHINE.id,
        "product_name": MORPHINE.name,
        "gtin": MORPHINE.gtin,
        "lot": "M1",
        "serial": "S0",
        "dose": Quantity.parse("6 mg"),
        "waste": Quantity.parse("4 mg"),
        "route": "IV",
        "witness": OTHER_NURSE.id,
        "scans": scans,
    }
    return a_record(**(values | changes))


def unavailable(**changes: object) -> AdministrationRecord:
    """The due amoxicillin was not there."""
    values: dict[str, object] = {
        "action": "not-given",
        "status": "not-done",
        "status_reason": "unavailable",
        "reason_text": "drawer empty",
        "product": None,
        "product_name": None,
        "gtin": None,
        "lot": None,
        "expiry": None,
        "dose": None,
        "scans": (),
    }
    return a_record(**(values | changes))


def stopped_by(code: str = UNKNOWN_GTIN, **changes: object) -> AttemptStopped:
    """A dose that an unknown barcode stopped."""
    values: dict[str, object] = {
        "record_id": str(uuid4()),
        "facility": "h1",
        "ward": WARD,
        "cart": "c1",
        "at": NOW,
        "outcome": AttemptOutcome.STOPPED,
        "nurse": server_ward.NURSE.id,
        "patient": "P1",
        "order": None,
        "order_version": None,
        "due": None,
        "action": "give",
        "level": "STOP",
        "findings": (
            FindingEvidence(
                rule="G5",
                level="STOP",
                satisfied=False,
                unknown=False,
                facts={"cause": "unknown", "barcode": code},
                remedy="tell-pharmacy",
                params={"barcode": code},
            ),
        ),
        "scans": (),
        "engine": "1.1.0",
        "policy": "default-7",
        "chart_version": 3,
        "online": True,
        "seq": 1,
        "epoch": "e1",
    }
    return AttemptStopped(**(values | changes))  # type: ignore[arg-type]


def attempt(made: AttemptStopped) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        attempts.record(tx, made)


def count(
    seq: int, counted: object, *, at: datetime = NOW, record_id: str | None = None, kind: str = "controlled-count", **details: object
) -> None:
    """The cart says what a nurse counted blind in drawer 3."""
    told: Mapping[str, object] = {
        "product": MORPHINE.id,
        "drawer": 3,
        "counted": counted,
        "record_id": record_id,
        "nurse": server_ward.NURSE.id,
        **details,
    }
    event = FleetEvent(seq=seq, epoch="e1", kind=kind, at=at, details=told)
    with transaction(GATEWAY, at=NOW + timedelta(minutes=6)) as tx:
        fleet.put_event(tx, "c1", event)
        tasks_raised.after_event(tx, "c1", event)


def fill(units: int, *, at: datetime = NOW - timedelta(hours=2), drawer: int = 3) -> None:
    from server.usecases import stock

    with transaction(PHARMACIST, at=at) as tx:
        stock.fill(tx, PHARMACIST, cart="c1", drawer=drawer, product=MORPHINE.id, units=Decimal(units))


def open_tasks(kind: str) -> tuple[Task, ...]:
    with reading(at=NOW + timedelta(minutes=10)) as tx:
        return tasks.listed(tx, kinds=(kind,))


def closed_tasks(kind: str) -> tuple[Task, ...]:
    with reading(at=NOW + timedelta(minutes=10)) as tx:
        return tasks.listed(tx, kinds=(kind,), is_open=False)
