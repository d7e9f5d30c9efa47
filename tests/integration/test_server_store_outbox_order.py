"""In which order the outbox goes where its records came in another one, on both databases: nothing goes before what it goes on with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.administration.record import AdministrationRecord
from server.store import outbox
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NOW, a_record

GATEWAY = Actor(id="gateway")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        yield made


def _arrive(*records: AdministrationRecord) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        for record in records:
            administrations.record(tx, record, reevaluate=False)


def _claim() -> list[outbox.OutboxItem]:
    with transaction(GATEWAY, at=NOW) as tx:
        return list(outbox.claim(tx, limit=9, lease_s=0))


def _sent_one_by_one() -> list[str]:
    """Whatever may go goes; each time one of the chain at most."""
    order: list[str] = []
    while items := _claim():
        assert len(items) == 1, "two of one chain at a time"
        with transaction(GATEWAY, at=NOW) as tx:
            outbox.mark_sent(tx, items[0].id, emr_id="MedicationAdministration/1")
        order.append(items[0].record_id)
    return order


def _undone(record: AdministrationRecord) -> AdministrationRecord:
    return a_record(amends=record.record_id, status="entered-in-error", action="undo")


def test_a_dose_that_comes_after_its_correction_goes_first_whatever_became_of_the_correction(app: Flask) -> None:
    dose = a_record()
    undo = _undone(dose)
    _arrive(undo)
    (early,) = _claim()
    with transaction(GATEWAY, at=NOW) as tx:
        outbox.mark_parked(tx, early.id, error="the corrected record is not here", code="emr-rejected")  # as an older version did
    _arrive(dose)
    assert _sent_one_by_one() == [dose.record_id], "no target got the dose while its correction was parked"
    with transaction(GATEWAY, at=NOW) as tx:
        outbox.requeue(tx, early.id)
    assert _sent_one_by_one() == [undo.record_id]


def test_a_correction_between_two_others_goes_between_them_whenever_it_came(app: Flask) -> None:
    dose = a_record()
    correction = a_record(amends=dose.record_id)
    undo = _undone(correction)
    again = a_record(amends=undo.record_id)
    told = [dose, correction, undo, again]
    for arrival in permutations(range(4)):
        # Records of their own for each order of arrival.
        named = {one.record_id: a_record().record_id for one in told}
        made = [replace(one, record_id=named[one.record_id], amends=named.get(one.amends or "")) for one in told]
        _arrive(*(made[place] for place in arrival))
        assert _sent_one_by_one() == [one.record_id for one in made], arrival


def test_the_acts_of_an_infusion_go_one_at_a_time_in_the_order_in_which_they_came_but_after_its_start(app: Flask) -> None:
    start = a_record(action="start", status="in-progress")
    rate = a_record(action="rate", status="in-progress", continues=start.record_id)
    stop = a_record(action="stop", status="stopped", continues=start.record_id)
    undo = _undone(stop)
    _arrive(undo, rate, start, stop)
    assert _sent_one_by_one() == [one.record_id for one in (start, rate, stop, undo)]


def test_one_that_waits_holds_back_the_later_ones_of_its_chain_as_ever(app: Flask) -> None:
    start = a_record(action="start", status="in-progress")
    rate = a_record(action="rate", status="in-progress", continues=start.record_id)
    undo = _undone(rate)
    stop = a_record(action="stop", status="stopped", continues=start.record_id)
    _arrive(start, rate, undo, stop)
    for record in (start, rate):
        (item,) = _claim()
        assert item.record_id == record.record_id
        with transaction(GATEWAY, at=NOW) as tx:
            outbox.mark_sent(tx, item.id, emr_id="MedicationAdministration/1")
    (item,) = _claim()
    with transaction(GATEWAY, at=NOW) as tx:
        outbox.mark_waiting(tx, item.id, error="away", code="emr-unavailable", next_attempt_at=NOW + timedelta(minutes=1))
    assert _claim() == []


def test_what_goes_on_with_a_record_is_held_back_until_that_was_sent(app: Flask) -> None:
    """The dose may come between the taking of its correction and its building."""
    dose = a_record()
    undo = _undone(dose)
    _arrive(undo)
    (early,) = _claim()
    _arrive(dose)
    with reading(GATEWAY) as tx:
        assert outbox.is_held_back(tx, early.id)
    (item,) = _claim()
    with transaction(GATEWAY, at=NOW) as tx:
        outbox.mark_sent(tx, item.id, emr_id="MedicationAdministration/1")
    with reading(GATEWAY) as tx:
        assert not outbox.is_held_back(tx, early.id)


def test_a_lost_dose_is_sent_again_with_what_withdrew_it_whichever_came_first(app: Flask) -> None:
    dose, stranger = a_record(), a_record(2)
    undo = _undone(dose)
    again = a_record(amends=undo.record_id)
    _arrive(again, undo, stranger, dose)
    while items := _claim():
        with transaction(GATEWAY, at=NOW) as tx:
            for item in items:
                outbox.mark_sent(tx, item.id, emr_id="MedicationAdministration/1")
    with transaction(GATEWAY, at=NOW) as tx:
        found = outbox.of_record(tx, dose.record_id)
        assert found is not None
        assert outbox.send_again(tx, found.id) == 3
    assert _sent_one_by_one() == [one.record_id for one in (dose, undo, again)]
