"""The virtual ward: the same seed gives the same ward, and nothing in it contradicts its own formulary."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pointofcare.labels import gs1
from pointofcare.orders.order import OrderCategory
from pointofcare.people import StaffRole
from simulation import shelf, ward

NOW = datetime(2026, 11, 21, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(8))
def test_ward_has_the_size_that_the_demo_promises(seed: int) -> None:
    built = ward.build(seed, NOW)
    assert len(built.patients) == 24
    assert 130 <= len(built.orders) <= 180
    assert {member.roles[0] for member in built.staff} >= {
        StaffRole.NURSE,
        StaffRole.CHARGE_NURSE,
        StaffRole.PHARMACIST,
        StaffRole.PRESCRIBER,
        StaffRole.FLEET_MANAGER,
        StaffRole.ADMINISTRATOR,
    }


def test_same_seed_and_moment_give_the_same_ward() -> None:
    assert ward.build(3, NOW) == ward.build(3, NOW)
    assert ward.build(3, NOW) != ward.build(4, NOW)


@pytest.mark.parametrize("seed", range(8))
def test_nobody_is_ordered_what_they_are_allergic_to(seed: int) -> None:
    built = ward.build(seed, NOW)
    for order in built.orders:
        product = shelf.product_for(order, built.products)
        assert product is not None, order
        patient = next(patient for patient in built.patients if patient.id == order.patient)
        allergic = {allergy.substance for allergy in patient.allergies or ()}
        assert not any(part.name in allergic or allergic.intersection(part.classes) for part in product.ingredients)


@pytest.mark.parametrize("seed", range(8))
def test_some_doses_are_due_whenever_the_demo_starts(seed: int) -> None:
    for hour in (0, 3, 11, 17, 23):
        now = datetime(2026, 11, 21, hour, 59, tzinfo=UTC)
        orders = [order for order in ward.build(seed, now).orders if order.every and order.start]
        assert any(abs((now - order.start).total_seconds()) < 3000 for order in orders if order.start)


def test_every_number_on_a_label_is_valid() -> None:
    built = ward.build(1, NOW)
    for product in built.products:
        assert gs1.check_digit(product.gtin[:-1]) == product.gtin[-1]
    numbers = [patient.bands[0].gsrn for patient in built.patients]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        assert len(number) == 18
        assert gs1.check_digit(number[:-1]) == number[-1]


def test_shelf_holds_as_many_units_as_the_dose_needs() -> None:
    built = ward.build(1, NOW)
    doubled = [order for order in built.orders if order.ingredient == "paracetamol" and order.category is OrderCategory.SCHEDULED]
    items = [item.id for group in shelf.of(built, date(2026, 11, 21)).groups for item in group.items]
    assert len(items) == len(set(items))
    for order in doubled:
        assert [item for item in items if item.startswith(f"pack-{order.id}-")] == [f"pack-{order.id}-1", f"pack-{order.id}-2"]


@pytest.mark.parametrize("seed", range(8))
def test_the_first_bed_shows_every_kind_of_order(seed: int) -> None:
    built = ward.build(seed, NOW)
    first = built.patients[0]
    mine = [order for order in built.orders if order.patient == first.id]
    assert {order.category for order in mine} >= {OrderCategory.INFUSION, OrderCategory.PATCH, OrderCategory.PRN, OrderCategory.SCHEDULED}
    products = {order.id: shelf.product_for(order, built.products) for order in mine}
    assert any(product is not None and product.multi_dose for product in products.values())
    assert any(order.counts_days for order in mine)
    own = next(order for order in mine if order.own_supply)
    product = products[own.id]
    assert product is not None
    assert product.owner == first.id
    assert sum(value.code == "glucose" for value in first.observations) > 1


def test_the_shelf_holds_the_bags_that_were_prepared() -> None:
    built = ward.build(1, NOW)
    infusion = next(order for order in built.orders if order.category is OrderCategory.INFUSION)
    held = shelf.of(built, date(2026, 11, 21), bags={infusion.id: ["BAG0"]})
    assert held.find("bag-BAG0") is not None
