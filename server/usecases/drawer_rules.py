"""Who may open which drawer without a patient, and for how long one may stand open: written down here, signed to the carts, audited."""

from __future__ import annotations

from dataclasses import asdict

from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from pointofcare.fleet.drawer_access import ANY, KINDS, MOST_DRAWERS, DrawerRule
from pointofcare.people import StaffRole
from pointofcare.wire.messages import FleetEvent, TableKind
from server.store import audit, drawer_rules, patients, reach, staff, versions
from server.store.drawer_rules import MOST_RULES, Settings
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require

MANAGERS = (StaffRole.FLEET_MANAGER, StaffRole.CHARGE_NURSE, StaffRole.ADMINISTRATOR)
# What is of the whole facility: not a charge nurse's.
FACILITY_MANAGERS = (StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)
ACCESS = "drawer-access"
AUDITED = "drawer.access"


def add(tx: Transaction, actor: Actor, ward: str, rule: DrawerRule) -> int:
    """`ward` "": every one. Raises: NotPermittedError (also for a ward that is not the actor's own), NotFoundError (the ward),
    UnreadableError, ConflictError (it is there already, or there are too many)."""
    require(tx, actor, *(MANAGERS if ward else FACILITY_MANAGERS))
    if ward:
        if patients.ward(tx, ward) is None:
            raise NotFoundError(f"ward {ward!r} is not known", remedy="choose a ward from the list", ward=ward)
        reach.must_see(tx, ward)
    if rule.role not in tuple(StaffRole):
        raise UnreadableError(f"{rule.role!r} is no role", remedy="choose one from the list", field="role")
    if not 0 <= rule.drawer <= MOST_DRAWERS:
        raise UnreadableError("which drawer?", remedy=f"1 to {MOST_DRAWERS}, or 0 for every one", field="drawer")
    if rule.kind not in KINDS or (rule.drawer and rule.kind != ANY):
        raise UnreadableError("a rule is for one number or for one kind", remedy="choose one of the two", field="kind")
    held = drawer_rules.rules(tx)
    if any(kept.ward == ward and kept.rule == rule for kept in held):
        raise ConflictError("this rule is there already", remedy="look at the list")
    if len(held) >= MOST_RULES:
        raise ConflictError(f"there are {MOST_RULES} rules", remedy="remove some that nobody needs")
    made = drawer_rules.add(tx, ward, rule)
    tx.audit("drawer-rule.add", f"drawer-rule/{made}", {"ward": ward, **asdict(rule)})
    _tell(tx, ward)
    return made


def end(tx: Transaction, actor: Actor, rule: int) -> None:
    """Raises: NotPermittedError, NotFoundError."""
    require(tx, actor, *MANAGERS)
    kept = next((one for one in drawer_rules.rules(tx) if one.id == rule), None)
    if kept is None:
        raise NotFoundError(f"rule {rule} does not hold", remedy="look at the list again", rule=rule)
    require(tx, actor, *(MANAGERS if kept.ward else FACILITY_MANAGERS))
    if kept.ward:
        reach.must_see(tx, kept.ward)
    if drawer_rules.end(tx, rule) is None:
        raise NotFoundError(f"rule {rule} does not hold", remedy="look at the list again", rule=rule)
    tx.audit("drawer-rule.end", f"drawer-rule/{rule}", {"ward": kept.ward, **asdict(kept.rule)})
    _tell(tx, kept.ward)


def set_settings(tx: Transaction, actor: Actor, new: Settings) -> None:
    """Raises: NotPermittedError, UnreadableError, ConflictError (somebody else changed them)."""
    require(tx, actor, *FACILITY_MANAGERS)
    for field, value, least, most in (
        ("open_min", new.open_min, 1, 120), ("pin_digits", new.pin_digits, 6, 12), ("pin_days", new.pin_days, 0, 3650)
    ):  # fmt: skip
        if not least <= value <= most:
            raise UnreadableError(f"{value} is out of bounds", remedy=f"from {least} to {most}", field=field)
    before = drawer_rules.settings(tx)
    if not drawer_rules.put_settings(tx, new):
        raise ConflictError("somebody changed this meanwhile", remedy="look at the page again")
    told = {name: {"before": getattr(before, name), "after": getattr(new, name)} for name in ("open_min", "pin_digits", "pin_days")}
    tx.audit("drawer.settings", "drawers/settings", told)
    versions.bump_everywhere(tx, TableKind.STAFF_ROSTER)


def after_event(tx: Transaction, cart: str, event: FleetEvent) -> None:
    """A drawer was opened without a patient: who, with whom and why stands in the audit, once."""
    if event.kind != ACCESS:
        return
    names = ("staff", "second", "purpose", "drawer", "command", "outcome")
    detail = {name: event.details.get(name) for name in names if isinstance(event.details.get(name), str | int)}
    detail |= {"at": event.at.isoformat(), "cart": cart}
    person = str(detail.get("staff") or "")[:64]
    subject = f"staff/{person}" if person and staff.of_id(tx, person) is not None else f"cart/{cart}"
    if any(row.action == AUDITED and row.detail == detail for row in audit.listed(tx, subject=subject, limit=50)):
        return
    tx.audit(AUDITED, subject, detail)


def _tell(tx: Transaction, ward: str) -> None:
    if ward:
        versions.bump_kind(tx, TableKind.STAFF_ROSTER, ward)
    else:
        versions.bump_everywhere(tx, TableKind.STAFF_ROSTER)
