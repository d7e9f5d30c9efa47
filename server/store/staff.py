"""Queries about staff. Passwords and PINs come and go as hashes only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, or_, select, update

from pointofcare.errors import ConflictError, NotFoundError
from pointofcare.people import StaffRole
from pointofcare.wire.tables import StaffEntry
from server.store import competences, mapping, staff_wards
from server.store.staff_wards import Membership
from server.store.tables import DrawerSettingRow, PinStateRow, RoleRow, StaffRow
from server.store.transaction import Transaction

_BOUND = frozenset({StaffRole.NURSE, StaffRole.STUDENT, StaffRole.WITNESS_ONLY, StaffRole.CHARGE_NURSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """One person as the administrator writes it. `password_hash` and `pin_hash` None: leave what is there."""

    id: str
    name: str
    username: str | None
    email: str
    roles: tuple[StaffRole, ...]
    active: bool = True
    badge: str | None = None
    licensed: bool | None = None
    licence_number: str | None = None
    language: str | None = None
    valid_until: datetime | None = None
    pin_hash: str | None = field(default=None, repr=False)
    password_hash: str | None = field(default=None, repr=False)
    must_change_password: bool = False


def _member(row: StaffRow) -> StaffMember:
    return StaffMember(
        id=row.id,
        name=row.name,
        username=row.username,
        email=row.email,
        roles=mapping.roles(row),
        active=row.active,
        badge=row.badge,
        licensed=row.licensed,
        licence_number=row.licence_number,
        language=row.language,
        valid_until=row.valid_until,
    )


def roster(tx: Transaction, ward: str | None = None) -> tuple[StaffEntry, ...]:
    """Everybody who may use the carts, with PIN hashes, and who of them is of the `ward`: the others are there too, for a patient must
    not wait for a list, but a cart tells of them. A fixed number of statements."""
    homes = staff_wards.homes(tx) if ward is not None else {}
    here = {one.staff: one for one in staff_wards.of_ward(tx, ward)} if ward is not None else {}
    rows = tx.session.scalars(
        select(StaffRow).where(StaffRow.facility == tx.facility, or_(StaffRow.badge.is_not(None), StaffRow.pin_hash.is_not(None)))
    )
    ends = pin_ends(tx)
    entries = (replace(entry, **ends.get(entry.id, {})) for entry in map(mapping.staff_entry, rows))
    log = competences.told_at_carts(tx)
    if log is not None:
        # A day more or less at midnight is no matter: it is said, and stops nothing.
        due = {entry: len(competences.due(log, entry.id, entry.roles, tx.at.date())) for entry in entries}
        entries = (replace(entry, competences_due=count) for entry, count in due.items())
    if ward is not None:
        entries = (_in_ward(entry, homes, here.get(entry.id)) for entry in entries)
    return tuple(sorted(entries, key=lambda entry: entry.id))


def pin_ends(tx: Transaction) -> dict[str, dict[str, Any]]:
    """Person -> until when the PIN counts and when a pause was ended, of those of whom something is known. Two statements."""
    setting = tx.session.get(DrawerSettingRow, tx.facility)
    days = setting.pin_days if setting is not None else 0
    states = tx.session.scalars(select(PinStateRow).where(PinStateRow.facility == tx.facility))
    return {state.staff: {"pin_until": pin_until(state, days), "pin_cleared_at": state.cleared_at} for state in states}


def pin_until(state: PinStateRow, days: int) -> datetime | None:
    """A PIN from before its age was kept has none that could be too old: a person ends it."""
    ends = [state.ends_at] if state.ends_at is not None else []
    if days and state.set_at is not None:
        ends.append(state.set_at + timedelta(days=days))
    return min(ends, default=None)


def _in_ward(entry: StaffEntry, homes: Mapping[str, object], held: Membership | None) -> StaffEntry:
    """Who has no home ward, or a role that is bound to none, is of every ward."""
    if entry.id not in homes or not set(entry.roles) <= _BOUND:
        return replace(entry, of_ward=True)
    if held is None or held.kind == staff_wards.AT_CART:
        return replace(entry, of_ward=False)
    return replace(entry, of_ward=True, ward_until=held.until)


def find(tx: Transaction, name: str) -> StaffMember | None:
    """By id, user name or email."""
    row = _found(tx, name)
    return None if row is None else _member(row)


def of_id(tx: Transaction, staff_id: str) -> StaffMember | None:
    row = tx.session.scalar(select(StaffRow).where(StaffRow.facility == tx.facility, StaffRow.id == staff_id))
    return None if row is None else _member(row)


def put(tx: Transaction, member: StaffMember) -> None:
    """Inserts or replaces. Raises: ConflictError for somebody of another hospital; a badge or user name that somebody else has breaks the
    commit."""
    row = tx.session.get(StaffRow, member.id)
    if row is None:
        row = StaffRow(id=member.id)
        tx.session.add(row)
    elif row.facility != tx.facility:  # the ids of people count over all hospitals of a database
        raise ConflictError(f"the id {member.id} is taken", remedy="choose another id for this person", staff=member.id)
    row.facility = tx.facility
    row.name = member.name
    row.username = member.username
    row.email = member.email
    row.active = member.active
    row.badge = member.badge
    row.licensed = member.licensed
    row.licence_number = member.licence_number
    row.language = member.language
    row.valid_until = member.valid_until
    if member.pin_hash is not None:
        row.pin_hash = member.pin_hash
        _pin_was_set(tx, member.id)
    if member.password_hash is not None:
        row.password = member.password_hash
        row.must_change_password = member.must_change_password
    row.roles = [_role(tx, role) for role in dict.fromkeys(member.roles)]
    tx.session.flush()


def _pin_was_set(tx: Transaction, staff: str) -> None:
    """A new PIN counts from now on: what ended the one before is over."""
    state = tx.session.get(PinStateRow, (tx.facility, staff))
    if state is None:
        state = PinStateRow(facility=tx.facility, staff=staff, locked_cart="")
        tx.session.add(state)
    state.set_at, state.ends_at, state.why = tx.at, None, ""


def set_password(tx: Transaction, name: str, password_hash: str, *, uniquifier: str, must_change: bool) -> str:
    """Returns the person's id; a new `uniquifier` ends all of the person's sessions. Raises: NotFoundError."""
    row = _found(tx, name)
    if row is None:
        raise NotFoundError(f"nobody has the id, user name or email {name!r}", remedy="check the spelling", name=name)
    row.password = password_hash
    row.must_change_password = must_change
    row.fs_uniquifier = uniquifier
    return row.id


def renew_hash(tx: Transaction, staff_id: str, *, before: str, after: str) -> None:
    """The same password under newer parameters; nothing when another one was set meanwhile."""
    mine = (StaffRow.facility == tx.facility, StaffRow.id == staff_id, StaffRow.password == before)
    tx.session.execute(update(StaffRow).where(*mine).values(password=after))


def _found(tx: Transaction, name: str) -> StaffRow | None:
    """By id before user name before email: what one person chose as a name never stands for another's id."""
    found = select(StaffRow).where(
        StaffRow.facility == tx.facility, or_(StaffRow.id == name, StaffRow.username == name, StaffRow.email == name)
    )
    return tx.session.scalars(found.order_by(case((StaffRow.id == name, 0), (StaffRow.username == name, 1), else_=2)).limit(1)).first()


def _role(tx: Transaction, role: StaffRole) -> RoleRow:
    row = tx.session.scalar(select(RoleRow).where(RoleRow.name == role.value))
    if row is None:
        row = RoleRow(name=role.value)
        tx.session.add(row)
        tx.session.flush()
    return row
