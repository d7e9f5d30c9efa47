"""H3 on the server: was the second person one who may be a witness, by the server's own roster at the moment of the record?

The cart asks the witness for badge and PIN; this decides anew whether that person may be one. Unknown is never yes. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pointofcare.people import StaffRole
from pointofcare.verdict.support.double_check import MAY_WITNESS
from server.store.bedside import StaffLook

# Any of these makes a person unfit, whatever other role is held: the most restricted counts, as on the cart.
NEVER = frozenset({StaffRole.STUDENT})


def fault(staff: Sequence[StaffLook], *, nurse: str, witness: str, at: datetime) -> str:
    """Why `witness` is none: same-person, unknown, inactive, expired, student, role, unlicensed; an empty text when valid."""
    if _same(witness, nurse):
        return "same-person"
    person = next((one for one in staff if one.id == witness), None)
    if person is None:
        return "unknown"
    if not person.active:
        return "inactive"
    if person.valid_until is not None and person.valid_until <= at:
        return "expired"
    held = {role for role in StaffRole if role.value in person.roles}
    if held & NEVER:
        return "student"
    if not held & MAY_WITNESS:
        return "role"
    return "" if person.licensed is True else "unlicensed"


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
