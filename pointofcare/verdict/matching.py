"""From facts to the moment: which patient, products, order and due dose the scans and the intent name.

Done once, before any check looks. Never takes the first of several: what is not unique stays unmatched, with its cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pointofcare.errors import ScheduleUnknownError, ZoneUnknownError
from pointofcare.orders import dosage, schedule, timing
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.people import Patient
from pointofcare.products import Product
from pointofcare.verdict import dosing, emergency, index, lists, replay
from pointofcare.verdict.facts import Facts, HistoryEntry
from pointofcare.verdict.moment import (
    AT_BEDSIDE,
    GIVING,
    Choice,
    DoseTime,
    Identity,
    Moment,
    Session,
    ingredients,
    is_place,
    matches,
    ordered_ingredients,
    plain,
)

_DAYS = timedelta(hours=49)


def look(facts: Facts) -> Moment:
    """Everything that the checks look at, found once."""
    facts = lists.applied(facts)
    at = facts.at.astimezone(UTC)
    given_at = facts.intent.given_at
    when = given_at.astimezone(UTC) if given_at is not None and given_at <= at else at
    session = replay.session(facts)
    identity = _identity(session, facts.patients)
    of = _of_record(facts)
    choice = _choose(facts, session, identity.patient, when, of)
    listed = emergency.of(facts, session) if choice.cause in ("none", "matched") else None
    if listed is not None and choice.order is not None and _gives_way(choice.order, facts, when):
        choice = Choice(order=None, cause="none")
    order = choice.order
    patient = identity.patient
    owner = order.patient if order is not None else (of.patient if of is not None else None)
    if patient is None and not session.opened and facts.intent.action not in AT_BEDSIDE and owner is not None:
        owners = index.patients(facts.patients).by_id.get(owner, ())
        patient = owners[0] if len(owners) == 1 else None
    past = index.history(facts.history).of_patient(patient.id if patient is not None else None)
    time = _time(facts, order, when) if order is not None else DoseTime()
    if order is not None:
        order = dosage.effective(order, time.due if time.due is not None else when, facts.timezone)
    moment = Moment(
        facts=facts,
        at=at,
        when=when,
        session=session,
        identity=identity,
        patient=patient,
        choice=choice,
        order=order,
        time=time,
        dosing=None,
        drugs=_drugs(facts, session, order),
        past=past,
        of=of,
        emergency=listed if order is None else None,
    )
    return replace(moment, dosing=dosing.measure(moment))


def _identity(session: Session, patients: Sequence[Patient]) -> Identity:
    if session.unread_band is not None:
        return Identity(patient=None, cause="unreadable", scanned=session.unread_band.text)
    if session.band is not None:
        band = session.band
        scanned = band.gsrn or band.mrn or ""
        if band.gsrn is not None:
            found = list(index.patients(patients).by_band.get(band.gsrn, ()))
        else:
            found = [patient for patient in patients if band.mrn is not None and plain(patient.mrn) == plain(band.mrn)]
        if len(found) != 1:
            return Identity(patient=None, cause="ambiguous" if found else "unknown", scanned=scanned)
        bands = tuple(each for each in found[0].bands if each.gsrn == band.gsrn)
        return Identity(patient=found[0], cause="", bands=bands, scanned=scanned)
    if session.keyed is not None:
        return _keyed(session.keyed.value, session.keyed.second_identifier, patients)
    return Identity(patient=None, cause="none-scanned")


def _keyed(value: str, second: str | None, patients: Sequence[Patient]) -> Identity:
    """Two typed identifiers (rule P6): the record number, and the birth date or full name. Never a bed or room (rule P2)."""
    found = [patient for patient in patients if patient.mrn.strip() and plain(patient.mrn) == plain(value)]
    if not found and is_place(value, patients):
        return Identity(patient=None, cause="bed-number", scanned=value)
    if len(found) != 1:
        return Identity(patient=None, cause="ambiguous" if found else "unknown", scanned=value)
    if second is None or not second.strip():
        return Identity(patient=None, cause="second-missing", scanned=value)
    patient = found[0]
    born = patient.birth_date.isoformat() if patient.birth_date is not None else None
    if second.strip() != born and plain(second) != plain(patient.name):
        return Identity(patient=None, cause="second-differs", scanned=value)
    return Identity(patient=patient, cause="", scanned=value)


def _of_record(facts: Facts) -> HistoryEntry | None:
    """The one record that the intent names; two that differ under one id are none."""
    named = facts.intent.of_record
    found = set(index.history(facts.history).with_record(named)) if named is not None else set()
    return found.pop() if len(found) == 1 else None


def _gives_way(order: Order, facts: Facts, when: datetime) -> bool:
    """An order that is over and done neither allows nor forbids an emergency; one that was held or stopped forbids it."""
    if facts.intent.order is not None or not emergency.is_claimed(facts.intent):
        return False
    ended = order.status is OrderStatus.ACTIVE and order.end is not None and when >= order.end
    return ended or order.status is OrderStatus.COMPLETED


def _choose(facts: Facts, session: Session, patient: Patient | None, when: datetime, of: HistoryEntry | None) -> Choice:
    orders = index.orders(facts.orders)
    if facts.intent.order is not None:
        named = orders.newest.get(facts.intent.order)
        return Choice(order=named, cause="named" if named is not None else "unknown-order")
    if session.bags:
        of_bag = orders.newest.get(session.bags[-1].order)
        return Choice(order=of_bag, cause="bag" if of_bag is not None else "unknown-order")
    if of is not None:
        recorded = orders.newest.get(of.order)
        return Choice(order=recorded, cause="recorded" if recorded is not None else "none")
    if patient is None:
        return Choice(order=None, cause="none")
    own = list(orders.by_patient.get(patient.id, ()))
    products = [pack.product for pack in session.packs if pack.product is not None]
    if products:
        own = [order for order in own if any(matches(product, order) for product in products)]
    elif facts.intent.action in GIVING or session.has_drug:
        return Choice(order=None, cause="none")
    current = [order for order in own if _is_current(order, facts, when)]
    if len(current) > 1:
        return Choice(order=None, cause="ambiguous", candidates=tuple(current))
    if current:
        return Choice(order=current[0], cause="matched")
    if own and products:
        # None may be given; the one that comes nearest says why (rules D2, D3, D4).
        return Choice(order=max(own, key=lambda order: _nearness(order, when)), cause="matched")
    return Choice(order=None, cause="none")


def _is_current(order: Order, facts: Facts, when: datetime) -> bool:
    if order.status is not OrderStatus.ACTIVE or (order.end is not None and when >= order.end):
        return False
    return order.start is None or order.start - when <= _windows(order, facts)[0]


def _nearness(order: Order, when: datetime) -> tuple[int, float, str]:
    rank = {OrderStatus.ACTIVE: 3, OrderStatus.ON_HOLD: 2, OrderStatus.DRAFT: 1}.get(order.status, 0) if order.status else 4
    distance = abs((order.start - when).total_seconds()) if order.start is not None else 0.0
    return rank, -distance, order.id


def _windows(order: Order, facts: Facts) -> tuple[timedelta, timedelta]:
    try:
        return schedule.window(order, facts.policy.windows)
    except ScheduleUnknownError:
        return timedelta(0), timedelta(0)


def _time(facts: Facts, order: Order, when: datetime) -> DoseTime:
    """The dose that this is about: the named one, else the open one nearest in time."""
    named = facts.intent.due.astimezone(UTC) if facts.intent.due is not None else None
    if order.category in timing.WITHOUT_TIMES:
        return DoseTime(due=named, listed=named is None)
    try:
        around = named if named is not None else when
        spacing = timing.interval(order, around)
        before, after = schedule.window(order, facts.policy.windows, around)
        span = _reach(order, around)
        doses = schedule.due_doses(
            order,
            _with_due(facts, order, around, span),
            facts.policy.windows,
            facts.timezone,
            _moved(around, -span),
            _moved(around, span),
        )
    except ZoneUnknownError:
        return DoseTime(due=named, problem="timezone")
    except ScheduleUnknownError:
        # A single dose without a time of its own has nothing to be early or late for.
        return DoseTime(due=named, problem="" if order.category in timing.SINGLE else "schedule", listed=named is None)
    dose = schedule.dose_due_at(doses, named) if named is not None else schedule.open_dose(doses, when)
    if dose is None and named is None and order.category in timing.SINGLE:
        dose = doses[0] if doses else None
    due = dose.due if dose is not None else named
    if dose is not None:
        before, after = dose.due - dose.opens_at, dose.closes_at - dose.due
        spacing = timing.interval(order, dose.due)
    following = [each.due for each in doses if due is not None and each.due > due]
    return DoseTime(
        due=due,
        dose=dose,
        spacing=spacing,
        next_due=following[0] if following else None,
        before=before,
        after=after,
        problem="" if due is not None or order.category in timing.SINGLE else "schedule",
        listed=dose is not None or named is None,
    )


def _span(spacing: timedelta | None) -> timedelta:
    """Far enough to see the doses on both sides and some that are closed already; never thousands of them."""
    if spacing is None:
        return 400 * timing.DAY
    return min(48 * spacing, _DAYS) if spacing < timing.DAY else 3 * spacing


def _reach(order: Order, at: datetime) -> timedelta:
    """As `_span`, and over the days between the named days of the week, or of several dosage instructions."""
    span = _span(timing.interval(order, at))
    return max(span, timing.horizon(order)) if order.dosages or order.days_of_week else span


def _moved(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if by > timedelta(0) else datetime.min.replace(tzinfo=UTC)


def _with_due(facts: Facts, order: Order, around: datetime, within: timedelta) -> list[HistoryEntry]:
    """This order's entries about the doses `within` so far `around`, each with a due time: one that names none closes the dose
    nearest to it, in or out of its window, so that a late dose charted without its time is not offered again."""
    recorded = index.history(facts.history)
    if order.category in timing.SINGLE:
        return list(recorded.of_order(order.id))
    doses = recorded.doses(order.id)
    entries = list(doses.between(_moved(around, -within), _moved(around, within)))
    for entry in doses.without:
        span = _reach(order, entry.at)
        times = timing.due_times(order, facts.timezone, _moved(entry.at, -span), _moved(entry.at, span))
        entries.append(replace(entry, due=min(times, key=lambda due: (abs(due - entry.at), due))) if times else entry)
    return entries


def _drugs(facts: Facts, session: Session, order: Order | None) -> tuple[Product, ...]:
    """Whose warnings apply: the scanned products; for a bag, what the formulary says of what it holds."""
    found = {pack.product.id: pack.product for pack in session.packs if pack.product is not None}
    if session.bags and order is not None:
        names = ordered_ingredients(order)
        additives = [plain(additive) for additive in order.additives]
        for product in facts.products:
            held = ingredients(product)
            if held and all(name in names or any(text.startswith(name) for text in additives) for name in held):
                found[product.id] = product
    return tuple(found.values())
