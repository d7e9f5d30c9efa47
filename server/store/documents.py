"""Queries about issued documents, and what the book of controlled drugs reads. An issue is never deleted; its file goes when its time
is over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select, update

from pointofcare.administration.record import AdministrationRecord
from server.store import mapping_record, reach, stock
from server.store.stock import Move
from server.store.tables import (
    AdministrationRow,
    CartRow,
    DocumentBatchRow,
    DocumentFileRow,
    IssuedDocumentRow,
    PatientRow,
    StockMoveRow,
    WardRow,
)
from server.store.transaction import Transaction

ISSUED, REPLACED, WITHDRAWN = "issued", "replaced", "withdrawn"
MAKING, DONE, FAILED = "making", "done", "failed"
# A book of one month has some hundreds; one that has more says so.
MOST_MOVES = 5000
# So many files whose time is over go with each new issue: it never takes long.
_FORGOTTEN_AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One document as it was issued, and what became of it. `name` is the patient's or the ward's, "" where it is not known any more."""

    code: str
    kind: str
    subject: str
    ward: str
    since: datetime
    until: datetime
    version: int
    content: str
    digest: str
    pages: int
    size_bytes: int
    signatures: tuple[Mapping[str, Any], ...]
    made_by: str
    made_at: datetime
    batch: str = ""
    state: str = ISSUED
    replaced_by: str | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    id: str
    kind: str
    ward: str
    since: datetime
    until: datetime
    total: int
    done: int
    failed: tuple[str, ...]
    state: str
    made_by: str
    made_at: datetime
    changed_at: datetime


_WRITTEN = tuple(name for name in Issue.__slots__ if name not in ("name", "signatures"))


def hold(tx: Transaction, subject: str) -> None:
    """Until the transaction ends nobody else issues a document about it: two that were made at once see each other."""
    row = PatientRow if tx.session.get(PatientRow, (tx.facility, subject)) is not None else WardRow
    tx.session.execute(select(row.id).where(row.facility == tx.facility, row.id == subject).with_for_update())


def add(tx: Transaction, issue: Issue, pdf: bytes, *, kept_for: timedelta) -> None:
    values = {name: getattr(issue, name) for name in _WRITTEN}
    signatures = [dict(one) for one in issue.signatures]
    tx.session.execute(insert(IssuedDocumentRow).values(facility=tx.facility, signatures=signatures, **values))
    tx.session.execute(insert(DocumentFileRow).values(facility=tx.facility, code=issue.code, pdf=pdf, until=tx.at + kept_for))
    old = select(DocumentFileRow.code).where(DocumentFileRow.facility == tx.facility, DocumentFileRow.until < tx.at)
    gone = tuple(tx.session.scalars(old.order_by(DocumentFileRow.until).limit(_FORGOTTEN_AT_ONCE)))
    if gone:
        tx.session.execute(delete(DocumentFileRow).where(DocumentFileRow.facility == tx.facility, DocumentFileRow.code.in_(gone)))


def same(tx: Transaction, *, kind: str, subject: str, since: datetime, until: datetime) -> tuple[Issue, ...]:
    """Every issue of the same document, oldest first."""
    row = IssuedDocumentRow
    query = select(row).where(row.facility == tx.facility, row.subject == subject, row.kind == kind, row.since == since, row.until == until)
    return tuple(_issue(found) for found in tx.session.scalars(query.order_by(row.made_at, row.code).limit(1000)))


def replace(tx: Transaction, codes: Collection[str], *, by: str) -> None:
    row = IssuedDocumentRow
    tx.session.execute(
        update(row)
        .where(row.facility == tx.facility, row.code.in_(list(codes)), row.state == ISSUED)
        .values(state=REPLACED, replaced_by=by, ended_at=tx.at, ended_by=tx.actor.id)
    )


def withdraw(tx: Transaction, code: str, *, reason: str) -> bool:
    """False: it was withdrawn before, or is not there."""
    row = IssuedDocumentRow
    return bool(
        tx.changed(
            update(row)
            .where(row.facility == tx.facility, row.code == code, row.state != WITHDRAWN)
            .values(state=WITHDRAWN, ended_at=tx.at, ended_by=tx.actor.id, reason=reason)
        )
    )


def find(tx: Transaction, code: str) -> Issue | None:
    """Of anybody: whoever asks must not be shown more than the caller may show."""
    row = tx.session.get(IssuedDocumentRow, (tx.facility, code))
    if row is None:
        return None
    name = tx.session.scalar(select(PatientRow.name).where(PatientRow.facility == tx.facility, PatientRow.id == row.subject))
    return _issue(row, name or tx.session.scalar(select(WardRow.name).where(WardRow.facility == tx.facility, WardRow.id == row.subject)))


def with_digest(tx: Transaction, digest: str) -> Issue | None:
    row = IssuedDocumentRow
    found = tx.session.scalars(select(row).where(row.facility == tx.facility, row.digest == digest).limit(1)).first()
    return None if found is None else _issue(found)


def must_see(tx: Transaction, issue: Issue) -> None:
    """A patient's is reached with the patient, a ward's with the ward. Raises: OtherWardError."""
    patient = tx.session.get(PatientRow, (tx.facility, issue.subject)) if issue.subject != issue.ward else None
    reach.must_see(tx, patient.ward if patient is not None else issue.ward, patient.id if patient is not None else None)


def pdf(tx: Transaction, code: str) -> bytes | None:
    """None: its time is over."""
    row = tx.session.get(DocumentFileRow, (tx.facility, code))
    return None if row is None else bytes(row.pdf)


def listed(
    tx: Transaction, *, subject: str | None = None, batch: str | None = None, before: datetime | None = None, limit: int = 50
) -> tuple[Issue, ...]:
    """Newest first, of whom the person reaches."""
    row = IssuedDocumentRow
    query = (
        select(row, PatientRow.name, WardRow.name)
        .outerjoin(PatientRow, and_(PatientRow.facility == row.facility, PatientRow.id == row.subject))
        .outerjoin(WardRow, and_(WardRow.facility == row.facility, WardRow.id == row.subject))
        .where(row.facility == tx.facility)
    )
    if tx.actor.wards is not None:
        query = query.where(or_(*reach.of_patient(tx, row.subject), row.subject.in_(sorted(tx.actor.wards))))
    if subject is not None:
        query = query.where(row.subject == subject)
    if batch is not None:
        query = query.where(row.batch == batch)
    if before is not None:
        query = query.where(row.made_at < before)
    found = tx.session.execute(query.order_by(row.made_at.desc(), row.code).limit(limit))
    return tuple(_issue(one, patient or ward) for one, patient, ward in found)


def _issue(row: IssuedDocumentRow, name: str | None = None) -> Issue:
    return Issue(**{each: getattr(row, each) for each in _WRITTEN}, signatures=tuple(row.signatures or ()), name=name or "")


def add_batch(tx: Transaction, batch: Batch) -> None:
    values = {name: getattr(batch, name) for name in Batch.__slots__}
    tx.session.execute(insert(DocumentBatchRow).values(facility=tx.facility, **{**values, "failed": list(batch.failed)}))


def put_batch(tx: Transaction, batch: str, *, done: int, failed: Collection[str], state: str) -> None:
    row = DocumentBatchRow
    tx.session.execute(
        update(row)
        .where(row.facility == tx.facility, row.id == batch)
        .values(done=done, failed=list(failed), state=state, changed_at=tx.at)
    )


def batch(tx: Transaction, batch_id: str) -> Batch | None:
    row = tx.session.get(DocumentBatchRow, (tx.facility, batch_id))
    if row is None:
        return None
    return Batch(**{**{name: getattr(row, name) for name in Batch.__slots__}, "failed": tuple(row.failed)})


def patients_of_ward(tx: Transaction, ward: str) -> tuple[str, ...]:
    """Who is in the ward now, by bed."""
    query = select(PatientRow.id).where(PatientRow.facility == tx.facility, PatientRow.ward == ward, PatientRow.status == "admitted")
    return tuple(tx.session.scalars(query.order_by(PatientRow.bed, PatientRow.id)))


def first_record_at(tx: Transaction, patient: str) -> datetime | None:
    row = AdministrationRow
    return tx.session.scalar(select(func.min(row.effective_at)).where(row.facility == tx.facility, row.patient == patient))


def moved(tx: Transaction, *, ward: str, since: datetime, until: datetime) -> tuple[tuple[Move, ...], bool]:
    """Moves of controlled drugs in the carts that belong to the ward, oldest first; and whether there are more than were read."""
    row = StockMoveRow
    rows = tx.session.scalars(
        select(row)
        .join(CartRow, and_(CartRow.facility == row.facility, CartRow.id == row.cart))
        .where(row.facility == tx.facility, CartRow.ward == ward, row.at >= since, row.at < until)
        .order_by(row.at, row.id)
        .limit(MOST_MOVES + 1)
    ).all()
    return tuple(stock.of_row(found) for found in rows[:MOST_MOVES]), len(rows) > MOST_MOVES


def stocked(tx: Transaction, *, ward: str, before: datetime) -> tuple[tuple[str, str], ...]:
    """(product, cart) that were ever filled in the ward's carts."""
    row = StockMoveRow
    rows = tx.session.execute(
        select(row.product, row.cart)
        .join(CartRow, and_(CartRow.facility == row.facility, CartRow.id == row.cart))
        .where(row.facility == tx.facility, CartRow.ward == ward, row.kind == stock.FILL, row.at < before)
        .distinct()
        .limit(500)
    )
    return tuple((product, cart) for product, cart in rows)


def balance_before(tx: Transaction, *, cart: str, product: str, at: datetime) -> Decimal | None:
    """What should have lain in all drawers of the cart just before; None: nobody had filled one, so nobody knows."""
    found = stock.moves(tx, cart=cart, product=product, at=at)
    just_before = at - timedelta(microseconds=1)
    known = [
        amount
        for drawer in {move.drawer for move in found if move.drawer}
        if (amount := stock.expected([move for move in found if move.drawer == drawer], drawer=drawer, at=just_before)) is not None
    ]
    if not known:
        return None
    # What was taken nobody knows from which drawer: it left the cart all the same.
    adrift = (move.units for move in found if not move.drawer and move.kind in stock.MOVING and move.at <= just_before)
    return sum(known, Decimal(0)) + sum(adrift, Decimal(0))


def records(tx: Transaction, ids: Collection[str]) -> dict[str, AdministrationRecord]:
    """By id; those that are not known stay away."""
    row = AdministrationRow
    wanted = sorted(ids)
    found: dict[str, AdministrationRecord] = {}
    for place in range(0, len(wanted), 500):
        query = select(row.document).where(row.facility == tx.facility, row.record_id.in_(wanted[place : place + 500]))
        for document in tx.session.scalars(query):
            record = mapping_record.from_document(document)
            found[record.record_id] = record
    return found


def names_of_patients(tx: Transaction, ids: Collection[str]) -> dict[str, str]:
    rows = tx.session.execute(
        select(PatientRow.id, PatientRow.name, PatientRow.mrn).where(PatientRow.facility == tx.facility, PatientRow.id.in_(sorted(ids)))
    )
    return {row.id: f"{row.name} ({row.mrn})" for row in rows}
