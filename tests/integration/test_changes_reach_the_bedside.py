"""What is changed at the server reaches the screen of a nurse who is at the bed, over real brokers, and nothing old is confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cart_client import inbox
from pointofcare.quantity import Quantity
from server.store.transaction import reading, transaction
from server.usecases import discrepancies as verbs
from server.usecases import orders, staff, tables
from tests.support import web
from tests.support.bedside_line import PIN_HASH, SECOND, Line, due_now, line, ready
from tests.support.brokers import KINDS
from tests.support.server_ward import CHARGE, IMPORT, NURSE, PHARMACIST, PRESCRIBER, WARD, a_member

ORDER = "O101"


@pytest.fixture(params=KINDS)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    with web.ward_app(tmp_path, verified=True) as app, app.app_context():
        ready()
        with line(request.param, tmp_path, app, carts=("c1", "c2")) as made:
            yield made


def test_an_order_that_is_stopped_on_the_web_page_is_refused_at_the_finger(ground: Line) -> None:
    cart = ground.carts["c1"]
    cart.sign_in()
    cart.open()
    record_id, moment = cart.verify(), cart.bedside.view.moment
    page = web.signed_in(ground.app, PRESCRIBER)
    web.post(page, f"/orders/{ORDER}/act", f"/orders/{ORDER}", action="stop", version="1", reason="new rash")
    took_s = cart.until(lambda view: view.notice == "order-changed")
    assert took_s < 10  # how fast it is the benchmark tells; here it must come at all
    assert cart.press(inbox.Confirm, record_id=record_id, moment=moment) == "order-changed"
    for language, said in (("en", "THE ORDER CHANGED:"), ("vi", "Y LỆNH ĐÃ THAY ĐỔI:"), ("fr", "LA PRESCRIPTION A CHANGÉ :")):
        words = cart.words(language)
        assert said in words
        assert PRESCRIBER.name in words
        assert "new rash" in words
    with reading() as tx:
        assert all(entry.record_id != record_id for entry in tables.chart(tx, WARD, timezone="UTC").history)


def test_a_new_dose_is_told_and_judged_again_with_one_tap(ground: Line) -> None:
    cart = ground.carts["c1"]
    cart.sign_in()
    cart.open()
    first = cart.verify()
    with transaction(PRESCRIBER) as tx:
        changed = due_now(101, "P1", dose=Quantity.parse("250 mg"))
        orders.amend(tx, PRESCRIBER, changed, version=1, reason="kidneys")
    cart.until(lambda view: "order-dose" in [each.code for each in view.changes])
    assert "500 mg → 250 mg" in cart.words("en")
    with transaction(PRESCRIBER) as tx:
        orders.amend(tx, PRESCRIBER, replace(changed, dose=Quantity.parse("500 mg")), version=2, reason="no, they are well")
    with transaction(PHARMACIST) as tx:
        orders.verify(tx, PHARMACIST, ORDER, 3)
    was = {"order-dose", "order-unverified"}
    cart.until(lambda view: bool(view.changes) and not was & {each.code for each in view.changes})  # as it was, in a newer version
    assert cart.press(inbox.JudgeAgain) == ""
    cart.until(lambda view: view.session.state.value == "giving")
    record_id = str(cart.bedside.view.session.record_id)
    assert record_id != first
    assert cart.press(inbox.Confirm, record_id=record_id) == ""
    cart.until(lambda view: view.recorded and view.recorded[0].standing.at_server)
    assert cart.bedside.view.recorded[0].record.order_version == 3


def test_a_patient_who_is_discharged_by_an_import_leaves_the_screen(ground: Line) -> None:
    cart = ground.carts["c1"]
    cart.sign_in()
    cart.open()
    page = web.signed_in(ground.app, web.ADMIN, factor=True)
    given = {"X-CSRFToken": web.token_of(page.get("/import/").text)}
    content = "id,mrn,name,status,ward\nP1,24-000001,NGUYỄN VĂN 1,discharged," + WARD + "\n"
    body = {"files": [{"name": "patients.csv", "content": content}], "dry_run": False}
    answer = page.post("/api/v1/imports", json=body, headers=given)
    assert answer.status_code == 200, answer.text
    cart.until(lambda view: "patient-gone" in [each.code for each in view.changes])
    assert cart.state() == "stopped"


def test_a_nurse_whose_right_ends_at_the_server_is_signed_out_and_the_open_dose_stays(ground: Line) -> None:
    cart = ground.carts["c1"]
    cart.sign_in()
    cart.open()
    record_id = cart.verify()
    with transaction(IMPORT) as tx:
        staff.receive(tx, a_member(NURSE, pin_hash=PIN_HASH, active=False))
    cart.until(lambda view: view.session.nurse is None)
    assert cart.bedside.view.notice.startswith("ended-")
    assert "Signed out" in cart.words("en")
    cart.sign_in(CHARGE)
    assert [each.record_id for each in cart.bedside.view.opened] == [record_id]


def test_two_carts_that_gave_one_dose_tell_both_nurses_and_the_pharmacist_sees_who_has_read(ground: Line) -> None:
    one, other = ground.carts["c1"], ground.carts["c2"]
    one.sign_in(NURSE)
    one.open()
    first = one.verify()
    other.sign_in(SECOND)
    other.lose_the_link()
    other.open(lease="none")
    second = other.verify(reason="emergency")
    for cart, record_id in ((one, first), (other, second)):
        assert cart.press(inbox.Confirm, record_id=record_id) == ""
    for cart in (one, other):
        cart.until(lambda view: len(view.conflicts) == 1)
        assert "ONE DOSE, GIVEN TWICE" in cart.words("en")
        assert "MỘT LIỀU ĐÃ DÙNG HAI LẦN" in cart.words("vi")
        assert "UNE DOSE DONNÉE DEUX FOIS" in cart.words("fr")
    number = one.bedside.view.conflicts[0].id
    assert one.press(inbox.ReadConflict, conflict=number) == ""
    assert one.bedside.view.conflicts == ()
    pharmacist = web.signed_in(ground.app, PHARMACIST)

    def read_by() -> tuple[str, ...]:
        with reading() as tx:
            return tables.chart(tx, WARD, timezone="UTC").conflicts[0].seen

    one.until(lambda _view: read_by() == (NURSE.id,))
    assert "(at cart c1)" in pharmacist.get("/review/").text
    other.until(lambda view: [each.seen for each in view.conflicts] == [(NURSE.id,)])
    with transaction(CHARGE) as tx:
        verbs.resolve(tx, CHARGE, number, reason="the second capsule was spat out")
    other.until(lambda view: view.conflicts == ())
