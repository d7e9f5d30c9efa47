"""What leaves a training hospital says that it is one: every printed page and label, and every resource sent to an EMR."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2
import pytest
from flask import Flask

from pointofcare.quantity import Quantity
from pointofcare.wire.training import is_training
from server.app import create_app
from server.config import EmrConfig
from server.emr import fhir_chain, fhir_mapping, fhir_observation, mapping_context, validation
from server.emr.dispatcher import ACTOR, Dispatcher
from server.emr.folder import FolderEmr
from server.store import mapping_record, migrate, outbox
from server.store.database import db
from server.store.observations import Measurement
from server.store.transaction import transaction
from server.web import label_words
from tests.support import server_ward, web
from tests.support.databases import config_for
from tests.support.emr import a_store, an_administration

REAL, TRAINING = "h1", "h1-training"
HTEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


def text_of(file: bytes) -> str:
    return " ".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(file))


def app_of(facility: str, directory: Path) -> Flask:
    app = create_app(config_for(f"sqlite:///{directory / 'ward.sqlite'}", directory, facility=facility, training=is_training(facility)))
    app.config["TESTING"] = True
    with app.app_context():
        migrate.upgrade()
        server_ward.open_ward(patient_count=1)
    return app


@pytest.fixture(params=[TRAINING, REAL])
def hospital(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Flask, bool]]:
    app = app_of(request.param, tmp_path)
    yield app, request.param == TRAINING
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def test_a_wristband_and_printed_sheets_of_training_say_so(hospital: tuple[Flask, bool]) -> None:
    app, is_trained = hospital
    browser = web.signed_in(app, server_ward.CHARGE, factor=True)
    page = browser.get("/admission/P1/").text
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    answer = browser.post("/admission/P1/band", data={"csrf_token": web.token_of(page), "size": "adult", "seen": seen[1] if seen else ""})
    assert answer.mimetype == "application/pdf", browser.get("/admission/P1/").text[2000:6000]
    assert ("training" in text_of(answer.data).casefold()) == is_trained
    for address in ("/patients/P1/record", "/ward/sheet"):
        paper = browser.get(address).text.split("<main", 1)[1].casefold()
        assert ("training" in paper.split("</main>")[0]) == is_trained, address


def test_each_kind_of_label_of_training_says_so(hospital: tuple[Flask, bool]) -> None:
    app, is_trained = hospital
    with app.test_request_context():
        labels = (
            label_words.badge(name="Nguyễn Thị Hoa", role="nurse", number="N1", facility="Hospital"),
            label_words.drawer(cart="c01", number=3, ward="W1"),
        )
    assert [label.lines[0].field == "training" for label in labels] == [is_trained] * 2


def test_no_kind_of_label_is_made_past_the_words_of_training() -> None:
    """Of every function that makes a label: what it returns went through the one that adds the words."""
    tree = ast.parse(inspect.getsource(label_words))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    makers = [node for node in functions if isinstance(node.returns, ast.Name) and node.returns.id == "Label"]
    assert {node.name for node in makers} >= {"unit_dose", "bag", "badge", "drawer"}
    for node in makers:
        if node.name == "_trained":
            continue
        for line in (each for each in ast.walk(node) if isinstance(each, ast.Return)):
            assert isinstance(line.value, ast.Call)
            assert isinstance(line.value.func, ast.Name)
            assert line.value.func.id == "_trained", node.name


def bundles() -> Iterator[tuple[str, object]]:
    plain = an_administration(1)
    yield "dose", plain
    yield "not given", replace(plain, status="not-done", status_reason="refused", dose=None)
    yield "corrected", replace(plain, record_id=an_administration(2).record_id, amends=plain.record_id)


@pytest.mark.parametrize(("kind", "record"), list(bundles()), ids=[kind for kind, _ in bundles()])
@pytest.mark.parametrize("facility", [TRAINING, REAL])
def test_every_resource_of_a_training_bundle_is_labelled_as_test_data(facility: str, kind: str, record: object) -> None:
    context = mapping_context(EmrConfig(), facility=facility)
    if kind == "corrected":
        context = replace(context, chain=(an_administration(1), record))  # type: ignore[arg-type]
    bundle = fhir_mapping.labelled(fhir_chain.to_bundle(record, context), context)  # type: ignore[arg-type]
    resources = [bundle, *(entry["resource"] for entry in bundle["entry"])]
    found = [any(HTEST.items() <= label.items() for label in one.get("meta", {}).get("security", ())) for one in resources]
    assert found == [facility == TRAINING] * len(resources)
    assert validation.problems(fhir_mapping.to_bytes(bundle)) == ()


@pytest.mark.parametrize("facility", [TRAINING, REAL])
def test_a_measurement_of_training_is_labelled_too(facility: str) -> None:
    at = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)
    ids = {"record_id": an_administration(3).record_id, "facility": facility, "ward": "W3", "cart": "c01", "patient": "P1"}
    value = Quantity.parse("72 /min")
    measured = Measurement(**ids, mrn="24-000123", code="heart-rate", value=value, at=at, nurse="N1", recorded_at=at)
    context = mapping_context(EmrConfig(), facility=facility)
    bundle = fhir_mapping.labelled(fhir_observation.to_bundle(measured, context), context)
    found = ["security" in entry["resource"].get("meta", {}) for entry in bundle["entry"]]
    assert found == [facility == TRAINING] * len(bundle["entry"])
    assert validation.problems(fhir_mapping.to_bytes(bundle)) == ()


def test_what_is_sent_from_training_is_what_was_labelled(tmp_path: Path) -> None:
    record = an_administration(1)
    with a_store(f"sqlite:///{tmp_path / 'store.sqlite'}") as scope:
        document = mapping_record.to_document(record)
        with scope(), transaction(ACTOR) as tx:
            outbox.put(tx, record_id=record.record_id, cart="c01", ordering_key=record.record_id, document=document)
        Dispatcher(FolderEmr(tmp_path / "emr"), mapping_context(EmrConfig(), facility=TRAINING), scope=scope).drain_once()
    (file,) = (tmp_path / "emr").glob("*.json")
    sent = json.loads(file.read_text(encoding="utf-8"))
    assert all(HTEST.items() <= entry["resource"]["meta"]["security"][0].items() for entry in sent["entry"])
