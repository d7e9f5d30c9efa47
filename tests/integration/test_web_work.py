"""The work pages and their API: who sees and answers what, what an older page is worth, and what an attacker sends."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pointofcare.quantity import Quantity
from server.security import permissions as may
from server.security import sign_in
from server.store import administrations as doses
from server.store import products, recalls, stock, tasks
from server.store.tasks import Task
from server.store.transaction import reading
from server.usecases import task_kinds
from tests.support import server_ward, web, work
from tests.support.server_ward import AMOXICILLIN, CHARGE, DUE, NURSE, PHARMACIST, PRESCRIBER, WARD, a_record
from tests.support.web import ADMIN, EVERYBODY, FLEET

EVIL = '<script>alert("x")</script>'
FORMULA = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as found:
        with found.app_context():
            work.open_work()
            sign_in.limiter.reset()
        yield found


def request_of(app: Flask, **changes: object) -> Task:
    with app.app_context():
        work.record(work.unavailable(**changes))
        return work.open_tasks(task_kinds.DOSE_REQUEST)[0]


def now(app: Flask, task: Task) -> Task:
    with app.app_context(), reading() as tx:
        return tasks.get(tx, task.id)


def send(client: FlaskClient, task: Task, answer: str, /, *, htmx: bool = False, **fields: object) -> str:
    token = web.token_of(client.get("/work/").text)
    data = {"csrf_token": token, "answer": answer, "revision": task.revision, **fields}
    return client.post(f"/work/{task.id}", data=data, headers={"HX-Request": "true"} if htmx else {}, follow_redirects=True).text


def test_the_pharmacist_is_led_to_a_missing_dose_and_the_answer_closes_it(app: Flask) -> None:
    task = request_of(app)
    client = web.signed_in(app, PHARMACIST)
    start = client.get("/").text
    assert "tasks wait for your answer" in start
    assert '<span class="count' in start
    page = client.get("/work/").text
    assert "Dose not available: 1" in page
    assert "drawer empty" in page
    assert f'data-due-by="{task.due_by.isoformat()}"' in page  # type: ignore[union-attr]
    assert "Answered." in send(client, task, "send", text="by tube 4")
    assert "Nothing waits here." in client.get("/work/").text
    done = client.get("/work/?view=done").text
    assert "by tube 4" in done
    assert '<span class="count' not in client.get("/").text


def test_htmx_gets_the_task_as_it_is_now_and_nothing_else(app: Flask) -> None:
    task = request_of(app)
    part = send(web.signed_in(app, PHARMACIST), task, "accept", htmx=True)
    assert part.lstrip().startswith("<article")
    assert f'id="task-{task.id}"' in part
    assert "<html" not in part
    assert 'name="revision" value="2"' in part
    assert "accepted" in part


def test_the_slower_of_two_pharmacists_is_told_who_answered_and_what(app: Flask) -> None:
    task = request_of(app)
    slow, fast = web.signed_in(app, PHARMACIST), web.signed_in(app, work.SECOND)
    send(fast, task, "refuse", text="out of stock")
    for htmx in (True, False):
        told = send(slow, task, "send", htmx=htmx)
        assert "Something changed meanwhile" in told
        assert "PH2" in told
        assert "out of stock" in told
    assert now(app, task).status == "rejected"


@pytest.mark.parametrize("actor", [NURSE, CHARGE, PRESCRIBER, ADMIN, FLEET], ids=lambda actor: actor.id)
def test_nobody_without_the_role_answers_whatever_they_send(app: Flask, actor) -> None:  # type: ignore[no-untyped-def]
    task = request_of(app)
    client = web.signed_in(app, actor)
    token = web.token_of(client.get("/").text)
    data = {"csrf_token": token, "answer": "send", "revision": task.revision, "role": "pharmacist", "roles": "pharmacist"}
    client.post(f"/work/{task.id}", data=data)
    assert now(app, task).status == "requested"


def test_a_form_without_the_pages_token_answers_nothing(app: Flask) -> None:
    task = request_of(app)
    client = web.signed_in(app, PHARMACIST)
    addresses = (f"/work/{task.id}", "/work/overdue", "/work/records/x/withdraw", "/recalls/", "/controlled/fill")
    for address in addresses:
        refused = 403 if address == "/work/overdue" else 400  # a pharmacist closes no dose, with the token or without
        assert client.post(address, data={"answer": "send", "revision": 1}).status_code == refused, address
        assert client.post(address, data={"answer": "send", "revision": 1}, headers={"HX-Request": "true"}).status_code == refused, address
    assert now(app, task).status == "requested"


def test_a_kind_of_another_role_is_neither_shown_nor_named(app: Flask) -> None:
    with app.app_context():
        work.attempt(work.stopped_by())
        task = work.open_tasks(task_kinds.UNKNOWN_BARCODE)[0]
    client = web.signed_in(app, PRESCRIBER)
    assert work.UNKNOWN_GTIN not in client.get("/work/?kind=unknown-barcode").text
    part = send(client, task, "link", htmx=True, product=AMOXICILLIN.id)
    assert "does not exist" in part
    assert work.UNKNOWN_GTIN not in part
    assert now(app, task).status == "requested"


def test_a_nurse_sees_what_the_ward_owes_and_no_form(app: Flask) -> None:
    request_of(app)
    client = web.signed_in(app, NURSE)
    page = client.get("/work/?view=open").text
    assert "Overdue doses" in page
    assert "drawer empty" not in page
    assert 'name="reason"' not in page


def test_a_charge_nurse_closes_an_overdue_dose_and_a_nurse_does_not(app: Flask) -> None:
    due = (datetime.now(UTC) - timedelta(days=1)).replace(hour=1, minute=0, second=0, microsecond=0)  # 08:00 in the ward
    fields = {"order": "O1", "due": due.isoformat(), "reason": "off-ward", "ward": WARD}
    nurse = web.signed_in(app, NURSE)
    token = web.token_of(nurse.get("/work/").text)
    assert nurse.post("/work/overdue", data={"csrf_token": token, **fields}).status_code == 403
    client = web.signed_in(app, CHARGE)
    page = client.get(f"/work/?view=overdue&ward={WARD}").text
    form = f'name="order" value="O1"><input type="hidden" name="due" value="{due.isoformat()}"'
    assert form in page
    done = web.post(client, "/work/overdue", f"/work/?view=overdue&ward={WARD}", **fields)
    assert "Recorded as not given." in done.text
    assert form not in done.text
    again = web.post(client, "/work/overdue", f"/work/?view=overdue&ward={WARD}", **fields)
    assert "charted meanwhile" in again.text
    broken = web.post(client, "/work/overdue", "/work/", **{**fields, "due": "yesterday"})
    assert broken.status_code == 200


def test_the_giver_withdraws_on_the_patients_page_and_others_see_no_form(app: Flask) -> None:
    made = a_record()
    with app.app_context():
        work.record(made)
    assert "Withdraw this record" not in web.signed_in(app, PHARMACIST).get("/patients/P1").text
    client = web.signed_in(app, NURSE)
    assert "Withdraw this record" in client.get("/patients/P1").text
    empty = web.post(client, f"/work/records/{made.record_id}/withdraw", "/patients/P1", patient="P1", text=" ")
    assert "Withdrawn." not in empty.text
    done = web.post(client, f"/work/records/{made.record_id}/withdraw", "/patients/P1", patient="P1", text="wrong patient")
    assert "Withdrawn." in done.text
    assert "wrong patient" in done.text
    other = web.post(web.signed_in(app, PHARMACIST), f"/work/records/{made.record_id}/withdraw", "/patients/P1", text="x")
    assert "Withdrawn." not in other.text


def test_a_recall_on_the_page_lists_who_got_it_and_exports_no_formula(app: Flask) -> None:
    with app.app_context():
        work.record(a_record())
        work.record(a_record(2, lot=None, nurse=FORMULA))
    client = web.signed_in(app, PHARMACIST)
    made = web.post(
        client, "/recalls/", "/recalls/", gtin=AMOXICILLIN.gtin, lots="A1\nA2, A3;A1", serials="", reason="particles", sure="yes"
    )
    assert "Recalled." in made.text
    assert "NGUYỄN VĂN 1" in made.text
    assert "lot not known" in made.text
    with app.app_context(), reading() as tx:
        assert products.get(tx, AMOXICILLIN.id).recalled_lots == ("A1", "A2", "A3")
        number = recalls.listed(tx)[0].id
    rows = list(csv.reader(io.StringIO(client.get(f"/recalls/{number}/recipients.csv").text.removeprefix("\ufeff"))))
    assert len(rows) == 3
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@")]
    nothing = web.post(client, "/recalls/", "/recalls/", gtin="123", lots="A1", reason="particles seen", sure="yes")
    assert "no product has the GTIN" in nothing.text
    charge = web.signed_in(app, CHARGE)
    token = web.token_of(charge.get("/recalls/").text)
    refused = charge.post("/recalls/", data={"csrf_token": token, "gtin": AMOXICILLIN.gtin, "lots": "B1", "reason": "x"})
    assert refused.status_code == 403


def test_a_drawer_is_filled_once_however_often_the_form_is_sent(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    fields = {"cart": "c1", "drawer": "3", "product": work.MORPHINE.id, "units": "10", "key": "f1"}
    for _ in range(2):
        web.post(client, "/controlled/fill", "/controlled/", **fields)
    for bad in ({"units": "1.5"}, {"units": "many"}, {"units": "NaN"}, {"drawer": "0"}, {"product": AMOXICILLIN.id}, {"product": "NOPE"}):
        web.post(client, "/controlled/fill", "/controlled/", **{**fields, "key": "f2", **bad})
    with app.app_context(), reading() as tx:
        assert [str(move.units) for move in stock.listed(tx)] == ["10"]
    charge = web.signed_in(app, CHARGE)
    token = web.token_of(charge.get("/controlled/").text)
    assert charge.post("/controlled/fill", data={"csrf_token": token, **fields, "key": "f3"}).status_code == 403


def test_a_nurse_never_sees_what_should_be_counted(app: Flask) -> None:
    with app.app_context():
        work.fill(10)
        work.count(1, 7)
    client = web.signed_in(app, NURSE)
    for address in ("/work/", "/work/?view=done", "/work/?kind=controlled-count", "/controlled/", "/controlled/controlled.csv"):
        answer = client.get(address)
        assert answer.status_code == 403 or "Should be there" not in answer.text, address
    found = client.get("/api/v1/tasks?kind=controlled-count").get_json()
    assert found["items"] == []


def test_analytics_show_waste_by_person_with_numbers_and_a_picture(app: Flask) -> None:
    with app.app_context():
        work.record(work.morphine())
        work.record(work.morphine(nurse=work.OTHER_NURSE.id, witness=NURSE.id, dose=Quantity.parse("10 mg"), waste=None))
    client = web.signed_in(app, CHARGE)
    address = "/controlled/?from=2026-03-01&to=2026-03-05"
    page = client.get(address).text
    assert '<svg class="chart' in page
    assert "40 %" in page
    rows = list(csv.DictReader(io.StringIO(client.get(address.replace("/?", "/controlled.csv?")).text.removeprefix("\ufeff"))))
    by_nurse = {row["id"]: row for row in rows if row["by"] == "nurse"}
    assert (by_nurse["N1"]["units_given"], by_nurse["N1"]["units_wasted"], by_nurse["N1"]["waste_percent"]) == ("0.6", "0.4", "40.0")
    assert by_nurse["N2"]["waste_percent"] == "0.0"
    assert web.signed_in(app, NURSE).get(address).status_code == 403


def test_the_variance_report_has_signed_minutes(app: Flask) -> None:
    with app.app_context():
        work.record(a_record(effective_at=DUE - timedelta(minutes=12)))
    text = web.signed_in(app, CHARGE).get("/work/variance.csv?from=2026-03-01&to=2026-03-05").text.removeprefix("\ufeff")
    assert [row["minutes"] for row in csv.DictReader(io.StringIO(text))] == ["-12"]


def test_what_carts_and_people_say_is_shown_and_never_run(app: Flask) -> None:
    with app.app_context():
        work.record(work.unavailable(reason_text=EVIL, ward=EVIL))
        work.attempt(work.stopped_by(EVIL, nurse=EVIL, cart=EVIL))
        work.count(1, EVIL, product=EVIL, nurse=EVIL)
        work.record(a_record(order=None, order_version=None, due=None, reason_text=EVIL, product_name=EVIL, status_reason=EVIL))
    for actor in (PHARMACIST, CHARGE, PRESCRIBER, NURSE):
        client = web.signed_in(app, actor)
        for view in ("open", "done", "overdue", "effects"):
            page = client.get(f"/work/?view={view}&kind={EVIL}&ward={EVIL}&late={EVIL}")
            assert page.status_code == 200
            assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    "address",
    [
        "/work/?after=99999999999999999999",
        "/work/?after=-1&view=done",
        "/work/?after=%00&view=done",
        "/work/?ward=%00",
        "/work/?view=nothing&kind=nothing",
        "/work/variance.csv?from=0001-01-01&to=9999-12-31",
        "/work/variance.csv?from=x&to=%00",
        "/controlled/?from=9999-12-31&to=0001-01-01&ward=%00",
        "/recalls/?gtin=%00",
    ],
)
def test_a_hostile_address_is_an_answer_and_no_crash(app: Flask, address: str) -> None:
    assert web.signed_in(app, PHARMACIST).get(address).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [{"revision": "x"}, {"revision": ""}, {"revision": "9" * 30}, {"answer": ""}, {"answer": "nothing"}, {"text": "x" * 5000}],
)
def test_a_broken_form_answers_nothing_and_says_so(app: Flask, fields: dict[str, str]) -> None:
    task = request_of(app)
    client = web.signed_in(app, PHARMACIST)
    told = send(client, task, "refuse", htmx=True, **{"text": "no", **fields})
    assert 'role="alert"' in told
    assert now(app, task).status == "requested"


# The API.


def test_tasks_over_the_api_are_the_same_and_answered_once(app: Flask) -> None:
    task = request_of(app)
    client = web.signed_in(app, PHARMACIST)
    found = client.get("/api/v1/tasks").get_json()
    assert [(one["kind"], one["status"], one["answers"]) for one in found["items"]] == [
        ("dose-request", "requested", ["accept", "send", "refuse"])
    ]
    head = {"X-CSRFToken": web.token_of(client.get("/work/").text)}
    body = {"revision": task.revision, "answer": "send", "text": "tube 4"}
    assert client.post(f"/api/v1/tasks/{task.id}/answer", json=body).status_code == 400  # no token of ours
    answered = client.post(f"/api/v1/tasks/{task.id}/answer", json=body, headers=head)
    assert answered.status_code == 200
    assert (answered.get_json()["status"], answered.get_json()["answered_by"]) == ("completed", "PH1")
    again = client.post(f"/api/v1/tasks/{task.id}/answer", json=body, headers=head)
    assert again.status_code == 409
    assert "PH1" in again.get_json()["detail"]
    assert [one["id"] for one in client.get("/api/v1/tasks?state=done").get_json()["items"]] == [task.id]


@pytest.mark.parametrize("actor", EVERYBODY, ids=lambda actor: actor.id)
def test_the_api_shows_each_role_its_own_kinds(app: Flask, actor) -> None:  # type: ignore[no-untyped-def]
    request_of(app)
    with app.app_context():
        work.attempt(work.stopped_by())
    answer = web.signed_in(app, actor).get("/api/v1/tasks")
    if may.SEE_WORK not in may.held_by(actor.roles):
        assert answer.status_code == 403
        return
    kinds = {one["kind"] for one in answer.get_json()["items"]}
    assert kinds <= set(task_kinds.seen_by(actor.roles))


def test_a_bad_answer_over_the_api_is_named(app: Flask) -> None:
    task = request_of(app)
    client = web.signed_in(app, PHARMACIST)
    head = {"X-CSRFToken": web.token_of(client.get("/work/").text)}
    for body, status in (
        ({}, 422),
        ({"revision": 0, "answer": "send"}, 422),
        ({"revision": 1, "answer": "nothing"}, 422),
        ({"revision": 1, "answer": "refuse"}, 422),
        ({"revision": 7, "answer": "send"}, 409),
    ):
        assert client.post(f"/api/v1/tasks/{task.id}/answer", json=body, headers=head).status_code == status, body
    assert client.post("/api/v1/tasks/999/answer", json={"revision": 1, "answer": "send"}, headers=head).status_code == 404
    assert now(app, task).status == "requested"


def test_a_prescriber_acknowledges_an_emergency_drug_on_the_page(app: Flask) -> None:
    made = a_record(order=None, order_version=None, due=None, status_reason="emergency", reason_text="anaphylaxis")
    with app.app_context():
        work.record(made)
        task = work.open_tasks(task_kinds.ACKNOWLEDGEMENT)[0]
    client = web.signed_in(app, PRESCRIBER)
    page = client.get("/work/").text
    assert "anaphylaxis" in page
    assert "late by" in page
    assert "Answered." in send(client, task, "acknowledge", htmx=True)
    with app.app_context(), reading() as tx:
        assert doses.get(tx, made.record_id) is not None
    assert "completed" in client.get("/patients/P1").text


def test_pages_of_work_are_in_all_three_languages(app: Flask) -> None:
    request_of(app)
    for language, words in (("vi", "Liều chưa có thuốc"), ("en", "Dose not available"), ("fr", "Dose indisponible")):
        client = web.signed_in(app, PHARMACIST)
        with client.session_transaction() as session:
            session["language"] = language
        assert words in client.get("/work/").text


def test_a_ward_filter_leaves_out_other_wards_tasks(app: Flask) -> None:
    request_of(app, ward="ELSEWHERE")
    client = web.signed_in(app, PHARMACIST)
    assert "drawer empty" in client.get("/work/").text
    assert "drawer empty" not in client.get(f"/work/?ward={server_ward.WARD}").text


def test_a_recall_wants_a_tick_since_it_cannot_be_taken_back_and_keeps_what_was_written(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    asked = web.post(client, "/recalls/", "/recalls/", gtin=AMOXICILLIN.gtin, lots="A1\nA2", reason="particles in the vial").text
    assert "Nothing was recalled" in asked
    assert "A1\nA2</textarea>" in asked
    assert "particles in the vial</textarea>" in asked
    assert f'value="{AMOXICILLIN.gtin}"' in asked
    wrong = web.post(client, "/recalls/", "/recalls/", gtin="123", lots="A1", reason="particles in the vial", sure="yes").text
    assert "particles in the vial</textarea>" in wrong
    with app.app_context(), reading() as tx:
        assert recalls.listed(tx) == ()


def test_a_drawers_moves_name_the_drug_and_a_task_its_ward(app: Flask) -> None:
    with app.app_context():
        work.fill(10)
        work.count(1, 7)
    client = web.signed_in(app, PHARMACIST)
    assert f'<td data-label="Drug">{work.MORPHINE.name}</td>' in client.get("/controlled/").text
    page = client.get("/work/").text
    assert "<dd>Nội tổng hợp</dd>" in page
    assert f"<dd>{WARD}</dd>" not in page
