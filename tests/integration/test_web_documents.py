"""Documents on the pages: who may make, open and withdraw one, and what a stranger with a paper learns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pointofcare.errors import ConfigError
from pointofcare.people import StaffRole
from server.store import audit, documents, staff_wards
from server.store.patients import Ward
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, patients, staff
from server.usecases.documents import batches, issuing
from server.usecases.documents.kinds import KINDS
from server.web import documents as pages
from tests.support import paper, server_ward, web

STUDENT = Actor(id="S1", name="Student", roles=frozenset({StaffRole.STUDENT}))
STRANGER = Actor(id="N9", name="Nurse of another ward", roles=frozenset({StaffRole.NURSE}))
DAY = {"from": "2026-03-02", "to": "2026-03-02"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("documents"), verified=True) as made:
        with made.app_context(), transaction(server_ward.IMPORT) as tx:
            administrations.record(tx, server_ward.a_record(), reevaluate=False)
            staff.receive(tx, server_ward.a_member(STUDENT))
            staff.receive(tx, server_ward.a_member(STRANGER))
            patients.open_ward(tx, Ward(id="ICU", name="Hồi sức", timezone="Asia/Ho_Chi_Minh"))
            staff_wards.add(tx, staff=STRANGER.id, ward="ICU", kind=staff_wards.HOME)
        yield made


def make(browser: FlaskClient, kind: str = "medication", place: str = "/documents/patients/P1") -> str:
    """The code of what was issued."""
    answer = web.post(browser, place, place, kind=kind, **DAY)
    assert answer.status_code == 200, answer.text[:400]
    found = re.search(r"/documents/([0-9A-Z]{16})/file", answer.text)
    assert found, answer.text[:2000]
    return found.group(1)


def test_a_nurse_makes_a_form_opens_it_and_a_stranger_learns_nothing_of_the_patient(app: Flask) -> None:
    nurse = web.signed_in(app, server_ward.NURSE)
    code = make(nurse)
    file = nurse.get(f"/documents/{code}/file")
    assert (file.mimetype, file.headers["Cache-Control"]) == ("application/pdf", "no-store")
    assert "NGUYỄN VĂN 1" in paper.read(file.data, codes=False)[0].words
    assert nurse.get(f"/documents/find?code={issuing.shown(code).lower()}", follow_redirects=True).text.count("NGUYỄN VĂN 1") >= 1
    anybody = app.test_client()
    public = anybody.get(f"/documents/{code}", headers={"Accept-Language": "en"}).text
    assert "Genuine, and it holds" in public
    for secret in ("NGUYỄN", "24-000001", "P1", "NOI-TH", "Nội tổng hợp", server_ward.NURSE.name + "<"):
        assert secret not in public, secret
    for address in (f"/documents/{code}/file", f"/documents/{code}/details", "/documents/", "/documents/patients/P1"):
        assert anybody.get(address).status_code in (302, 303), address
    for unknown in ("ABCDEFGH23456789", "x", "%00", "' OR 1=1"):
        assert anybody.get(f"/documents/{unknown}").status_code == 404


def test_who_may_not_sees_and_makes_nothing(app: Flask) -> None:
    code = make(web.signed_in(app, server_ward.NURSE))
    student = web.signed_in(app, STUDENT)
    for address in ("/documents/", "/documents/patients/P1", f"/documents/{code}/file", f"/documents/{code}/details"):
        assert student.get(address).status_code == 403, address
    other = web.signed_in(app, STRANGER)
    for address in ("/documents/patients/P1", "/documents/wards/NOI-TH", f"/documents/{code}/file", f"/documents/{code}/details"):
        assert other.get(address).status_code == 403, address
    assert "NGUYỄN" not in other.get("/documents/").text
    nurse = web.signed_in(app, server_ward.NURSE)
    assert nurse.get("/documents/patients/P99").status_code == 404
    assert web.post(nurse, f"/documents/{code}/withdraw", "/documents/patients/P1", reason="x").status_code == 403
    before = len(_issues(app))
    assert web.post(nurse, "/documents/wards/NOI-TH", "/documents/patients/P1", kind="controlled", **DAY).status_code == 200
    assert web.post(nurse, "/documents/patients/P1", "/documents/patients/P1", kind="nothing").status_code == 400
    assert len(_issues(app)) == before, "the book of controlled drugs is not a nurse's"


def test_a_withdrawn_form_is_seen_as_withdrawn_by_everybody(app: Flask) -> None:
    charge = web.signed_in(app, server_ward.CHARGE)
    code = make(charge)
    assert "withdrawn" in web.post(charge, f"/documents/{code}/withdraw", f"/documents/{code}/details", reason="wrong patient").text
    public = app.test_client().get(f"/documents/{code}", headers={"Accept-Language": "en"}).text
    assert "Withdrawn" in public
    assert "wrong patient" not in public


def test_every_look_and_issue_is_audited(app: Flask) -> None:
    nurse = web.signed_in(app, server_ward.NURSE)
    code = make(nurse)
    nurse.get(f"/documents/{code}/file")
    with app.app_context(), reading() as tx:
        actions = [line.action for line in audit.listed(tx, subject=f"document/{code}")]
    assert actions.count("document.issue") == 1
    assert "view.document" in actions


def test_a_whole_ward_is_made_one_by_one_and_printed_at_once(app: Flask) -> None:
    with app.app_context():
        wanted = issuing.Wanted(kind=KINDS["medication"], subject=server_ward.WARD, first=None, last=None)
        with app.test_request_context():
            site, use = pages.site(), pages.set_up()
        batch = batches.begin(server_ward.CHARGE, wanted, site=site)
        done = batches.make(server_ward.CHARGE, batch, settings=use, site=site)
    assert (done.done, done.failed, done.state) == (2, (), documents.DONE)
    charge = web.signed_in(app, server_ward.CHARGE)
    shown = charge.get(f"/documents/batches/{batch.id}").text
    assert "2 of 2 forms made" in shown
    joined = paper.read(charge.get(f"/documents/batches/{batch.id}/file").data)
    assert [name for name in ("NGUYỄN VĂN 1", "NGUYỄN VĂN 2") if any(name in page.words for page in joined)] == [
        "NGUYỄN VĂN 1",
        "NGUYỄN VĂN 2",
    ]
    assert web.signed_in(app, STRANGER).get(f"/documents/batches/{batch.id}").status_code == 403


def test_one_patient_who_cannot_be_printed_keeps_nobody_else_from_it(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    real = issuing.content_of

    def broken(tx, kind, subject, **more):  # type: ignore[no-untyped-def]
        if subject == "P1":
            raise RuntimeError("a record that nobody thought of")
        return real(tx, kind, subject, **more)

    monkeypatch.setattr(issuing, "content_of", broken)
    with app.app_context():
        wanted = issuing.Wanted(kind=KINDS["medication"], subject=server_ward.WARD)
        with app.test_request_context():
            site, use = pages.site(), pages.set_up()
        done = batches.make(server_ward.CHARGE, batches.begin(server_ward.CHARGE, wanted, site=site), settings=use, site=site)
    assert (done.done, done.failed, done.state) == (1, ("P1",), documents.FAILED)


def test_a_fault_in_the_hospitals_file_stops_the_issue_and_no_look_up(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    nurse = web.signed_in(app, server_ward.NURSE)
    code = make(nurse)

    def broken() -> None:
        raise ConfigError("the documents are not set up", problems=(("form.x", "is no form"),))

    monkeypatch.setattr(pages, "set_up", broken)
    assert app.test_client().get(f"/documents/{code}").status_code == 200
    before = len(_issues(app))
    answer = web.post(nurse, "/documents/patients/P1", "/documents/patients/P1", kind="medication", **DAY)
    assert "Tell an administrator" in answer.text
    assert len(_issues(app)) == before


def test_the_buttons_stand_where_people_look_for_them(app: Flask) -> None:
    charge = web.signed_in(app, server_ward.CHARGE)
    for address, wanted in (
        ("/patients/P1", "/documents/patients/P1"),
        ("/patients/P1/record", "/documents/patients/P1"),
        ("/ward/?ward=NOI-TH", "/documents/wards/NOI-TH"),
        ("/controlled/?ward=NOI-TH", "/documents/wards/NOI-TH"),
        ("/bedside/?ward=NOI-TH", "/documents/wards/NOI-TH"),
        ("/bedside/patients/P1", "/documents/patients/P1"),
        ("/", "/documents/"),
    ):
        assert f'href="{wanted}"' in charge.get(address).text, address


def test_a_correction_is_told_to_who_holds_the_paper(app: Flask) -> None:
    nurse = web.signed_in(app, server_ward.NURSE)
    code = make(nurse)
    wrong = server_ward.a_record(2, patient="P1", mrn="24-000001", order="O1", reason_text="another bed")
    righted = replace(wrong, record_id=str(uuid4()), amends=wrong.record_id, status="entered-in-error")
    with app.app_context(), transaction(server_ward.IMPORT) as tx:
        for one in (wrong, righted):
            administrations.record(tx, one, reevaluate=False)
    public = app.test_client().get(f"/documents/{code}", headers={"Accept-Language": "en"}).text
    assert "the record has changed" in public
    newer = make(nurse)
    assert "Replaced" in app.test_client().get(f"/documents/{code}", headers={"Accept-Language": "en"}).text
    assert newer in nurse.get(f"/documents/{code}/details").text


def _issues(app: Flask) -> tuple[documents.Issue, ...]:
    with app.app_context(), reading() as tx:
        return documents.listed(tx, limit=500)
