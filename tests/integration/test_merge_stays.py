"""Two records of one person while one of them has left, is far away, or is being written to: nobody falls off a ward's list, nothing of an
earlier stay comes alive, and what is under way finds its record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import text

from pointofcare.errors import ConflictError, PointOfCareError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import Allergy, BandStatus, PatientStatus
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import BedsideNoted, NoteKind
from server.store import bedside, identities, leases, merges, orders, patients, tasks
from server.store.database import db
from server.store.patients import Ward
from server.store.reach import OtherWardError
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import administrations, admission, bedside_notes, merge, observations
from server.usecases import leases as lease_verbs
from server.usecases import orders as order_verbs
from server.usecases import patients as patient_verbs
from tests.support import server_ward, web
from tests.support.databases import migrated_app
from tests.support.server_ward import CHARGE, IMPORT, NURSE, PRESCRIBER, WARD, a_patient, a_record, an_order

NOW = datetime.now(UTC)
OTHER = "NGOAI"
OF_THE_WARD = replace(CHARGE, wards=frozenset({WARD}))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as found, found.app_context():
        with transaction(IMPORT) as tx:
            patient_verbs.open_ward(tx, Ward(id=OTHER, name="Ngoại", timezone="Asia/Ho_Chi_Minh"))
        yield found


@pytest.fixture(params=["postgresql"])
def postgresql(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("postgresql", tmp_path) as found:
        server_ward.open_ward(patient_count=2)
        yield found


def joined(kept: str = "P1", gone: str = "P2") -> merges.Merge:
    with transaction(CHARGE) as tx:
        return merge.merge(tx, CHARGE, kept=kept, gone=gone, reason="one person, compared at the bed")


def taken_back(done: merges.Merge, actor: Actor = CHARGE) -> None:
    with transaction(actor) as tx:
        merge.undo(tx, actor, done.id, reason="two people after all")


def in_the_ward(ward: str = WARD) -> set[str]:
    with reading() as tx:
        return {one.id for one in bedside.of_ward(tx, ward).patients}


def left_by_feed(number: int) -> None:
    """Another system says that the patient has left; of orders and bands it says nothing."""
    with transaction(IMPORT) as tx:
        gone = replace(a_patient(number), status=PatientStatus.DISCHARGED, ward=None, bed=None)
        patient_verbs.receive(tx, gone)


def status_of(order: str) -> OrderStatus | None:
    with reading() as tx:
        return orders.get(tx, order).order.status


def test_who_is_in_a_bed_stays_on_the_wards_list_whichever_record_goes_on(app: Flask) -> None:
    left_by_feed(1)
    assert in_the_ward() == {"P2"}
    done = joined(kept="P1", gone="P2")
    assert in_the_ward() == {"P1"}
    with reading() as tx:
        kept = patients.get(tx, "P1")
    assert (kept.status, kept.ward, kept.bed) == (PatientStatus.ADMITTED, WARD, "H002")
    taken_back(done)
    assert in_the_ward() == {"P2"}
    with reading() as tx:
        now = patients.find_any(tx, "P1")
    assert now is not None
    assert (now.status, now.ward) == (PatientStatus.DISCHARGED, None)


@pytest.mark.parametrize(("left", "here"), [(1, 2), (2, 1)])
def test_no_order_and_no_band_of_a_stay_that_ended_comes_alive_with_the_other_record(app: Flask, left: int, here: int) -> None:
    left_by_feed(left)
    joined(kept="P1", gone="P2")
    assert status_of(f"O{left}") is OrderStatus.STOPPED
    assert status_of(f"O{here}") is OrderStatus.ACTIVE
    with reading() as tx:
        bands = {band.gsrn: band.status for band in patients.get(tx, "P1").bands}
    assert bands == {server_ward.gsrn(left): BandStatus.REVOKED, server_ward.gsrn(here): BandStatus.ACTIVE}


def test_a_readmission_revives_no_order_that_another_systems_discharge_left_live(app: Flask) -> None:
    left_by_feed(1)
    with transaction(NURSE) as tx:
        admission.readmit(tx, NURSE, "P1", ward=WARD, bed="H1")
    assert status_of("O1") is OrderStatus.STOPPED


def test_who_has_died_and_who_is_here_are_not_one(app: Flask) -> None:
    with transaction(CHARGE) as tx:
        admission.discharge(tx, CHARGE, "P1", deceased=True)
    for kept, gone in (("P1", "P2"), ("P2", "P1")):
        with pytest.raises(ConflictError) as refused:
            joined(kept, gone)
        assert refused.value.fields["says"] == "merge-deceased"


def test_nobody_takes_records_apart_into_a_ward_of_somebody_else(app: Flask) -> None:
    with transaction(CHARGE) as tx:
        patient_verbs.transfer(tx, CHARGE, "P2", ward=OTHER, bed="1")
    done = joined()
    with pytest.raises(OtherWardError):
        taken_back(done, OF_THE_WARD)
    assert in_the_ward(OTHER) == set()


def test_a_merge_is_not_taken_back_by_itself_after_a_discharge_or_a_harder_allergy(app: Flask) -> None:
    with transaction(NURSE) as tx:
        patient_verbs.set_allergies(tx, NURSE, "P1", (Allergy(substance="aspirin", severity="mild"),))
    done = joined()
    with transaction(NURSE) as tx:
        patient_verbs.set_allergies(tx, NURSE, "P1", (Allergy(substance="aspirin", severity="severe"),))
    with reading() as tx:
        assert merge.hindrances(tx, done) == ("allergies",)
    with transaction(IMPORT) as tx:
        tx.session.execute(text("UPDATE patients SET status = 'discharged', ward = NULL WHERE id = 'P1'"))
    with reading() as tx:
        assert "stay" in merge.hindrances(tx, done)


def test_a_dose_that_was_under_way_while_records_were_merged_keeps_them_together(app: Flask) -> None:
    """Its moment is that of its transaction's begin, which was before the merge; it was written after it."""
    done = joined()
    record = a_record(2, record_id=str(uuid4()), effective_at=NOW, recorded_at=NOW, due=NOW.replace(microsecond=0))
    with transaction(IMPORT, at=done.at - timedelta(seconds=5)) as tx:
        administrations.record(tx, record)
    with pytest.raises(ConflictError) as refused:
        taken_back(done)
    assert refused.value.fields["since"] == ["administrations"]


def a_note(kind: NoteKind, **details: object) -> BedsideNoted:
    return BedsideNoted(
        record_id=str(uuid4()), facility="h1", ward=WARD, cart="c1", kind=kind, patient="P2", of=None, nurse="N1", at=NOW,
        recorded_at=NOW, online=True, seq=1, epoch="e1", details=details,
    )  # fmt: skip


def test_a_note_about_the_other_record_finds_its_way_and_so_does_its_task(app: Flask) -> None:
    joined()
    note = a_note(NoteKind.DRUGS_SHOWN, answer="question", words="why two?", asked_by="patient")
    for expected in (False, True):
        with transaction(IMPORT) as tx:
            told = bedside_notes.record(tx, note)
            assert told.duplicate is expected
            assert told.discrepancies == ()  # neither unknown nor another story
    with reading() as tx:
        assert merges.counts(tx, "P1")["bedside_notes"] == 1
        task = tasks.find(tx, "patient-question", note.record_id)
    assert task is not None
    assert task.patient == "P1"


def a_merge(tx: Transaction) -> None:
    merge.merge(tx, CHARGE, kept="P1", gone="P2", reason="one person")


# Under way at once, where two may write: each waits for the other, and then sees what it did.


def while_it_waits(app: Flask, first: Callable[[Transaction], object], second: Callable[[], object]) -> list[BaseException]:
    """`first` is done and not yet committed when `second` begins and has to wait. What `second` raised."""
    done, go_on, raised = threading.Event(), threading.Event(), list[BaseException]()

    def one() -> None:
        with app.app_context(), transaction(CHARGE) as tx:
            first(tx)
            done.set()
            assert go_on.wait(20)

    def other() -> None:
        with app.app_context():
            try:
                second()
            except (PointOfCareError, AssertionError) as exc:
                raised.append(exc)

    threads = [threading.Thread(target=one), threading.Thread(target=other)]
    threads[0].start()
    assert done.wait(20)
    threads[1].start()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as look:
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
        tick = threading.Event()
        while threads[1].is_alive() and not look.scalar(waiting):
            tick.wait(0.02)
    go_on.set()
    for thread in threads:
        thread.join(20)
    return raised


def test_a_bed_that_is_changed_while_the_patient_leaves_brings_nobody_back(postgresql: Flask) -> None:
    def move() -> None:
        with transaction(NURSE) as tx:
            admission.move(tx, NURSE, "P1", ward=WARD, bed="H9")

    raised = while_it_waits(postgresql, lambda tx: admission.discharge(tx, CHARGE, "P1"), move)
    assert raised
    assert in_the_ward() == {"P2"}


def test_an_order_that_is_placed_while_records_are_merged_is_not_left_with_the_one_that_is_gone(postgresql: Flask) -> None:
    def place() -> None:
        with transaction(PRESCRIBER) as tx:
            order_verbs.place(tx, PRESCRIBER, an_order(9, patient="P2"))

    raised = while_it_waits(postgresql, a_merge, place)
    assert [getattr(one, "fields", {}).get("merged_into") for one in raised] == ["P1"]
    with reading() as tx:
        assert orders.of_anybody(tx, "P2") == ()


def test_a_lease_that_is_asked_for_while_records_are_merged_is_one_for_both(postgresql: Flask) -> None:
    def ask() -> None:
        with transaction(IMPORT) as tx:
            assert lease_verbs.acquire(tx, patient="P2", cart="c1").state.value == "held"

    assert while_it_waits(postgresql, a_merge, ask) == []
    with reading() as tx:
        held, gone = leases.find(tx, "P1"), leases.find(tx, "P2")
    assert held is not None
    assert (held.cart, gone) == ("c1", None)


def test_a_value_that_is_measured_while_records_are_merged_is_in_the_chart(postgresql: Flask) -> None:
    def measure() -> None:
        with transaction(NURSE) as tx:
            observations.enter(tx, NURSE, record_id=str(uuid4()), patient="P2", code="heart-rate", value=Quantity.parse("48 /min"))

    assert while_it_waits(postgresql, a_merge, measure) == []
    with reading() as tx:
        assert [str(one.value) for one in patients.get(tx, "P1").observations] == ["48 /min"]


def test_two_who_merge_the_same_records_merge_them_once(postgresql: Flask) -> None:
    def again() -> None:
        joined("P2", "P1")

    raised = while_it_waits(postgresql, a_merge, again)
    assert [getattr(one, "fields", {}).get("says") for one in raised] == ["merged-already"]
    with reading() as tx:
        assert (identities.current(tx, "P2"), identities.current(tx, "P1")) == ("P1", "P1")


def test_one_card_that_is_read_at_two_desks_at_once_admits_one_patient(postgresql: Flask) -> None:
    who = admission.Arrival(name="LÊ THỊ HOA", ward=WARD, sex="female", method="id-card", national_id="022190123456")

    def admit() -> None:
        with transaction(NURSE) as tx:
            admission.admit(tx, NURSE, who)

    raised = while_it_waits(postgresql, lambda tx: admission.admit(tx, CHARGE, who), admit)
    assert [type(one) for one in raised] == [admission.KnownAlreadyError]
