"""The prescriber's page and what stands before an order: checks, preview, copies that a second person compares, stops that are lifted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from pointofcare.administration.record import FindingEvidence
from pointofcare.errors import NotPermittedError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import Allergy, StaffRole
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import AttemptOutcome, AttemptStopped
from server.store import orders, tasks, views_audit
from server.store import transaction as store
from server.store.transaction import Actor, Transaction
from server.usecases import administrations, attempts, staff, tables, task_kinds, transcription
from server.usecases import patients as patient_verbs
from tests.support import server_ward, web
from tests.support.server_ward import CHARGE, IMPORT, NURSE, PHARMACIST, PRESCRIBER, WARD

SECOND = Actor(id="N2", name="Second nurse", roles=frozenset({StaffRole.NURSE}))


_HERE: list[Flask] = []


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """No context stays open: each request is one of its own, as in the program."""
    with web.ward_app(tmp_path, verified=True) as found:
        _HERE.append(found)
        with transaction(IMPORT) as tx:
            staff.receive(tx, server_ward.a_member(SECOND))
        yield found
        _HERE.clear()


@contextmanager
def transaction(who: Actor) -> Iterator[Transaction]:
    with _HERE[0].app_context(), store.transaction(who) as tx:
        yield tx


@contextmanager
def reading() -> Iterator[Transaction]:
    with _HERE[0].app_context(), store.reading() as tx:
        yield tx


def form(**changes: object) -> dict[str, object]:
    return {
        "patient_id": "P1", "ingredient": "prednisolone", "form": "tablet", "route": "PO", "category": "scheduled", "dose": "5 mg",
        "times": "8h, 20h", "start": "2026-03-02T06:00", **changes,
    }  # fmt: skip


def ask(app: Flask, language: str = "en", who: Actor = PRESCRIBER, page: str = "/orders/new", **fields: object) -> TestResponse:
    client = web.signed_in(app, who)
    with client.session_transaction() as session:
        session["language"] = language
    token = web.token_of(client.get(f"{page}?patient_id=P1").text)
    return client.post(page, data={"csrf_token": token, **fields})


def of(ingredient: str, patient: str = "P1") -> orders.OrderView:
    with reading() as tx:
        return next(one for one in orders.of_patient(tx, patient) if one.order.ingredient == ingredient)


def seen(answer: TestResponse) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', answer.text)
    assert found, answer.text[-2000:]
    return found[1]


def test_a_preview_says_in_words_when_the_first_doses_are_due_and_places_nothing(app: Flask) -> None:
    answer = ask(app, "vi", **form(dose="0,5 mg", times="sáng, tối", step="look"))
    assert answer.status_code == 200
    for told in ("Xem trước y lệnh", "0,5 mg", "08:00", "20:00"):
        assert told in answer.text
    with reading() as tx:
        assert [one.order.id for one in orders.of_patient(tx, "P1")] == ["O1"]


def test_a_decimal_comma_and_spoken_times_are_read_in_vietnamese_and_french(app: Flask) -> None:
    assert ask(app, "vi", **form(dose="0,5 mg", times="", every="mỗi 8 giờ")).status_code == 303
    assert of("prednisolone").order.dose == Quantity.parse("0.5 mg")
    assert of("prednisolone").order.every == timedelta(hours=8)
    assert ask(app, "fr", **form(ingredient="furosemide", dose="2,5 mg", times="matin, soir")).status_code == 303
    assert [at.hour for at in of("furosemide").order.times] == [8, 20]


@pytest.mark.parametrize(("language", "dose"), [("en", "1,500 mg"), ("vi", "1.500 mg"), ("fr", "1,500 mg")])
def test_an_amount_that_reads_in_two_ways_is_the_fields_fault(app: Flask, language: str, dose: str) -> None:
    answer = ask(app, language, **form(dose=dose))
    assert answer.status_code == 422
    assert 'href="#dose"' in answer.text


def test_the_same_drug_twice_waits_for_a_reason_that_stays_on_the_order(app: Flask) -> None:
    again = form(ingredient="amoxicillin", form="capsule", dose="500 mg", times="12:00")
    first = ask(app, **again)
    assert first.status_code == 422
    assert "ordered already" in first.text
    bare = ask(app, **again, seen=seen(first))
    assert bare.status_code == 422
    assert 'href="#override"' in bare.text
    placed = ask(app, **again, seen=seen(first), override="loading dose")
    assert placed.status_code == 303
    with reading() as tx:
        newest = next(one for one in orders.of_patient(tx, "P1") if one.order.id != "O1")
        assert orders.versions(tx, newest.order.id)[0].reason == "loading dose"


def test_what_is_placed_is_what_was_seen(app: Flask) -> None:
    again = form(ingredient="amoxicillin", form="capsule", dose="500 mg", times="12:00")
    first = ask(app, **again)
    other = ask(app, **{**again, "dose": "1000 mg"}, seen=seen(first), override="loading dose")
    assert other.status_code == 422
    assert seen(other) != seen(first)


def test_a_form_that_is_sent_twice_places_one_order(app: Flask) -> None:
    once = form(order_id="o-0123456789ab")
    assert ask(app, **once).status_code == 303
    assert ask(app, **once).status_code in (409, 422)
    with reading() as tx:
        assert len([one for one in orders.of_patient(tx, "P1") if one.order.ingredient == "prednisolone"]) == 1


def test_an_allergy_at_ordering_takes_a_reason_and_the_cart_shows_it(app: Flask) -> None:
    with transaction(NURSE) as tx:
        patient_verbs.set_allergies(tx, NURSE, "P1", (Allergy(substance="prednisolone", severity="mild"),))
    first = ask(app, **form())
    assert first.status_code == 422
    assert "ALLERGY" in first.text
    assert ask(app, **form(), seen=seen(first), override="desensitised last week").status_code == 303
    with reading() as tx:
        body = tables.chart(tx, WARD, timezone="Asia/Ho_Chi_Minh")
    carried = next(order for order in body.orders if order.ingredient == "prednisolone").interactions
    assert [(one.other, one.severity, one.reason, one.prescriber) for one in carried] == [
        ("prednisolone", "allergy", "desensitised last week", "D1")
    ]


def copied(app: Flask, who: Actor = NURSE, **changes: object) -> TestResponse:
    at = (datetime.now(UTC) - timedelta(minutes=20) + timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M")
    fields = {**form(), "way": "phone", "ordered_by": "D1", "ordered_at": at, "read_back": "yes", **changes}
    return ask(app, who=who, page="/transcription/new", **fields)


def test_a_copy_is_a_draft_until_a_second_person_has_compared_it(app: Flask) -> None:
    assert copied(app).status_code == 303
    view = of("prednisolone")
    assert (view.order.status, view.order.verified, view.order.prescriber) == (OrderStatus.DRAFT, False, "D1")
    own = web.signed_in(app, NURSE)
    page = own.get("/transcription/").text
    assert "somebody else must compare it" in page
    token = web.token_of(page)
    own.post(f"/transcription/{view.order.id}", data={"csrf_token": token, "version": "1", "judged": "right"})
    assert of("prednisolone").order.status is OrderStatus.DRAFT
    with pytest.raises(NotPermittedError), transaction(NURSE) as tx:
        transcription.check(tx, NURSE, view.order.id, 1, right=True)
    other = web.signed_in(app, SECOND)
    token = web.token_of(other.get("/transcription/").text)
    done = other.post(f"/transcription/{view.order.id}", data={"csrf_token": token, "version": "1", "judged": "right"})
    assert done.status_code == 303
    compared = of("prednisolone")
    assert (compared.order.status, compared.order.verified, compared.clarification) == (OrderStatus.ACTIVE, False, None)


def test_a_pharmacist_who_compares_a_copy_verifies_it_with_that(app: Flask) -> None:
    copied(app)
    view = of("prednisolone")
    with transaction(PHARMACIST) as tx:
        transcription.check(tx, PHARMACIST, view.order.id, 1, right=True)
    with reading() as tx:
        body = tables.chart(tx, WARD, timezone="Asia/Ho_Chi_Minh")
    assert next(order for order in body.orders if order.id == view.order.id).verified


def test_a_wrong_copy_is_discarded_and_owes_no_signature(app: Flask) -> None:
    copied(app)
    view = of("prednisolone")
    with transaction(SECOND) as tx:
        transcription.check(tx, SECOND, view.order.id, 1, right=False, comment="50 mg on the paper")
    assert of("prednisolone").order.status is OrderStatus.CANCELLED
    with reading() as tx:
        owed = tasks.find(tx, task_kinds.CO_SIGNATURE, view.order.id)
    assert owed is not None
    assert not owed.is_open


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"read_back": ""}, "read_back"), ({"ordered_by": ""}, "ordered_by"), ({"way": ""}, "way"),
     ({"ordered_at": "2020-01-01T08:00"}, "ordered_at"), ({"ordered_by": "N1"}, "ordered_by")],
)  # fmt: skip
def test_a_copy_says_who_ordered_when_and_that_it_was_read_back(app: Flask, changes: dict[str, object], field: str) -> None:
    answer = copied(app, **changes)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text


def test_what_was_said_is_signed_for_or_withheld_by_the_prescriber(app: Flask) -> None:
    copied(app)
    view = of("prednisolone")
    with transaction(SECOND) as tx:
        transcription.check(tx, SECOND, view.order.id, 1, right=True)
    prescriber = web.signed_in(app, PRESCRIBER)
    page = prescriber.get("/prescriber/").text
    assert "Spoken order to be signed" in page
    with reading() as tx:
        owed = tasks.find(tx, task_kinds.CO_SIGNATURE, view.order.id)
    assert owed is not None
    assert owed.due_by is not None
    send = {"csrf_token": web.token_of(page), "revision": str(owed.revision), "answer": "dispute-order", "text": "never said that"}
    prescriber.post(f"/work/{owed.id}", data=send)
    assert of("prednisolone").order.status is OrderStatus.ON_HOLD


def stopped(substance: str = "amoxicillin") -> None:
    now = datetime.now(UTC)
    finding = FindingEvidence(
        rule="D10", level="STOP", facts={"cause": "allergy", "substance": substance}, remedy="ask-prescriber", params={}, unknown=False,
        satisfied=False,
    )  # fmt: skip
    attempt = AttemptStopped(
        record_id=str(uuid4()), facility="h1", ward=WARD, cart="c1", nurse="N1", patient="P1", order="O1", order_version=1, due=None,
        products=("AMOX500",), action="give",
        outcome=next(iter(AttemptOutcome)), level="STOP", findings=(finding,), at=now, epoch="e", seq=1, engine="1.2.0", policy="default-7",
        scans=(), chart_version=1, online=True,
    )  # fmt: skip
    with transaction(IMPORT) as tx:
        attempts.record(tx, attempt)


@pytest.mark.parametrize(("answer", "status"), [("lift-allergy", OrderStatus.ACTIVE), ("confirm-allergy", OrderStatus.STOPPED)])
def test_an_allergys_stop_is_lifted_or_confirmed_with_a_reason_that_reaches_the_chart(app: Flask, answer: str, status: OrderStatus) -> None:
    stopped()
    stopped()
    with reading() as tx:
        (owed,) = tasks.listed(tx, kinds=(task_kinds.ALLERGY_STOP,))
    prescriber = web.signed_in(app, PRESCRIBER)
    page = prescriber.get("/prescriber/").text
    assert "Dose stopped by an allergy" in page
    send = {"csrf_token": web.token_of(page), "revision": str(owed.revision), "answer": answer}
    prescriber.post(f"/work/{owed.id}", data=send)
    assert of("amoxicillin").order.version == 1  # without words nothing happens
    prescriber.post(f"/work/{owed.id}", data={**send, "text": "rash was measles"})
    view = of("amoxicillin")
    assert (view.order.status, view.order.version) == (status, 2)
    with reading() as tx:
        body = tables.chart(tx, WARD, timezone="Asia/Ho_Chi_Minh")
        told = [row for row in views_audit.entries(tx, limit=20) if row.action.startswith("task.")]
    order = next(one for one in body.orders if one.id == "O1")
    assert told
    if answer == "lift-allergy":
        assert not order.verified  # the pharmacist looks again
        assert [(one.other, one.severity, one.reason) for one in order.interactions] == [("amoxicillin", "allergy", "rash was measles")]


def test_doses_that_were_refused_or_held_are_shown_with_who_has_seen_them(app: Flask) -> None:
    now = datetime.now(UTC)
    refused = replace(
        server_ward.a_record(1), record_id=str(uuid4()), action="refuse", status="not-done", status_reason="refused",
        reason_text="tastes bad", effective_at=now, recorded_at=now, due=now, dose=None,
    )  # fmt: skip
    with transaction(IMPORT) as tx:
        administrations.record(tx, refused)
    prescriber = web.signed_in(app, PRESCRIBER)
    page = prescriber.get("/prescriber/").text
    assert "tastes bad" in page
    assert "not seen yet" in page
    sent = prescriber.post(f"/prescriber/seen/{refused.record_id}", data={"csrf_token": web.token_of(page)})
    assert sent.status_code == 303
    page = prescriber.get("/prescriber/").text
    assert "not seen yet" not in page
    assert PRESCRIBER.name in page
    assert web.signed_in(app, CHARGE).get("/prescriber/").status_code == 403
