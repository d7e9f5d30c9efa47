"""Queries about dose leases. One row a patient; its fence only ever rises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from server.store.tables import LeaseRow
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLease:
    patient: str
    cart: str | None
    until: datetime | None
    fence: int


def locked(tx: Transaction, patient: str) -> StoredLease:
    """The patient's row, made when there is none, and held until the transaction ends."""
    new = insertion(tx, LeaseRow).values(facility=tx.facility, patient=patient, cart=None, until=None, fence=0)
    tx.session.execute(new.on_conflict_do_nothing())
    row = tx.session.scalars(select(LeaseRow).where(LeaseRow.facility == tx.facility, LeaseRow.patient == patient).with_for_update()).one()
    return StoredLease(patient=row.patient, cart=row.cart, until=row.until, fence=row.fence)


def write(tx: Transaction, lease: StoredLease) -> None:
    row = tx.session.get_one(LeaseRow, (tx.facility, lease.patient))
    row.cart, row.until, row.fence = lease.cart, lease.until, lease.fence
    tx.session.flush()


def find(tx: Transaction, patient: str) -> StoredLease | None:
    row = tx.session.get(LeaseRow, (tx.facility, patient))
    return None if row is None else StoredLease(patient=row.patient, cart=row.cart, until=row.until, fence=row.fence)
