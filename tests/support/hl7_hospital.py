"""A hospital with one listener for HL7, its clock, and what its tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.orders.order import OrderStatus
from pointofcare.people import Patient
from server.feeds.hl7_intake import Intake
from server.store import identities, orders, patients
from server.store.orders import OrderView
from server.store.transaction import reading
from tests.support.databases import migrated_app
from tests.support.hl7_in import (
    FEED,
    Clock,
    adt,
    an_intake,
    code,
    items,
    stock,
)
from tests.support.server_ward import NOW

LATER = NOW + timedelta(minutes=10)

HIS = "26-000123"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        stock(made)
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def intake(app: Flask, clock: Clock) -> Intake:
    return an_intake(app, clock=clock)


@pytest.fixture
def here(intake: Intake) -> Intake:
    """With the patient admitted, ten minutes before what the messages say by default."""
    assert code(intake.receive(adt("A01", "A", at=NOW - timedelta(hours=1)))) == "AA"
    return intake


def the_order(number: str = "ORD1") -> OrderView | None:
    with reading(FEED) as tx:
        return orders.find(tx, number)


def status(number: str = "ORD1") -> OrderStatus | None:
    found = the_order(number)
    assert found is not None
    return found.order.status


def patient(mrn: str = HIS) -> Patient:
    with reading(FEED) as tx:
        found = patients.find_by_mrn(tx, mrn)
        assert found is not None
        return patients.get(tx, identities.current(tx, found))


def states(app: Flask) -> list[str]:
    """Oldest first."""
    return [item.state for item in reversed(items(app))]
