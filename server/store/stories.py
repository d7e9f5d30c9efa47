"""What is stored under a record's id, as it came: to be held against what comes under it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from server.store.plain import text
from server.store.tables import AdministrationRow, AttemptRow
from server.store.transaction import Transaction


def of_administration(tx: Transaction, record_id: str) -> Mapping[str, Any] | None:
    return _document(tx, AdministrationRow, record_id)


def of_attempt(tx: Transaction, record_id: str) -> Mapping[str, Any] | None:
    return _document(tx, AttemptRow, record_id)


def _document(tx: Transaction, table: type[AdministrationRow] | type[AttemptRow], record_id: str) -> Mapping[str, Any] | None:
    query = select(table.document).where(table.facility == tx.facility, table.record_id == text(record_id))
    found: Mapping[str, Any] | None = tx.session.execute(query).scalar()
    return found
