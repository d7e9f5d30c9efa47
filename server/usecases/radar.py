"""The omission radar: doses about to be late, beds that nobody was at in this round, who and which carts are at work in the ward.

Four of five administration errors are doses that nobody gave (van der Veen 2018), and no scan sees them. Computed at every look and never
stored; what cannot be computed, or may have happened at a cart that is away, is said and not left out. It lists people so that one can
ask them, and counts nothing of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.errors import PointOfCareError
from pointofcare.orders import dosage, schedule, timing
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.orders.schedule import DueStatus
from pointofcare.people import Patient
from pointofcare.verdict.policy import Policy
from server.store import bedside, orders, products, views_radar
from server.store.bedside import Look
from server.store.transaction import Transaction
from server.store.views_fleet import CartLine
from server.store.views_radar import OpenBed, Seen
from server.usecases import overdue

# Older ones are on the ward board, and in the work list.
BACK = timedelta(hours=12)
# What opens within this time is coming.
AHEAD = timedelta(hours=1)
# A dose that closes within this time is pressing.
PRESSING = timedelta(minutes=15)
# A round goes no further back.
ROUND = timedelta(hours=3)
# Who did something within this time is at work.
AT_WORK = timedelta(minutes=30)
PACE = timedelta(minutes=30)
# A cart that was not heard of for longer is not in use.
IN_USE = timedelta(hours=24)
OPEN = (DueStatus.OVERDUE, DueStatus.DUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDose:
    """`left` until its window ends, below zero: since then."""

    patient: Patient
    order: Order
    due: datetime
    opens_at: datetime
    closes_at: datetime
    status: DueStatus
    left: timedelta

    @property
    def state(self) -> str:
        """overdue, pressing, due or upcoming."""
        if self.status is DueStatus.DUE and self.left <= PRESSING:
            return "pressing"
        return self.status.value


@dataclass(frozen=True, slots=True, kw_only=True)
class BedLine:
    """One bed with something open. `last` is when somebody was last there as far as is known here; `unvisited`: not in this round."""

    patient: Patient
    doses: tuple[OpenDose, ...]
    last: datetime | None
    open_at: str | None
    unvisited: bool

    @property
    def state(self) -> str:
        return self.doses[0].state if self.doses else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """Somebody at work; `patient` is who is open at the cart now, else None."""

    nurse: str
    cart: str
    at: datetime
    patient: Patient | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Radar:
    """`away` are carts that cannot tell what they did; `old` doses that are overdue for longer than `BACK`; `forecast` how many of the
    due doses would be late at the pace of the last half hour (`pace` doses), None: nothing was recorded, so nobody knows."""

    ward: str
    at: datetime
    doses: tuple[OpenDose, ...]
    beds: tuple[BedLine, ...]
    people: tuple[AtWork, ...]
    carts: tuple[CartLine, ...]
    away: tuple[CartLine, ...]
    unknown: tuple[tuple[Patient, Order], ...]
    old: int
    pace: int
    forecast: int | None
    patients: int

    def count(self, *states: str) -> int:
        return sum(dose.state in states for dose in self.doses)

    @property
    def unvisited(self) -> tuple[BedLine, ...]:
        return tuple(bed for bed in self.beds if bed.unvisited)

    @property
    def is_deaf(self) -> bool:
        """No cart of the ward tells anything now: what is shown as open may have been given."""
        return not self.carts or len(self.away) == len(self.carts)


def look(tx: Transaction, ward: str, *, zone: str) -> Radar:
    """The radar of one ward: bounded by its beds."""
    found = bedside.of_ward(tx, ward)
    ids = [patient.id for patient in found.patients]
    return sweep(
        found,
        ward=ward,
        policy=products.policy(tx, ward),
        zone=zone,
        now=tx.at,
        changed=orders.changed(tx, found.orders),
        seen=views_radar.seen(tx, ward, ids, tx.at - ROUND),
        open_beds=views_radar.open_beds(tx, ids),
        carts=views_radar.carts(tx, ward),
    )


def sweep(
    look: Look,
    *,
    ward: str,
    policy: Policy,
    zone: str,
    now: datetime,
    changed: Mapping[str, tuple[tuple[Order, datetime], ...]] | None = None,
    seen: Sequence[Seen] = (),
    open_beds: Sequence[OpenBed] = (),
    carts: Iterable[CartLine] = (),
) -> Radar:
    """`seen` newest first."""
    doses, unknown, old = _open_doses(look, policy, zone, now, changed or {})
    in_use = tuple(cart for cart in carts if cart.last_seen_at is not None and now - cart.last_seen_at < IN_USE)
    away = tuple(cart for cart in in_use if not cart.online(now))
    last: dict[str, datetime] = {}
    for one in seen:
        last.setdefault(one.patient, one.at)
    opened = {one.patient: one for one in open_beds}
    beds = []
    for patient in look.patients:
        mine = tuple(dose for dose in doses if dose.patient.id == patient.id)
        if not mine:
            continue
        here = opened.get(patient.id)
        was = now if here is not None else last.get(patient.id)
        beds.append(
            BedLine(
                patient=patient,
                doses=mine,
                last=was,
                open_at=here.cart if here is not None else None,
                unvisited=_is_unvisited(mine, was, now),
            )
        )
    beds.sort(key=lambda bed: (bed.doses[0].closes_at, bed.patient.bed or "", bed.patient.id))
    pace = sum(one.is_dose and one.at > now - PACE for one in seen)
    return Radar(
        ward=ward,
        at=now,
        doses=doses,
        beds=tuple(beds),
        people=_people(look, seen, open_beds, now),
        carts=in_use,
        away=away,
        unknown=unknown,
        old=old,
        pace=pace,
        forecast=_forecast(doses, pace),
        patients=len(look.patients),
    )


def _open_doses(
    look: Look, policy: Policy, zone: str, now: datetime, changed: Mapping[str, tuple[tuple[Order, datetime], ...]]
) -> tuple[tuple[OpenDose, ...], tuple[tuple[Patient, Order], ...], int]:
    """Open doses, first to close first; orders that cannot be computed; how many are overdue for long."""
    patients = {patient.id: patient for patient in look.patients}
    found: list[OpenDose] = []
    unknown: list[tuple[Patient, Order]] = []
    old = 0
    for order in look.orders:
        patient = patients.get(order.patient)
        if patient is None or order.category in (OrderCategory.PRN, OrderCategory.ON_CALL):
            continue
        if order.status is not OrderStatus.ACTIVE:
            if order.status in (OrderStatus.DRAFT, None):
                unknown.append((patient, order))
            continue
        history = [entry for entry in look.history if entry.patient == patient.id]
        single = order.category in timing.SINGLE and order.start is not None
        back = min(order.start, now - overdue.BACK) if single and order.start is not None else now - overdue.BACK
        try:
            # A dose whose window opens soon may be due later than that.
            span = (back, now + AHEAD + policy.window_daily_or_less)
            if order.id in changed:
                due = schedule.across(changed[order.id], history, policy.windows, zone, *span)
            else:
                due = schedule.due_doses(order, history, policy.windows, zone, *span)
        except PointOfCareError:
            unknown.append((patient, order))
            continue
        for one in due:
            status = schedule.status(one, now)
            coming = status is DueStatus.UPCOMING and one.opens_at < now + AHEAD
            if status not in OPEN and not coming:
                continue
            if status is DueStatus.OVERDUE and one.closes_at < now - BACK:
                old += 1
                continue
            found.append(
                OpenDose(
                    patient=patient,
                    order=dosage.effective(order, one.due, zone),
                    due=one.due,
                    opens_at=one.opens_at,
                    closes_at=one.closes_at,
                    status=status,
                    left=one.closes_at - now,
                )
            )
    found.sort(key=lambda dose: (dose.closes_at, dose.patient.bed or "", dose.order.id))
    return tuple(found), tuple(unknown), old


def _is_unvisited(doses: Sequence[OpenDose], last: datetime | None, now: datetime) -> bool:
    """Something is open, and nobody was there since it opened, or since the round began."""
    opened = [dose.opens_at for dose in doses if dose.status in OPEN]
    if not opened:
        return False
    return last is None or last < max(min(opened), now - ROUND)


def _people(look: Look, seen: Sequence[Seen], open_beds: Sequence[OpenBed], now: datetime) -> tuple[AtWork, ...]:
    """By name of the cart, then of the person: in no order of merit."""
    patients = {patient.id: patient for patient in look.patients}
    found: dict[str, AtWork] = {}
    for bed in open_beds:
        if bed.nurse and bed.nurse not in found:
            found[bed.nurse] = AtWork(nurse=bed.nurse, cart=bed.cart, at=now, patient=patients.get(bed.patient))
    for one in seen:
        if one.nurse and one.nurse not in found and one.at > now - AT_WORK:
            found[one.nurse] = AtWork(nurse=one.nurse, cart=one.cart, at=one.at, patient=None)
    return tuple(sorted(found.values(), key=lambda one: (one.cart, one.nurse)))


def _forecast(doses: Sequence[OpenDose], pace: int) -> int | None:
    """How many of the doses that are due now would be late if the ward went on as in the last half hour."""
    due = [dose for dose in doses if dose.status is DueStatus.DUE]
    if not due:
        return 0
    if pace <= 0:
        return None
    each = PACE / pace
    waiting = sum(dose.status is DueStatus.OVERDUE for dose in doses)
    return sum(each * (waiting + place) > dose.left for place, dose in enumerate(due, start=1))
