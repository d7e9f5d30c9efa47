"""Builders of bedside values, whose defaults together give PASS: one patient, one product, one order, at 08:05 in Hanoi.

`facts(...)` takes what a test is about and leaves the rest right.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pointofcare.labels.scan import BandScan, DrugScan, Scan
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.people import Band, BandStatus, Nurse, Patient, PatientStatus, StaffRole, Witness
from pointofcare.products import Ingredient, Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, Cart, Facts, HistoryEntry, Intent, Lease, Scanned
from pointofcare.verdict.finding import Finding, Level, Verdict

ZONE = "Asia/Ho_Chi_Minh"
GSRN = "893600000000000125"
OTHER_GSRN = "893600000000000132"
GTIN = "08936000000011"


def amount(text: str) -> Quantity:
    return Quantity.parse(text)


def local(clock: str = "08:05:00", day: str = "2026-03-02") -> datetime:
    """A time on the ward's clock, as UTC."""
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


NOW = local()


def a_patient(**changes: Any) -> Patient:
    patient = Patient(
        id="P1",
        mrn="24-000123",
        name="NGUYỄN VĂN AN",
        birth_date=date(1958, 4, 11),
        sex="male",
        ward="NOI-TH",
        bed="H012",
        status=PatientStatus.ADMITTED,
        bands=(Band(gsrn=GSRN, srin="1", status=BandStatus.ACTIVE),),
        allergies=(),
    )
    return replace(patient, **changes)


def a_neighbour(**changes: Any) -> Patient:
    patient = a_patient(
        id="P2",
        mrn="24-000124",
        name="TRẦN THỊ BÌNH",
        birth_date=date(1990, 12, 30),
        bed="H013",
        bands=(Band(gsrn=OTHER_GSRN, srin="1", status=BandStatus.ACTIVE),),
    )
    return replace(patient, **changes)


def an_ingredient(name: str = "amoxicillin", strength: str | None = "500 mg", *classes: str) -> Ingredient:
    return Ingredient(name=name, amount=amount(strength) if strength else None, classes=classes)


def a_product(**changes: Any) -> Product:
    product = Product(
        id="AMOX500",
        gtin=GTIN,
        name="Amoxicillin 500 mg",
        form="capsule",
        routes=("PO",),
        ingredients=(an_ingredient("amoxicillin", "500 mg", "penicillin"),),
    )
    return replace(product, **changes)


def an_order(dose: str | None = "500 mg", **changes: Any) -> Order:
    order = Order(
        id="O1",
        version=1,
        patient="P1",
        ingredient="amoxicillin",
        form="capsule",
        route="PO",
        category=OrderCategory.SCHEDULED,
        status=OrderStatus.ACTIVE,
        verified=True,
        dose=amount(dose) if dose else None,
        times=(time(8), time(20)),
        start=local("08:00:00", "2026-03-01"),
    )
    return replace(order, **changes)


def an_entry(status: str = "completed", at: datetime | None = None, **changes: Any) -> HistoryEntry:
    entry = HistoryEntry(order="O1", patient="P1", product="AMOX500", status=status, at=at or local("07:40:00"), dose=amount("500 mg"))
    return replace(entry, **changes)


def a_band_scan(**changes: Any) -> BandScan:
    return replace(BandScan(gsrn=GSRN, srin="1"), **changes)


def a_drug_scan(**changes: Any) -> DrugScan:
    return replace(DrugScan(gtin=GTIN, lot="A1", expiry=date(2027, 1, 31)), **changes)


def scanned(*scans: Scan, until: datetime = NOW, every: timedelta = timedelta(seconds=10)) -> tuple[Scanned, ...]:
    """The scans, ten seconds apart, the last ten seconds before `until`."""
    return tuple(Scanned(scan=scan, at=until - every * (len(scans) - place)) for place, scan in enumerate(scans))


def a_nurse(**changes: Any) -> Nurse:
    return replace(Nurse(id="N1", role=StaffRole.NURSE, licensed=True), **changes)


def a_witness(**changes: Any) -> Witness:
    return replace(Witness(id="N2", role=StaffRole.NURSE, licensed=True, on_shift=True), **changes)


def a_cart(**changes: Any) -> Cart:
    return replace(Cart(id="C1", online=True, clock_offset_s=0.0, chart_age_s=0.0, lease=Lease.HELD), **changes)


def an_intent(action: Action = Action.GIVE, **changes: Any) -> Intent:
    return replace(Intent(action=action), **changes)


def facts(**changes: Any) -> Facts:
    """Right in everything, but for `changes`. `at` moves the scans with it unless they are given."""
    at = changes.get("at", NOW)
    whole = Facts(
        at=at,
        timezone=ZONE,
        cart=a_cart(),
        nurse=a_nurse(),
        intent=an_intent(),
        patients=(a_patient(), a_neighbour()),
        products=(a_product(),),
        orders=(an_order(),),
        scans=scanned(a_band_scan(), a_drug_scan(), until=at),
    )
    return replace(whole, **changes)


def finding_of(verdict: Verdict, rule: str) -> Finding | None:
    return next((finding for finding in verdict.findings if finding.rule == rule), None)


def level_of(verdict: Verdict, rule: str) -> Level:
    """What this rule says: PASS when it says nothing."""
    return max((finding.level for finding in verdict.findings if finding.rule == rule), default=Level.PASS)
