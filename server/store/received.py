"""The newest version of each thing that another system sent, so that an older one never overwrites it; and what waits for one patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from server.store.incoming import WAITING
from server.store.tables import IncomingRow, ReceivedVersionRow
from server.store.transaction import Transaction
from server.store.versions import insertion

MOST_WAITING = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """`at` and `sent_at` by the sender's clock, aware UTC, never later than when it came."""

    at: datetime
    sent_at: datetime
    detail: Mapping[str, Any]

    @property
    def place(self) -> tuple[datetime, datetime]:
        return self.at, self.sent_at


def newest(tx: Transaction, source: str, about: str) -> Version | None:
    row = tx.session.get(ReceivedVersionRow, (tx.facility, source, about), populate_existing=True)
    return None if row is None else Version(at=row.at, sent_at=row.sent_at, detail=row.detail)


def put(tx: Transaction, source: str, about: str, version: Version) -> None:
    values: dict[str, Any] = {"at": version.at, "sent_at": version.sent_at, "detail": dict(version.detail)}
    new = insertion(tx, ReceivedVersionRow).values(facility=tx.facility, source=source, about=about, **values)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "source", "about"], set_=values))


def waiting(tx: Transaction, source: str, subject: str) -> tuple[tuple[int, str], ...]:
    """The items that wait for this patient and why (the reason's code, "" where none was tried yet), oldest first, so many at most."""
    row = IncomingRow
    query = select(row.id, row.reason).where(
        row.facility == tx.facility, row.source == source, row.subject == subject, row.state == WAITING
    )
    return tuple((found.id, found.reason or "") for found in tx.session.execute(query.order_by(row.id).limit(MOST_WAITING)))


@contextmanager
def attempt(tx: Transaction) -> Iterator[None]:
    """What is written in the block is taken back, with what the audit would say of it, when the block raises; the transaction goes on."""
    told = len(tx.audits)
    try:
        with tx.session.begin_nested():
            yield
            tx.session.flush()
    except BaseException:
        del tx.audits[told:]
        raise
