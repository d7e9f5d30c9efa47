"""Messages of a hospital's system: kept, taken in order, answered by what became of them, and never half, twice or for somebody else."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import ConflictError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import Allergy, BandStatus, Patient, PatientStatus
from pointofcare.quantity import Quantity
from server.feed_settings import FhirFeedConfig
from server.feeds import hl7_intake
from server.feeds.hl7_intake import Intake
from server.store import identities, incoming, orders, patients
from server.store.incoming import REJECTED, SET_ASIDE, TAKEN, WAITING
from server.store.orders import OrderView, Verification
from server.store.transaction import Clash, reading, transaction
from server.usecases import hl7_taking, merge
from server.usecases import incoming as incoming_verbs
from server.usecases import orders as order_verbs
from server.usecases import patients as patient_verbs
from tests.support.databases import migrated_app
from tests.support.hl7_in import (
    AT,
    FEED,
    GENERAL,
    PID,
    PV1,
    Clock,
    adt,
    an_intake,
    answered,
    code,
    control_only,
    items,
    local,
    message,
    msh,
    rde,
    stock,
)
from tests.support.server_ward import CHARGE, NOW, PHARMACIST, PRESCRIBER, WARD
from tests.support.web import post, signed_in, ward_app

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


def test_a_card_that_somebody_else_has_is_for_a_person(here: Intake) -> None:
    other = PID.replace("26-000123", "26-000999")
    answer = here.receive(adt("A01", "1", pid=other))
    assert code(answer) == "AE"
    assert "identity card" in answered(answer)


def test_trouble_of_one_patient_holds_nobody_else_up_and_their_own_order_is_kept(app: Flask, intake: Intake) -> None:
    intake.receive(rde("1"))
    intake.receive(rde("2", act="XO", dose="250||mg", at=LATER))
    other = PID.replace("26-000123", "26-000124").replace("079158000123^^^VN^NI", "").replace("Bình^Thị", "Hoa^Thị")
    intake.receive(adt("A01", "3", pid=other, at=NOW - timedelta(hours=1)))
    assert code(intake.receive(rde("4", number="O4", pid=other))) == "AA"
    assert status("O4") is OrderStatus.ACTIVE
    assert states(app)[:2] == [WAITING, WAITING]
    intake.receive(adt("A01", "5", at=NOW - timedelta(hours=1)))
    found = the_order()
    assert found is not None
    assert (found.order.dose, found.order.version) == (Quantity.parse("250 mg"), 2)


def test_admission_move_update_and_discharge(here: Intake) -> None:
    assert (patient().ward, patient().bed, patient().status) == ("NOI-TH", "101-2", PatientStatus.ADMITTED)
    here.receive(adt("A02", "1", at=NOW, pv1=PV1.replace("K01^101^2", "K02^3^1")))
    assert (patient().ward, patient().bed) == ("HSTC", "3-1")
    here.receive(adt("A08", "2", at=LATER, pid=PID.replace("Bình^Thị", "Bình^Thị Thanh"), pv1=PV1.replace("K01^101^2", "K02^3^1")))
    assert (patient().name, patient().status) == ("Trần Thị Thanh Bình", PatientStatus.ADMITTED)
    here.receive(rde("3"))
    here.receive(adt("A03", "4", at=LATER + timedelta(minutes=1)))
    assert (patient().status, status()) == (PatientStatus.DISCHARGED, OrderStatus.STOPPED)


def test_a_cancelled_discharge_brings_the_orders_back_for_a_pharmacist(here: Intake) -> None:
    here.receive(rde("1"))
    here.receive(rde("2", number="O2"))
    here.receive(control_only("3", "DC", number="O2", at=NOW + timedelta(minutes=1)))
    here.receive(adt("A03", "4", at=LATER))
    assert code(here.receive(adt("A13", "5", at=LATER + timedelta(minutes=1)))) == "AA"
    found = the_order()
    assert found is not None
    assert (patient().status, patient().ward) == (PatientStatus.ADMITTED, "NOI-TH")
    assert (found.order.status, found.verification) == (OrderStatus.ACTIVE, Verification.PENDING)
    assert status("O2") is OrderStatus.STOPPED  # it was stopped by a prescriber, not by the discharge


@pytest.mark.parametrize("minutes", [-5, 5])
@pytest.mark.parametrize(("act", "stated"), [("DC", ""), ("SC", "DC"), ("XO", "CM")])
def test_a_cancelled_discharge_brings_nothing_back_that_was_stopped_since(here: Intake, act: str, stated: str, minutes: int) -> None:
    here.receive(rde("1"))
    here.receive(rde("2", number="O2"))
    here.receive(adt("A03", "3", at=LATER))
    stop = rde("4", act=act, status=stated, at=LATER + timedelta(minutes=minutes))
    assert code(here.receive(stop)) == "AA"
    here.receive(adt("A13", "5", at=LATER + timedelta(minutes=9)))
    ended = status()
    assert ended in (OrderStatus.STOPPED, OrderStatus.COMPLETED)
    assert status("O2") is OrderStatus.ACTIVE


def test_a_cancelled_admission_ends_the_stay(here: Intake) -> None:
    here.receive(rde("1"))
    assert code(here.receive(adt("A11", "2", at=LATER))) == "AA"
    assert (patient().status, status()) == (PatientStatus.DISCHARGED, OrderStatus.STOPPED)


def test_who_comes_again_gets_a_new_band_and_none_of_the_old_orders(here: Intake) -> None:
    from pointofcare.people import Band

    with transaction(CHARGE, at=NOW) as tx:
        patient_verbs.print_band(tx, CHARGE, patient().id, Band(gsrn="893600000000000015", srin="1"))
    here.receive(rde("1"))
    here.receive(adt("A03", "2", at=LATER))
    here.receive(adt("A01", "3", at=LATER + timedelta(minutes=5)))
    assert patient().status is PatientStatus.ADMITTED
    assert all(band.status is BandStatus.REVOKED for band in patient().bands)
    assert status() is OrderStatus.STOPPED


def test_an_order_of_a_stay_to_come_waits_for_it_and_one_of_the_stay_before_is_nothing_any_more(app: Flask, here: Intake) -> None:
    here.receive(adt("A03", "1", at=LATER))
    assert "older" in answered(here.receive(rde("2", number="O2", at=NOW)))
    assert "waits" in answered(here.receive(rde("3", number="O3", at=LATER + timedelta(minutes=5))))
    here.receive(adt("A01", "4", at=LATER + timedelta(minutes=9)))
    assert status("O3") is OrderStatus.ACTIVE
    assert the_order("O2") is None
    assert states(app) == [TAKEN, TAKEN, SET_ASIDE, TAKEN, TAKEN]


def test_allergies_weight_and_values_come_with_the_patient(here: Intake) -> None:
    more = [
        "AL1|1|DA|^Penicillin|SV",
        "OBX|1|NM|29463-7^Weight^LN||62.5|kg|||||F|||20260302070000",
        "OBX|2|NM|8867-4^HR^LN||72|bpm|||||F|||20260302070000",
        "OBX|3|NM|8867-4^HR^LN||80|bpm|||||F",  # of when?
        "DG1|1||I10",
    ]
    answer = here.receive(adt("A08", "1", more=more))
    assert code(answer) == "AA"
    assert "OBX-3" in answered(answer)
    found = patient()
    assert found.allergies == (Allergy(substance="penicillin", severity="severe"),)
    assert found.weight is not None
    assert found.weight.value == Quantity.parse("62.5 kg")
    assert [(one.code, str(one.value)) for one in found.observations] == [("heart-rate", "72 /min")]
    # A message that names another one takes none away.
    here.receive(rde("2", more=["AL1|1|DA|^Aspirin|MI"]))
    assert {one.substance for one in patient().allergies or ()} == {"penicillin", "aspirin"}


def test_no_known_allergy_is_said_only_by_its_own_code(here: Intake) -> None:
    assert patient().allergies is None
    here.receive(adt("A08", "1", more=["AL1|1|DA|NKA^No known allergy"]))
    assert patient().allergies == ()


def test_a_merge_waits_for_a_person_and_is_done_when_the_person_did_it(app: Flask, here: Intake) -> None:
    other = PID.replace("26-000123", "26-000500").replace("079158000123^^^VN^NI", "")
    here.receive(adt("A01", "1", pid=other, at=NOW - timedelta(hours=1)))
    answer = here.receive(message(msh("ADT^A40", "2", at=LATER), f"EVN|A40|{local(LATER)}", PID, "MRG|26-000500^^^BV1^MR"))
    assert code(answer) == "AE"
    assert next(item.reason and item.reason.code for item in items(app)) == "merge-asked"
    with transaction(CHARGE, at=AT) as tx:
        merge.merge(tx, CHARGE, kept=patient().id, gone=patient("26-000500").id, reason="HIS says so")
    with transaction(CHARGE, at=AT) as tx:
        incoming.requeue(tx, items(app)[0].id)
    here.settle_waiting()
    assert items(app)[0].state == SET_ASIDE  # there is nothing left to do
    # What still names the old number finds the record that goes on.
    here.receive(rde("3", pid=other))
    found = the_order()
    assert found is not None
    assert found.order.patient == patient().id


def test_a_merge_with_a_number_that_is_not_here_gives_the_record_its_new_number(here: Intake) -> None:
    was = patient().id
    new = PID.replace("26-000123", "27-000001")
    answer = here.receive(message(msh("ADT^A40", "2", at=LATER), f"EVN|A40|{local(LATER)}", new, "MRG|26-000123^^^BV1^MR"))
    assert code(answer) == "AA"
    assert patient("27-000001").id == was


def test_an_order_number_of_another_patient_is_never_moved(here: Intake) -> None:
    other = PID.replace("26-000123", "26-000777").replace("079158000123^^^VN^NI", "").replace("Bình^Thị", "Hoa^Thị")
    here.receive(adt("A01", "1", pid=other, at=NOW - timedelta(hours=1)))
    here.receive(rde("2"))
    assert code(here.receive(rde("3", pid=other, at=LATER))) == "AE"
    assert code(here.receive(control_only("4", "DC", pid=other, at=LATER))) == "AE"
    assert status() is OrderStatus.ACTIVE


def test_power_that_fails_between_keeping_and_answering_loses_nothing_and_doubles_nothing(
    app: Flask, here: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise MemoryError("the power failed")

    with monkeypatch.context() as patched:
        patched.setattr(Intake, "_settle", dies)
        with pytest.raises(MemoryError):
            here.receive(rde("1"))
    assert states(app) == [TAKEN, WAITING]
    again = an_intake(app, clock=clock)  # the program starts anew, and the sender sends again
    assert code(again.receive(rde("1"))) == "AA"
    found = the_order()
    assert found is not None
    assert (found.order.version, states(app)) == (1, [TAKEN, TAKEN])


def test_power_that_fails_before_the_answer_and_a_sender_that_never_comes_again_loses_nothing(
    app: Flask, here: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Intake, "_settle", lambda *_: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(MemoryError):
            here.receive(rde("1"))
    clock.now += timedelta(minutes=2)
    an_intake(app, clock=clock).settle_waiting()
    assert status() is OrderStatus.ACTIVE


def test_power_that_fails_in_the_middle_of_a_message_writes_none_of_it(here: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    two = message(
        msh("RDE^O11", "1"), PID,
        f"ORC|NW|O1|||||||{local(NOW)}", "RXE||TH0001^P^BV1-THUOC|500||mg|TAB", "TQ1|1||BID", "RXR|UONG",
        f"ORC|NW|O2|||||||{local(NOW)}", "RXE||TH0001^P^BV1-THUOC|500||mg|TAB", "TQ1|1||BID", "RXR|UONG",
    )  # fmt: skip
    written = hl7_taking._write
    seen = []

    def fails_at_the_second(*arguments: object) -> object:
        seen.append(1)
        if len(seen) == 2:
            raise KeyError("a fault of ours")
        return written(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(hl7_taking, "_write", fails_at_the_second)
        answer = here.receive(two)
    assert code(answer) == "AE"
    assert "207" in answered(answer)
    assert the_order("O1") is None
    assert the_order("O2") is None


@pytest.mark.parametrize(
    ("bad", "where", "number"),
    [
        (msh("ADT^A01", "1", application="STRANGER"), "MSH^1^3", "102"),
        (msh("ADT^A01", "1", version="2.7"), "MSH^1^12", "203"),
        (msh("ADT^A60", "1"), "MSH^1^9", "201"),
        (msh("QRY^A19", "1"), "MSH^1^9", "201"),
        (msh("ADT^A01", ""), "MSH^1^10", "101"),
        (msh("ADT^A01", "1").replace("|P|", "|T|"), "MSH^1^11", "202"),
    ],
    ids=["sender", "version", "event", "query", "number", "training"],
)
def test_what_is_not_supported_is_refused_with_its_field_and_not_kept(
    app: Flask, intake: Intake, bad: str, where: str, number: str
) -> None:
    answer = intake.receive(message(bad, PID, PV1))
    assert code(answer) == "AR"
    assert f"ERR||{where}|{number}^" in answered(answer)
    assert items(app) == ()


def test_an_older_version_has_its_error_where_that_version_has_it(intake: Intake) -> None:
    answer = answered(intake.receive(message(msh("ADT^A60", "1", version="2.3"), PID)))
    assert "|2.3|" in answer
    assert "\rERR|MSH^1^9^201&Unsupported event code" in answer


def test_a_laboratory_order_is_not_taken_for_a_drug(app: Flask, here: Intake) -> None:
    answer = here.receive(message(msh("ORM^O01", "1"), PID, "ORC|NW|L1", "OBR|1|L1||CBC"))
    assert code(answer) == "AR"
    assert len(items(app)) == 1


def test_wrong_letters_are_an_error_that_says_so_and_never_replaced(app: Flask, intake: Intake) -> None:
    good = adt("A01", "1")
    answer = intake.receive(good.replace("Trần".encode(), "Tràn".encode("latin-1")))
    assert code(answer) == "AE"
    assert "MSH^1^18" in answered(answer)
    assert items(app)[0].state == REJECTED
    wrong = adt("A01", "2").replace(b"UNICODE UTF-8", b"8859/1")
    answer = intake.receive(wrong)
    assert code(answer) == "AE"
    assert "is UTF-8" in answered(answer)
    with reading(FEED) as tx:
        assert patients.find_by_mrn(tx, HIS) is None


def test_names_with_separators_in_them_stay_one_name(intake: Intake) -> None:
    pid = PID.replace("Trần^Bình^Thị", r"Trần \T\ Lê^Bình \F\ \S\ \R\ \E\ x^Thị")
    assert code(intake.receive(adt("A01", "1", pid=pid))) == "AA"
    assert patient().name == r"Trần & Lê Thị Bình | ^ ~ \ x"


@pytest.mark.parametrize(
    ("accept", "good", "bad"), [("AL", "CA", "CE"), ("NE", None, None), ("ER", None, "CE"), ("SU", "CA", None), ("", "AA", "AE")]
)
def test_the_enhanced_mode_answers_as_it_was_asked(intake: Intake, accept: str, good: str | None, bad: str | None) -> None:
    for event, control, wanted, pid in (("A01", "1", good, PID), ("A08", "2", bad, PID.replace("MR", "XX"))):
        answer = intake.receive(message(msh(f"ADT^{event}", control, accept=accept), f"EVN||{local(NOW)}", pid, PV1))
        assert (code(answer) if answer is not None else None) == wanted


def test_a_fault_of_ours_is_kept_and_told_and_holds_nobody_up(app: Flask, here: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(hl7_intake.hl7_taking, "take", lambda *_, **__: [][0])
        assert code(here.receive(rde("1"))) == "AE"
    assert next(item.reason and item.reason.code for item in items(app)) == "hl7-internal"
    assert code(here.receive(rde("2", number="O2"))) == "AA"


@pytest.mark.parametrize("clash", [ConflictError("just now", remedy="again"), Clash("INSERT", {}, Exception("unique"))])
def test_a_stop_that_somebody_elses_write_kept_back_is_tried_again_and_not_for_ever(
    here: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch, clash: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise clash

    here.receive(rde("1"))
    here.receive(rde("2", number="O2"))
    with monkeypatch.context() as patched:
        patched.setattr(hl7_intake.hl7_taking, "take", fails)
        assert "waits" not in answered(here.receive(control_only("3", "DC", at=LATER)))
    clock.now += timedelta(seconds=10)
    assert here.settle_waiting() == 1
    assert status() is OrderStatus.STOPPED
    monkeypatch.setattr(hl7_intake.hl7_taking, "take", fails)
    assert code(here.receive(control_only("4", "DC", number="O2", at=LATER))) == "AA"
    for _ in range(8):
        clock.now += timedelta(minutes=1)
        here.settle_waiting()
    with reading(FEED) as tx:
        assert next(iter(incoming.listed(tx, source="hl7"))).state == REJECTED
    assert status("O2") is OrderStatus.STOPPED, "what could not be taken at last is not given all the same"


OTHER_NAME = PID.replace("Trần^Bình^Thị", "Nguyễn^Hoa^Thị")


@pytest.mark.parametrize(
    ("bad", "wanted"),
    [
        (rde("2", act="XO", at=LATER, more=["NTE|1||\\Q\\"]), OrderStatus.DRAFT),
        (rde("2", act="XO", at=LATER, dose="\\Q\\||mg"), OrderStatus.DRAFT),
        (rde("2", act="XO", at=LATER).replace("Bác sĩ".encode(), b"B\xe1c s\xff"), OrderStatus.DRAFT),
        (rde("2", act="XO", at=LATER, pid=OTHER_NAME), OrderStatus.DRAFT),
        (rde("2", act="SC", at=LATER, status="??"), OrderStatus.DRAFT),
        (rde("2", act="XO", at=LATER, status="DC", pid=OTHER_NAME), OrderStatus.STOPPED),
        (control_only("2", "DC", at=LATER, pid=OTHER_NAME), OrderStatus.STOPPED),
        (control_only("2", "DC", at=NOW - timedelta(minutes=1), pid=OTHER_NAME), OrderStatus.STOPPED),
        (control_only("1", "DC", at=LATER), OrderStatus.STOPPED),  # a number that was used before
        (rde("2", act="XO", at=NOW - timedelta(minutes=1), pid=OTHER_NAME), OrderStatus.ACTIVE),
        (control_only("2", "RL", at=LATER, pid=OTHER_NAME), OrderStatus.ACTIVE),
        (rde("2", act="XO", at=LATER, pid=OTHER_NAME.replace("26-000123", "26-000999")), OrderStatus.ACTIVE),
    ],
)
def test_a_newer_message_that_cannot_be_taken_ends_the_use_of_the_order_that_it_speaks_of(
    here: Intake, bad: bytes, wanted: OrderStatus
) -> None:
    here.receive(rde("1"))
    here.receive(adt("A01", "B", pid=PID.replace("26-000123", "26-000999").replace("^^^BV1^MR~079158000123^^^VN^NI", "^^^BV1^MR"), at=NOW))
    assert code(here.receive(bad)) == "AE"
    found = the_order()
    assert found is not None
    assert found.order.status is wanted
    assert ("clarify-newer-version-unreadable" in found.order.clarification) == (wanted is OrderStatus.DRAFT)
    again = code(here.receive(rde("3", act="XO", at=LATER + timedelta(minutes=1))))
    assert (again, status()) == (("AE", OrderStatus.STOPPED) if wanted is OrderStatus.STOPPED else ("AA", OrderStatus.ACTIVE))


def test_an_order_that_a_person_placed_here_is_not_ended_by_a_message_that_cannot_be_read(here: Intake) -> None:
    here.receive(rde("1"))
    found = the_order()
    assert found is not None
    with transaction(FEED, at=NOW) as tx:
        order_verbs.receive(tx, replace(found.order, id="OWN", version=1), source="local")
    here.receive(control_only("2", "DC", number="OWN", at=LATER, pid=OTHER_NAME))
    assert status("OWN") is OrderStatus.ACTIVE


def test_a_ward_that_the_profile_does_not_know_is_told_with_where_to_write_it(here: Intake) -> None:
    answer = answered(here.receive(adt("A02", "1", pv1=PV1.replace("K01", "K99"))))
    assert "PV1^1^3" in answer
    assert "[wards]" in answer


def test_an_order_that_a_pharmacist_there_has_seen_is_verified_where_the_profile_says_so(app: Flask, clock: Clock) -> None:
    intake = an_intake(app, [replace(GENERAL, verified=True)], clock)
    intake.receive(adt("A01", "1", at=NOW - timedelta(hours=1)))
    intake.receive(rde("2"))
    found = the_order()
    assert found is not None
    assert found.verification is Verification.VERIFIED
    intake.receive(rde("3", number="O2", timing="TQ1|1||XYZ"))
    draft = the_order("O2")
    assert draft is not None
    assert draft.verification is Verification.PENDING


def test_the_list_says_that_the_feed_lives_and_forgets_what_was_settled_long_ago(app: Flask, here: Intake, clock: Clock) -> None:
    here.receive(rde("1", act="ZZ"))
    here.settle_waiting()
    with reading(FEED) as tx:
        (feed,) = incoming.feeds(tx, "hl7")
    assert feed.succeeded_at is not None
    clock.now += timedelta(days=91)
    here.settle_waiting()
    assert [item.state for item in items(app)] == [REJECTED]  # what is for a person stays


def test_a_listener_that_fell_silent_shows_as_behind(app: Flask, intake: Intake, clock: Clock) -> None:
    intake.settle_waiting()

    def late(after: timedelta) -> list[bool]:
        with reading(FEED, at=clock.now + after) as tx:
            return [lag.is_late for lag in incoming_verbs.lags(tx, FhirFeedConfig())]

    assert (late(timedelta(minutes=2)), late(timedelta(minutes=20)), late(timedelta(days=30))) == ([False], [True], [False])


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_a_pharmacist_reads_what_was_not_taken_and_has_it_tried_again(tmp_path: Path, clock: Clock, language: str) -> None:
    with ward_app(tmp_path) as app:
        stock(app)
        intake = an_intake(app, clock=clock)
        intake.receive(adt("A01", "1", at=NOW - timedelta(hours=1), pv1=PV1.replace("K01", "K99")))
        client = signed_in(app, PHARMACIST)
        post(client, "/language", client.get("/").get_data(as_text=True), language=language)
        page = client.get("/incoming/?state=rejected").get_data(as_text=True)
        assert {"vi": "Khoa “K99”", "en": "The ward", "fr": "L’unité « K99 »"}[language] in html.unescape(page)
        assert "K99" in page
        assert "[wards]" in page
        assert "(ADT^A01)" in page
        assert "hl7-ward" not in page
        item = items(app)[0].id
        shown = client.get(f"/incoming/{item}").get_data(as_text=True)
        assert "PV1|1|I|K99^101^2" in shown
        post(client, f"/incoming/{item}/decide", shown, decision="again")
        clock.now = datetime.now(UTC) + timedelta(minutes=1)
        intake.settle_waiting()
        assert items(app)[0].attempts == 2


def test_many_orders_of_somebody_who_is_not_here_are_not_all_tried_with_each_new_one(
    app: Flask, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    attempt = Intake._tried

    def counted(self: Intake, *arguments: object) -> object:
        tried.append(1)
        return attempt(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Intake, "_tried", counted)
    for number in range(12):
        intake.receive(rde(f"{number}", number=f"O{number}"))
    intake.receive(control_only("stop", "DC", number="O3", at=LATER))
    assert len(tried) <= 2 * 13
    intake.receive(adt("A01", "A", at=NOW - timedelta(hours=1)))
    assert set(states(app)) == {TAKEN}
    assert (status("O2"), status("O3")) == (OrderStatus.ACTIVE, OrderStatus.STOPPED)


def test_nobody_is_admitted_to_no_ward_and_a_cancelled_discharge_knows_the_bed(app: Flask, here: Intake) -> None:
    other = PID.replace("26-000123", "26-000555").replace("079158000123^^^VN^NI", "")
    answer = here.receive(adt("A01", "1", pid=other, pv1="PV1|1|I"))
    assert code(answer) == "AE"
    assert "PV1^1^3" in answered(answer)
    here.receive(adt("A03", "2", at=LATER, pv1="PV1|1|I"))
    assert code(here.receive(adt("A13", "3", at=LATER + timedelta(minutes=1), pv1="PV1|1|I"))) == "AA"
    assert (patient().status, patient().ward, patient().bed) == (PatientStatus.ADMITTED, "NOI-TH", "101-2")
