"""A whole hospital for the browser, and the doses of its day that the tests walk through: chosen, so that any hour of the day will do."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import Controlled, HighAlert, Product
from simulation import hospital as hospitals
from simulation import shelf, ward
from simulation.hospital import Hospital
from simulation.ward import Ward

CART = ward.CARTS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """An ordinary dose: due within the hour, one unit, nobody else needed."""

    patient: Patient
    order: Order
    product: Product

    def pack(self) -> shelf.Pack:
        return shelf.pack(self.product, random.Random(f"pack-{self.order.id}"), today())

    def expired(self) -> shelf.Pack:
        return shelf.expired(self.product, random.Random(f"expired-{self.order.id}"), today())


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """`given` and `forgotten` are verified and due, `waiting` is due and not verified, each of another patient; `queue` are other
    unverified orders. `newcomer` may get `stat`, which nobody has ordered for him yet; `stranger` has no order for the drug of `given`."""

    given: Dose
    forgotten: Dose
    waiting: Dose
    queue: tuple[Order, ...]
    stranger: Patient
    newcomer: Patient
    stat: Product


def today() -> date:
    return datetime.now(ZoneInfo(ward.TIMEZONE)).date()


def plan(the_ward: Ward, born: datetime) -> Day | None:
    """The doses to walk through, None when this ward has not got them."""
    doses = tuple(_ordinary(the_ward, born))
    verified = {dose.patient.id: dose for dose in doses if dose.order.verified}
    waiting = next((dose for dose in doses if not dose.order.verified and dose.patient.id not in verified), None)
    queue = tuple(order for order in the_ward.orders if not order.verified and (waiting is None or order.id != waiting.order.id))
    if waiting is None or len(queue) < 2 or len(verified) < 2:
        return None
    given, forgotten = tuple(verified.values())[:2]
    taken = {given.patient.id, forgotten.patient.id, waiting.patient.id}
    has_it = {order.patient for order in the_ward.orders if order.ingredient == given.order.ingredient}
    stranger = next(patient for patient in the_ward.patients if patient.id not in has_it | taken)
    newcomer = next(patient for patient in the_ward.patients if patient.id not in taken | {stranger.id} and not patient.allergies)
    has = {order.ingredient for order in the_ward.orders if order.patient == newcomer.id}
    stat = next(one for one in the_ward.products if _plain(one) and one.form == "tablet" and one.ingredients[0].name not in has)
    return Day(given=given, forgotten=forgotten, waiting=waiting, queue=queue, stranger=stranger, newcomer=newcomer, stat=stat)


def doses_at(the_ward: Ward, now: datetime) -> tuple[Dose, ...]:
    """Verified ordinary doses, one a patient, that stay inside their window for a quarter of an hour from `now`."""
    found: dict[str, Dose] = {}
    for dose in _ordinary(the_ward, None):
        start = dose.order.start
        if dose.order.verified and start is not None and timedelta(minutes=-31) < now - start < timedelta(minutes=44):
            found.setdefault(dose.patient.id, dose)
    return tuple(found.values())


def _ordinary(the_ward: Ward, born: datetime | None) -> Iterator[Dose]:
    """`born` None: whenever it is due."""
    patients = {patient.id: patient for patient in the_ward.patients}
    for order in the_ward.orders:
        product = shelf.product_for(order, the_ward.products)
        # Due a quarter of an hour after the full hour or later: inside its window at whatever minute the tests begin.
        if product is None or order.every is None or order.start is None:
            continue
        if born is not None and order.start - born.replace(minute=0) < timedelta(minutes=15):
            continue
        unit = product.ingredients[0].amount
        if _plain(product) and order.dose is not None and unit is not None and order.dose.same_as(unit):
            yield Dose(patient=patients[order.patient], order=order, product=product)


def _plain(product: Product) -> bool:
    guarded = product.high_alert is not HighAlert.NO or product.controlled is not Controlled.NONE or product.lasa or product.hold
    return not guarded and len(product.ingredients) == 1 and not product.divisible


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """One cart with drawers, an EMR that is a folder. Shared by a module: each test leaves the cart with nobody signed in."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    seed = next(seed for seed in itertools.count(1) if plan(ward.build(seed, now), now) is not None)
    running = hospitals.start(tmp_path_factory.mktemp("hospital"), seed=seed, carts=(CART,), progress=lambda _text: None)
    yield running
    assert running.stop() == [], "a program had to be killed"


@pytest.fixture(scope="module")
def day(hospital: Hospital) -> Day:
    born = json.loads((hospital.directory / "memory.json").read_text(encoding="utf-8"))["born"]
    found = plan(hospital.ward, datetime.fromisoformat(born))
    assert found is not None
    return found
