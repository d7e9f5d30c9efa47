"""What is due and what goes on, of one patient or of the ward: lines for the screen, made from a chart and its history.

Pure: values in, values out. Shows what the chart says and what follows from it; whether something may be given is the verdict's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.administration import infusion
from pointofcare.administration.infusion import Run
from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import PointOfCareError
from pointofcare.orders import clarify, course, dosage, schedule, timing
from pointofcare.orders.infusion import hangs_until
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.people import Observation, Patient
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.verdict.policy import Policy
from pointofcare.wire.tables import DoseRequest, PatientChartBody

BACK, AHEAD = timedelta(hours=8), timedelta(hours=4)
LAST_GIVES = 4
MAY_BE_UNDONE = 6
# The chart's history reaches back so far: an older beginning of a course is not on it.
_GIVEN = frozenset({"completed", "in-progress", "stopped", "on-hold"})
_DOSES = frozenset({None, Action.GIVE, Action.START})


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One line of the due list. `order` is as it holds for this dose; it has no due time when it is given on demand; `status` as
    `DueStatus`, or "on-demand", "unknown". `unclear` are codes of what the prescriber must clarify, `request` what the pharmacy
    was asked, `gives` the last ones of an as-needed order, newest first, and `earliest` when the next may be given."""

    patient: Patient
    order: Order
    status: str
    due: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    open_record: str | None = None
    day: int | None = None
    unclear: tuple[str, ...] = ()
    request: DoseRequest | None = None
    request_late: bool = False
    gives: tuple[HistoryEntry, ...] = ()
    earliest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Infusion:
    """One that runs or is paused. `given` is what has run in by now, `ends_at` and `hangs_until` None when not known."""

    run: Run
    order: Order | None
    name: str
    volume: Quantity | None = None
    given: Quantity | None = None
    ends_at: datetime | None = None
    hangs_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A dose as needed whose effect nobody has charted; `by` is when it is owed."""

    entry: HistoryEntry
    by: datetime
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """What goes on with one patient. `undoable` are the newest records, newest first; whose they are the screen asks."""

    infusions: tuple[Infusion, ...] = ()
    patches: tuple[HistoryEntry, ...] = ()
    owed: tuple[Owed, ...] = ()
    undoable: tuple[HistoryEntry, ...] = ()
    vitals: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """What the lines are made from. `entries` is the history with this cart's own records, `own_requests` are doses that this cart
    asked the pharmacy for and the chart does not know of yet; `issued_at` is when the server built the chart."""

    body: PatientChartBody
    entries: tuple[HistoryEntry, ...]
    patients: tuple[Patient, ...]
    products: tuple[Product, ...]
    policy: Policy
    issued_at: datetime | None = None
    opened: tuple[AdministrationRecord, ...] = ()
    own_requests: tuple[DoseRequest, ...] = ()


def due_list(
    ward: Ward, now: datetime, *, back: timedelta = BACK, ahead: timedelta = AHEAD, only: frozenset[str] | None = None
) -> tuple[Due, ...]:
    """What is due from `back` to `ahead` by bed and time, then what may be given on demand; of the patients `only`, or of all."""
    zone = ward.body.timezone
    patients = {p.id: p for p in ward.patients}
    waiting = {(r.order, r.due): r.record_id for r in ward.opened}
    requests = {(r.order, r.due): r for r in sorted((*ward.own_requests, *ward.body.requests), key=lambda r: r.asked_at)}
    by_order: dict[str, list[HistoryEntry]] = {}
    for entry in ward.entries:
        by_order.setdefault(entry.order, []).append(entry)
    lines: list[Due] = []
    for order in ward.body.orders:
        if only is not None and order.patient not in only:
            continue
        who = patients.get(order.patient)
        unclear = clarify.codes(order)
        if who is not None and order.status is OrderStatus.DRAFT and unclear:
            # Nobody may give it, and somebody must ask about it: a draft that is not shown is a dose that is left out.
            lines.append(Due(patient=who, order=order, status="unknown", unclear=unclear))
        if who is None or order.status is not OrderStatus.ACTIVE:
            continue
        entries = by_order.get(order.id, [])
        day = _day(order, ward, now)
        if order.category in timing.WITHOUT_TIMES:
            lines.append(
                Due(
                    patient=who,
                    order=dosage.effective(order, now, zone),
                    status="on-demand",
                    open_record=waiting.get((order.id, None)),
                    day=day,
                    unclear=unclear,
                    request=requests.get((order.id, None)),
                    request_late=_late(requests.get((order.id, None)), ward.policy, now),
                    gives=last_gives(entries),
                    earliest=_earliest(order, entries),
                )
            )
            continue
        try:
            doses = schedule.due_doses(order, entries, ward.policy.windows, zone, now - back, now + ahead)
        except PointOfCareError:
            # An order whose times are not understood must be seen, never silently not due.
            lines.append(Due(patient=who, order=order, status="unknown", unclear=unclear))
            continue
        if unclear and not doses:
            lines.append(Due(patient=who, order=order, status="unknown", unclear=unclear))
        lines.extend(
            Due(
                patient=who,
                order=dosage.effective(order, dose.due, zone),
                status=schedule.status(dose, now).value,
                due=dose.due,
                opens_at=dose.opens_at,
                closes_at=dose.closes_at,
                open_record=waiting.get((order.id, dose.due)),
                day=day,
                unclear=unclear,
                request=requests.get((order.id, dose.due)),
                request_late=_late(requests.get((order.id, dose.due)), ward.policy, now),
            )
            for dose in doses
        )
    return in_order(lines, now)


def in_order(lines: Iterable[Due], now: datetime) -> tuple[Due, ...]:
    """By bed and time, then what has none."""
    return tuple(sorted(lines, key=lambda d: (d.patient.bed or "~", d.patient.id, d.due is None, d.due or now, d.order.id)))


def _day(order: Order, ward: Ward, now: datetime) -> int | None:
    """As the server counted it today: the history at hand is too short, and a number that is too small would be believed."""
    if not order.counts_days or ward.issued_at is None:
        return None
    try:
        today = timing.ward_date(ward.issued_at, ward.body.timezone) == timing.ward_date(now, ward.body.timezone)
    except PointOfCareError:
        return None
    return ward.body.course_days.get(order.id) if today else None


def _late(request: DoseRequest | None, policy: Policy, now: datetime) -> bool:
    return request is not None and request.answered_at is None and now - request.asked_at > policy.request_answer_within


def last_gives(entries: list[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    """Rule N5, newest first."""
    gives = sorted((entry for entry in entries if entry.status in _GIVEN and entry.action in _DOSES), key=lambda entry: entry.at)
    return tuple(reversed(gives[-LAST_GIVES:]))


def _earliest(order: Order, entries: list[HistoryEntry]) -> datetime | None:
    """By this order's own last give; other products with the same ingredient are the verdict's (rule N2)."""
    gives = last_gives(entries)
    interval = order.prn.min_interval if order.prn is not None else None
    return gives[0].at + interval if gives and interval is not None else None


def of_patient(ward: Ward, patient: str, now: datetime) -> Care:
    who = next((each for each in ward.patients if each.id == patient), None)
    if who is None:
        return Care()
    orders = {order.id: order for order in ward.body.orders}
    entries = [entry for entry in ward.entries if entry.patient == patient and entry.status != "entered-in-error"]
    newest = sorted((entry for entry in entries if entry.record_id is not None), key=lambda entry: entry.at, reverse=True)
    return Care(
        infusions=tuple(_infusion(run, ward, orders, now) for run in infusion.running(entries)),
        patches=tuple(entry for entry in entries if _is_patch_on(entry, orders, ward)),
        owed=tuple(owed(entries, orders, ward.policy, now)),
        undoable=tuple(newest[:MAY_BE_UNDONE]),
        vitals=_latest(who, now),
    )


def _infusion(run: Run, ward: Ward, orders: dict[str, Order], now: datetime) -> Infusion:
    order = orders.get(run.order)
    bag = next((each for each in ward.body.bags if each.id == run.bag), None)
    printed = bag.printed_for.volume if bag is not None else None
    dose = order.dose if order is not None and order.dose is not None and order.dose.converts_to("mL") else None
    volume = printed or dose
    product = next((each for each in ward.products if each.id == run.product), None)
    if product is None and order is not None:
        names = course.ingredients(order)
        product = next((each for each in ward.products if frozenset(i.name.casefold() for i in each.ingredients) == names), None)
    try:
        limit = hangs_until(run.started_at, product.hang_time) if product is not None else None
    except PointOfCareError:
        limit = None
    return Infusion(
        run=run,
        order=order,
        name=(order.display or order.ingredient) if order is not None else run.order,
        volume=volume,
        given=infusion.given_by(run, volume, now),
        ends_at=infusion.empty_at(run, volume),
        hangs_until=limit,
    )


def _is_patch_on(entry: HistoryEntry, orders: dict[str, Order], ward: Ward) -> bool:
    if entry.removed_at is not None or entry.status not in ("completed", "in-progress") or entry.action not in _DOSES:
        return False
    order = orders.get(entry.order)
    product = next((each for each in ward.products if each.id == entry.product), None)
    form = f"{order.form if order is not None else ''} {product.form if product is not None else ''}".casefold()
    return entry.record_id is not None and ((order is not None and order.category is OrderCategory.PATCH) or "patch" in form)


def owed(entries: list[HistoryEntry], orders: dict[str, Order], policy: Policy, now: datetime) -> list[Owed]:
    """Rule N4: doses as needed whose effect is to be charted, oldest first."""
    windows = {window.route: window.within for window in policy.effect_windows}
    found = []
    for entry in sorted(entries, key=lambda each: each.at):
        order = orders.get(entry.order)
        if entry.effect is not None or entry.record_id is None or entry.status != "completed" or entry.action not in _DOSES:
            continue
        if order is None or order.category is not OrderCategory.PRN or not timedelta(0) <= now - entry.at <= policy.effect_look_back:
            continue
        within = windows.get(order.route, windows.get(""))
        if within is not None:
            found.append(Owed(entry=entry, by=entry.at + within, late=now > entry.at + within))
    return found


def _latest(patient: Patient, now: datetime) -> tuple[Observation, ...]:
    newest: dict[str, Observation] = {}
    for each in sorted(patient.observations, key=lambda one: one.at):
        if each.at <= now:
            newest[each.code] = each
    return tuple(newest.values())
