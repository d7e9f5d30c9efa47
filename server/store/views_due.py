"""Which live orders a product may be given for: the patients that a recall concerns next. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, func, select

from pointofcare.orders.order import Order
from pointofcare.products import Product
from pointofcare.verdict.moment import ingredients, matches, plain
from server.store import mapping, reach
from server.store.tables import OrderRow, OrderVersionRow, PatientRow, WardRow
from server.store.transaction import Transaction

MOST_LISTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DueOrder:
    order: Order
    patient_name: str
    mrn: str
    ward: str
    bed: str | None
    timezone: str


def of_product(tx: Transaction, product: Product) -> tuple[DueOrder, ...]:
    """Live orders of admitted patients that the product fits, or into whose bag it goes; by ward and bed, at most `MOST_LISTED`. One
    statement; only documents that name an ingredient are read."""
    held = sorted(ingredients(product))
    if not held:
        return ()
    document = func.lower(OrderVersionRow.document)
    rows = tx.session.execute(
        select(OrderVersionRow.document, OrderRow.verification, PatientRow, WardRow.timezone)
        .join(
            OrderRow,
            and_(
                OrderRow.facility == OrderVersionRow.facility,
                OrderRow.id == OrderVersionRow.order,
                OrderRow.version == OrderVersionRow.version,
            ),
        )
        .join(PatientRow, and_(PatientRow.facility == OrderRow.facility, PatientRow.id == OrderRow.patient))
        .outerjoin(WardRow, and_(WardRow.facility == PatientRow.facility, WardRow.id == PatientRow.ward))
        .where(
            OrderRow.facility == tx.facility,
            OrderRow.status.in_(("active", "on-hold")),
            PatientRow.status == "admitted",
            *(document.contains(name, autoescape=True) for name in held),
            *reach.patients(tx),
        )
        .order_by(PatientRow.ward, PatientRow.bed, OrderRow.id)
        .limit(MOST_LISTED)
    )
    found = []
    for text, verification, patient, zone in rows:
        order = mapping.order(text, verification=verification)
        added = [plain(additive) for additive in order.additives]
        if matches(product, order) or (added and all(any(line.startswith(name) for line in added) for name in held)):
            found.append(
                DueOrder(
                    order=order,
                    patient_name=patient.name,
                    mrn=patient.mrn,
                    ward=patient.ward or "",
                    bed=patient.bed,
                    timezone=zone or "",
                )
            )
    return tuple(found)
