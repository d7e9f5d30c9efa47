"""The fleet's pages and the work list about records that a cart counted and that never came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.wire.messages import CartBirth, CartPhase, CartState
from server.store import fleet, tasks
from server.store.transaction import reading, transaction
from server.usecases import administrations, sequences
from server.usecases.task_kinds import RECORD_GAP, RECORDS_LOST
from tests.support import web, work
from tests.support.server_ward import CHARGE, WARD, a_record
from tests.support.web import FLEET


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as found:
        with found.app_context():
            began = datetime.now(UTC) - timedelta(minutes=30)
            with transaction(work.GATEWAY, at=began) as tx:
                fleet.put_birth(tx, "c1", CartBirth(boot_id="b", versions={}, hardware="cart", epoch="e1", ward=WARD))
                sequences.heard(tx, "c1", "e1", 0, fresh=True)
                for seq in (1, 4):
                    administrations.record(tx, a_record(cart="c1"), cart_seq=seq, epoch="e1")
            for at in (began, began + timedelta(minutes=20)):
                with transaction(work.GATEWAY, at=at) as tx:
                    fleet.put_state(tx, "c1", CartState(phase=CartPhase.READY, ward=WARD), sid="s1", sent_at=began)
                    sequences.follow(tx, [("c1", "e1")])
        yield found


def in_language(client: object, language: str) -> None:
    with client.session_transaction() as session:  # type: ignore[attr-defined]
        session["language"] = language


@pytest.mark.parametrize(
    ("language", "missing", "replaced"),
    [
        ("en", "2 records are missing: 2–3", "Journal replaced: 2 records may be lost (2–3)"),
        ("vi", "Thiếu 2 bản ghi: 2–3", "Nhật ký đã bị thay: có thể mất 2 bản ghi (2–3)"),
        ("fr", "2 enregistrements manquent : 2–3", "Journal remplacé : 2 enregistrements peuvent être perdus (2–3)"),
    ],
)
def test_the_fleet_pages_show_what_is_missing_and_what_may_be_lost(app: Flask, language: str, missing: str, replaced: str) -> None:
    client = web.signed_in(app, FLEET)
    in_language(client, language)
    for address in ("/fleet/", "/fleet/c1", "/fleet/?state=gaps"):
        assert missing in client.get(address).text
    with app.app_context(), transaction(work.GATEWAY) as tx:
        sequences.heard(tx, "c1", "e2", 0, fresh=True)
    for address in ("/fleet/", "/fleet/c1", "/fleet/?state=gaps"):
        page = client.get(address).text
        assert missing not in page
        assert replaced in page


def test_a_person_says_what_became_of_the_records_and_the_pages_are_quiet(app: Flask) -> None:
    with app.app_context():
        with transaction(work.GATEWAY) as tx:
            sequences.heard(tx, "c1", "e2", 0, fresh=True)
        with reading() as tx:
            assert tasks.listed(tx, kinds=(RECORD_GAP,)) == ()
            (task,) = tasks.listed(tx, kinds=(RECORDS_LOST,))
    client = web.signed_in(app, CHARGE)
    page = client.get("/work/?kind=records-lost").text
    assert "A cart came with a new journal: records may be lost" in page
    assert "No. 2 to 3" in page
    assert "whether anything was recorded after no. 4" in page
    token = web.token_of(page)
    data = {"csrf_token": token, "answer": "explain", "revision": str(task.revision), "text": ""}
    client.post(f"/work/{task.id}", data=data)
    with app.app_context(), reading() as tx:
        assert tasks.get(tx, task.id).is_open  # not without words
    client.post(f"/work/{task.id}", data={**data, "text": "disk replaced; charted on paper"})
    with app.app_context(), reading() as tx:
        assert (tasks.get(tx, task.id).status, tasks.get(tx, task.id).answered_by) == (tasks.COMPLETED, CHARGE.id)
    fleet_page = web.signed_in(app, FLEET)
    assert "may be lost" not in fleet_page.get("/fleet/").text
    assert "Explained" in fleet_page.get("/fleet/c1").text
