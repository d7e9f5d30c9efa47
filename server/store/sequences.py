"""Queries about the numbers of each cart's records: which are here, which a cart says that it has drawn. Decides nothing.

What is here is read from the rows of the records themselves, so that no crash can make the two differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, union_all

from server.store.plain import storable
from server.store.tables import AdministrationRow, AttemptRow, BedsideNoteRow, IncidentReportRow, ObservationRecordRow
from server.store.tables.fleet import CartRow, RecordSequenceRow
from server.store.transaction import Transaction
from server.store.versions import insertion

Range = tuple[int, int]
_ROWS: tuple[Any, ...] = (AdministrationRow, AttemptRow, ObservationRecordRow, BedsideNoteRow, IncidentReportRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceLine:
    """Of one journal (`epoch`) of a cart: every number up to `upto` is here, `highest` is the highest that is, `told` the highest that
    the cart said to have drawn. `missing` are the ranges between them, `since` says since when the cart is online and the first of
    them does not come; `replaced_at` when another journal took this one's place, which may have taken records with it."""

    cart: str
    epoch: str
    upto: int
    highest: int
    told: int
    missing: tuple[Range, ...]
    since: datetime | None
    replaced_at: datetime | None

    @property
    def last(self) -> int:
        return max(self.highest, self.told)

    @property
    def count(self) -> int:
        return sum(last - first + 1 for first, last in self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """A cart as far as asking it goes: `sid` is its newest connection."""

    ward: str
    sid: str
    phase: str
    last_seen_at: datetime | None


def told(tx: Transaction, cart: str, epoch: str, last_seq: int) -> None:
    """The cart says that it has drawn the numbers up to `last_seq`; an older word changes nothing."""
    row = _row(tx, cart, epoch)
    row.told = max(row.told, last_seq)


def begun(tx: Transaction, cart: str, epoch: str, last_seq: int) -> tuple[str, ...]:
    """The cart came with this journal: those that it had before are replaced, and this one is not. The epochs newly replaced."""
    told(tx, cart, epoch, last_seq)
    replaced = []
    mine = (RecordSequenceRow.facility == tx.facility, RecordSequenceRow.cart == cart)
    for row in tx.session.scalars(select(RecordSequenceRow).where(*mine).with_for_update()):
        if row.epoch == epoch:
            row.replaced_at = None
        elif row.replaced_at is None:
            row.replaced_at, row.since = tx.at, None
            replaced.append(row.epoch)
    return tuple(replaced)


def line(tx: Transaction, cart: str, epoch: str) -> SequenceLine:
    """Made when it was not known: a record may come before the cart's birth, and from a journal that is replaced already."""
    return _line(_row(tx, cart, epoch))


def lines(tx: Transaction, cart: str | None = None) -> tuple[SequenceLine, ...]:
    """Every journal that was heard of, by cart, the newest first."""
    query = select(RecordSequenceRow).where(RecordSequenceRow.facility == tx.facility)
    if cart is not None:
        query = query.where(RecordSequenceRow.cart == cart)
    ordered = query.order_by(RecordSequenceRow.cart, RecordSequenceRow.heard_at.desc(), RecordSequenceRow.epoch)
    return tuple(_line(row) for row in tx.session.scalars(ordered))


def doubtful(tx: Transaction) -> tuple[SequenceLine, ...]:
    """The journals of which something may be missing: replaced ones, and those with a number that is not here."""
    query = select(RecordSequenceRow).where(
        RecordSequenceRow.facility == tx.facility,
        or_(
            RecordSequenceRow.replaced_at.is_not(None),
            RecordSequenceRow.told > RecordSequenceRow.upto,
            RecordSequenceRow.highest > RecordSequenceRow.upto,
        ),
    )
    ordered = query.order_by(RecordSequenceRow.cart, RecordSequenceRow.heard_at.desc(), RecordSequenceRow.epoch)
    return tuple(_line(row) for row in tx.session.scalars(ordered))


def incomplete(tx: Transaction) -> tuple[tuple[str, str], ...]:
    """(cart, epoch) of those where something was missing at the last look, or was said to be drawn and is not here."""
    query = select(RecordSequenceRow.cart, RecordSequenceRow.epoch).where(
        RecordSequenceRow.facility == tx.facility,
        or_(RecordSequenceRow.told > RecordSequenceRow.upto, RecordSequenceRow.highest > RecordSequenceRow.upto),
    )
    return tuple((cart, epoch) for cart, epoch in tx.session.execute(query))


def received(tx: Transaction, cart: str, epoch: str, *, above: int) -> tuple[int, ...]:
    """The numbers above `above` that are here, ascending. One statement."""
    parts = [
        select(row.cart_seq).where(row.facility == tx.facility, row.cart == cart, row.cart_epoch == epoch, row.cart_seq > above)
        for row in _ROWS
    ]
    return tuple(sorted({int(seq) for (seq,) in tx.session.execute(union_all(*parts))}))


def used_again(tx: Transaction, cart: str, epoch: str, *, above: int) -> tuple[int, ...]:
    """The numbers above `above` that several records have, ascending. One statement."""
    parts = union_all(
        *(
            select(row.cart_seq).where(row.facility == tx.facility, row.cart == cart, row.cart_epoch == epoch, row.cart_seq > max(above, 0))
            for row in _ROWS
        )
    ).subquery()
    seq = parts.c.cart_seq
    return tuple(int(one) for one in tx.session.scalars(select(seq).group_by(seq).having(func.count() > 1).order_by(seq)))


def put(tx: Transaction, cart: str, epoch: str, *, upto: int, highest: int, missing: Sequence[Range], since: datetime | None) -> None:
    row = _row(tx, cart, epoch)
    row.upto, row.highest, row.since = upto, highest, since
    row.missing = [list(each) for each in missing]


def speaking(tx: Transaction, carts: set[str]) -> dict[str, Speaking]:
    query = select(CartRow.id, CartRow.ward, CartRow.sid, CartRow.phase, CartRow.last_seen_at)
    rows = tx.session.execute(query.where(CartRow.facility == tx.facility, CartRow.id.in_(carts)))
    return {row.id: Speaking(ward=row.ward, sid=row.sid, phase=row.phase, last_seen_at=row.last_seen_at) for row in rows}


def _row(tx: Transaction, cart: str, epoch: str) -> RecordSequenceRow:
    key = storable({"cart": cart, "epoch": epoch})
    mine = (RecordSequenceRow.facility == tx.facility, RecordSequenceRow.cart == key["cart"])
    found = select(RecordSequenceRow).where(*mine, RecordSequenceRow.epoch == key["epoch"]).with_for_update()
    row = tx.session.scalars(found).first()
    if row is not None:
        return row
    current = tx.session.scalar(select(RecordSequenceRow.epoch).where(*mine, RecordSequenceRow.replaced_at.is_(None)).limit(1))
    new = insertion(tx, RecordSequenceRow).values(
        facility=tx.facility,
        **key,
        upto=0,
        highest=0,
        told=0,
        missing=[],
        since=None,
        heard_at=tx.at,
        replaced_at=tx.at if current is not None else None,
    )
    tx.session.execute(new.on_conflict_do_nothing())
    return tx.session.scalars(found).one()


def _line(row: RecordSequenceRow) -> SequenceLine:
    return SequenceLine(
        cart=row.cart,
        epoch=row.epoch,
        upto=row.upto,
        highest=row.highest,
        told=row.told,
        missing=tuple((int(first), int(last)) for first, last in row.missing),
        since=row.since,
        replaced_at=row.replaced_at,
    )
