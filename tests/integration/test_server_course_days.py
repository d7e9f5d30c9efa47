"""The day of treatment that a chart tells the carts: over the whole course, for all patients of a ward at once. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

from server.store.database import db
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, orders, tables
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NOW, PRESCRIBER, WARD, a_record, an_order, open_ward

GATEWAY = Actor(id="gateway")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        with transaction(PRESCRIBER, at=NOW - timedelta(days=9)) as tx:
            # The same drug, written anew; the older order has ended.
            for number in (10, 11):
                orders.place(tx, PRESCRIBER, an_order(number, ingredient="ceftriaxone", counts_days=True, start=NOW - timedelta(days=9)))
            orders.stop(tx, PRESCRIBER, "O10", 1, reason="written anew")
        yield made


def give(order: str, at: datetime, **changes: object) -> str:
    made = a_record(order=order, due=None, effective_at=at, recorded_at=at, **changes)
    with transaction(GATEWAY, at=NOW) as tx:
        administrations.record(tx, made, reevaluate=False)
    return made.record_id


def days() -> dict[str, int]:
    with reading(at=NOW) as tx:
        return dict(tables.chart(tx, WARD, timezone="Asia/Ho_Chi_Minh").course_days)


def test_the_doses_of_an_ended_order_belong_to_the_course(app: Flask) -> None:
    for before in (6, 5, 4):  # longer ago than the chart's own history
        give("O10", NOW - timedelta(days=before))
    give("O11", NOW - timedelta(days=1))
    assert days()["O11"] == 5


def test_a_dose_entered_by_mistake_is_not_a_day(app: Flask) -> None:
    give("O10", NOW - timedelta(days=2))
    wrong = give("O11", NOW - timedelta(days=1))
    assert days()["O11"] == 3
    at = NOW - timedelta(minutes=5)
    give("O11", at, action="undo", status="entered-in-error", amends=wrong, dose=None)
    assert days()["O11"] == 2


def test_an_order_whose_days_are_not_counted_has_none(app: Flask) -> None:
    assert set(days()) == {"O10", "O11"}


def test_the_days_of_a_ward_cost_one_statement_however_many_patients_and_doses(app: Flask) -> None:
    seen: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    def asked() -> int:
        seen.clear()
        days()
        return len(seen)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        first = asked()
        with transaction(PRESCRIBER, at=NOW - timedelta(days=9)) as tx:
            for number in range(20, 30):
                order = an_order(number, patient="P2", ingredient=f"drug {number}", counts_days=True, start=NOW - timedelta(days=9))
                orders.place(tx, PRESCRIBER, order)
        for hours in range(1, 20):
            give("O11", NOW - timedelta(hours=hours))
        assert asked() == first <= 9
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
