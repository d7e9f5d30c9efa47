"""The facts of verdicts, and the verdicts themselves as they were stored, in the order in which they were given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Table, and_, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from pointofcare.errors import PointOfCareError
from pointofcare.wire import recompute, values
from pointofcare.wire.messages import AttemptStopped
from pointofcare.wire.recompute import ADMINISTRATION, ATTEMPT, StoredVerdict
from server.store import mapping_record
from server.store.plain import storable
from server.store.tables import AdministrationRow, AttemptRow, VerdictFactsRow
from server.store.transaction import Transaction

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a list goes on: after this one."""

    at: datetime
    kind: str
    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A stored verdict whose own row cannot be read any more."""

    record_id: str
    kind: str
    ward: str
    why: str


def put(tx: Transaction, stored: StoredVerdict) -> bool:
    """False: it was there already. Called in the transaction that writes the record."""
    row = {
        "facility": tx.facility,
        "kind": stored.kind,
        "record_id": stored.record_id,
        "ward": stored.ward,
        "at": stored.at,
        "engine": stored.engine,
        "policy": stored.policy,
        "level": stored.level,
        "facts": stored.facts,
    }
    return tx.inserted(_insertion(tx.session.get_bind().dialect.name), storable(row))


@cache
def _insertion(dialect: str) -> Any:
    """Built once: building it costs more than running it."""
    table = cast("Table", VerdictFactsRow.__table__)
    new = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return new.on_conflict_do_nothing().returning(table.c.record_id)


def get(tx: Transaction, record_id: str, *, kind: str | None = None) -> StoredVerdict | Unreadable | None:
    """None: there is none of this id. Without `kind` the administration goes before the attempt."""
    query = select(VerdictFactsRow).where(VerdictFactsRow.facility == tx.facility, VerdictFactsRow.record_id == record_id)
    if kind is not None:
        query = query.where(VerdictFactsRow.kind == kind)
    rows = list(tx.session.scalars(query.order_by(VerdictFactsRow.kind).limit(1)))
    return next(iter(_whole(tx, rows)), None)


def between(
    tx: Transaction, *, since: datetime, until: datetime, ward: str | None = None, after: Place | None = None, limit: int = BATCH
) -> tuple[tuple[StoredVerdict | Unreadable, ...], Place | None]:
    """Verdicts given at `since <= at < until`, oldest first, at most `limit`; and where the next ones begin, None: these were all.
    Three statements."""
    row = VerdictFactsRow
    query = select(row).where(row.facility == tx.facility, row.at >= since, row.at < until)
    if ward is not None:
        query = query.where(row.ward == ward)
    if after is not None:
        later = or_(
            row.at > after.at,
            and_(row.at == after.at, tuple_(row.kind, row.record_id) > tuple_(literal(after.kind), literal(after.record_id))),
        )
        query = query.where(later)
    rows = list(tx.session.scalars(query.order_by(row.at, row.kind, row.record_id).limit(limit + 1)))
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return tuple(_whole(tx, shown)), None if last is None else Place(at=last.at, kind=last.kind, record_id=last.record_id)


def every(tx: Transaction, *, since: datetime, until: datetime, ward: str | None = None) -> Iterator[StoredVerdict | Unreadable]:
    """All of them, one batch in memory at a time."""
    after: Place | None = None
    while True:
        found, after = between(tx, since=since, until=until, ward=ward, after=after)
        tx.session.expunge_all()
        yield from found
        if after is None:
            return


def count(tx: Transaction, *, since: datetime, until: datetime) -> int:
    row = VerdictFactsRow
    return int(tx.session.scalar(select(func.count()).where(row.facility == tx.facility, row.at >= since, row.at < until)) or 0)


def forget(tx: Transaction, *, before: datetime) -> int:
    """Drops the facts of older verdicts, whose records stay; how many. The end of the time for which a hospital keeps them."""
    row = VerdictFactsRow
    return tx.changed(update(row).where(row.facility == tx.facility, row.at < before, row.facts.is_not(None)).values(facts=None))


def _whole(tx: Transaction, rows: Sequence[VerdictFactsRow]) -> Iterable[StoredVerdict | Unreadable]:
    documents = {**_documents(tx, AdministrationRow, ADMINISTRATION, rows), **_documents(tx, AttemptRow, ATTEMPT, rows)}
    for row in rows:
        try:
            yield _stored(row, documents[(row.kind, row.record_id)])
        except (KeyError, ValueError, TypeError, PointOfCareError) as exc:
            yield Unreadable(record_id=row.record_id, kind=row.kind, ward=row.ward, why=f"the record cannot be read: {type(exc).__name__}")


def _documents(tx: Transaction, table: Any, kind: str, rows: Sequence[VerdictFactsRow]) -> dict[tuple[str, str], Any]:
    ids = [row.record_id for row in rows if row.kind == kind]
    if not ids:
        return {}
    found = tx.session.execute(select(table.record_id, table.document).where(table.facility == tx.facility, table.record_id.in_(ids)))
    return {(kind, record_id): document for record_id, document in found}


def _stored(row: VerdictFactsRow, document: Any) -> StoredVerdict:
    if row.kind == ADMINISTRATION:
        found = recompute.of_administration(mapping_record.from_document(document), row.facts)
    else:
        found = recompute.of_attempt(values.from_plain(AttemptStopped, document), row.facts)
    # The row's own ward and moment are those that were asked for; a document never has others.
    return replace(found, ward=row.ward, at=row.at)
