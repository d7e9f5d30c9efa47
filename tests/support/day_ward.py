"""The hospital of a walk: started with a ward that has enough doses due, and what other people did there before the walk begins.

What others do goes through the same use cases as their pages, beside the server that runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.people import Patient, StaffRole
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from server import config as configuration
from server.app import bare_app
from server.store.transaction import Actor, Transaction, transaction
from server.usecases import orders
from simulation import hospital as hospitals
from simulation import ward
from simulation.hospital import Hospital
from simulation.ward import Ward
from tests.support.browser import CART, member
from tests.support.ward_day import Dose, doses_at

# Of each hospital that was started here.
_DUE: dict[Path, tuple[Dose, ...]] = {}


def started(directory: Path, enough: Callable[[tuple[Dose, ...]], bool], *, with_emr: bool = False) -> Hospital:
    """One cart without drawers, and the first ward whose due doses are `enough`."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    seed = next(seed for seed in itertools.count(1) if enough(doses_at(ward.build(seed, now), now)))
    return hospitals.start(directory, seed=seed, carts=(CART,), with_emr=with_emr, bridge=False, progress=lambda _text: None)


def due(running: Hospital) -> tuple[Dose, ...]:
    """Verified ordinary doses, one a patient, which nobody else is needed for: those of the first asking, so that two walks of one
    hospital share none."""
    return _DUE.setdefault(running.directory, doses_at(running.ward, datetime.now(UTC)))


def actor(running: Hospital, role: StaffRole) -> Actor:
    person = member(running, role)
    return Actor(id=person.id, name=person.name, roles=frozenset(person.roles))


@contextmanager
def as_(running: Hospital, role: StaffRole) -> Iterator[tuple[Transaction, Actor]]:
    """One transaction of somebody of that role, at the server's own database."""
    who = actor(running, role)
    with bare_app(configuration.load(running.directory / "server.toml")).app_context(), transaction(who) as tx:
        yield tx, who


def an_order(name: str, patient: Patient, product: Product, running: Hospital, **changes: Any) -> Order:
    """To be given at once, unless `changes` say otherwise: one unit of `product`."""
    made: dict[str, Any] = {
        "id": f"{name}-{uuid4().hex[:6]}",
        "version": 1,
        "patient": patient.id,
        "ingredient": product.ingredients[0].name,
        "form": product.form,
        "route": product.routes[0],
        "dose": product.ingredients[0].amount,
        "category": OrderCategory.STAT,
        "status": OrderStatus.ACTIVE,
        "start": datetime.now(UTC) - timedelta(minutes=1),
        "display": product.name,
        "prescriber": member(running, StaffRole.PRESCRIBER).id,
    }
    return Order(**(made | changes))


def place(running: Hospital, *placed: Order) -> None:
    for order in placed:
        with as_(running, StaffRole.PRESCRIBER) as (tx, who):
            orders.place(tx, who, order)


def verify(running: Hospital, *verified: Order) -> None:
    for order in verified:
        with as_(running, StaffRole.PHARMACIST) as (tx, who):
            orders.verify(tx, who, order.id, order.version)


def product(running: Hospital, identifier: str) -> Product:
    return next(one for one in running.ward.products if one.id == identifier)


def with_rate(text: str, most: str) -> dict[str, Any]:
    return {"rate": Quantity.parse(text), "rate_range": (Quantity.parse(text), Quantity.parse(most))}


def ordered(the_ward: Ward, patient: Patient) -> set[str]:
    """Ingredients that the patient gets."""
    return {order.ingredient for order in the_ward.orders if order.patient == patient.id}
