"""The patients, orders and products of a chaos run: small wards that fill anew, so that thousands of doses are due in small charts.

Drawn from a seed. Every order is due once, at a moment near the run's own, and no ingredient stands twice with one patient, so that
no dose is too early, too late or a repetition by itself. Names and numbers are the simulation's own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pointofcare.labels import gs1
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.people import Band, BandStatus, Observation, Patient, PatientStatus, StaffRole, Weight
from pointofcare.products import Ingredient, Product
from pointofcare.quantity import Quantity
from simulation import labels
from simulation.ward import StaffMember, Ward, gsrn

CARTS_PER_WARD = 2
PATIENTS_AT_ONCE = 4
ORDERS_PER_PATIENT = 12
# An order is due within the hour before its patient comes, so that the widest window of a daily dose (two hours) lasts for the run.
_DUE_BEFORE = timedelta(minutes=20)
_GS = "\x1d"
_PREFIX = "0893600001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One pack as its DataMatrix says it."""

    product: str
    gtin: str
    lot: str
    serial: str
    expiry: date

    def typed(self) -> bytes:
        """As a serial hand scanner sends it."""
        return f"]d201{self.gtin}17{self.expiry:%y%m%d}10{self.lot}{_GS}21{self.serial}\r\n".encode("ascii")


def ward_of(cart_number: int) -> str:
    """The ward of the n-th cart, counted from 0: two carts share one, so that they meet at its beds."""
    return f"KHOA-{cart_number // CARTS_PER_WARD + 1:02d}"


def wards(carts: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ward_of(number) for number in range(carts)))


def products() -> tuple[Product, ...]:
    """One plain tablet an ingredient, as many as a patient has orders."""
    found = []
    for number in range(1, ORDERS_PER_PATIENT + 1):
        body = f"{_PREFIX}{number:03d}"
        found.append(
            Product(
                id=f"CHAOS{number:02d}",
                gtin=body + gs1.check_digit(body),
                name=f"Viên thử {number:02d} 10 mg",
                form="tablet",
                routes=("PO",),
                ingredients=(Ingredient(name=f"trial substance {number:02d}", amount=Quantity.parse("10 mg"), classes=()),),
            )
        )
    return tuple(found)


def staff(carts: int, rng: random.Random) -> tuple[StaffMember, ...]:
    """A nurse a cart, and those who write and check orders. Badges and PINs are drawn."""
    roles = [(f"nurse{number}", StaffRole.NURSE) for number in range(1, carts + 1)]
    roles += [("pharmacist1", StaffRole.PHARMACIST), ("doctor1", StaffRole.PRESCRIBER), ("admin1", StaffRole.ADMINISTRATOR)]
    return tuple(
        StaffMember(
            id=f"S-{handle}",
            name=f"Chaos {handle}",
            email=f"chaos.{handle}@ward.test",
            badge=f"{10_000_000 + number * 7919 + rng.randrange(7000):08d}",
            pin=f"{rng.randrange(10**6):06d}",
            password="".join(rng.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(16)),
            roles=(role,),
            licensed=True,
        )
        for number, (handle, role) in enumerate(roles)
    )


def round_of(ward: str, place: int, number: int, now: datetime, stock: tuple[Product, ...]) -> Ward:
    """The `number`-th set of patients (from 0) who lie in `ward`, the `place`-th of the hospital, with orders that are due at `now`."""
    patients, orders = [], []
    for bed in range(1, PATIENTS_AT_ONCE + 1):
        running = (number * PATIENTS_AT_ONCE + bed) * 64 + place
        patient = _patient(running, ward, bed, now)
        patients.append(patient)
        orders += [_order(patient.id, product, now) for product in stock]
    return Ward(patients=tuple(patients), orders=tuple(orders), products=(), staff=(), drawers=())


def joined(each: list[Ward]) -> Ward:
    """All their patients and orders."""
    return Ward(
        patients=tuple(patient for one in each for patient in one.patients),
        orders=tuple(order for one in each for order in one.orders),
        products=(),
        staff=(),
        drawers=(),
    )


def packs(rng: random.Random, today: date) -> Iterator[tuple[str, str, date]]:
    """(lot, serial, expiry) of one pack after the other; no serial number comes twice."""
    count = rng.randrange(10**6)
    while True:
        count += 1
        lot = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(6))
        yield lot, f"{count:09d}", today + timedelta(days=rng.randrange(60, 900))


def band(patient: Patient) -> bytes:
    """A wristband as a serial hand scanner sends it."""
    own = patient.bands[0]
    return f"]d28018{own.gsrn}{_GS}8019{own.srin}\r\n".encode("ascii")


def badge(member: StaffMember) -> bytes:
    return f"]Q1{labels.BADGE_PREFIX}{member.badge}\r\n".encode("ascii")


def _patient(running: int, ward: str, bed: int, now: datetime) -> Patient:
    return Patient(
        id=f"P{running:06d}",
        mrn=f"26-{running:06d}",
        name=f"NGƯỜI BỆNH {running:06d}",
        birth_date=date(1950, 1, 1) + timedelta(days=running % 20_000),
        sex="female" if running % 2 else "male",
        ward=ward,
        bed=f"H{bed:02d}",
        status=PatientStatus.ADMITTED,
        weight=Weight(value=Quantity.parse("60 kg"), at=now - timedelta(hours=20)),
        bands=(Band(gsrn=gsrn(1_000_000 + running), srin="1", status=BandStatus.ACTIVE),),
        allergies=(),
        observations=(Observation(code="heart-rate", value=Quantity.parse("72 /min"), at=now - timedelta(minutes=30)),),
    )


def _order(patient: str, product: Product, now: datetime) -> Order:
    return Order(
        id=f"{patient}-{product.id}",
        version=1,
        patient=patient,
        ingredient=product.ingredients[0].name,
        form=product.form,
        route=product.routes[0],
        dose=product.ingredients[0].amount,
        category=OrderCategory.SCHEDULED,
        status=OrderStatus.ACTIVE,
        verified=True,
        every=timedelta(hours=24),
        start=now.replace(second=0, microsecond=0) - _DUE_BEFORE,
        indication="thử nghiệm",
        display=f"{product.name}, PO",
        prescriber="S-doctor1",
    )
