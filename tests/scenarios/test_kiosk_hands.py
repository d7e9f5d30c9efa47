"""A person at the kiosk's page: keyboard, touch, a phone's width, a page whose program hangs, and what it refuses from outside."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from cart_client import app as program
from cart_client.inbox import Answer
from cart_client.web import serving
from cart_client.web.app import create_app
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import FormularyBody
from tests.scenarios.test_kiosk_walk import Kiosk, a_page, browser, kiosk, looks_right, pytestmark, sign_in
from tests.support.cart_ward import (
    AMOX,
    PARACETAMOL,
    PIN,
    a_product,
    a_table,
    an_order,
    badge,
    band,
    chart_body,
    issued,
    orders,
    pack,
    products,
    q,
)

__all__ = ["browser", "kiosk", "pytestmark"]
SYRUP = "08936000000042"


def at_patient(page: Page, kiosk: Kiosk) -> None:
    sign_in(page, kiosk)
    kiosk.hold(band("P1"))
    with kiosk.lock:
        kiosk.stand.lease("P1")
    page.wait_for_selector("main.state-patient")


def test_a_pin_typed_after_a_wrong_one_is_not_added_to_it(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    kiosk.hold(badge("N1"))
    page.wait_for_selector("main.state-badge [data-pin]")
    page.keyboard.type("9999")
    page.keyboard.press("Enter")
    page.wait_for_selector(".notice")
    expect(page.locator("[data-pin]")).to_have_value("")
    expect(page.locator("[data-pin]")).to_be_focused()
    page.keyboard.type("12")
    page.keyboard.press("Escape")
    expect(page.locator("[data-pin]")).to_have_value("")
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.wait_for_selector("main.state-signed-in")


def test_a_whole_dose_is_given_by_keyboard_alone(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")
    for _ in range(40):  # a fresh picture in between may put the focus back to where it began
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('main-action')"):
            break
    expect(page.locator("main.pass .main-action")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector("main.state-concluded")


def test_escape_closes_what_was_opened_and_enter_never_gives_by_itself(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")
    page.keyboard.press("Enter")
    page.locator("details.decline summary").click()
    expect(page.locator("details.decline[open]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("details.decline[open]")).to_have_count(0)
    assert kiosk.stand.state == "giving"


def test_the_confirmation_is_in_sight_on_a_phone(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk, 390, 844)
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")
    expect(page.locator("main.pass .main-action")).to_be_in_viewport(ratio=1)
    looks_right(page)


def test_the_next_unit_is_asked_for_before_a_reason_is(browser: Browser, kiosk: Kiosk) -> None:
    two = (*orders(), an_order("O8", "P1", "paracetamol", "1000 mg"))
    with kiosk.lock:
        kiosk.stand.chart.take(
            issued(a_table(TableKind.PATIENT_CHART, chart_body(tuple(o for o in two if o.id != "O3")), version=2)), kiosk.stand.clock.at
        )
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    kiosk.hold(pack(PARACETAMOL, serial="S1"))
    page.wait_for_selector("main.more")
    expect(page.locator(".word h1")).to_have_text("QUÉT TIẾP")
    looks_right(page)
    kiosk.hold(pack(PARACETAMOL, serial="S2"))
    page.wait_for_selector("main.pass")


def test_why_an_as_needed_drug_is_needed_is_one_touch(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    kiosk.hold(pack(PARACETAMOL, serial="S1"), pack(PARACETAMOL, serial="S2"))
    page.wait_for_selector("main.reason")
    looks_right(page)
    page.get_by_role("button", name="đau").click()
    page.wait_for_selector("main.pass")


def test_a_part_of_an_ampoule_asks_for_the_amount_and_the_second_persons_pad_is_in_sight(browser: Browser, kiosk: Kiosk) -> None:
    ampoule = a_product("MORPH20", SYRUP, "Morphine 20 mg/2 mL", "morphine", "20 mg", volume=q("2 mL"), high_alert=products()[1].high_alert)
    with kiosk.lock:
        body = FormularyBody(products=(*products(), ampoule))
        kiosk.stand.chart.take(issued(a_table(TableKind.FORMULARY, body, version=2)), kiosk.stand.clock.at)
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    kiosk.hold(pack(SYRUP))
    page.wait_for_selector("main.amount")
    looks_right(page)
    page.keyboard.type("10mg")
    page.keyboard.press("Tab")
    page.keyboard.type("10 mg")
    page.keyboard.press("Enter")
    page.wait_for_selector("main.witness")
    kiosk.hold(badge("N2"))
    page.wait_for_selector("main.witness [data-pin]")
    expect(page.locator(".pad .go")).to_be_in_viewport(ratio=1)
    looks_right(page)


def test_a_dose_nobody_confirmed_is_asked_about_on_the_screen_that_stops(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_selector("main.state-idle")
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.stop .open-dose")
    looks_right(page)
    page.locator(".open-dose select").select_option("emergency")
    page.get_by_role("button", name="CHƯA dùng").click()
    page.wait_for_selector("main.state-patient")


def test_a_page_whose_loop_hangs_hides_the_old_verdict(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")
    kiosk.frozen.set()  # pages are still served, from the last picture that the loop made
    page.wait_for_selector("#gone:not([hidden])", timeout=20_000)
    expect(page.locator("#main")).to_be_hidden()
    expect(page.locator("#strip")).to_be_hidden()  # "connected, camera ready" is as old as the rest
    page.evaluate("document.getElementById('main').outerHTML += ''")  # a part that was under way comes late
    expect(page.locator("#main")).to_be_hidden()
    kiosk.frozen.clear()
    page.wait_for_selector("main.pass", timeout=20_000)


def test_the_first_touch_opens_the_sound(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)  # the PIN pad was touched
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")
    page.wait_for_function("document.body.dataset.soundState === 'running'")


# From outside.


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "kiosk", "[::2]", "", "a b", "localhost@evil.example:80"])
def test_a_page_of_another_name_gets_nothing(kiosk: Kiosk, host: str) -> None:
    for path in ("", "part/main", "api/state", "picture.jpg"):
        answer = httpx.get(kiosk.url + path, headers={"Host": host})
        assert answer.status_code in (400, 421)
        assert "NGUYỄN" not in answer.text


@pytest.fixture
def form(kiosk: Kiosk) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=kiosk.url, headers={"Accept": "application/json"}) as client:
        token = client.get("/").text.split('name="csrf_token" value="')[1].split('"')[0]
        client.headers["X-CSRFToken"] = token
        yield client


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"moment": ""},
        {"moment": "-1"},
        {"moment": "٣"},
        {"moment": "9" * 400},
        {"moment": "0", "badge": "B" * 600},
        {"moment": "0", "pin": "1" * 600},
        {"moment": "0", "due": "yesterday", "order": "O1", "why": "refuse:refused"},
        {"moment": "0", "due": "2026-03-02T08:00:00", "order": "O1", "why": "x"},
        {"moment": "0", "record_id": "\x00'; DROP TABLE entry;--", "given": "yes", "reason": "emergency"},
        {"moment": "0", "dose": "１０ mg", "mrn": "\ud83d", "birth_date": "0000-00-00", "reason": "<script>"},
    ],
)
def test_rubbish_in_a_form_does_nothing_and_the_kiosk_goes_on(kiosk: Kiosk, form: httpx.Client, fields: dict[str, str]) -> None:
    from cart_client.web import forms

    content = "&".join(
        f"{name}={httpx.QueryParams({name: value.encode('utf-8', 'replace').decode()})[name]}" for name, value in fields.items()
    )
    for name in (*forms.COMMANDS, "nothing", "../../etc/passwd"):
        answer = form.post(f"/do/{name}", content=content, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code in (200, 303, 400, 404)
    assert (kiosk.stand.state, kiosk.stand.journal.last_seq()) == ("idle", 0)
    assert form.get("/api/state").status_code == 200


def test_a_huge_body_is_refused_before_it_is_kept(kiosk: Kiosk) -> None:
    flask = create_app(view=lambda: kiosk.stand.view, ask=lambda _: Answer(done=True), jpeg=lambda: None, names=dict)
    server = create_server(flask, host="127.0.0.1", port=0, **program.SERVER)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.effective_port}"
    try:
        with httpx.Client(base_url=url, timeout=10) as client:
            for content in (b"x" * 2_000_000, (b"x" * 60_000 for _ in range(40))):
                with contextlib.suppress(httpx.TransportError):  # it may hang up while we still send
                    assert client.post("/do/pin", content=content).status_code in (400, 413)
                assert client.get("/api/state").status_code == 200
    finally:
        serving.stop(server)
        thread.join(5)


def test_an_old_page_and_a_replayed_confirmation_do_nothing(kiosk: Kiosk, form: httpx.Client) -> None:
    kiosk.hold(badge("N1"))
    state = form.get("/api/state").json()
    assert form.post("/do/pin", data={"moment": state["moment"], "pin": PIN}).json()["state"] == "signed-in"
    kiosk.hold(band("P1"))
    kiosk.stand.lease("P1")
    kiosk.hold(pack(AMOX))
    state = form.get("/api/state").json()
    confirm = {"moment": state["moment"], "record_id": state["record_id"]}
    answers: list[httpx.Response] = []
    taps = [threading.Thread(target=lambda: answers.append(form.post("/do/confirm", data=confirm))) for _ in range(8)]
    for tap in taps:
        tap.start()
    for tap in taps:
        tap.join()
    assert [answer.status_code for answer in answers] == [200] * 8
    assert kiosk.stand.journal.last_seq() == 1
    newer = form.get("/api/state").json()["moment"]
    for moment in (state["moment"], newer):  # as it was, and with the newest screen's number
        answer = form.post("/do/confirm", data={**confirm, "moment": moment}).json()
        assert answer["notice"] == "out-of-date"
    assert kiosk.stand.journal.last_seq() == 1
