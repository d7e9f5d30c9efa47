"""Queries about measurements: the facts as they came from the bedside, and the values that stand in the chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, literal, select

from pointofcare.people import Observation
from pointofcare.quantity import Quantity
from server.store import mapping
from server.store.plain import amount, moment, storable, stored_amount, to_amount, to_moment
from server.store.tables import ObservationRecordRow, ObservationRow, PatientRow
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One value that a person measured or entered. `cart` "" was entered on the web. `mrn` "" where the patient is not known."""

    record_id: str
    facility: str
    ward: str
    cart: str
    patient: str
    mrn: str
    code: str
    value: Quantity
    at: datetime
    nurse: str
    recorded_at: datetime


_WORDS = ("record_id", "facility", "ward", "cart", "patient", "mrn", "code", "nurse")


def to_document(measured: Measurement) -> dict[str, Any]:
    document: dict[str, Any] = {name: getattr(measured, name) for name in _WORDS}
    return document | {"value": amount(measured.value), "at": moment(measured.at), "recorded_at": moment(measured.recorded_at)}


def from_document(document: Mapping[str, Any]) -> Measurement:
    """Raises: KeyError, ValueError, QuantityError for a document that `to_document` did not write."""
    values: dict[str, Any] = {name: document[name] for name in _WORDS}
    values |= {"value": to_amount(document["value"]), "at": to_moment(document["at"]), "recorded_at": to_moment(document["recorded_at"])}
    return Measurement(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is known of the measured patient."""

    mrn: str
    ward: str | None


def subject(tx: Transaction, patient: str) -> Subject | None:
    row = tx.session.execute(
        select(PatientRow.mrn, PatientRow.ward).where(PatientRow.facility == tx.facility, PatientRow.id == patient)
    ).first()
    return None if row is None else Subject(mrn=row.mrn, ward=row.ward)


def add_record(tx: Transaction, measured: Measurement, *, epoch: str, seq: int, doubt: str | None) -> bool:
    """False: this record is here already, and nothing was written."""
    row = storable(
        {
            "record_id": measured.record_id,
            "ward": measured.ward,
            "cart": measured.cart,
            "cart_epoch": epoch,
            "cart_seq": seq,
            "patient": measured.patient,
            "code": measured.code,
            "value": amount(measured.value),
            "at": measured.at,
            "nurse": measured.nurse,
            "doubt": doubt,
        }
    )
    new = insertion(tx, ObservationRecordRow).values(facility=tx.facility, received_at=tx.at, **row)
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))


def get(tx: Transaction, record_id: str) -> Measurement | None:
    """A measurement as it came, whether it stands in the chart or not. One statement."""
    row, held = ObservationRecordRow, PatientRow
    of = and_(held.facility == row.facility, held.id == row.patient)
    query = select(row, held.mrn).outerjoin(held, of).where(row.facility == tx.facility, row.record_id == record_id)
    found = tx.session.execute(query).first()
    if found is None:
        return None
    one, mrn = found
    return Measurement(
        record_id=one.record_id,
        facility=one.facility,
        ward=one.ward,
        cart=one.cart,
        patient=one.patient,
        mrn=mrn or "",
        code=one.code,
        value=stored_amount(one.value),
        at=one.at,
        nurse=one.nurse,
        recorded_at=one.received_at,
    )


def put_in_chart(tx: Transaction, measured: Measurement) -> bool:
    """False: another value of this kind and moment stands there; it stays."""
    row = mapping.observation_row(Observation(code=measured.code, value=measured.value, at=measured.at))
    new = insertion(tx, ObservationRow).values(
        facility=tx.facility,
        patient=measured.patient,
        by=measured.nurse[:64],
        record_id=measured.record_id,
        cart=measured.cart or None,
        **row,
    )
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartedValue:
    code: str
    value: Quantity
    at: datetime
    by: str | None
    cart: str | None


def of_patient(tx: Transaction, patient: str, *, since: datetime, limit: int = 600) -> tuple[ChartedValue, ...]:
    """The values of late, oldest first. One statement."""
    rows = tx.session.scalars(
        select(ObservationRow)
        .where(ObservationRow.facility == tx.facility, ObservationRow.patient == patient, ObservationRow.at >= since)
        .order_by(ObservationRow.at.desc())
        .limit(limit)
    ).all()
    return tuple(ChartedValue(code=row.code, value=stored_amount(row.value), at=row.at, by=row.by, cart=row.cart) for row in reversed(rows))
