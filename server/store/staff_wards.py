"""Queries about who belongs to which ward, and what a person reaches now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, String, Subquery, and_, cast, delete, literal, null, or_, select, union_all

from server.store.columns import UtcDateTime
from server.store.tables import EmergencyAccessRow, StaffRow, StaffWardRow
from server.store.transaction import Transaction

HOME = "home"
SHIFT = "shift"
OWN_WORD = "self"
AT_CART = "cart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """`role` None: with all roles of the person. `until` None: for good."""

    id: int
    staff: str
    name: str
    ward: str
    kind: str
    role: str | None
    since: datetime
    until: datetime | None
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEmergency:
    id: int
    patient: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """`wards` ward -> the roles that count there (None: all of the person's); None: the person belongs to no ward, which is all of
    them."""

    wards: Mapping[str, frozenset[str] | None] | None
    emergencies: tuple[OpenEmergency, ...] = ()


def reach(tx: Transaction, staff: str) -> Reach:
    """What the person reaches at the moment of the transaction: one statement."""
    return of_rows(tx, tx.session.execute(select(reaching(tx, staff))).all())


def reaching(tx: Transaction, staff: str) -> Subquery:
    """The rows that `of_rows` wants, for a statement that looks at more than them."""
    m, e = StaffWardRow, EmergencyAccessRow
    of_wards = select(
        literal(0).label("id"), m.ward.label("what"), m.kind.label("kind"), m.role.label("role"), m.valid_from.label("since"),
        m.valid_to.label("until"),
    ).where(m.facility == tx.facility, m.staff == staff, m.kind != AT_CART, or_(m.kind == HOME, m.valid_to > tx.at))  # fmt: skip
    of_emergencies = select(
        e.id, e.patient, literal("emergency"), cast(null(), String), e.opened_at, e.until
    ).where(e.facility == tx.facility, e.staff == staff, e.until > tx.at, e.ended_at.is_(None))  # fmt: skip
    return union_all(of_wards, of_emergencies).subquery()


def of_rows(tx: Transaction, rows: Sequence[Row[Any]]) -> Reach:
    emergencies = tuple(OpenEmergency(id=row.id, patient=row.what, until=_aware(row.until)) for row in rows if row.kind == "emergency")
    if not any(row.kind == HOME for row in rows):
        return Reach(wards=None, emergencies=emergencies)
    wards: dict[str, frozenset[str] | None] = {}
    for row in rows:
        if row.kind == "emergency" or _aware(row.since) > tx.at or (row.until is not None and _aware(row.until) <= tx.at):
            continue
        before = wards.get(row.what, frozenset())
        wards[row.what] = None if row.role is None or before is None else before | {row.role}
    return Reach(wards=wards, emergencies=emergencies)


def _aware(value: datetime) -> datetime:
    found = UtcDateTime().process_result_value(value, None)
    assert found is not None
    return found


def homes(tx: Transaction) -> dict[str, tuple[str, ...]]:
    """Person -> home wards, of everybody who has one: one statement."""
    rows = tx.session.execute(
        select(StaffWardRow.staff, StaffWardRow.ward)
        .where(StaffWardRow.facility == tx.facility, StaffWardRow.kind == HOME)
        .order_by(StaffWardRow.staff, StaffWardRow.ward)
    )
    found: dict[str, tuple[str, ...]] = {}
    for staff, ward in rows:
        found[staff] = (*found.get(staff, ()), ward)
    return found


def of_staff(tx: Transaction, staff: str) -> tuple[Membership, ...]:
    """Those that hold, home wards first."""
    return _listed(tx, StaffWardRow.staff == staff)


def of_ward(tx: Transaction, ward: str) -> tuple[Membership, ...]:
    """Those that hold, by kind and name."""
    return _listed(tx, StaffWardRow.ward == ward)


def get(tx: Transaction, membership: int) -> Membership | None:
    found = _listed(tx, StaffWardRow.id == membership)
    return found[0] if found else None


def _listed(tx: Transaction, condition: object) -> tuple[Membership, ...]:
    m = StaffWardRow
    rows = tx.session.execute(
        select(m, StaffRow.name)
        .outerjoin(StaffRow, and_(StaffRow.facility == m.facility, StaffRow.id == m.staff))
        .where(m.facility == tx.facility, or_(m.valid_to.is_(None), m.valid_to > tx.at), condition)  # type: ignore[arg-type]
        .order_by(m.kind, StaffRow.name, m.ward, m.id)
    )
    return tuple(
        Membership(
            id=row.id,
            staff=row.staff,
            name=name or "",
            ward=row.ward,
            kind=row.kind,
            role=row.role,
            since=row.valid_from,
            until=row.valid_to,
            by=row.added_by,
            reason=row.reason,
        )
        for row, name in rows
    )


def add(
    tx: Transaction,
    *,
    staff: str,
    ward: str,
    kind: str,
    role: str | None = None,
    until: datetime | None = None,
    reason: str = "",
    since: datetime | None = None,
) -> int:
    row = StaffWardRow(
        facility=tx.facility,
        staff=staff,
        ward=ward,
        kind=kind,
        role=role,
        valid_from=since or tx.at,
        valid_to=until,
        added_by=tx.actor.id,
        added_at=tx.at,
        reason=reason,
    )
    tx.session.add(row)
    tx.session.flush()
    return row.id


def remove_homes(tx: Transaction, staff: str, wards: Collection[str]) -> None:
    """The audit row of whoever calls holds what was here."""
    tx.session.execute(
        delete(StaffWardRow).where(
            StaffWardRow.facility == tx.facility, StaffWardRow.staff == staff, StaffWardRow.kind == HOME, StaffWardRow.ward.in_(wards)
        )
    )


def end(tx: Transaction, membership: int) -> None:
    row = tx.session.get_one(StaffWardRow, membership)
    assert row.facility == tx.facility
    row.valid_to = tx.at
    tx.session.flush()
