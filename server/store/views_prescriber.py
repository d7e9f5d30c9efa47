"""What the prescriber's page reads: doses of one's patients that were not given, with who has seen them, and orders that wait for a second
look. Reads, and the one row that says "seen"."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import aliased

from server.store import orders, reach
from server.store.orders import OrderView
from server.store.tables import AdministrationRow, DoseSeenRow, OrderRow, PatientRow, RoleRow, StaffRow, staff_roles
from server.store.transaction import Transaction
from server.store.versions import insertion

SHOWN = 100
_NOT_GIVEN = ("not-done", "on-hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotGiven:
    """`action`: hold, refuse, not-given; `seen` are (person, when), oldest first."""

    record_id: str
    patient: str
    patient_name: str
    ward: str | None
    bed: str | None
    order: str | None
    drug: str
    action: str
    reason: str | None
    reason_text: str | None
    due: datetime | None
    at: datetime
    nurse: str
    prescriber: str | None
    seen: tuple[tuple[str, datetime], ...] = ()


def prescribers(tx: Transaction) -> dict[str, str]:
    """Id -> name, of those who may order now."""
    rows = tx.session.execute(
        select(StaffRow.id, StaffRow.name)
        .join(staff_roles, staff_roles.c.staff == StaffRow.id)
        .join(RoleRow, RoleRow.id == staff_roles.c.role)
        .where(StaffRow.facility == tx.facility, StaffRow.active.is_(True), RoleRow.name == "prescriber")
        .order_by(StaffRow.name, StaffRow.id)
    )
    return {row.id: row.name for row in rows}


def not_given(tx: Transaction, *, since: datetime, prescriber: str | None = None, ward: str | None = None) -> tuple[NotGiven, ...]:
    """Newest first; a record that was withdrawn since is left out. Two statements, whatever their number."""
    a, o, p, later = AdministrationRow, OrderRow, PatientRow, aliased(AdministrationRow)
    query = (
        select(a, o.prescriber, p.name, p.ward, p.bed)
        .outerjoin(o, and_(o.facility == a.facility, o.id == a.order))
        .join(p, and_(p.facility == a.facility, p.id == a.patient))
        .where(
            a.facility == tx.facility,
            a.status.in_(_NOT_GIVEN),
            a.effective_at >= since,
            ~exists().where(later.facility == a.facility, later.amends == a.record_id),
            *reach.patients(tx),
        )
        .order_by(a.effective_at.desc(), a.record_id)
        .limit(SHOWN)
    )
    if prescriber is not None:
        # What names nobody who works here is shown to each prescriber rather than to none.
        here = select(StaffRow.id).where(StaffRow.facility == tx.facility)
        query = query.where(or_(o.prescriber == prescriber, o.prescriber.is_(None), o.prescriber.not_in(here)))
    if ward:
        query = query.where(p.ward == ward)
    rows = tx.session.execute(query).all()
    seen = _seen(tx, [row[0].record_id for row in rows])
    return tuple(
        NotGiven(
            record_id=row[0].record_id,
            patient=row[0].patient,
            patient_name=row.name,
            ward=row.ward,
            bed=row.bed,
            order=row[0].order,
            drug=row[0].product_name or str(row[0].document.get("product_name") or ""),
            action=row[0].action,
            reason=row[0].status_reason,
            reason_text=row[0].document.get("reason_text"),
            due=row[0].due,
            at=row[0].effective_at,
            nurse=row[0].nurse,
            prescriber=row.prescriber,
            seen=seen.get(row[0].record_id, ()),
        )
        for row in rows
    )


def find(tx: Transaction, record_id: str) -> tuple[str, str] | None:
    """(patient, status) of a record of somebody whom the person reaches. Raises: OtherWardError."""
    a, p = AdministrationRow, PatientRow
    row = tx.session.execute(
        select(a.patient, a.status, a.ward, p.ward.label("now"))
        .outerjoin(p, and_(p.facility == a.facility, p.id == a.patient))
        .where(a.facility == tx.facility, a.record_id == record_id)
    ).first()
    if row is None:
        return None
    reach.must_see_thing(tx, ward=row.ward, patient=row.patient, patient_ward=row.now)
    return row.patient, row.status


def see(tx: Transaction, record_id: str) -> bool:
    """False: this person has seen it already."""
    new = insertion(tx, DoseSeenRow).values(facility=tx.facility, record_id=record_id, staff=tx.actor.id, at=tx.at)
    return tx.inserted(new.on_conflict_do_nothing().returning(DoseSeenRow.record_id))


def drafts(tx: Transaction, *, marked: str, ward: str | None = None) -> tuple[OrderView, ...]:
    """Drafts of admitted patients whose clarification holds `marked`, longest waiting first."""
    conditions = [
        OrderRow.status == "draft",
        OrderRow.clarification.contains(marked, autoescape=True),
        PatientRow.status == "admitted",
        *reach.patients(tx),
    ]
    if ward:
        conditions.append(PatientRow.ward == ward)
    return orders.matching(tx, *conditions, limit=SHOWN)


def _seen(tx: Transaction, records: Collection[str]) -> dict[str, tuple[tuple[str, datetime], ...]]:
    if not records:
        return {}
    rows = tx.session.scalars(
        select(DoseSeenRow).where(DoseSeenRow.facility == tx.facility, DoseSeenRow.record_id.in_(records)).order_by(DoseSeenRow.at)
    )
    found: dict[str, list[tuple[str, datetime]]] = {}
    for row in rows:
        found.setdefault(row.record_id, []).append((row.staff, row.at))
    return {record: tuple(listed) for record, listed in found.items()}
