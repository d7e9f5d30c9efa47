"""Queries about orders, their versions, and the pharmacist's work on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import and_, func, insert, select, update

from pointofcare.errors import ConflictError, NotFoundError
from pointofcare.orders.order import Order
from server.store import mapping, reach
from server.store.tables import OrderQuestionRow, OrderRow, OrderVersionRow, PatientRow
from server.store.transaction import Transaction


class Verification(StrEnum):
    PENDING = "pending"
    VERIFIED = "verified"
    QUERIED = "queried"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """An order at its newest version, with what the pharmacist said of it. `clarification` None: it is computable."""

    order: Order
    verification: Verification
    verification_by: str | None
    verification_at: datetime | None
    verification_comment: str | None
    clarification: str | None
    source: str
    emr_id: str | None
    placed_at: datetime
    updated_at: datetime
    patient_name: str = ""
    mrn: str = ""
    ward: str | None = None
    bed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """One version as it was written."""

    order: Order
    action: str
    reason: str | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    id: int
    order: str
    version: int
    text: str
    asked_by: str
    asked_at: datetime
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None


_NEWEST = and_(
    OrderVersionRow.facility == OrderRow.facility, OrderVersionRow.order == OrderRow.id, OrderVersionRow.version == OrderRow.version
)
_PATIENT = and_(PatientRow.facility == OrderRow.facility, PatientRow.id == OrderRow.patient)


def _view(row: OrderRow, document: str, patient: PatientRow) -> OrderView:
    return OrderView(
        order=mapping.order(document, verification=row.verification),
        verification=Verification(row.verification),
        verification_by=row.verification_by,
        verification_at=row.verification_at,
        verification_comment=row.verification_comment,
        clarification=row.clarification,
        source=row.source,
        emr_id=row.emr_id,
        placed_at=row.placed_at,
        updated_at=row.updated_at,
        patient_name=patient.name,
        mrn=patient.mrn,
        ward=patient.ward,
        bed=patient.bed,
    )


def _views(tx: Transaction, *conditions: object, limit: int | None = None) -> tuple[OrderView, ...]:
    query = (
        select(OrderRow, OrderVersionRow.document, PatientRow)
        .join(OrderVersionRow, _NEWEST)
        .join(PatientRow, _PATIENT)
        .where(OrderRow.facility == tx.facility, *conditions)  # type: ignore[arg-type]
        .order_by(OrderRow.placed_at, OrderRow.id)
        .limit(limit)
    )
    return tuple(_view(row, document, patient) for row, document, patient in tx.session.execute(query))


def get(tx: Transaction, order: str) -> OrderView:
    """Raises: NotFoundError, OtherWardError."""
    found = find(tx, order)
    if found is None:
        raise NotFoundError(f"order {order!r} is not known", remedy="look for the order again", order=order)
    return found


def find(tx: Transaction, order: str) -> OrderView | None:
    """Raises: OtherWardError."""
    found = _views(tx, OrderRow.id == order)
    for view in found:
        reach.must_see(tx, view.ward, view.order.patient)
    return found[0] if found else None


def of_patient(tx: Transaction, patient: str) -> tuple[OrderView, ...]:
    """All of a patient's orders in one statement, oldest first."""
    return _views(tx, OrderRow.patient == patient, *reach.patients(tx))


def of_anybody(tx: Transaction, patient: str) -> tuple[OrderView, ...]:
    """As `of_patient`, of any ward or none: for records that are merged. The caller has to ask who may."""
    return _views(tx, OrderRow.patient == patient)


def matching(tx: Transaction, *conditions: object, limit: int) -> tuple[OrderView, ...]:
    """For other queries of the store: orders by conditions on `OrderRow` and `PatientRow`, longest placed first."""
    return _views(tx, *conditions, limit=limit)


def queue(
    tx: Transaction,
    *,
    verification: Collection[Verification] = (Verification.PENDING, Verification.QUERIED),
    ward: str | None = None,
    limit: int = 200,
) -> tuple[OrderView, ...]:
    """What waits for the pharmacist, longest waiting first: live orders of admitted patients only, in one statement."""
    conditions: list[object] = [
        OrderRow.verification.in_([state.value for state in verification]),
        OrderRow.status.in_(["active", "on-hold", "draft"]),
        PatientRow.status == "admitted",
        *reach.patients(tx),
    ]
    if ward is not None:
        conditions.append(PatientRow.ward == ward)
    return _views(tx, *conditions, limit=limit)


def queue_length(tx: Transaction) -> int:
    return int(
        tx.session.scalar(
            select(func.count())
            .select_from(OrderRow)
            .join(PatientRow, _PATIENT)
            .where(
                OrderRow.facility == tx.facility,
                OrderRow.verification.in_([Verification.PENDING.value, Verification.QUERIED.value]),
                OrderRow.status.in_(["active", "on-hold", "draft"]),
                PatientRow.status == "admitted",
                *reach.patients(tx),
            )
        )
        or 0
    )


def versions(tx: Transaction, order: str) -> tuple[VersionView, ...]:
    """Every version, oldest first."""
    rows = tx.session.scalars(
        select(OrderVersionRow)
        .where(OrderVersionRow.facility == tx.facility, OrderVersionRow.order == order)
        .order_by(OrderVersionRow.version)
    )
    return tuple(
        VersionView(order=mapping.order(row.document, verification=""), action=row.action, reason=row.reason, by=row.by, at=row.at)
        for row in rows
    )


def changed(tx: Transaction, found: Iterable[Order]) -> dict[str, tuple[tuple[Order, datetime], ...]]:
    """Of those orders whose times were changed, every version with the moment at which it was written: what
    `orders.schedule.across` needs, so that a change hides no dose that was missed before."""
    found = tuple(found)
    wanted = [order.id for order in found if order.holds_from is not None]
    if not wanted:
        return {}
    rows = tx.session.scalars(
        select(OrderVersionRow)
        .where(OrderVersionRow.facility == tx.facility, OrderVersionRow.order.in_(wanted))
        .order_by(OrderVersionRow.order, OrderVersionRow.version)
    )
    versions: dict[str, tuple[tuple[Order, datetime], ...]] = {}
    # An order whose patient's record was merged is the other record's in all its versions.
    whose = {order.id: order.patient for order in found}
    for row in rows:
        order = replace(mapping.order(row.document, verification=""), patient=whose[row.order])
        versions[row.order] = (*versions.get(row.order, ()), (order, row.at))
    return versions


def insert_order(
    tx: Transaction, order: Order, *, source: str = "local", emr_id: str | None = None, clarification: str | None = None
) -> None:
    """Raises: IntegrityError of the store when the id is taken; callers look first."""
    tx.session.execute(
        insert(OrderRow).values(
            facility=tx.facility,
            id=order.id,
            patient=order.patient,
            version=order.version,
            status=None if order.status is None else order.status.value,
            verification=Verification.PENDING.value,
            verification_version=order.version,
            source=source,
            emr_id=emr_id,
            clarification=clarification,
            placed_at=tx.at,
            updated_at=tx.at,
            prescriber=order.prescriber,
        )
    )


def insert_version(tx: Transaction, order: Order, *, action: str, reason: str | None) -> None:
    tx.session.execute(
        insert(OrderVersionRow).values(
            facility=tx.facility,
            order=order.id,
            version=order.version,
            document=mapping.order_document(order),
            action=action,
            reason=reason,
            by=tx.actor.id,
            at=tx.at,
        )
    )


def point_to(tx: Transaction, order: Order, *, expected: int, keep_verification: bool, clarification: str | None = None) -> bool:
    """Makes `order.version` the newest, when it still is `expected`; False: somebody was faster."""
    values: dict[str, object] = {
        "version": order.version,
        "status": None if order.status is None else order.status.value,
        "updated_at": tx.at,
        "clarification": clarification,
        "prescriber": order.prescriber,
    }
    if keep_verification:
        values["verification_version"] = order.version
    else:
        values |= {
            "verification": Verification.PENDING.value,
            "verification_version": order.version,
            "verification_by": None,
            "verification_at": None,
            "verification_comment": None,
        }
    done = tx.changed(
        update(OrderRow).where(OrderRow.facility == tx.facility, OrderRow.id == order.id, OrderRow.version == expected).values(**values)
    )
    return done == 1


def name_in_emr(tx: Transaction, order: str, *, source: str, emr_id: str) -> None:
    """An order that came by a file is from now on known by its name in the EMR."""
    tx.session.execute(update(OrderRow).where(OrderRow.facility == tx.facility, OrderRow.id == order).values(source=source, emr_id=emr_id))


def named_in_emr(tx: Transaction, patient: str, *, source: str) -> tuple[OrderView, ...]:
    """A patient's orders that came from there, by their names there."""
    return _views(tx, OrderRow.patient == patient, OrderRow.source == source, OrderRow.emr_id.is_not(None))


def by_emr_id(tx: Transaction, source: str, emr_id: str) -> tuple[OrderView, ...]:
    """Whatever has this name there, whoever's it is: more than one where its number changed after an end."""
    return _views(tx, OrderRow.source == source, OrderRow.emr_id == emr_id)


def set_verification(
    tx: Transaction, order: str, *, version: int, state: Verification, comment: str | None, before: Verification | None = None
) -> bool:
    """False: the order has another version by now, or its verification is no longer `before`."""
    conditions = [OrderRow.facility == tx.facility, OrderRow.id == order, OrderRow.version == version]
    if before is not None:
        conditions.append(OrderRow.verification == before.value)
    done = tx.changed(
        update(OrderRow)
        .where(*conditions)
        .values(
            verification=state.value,
            verification_version=version,
            verification_by=tx.actor.id,
            verification_at=tx.at,
            verification_comment=comment,
            updated_at=tx.at,
        )
    )
    return done == 1


def _question(row: OrderQuestionRow) -> Question:
    return Question(
        id=row.id,
        order=row.order,
        version=row.version,
        text=row.text,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        answer=row.answer,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
    )


def add_question(tx: Transaction, order: str, *, version: int, text: str) -> None:
    tx.session.execute(
        insert(OrderQuestionRow).values(facility=tx.facility, order=order, version=version, text=text, asked_by=tx.actor.id, asked_at=tx.at)
    )


def answer_question(tx: Transaction, question: int, *, text: str) -> Question:
    """An answer is never overwritten. Raises: NotFoundError, ConflictError (it is answered already)."""
    this = and_(OrderQuestionRow.facility == tx.facility, OrderQuestionRow.id == question)
    done = tx.changed(
        update(OrderQuestionRow)
        .where(this, OrderQuestionRow.answer.is_(None))
        .values(answer=text, answered_by=tx.actor.id, answered_at=tx.at)
        .execution_options(synchronize_session=False)
    )
    row = tx.session.scalar(select(OrderQuestionRow).where(this))
    if row is None:
        raise NotFoundError(f"question {question} does not exist", remedy="look at the order again", question=question)
    if done != 1:
        raise ConflictError(f"question {question} is answered already", remedy="read the answer that is there", question=question)
    return _question(row)


def questions(tx: Transaction, orders: Collection[str]) -> tuple[Question, ...]:
    """Of all these orders in one statement, oldest first."""
    rows = tx.session.scalars(
        select(OrderQuestionRow)
        .where(OrderQuestionRow.facility == tx.facility, OrderQuestionRow.order.in_(orders))
        .order_by(OrderQuestionRow.asked_at, OrderQuestionRow.id)
    )
    return tuple(_question(row) for row in rows)


def known(tx: Transaction, orders: Collection[str]) -> frozenset[str]:
    return frozenset(tx.session.scalars(select(OrderRow.id).where(OrderRow.facility == tx.facility, OrderRow.id.in_(orders))))
