"""The nurse's walk through the kiosk in a real browser, with a camera picture, at both sizes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pointofcare.labels.symbol import Symbol
from tests.support.cart_ward import AMOX, MORPHINE, PIN, badge, band, pack
from tests.support.kiosk_page import Kiosk, running_kiosk

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="chromium is not installed")


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    with running_kiosk(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


def a_page(browser: Browser, kiosk: Kiosk, width: int = 1280, height: int = 800) -> Page:
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    page.goto(kiosk.url)
    return page


def sign_in(page: Page, kiosk: Kiosk) -> None:
    kiosk.hold(badge("N1"))
    page.wait_for_selector("main.state-badge")
    for key in PIN:
        page.click(f"[data-key='{key}']")
    page.click(".pad .go")
    page.wait_for_selector("main.state-signed-in")


def looks_right(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_nurse_signs_in_scans_gives_and_sees_it_recorded(browser: Browser, kiosk: Kiosk, width: int, height: int) -> None:
    page = a_page(browser, kiosk, width, height)
    looks_right(page)
    sign_in(page, kiosk)
    looks_right(page)
    kiosk.hold(band("P1"))
    kiosk.stand.lease("P1")
    page.wait_for_selector("main.state-patient")
    expect(page.locator(".banner")).to_contain_text("NGUYỄN VĂN AN")
    expect(page.locator(".banner")).to_contain_text("11/04/1958")
    expect(page.locator(".banner")).to_contain_text("ibuprofen")
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")
    word = page.locator(".word h1")
    expect(word).to_have_text("ĐÚNG")
    if width == 1280:
        assert word.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 96
    assert page.evaluate("document.body.dataset.lastSound") == "pass"
    looks_right(page)
    page.click("main.pass .main-action")
    page.wait_for_selector("main.state-concluded")
    expect(page.locator(".done-now .tick.yes")).to_have_count(1)
    assert kiosk.stand.journal.unsent_count() == 1
    looks_right(page)


def test_a_stop_fills_the_screen_and_offers_no_way_round(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    sign_in(page, kiosk)
    kiosk.hold(band("P1"), pack(AMOX, expiry="250131"))
    page.wait_for_selector("main.stop")
    expect(page.locator(".word h1")).to_have_text("DỪNG")
    assert page.evaluate("document.body.dataset.lastSound") == "stop"
    actions = {form.get_attribute("action") for form in page.locator("main form").all()}
    assert actions <= {"/do/clear", "/do/decline", "/do/sign-out"}
    expect(page.locator(".findings li.stop")).to_contain_text("31/01/2025")
    looks_right(page)


def test_what_is_typed_survives_the_screens_own_refresh(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    sign_in(page, kiosk)
    kiosk.hold(band("P1"), pack(MORPHINE))
    page.wait_for_selector("main.witness")
    kiosk.hold(badge("N2"))
    page.wait_for_selector("main.witness [data-pin]")
    page.fill("[data-pin]", "24")
    seen = page.get_attribute("#main", "data-seen")
    with kiosk.lock:
        kiosk.stand.hold(Symbol(identifier="]Q1", content=b"hello"))  # a notice appears, the question stays
    page.wait_for_selector(f"main.witness:not([data-seen='{seen}'])")
    assert page.input_value("[data-pin]") == "24"
    looks_right(page)


def test_every_language_can_be_chosen(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    for language, word in (("en", "Sign in"), ("fr", "Connexion"), ("vi", "Đăng nhập")):
        page.click(f"button[lang={language}]")
        expect(page.locator("h1")).to_have_text(word)
        assert page.get_attribute("html", "lang") == language


def test_a_post_without_the_pages_token_does_nothing(kiosk: Kiosk, browser: Browser) -> None:
    page = a_page(browser, kiosk)
    answer = page.request.post(f"{kiosk.url}do/badge", form={"moment": "0", "badge": "N1"})
    assert answer.status == 400
    assert kiosk.stand.state == "idle"
    foreign = page.request.get(f"{kiosk.url}api/state", headers={"Host": "evil.example"})
    assert foreign.status == 421


def test_a_page_whose_program_is_gone_hides_the_old_verdict(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    sign_in(page, kiosk)
    kiosk.hold(band("P1"))
    kiosk.stand.lease("P1")
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")
    page.route("**/*", lambda route: route.abort())
    page.wait_for_selector("#gone:not([hidden])", timeout=15_000)
    expect(page.locator("#main")).to_be_hidden()
