"""The ward board: each patient's due, overdue, given and coming doses, by bed, live.

The board computes with the same schedule as the carts and shows what it could not compute; it never leaves a dose out in silence.
A dose that nobody charted stays on it: those that are long overdue share one line an order. One ward at a time, so that its cost
grows with the beds that are shown and not with the hospital.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask import Blueprint, Response, request, session

from pointofcare.errors import PointOfCareError
from pointofcare.orders import dosage, schedule, timing
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.orders.schedule import DueDose, DueStatus
from pointofcare.people import Patient
from pointofcare.verdict.policy import DEFAULT_POLICY, Policy
from server.security import viewing
from server.security.permissions import SEE_BOARD
from server.security.person import actor, requires
from server.store import bedside, orders
from server.store.transaction import reading
from server.store.views_patients import WardLine
from server.web import page

room = Blueprint("ward", __name__, url_prefix="/ward")

BACK = timedelta(hours=12)
AHEAD = timedelta(hours=4)
# As far back as every record is at hand; a single dose (STAT, once) stays whatever its age.
OVERDUE_BACK = bedside.RECENT - timedelta(hours=4)
NUMBER_SHOWN = 8
LIVE = (OrderStatus.ACTIVE, OrderStatus.DRAFT, OrderStatus.ON_HOLD, None)
ORDER = (DueStatus.OVERDUE, DueStatus.DUE, DueStatus.IN_PROGRESS, DueStatus.UPCOMING, DueStatus.NOT_GIVEN, DueStatus.GIVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardDose:
    """`number` counts the doses behind one line: long overdue ones of an order share it, `due` is then the first of them."""

    order: Order
    due: datetime
    status: DueStatus
    outcome_at: datetime | None
    late: timedelta | None
    number: int = 1
    is_old: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """`unknown` are orders whose times could not be computed; `on_demand` those without times (PRN, on call), `on_hold` those
    that nobody may give now. `tally` counts every dose, shown or not."""

    patient: Patient
    doses: tuple[BoardDose, ...]
    more: int
    on_demand: tuple[Order, ...]
    unknown: tuple[Order, ...]
    on_hold: tuple[Order, ...]
    tally: Counter[DueStatus]

    @property
    def worst(self) -> str:
        found = {dose.status for dose in self.doses}
        return next((status.value for status in ORDER[:2] if status in found), "")


def beds(
    look: bedside.Look,
    *,
    policy: Policy,
    zone: str,
    now: datetime,
    changed: Mapping[str, tuple[tuple[Order, datetime], ...]] | None = None,
    ahead: timedelta = AHEAD,
    most: int | None = NUMBER_SHOWN,
) -> tuple[Bed, ...]:
    """One bed a patient, in the order of the beds. `changed`: the versions of orders whose times were changed. `most` doses of a bed
    are shown (None: all), those of the time `ahead` with them."""
    found = []
    versions = changed or {}
    for patient in look.patients:
        doses: list[BoardDose] = []
        on_demand: list[Order] = []
        unknown: list[Order] = []
        on_hold: list[Order] = []
        history = [entry for entry in look.history if entry.patient == patient.id]
        for order in look.orders:
            if order.patient != patient.id or order.status not in LIVE:
                continue
            if order.status is OrderStatus.ON_HOLD:
                on_hold.append(order)
                continue
            if order.status is not OrderStatus.ACTIVE:
                unknown.append(order)
                continue
            if order.category in (OrderCategory.PRN, OrderCategory.ON_CALL):
                on_demand.append(dosage.effective(order, now, zone))
                continue
            try:
                span = (_back(order, now), now + ahead)
                if order.id in versions:
                    due = schedule.across(versions[order.id], history, policy.windows, zone, *span)
                else:
                    due = schedule.due_doses(order, history, policy.windows, zone, *span)
            except PointOfCareError:
                unknown.append(order)
                continue
            said = {version.version: version for version, _ in versions.get(order.id, ())}
            meant = [dosage.effective(said.get(one.order_version, order), one.due, zone) for one in due]
            doses += _lines([_dose(each, one, now) for each, one in zip(meant, due, strict=True)], now)
        doses.sort(key=lambda dose: (ORDER.index(dose.status), dose.due))
        shown = doses[:most] if most is not None and len(doses) > most + 1 else doses
        # Whatever is due or overdue is shown, however many there are.
        shown += [dose for dose in doses[len(shown) :] if dose.status in ORDER[:2]]
        # So is what was recorded last: who looks at the board after giving a dose sees that it is there.
        newest = max((dose for dose in doses if dose.outcome_at is not None), key=lambda dose: dose.outcome_at or dose.due, default=None)
        if newest is not None and newest not in shown:
            shown = [*shown, newest]
        found.append(
            Bed(
                patient=patient,
                doses=tuple(shown),
                more=len(doses) - len(shown),
                on_demand=tuple(on_demand),
                unknown=tuple(unknown),
                on_hold=tuple(on_hold),
                tally=sum((Counter({dose.status: dose.number}) for dose in doses), Counter()),
            )
        )
    return tuple(sorted(found, key=lambda bed: (bed.patient.ward or "", _bed_key(bed.patient.bed), bed.patient.id)))


def _back(order: Order, now: datetime) -> datetime:
    if order.category in timing.SINGLE and order.start is not None:
        return min(order.start, now - BACK)
    return now - OVERDUE_BACK


def _lines(doses: Iterable[BoardDose], now: datetime) -> list[BoardDose]:
    """One order's doses of late, and before them one line for those that are still overdue."""
    late: list[BoardDose] = []
    old: list[BoardDose] = []
    for dose in doses:
        if dose.due >= now - BACK:
            late.append(dose)
        elif dose.status is DueStatus.OVERDUE:
            old.append(dose)
    return [replace(old[0], number=len(old), is_old=True), *late] if old else late


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
    # What is shown is nearly always the ward that was asked for: it and the list of wards then cost one statement.
    wanted = request.args.get("ward") or session.get("ward") or ""
    with reading(actor()) as tx:
        look = bedside.of_board(tx, wanted)
        wards = look.wards
        chosen = chosen_ward(wards)
        found: tuple[Bed, ...] = ()
        if chosen is not None:
            look = look if chosen.id == wanted else bedside.of_board(tx, chosen.id)
            zone = chosen.timezone or page.config().timezone
            found = beds(look, policy=look.policy or DEFAULT_POLICY, zone=zone, now=tx.at, changed=orders.changed(tx, look.orders))
    tally = sum((bed.tally for bed in found), Counter[DueStatus]())
    ward = chosen.id if chosen is not None else ""
    viewing.seen(ward=ward, count=len(found))
    return page.live("ward.html", "_ward.html", arguments={"ward": ward}, beds=found, tally=tally, statuses=ORDER, wards=wards, ward=ward)


def chosen_ward(wards: Sequence[WardLine]) -> WardLine | None:
    """The ward of the address, else the one looked at last in this browser, else the first."""
    known = {ward.id: ward for ward in wards}
    wanted = request.args.get("ward", "")
    if wanted in known:
        if session.get("ward") != wanted:
            session["ward"] = wanted
        return known[wanted]
    return known.get(session.get("ward", ""), wards[0] if wards else None)
