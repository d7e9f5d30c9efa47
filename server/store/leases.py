"""Queries about dose leases, and about carts that had one and have not told what they did.

One row a patient, whose fence only ever rises; one doubt a patient and cart. A doubt is only taken away by what ends it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import delete, select, union_all, update

from server.store.tables import AdministrationRow, AttemptRow, LeaseDoubtRow, LeaseRow
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLease:
    patient: str
    cart: str | None
    until: datetime | None
    fence: int
    nurse: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """`waits` None: what is missing is not known before the cart tells. `token` is drawn anew with every change."""

    patient: str
    cart: str
    nurse: str | None
    since: datetime
    fence: int
    waits: tuple[str, ...] | None
    token: str = ""


def locked(tx: Transaction, patient: str) -> StoredLease:
    """The patient's row, made when there is none, and held until the transaction ends."""
    new = insertion(tx, LeaseRow).values(facility=tx.facility, patient=patient, cart=None, until=None, fence=0)
    tx.session.execute(new.on_conflict_do_nothing())
    query = select(LeaseRow).where(LeaseRow.facility == tx.facility, LeaseRow.patient == patient)
    return _lease(tx.session.scalars(query.with_for_update()).one())


def carts_of(tx: Transaction, nurse: str, *, besides: str) -> tuple[str, ...]:
    """The other carts at which this person has a patient open now."""
    query = select(LeaseRow.cart).where(
        LeaseRow.facility == tx.facility,
        LeaseRow.nurse == nurse,
        LeaseRow.cart.is_not(None),
        LeaseRow.cart != besides,
        LeaseRow.until > tx.at,
    )
    return tuple(sorted({str(cart) for cart in tx.session.scalars(query)}))


def write(tx: Transaction, lease: StoredLease) -> None:
    row = tx.session.get_one(LeaseRow, (tx.facility, lease.patient))
    row.cart, row.until, row.fence, row.nurse = lease.cart, lease.until, lease.fence, lease.nurse
    tx.session.flush()


def find(tx: Transaction, patient: str) -> StoredLease | None:
    row = tx.session.get(LeaseRow, (tx.facility, patient))
    return None if row is None else _lease(row)


def ran_out(tx: Transaction) -> tuple[StoredLease, ...]:
    """Leases that nobody gave back and whose time is over."""
    query = select(LeaseRow).where(LeaseRow.facility == tx.facility, LeaseRow.cart.is_not(None), LeaseRow.until <= tx.at)
    return tuple(_lease(row) for row in tx.session.scalars(query.order_by(LeaseRow.patient)))


def any_doubtful(tx: Transaction) -> bool:
    """Whether a lease ran out or a cart is in doubt: one statement, for whoever looks often."""
    out = select(LeaseRow.patient).where(LeaseRow.facility == tx.facility, LeaseRow.cart.is_not(None), LeaseRow.until <= tx.at)
    in_doubt = select(LeaseDoubtRow.patient).where(LeaseDoubtRow.facility == tx.facility)
    return tx.session.execute(union_all(out, in_doubt).limit(1)).first() is not None


# Doubts.


def put_doubt(tx: Transaction, doubt: Doubt) -> None:
    """Instead of the one that this cart left before, with a token of its own."""
    row = {
        "facility": tx.facility,
        "patient": doubt.patient,
        "cart": doubt.cart,
        "nurse": doubt.nurse,
        "since": doubt.since,
        "fence": doubt.fence,
        "waits": None if doubt.waits is None else list(doubt.waits),
        "token": uuid4().hex,
    }
    changed = {name: row[name] for name in ("nurse", "since", "fence", "waits", "token")}
    new = insertion(tx, LeaseDoubtRow).values(row)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "patient", "cart"], set_=changed))


def end_doubt(tx: Transaction, patient: str, cart: str, *, token: str | None = None) -> bool:
    """With a `token` only the doubt as it was read. False: there is none."""
    mine = [LeaseDoubtRow.facility == tx.facility, LeaseDoubtRow.patient == patient, LeaseDoubtRow.cart == cart]
    if token is not None:
        mine.append(LeaseDoubtRow.token == token)
    return tx.session.execute(delete(LeaseDoubtRow).where(*mine).returning(LeaseDoubtRow.cart)).first() is not None


def doubts(tx: Transaction, patient: str | None = None) -> tuple[Doubt, ...]:
    """Of one patient, or all; oldest first."""
    query = select(LeaseDoubtRow).where(LeaseDoubtRow.facility == tx.facility)
    if patient is not None:
        query = query.where(LeaseDoubtRow.patient == patient)
    ordered = query.order_by(LeaseDoubtRow.since, LeaseDoubtRow.patient, LeaseDoubtRow.cart)
    found = tx.session.scalars(ordered.execution_options(populate_existing=True))
    return tuple(_doubt(row) for row in found.all())


def here(tx: Transaction, record_ids: Collection[str]) -> frozenset[str]:
    """Which of these records, or tellings that a dose was not given, are stored."""
    if not record_ids:
        return frozenset()
    parts = [
        select(row.record_id).where(row.facility == tx.facility, row.record_id.in_(list(record_ids)))
        for row in (AdministrationRow, AttemptRow)
    ]
    return frozenset(str(row[0]) for row in tx.session.execute(union_all(*parts)))


def arrived(tx: Transaction, found: Collection[Doubt], record_id: str) -> tuple[Doubt, ...]:
    """`record_id` is stored now: of `found`, each that waited for it waits no longer. Returns the doubts that ended."""
    ended = []
    for doubt in found:
        if doubt.waits is None or record_id not in doubt.waits:
            continue
        left = tuple(each for each in doubt.waits if each != record_id)
        if left:  # only as it was read: one that a release has changed meanwhile is settled by the cart's own telling
            mine = (LeaseDoubtRow.facility == tx.facility, LeaseDoubtRow.patient == doubt.patient, LeaseDoubtRow.cart == doubt.cart)
            as_read = update(LeaseDoubtRow).where(*mine, LeaseDoubtRow.token == doubt.token)
            tx.session.execute(as_read.values(waits=list(left), token=uuid4().hex))
        elif end_doubt(tx, doubt.patient, doubt.cart, token=doubt.token):
            ended.append(doubt)
    return tuple(ended)


def _lease(row: LeaseRow) -> StoredLease:
    return StoredLease(patient=row.patient, cart=row.cart, until=row.until, fence=row.fence, nurse=row.nurse)


def _doubt(row: LeaseDoubtRow) -> Doubt:
    waits = None if row.waits is None else tuple(str(each) for each in row.waits)
    return Doubt(patient=row.patient, cart=row.cart, nurse=row.nurse, since=row.since, fence=row.fence, waits=waits, token=row.token)
