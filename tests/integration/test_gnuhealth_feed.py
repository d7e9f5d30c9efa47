"""Patients, stays, allergies and orders come in from a running GNU Health, and a stop there is a stop here at the next look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import time, timedelta

import pytest
from flask import Flask

from pointofcare.errors import EmrRejectedError
from pointofcare.orders.order import OrderCategory, OrderStatus
from pointofcare.people import PatientStatus
from pointofcare.quantity import Quantity
from server.emr import form_of, open_emr
from server.feed_settings import FhirFeedConfig
from server.feeds import fhir_items, gnuhealth_source
from server.feeds.fhir_feed import FhirFeed
from server.feeds.fhir_reading import Reference
from server.feeds.fhir_source import GoneError
from server.feeds.fhir_takers import Taker
from server.store import incoming, orders, patients
from server.store.orders import OrderView
from server.store.transaction import Actor, reading
from server.usecases.standard_times import StandardTimes
from simulation.gnuhealth_peer import CLERK
from tests.integration.test_emr_gnuhealth import a_record, config_at, submitted
from tests.support.databases import migrated_app
from tests.support.gnuhealth import Ward, ward

__all__ = ["ward"]
LOOK = Actor(id="test")
MEDICATION = "gnuhealth.inpatient.medication"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture(scope="module")
def feed(app: Flask, ward: Ward) -> Iterator[FhirFeed]:
    source = gnuhealth_source.opened(config_at(ward.running.base_url))
    standard = StandardTimes(times={"BID": (time(8), time(20))})
    settings = FhirFeedConfig(enabled=True)
    taker = Taker(source=source, reference=Reference(source), settings=settings, timezone="Asia/Ho_Chi_Minh", standard=standard)
    made = FhirFeed(taker, scope=app.app_context, chance=lambda: 0.5)
    made.round()
    yield made
    made.stop()


def order(medication: int) -> OrderView:
    with reading(LOOK) as tx:
        return orders.get(tx, f"gnuhealth-{medication}")


def test_an_admission_with_its_allergy_and_order_comes_in_by_itself(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    puid, patient, stay = ward.admitted(dob={"__class__": "date", "year": 1950, "month": 3, "day": 2}, gender="m")
    icd = ward.desk.create("gnuhealth.pathology", name="Personal history of allergy to penicillin", code=f"Z88.0-{puid}")
    ward.desk.create(
        "gnuhealth.patient.disease", patient=patient, pathology=icd, is_allergy=True, allergy_type="da", disease_severity="3_sv",
        short_comment="penicillin",
    )  # fmt: skip
    medication = ward.desk.prescribe(
        stay, ward.drug("amoxicillin + clavulanic acid"), 500.0, "mg", form="CAP", frequency=8, frequency_unit="hours"
    )
    assert feed.round()
    feed.round()  # the allergies of somebody who has just come
    with reading(LOOK) as tx:
        found = patients.get(tx, f"gnuhealth-{patient}")
        here = patients.ward(tx, "Khoa-Noi-3")
    assert (found.mrn, found.name, str(found.birth_date), found.sex) == (puid, "Nguyễn Văn An", "1950-03-02", "male")
    assert (found.status, found.ward) == (PatientStatus.ADMITTED, "Khoa-Noi-3")
    assert found.bed
    assert found.bed.startswith("G")
    assert here is not None
    assert here.name == "Khoa Nội 3"
    assert found.allergies is not None
    assert [(one.substance, one.severity) for one in found.allergies] == [("penicillin", "severe")]
    view = order(medication)
    assert (view.order.status, view.order.category, view.order.route, view.order.form) == (
        OrderStatus.ACTIVE, OrderCategory.SCHEDULED, "PO", "capsule",
    )  # fmt: skip
    assert view.order.ingredient == "amoxicillin/clavulanic acid"
    assert (view.order.dose, view.order.every) == (Quantity.parse("500 mg"), timedelta(hours=8))
    assert view.order.patient == f"gnuhealth-{patient}"


def test_a_stop_there_is_a_stop_here_at_the_next_look_and_a_way_back_is_one_too(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    _, medication = ward.ordered(times=(time(8), time(20)))
    feed.round()
    assert (order(medication).order.status, order(medication).order.times) == (OrderStatus.ACTIVE, (time(8), time(20)))
    ward.desk.stop(medication, "nôn nhiều")
    feed.round()
    assert order(medication).order.status is OrderStatus.STOPPED
    ward.desk.write(MEDICATION, medication, is_active=True, discontinued=False, discontinued_reason=None)
    feed.round()
    assert order(medication).order.status is OrderStatus.ACTIVE, "what was changed and changed back is a version of its own"
    ward.desk.write(MEDICATION, medication, is_active=False, course_completed=True)
    feed.round()
    assert order(medication).order.status is OrderStatus.COMPLETED


def test_a_dose_that_is_charted_there_changes_nothing_of_the_order_here(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    puid, medication = ward.ordered(times=(time(8),))
    feed.round()
    before = order(medication).order.version
    with closing(open_emr(config_at(ward.running.base_url), facility="bv1")) as emr:
        submitted(emr, form_of(config_at("http://127.0.0.1"), facility="bv1"), a_record(puid, medication))
    feed.round()
    assert order(medication).order.version == before
    assert feed.round() == 0


def test_another_dose_is_a_new_version_that_nobody_has_verified(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    _, medication = ward.ordered(times=(time(8),))
    feed.round()
    ward.desk.write(MEDICATION, medication, dose=250.0)
    feed.round()
    view = order(medication)
    assert (view.order.version, view.order.dose, view.order.verified) == (2, Quantity.parse("250 mg"), False)


def test_other_times_alone_are_seen_too(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    _, medication = ward.ordered(times=(time(8),))
    feed.round()
    row = ward.desk.rows(f"{MEDICATION}.admin_time", [["medication", "=", medication]], "admin_time")[0]
    ward.desk.write(
        f"{MEDICATION}.admin_time", int(row["id"]), admin_time={"__class__": "time", "hour": 9, "minute": 30, "second": 0, "microsecond": 0}
    )
    feed.round()
    assert order(medication).order.times == (time(9, 30),)


def test_an_order_that_was_deleted_there_is_stopped_here_when_all_are_compared(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    _, medication = ward.ordered(times=(time(8),))
    feed.round()
    ward.desk.delete(MEDICATION, medication)
    feed.round()
    feed._compared_at = None
    feed.round()
    assert order(medication).order.status is OrderStatus.STOPPED


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"qty": 2, "frequency": 8, "frequency_unit": "hours"}, "clarify-"),
        ({"unit": "unit", "frequency": 8, "frequency_unit": "hours"}, ""),
        ({"route": "WND", "frequency": 8, "frequency_unit": "hours"}, "clarify-no-route"),
        ({"frequency": 6, "frequency_unit": "hours", "times": (time(8), time(20))}, "clarify-"),
        ({}, "clarify-no-times"),
    ],
)
def test_what_has_no_one_meaning_is_a_draft_and_never_a_guess(
    app: Flask, feed: FhirFeed, ward: Ward, values: dict[str, object], code: str
) -> None:
    _, _, stay = ward.admitted()
    unit = str(values.pop("unit", "mg"))
    medication = ward.desk.prescribe(stay, ward.drug(), 10.0, unit, **values)  # type: ignore[arg-type]
    feed.round()
    view = order(medication)
    if unit == "unit":  # this hospital said what it means
        assert view.order.dose == Quantity.parse("10 [IU]")
        return
    assert view.order.status is OrderStatus.DRAFT
    assert code in (view.order.clarification or view.clarification or "")


def test_twice_a_day_is_by_the_hospitals_own_table_and_as_needed_keeps_its_interval(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    _, _, stay = ward.admitted()
    twice = ward.desk.one("gnuhealth.medication.dosage", "code", "=", "229799001")
    daily = ward.desk.prescribe(stay, ward.drug(), 10.0, "mg", common_dosage=twice)
    needed = ward.desk.prescribe(stay, ward.drug("paracetamol"), 500.0, "mg", frequency=6, frequency_unit="hours", frequency_prn=True)
    once = ward.desk.prescribe(
        stay, ward.drug("furosemide"), 20.0, "mg", common_dosage=ward.desk.one("gnuhealth.medication.dosage", "code", "=", "422114001")
    )
    steps = ward.desk.prescribe(stay, ward.drug("prednisolone"), 10.0, "mg", times=(time(8), time(20)))
    rows = ward.desk.rows(f"{MEDICATION}.admin_time", [["medication", "=", steps]], "admin_time")
    ward.desk.write(
        f"{MEDICATION}.admin_time", int(rows[0]["id"]), dose=5.0, dose_unit=ward.desk.one("gnuhealth.dose.unit", "code", "=", "mg")
    )
    feed.round()
    found = order(daily).order
    assert found.status is OrderStatus.DRAFT or found.times == (time(8), time(20)), "by the table, or a person says when"
    found = order(needed).order
    assert found.category is OrderCategory.PRN
    assert found.prn is not None
    assert found.prn.min_interval == timedelta(hours=6)
    assert order(once).order.category is OrderCategory.STAT
    assert sorted(str(step.dose) for step in order(steps).order.dosages) == ["10 mg", "5 mg"]


def test_a_move_and_a_discharge_are_followed(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    _, patient, stay = ward.admitted()
    feed.round()
    ward.desk.write("gnuhealth.inpatient.registration", stay, bed=ward.bed("Khoa Ngoại"))
    feed.round()
    with reading(LOOK) as tx:
        assert patients.get(tx, f"gnuhealth-{patient}").ward == "Khoa-Ngoai"
    dx = ward.desk.create("gnuhealth.pathology", name="Khác", code=f"X{patient}")
    ward.desk.write("gnuhealth.inpatient.registration", stay, discharge_reason="home", discharge_dx=dx, admission_reason=dx)
    ward.desk.press("gnuhealth.inpatient.registration", "discharge", stay)
    feed.round()
    with reading(LOOK) as tx:
        assert patients.get(tx, f"gnuhealth-{patient}").status is PatientStatus.DISCHARGED


def test_somebody_with_another_birth_date_is_not_taken_for_the_patient(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    _, patient, _ = ward.admitted(dob={"__class__": "date", "year": 1950, "month": 3, "day": 2})
    feed.round()
    party = ward.desk.rows("gnuhealth.patient", [["id", "=", patient]], "party")[0]["party"]
    ward.desk.write("party.party", int(party), dob={"__class__": "date", "year": 1951, "month": 3, "day": 2})
    feed.round()
    with reading(LOOK) as tx:
        assert str(patients.get(tx, f"gnuhealth-{patient}").birth_date) == "1950-03-02"
        kept = [one for one in incoming.listed(tx, state=incoming.REJECTED) if one.about == f"Patient/gnuhealth-{patient}"]
    assert [one.reason.code for one in kept if one.reason] == ["other-person"]


def test_an_allergy_that_healed_goes_and_one_in_words_alone_stays_to_be_read(app: Flask, feed: FhirFeed, ward: Ward) -> None:
    _, patient, _ = ward.admitted()
    icd = ward.desk.create("gnuhealth.pathology", name="Allergy, other", code=f"T78.4-{patient}")
    row = ward.desk.create("gnuhealth.patient.disease", patient=patient, pathology=icd, is_allergy=True, allergy_type="da")
    feed.round()
    feed.round()
    with reading(LOOK) as tx:
        found = patients.get(tx, f"gnuhealth-{patient}").allergies
    assert [one.substance for one in found or ()] == ["allergy, other"]
    ward.desk.write("gnuhealth.patient.disease", row, status="h", is_active=False)
    feed.round()
    with reading(LOOK) as tx:
        assert patients.get(tx, f"gnuhealth-{patient}").allergies == ()


def test_what_is_not_there_is_gone_and_two_wards_of_one_name_are_refused(ward: Ward) -> None:
    with closing(gnuhealth_source.opened(config_at(ward.running.base_url))) as source:
        for about in ("Patient/gnuhealth-999999", "Patient/17", "Observation/gnuhealth-1", "MedicationRequest/gnuhealth-x"):
            with pytest.raises(GoneError):
                source.read(about)
        source.check(fhir_items.KINDS)
        first = ward.desk.ward("Khoa Sản")
        second = ward.desk.ward("Khoa-San")
        with pytest.raises(EmrRejectedError, match="one ward here"):
            source.check(fhir_items.KINDS)
        ward.desk.delete("gnuhealth.hospital.ward", first)
        ward.desk.delete("gnuhealth.hospital.ward", second)


def test_an_account_that_writes_no_line_may_still_read(ward: Ward) -> None:
    with closing(gnuhealth_source.opened(config_at(ward.running.base_url, CLERK))) as source:
        source.check(fhir_items.KINDS)
