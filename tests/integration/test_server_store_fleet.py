"""Leases, carts, events, the outbox's claims and migrations in the store, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select

from pointofcare.errors import ConflictError, NotPermittedError
from pointofcare.verdict.facts import Lease
from pointofcare.wire.messages import CartBirth, CartPhase, CartState, FleetEvent, HeldTable, TableKind, Telemetry, TelemetryKind
from server.store import fleet, leases, migrate, outbox, patients, versions
from server.store import tables as rows
from server.store.database import db
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations
from server.usecases import leases as lease_verbs
from server.usecases import outbox as outbox_verbs
from tests.support.databases import KINDS, empty_app, migrated_app
from tests.support.server_ward import CHARGE, NOW, NURSE, PHARMACIST, WARD, a_record, open_ward

GATEWAY = Actor(id="gateway")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        yield made


def test_a_cart_whose_clock_was_ahead_is_heard_again_once_it_is_right(app: Flask) -> None:
    ahead = NOW + timedelta(days=26_000)
    with transaction(GATEWAY, at=NOW) as tx:
        assert fleet.put_state(tx, "c1", CartState(phase=CartPhase.READY), sid="s1", sent_at=ahead)
        assert fleet.put_state(tx, "c1", CartState(phase=CartPhase.LOST), sid="s1", sent_at=ahead)
    with transaction(GATEWAY, at=NOW + timedelta(minutes=1)) as tx:
        assert fleet.put_state(tx, "c1", CartState(phase=CartPhase.READY), sid="s2", sent_at=NOW + timedelta(minutes=1))
        assert tx.session.scalars(select(rows.CartRow.phase)).all() == ["ready"]


# Leases.


def test_one_cart_at_a_time_holds_a_patients_lease_and_a_takeover_raises_the_fence(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        first = lease_verbs.acquire(tx, patient="P1", cart="c1")
        assert (first.state, first.fence) == (Lease.HELD, 1)
        refused = lease_verbs.acquire(tx, patient="P1", cart="c2")
        assert (refused.state, refused.holder, refused.until) == (Lease.OTHER_CART, "c1", NOW + timedelta(minutes=5))
        assert lease_verbs.acquire(tx, patient="P2", cart="c2").state is Lease.HELD
    with transaction(GATEWAY, at=NOW + timedelta(minutes=4)) as tx:
        renewed = lease_verbs.renew(tx, patient="P1", cart="c1")
        assert (renewed.fence, renewed.until) == (1, NOW + timedelta(minutes=9))
    with transaction(GATEWAY, at=NOW + timedelta(minutes=9)) as tx:
        taken = lease_verbs.acquire(tx, patient="P1", cart="c2")
        assert (taken.state, taken.fence) == (Lease.HELD, 2)
        assert lease_verbs.renew(tx, patient="P1", cart="c1").state is Lease.OTHER_CART


def test_a_lease_that_ran_out_is_not_renewed_but_acquired_anew(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        lease_verbs.acquire(tx, patient="P1", cart="c1")
    with transaction(GATEWAY, at=NOW + timedelta(minutes=5)) as tx:
        assert lease_verbs.renew(tx, patient="P1", cart="c1").state is Lease.NONE
        assert lease_verbs.acquire(tx, patient="P1", cart="c1").fence == 2


def test_a_late_release_of_an_older_lease_frees_nothing(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        lease_verbs.acquire(tx, patient="P1", cart="c1")
        lease_verbs.release(tx, patient="P1", cart="c1", fence=1)
        assert lease_verbs.acquire(tx, patient="P1", cart="c1").fence == 2
        assert lease_verbs.release(tx, patient="P1", cart="c1", fence=1).state is Lease.HELD
        assert lease_verbs.release(tx, patient="P1", cart="c2", fence=2).state is Lease.OTHER_CART
    with reading() as tx:
        kept = leases.find(tx, "P1")
        assert kept is not None
        assert kept.cart == "c1"


def test_of_many_carts_that_ask_at_once_one_gets_the_lease(app: Flask) -> None:
    together = threading.Barrier(6)
    states: list[Lease] = []

    def ask(cart: str) -> None:
        with app.app_context():
            together.wait(5)
            with transaction(GATEWAY, at=NOW) as tx:
                states.append(lease_verbs.acquire(tx, patient="P1", cart=cart).state)

    threads = [threading.Thread(target=ask, args=(f"c{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(states) == sorted([Lease.HELD] + [Lease.OTHER_CART] * 5)


# Carts.


def state(phase: CartPhase) -> CartState:
    return CartState(phase=phase, ward="NOI-TH")


def phase_of(cart: str) -> object:
    with reading() as tx:
        found = fleet.cart_row(tx, cart)
    assert found is not None
    return found["phase"]


def test_a_late_will_of_an_older_connection_does_not_make_a_cart_lost(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        fleet.put_state(tx, "c1", state(CartPhase.READY), sid="s1", sent_at=NOW)
        fleet.put_state(tx, "c1", state(CartPhase.READY), sid="s2", sent_at=NOW + timedelta(seconds=5))
        assert fleet.put_state(tx, "c1", state(CartPhase.LOST), sid="s1", sent_at=NOW) is False
    assert phase_of("c1") == "ready"
    with transaction(GATEWAY, at=NOW) as tx:
        assert fleet.put_state(tx, "c1", state(CartPhase.LOST), sid="s2", sent_at=NOW + timedelta(seconds=5)) is True
    assert phase_of("c1") == "lost"


def test_birth_and_telemetry_fill_what_the_fleet_page_shows(app: Flask) -> None:
    birth = CartBirth(versions={"app": "0.1.0"}, hardware="simulated", boot_id="b1", epoch="e1", ward="NOI-TH")
    numbers = {"patient_chart_version": 7, "chart_age_s": 12.5, "unsent_records": 3, "clock_offset_s": -0.25}
    with transaction(GATEWAY, at=NOW) as tx:
        fleet.put_birth(tx, "c1", birth)
        fleet.put_telemetry(tx, "c1", Telemetry(kind=TelemetryKind.APP, at=NOW, values=numbers))
        power = {"battery_percent": 81, "charging": True}
        fleet.put_telemetry(tx, "c1", Telemetry(kind=TelemetryKind.POWER, at=NOW, values=power))
        odd = {"battery_percent": "full", "charging": 3}
        fleet.put_telemetry(tx, "c1", Telemetry(kind=TelemetryKind.POWER, at=NOW, values=odd))
    with reading() as tx:
        row = fleet.cart_row(tx, "c1")
    assert row is not None
    shown = {name: row[name] for name in ("chart_version", "chart_age_s", "unsent", "clock_offset_s", "battery_percent", "charging")}
    assert shown == {
        "chart_version": 7, "chart_age_s": 12.5, "unsent": 3, "clock_offset_s": -0.25, "battery_percent": 81, "charging": True,
    }  # fmt: skip
    assert row["versions"] == {"app": "0.1.0"}


def a_fleet_event(seq: int, epoch: str = "e1") -> FleetEvent:
    return FleetEvent(seq=seq, epoch=epoch, kind="drawer-forced", at=NOW)


def test_events_are_stored_once_and_acknowledged_only_without_a_gap(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        answers = [fleet.put_event(tx, "c1", a_fleet_event(seq)).upto for seq in (1, 2, 2, 4, 5, 3, 1)]
    assert answers == [1, 2, 2, 2, 2, 5, 5]
    with transaction(GATEWAY, at=NOW) as tx:
        assert fleet.put_event(tx, "c1", a_fleet_event(1, "e2")).upto == 1


def test_an_event_behind_a_gap_reads_no_later_ones_and_what_fills_it_reads_them_in_steps(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "MOST_FOLLOWED", 10, raising=False)
    read: list[str] = []

    def noted(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith("SELECT cart_events.seq") and "ORDER BY" in statement:
            read.append(statement)

    with transaction(GATEWAY, at=NOW) as tx:
        fleet.put_event(tx, "c1", a_fleet_event(1))
    event.listen(db.engine, "before_cursor_execute", noted)
    try:
        with transaction(GATEWAY, at=NOW) as tx:
            assert {fleet.put_event(tx, "c1", a_fleet_event(seq)).upto for seq in range(3, 28)} == {1}
            assert read == []
            held = [fleet.put_event(tx, "c1", a_fleet_event(seq)) for seq in (2, 28, 29)]
    finally:
        event.remove(db.engine, "before_cursor_execute", noted)
    assert len(read) == 3
    assert [(one.upto, one.gap) for one in held] == [(11, False), (21, True), (29, False)]


def test_what_a_cart_forgot_is_passed_over_though_the_event_that_says_so_is_not_the_next(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        for seq in (1, 2, 5, 6):
            fleet.put_event(tx, "c1", a_fleet_event(seq))
        held = fleet.put_event(tx, "c1", FleetEvent(seq=7, epoch="e1", kind="drawer-forced", at=NOW, first=5))
    assert (held.upto, held.gap, held.lost) == (7, False, 2)


def test_rejected_messages_are_bounded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "KEPT_REJECTED", 50)
    with transaction(GATEWAY, at=NOW) as tx:
        for number in range(200):
            fleet.reject(tx, topic="t\x00", reason="r" * 5000, head=b"\x00\xff" + str(number).encode())
    with reading() as tx:
        assert fleet.rejected_count(tx) == 50


def test_a_cart_with_a_newer_table_than_ours_lifts_ours_above_it(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        assert versions.raise_above(tx, "NOI-TH", TableKind.PATIENT_CHART, 500) == 501
        assert versions.of_ward(tx, "NOI-TH")[TableKind.FORMULARY] == 1
        fleet.put_held(tx, "c1", "NOI-TH", (HeldTable(kind=TableKind.PATIENT_CHART, ward="NOI-TH", version=500),))


# The outbox.


def test_a_claimed_row_is_not_claimed_twice_until_its_lease_ends(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        for _ in range(3):
            administrations.record(tx, a_record(), reevaluate=False)
    with transaction(GATEWAY, at=NOW) as tx:
        assert len(outbox.claim(tx, limit=2, lease_s=60)) == 2
    with transaction(GATEWAY, at=NOW) as tx:
        assert len(outbox.claim(tx, limit=9, lease_s=60)) == 1
    with transaction(GATEWAY, at=NOW + timedelta(seconds=60)) as tx:
        assert len(outbox.claim(tx, limit=9, lease_s=60)) == 3


def test_a_correction_waits_for_what_it_corrects_and_others_do_not(app: Flask) -> None:
    first = a_record()
    correction = a_record(amends=first.record_id)
    stranger = a_record(2)
    with transaction(GATEWAY, at=NOW) as tx:
        for made in (first, correction, stranger):
            administrations.record(tx, made, reevaluate=False)
    with transaction(GATEWAY, at=NOW) as tx:
        claimed = {item.record_id: item for item in outbox.claim(tx, limit=9, lease_s=60)}
        assert set(claimed) == {first.record_id, stranger.record_id}
        outbox.mark_parked(tx, claimed[first.record_id].id, error="no such patient", code="emr-rejected")
        outbox.mark_sent(tx, claimed[stranger.record_id].id, emr_id="MedicationAdministration/1")
    with transaction(GATEWAY, at=NOW) as tx:
        assert outbox.claim(tx, limit=9, lease_s=60) == ()
        with pytest.raises(NotPermittedError):
            outbox_verbs.requeue(tx, NURSE, claimed[first.record_id].id)
    with transaction(PHARMACIST, at=NOW) as tx:
        outbox_verbs.requeue(tx, PHARMACIST, claimed[first.record_id].id)
        with pytest.raises(ConflictError):
            outbox_verbs.requeue(tx, PHARMACIST, claimed[first.record_id].id)
    with transaction(GATEWAY, at=NOW) as tx:
        assert [item.record_id for item in outbox.claim(tx, limit=9, lease_s=60)] == [first.record_id]
        outbox.mark_sent(tx, claimed[first.record_id].id, emr_id="MedicationAdministration/2")
    with transaction(GATEWAY, at=NOW) as tx:
        assert [item.record_id for item in outbox.claim(tx, limit=9, lease_s=60)] == [correction.record_id]


def test_the_first_stored_bytes_are_those_that_every_resend_sends(app: Flask) -> None:
    made = a_record()
    with transaction(GATEWAY, at=NOW) as tx:
        administrations.record(tx, made, reevaluate=False)
        item = outbox.of_record(tx, made.record_id)
        assert item is not None
        assert outbox.keep_payload(tx, item.id, b"first") == b"first"
    with transaction(GATEWAY, at=NOW) as tx:
        assert outbox.keep_payload(tx, item.id, b"second") == b"first"


def test_a_settled_row_is_told_until_it_was_told(app: Flask) -> None:
    made = a_record()
    with transaction(GATEWAY, at=NOW) as tx:
        administrations.record(tx, made, reevaluate=False)
        item = outbox.of_record(tx, made.record_id)
        assert item is not None
        assert outbox.untold(tx) == ()
        outbox.mark_sent(tx, item.id, emr_id="MedicationAdministration/1")
    with transaction(GATEWAY, at=NOW) as tx:
        waiting = outbox.untold(tx)
        assert [one.record_id for one in waiting] == [made.record_id]
        outbox.mark_told(tx, waiting)
    with transaction(GATEWAY, at=NOW) as tx:
        assert outbox.untold(tx) == ()
        outbox.tell_again(tx, "c1", since=NOW - timedelta(hours=1))
        assert len(outbox.untold(tx)) == 1


# Migrations and connections.


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_migrated_database_is_what_the_tables_say(kind: str, tmp_path: Path) -> None:
    with empty_app(kind, tmp_path):
        assert migrate.current() is None
        migrate.upgrade()
        assert migrate.current() == migrate.head()
        assert migrate.differences() == ""
        migrate.upgrade()


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_behind_its_program_is_said_and_not_used(kind: str, tmp_path: Path) -> None:
    from pointofcare.errors import ConfigError

    with empty_app(kind, tmp_path), pytest.raises(ConfigError, match="pointofcare-server migrate"):
        migrate.require_current()


def test_moments_come_back_aware_and_a_naive_one_is_refused(app: Flask) -> None:
    from datetime import datetime, timezone

    hanoi = timezone(timedelta(hours=7))
    with transaction(GATEWAY, at=NOW.astimezone(hanoi)) as tx:
        tx.audit("test", "x/1")
    with reading() as tx:
        kept = tx.session.query(rows.AuditRow).one().at
    assert kept == NOW
    assert kept.utcoffset() == timedelta(0)
    with pytest.raises(Exception, match="no time zone"), transaction(GATEWAY, at=datetime(2026, 1, 1)) as tx:  # noqa: DTZ001
        tx.audit("test", "x/1")


def test_sqlite_waits_for_the_disk_and_locks_before_it_writes(tmp_path: Path) -> None:
    with migrated_app("sqlite", tmp_path), db.engine.connect() as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        with transaction(GATEWAY):
            pass  # looks, once in the life of a program, whether the database is one for training
        begun: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda _c, _cur, statement, *_: begun.append(statement))
        with transaction(GATEWAY) as tx:
            tx.audit("test", "x/1")
        with reading() as tx:
            leases.find(tx, "P1")
        assert [statement for statement in begun if statement.startswith("BEGIN")] == ["BEGIN IMMEDIATE", "BEGIN DEFERRED"]


def test_a_ward_is_told_which_drawers_of_its_carts_hold_another_wards_drugs_and_not_whose(app: Flask) -> None:
    open_ward(patient_count=2)
    with transaction(GATEWAY, at=NOW) as tx:
        fleet.put_state(tx, "c1", CartState(phase=CartPhase.READY, ward=WARD), sid="s", sent_at=NOW)
        row = tx.session.scalars(select(rows.PatientRow).where(rows.PatientRow.id == "P2")).one()
        row.ward = "another"
    with transaction(CHARGE, at=NOW) as tx:
        patients.assign_drawer(tx, cart="c1", drawer=3, patient="P2")
        patients.assign_drawer(tx, cart=f"*{WARD}", drawer=3, patient="P1")
        patients.assign_drawer(tx, cart="c9", drawer=4, patient="P2")
    with reading(GATEWAY) as tx:
        told = patients.cart_drawers(tx, ward=WARD)
        assert told == {f"*{WARD}": {"P1": 3}, "c1": {"*3": 3}}
        assert "P1" not in patients.drawers_anywhere(told), "an older cart opens it for nobody"
