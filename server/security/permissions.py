"""Who may do what on the web and through the API: one table. Roles come from the staff table at every request, never from what
a browser or a client sends.

This is the door; the verbs behind it check the actor's role once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pointofcare.people import StaffRole

SEE_PATIENTS: Final = "see-patients"
SEE_BOARD: Final = "see-board"
VERIFY_ORDERS: Final = "verify-orders"
PLACE_ORDERS: Final = "place-orders"
SEE_REVIEW: Final = "see-review"
RESOLVE: Final = "resolve"
SEE_EMR: Final = "see-emr"
REQUEUE: Final = "requeue"
SEE_FLEET: Final = "see-fleet"
MANAGE_STAFF: Final = "manage-staff"
SEE_AUDIT: Final = "see-audit"
SEE_REJECTED: Final = "see-rejected"
IMPORT: Final = "import"

PERMISSIONS: Mapping[StaffRole, frozenset[str]] = {
    StaffRole.NURSE: frozenset({SEE_PATIENTS, SEE_BOARD}),
    StaffRole.STUDENT: frozenset({SEE_PATIENTS, SEE_BOARD}),
    StaffRole.WITNESS_ONLY: frozenset(),
    StaffRole.CHARGE_NURSE: frozenset({SEE_PATIENTS, SEE_BOARD, SEE_REVIEW, RESOLVE, SEE_FLEET, SEE_EMR}),
    StaffRole.PHARMACIST: frozenset({SEE_PATIENTS, SEE_BOARD, VERIFY_ORDERS, SEE_REVIEW, RESOLVE, SEE_EMR, REQUEUE}),
    StaffRole.PRESCRIBER: frozenset({SEE_PATIENTS, SEE_BOARD, PLACE_ORDERS}),
    StaffRole.FLEET_MANAGER: frozenset({SEE_FLEET, SEE_REJECTED}),
    StaffRole.ADMINISTRATOR: frozenset({MANAGE_STAFF, SEE_AUDIT, SEE_REJECTED, IMPORT, SEE_FLEET, SEE_EMR, REQUEUE}),
}


def permits(roles: Iterable[StaffRole], permission: str) -> bool:
    """Does any of `roles` hold `permission`?"""
    return any(permission in PERMISSIONS[role] for role in roles)


def held_by(roles: Iterable[StaffRole]) -> frozenset[str]:
    return frozenset().union(*(PERMISSIONS[role] for role in roles))
