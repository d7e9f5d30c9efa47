"""Queries about counted days and what they are counted from. Each reads a ward's day, or at most a year of days; nothing here counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import delete, select, tuple_

from pointofcare.administration.record import AdministrationRecord
from server.store import mapping_record
from server.store.tables import (
    AdministrationRow,
    AttemptRow,
    PatientIdentityRow,
    ProductRow,
    QualityDayRow,
    QualityMarkRow,
    UnfilledDoseRow,
)
from server.store.transaction import Transaction
from server.store.versions import insertion

HOSPITAL = ""
DAY, WEEK = "day", "week"
PAGE = 5_000
_AT_ONCE = 400
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDose:
    """`record` None: the document cannot be read. `server_rules` are the rules that the server's own look found."""

    record_id: str
    record: AdministrationRecord | None
    server_rules: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    record_id: str
    cart: str
    patient: str | None
    nurse: str | None
    at: datetime
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfilled:
    order: str
    patient: str
    ward: str
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One counted day of one ward."""

    ward: str
    day: date
    cells: Mapping[str, Any]
    headline: Mapping[str, Any]
    basis: str
    counted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What a new record says about which days must be counted anew."""

    ward: str
    moments: tuple[datetime, ...]


# What is counted from.


def came(tx: Transaction, *, since: datetime | None) -> Iterator[Touched]:
    """Of every record and attempt that was stored since then, the ward and the moments that it is about. Page by page."""
    a, t = AdministrationRow, AttemptRow
    last: tuple[datetime, str] | None = None
    while True:
        query = select(a.record_id, a.received_at, a.ward, a.effective_at, a.due, a.amends).where(a.facility == tx.facility)
        if since is not None:
            query = query.where(a.received_at >= since)
        if last is not None:
            query = query.where(tuple_(a.received_at, a.record_id) > last)
        rows = tx.session.execute(query.order_by(a.received_at, a.record_id).limit(PAGE)).all()
        corrected = _moments_of(tx, [row.amends for row in rows if row.amends])
        for row in rows:
            moments = [row.effective_at, *([row.due] if row.due is not None else []), *corrected.get(row.amends or "", ())]
            yield Touched(ward=row.ward, moments=tuple(moments))
        if len(rows) < PAGE:
            break
        last = (rows[-1].received_at, rows[-1].record_id)
    attempted = select(t.ward, t.at).where(t.facility == tx.facility)
    if since is not None:
        attempted = attempted.where(t.received_at >= since)
    for ward, at in tx.session.execute(attempted.execution_options(yield_per=PAGE)):
        yield Touched(ward=ward, moments=(at,))


def _moments_of(tx: Transaction, ids: list[str]) -> dict[str, tuple[datetime, ...]]:
    a = AdministrationRow
    found: dict[str, tuple[datetime, ...]] = {}
    for some in _portions(ids):
        rows = tx.session.execute(select(a.record_id, a.effective_at).where(a.facility == tx.facility, a.record_id.in_(some)))
        found |= {record_id: (at,) for record_id, at in rows}
    return found


def doses(tx: Transaction, ward: str, since: datetime, until: datetime) -> tuple[StoredDose, ...]:
    """Every record of the ward that happened then, in order."""
    a = AdministrationRow
    rows = tx.session.execute(
        select(a.record_id, a.document, a.server_verdict)
        .where(a.facility == tx.facility, a.ward == ward, a.effective_at >= since, a.effective_at < until)
        .order_by(a.effective_at, a.record_id)
    )
    found = []
    for record_id, document, verdict in rows:
        try:
            record = mapping_record.from_document(document)
        except (KeyError, ValueError, TypeError):
            record = None
        rules = frozenset(str(one.get("rule")) for one in (verdict or {}).get("findings", ()) if isinstance(one, dict))
        found.append(StoredDose(record_id=record_id, record=record, server_rules=rules))
    return tuple(found)


def withdrawn(tx: Transaction, ids: Collection[str]) -> frozenset[str]:
    """Which of these records were entered by mistake, as a later one says."""
    a = AdministrationRow
    found: set[str] = set()
    for some in _portions(list(ids)):
        query = select(a.amends).where(a.facility == tx.facility, a.amends.in_(some), a.status == "entered-in-error")
        found |= {str(one) for one in tx.session.scalars(query)}
    return frozenset(found)


def attempts(tx: Transaction, ward: str, since: datetime, until: datetime) -> tuple[StoredAttempt, ...]:
    t = AttemptRow
    rows = tx.session.execute(
        select(t.record_id, t.cart, t.patient, t.nurse, t.at, t.document)
        .where(t.facility == tx.facility, t.ward == ward, t.at >= since, t.at < until)
        .order_by(t.at, t.record_id)
    )
    return tuple(
        StoredAttempt(record_id=row.record_id, cart=row.cart, patient=row.patient, nurse=row.nurse, at=row.at, document=row.document or {})
        for row in rows
    )


def of_orders(
    tx: Transaction, patients: Collection[str], since: datetime, until: datetime
) -> dict[str, list[tuple[datetime, str, int | None]]]:
    """Order -> its records of these patients then, oldest first, as (when, status, version)."""
    a = AdministrationRow
    found: dict[str, list[tuple[datetime, str, int | None]]] = {}
    for some in _portions(list(patients)):
        rows = tx.session.execute(
            select(a.order, a.effective_at, a.status, a.order_version)
            .where(
                a.facility == tx.facility,
                a.patient.in_(some),
                a.effective_at >= since,
                a.effective_at < until,
                a.order.is_not(None),
                a.action.in_(("give", "start", "hold", "refuse", "not-given")),
            )
            .order_by(a.effective_at, a.record_id)
        )
        for order, at, status, version in rows:
            found.setdefault(str(order), []).append((at, status, version))
    return found


# Doses that nobody charted in time.


def notice(tx: Transaction, found: Iterable[Unfilled]) -> int:
    """Writes down those that are not written down yet; how many were new."""
    new = 0
    for one in found:
        row = insertion(tx, UnfilledDoseRow).values(
            facility=tx.facility, order=one.order, due=one.due, ward=one.ward, patient=one.patient, noticed_at=tx.at
        )
        new += tx.inserted(row.on_conflict_do_nothing().returning(UnfilledDoseRow.order))
    return new


def noticed(tx: Transaction, ward: str, since: datetime) -> frozenset[tuple[str, datetime]]:
    u = UnfilledDoseRow
    rows = tx.session.execute(select(u.order, u.due).where(u.facility == tx.facility, u.ward == ward, u.due >= since))
    return frozenset((order, due) for order, due in rows)


def unfilled(tx: Transaction, ward: str, since: datetime, until: datetime) -> tuple[Unfilled, ...]:
    """Those due then that no record has closed since. A record that was withdrawn closes nothing: that dose was not given. One of a patient
    whose record became part of another stands with that one."""
    u, a, i = UnfilledDoseRow, AdministrationRow, PatientIdentityRow
    rows = tx.session.execute(
        select(u.order, u.patient, u.due)
        .where(u.facility == tx.facility, u.ward == ward, u.due >= since, u.due < until)
        .order_by(u.due, u.order)
    ).all()
    closing: dict[str, tuple[str, datetime]] = {}
    for mine in _portions(sorted({row.patient for row in rows})):
        joined = tx.session.scalars(
            select(i.merged_into).where(i.facility == tx.facility, i.patient.in_(mine), i.merged_into.is_not(None)).distinct()
        )
        some = sorted({*mine, *(str(one) for one in joined)})
        found = tx.session.execute(
            select(a.record_id, a.order, a.due).where(
                a.facility == tx.facility,
                a.patient.in_(some),
                a.effective_at >= since - timedelta(days=2),
                a.due.is_not(None),
                a.due >= since,
                a.due < until,
                a.status != "entered-in-error",
            )
        )
        closing |= {record_id: (order, due) for record_id, order, due in found if order is not None and due is not None}
    gone = withdrawn(tx, closing)
    closed = {dose for record_id, dose in closing.items() if record_id not in gone}
    return tuple(
        Unfilled(order=row.order, patient=row.patient, ward=ward, due=row.due) for row in rows if (row.order, row.due) not in closed
    )


def unfilled_between(tx: Transaction, since: datetime, until: datetime) -> tuple[tuple[str, datetime], ...]:
    """(ward, due) of all that were due then, whatever became of them."""
    u = UnfilledDoseRow
    return tuple(
        (ward, due)
        for ward, due in tx.session.execute(select(u.ward, u.due).where(u.facility == tx.facility, u.due >= since, u.due < until))
    )


def unfilled_at(tx: Transaction, moments: Collection[datetime]) -> frozenset[tuple[str, datetime]]:
    """(ward, due) of those that were due at one of `moments`, in whichever ward."""
    u = UnfilledDoseRow
    found: set[tuple[str, datetime]] = set()
    for some in _portions(sorted(moments)):
        found |= {(ward, due) for ward, due in tx.session.execute(select(u.ward, u.due).where(u.facility == tx.facility, u.due.in_(some)))}
    return frozenset(found)


# Counted days and weeks.


def put_day(tx: Transaction, day: Day, *, counting: int, span: str = DAY) -> None:
    row = {
        "cells": dict(day.cells),
        "headline": dict(day.headline),
        "basis": day.basis,
        "counting": counting,
        "counted_at": day.counted_at,
    }
    new = insertion(tx, QualityDayRow).values(facility=tx.facility, ward=day.ward, span=span, day=day.day, **row)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "ward", "span", "day"], set_=row))


def drop_days(tx: Transaction) -> None:
    """All that was counted from records, so that it is counted anew; what a demonstration made up stays."""
    tx.session.execute(delete(QualityDayRow).where(QualityDayRow.facility == tx.facility, QualityDayRow.basis == "records"))
    tx.session.execute(delete(QualityMarkRow).where(QualityMarkRow.facility == tx.facility))


def days(tx: Transaction, wards: Collection[str], since: date, until: date, *, span: str = DAY) -> tuple[Day, ...]:
    """Whole days, or weeks by their Mondays, of these wards, oldest first. `until` is excluded."""
    q = QualityDayRow
    rows = tx.session.scalars(
        select(q)
        .where(q.facility == tx.facility, q.span == span, q.ward.in_(list(wards)), q.day >= since, q.day < until)
        .order_by(q.day, q.ward)
    )
    return tuple(_day(row) for row in rows)


def of_day(tx: Transaction, day: date) -> tuple[Day, ...]:
    """Every ward's count of one day, without the hospital's."""
    q = QualityDayRow
    rows = tx.session.scalars(select(q).where(q.facility == tx.facility, q.span == DAY, q.day == day, q.ward != HOSPITAL).order_by(q.ward))
    return tuple(_day(row) for row in rows)


def headlines(tx: Transaction, wards: Collection[str] | None, since: date, until: date) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """(ward, headline) of each ward and week; `wards` None: every one."""
    q = QualityDayRow
    query = select(q.ward, q.headline).where(q.facility == tx.facility, q.span == WEEK, q.day >= since, q.day < until, q.ward != HOSPITAL)
    if wards is not None:
        query = query.where(q.ward.in_(list(wards)))
    return tuple((ward, headline or {}) for ward, headline in tx.session.execute(query.order_by(q.ward, q.day)))


def counted_wards(tx: Transaction, since: date, until: date) -> tuple[str, ...]:
    q = QualityDayRow
    query = select(q.ward).where(q.facility == tx.facility, q.span == WEEK, q.day >= since, q.day < until, q.ward != HOSPITAL)
    if tx.actor.wards is not None:
        query = query.where(q.ward.in_(sorted(tx.actor.wards)))
    return tuple(tx.session.scalars(query.distinct().order_by(q.ward)))


def mark(tx: Transaction) -> tuple[datetime, int] | None:
    row = tx.session.get(QualityMarkRow, tx.facility)
    return None if row is None else (row.upto, row.counting)


def put_mark(tx: Transaction, upto: datetime, *, counting: int) -> None:
    row = {"upto": upto, "counting": counting}
    new = insertion(tx, QualityMarkRow).values(facility=tx.facility, **row)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility"], set_=row))


def product_names(tx: Transaction, products: Collection[str]) -> dict[str, str]:
    rows = tx.session.execute(
        select(ProductRow.id, ProductRow.name).where(ProductRow.facility == tx.facility, ProductRow.id.in_(list(products)))
    )
    return {row.id: row.name for row in rows}


def made_up(tx: Transaction) -> frozenset[tuple[str, date]]:
    """Days that a demonstration made up: no record may be counted into them."""
    q = QualityDayRow
    rows = tx.session.execute(select(q.ward, q.day).where(q.facility == tx.facility, q.span == DAY, q.basis != "records"))
    return frozenset((ward, day) for ward, day in rows)


def made_up_until(tx: Transaction) -> date | None:
    q = QualityDayRow
    query = select(q.day).where(q.facility == tx.facility, q.span == DAY, q.basis != "records")
    return tx.session.scalar(query.order_by(q.day.desc()).limit(1))


def active_wards(tx: Transaction) -> tuple[str, ...]:
    """Wards with a patient in a bed."""
    from server.store.tables import PatientRow

    p = PatientRow
    query = select(p.ward).where(p.facility == tx.facility, p.status == "admitted", p.ward.is_not(None)).distinct()
    return tuple(sorted(str(ward) for ward in tx.session.scalars(query)))


def _day(row: QualityDayRow) -> Day:
    return Day(ward=row.ward, day=row.day, cells=row.cells or {}, headline=row.headline or {}, basis=row.basis, counted_at=row.counted_at)


def _portions(ids: list[T]) -> Iterator[list[T]]:
    for place in range(0, len(ids), _AT_ONCE):
        yield ids[place : place + _AT_ONCE]
