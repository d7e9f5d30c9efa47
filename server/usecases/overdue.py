"""N4 and T7: what is owed and overdue in a ward, computed at every look and never stored. Never closes a dose.

What cannot be computed is in the answer too: an order without usable times may hide an overdue dose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.errors import PointOfCareError
from pointofcare.orders import schedule, timing
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.orders.schedule import DueStatus
from pointofcare.people import Patient
from pointofcare.verdict.policy import Policy
from server.store import bedside
from server.store.bedside import Look
from server.store.views_work import DoseAsNeeded

# As far back as every record is at hand; a single dose (STAT, once) stays whatever its age.
BACK = bedside.RECENT - timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueDose:
    """`late` counts from the end of its window."""

    patient: Patient
    order: Order
    due: datetime
    late: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """`unknown` are orders whose times could not be computed."""

    doses: tuple[OverdueDose, ...]
    unknown: tuple[tuple[Patient, Order], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedEffect:
    dose: DoseAsNeeded
    due_by: datetime
    is_late: bool


def doses(
    look: Look, *, policy: Policy, zone: str, now: datetime, changed: Mapping[str, tuple[tuple[Order, datetime], ...]] | None = None
) -> Overdue:
    """Active orders' doses whose window has ended without a final state, longest overdue first. `changed`: the versions of orders
    whose times were changed (`store.orders.changed`), so that a change hides no dose that was missed before."""
    versions = changed or {}
    patients = {patient.id: patient for patient in look.patients}
    found: list[OverdueDose] = []
    unknown: list[tuple[Patient, Order]] = []
    for order in look.orders:
        patient = patients.get(order.patient)
        if patient is None or order.category in (OrderCategory.PRN, OrderCategory.ON_CALL):
            continue
        if order.status is not OrderStatus.ACTIVE:
            if order.status in (OrderStatus.DRAFT, None):
                unknown.append((patient, order))
            continue
        single = order.category in timing.SINGLE and order.start is not None
        back = min(order.start, now - BACK) if single and order.start is not None else now - BACK
        history = [entry for entry in look.history if entry.patient == patient.id]
        try:
            if order.id in versions:
                due = schedule.across(versions[order.id], history, policy.windows, zone, back, now)
            else:
                due = schedule.due_doses(order, history, policy.windows, zone, back, now)
        except PointOfCareError:
            unknown.append((patient, order))
            continue
        found += [
            OverdueDose(patient=patient, order=order, due=one.due, late=now - one.closes_at)
            for one in due
            if schedule.status(one, now) is DueStatus.OVERDUE
        ]
    return Overdue(doses=tuple(sorted(found, key=lambda one: (one.due, one.patient.id, one.order.id))), unknown=tuple(unknown))


def effects(owed: Iterable[DoseAsNeeded], *, policies: Mapping[str, Policy], now: datetime) -> tuple[OwedEffect, ...]:
    """When each effect is to be charted by, by the window of its route in the policy of the patient's ward (`policies`, "" the
    hospital's), as far back as that policy looks; the one due first comes first."""
    listed = []
    for dose in owed:
        policy = policies.get(dose.ward) or policies[""]
        if dose.at < now - policy.effect_look_back:
            continue
        by = dose.at + _within(policy, dose.route)
        listed.append(OwedEffect(dose=dose, due_by=by, is_late=now >= by))
    return tuple(sorted(listed, key=lambda one: (one.due_by, one.dose.record_id)))


def _within(policy: Policy, route: str | None) -> timedelta:
    windows = {window.route.casefold(): window.within for window in policy.effect_windows}
    found = windows.get((route or "").casefold())
    return found if found is not None else windows.get("", min(windows.values(), default=timedelta(0)))
