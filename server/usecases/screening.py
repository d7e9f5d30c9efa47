"""What a pharmacist sees beside an order before judging it: the engine's own findings that do not depend on a scan, and what the other
orders of the patient add: the same ingredient twice, a class twice, more in a day than the formulary's maximum.

Nothing here permits anything: an order without findings is still judged by a person. What could not be worked out is a finding.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256

from pointofcare.errors import PointOfCareError
from pointofcare.labels.scan import BandScan, DrugScan
from pointofcare.orders import timing
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.people import Patient
from pointofcare.products import Controlled, HighAlert, Product
from pointofcare.quantity import Quantity
from pointofcare.verdict import engine, lists
from pointofcare.verdict.dosing import amount_of, by_weight
from pointofcare.verdict.facts import Action, Cart, Facts, Intent, Scanned
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import ingredients, matches, ordered_ingredients, plain, shown
from pointofcare.verdict.policy import Policy
from server.usecases import interaction_pairs

# The rules that an order can be asked before any pack is there. The others look at packs, times and the bedside.
RULES = frozenset({"D7", "D9", "D10", "D11", "D12", "D14", "D15", "Q1", "Q7"})
LIVE = frozenset({OrderStatus.ACTIVE, OrderStatus.ON_HOLD, OrderStatus.DRAFT})
# Before the code of what an interaction may do.
PAIR = "pair-"
_DAY = timedelta(hours=24)
_MOST_PRODUCTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """What the orders beside this one say. `code` is the code of a text, `facts` its parameters; `unknown`: it could not be worked out."""

    code: str
    level: Level
    facts: Mapping[str, str] = field(default_factory=dict)
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """`risky`: high-alert, controlled or to be checked by two, as formulary and policy say. `digest` names all that the person was
    shown of the patient beside the order: another digest later is another picture."""

    findings: tuple[Finding, ...] = ()
    concerns: tuple[Concern, ...] = ()
    products: tuple[Product, ...] = ()
    risky: bool = False
    digest: str = ""

    @property
    def level(self) -> Level:
        return max([*(one.level for one in self.findings), *(one.level for one in self.concerns)], default=Level.PASS)

    @property
    def is_clean(self) -> bool:
        """Nothing to weigh at all: no finding, no concern, nothing unknown, no drug that needs care."""
        return not self.findings and not self.concerns and not self.risky


def words(patient: Patient | None, orders: Iterable[Order]) -> set[str]:
    """What the formulary must be asked about to screen these orders of this patient: ingredients, additives and allergies."""
    found: set[str] = set()
    for order in orders:
        found |= {*ordered_ingredients(order), *(plain(additive).split(" ")[0] for additive in order.additives)}
    if patient is not None and patient.allergies:
        found |= {plain(allergy.substance) for allergy in patient.allergies}
    return {word for word in found if len(word) > 1}


def of_order(
    order: Order,
    *,
    patient: Patient | None,
    others: Sequence[Order],
    products: tuple[Product, ...],
    policy: Policy,
    zone: str,
    now: datetime,
) -> Screened:
    """`others` are all orders of the patient; `products` those that `words` asks for. Never raises for any order."""
    others = [one for one in others if one.id != order.id and one.status in LIVE and not _is_over(one, now)]
    asked = Facts(
        at=now,
        timezone=zone,
        cart=Cart(online=True),
        nurse=None,
        intent=Intent(action=Action.GIVE, order=order.id, dose=None if order.dose is None or by_weight(order.dose) else order.dose),
        policy=policy,
        patients=() if patient is None else (patient,),
        products=products,
        orders=(order,),
    )
    told = lists.applied(asked)
    fitting = tuple(product for product in told.products if matches(product, order))[:_MOST_PRODUCTS]
    findings = _findings(asked, patient, fitting)
    concerns = (
        *_alone(order, patient, fitting),
        *_twice(order, others, told.products),
        *_too_much(order, others, told.products, zone, now),
    )
    risky = order.needs_double_check or any(
        product.high_alert > HighAlert.NO or product.controlled is not Controlled.NONE for product in fitting
    )
    return Screened(
        findings=findings,
        concerns=concerns,
        products=fitting,
        risky=risky,
        digest=_digest(order, patient, others, findings, concerns),
    )


def _is_over(order: Order, now: datetime) -> bool:
    return order.end is not None and order.end <= now


def _findings(facts: Facts, patient: Patient | None, fitting: Sequence[Product]) -> tuple[Finding, ...]:
    """The engine's findings about the order, for every product that it may be given as; the same one once."""
    checks = tuple(check for check in engine.CHECKS if check.rule.id in RULES)
    band = () if patient is None else (Scanned(scan=BandScan(mrn=patient.mrn), at=facts.at),)
    packs: list[tuple[Scanned, ...]] = [(Scanned(scan=DrugScan(gtin=product.gtin), at=facts.at),) for product in fitting]
    packs = packs or [()]
    found: dict[str, Finding] = {}
    for pack in packs:
        for finding in engine.evaluate(replace(facts, scans=(*band, *pack)), checks).findings:
            found.setdefault(json.dumps([finding.rule, int(finding.level), str(sorted(finding.facts.items()))]), finding)
    return tuple(sorted(found.values(), key=lambda one: (-one.level, one.rule)))


def _alone(order: Order, patient: Patient | None, fitting: Sequence[Product]) -> Iterable[Concern]:
    if patient is None:
        yield Concern(code="no-patient", level=Level.STOP, unknown=True)
    if not fitting and not order.additives:
        yield Concern(code="no-product", level=Level.WARN, facts={"ingredient": order.ingredient, "form": order.form}, unknown=True)


def _twice(order: Order, others: Sequence[Order], products: Sequence[Product]) -> Iterable[Concern]:
    """The same ingredient, or another of its class, in another live order."""
    mine, classes = ordered_ingredients(order), _classes(ordered_ingredients(order), products)
    for other in others:
        held = ordered_ingredients(other)
        shared = mine & held
        if shared:
            yield Concern(code="same-ingredient", level=Level.REASON, facts={"name": ", ".join(sorted(shared)), "other": _line(other)})
            continue
        alike = classes & _classes(held, products)
        if alike:
            yield Concern(code="same-class", level=Level.WARN, facts={"name": ", ".join(sorted(alike)), "other": _line(other)})
    yield from _pairs(order, others)
    for each in order.interactions:
        running = [_line(other) for other in others if plain(each.other) in ordered_ingredients(other)]
        if running:
            yield Concern(code="interaction-running", level=Level.WARN, facts={"name": each.other, "other": "; ".join(running)})
    for other in others:
        for each in other.interactions:
            if plain(each.other) in mine:
                yield Concern(code="interaction-running", level=Level.WARN, facts={"name": order.ingredient, "other": _line(other)})


def _pairs(order: Order, others: Sequence[Order]) -> Iterable[Concern]:
    """What the list of severe interactions says of this order and each other one."""
    told: set[tuple[str, str]] = set()
    for other in others:
        for one in sorted(ordered_ingredients(order)):
            for another in sorted(ordered_ingredients(other)):
                why = interaction_pairs.between(one, another)
                if why is not None and (another, why) not in told:
                    told.add((another, why))
                    yield Concern(code=f"{PAIR}{why}", level=Level.REASON, facts={"name": one, "other": another})


def _classes(names: frozenset[str], products: Iterable[Product]) -> set[str]:
    return {plain(each) for product in products for item in product.ingredients if plain(item.name) in names for each in item.classes}


def _too_much(order: Order, others: Sequence[Order], products: Sequence[Product], zone: str, now: datetime) -> Iterable[Concern]:
    """All orders of the patient that hold an ingredient of this one, for the 24 hours from now, against the formulary's maximum."""
    for ingredient in sorted(ordered_ingredients(order)):
        maxima = [limit for product in products for limit in product.max_daily if plain(limit.ingredient) == ingredient]
        hard = [limit.hard for limit in maxima if limit.hard is not None]
        soft = [limit.soft for limit in maxima if limit.soft is not None]
        if not hard and not soft:
            continue
        total = Fraction(0)
        unknown = False
        for one in (order, *(other for other in others if ingredient in ordered_ingredients(other))):
            amount = _in_a_day(ingredient, one, products, zone, now)
            unknown = unknown or amount is None
            total += amount or Fraction(0)
        unit = (hard or soft)[0].unit
        for level, limits in ((Level.STOP, hard), (Level.REASON, soft)):
            crossed = [limit for limit in limits if limit.converts_to(unit) and total > limit.exact()]
            if crossed:
                least = min(crossed, key=lambda limit: limit.exact())
                facts = {"name": ingredient, "total": shown(total, unit), "limit": str(least)}
                yield Concern(code="day-above", level=level, facts=facts)
                break
        else:
            if unknown:
                facts = {"name": ingredient, "limit": str((hard or soft)[0])}
                yield Concern(code="day-unknown", level=Level.NOTE, facts=facts, unknown=True)


def _in_a_day(ingredient: str, order: Order, products: Sequence[Product], zone: str, now: datetime) -> Fraction | None:
    """The most of it that the order gives in 24 hours, in base units; None: that does not follow."""
    begin = max([now, *([order.start] if order.start is not None else [])])
    if order.prn is not None or order.category in timing.WITHOUT_TIMES:
        prn = order.prn
        dose = _of_dose(ingredient, order, order.dose_range[1] if order.dose_range else order.dose, products)
        if prn is not None and prn.max_per_24h is not None:
            capped = _of_dose(ingredient, order, prn.max_per_24h, products)
            return capped if capped is not None else prn.max_per_24h.exact() if _is_mass(prn.max_per_24h) else None
        if prn is None or prn.min_interval is None or dose is None or prn.min_interval <= timedelta(0):
            return None
        return dose * max(int(_DAY / prn.min_interval), 1)
    try:
        total = Fraction(0)
        for _, step in timing.due_steps(order, zone, begin, begin + _DAY):
            amount = _of_dose(ingredient, order, step.dose_range[1] if step.dose_range else step.dose, products)
            if amount is None:
                return None
            total += amount
    except PointOfCareError:
        return None
    return total


def _is_mass(value: Quantity) -> bool:
    return value.converts_to("g")


def _of_dose(ingredient: str, order: Order, dose: Quantity | None, products: Sequence[Product]) -> Fraction | None:
    """Where the products that it may be given as say different amounts, the largest counts."""
    if dose is None or by_weight(dose):
        return None
    fitting = [product for product in products if matches(product, order) and ingredient in ingredients(product)]
    amounts = [amount_of(ingredient, product, dose) for product in fitting]
    known = [amount for amount in amounts if amount is not None]
    if known and len(known) == len(amounts):
        return max(known)
    if not fitting and len(ordered_ingredients(order)) == 1 and _is_mass(dose):
        return dose.exact()
    return None


def _line(order: Order) -> str:
    return order.display or order.ingredient


def _digest(
    order: Order, patient: Patient | None, others: Sequence[Order], findings: Iterable[Finding], concerns: Iterable[Concern]
) -> str:
    allergies = None if patient is None or patient.allergies is None else sorted(one.substance for one in patient.allergies)
    weight = None if patient is None or patient.weight is None else str(patient.weight.value)
    told = [
        f"{order.id}@{order.version}",
        allergies,
        weight,
        sorted(f"{one.id}@{one.version}" for one in others),
        sorted(f"{one.rule}:{int(one.level)}" for one in findings),
        sorted(f"{one.code}:{int(one.level)}:{one.facts.get('name', '')}" for one in concerns),
    ]
    return sha256(json.dumps(told).encode()).hexdigest()[:20]
