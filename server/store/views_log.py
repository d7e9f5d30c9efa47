"""The audit as its page shows it: filtered, newest first, each row with its place in the sealed log. Reads only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, cast, exists, func, or_, select

from server.store.tables import AuditLeafRow, AuditRow
from server.store.transaction import Transaction

MOST_COUNTED = 1000
# No transaction is longer than this: what it wrote, with the moment of its beginning, is looked for that far before.
LATEST_COMMIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """`sealed` is the place in the sealed log, None before it has one."""

    id: int
    at: datetime
    actor: str
    roles: str
    place: str
    action: str
    subject: str
    detail: dict[str, Any]
    sealed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`person` acted or is named in the row as who did it, `patient` is its subject or named in it; `action` is a code, or what stands
    before its dot; `subject` is a beginning."""

    person: str = ""
    patient: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


def lines(tx: Transaction, wanted: Wanted, *, limit: int) -> tuple[LogLine, ...]:
    """One statement. The filters by person and patient read the rows of the days asked for."""
    row = AuditRow
    query = select(row, AuditLeafRow.place).outerjoin(AuditLeafRow, AuditLeafRow.audit_id == row.id).where(row.facility == tx.facility)
    if wanted.person:
        query = query.where(or_(row.actor == wanted.person, _names(wanted.person)))
    if wanted.patient:
        query = query.where(or_(row.subject == f"patient/{wanted.patient}", _names(wanted.patient)))
    if wanted.action:
        query = query.where(or_(row.action == wanted.action, row.action.startswith(f"{wanted.action}.", autoescape=True)))
    if wanted.subject:
        query = query.where(row.subject.startswith(wanted.subject, autoescape=True))
    if wanted.since is not None:
        query = query.where(row.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(row.at < wanted.until)
    if wanted.before is not None:
        query = query.where(row.id < wanted.before)
    found = tx.session.execute(query.order_by(row.id.desc()).limit(limit))
    return tuple(
        LogLine(
            id=one.id,
            at=one.at,
            actor=one.actor,
            roles=one.roles,
            place=one.place,
            action=one.action,
            subject=one.subject,
            detail=dict(one.detail or {}),
            sealed=sealed,
        )
        for one, sealed in found
    )


def _names(identifier: str) -> Any:
    """Does the detail hold this very text as a value?"""
    return cast(AuditRow.detail, Text).contains(json.dumps(identifier), autoescape=True)


def unsealed_count(tx: Transaction) -> int:
    """Rows without a place, as far as `MOST_COUNTED`, from a while before the newest row that has one: older ones have theirs."""
    newest = (
        select(AuditRow.at)
        .join(AuditLeafRow, AuditLeafRow.audit_id == AuditRow.id)
        .where(AuditLeafRow.facility == tx.facility)
        .order_by(AuditLeafRow.place.desc())
        .limit(1)
    )
    rows = select(AuditRow.id).where(AuditRow.facility == tx.facility, ~exists().where(AuditLeafRow.audit_id == AuditRow.id))
    if (sealed_at := tx.session.scalar(newest)) is not None:
        rows = rows.where(AuditRow.at >= sealed_at - LATEST_COMMIT)
    return int(tx.session.scalar(select(func.count()).select_from(rows.limit(MOST_COUNTED).subquery())) or 0)
