"""What the person of a request reaches: wards and emergency accesses, read from the database once a request.

Roles that are not bound to wards reach the whole facility. In a ward where only one role of the person counts, an address whose
permission that role does not hold reaches nothing of this ward.
"""

from __future__ import annotations

from dataclasses import replace

from flask import current_app, g, request
from flask_login import current_user

from pointofcare.people import StaffRole
from server.security.permissions import PERMISSIONS, WARD_BOUND
from server.store.database import FACILITY
from server.store.staff_wards import OpenEmergency, Reach
from server.store.transaction import Actor


def is_of_this_facility() -> bool:
    """Is the account one of the hospital whom this server serves? Two hospitals may share one database."""
    return bool(current_user.facility == current_app.config[FACILITY])


def bounded(who: Actor, found: Reach) -> Actor:
    """`who` with the wards and emergencies of `found`, which are bounds only for roles that are bound to wards."""
    if not who.roles or not who.roles <= (WARD_BOUND | _WITHOUT_PATIENTS):
        return who
    if who.roles.isdisjoint(WARD_BOUND):
        return who
    g.pointofcare_emergencies = found.emergencies
    if found.wards is None:
        return who
    wanted = _permission()
    wards = frozenset(ward for ward, roles in found.wards.items() if _counts(who, roles, wanted))
    guest = {ward: roles for ward, roles in found.wards.items() if roles is not None and ward in wards}
    # A chart that was opened in an emergency is open to a nurse's work: nobody leads a ward by it.
    is_care = wanted is None or wanted in PERMISSIONS[StaffRole.NURSE]
    emergencies = frozenset(one.patient for one in found.emergencies) if is_care else frozenset()
    return replace(who, wards=wards, emergencies=emergencies, guest=guest)


# These see no patient by themselves, so that they widen nobody's reach.
_WITHOUT_PATIENTS = frozenset({StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR})


def _counts(who: Actor, roles: frozenset[str] | None, wanted: str | None) -> bool:
    if roles is None or wanted is None:
        return True
    return any(wanted in PERMISSIONS[role] for role in who.roles if role.value in roles)


def _permission() -> str | None:
    from server.security import access  # it asks who is there, and so imports this room's neighbour

    line = access.ENDPOINTS.get(request.endpoint or "")
    return (line.permission or line.guests) if line is not None else None


def emergencies() -> tuple[OpenEmergency, ...]:
    """Those that last, of the person of this request; for the banner and the audit. Ask after `person.actor`."""
    found: tuple[OpenEmergency, ...] = g.get("pointofcare_emergencies", ())
    return found
