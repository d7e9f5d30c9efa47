"""Orders and patients come in from a real FHIR server (SEKMET): once, in their newest version, for the right person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from pointofcare.labels.scan import SiteProfile
from pointofcare.orders.order import OrderStatus
from pointofcare.people import Patient, PatientStatus
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import PatientChartBody
from server.feeds import fhir_taking
from server.feeds.fhir_feed import FhirFeed
from server.store import incoming, orders, patients, versions
from server.store.orders import OrderView
from server.store.patients import Ward
from server.store.transaction import Actor, reading, transaction
from server.usecases import incoming as deciding
from server.usecases import merge, tables
from server.usecases import orders as order_verbs
from server.usecases import patients as patient_verbs
from simulation.emr_peer import RunningEmr
from tests.support.databases import migrated_app
from tests.support.fhir_peer import Peer, a_feed, an_order
from tests.support.sekmet import sekmet
from tests.support.server_ward import CHARGE, PHARMACIST, PRESCRIBER

__all__ = ["sekmet"]
LOOK = Actor(id="test")


@pytest.fixture(scope="module")
def peer(sekmet: RunningEmr) -> Iterator[Peer]:
    made = Peer(sekmet.base_url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture(scope="module")
def feed(app: Flask, sekmet: RunningEmr, peer: Peer) -> Iterator[FhirFeed]:
    peer.patient("nobody")
    made = a_feed(app, sekmet)
    made.round()
    yield made
    made.stop()


def order(key: str) -> OrderView:
    with reading(LOOK) as tx:
        return orders.get(tx, key)


def item(key: str) -> incoming.Item:
    with reading(LOOK) as tx:
        return next(one for one in incoming.listed(tx, limit=200) if one.key.startswith(key))


def test_an_admission_and_its_order_come_in_at_one_look_and_a_stop_at_the_next(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("p1")
    peer.order("mr1", "p1")
    feed.round()
    with reading(LOOK) as tx:
        found = patients.get(tx, "p1")
    assert (found.status, found.ward, found.bed, found.mrn) == (PatientStatus.ADMITTED, "W1", "07", "MRN-p1")
    assert order("mr1").order.status is OrderStatus.ACTIVE
    peer.order("mr1", "p1", status="stopped")
    feed.round()
    assert order("mr1").order.status is OrderStatus.STOPPED
    assert feed.round() == 0


def test_a_stop_at_the_hospitals_system_reaches_the_carts_chart_within_one_look(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("chart")
    peer.order("mr-chart", "chart")
    feed.round()

    def chart() -> tuple[int, set[str]]:
        with reading(LOOK) as tx:
            made = tables.build(
                tx,
                "W1",
                TableKind.PATIENT_CHART,
                facility="h1",
                lifetime=timedelta(hours=1),
                timezone="Asia/Ho_Chi_Minh",
                site=SiteProfile(),
            )
        assert isinstance(made.body, PatientChartBody)
        return made.version, {one.id for one in made.body.orders if one.status is OrderStatus.ACTIVE}

    before, active = chart()
    assert "mr-chart" in active
    peer.order("mr-chart", "chart", status="stopped")
    feed.round()
    after, active = chart()
    assert "mr-chart" not in active
    assert after > before  # so the gateway publishes it, signed, to the ward's carts


def test_an_order_before_its_patient_waits_and_is_taken_when_the_patient_comes(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.patient("late")
    peer.order("mr-late", "late")
    feed.round()
    assert (item("MedicationRequest/mr-late").state, item("MedicationRequest/mr-late").reason.code) == ("waiting", "patient-awaited")  # type: ignore[union-attr]
    peer.stay("e-late", "late")
    feed.round()
    assert order("mr-late").order.patient == "late"


def test_versions_that_jump_or_come_late_never_overwrite_a_newer_one(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("jump")
    peer.order("mr-jump", "jump", dose=100)
    old = peer.get("MedicationRequest/mr-jump")
    for dose in (200, 300, 400):
        peer.order("mr-jump", "jump", dose=dose)
    feed.round()
    assert str(order("mr-jump").order.dose) == "400 mg"
    with transaction(Actor(id="fhir-feed")) as tx:  # an older version that somebody sends behind it
        kept = incoming.keep(
            tx,
            source="fhir",
            kind="MedicationRequest",
            key=f"MedicationRequest/mr-jump/{old['meta']['versionId']}",
            payload=json.dumps(old).encode(),
            about="MedicationRequest/mr-jump",
            subject="jump",
        )
    feed.round()
    assert str(order("mr-jump").order.dose) == "400 mg"
    with reading(LOOK) as tx:
        left = incoming.get(tx, kept.item)
    assert (left.state, left.reason and left.reason.code) == (incoming.SET_ASIDE, "older-version")


def test_a_newer_version_that_cannot_be_read_ends_the_use_of_the_older_one(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("unread")
    peer.order("mr-unread", "unread")
    peer.order("mr-unread2", "unread")
    feed.round()
    peer.order("mr-unread", "unread", doNotPerform=True)
    peer.order("mr-unread2", "unread", doNotPerform=True, status="stopped")
    peer.order("mr-behind", "unread")
    feed.round()
    assert order("mr-unread").order.status is OrderStatus.DRAFT
    assert order("mr-unread2").order.status is OrderStatus.STOPPED
    assert order("mr-behind").order.status is OrderStatus.ACTIVE  # what stands behind it is not held back
    found = item("MedicationRequest/mr-unread/2")
    assert (found.state, found.reason and found.reason.code) == (incoming.REJECTED, "not-an-order")


def test_what_a_person_changed_here_stays_when_the_same_version_comes_again(
    app: Flask, feed: FhirFeed, peer: Peer, sekmet: RunningEmr
) -> None:
    peer.admitted("kept")
    text_only = [{"text": "one in the morning"}]
    peer.put({**an_order("mr-draft", "kept"), "dosageInstruction": text_only})
    peer.order("mr-held", "kept")
    feed.round()
    assert order("mr-draft").order.status is OrderStatus.DRAFT
    with transaction(PRESCRIBER) as tx:
        clear = replace(order("mr-held").order, id="mr-draft", clarification="")
        order_verbs.amend(tx, PRESCRIBER, clear, version=1, reason="asked the doctor")
        order_verbs.hold(tx, PRESCRIBER, "mr-held", 1, reason="vomits")
    with transaction(PHARMACIST) as tx:
        order_verbs.verify(tx, PHARMACIST, "mr-draft", 2)
    anew = a_feed(app, sekmet)  # a new start looks at the last hours again, and compares everything
    anew.round()
    anew.stop()
    assert (order("mr-draft").order.status, order("mr-draft").verification.value) == (OrderStatus.ACTIVE, "verified")
    assert order("mr-held").order.status is OrderStatus.ON_HOLD
    peer.put({**an_order("mr-draft", "kept"), "dosageInstruction": text_only, "note": [{"text": "unchanged"}], "priority": "routine"})
    peer.put({**an_order("mr-held", "kept"), "status": "stopped"})
    feed.round()
    assert order("mr-held").order.status is OrderStatus.STOPPED


def test_a_number_that_is_used_again_and_an_id_with_another_birth_date_wait_for_a_person(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("first", mrn="24-0777")
    feed.round()
    peer.admitted("second", mrn="24-0777", name="TRẦN THỊ BÌNH", born="1990-01-01")
    peer.order("mr-second", "second")
    peer.patient("first", mrn="24-0777", name="LÊ VĂN CƯỜNG", born="1971-05-05")
    feed.round()
    with reading(LOOK) as tx:
        assert patients.get(tx, "first").name == "NGUYỄN VĂN AN"
        assert patients.known(tx, ("second",)) == frozenset()
    assert item("Encounter/e-second").reason.code == "mrn-taken"  # type: ignore[union-attr]
    assert item("Patient/first/2").reason.code == "other-person"  # type: ignore[union-attr]
    assert item("MedicationRequest/mr-second").state == incoming.WAITING
    with transaction(PHARMACIST) as tx:
        deciding.accept(tx, PHARMACIST, item("Patient/first/2").id, "saw the identity card")
    feed.round()
    with reading(LOOK) as tx:
        assert patients.get(tx, "first").name == "LÊ VĂN CƯỜNG"


def test_a_patient_who_was_admitted_here_is_known_by_number_name_and_birth_date(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("ours", mrn="24-0888")
    feed.round()
    peer.patient("theirs", mrn="24-0888")
    peer.stay("e-theirs", "theirs", bed="W1/09")
    peer.order("mr-theirs", "theirs")
    feed.round()
    assert order("mr-theirs").order.patient == "ours"


def test_records_that_were_merged_there_are_joined_here_by_a_person(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("keeps")
    peer.admitted("goes", name="NGUYỄN VĂN AN")
    peer.order("mr-goes", "goes")
    feed.round()
    peer.patient("goes", active=False, link=[{"other": {"reference": "Patient/keeps"}, "type": "replaced-by"}])
    feed.round()
    assert item("Patient/goes/2").reason.code == "merge-asked"  # type: ignore[union-attr]
    assert order("mr-goes").order.patient == "goes"
    with transaction(CHARGE) as tx:
        merge.merge(tx, CHARGE, kept="keeps", gone="goes", reason="one person")
    with transaction(PHARMACIST) as tx:
        deciding.requeue(tx, PHARMACIST, item("Patient/goes/2").id)
    peer.order("mr-goes", "goes", status="on-hold")
    feed.round()
    assert item("Patient/goes/2").state == incoming.TAKEN
    found = order("mr-goes").order
    assert (found.patient, found.status) == ("keeps", OrderStatus.ON_HOLD)


def test_a_discharge_and_a_move_arrive_and_an_older_stay_moves_nobody(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("moves")
    peer.stay("e-old", "moves", status="finished", bed="W9/01")
    feed.round()
    with reading(LOOK) as tx:
        assert patients.get(tx, "moves").ward == "W1"
    peer.stay("e-moves", "moves", bed="W2/03")
    feed.round()
    with reading(LOOK) as tx:
        found = patients.get(tx, "moves")
    assert (found.ward, found.bed, found.status) == ("W2", "03", PatientStatus.ADMITTED)
    peer.stay("e-moves", "moves", status="finished")
    feed.round()
    with reading(LOOK) as tx:
        found = patients.get(tx, "moves")
    assert (found.ward, found.status) == (None, PatientStatus.DISCHARGED)


def test_a_clock_of_the_other_system_that_is_ahead_hides_nothing(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    """The mark of a look never passes the server's own clock, whatever a resource claims."""
    peer.admitted("clock")
    feed.round()
    with transaction(Actor(id="fhir-feed")) as tx:
        incoming.looked(tx, "fhir", "MedicationRequest", mark_at=datetime.now(UTC) + timedelta(days=400))
    feed.round()  # finds nothing newer, and takes the mark back to the server's clock
    with reading(LOOK) as tx:
        mark = incoming.feed(tx, "fhir", "MedicationRequest")
    assert mark is not None
    assert mark.mark_at is not None
    assert mark.mark_at < datetime.now(UTC) + timedelta(minutes=5)
    peer.order("mr-clock", "clock")
    feed.round()
    assert order("mr-clock").order.status is OrderStatus.ACTIVE


def test_what_is_gone_there_is_stopped_here_by_the_comparison_and_a_lost_patient_stops_nothing(
    app: Flask, sekmet: RunningEmr, feed: FhirFeed, peer: Peer
) -> None:
    peer.admitted("gone")
    peer.order("mr-gone", "gone")
    peer.order("mr-stays", "gone")
    feed.round()
    peer.delete("MedicationRequest/mr-gone")
    anew = a_feed(app, sekmet)
    anew.round()
    anew.stop()
    assert order("mr-gone").order.status is OrderStatus.STOPPED
    assert order("mr-stays").order.status is OrderStatus.ACTIVE


def test_a_feed_that_repeats_a_month_changes_nothing(app: Flask, sekmet: RunningEmr, feed: FhirFeed) -> None:
    with reading(LOOK) as tx:
        before = {view.order.id: view.order.version for view in orders.of_patient(tx, "p1")}
        table = versions.total(tx)
    anew = a_feed(app, sekmet, lookback_h=24 * 31)
    assert anew.round() == 0
    anew.stop()
    with reading(LOOK) as tx:
        assert {view.order.id: view.order.version for view in orders.of_patient(tx, "p1")} == before
        assert versions.total(tx) == table


def test_allergies_are_added_and_only_what_was_withdrawn_goes(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("allergic")
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a1",
        "patient": {"reference": "Patient/allergic"},
        "code": {"text": "Penicillin"},
    }
    peer.put(allergy)
    feed.round()
    with reading(LOOK) as tx:
        assert {one.substance for one in patients.get(tx, "allergic").allergies or ()} == {"penicillin"}
    with transaction(PHARMACIST) as tx:
        known = patients.get(tx, "allergic").allergies or ()
        patient_verbs.set_allergies(tx, PHARMACIST, "allergic", (*known, replace(known[0], substance="latex")))
    peer.put({**allergy, "verificationStatus": {"coding": [{"code": "refuted"}]}})
    feed.round()
    with reading(LOOK) as tx:
        assert {one.substance for one in patients.get(tx, "allergic").allergies or ()} == {"latex"}


def test_orders_for_at_home_and_ambulatory_visits_are_none_of_the_ward(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.patient("visitor")
    peer.stay("e-visit", "visitor", kind="AMB")
    peer.order("mr-home", "visitor", category=[{"coding": [{"code": "outpatient"}]}])
    feed.round()
    assert item("MedicationRequest/mr-home").reason.code == "order-elsewhere"  # type: ignore[union-attr]
    with reading(LOOK) as tx:
        assert patients.known(tx, ("visitor",)) == frozenset()


def test_two_orders_with_one_number_never_overwrite_each_other(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("twin")
    number = [{"value": "RX-1"}]
    peer.order("mr-one", "twin", dose=100, identifier=number)
    feed.round()
    peer.order("mr-two", "twin", dose=900, identifier=number)
    feed.round()
    assert str(order("RX-1").order.dose) == "100 mg"
    assert item("MedicationRequest/mr-two").reason.code == "order-id-taken"  # type: ignore[union-attr]


def test_a_fault_of_this_program_stops_no_other_patients_item(
    app: Flask, feed: FhirFeed, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.admitted("fault")
    feed.round()
    whole = dict(fhir_taking.TAKERS)

    def breaks(*args: object) -> None:
        if "mr-fault" in args[1].key:  # type: ignore[attr-defined]
            raise RuntimeError("boom")
        whole["MedicationRequest"](*args)  # type: ignore[arg-type]

    monkeypatch.setattr(fhir_taking, "TAKERS", {**whole, "MedicationRequest": breaks})
    peer.order("mr-fault", "fault")
    peer.order("mr-well", "fault")
    feed.round()
    assert order("mr-well").order.status is OrderStatus.ACTIVE
    assert (item("MedicationRequest/mr-fault").state, item("MedicationRequest/mr-fault").reason.code) == ("waiting", "program-fault")  # type: ignore[union-attr]


def test_a_subject_that_names_two_patients_is_nobodys_order(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("one")
    peer.put({**an_order("mr-both", "one"), "subject": {"reference": "Patient/one,p1"}})
    feed.round()
    assert item("MedicationRequest/mr-both").reason.code == "not-an-identifier"  # type: ignore[union-attr]


def imported(key: str, *, name: str = "NGUYỄN VĂN AN", born: date = date(1958, 3, 2)) -> None:
    """Somebody who lies in the ward by a file, under this id."""
    with transaction(LOOK) as tx:
        if patients.ward(tx, "W1") is None:
            patient_verbs.open_ward(tx, Ward(id="W1", name="W1", timezone="Asia/Ho_Chi_Minh"))
        here = Patient(id=key, mrn=f"MRN-{key}", name=name, birth_date=born, ward="W1", bed="09", status=PatientStatus.ADMITTED)
        patient_verbs.receive(tx, here)


def a_weight(key: str, patient: str) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-11-20T08:00:00+07:00",
        "valueQuantity": {"value": 71, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }


def an_allergy(key: str, patient: str) -> dict[str, object]:
    subject = {"reference": f"Patient/{patient}"}
    return {"resourceType": "AllergyIntolerance", "id": key, "patient": subject, "code": {"text": "Penicillin"}}


def test_an_id_that_is_somebody_elses_here_puts_nothing_of_one_on_the_other(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    imported("1001")
    peer.admitted("1001", mrn="MRN-binh", name="TRẦN THỊ BÌNH", born="1990-01-01")
    peer.put(an_allergy("a-1001", "1001"))
    peer.put(a_weight("w-1001", "1001"))
    peer.order("mr-1001", "1001")
    feed.round()
    with reading(LOOK) as tx:
        an = patients.get(tx, "1001")
        assert (an.name, an.allergies, an.weight) == ("NGUYỄN VĂN AN", None, None)
        assert orders.find(tx, "mr-1001") is None
    assert item("Patient/1001/1").reason.code == "other-person"  # type: ignore[union-attr]
    for key in ("MedicationRequest/mr-1001", "AllergyIntolerance/a-1001", "Observation/w-1001"):
        assert (item(key).state, item(key).reason.code) == (incoming.WAITING, "patient-awaited")  # type: ignore[union-attr]
    with transaction(PHARMACIST) as tx:
        deciding.accept(tx, PHARMACIST, item("Patient/1001/1").id, "one person: the file had the wrong name")
    feed.round()
    with reading(LOOK) as tx:
        assert patients.get(tx, "1001").name == "TRẦN THỊ BÌNH"
        assert patients.get(tx, "1001").allergies
    assert order("mr-1001").order.patient == "1001"


def test_an_id_of_a_file_is_the_same_persons_where_name_and_birth_date_say_so(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.patient("1002")
    feed.round()
    imported("1002")
    peer.order("mr-1002", "1002")  # nothing else comes of the patient, and no stay
    feed.round()
    assert order("mr-1002").order.patient == "1002"


def test_an_order_that_went_to_another_patient_is_not_given_to_the_first(
    app: Flask, sekmet: RunningEmr, feed: FhirFeed, peer: Peer
) -> None:
    peer.admitted("wrong")
    peer.admitted("right", name="LÊ THỊ HOA", born="1980-08-08")
    peer.patient("away", name="VÕ VĂN TÁM", born="1944-04-04")
    for key in ("mr-moved", "mr-away", "mr-takehome"):
        peer.order(key, "wrong")
    feed.round()
    assert {order(key).order.status for key in ("mr-moved", "mr-away", "mr-takehome")} == {OrderStatus.ACTIVE}
    peer.order("mr-moved", "right")
    peer.order("mr-away", "away")
    peer.order("mr-takehome", "wrong", category=[{"coding": [{"code": "discharge"}]}])
    feed.round()
    assert {order(key).order.status for key in ("mr-moved", "mr-away", "mr-takehome")} == {OrderStatus.STOPPED}
    assert order("mr-moved").order.patient == "wrong"
    assert item("MedicationRequest/mr-moved/2").reason.code == "order-id-taken"  # type: ignore[union-attr]
    for key in ("mr-moved", "mr-takehome"):  # and where the stop was missed, by the comparison
        with transaction(LOOK) as tx:
            order_verbs.receive(tx, replace(order(key).order, status=OrderStatus.ACTIVE), source="fhir")
    anew = a_feed(app, sekmet)
    anew.round()
    anew.stop()
    assert {order(key).order.status for key in ("mr-moved", "mr-takehome")} == {OrderStatus.STOPPED}
    peer.order("mr-away", "wrong")  # moved back: it is an order again, and nobody has verified it
    feed.round()
    assert (order("mr-away").order.status, order("mr-away").verification.value) == (OrderStatus.ACTIVE, "pending")


def test_an_unreadable_version_for_another_patient_blocks_the_first_ones_order(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("blocked")
    peer.order("mr-blocked", "blocked")
    feed.round()
    peer.put({**an_order("mr-blocked", "blocked"), "subject": {"reference": "Patient/two,ids"}})
    feed.round()
    assert item("MedicationRequest/mr-blocked/2").reason.code == "not-an-identifier"  # type: ignore[union-attr]
    assert order("mr-blocked").order.status is OrderStatus.DRAFT


def test_an_order_that_gets_its_number_later_is_one_order(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("numbered")
    peer.order("mr-numbered", "numbered", dose=500)
    feed.round()
    peer.order("mr-numbered", "numbered", dose=250, identifier=[{"value": "RX-9"}])
    feed.round()
    with reading(LOOK) as tx:
        live = [(one.order.id, str(one.order.dose)) for one in orders.of_patient(tx, "numbered")]
    assert live == [("mr-numbered", "250 mg")]
    peer.order("mr-numbered", "numbered", dose=250, identifier=[{"value": "RX-9"}], status="stopped")
    feed.round()
    assert order("mr-numbered").order.status is OrderStatus.STOPPED


def test_only_the_end_of_the_stay_that_admitted_somebody_discharges_him(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    def status() -> PatientStatus | None:
        with reading(LOOK) as tx:
            return patients.get(tx, "back").status

    imported("back")
    peer.patient("back")
    peer.stay("e-back", "back", status="planned")
    peer.stay("e-last-year", "back", status="finished")
    feed.round()
    assert status() is PatientStatus.ADMITTED
    assert item("Encounter/e-last-year").state == incoming.SET_ASIDE
    peer.stay("e-back", "back")
    feed.round()
    with transaction(LOOK) as tx:  # a stay so long that nothing but its newest version's name is kept
        incoming.prune(tx, before=tx.at + timedelta(days=1), limit=10_000)
    peer.stay("e-back", "back", status="finished")
    feed.round()
    assert status() is PatientStatus.DISCHARGED
    imported("back")
    peer.stay("e-back", "back", status="finished", length={"value": 3, "unit": "d"})  # an invoice, after he came again
    feed.round()
    assert status() is PatientStatus.ADMITTED
