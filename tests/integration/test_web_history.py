"""One patient's whole history: over all stays, filtered, page by page, and as a file that says when it is not whole."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask

from pointofcare.people import PatientStatus
from server.store import patients, stays
from server.store.transaction import reading, transaction
from server.usecases import administrations
from server.usecases import patients as patient_verbs
from server.web import history
from tests.support import server_ward, web
from tests.support.server_ward import IMPORT, NOW, NURSE

YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """P1 was here in March 2026, went home, and is here again since a month later."""
    with web.ward_app(tmp_path_factory.mktemp("history"), verified=True) as made:
        given = server_ward.a_record(effective_at=NOW)
        refused = server_ward.a_record(
            effective_at=NOW + timedelta(hours=1), action="refuse", status="not-done", status_reason="patient-refused", reason_text="=sick"
        )
        held = server_ward.a_record(effective_at=NOW + timedelta(hours=2), action="hold", status="not-done", status_reason="npo")
        later = server_ward.a_record(effective_at=NOW + timedelta(days=40), product_name="Cefazolin 1 g")
        wrong = server_ward.a_record(effective_at=NOW + timedelta(hours=3), reason_text="another bed")
        righted = replace(wrong, record_id=str(uuid4()), amends=wrong.record_id, status="entered-in-error", action="undo")
        with made.app_context():
            for at, status in ((NOW + timedelta(days=3), PatientStatus.DISCHARGED), (NOW + timedelta(days=30), PatientStatus.ADMITTED)):
                with transaction(IMPORT, at=at) as tx:
                    patient_verbs.receive(tx, replace(patients.get(tx, "P1"), status=status))
            with transaction(IMPORT) as tx:
                for one in (given, refused, held, wrong, righted, later):
                    administrations.record(tx, one, reevaluate=False)
        yield made


def page(app: Flask, query: str = "") -> str:
    return web.signed_in(app, NURSE).get(f"/patients/P1/history{query}").text


def test_every_stay_is_there_with_what_was_given_held_refused_and_corrected(app: Flask) -> None:
    text = page(app)
    assert text.count('<h2 class="h3">Stay ') == 2
    for word in ("=sick", "another bed", "Cefazolin 1 g"):
        assert word in text


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("?what=refused", "=sick", "another bed"),
        ("?what=held", "not given", "=sick"),
        ("?drug=Cefazolin+1+g", "Cefazolin 1 g", "=sick"),
        ("?from=2026-04-01", "Cefazolin 1 g", "=sick"),
        ("?to=2026-03-05", "=sick", "lot-of-april"),
    ],
)
def test_a_choice_shows_what_it_says_and_nothing_else(app: Flask, query: str, shown: str, hidden: str) -> None:
    table = page(app, query).split("<tbody>", 1)[1]
    assert shown in table
    assert hidden not in table


def test_nothing_fits_is_said_and_leads_back_to_everything(app: Flask) -> None:
    text = page(app, "?from=2020-01-01&to=2020-01-02")
    assert "Nothing fits" in text
    assert "Show everything" in text


def test_pages_follow_one_another_without_gap_or_repeat(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PER_PAGE", 2)
    client, seen, address = web.signed_in(app, NURSE), 0, "/patients/P1/history"
    for _ in range(5):
        text = client.get(address).text
        seen += text.count('class="num"')
        older = re.search(r'href="(/patients/P1/history\?before=[^"]+)">Older', text)
        if older is None:
            break
        address = older[1].replace("&amp;", "&")
    assert seen == 6


def test_the_file_holds_every_record_with_its_stay_and_no_cell_runs(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_STEP", 2)
    answer = web.signed_in(app, NURSE).get("/patients/P1/history.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len({row["record_id"] for row in rows}) == len(rows) == 6
    assert {row["reason_text"] for row in rows} >= {"'=sick"}
    assert [row["amended"] for row in rows].count("yes") == 1
    assert len({row["stay_from"] for row in rows}) == 2
    assert rows[0]["at"].endswith("+07:00")


def test_a_file_that_is_cut_says_so_in_its_last_row(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST", 2)
    monkeypatch.setattr(history, "_STEP", 2)
    assert "NOT COMPLETE" in web.signed_in(app, NURSE).get("/patients/P1/history.csv").text.splitlines()[-1]


def test_a_patient_who_is_not_there_is_not_found_and_rubbish_filters_are_no_filters(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    assert client.get("/patients/NOBODY/history").status_code == 404
    assert client.get("/patients/NOBODY/history.csv").status_code == 404
    assert "=sick" in page(app, "?what=%00&from=yesterday&to=9999-99-99&before=rubbish")


def test_the_stays_are_those_of_the_patient(app: Flask) -> None:
    with app.app_context(), reading() as tx:
        assert len(stays.of_patient(tx, "P1")) == 2
