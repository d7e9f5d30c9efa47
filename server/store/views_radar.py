"""What the omission radar reads beside the ward's chart: who was last at which bed, the ward's carts, the leases that run. Reads only:
a few statements whatever the ward did, each bounded by the ward and by a few hours."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import literal, select

from server.store import views_fleet
from server.store.tables import AdministrationRow, AttemptRow, LeaseRow, ObservationRecordRow
from server.store.transaction import Transaction
from server.store.views_fleet import CartLine

SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Somebody did something for a patient at a bedside. `is_dose`: a dose was given."""

    patient: str
    nurse: str
    cart: str
    at: datetime
    is_dose: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBed:
    """A cart has this patient open now."""

    patient: str
    cart: str
    nurse: str | None
    until: datetime


def seen(tx: Transaction, ward: str, patients: Collection[str], since: datetime) -> tuple[Seen, ...]:
    """Newest first: what carts told of the ward, and what they measured of its patients."""
    a, t, o = AdministrationRow, AttemptRow, ObservationRecordRow
    parts = (
        select(a.patient, a.nurse, a.cart, a.effective_at.label("at"), a.action.in_(("give", "start")).label("is_dose")).where(
            a.facility == tx.facility, a.ward == ward, a.effective_at >= since, a.status != "entered-in-error"
        ),
        select(t.patient, t.nurse, t.cart, t.at, literal(False).label("is_dose")).where(
            t.facility == tx.facility, t.ward == ward, t.at >= since
        ),
        select(o.patient, o.nurse, o.cart, o.at, literal(False).label("is_dose")).where(
            o.facility == tx.facility, o.patient.in_(list(patients)), o.at >= since
        ),
    )
    found = [
        Seen(patient=row.patient, nurse=row.nurse or "", cart=row.cart, at=row.at, is_dose=bool(row.is_dose))
        for part in parts
        for row in tx.session.execute(part)
        if row.patient and row.cart != SERVER
    ]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True))


def open_beds(tx: Transaction, patients: Collection[str]) -> tuple[OpenBed, ...]:
    row = LeaseRow
    query = select(row.patient, row.cart, row.nurse, row.until)
    rows = tx.session.execute(
        query.where(row.facility == tx.facility, row.patient.in_(list(patients)), row.cart.is_not(None), row.until > tx.at)
    )
    return tuple(OpenBed(patient=row.patient, cart=row.cart, nurse=row.nurse, until=row.until) for row in rows)


def carts(tx: Transaction, ward: str) -> tuple[CartLine, ...]:
    return views_fleet.carts(tx, ward=ward)
