"""The pharmacy's labels in a real browser: made for a product and for a round, sent to a printer that fails on the way, printed anew; and
each page looked at for everybody who sees, touches or hears it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from playwright.sync_api import Browser, expect
from werkzeug.serving import make_server

from devices.printers.stock import SHIPPED, Equipment, Printer
from server.store import products
from server.store.transaction import transaction
from simulation.devices.label_printer import LabelPrinter
from tests.scenarios.test_browser_pharmacy import TOUCH, Stand
from tests.support import web
from tests.support.browser import chromium as chromium
from tests.support.browser import inspect
from tests.support.server_ward import AMOXICILLIN, PHARMACIST, WARD
from tests.support.web import ADMIN

pytestmark = pytest.mark.timeout(300)

PICTURES = os.environ.get("LABEL_PICTURES")


class Labels(Stand):
    def look(self, page, name: str) -> None:  # type: ignore[no-untyped-def]
        self.wrongs += inspect(page, TOUCH)
        if PICTURES:
            for width, height in ((1280, 800), (390, 844)):
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=f"{PICTURES}/{name}-{width}.png", full_page=True)
            page.set_viewport_size({"width": 1280, "height": 800})


@pytest.fixture
def printer() -> Iterator[LabelPrinter]:
    found = LabelPrinter().start()
    yield found
    found.stop()


@pytest.fixture
def stand(tmp_path: Path, chromium: Browser, printer: LabelPrinter) -> Iterator[Labels]:
    with web.ward_app(tmp_path, verified=True) as app:
        held = Printer(id="p1", name="Dược lâm sàng", host="127.0.0.1", port=printer.port)
        app.extensions["pointofcare-label-equipment"] = Equipment(stocks=SHIPPED, printers=MappingProxyType({"p1": held}))
        with app.app_context(), transaction(PHARMACIST) as tx:
            products.put(tx, replace(AMOXICILLIN, recalled_lots=("BAD1",)))
        http = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        stand = Labels(app=app, browser=chromium, url=f"http://127.0.0.1:{http.server_port}")
        yield stand
        for context in list(chromium.contexts):
            context.close()
        http.shutdown()
        thread.join(timeout=10)
    assert not stand.wrongs, "\n" + "\n".join(dict.fromkeys(stand.wrongs))


def test_a_pharmacist_prints_labels_and_finds_out_what_is_on_paper(stand: Labels, printer: LabelPrinter) -> None:
    page = stand.open(PHARMACIST, "/labels/", language="vi")
    stand.look(page, "labels-empty")
    page.get_by_role("link", name="Nhãn cho một thuốc").click()
    page.get_by_label("Tên thuốc, hoạt chất hoặc GTIN").fill("amoxi")
    page.get_by_role("button", name="Tìm").click()
    stand.look(page, "labels-choose")
    page.get_by_role("link", name="Amoxicillin 500 mg").click()
    page.get_by_label("Số lô", exact=False).first.fill("A1")
    page.get_by_label("Hạn dùng").first.fill("2031-01-31")
    page.get_by_label("Số nhãn").fill("24")
    page.get_by_role("button", name="Xem trước một nhãn").click()
    expect(page.get_by_role("img", name="Nhãn mẫu của Amoxicillin")).to_be_visible()
    stand.look(page, "labels-preview")
    page.get_by_role("button", name="Tạo nhãn").click()
    stand.look(page, "labels-made")
    printer.unplug_after = 5
    page.get_by_role("button", name="Gửi ra máy in").click()
    expect(page.get_by_text("không rõ đã in bao nhiêu")).to_be_visible(timeout=30_000)
    stand.look(page, "labels-unknown")
    page.get_by_label("Từ nhãn thứ").fill("6")
    page.get_by_label("đến nhãn thứ").fill("24")
    page.get_by_label("Lý do").fill("máy in mất điện")
    page.get_by_role("button", name="In lại bằng số mới").click()
    expect(page.get_by_text("thay bằng").first).to_be_visible()
    stand.look(page, "labels-again")
    page.goto(f"{stand.url}/labels/round?ward={WARD}&hours=24")
    page.locator("#lot-AMOX500").fill("A1")
    page.locator("#expiry-AMOX500").fill("2031-01-31")
    page.get_by_role("button", name="Xem trước một nhãn").click()
    stand.look(page, "labels-round")
    page.get_by_role("button", name="Tạo nhãn").click()
    stand.look(page, "labels-round-made")
    page.goto(f"{stand.url}/labels/")
    stand.look(page, "labels-list")
    admin = stand.open(ADMIN, "/staff/N1", language="vi")
    stand.look(admin, "labels-badge")
