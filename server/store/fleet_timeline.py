"""Everything that happened to one cart, from every place where it is written down, as one list. Reads only.

Each source is asked for no more than a page, along an index of the cart, so that a long life costs no more than a short one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, not_, or_, select

from server.store.tables import (
    AuditRow,
    CartAlertRow,
    CartCommandRow,
    CartEventRow,
    CartPhaseRow,
    RolloutEventRow,
)
from server.store.transaction import Transaction

SOURCES = ("event", "state", "alert", "command", "job", "change")
PAGE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`at` by the server's clock. `code` is the stable code of what happened (of an event its kind, of a state the phase, of an alert its
    code, of a command its name, of a job what befell it, of a change the audited action); `state` what became of it. `by` is who did it,
    "" where nobody did."""

    at: datetime
    source: str
    code: str
    state: str = ""
    by: str = ""
    why: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def of(tx: Transaction, cart: str, *, before: datetime | None = None, source: str = "", limit: int = PAGE) -> tuple[Entry, ...]:
    """Newest first, of one of `SOURCES` or of all."""
    wanted = [source] if source in _READ else list(_READ)
    found = [entry for name in wanted for entry in _READ[name](tx, cart, before, limit)]
    return tuple(sorted(found, key=lambda entry: entry.at, reverse=True)[:limit])


def _events(tx: Transaction, cart: str, before: datetime | None, limit: int) -> list[Entry]:
    row = CartEventRow
    query = select(row).where(row.facility == tx.facility, row.cart == cart, *_earlier(row.received_at, before))
    rows = tx.session.scalars(query.order_by(row.received_at.desc(), row.seq.desc()).limit(limit))
    return [Entry(at=one.received_at, source="event", code=one.kind, detail=dict(one.detail or {})) for one in rows]


def _phases(tx: Transaction, cart: str, before: datetime | None, limit: int) -> list[Entry]:
    row = CartPhaseRow
    query = select(row).where(row.facility == tx.facility, row.cart == cart, *_earlier(row.at, before))
    rows = tx.session.scalars(query.order_by(row.at.desc(), row.id.desc()).limit(limit))
    return [Entry(at=one.at, source="state", code=one.phase, why=one.why) for one in rows]


def _alerts(tx: Transaction, cart: str, before: datetime | None, limit: int) -> list[Entry]:
    row = CartAlertRow
    mine = select(row).where(row.facility == tx.facility, row.cart == cart)
    raised = tx.session.scalars(mine.where(*_earlier(row.raised_at, before)).order_by(row.raised_at.desc()).limit(limit))
    ended = mine.where(row.resolved_at.is_not(None), *_earlier(row.resolved_at, before)).order_by(row.resolved_at.desc()).limit(limit)
    found = [Entry(at=one.raised_at, source="alert", code=one.code, state=one.severity, detail=dict(one.details or {})) for one in raised]
    return found + [
        Entry(at=one.resolved_at, source="alert", code=one.code, state="resolved")
        for one in tx.session.scalars(ended)
        if one.resolved_at is not None
    ]


def _commands(tx: Transaction, cart: str, before: datetime | None, limit: int) -> list[Entry]:
    """Of the wards that the person reaches: a cart may have been in another one when it was asked."""
    row = CartCommandRow
    query = select(row).where(row.facility == tx.facility, row.cart == cart, *_earlier(row.issued_at, before))
    if tx.actor.wards is not None:
        query = query.where(row.ward.in_(sorted(tx.actor.wards)))
    rows = tx.session.scalars(query.order_by(row.issued_at.desc(), row.id.desc()).limit(limit))
    return [
        Entry(at=one.issued_at, source="command", code=one.name, state=one.state, by=one.asked_by, why=one.why, detail={"id": one.id})
        for one in rows
    ]


def _jobs(tx: Transaction, cart: str, before: datetime | None, limit: int) -> list[Entry]:
    row = RolloutEventRow
    query = select(row).where(row.facility == tx.facility, row.cart == cart, *_earlier(row.at, before))
    rows = tx.session.scalars(query.order_by(row.id.desc()).limit(limit))
    return [
        Entry(at=one.at, source="job", code=one.kind, by=one.by, why=one.why, detail={"rollout": one.rollout, "attempt": one.attempt})
        for one in rows
    ]


def _changes(tx: Transaction, cart: str, before: datetime | None, limit: int) -> list[Entry]:
    """What people changed about it; commands have lines of their own."""
    row = AuditRow
    subjects = (f"cart/{cart}", f"machine/{cart}")
    others = not_(or_(row.action.startswith("view."), row.action.startswith("command.")))
    found: list[Entry] = []
    for subject in subjects:
        query = select(row).where(and_(row.facility == tx.facility, row.subject == subject, others), *_earlier(row.at, before))
        for one in tx.session.scalars(query.order_by(row.at.desc(), row.id.desc()).limit(limit)):
            found.append(Entry(at=one.at, source="change", code=one.action, by=one.actor, detail=dict(one.detail or {})))
    return found


_READ: Mapping[str, Callable[[Transaction, str, datetime | None, int], list[Entry]]] = {
    "event": _events,
    "state": _phases,
    "alert": _alerts,
    "command": _commands,
    "job": _jobs,
    "change": _changes,
}


def _earlier(column: Any, before: datetime | None) -> tuple[Any, ...]:
    return () if before is None else (column < before,)
