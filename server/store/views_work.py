"""What the work pages compute instead of storing: effects that are owed, and the minutes by which doses were early or late. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import aliased

from server.store import reach
from server.store.tables import AdministrationRow, PatientRow, StaffRow
from server.store.transaction import Transaction

MOST_OWED = 500
# A month of a large hospital; a longer period is asked for in parts.
MOST_ROWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseAsNeeded:
    """A dose as needed whose effect nobody has charted yet."""

    record_id: str
    patient: str
    patient_name: str
    bed: str | None
    ward: str
    product_name: str
    dose: str | None
    route: str | None
    prn_reason: str | None
    nurse: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One dose with the moment for which it was ordered. `minutes` is signed: below zero is early."""

    record_id: str
    ward: str
    patient: str
    mrn: str
    order: str | None
    display: str
    status: str
    status_reason: str | None
    due: datetime
    at: datetime
    minutes: int
    outside: bool
    nurse: str
    nurse_name: str


def effects_owed(tx: Transaction, *, ward: str | None, since: datetime) -> tuple[DoseAsNeeded, ...]:
    """Given as needed since then, not corrected, and without a word on the effect; oldest first. One statement."""
    dose = AdministrationRow
    later, said, unsaid = aliased(AdministrationRow), aliased(AdministrationRow), aliased(AdministrationRow)
    corrected = exists().where(later.facility == dose.facility, later.amends == dose.record_id)
    withdrawn = exists().where(unsaid.facility == said.facility, unsaid.amends == said.record_id)
    assessed = exists().where(
        said.facility == dose.facility,
        said.patient == dose.patient,
        said.action == "assess",
        said.continues == dose.record_id,
        said.status != "entered-in-error",
        ~withdrawn,
    )
    query = (
        select(dose, PatientRow.name, PatientRow.bed, PatientRow.ward)
        .join(PatientRow, and_(PatientRow.facility == dose.facility, PatientRow.id == dose.patient))
        .where(
            dose.facility == tx.facility,
            dose.effective_at >= since,
            dose.action == "give",
            dose.status == "completed",
            dose.prn_reason.is_not(None),
            PatientRow.status == "admitted",
            *reach.patients(tx),
            ~corrected,
            ~assessed,
        )
        .order_by(dose.effective_at, dose.record_id)
        .limit(MOST_OWED)
    )
    if ward:
        query = query.where(PatientRow.ward == ward)
    return tuple(
        DoseAsNeeded(
            record_id=row.record_id,
            patient=row.patient,
            patient_name=name,
            bed=bed,
            ward=here or row.ward,
            product_name=row.product_name or row.product or "",
            dose=row.dose,
            route=row.route,
            prn_reason=row.prn_reason,
            nurse=row.nurse,
            at=row.effective_at,
        )
        for row, name, bed, here in tx.session.execute(query)
    )


def timed(tx: Transaction, *, ward: str | None, since: datetime, until: datetime) -> tuple[Timed, ...]:
    """Every dose that names its due time, in the order given, at most `MOST_ROWS`. One statement."""
    dose = AdministrationRow
    later = aliased(AdministrationRow)
    query = (
        select(
            dose.record_id,
            dose.ward,
            dose.patient,
            dose.mrn,
            dose.order,
            dose.status,
            dose.status_reason,
            dose.due,
            dose.effective_at,
            dose.nurse,
            dose.product_name,
            dose.document,
            StaffRow.name,
        )
        .outerjoin(StaffRow, and_(StaffRow.facility == dose.facility, StaffRow.id == dose.nurse))
        .where(
            dose.facility == tx.facility,
            dose.effective_at >= since,
            dose.effective_at < until,
            dose.due.is_not(None),
            dose.action.in_(("give", "start", "hold", "refuse", "not-given")),
            dose.status != "entered-in-error",
            *reach.of_ward(tx, dose.ward, dose.patient),
            ~exists().where(later.facility == dose.facility, later.amends == dose.record_id),
        )
        .order_by(dose.effective_at, dose.record_id)
        .limit(MOST_ROWS)
    )
    if ward:
        query = query.where(dose.ward == ward)
    found = []
    for row in tx.session.execute(query):
        rules = {finding.get("rule") for finding in row.document.get("findings", ()) if isinstance(finding, dict)}
        found.append(
            Timed(
                record_id=row.record_id,
                ward=row.ward,
                patient=row.patient,
                mrn=row.mrn,
                order=row.order,
                display=row.product_name or "",
                status=row.status,
                status_reason=row.status_reason,
                due=row.due,
                at=row.effective_at,
                minutes=_minutes(row.effective_at - row.due),
                outside="T1" in rules,
                nurse=row.nurse,
                nurse_name=row.name or "",
            )
        )
    return tuple(found)


def _minutes(value: timedelta) -> int:
    """Whole minutes towards zero, with their sign."""
    return int(value.total_seconds() / 60)
