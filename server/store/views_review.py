"""What the review page reads: doses given over a finding, and discrepancies that a person must look at. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select

from pointofcare.administration.record import AdministrationRecord
from server.store import mapping_record, reach
from server.store.tables import AdministrationRow, AttemptRow, DiscrepancyRow, OverrideReviewRow, PatientRow
from server.store.tables.fleet import LeaseDoubtRow
from server.store.transaction import Transaction

# An override older than this is history, not work.
SHOWN = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    record: AdministrationRecord
    patient_name: str
    bed: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """`record` None: the record it is about is not stored here."""

    id: int
    code: str
    record_id: str
    ward: str
    patient: str
    patient_name: str
    detail: dict[str, Any]
    state: str
    raised_at: datetime
    resolved_by: str | None
    resolved_at: datetime | None
    reason: str | None
    record: AdministrationRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    record_id: str
    ward: str
    cart: str
    patient: str | None
    patient_name: str
    product: str | None
    nurse: str | None
    level: str
    rules: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseDoubt:
    patient: str
    patient_name: str
    ward: str
    cart: str
    nurse: str | None
    since: datetime


def lease_doubts(tx: Transaction, *, ward: str | None = None, limit: int = 100) -> tuple[LeaseDoubt, ...]:
    """Carts that had a patient's lease and have not told what they did; oldest first. `ward` is the patient's."""
    query = (
        select(LeaseDoubtRow, PatientRow.name, PatientRow.ward)
        .outerjoin(PatientRow, and_(PatientRow.facility == LeaseDoubtRow.facility, PatientRow.id == LeaseDoubtRow.patient))
        .where(LeaseDoubtRow.facility == tx.facility, *reach.of_patient(tx, LeaseDoubtRow.patient))
        .order_by(LeaseDoubtRow.since, LeaseDoubtRow.patient, LeaseDoubtRow.cart)
        .limit(limit)
    )
    if ward:
        query = query.where(PatientRow.ward == ward)
    return tuple(
        LeaseDoubt(patient=row.patient, patient_name=name or "", ward=of or "", cart=row.cart, nurse=row.nurse, since=row.since)
        for row, name, of in tx.session.execute(query)
    )


def overrides(tx: Transaction, *, ward: str | None = None, reviewed: bool = False, limit: int = 100) -> tuple[Override, ...]:
    """Newest first; those nobody has looked at, or with `reviewed` those that somebody has."""
    query = (
        select(AdministrationRow.document, OverrideReviewRow, PatientRow.name, PatientRow.bed)
        .outerjoin(
            OverrideReviewRow,
            and_(
                OverrideReviewRow.facility == AdministrationRow.facility,
                OverrideReviewRow.record_id == AdministrationRow.record_id,
            ),
        )
        .outerjoin(PatientRow, and_(PatientRow.facility == AdministrationRow.facility, PatientRow.id == AdministrationRow.patient))
        .where(
            AdministrationRow.facility == tx.facility,
            AdministrationRow.overridden.is_(True),
            AdministrationRow.effective_at >= tx.at - SHOWN,
            OverrideReviewRow.record_id.is_not(None) if reviewed else OverrideReviewRow.record_id.is_(None),
            *reach.of_ward(tx, AdministrationRow.ward, AdministrationRow.patient),
        )
        .order_by(AdministrationRow.effective_at.desc(), AdministrationRow.record_id)
        .limit(limit)
    )
    if ward:
        query = query.where(AdministrationRow.ward == ward)
    return tuple(
        Override(
            record=mapping_record.from_document(document),
            patient_name=name or "",
            bed=bed,
            reviewed_by=review.by if review else None,
            reviewed_at=review.at if review else None,
            comment=review.comment if review else None,
        )
        for document, review, name, bed in tx.session.execute(query)
    )


def discrepancies(tx: Transaction, *, ward: str | None = None, state: str = "open", limit: int = 100) -> tuple[Discrepancy, ...]:
    """Oldest first while open, newest first when resolved."""
    query = (
        select(DiscrepancyRow, AdministrationRow.document, PatientRow.name)
        .outerjoin(
            AdministrationRow,
            and_(AdministrationRow.facility == DiscrepancyRow.facility, AdministrationRow.record_id == DiscrepancyRow.record_id),
        )
        .outerjoin(PatientRow, and_(PatientRow.facility == DiscrepancyRow.facility, PatientRow.id == DiscrepancyRow.patient))
        .where(
            DiscrepancyRow.facility == tx.facility,
            DiscrepancyRow.state == state,
            *reach.of_ward(tx, DiscrepancyRow.ward, DiscrepancyRow.patient),
        )
        .order_by(DiscrepancyRow.raised_at if state == "open" else DiscrepancyRow.raised_at.desc(), DiscrepancyRow.id)
        .limit(limit)
    )
    if ward:
        query = query.where(DiscrepancyRow.ward == ward)
    return tuple(
        Discrepancy(
            id=row.id,
            code=row.code,
            record_id=row.record_id,
            ward=row.ward,
            patient=row.patient,
            patient_name=name or "",
            detail=dict(row.detail or {}),
            state=row.state,
            raised_at=row.raised_at,
            resolved_by=row.resolved_by,
            resolved_at=row.resolved_at,
            reason=row.reason,
            record=None if document is None else mapping_record.from_document(document),
        )
        for row, document, name in tx.session.execute(query)
    )


def attempts(tx: Transaction, *, ward: str | None = None, limit: int = 50) -> tuple[Attempt, ...]:
    """Doses that were stopped or given up, newest first: evidence, nothing to resolve."""
    query = (
        select(AttemptRow, PatientRow.name)
        .outerjoin(PatientRow, and_(PatientRow.facility == AttemptRow.facility, PatientRow.id == AttemptRow.patient))
        .where(AttemptRow.facility == tx.facility, *reach.of_ward(tx, AttemptRow.ward, AttemptRow.patient))
        .order_by(AttemptRow.at.desc(), AttemptRow.record_id)
        .limit(limit)
    )
    if ward:
        query = query.where(AttemptRow.ward == ward)
    return tuple(
        Attempt(
            record_id=row.record_id,
            ward=row.ward,
            cart=row.cart,
            patient=row.patient,
            patient_name=name or "",
            product=row.product,
            nurse=row.nurse,
            level=row.level,
            rules=tuple(row.rules or ()),
            at=row.at,
        )
        for row, name in tx.session.execute(query)
    )


def waiting(tx: Transaction) -> int:
    """How many overrides and discrepancies wait, counted up to 100 each: a badge needs no more."""
    unseen = (
        select(AdministrationRow.record_id)
        .outerjoin(
            OverrideReviewRow,
            and_(
                OverrideReviewRow.facility == AdministrationRow.facility,
                OverrideReviewRow.record_id == AdministrationRow.record_id,
            ),
        )
        .where(
            AdministrationRow.facility == tx.facility,
            AdministrationRow.overridden.is_(True),
            AdministrationRow.effective_at >= tx.at - SHOWN,
            OverrideReviewRow.record_id.is_(None),
            *reach.of_ward(tx, AdministrationRow.ward, AdministrationRow.patient),
        )
        .limit(100)
        .subquery()
    )
    open_ones = (
        select(DiscrepancyRow.id)
        .where(
            DiscrepancyRow.facility == tx.facility,
            DiscrepancyRow.state == "open",
            *reach.of_ward(tx, DiscrepancyRow.ward, DiscrepancyRow.patient),
        )
        .limit(100)
        .subquery()
    )
    found = tx.session.execute(
        select(select(func.count()).select_from(unseen).scalar_subquery() + select(func.count()).select_from(open_ones).scalar_subquery())
    ).scalar()
    return int(found or 0)
