"""What the pages and the API read about patients: finding one, and the doses on the record, page by page. Reads only."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, Select, String, and_, or_, select

from pointofcare.administration.record import AdministrationRecord
from pointofcare.labels import gs1
from server.store import driver, mapping_record, patient_words, reach
from server.store.columns import UtcDateTime
from server.store.driver import room, several, spread, value
from server.store.tables import AdministrationRow, BandRow, OutboxRow, PatientRow, WardRow
from server.store.transaction import Transaction

MOST_NAMES = 500
# What a dose is shown with: the document holds the rest of its row.
_SHOWN = (
    AdministrationRow.document,
    AdministrationRow.received_at,
    AdministrationRow.overridden,
    AdministrationRow.server_level,
    OutboxRow.state,
    OutboxRow.emr_id,
)
# A wristband as a hand scanner types it: the symbology identifier, and AI 8018 with or without brackets.
_BAND = re.compile(r"(?:\][A-Za-z][0-9A-Za-z])?\(?8018\)?([0-9]{18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientLine:
    id: str
    mrn: str
    name: str
    birth_date: date | None
    sex: str | None
    ward: str | None
    bed: str | None
    status: str | None
    allergies_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WardLine:
    id: str
    name: str
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One record with what the server thinks of it. `emr_state` None: the outbox holds none."""

    record: AdministrationRecord
    received_at: datetime
    overridden: bool
    server_level: str | None
    emr_state: str | None
    emr_id: str | None


def wards(tx: Transaction) -> tuple[WardLine, ...]:
    """Those that the person reaches."""
    query = select(WardRow).where(WardRow.facility == tx.facility).order_by(WardRow.id)
    if tx.actor.wards is not None:
        query = query.where(WardRow.id.in_(sorted(tx.actor.wards)))
    rows = tx.session.scalars(query)
    return tuple(WardLine(id=row.id, name=row.name, timezone=row.timezone) for row in rows)


def place_in_doses(text: str) -> tuple[datetime, str] | None:
    """Where a page of doses begins, as a link of ours wrote it; None for anything else."""
    at, _, record_id = text.partition("~")
    try:
        found = datetime.fromisoformat(at.replace(" ", "+"))
        if found.tzinfo is None or not record_id:
            return None
        return found.astimezone(UTC), record_id
    except (ValueError, OverflowError):
        return None


def find(
    tx: Transaction, *, text: str = "", ward: str | None = None, after: str = "", admitted_only: bool = True, limit: int = 100
) -> tuple[PatientLine, ...]:
    """Patients of whose name, MRN and id each word of `text` begins a word, by id; those after the id `after`."""
    return look(tx, text=text, ward=ward, after=after, admitted_only=admitted_only, limit=limit)[0]


def look(
    tx: Transaction, *, text: str = "", ward: str | None = None, after: str = "", admitted_only: bool = True, limit: int = 100
) -> tuple[tuple[PatientLine, ...], bool]:
    """As `find`, and whether there may be others; a scanned wristband finds whose it is. What it costs does not grow with the hospital."""
    conditions = [PatientRow.ward == ward] if ward else []
    if (band := _BAND.match("".join(text.split()))) is not None and gs1.is_valid_key(band[1]):
        return _of_band(tx, band[1], *conditions), False
    if text.strip():
        wanted = patient_words.typed(text)
        if not wanted:
            return (), False
        by_ward = bool(ward) or tx.actor.wards is not None
        found = patient_words.find(tx, wanted, *conditions, after=after, admitted_only=admitted_only, by_ward=by_ward, limit=limit)
        return tuple(_line(row) for row in found.rows), found.cut
    query = select(PatientRow).where(PatientRow.facility == tx.facility, PatientRow.id > after, *reach.patients(tx), *conditions)
    if admitted_only:
        query = query.where(PatientRow.status == "admitted")
    rows = tuple(tx.session.scalars(query.order_by(PatientRow.id).limit(limit + 1)))
    return tuple(_line(row) for row in rows[:limit]), len(rows) > limit


def _of_band(tx: Transaction, gsrn: str, *conditions: ColumnElement[bool]) -> tuple[PatientLine, ...]:
    """Whoever has or had a band with this number, admitted or not."""
    theirs = select(BandRow.patient).where(BandRow.facility == tx.facility, BandRow.gsrn == gsrn)
    query = select(PatientRow).where(PatientRow.facility == tx.facility, PatientRow.id.in_(theirs), *reach.patients(tx), *conditions)
    return tuple(_line(row) for row in tx.session.scalars(query.order_by(PatientRow.id)))


def get(tx: Transaction, patient: str) -> PatientLine | None:
    """Raises: OtherWardError."""
    row = tx.session.get(PatientRow, (tx.facility, patient))
    if row is not None:
        reach.must_see(tx, row.ward, row.id)
    return None if row is None else _line(row)


def doses(
    tx: Transaction,
    *,
    patient: str,
    before: tuple[datetime, str] | None = None,
    limit: int = 50,
    since: datetime | None = None,
    statuses: Collection[str] = (),
    actions: Collection[str] = (),
    product: str = "",
) -> tuple[tuple[Dose, ...], tuple[datetime, str] | None]:
    """Newest first, and where the next page starts (None: no more). One statement, however many doses. `product` is a name as it was
    recorded; what is not given does not narrow."""
    bound, reached = reach.bounds(tx)
    narrowed = _Narrowed(
        bound=bound,
        statuses=room(len(statuses)) if statuses else 0,
        actions=room(len(actions)) if actions else 0,
        has_since=since is not None,
        has_product=bool(product),
        has_before=before is not None,
    )
    values: dict[str, Any] = {"facility": tx.facility, "patient": patient, "most": limit + 1, "since": since, "product": product, **reached}
    values |= spread("status", sorted(statuses)) | spread("action", sorted(actions))
    values["before_at"], values["before_id"] = before if before is not None else (None, None)
    rows = driver.rows(tx.connection, driver.kept(tx.connection, _doses_of, narrowed), values)
    found = tuple([_shown(row) for row in rows[:limit]])
    if len(rows) <= limit:
        return found, None
    last = found[limit - 1].record
    return found, (last.effective_at, last.record_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Narrowed:
    """By what a statement of doses is narrowed, and of how many of each: it is written once for each of these."""

    bound: reach.Bounds | None
    statuses: int
    actions: int
    has_since: bool
    has_product: bool
    has_before: bool


def _doses_of(by: _Narrowed) -> Select[Any]:
    a, facility = AdministrationRow, value("facility", String)
    query = (
        select(*_SHOWN)
        .outerjoin(OutboxRow, _of_record())
        .where(a.facility == facility, a.patient == value("patient", String), *reach.within(by.bound, a.patient, facility))
        .order_by(a.effective_at.desc(), a.record_id.desc())
        .limit(value("most", Integer))
    )
    if by.has_since:
        query = query.where(a.effective_at >= value("since", UtcDateTime))
    if by.statuses:
        query = query.where(a.status.in_(several("status", by.statuses)))
    if by.actions:
        query = query.where(a.action.in_(several("action", by.actions)))
    if by.has_product:
        query = query.where(a.product_name == value("product", String))
    if by.has_before:
        at, record_id = value("before_at", UtcDateTime), value("before_id", String)
        query = query.where(or_(a.effective_at < at, and_(a.effective_at == at, a.record_id < record_id)))
    return query


def product_names(tx: Transaction, patient: str) -> tuple[str, ...]:
    """What the patient ever got, by name."""
    row = AdministrationRow
    query = select(row.product_name).where(row.facility == tx.facility, row.patient == patient, row.product_name.is_not(None)).distinct()
    return tuple(sorted(name for name in tx.session.scalars(query.where(*reach.of_patient(tx, row.patient)).limit(MOST_NAMES)) if name))


def dose(tx: Transaction, record_id: str) -> Dose | None:
    """Raises: OtherWardError: it is neither of one of the person's wards nor of a patient who is there."""
    found = tx.session.execute(
        select(*_SHOWN, AdministrationRow.ward, AdministrationRow.patient, PatientRow.ward.label("patient_ward"))
        .outerjoin(OutboxRow, _of_record())
        .outerjoin(PatientRow, and_(PatientRow.facility == AdministrationRow.facility, PatientRow.id == AdministrationRow.patient))
        .where(AdministrationRow.facility == tx.facility, AdministrationRow.record_id == record_id)
    ).first()
    if found is None:
        return None
    reach.must_see_thing(tx, ward=found.ward, patient=found.patient, patient_ward=found.patient_ward)
    return _dose(found)


def _of_record() -> ColumnElement[bool]:
    return and_(
        OutboxRow.facility == AdministrationRow.facility,
        OutboxRow.kind == "administration",
        OutboxRow.record_id == AdministrationRow.record_id,
    )


def _dose(row: Row[Any]) -> Dose:
    return Dose(
        record=mapping_record.from_document(row.document),
        received_at=row.received_at,
        overridden=row.overridden,
        server_level=row.server_level,
        emr_state=row.state,
        emr_id=row.emr_id,
    )


def _shown(row: tuple[Any, ...]) -> Dose:
    """As `_dose`, of a row as the driver has it: the columns of `_SHOWN`."""
    document, received_at, overridden, server_level, state, emr_id = row
    return Dose(
        record=mapping_record.from_document(driver.document(document)),
        received_at=driver.moment(received_at) or datetime.min.replace(tzinfo=UTC),
        overridden=bool(overridden),
        server_level=server_level,
        emr_state=state,
        emr_id=emr_id,
    )


def _line(row: PatientRow) -> PatientLine:
    return PatientLine(
        id=row.id,
        mrn=row.mrn,
        name=row.name,
        birth_date=row.birth_date,
        sex=row.sex,
        ward=row.ward,
        bed=row.bed,
        status=row.status,
        allergies_known=row.allergies_known,
    )
