"""A cart whose screen and camera are a phone: a dose by what the browser tells, and whatever a hostile browser tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from cart_client.web.phone import AWAY_S, PAIRING
from pointofcare.administration.session import State
from pointofcare.labels.symbol import Symbol
from tests.support.cart_ward import AMOX, PIN, badge, band, pack
from tests.support.phone import Browser, PhoneCart


@pytest.fixture
def cart(tmp_path: Path) -> PhoneCart:
    return PhoneCart(tmp_path)


def at_verdict(cart: PhoneCart) -> Browser:
    browser = Browser(cart)
    browser.hold(badge("N1"))
    browser.press("pin", pin=PIN)
    browser.hold(band("P1"))
    cart.stand.lease("P1")
    browser.hold(pack(AMOX))
    return browser


def test_a_dose_is_given_by_a_phone_as_at_any_cart(cart: PhoneCart) -> None:
    browser = at_verdict(cart)
    assert cart.stand.state == "giving", cart.stand.view.notice
    record_id = cart.stand.view.session.record_id or ""
    assert browser.get(f"/phone/record/{record_id}").json == {"record": "open"}
    browser.press("confirm", record_id=record_id)
    assert cart.stand.journal.standing(record_id).here
    assert browser.get(f"/phone/record/{record_id}").json == {"record": "recorded"}


def test_a_confirmation_that_is_sent_again_is_one_record(cart: PhoneCart) -> None:
    browser = at_verdict(cart)
    moment, record_id = str(cart.stand.view.moment), cart.stand.view.session.record_id or ""
    for _ in range(3):
        browser.press("confirm", record_id=record_id, moment=moment)
    assert cart.stand.journal.last_seq() == 1


def test_what_became_of_a_record_is_told_by_its_id_alone(cart: PhoneCart) -> None:
    browser = at_verdict(cart)
    record_id = cart.stand.view.session.record_id or ""
    browser.press("decline", why="refuse:refused")
    assert browser.get(f"/phone/record/{record_id}").json == {"record": "not-given"}
    assert browser.get("/phone/record/00000000-0000-4000-8000-00000000ffff").json == {"record": "unknown"}
    assert browser.get(f"/phone/record/{'x' * 65}").status_code == 404


def test_nothing_is_served_to_whom_the_gate_did_not_name(cart: PhoneCart) -> None:
    client = cart.app.test_client()
    for path in ("/", "/part/main", "/api/state", "/static/kiosk.css", "/phone/record/x"):
        for headers in ({}, {PAIRING: "x"}, {PAIRING: "-1"}, {PAIRING: "1" * 40}, {PAIRING: ""}):
            assert client.get(path, headers=headers).status_code == 403
    assert client.post("/phone/seen", json={}).status_code in (400, 403)


def test_forged_symbols_are_refused_and_change_nothing(cart: PhoneCart) -> None:
    browser = Browser(cart)
    browser.hold(badge("N1"))
    browser.press("pin", pin=PIN)
    before = cart.stand.view.moment
    assert browser.tell(Symbol(identifier="]C1", content=band("P1").content)).status_code == 400
    assert browser.tell(Symbol(identifier="]d2", content=b"1" * 4_000)).status_code == 400
    assert browser.tell(symbols=[["]d2", "%%%"]]).status_code == 400
    assert cart.stand.view.moment == before
    for bad in (
        b"8018893600000000000126\x1d80191",
        b"8018" + b"9" * 40,
        "8018١٢٣".encode(),
        b"\x00\xff\x1d\x1d\x1d",
        b"01089360000000129999",
    ):
        assert browser.tell(Symbol(identifier="]d2", content=bad)).status_code == 200
        assert cart.stand.view.session.patient is None


def test_a_gs1_string_in_a_plain_symbol_is_no_patient(cart: PhoneCart) -> None:
    browser = Browser(cart)
    browser.hold(badge("N1"))
    browser.press("pin", pin=PIN)
    browser.tell(Symbol(identifier="]d1", content=band("P1").content))
    assert cart.stand.view.session.patient is None


def test_a_flood_is_answered_as_one_and_the_next_scan_is_taken(cart: PhoneCart) -> None:
    browser = Browser(cart)
    codes = set()
    for _ in range(60):
        cart.at_s -= 0.5
        codes.add(browser.tell(pack(AMOX)).status_code)
    assert codes == {200, 429}
    cart.at_s += 5
    browser.hold(badge("N1"))
    assert cart.stand.state == "badge"


def test_a_sight_without_the_pages_token_is_refused(cart: PhoneCart) -> None:
    browser = Browser(cart)
    body = {"page": browser.page, "number": 1, "beat": "", "symbols": None}
    assert browser.client.post("/phone/seen", json=body, headers=browser.named, base_url="http://localhost").status_code == 400


def test_a_new_phone_never_sees_what_the_one_before_left_open(cart: PhoneCart) -> None:
    first = at_verdict(cart)
    record_id = cart.stand.view.session.record_id or ""
    second = Browser(cart, pairing=2)
    page = second.get("/")
    assert page.status_code == 200
    assert "NGUYỄN VĂN AN" not in page.text
    assert cart.stand.view.session.state is State.IDLE
    assert first.get("/").status_code == 403
    assert [record.record_id for record in cart.stand.journal.open_doses()] == [record_id]  # not lost: it waits for whoever can tell


def test_an_end_that_the_gate_tells_closes_the_session_at_once_and_for_good(cart: PhoneCart) -> None:
    browser = at_verdict(cart)
    ended = cart.app.test_client().post("/phone/end", headers={PAIRING: "1", "X-Phone-End": "yes"})
    assert ended.status_code == 204
    assert cart.stand.view.session.state is State.IDLE
    assert browser.get("/").status_code == 403
    assert browser.get("/api/state").status_code == 403
    assert Browser(cart, pairing=2).get("/").status_code == 200


def test_an_end_of_an_older_pairing_leaves_the_newer_one_alone(cart: PhoneCart) -> None:
    second = Browser(cart, pairing=2)
    second.hold(badge("N1"))
    second.press("pin", pin=PIN)
    assert cart.app.test_client().post("/phone/end", headers={PAIRING: "1", "X-Phone-End": "yes"}).status_code == 204
    assert cart.stand.view.session.nurse is not None
    assert second.get("/").status_code == 200


def test_nobody_ends_a_pairing_without_the_gates_own_word(cart: PhoneCart) -> None:
    browser = at_verdict(cart)
    answer = browser.client.post("/phone/end", headers=browser.named | {"X-CSRFToken": browser.token()}, base_url="http://localhost")
    assert answer.status_code == 404
    assert cart.stand.view.session.state is State.GIVING


def test_a_phone_that_is_away_for_long_is_locked(cart: PhoneCart) -> None:
    at_verdict(cart)
    cart.at_s += AWAY_S - 1
    cart.phone.look()
    assert cart.stand.view.session.state is State.GIVING
    cart.at_s += 1
    cart.phone.look()
    assert cart.stand.view.session.state is State.IDLE


def test_a_second_tab_takes_over_and_the_first_is_told(cart: PhoneCart) -> None:
    first, second = Browser(cart), Browser(cart)
    first.tell(symbols=None)
    second.page = "another-tab-xxxxxxxx"
    second.tell(symbols=None)
    assert first.tell(badge("N1")).json["why"] == "elsewhere"
    assert cart.stand.state == "idle"


def test_only_these_pages_may_open_the_camera_and_compile_the_decoder(cart: PhoneCart) -> None:
    answer = Browser(cart).get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "'wasm-unsafe-eval'" in policy
    assert "'unsafe-eval'" not in policy
    assert "unsafe-inline" not in policy
    assert "connect-src 'self'" in policy
    assert "camera=(self)" in answer.headers["Permissions-Policy"]
    cookies = [value for name, value in answer.headers if name == "Set-Cookie"]
    assert cookies
    assert all({"Secure", "HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")} for cookie in cookies)


def test_the_decoder_comes_from_here_as_what_it_is(cart: PhoneCart) -> None:
    browser = Browser(cart)
    wasm = browser.get("/static/vendor/zxing-reader-3.1.4.wasm")
    assert (wasm.status_code, wasm.mimetype, wasm.data[:4]) == (200, "application/wasm", b"\x00asm")
    wasm.close()
