"""What each person has looked at on this cart, and what is new to them since: orders, allergies, answers of the pharmacy.

Kept in memory alone: after a restart what changed of late is told again, never lost. Must never call read what was not on a screen
that its reader left by an own tap, and decides nothing: what may be given is the verdict's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cart_client import change
from cart_client.change import Change, Seen
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.people import Patient
from pointofcare.wire.tables import DoseRequest, OrderChanged, PatientChartBody

# To somebody who has not looked at a patient here yet, what is younger than a long shift is new.
LATELY = timedelta(hours=12)
_MOST_PEOPLE = 40
_KINDS: Mapping[str, str] = {
    "order-added": "new",
    "order-stopped": "stopped",
    "order-ended": "stopped",
    "order-gone": "stopped",
    "order-held": "stopped",
    "order-verified": "answered",
}
_ACTIONS: Mapping[str, str] = {"held": "order-held", "resumed": "order-active", "stopped": "order-stopped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing that somebody has not seen yet. `kind` is new, changed, stopped or answered; of `change` and `request` one is there."""

    patient: str
    kind: str
    order: str | None = None
    change: Change | None = None
    request: DoseRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one screen showed of a patient: a screen that was made before something came does not count as a look at it."""

    patient: str
    seen: Seen
    answers: frozenset[tuple[str, str, str]] = frozenset()


def look(body: PatientChartBody | None, patient: str | None) -> Look | None:
    """What the chart says of `patient` now; None of nobody, and without a chart."""
    who = next((each for each in body.patients if each.id == patient), None) if body is not None else None
    if body is None or who is None:
        return None
    orders = tuple(order for order in body.orders if order.patient == who.id)
    ids = {order.id for order in orders}
    answers = frozenset(_answer(request) for request in body.requests if request.order in ids and request.answered_at is not None)
    return Look(patient=who.id, seen=Seen(patient=who, orders=orders), answers=answers)


def _asks(order: Order) -> tuple[object, ...]:
    """What an order asks for, whatever its number: sheets are written anew every day or two, and the same drug is no news."""
    amounts = (order.dose, order.dose_range, order.rate, order.rate_range, order.dosages, order.additives)
    times = (order.category, order.times, order.every, order.days_of_week, order.prn)
    return order.ingredient, order.form, order.route, amounts, times, order.needs_double_check


def _answer(request: DoseRequest) -> tuple[str, str, str]:
    return request.record_id, request.status, request.answer


class Looks:
    """Owned by the bedside loop. What it made is kept as long as neither the chart nor a look is another."""

    def __init__(self) -> None:
        self._looked: dict[str, dict[str, Look]] = {}
        self._made: tuple[PatientChartBody, str, datetime, tuple[Mark, ...]] | None = None

    def done(self, nurse: str, one: Look | None) -> None:
        """`nurse` has looked, and went on by an own tap."""
        if one is None:
            return
        of_nurse = self._looked.pop(nurse, {})
        self._looked[nurse] = {**of_nurse, one.patient: one}
        while len(self._looked) > _MOST_PEOPLE:  # who looked longest ago is told what changed of late again
            self._looked.pop(next(iter(self._looked)))
        self._made = None

    def marks(self, nurse: str | None, body: PatientChartBody | None, now: datetime) -> tuple[Mark, ...]:
        """What `nurse` has not seen yet of the ward's patients; () of nobody, and without a chart."""
        if nurse is None or body is None:
            return ()
        made = self._made
        if made is not None and made[0] is body and made[1] == nurse and abs(now - made[2]) < timedelta(minutes=1):
            return made[3]
        looked = self._looked.get(nurse, {})
        by_patient: dict[str, list[Order]] = {}
        for order in body.orders:
            by_patient.setdefault(order.patient, []).append(order)
        asked: dict[str, list[DoseRequest]] = {}
        for request in body.requests:
            asked.setdefault(request.order, []).append(request)
        found: list[Mark] = []
        for patient in body.patients:
            orders = by_patient.get(patient.id, [])
            requests = [request for order in orders for request in asked.get(order.id, ())]
            before = looked.get(patient.id)
            if before is None:
                found += _unseen(patient, orders, requests, body.changed, now)
            else:
                found += _since(before, patient, orders, requests, body.changed)
        self._made = (body, nurse, now, tuple(found))
        return self._made[3]


def _since(
    before: Look, patient: Patient, orders: list[Order], requests: list[DoseRequest], told: Iterable[OrderChanged]
) -> Iterable[Mark]:
    now = Seen(patient=patient, orders=tuple(orders))
    then = {order.id: order for order in before.seen.orders}
    asked_then = {_asks(order) for order in before.seen.orders if order.status is OrderStatus.ACTIVE}
    asked_now = {_asks(order) for order in orders if order.status is OrderStatus.ACTIVE}
    by_id = {order.id: order for order in orders}
    for each in change.between(before.seen, now, told=told):
        came, went = by_id.get(each.order or ""), then.get(each.order or "")
        if each.code == "order-added" and came is not None and came.verified and _asks(came) in asked_then:
            continue
        if each.code in ("order-gone", "order-ended", "order-stopped") and went is not None and _asks(went) in asked_now:
            continue
        yield Mark(patient=patient.id, kind=_KINDS.get(each.code, "changed"), order=each.order, change=each)
    for request in requests:
        if request.answered_at is not None and _answer(request) not in before.answers:
            yield Mark(patient=patient.id, kind="answered", order=request.order, request=request)


def _unseen(
    patient: Patient, orders: list[Order], requests: list[DoseRequest], told: Iterable[OrderChanged], now: datetime
) -> Iterable[Mark]:
    """Never looked at here: what the chart itself says came lately."""
    newest = {each.order: each for each in told}
    started = {order.id: order.start for order in orders if order.start is not None}
    asked_before = {_asks(order) for order in orders if order.id in started and now - started[order.id] > LATELY}
    for order in orders:
        tells = newest.get(order.id)
        subject = order.display or order.ingredient
        if tells is not None and tells.version == order.version:
            if now - tells.at <= LATELY:
                code = _ACTIONS.get(tells.action, "order-other")
                one = Change(code=code, subject=subject, order=order.id, by=tells.by, at=tells.at, reason=tells.reason)
                yield Mark(patient=patient.id, kind=_KINDS.get(code, "changed"), order=order.id, change=one)
        elif order.status is OrderStatus.ACTIVE and order.start is not None and order.version == 1 and now - order.start <= LATELY:
            if _asks(order) in asked_before and order.verified:
                continue
            yield Mark(patient=patient.id, kind="new", order=order.id, change=Change(code="order-added", subject=subject, order=order.id))
    for request in requests:
        if request.answered_at is not None and now - request.answered_at <= LATELY:
            yield Mark(patient=patient.id, kind="answered", order=request.order, request=request)
