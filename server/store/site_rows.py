"""Every table as plain rows, for an export in open formats: of the whole site, or of one patient.

Must never hand out what signs somebody in, or a row of another facility: a table without a facility is asked for through its staff, or
left out, and a test holds the names of secret columns against every table.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, or_, select

from server.store.database import Base
from server.store.record_kinds import TABLES
from server.store.transaction import Transaction

# Whole tables that sign somebody in, or hold keys, or what is handed on and not of the record.
LEFT_OUT = frozenset(
    {
        *(table for table, kind in TABLES.items() if kind == "sign-in"),
        *(table for table, kind in TABLES.items() if kind == "installation"),
        "roles",
        "fhir_exports",
        "machine_claims",
        "phone_claims",
        "phone_pairings",
        "wall_screens",
        "witness_requests",
        "document_files",
        "document_batches",
    }
)
SECRET_COLUMNS = frozenset({("staff", "password"), ("staff", "pin_hash"), ("staff", "fs_uniquifier"), ("lease_doubts", "token")})
# A message or a work item may say something of others too.
_NOT_OF_ONE = frozenset(
    {"incident_reports", "incoming_items", "outbox", "leases", "lease_doubts", "drawer_assignments", "drawer_findings", "barcode_sightings"}
)
_ROWS_AT_ONCE = 1000


def tables(patient: str | None = None) -> tuple[str, ...]:
    """Those of which something is exported, in an order in which what is referred to comes first."""
    every = tuple(table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT)
    return tuple(table.name for table in every if patient is None or _of_patient(table, "") is not None)


def columns(name: str) -> tuple[str, ...]:
    table = Base.metadata.tables[name]
    return tuple(column.name for column in table.columns if (name, column.name) not in SECRET_COLUMNS)


def rows(tx: Transaction, name: str, patient: str | None = None) -> Iterator[tuple[str, ...]]:
    """In the order of `columns`, each value as text: moments in UTC, documents as JSON, bytes in base64, nothing as an empty text."""
    table = Base.metadata.tables[name]
    query: Select[Any] = select(*(table.c[column] for column in columns(name))).where(_here(table, tx.facility))
    if patient is not None:
        mine = _of_patient(table, patient)
        if mine is None:
            return
        query = query.where(mine)
    query = query.order_by(*table.primary_key.columns).execution_options(yield_per=_ROWS_AT_ONCE)
    for row in tx.session.connection().execute(query):
        yield tuple(_text(value) for value in row)


def _here(table: Table, facility: str) -> ColumnElement[bool]:
    if "facility" in table.c:
        return table.c.facility == facility
    staff = Base.metadata.tables["staff"]
    return table.c.staff.in_(select(staff.c.id).where(staff.c.facility == facility))


def _of_patient(table: Table, patient: str) -> ColumnElement[bool] | None:
    """None: nothing in it is of one patient alone."""
    if table.name in _NOT_OF_ONE:
        return None
    if table.name == "patients":
        return table.c.id == patient
    if table.name == "patient_merges":
        return or_(table.c.kept == patient, table.c.gone == patient)
    if table.name == "audit":
        return table.c.subject == f"patient/{patient}"
    if "patient" in table.c:
        return table.c.patient == patient
    for name, parent, key in (("record_id", "administrations", "record_id"), ("order_id", "orders", "id")):
        if name in table.c:
            owner = Base.metadata.tables[parent]
            facility = [owner.c.facility == table.c.facility] if "facility" in table.c else []
            return table.c[name].in_(select(owner.c[key]).where(owner.c.patient == patient, *facility))
    return None


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case bytes() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        case _:
            return str(value)
