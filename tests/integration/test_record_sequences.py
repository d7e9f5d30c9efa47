"""Numbers of a cart's records at the server: what is missing is seen, asked for, raised, and closed by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.quantity import Quantity
from pointofcare.wire.messages import AttemptOutcome, AttemptStopped, CartPhase, CartState, ObservationRecorded
from server.store import fleet, tasks
from server.store import sequences as stored
from server.store.tasks import Task
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, attempts, observations, sequences
from server.usecases.sequences import RAISED_AFTER, Standing, Wanted, gaps
from server.usecases.task_kinds import RECORD_GAP, RECORDS_LOST
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import CHARGE, NOW, WARD, a_record, open_ward

GATEWAY = Actor(id="gateway")
CART, EPOCH = "c1", "e1"


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def ward(app: Flask) -> None:
    open_ward()
    hears(0)
    with transaction(GATEWAY, at=NOW) as tx:
        fleet.put_state(tx, CART, CartState(phase=CartPhase.READY, ward=WARD), sid="s1", sent_at=NOW)


def hears(last_seq: int, *, epoch: str = EPOCH, fresh: bool = True, at: datetime = NOW) -> None:
    with transaction(GATEWAY, at=at) as tx:
        sequences.heard(tx, CART, epoch, last_seq, fresh=fresh)


def comes(*numbers: int, epoch: str = EPOCH) -> None:
    for seq in numbers:
        with transaction(GATEWAY, at=NOW) as tx:
            administrations.record(tx, a_record(cart=CART), cart_seq=seq, epoch=epoch)


def looks(at: datetime, *, there: bool = True, epochs: tuple[str, ...] = (EPOCH,)) -> tuple[Wanted, ...]:
    with transaction(GATEWAY, at=at) as tx:
        if there:
            fleet.put_state(tx, CART, CartState(phase=CartPhase.READY, ward=WARD), sid="s1", sent_at=NOW)
        return sequences.follow(tx, [(CART, epoch) for epoch in epochs])


def line(epoch: str = EPOCH) -> stored.SequenceLine:
    with reading(GATEWAY) as tx:
        return next(each for each in stored.lines(tx, CART) if each.epoch == epoch)


def listed(kind: str, *, is_open: bool = True) -> tuple[Task, ...]:
    with reading(GATEWAY) as tx:
        return tasks.listed(tx, kinds=(kind,), is_open=is_open)


def standing() -> list[Standing]:
    with reading(GATEWAY) as tx:
        return [each.standing for each in sequences.journals(tx, CART)[CART]]


@given(st.sets(st.integers(1, 60)), st.integers(0, 70), st.lists(st.integers(0, 60), max_size=4))
def test_gaps_are_what_is_not_there_however_the_numbers_come(here: set[int], told: int, looks_at: list[int]) -> None:
    upto: int = 0
    missing: tuple[tuple[int, int], ...] = ()
    for most in (*sorted(looks_at), 60):
        seen = sorted(seq for seq in here if upto < seq <= most)
        upto, _, missing = gaps(upto, seen, told)
    absent = [seq for seq in range(1, max([told, *here], default=0) + 1) if seq not in here]
    assert [seq for first, last in missing for seq in range(first, last + 1)] == absent
    assert upto == (absent[0] - 1 if absent else max(here, default=0))
    assert all(first <= last for first, last in missing)


@pytest.mark.usefixtures("ward")
def test_records_attempts_and_measurements_share_one_row_of_numbers() -> None:
    comes(1)
    attempt = AttemptStopped(
        record_id="a-2", facility="h1", ward=WARD, cart=CART, at=NOW, outcome=AttemptOutcome.STOPPED, nurse="N1", patient="P1",
        order=None, order_version=None, due=None, action="give", level="STOP", findings=(), scans=(), engine="1", policy="1",
        chart_version=1, online=True, seq=2, epoch=EPOCH,
    )  # fmt: skip
    value = ObservationRecorded(
        record_id="v-3", facility="h1", ward=WARD, cart=CART, patient="P1", code="heart-rate", value=Quantity.parse("70 /min"),
        at=NOW, nurse="N1", seq=3, epoch=EPOCH,
    )  # fmt: skip
    with transaction(GATEWAY, at=NOW) as tx:
        attempts.record(tx, attempt)
        observations.record(tx, value, sender=CART)
    comes(4)
    assert looks(NOW) == ()
    assert (line().upto, line().highest, line().missing, standing()) == (4, 4, (), [Standing.COMPLETE])


@pytest.mark.usefixtures("ward")
def test_a_gap_is_asked_for_then_raised_and_closes_by_itself_when_it_is_filled() -> None:
    comes(1, 2, 5, 9)
    assert looks(NOW) == ()
    assert (line().upto, line().missing, standing()) == (2, ((3, 4), (6, 8)), [Standing.AWAITED])
    (wanted,) = looks(NOW + timedelta(seconds=40))
    assert wanted == Wanted(cart=CART, sid="s1", epoch=EPOCH, ranges=((3, 4), (6, 8)))
    assert listed(RECORD_GAP) == ()
    looks(NOW + RAISED_AFTER)
    assert [(task.detail["first"], task.detail["last"], task.ward) for task in listed(RECORD_GAP)] == [(3, 4, WARD), (6, 8, WARD)]
    looks(NOW + RAISED_AFTER * 2)
    assert [task.repeats for task in listed(RECORD_GAP)] == [0, 0]
    comes(3, 4)
    looks(NOW + RAISED_AFTER * 3)
    assert [task.detail["first"] for task in listed(RECORD_GAP)] == [6]
    comes(6, 7, 8)
    looks(NOW + RAISED_AFTER * 3)
    assert listed(RECORD_GAP) == ()
    assert {(task.status, task.answer_code) for task in listed(RECORD_GAP, is_open=False)} == {("cancelled", "filled")}
    assert (line().upto, standing()) == (9, [Standing.COMPLETE])


@pytest.mark.usefixtures("ward")
def test_a_gap_of_a_cart_that_is_away_waits_for_it() -> None:
    comes(1, 3)
    assert looks(NOW) == ()
    assert looks(NOW + timedelta(hours=9), there=False) == ()
    assert (listed(RECORD_GAP), standing()) == ((), [Standing.AWAITED])
    looks(NOW + timedelta(hours=10))
    assert listed(RECORD_GAP) == ()  # it has only just come back
    looks(NOW + timedelta(hours=10) + RAISED_AFTER)
    assert len(listed(RECORD_GAP)) == 1


@pytest.mark.usefixtures("ward")
def test_a_queue_that_is_being_drained_raises_nothing_however_long_it_takes() -> None:
    hears(300)
    for minute in range(40):
        comes(minute + 1)
        looks(NOW + timedelta(minutes=minute))
    assert (line().upto, line().missing, listed(RECORD_GAP)) == (40, ((41, 300),), ())


@pytest.mark.usefixtures("ward")
def test_the_last_record_that_a_cart_told_of_and_never_sent_is_a_gap_too() -> None:
    comes(1, 2)
    hears(3, fresh=False)
    hears(2, fresh=False)  # an older word changes nothing
    looks(NOW)
    looks(NOW + RAISED_AFTER)
    assert [(task.detail["first"], task.detail["last"]) for task in listed(RECORD_GAP)] == [(3, 3)]


@pytest.mark.usefixtures("ward")
def test_a_gap_that_a_person_explained_is_not_raised_again() -> None:
    comes(1, 3)
    looks(NOW)
    looks(NOW + RAISED_AFTER)
    (task,) = listed(RECORD_GAP)
    with transaction(CHARGE, at=NOW) as tx:
        assert tasks.answer(tx, task.id, revision=task.revision, status=tasks.COMPLETED, code="explain", text="battery, on paper")
    looks(NOW + RAISED_AFTER * 3)
    assert listed(RECORD_GAP) == ()


@pytest.mark.usefixtures("ward")
def test_a_cart_with_a_new_journal_may_have_lost_records_until_a_person_says_what_became_of_them() -> None:
    comes(1, 2, 5)
    hears(7, fresh=False)
    looks(NOW)
    hears(0, epoch="e2", at=NOW + timedelta(minutes=1))
    (task,) = listed(RECORDS_LOST)
    assert task.detail == {"cart": CART, "epoch": EPOCH, "ranges": [[3, 4], [6, 7]], "count": 4, "after": 7}
    assert standing() == [Standing.COMPLETE, Standing.LOST]
    hears(0, epoch="e2", at=NOW + timedelta(minutes=2))  # told again: nothing new
    comes(4)
    looks(NOW + timedelta(hours=1), epochs=(EPOCH, "e2"))
    (task,) = listed(RECORDS_LOST)
    assert (task.repeats, task.detail["count"], listed(RECORD_GAP)) == (0, 3, ())
    with transaction(CHARGE, at=NOW) as tx:
        assert tasks.answer(tx, task.id, revision=task.revision, status=tasks.COMPLETED, code="explain", text="disk died; charted on paper")
    looks(NOW + timedelta(hours=2), epochs=(EPOCH, "e2"))
    assert (listed(RECORDS_LOST), standing()) == ((), [Standing.COMPLETE, Standing.EXPLAINED])


@pytest.mark.usefixtures("ward")
def test_a_new_journal_is_a_task_though_nothing_is_known_to_be_missing() -> None:
    """What was recorded offline after the last word, nobody knows."""
    comes(1, 2)
    looks(NOW)
    hears(0, epoch="e2")
    (task,) = listed(RECORDS_LOST)
    assert (task.detail["count"], task.detail["after"]) == (0, 2)


@pytest.mark.usefixtures("ward")
def test_a_journal_that_comes_back_is_lost_no_more_and_the_one_between_is() -> None:
    comes(1)
    hears(0, epoch="e2")
    hears(1, epoch=EPOCH, at=NOW + timedelta(minutes=1))
    assert [(task.detail["epoch"]) for task in listed(RECORDS_LOST)] == ["e2"]
    assert listed(RECORDS_LOST, is_open=False)[0].answer_code == "journal-back"
    assert line().replaced_at is None


@pytest.mark.usefixtures("ward")
def test_a_late_record_of_a_replaced_journal_does_not_make_it_the_carts_own_again() -> None:
    hears(0, epoch="e2")
    comes(1, 2, epoch="e0")
    looks(NOW, epochs=("e0",))
    assert (line("e0").replaced_at, line("e0").upto, line("e2").replaced_at) == (NOW, 2, None)


@pytest.mark.usefixtures("ward")
def test_a_number_that_no_cart_draws_is_taken_for_no_more_than_it_says() -> None:
    comes(1)
    hears(2**62, fresh=False)
    assert looks(NOW) == ()
    assert line().missing == ((2, 2**53),)
    with transaction(GATEWAY, at=NOW) as tx:
        administrations.record(tx, replace(a_record(cart=CART)), cart_seq=2**40, epoch=EPOCH)
    looks(NOW)
    assert line().missing == ((2, 2**40 - 1), (2**40 + 1, 2**53))


@pytest.mark.parametrize("epoch", ["", "x" * 65, "a\x00b", "é", "e 1"])
def test_a_journal_that_no_cart_of_ours_names_is_not_followed(epoch: str) -> None:
    assert not sequences.can_be_followed(CART, epoch)
    assert sequences.can_be_followed(CART, "0123456789abcdef")


def test_a_journal_that_was_put_back_from_an_older_copy_is_a_persons_task(ward: None) -> None:
    comes(1, 2, 3, 4, 5)
    looks(NOW)
    assert listed(RECORDS_LOST) == ()
    comes(4, 5, 6)  # drawn again, for other records: all of them are kept
    looks(NOW)
    (task,) = listed(RECORDS_LOST)
    assert (task.detail["after"], task.detail["again"], line().upto) == (3, 5, 6)
    looks(NOW + timedelta(minutes=1))
    hears(6)  # that it goes on with this journal explains nothing
    assert [each.id for each in listed(RECORDS_LOST)] == [task.id]


def test_the_same_record_again_is_no_number_that_was_drawn_twice(ward: None) -> None:
    for _ in range(2):
        with transaction(GATEWAY, at=NOW) as tx:
            administrations.record(tx, a_record(record_id="r-1", cart=CART), cart_seq=1, epoch=EPOCH)
        looks(NOW)
    assert listed(RECORDS_LOST) == ()
