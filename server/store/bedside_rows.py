"""The parts of what is known at the bedside as statements: one `UNION ALL` of rows of many tables with a kind in front.

Each is built and written once (`server.store.driver`), for building it costs more than running it. What the rows mean is in
`server.store.bedside`, which reads them. No part may grow with the hospital: each is looked up by an index of its own.
"""

from __future__ import annotations

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

from server.store import policies
from server.store.columns import UtcDateTime
from server.store.driver import several, value
from server.store.history import Given
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

_ENDED = ("completed", "discarded")
# What leaves a pack empty.
_TAKEN = ("completed", "in-progress", "stopped", "on-hold")

_TEXTS = 18
# Where a row has what its texts do not hold: the kind stands before them.
N0, F0, AT, DUE, DAY = range(_TEXTS + 1, _TEXTS + 6)


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


# Fields of `Given` whose column has another name.
_CALLED = {"order": "order_id", "reason": "status_reason"}
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
            tuple([g[_CALLED.get(name, name)] for name in Given._fields if name not in ("at", "due")]),
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


def of_ward() -> CompoundSelect[Any]:
    return union_all(*_ward_rows())


def of_board() -> CompoundSelect[Any]:
    """A ward, the policy that holds there, and every ward of the facility by its name."""
    wards = _row("wards", (WardRow.id, WardRow.name, WardRow.timezone)).where(WardRow.facility == _FACILITY)
    return union_all(*_ward_rows(), _policy(_WARD), wards)


def _ward_rows() -> list[Select[Any]]:
    p = PatientRow
    who = select(p.id).where(p.facility == _FACILITY, p.ward == _WARD, p.status == "admitted")
    a = AdministrationRow
    used = _used(who, a.ward == _WARD, a.effective_at >= _SINCE, a.serial.is_not(None))
    return [*_patient_rows(who), _ward(), _bags(who), _pumps(who), _changed(who), used]


def of_patient() -> CompoundSelect[Any]:
    who = select(_PATIENT)
    ward = select(PatientRow.ward).where(PatientRow.facility == _FACILITY, PatientRow.id == _PATIENT).scalar_subquery()
    return union_all(*_patient_rows(who), _products(), _policy(ward), _bags(who), _pumps(who))


def for_record(gsrns: int, gtins: int, products: int, staff: int, bags: int, serials: int) -> CompoundSelect[Any]:
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
