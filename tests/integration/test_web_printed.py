"""What is printed: a medication record to file, and a rounds sheet for a downtime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask, session

from server.store import audit
from server.store.transaction import reading, transaction
from server.usecases import administrations
from server.web import page, printed
from tests.support import server_ward, web


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("printed"), verified=True) as made:
        given = server_ward.a_record()
        refused = server_ward.a_record(
            effective_at=server_ward.NOW + timedelta(minutes=1),
            action="refuse",
            status="not-done",
            status_reason="patient-refused",
            reason_text="she feels sick",
        )
        wrong = server_ward.a_record(effective_at=server_ward.NOW - timedelta(minutes=1), reason_text="another bed")
        righted = replace(wrong, record_id=str(uuid4()), amends=wrong.record_id, status="entered-in-error")
        with made.app_context(), transaction(server_ward.IMPORT) as tx:
            for one in (given, refused, wrong, righted):
                administrations.record(tx, one, reevaluate=False)
        yield made


def test_the_record_names_the_patient_each_dose_who_gave_it_and_who_printed_it(app: Flask) -> None:
    text = web.signed_in(app, server_ward.NURSE).get("/patients/P1/record?from=2026-03-02&days=1").text
    head = text[text.index("<thead>") : text.index("</thead>")]
    assert "MRN" in head
    assert "Printed" in head
    assert server_ward.NURSE.name in head
    assert "she feels sick" in text
    assert ">given<" in text
    assert "not given" in text
    assert "NOT COMPLETE" not in text


def test_a_record_that_does_not_fit_says_so_on_the_paper(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed, "MOST", 1)
    text = web.signed_in(app, server_ward.NURSE).get("/patients/P1/record?from=2026-03-02&days=1").text
    assert "NOT COMPLETE" in text
    assert "she feels sick" in text, "the newest stays"
    assert text.count('class="struck"') == 0


def test_what_was_corrected_is_struck_and_stays(app: Flask) -> None:
    text = web.signed_in(app, server_ward.NURSE).get("/patients/P1/record?from=2026-03-02&days=1").text
    assert text.count('class="struck"') == 2
    assert "another bed" in text


def test_another_period_has_its_orders_and_nothing_charted(app: Flask) -> None:
    browser = web.signed_in(app, server_ward.NURSE)
    assert "she feels sick" not in browser.get("/patients/P1/record?from=2001-01-01&days=1").text
    assert browser.get("/patients/P1/record?from=9999-99-99&days=5").status_code == 200


def test_the_sheet_says_until_when_it_holds_and_leaves_no_patient_or_order_out(app: Flask) -> None:
    before = datetime.now(UTC) + printed.VALID
    text = web.signed_in(app, server_ward.NURSE).get("/ward/sheet").text
    with app.test_request_context():
        session["language"] = "en"
        assert any(f"VALID UNTIL {printed.moment_on_paper(before + timedelta(minutes=late))}" in text for late in range(3))
    assert text.count('scope="rowgroup"') == 2
    assert 'class="box"' in text


def test_paper_is_audited_as_a_view(app: Flask) -> None:
    browser = web.signed_in(app, server_ward.CHARGE)
    for address in ("/patients/P1/record", "/ward/sheet"):
        assert browser.get(address).status_code == 200
    with app.app_context(), reading() as tx:
        lines = [line for line in audit.listed(tx, actor=server_ward.CHARGE.id) if line.action == "view.print"]
    assert {line.subject for line in lines} == {"patient/P1", "list/sheet"}


def test_every_moment_on_paper_has_its_date(app: Flask) -> None:
    with app.test_request_context():
        assert printed.moment_on_paper(datetime.now(UTC)).startswith(page.day(page.today()))
