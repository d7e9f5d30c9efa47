"""The ward board leaves no dose out: long overdue ones, single ones, held orders, and the count of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

from pointofcare.orders.order import OrderCategory, OrderStatus
from pointofcare.orders.schedule import DueStatus
from pointofcare.verdict.policy import Policy
from server.store import bedside, policies, staff_wards
from server.store import orders as order_store
from server.store.database import db
from server.store.patients import Ward
from server.store.transaction import reading, transaction
from server.usecases import administrations, orders, overdue, patients
from server.web import ward
from tests.support import server_ward, web
from tests.support.server_ward import CHARGE, IMPORT, PRESCRIBER, an_order

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)  # 16:00 in the ward; the order's times are 08:00 and 20:00


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found, found.app_context():
        yield found


def bed(at: datetime = NOW) -> ward.Bed:
    with reading(CHARGE, at=at) as tx:
        return ward.beds(bedside.of_ward(tx, server_ward.WARD), policy=Policy(), zone="Asia/Ho_Chi_Minh", now=at)[0]


def place(**changes: object) -> None:
    with transaction(PRESCRIBER) as tx:
        orders.place(tx, PRESCRIBER, replace(an_order(5, patient="P1"), **changes))  # type: ignore[arg-type]


def test_a_dose_that_nobody_charted_for_two_days_stays_overdue_on_the_board(app: Flask) -> None:
    lines = [dose for dose in bed().doses if dose.status is DueStatus.OVERDUE]
    old = [dose for dose in lines if dose.is_old]
    assert len(old) == 1
    # From 1 March 20:00 on, without the one of today 08:00, which has its own line.
    assert (old[0].due, old[0].number) == (datetime(2026, 3, 1, 13, 0, tzinfo=UTC), 5)
    assert bed().tally[DueStatus.OVERDUE] == sum(dose.number for dose in lines) == 6


def test_a_dose_charted_late_leaves_the_board(app: Flask) -> None:
    before = bed().tally[DueStatus.OVERDUE]
    late = server_ward.a_record(1, due=server_ward.DUE, effective_at=NOW - timedelta(hours=1), recorded_at=NOW - timedelta(hours=1))
    with transaction(IMPORT, at=NOW) as tx:
        administrations.record(tx, late)
    assert bed().tally[DueStatus.OVERDUE] == before - 1


def test_changed_times_hide_no_missed_dose_and_make_none_up(app: Flask) -> None:
    placed_at, at = NOW - timedelta(hours=20), NOW - timedelta(hours=1)  # 20:00 and 15:00 in the ward
    with transaction(PRESCRIBER, at=placed_at) as tx:
        orders.place(tx, PRESCRIBER, an_order(7, times=(time(8),), start=placed_at))
    with transaction(PRESCRIBER, at=at) as tx:
        orders.amend(tx, PRESCRIBER, an_order(7, times=(time(10), time(18)), start=placed_at), version=1, reason="twice a day")
    with reading(CHARGE, at=NOW) as tx:
        look = bedside.of_ward(tx, server_ward.WARD)
        changed = order_store.changed(tx, look.orders)
        board = ward.beds(look, policy=Policy(), zone="Asia/Ho_Chi_Minh", now=NOW, changed=changed)
        late = overdue.doses(look, policy=Policy(), zone="Asia/Ho_Chi_Minh", now=NOW, changed=changed)
    assert set(changed) == {"O7"}
    shown = {(dose.due.hour + 7, dose.status) for bed in board for dose in bed.doses if dose.order.id == "O7"}
    assert shown == {(8, DueStatus.OVERDUE), (18, DueStatus.UPCOMING)}
    assert [dose.due.hour + 7 for dose in late.doses if dose.order.id == "O7"] == [8]


@pytest.mark.parametrize("category", [OrderCategory.STAT, OrderCategory.ONCE])
def test_a_single_dose_never_given_stays_on_the_board_whatever_its_age(app: Flask, category: OrderCategory) -> None:
    place(category=category, times=(), start=NOW - timedelta(days=20))
    found = [dose for dose in bed().doses if dose.order.id == "O5"]
    assert [(dose.status, dose.is_old, dose.due) for dose in found] == [(DueStatus.OVERDUE, True, NOW - timedelta(days=20))]


def test_doses_before_the_order_began_are_not_overdue(app: Flask) -> None:
    place(start=NOW - timedelta(hours=2), times=(time(8), time(17)))
    assert [dose.status for dose in bed().doses if dose.order.id == "O5"] == [DueStatus.DUE]


def test_a_held_order_is_on_the_board_as_held(app: Flask) -> None:
    with transaction(PRESCRIBER) as tx:
        orders.hold(tx, PRESCRIBER, "O1", 1, reason="vomiting")
    assert [order.id for order in bed().on_hold] == ["O1"]
    assert bed().doses == ()
    page = web.signed_in(app, CHARGE).get("/ward/").text
    assert "on hold" in page


def test_the_page_says_since_when_a_dose_is_overdue(app: Flask) -> None:
    place(category=OrderCategory.ONCE, times=(), start=NOW - timedelta(days=20))
    page = web.signed_in(app, CHARGE).get("/ward/").text
    assert "since 12 Feb 2026 16:00" in page


def test_one_ward_is_shown_at_a_time_and_remembered(app: Flask) -> None:
    with transaction(IMPORT) as tx:
        patients.open_ward(tx, Ward(id="HSCC", name="Hồi sức", timezone="Asia/Ho_Chi_Minh"))
        patients.receive(tx, replace(server_ward.a_patient(7), ward="HSCC", bands=()))
    client = web.signed_in(app, CHARGE)
    first = client.get("/ward/").text
    assert "24-000007" in first
    assert "24-000001" not in first
    other = client.get(f"/ward/?ward={server_ward.WARD}").text
    assert "24-000001" in other
    assert "24-000007" not in other
    assert "24-000001" in client.get("/ward/").text


def test_stopped_orders_are_not_on_the_board(app: Flask) -> None:
    with transaction(PRESCRIBER) as tx:
        orders.stop(tx, PRESCRIBER, "O1", 1, reason="done")
    assert bed().doses == ()
    assert OrderStatus.STOPPED not in ward.LIVE


def test_what_was_recorded_last_is_on_the_board_however_much_is_still_to_come(app: Flask) -> None:
    for number in range(10, 20):
        with transaction(PRESCRIBER) as tx:
            orders.place(tx, PRESCRIBER, replace(an_order(number, patient="P1", times=(time(19, 30),)), start=NOW))
        with transaction(server_ward.PHARMACIST) as tx:
            orders.verify(tx, server_ward.PHARMACIST, f"O{number}", 1)
    given = server_ward.a_record(1, due=NOW.replace(hour=1), effective_at=NOW, recorded_at=NOW)
    with transaction(IMPORT, at=NOW) as tx:
        administrations.record(tx, given)
    now = bed()
    assert now.more > 0
    assert [dose.order.id for dose in now.doses if dose.status is DueStatus.GIVEN] == [given.order]


def test_a_board_costs_five_statements_for_whoever_is_bound_to_wards_too(app: Flask) -> None:
    with transaction(IMPORT) as tx:
        patients.open_ward(tx, Ward(id="W09", name="Khoa khác", timezone="Asia/Ho_Chi_Minh"))
        staff_wards.add(tx, staff=CHARGE.id, ward=server_ward.WARD, kind=staff_wards.HOME)
    browser = web.signed_in(app, CHARGE, factor=True)
    said: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with app.app_context():
            answer = browser.get(f"/ward/?ward={server_ward.WARD}")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert answer.status_code == 200
    assert 'id="bed-P1"' in answer.text
    # The person, the sign-in with what it reaches, the ward, what waits for the menu, the audit.
    counted = [statement for statement in said if not statement.startswith("BEGIN")]
    assert len(counted) <= 5, "\n".join(counted)


def test_a_board_that_is_asked_for_with_another_ward_reads_nothing_of_it(app: Flask) -> None:
    with transaction(IMPORT) as tx:
        patients.open_ward(tx, Ward(id="W09", name="Khoa khác", timezone="Asia/Ho_Chi_Minh"))
    elsewhere = replace(CHARGE, wards=frozenset({"W09"}))
    with reading(elsewhere, at=NOW) as tx:
        look = bedside.of_board(tx, server_ward.WARD)
        assert [line.id for line in look.wards] == ["W09"]
        assert not look.patients
        assert not look.orders
    with reading(CHARGE, at=NOW) as tx:
        both = bedside.of_board(tx, server_ward.WARD)
        assert [line.id for line in both.wards] == sorted([server_ward.WARD, "W09"])
        assert both.patients == bedside.of_ward(tx, server_ward.WARD).patients
        assert bedside.of_board(tx, "no such ward").patients == ()


def test_a_board_goes_by_the_wards_own_policy(app: Flask) -> None:
    with transaction(IMPORT) as tx:
        policies.put_in_force(tx, Policy(version="ours-1"))
    with reading(CHARGE, at=NOW) as tx:
        found = bedside.of_board(tx, server_ward.WARD).policy
        assert found == policies.in_force(tx, server_ward.WARD)
        assert found is not None
        assert found.version == "ours-1"
