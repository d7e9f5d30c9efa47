"""Queries about what a person must look at: where the server's facts and a record do not agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from pointofcare.errors import NotFoundError
from server.store import reach
from server.store.tables import DiscrepancyRow, PatientRow
from server.store.transaction import Transaction
from server.store.versions import insertion

OPEN = "open"
RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """`code` is stable: unknown-patient, verdict-differs ... `detail` holds plain JSON values."""

    code: str
    record_id: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0
    ward: str = ""
    patient: str = ""
    state: str = OPEN
    raised_at: datetime | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    reason: str | None = None


def _value(row: DiscrepancyRow) -> Discrepancy:
    return Discrepancy(
        id=row.id,
        code=row.code,
        record_id=row.record_id,
        ward=row.ward,
        patient=row.patient,
        detail=row.detail,
        state=row.state,
        raised_at=row.raised_at,
        resolved_by=row.resolved_by,
        resolved_at=row.resolved_at,
        reason=row.reason,
    )


def raise_all(tx: Transaction, found: Sequence[Discrepancy]) -> None:
    """One statement for all of them; one of each code a record."""
    if not found:
        return
    rows = [
        {
            "facility": tx.facility,
            "record_id": one.record_id,
            "code": one.code,
            "ward": one.ward,
            "patient": one.patient,
            "detail": dict(one.detail),
            "state": OPEN,
            "raised_at": tx.at,
        }
        for one in found
    ]
    tx.session.execute(insertion(tx, DiscrepancyRow).values(rows).on_conflict_do_nothing())


def listed(tx: Transaction, *, state: str | None = OPEN, ward: str | None = None, limit: int = 200) -> tuple[Discrepancy, ...]:
    """Newest first."""
    query = select(DiscrepancyRow).where(DiscrepancyRow.facility == tx.facility)
    if state is not None:
        query = query.where(DiscrepancyRow.state == state)
    if ward is not None:
        query = query.where(DiscrepancyRow.ward == ward)
    rows = tx.session.scalars(query.order_by(DiscrepancyRow.raised_at.desc(), DiscrepancyRow.id.desc()).limit(limit))
    return tuple(_value(row) for row in rows)


def open_of_code(tx: Transaction, code: str) -> tuple[Discrepancy, ...]:
    """Oldest first, at most 100."""
    query = select(DiscrepancyRow).where(DiscrepancyRow.facility == tx.facility, DiscrepancyRow.state == OPEN, DiscrepancyRow.code == code)
    return tuple(_value(row) for row in tx.session.scalars(query.order_by(DiscrepancyRow.id).limit(100)))


def of_record(tx: Transaction, record_id: str) -> tuple[Discrepancy, ...]:
    rows = tx.session.scalars(
        select(DiscrepancyRow)
        .where(DiscrepancyRow.facility == tx.facility, DiscrepancyRow.record_id == record_id)
        .order_by(DiscrepancyRow.id)
    )
    return tuple(_value(row) for row in rows)


def get(tx: Transaction, discrepancy: int) -> Discrepancy:
    """Raises: NotFoundError, OtherWardError."""
    return _value(_row(tx, discrepancy))


def hold(tx: Transaction, discrepancy: int) -> Discrepancy:
    """As `get`; nobody else changes it until the transaction ends. Raises: NotFoundError."""
    return _value(_row(tx, discrepancy, is_held=True))


def resolve(tx: Transaction, discrepancy: int, *, reason: str, answer: str | None = None) -> Discrepancy:
    """`answer` is kept beside the facts. Raises: NotFoundError."""
    row = _row(tx, discrepancy)
    if answer is not None:
        row.detail = {**row.detail, "answer": answer}
    row.state = RESOLVED
    row.resolved_by = tx.actor.id
    row.resolved_at = tx.at
    row.reason = reason
    return _value(row)


def _row(tx: Transaction, discrepancy: int, *, is_held: bool = False) -> DiscrepancyRow:
    query = select(DiscrepancyRow).where(DiscrepancyRow.facility == tx.facility, DiscrepancyRow.id == discrepancy)
    row = tx.session.scalar(query.with_for_update().execution_options(populate_existing=True) if is_held else query)
    if row is None:
        raise NotFoundError(f"discrepancy {discrepancy} does not exist", remedy="look at the list again", discrepancy=discrepancy)
    if tx.actor.wards is not None:
        patient = tx.session.get(PatientRow, (tx.facility, row.patient))
        reach.must_see_thing(tx, ward=row.ward, patient=row.patient, patient_ward=patient.ward if patient is not None else None)
    return row
