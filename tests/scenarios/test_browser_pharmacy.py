"""A pharmacist's morning in a real browser, without a mouse: the queue by keys alone, a barcode mended, a product changed; and each page
looked at for everybody who sees, touches or hears it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from pointofcare.people import Allergy, Observation, Weight
from pointofcare.products import HighAlert
from pointofcare.quantity import Quantity
from server.store import orders, patients, products
from server.store.orders import Verification
from server.store.transaction import Actor, reading, transaction
from server.usecases import orders as verbs
from server.usecases import pharmacy
from tests.support import web, work
from tests.support.browser import WAIT_MS, inspect
from tests.support.browser import chromium as chromium
from tests.support.server_ward import AMOXICILLIN, IMPORT, NOW, PHARMACIST, PRESCRIBER, WARD, an_order
from tests.support.work import SECOND, UNKNOWN_GTIN

pytestmark = pytest.mark.timeout(240)

TOUCH = ".btn, button, nav a, select, summary, input:not([type=hidden])"
PICTURES = os.environ.get("PHARMACY_PICTURES")


@dataclass
class Stand:
    """The server's pages on a port, and browsers of people who are signed in."""

    app: Flask
    browser: Browser
    url: str
    wrongs: list[str] = field(default_factory=list)

    def open(self, who: Actor, path: str, *, language: str = "en", size: tuple[int, int] = (1280, 800)) -> Page:
        client = web.signed_in(self.app, who)
        with client.session_transaction() as session:
            session["language"] = language
        context = self.browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-GB")
        context.set_default_timeout(WAIT_MS)
        name = self.app.config["SESSION_COOKIE_NAME"]
        cookie = client.get_cookie(name)
        assert cookie is not None
        context.add_cookies([{"name": name, "value": cookie.value, "url": self.url}])
        context.on("console", self._said)
        context.on("weberror", lambda error: self.wrongs.append(f"script error: {error.error}"))
        page = context.new_page()
        page.goto(self.url + path)
        return page

    def _said(self, message: object) -> None:
        text = str(getattr(message, "text", ""))
        if "Content Security Policy" in text:
            self.wrongs.append(text)

    def state(self, order: str) -> Verification:
        with self.app.app_context(), reading() as tx:
            return orders.get(tx, order).verification

    def look(self, page: Page, name: str) -> None:
        """axe, targets and widths; and pictures for whoever asks for them."""
        self.wrongs += inspect(page, TOUCH)
        if PICTURES:
            for width, height in ((1280, 800), (390, 844)):
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=f"{PICTURES}/{name}-{width}.png", full_page=width == 390)
            page.set_viewport_size({"width": 1280, "height": 800})


@pytest.fixture
def stand(tmp_path: Path, chromium: Browser) -> Iterator[Stand]:
    with web.ward_app(tmp_path) as app:
        with app.app_context():
            _morning()
        http = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        stand = Stand(app=app, browser=chromium, url=f"http://127.0.0.1:{http.server_port}")
        yield stand
        for context in list(chromium.contexts):
            context.close()
        http.shutdown()
        thread.join(timeout=10)
    assert not stand.wrongs, "\n" + "\n".join(dict.fromkeys(stand.wrongs))


def _morning() -> None:
    """O1 and O2 wait, O9 (morphine) is verified; O3 is of a drug that the patient is allergic to; two barcodes wait."""
    work.open_work()
    now = datetime.now(UTC)
    with transaction(IMPORT, at=now) as tx:
        patients.put_observation(tx, "P1", Observation(code="creatinine", value=Quantity.parse("148 umol/L"), at=now - timedelta(hours=9)))
        patients.put_weight(tx, "P1", Weight(value=Quantity.parse("54 kg"), at=now - timedelta(days=3)))
        patients.replace_allergies(tx, "P2", (Allergy(substance="penicillin", severity="severe"),))
        cefalexin = replace(AMOXICILLIN, id="CEFA500", gtin="08936000000042", name="Cefalexin 500 mg", lasa=("cefaclor",))
        pharmacy.receive_product(tx, replace(cefalexin, ingredients=(replace(AMOXICILLIN.ingredients[0], name="cefalexin"),)))
    with transaction(PRESCRIBER, at=NOW + timedelta(minutes=1)) as tx:
        verbs.place(tx, PRESCRIBER, an_order(3, patient="P2", ingredient="cefalexin", display="Cefalexin 500 mg PO 08:00 20:00"))
    for _ in range(3):
        work.attempt(work.stopped_by())
    (finding,) = work.stopped_by().findings
    work.attempt(work.stopped_by(findings=(replace(finding, facts={"cause": "unreadable", "barcode": f"01{AMOXICILLIN.gtin}1799"}),)))


def test_the_queue_is_worked_by_keys_alone(stand: Stand) -> None:
    page = stand.open(PHARMACIST, "/pharmacy/")
    expect(page.locator("#chosen")).to_contain_text("Amoxicillin")
    stand.look(page, "queue")
    page.keyboard.press("?")
    expect(page.locator(".help-dialog .help-keys")).to_contain_text("Ctrl + Enter")
    stand.wrongs += inspect(page, TOUCH)
    page.keyboard.press("v")  # under the help nothing acts
    page.keyboard.press("Escape")
    expect(page.locator(".help-dialog")).to_be_hidden()

    page.keyboard.press("j")
    page.wait_for_url("**order=O2*")
    page.keyboard.press("k")
    page.wait_for_url("**order=O1*")
    page.keyboard.press("v")
    assert stand.state("O1") is Verification.PENDING  # the key leads to the button, no further
    page.keyboard.press("Enter")
    page.wait_for_url("**order=O2*")  # the next one at once
    expect(page.locator(".alert-success")).to_be_visible()
    assert stand.state("O1") is Verification.VERIFIED

    page.keyboard.press("c")
    page.keyboard.type("Every 8 hours? v r j")  # keys are letters while writing
    assert page.locator("#question").input_value() == "Every 8 hours? v r j"
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**order=O3*")
    assert stand.state("O2") is Verification.QUERIED

    expect(page.locator(".findings")).to_contain_text("D11")
    stand.look(page, "finding")
    page.keyboard.press("r")
    page.keyboard.type("Allergic to penicillin")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#sure")).to_contain_text("Allergic to penicillin")
    stand.look(page, "reject")
    page.keyboard.press("Escape")
    assert stand.state("O3") is Verification.PENDING  # not without the second answer
    page.locator("#reason").focus()
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Shift+Tab")
    with page.expect_navigation():  # the message of the question before still stands
        page.keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    assert stand.state("O3") is Verification.REJECTED


def test_a_page_that_is_no_longer_so_says_it_and_switches_its_buttons_off(stand: Stand) -> None:
    page = stand.open(PHARMACIST, "/pharmacy/?order=O1")
    expect(page.locator("[data-stale-order]")).to_be_hidden()
    with stand.app.app_context(), transaction(SECOND) as tx:
        verbs.reject(tx, SECOND, "O1", 1, reason="not needed")
    expect(page.locator("[data-stale-order]")).to_be_visible(timeout=15_000)
    expect(page.locator("form[data-acts] button").first).to_be_disabled()


def test_a_barcode_is_mended_and_a_product_changed_without_a_mouse(stand: Stand) -> None:
    page = stand.open(PHARMACIST, "/barcodes/")
    stand.look(page, "barcodes")
    page.keyboard.press("j")
    expect(page.locator(".row-link").first).to_be_focused()
    expect(page.locator(".row-link").first).to_have_text(UNKNOWN_GTIN)
    page.keyboard.press("Enter")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("amoxi")
    page.keyboard.press("Enter")
    expect(page.locator(".found a")).to_have_count(1)
    stand.look(page, "barcode-find")
    page.locator(".found a").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#compare")).to_be_focused()
    stand.look(page, "barcode-compare")
    page.locator("#sure-link").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    with stand.app.app_context(), reading() as tx:
        assert products.known(tx, gtins=(UNKNOWN_GTIN,))
    stand.look(page, "barcode-matched")

    page.goto(f"{stand.url}/formulary/?q=amoxi")
    stand.look(page, "formulary")
    page.goto(f"{stand.url}/formulary/{AMOXICILLIN.id}/edit")
    page.locator("#high_alert").select_option("1")
    page.locator("#max-1-ingredient").fill("amoxicilin")
    page.locator("#max-1-hard").fill("6 g")
    page.locator("#why").fill("committee of March")
    page.locator("#why").press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#f-max-1-ingredient")).to_be_visible()
    stand.look(page, "product-form")
    page.locator("#max-1-ingredient").fill("amoxicillin")
    page.locator("#why").press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    stand.look(page, "product")
    with stand.app.app_context(), reading() as tx:
        assert products.get(tx, AMOXICILLIN.id).high_alert is HighAlert.LABEL


def test_several_orders_of_a_ward_go_together_and_the_pages_read_in_vietnamese_and_french(stand: Stand) -> None:
    page = stand.open(PHARMACIST, f"/pharmacy/together/?ward={WARD}", language="vi")
    stand.look(page, "together-vi")
    page.locator("[data-choose-all]").press("Enter")
    expect(page.locator("[data-chosen]")).to_have_text("1")
    page.locator("#sure").press("Space")
    page.locator(".sticky-bar .btn").press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    assert stand.state("O1") is Verification.VERIFIED
    for language, path, name in (
        ("vi", "/pharmacy/?order=O3", "queue-vi"),
        ("vi", "/barcodes/", "barcodes-vi"),
        ("fr", f"/formulary/{AMOXICILLIN.id}/edit", "product-form-fr"),
        ("vi", "/formulary/NOT-THERE", ""),
        ("fr", "/recalls/", "recalls-fr"),
    ):
        other = stand.open(PHARMACIST, path, language=language)
        expect(other.locator("html")).to_have_attribute("lang", language)
        if name:
            stand.look(other, name)
