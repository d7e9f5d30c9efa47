"""Admissions, moves, discharges, merges and what comes with a patient, as a hospital's system sends them over HL7."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from pointofcare.orders.order import OrderStatus
from pointofcare.people import Allergy, BandStatus, PatientStatus
from pointofcare.quantity import Quantity
from server.feeds.hl7_intake import Intake
from server.store import incoming
from server.store.incoming import SET_ASIDE, TAKEN, WAITING
from server.store.orders import Verification
from server.store.transaction import transaction
from server.usecases import merge
from server.usecases import patients as patient_verbs
from tests.support.hl7_hospital import LATER, patient, states, status, the_order
from tests.support.hl7_hospital import app as app
from tests.support.hl7_hospital import clock as clock
from tests.support.hl7_hospital import here as here
from tests.support.hl7_hospital import intake as intake
from tests.support.hl7_in import (
    AT,
    PID,
    PV1,
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
from tests.support.server_ward import CHARGE, NOW


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
