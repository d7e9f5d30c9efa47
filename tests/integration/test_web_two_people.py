"""Two people at one order: what one of them decided is never overturned by the other's older page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import ConflictError
from server.store import orders
from server.store.orders import Verification
from server.store.transaction import Actor, reading, transaction
from server.usecases import orders as verbs
from tests.support import server_ward, web
from tests.support.server_ward import PHARMACIST, PRESCRIBER

SECOND = Actor(id="PH2", name="Second pharmacist", roles=PHARMACIST.roles)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found:
        with found.app_context(), transaction(server_ward.IMPORT) as tx:
            from server.usecases import staff

            staff.receive(tx, server_ward.a_member(SECOND))
        yield found


def view(app: Flask, order: str = "O1") -> orders.OrderView:
    with app.app_context(), reading() as tx:
        return orders.get(tx, order)


def test_a_verification_from_an_older_page_never_overturns_a_rejection(app: Flask) -> None:
    slow, fast = web.signed_in(app, PHARMACIST), web.signed_in(app, SECOND)
    token = web.token_of(slow.get("/pharmacy/?order=O1").text)  # the page is open on both screens
    web.post(fast, "/pharmacy/O1", "/pharmacy/?order=O1", action="reject", version="1", seen="pending", text="allergic")
    data = {"csrf_token": token, "action": "verify", "version": "1", "seen": "pending"}
    answer = slow.post("/pharmacy/O1", data=data, follow_redirects=True)
    assert "Something changed meanwhile" in answer.text
    assert "rejected" in answer.text
    assert "allergic" in answer.text
    found = view(app)
    assert (found.verification, found.verification_by) == (Verification.REJECTED, SECOND.id)


def test_a_form_that_does_not_say_what_it_saw_overturns_nobody_else(app: Flask) -> None:
    with app.app_context():
        with transaction(SECOND) as tx:
            verbs.reject(tx, SECOND, "O1", 1, reason="allergic")
        with pytest.raises(ConflictError), transaction(PHARMACIST) as tx:
            verbs.verify(tx, PHARMACIST, "O1", 1)


def test_two_pharmacists_verifying_at_once_are_one_verification(app: Flask) -> None:
    first, second = web.signed_in(app, PHARMACIST), web.signed_in(app, SECOND)
    page = "/pharmacy/?order=O1"
    token = web.token_of(second.get(page).text)
    web.post(first, "/pharmacy/O1", page, action="verify", version="1", seen="pending")
    second.post("/pharmacy/O1", data={"csrf_token": token, "action": "verify", "version": "1", "seen": "pending"})
    assert view(app).verification_by == PHARMACIST.id


def test_a_decision_that_was_seen_can_be_changed_on_purpose(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    page = "/pharmacy/?order=O1"
    web.post(web.signed_in(app, SECOND), "/pharmacy/O1", page, action="verify", version="1", seen="pending")
    judged = client.get(page).text
    assert "Change this decision" in judged
    assert 'value="reject"' in judged
    assert 'value="verify"' not in judged
    web.post(client, "/pharmacy/O1", page, action="reject", version="1", seen="verified", text="new creatinine")
    assert view(app).verification is Verification.REJECTED


def test_an_answer_is_never_overwritten(app: Flask) -> None:
    pharmacist, prescriber = web.signed_in(app, PHARMACIST), web.signed_in(app, PRESCRIBER)
    web.post(pharmacist, "/pharmacy/O1", "/pharmacy/?order=O1", action="ask", version="1", seen="pending", text="Why so much?")
    page = prescriber.get("/patients/P1").text
    address = re.search(r'action="(/orders/questions/[^"]+)"', page)
    assert address is not None
    web.post(prescriber, address.group(1), "/patients/P1", text="Severe infection")
    again = web.post(prescriber, address.group(1), "/patients/P1", text="No idea")
    assert "Something changed meanwhile" in again.text
    with app.app_context(), reading() as tx:
        assert orders.questions(tx, ["O1"])[0].answer == "Severe infection"


def test_the_queue_opens_its_most_urgent_order_at_once(app: Flask) -> None:
    page = web.signed_in(app, PHARMACIST).get("/pharmacy/").text
    assert 'action="/pharmacy/O1"' in page
    assert "aspirin" in page
    live = re.search(r'hx-get="([^"]+)"', page)
    assert live is not None
    assert "order=O1" in live.group(1)  # the list keeps showing which one is open


def test_the_prescriber_is_led_to_each_open_question_and_the_pharmacist_sees_the_answer_in_the_queue(app: Flask) -> None:
    pharmacist, prescriber = web.signed_in(app, PHARMACIST), web.signed_in(app, PRESCRIBER)
    web.post(pharmacist, "/pharmacy/O2", "/pharmacy/?order=O2", action="ask", version="1", seen="pending", text="For how long?")
    found = prescriber.get("/patients/").text
    assert "For how long?" in found
    assert 'href="/patients/P2#order-O2"' in found
    assert "For how long?" not in web.signed_in(app, server_ward.NURSE).get("/patients/").text
    assert "answered</span>" not in pharmacist.get("/pharmacy/").text
    address = re.search(r'action="(/orders/questions/[^"]+)"', prescriber.get("/patients/P2").text)
    assert address is not None
    web.post(prescriber, address.group(1), "/patients/P2", text="Five days")
    assert "answered</span>" in pharmacist.get("/pharmacy/?order=O1").text
    assert "For how long?" not in prescriber.get("/patients/").text


def test_a_draft_offers_no_verification_and_says_why(app: Flask) -> None:
    with app.app_context(), transaction(server_ward.IMPORT) as tx:
        verbs.receive(tx, server_ward.an_order(8), clarification="clarify-no-dose=")
    page = web.signed_in(app, PHARMACIST).get("/pharmacy/?order=O8").text
    assert 'value="verify"' not in page
    assert "A draft cannot be verified" in page
    assert 'value="ask"' in page
