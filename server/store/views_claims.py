"""What the export of drug lines for claims reads: what was charted in a period, and what each record needs beside it. Reads only.

A record that a later one corrects is read too, for it must be told apart from what counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import and_, select

from pointofcare.administration.record import AdministrationRecord
from pointofcare.orders.order import Order
from pointofcare.products import Product
from server.store import catalogue, mapping, mapping_record, reach, stays
from server.store.catalogue import Line
from server.store.stays import Stay
from server.store.tables import (
    AdministrationRow,
    BagRow,
    OrderVersionRow,
    PatientRow,
    ProductRow,
    ProductVersionRow,
    StaffRow,
    UnfilledDoseRow,
    WardRow,
)
from server.store.transaction import Transaction

# A day of a large hospital; what is more says so, and is asked for in smaller pieces.
MOST_RECORDS = 20_000
_CHUNK = 500
# The end of an infusion, and a dose that is charted late, are looked for so long after the period.
LONGEST_RUN = timedelta(days=14)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A patient as a list of doses names one."""

    mrn: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order version, and when it was written."""

    order: Order
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Packs:
    """What went into a bag: pairs of a product's id and the amount that the label names ("500 mg"), None: one whole pack."""

    contents: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`ends` start's record -> the record that ended it; `amended` the ids of those that a later record corrects; `charted` pairs of order
    and due time that somebody charted after all; `products` by id, each pack as its own product, `base` product -> the product it is a
    pack of; `lines` by base product; `unfilled` doses (order, due, ward, patient) that nobody charted in time."""

    records: tuple[AdministrationRecord, ...]
    is_whole: bool
    ends: dict[str, AdministrationRecord]
    amended: frozenset[str]
    charted: frozenset[tuple[str, datetime]]
    people: dict[str, Person]
    orders: dict[tuple[str, int], Placed]
    licences: dict[str, str]
    zones: dict[str, str]
    products: dict[str, Product]
    base: dict[str, str]
    lines: dict[str, tuple[Line, ...]]
    bags: dict[str, Packs]
    stays: dict[str, tuple[Stay, ...]]
    unfilled: tuple[tuple[str, datetime, str, str], ...]


def look(tx: Transaction, *, since: datetime, until: datetime, ward: str | None = None, patient: str | None = None) -> Look:
    """Everything of the period that the person reaches, in the order in which it was done."""
    a = AdministrationRow
    query = select(a.document, a.patient).where(
        a.facility == tx.facility,
        a.effective_at >= since,
        a.effective_at < until,
        # Nothing comes before it was done, but for clocks that differ: the index of what came bounds what is read.
        a.received_at >= since - timedelta(days=1),
        *reach.of_ward(tx, a.ward, a.patient),
    )
    if ward:
        query = query.where(a.ward == ward)
    if patient:
        query = query.where(a.patient == patient)
    rows = tx.session.execute(query.order_by(a.effective_at, a.record_id).limit(MOST_RECORDS + 1)).all()
    records = tuple(_record(document, now) for document, now in rows[:MOST_RECORDS])
    unfilled = _unfilled(tx, since=since, until=until, ward=ward, patient=patient)
    patients = {record.patient for record in records} | {one[3] for one in unfilled}
    ids = [record.record_id for record in records]
    ends, charted = _later(tx, patients, since, until + LONGEST_RUN, set(ids))
    orders = _orders(tx, {record.order for record in records if record.order} | {one[0] for one in unfilled})
    bags = _bags(tx, {record.bag for record in records if record.bag})
    named = {record.product for record in records if record.product} | {key for packs in bags.values() for key, _ in packs.contents}
    products, base = _products(tx, named)
    return Look(
        records=records,
        is_whole=len(rows) <= MOST_RECORDS,
        ends=ends,
        amended=_amended(tx, ids),
        charted=charted,
        people=_people(tx, patients),
        orders=orders,
        licences=_licences(tx, {placed.order.prescriber for placed in orders.values() if placed.order.prescriber}),
        zones={row.id: row.timezone for row in tx.session.scalars(select(WardRow).where(WardRow.facility == tx.facility))},
        products=products,
        base=base,
        lines=catalogue.of_products(tx, set(base.values())),
        bags=bags,
        stays=stays.of_patients(tx, patients),
        unfilled=unfilled,
    )


def _record(document: dict[str, Any], patient: str) -> AdministrationRecord:
    """With the patient whose record it is part of by now."""
    record = mapping_record.from_document(document)
    return record if record.patient == patient else replace(record, patient=patient)


def _chunks(values: Collection[_T]) -> Iterator[Sequence[_T]]:
    listed = sorted(values, key=str)
    for start in range(0, len(listed), _CHUNK):
        yield listed[start : start + _CHUNK]


def _unfilled(
    tx: Transaction, *, since: datetime, until: datetime, ward: str | None, patient: str | None
) -> tuple[tuple[str, datetime, str, str], ...]:
    u = UnfilledDoseRow
    query = select(u).where(u.facility == tx.facility, u.due >= since, u.due < until, *reach.of_ward(tx, u.ward, u.patient))
    if ward:
        query = query.where(u.ward == ward)
    if patient:
        query = query.where(u.patient == patient)
    return tuple(
        (row.order, row.due, row.ward, row.patient) for row in tx.session.scalars(query.order_by(u.due, u.order).limit(MOST_RECORDS))
    )


def _later(
    tx: Transaction, patients: Collection[str], since: datetime, until: datetime, starts: Collection[str]
) -> tuple[dict[str, AdministrationRecord], frozenset[tuple[str, datetime]]]:
    """The ends of what was started, and which due doses have a record, by the patients' own records from `since` on."""
    a = AdministrationRow
    ends: dict[str, AdministrationRecord] = {}
    charted: set[tuple[str, datetime]] = set()
    gone: set[str] = set()
    for some in _chunks(patients):
        query = select(a.record_id, a.order, a.due, a.action, a.status, a.continues, a.amends).where(
            a.facility == tx.facility, a.patient.in_(some), a.effective_at >= since, a.effective_at < until
        )
        found = tx.session.execute(query.order_by(a.effective_at, a.record_id)).all()
        gone |= {row.amends for row in found if row.amends}
        wanted = {}
        for row in found:
            if row.order and row.due and row.status != "entered-in-error" and row.record_id not in gone:
                charted.add((row.order, row.due))
            if row.action == "stop" and row.continues in starts and row.status in ("completed", "stopped"):
                wanted[row.record_id] = row.continues
        void = gone | _amended(tx, list(wanted))  # an end may have been withdrawn long after
        for ids in _chunks([one for one in wanted if one not in void]):
            documents = select(a.record_id, a.document).where(a.facility == tx.facility, a.record_id.in_(ids))
            ends |= {wanted[row.record_id]: mapping_record.from_document(row.document) for row in tx.session.execute(documents)}
    return ends, frozenset(charted)


def _amended(tx: Transaction, ids: Collection[str]) -> frozenset[str]:
    a = AdministrationRow
    found: set[str] = set()
    for some in _chunks(ids):
        found |= {str(one) for one in tx.session.scalars(select(a.amends).where(a.facility == tx.facility, a.amends.in_(some)))}
    return frozenset(found)


def _people(tx: Transaction, patients: Collection[str]) -> dict[str, Person]:
    found: dict[str, Person] = {}
    for some in _chunks(patients):
        query = select(PatientRow.id, PatientRow.mrn, PatientRow.name).where(PatientRow.facility == tx.facility, PatientRow.id.in_(some))
        found |= {row.id: Person(mrn=row.mrn, name=row.name) for row in tx.session.execute(query)}
    return found


def _orders(tx: Transaction, orders: Collection[str]) -> dict[tuple[str, int], Placed]:
    row = OrderVersionRow
    found = {}
    for some in _chunks(orders):
        for one in tx.session.scalars(select(row).where(row.facility == tx.facility, row.order.in_(some))):
            found[(one.order, one.version)] = Placed(order=mapping.order(one.document, verification="pending"), at=one.at)
    return found


def _licences(tx: Transaction, staff: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in _chunks(staff):
        query = select(StaffRow.id, StaffRow.licence_number).where(StaffRow.facility == tx.facility, StaffRow.id.in_(some))
        found |= {row.id: row.licence_number for row in tx.session.execute(query) if row.licence_number}
    return found


def _bags(tx: Transaction, bags: Collection[str]) -> dict[str, Packs]:
    found = {}
    for some in _chunks(bags):
        query = select(BagRow.id, BagRow.contents).where(BagRow.facility == tx.facility, BagRow.id.in_(some))
        for row in tx.session.execute(query):
            found[row.id] = Packs(contents=tuple((str(one["product"]), one.get("amount")) for one in row.contents or ()))
    return found


def _products(tx: Transaction, wanted: Collection[str]) -> tuple[dict[str, Product], dict[str, str]]:
    products, base = {}, {}
    p = ProductRow
    for some in _chunks(wanted):
        for row in tx.session.execute(select(p.id, p.pack_of, p.document).where(and_(p.facility == tx.facility, p.id.in_(some)))):
            products[row.id] = mapping.product(row.document)
            base[row.id] = row.pack_of or row.id
    # What was taken out of the formulary since was given all the same: it is as it last was.
    v = ProductVersionRow
    for some in _chunks([one for one in wanted if one not in products]):
        query = select(v.product, v.pack_of, v.document).where(v.facility == tx.facility, v.product.in_(some), v.document.is_not(None))
        for gone in tx.session.execute(query.order_by(v.product, v.version)):
            products[gone.product] = mapping.product(gone.document or "")
            base[gone.product] = gone.pack_of or gone.product
    return products, base
