"""What the pages read about orders beyond one of them: all versions of a patient's orders, and the names of people. Reads only."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, select

from server.store import mapping
from server.store.orders import VersionView
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


def names(tx: Transaction, staff: Collection[str | None]) -> dict[str, str]:
    """Names of people by their ids; an id without a person stays away."""
    wanted = {one for one in staff if one}
    if not wanted:
        return {}
    rows = tx.session.execute(select(StaffRow.id, StaffRow.name).where(StaffRow.facility == tx.facility, StaffRow.id.in_(wanted)))
    return {key: name for key, name in rows if name}
