"""Messages for a patient who does not come for days: put away, and taken in their order when the patient comes after all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.orders.order import OrderStatus
from pointofcare.people import Patient, PatientStatus
from server.feeds.hl7_intake import Intake
from server.store import orders
from server.store.incoming import SET_ASIDE, TAKEN
from server.store.transaction import reading, transaction
from server.usecases import patients as patient_verbs
from tests.support.databases import migrated_app
from tests.support.hl7_in import FEED, Clock, adt, an_intake, code, control_only, items, rde, stock
from tests.support.server_ward import NOW, WARD

LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        stock(made)
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def put_away(app: Flask, clock: Clock) -> Intake:
    """Two orders, and a stop of one, of somebody who was not here for a week."""
    intake = an_intake(app, clock=clock)
    for payload in (rde("1", number="O1"), rde("2", number="O2"), control_only("3", "DC", number="O2", at=LATER)):
        assert code(intake.receive(payload)) == "AA"
    clock.now += timedelta(days=8)
    assert intake.settle_waiting() == 0
    assert {item.state for item in items(app)} == {SET_ASIDE}
    return intake


def status(number: str) -> OrderStatus | None:
    with reading(FEED) as tx:
        return orders.get(tx, number).order.status


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_was_put_away_is_taken_in_its_order_when_the_patient_comes_after_all(
    app: Flask, put_away: Intake, clock: Clock, by_hand: bool
) -> None:
    if by_hand:
        with transaction(FEED, at=clock.now) as tx:
            born = date(1958, 3, 2)
            here = Patient(id="P9", mrn="26-000123", name="TRẦN THỊ BÌNH", birth_date=born, ward=WARD, status=PatientStatus.ADMITTED)
            patient_verbs.receive(tx, here)
        put_away.settle_waiting()
    else:
        assert code(put_away.receive(adt("A01", "A", at=NOW - timedelta(hours=1)))) == "AA"
    assert (status("O1"), status("O2")) == (OrderStatus.ACTIVE, OrderStatus.STOPPED)
    assert {item.state for item in items(app)} == {TAKEN}


def test_another_message_of_somebody_who_is_still_not_here_brings_nothing_in(app: Flask, put_away: Intake, clock: Clock) -> None:
    assert code(put_away.receive(rde("4", number="O4"))) == "AA"
    with reading(FEED) as tx:
        assert orders.find(tx, "O1") is None
    clock.now += timedelta(hours=2)
    put_away.settle_waiting()
    clock.now += timedelta(days=8)
    put_away.settle_waiting()
    assert {item.state for item in items(app)} == {SET_ASIDE}
