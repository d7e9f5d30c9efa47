"""Drawers and doses put side by side at the server: late, twice, out of order, and closed by a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError
from pointofcare.fleet import drawers
from pointofcare.people import StaffRole
from pointofcare.wire.messages import (
    AlertRaised,
    AlertSeverity,
    CartPhase,
    CartState,
    FleetEvent,
    JobState,
    JobTold,
    Telemetry,
    TelemetryKind,
)
from server.mqtt import unfit
from server.store import drawer_findings as store
from server.store import fleet, tasks
from server.store.tasks import COMPLETED
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import administrations, drawer_closing, drawer_findings, tasks_raised
from server.usecases.task_kinds import DRAWER_FINDING
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NOW, WARD, a_record

GATEWAY = Actor(id="gateway")
FLEET = Actor(id="F1", roles=frozenset({StaffRole.FLEET_MANAGER}))
CHARGE = Actor(id="C1", roles=frozenset({StaffRole.CHARGE_NURSE}), wards=frozenset({WARD}))
OTHER = Actor(id="C2", roles=frozenset({StaffRole.CHARGE_NURSE}), wards=frozenset({"elsewhere"}))
CART = "c1"


@contextmanager
def a_hospital(kind: str, directory: Path) -> Iterator[Flask]:
    with migrated_app(kind, directory) as made:
        with transaction(GATEWAY, at=NOW) as tx:
            fleet.put_state(tx, CART, CartState(phase=CartPhase.READY, ward=WARD), sid="s1", sent_at=NOW)
        yield made


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with a_hospital("sqlite", tmp_path) as made:
        yield made


@pytest.fixture(params=KINDS)
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with a_hospital(request.param, tmp_path) as made:
        yield made


def comes(seq: int, kind: str, at: datetime, *, received: datetime | None = None, epoch: str = "b1", **details: object) -> None:
    event = FleetEvent(seq=seq, epoch=epoch, kind=kind, at=at, details=details)
    with transaction(GATEWAY, at=received or at) as tx:
        fleet.put_event(tx, CART, event)
        tasks_raised.after_event(tx, CART, event)


def unlocked(seq: int, at: datetime, *, drawer: int = 3, command: str = "rec-1", received: datetime | None = None) -> None:
    comes(seq, drawers.ASKED, at, drawer=drawer, command=command, ttl_ms=15_000, received=received)
    comes(seq + 1, drawers.ANSWERED, at, drawer=drawer, command=command, outcome="unlocked", received=received)


def looked(at: datetime) -> list[tuple[str, int | None]]:
    """What stands open after the looks that are due at `at`."""
    with transaction(GATEWAY, at=at) as tx:
        for cart in store.due(tx, limit=20):
            drawer_findings.judge(tx, cart)
    return [(one.code, one.drawer) for one in standing(at)]


def standing(at: datetime = NOW) -> tuple[store.Found, ...]:
    with reading(FLEET, at=at) as tx:
        return tuple(one for one in store.of_cart(tx, CART) if one.withdrawn_at is None)


def heard(at: datetime, waiting: int = 0) -> None:
    with transaction(GATEWAY, at=at) as tx:
        fleet.put_telemetry(tx, CART, Telemetry(kind=TelemetryKind.MCU, at=at, values={"events_waiting": waiting}))


def dosed(at: datetime, evidence: str = "unlocked", record_id: str = "rec-1") -> None:
    record = replace(a_record(), record_id=record_id, cart=CART, effective_at=at, recorded_at=at, drawer=3, drawer_evidence=evidence)
    with transaction(GATEWAY, at=at) as tx:
        administrations.record(tx, record)


def s(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_drawer_without_a_scan_becomes_a_task_of_the_ward_that_a_person_closes(each: Flask) -> None:
    comes(1, drawers.OPENED, s(0), drawer=4)
    comes(2, drawers.CLOSED, s(8), drawer=4)
    assert looked(s(20)) == [("opened-without-scan", 4)]
    (found,) = standing()
    with transaction(OTHER, at=s(30)) as tx, pytest.raises(NotPermittedError):
        drawer_closing.close(tx, OTHER, found.id, revision=found.revision, words="not mine")
    with transaction(CHARGE, at=s(40)) as tx:
        (task,) = tasks.listed(tx, kinds=[DRAWER_FINDING])
        assert (task.detail["code"], task.detail["drawer"], task.ward) == ("opened-without-scan", 4, WARD)
        drawer_closing.close(tx, CHARGE, found.id, revision=found.revision, words="Cleaning")
    with transaction(FLEET, at=s(50)) as tx:
        assert tasks.get(tx, task.id).status == COMPLETED
        (closed,) = store.of_cart(tx, CART)
        assert (closed.is_open, closed.answer, closed.answered_by) == (False, "Cleaning", "C1")
        assert store.listed(tx) == ()
        with pytest.raises(ConflictError):
            drawer_closing.close(tx, FLEET, found.id, revision=found.revision, words="again")
        with pytest.raises(NotFoundError):
            drawer_closing.close(tx, FLEET, 4711, revision=1, words="what")


def test_what_comes_twice_is_found_once(app: Flask) -> None:
    for _ in range(3):
        comes(1, drawers.OPENED, s(0), drawer=4)
        comes(2, drawers.CLOSED, s(8), drawer=4)
        assert looked(s(60)) == [("opened-without-scan", 4)]
    with reading(FLEET, at=s(70)) as tx:
        assert len(tasks.listed(tx, kinds=[DRAWER_FINDING])) == 1


def test_an_unlock_that_comes_later_withdraws_what_was_found_without_it(each: Flask) -> None:
    comes(3, drawers.OPENED, s(2), drawer=3)
    comes(4, drawers.CLOSED, s(9), drawer=3)
    assert looked(s(20)) == [("opened-without-scan", 3)]
    unlocked(1, s(0), received=s(60))
    assert looked(s(80)) == []
    with reading(FLEET, at=s(90)) as tx:
        assert tasks.listed(tx, kinds=[DRAWER_FINDING]) == ()


def test_the_story_of_hours_offline_is_judged_by_its_own_times(app: Flask) -> None:
    then, now = s(-4 * 3600), s(0)
    unlocked(1, then, received=now)
    comes(3, drawers.OPENED, then + timedelta(seconds=2), drawer=3, received=now)
    comes(4, drawers.CLOSED, then + timedelta(seconds=9), drawer=3, received=now)
    comes(5, drawers.OPENED, then + timedelta(hours=1), drawer=5, received=now)
    comes(6, drawers.CLOSED, then + timedelta(hours=1, minutes=20), drawer=5, received=now)
    assert sorted(looked(s(30))) == [("left-open", 5), ("opened-without-scan", 5)]
    assert min(one.at for one in standing()) == then + timedelta(hours=1)


def test_a_dose_with_no_opening_waits_for_the_bridge_and_then_is_found_with_its_patient(each: Flask) -> None:
    unlocked(1, s(0))
    dosed(s(30))
    assert looked(s(40)) == []
    heard(s(200), waiting=3)
    assert looked(s(210)) == []
    heard(s(240))
    assert looked(s(300)) == [("dose-without-drawer", 3)]
    with reading(FLEET, at=s(310)) as tx:
        (task,) = tasks.listed(tx, kinds=[DRAWER_FINDING])
        assert (task.patient, task.record_id, task.detail["nurse"]) == (a_record().patient, "rec-1", a_record().nurse)


def test_a_dose_given_with_the_key_is_a_note_and_nobodys_task(app: Flask) -> None:
    dosed(s(30), evidence="unavailable")
    assert looked(s(60)) == [("no-evidence", 3)]
    with reading(FLEET, at=s(70)) as tx:
        assert tasks.listed(tx, kinds=[DRAWER_FINDING]) == ()


def test_a_drawer_that_stands_open_is_found_though_nothing_more_comes(app: Flask) -> None:
    unlocked(1, s(0), command="access-1")
    comes(3, drawers.OPENED, s(2), drawer=3)
    assert looked(s(60)) == []
    assert looked(s(320)) == [("left-open", 3)]
    assert looked(s(3600)) == [("left-open", 3)], "once"


def test_a_mailbox_that_ran_over_is_told_with_how_many(app: Flask) -> None:
    comes(1, drawers.EVENTS_LOST, s(0), count=17)
    looked(s(30))
    (found,) = standing()
    assert (found.code, found.count) == ("events-lost", 17)


def test_rubbish_from_a_cart_is_no_fault_of_the_judge(app: Flask) -> None:
    comes(1, drawers.OPENED, s(0), drawer="three", command=7, count=-4)
    comes(2, drawers.ASKED, s(1), drawer=True, command={"a": 1}, ttl_ms="soon")
    comes(3, drawers.CLOSED, s(2), drawer=-1)
    looked(s(30))
    assert looked(s(60)) == [("opened-without-scan", None)]


def test_a_flood_of_events_is_judged_in_windows_and_comes_to_an_end(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_EVENTS", 10)
    for number in range(0, 40, 2):
        comes(number + 1, drawers.OPENED, s(number * 240), drawer=4, received=s(10_000))
        comes(number + 2, drawers.CLOSED, s(number * 240 + 5), drawer=4, received=s(10_000))
    for turn in range(60):
        looked(s(20_000 + turn * 60))
    with reading(FLEET, at=s(30_000)) as tx:
        assert store.due(tx, limit=5) == ()
        assert len(store.of_cart(tx, CART, limit=100)) == 20


def test_a_gap_that_never_ended_does_not_blind_the_cart_for_ever(app: Flask) -> None:
    comes(1, "program-started", s(0) - timedelta(days=3), epoch="old")
    comes(3, "program-started", s(5) - timedelta(days=3), epoch="old")
    found_without_drawer(s(240))


@pytest.mark.parametrize(("missing_since", "epoch"), [(timedelta(hours=2), "old"), (timedelta(days=3), "b1")])
def test_a_gap_that_may_hide_an_opening_is_no_evidence_against_a_nurse(app: Flask, missing_since: timedelta, epoch: str) -> None:
    """It is new, or in the numbers of the very program that tells of the drawers now."""
    comes(1, drawers.CLOSED, s(0) - missing_since, epoch=epoch, drawer=5)
    comes(3, drawers.CLOSED, s(5) - missing_since, epoch=epoch, drawer=5)
    unlocked(4, s(0))
    dosed(s(30))
    heard(s(240))
    assert looked(s(300)) == [("no-evidence", 3)]


def test_a_cart_that_cannot_be_judged_keeps_no_other_back_and_is_tried_again_later(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC) - timedelta(seconds=30)
    comes(1, drawers.OPENED, now, drawer=4)
    with transaction(GATEWAY, at=now) as tx:
        store.wait(tx, "broken", since=now, due_at=now - timedelta(seconds=60))
        store.wait(tx, "c0", since=now, due_at=now - timedelta(seconds=30))
    judge = drawer_findings.judge
    asked: list[str] = []

    def judged(tx: Transaction, cart: str) -> object:
        asked.append(cart)
        if cart == "broken":
            raise OverflowError("date value out of range")
        return judge(tx, cart)

    monkeypatch.setattr(drawer_findings, "judge", judged)
    assert drawer_findings.look(GATEWAY) == 3
    assert asked == ["broken", "c0", CART]
    assert [one.code for one in standing()] == ["opened-without-scan"]
    assert drawer_findings.look(GATEWAY) == 0, "it waits its time"
    with reading(GATEWAY, at=datetime.now(UTC) + drawer_findings.AFTER_A_FAULT) as tx:
        assert "broken" in store.due(tx, limit=5)


@pytest.mark.parametrize("at", ["0001-01-01T00:10:00+00:00", "9999-12-31T23:59:50+00:00"])
def test_a_moment_at_the_ends_of_time_stops_neither_an_event_nor_a_record(app: Flask, at: str) -> None:
    moment = datetime.fromisoformat(at)
    comes(1, drawers.OPENED, moment, received=s(0), drawer=4)
    record = replace(a_record(), record_id="rec-9", cart=CART, drawer=3, drawer_evidence="unlocked", effective_at=moment)
    with transaction(GATEWAY, at=s(1)) as tx:
        drawer_findings.after_record(tx, record)
    with reading(GATEWAY, at=s(30)) as tx:
        assert store.due(tx, limit=5) == ()
    comes(2, drawers.OPENED, s(40), drawer=5)
    assert looked(s(60)) == [("opened-without-scan", 5)]


@pytest.mark.parametrize(("at", "is_fit"), [("0001-01-01T00:10:00", False), ("9999-12-31T23:59:50", False), ("1970-01-01T00:00:07", True)])
def test_what_names_a_moment_at_the_ends_of_time_is_none_of_ours(at: str, is_fit: bool) -> None:
    """A computer that does not know the time yet begins at 1970: its events must not come again for ever."""
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    told = (
        FleetEvent(seq=1, epoch="b1", kind=drawers.OPENED, at=moment),
        AlertRaised(code="battery-low", severity=AlertSeverity.WARNING, at=moment),
        Telemetry(kind=TelemetryKind.MCU, at=moment, values={}),
        JobTold(job="j1", attempt=1, state=JobState.WAITING, step="gates", percent=None, why=None, at=moment),
    )
    assert [unfit.why(body) == "" for body in told] == [is_fit] * 4


def test_no_other_facility_sees_or_judges_it(app: Flask) -> None:
    comes(1, drawers.OPENED, s(0), drawer=4)
    with transaction(GATEWAY, at=s(60)) as tx:
        object.__setattr__(tx, "facility", "another")
        assert store.due(tx, limit=5) == ()
        assert store.of_cart(tx, CART) == ()


def found_without_drawer(at: datetime) -> None:
    """A dose whose drawer nobody opened, found and owed."""
    unlocked(1, s(0))
    dosed(s(30))
    heard(at)
    assert looked(at + timedelta(seconds=30)) == [("dose-without-drawer", 3)]


def owed(at: datetime) -> list[tuple[str, str]]:
    with reading(FLEET, at=at) as tx:
        return [(str(task.detail["code"]), task.status) for task in tasks.listed(tx, kinds=[DRAWER_FINDING])]


def test_a_dose_without_a_drawer_stands_while_evidence_is_on_its_way(each: Flask) -> None:
    found_without_drawer(s(240))
    heard(s(300), waiting=2)
    comes(3, drawers.CLOSED, s(310), drawer=5)
    assert looked(s(330)) == [("dose-without-drawer", 3)], "not known is not explained"
    comes(5, drawers.CLOSED, s(320), drawer=5, received=s(335))  # number 4 is missing
    heard(s(336))
    assert looked(s(360)) == [("dose-without-drawer", 3)], "a gap explains nothing, and is not said beside it"
    comes(4, drawers.CLOSED, s(315), drawer=5, received=s(370))
    heard(s(371))
    assert looked(s(420)) == [("dose-without-drawer", 3)]
    assert owed(s(430)) == [("dose-without-drawer", "requested")]


def test_what_came_late_and_shows_the_drawer_open_explains_it_though_more_is_waiting(app: Flask) -> None:
    found_without_drawer(s(240))
    heard(s(300), waiting=2)
    comes(3, drawers.OPENED, s(4), drawer=3, received=s(310))
    comes(4, drawers.CLOSED, s(9), drawer=3, received=s(310))
    assert looked(s(330)) == []
    assert owed(s(340)) == []


def test_what_was_withdrawn_and_is_found_again_is_owed_again(each: Flask) -> None:
    found_without_drawer(s(240))
    (found,) = standing()
    with transaction(GATEWAY, at=s(300)) as tx:
        store.withdraw(tx, [found.id])
        tasks.cancel(tx, [found.task or 0], why="explained")
        store.wait(tx, CART, since=s(-600), due_at=s(300))
    assert owed(s(305)) == []
    assert looked(s(310)) == [("dose-without-drawer", 3)]
    assert owed(s(320)) == [("dose-without-drawer", "requested")]
    assert [(one.id, one.is_open) for one in standing()] == [(found.id, True)]


def test_what_a_person_answered_is_not_asked_again_when_it_is_found_again(app: Flask) -> None:
    found_without_drawer(s(240))
    (found,) = standing()
    with transaction(CHARGE, at=s(290)) as tx:
        drawer_closing.close(tx, CHARGE, found.id, revision=found.revision, words="The lock was out")
    with transaction(GATEWAY, at=s(300)) as tx:
        store.withdraw(tx, [found.id])
        store.wait(tx, CART, since=s(-600), due_at=s(300))
    assert looked(s(310)) == [("dose-without-drawer", 3)]
    assert owed(s(320)) == []
    assert [one.answer for one in standing()] == ["The lock was out"]
