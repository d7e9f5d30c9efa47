"""Rows of the store as the values that our FHIR face is built of: a page of them in a few statements, whatever its length. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from pointofcare.orders.order import Order
from pointofcare.people import Allergy
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from server.store import fhir_tables, fhir_walk, mapping
from server.store.fhir_walk import Position
from server.store.plain import stored_amount
from server.store.tables import AllergyRow, AuditRow, CartRow, OrderRow, OrderVersionRow, PatientIdentityRow, PatientRow, StaffRow, WardRow
from server.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A patient as the tables have one. `merged_into` is the record that this one became part of, `replaces` those that became part of it;
    `admitted_at` None: another system admitted, and did not say when. `allergies` None: nobody could read them."""

    id: str
    mrn: str
    name: str
    birth_date: date | None
    sex: str | None
    ward: str | None
    bed: str | None
    status: str | None
    updated_at: datetime
    allergies: tuple[Allergy, ...] | None = None
    national_id: str | None = None
    is_temporary: bool = False
    merged_into: str | None = None
    replaces: tuple[str, ...] = ()
    admitted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOrder:
    """An order at one version. `verification` None: of an older version, whose word is not kept."""

    order: Order
    mrn: str
    verification: str | None
    placed_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldProduct:
    product: Product
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPerson:
    id: str
    name: str
    active: bool
    licence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldWard:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCart:
    id: str
    ward: str
    versions: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldValue:
    """`code` "weight" is body weight."""

    id: int
    patient: str
    mrn: str
    code: str
    value: Quantity
    at: datetime
    by: str | None
    cart: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAudit:
    id: int
    at: datetime
    actor: str
    roles: str
    place: str
    action: str
    subject: str
    detail: Mapping[str, Any]


def mrns(tx: Transaction, patients: Collection[str]) -> dict[str, str]:
    """Patient -> number."""
    if not patients:
        return {}
    query = select(PatientRow.id, PatientRow.mrn).where(PatientRow.facility == tx.facility, PatientRow.id.in_(set(patients)))
    return {row.id: row.mrn for row in tx.session.execute(query)}


def people(tx: Transaction, walk: str, positions: Sequence[Position]) -> tuple[Person, ...]:
    """Four statements."""
    rows: tuple[PatientRow, ...] = fhir_walk.load(tx, fhir_tables.PATIENTS, walk, positions)
    ids = [row.id for row in rows]
    held = PatientIdentityRow
    identities = {one.patient: one for one in tx.session.scalars(select(held).where(held.facility == tx.facility, held.patient.in_(ids)))}
    replaced: dict[str, list[str]] = {}
    joined = select(held.merged_into, held.patient).where(held.facility == tx.facility, held.merged_into.in_(ids)).order_by(held.patient)
    for kept, gone in tx.session.execute(joined):
        replaced.setdefault(str(kept), []).append(gone)
    listed: dict[str, list[Allergy]] = {}
    of = select(AllergyRow).where(AllergyRow.facility == tx.facility, AllergyRow.patient.in_(ids))
    for row in tx.session.scalars(of.order_by(AllergyRow.kind, AllergyRow.substance)):
        listed.setdefault(row.patient, []).append(mapping.allergy(row.substance, row.kind, row.severity, row.tolerated_before))
    return tuple(_person(row, identities.get(row.id), replaced.get(row.id, ()), listed.get(row.id, ())) for row in rows)


def _person(row: PatientRow, identity: PatientIdentityRow | None, replaced: Sequence[str], listed: Sequence[Allergy]) -> Person:
    return Person(
        id=row.id,
        mrn=row.mrn,
        name=row.name,
        birth_date=row.birth_date,
        sex=row.sex,
        ward=row.ward,
        bed=row.bed,
        status=row.status,
        updated_at=row.updated_at,
        allergies=tuple(listed) if row.allergies_known else None,
        national_id=identity.national_id if identity else None,
        is_temporary=bool(identity and identity.is_temporary),
        merged_into=identity.merged_into if identity else None,
        replaces=tuple(replaced),
        admitted_at=identity.admitted_at if identity and row.status == "admitted" else None,
    )


def orders(tx: Transaction, walk: str, positions: Sequence[Position]) -> tuple[HeldOrder, ...]:
    """At their newest versions. Three statements."""
    rows: tuple[OrderRow, ...] = fhir_walk.load(tx, fhir_tables.ORDERS, walk, positions)
    documents = fhir_tables.order_documents(tx, {row.id: row.version for row in rows})
    numbers = mrns(tx, {row.patient for row in rows})
    return tuple(
        HeldOrder(
            order=mapping.order(documents[row.id].document, verification=row.verification),
            mrn=numbers.get(row.patient, ""),
            verification=row.verification,
            placed_at=row.placed_at,
            updated_at=row.updated_at,
        )
        for row in rows
        if row.id in documents
    )


def order_version(tx: Transaction, order: str, version: int) -> HeldOrder | None:
    """As it was written; the patient's number is today's."""
    row = tx.session.get(OrderVersionRow, (tx.facility, order, version))
    head = tx.session.get(OrderRow, (tx.facility, order))
    if row is None or head is None:
        return None
    found = mapping.order(row.document, verification="")
    number = mrns(tx, {head.patient}).get(head.patient, "")
    return HeldOrder(order=found, mrn=number, verification=None, placed_at=head.placed_at, updated_at=row.at)


def products(tx: Transaction, walk: str, positions: Sequence[Position]) -> tuple[HeldProduct, ...]:
    rows = fhir_walk.load(tx, fhir_tables.PRODUCTS, walk, positions)
    return tuple(HeldProduct(product=mapping.product(row.document), updated_at=row.updated_at) for row in rows)


def staff(tx: Transaction, walk: str, positions: Sequence[Position]) -> tuple[HeldPerson, ...]:
    """Never a password, a PIN or a badge."""
    rows: tuple[StaffRow, ...] = fhir_walk.load(tx, fhir_tables.STAFF, walk, positions)
    return tuple(HeldPerson(id=row.id, name=row.name, active=row.active, licence=row.licence_number) for row in rows)


def wards(tx: Transaction, walk: str, positions: Sequence[Position]) -> tuple[HeldWard, ...]:
    rows: tuple[WardRow, ...] = fhir_walk.load(tx, fhir_tables.WARDS, walk, positions)
    return tuple(HeldWard(id=row.id, name=row.name) for row in rows)


def carts(tx: Transaction, walk: str, positions: Sequence[Position]) -> tuple[HeldCart, ...]:
    rows: tuple[CartRow, ...] = fhir_walk.load(tx, fhir_tables.CARTS, walk, positions)
    return tuple(HeldCart(id=row.id, ward=row.ward, versions=dict(row.versions or {})) for row in rows)


def values(tx: Transaction, walk: str, positions: Sequence[Position]) -> tuple[HeldValue, ...]:
    return _values(tx, fhir_walk.load(tx, fhir_tables.VALUES, walk, positions))


def weights(tx: Transaction, walk: str, positions: Sequence[Position]) -> tuple[HeldValue, ...]:
    return _values(tx, fhir_walk.load(tx, fhir_tables.WEIGHTS, walk, positions))


def _values(tx: Transaction, rows: Sequence[Any]) -> tuple[HeldValue, ...]:
    numbers = mrns(tx, {row.patient for row in rows})
    return tuple(
        HeldValue(
            id=row.id,
            patient=row.patient,
            mrn=numbers.get(row.patient, ""),
            code=getattr(row, "code", "weight"),
            value=stored_amount(row.value),
            at=row.at,
            by=row.by,
            cart=getattr(row, "cart", None),
        )
        for row in rows
    )


def audits(tx: Transaction, walk: str, positions: Sequence[Position]) -> tuple[HeldAudit, ...]:
    rows: tuple[AuditRow, ...] = fhir_walk.load(tx, fhir_tables.AUDIT, walk, positions)
    names = ("id", "at", "actor", "roles", "place", "action", "subject")
    return tuple(HeldAudit(**{name: getattr(row, name) for name in names}, detail=dict(row.detail or {})) for row in rows)
