"""Reading the audit, and writing down what somebody only looked at. What is changed is audited by the change's own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from pointofcare.errors import PointOfCareError
from server.store.tables import AuditRow
from server.store.transaction import Actor, Transaction, transaction


class NotAuditedError(PointOfCareError):
    """The audit takes nothing in now."""

    code = "not-audited"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]


def listed(
    tx: Transaction, *, subject: str | None = None, actor: str | None = None, before_id: int | None = None, limit: int = 200
) -> tuple[AuditLine, ...]:
    """Newest first; `before_id` continues a list."""
    query = select(AuditRow).where(AuditRow.facility == tx.facility)
    if subject is not None:
        query = query.where(AuditRow.subject == subject)
    if actor is not None:
        query = query.where(AuditRow.actor == actor)
    if before_id is not None:
        query = query.where(AuditRow.id < before_id)
    rows = tx.session.scalars(query.order_by(AuditRow.id.desc()).limit(limit))
    return tuple(
        AuditLine(id=row.id, at=row.at, actor=row.actor, action=row.action, subject=row.subject, detail=row.detail) for row in rows
    )


def note(actor: Actor, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """One row in a short transaction of its own. Raises: NotAuditedError."""
    try:
        with transaction(actor) as tx:
            tx.audit(action, subject, detail)
    except SQLAlchemyError as exc:
        raise NotAuditedError(f"the audit could not be written: {type(exc).__name__}", remedy="try again in a minute") from exc
