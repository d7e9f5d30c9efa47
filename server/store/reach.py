"""Whose patients the person of a transaction may reach: the one place that turns wards into conditions.

A program, and whoever is bound to no ward, reaches the whole facility. Another facility is never reached: every query names its own.
An emergency access to one patient counts while it lasts. Nothing here may open a way that `Actor` does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from pointofcare.errors import NotPermittedError
from pointofcare.people import StaffRole
from server.store.driver import room, several, spread
from server.store.tables import PatientRow
from server.store.transaction import Transaction


class OtherWardError(NotPermittedError):
    """It is about a patient of a ward to which the person does not belong."""

    code = "other-ward"


def sees(tx: Transaction, ward: str | None, patient: str | None = None) -> bool:
    """`ward` None or "": of no ward, which nobody who is bound to wards reaches where it is about a patient."""
    wards = tx.actor.wards
    if wards is None or (patient is not None and patient in tx.actor.emergencies):
        return True
    return ward in wards if ward else not patient


def must_see(tx: Transaction, ward: str | None, patient: str | None = None) -> None:
    """Raises: OtherWardError."""
    if not sees(tx, ward, patient):
        raise OtherWardError(
            "this patient is in a ward to which you do not belong",
            remedy="take the ward on, or open the chart as an emergency with your reason",
            patient=patient or "",
            ward=ward or "",
        )


def must_see_thing(tx: Transaction, *, ward: str | None, patient: str | None, patient_ward: str | None) -> None:
    """Of a record, a task or a finding: reached with the ward that it came from, with its patient, or where it is about neither.
    Raises: OtherWardError."""
    if (ward and sees(tx, ward)) or not (ward or patient):
        return
    must_see(tx, patient_ward if patient else ward, patient or None)


def counts(tx: Transaction, *roles: StaffRole, ward: str | None, patient: str | None, patient_ward: str | None) -> bool:
    """Does one of `roles` of the person count for this thing: in the ward that it came from, or in its patient's? A guest is there with
    the roles that were said, and an emergency access makes a nurse of whoever opened it. For verbs whose address is open to more
    roles than the verb itself."""
    held = tx.actor.roles.intersection(roles)
    if not held or tx.actor.wards is None:
        return bool(held)
    for where in (ward, patient_ward):
        if where and where in tx.actor.wards and (where not in tx.actor.guest or any(one.value in tx.actor.guest[where] for one in held)):
            return True
    if not ward and not patient:
        return True
    return patient in tx.actor.emergencies and StaffRole.NURSE in held


def patients(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    """Conditions on `PatientRow` in a query that has it."""
    wards = tx.actor.wards
    if wards is None:
        return ()
    return (or_(PatientRow.ward.in_(sorted(wards)), PatientRow.id.in_(sorted(tx.actor.emergencies))),)


def of_patient(tx: Transaction, column: Any) -> tuple[ColumnElement[bool], ...]:
    """Conditions on a column of patient ids."""
    if tx.actor.wards is None:
        return ()
    return (column.in_(select(PatientRow.id).where(PatientRow.facility == tx.facility, *patients(tx))),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of how many wards and emergencies a statement of `server.store.driver` must have room."""

    wards: int
    emergencies: int


def bounds(tx: Transaction) -> tuple[Bounds | None, dict[str, str | None]]:
    """What `within` wants of a statement that is written once, and the values for it; None: the whole facility."""
    wards = tx.actor.wards
    if wards is None:
        return None, {}
    emergencies = sorted(tx.actor.emergencies)
    size = Bounds(wards=room(len(wards)), emergencies=room(len(emergencies)))
    return size, spread("reached_ward", sorted(wards)) | spread("reached_patient", emergencies)


def within(bound: Bounds | None, column: Any, facility: Any) -> tuple[ColumnElement[bool], ...]:
    """As `of_patient`, for such a statement."""
    if bound is None:
        return ()
    ward, emergency = several("reached_ward", bound.wards), several("reached_patient", bound.emergencies)
    return (
        column.in_(
            select(PatientRow.id).where(PatientRow.facility == facility, or_(PatientRow.ward.in_(ward), PatientRow.id.in_(emergency)))
        ),
    )


def of_ward(tx: Transaction, ward: Any, patient: Any) -> tuple[ColumnElement[bool], ...]:
    """Conditions on what belongs to a ward (""; none) and may be about a patient: it is reached with its ward, with its patient, or
    where it is about neither."""
    wards = tx.actor.wards
    if wards is None:
        return ()
    about_nobody = and_(ward == "", or_(patient.is_(None), patient == ""))
    return (or_(ward.in_(sorted(wards)), about_nobody, *of_patient(tx, patient)),)
