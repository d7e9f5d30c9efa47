"""A small ward in the server's store, and records of doses given in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import uuid4

from pointofcare.administration.record import AdministrationRecord, ScanEvidence
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.people import Allergy, Band, BandStatus, Patient, PatientStatus, StaffRole
from pointofcare.products import Ingredient, Product
from pointofcare.quantity import Quantity
from server.store.patients import Ward
from server.store.staff import StaffMember
from server.store.transaction import Actor, transaction
from server.usecases import orders, patients, pharmacy, staff

NOW = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)  # 08:05 in the ward
DUE = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
WARD = "NOI-TH"
PRESCRIBER = Actor(id="D1", name="Doctor", roles=frozenset({StaffRole.PRESCRIBER}))
PHARMACIST = Actor(id="PH1", name="Pharmacist", roles=frozenset({StaffRole.PHARMACIST}))
CHARGE = Actor(id="CN1", name="Charge nurse", roles=frozenset({StaffRole.CHARGE_NURSE}))
NURSE = Actor(id="N1", name="Nurse", roles=frozenset({StaffRole.NURSE}))
IMPORT = Actor(id="import")

AMOXICILLIN = Product(
    id="AMOX500",
    gtin="08936000000011",
    name="Amoxicillin 500 mg",
    form="capsule",
    routes=("PO",),
    ingredients=(Ingredient(name="amoxicillin", amount=Quantity.parse("500 mg"), classes=("penicillin",)),),
)


def a_patient(number: int = 1) -> Patient:
    return Patient(
        id=f"P{number}",
        mrn=f"24-{number:06}",
        name=f"NGUYỄN VĂN {number}",
        birth_date=date(1958, 4, 11),
        sex="male",
        ward=WARD,
        bed=f"H{number:03}",
        status=PatientStatus.ADMITTED,
        bands=(Band(gsrn=gsrn(number), srin="1", status=BandStatus.ACTIVE),),
        allergies=(Allergy(substance="aspirin"),),
    )


def gsrn(number: int) -> str:
    """A GSRN (18 digits) with its check digit."""
    body = f"8936000{number:010}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


def an_order(number: int = 1, *, patient: str = "P1", **changes: object) -> Order:
    order = Order(
        id=f"O{number}",
        version=1,
        patient=patient,
        ingredient="amoxicillin",
        form="capsule",
        route="PO",
        category=OrderCategory.SCHEDULED,
        status=OrderStatus.ACTIVE,
        dose=Quantity(value=Decimal(500), unit="mg"),
        times=(time(8), time(20)),
        start=NOW - timedelta(days=2),
        display="Amoxicillin 500 mg PO 08:00 20:00",
    )
    return replace(order, **changes)  # type: ignore[arg-type]


def a_member(actor: Actor, **changes: object) -> StaffMember:
    member = StaffMember(
        id=actor.id,
        name=actor.name,
        username=actor.id.lower(),
        email=f"{actor.id.lower()}@hospital.example",
        roles=tuple(actor.roles),
        badge=f"BADGE:{actor.id}",
        licensed=True,
        pin_hash="$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA",
    )
    return replace(member, **changes)  # type: ignore[arg-type]


def open_ward(*, patient_count: int = 1, at: datetime = NOW, verified: bool = True) -> None:
    """A ward with patients P1.., each with one verified order O1.. of amoxicillin, and its staff."""
    with transaction(IMPORT, at=at) as tx:
        patients.open_ward(tx, Ward(id=WARD, name="Nội tổng hợp", timezone="Asia/Ho_Chi_Minh"))
        pharmacy.receive_product(tx, AMOXICILLIN)
        for actor in (PRESCRIBER, PHARMACIST, CHARGE, NURSE):
            staff.receive(tx, a_member(actor))
        for number in range(1, patient_count + 1):
            patients.receive(tx, a_patient(number))
    with transaction(PRESCRIBER, at=at) as tx:
        for number in range(1, patient_count + 1):
            orders.place(tx, PRESCRIBER, an_order(number, patient=f"P{number}"))
    if verified:
        with transaction(PHARMACIST, at=at) as tx:
            for number in range(1, patient_count + 1):
                orders.verify(tx, PHARMACIST, f"O{number}", 1)


def a_record(number: int = 1, **changes: object) -> AdministrationRecord:
    """The due dose of patient `number`, given as it should be."""
    patient = a_patient(number)
    record = AdministrationRecord(
        record_id=str(uuid4()),
        facility="h1",
        ward=WARD,
        cart="c1",
        patient=patient.id,
        mrn=patient.mrn,
        order=f"O{number}",
        order_version=1,
        due=DUE,
        action="give",
        status="completed",
        status_reason=None,
        reason_text=None,
        product=AMOXICILLIN.id,
        product_name=AMOXICILLIN.name,
        gtin=AMOXICILLIN.gtin,
        lot="A1",
        expiry=date(2027, 1, 31),
        serial=None,
        dose=Quantity.parse("500 mg"),
        route="PO",
        site=None,
        waste=None,
        prn_reason=None,
        effective_at=NOW,
        recorded_at=NOW,
        nurse=NURSE.id,
        witness=None,
        level="PASS",
        findings=(),
        engine="1.0.0",
        policy="default-7",
        scans=(
            ScanEvidence(identifier="]d2", text=f"8018{gsrn(number)}\x1d80191", at=NOW - timedelta(seconds=20)),
            ScanEvidence(identifier="]d2", text=f"01{AMOXICILLIN.gtin}10A1\x1d17270131", at=NOW - timedelta(seconds=10)),
        ),
        chart_version=3,
        online=True,
        clock_offset_s=0.0,
        lease_fence=1,
    )
    return replace(record, **changes)  # type: ignore[arg-type]
