"""What the administrator reads: who did what, and the list of staff. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from pointofcare.people import StaffRole
from server.store import mapping
from server.store.tables import AuditRow, StaffRow
from server.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffLine:
    """What an administrator may see of a person: whether there is a password or a PIN, never which."""

    id: str
    username: str | None
    name: str
    roles: tuple[StaffRole, ...]
    licensed: bool | None
    licence_number: str | None
    active: bool
    badge: str | None
    has_pin: bool
    has_password: bool
    email: str | None = None
    language: str | None
    valid_until: datetime | None


def entries(
    tx: Transaction, *, actor: str | None = None, subject: str | None = None, before: int | None = None, limit: int = 100
) -> tuple[AuditEntry, ...]:
    """Newest first, those with an id below `before`; `subject` is a beginning ("order/", "order/O1")."""
    query = select(AuditRow).where(AuditRow.facility == tx.facility).order_by(AuditRow.id.desc()).limit(limit)
    if actor:
        query = query.where(AuditRow.actor == actor)
    if subject:
        query = query.where(AuditRow.subject.startswith(subject, autoescape=True))
    if before is not None:
        query = query.where(AuditRow.id < before)
    return tuple(
        AuditEntry(id=row.id, at=row.at, actor=row.actor, action=row.action, subject=row.subject, detail=dict(row.detail or {}))
        for row in tx.session.scalars(query)
    )


def staff(tx: Transaction, *, limit: int = 2000) -> tuple[StaffLine, ...]:
    rows = tx.session.scalars(select(StaffRow).where(StaffRow.facility == tx.facility).order_by(StaffRow.name, StaffRow.id).limit(limit))
    return tuple(_line(row) for row in rows)


def person(tx: Transaction, staff_id: str) -> StaffLine | None:
    row = tx.session.scalar(select(StaffRow).where(StaffRow.facility == tx.facility, StaffRow.id == staff_id))
    return None if row is None else _line(row)


def set_language(tx: Transaction, staff_id: str, language: str) -> None:
    """A person's own choice of language; the one thing that this file writes, and it is no clinical fact."""
    row = tx.session.scalar(select(StaffRow).where(StaffRow.facility == tx.facility, StaffRow.id == staff_id))
    if row is not None:
        row.language = language


def _line(row: StaffRow) -> StaffLine:
    return StaffLine(
        id=row.id,
        username=row.username,
        name=row.name,
        roles=mapping.roles(row),
        licensed=row.licensed,
        licence_number=row.licence_number,
        active=row.active,
        badge=row.badge,
        has_pin=row.pin_hash is not None,
        has_password=row.password is not None,
        email=row.email,
        language=row.language,
        valid_until=row.valid_until,
    )
