"""The verdicts as they were stored with their facts, in the order in which they were given.

A record and the facts of its verdict are one row, written in one statement (`administrations.insert_record`, `insert_attempt`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update

from pointofcare.errors import PointOfCareError
from pointofcare.wire import recompute, values
from pointofcare.wire.messages import AttemptStopped
from pointofcare.wire.recompute import ADMINISTRATION, ATTEMPT, StoredVerdict
from server.store import mapping_record
from server.store.tables import AdministrationRow, AttemptRow
from server.store.transaction import Transaction

BATCH = 500
_TABLES: Mapping[str, Any] = {ADMINISTRATION: AdministrationRow, ATTEMPT: AttemptRow}
_AT: Mapping[str, Any] = {ADMINISTRATION: AdministrationRow.recorded_at, ATTEMPT: AttemptRow.at}
_KINDS = tuple(sorted(_TABLES))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    kind: str
    record_id: str
    ward: str
    at: datetime
    document: Any
    facts: str | None


def get(tx: Transaction, record_id: str, *, kind: str | None = None) -> StoredVerdict | Unreadable | None:
    """None: there is none of this id. Without `kind` the administration goes before the attempt."""
    for each in _KINDS:
        found = _read(tx, each, _TABLES[each].record_id == record_id, limit=1) if kind in (None, each) else []
        if found:
            return _whole(found[0])
    return None


def between(
    tx: Transaction, *, since: datetime, until: datetime, ward: str | None = None, after: Place | None = None, limit: int = BATCH
) -> tuple[tuple[StoredVerdict | Unreadable, ...], Place | None]:
    """Verdicts given at `since <= at < until`, oldest first, at most `limit`; and where the next ones begin, None: these were all.
    Two statements."""
    pages = []
    for kind in _KINDS:
        table, at = _TABLES[kind], _AT[kind]
        conditions = [at >= since, at < until]
        if ward is not None:
            conditions.append(table.ward == ward)
        if after is not None:
            conditions.append(_later(kind, after))
        pages.append(_read(tx, kind, *conditions, limit=limit + 1))
    # Within one moment the administrations go first; among them the database's own order of ids holds, for the next page asks by it.
    rows = list(heapq.merge(*pages, key=lambda row: (row.at, row.kind)))
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return tuple(_whole(row) for row in shown), None if last is None else Place(at=last.at, kind=last.kind, record_id=last.record_id)


def every(tx: Transaction, *, since: datetime, until: datetime, ward: str | None = None) -> Iterator[StoredVerdict | Unreadable]:
    """All of them, one batch in memory at a time."""
    after: Place | None = None
    while True:
        found, after = between(tx, since=since, until=until, ward=ward, after=after)
        yield from found
        if after is None:
            return


def count(tx: Transaction, *, since: datetime, until: datetime) -> int:
    return sum(
        int(tx.session.scalar(select(func.count()).where(_TABLES[kind].facility == tx.facility, at >= since, at < until)) or 0)
        for kind, at in _AT.items()
    )


def forget(tx: Transaction, *, before: datetime) -> int:
    """Drops the facts of older verdicts, whose records stay; how many. The end of the time for which a hospital keeps them."""
    return sum(
        tx.changed(
            update(_TABLES[kind])
            .where(_TABLES[kind].facility == tx.facility, at < before, _TABLES[kind].facts.is_not(None))
            .values(facts=None)
            .execution_options(synchronize_session=False)
        )
        for kind, at in _AT.items()
    )


def _later(kind: str, after: Place) -> Any:
    table, at = _TABLES[kind], _AT[kind]
    if kind > after.kind:
        return at >= after.at
    if kind < after.kind:
        return at > after.at
    return or_(at > after.at, and_(at == after.at, table.record_id > after.record_id))


def _read(tx: Transaction, kind: str, *conditions: Any, limit: int) -> list[_Row]:
    table, at = _TABLES[kind], _AT[kind]
    query = (
        select(table.record_id, table.ward, at, table.document, table.facts)
        .where(table.facility == tx.facility, *conditions)
        .order_by(at, table.record_id)
        .limit(limit)
    )
    return [
        _Row(kind=kind, record_id=record_id, ward=ward, at=moment, document=document, facts=facts)
        for record_id, ward, moment, document, facts in tx.session.execute(query)
    ]


def _whole(row: _Row) -> StoredVerdict | Unreadable:
    try:
        if row.kind == ADMINISTRATION:
            found = recompute.of_administration(mapping_record.from_document(row.document), row.facts)
        else:
            found = recompute.of_attempt(values.from_plain(AttemptStopped, row.document), row.facts)
    except (KeyError, ValueError, TypeError, PointOfCareError) as exc:
        return Unreadable(record_id=row.record_id, kind=row.kind, ward=row.ward, why=f"the record cannot be read: {type(exc).__name__}")
    # The row's own ward and moment are those that were asked for; a document never has others.
    return replace(found, ward=row.ward, at=row.at)
