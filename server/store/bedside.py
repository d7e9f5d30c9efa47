"""What is known at the bedside, of one patient or of a whole ward, in one statement.

Rows of many tables come back through one `UNION ALL` with a kind in front, so that the cost of a dose does not grow with the
number of doses, allergies or orders.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Date, Integer, Select, String, Text, and_, cast, func, literal, null, or_, select, union_all

from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import Product
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.policy import Policy
from server.store import mapping
from server.store.columns import UtcDateTime
from server.store.history import Given, effective
from server.store.tables import (
    AdministrationRow,
    AllergyRow,
    BandRow,
    LeaseRow,
    ObservationRow,
    OrderRow,
    OrderVersionRow,
    PatientRow,
    PolicyRow,
    ProductRow,
    RoleRow,
    StaffRow,
    WardRow,
    WeightRow,
    staff_roles,
)
from server.store.transaction import Transaction

# A chart shows every dose of these last hours, and before them the newest record of each order.
RECENT = timedelta(hours=72)
LONGEST = timedelta(days=400)

_TEXTS = 12
_WIDTH = [f"t{i}" for i in range(_TEXTS)] + ["n0", "n1", "f0", "at", "due", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffLook:
    id: str
    name: str
    licensed: bool | None
    active: bool
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLook:
    cart: str | None
    until: datetime | None
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`given` holds every record that was asked for, withdrawn ones too; `history` those that count. `known` says whether the
    record that was asked about is stored already. `policy` None: none was set, the default holds."""

    patients: tuple[Patient, ...] = ()
    orders: tuple[Order, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    given: tuple[Given, ...] = ()
    products: tuple[Product, ...] = ()
    staff: tuple[StaffLook, ...] = ()
    policy: Policy | None = None
    lease: LeaseLook | None = None
    timezone: str | None = None
    known: bool = False


def _row(kind: str, texts: tuple[Any, ...] = (), **others: Any) -> Select[Any]:
    types: dict[str, Any] = {"n0": Integer, "n1": Integer, "f0": Boolean, "at": UtcDateTime, "due": UtcDateTime, "day": Date}
    columns: list[ColumnElement[Any]] = [literal(kind, String).label("kind")]
    for i in range(_TEXTS):
        columns.append((cast(texts[i], Text) if i < len(texts) else cast(null(), Text)).label(f"t{i}"))
    for name, kind_of in types.items():
        columns.append((others[name] if name in others else cast(null(), kind_of)).label(name))
    return select(*columns)


def _patient_rows(tx: Transaction, who: Select[Any], *, since: datetime, order: str | None = None) -> list[Select[Any]]:
    """The parts about patients; `who` is a select of patient ids. All records of `order` come, however old."""
    facility = tx.facility
    row_number = (
        func.row_number()
        .over(
            partition_by=(AdministrationRow.patient, AdministrationRow.order),
            order_by=(AdministrationRow.effective_at.desc(), AdministrationRow.record_id),
        )
        .label("place")
    )
    given = (
        select(AdministrationRow, row_number)
        .where(
            AdministrationRow.facility == facility,
            AdministrationRow.patient.in_(who),
            AdministrationRow.effective_at >= since - LONGEST,
        )
        .subquery()
    )
    newest = (
        select(
            ObservationRow.patient,
            ObservationRow.code,
            ObservationRow.value,
            ObservationRow.at,
            func.row_number()
            .over(partition_by=(ObservationRow.patient, ObservationRow.code), order_by=ObservationRow.at.desc())
            .label("place"),
        )
        .where(ObservationRow.facility == facility, ObservationRow.patient.in_(who))
        .subquery()
    )
    heaviest = (
        select(
            WeightRow.patient,
            WeightRow.value,
            WeightRow.at,
            func.row_number().over(partition_by=WeightRow.patient, order_by=WeightRow.at.desc()).label("place"),
        )
        .where(WeightRow.facility == facility, WeightRow.patient.in_(who))
        .subquery()
    )
    p, b, a, o, v = PatientRow, BandRow, AllergyRow, OrderRow, OrderVersionRow
    g, w, n = given.c, heaviest.c, newest.c
    return [
        _row(
            "patient",
            (p.id, p.mrn, p.name, p.sex, p.ward, p.bed, p.status, p.encounter_emr_id),
            f0=p.allergies_known,
            at=p.transferred_at,
            day=p.birth_date,
        ).where(p.facility == facility, p.id.in_(who)),
        _row("band", (b.patient, b.gsrn, b.srin, b.status)).where(b.facility == facility, b.patient.in_(who)),
        _row("allergy", (a.patient, a.substance, a.kind, a.severity), f0=a.tolerated_before).where(
            a.facility == facility, a.patient.in_(who)
        ),
        _row("observation", (n.patient, n.code, n.value), at=n.at).where(n.place == 1),
        _row("weight", (w.patient, w.value), at=w.at).where(w.place == 1),
        _row("order", (v.document, o.verification))
        .join_from(o, v, and_(v.facility == o.facility, v.order == o.id, v.version == o.version))
        .where(o.facility == facility, o.patient.in_(who)),
        _row(
            "given",
            (
                g.record_id,
                g.patient,
                g.order_id,
                g.status,
                g.product,
                g.dose,
                g.lot,
                g.serial,
                g.status_reason,
                g.amends,
                g.action,
            ),
            at=g.effective_at,
            due=g.due,
        ).where(or_(g.effective_at >= since, g.place == 1, g.amends.is_not(None), g.order_id == (order or ""))),
    ]


def of_ward(tx: Transaction, ward: str) -> Look:
    """Every patient who is in the ward, with what the chart needs: one statement."""
    who = select(PatientRow.id).where(PatientRow.facility == tx.facility, PatientRow.ward == ward, PatientRow.status == "admitted")
    parts = _patient_rows(tx, who, since=tx.at - RECENT)
    parts.append(_ward_row(tx, ward))
    return _read(tx, parts)


def of_patient(tx: Transaction, patient: str) -> Look:
    """One patient with orders and history, and the products of both: one statement."""
    who = select(literal(patient, String))
    parts = _patient_rows(tx, who, since=tx.at - RECENT)
    parts.append(_products(tx, ids=(), gtins=(), patient=patient))
    parts.append(_policy(tx))
    return _read(tx, parts)


def for_record(
    tx: Transaction,
    *,
    record_id: str,
    patient: str,
    ward: str,
    order: str | None,
    at: datetime,
    gsrns: Collection[str],
    gtins: Collection[str],
    products: Collection[str],
    staff: Collection[str],
) -> Look:
    """Everything that a second look at one record needs, and whether it is stored already: one statement."""
    who = select(literal(patient, String))
    if gsrns:
        banded = select(BandRow.patient).where(BandRow.facility == tx.facility, BandRow.gsrn.in_(gsrns))
        who = who.union(banded).subquery().select()
    parts = _patient_rows(tx, who, since=min(at, tx.at) - RECENT, order=order)
    parts.append(_products(tx, ids=products, gtins=gtins, patient=patient))
    parts.append(_policy(tx))
    parts.append(_ward_row(tx, ward))
    parts.append(
        _row("staff", (StaffRow.id, StaffRow.name, RoleRow.name), f0=StaffRow.licensed, n0=cast(StaffRow.active, Integer))
        .select_from(StaffRow)
        .outerjoin(staff_roles, staff_roles.c.staff == StaffRow.id)
        .outerjoin(RoleRow, RoleRow.id == staff_roles.c.role)
        .where(StaffRow.id.in_(staff))
    )
    parts.append(
        _row("lease", (LeaseRow.cart,), n0=cast(LeaseRow.fence, Integer), at=LeaseRow.until).where(
            LeaseRow.facility == tx.facility, LeaseRow.patient == patient
        )
    )
    parts.append(
        _row("known", (AdministrationRow.record_id,)).where(
            AdministrationRow.facility == tx.facility, AdministrationRow.record_id == record_id
        )
    )
    return _read(tx, parts)


def _products(tx: Transaction, *, ids: Collection[str], gtins: Collection[str], patient: str) -> Select[Any]:
    given = select(AdministrationRow.product).where(
        AdministrationRow.facility == tx.facility,
        AdministrationRow.patient == patient,
        AdministrationRow.effective_at >= tx.at - RECENT,
        AdministrationRow.product.is_not(None),
    )
    wanted = [ProductRow.id.in_(given)]
    if ids:
        wanted.append(ProductRow.id.in_(ids))
    if gtins:
        wanted.append(ProductRow.gtin.in_(gtins))
    return _row("product", (ProductRow.document,)).where(ProductRow.facility == tx.facility, or_(*wanted))


def _policy(tx: Transaction) -> Select[Any]:
    newest = select(func.max(PolicyRow.id)).where(PolicyRow.facility == tx.facility).scalar_subquery()
    return _row("policy", (PolicyRow.document,)).where(PolicyRow.id == newest)


def _ward_row(tx: Transaction, ward: str) -> Select[Any]:
    return _row("ward", (WardRow.timezone, WardRow.name)).where(WardRow.facility == tx.facility, WardRow.id == ward)


def _read(tx: Transaction, parts: list[Select[Any]]) -> Look:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in tx.session.execute(union_all(*parts)):
        found[row.kind].append(row)
    of: dict[str, dict[str, list[Any]]] = {}
    for kind in ("band", "allergy", "observation"):
        of[kind] = defaultdict(list)
        for row in found[kind]:
            of[kind][row.t0].append(row)
    weights = {row.t0: mapping.weight(row.t1, row.at) for row in found["weight"]}
    patients = tuple(
        mapping.patient(
            id=row.t0,
            mrn=row.t1,
            name=row.t2,
            sex=row.t3,
            ward=row.t4,
            bed=row.t5,
            status=row.t6,
            birth_date=row.day,
            transferred_at=row.at,
            allergies_known=bool(row.f0),
            bands=tuple(mapping.band(b.t1, b.t2, b.t3) for b in of["band"][row.t0]),
            allergies=tuple(mapping.allergy(a.t1, a.t2, a.t3, bool(a.f0)) for a in of["allergy"][row.t0]),
            observations=tuple(mapping.observation(o.t1, o.t2, o.at) for o in of["observation"][row.t0]),
            weight=weights.get(row.t0),
        )
        for row in sorted(found["patient"], key=lambda row: (row.t5 or "", row.t0))
    )
    given = tuple(
        Given(
            record_id=row.t0,
            patient=row.t1,
            order=row.t2,
            status=row.t3,
            product=row.t4,
            dose=row.t5,
            lot=row.t6,
            serial=row.t7,
            reason=row.t8,
            amends=row.t9,
            action=row.t10,
            at=row.at,
            due=row.due,
        )
        for row in sorted(found["given"], key=lambda row: (row.at, row.t0))
    )
    staff: dict[str, StaffLook] = {}
    for row in found["staff"]:
        before = staff[row.t0].roles if row.t0 in staff else ()
        held = before if row.t2 is None else (*before, row.t2)
        licensed = None if row.f0 is None else bool(row.f0)
        staff[row.t0] = StaffLook(id=row.t0, name=row.t1, licensed=licensed, active=bool(row.n0), roles=held)
    lease = found["lease"][0] if found["lease"] else None
    return Look(
        patients=patients,
        orders=tuple(
            sorted((mapping.order(row.t0, verification=row.t1) for row in found["order"]), key=lambda order: (order.patient, order.id))
        ),
        given=given,
        history=effective(given),
        products=tuple(sorted((mapping.product(row.t0) for row in found["product"]), key=lambda product: product.id)),
        staff=tuple(staff.values()),
        policy=mapping.policy(found["policy"][0].t0) if found["policy"] else None,
        lease=None if lease is None else LeaseLook(cart=lease.t0, until=lease.at, fence=int(lease.n0)),
        timezone=found["ward"][0].t0 if found["ward"] else None,
        known=bool(found["known"]),
    )
