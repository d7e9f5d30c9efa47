"""What the pages read about orders beyond one of them: all versions of a patient's orders, and the names of people. Reads only."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, select

from server.store import mapping, orders
from server.store.orders import OrderView, Question, Verification, VersionView
from server.store.tables import OrderRow, OrderVersionRow, StaffRow
from server.store.transaction import Transaction


def versions_of_patient(tx: Transaction, patient: str) -> dict[str, tuple[VersionView, ...]]:
    """All versions of all orders of one patient, newest first: one statement."""
    rows = tx.session.scalars(
        select(OrderVersionRow)
        .join(OrderRow, and_(OrderRow.facility == OrderVersionRow.facility, OrderRow.id == OrderVersionRow.order))
        .where(OrderRow.facility == tx.facility, OrderRow.patient == patient)
        .order_by(OrderVersionRow.order, OrderVersionRow.version.desc())
    )
    found: dict[str, list[VersionView]] = {}
    for row in rows:
        order = mapping.order(row.document, verification="")
        found.setdefault(row.order, []).append(VersionView(order=order, action=row.action, reason=row.reason, by=row.by, at=row.at))
    return {order: tuple(listed) for order, listed in found.items()}


def open_questions(tx: Transaction) -> tuple[tuple[Question, OrderView], ...]:
    """What pharmacists asked and no prescriber has answered, of live orders of admitted patients, oldest first: two statements."""
    views = {view.order.id: view for view in orders.queue(tx, verification=(Verification.QUERIED,), limit=300)}
    asked = orders.questions(tx, views) if views else ()
    return tuple((question, views[question.order]) for question in asked if question.answer is None)


def names(tx: Transaction, staff: Collection[str | None]) -> dict[str, str]:
    """Names of people by their ids; an id without a person stays away."""
    wanted = {one for one in staff if one}
    if not wanted:
        return {}
    rows = tx.session.execute(select(StaffRow.id, StaffRow.name).where(StaffRow.facility == tx.facility, StaffRow.id.in_(wanted)))
    return {key: name for key, name in rows if name}
