"""The rounds sheet on paper: its codes are read off the printed page, one is typed in as a hand scanner does, every page is looked at."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from server.usecases import downtime as verbs
from tests.support import web
from tests.support.browser import chromium as chromium
from tests.support.browser import inspect
from tests.support.server_ward import NURSE, WARD

TOUCH = ".btn, button, nav a, select, summary, input:not([type=hidden])"
PICTURES = os.environ.get("DOWNTIME_SCREENSHOTS")


@pytest.fixture
def page(tmp_path: Path, chromium: Browser) -> Iterator[Page]:
    with web.ward_app(tmp_path, verified=True, patient_count=6) as app:
        http = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        client = web.signed_in(app, NURSE)
        with client.session_transaction() as session:
            session["language"] = "vi"
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, base_url=f"http://127.0.0.1:{http.server_port}")
        name = app.config["SESSION_COOKIE_NAME"]
        cookie = client.get_cookie(name)
        assert cookie is not None
        context.add_cookies([{"name": name, "value": cookie.value, "url": f"http://127.0.0.1:{http.server_port}"}])
        made = context.new_page()
        yield made
        context.close()
        http.shutdown()
        thread.join(timeout=10)


def look(page: Page, name: str, wrongs: list[str]) -> None:
    wrongs += inspect(page, TOUCH)
    if PICTURES:
        for width, height in ((1280, 800), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=f"{PICTURES}/{name}-{width}.png", full_page=width == 390)
        page.set_viewport_size({"width": 1280, "height": 800})


def test_a_sheet_is_printed_its_codes_read_off_the_paper_and_a_line_entered_and_closed(page: Page, tmp_path: Path) -> None:
    wrongs: list[str] = []
    page.goto(f"/ward/sheet?ward={WARD}")
    page.locator("form[action='/downtime/print'] button").click()
    page.wait_for_url("**/paper")
    sheet = page.url.split("/")[-2]
    look(page, "paper", wrongs)
    printed = tmp_path / "sheet.pdf"
    page.pdf(path=str(printed), format="A4", prefer_css_page_size=True, print_background=False)
    if PICTURES:
        (Path(PICTURES) / "sheet.pdf").write_bytes(printed.read_bytes())
    read: set[str] = set()
    with pypdfium2.PdfDocument(printed) as document:
        for sheet_page in document:
            image = np.asarray(sheet_page.render(scale=300 / 72, grayscale=True).to_numpy())
            read |= {code.text for code in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)}
    numbers = sorted(verbs.read_code(code)[1] for code in read)
    assert {verbs.read_code(code)[0] for code in read} == {sheet}
    assert numbers == list(range(1, page.locator(".line-code").count() + 1))

    page.goto("/downtime/")
    look(page, "list", wrongs)
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(verbs.code(sheet, 1))  # as a hand scanner does, with its Enter
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_url(f"**/downtime/{sheet}/1")
    look(page, "line", wrongs)
    page.locator("#not-given").check()
    expect(page.locator("#why")).to_be_visible()
    expect(page.locator("#dose")).to_be_hidden()
    look(page, "line-not-given", wrongs)
    page.locator("#given").check()
    page.locator("#at").fill("21/11/1999 08:00")
    page.locator("#nurse").select_option(NURSE.id)
    with page.expect_navigation():
        page.locator(".paper-form .btn-primary").click()
    expect(page.locator(".field-fault")).to_contain_text("trước khi phiếu được in")
    look(page, "line-fault", wrongs)
    page.goto(f"/downtime/{sheet}")
    look(page, "sheet", wrongs)
    expect(page.locator("form[action$='/close'] button")).to_be_disabled()
    assert wrongs == []
