"""The whole demo ward through our FHIR face: everything that it serves is valid R4, every reference of ours leads somewhere, and lists that
nobody could read are not told as empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from pointofcare.administration.record import AdministrationRecord
from pointofcare.quantity import Quantity
from server.emr import validation
from server.security import sign_in
from server.store.patients import Ward
from server.store.transaction import Actor, transaction
from server.usecases import administrations, admission, merge, orders, patients, pharmacy
from server.usecases import observations as measuring
from server.usecases.fhir_kinds import KINDS
from simulation import ward as virtual
from tests.support import fhir_reader, server_ward, web
from tests.support.emr import CASES
from tests.support.fhir_reader import Reader
from tests.support.server_ward import CHARGE, IMPORT, NOW, NURSE, PRESCRIBER, a_patient, a_record

GATEWAY = Actor(id="gateway")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    made = virtual.build(7, NOW)
    with web.ward_app(tmp_path_factory.mktemp("fhir-demo"), verified=True, patient_count=1) as app:
        with app.app_context():
            sign_in.limiter.enabled = False
            with transaction(IMPORT) as tx:
                for ward in {one.ward for one in made.patients if one.ward}:
                    patients.open_ward(tx, Ward(id=ward, name=ward, timezone="Asia/Ho_Chi_Minh"))
                for product in made.products:
                    pharmacy.receive_product(tx, product)
                for patient in made.patients:
                    patients.receive(tx, replace(patient, id=f"D-{patient.id}", mrn=f"D-{patient.mrn}", bands=()))
                patients.receive(tx, replace(a_patient(8), allergies=()))
                patients.receive(tx, replace(a_patient(9), allergies=None))
            with transaction(PRESCRIBER, at=NOW) as tx:
                for order in made.orders:
                    orders.place(tx, PRESCRIBER, replace(order, id=f"D-{order.id}", patient=f"D-{order.patient}"))
            with transaction(NURSE) as tx:
                for code, value in (("heart-rate", "58 /min"), ("temperature", "37.2 Cel"), ("pain", "4 {score}")):
                    amount = Quantity.parse(value)
                    measuring.enter(tx, NURSE, record_id=f"m-{code}", patient="P1", code=code, value=amount)
            with transaction(CHARGE) as tx:
                admission.discharge(tx, CHARGE, "P8")
            number = 1_000
            for order in made.orders:
                number += 1
                plain = a_record(1, record_id=f"d-{order.id}", mrn="D", due=None, product=None, gtin=None, route=order.route)
                dose = replace(plain, patient=f"D-{order.patient}", order=f"D-{order.id}", dose=order.dose)
                with transaction(GATEWAY) as tx:
                    administrations.record(tx, dose, cart_seq=number, epoch="e")
            for name, record in CASES.items():
                number += 1
                with transaction(GATEWAY) as tx:
                    administrations.record(tx, _case(name, record), cart_seq=number, epoch=name)
            for one in LATER:
                number += 1
                with transaction(GATEWAY) as tx:
                    administrations.record(tx, one, cart_seq=number, epoch=one.record_id)
        signer = fhir_reader.key()
        fhir_reader.register(app, signer=signer)
        app.config["SIGNER"] = signer
        yield app
        sign_in.limiter.enabled = True


def _case(name: str, record: AdministrationRecord) -> AdministrationRecord:
    """As a record of its own; what corrects another corrects the first."""
    return replace(record, facility="h1", patient="P1", record_id=f"case-{name}", amends="case-given" if record.amends else None)


PATCH = a_record(1, record_id="patch", action="give", route="TD", site="left arm", due=None, order=None)
LATER = (
    PATCH,
    replace(PATCH, record_id="patch-off", action="remove", continues="patch", dose=None, effective_at=NOW + timedelta(hours=12)),
    replace(
        PATCH, record_id="effect", action="assess", continues="patch", dose=None, effect="improved", effective_at=NOW + timedelta(hours=1)
    ),
)


@pytest.fixture
def reader(app: Flask) -> Reader:
    return fhir_reader.program(app, app.config["SIGNER"])


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_is_served_is_valid_r4(reader: Reader, kind: str) -> None:
    seen = 0
    for page in reader.pages(f"{kind}?_count=100"):
        if page.get("entry"):
            assert validation.problems(json.dumps(page).encode()) == (), kind
            assert "outcome" not in {one["search"]["mode"] for one in page["entry"]}, page
            seen += len(page["entry"])
    assert seen or kind == "Device", kind


def test_every_reference_to_what_is_here_leads_somewhere(reader: Reader) -> None:
    held = {f"{kind}/{key}" for kind in KINDS for key in reader.ids(f"{kind}?_count=200")}
    missing = set()
    for kind in KINDS:
        for one in reader.every(f"{kind}?_count=200"):
            missing |= {found for found in _references(one) if not found.startswith("#")} - held
    # Facts name what was there when they were made: an order, a person or a cart that the database of this test never had.
    assert {one for one in missing if not one.startswith(("Practitioner/", "MedicationRequest/", "Device/"))} == set()


def _references(found: object) -> Iterator[str]:
    if isinstance(found, list):
        for one in found:
            yield from _references(one)
    elif isinstance(found, dict):
        if isinstance(found.get("reference"), str):
            yield found["reference"]
        for value in found.values():
            yield from _references(value)


def test_allergies_that_nobody_could_read_are_not_told_as_none(reader: Reader) -> None:
    assert reader.found("AllergyIntolerance?patient=P9") == [], "nobody could read them: there is no resource that says so"
    none = reader.found("AllergyIntolerance?patient=P8")
    assert [one["code"]["coding"][0]["code"] for one in none] == ["716186003"]
    assert reader.ok(f"AllergyIntolerance/{none[0]['id']}")["patient"]["reference"] == "Patient/P8"


def test_a_stay_that_ended_is_not_running(reader: Reader) -> None:
    assert reader.ok("Encounter/P8")["status"] == "finished"
    assert "P8" not in reader.ids("Encounter?status=in-progress&_count=200")


def test_a_joined_record_leads_to_the_one_that_goes_on(app: Flask, reader: Reader) -> None:
    with app.app_context(), transaction(server_ward.CHARGE) as tx:
        merge.merge(tx, server_ward.CHARGE, kept="P9", gone="P8", reason="the same person")
    assert reader.ok("Patient/P8")["link"] == [{"other": {"reference": "Patient/P9"}, "type": "replaced-by"}]
    assert reader.ok("Patient/P9")["link"] == [{"other": {"reference": "Patient/P8"}, "type": "replaces"}]
    assert reader.ids("Patient?active=false") == ["P8"]
