"""What the pharmacist's queue reads: orders that wait for verification, and the history of one order. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select

from pointofcare.orders.order import Order, OrderCategory
from server.store import mapping
from server.store.tables import OrderQuestionRow, OrderRow, OrderVersionRow, PatientRow, StaffRow
from server.store.transaction import Transaction

WAITING = ("pending", "queried")
OPEN_STATUSES = ("active", "on-hold", "draft")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedOrder:
    """`clarification` says why an imported order cannot be given by scan yet."""

    order: Order
    verification: str
    patient_name: str
    mrn: str
    ward: str | None
    bed: str | None
    placed_at: datetime
    updated_at: datetime
    clarification: str | None

    @property
    def urgent(self) -> bool:
        return self.order.category is OrderCategory.STAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    version: int
    text: str
    asked_by: str
    asked_at: datetime
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderVersion:
    order: Order
    action: str
    reason: str | None
    by: str
    at: datetime


def queue(tx: Transaction, *, ward: str | None = None, limit: int = 300) -> tuple[QueuedOrder, ...]:
    """Waiting orders: STAT first, then those that nobody asked about, the oldest first."""
    query = (
        select(OrderRow, OrderVersionRow.document, PatientRow.name, PatientRow.mrn, PatientRow.ward, PatientRow.bed)
        .join(
            OrderVersionRow,
            and_(
                OrderVersionRow.facility == OrderRow.facility,
                OrderVersionRow.order == OrderRow.id,
                OrderVersionRow.version == OrderRow.version,
            ),
        )
        .join(PatientRow, and_(PatientRow.facility == OrderRow.facility, PatientRow.id == OrderRow.patient))
        .where(
            OrderRow.facility == tx.facility,
            OrderRow.verification.in_(WAITING),
            OrderRow.status.in_(OPEN_STATUSES),
            PatientRow.status == "admitted",
        )
        .order_by(OrderRow.placed_at, OrderRow.id)
        .limit(limit)
    )
    if ward:
        query = query.where(PatientRow.ward == ward)
    found = [
        QueuedOrder(
            order=mapping.order(document, verification=row.verification),
            verification=row.verification,
            patient_name=name,
            mrn=mrn,
            ward=in_ward,
            bed=bed,
            placed_at=row.placed_at,
            updated_at=row.updated_at,
            clarification=row.clarification,
        )
        for row, document, name, mrn, in_ward, bed in tx.session.execute(query)
    ]
    return tuple(sorted(found, key=lambda entry: (not entry.urgent, entry.verification == "queried", entry.placed_at)))


def questions(tx: Transaction, order: str) -> tuple[Question, ...]:
    rows = tx.session.scalars(
        select(OrderQuestionRow)
        .where(OrderQuestionRow.facility == tx.facility, OrderQuestionRow.order == order)
        .order_by(OrderQuestionRow.id)
    )
    return tuple(
        Question(
            version=row.version,
            text=row.text,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            answer=row.answer,
            answered_by=row.answered_by,
            answered_at=row.answered_at,
        )
        for row in rows
    )


def versions(tx: Transaction, order: str) -> tuple[OrderVersion, ...]:
    """Newest first."""
    rows = tx.session.scalars(
        select(OrderVersionRow)
        .where(OrderVersionRow.facility == tx.facility, OrderVersionRow.order == order)
        .order_by(OrderVersionRow.version.desc())
    )
    return tuple(_version(row) for row in rows)


def versions_of_patient(tx: Transaction, patient: str) -> dict[str, tuple[OrderVersion, ...]]:
    """All versions of all orders of one patient, newest first: one statement."""
    rows = tx.session.scalars(
        select(OrderVersionRow)
        .join(OrderRow, and_(OrderRow.facility == OrderVersionRow.facility, OrderRow.id == OrderVersionRow.order))
        .where(OrderRow.facility == tx.facility, OrderRow.patient == patient)
        .order_by(OrderVersionRow.order, OrderVersionRow.version.desc())
    )
    found: dict[str, list[OrderVersion]] = {}
    for row in rows:
        found.setdefault(row.order, []).append(_version(row))
    return {order: tuple(listed) for order, listed in found.items()}


def states_of_patient(tx: Transaction, patient: str) -> dict[str, OrderState]:
    rows = tx.session.scalars(select(OrderRow).where(OrderRow.facility == tx.facility, OrderRow.patient == patient))
    return {row.id: _state(row) for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    id: str
    patient: str
    version: int
    status: str | None
    verification: str
    verification_by: str | None
    verification_at: datetime | None
    verification_comment: str | None
    clarification: str | None
    source: str
    placed_at: datetime


def state(tx: Transaction, order: str) -> OrderState | None:
    row = tx.session.get(OrderRow, (tx.facility, order))
    return None if row is None else _state(row)


def names(tx: Transaction, staff: set[str]) -> dict[str, str]:
    """Names of people by their ids, for showing who did what; an id without a person stays away."""
    if not staff:
        return {}
    rows = tx.session.execute(select(StaffRow.id, StaffRow.name).where(StaffRow.id.in_(staff)))
    return {key: name for key, name in rows if name}


def _state(row: OrderRow) -> OrderState:
    return OrderState(
        id=row.id,
        patient=row.patient,
        version=row.version,
        status=row.status,
        verification=row.verification,
        verification_by=row.verification_by,
        verification_at=row.verification_at,
        verification_comment=row.verification_comment,
        clarification=row.clarification,
        source=row.source,
        placed_at=row.placed_at,
    )


def _version(row: OrderVersionRow) -> OrderVersion:
    return OrderVersion(
        order=mapping.order(row.document, verification="pending"), action=row.action, reason=row.reason, by=row.by, at=row.at
    )
