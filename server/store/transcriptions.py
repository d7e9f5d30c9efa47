"""Queries about orders that somebody copied from paper or wrote down as they were said."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from server.store.tables import TranscriptionRow
from server.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """`way`: paper, verbal, phone. `outcome` None: no second person has looked; right, wrong."""

    order: str
    way: str
    ordered_by: str
    ordered_at: datetime
    read_back: bool
    by: str
    at: datetime
    outcome: str | None = None
    checked_by: str | None = None
    checked_at: datetime | None = None
    comment: str = ""


def add(tx: Transaction, one: Transcription) -> None:
    values = {name: getattr(one, name) for name in ("way", "ordered_by", "ordered_at", "read_back", "by", "at")}
    tx.session.execute(insert(TranscriptionRow).values(facility=tx.facility, order=one.order, **values))


def check(tx: Transaction, order: str, *, outcome: str, comment: str) -> bool:
    """False: somebody looked already."""
    done = tx.changed(
        update(TranscriptionRow)
        .where(TranscriptionRow.facility == tx.facility, TranscriptionRow.order == order, TranscriptionRow.outcome.is_(None))
        .values(outcome=outcome, comment=comment, checked_by=tx.actor.id, checked_at=tx.at)
        .execution_options(synchronize_session=False)
    )
    return done == 1


def of_orders(tx: Transaction, orders: Collection[str]) -> dict[str, Transcription]:
    """Order -> its transcription, of those that have one: one statement."""
    if not orders:
        return {}
    rows = tx.session.scalars(
        select(TranscriptionRow)
        .where(TranscriptionRow.facility == tx.facility, TranscriptionRow.order.in_(orders))
        .execution_options(populate_existing=True)
    )
    return {
        row.order: Transcription(
            order=row.order,
            way=row.way,
            ordered_by=row.ordered_by,
            ordered_at=row.ordered_at,
            read_back=row.read_back,
            by=row.by,
            at=row.at,
            outcome=row.outcome,
            checked_by=row.checked_by,
            checked_at=row.checked_at,
            comment=row.comment,
        )
        for row in rows
    }
