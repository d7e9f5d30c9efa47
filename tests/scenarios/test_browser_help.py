"""Help in a real browser: at the kiosk it costs no dose and hides no verdict; on the server's pages and the wall it stands beside them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from tests.scenarios.test_kiosk_walk import Kiosk, a_page, browser, kiosk, looks_right, pytestmark
from tests.support import server_ward, web
from tests.support.browser import TOUCH_PX, inspect
from tests.support.cart_ward import AMOX, PIN, pack
from tests.support.kiosk_faces import at_patient, badge_read, passes, stops, witness_pin

__all__ = ["browser", "kiosk", "pytestmark"]
HELP = ".help-dialog"


def opened(page: Page, saying: str) -> None:
    page.keyboard.press("?")
    expect(page.locator(HELP)).to_be_visible()
    expect(page.locator(HELP)).to_contain_text(saying)


def test_a_stop_stays_to_be_seen_beside_its_help_and_after_it(browser: Browser, kiosk: Kiosk) -> None:
    for width, height in ((1280, 800), (390, 844)):
        page = a_page(browser, kiosk, width, height)
        stops(page, kiosk) if width == 1280 else page.wait_for_selector("main.stop")
        opened(page, "Không được cho thuốc này lúc này")
        word, panel = page.locator(".word h1").bounding_box(), page.locator(HELP).bounding_box()
        assert word is not None
        assert panel is not None
        assert word["x"] + word["width"] <= panel["x"] + 1 or word["y"] + word["height"] <= panel["y"] + 1
        expect(page.locator(f"{HELP} .help-word")).to_have_text("DỪNG")
        looks_right(page)
        boxes = [button.bounding_box() for button in page.locator(f"{HELP} button, .help-button").all()]
        assert all(box is not None and min(box["width"], box["height"]) >= TOUCH_PX for box in boxes)
        page.keyboard.press("Escape")
        expect(page.locator(HELP)).to_be_hidden()
        expect(page.locator("main.stop .word h1")).to_be_visible()
        page.context.close()
    assert kiosk.stand.view.session.state.value == "stopped"


def test_what_was_typed_is_there_when_help_is_closed(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    witness_pin(page, kiosk)
    page.locator("main [data-pin]").focus()
    page.keyboard.type(PIN[:2])
    opened(page, "người thứ hai")
    page.keyboard.press("Escape")
    assert page.locator("main [data-pin]").input_value() == PIN[:2]
    assert kiosk.stand.view.session.state.value == "awaiting-witness"
    page.context.close()


def test_an_open_dose_is_open_after_help_and_can_be_confirmed(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    passes(page, kiosk)
    before = kiosk.stand.view.session.record_id
    opened(page, "Mọi điều đã khớp")
    page.locator(f"{HELP} [data-help-chapter]").first.click()
    expect(page.locator(HELP)).to_contain_text("Chữ lớn nghĩa là gì")
    page.locator(f"{HELP} header button").click()
    assert kiosk.stand.view.session.record_id == before
    page.locator("main.pass button.main-action").click()
    page.wait_for_selector("main.state-concluded")
    page.context.close()


def test_a_verdict_that_comes_while_help_is_open_takes_the_screen(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    opened(page, "Người bệnh đã mở bằng vòng tay")
    kiosk.hold(pack(AMOX, expiry="250131"))
    page.wait_for_selector("main.stop")
    expect(page.locator(HELP)).to_be_hidden()
    page.context.close()


def test_help_never_opens_by_itself_and_is_there_before_signing_in(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    expect(page.locator(HELP)).to_have_count(0)
    opened(page, "Xe chờ bạn đăng nhập")
    page.keyboard.press("Escape")
    badge_read(page, kiosk)
    opened(page, "Đã đọc thẻ của bạn")
    page.context.close()


def test_the_pages_beside_the_dose_have_theirs(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    page.goto(f"{kiosk.url}/beside/vitals")
    page.locator("#v-systolic").fill("120")
    page.locator(".help-button").click()
    expect(page.locator(HELP)).to_contain_text("Ghi dấu hiệu sinh tồn vừa đo")
    looks_right(page)
    page.keyboard.press("Escape")
    assert page.locator("#v-systolic").input_value() == "120"
    page.context.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("help"), verified=True) as made:
        yield made


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


@pytest.mark.parametrize(("scheme", "width", "height"), [("light", 1280, 800), ("dark", 390, 844)])
def test_a_page_of_the_server_explains_itself(app: Flask, address: str, browser: Browser, scheme: str, width: int, height: int) -> None:
    name = app.config["SESSION_COOKIE_NAME"]
    cookie = web.signed_in(app, server_ward.CHARGE, factor=True).get_cookie(name)
    assert cookie is not None
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})  # type: ignore[arg-type]
    context.add_cookies([{"name": name, "value": cookie.value, "url": address}])
    page = context.new_page()
    wrongs: list[str] = []
    page.on("console", lambda message: wrongs.append(message.text) if message.type == "error" else None)
    page.goto(f"{address}/ward/")
    opened(page, "The whole ward by bed")
    wrongs += inspect(page, f"{HELP} button, {HELP} a, .help-button")
    page.keyboard.press("Escape")
    expect(page.locator(HELP)).to_be_hidden()
    page.locator(".help-button").click()
    page.locator(f"{HELP} a", has_text="guide").click()
    page.wait_for_url("**/help/manager#c1")
    wrongs += inspect(page, "main a, main button")
    page.goto(f"{address}/help/on/ward")
    wrongs += inspect(page, "main a, main button")
    page.goto(f"{address}/patients/")
    page.locator("main input[type=search], main input[type=text], main input:not([type])").first.fill("a?")
    page.keyboard.press("?")
    expect(page.locator(HELP)).to_have_count(0)
    context.close()
    assert not wrongs, "\n".join(wrongs)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_wall_screen_has_no_barrier_in_any_light(app: Flask, address: str, browser: Browser, scheme: str) -> None:
    name = app.config["SESSION_COOKIE_NAME"]
    cookie = web.signed_in(app, server_ward.CHARGE, factor=True).get_cookie(name)
    assert cookie is not None
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1920, "height": 1080})  # type: ignore[arg-type]
    context.add_cookies([{"name": name, "value": cookie.value, "url": address}])
    page = context.new_page()
    wrongs: list[str] = []
    for path in (f"/ward/wall/{server_ward.WARD}", "/wall/"):
        page.goto(f"{address}{path}")
        wrongs += inspect(page, ".help-button")
    opened(page, "wall")
    wrongs += inspect(page, f"{HELP} button, {HELP} a")
    context.close()
    assert not wrongs, "\n".join(wrongs)
