"""Queries about charts that were opened in an emergency, outside the wards of who opened them. A row is judged once and never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import and_, case, func, or_, select

from pointofcare.errors import NotFoundError
from server.store import reach
from server.store.tables import AuditRow, EmergencyAccessRow, PatientRow, StaffRow
from server.store.transaction import Transaction

JUSTIFIED = "justified"
NOT_JUSTIFIED = "not-justified"
JUDGEMENTS = (JUSTIFIED, NOT_JUSTIFIED)
MOST_LISTED = 200
MOST_LOOKS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A patient of the facility, as far as somebody may know who does not reach the ward: no name."""

    id: str
    mrn: str
    ward: str
    bed: str | None
    is_reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """`judged` None: it waits for its review until `review_by`."""

    id: int
    staff: str
    staff_name: str
    patient: str
    mrn: str
    ward: str
    code: str
    reason: str
    opened_at: datetime
    until: datetime
    ended_at: datetime | None
    review_by: datetime
    judged: str | None
    judged_by: str | None
    judged_at: datetime | None
    comment: str

    def is_running(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.until

    def is_late(self, now: datetime) -> bool:
        return self.judged is None and now >= self.review_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One audited act or view during the access."""

    at: datetime
    action: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    staff: str
    name: str
    opened: int
    justified: int
    not_justified: int
    waiting: int


def outside(tx: Transaction, text: str) -> Outside | None:
    """The patient with exactly this id or MRN."""
    wanted = text.strip()
    if not wanted:
        return None
    row = tx.session.scalars(
        select(PatientRow)
        .where(PatientRow.facility == tx.facility, or_(PatientRow.id == wanted, PatientRow.mrn == wanted))
        .order_by(case((PatientRow.id == wanted, 0), else_=1))
        .limit(1)
    ).first()
    if row is None:
        return None
    return Outside(id=row.id, mrn=row.mrn, ward=row.ward or "", bed=row.bed, is_reached=reach.sees(tx, row.ward, row.id))


def add(
    tx: Transaction, *, patient: str, ward: str, code: str, reason: str, until: datetime, review_by: datetime
) -> int:  # fmt: skip
    row = EmergencyAccessRow(
        facility=tx.facility,
        staff=tx.actor.id,
        patient=patient,
        ward=ward,
        code=code,
        reason=reason,
        opened_at=tx.at,
        until=until,
        place=tx.actor.place,
        review_by=review_by,
    )
    tx.session.add(row)
    tx.session.flush()
    return row.id


def get(tx: Transaction, emergency: int) -> Emergency:
    """Raises: NotFoundError, OtherWardError (the reviewer is not of the ward); one's own is always reached."""
    found = _listed(tx, EmergencyAccessRow.id == emergency)
    if not found:
        raise NotFoundError(f"emergency access {emergency} does not exist", remedy="look at the list again", emergency=emergency)
    if found[0].staff != tx.actor.id:
        reach.must_see(tx, found[0].ward)
    return found[0]


def running(tx: Transaction, patient: str) -> Emergency | None:
    """The person's own, to this patient, that lasts."""
    e = EmergencyAccessRow
    found = _listed(tx, e.staff == tx.actor.id, e.patient == patient, e.until > tx.at, e.ended_at.is_(None))
    return found[0] if found else None


def listed(tx: Transaction, *, is_open: bool = True) -> tuple[Emergency, ...]:
    """Of the reviewer's wards: those that wait with the nearest time first, judged ones newest first."""
    e = EmergencyAccessRow
    mine: Sequence[Any] = () if tx.actor.wards is None else (e.ward.in_(sorted(tx.actor.wards)),)
    return _listed(tx, e.judged.is_(None) if is_open else e.judged.is_not(None), *mine, order=e.review_by if is_open else e.id.desc())


def waiting(tx: Transaction) -> tuple[int, int]:
    """How many wait for a review by somebody else, and how many of these are late. One statement."""
    e = EmergencyAccessRow
    query = select(func.count(), func.sum(case((e.review_by <= tx.at, 1), else_=0))).where(
        e.facility == tx.facility, e.judged.is_(None), e.staff != tx.actor.id
    )
    if tx.actor.wards is not None:
        query = query.where(e.ward.in_(sorted(tx.actor.wards)))
    number, late = tx.session.execute(query).one()
    return int(number), int(late or 0)


def end(tx: Transaction, emergency: int) -> None:
    row = _held(tx, emergency)
    row.ended_at = tx.at
    tx.session.flush()


def judge(tx: Transaction, emergency: int, *, judged: str, comment: str) -> bool:
    """False: somebody judged it before."""
    row = _held(tx, emergency)
    if row.judged is not None:
        return False
    row.judged, row.judged_by, row.judged_at, row.comment = judged, tx.actor.id, tx.at, comment
    tx.session.flush()
    return True


def _held(tx: Transaction, emergency: int) -> EmergencyAccessRow:
    query = select(EmergencyAccessRow).where(EmergencyAccessRow.facility == tx.facility, EmergencyAccessRow.id == emergency)
    return tx.session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def looks(tx: Transaction, found: Emergency) -> tuple[Look, ...]:
    """What was looked at and done under this access, oldest first."""
    rows = tx.session.scalars(
        select(AuditRow)
        .where(
            AuditRow.facility == tx.facility,
            AuditRow.actor == found.staff,
            AuditRow.at >= found.opened_at,
            AuditRow.at <= (found.ended_at or found.until),
        )
        .order_by(AuditRow.at, AuditRow.id)
        .execution_options(yield_per=MOST_LOOKS)
    )
    # Counted after they are chosen: whoever looks at much else first hides nothing.
    marked = (row for row in rows if found.patient in ((row.detail or {}).get("emergency") or ()))
    return tuple(Look(at=row.at, action=row.action, subject=row.subject) for row in islice(marked, MOST_LOOKS))


def by_person(tx: Transaction, *, since: datetime) -> tuple[Tally, ...]:
    """Who opened how many since then, most first. One statement."""
    e = EmergencyAccessRow

    def number(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    rows = tx.session.execute(
        select(
            e.staff, StaffRow.name, func.count(), number(e.judged == JUSTIFIED), number(e.judged == NOT_JUSTIFIED),
            number(e.judged.is_(None)),
        )
        .outerjoin(StaffRow, and_(StaffRow.facility == e.facility, StaffRow.id == e.staff))
        .where(e.facility == tx.facility, e.opened_at >= since)
        .group_by(e.staff, StaffRow.name)
        .order_by(func.count().desc(), e.staff)
        .limit(MOST_LISTED)
    )  # fmt: skip
    return tuple(
        Tally(staff=staff, name=name or "", opened=int(opened), justified=int(good), not_justified=int(bad), waiting=int(left))
        for staff, name, opened, good, bad, left in rows
    )


def _listed(tx: Transaction, *conditions: Any, order: Any = None) -> tuple[Emergency, ...]:
    e = EmergencyAccessRow
    rows = tx.session.execute(
        select(e, StaffRow.name, PatientRow.mrn)
        .outerjoin(StaffRow, and_(StaffRow.facility == e.facility, StaffRow.id == e.staff))
        .outerjoin(PatientRow, and_(PatientRow.facility == e.facility, PatientRow.id == e.patient))
        .where(e.facility == tx.facility, *conditions)
        .order_by(e.id.desc() if order is None else order, e.id)
        .limit(MOST_LISTED)
    )
    names = (
        "id", "staff", "patient", "ward", "code", "reason", "opened_at", "until", "ended_at", "review_by", "judged", "judged_by",
        "judged_at", "comment",
    )  # fmt: skip
    return tuple(Emergency(**{one: getattr(row, one) for one in names}, staff_name=name or "", mrn=mrn or "") for row, name, mrn in rows)
