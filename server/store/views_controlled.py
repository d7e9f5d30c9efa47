"""What the analytics of controlled drugs read: every act on them in a period, and which counts differed. Reads only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import JSON, select, type_coerce

from server.store import reach
from server.store.tables import AdministrationRow, CartRow, TaskRow
from server.store.transaction import Transaction

# More than a large hospital does in a quarter; a report that would read more says that it is not whole.
MOST_ACTS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One record about a controlled product. Amounts are texts with their unit."""

    record_id: str
    ward: str
    nurse: str
    product: str
    action: str
    status: str
    dose: str | None
    waste: str | None
    returned: str | None
    at: datetime
    is_overridden: bool
    amends: str | None
    continues: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """A count or a balance that did not agree. `nurse` "" where nobody was named."""

    kind: str
    ward: str
    nurse: str
    at: datetime


def acts(tx: Transaction, *, products: Collection[str], since: datetime, until: datetime, ward: str | None = None) -> tuple[Act, ...]:
    """In the order in which they happened, at most `MOST_ACTS` + 1. One statement."""
    if not products:
        return ()
    row = AdministrationRow
    document = type_coerce(row.document, JSON)
    query = (
        select(
            row.record_id, row.ward, row.nurse, row.product, row.action, row.status, row.dose, row.effective_at, row.overridden,
            row.amends, row.continues, document["waste"].as_string().label("waste"), document["returned"].as_string().label("returned"),
        )
        .where(
            row.facility == tx.facility, row.product.in_(products), row.effective_at >= since, row.effective_at < until,
            *reach.of_ward(tx, row.ward, row.patient),
        )
        .order_by(row.effective_at, row.record_id)
        .limit(MOST_ACTS + 1)
    )  # fmt: skip
    if ward:
        query = query.where(row.ward == ward)
    return tuple(
        Act(
            record_id=found.record_id,
            ward=found.ward,
            nurse=found.nurse,
            product=found.product or "",
            action=found.action,
            status=found.status,
            dose=found.dose,
            waste=found.waste,
            returned=found.returned,
            at=found.effective_at,
            is_overridden=found.overridden,
            amends=found.amends,
            continues=found.continues,
        )
        for found in tx.session.execute(query)
    )


def differing(
    tx: Transaction, *, kinds: Collection[str], since: datetime, until: datetime, ward: str | None = None
) -> tuple[Differing, ...]:
    """What did not agree in the period and was not settled by a record that came late. One statement."""
    query = (
        select(TaskRow.kind, TaskRow.ward, TaskRow.detail, TaskRow.raised_at)
        .where(
            TaskRow.facility == tx.facility,
            TaskRow.kind.in_(kinds),
            TaskRow.status != "cancelled",
            TaskRow.raised_at >= since,
            TaskRow.raised_at < until,
            *reach.of_ward(tx, TaskRow.ward, TaskRow.patient),
        )
        .order_by(TaskRow.raised_at, TaskRow.id)
        .limit(MOST_ACTS)
    )
    if ward:
        query = query.where(TaskRow.ward == ward)
    return tuple(
        Differing(kind=row.kind, ward=row.ward, nurse=str((row.detail or {}).get("nurse") or ""), at=row.raised_at)
        for row in tx.session.execute(query)
    )


def carts(tx: Transaction) -> tuple[str, ...]:
    """Every cart that the server ever heard of."""
    return tuple(tx.session.scalars(select(CartRow.id).where(CartRow.facility == tx.facility).order_by(CartRow.id)))
