"""The audit page: in words, filtered, sealed or not, verified on demand; and the alarm that the fleet page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from server.security import sealing, signing
from server.store import audit, discrepancies
from server.store.database import db
from server.store.discrepancies import Discrepancy
from server.store.transaction import Actor, reading, transaction
from server.usecases import checkpoints
from server.web import audit as audit_page
from tests.support.server_ward import NURSE
from tests.support.web import ADMIN, FLEET, post, signed_in, ward_app

SERVER = Path(audit_page.__file__).parents[1]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with ward_app(tmp_path, verified=True) as made:
        with made.app_context():
            key = signing.load_or_generate(made.config["POINTOFCARE_CONFIG"].signing_key)
            sealing.Sealer(key, scope=made.app_context).drain()
        yield made


def test_each_action_of_the_programs_has_words_in_every_language(app: Flask) -> None:
    actions = set()
    for file in SERVER.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        actions |= set(re.findall(r"(?:\.audit\(|audit\.note\(\s*who,)\s*\"([a-z.-]+)\"", source))
        actions |= set(re.findall(r"action=\"(view\.[a-z-]+)\"", source))
    actions |= {f"order.{one}" for one in ("amended", "held", "resumed", "stopped", "received", "verified", "rejected", "queried")}
    actions |= {"patient.transfer", "patient.discharge", "task.accept", "administration.withdraw", "dose.close"}
    assert len(actions) > 50
    for language in ("vi", "en", "fr"):
        with app.test_request_context(headers={"Accept-Language": language}):
            other = audit_page.words("no.such")
            assert {action for action in actions if audit_page.words(action) == other} == set(), language


def test_the_page_says_what_is_sealed_and_what_is_not_and_shows_no_code(app: Flask) -> None:
    client = signed_in(app, ADMIN)
    signed_in(app, NURSE).get("/patients/P1")
    page = client.get("/audit/").text
    assert "sealed, place" in page
    assert "not sealed yet" in page
    assert "Patient looked at" in page
    assert "view.patient" not in page


def test_the_filters_find_by_patient_person_action_and_day(app: Flask) -> None:
    signed_in(app, NURSE).get("/patients/P1")
    signed_in(app, NURSE).get("/api/v1/orders/O2")
    client = signed_in(app, ADMIN)
    assert "order/O2" in client.get("/audit/?patient=P2").text
    assert "order/O2" not in client.get("/audit/?patient=P1&action=view").text
    assert "Order looked at" not in client.get("/audit/?actor=PH1").text
    assert "Nothing here" in client.get("/audit/?from=2020-01-01&to=2020-01-02").text
    assert "Nothing here" in client.get("/audit/?patient=%25").text


def test_the_file_has_every_column_and_downloading_it_is_audited(app: Flask) -> None:
    told = signed_in(app, ADMIN).get("/audit/audit.csv")
    assert told.text.lstrip("\ufeff").startswith("id,at,person,name,roles,place,action,subject,detail,sealed_at_place")
    with app.app_context(), reading() as tx:
        assert audit.listed(tx, limit=1)[0].action == "view.audit-export"


def test_a_whole_log_is_said_to_be_whole_and_a_changed_one_is_not(app: Flask) -> None:
    client = signed_in(app, ADMIN)
    assert "The log is whole" in post(client, "/audit/verify", "/audit/").text
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE audit SET actor = 'N9' WHERE id = 1"))
    page = post(client, "/audit/verify", "/audit/").text
    assert "The log is NOT whole" in page
    assert "place 0" in page
    with app.app_context(), reading() as tx:
        assert [line.detail["faults"] for line in audit.listed(tx) if line.action == "audit.verify"][-1] == 0


def test_a_log_that_is_too_long_is_left_to_the_command(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_page, "MOST_VERIFIED", 1)
    assert "pointofcare-server audit verify" in post(signed_in(app, ADMIN), "/audit/verify", "/audit/").text


def test_the_newest_checkpoint_can_be_printed(app: Flask) -> None:
    page = signed_in(app, ADMIN).get("/audit/checkpoint").text
    assert "eyJ" in page
    assert "data-print" in page


def test_an_alarm_stands_on_the_fleet_page_and_names_the_checkpoint(app: Flask) -> None:
    with app.app_context(), transaction(Actor(id="gateway")) as tx:
        name = "audit-checkpoint-12-abcdef01"
        discrepancies.raise_all(tx, (Discrepancy(code=checkpoints.CODE, record_id=name, detail={"cart": "c7"}),))
    page = signed_in(app, FLEET).get("/fleet/").text
    assert "audit-checkpoint-12-abcdef01" in page
    assert "c7" in page
