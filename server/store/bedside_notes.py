"""Queries about what was said or done at a bedside and is no dose: kept as it came, read by patient, by ward and by what it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, literal, or_, select

from server.store import reach
from server.store.plain import storable, text
from server.store.tables import BedsideNoteRow, PatientRow
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class BedsideNote:
    """One note; `details` are the cart's plain values, as they came. `name` and `bed` are the patient's now, "" where not known."""

    record_id: str
    kind: str
    ward: str
    cart: str
    patient: str | None
    of: str | None
    nurse: str
    at: datetime
    received_at: datetime
    details: Mapping[str, Any]
    name: str = ""
    bed: str = ""


def add(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """False: this record is here already, and nothing was written."""
    kept = storable({**row, "document": clean(row["document"])})
    new = insertion(tx, BedsideNoteRow).values(facility=tx.facility, received_at=tx.at, **kept)
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))


def clean(value: Any) -> Any:
    """Plain values as a database takes them: without NUL characters."""
    if isinstance(value, Mapping):
        return {str(text(key)): clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [clean(each) for each in value]
    return text(value)


def document(tx: Transaction, record_id: str) -> Mapping[str, Any] | None:
    row = BedsideNoteRow
    found: Mapping[str, Any] | None = tx.session.scalar(
        select(row.document).where(row.facility == tx.facility, row.record_id == text(record_id))
    )
    return found


def of_patient(tx: Transaction, patient: str, *, since: datetime, limit: int = 300) -> tuple[BedsideNote, ...]:
    """Newest first. One statement. Whether this person may see the patient the caller has asked."""
    row = BedsideNoteRow
    query = _query().where(row.facility == tx.facility, row.patient == patient, row.at >= since)
    return _notes(tx, query.order_by(row.at.desc(), row.record_id).limit(limit))


def of_ward(tx: Transaction, ward: str, *, kinds: tuple[str, ...], since: datetime, limit: int = 100) -> tuple[BedsideNote, ...]:
    """Newest first. One statement."""
    row = BedsideNoteRow
    query = _query().where(row.facility == tx.facility, row.ward == ward, row.kind.in_(kinds), row.at >= since)
    query = query.where(*reach.of_ward(tx, row.ward, row.patient))
    return _notes(tx, query.order_by(row.at.desc(), row.record_id).limit(limit))


def of_kind(tx: Transaction, patients: Sequence[str], *, kind: str, since: datetime, limit: int = 2000) -> tuple[BedsideNote, ...]:
    """Of these patients, newest first. One statement. Who may see it the caller has asked."""
    row = BedsideNoteRow
    query = _query().where(row.facility == tx.facility, row.patient.in_(list(patients)), row.kind == kind, row.at >= since)
    return _notes(tx, query.order_by(row.at.desc(), row.record_id).limit(limit))


def together(tx: Transaction, record_id: str, *, limit: int = 300) -> tuple[BedsideNote, ...]:
    """A note with all that belong to it, oldest first. One statement."""
    row = BedsideNoteRow
    query = _query().where(row.facility == tx.facility, or_(row.record_id == record_id, row.of == record_id))
    return _notes(tx, query.order_by(row.at, row.record_id).limit(limit))


def _query() -> Any:
    row, who = BedsideNoteRow, PatientRow
    return select(row, who.name, who.bed).outerjoin(who, and_(who.facility == row.facility, who.id == row.patient))


def _notes(tx: Transaction, query: Any) -> tuple[BedsideNote, ...]:
    return tuple(
        BedsideNote(
            record_id=row.record_id,
            kind=row.kind,
            ward=row.ward,
            cart=row.cart,
            patient=row.patient,
            of=row.of,
            nurse=row.nurse,
            at=row.at,
            received_at=row.received_at,
            details=row.document.get("details") or {},
            name=name or "",
            bed=bed or "",
        )
        for row, name, bed in tx.session.execute(query)
    )
