"""What an import must know before it writes: who is here already, whose a band or a badge is. Reads only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import select

from pointofcare.people import StaffRole
from server.store import mapping, staff_wards
from server.store.tables import BandRow, CartRow, DrawerAssignmentRow, PatientRow, StaffRow
from server.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStaff:
    """A person as stored; the hashes are for comparing with, never for showing."""

    id: str
    name: str
    username: str | None
    email: str
    roles: tuple[StaffRole, ...]
    active: bool
    badge: str | None
    licensed: bool | None
    licence_number: str | None
    language: str | None
    valid_until: object
    pin_hash: str | None = field(repr=False)
    password_hash: str | None = field(repr=False)
    wards: tuple[str, ...] = ()


def staff(tx: Transaction) -> dict[str, KnownStaff]:
    """By id. User names and emails are unique over all facilities, so all are read."""
    homes = staff_wards.homes(tx)
    return {
        row.id: KnownStaff(
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
            pin_hash=row.pin_hash,
            password_hash=row.password,
            wards=homes.get(row.id, ()) if row.facility == tx.facility else (),
        )
        for row in tx.session.scalars(select(StaffRow))
    }


def patients_by_id_and_mrn(tx: Transaction) -> tuple[dict[str, str], dict[str, str]]:
    """id -> MRN and MRN -> id."""
    rows = tx.session.execute(select(PatientRow.id, PatientRow.mrn).where(PatientRow.facility == tx.facility)).all()
    return {row.id: row.mrn for row in rows}, {row.mrn: row.id for row in rows}


def band_owners(tx: Transaction, gsrns: Collection[str]) -> dict[str, str]:
    """GSRN -> patient."""
    if not gsrns:
        return {}
    rows = tx.session.execute(select(BandRow.gsrn, BandRow.patient).where(BandRow.facility == tx.facility, BandRow.gsrn.in_(gsrns)))
    return {row.gsrn: row.patient for row in rows}


def carts_of_ward(tx: Transaction, ward: str) -> tuple[str, ...]:
    return tuple(tx.session.scalars(select(CartRow.id).where(CartRow.facility == tx.facility, CartRow.ward == ward).order_by(CartRow.id)))


def drawer_assignments(tx: Transaction) -> dict[tuple[str, int], str]:
    """(cart, drawer) -> patient."""
    rows = tx.session.execute(
        select(DrawerAssignmentRow.cart, DrawerAssignmentRow.drawer, DrawerAssignmentRow.patient).where(
            DrawerAssignmentRow.facility == tx.facility
        )
    )
    return {(row.cart, row.drawer): row.patient for row in rows}
