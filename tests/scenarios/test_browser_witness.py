"""Asking for a second person at one cart and answering at another, in a real browser: axe, both widths, touch targets, the walk itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from cart_client.inbox import Answer, Asked, Command
from cart_client.web import serving
from cart_client.web.app import create_app
from tests.support.browser import CHROMIUM, inspect
from tests.support.browser import chromium as chromium
from tests.support.cart_ward import MORPHINE, PIN, band, pack
from tests.support.second_looks import Ward, a_server, a_ward

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed")
TOUCH = "main button, .back, main summary, main select, main input:not([type=hidden]), .calls a"


@pytest.fixture
def carts(tmp_path: Path) -> Iterator[tuple[Ward, str, str]]:
    (tmp_path / "server").mkdir()
    with a_server(tmp_path / "server") as server:
        ward = a_ward(tmp_path)
        lock = threading.RLock()
        servers, urls = [], []
        for cart in ("cart-1", "cart-2"):
            stand = ward.stands[cart]

            def ask(command: Command, stand=stand) -> Answer:  # type: ignore[no-untyped-def]
                asked = Asked(command=command, answer=Future())
                with lock, server.app_context():
                    stand.put(asked)
                    ward.flow()
                return asked.answer.result(0)

            app = create_app(view=lambda stand=stand: stand.view, ask=ask, jpeg=lambda: None, names=stand.chart.names, language="vi")  # type: ignore[misc]
            served = create_server(app, host="127.0.0.1", port=0, threads=4)
            threading.Thread(target=served.run, daemon=True).start()
            servers.append(served)
            urls.append(f"http://127.0.0.1:{served.effective_port}")
        yield ward, urls[0], urls[1]
        for served in servers:
            serving.stop(served)


def opened(chromium: Browser, url: str, size: tuple[int, int] = (1280, 800)) -> Page:
    page = chromium.new_context(viewport={"width": size[0], "height": size[1]}).new_page()
    page.goto(url)
    return page


def test_a_nurse_asks_and_a_colleague_confirms_with_badge_and_pin_on_another_screen(
    chromium: Browser, carts: tuple[Ward, str, str]
) -> None:
    ward, one_url, two_url = carts
    one = ward.stands["cart-1"]
    one.sign_in("N1")
    one.hold(band("P1"))
    one.lease("P1")
    one.hold(pack(MORPHINE))
    asking = opened(chromium, one_url)
    asking.get_by_role("button", name="Mời đồng nghiệp ở xe hoặc điện thoại khác").click()
    expect(asking.get_by_text("Đã báo 2 máy")).to_be_visible()
    assert inspect(asking, TOUCH) == []
    phone = opened(chromium, two_url, (390, 844))
    phone.get_by_role("link", name="Giường H012").click()
    expect(phone.get_by_text("NGUYỄN VĂN AN")).to_have_count(0)
    assert inspect(phone, TOUCH) == []
    phone.locator("main input[name=badge]").first.fill("N2")
    phone.get_by_role("button", name="Tiếp tục").click()
    phone.locator("input[name=pin]").fill(PIN)
    phone.get_by_role("button", name="Ký và xem").click()
    expect(phone.get_by_text("NGUYỄN VĂN AN")).to_be_visible()
    assert inspect(phone, TOUCH) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.get_by_role("button", name="Đã kiểm tra, ĐÚNG").click()
    expect(phone.get_by_text("Đã nhận xác nhận của bạn.")).to_be_visible()
    assert one.state == "giving"
