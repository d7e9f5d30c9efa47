"""Who works in which ward: home wards by an administrator, helpers for a shift by a charge nurse, and a ward that a nurse takes on
herself where the hospital permits it. Each change raises the version of the ward's roster, so that the carts get it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError
from pointofcare.people import StaffRole
from pointofcare.wire.messages import FleetEvent, TableKind
from server.store import audit, fleet, patients, reach, staff, staff_wards, versions
from server.store.staff_wards import Membership
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require, text

ASSIGNERS = (StaffRole.CHARGE_NURSE, StaffRole.ADMINISTRATOR)
AT_BEDSIDE = (StaffRole.NURSE, StaffRole.STUDENT, StaffRole.WITNESS_ONLY, StaffRole.CHARGE_NURSE)
LONGEST_SHIFT = timedelta(hours=24)
# What a cart calls the sign-in of somebody of another ward, and how long the ward's page shows it.
OTHER_WARD = "other-ward"
AUDITED = "staff-ward.at-cart"
WHY_HERE = ("helping", "emergency", "other")
GUEST_SHOWN = timedelta(hours=12)


def set_homes(tx: Transaction, person: str, wards: Iterable[str]) -> None:
    """The caller has checked who may. None at all: the person is bound to no ward. Raises: NotFoundError (a ward)."""
    wanted = frozenset(wards)
    for ward in sorted(wanted):
        _known(tx, ward)
    before = frozenset(one.ward for one in staff_wards.of_staff(tx, person) if one.kind == staff_wards.HOME)
    if wanted == before:
        return
    staff_wards.remove_homes(tx, person, before - wanted)
    for ward in sorted(wanted - before):
        staff_wards.add(tx, staff=person, ward=ward, kind=staff_wards.HOME)
    tx.audit("staff-ward.home", f"staff/{person}", {"before": {"wards": sorted(before)}, "after": {"wards": sorted(wanted)}})
    if before and wanted:
        versions.bump_kind(tx, TableKind.STAFF_ROSTER, *(before ^ wanted))
    else:
        versions.bump_everywhere(tx, TableKind.STAFF_ROSTER)


def add_for_shift(tx: Transaction, actor: Actor, person: str, ward: str, *, lasts: timedelta) -> int:
    """A helper for a shift, which ends by itself; a charge nurse helps as a nurse.

    Raises: NotPermittedError (the role, or a ward that is not the actor's own), NotFoundError, ConflictError (no such person at the
    bedside, there already, or too long)."""
    require(tx, actor, *ASSIGNERS)
    _known(tx, ward)
    reach.must_see(tx, ward)
    member = staff.of_id(tx, person)
    if member is None:
        raise NotFoundError(f"nobody has the id {person!r}", remedy="choose somebody from the list", staff=person)
    if not member.active or not set(member.roles) & set(AT_BEDSIDE):
        raise ConflictError(f"{person} does not work at the bedside", remedy="choose somebody from the list", staff=person)
    if not timedelta(0) < lasts <= LONGEST_SHIFT:
        raise ConflictError("a shift is not that long", remedy=f"at most {LONGEST_SHIFT.total_seconds() / 3600:.0f} hours")
    return _add(tx, person, ward, staff_wards.SHIFT, _helps_as(member.roles), lasts, "")


def take_on(tx: Transaction, actor: Actor, ward: str, *, words: str, lasts: timedelta, is_allowed: bool) -> int:
    """A nurse takes on a ward herself, with a reason. Raises: NotPermittedError (also where the hospital does not permit it),
    NotFoundError, ConflictError (she reaches it already), TextMissingError."""
    require(tx, actor, StaffRole.NURSE, StaffRole.CHARGE_NURSE)
    if not is_allowed:
        raise NotPermittedError("nobody takes on a ward alone here", remedy="ask the ward's charge nurse to add you", ward=ward)
    _known(tx, ward)
    if reach.sees(tx, ward):
        raise ConflictError("you belong to this ward already", remedy="open its board", ward=ward)
    return _add(tx, actor.id, ward, staff_wards.OWN_WORD, _helps_as(actor.roles), lasts, text(words, "reason"))


def after_event(tx: Transaction, cart: str, event: FleetEvent) -> None:
    """Somebody of other wards signed in at a cart of this one: the charge nurse sees it on the ward's page. It gives no reach on the
    pages. Again within the shift: one row of the audit more, with what she said why."""
    person, ward = str(event.details.get("nurse") or "")[:64], fleet.ward_of(tx, cart) or ""
    if event.kind != OTHER_WARD or not ward or staff.of_id(tx, person) is None:
        return
    here = [one for one in staff_wards.of_staff(tx, person) if one.ward == ward]
    if any(one.kind != staff_wards.AT_CART for one in here):
        return
    why = str(event.details.get("why") or "")
    why = why if why in WHY_HERE else ""
    detail = {"ward": ward, "cart": cart, "why": why, "at": event.at.isoformat()}
    if any(row.action == AUDITED and row.detail == detail for row in audit.listed(tx, subject=f"staff/{person}", limit=50)):
        return  # it came twice
    if not here:
        until = tx.at + GUEST_SHOWN
        staff_wards.add(tx, staff=person, ward=ward, kind=staff_wards.AT_CART, until=until, reason=f"{cart} {why}".strip())
    tx.audit(AUDITED, f"staff/{person}", detail)


def end(tx: Transaction, actor: Actor, membership: int) -> Membership:
    """Before its time: by the person, a charge nurse of the ward or an administrator. Home wards are the administrator's; and
    nobody takes away what tells the ward of the own visit at its cart.

    Raises: NotPermittedError, NotFoundError."""
    found = staff_wards.get(tx, membership)
    is_own_trace = found is not None and found.kind == staff_wards.AT_CART and found.staff == actor.id
    if found is None or found.kind == staff_wards.HOME or is_own_trace:
        raise NotFoundError(f"assignment {membership} does not exist", remedy="look at the list again", assignment=membership)
    if found.staff != actor.id:
        require(tx, actor, *ASSIGNERS)
        reach.must_see(tx, found.ward)
    staff_wards.end(tx, membership)
    tx.audit("staff-ward.end", f"staff/{found.staff}", {"ward": found.ward, "kind": found.kind})
    versions.bump_kind(tx, TableKind.STAFF_ROSTER, found.ward)
    return found


def _add(tx: Transaction, person: str, ward: str, kind: str, role: str | None, lasts: timedelta, reason: str) -> int:
    if any(one.ward == ward and one.kind != staff_wards.AT_CART for one in staff_wards.of_staff(tx, person)):
        raise ConflictError(f"{person} belongs to this ward already", remedy="look at the list again", staff=person, ward=ward)
    made = staff_wards.add(tx, staff=person, ward=ward, kind=kind, role=role, until=tx.at + lasts, reason=reason)
    detail = {"ward": ward, "kind": kind, "role": role, "reason": reason, "until": (tx.at + lasts).isoformat()}
    tx.audit("staff-ward.add", f"staff/{person}", detail)
    versions.bump_kind(tx, TableKind.STAFF_ROSTER, ward)
    return made


def _helps_as(roles: Iterable[StaffRole]) -> str | None:
    """Only who leads a ward leads it: elsewhere a charge nurse counts as a nurse."""
    return StaffRole.NURSE.value if StaffRole.CHARGE_NURSE in set(roles) else None


def _known(tx: Transaction, ward: str) -> None:
    if patients.ward(tx, ward) is None:
        raise NotFoundError(f"ward {ward!r} is not known", remedy="choose a ward from the list", ward=ward)
