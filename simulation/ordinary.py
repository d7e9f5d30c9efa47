"""Doses of a virtual ward that nothing stands in the way of: for the runs that give one unattended."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.errors import PointOfCareError
from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import Controlled, HighAlert, Product
from simulation import shelf
from simulation.ward import Ward


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    patient: Patient
    order: Order
    product: Product


def ordinary_dose(the_ward: Ward, rng: random.Random, now: datetime) -> Case:
    """A dose that is due now: one unit, verified, nobody else needed. Raises: PointOfCareError when there is none."""
    return rng.choice(ordinary_doses(the_ward, now))


def ordinary_doses(the_ward: Ward, now: datetime) -> list[Case]:
    """As `ordinary_dose`, every one that there is."""
    patients = {patient.id: patient for patient in the_ward.patients}
    found = []
    for order in the_ward.orders:
        product = shelf.product_for(order, the_ward.products)
        if product is None or order.every is None or not order.verified or order.start is None:
            continue
        near = timedelta(minutes=-40) < now - order.start < timedelta(minutes=50)
        plain = product.high_alert is HighAlert.NO and product.controlled is Controlled.NONE and not product.lasa and not product.hold
        unit = product.ingredients[0].amount if len(product.ingredients) == 1 else None
        if near and plain and order.dose is not None and unit is not None and order.dose.same_as(unit):
            found.append(Case(patient=patients[order.patient], order=order, product=product))
    if not found:
        raise PointOfCareError("no dose of this ward is due now", remedy="try another seed")
    return found
