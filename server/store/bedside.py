"""What is known at the bedside, of one patient or of a whole ward, in one statement.

Rows of many tables come back through one `UNION ALL` with a kind in front, so that the cost of a dose does not grow with the
number of doses, allergies or orders.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    CompoundSelect,
    Date,
    Integer,
    Select,
    String,
    Subquery,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal,
    null,
    or_,
    over,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import aliased

from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import Bag, Container, Product, PumpReading
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.policy import Policy
from pointofcare.wire.tables import OrderChanged, UsedPack
from server.store import mapping, mapping_bag, policies, reach
from server.store.columns import UtcDateTime
from server.store.history import Given, effective
from server.store.leases import Doubt
from server.store.plain import text
from server.store.tables import (
    AdministrationRow,
    AllergyRow,
    BagRow,
    BandRow,
    LeaseRow,
    ObservationRow,
    OpenedContainerRow,
    OrderRow,
    OrderVersionRow,
    PatientRow,
    PolicyRow,
    ProductRow,
    PumpReadingRow,
    RoleRow,
    StaffRow,
    TaskRow,
    WardRow,
    WeightRow,
    staff_roles,
)
from server.store.tables.fleet import LeaseDoubtRow
from server.store.transaction import Transaction

# A chart shows every dose of these last hours, and before them the newest record of each order.
RECENT = timedelta(hours=72)
LONGEST = timedelta(days=400)
# An ended bag stays in the chart this long, so that a scan of it says what it is; every other one stays.
ENDED_BAG = timedelta(days=1)
_ENDED = ("completed", "discarded")
# What leaves a pack empty.
_TAKEN = ("completed", "in-progress", "stopped", "on-hold")

_TEXTS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffLook:
    id: str
    name: str
    licensed: bool | None
    active: bool
    roles: tuple[str, ...]
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLook:
    cart: str | None
    until: datetime | None
    fence: int
    nurse: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLook:
    """An open task about the patient: what a new record may settle."""

    id: int
    kind: str
    order: str | None
    due: datetime | None
    record_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`given` holds every record that was asked for, withdrawn ones too; `history` those that count. `containers` are those that
    were asked for by GTIN. `known` says whether the
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
    bags: tuple[Bag, ...] = ()
    containers: tuple[Container, ...] = ()
    pumps: tuple[PumpReading, ...] = ()
    known: bool = False
    tasks: tuple[TaskLook, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    changed: tuple[OrderChanged, ...] = ()
    used_packs: tuple[UsedPack, ...] = ()


def _row(kind: str, texts: tuple[Any, ...] = (), **others: Any) -> Select[Any]:
    types: dict[str, Any] = {"n0": Integer, "f0": Boolean, "at": UtcDateTime, "due": UtcDateTime, "day": Date}
    columns: list[ColumnElement[Any]] = [literal(kind, String).label("kind")]
    for i in range(_TEXTS):
        columns.append((cast(texts[i], Text) if i < len(texts) else cast(null(), Text)).label(f"t{i}"))
    for name, kind_of in types.items():
        columns.append((others[name] if name in others else cast(null(), kind_of)).label(name))
    return select(*columns)


_FACILITY = bindparam("facility", type_=String)
_PATIENT = bindparam("patient", type_=String)
_WARD = bindparam("ward", type_=String)
_ORDER = bindparam("order", type_=String)
_SINCE = bindparam("since", type_=UtcDateTime)
_OLDEST = bindparam("oldest", type_=UtcDateTime)
_ENDED_SINCE = bindparam("ended_since", type_=UtcDateTime)
_ON_A_PUMP = ("prepared", "infusing", "paused", "stopped")


def _several(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True, type_=String)


def _patient_rows(who: Any) -> list[Select[Any]]:
    """The parts about patients; `who` selects their ids. All records of the bound `order` come, however old."""
    a, b, d, o, p, v = AllergyRow, BandRow, AdministrationRow, OrderRow, PatientRow, OrderVersionRow
    newest_of_order = over(func.row_number(), partition_by=(d.patient, d.order), order_by=(d.effective_at.desc(), d.record_id))
    given = (
        select(d, newest_of_order.label("place")).where(d.facility == _FACILITY, d.patient.in_(who), d.effective_at >= _OLDEST).subquery()
    )
    newest = _newest(ObservationRow, (ObservationRow.patient, ObservationRow.code), who)
    weighed = _newest(WeightRow, (WeightRow.patient,), who)
    g, n, w = given.c, newest.c, weighed.c
    return [
        _row(
            "patient",
            (p.id, p.mrn, p.name, p.sex, p.ward, p.bed, p.status),
            f0=p.allergies_known,
            at=p.transferred_at,
            day=p.birth_date,
        ).where(p.facility == _FACILITY, p.id.in_(who)),
        _row("band", (b.patient, b.gsrn, b.srin, b.status)).where(b.facility == _FACILITY, b.patient.in_(who)),
        _row("allergy", (a.patient, a.substance, a.kind, a.severity), f0=a.tolerated_before).where(
            a.facility == _FACILITY, a.patient.in_(who)
        ),
        _row("observation", (n.patient, n.code, n.value), at=n.at).where(n.place == 1),
        _row("weight", (w.patient, w.value), at=w.at).where(w.place == 1),
        _row("order", (v.document, o.verification))
        .join_from(o, v, and_(v.facility == o.facility, v.order == o.id, v.version == o.version))
        .where(o.facility == _FACILITY, o.patient.in_(who)),
        _row(
            "given",
            (
                *(g.record_id, g.patient, g.order_id, g.status, g.product, g.dose, g.lot, g.serial, g.status_reason, g.amends, g.action),
                *(g.bag, g.continues, g.rate, g.site, g.prn_reason, g.effect, g.nurse),
            ),
            at=g.effective_at,
            due=g.due,
        ).where(or_(g.effective_at >= _SINCE, g.place == 1, g.amends.is_not(None), g.order_id == _ORDER)),
    ]


def _bags(*wanted: ColumnElement[bool]) -> Select[Any]:
    b = BagRow
    return _row("bag", (b.id, b.order, b.state, b.printed, b.patient, b.rate, b.record_id), n0=b.order_version, at=b.started_at).where(
        b.facility == _FACILITY, or_(*wanted)
    )


def _bags_of(who: Any) -> ColumnElement[bool]:
    return and_(BagRow.patient.in_(who), or_(BagRow.state.not_in(_ENDED), BagRow.changed_at >= _ENDED_SINCE))


def _pumps(who: Any) -> Select[Any]:
    """Channels with one of these patients, or with a bag of theirs."""
    r = PumpReadingRow
    theirs = select(BagRow.id).where(BagRow.facility == _FACILITY, BagRow.patient.in_(who), BagRow.state.in_(_ON_A_PUMP))
    return _row("pump", (r.pump, r.channel, r.bag, r.patient, r.drug, r.rate, r.concentration), at=r.at, due=r.associated_at).where(
        r.facility == _FACILITY, or_(r.patient.in_(who), r.bag.in_(theirs))
    )


def _containers(*wanted: ColumnElement[bool]) -> Select[Any]:
    c = OpenedContainerRow
    return _row("container", (c.gtin, c.serial), at=c.opened_at).where(c.facility == _FACILITY, *wanted)


def _newest(row: Any, each: tuple[Any, ...], who: Any) -> Subquery:
    place = over(func.row_number(), partition_by=each, order_by=row.at.desc())
    return select(*each, row.value, row.at, place.label("place")).where(row.facility == _FACILITY, row.patient.in_(who)).subquery()


def _products(*wanted: ColumnElement[bool]) -> Select[Any]:
    """Those given to the patient of late, and those that are wanted."""
    given = select(AdministrationRow.product).where(
        AdministrationRow.facility == _FACILITY,
        AdministrationRow.patient == _PATIENT,
        AdministrationRow.effective_at >= _SINCE,
        AdministrationRow.product.is_not(None),
    )
    return _row("product", (ProductRow.document,)).where(ProductRow.facility == _FACILITY, or_(ProductRow.id.in_(given), *wanted))


def _policy(ward: Any) -> Select[Any]:
    newest = policies.statement_of(_FACILITY, ward).scalar_subquery()
    return _row("policy", (PolicyRow.document,)).where(PolicyRow.id == newest)


def _ward() -> Select[Any]:
    return _row("ward", (WardRow.timezone, WardRow.name)).where(WardRow.facility == _FACILITY, WardRow.id == _WARD)


def _changed(who: Any) -> Select[Any]:
    """The newest version of each order that is not its first, of late: who made it and why."""
    o, v = OrderRow, OrderVersionRow
    who_did = func.coalesce(StaffRow.name, v.by)
    return (
        _row("changed", (o.id, v.action, who_did, v.reason), n0=v.version, at=v.at)
        .join_from(o, v, and_(v.facility == o.facility, v.order == o.id, v.version == o.version))
        .outerjoin(StaffRow, and_(StaffRow.facility == v.facility, StaffRow.id == v.by))
        .where(o.facility == _FACILITY, o.patient.in_(who), v.version > 1, v.at >= _SINCE)
    )


def _used(who: Any, *wanted: ColumnElement[bool]) -> Select[Any]:
    """Packs with a serial number that went to others than these patients and were not charted by mistake."""
    a, later = AdministrationRow, aliased(AdministrationRow)
    amended = select(later.record_id).where(later.facility == a.facility, later.amends == a.record_id).exists()
    return _row("used", (a.product, a.serial), at=a.effective_at).where(
        a.facility == _FACILITY, a.serial.is_not(None), a.status.in_(_TAKEN), a.patient.not_in(who), ~amended, *wanted
    )


def _of_serials() -> ColumnElement[bool]:
    """A dose of several packs holds their serial numbers in one text; those are looked through as far back as a chart goes."""
    a = AdministrationRow
    return or_(a.serial.in_(_several("serials")), and_(a.serial.contains(", "), a.recorded_at >= _SINCE))


def _staff() -> Select[Any]:
    return (
        _row(
            "staff",
            (StaffRow.id, StaffRow.name, RoleRow.name),
            f0=StaffRow.licensed,
            n0=cast(StaffRow.active, Integer),
            at=StaffRow.valid_until,
        )
        .select_from(StaffRow)
        .outerjoin(staff_roles, staff_roles.c.staff == StaffRow.id)
        .outerjoin(RoleRow, RoleRow.id == staff_roles.c.role)
        .where(StaffRow.facility == _FACILITY, StaffRow.id.in_(_several("staff")))
    )


# Each statement is built once: building it costs more than running it.


@cache
def _statement_of_ward() -> CompoundSelect[Any]:
    p = PatientRow
    who = select(p.id).where(p.facility == _FACILITY, p.ward == _WARD, p.status == "admitted")
    a = AdministrationRow
    used = _used(who, a.ward == _WARD, a.effective_at >= _SINCE)
    return union_all(*_patient_rows(who), _ward(), _bags(_bags_of(who)), _pumps(who), _changed(who), used)


@cache
def _statement_of_patient() -> CompoundSelect[Any]:
    who = select(_PATIENT)
    ward = select(PatientRow.ward).where(PatientRow.facility == _FACILITY, PatientRow.id == _PATIENT).scalar_subquery()
    return union_all(*_patient_rows(who), _products(), _policy(ward), _bags(_bags_of(who)), _pumps(who))


@cache
def _statement_for_record() -> CompoundSelect[Any]:
    banded = select(BandRow.patient).where(BandRow.facility == _FACILITY, BandRow.gsrn.in_(_several("gsrns")))
    who = select(union(select(_PATIENT.label("id")), banded).subquery().c.id)
    lease, doubt = LeaseRow, LeaseDoubtRow
    return union_all(
        *_patient_rows(who),
        _products(ProductRow.id.in_(_several("products")), ProductRow.gtin.in_(_several("gtins"))),
        _policy(_WARD),
        _ward(),
        _staff(),
        _bags(_bags_of(who), BagRow.id.in_(_several("bags"))),
        _pumps(who),
        _containers(OpenedContainerRow.gtin.in_(_several("gtins")), OpenedContainerRow.serial.in_(_several("serials"))),
        _used(who, _of_serials()),
        _row("lease", (lease.cart, lease.nurse), n0=cast(lease.fence, Integer), at=lease.until).where(
            lease.facility == _FACILITY, lease.patient == _PATIENT
        ),
        _row("doubt", (doubt.cart, doubt.nurse, cast(doubt.waits, Text), doubt.token), n0=cast(doubt.fence, Integer), at=doubt.since).where(
            doubt.facility == _FACILITY, doubt.patient == _PATIENT
        ),
        _row("task", (TaskRow.kind, TaskRow.order, TaskRow.record_id), n0=TaskRow.id, due=TaskRow.due).where(
            TaskRow.facility == _FACILITY, TaskRow.patient == _PATIENT, TaskRow.status.in_(("requested", "accepted"))
        ),
        _row("known", (AdministrationRow.record_id,)).where(
            AdministrationRow.facility == _FACILITY, AdministrationRow.record_id == bindparam("record_id", type_=String)
        ),
    )


def of_ward(tx: Transaction, ward: str) -> Look:
    """Every patient who is in the ward, with what the chart needs: one statement, which does not grow with the hospital. So
    `used_packs` are those that this ward's carts gave to patients who are not in it now."""
    return _read(tx, _statement_of_ward(), ward=ward, order="", since=tx.at - RECENT)


def of_patient(tx: Transaction, patient: str) -> Look:
    """One patient with orders and history, and the products of the latter: one statement. Raises: OtherWardError."""
    look = _read(tx, _statement_of_patient(), patient=patient, order="", since=tx.at - RECENT)
    for found in look.patients:
        reach.must_see(tx, found.ward, found.id)
    return look


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
    bags: Collection[str] = (),
    serials: Collection[str] = (),
) -> Look:
    """Everything that a second look at one record needs, and whether it is stored already: one statement."""
    return _read(
        tx,
        _statement_for_record(),
        record_id=record_id,
        patient=patient,
        ward=ward,
        order=order or "",
        since=min(at, tx.at) - RECENT,
        gsrns=list(gsrns),
        gtins=list(gtins),
        products=list(products),
        staff=list(staff),
        bags=list(bags),
        serials=list(serials),
    )


def _read(tx: Transaction, statement: CompoundSelect[Any], *, since: datetime, **values: Any) -> Look:
    found: dict[str, list[Any]] = defaultdict(list)
    bound = {**{name: text(value) for name, value in values.items()}, "facility": tx.facility, "since": since, "oldest": since - LONGEST}
    bound["ended_since"] = tx.at - ENDED_BAG
    for row in tx.session.connection().execute(statement, bound):
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
            bag=row.t11,
            continues=row.t12,
            rate=row.t13,
            site=row.t14,
            prn_reason=row.t15,
            effect=row.t16,
            nurse=row.t17,
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
        staff[row.t0] = StaffLook(id=row.t0, name=row.t1, licensed=licensed, active=bool(row.n0), roles=held, valid_until=row.at)
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
        lease=None if lease is None else LeaseLook(cart=lease.t0, until=lease.at, fence=int(lease.n0), nurse=lease.t1),
        timezone=found["ward"][0].t0 if found["ward"] else None,
        bags=tuple(
            mapping_bag.bag(
                id=row.t0,
                order=row.t1,
                order_version=int(row.n0),
                state=row.t2,
                printed=json.loads(row.t3),
                patient=row.t4,
                rate=row.t5,
                record_id=row.t6,
                started_at=row.at,
            )
            for row in sorted(found["bag"], key=lambda row: (row.t4, row.t0))
        ),
        containers=tuple(
            Container(gtin=row.t0, serial=row.t1, opened_at=row.at) for row in sorted(found["container"], key=lambda row: (row.t0, row.t1))
        ),
        pumps=tuple(
            mapping_bag.pump(
                pump=row.t0,
                channel=row.t1,
                bag=row.t2,
                patient=row.t3,
                drug=row.t4,
                rate=row.t5,
                concentration=row.t6,
                at=row.at,
                associated_at=row.due,
            )
            for row in sorted(found["pump"], key=lambda row: (row.t0, row.t1))
        ),
        known=bool(found["known"]),
        changed=tuple(
            OrderChanged(order=row.t0, version=int(row.n0), action=row.t1, by=row.t2, reason=row.t3 or "", at=row.at)
            for row in sorted(found["changed"], key=lambda row: row.t0)
        ),
        used_packs=tuple(
            UsedPack(serial=row.t1, at=row.at, product=row.t0) for row in sorted(found["used"], key=lambda row: (row.t1, row.at))
        ),
        doubts=tuple(
            Doubt(
                patient=str(values["patient"]),
                cart=row.t0,
                nurse=row.t1,
                waits=None if row.t2 in (None, "null") else tuple(json.loads(row.t2)),
                token=row.t3,
                fence=int(row.n0),
                since=row.at,
            )
            for row in found["doubt"]
        ),
        tasks=tuple(TaskLook(id=int(row.n0), kind=row.t0, order=row.t1, record_id=row.t2, due=row.due) for row in found["task"]),
    )
