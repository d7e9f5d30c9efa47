"""What is looked at before an order is placed: the engine's own checks on the first dose that it asks for, and what only an order shows:
the same drug twice, the day's total, many units in one dose, an interaction.

Must never change an order, and never call one right that it could not look at: what is not in the formulary is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from pointofcare.errors import PointOfCareError
from pointofcare.labels.scan import BandScan, DrugScan
from pointofcare.orders import timing
from pointofcare.orders.order import Interaction, Order, OrderStatus
from pointofcare.people import Nurse, Patient, StaffRole
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Action, Cart, Facts, Intent, Lease, Scanned
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import ingredients, matches, ordered_ingredients, plain
from pointofcare.verdict.policy import DEFAULT_POLICY, Policy
from server.store import bedside, mapping, patients, products
from server.store.transaction import Transaction
from server.usecases import interaction_pairs

# The rules that speak of an order and its patient, whoever gives it and whenever. What a bedside alone can know is left to it.
RULES = frozenset({"D9", "D10", "D11", "Q1", "Q4", "Q7"})
ALLERGY = "allergy"
# More units of a product than this in one dose is more often a slip of the unit than meant (ISMP: more than three).
MANY_UNITS = 3
_MOST_PRODUCTS = 8
_AHEAD = timedelta(days=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """`code` is of a text, "" where `finding` has its own sentence. A STOP other than an allergy's cannot be placed."""

    level: Level
    code: str = ""
    params: dict[str, object] = field(default_factory=dict)
    finding: Finding | None = None

    @property
    def rule(self) -> str:
        return self.finding.rule if self.finding is not None else ""

    @property
    def is_blocking(self) -> bool:
        return self.level is Level.STOP and self.rule != "D10"

    @property
    def needs_reason(self) -> bool:
        return self.level >= Level.REASON and not self.is_blocking


def look(tx: Transaction, order: Order, *, zone: str) -> tuple[Note, ...]:
    """Hardest first. Raises: NotFoundError, OtherWardError."""
    patient = patients.get(tx, order.patient)
    known = bedside.of_patient(tx, order.patient)
    stock = products.listed(tx)
    matched = tuple(one for one in stock if matches(one, order) and (not one.routes or order.route in one.routes))
    others = tuple(one for one in known.orders if one.id != order.id and one.status in (OrderStatus.ACTIVE, OrderStatus.ON_HOLD))
    found: list[Note] = []
    policy = known.policy or DEFAULT_POLICY
    found += _engine(order, patient, matched or tuple(one for one in stock if matches(one, order)), stock, policy, zone, tx.at)
    found += _duplicates(order, others, stock)
    found += _interactions(order, others)
    found += _daily(order, others, stock, zone, tx.at)
    if not matched:
        found.append(Note(level=Level.NOTE, code="order-check-formulary"))
    found += _units(order, matched)
    return tuple(sorted(found, key=lambda note: -note.level))


def accepted(order: Order, notes: tuple[Note, ...], *, reason: str, prescriber: str) -> Order:
    """`order` with the risks that the prescriber takes, as the carts show them; what was accepted before and holds no more is gone."""
    risks = []
    for note in notes:
        if note.rule == "D10" and not note.finding.unknown:  # type: ignore[union-attr]
            for substance in str(note.finding.facts["substance"]).split(", "):  # type: ignore[union-attr]
                risks.append(Interaction(other=substance, severity=ALLERGY, reason=reason, prescriber=prescriber))
        elif note.code.startswith("order-check-interaction"):
            risks.append(Interaction(other=str(note.params["other"]), severity="severe", reason=reason, prescriber=prescriber))
    return replace(order, interactions=tuple(risks))


def digest(order: Order, notes: tuple[Note, ...]) -> str:
    """Names exactly this order, whatever its id, with exactly these findings."""
    document = mapping.order_document(replace(order, id="", version=0, interactions=()))
    told = "\n".join(f"{note.level.name} {note.code} {note.rule} {sorted(note.params)} {_facts(note)}" for note in notes)
    return hashlib.sha256(f"{document}\n{told}".encode()).hexdigest()[:24]


def _facts(note: Note) -> str:
    facts = note.finding.facts if note.finding is not None else note.params
    return "; ".join(f"{name}={facts[name]}" for name in sorted(facts))


def next_times(order: Order, *, zone: str, now: datetime, limit: int = 8) -> tuple[datetime, ...]:
    """When it is due from now on, for the preview; empty where it has no times of its own."""
    if order.category in timing.WITHOUT_TIMES:
        return ()
    begin = max(now, order.start) if order.start is not None and order.category not in timing.SINGLE else order.start or now
    try:
        step = timing.interval(order) or timedelta(days=1)
        due = timing.due_times(order, zone, begin, begin + max(_AHEAD, step * limit, timing.horizon(order)))
    except (PointOfCareError, OverflowError):
        return ()
    return tuple(due[:limit])


def _engine(
    order: Order, patient: Patient, matched: tuple[Product, ...], stock: tuple[Product, ...], policy: Policy, zone: str, now: datetime
) -> Iterator[Note]:
    """The verdict on its first dose, of each product that would be scanned: a finding counts where every product brings it."""
    asked = replace(order, status=OrderStatus.ACTIVE, verified=True, interactions=(), clarification="")
    verdicts: list[dict[str, Finding]] = []
    for product in matched[:_MOST_PRODUCTS] or (None,):
        due = next(iter(next_times(asked, zone=zone, now=now, limit=1)), max(now, order.start or now))
        band = Scanned(scan=BandScan(mrn=patient.mrn), at=due)
        scans = (band, Scanned(scan=DrugScan(gtin=product.gtin), at=due)) if product is not None else (band,)
        facts = Facts(
            at=due,
            timezone=zone,
            cart=Cart(id="order-form", online=True, clock_offset_s=0.0, chart_age_s=0.0, lease=Lease.HELD),
            nurse=Nurse(id="order-form", role=StaffRole.NURSE, licensed=True),
            intent=Intent(action=Action.GIVE, order=order.id, route=order.route or None),
            policy=policy,
            patients=(patient,),
            products=stock,
            orders=(asked,),
            scans=scans,
        )
        verdicts.append({finding.rule: finding for finding in engine.evaluate(facts).findings if finding.rule in RULES})
    for rule in sorted(set.intersection(*(set(each) for each in verdicts))):
        finding = min((each[rule] for each in verdicts), key=lambda one: one.level)
        yield Note(level=finding.level, finding=finding)


def _duplicates(order: Order, others: tuple[Order, ...], stock: tuple[Product, ...]) -> Iterator[Note]:
    mine = ordered_ingredients(order)
    classes = _classes(mine, stock)
    for other in others:
        theirs = ordered_ingredients(other)
        said = other.display or other.ingredient
        if mine & theirs:
            yield Note(level=Level.REASON, code="order-check-duplicate", params={"other": said, "drug": ", ".join(sorted(mine & theirs))})
        elif shared := classes & _classes(theirs, stock):
            yield Note(level=Level.WARN, code="order-check-class", params={"other": said, "class": ", ".join(sorted(shared))})


def _classes(names: frozenset[str], stock: tuple[Product, ...]) -> set[str]:
    return {plain(each) for one in stock for item in one.ingredients if plain(item.name) in names for each in item.classes}


def _interactions(order: Order, others: tuple[Order, ...]) -> Iterator[Note]:
    told: set[tuple[str, str]] = set()
    for other in others:
        for one in sorted(ordered_ingredients(order)):
            for another in sorted(ordered_ingredients(other)):
                why = interaction_pairs.between(one, another)
                if why is not None and (another, why) not in told:
                    told.add((another, why))
                    yield Note(level=Level.REASON, code=f"order-check-interaction-{why}", params={"other": another, "drug": one})


def _daily(order: Order, others: tuple[Order, ...], stock: tuple[Product, ...], zone: str, now: datetime) -> Iterator[Note]:
    """The most that all live orders of an ingredient ask for in the coming days within 24 hours."""
    for name in sorted(ordered_ingredients(order)):
        limits = [limit for one in stock for limit in one.max_daily if plain(limit.ingredient) == name]
        planned = _planned(name, (order, *others), stock, zone, now)
        if planned is None or not limits:
            continue
        for level, sizes in (
            (Level.STOP, [limit.hard for limit in limits if limit.hard is not None]),
            (Level.REASON, [limit.soft for limit in limits if limit.soft is not None]),
        ):
            crossed = [size for size in sizes if size.converts_to(planned.unit) and planned > size]
            if crossed:
                lowest = min(crossed, key=lambda size: size.to(planned.unit).value)
                params: dict[str, object] = {"drug": name, "total": planned, "limit": lowest}
                yield Note(level=level, code="order-check-daily-hard" if level is Level.STOP else "order-check-daily-soft", params=params)
                break


def _planned(name: str, orders: tuple[Order, ...], stock: tuple[Product, ...], zone: str, now: datetime) -> Quantity | None:
    """None: no dose of it can be added up."""
    doses: list[tuple[datetime, Quantity]] = []
    for one in orders:
        if ordered_ingredients(one) != {name} or one.category in timing.WITHOUT_TIMES:
            continue
        begin = max(now, one.start or now)
        try:
            steps = timing.due_steps(one, zone, begin, begin + timedelta(days=3))
        except (PointOfCareError, OverflowError):
            continue
        for at, step in steps:
            dose = step.dose_range[1] if step.dose_range is not None else step.dose
            mass = None if dose is None else _as_mass(dose, name, one, stock)
            if mass is not None:
                doses.append((at, mass))
    if not doses:
        return None
    most = max(sum((each.value for when, each in doses if at <= when < at + timedelta(hours=24)), Decimal(0)) for at, _ in doses)
    return Quantity(value=most, unit="mg")


def _as_mass(dose: Quantity, name: str, order: Order, stock: tuple[Product, ...]) -> Quantity | None:
    if dose.converts_to("mg"):
        return dose.to("mg")
    if not dose.unit.startswith("{"):
        return None
    sizes = {
        item.amount.to("mg").value
        for one in stock
        if matches(one, order)
        for item in one.ingredients
        if plain(item.name) == name and item.amount is not None and item.amount.converts_to("mg")
    }
    return Quantity(value=dose.value * sizes.pop(), unit="mg") if len(sizes) == 1 else None


def _units(order: Order, matched: tuple[Product, ...]) -> Iterator[Note]:
    """How many units of the largest product one dose would take."""
    dose = order.dose_range[1] if order.dose_range is not None else order.dose
    if dose is None or len(ordered_ingredients(order)) != 1:
        return
    counts = []
    for one in matched:
        amount = one.ingredients[0].amount if len(ingredients(one)) == 1 else None
        if one.multi_dose or amount is None or not dose.converts_to(amount.unit):
            continue
        counts.append(dose.to(amount.unit).value / amount.value)
    if counts and min(counts) > MANY_UNITS:
        yield Note(level=Level.WARN, code="order-check-units", params={"n": f"{min(counts).normalize():f}"})
