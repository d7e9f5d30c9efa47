"""Queries about who was trained and assessed in what: appended, corrected by another row, and what counts of it on a day.

Must never keep anybody from a patient: what is missing is told, and nothing asks here whether a dose may be given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import literal, select

from pointofcare.people import StaffRole
from server.store.plain import storable, text
from server.store.tables import CompetenceRow, CompetenceSettingRow
from server.store.transaction import Transaction
from server.store.versions import insertion

PASSED, NOT_PASSED, WITHDRAWN = "passed", "not-passed", "withdrawn"
RESULTS = (PASSED, NOT_PASSED, WITHDRAWN)
WARN, OFF = "warn", "off"
AT_CART = (WARN, OFF)
SOON = timedelta(days=30)
_BEDSIDE = frozenset({StaffRole.NURSE, StaffRole.CHARGE_NURSE})
# Competence -> whose work takes it.
COMPETENCES: Mapping[str, frozenset[StaffRole]] = {
    "cart": _BEDSIDE | {StaffRole.STUDENT},
    "high-alert": _BEDSIDE,
    "pump": _BEDSIDE,
    "blood-controlled": _BEDSIDE,
    "downtime": _BEDSIDE,
    "fleet": frozenset({StaffRole.FLEET_MANAGER}),
}


class Standing(StrEnum):
    """Of one person in one competence, on a day."""

    HELD = "held"
    SOON = "soon"
    EXPIRED = "expired"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`counts` False: another one replaced it. `by` entered it, `assessor` says that it was so."""

    id: int
    staff: str
    competence: str
    result: str
    held_on: date
    valid_until: date | None
    assessor: str
    note: str
    replaces: int | None
    at: datetime
    by: str
    counts: bool = True


def add(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """False: this very form is here already, or somebody replaced the same row meanwhile."""
    new = insertion(tx, CompetenceRow).values(facility=tx.facility, at=tx.at, by=tx.actor.id, **storable(row))
    return tx.inserted(new.on_conflict_do_nothing().returning(literal(1)))


def is_here(tx: Transaction, form: str) -> bool:
    row = CompetenceRow
    return tx.session.scalar(select(row.id).where(row.facility == tx.facility, row.form == text(form))) is not None


def listed(tx: Transaction, staff: Collection[str] | None = None) -> tuple[Record, ...]:
    """All of these people, of everybody where None; the newest first."""
    row = CompetenceRow
    query = select(row).where(row.facility == tx.facility)
    if staff is not None:
        query = query.where(row.staff.in_(sorted(text(one) for one in staff)))
    rows = list(tx.session.scalars(query.order_by(row.held_on.desc(), row.id.desc())))
    replaced = {one.replaces for one in rows}
    return tuple(
        Record(
            id=one.id,
            staff=one.staff,
            competence=one.competence,
            result=one.result,
            held_on=one.held_on,
            valid_until=one.valid_until,
            assessor=one.assessor,
            note=one.note,
            replaces=one.replaces,
            at=one.at,
            by=one.by,
            counts=one.id not in replaced,
        )
        for one in rows
    )


def newest(records: Iterable[Record]) -> dict[tuple[str, str], Record]:
    """(person, competence) -> the one that counts, of `listed`'s order."""
    found: dict[tuple[str, str], Record] = {}
    for one in records:
        if one.counts and one.result != WITHDRAWN:
            found.setdefault((one.staff, one.competence), one)
    return found


def standing(record: Record | None, today: date) -> Standing:
    """Whoever did not pass lacks it, whatever was before."""
    if record is None or record.result != PASSED:
        return Standing.MISSING
    if record.valid_until is None or record.valid_until > today + SOON:
        return Standing.HELD
    return Standing.SOON if record.valid_until >= today else Standing.EXPIRED


def wanted(roles: Iterable[StaffRole]) -> tuple[str, ...]:
    held = frozenset(roles)
    return tuple(code for code, of in COMPETENCES.items() if of & held)


def due(told: Mapping[tuple[str, str], Record], staff: str, roles: Iterable[StaffRole], today: date) -> tuple[str, ...]:
    """What a person's work takes and they do not hold."""
    lacking = (Standing.MISSING, Standing.EXPIRED)
    return tuple(code for code in wanted(roles) if standing(told.get((staff, code)), today) in lacking)


def at_cart(tx: Transaction) -> str:
    found = tx.session.get(CompetenceSettingRow, tx.facility)
    return WARN if found is None else found.at_cart


def set_at_cart(tx: Transaction, how: str) -> None:
    row = {"facility": tx.facility, "at_cart": how, "at": tx.at, "by": tx.actor.id}
    new = insertion(tx, CompetenceSettingRow).values(**row)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility"], set_={k: v for k, v in row.items() if k != "facility"}))


def told_at_carts(tx: Transaction) -> dict[tuple[str, str], Record] | None:
    """What counts of everybody; None: carts say nothing, because the hospital does not want it or keeps no such log. Two statements."""
    if at_cart(tx) != WARN:
        return None
    return newest(listed(tx)) or None
