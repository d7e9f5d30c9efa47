"""Messages of a hospital's system: kept, taken in order, answered by what became of them, and never half, twice or for somebody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from flask import Flask

from pointofcare.orders.order import OrderStatus
from pointofcare.people import Patient, PatientStatus
from pointofcare.quantity import Quantity
from server.feeds.hl7_intake import Intake
from server.store import patients
from server.store.incoming import REJECTED, SET_ASIDE, TAKEN, WAITING
from server.store.orders import Verification
from server.store.transaction import reading, transaction
from server.usecases import orders as order_verbs
from server.usecases import patients as patient_verbs
from tests.support.hl7_hospital import HIS, LATER, patient, states, status, the_order
from tests.support.hl7_hospital import app as app
from tests.support.hl7_hospital import clock as clock
from tests.support.hl7_hospital import here as here
from tests.support.hl7_hospital import intake as intake
from tests.support.hl7_in import (
    AT,
    FEED,
    PID,
    PV1,
    Clock,
    adt,
    answered,
    code,
    control_only,
    items,
    local,
    message,
    msh,
    rde,
)
from tests.support.server_ward import NOW, PRESCRIBER, WARD


def test_an_order_becomes_what_it_says(here: Intake) -> None:
    assert code(here.receive(rde("1"))) == "AA"
    found = the_order()
    assert found is not None
    order = found.order
    assert (order.patient, order.ingredient, order.form, order.route) == (patient().id, "paracetamol", "tablet", "PO")
    assert (order.dose, order.status, order.prescriber, found.source) == (Quantity.parse("500 mg"), OrderStatus.ACTIVE, "D1", "hl7")
    assert [f"{at:%H:%M}" for at in order.times] == ["08:00", "20:00"]
    assert found.verification is Verification.PENDING


def test_a_message_for_somebody_who_is_not_here_waits_and_is_taken_when_the_patient_comes(app: Flask, intake: Intake) -> None:
    answer = intake.receive(rde("1"))
    assert code(answer) == "AA"
    assert "waits" in answered(answer)
    assert [item.reason and item.reason.code for item in items(app)] == ["patient-awaited"]
    assert the_order() is None
    assert code(intake.receive(adt("A01", "2", at=NOW - timedelta(hours=1)))) == "AA"
    assert status() is OrderStatus.ACTIVE
    assert states(app) == [TAKEN, TAKEN]


def test_somebody_who_is_admitted_by_hand_gets_what_waited(app: Flask, intake: Intake, clock: Clock) -> None:
    intake.receive(rde("1"))
    assert intake.settle_waiting() == 0  # not before its time
    with transaction(FEED, at=NOW) as tx:
        patient_verbs.receive(
            tx, Patient(id="P9", mrn=HIS, name="TRẦN THỊ BÌNH", birth_date=date(1958, 3, 2), ward=WARD, status=PatientStatus.ADMITTED)
        )
    clock.now += timedelta(minutes=6)
    assert intake.settle_waiting() == 1
    found = the_order()
    assert found is not None
    assert found.order.patient == "P9"


def test_the_same_message_again_gets_the_same_answer_and_does_nothing_twice(app: Flask, here: Intake) -> None:
    first, again = here.receive(rde("1")), here.receive(rde("1"))
    assert code(first) == code(again) == "AA"
    assert answered(again).split("\rMSA|")[1] == answered(first).split("\rMSA|")[1]
    found = the_order()
    assert found is not None
    assert found.order.version == 1
    assert items(app)[0].repeats == 1
    bad = rde("2", number="O2", act="ZZ")
    assert answered(here.receive(bad)).split("\rMSA|")[1] == answered(here.receive(bad)).split("\rMSA|")[1]


def test_a_repeat_with_another_sending_time_is_the_same_message(here: Intake) -> None:
    here.receive(rde("1"))
    again = rde("1").replace(local(NOW).encode(), local(LATER).encode(), 1)
    assert code(here.receive(again)) == "AA"


def test_the_same_number_with_other_content_is_an_error_for_a_person(app: Flask, here: Intake) -> None:
    here.receive(rde("1"))
    answer = here.receive(rde("1", dose="1000||mg"))
    assert code(answer) == "AE"
    assert "MSH^1^10" in answered(answer)
    assert states(app) == [TAKEN, TAKEN, REJECTED]
    found = the_order()
    assert found is not None
    assert found.order.dose == Quantity.parse("500 mg")
    assert code(here.receive(rde("1", dose="1000||mg"))) == "AE"
    assert len(items(app)) == 3


@pytest.mark.parametrize(("act", "wanted"), [("DC", "stopped"), ("CA", "stopped"), ("OC", "stopped"), ("OD", "stopped"), ("HD", "on-hold")])
def test_what_is_stopped_or_held_there_is_not_given_here(here: Intake, act: str, wanted: str) -> None:
    here.receive(rde("1"))
    assert code(here.receive(control_only("2", act, at=LATER))) == "AA"
    assert str(status()) == wanted


def test_a_held_order_is_given_again_after_its_release_only(here: Intake) -> None:
    here.receive(rde("1"))
    here.receive(control_only("2", "HD", at=LATER))
    # Another dose is no release.
    here.receive(rde("3", act="XO", dose="250||mg", at=LATER + timedelta(minutes=1)))
    assert status() is OrderStatus.ON_HOLD
    here.receive(control_only("4", "RL", at=LATER + timedelta(minutes=2)))
    found = the_order()
    assert found is not None
    assert (found.order.status, found.order.dose) == (OrderStatus.ACTIVE, Quantity.parse("250 mg"))


def test_a_replacement_ends_the_order_in_whose_place_it_comes(here: Intake) -> None:
    here.receive(rde("1"))
    pair = message(
        msh("RDE^O11", "2", at=LATER), PID,
        f"ORC|RO|ORD2|||||||{local(LATER)}", "RXE||TH0001^P^BV1-THUOC|250||mg|TAB", "TQ1|1||BID", "RXR|UONG",
        f"ORC|RP|ORD1|||||||{local(LATER)}",
    )  # fmt: skip
    assert code(here.receive(pair)) == "AA"
    assert (status("ORD1"), status("ORD2")) == (OrderStatus.STOPPED, OrderStatus.ACTIVE)


def test_a_replacement_without_its_pair_ends_the_parent_that_it_names(here: Intake) -> None:
    here.receive(rde("1"))
    orc = f"ORC|RO|ORD2||||||ORD1|{local(LATER)}"
    alone = message(msh("RDE^O11", "2", at=LATER), PID, orc, "RXE||TH0001^P^BV1-THUOC|250||mg|TAB", "TQ1|1||BID", "RXR|UONG")
    assert code(here.receive(alone)) == "AA"
    assert (status("ORD1"), status("ORD2")) == (OrderStatus.STOPPED, OrderStatus.ACTIVE)


def test_a_stop_that_comes_before_its_order_stops_it_as_soon_as_it_comes(app: Flask, here: Intake) -> None:
    answer = here.receive(control_only("1", "DC", at=LATER))
    assert code(answer) == "AA"
    assert "not known yet" in answered(answer)
    assert code(here.receive(rde("2"))) == "AA"
    assert status() is OrderStatus.STOPPED
    assert set(states(app)) == {TAKEN}


def test_a_stop_of_an_order_that_never_comes_is_put_away_after_a_week(app: Flask, here: Intake, clock: Clock) -> None:
    here.receive(control_only("1", "DC", at=LATER))
    clock.now += timedelta(days=8)
    here.settle_waiting()
    assert items(app)[0].state == SET_ASIDE


def test_a_change_that_comes_before_its_order_is_not_undone_by_it(here: Intake) -> None:
    here.receive(rde("1", act="XO", dose="250||mg", at=LATER))
    answer = here.receive(rde("2", at=NOW))
    assert code(answer) == "AA"
    assert "older" in answered(answer)
    found = the_order()
    assert found is not None
    assert found.order.dose == Quantity.parse("250 mg")


def test_versions_that_jump_leave_the_newest(here: Intake) -> None:
    for control, minutes, dose in (("1", 0, "100"), ("2", 50, "500"), ("3", 20, "200"), ("4", 40, "400")):
        here.receive(rde(control, act="XO", dose=f"{dose}||mg", at=NOW + timedelta(minutes=minutes)))
    found = the_order()
    assert found is not None
    assert found.order.dose == Quantity.parse("500 mg")


def test_a_discharge_that_comes_before_the_transfer_stays(here: Intake) -> None:
    assert code(here.receive(adt("A03", "1", at=LATER))) == "AA"
    assert code(here.receive(adt("A02", "2", at=NOW, pv1=PV1.replace("K01", "K02")))) == "AA"
    assert (patient().status, patient().ward) == (PatientStatus.DISCHARGED, None)


def test_a_discharge_of_somebody_unknown_keeps_an_older_admission_from_admitting(intake: Intake) -> None:
    assert code(intake.receive(adt("A03", "1", at=LATER))) == "AA"
    assert code(intake.receive(adt("A01", "2", at=NOW))) == "AA"
    with reading(FEED) as tx:
        assert patients.find_by_mrn(tx, HIS) is None


def test_a_month_that_is_sent_again_changes_nothing(app: Flask, here: Intake) -> None:
    month = [
        rde("1"), rde("2", act="XO", dose="250||mg", at=NOW + timedelta(minutes=2)),
        adt("A02", "3", at=NOW + timedelta(minutes=3), pv1=PV1.replace("K01", "K02")),
        control_only("4", "DC", at=NOW + timedelta(minutes=4)), adt("A03", "5", at=NOW + timedelta(minutes=5)),
    ]  # fmt: skip
    for one in month:
        assert code(here.receive(one)) == "AA"
    found, was = the_order(), patient()
    for one in month:
        assert code(here.receive(one)) == "AA"
    # An engine that numbers anew.
    for number, one in enumerate(month):
        head, _, rest = one.partition(b"|P|")
        assert code(here.receive(head.rpartition(b"|")[0] + b"|NEW%d|P|" % number + rest)) == "AA"
    assert (the_order(), patient()) == (found, was)
    assert WAITING not in states(app)
    assert REJECTED not in states(app)


def test_a_sender_whose_clock_runs_ahead_does_not_lock_its_own_order(here: Intake) -> None:
    here.receive(rde("1", at=AT + timedelta(days=400)))
    # Its clock was set right; this change is made after the message came.
    here.receive(rde("2", act="XO", dose="250||mg", at=AT + timedelta(minutes=1)))
    found = the_order()
    assert found is not None
    assert found.order.dose == Quantity.parse("250 mg")


def test_a_stop_stops_whatever_the_clocks_say(here: Intake) -> None:
    here.receive(rde("1", at=AT - timedelta(minutes=1)))
    here.receive(control_only("2", "DC", at=AT - timedelta(days=800)))
    assert status() is OrderStatus.STOPPED
    # And the order stays stopped when the same version is sent again.
    here.receive(rde("3", at=AT - timedelta(minutes=1)))
    assert status() is OrderStatus.STOPPED


@pytest.mark.parametrize(
    ("act", "stated", "wanted"),
    [("SC", "DC", "stopped"), ("SC", "CA", "cancelled"), ("SC", "CM", "completed"), ("XO", "DC", "stopped"), ("NW", "CM", "completed")],
)
def test_an_end_that_comes_late_ends_the_order_and_says_nothing_else_of_it(here: Intake, act: str, stated: str, wanted: str) -> None:
    here.receive(rde("1"))
    here.receive(rde("2", act="XO", dose="250||mg", at=LATER))
    assert code(here.receive(rde("3", act=act, status=stated, dose="1000||mg", at=NOW + timedelta(minutes=1)))) == "AA"
    found = the_order()
    assert found is not None
    assert (found.order.status, found.order.dose) == (OrderStatus(wanted), Quantity.parse("250 mg"))


def test_a_release_that_says_it_has_ended_ends_it(here: Intake) -> None:
    here.receive(rde("1"))
    here.receive(control_only("2", "OE", at=LATER).replace(b"ORC|OE|ORD1|||", b"ORC|OE|ORD1|||DC"))
    assert status() is OrderStatus.STOPPED


def test_an_order_that_has_ended_is_never_brought_back_by_a_message(app: Flask, here: Intake) -> None:
    here.receive(rde("1"))
    here.receive(control_only("2", "DC", at=LATER))
    answer = here.receive(rde("3", act="XO", dose="250||mg", at=LATER + timedelta(minutes=1)))
    assert code(answer) == "AE"
    assert status() is OrderStatus.STOPPED
    assert items(app)[0].state == REJECTED
    here.receive(control_only("4", "RL", at=LATER + timedelta(minutes=2)))
    assert status() is OrderStatus.STOPPED


def test_times_without_a_zone_are_the_hospitals_own(here: Intake) -> None:
    here.receive(rde("1", timing="TQ1|1||Q6H||||20260302080000"))
    here.receive(rde("2", number="O2", timing="TQ1|1||Q6H||||20260302080000+0000"))
    first, other = the_order(), the_order("O2")
    assert first is not None
    assert other is not None
    assert first.order.start == datetime.fromisoformat("2026-03-02T08:00:00+07:00")
    assert other.order.start == datetime.fromisoformat("2026-03-02T08:00:00+00:00")


def test_a_change_that_names_no_start_goes_on_from_where_the_order_began(here: Intake) -> None:
    here.receive(rde("1", timing="TQ1|1||Q6H||||20260302080000"))
    here.receive(rde("2", act="XO", dose="250||mg", timing="TQ1|1||Q6H", at=LATER))
    found = the_order()
    assert found is not None
    assert found.order.start == datetime.fromisoformat("2026-03-02T08:00:00+07:00")


def test_what_cannot_be_computed_is_a_draft_that_says_what_to_clarify(here: Intake) -> None:
    assert code(here.receive(rde("1", timing="TQ1|1||XYZ"))) == "AA"
    found = the_order()
    assert found is not None
    assert found.order.status is OrderStatus.DRAFT
    assert "XYZ" in found.order.clarification


def test_what_a_person_cleared_stays_when_the_same_is_sent_again(here: Intake) -> None:
    here.receive(rde("1", timing="TQ1|1||XYZ"))
    found = the_order()
    assert found is not None
    clear = replace(found.order, every=None, times=(datetime(2026, 3, 2, 8).time(),), status=OrderStatus.ACTIVE, clarification="")  # noqa: DTZ001
    with transaction(PRESCRIBER, at=AT) as tx:
        order_verbs.amend(tx, PRESCRIBER, clear, version=found.order.version, reason="each morning")
    here.receive(rde("2", act="XO", timing="TQ1|1||XYZ", at=LATER))
    assert status() is OrderStatus.ACTIVE
    here.receive(control_only("3", "DC", at=LATER))
    assert status() is OrderStatus.STOPPED


def cleared(here: Intake) -> None:
    """The order as a prescriber made it clear."""
    found = the_order()
    assert found is not None
    clear = replace(found.order, every=None, times=(datetime(2026, 3, 2, 8).time(),), status=OrderStatus.ACTIVE, clarification="")  # noqa: DTZ001
    with transaction(PRESCRIBER, at=AT) as tx:
        order_verbs.amend(tx, PRESCRIBER, clear, version=found.order.version, reason="each morning")


HOLDS = (rde("2", act="XO", timing="TQ1|1||XYZ", at=LATER, status="HD"), control_only("2", "HD", at=LATER))


@pytest.mark.parametrize("hold", HOLDS)
def test_a_hold_of_an_order_that_was_made_clear_here_holds_it(here: Intake, hold: bytes) -> None:
    here.receive(rde("1", timing="TQ1|1||XYZ"))
    cleared(here)
    assert status() is OrderStatus.ACTIVE
    here.receive(hold)
    assert status() is OrderStatus.ON_HOLD
    here.receive(rde("3", act="XO", timing="TQ1|1||XYZ", at=LATER + timedelta(minutes=1)))
    assert status() is OrderStatus.ON_HOLD, "the same again is no release"
    here.receive(control_only("4", "RL", at=LATER + timedelta(minutes=2)))
    assert status() is OrderStatus.ACTIVE


@pytest.mark.parametrize("hold", [*HOLDS, rde("2", act="XO", timing="TQ1|1||XYZ2", at=LATER, status="HD")])
def test_a_hold_of_a_draft_holds_the_order_when_it_is_made_clear(here: Intake, hold: bytes) -> None:
    here.receive(rde("1", timing="TQ1|1||XYZ"))
    here.receive(hold)
    assert status() is OrderStatus.DRAFT
    found = the_order()
    assert found is not None
    assert "clarify-held-by-sender" in found.order.clarification
    cleared(here)
    assert status() is OrderStatus.ON_HOLD
    here.receive(control_only("4", "RL", at=LATER + timedelta(minutes=2)))
    assert status() is OrderStatus.ACTIVE


def test_a_draft_whose_hold_was_released_is_active_when_it_is_made_clear(here: Intake) -> None:
    here.receive(rde("1", timing="TQ1|1||XYZ", status="HD"))
    here.receive(control_only("2", "RL", at=LATER))
    cleared(here)
    assert status() is OrderStatus.ACTIVE


def test_a_number_that_was_given_to_somebody_else_is_for_a_person(app: Flask, here: Intake) -> None:
    other = PID.replace("Trần^Bình^Thị", "Lê^Hùng^Văn").replace("19580302", "19900101").replace("079158000123^^^VN^NI", "")
    for bad in (rde("1", pid=other), adt("A08", "2", pid=other), adt("A01", "3", pid=other)):
        answer = here.receive(bad)
        assert code(answer) == "AE"
        assert "another person" in answered(answer)
    assert patient().name == "Trần Thị Bình"
    assert the_order() is None
    assert states(app)[1:] == [REJECTED] * 3
