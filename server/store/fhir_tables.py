"""What our FHIR face reads, table by table: the orders in which each can be walked, and what each search parameter asks of a row.

Every walk has an index (`server.store.tables`); a test asks the databases for their plans. A parameter that is not here is judged on what
was built from the row (`server.usecases.fhir_doses`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, exists, false, or_, select, true

from server.store import patient_words
from server.store.fhir_walk import Asked, Looked, Reference, Span, Table, Token, Walk, within
from server.store.tables import (
    AdministrationRow,
    AuditRow,
    CartRow,
    ObservationRow,
    OrderRow,
    OrderVersionRow,
    PatientIdentityRow,
    PatientRow,
    ProductRow,
    StaffRow,
    WardRow,
    WeightRow,
)
from server.store.transaction import Transaction


def _moment(column: str) -> Any:
    return lambda _tx, row, span: within(getattr(row, column), span)


def _day(_tx: Transaction, row: Any, span: Span) -> ColumnElement[bool]:
    """A date column: the days that the span covers."""
    column: Any = row.birth_date
    first, last = span.start.astimezone(UTC).date(), (span.end - timedelta(microseconds=1)).astimezone(UTC).date()
    match span.prefix:
        case "ne":
            return or_(column.is_(None), column < first, column > last)
        case "gt" | "sa":
            return column > last  # type: ignore[no-any-return]
        case "ge":
            return column >= first  # type: ignore[no-any-return]
        case "lt" | "eb":
            return column < first  # type: ignore[no-any-return]
        case "le":
            return column <= last  # type: ignore[no-any-return]
    return and_(column >= first, column <= last)


def _refers(column: str, *kinds: str) -> Any:
    """A reference that is one column with our own id."""

    def condition(_tx: Transaction, row: Any, value: Reference) -> ColumnElement[bool]:
        return getattr(row, column) == value.id if value.kind is None or value.kind in kinds else false()  # type: ignore[no-any-return]

    return condition


def _code(column: str, words: Mapping[str, tuple[str, ...]] | None = None) -> Any:
    """A code that is one column; `words` are ours for FHIR's."""

    def condition(_tx: Transaction, row: Any, value: Token) -> ColumnElement[bool]:
        if value.system == "?":
            return false()
        if words is not None and value.code not in words:
            return false()
        return getattr(row, column).in_(words[value.code] if words is not None else (value.code,))  # type: ignore[no-any-return]

    return condition


def _named(**columns: str) -> Any:
    """An identifier: our system -> its column. Without a system any of them."""
    by_system = {name.replace("_", "-"): column for name, column in columns.items()}

    def condition(_tx: Transaction, row: Any, value: Token) -> ColumnElement[bool]:
        wanted = by_system.values() if value.system is None else [by_system[value.system]] if value.system in by_system else []
        return or_(false(), *(getattr(row, column) == value.code for column in wanted))

    return condition


def _patient_identifier(tx: Transaction, row: Any, value: Token) -> ColumnElement[bool]:
    """By number, and by the number of the identity card; both have an index."""
    of_card = select(PatientIdentityRow.patient).where(
        PatientIdentityRow.facility == tx.facility, PatientIdentityRow.national_id == value.code
    )
    match value.system:
        case None:
            return or_(row.mrn == value.code, row.id.in_(of_card))
        case "patient":
            return row.mrn == value.code  # type: ignore[no-any-return]
        case "national-id":
            return row.id.in_(of_card)  # type: ignore[no-any-return]
    return false()


def _told_of(_tx: Transaction, row: Any, value: Reference) -> ColumnElement[bool]:
    """The subject of an audit row, or an id that its detail names."""
    subject = {"Patient": "patient", "MedicationRequest": "order", "MedicationAdministration": "administration", "Device": "cart"}
    kinds = subject.values() if value.kind is None else [subject[value.kind]] if value.kind in subject else []
    named = [cast(row.detail, Text).contains(json.dumps(value.id), autoescape=True)] if value.kind in (None, "Patient") else []
    return or_(false(), *(row.subject == f"{kind}/{value.id}" for kind in kinds), *named)


_STATUS_OF_ORDER = {one: (one,) for one in ("active", "on-hold", "stopped", "completed", "cancelled", "draft")}
_STATUS_OF_STAY = {"in-progress": ("admitted",), "finished": ("discharged", "transferred", "deceased")}
_PATIENTS = {
    "_lastUpdated": Walk(columns=(PatientRow.updated_at, PatientRow.id), spans="_lastUpdated"),
    "_id": Walk(columns=(PatientRow.id,)),
}
_OF_PATIENT: dict[str, Any] = {
    "_id": _refers("id"),
    "patient": _refers("id", "Patient"),
    "_lastUpdated": _moment("updated_at"),
    "location": _refers("ward", "Location"),
    "status": _code("status", _STATUS_OF_STAY),
}

PATIENTS = Table(
    row=PatientRow,
    patient=PatientRow.id,
    walks=_PATIENTS,
    narrow=frozenset({"_id", "patient", "identifier"}),
    conditions={
        **_OF_PATIENT,
        "identifier": _patient_identifier,
        "birthdate": _day,
        "gender": _code("sex", {"male": ("male",), "female": ("female",), "other": ("other",), "unknown": ("unknown",)}),
        "active": lambda tx, row, value: _active(tx, row, value),
    },
)


def _active(tx: Transaction, row: Any, value: Token) -> ColumnElement[bool]:
    """A record that became part of another is not in use."""
    merged = exists().where(
        PatientIdentityRow.facility == tx.facility, PatientIdentityRow.patient == row.id, PatientIdentityRow.merged_into.is_not(None)
    )
    return {"true": ~merged, "false": merged}.get(value.code, false()) if value.system is None else false()


STAYS = Table(
    row=PatientRow,
    patient=PatientRow.id,
    walks=_PATIENTS,
    narrow=frozenset({"_id", "patient"}),
    conditions=_OF_PATIENT,
    always=lambda _tx: (PatientRow.status.is_not(None),),
)

# Each row is a patient, whose list is read with it.
ALLERGIES = Table(
    row=PatientRow,
    patient=PatientRow.id,
    walks=_PATIENTS,
    narrow=frozenset({"patient"}),
    conditions={name: _OF_PATIENT[name] for name in ("patient", "_lastUpdated")},
    always=lambda _tx: (PatientRow.allergies_known.is_(True),),
)

ORDERS = Table(
    row=OrderRow,
    patient=OrderRow.patient,
    walks={
        "_lastUpdated": Walk(columns=(OrderRow.updated_at, OrderRow.id), spans="_lastUpdated"),
        "_id": Walk(columns=(OrderRow.id,)),
    },
    narrow=frozenset({"_id", "patient", "identifier", "encounter"}),
    leading=frozenset({"status"}),
    conditions={
        "_id": _refers("id"),
        "identifier": _named(order="id"),
        "patient": _refers("patient", "Patient"),
        "encounter": _refers("patient", "Encounter"),
        "_lastUpdated": _moment("updated_at"),
        "status": _code("status", _STATUS_OF_ORDER),
        "authoredon": _moment("placed_at"),
        "requester": _refers("prescriber", "Practitioner"),
        "verification": _code("verification"),
    },
)


# Of a record that others go on with, which is one resource with them: only what an index needs is asked of the row by itself, the rest of
# the whole resource (`server.usecases.fhir_doses`). By `date`, a resource stands at its first record, and this one's columns decide.
_LATER = ("in-progress", "on-hold")
_STATUS_OF_DOSE = {one: (one, *_LATER) for one in ("completed", "stopped", "in-progress", "on-hold")} | {"not-done": ("not-done",)}


def _dose_status(_tx: Transaction, row: Any, value: Token) -> ColumnElement[bool]:
    """What the first record must be for the whole to be so."""
    words = _STATUS_OF_DOSE.get(value.code)
    return true() if words is None else row.status.in_(words)


def _dose_code(_tx: Transaction, row: Any, value: Token) -> ColumnElement[bool]:
    return row.product == value.code if value.system == "product" else true()  # type: ignore[no-any-return]


DOSES = Table(
    row=AdministrationRow,
    patient=AdministrationRow.patient,
    walks={
        "_lastUpdated": Walk(columns=(AdministrationRow.received_at, AdministrationRow.record_id), spans="_lastUpdated"),
        "date": Walk(columns=(AdministrationRow.effective_at, AdministrationRow.record_id), spans="date"),
        "_id": Walk(columns=(AdministrationRow.record_id,)),
    },
    narrow=frozenset({"_id", "patient", "identifier", "request", "context"}),
    conditions={
        "_id": _refers("record_id"),
        "identifier": _named(administration="record_id"),
        "patient": _refers("patient", "Patient"),
        "context": _refers("patient", "Encounter"),
        "date": _moment("effective_at"),
        "_lastUpdated": _moment("received_at"),
        "request": _refers("order", "MedicationRequest"),
        "device": _refers("cart", "Device"),
        "status": _dose_status,
        "code": _dose_code,
    },
)

PRODUCTS = Table(
    row=ProductRow,
    walks={"_id": Walk(columns=(ProductRow.id,))},
    narrow=frozenset({"_id", "code"}),
    conditions={
        "_id": _refers("id"),
        "code": lambda _tx, row, value: (
            or_(row.gtin == value.code, row.id == value.code)
            if value.system is None
            else row.gtin == value.code
            if value.system == "gtin"
            else row.id == value.code
            if value.system == "product"
            else false()
        ),
        "_lastUpdated": _moment("updated_at"),
    },
)

STAFF = Table(
    row=StaffRow,
    walks={"_id": Walk(columns=(StaffRow.id,))},
    narrow=frozenset({"_id", "identifier"}),
    conditions={"_id": _refers("id"), "identifier": _named(staff="id", licence="licence_number")},
)

WARDS = Table(
    row=WardRow,
    walks={"_id": Walk(columns=(WardRow.id,))},
    narrow=frozenset({"_id", "identifier"}),
    conditions={"_id": _refers("id"), "identifier": _named(ward="id")},
)

CARTS = Table(
    row=CartRow,
    walks={"_id": Walk(columns=(CartRow.id,))},
    narrow=frozenset({"_id", "identifier"}),
    conditions={"_id": _refers("id"), "identifier": _named(cart="id"), "location": _refers("ward", "Location")},
)

_MEASURED = {"patient": _refers("patient", "Patient"), "date": _moment("at")}


def _measured_code(_tx: Transaction, row: Any, value: Token) -> ColumnElement[bool]:
    return row.code == value.code if value.system in (None, "observation") else false()  # type: ignore[no-any-return]


VALUES = Table(
    row=ObservationRow,
    patient=ObservationRow.patient,
    walks={"_id": Walk(columns=(ObservationRow.id,))},
    narrow=frozenset({"_id", "patient"}),
    conditions={**_MEASURED, "_id": lambda _tx, row, value: row.id == int(value.id), "code": _measured_code},
)

WEIGHTS = Table(
    row=WeightRow,
    patient=WeightRow.patient,
    walks={"_id": Walk(columns=(WeightRow.id,))},
    narrow=frozenset({"_id", "patient"}),
    conditions={
        **_MEASURED,
        "_id": lambda _tx, row, value: row.id == int(value.id),
        "code": lambda _tx, row, value: row.id.is_not(None) if value.code == "weight" else false(),
    },
)

AUDIT = Table(
    row=AuditRow,
    walks={
        "date": Walk(columns=(AuditRow.at, AuditRow.id), spans="date"),
        "_lastUpdated": Walk(columns=(AuditRow.at, AuditRow.id), spans="_lastUpdated"),
        "_id": Walk(columns=(AuditRow.id,)),
    },
    narrow=frozenset({"_id"}),
    conditions={
        "_id": lambda _tx, row, value: (
            row.id == int(value.id) if value.id.isascii() and value.id.isdigit() and len(value.id) < 18 else false()
        ),
        "date": _moment("at"),
        "_lastUpdated": _moment("at"),
        "agent": _refers("actor", "Practitioner"),
        "entity": _told_of,
        "patient": _told_of,
    },
)


def order_documents(tx: Transaction, wanted: Mapping[str, int]) -> dict[str, OrderVersionRow]:
    """Order -> its version of that number."""
    if not wanted:
        return {}
    row = OrderVersionRow
    pairs = or_(*(and_(row.order == order, row.version == version) for order, version in wanted.items()))
    return {one.order: one for one in tx.session.scalars(select(row).where(row.facility == tx.facility, pairs))}


def by_name(tx: Transaction, words: tuple[str, ...], asked: Asked) -> tuple[Looked, bool]:
    """Patients each of whose `words` begins one of theirs, by id, through the index of words; whether there may be others of whom the
    rarest of the words did not tell."""
    conditions = [
        or_(*(PATIENTS.conditions[name](tx, PatientRow, value) for value in values))
        for name, values in asked.filters
        if name in PATIENTS.conditions
    ]
    after = "" if asked.after is None else str(asked.after[0])
    by_ward = tx.actor.wards is not None
    found = patient_words.find(tx, words, *conditions, after=after, admitted_only=False, by_ward=by_ward, limit=asked.limit + 1)
    ids = tuple((row.id,) for row in found.rows)
    is_more = len(ids) > asked.limit
    return Looked(found=ids[: asked.limit], end=ids[asked.limit - 1] if is_more else None), found.cut and not is_more
