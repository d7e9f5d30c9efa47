"""Queries about what happened at the bedside. Nothing here updates or deletes an administration or an attempt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import String, Table, and_, bindparam, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from pointofcare.administration.record import AdministrationRecord
from server.store import driver, mapping_record, reach
from server.store.plain import storable
from server.store.tables import (
    AdministrationRow,
    AttemptRow,
    DiscrepancyRow,
    OutboxRow,
    OverrideReviewRow,
    PatientIdentityRow,
    PatientRow,
)
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseView:
    """One administration with what became of it. `emr_state` None: it has no outbox row. `amended_by` names the record that
    replaces it. `discrepancies` are the codes of those that are open."""

    record: AdministrationRecord
    received_at: datetime
    server_level: str | None
    server_order: str | None
    server_verdict: Mapping[str, Any] | None
    overridden: bool
    emr_state: str | None
    emr_id: str | None
    amended_by: str | None
    discrepancies: tuple[str, ...]
    patient_name: str = ""
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None


def insert_record(tx: Transaction, values: Mapping[str, Any]) -> bool:
    """False: a record with this id is there already; then nothing was written. One statement. A record whose patient's record was
    merged, even while this was under way, is written to the one that goes on; the document stays as it was sent."""
    row = storable(values) | {"facility": tx.facility, "received_at": tx.at}
    row["order_id"] = row.pop("order")
    row["told_patient"] = row.pop("patient")
    row["told_facility"] = tx.facility
    statement = driver.kept(tx.connection, _insertion, tx.connection.dialect.name, columns=tuple(row))
    return bool(driver.put(tx.connection, statement, row))


def _insertion(dialect: str) -> Any:
    table = cast("Table", AdministrationRow.__table__)
    new = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    told, i = bindparam("told_patient", type_=String), PatientIdentityRow
    now = select(i.merged_into).where(i.facility == bindparam("told_facility", type_=String), i.patient == told).scalar_subquery()
    return new.values(patient=func.coalesce(now, told)).on_conflict_do_nothing().returning(table.c.record_id)


def insert_attempt(tx: Transaction, values: Mapping[str, Any]) -> bool:
    """As `insert_record`."""
    new = insertion(tx, AttemptRow).values(facility=tx.facility, received_at=tx.at, **storable(values))
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))


def _doses(tx: Transaction, *conditions: Any, limit: int, newest_first: bool = True) -> tuple[DoseView, ...]:
    """Two statements, whatever the number of doses."""
    when = AdministrationRow.effective_at.desc() if newest_first else AdministrationRow.effective_at
    rows = tx.session.execute(
        select(AdministrationRow, OutboxRow.state, OutboxRow.emr_id, PatientRow.name, OverrideReviewRow.by, OverrideReviewRow.at)
        .outerjoin(
            OutboxRow,
            and_(
                OutboxRow.facility == AdministrationRow.facility,
                OutboxRow.kind == "administration",
                OutboxRow.record_id == AdministrationRow.record_id,
            ),
        )
        .outerjoin(PatientRow, and_(PatientRow.facility == AdministrationRow.facility, PatientRow.id == AdministrationRow.patient))
        .outerjoin(
            OverrideReviewRow,
            and_(
                OverrideReviewRow.facility == AdministrationRow.facility,
                OverrideReviewRow.record_id == AdministrationRow.record_id,
            ),
        )
        .where(AdministrationRow.facility == tx.facility, *conditions)
        .order_by(when, AdministrationRow.record_id)
        .limit(limit)
    ).all()
    ids = [row[0].record_id for row in rows]
    open_codes: dict[str, list[str]] = {}
    amended: dict[str, str] = {}
    if ids:
        later = select(AdministrationRow.amends, AdministrationRow.record_id).where(
            AdministrationRow.facility == tx.facility, AdministrationRow.amends.in_(ids)
        )
        codes = select(DiscrepancyRow.record_id, DiscrepancyRow.code).where(
            DiscrepancyRow.facility == tx.facility, DiscrepancyRow.record_id.in_(ids), DiscrepancyRow.state == "open"
        )
        for kind, key, value in tx.session.execute(_tagged("amended", later).union_all(_tagged("code", codes))):
            if kind == "amended":
                amended[key] = value
            else:
                open_codes.setdefault(key, []).append(value)
    return tuple(
        DoseView(
            record=mapping_record.from_document(row.document),
            received_at=row.received_at,
            server_level=row.server_level,
            server_order=row.server_order,
            server_verdict=row.server_verdict,
            overridden=row.overridden,
            emr_state=state,
            emr_id=emr_id,
            amended_by=amended.get(row.record_id),
            discrepancies=tuple(sorted(open_codes.get(row.record_id, ()))),
            patient_name=name or "",
            reviewed_by=reviewed_by,
            reviewed_at=reviewed_at,
        )
        for row, state, emr_id, name, reviewed_by, reviewed_at in rows
    )


def _tagged(kind: str, query: Any) -> Any:
    return query.with_only_columns(literal(kind).label("kind"), *query.selected_columns)


def of_patient(tx: Transaction, patient: str, *, since: datetime | None = None, limit: int = 500) -> tuple[DoseView, ...]:
    """The medication record, newest first: two statements, whatever the number of doses."""
    conditions = [AdministrationRow.patient == patient]
    if since is not None:
        conditions.append(AdministrationRow.effective_at >= since)
    return _doses(tx, *conditions, limit=limit)


def overrides(tx: Transaction, *, ward: str | None = None, reviewed: bool | None = None, limit: int = 200) -> tuple[DoseView, ...]:
    """Doses where a reason or a witness answered a finding, newest first. `reviewed` None: both."""
    conditions: list[Any] = [AdministrationRow.overridden.is_(True)]
    if ward is not None:
        conditions.append(AdministrationRow.ward == ward)
    if reviewed is not None:
        conditions.append(OverrideReviewRow.at.is_not(None) if reviewed else OverrideReviewRow.at.is_(None))
    return _doses(tx, *conditions, limit=limit)


def get(tx: Transaction, record_id: str) -> DoseView | None:
    """Raises: OtherWardError."""
    found = _doses(tx, AdministrationRow.record_id == record_id, limit=1)
    if found and tx.actor.wards is not None:
        record = found[0].record
        patient = tx.session.get(PatientRow, (tx.facility, record.patient))
        where = patient.ward if patient is not None else None
        reach.must_see_thing(tx, ward=record.ward, patient=record.patient, patient_ward=where)
    return found[0] if found else None


def amended(tx: Transaction, records: Collection[str]) -> frozenset[str]:
    """Those of `records` that a later record corrects, whenever that was."""
    row = AdministrationRow
    query = select(row.amends).where(row.facility == tx.facility, row.amends.in_(records))
    return frozenset(tx.session.scalars(query)) if records else frozenset()


def review(tx: Transaction, record_id: str, *, comment: str) -> bool:
    """False: somebody reviewed it before."""
    new = insertion(tx, OverrideReviewRow).values(facility=tx.facility, record_id=record_id, by=tx.actor.id, at=tx.at, comment=comment)
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    record_id: str
    ward: str
    cart: str
    patient: str | None
    order: str | None
    product: str | None
    nurse: str | None
    level: str
    rules: tuple[str, ...]
    at: datetime
    document: Mapping[str, Any]


def attempts(tx: Transaction, *, ward: str | None = None, since: datetime | None = None, limit: int = 200) -> tuple[AttemptView, ...]:
    """Newest first."""
    query = select(AttemptRow).where(AttemptRow.facility == tx.facility)
    if ward is not None:
        query = query.where(AttemptRow.ward == ward)
    if since is not None:
        query = query.where(AttemptRow.at >= since)
    rows = tx.session.scalars(query.order_by(AttemptRow.at.desc(), AttemptRow.record_id).limit(limit))
    return tuple(
        AttemptView(
            record_id=row.record_id,
            ward=row.ward,
            cart=row.cart,
            patient=row.patient,
            order=row.order,
            product=row.product,
            nurse=row.nurse,
            level=row.level,
            rules=tuple(row.rules),
            at=row.at,
            document=row.document,
        )
        for row in rows
    )
