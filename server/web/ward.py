"""The ward board: each patient's due, overdue, given and coming doses, by bed, live.

The board computes with the same schedule as the carts and shows what it could not compute; it never leaves a dose out in silence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, request

from pointofcare.errors import PointOfCareError
from pointofcare.orders import schedule
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.orders.schedule import DueDose, DueStatus, Windows
from pointofcare.people import Patient
from pointofcare.verdict.policy import Policy
from server.security.permissions import SEE_BOARD
from server.security.person import actor, requires
from server.store import bedside, products, views_patients
from server.store.transaction import reading
from server.web import page

room = Blueprint("ward", __name__, url_prefix="/ward")

BACK = timedelta(hours=12)
AHEAD = timedelta(hours=4)
NUMBER_SHOWN = 8
ORDER = (DueStatus.OVERDUE, DueStatus.DUE, DueStatus.IN_PROGRESS, DueStatus.UPCOMING, DueStatus.NOT_GIVEN, DueStatus.GIVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardDose:
    order: Order
    due: datetime
    status: DueStatus
    outcome_at: datetime | None
    late: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """`unknown` are orders whose times could not be computed; `on_demand` those without times (PRN, on call)."""

    patient: Patient
    doses: tuple[BoardDose, ...]
    more: int
    on_demand: tuple[Order, ...]
    unknown: tuple[Order, ...]
    unverified: int

    @property
    def worst(self) -> str:
        found = {dose.status for dose in self.doses}
        return next((status.value for status in ORDER[:2] if status in found), "")


def windows(policy: Policy) -> Windows:
    return Windows(time_critical=policy.window_time_critical, frequent=policy.window_frequent, daily_or_less=policy.window_daily_or_less)


def beds(look: bedside.Look, *, policy: Policy, zone: str, now: datetime) -> tuple[Bed, ...]:
    """One bed a patient, in the order of the beds."""
    found = []
    for patient in look.patients:
        doses: list[BoardDose] = []
        on_demand: list[Order] = []
        unknown: list[Order] = []
        unverified = 0
        history = [entry for entry in look.history if entry.patient == patient.id]
        for order in look.orders:
            if order.patient != patient.id or order.status not in (OrderStatus.ACTIVE, OrderStatus.DRAFT, None):
                continue
            unverified += not order.verified
            if order.status is not OrderStatus.ACTIVE:
                unknown.append(order)
                continue
            if order.category in (OrderCategory.PRN, OrderCategory.ON_CALL):
                on_demand.append(order)
                continue
            try:
                due = schedule.due_doses(order, history, windows(policy), zone, now - BACK, now + AHEAD)
            except PointOfCareError:
                unknown.append(order)
                continue
            doses += [_dose(order, one, now) for one in due]
        doses.sort(key=lambda dose: (ORDER.index(dose.status), dose.due))
        shown = doses[:NUMBER_SHOWN] if len(doses) > NUMBER_SHOWN + 1 else doses
        # Whatever is due or overdue is shown, however many there are.
        shown += [dose for dose in doses[len(shown) :] if dose.status in ORDER[:2]]
        found.append(
            Bed(
                patient=patient,
                doses=tuple(shown),
                more=len(doses) - len(shown),
                on_demand=tuple(on_demand),
                unknown=tuple(unknown),
                unverified=unverified,
            )
        )
    return tuple(sorted(found, key=lambda bed: (bed.patient.ward or "", _bed_key(bed.patient.bed), bed.patient.id)))


def _dose(order: Order, due: DueDose, now: datetime) -> BoardDose:
    return BoardDose(
        order=order,
        due=due.due,
        status=schedule.status(due, now),
        outcome_at=due.outcome_at,
        late=schedule.late_by(due, now) if due.is_open else None,
    )


def _bed_key(bed: str | None) -> tuple[int, str]:
    digits = "".join(sign for sign in bed or "" if sign.isdigit())
    return (int(digits) if digits else 10**6, bed or "")


@room.get("/")
@requires(SEE_BOARD)
def board() -> Response | str:
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        wanted = request.args.get("ward", "")
        chosen = [ward for ward in wards if ward.id == wanted] or list(wards)
        policy = products.policy(tx)
        found: list[Bed] = []
        for ward in chosen:
            zone = ward.timezone or page.config().timezone
            found += beds(bedside.of_ward(tx, ward.id), policy=policy, zone=zone, now=tx.at)
    tally = Counter(dose.status for bed in found for dose in bed.doses)
    return page.live("ward.html", "_ward.html", beds=found, tally=tally, statuses=ORDER, wards=wards, ward=wanted)
