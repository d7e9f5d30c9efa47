"""Queries about requests for a second person. One row a request, and one answer a row: whoever locks it first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from pointofcare.quantity import Quantity
from server.store.plain import amount, storable, to_amount
from server.store.tables import CartRow
from server.store.tables import WitnessRequestRow as Row
from server.store.transaction import Transaction
from server.store.versions import insertion

OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """As the row; `dose` is the plain form of what the colleague sees."""

    request: str
    cart: str
    ward: str
    nurse: str
    patient: str
    digest: str
    dose: Mapping[str, Any]
    asked_at: datetime
    heard_at: datetime
    expires_at: datetime
    state: str
    witness: str | None = None
    witness_cart: str | None = None
    witnessed_at: datetime | None = None
    answered_at: datetime | None = None
    blind_value: Quantity | None = None
    reason: str | None = None
    reason_text: str | None = None


_PLAIN = tuple(name for name in StoredRequest.__slots__ if name != "blind_value")


def add(tx: Transaction, request: StoredRequest) -> None:
    """Nothing when it is here already."""
    row = storable({name: getattr(request, name) for name in _PLAIN})
    tx.session.execute(insertion(tx, Row).values(facility=tx.facility, **row).on_conflict_do_nothing())


def locked(tx: Transaction, request: str) -> StoredRequest | None:
    """The row, held until the transaction ends."""
    query = select(Row).where(Row.facility == tx.facility, Row.request == request)
    row = tx.session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    return _of(row) if row is not None else None


def find(tx: Transaction, request: str) -> StoredRequest | None:
    row = tx.session.get(Row, (tx.facility, request))
    return _of(row) if row is not None else None


def open_of(tx: Transaction, cart: str) -> tuple[StoredRequest, ...]:
    query = select(Row).where(Row.facility == tx.facility, Row.cart == cart, Row.state == OPEN)
    return tuple(_of(row) for row in tx.session.scalars(query.order_by(Row.asked_at)))


def put(tx: Transaction, request: str, **changed: Any) -> None:
    if "blind_value" in changed:
        changed["blind_value"] = amount(changed["blind_value"])
    tx.session.execute(update(Row).where(Row.facility == tx.facility, Row.request == request).values(**storable(changed)))


def others(tx: Transaction, ward: str, cart: str, phases: Collection[str]) -> tuple[str, ...]:
    """The ward's other carts and phones that are there."""
    query = select(CartRow.id).where(
        CartRow.facility == tx.facility, CartRow.ward == ward, CartRow.id != cart, CartRow.phase.in_(sorted(phases))
    )
    return tuple(tx.session.scalars(query.order_by(CartRow.id)))


def _of(row: Row) -> StoredRequest:
    return StoredRequest(**{name: getattr(row, name) for name in _PLAIN}, blind_value=to_amount(row.blind_value))
