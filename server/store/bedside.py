"""What is known at the bedside, of one patient or of a whole ward, in one statement.

Rows of many tables come back through one `UNION ALL` with a kind in front, so that the cost of a dose does not grow with the
number of doses, allergies or orders. The rows are taken as the driver has them (`server.store.driver`): there are some hundreds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
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
    cast,
    func,
    literal_column,
    null,
    or_,
    over,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import aliased

from pointofcare.orders.order import Order
from pointofcare.people import Allergy, Band, Observation, Patient
from pointofcare.products import Bag, Container, IssuedLabels, Product, PumpReading
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.policy import Policy
from pointofcare.wire.tables import OrderChanged, UsedPack
from server.store import driver, mapping, mapping_bag, policies, reach
from server.store.columns import UtcDateTime
from server.store.driver import Written, day, moment, room, several, spread, value
from server.store.history import Given, effective
from server.store.leases import Doubt
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
    UnitLabelRow,
    WardRow,
    WeightRow,
    staff_roles,
)
from server.store.tables.dose import SEVERAL_PACKS
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
# Where a row has what its texts do not hold: the kind stands before them.
_N0, _F0, _AT, _DUE, _DAY = range(_TEXTS + 1, _TEXTS + 6)


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
    labels: tuple[IssuedLabels, ...] = ()


def _row(kind: str, texts: tuple[Any, ...] = (), *, is_first: bool = False, **others: Any) -> Select[Any]:
    """One part. The first one of a statement says the types of the columns."""
    types: dict[str, Any] = {"n0": Integer, "f0": Boolean, "at": UtcDateTime, "due": UtcDateTime, "day": Date}
    columns: list[ColumnElement[Any]] = [literal_column(f"'{kind}'", String).label("kind")]
    for i in range(_TEXTS):
        columns.append((cast(texts[i], Text) if i < len(texts) else _nothing(Text, is_first)).label(f"t{i}"))
    for name, kind_of in types.items():
        columns.append((others[name] if name in others else _nothing(kind_of, is_first)).label(name))
    return select(*columns)


def _nothing(kind: Any, is_first: bool) -> ColumnElement[Any]:
    return cast(null(), kind) if is_first else null()


_FACILITY = value("facility", String)
_PATIENT = value("patient", String)
_WARD = value("ward", String)
_ORDER = value("order", String)
_SINCE = value("since", UtcDateTime)
_OLDEST = value("oldest", UtcDateTime)
_ENDED_SINCE = value("ended_since", UtcDateTime)
_ON_A_PUMP = ("prepared", "infusing", "paused", "stopped")


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
            is_first=True,
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


def _each_by_its_index(key: Any, facility: Any, *wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """Rows that any of the conditions finds. Each is looked up by itself: of an OR a database may make a walk through the whole table."""
    found = [select(key).where(facility == _FACILITY, one) for one in wanted]
    return and_(facility == _FACILITY, key.in_(found[0] if len(found) == 1 else union(*found)))


def _bags(who: Any, *named: ColumnElement[bool]) -> Select[Any]:
    """Those of the patients that did not end long ago, and those that are named."""
    b = BagRow
    hung = and_(b.patient.in_(who), or_(b.state.not_in(_ENDED), b.changed_at >= _ENDED_SINCE))
    return _row("bag", (b.id, b.order, b.state, b.printed, b.patient, b.rate, b.record_id), n0=b.order_version, at=b.started_at).where(
        _each_by_its_index(b.id, b.facility, hung, *named)
    )


def _pumps(who: Any) -> Select[Any]:
    """Channels with one of these patients, or with a bag of theirs."""
    r = PumpReadingRow
    theirs = select(BagRow.id).where(BagRow.facility == _FACILITY, BagRow.patient.in_(who), BagRow.state.in_(_ON_A_PUMP))
    return _row("pump", (r.pump, r.channel, r.bag, r.patient, r.drug, r.rate, r.concentration), at=r.at, due=r.associated_at).where(
        _each_by_its_index(r.pump, r.facility, r.patient.in_(who), r.bag.in_(theirs)), or_(r.patient.in_(who), r.bag.in_(theirs))
    )


def _containers(*wanted: ColumnElement[bool]) -> Select[Any]:
    c = OpenedContainerRow
    return _row("container", (c.gtin, c.serial), at=c.opened_at).where(c.facility == _FACILITY, *wanted)


def _labels(*wanted: ColumnElement[bool]) -> Select[Any]:
    u = UnitLabelRow
    return _row("label", (u.serial, u.gtin, u.lot, u.patient, u.state), day=u.expiry).where(u.facility == _FACILITY, *wanted)


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
    return _row("product", (ProductRow.document,)).where(
        _each_by_its_index(ProductRow.id, ProductRow.facility, ProductRow.id.in_(given), *wanted)
    )


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
        a.facility == _FACILITY, a.status.in_(_TAKEN), a.patient.not_in(who), ~amended, *wanted
    )


def _used_serials(who: Any, serials: int) -> tuple[Select[Any], Select[Any]]:
    """A dose of several packs holds their serial numbers in one text; those are looked through as far back as a chart goes, by an index
    that holds no other dose."""
    a = AdministrationRow
    return _used(who, a.serial.in_(several("serials", serials))), _used(who, SEVERAL_PACKS, a.recorded_at >= _SINCE)


def _staff(staff: int) -> Select[Any]:
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
        .where(StaffRow.facility == _FACILITY, StaffRow.id.in_(several("staff", staff)))
    )


# Each statement is built and written once: building it costs more than running it.


def _statement_of_ward() -> CompoundSelect[Any]:
    p = PatientRow
    who = select(p.id).where(p.facility == _FACILITY, p.ward == _WARD, p.status == "admitted")
    a = AdministrationRow
    used = _used(who, a.ward == _WARD, a.effective_at >= _SINCE, a.serial.is_not(None))
    return union_all(*_patient_rows(who), _ward(), _bags(who), _pumps(who), _changed(who), used)


def _statement_of_patient() -> CompoundSelect[Any]:
    who = select(_PATIENT)
    ward = select(PatientRow.ward).where(PatientRow.facility == _FACILITY, PatientRow.id == _PATIENT).scalar_subquery()
    return union_all(*_patient_rows(who), _products(), _policy(ward), _bags(who), _pumps(who))


def _statement_for_record(gsrns: int, gtins: int, products: int, staff: int, bags: int, serials: int) -> CompoundSelect[Any]:
    """For so many of each."""
    banded = select(BandRow.patient).where(BandRow.facility == _FACILITY, BandRow.gsrn.in_(several("gsrns", gsrns)))
    who = select(union(select(_PATIENT.label("id")), banded).subquery().c.id)
    lease, doubt = LeaseRow, LeaseDoubtRow
    return union_all(
        *_patient_rows(who),
        _products(ProductRow.id.in_(several("products", products)), ProductRow.gtin.in_(several("gtins", gtins))),
        _policy(_WARD),
        _ward(),
        _staff(staff),
        _bags(who, BagRow.id.in_(several("bags", bags))),
        _pumps(who),
        _containers(OpenedContainerRow.gtin.in_(several("gtins", gtins)), OpenedContainerRow.serial.in_(several("serials", serials))),
        *_used_serials(who, serials),
        _labels(UnitLabelRow.serial.in_(several("serials", serials))),
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
            AdministrationRow.facility == _FACILITY, AdministrationRow.record_id == value("record_id", String)
        ),
    )


def of_ward(tx: Transaction, ward: str) -> Look:
    """Every patient who is in the ward, with what the chart needs: one statement, which does not grow with the hospital. So
    `used_packs` are those that this ward's carts gave to patients who are not in it now."""
    return _read(tx, driver.kept(tx.connection, _statement_of_ward), ward=ward, order="", since=tx.at - RECENT)


def of_patient(tx: Transaction, patient: str) -> Look:
    """One patient with orders and history, and the products of the latter: one statement. Raises: OtherWardError."""
    look = _read(tx, driver.kept(tx.connection, _statement_of_patient), patient=patient, order="", since=tx.at - RECENT)
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
    lists = {"gsrns": gsrns, "gtins": gtins, "products": products, "staff": staff, "bags": bags, "serials": serials}
    sizes = tuple([room(len(found)) for found in lists.values()])
    spread_out: dict[str, str | None] = {}
    for name, found in lists.items():
        spread_out |= spread(name, tuple(found))
    return _read(
        tx,
        driver.kept(tx.connection, _statement_for_record, *sizes),
        record_id=record_id,
        patient=patient,
        ward=ward,
        order=order or "",
        since=min(at, tx.at) - RECENT,
        **spread_out,
    )


def _read(tx: Transaction, statement: Written, *, since: datetime, **values: str | None) -> Look:
    bound = {**values, "facility": tx.facility, "since": since, "oldest": since - LONGEST, "ended_since": tx.at - ENDED_BAG}
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in driver.rows(tx.connection, statement, bound):
        found[row[0]].append(row)
    given = _given(found["given"])
    return Look(
        patients=_patients(found),
        orders=tuple(
            sorted([mapping.order(row[1], verification=row[2]) for row in found["order"]], key=lambda order: (order.patient, order.id))
        ),
        given=given,
        history=effective(given),
        products=tuple(sorted([mapping.product(row[1]) for row in found["product"]], key=lambda product: product.id)),
        staff=_staff_of(found["staff"]),
        policy=mapping.policy(found["policy"][0][1]) if found["policy"] else None,
        lease=next((LeaseLook(cart=row[1], until=moment(row[_AT]), fence=int(row[_N0]), nurse=row[2]) for row in found["lease"]), None),
        timezone=found["ward"][0][1] if found["ward"] else None,
        bags=tuple(
            [
                mapping_bag.bag(
                    id=row[1],
                    order=row[2],
                    order_version=int(row[_N0]),
                    state=row[3],
                    printed=json.loads(row[4]),
                    patient=row[5],
                    rate=row[6],
                    record_id=row[7],
                    started_at=moment(row[_AT]),
                )
                for row in sorted(found["bag"], key=lambda row: (row[5], row[1]))
            ]
        ),
        containers=tuple(
            [
                Container(gtin=row[1], serial=row[2], opened_at=_moment(row[_AT]))
                for row in sorted(found["container"], key=lambda row: (row[1], row[2]))
            ]
        ),
        pumps=tuple(
            [
                mapping_bag.pump(
                    pump=row[1],
                    channel=row[2],
                    bag=row[3],
                    patient=row[4],
                    drug=row[5],
                    rate=row[6],
                    concentration=row[7],
                    at=_moment(row[_AT]),
                    associated_at=moment(row[_DUE]),
                )
                for row in sorted(found["pump"], key=lambda row: (row[1], row[2]))
            ]
        ),
        labels=tuple(
            [
                IssuedLabels(
                    serials=(row[1],), gtin=row[2], lot=row[3], patient=row[4], expiry=day(row[_DAY]), void=(row[1],) * (row[5] == "void")
                )
                for row in sorted(found["label"], key=lambda row: str(row[1]))
            ]
        ),
        known=bool(found["known"]),
        changed=tuple(
            [
                OrderChanged(order=row[1], version=int(row[_N0]), action=row[2], by=row[3], reason=row[4] or "", at=_moment(row[_AT]))
                for row in sorted(found["changed"], key=lambda row: row[1])
            ]
        ),
        used_packs=tuple(
            sorted(
                [UsedPack(serial=row[2], at=_moment(row[_AT]), product=row[1]) for row in found["used"]],
                key=lambda pack: (pack.serial, pack.at),
            )
        ),
        doubts=tuple(
            [
                Doubt(
                    patient=str(values["patient"]),
                    cart=row[1],
                    nurse=row[2],
                    waits=None if row[3] in (None, "null") else tuple(json.loads(row[3])),
                    token=row[4],
                    fence=int(row[_N0]),
                    since=_moment(row[_AT]),
                )
                for row in found["doubt"]
            ]
        ),
        tasks=tuple(
            [TaskLook(id=int(row[_N0]), kind=row[1], order=row[2], record_id=row[3], due=moment(row[_DUE])) for row in found["task"]]
        ),
    )


def _moment(value: Any) -> datetime:
    found = moment(value)
    assert found is not None
    return found


def _patients(found: dict[str, list[tuple[Any, ...]]]) -> tuple[Patient, ...]:
    bands: dict[str, list[Band]] = defaultdict(list)
    for row in found["band"]:
        bands[row[1]].append(mapping.band(row[2], row[3], row[4]))
    allergies: dict[str, list[Allergy]] = defaultdict(list)
    for row in found["allergy"]:
        allergies[row[1]].append(mapping.allergy(row[2], row[3], row[4], bool(row[_F0])))
    observations: dict[str, list[Observation]] = defaultdict(list)
    for row in found["observation"]:
        observations[row[1]].append(mapping.observation(row[2], row[3], _moment(row[_AT])))
    weights = {row[1]: mapping.weight(row[2], _moment(row[_AT])) for row in found["weight"]}
    return tuple(
        [
            mapping.patient(
                id=row[1],
                mrn=row[2],
                name=row[3],
                sex=row[4],
                ward=row[5],
                bed=row[6],
                status=row[7],
                birth_date=day(row[_DAY]),
                transferred_at=moment(row[_AT]),
                allergies_known=bool(row[_F0]),
                bands=tuple(bands[row[1]]),
                allergies=tuple(allergies[row[1]]),
                observations=tuple(observations[row[1]]),
                weight=weights.get(row[1]),
            )
            for row in sorted(found["patient"], key=lambda row: (row[6] or "", row[1]))
        ]
    )


def _given(rows: list[tuple[Any, ...]]) -> tuple[Given, ...]:
    found = [
        Given(
            record_id=row[1],
            patient=row[2],
            order=row[3],
            status=row[4],
            product=row[5],
            dose=row[6],
            lot=row[7],
            serial=row[8],
            reason=row[9],
            amends=row[10],
            action=row[11],
            bag=row[12],
            continues=row[13],
            rate=row[14],
            site=row[15],
            prn_reason=row[16],
            effect=row[17],
            nurse=row[18],
            at=_moment(row[_AT]),
            due=moment(row[_DUE]),
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda each: (each.at, each.record_id)))


def _staff_of(rows: list[tuple[Any, ...]]) -> tuple[StaffLook, ...]:
    """A row for each role that a person has, without one for a person who has none."""
    roles: dict[str, tuple[str, ...]] = {}
    for row in rows:
        roles[row[1]] = (*roles.get(row[1], ()), *(() if row[3] is None else (row[3],)))
    people = {row[1]: row for row in rows}
    return tuple(
        [
            StaffLook(
                id=id,
                name=row[2],
                licensed=None if row[_F0] is None else bool(row[_F0]),
                active=bool(row[_N0]),
                roles=roles[id],
                valid_until=moment(row[_AT]),
            )
            for id, row in people.items()
        ]
    )
