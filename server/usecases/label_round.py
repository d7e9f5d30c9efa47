"""What a ward's next doses need of single units: which product fits, how many of it, and which doses nobody can put up so.

A help to put doses up before the round; the verdict at the bedside never looks at it. What is not plain is listed for a person and
never rounded: half tablets, drawn amounts, doses that cannot be computed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.errors import PointOfCareError, QuantityError
from pointofcare.orders import dosage, schedule
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.orders.schedule import DueStatus
from pointofcare.people import Patient
from pointofcare.products import Product
from pointofcare.verdict.moment import matches
from server.store import bedside, products
from server.store.transaction import Transaction
from server.usecases.bags import is_for_bags

HOURS = (4, 8, 12, 24)
MOST_UNITS = 6
_OPEN = (DueStatus.UPCOMING, DueStatus.DUE, DueStatus.OVERDUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One dose that is due. `product` None: it cannot be put up in whole units; `why` is then a code: no-product,
    several-products, not-whole, many, unverified, unknown."""

    patient: Patient
    order: Order
    due: datetime | None
    product: Product | None = None
    units: int = 0
    why: str = ""


def of_ward(tx: Transaction, ward: str, *, hours: int, zone: str) -> tuple[Need, ...]:
    """By bed and time: what is due within `hours`, and what is late. A handful of statements, whatever the ward."""
    look = bedside.of_ward(tx, ward)
    policy = products.policy(tx, ward)
    stock = [product for product in products.listed(tx) if product.owner is None]
    patients = {patient.id: patient for patient in look.patients}
    found = []
    for order in look.orders:
        patient = patients.get(order.patient)
        if patient is None or not _counts(order):
            continue
        mine = [entry for entry in look.history if entry.patient == patient.id]
        try:
            due = schedule.due_doses(order, mine, policy.windows, zone, tx.at - timedelta(hours=1), tx.at + timedelta(hours=hours))
        except PointOfCareError:
            found.append(Need(patient=patient, order=order, due=None, why="unknown"))
            continue
        for dose in due:
            if schedule.status(dose, tx.at) in _OPEN:
                found.append(_need(patient, dosage.effective(order, dose.due, zone), dose.due, stock))
    return tuple(sorted(found, key=lambda need: (need.patient.bed or "", need.patient.id, need.due or tx.at, need.order.id)))


def _counts(order: Order) -> bool:
    later = (OrderCategory.PRN, OrderCategory.ON_CALL, OrderCategory.PATCH)
    return order.status is OrderStatus.ACTIVE and order.category not in later and not is_for_bags(order) and not order.own_supply


def _need(patient: Patient, order: Order, due: datetime, stock: Iterable[Product]) -> Need:
    plain = Need(patient=patient, order=order, due=due)
    if not order.verified or order.clarification:
        return _without(plain, "unverified")
    fitting = [product for product in stock if matches(product, order) and order.route in product.routes and not product.multi_dose]
    if not fitting:
        return _without(plain, "no-product")
    whole = [(product, units) for product in fitting if (units := _units(order, product)) is not None]
    if not whole:
        return _without(plain, "not-whole")
    fewest = min(units for _, units in whole)
    best = [product for product, units in whole if units == fewest]
    if len(best) > 1:
        return _without(plain, "several-products")
    if fewest > MOST_UNITS:
        return _without(plain, "many")
    return Need(patient=patient, order=order, due=due, product=best[0], units=fewest)


def _without(need: Need, why: str) -> Need:
    return Need(patient=need.patient, order=need.order, due=need.due, why=why)


def _units(order: Order, product: Product) -> int | None:
    """How many whole units are the dose; None when that does not come out, or is not plain."""
    if order.dose is None or "/" in order.dose.unit or not product.ingredients:
        return None
    if order.dose.unit == "{" + product.form + "}":
        amount = order.dose.value
        return int(amount) if amount == int(amount) and amount > 0 else None
    if len(product.ingredients) != 1 or product.ingredients[0].amount is None:
        return None
    try:
        held = product.ingredients[0].amount
        if held.exact() <= 0 or not order.dose.converts_to(held.unit):
            return None
        share = order.dose.exact() / held.exact()
    except QuantityError:
        return None
    return int(share) if share.denominator == 1 and share > 0 else None
