"""The pharmacist's, the prescriber's, the reviewer's and the fleet manager's pages over a small ward."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.administration.record import FindingEvidence
from pointofcare.orders.order import OrderStatus
from server.store import orders, outbox
from server.store.transaction import reading, transaction
from server.usecases import administrations
from server.usecases import orders as order_verbs
from tests.support import server_ward, web
from tests.support.server_ward import CHARGE, NURSE, PHARMACIST, PRESCRIBER
from tests.support.web import ADMIN, FLEET


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found:
        yield found


def view(app: Flask, order: str) -> orders.OrderView:
    with app.app_context(), reading() as tx:
        return orders.get(tx, order)


def test_the_pharmacist_verifies_with_allergies_beside_and_the_row_goes(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    page = client.get("/pharmacy/?order=O1").text
    assert "aspirin" in page
    assert "500 mg" in page
    assert "24-000001" in page
    after = web.post(client, "/pharmacy/O1", "/pharmacy/?order=O1", action="verify", version="1")
    assert "Order O1 is verified" in after.text
    assert 'href="/pharmacy/?order=O1"' not in after.text
    assert view(app, "O1").verification is orders.Verification.VERIFIED


def test_asking_and_rejecting_want_words(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    assert "Write the question" in web.post(client, "/pharmacy/O1", "/pharmacy/?order=O1", action="ask", version="1", text=" ").text
    assert "Write the reason" in web.post(client, "/pharmacy/O1", "/pharmacy/?order=O1", action="reject", version="1").text
    assert view(app, "O1").verification is orders.Verification.PENDING
    web.post(client, "/pharmacy/O1", "/pharmacy/?order=O1", action="ask", version="1", text="Why so much?")
    prescriber = web.signed_in(app, PRESCRIBER)
    page = prescriber.get("/patients/P1").text
    assert "Why so much?" in page
    address = re.search(r'action="(/orders/questions/[^"]+)"', page)
    assert address is not None
    answered = web.post(prescriber, address.group(1), "/patients/P1", text="Severe infection")
    assert "Severe infection" in answered.text
    web.post(client, "/pharmacy/O2", "/pharmacy/?order=O2", action="reject", version="1", text="Too strong")
    assert view(app, "O2").verification is orders.Verification.REJECTED


def test_whoever_answers_from_the_own_list_stays_on_it(app: Flask) -> None:
    pharmacist, prescriber = web.signed_in(app, PHARMACIST), web.signed_in(app, PRESCRIBER)
    for order in ("O1", "O2"):
        web.post(pharmacist, f"/pharmacy/{order}", f"/pharmacy/?order={order}", action="ask", version="1", text=f"Why {order}?")
    page = prescriber.get("/prescriber/?whose=all").text
    address = re.search(r'action="(/orders/questions/[^"]+)"', page)
    assert address is not None
    sent = {"csrf_token": web.token_of(page), "text": "Severe infection", "at_whose": "all", "at_ward": ""}
    answered = prescriber.post(unescape(address.group(1)), data=sent)
    assert answered.headers["Location"] == "/prescriber/?whose=all#asked"
    left = prescriber.get("/prescriber/?whose=all").text
    assert ("Why O1?" in left) != ("Why O2?" in left)


def test_an_order_that_changed_meanwhile_is_shown_again_and_not_judged(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    with app.app_context(), transaction(PRESCRIBER) as tx:
        order_verbs.amend(tx, PRESCRIBER, server_ward.an_order(1, indication="pneumonia"), version=1, reason="indication")
    answer = web.post(client, "/pharmacy/O1", "/pharmacy/?order=O1", action="verify", version="1")
    assert "Something changed meanwhile" in answer.text
    assert "version 2" in answer.text
    assert view(app, "O1").verification is orders.Verification.PENDING


@pytest.mark.parametrize("fields", [{"action": "explode", "version": "1"}, {"action": "verify", "version": "x"}, {"action": "verify"}])
def test_a_broken_form_judges_nothing(app: Flask, fields: dict[str, str]) -> None:
    web.post(web.signed_in(app, PHARMACIST), "/pharmacy/O1", "/pharmacy/", **fields)
    assert view(app, "O1").verification is orders.Verification.PENDING


def an_order_form(**changes: str) -> dict[str, str]:
    return {
        "patient_id": "P1", "ingredient": "paracetamol", "form": "tablet", "route": "PO", "category": "scheduled", "dose": "500 mg",
        "times": "08:00|20:00", "start": "2026-11-21T08:00", **changes,
    }  # fmt: skip


def test_the_prescriber_places_an_order_in_ward_time_and_it_waits_for_the_pharmacist(app: Flask) -> None:
    client = web.signed_in(app, PRESCRIBER)
    answer = web.post(client, "/orders/new", "/orders/new?patient_id=P1", **an_order_form())
    assert "waits for the pharmacist" in answer.text
    with app.app_context(), reading() as tx:
        placed = next(one for one in orders.of_patient(tx, "P1") if one.order.ingredient == "paracetamol")
    assert placed.order.start == datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
    assert placed.order.status is OrderStatus.ACTIVE
    assert placed.order.prescriber == PRESCRIBER.id
    assert placed.verification is orders.Verification.PENDING


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("dose", "1 nhúm", "dose"),
        ("dose", "", "no dose"),
        ("dose", "0 mg", "dose"),
        ("times", "8am", "times"),
        ("times", "", "no times"),
        ("category", "", "Fill it in"),
        ("route", "", "Fill it in"),
        ("end", "2026-11-20T08:00", "ends before"),
        ("ingredient", "x" * 501, "At most 500"),
    ],
)
def test_a_bad_field_of_an_order_is_named_with_what_to_do_and_nothing_is_placed(app: Flask, field: str, value: str, says: str) -> None:
    client = web.signed_in(app, PRESCRIBER)
    answer = web.post(client, "/orders/new", "/orders/new?patient_id=P1", **an_order_form(**{field: value}))
    assert answer.status_code == 422
    assert says in answer.text
    assert f'href="#{field}"' in answer.text
    with app.app_context(), reading() as tx:
        assert len(orders.of_patient(tx, "P1")) == 1


def test_stopping_an_order_needs_a_reason(app: Flask) -> None:
    client = web.signed_in(app, PRESCRIBER)
    web.post(client, "/orders/O1/act", "/patients/P1", action="stop", version="1", patient="P1")
    assert view(app, "O1").order.status is OrderStatus.ACTIVE
    web.post(client, "/orders/O1/act", "/patients/P1", action="hold", version="1", patient="P1", reason="fasting")
    assert view(app, "O1").order.status is OrderStatus.ON_HOLD
    web.post(client, "/orders/O1/act", "/patients/P1", action="stop", version="2", patient="P1", reason="cured")
    assert view(app, "O1").order.status is OrderStatus.STOPPED


def a_finding(level: str = "REASON") -> FindingEvidence:
    return FindingEvidence(rule="T1", level=level, satisfied=True, unknown=False, facts={}, remedy="", params={})


def recorded(app: Flask, **changes: object) -> str:
    record = server_ward.a_record(1, effective_at=datetime.now(UTC), recorded_at=datetime.now(UTC), **changes)
    with app.app_context(), transaction(server_ward.IMPORT) as tx:
        administrations.record(tx, record)
    return record.record_id


def test_the_medication_record_shows_who_when_lot_expiry_and_verdict(app: Flask) -> None:
    recorded(app)
    recorded(app, status="not-done", action="refuse", status_reason="refused", lot=None, dose=None, due=None)
    page = web.signed_in(app, NURSE).get("/patients/P1").text
    for text in ("Nurse", "A1", "31 Jan 2027", "Amoxicillin 500 mg", "given", "not given", "pass"):
        assert text in page, text


def test_an_override_and_its_discrepancies_are_reviewed_by_a_person(app: Flask) -> None:
    record_id = recorded(app, level="REASON", status_reason="late-ward-busy", findings=(a_finding(),), patient="P9", order="O99")
    client = web.signed_in(app, CHARGE)
    page = client.get("/review/").text
    assert f"/review/overrides/{record_id}" in page
    assert re.search(r"\(<a href=\"/rules/#T1\">T1</a>", page)  # the finding leads to its rule
    assert "(&#39;" not in page
    found = re.findall(r"/review/discrepancies/(\d+)", page)
    assert found
    assert "Write why it is settled" in web.post(client, f"/review/discrepancies/{found[0]}", "/review/", reason="").text
    answer = web.post(client, f"/review/discrepancies/{found[0]}", "/review/", reason="patient was moved")
    assert f"/review/discrepancies/{found[0]}" not in answer.text
    again = web.post(client, f"/review/discrepancies/{found[0]}", "/review/", reason="once more")
    assert "Something changed meanwhile" in again.text
    web.post(client, f"/review/overrides/{record_id}", "/review/", comment="seen")
    assert f"/review/overrides/{record_id}" not in client.get("/review/").text
    assert "seen" in client.get("/review/?view=done").text


def test_a_parked_record_shows_its_reason_and_is_sent_again(app: Flask) -> None:
    record_id = recorded(app)
    with app.app_context(), transaction(server_ward.IMPORT) as tx:
        item = outbox.of_record(tx, record_id)
        assert item is not None
        outbox.mark_parked(tx, item.id, error="unknown patient at the EMR", code="emr-rejected")
    client = web.signed_in(app, PHARMACIST)
    page = client.get("/emr/").text
    assert "unknown patient at the EMR" in page
    assert "parked: 1" in page
    assert web.signed_in(app, CHARGE).get("/emr/").status_code == 200
    web.post(client, f"/emr/{item.id}/requeue", "/emr/")
    with app.app_context(), reading() as tx:
        assert outbox.get(tx, item.id).state == outbox.PENDING
    assert "Something changed meanwhile" in web.post(client, f"/emr/{item.id}/requeue", "/emr/").text


def test_a_live_section_that_did_not_change_costs_no_swap(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    page = client.get("/ward/").text
    address = re.search(r'hx-get="([^"]+)"', page)
    assert address is not None
    url = address.group(1).replace("&amp;", "&")
    assert client.get(url).status_code == 204
    with app.app_context(), transaction(PRESCRIBER) as tx:
        order_verbs.hold(tx, PRESCRIBER, "O1", 1, reason="fasting")
    changed = client.get(url)
    assert changed.status_code == 200
    assert changed.text.startswith('<section id="live"')
    assert app.test_client().get(url).status_code == 401


def test_the_board_shows_a_dose_as_due_then_as_given(app: Flask) -> None:
    now = datetime.now(UTC)
    local = now + timedelta(hours=7)
    with app.app_context(), transaction(PRESCRIBER) as tx:
        order = replace(server_ward.an_order(5), times=(local.time().replace(second=0, microsecond=0),), start=now - timedelta(days=1))
        order_verbs.place(tx, PRESCRIBER, order)
    client = web.signed_in(app, NURSE)
    assert 'class="tag due"' in client.get("/ward/").text
    due = now.replace(second=0, microsecond=0)
    recorded(app, order="O5", due=due)
    assert 'class="tag given"' in client.get("/ward/").text


def test_an_order_without_computable_times_is_on_the_board_as_unknown_never_left_out(app: Flask) -> None:
    with app.app_context(), transaction(server_ward.IMPORT) as tx:
        draft = server_ward.an_order(6, dose=None, times=(), status=OrderStatus.DRAFT, display="Mystery drug twice")
        order_verbs.receive(tx, draft, clarification="clarify-no-dose=")
    page = web.signed_in(app, NURSE).get("/ward/").text
    assert "Mystery drug twice" in page
    assert "times cannot be computed" in page
    queue = web.signed_in(app, PHARMACIST).get("/pharmacy/?order=O6").text
    assert "there is no dose" in queue


def test_a_search_ignores_case_and_vietnamese_marks(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    for wanted in ("nguyen van 1", "NGUYỄN", "24-000001"):
        assert "NGUYỄN VĂN 1" in client.get("/patients/", query_string={"q": wanted}).text
    assert "No patient found" in client.get("/patients/?q=%25").text


def test_names_and_texts_are_escaped(app: Flask) -> None:
    with app.app_context(), transaction(PRESCRIBER) as tx:
        order_verbs.place(tx, PRESCRIBER, server_ward.an_order(7, display="<script>alert(1)</script>"))
    for actor, address in ((PHARMACIST, "/pharmacy/?order=O7"), (NURSE, "/patients/P1")):
        page = web.signed_in(app, actor).get(address).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_the_audit_tells_who_did_what(app: Flask) -> None:
    web.post(web.signed_in(app, PHARMACIST), "/pharmacy/O1", "/pharmacy/?order=O1", action="verify", version="1")
    page = web.signed_in(app, ADMIN).get("/audit/?subject=order/O1").text
    assert "Order verified" in page
    assert "order.verified" not in page
    assert "Pharmacist" in page
    assert web.signed_in(app, ADMIN).get("/audit/?before=zzz&actor=%27").status_code == 200


def test_the_fleet_page_is_empty_before_any_cart_and_404_for_an_unknown_one(app: Flask) -> None:
    client = web.signed_in(app, FLEET)
    assert "No cart has connected yet" in client.get("/fleet/").text
    assert client.get("/fleet/c99").status_code == 404
    assert client.get("/fleet/carts.csv?state=offline").text.startswith("id,ward,phase")
