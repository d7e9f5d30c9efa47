"""The pages beside the dose in a real browser: axe, touch targets, both sizes, keyboard alone, the number pad, running clocks, print."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from cart_client.inbox import Answer, Asked, Command, SignOut
from cart_client.web import serving
from cart_client.web.app import create_app
from pointofcare.wire.messages import BedsideNoted, ObservationRecorded
from tests.support.browser import CHROMIUM, inspect
from tests.support.browser import chromium as chromium
from tests.support.cart_care import a_ward, at_patient, bodies, records
from tests.support.cart_ward import AMOX, Stand, pack

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed")
TOUCH = "main button, .back, main summary, main select, main input:not([type=hidden]):not(.pain-pick input), main textarea, main .pain-pick"
PAGES = ("drugs", "vitals", "handover", "late", "anaphylaxis", "skin", "incident")


@dataclass
class Kiosk:
    stand: Stand
    url: str
    lock: threading.RLock

    def notes(self, kind: str) -> list[BedsideNoted]:
        with self.lock:
            return [body for body in bodies(self.stand) if isinstance(body, BedsideNoted) and body.kind == kind]


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    stand = a_ward(tmp_path)
    at_patient(stand)
    lock = threading.RLock()

    def ask(command: Command) -> Answer:
        asked = Asked(command=command, answer=Future())
        with lock:
            stand.put(asked)
        return asked.answer.result(0)

    app = create_app(view=lambda: replace(stand.view), ask=ask, jpeg=lambda: None, names=stand.chart.names, language="vi")
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield Kiosk(stand=stand, url=f"http://127.0.0.1:{server.effective_port}", lock=lock)
    serving.stop(server)
    thread.join(5)


def opened(chromium: Browser, kiosk: Kiosk, path: str, size: tuple[int, int] = (1280, 800)) -> Page:
    page = chromium.new_context(viewport={"width": size[0], "height": size[1]}).new_page()
    page.goto(f"{kiosk.url}/beside/{path}")
    return page


@pytest.mark.parametrize("path", PAGES)
def test_every_page_beside_the_dose_can_be_seen_read_and_touched(chromium: Browser, kiosk: Kiosk, path: str) -> None:
    page = opened(chromium, kiosk, path)
    assert inspect(page, TOUCH) == []
    page.emulate_media(color_scheme="dark")
    assert inspect(page, TOUCH) == []


def test_an_anaphylaxis_by_touch_with_its_clock(chromium: Browser, kiosk: Kiosk) -> None:
    page = opened(chromium, kiosk, "anaphylaxis")
    page.click("button.danger:has-text('NGUYỄN VĂN AN')")
    before = page.locator("[data-since]").first.inner_text()
    expect(page.locator("[data-since]").first).not_to_have_text(before)  # it runs
    page.click("button.step:has-text('Thở oxy')")
    expect(page.locator("button.taken")).to_contain_text("Thở oxy")
    page.click(".others summary")  # the patient is an adult
    page.click(".rows button:has-text('trẻ khoảng 20 kg')")
    expect(page.locator(".lines")).to_contain_text("0,3 mL")
    assert [str(record.dose) for record in records(kiosk.stand)] == ["0.3 mL"]
    page.locator("input[name='value-systolic']").focus()
    for key in "92":
        page.click(f".pad [data-key='{key}']")
    page.click(".quick button[type=submit]")
    expect(page.locator(".lines")).to_contain_text("92 mmHg")
    assert inspect(page, TOUCH) == []
    page.click(".end summary")
    page.check("input[value='watched-here']")
    page.click(".end button[type=submit]")
    expect(page.locator("main")).to_contain_text("Đã ghi tổng kết")
    assert inspect(page, TOUCH) == []
    (ended,) = kiosk.notes("anaphylaxis-ended")
    assert len(ended.details["lines"]) == 3  # type: ignore[arg-type]


def test_vital_signs_by_keyboard_alone(chromium: Browser, kiosk: Kiosk) -> None:
    page = opened(chromium, kiosk, "vitals")
    page.focus("#v-heart-rate")
    page.keyboard.type("72")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "value-pain":
            break
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Đã ghi lúc")
    told = [(body.code, str(body.value)) for body in bodies(kiosk.stand) if isinstance(body, ObservationRecorded)]
    assert sorted(told) == [("heart-rate", "72 /min"), ("pain", "4 {score}")]
    assert inspect(page, TOUCH) == []


def test_a_page_leaves_the_screen_when_the_nurse_is_signed_out(chromium: Browser, kiosk: Kiosk) -> None:
    page = opened(chromium, kiosk, "drugs")
    expect(page.locator("main")).to_contain_text("NGUYỄN VĂN AN")
    with kiosk.lock:
        kiosk.stand.press(SignOut)
    page.wait_for_url(f"{kiosk.url}/")
    expect(page.locator("body")).not_to_contain_text("NGUYỄN VĂN AN")


def test_a_page_says_that_the_main_screen_changed_behind_it(chromium: Browser, kiosk: Kiosk) -> None:
    page = opened(chromium, kiosk, "handover")
    expect(page.locator("#changed")).to_be_hidden()
    with kiosk.lock:
        kiosk.stand.clock.pass_by(timedelta(seconds=5))
        kiosk.stand.hold(pack(AMOX))
    expect(page.locator("#changed")).to_be_visible()


def test_the_handover_is_a_page_for_paper(chromium: Browser, kiosk: Kiosk) -> None:
    page = opened(chromium, kiosk, "handover")
    page.emulate_media(media="print")
    expect(page.locator(".noprint").first).to_be_hidden()
    expect(page.locator(".printonly")).to_be_visible()
    expect(page.locator(".top")).to_be_hidden()


def test_an_incident_is_told_in_two_touches_and_enter_tells_none(chromium: Browser, kiosk: Kiosk) -> None:
    page = chromium.new_page()
    page.goto(kiosk.url)
    page.get_by_role("link", name="Báo sự cố").first.click()
    page.locator("[name=words]").fill("hai ống giống nhau")
    page.locator("[name=words]").press("Enter")
    assert page.url.endswith("/beside/incident")
    assert kiosk.notes("incident") == []
    page.get_by_role("button", name="Thuốc nhìn giống").click()
    page.wait_for_url(f"{kiosk.url}/")
    expect(page.get_by_role("alert").filter(has_text="Đã ghi báo cáo")).to_be_visible()
    (note,) = kiosk.notes("incident")
    assert (note.details["kind"], note.details["words"]) == ("look-alike", "hai ống giống nhau")
    page.close()
