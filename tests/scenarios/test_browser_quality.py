"""The wall screen, the radar and the quality page in a real browser: read by everybody, right after a restart, loud when they are old."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import waitress
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from pointofcare.orders.order import OrderCategory
from server.store.transaction import transaction
from server.usecases import orders
from simulation import quality_month
from tests.support import server_ward, web
from tests.support.browser import chromium as chromium
from tests.support.browser import font_px, inspect
from tests.support.server_ward import CHARGE, IMPORT, PHARMACIST, PRESCRIBER, WARD

pytestmark = pytest.mark.timeout(180)
TOUCH = "main .btn, main button, main select, main summary, main input:not([type=hidden])"
TODAY = datetime.now(UTC).astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).date()
# Of each chart how many pixels hold anything.
_DRAWN = """() => [...document.querySelectorAll('canvas[data-chart]')].map(canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i]) count += 1;
  return count;
})"""


@dataclass
class Running:
    app: Flask
    url: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory: Path = tmp_path_factory.mktemp("pages")
    with web.ward_app(directory, verified=True) as app:
        with app.app_context():
            with transaction(IMPORT) as tx:
                quality_month.put(tx, quality_month.days(3, TODAY - timedelta(days=1), weeks=1))
            for number, minutes in ((8, 90), (9, 10)):
                start = datetime.now(UTC) - timedelta(minutes=minutes)
                made = server_ward.an_order(number, patient=f"P{number - 7}", category=OrderCategory.STAT, times=(), start=start)
                with transaction(PRESCRIBER) as tx:
                    orders.place(tx, PRESCRIBER, replace(made, ingredient=f"drug-{number}"))
        server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield Running(app=app, url=f"http://127.0.0.1:{server.effective_port}")
        server.close()
        thread.join(5)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 1920, "height": 1080}, locale="en-GB", reduced_motion="reduce")
    wrongs: list[str] = []

    def said(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            wrongs.append(message.text)

    made.on("console", said)
    made.on("weberror", lambda error: wrongs.append(str(error.error)))
    yield made
    made.close()
    assert wrongs == []


def signed_in(running: Running, context: BrowserContext, actor: object) -> Page:
    """As after the sign-in page, which has its own tests."""
    client = web.signed_in(running.app, actor)  # type: ignore[arg-type]
    name = running.app.config["SESSION_COOKIE_NAME"]
    held = client.get_cookie(name)
    assert held is not None
    context.add_cookies([{"name": name, "value": held.value, "url": running.url}])
    return context.new_page()


def let_in(running: Running, wall: Page) -> None:
    code = wall.locator(".code").inner_text()
    web.post(web.signed_in(running.app, CHARGE), "/wall/screens", "/wall/screens", code=code, ward=WARD, label="Wall", language="vi")


def test_a_wall_is_read_from_four_metres_and_is_loud_when_it_is_old(running: Running, context: BrowserContext) -> None:
    wall = context.new_page()
    wall.clock.install()
    wall.goto(f"{running.url}/wall/")
    assert font_px(wall, ".code") >= 120
    let_in(running, wall)
    wall.clock.run_for(6_000)
    expect(wall.locator(".tile .bed").first).to_have_text("H001")
    for part, least in (
        (".tile .bed", 60),
        (".tile .left", 50),
        (".figures dd", 80),
        (".clock", 72),
        (".tile .state", 36),
        (".people", 36),
    ):
        assert font_px(wall, f"{part} >> nth=0") >= least, part
    tall, screen = wall.evaluate("[document.documentElement.scrollHeight, innerHeight]")
    assert tall <= screen
    assert "NGUYỄN" not in wall.content()
    stale = wall.locator("[data-stale]")
    expect(stale).to_be_hidden()
    assert inspect(wall, TOUCH) == []

    # The server goes: what stands there is old, and says so over the whole picture.
    wall.route("**/wall/**", lambda route: route.abort())
    wall.clock.run_for(20_000)
    expect(stale).to_be_hidden()
    wall.clock.run_for(40_000)
    expect(stale).to_be_visible()
    expect(stale).to_contain_text("DỮ LIỆU CŨ")
    assert font_px(wall, "[data-stale] strong") >= 60
    assert float(wall.locator("main").evaluate("element => getComputedStyle(element).opacity")) < 0.5
    # An answer that is not the server's own is none.
    wall.unroute("**/wall/**")
    wall.route("**/wall/**", lambda route: route.fulfill(status=200, body="<h1>Wi-Fi portal</h1>"))
    wall.clock.run_for(15_000)
    expect(stale).to_be_visible()
    expect(wall.locator("h1")).not_to_have_text("Wi-Fi portal")
    # It comes back, and nobody has to touch the screen.
    wall.unroute("**/wall/**")
    wall.clock.run_for(15_000)
    expect(stale).to_be_hidden()


def test_minutes_count_on_between_two_answers_by_the_servers_clock(running: Running, context: BrowserContext) -> None:
    wall = context.new_page()
    # This screen's own clock is a year behind.
    wall.clock.install(time=datetime.now(UTC) - timedelta(days=365))
    wall.goto(f"{running.url}/wall/")
    let_in(running, wall)
    wall.clock.run_for(6_000)
    left = wall.locator(".tile .left").last
    expect(left).to_be_visible()
    shown = int("".join(sign for sign in left.inner_text() if sign.isdigit()))
    assert shown < 24 * 60
    wall.route("**/wall/**", lambda route: route.abort())
    wall.clock.run_for(125_000)
    later = int("".join(sign for sign in left.inner_text() if sign.isdigit()))
    assert 1 <= abs(later - shown) <= 3


@pytest.mark.slow
def test_the_quality_page_draws_every_chart_and_is_for_everybody(running: Running, context: BrowserContext) -> None:
    page = signed_in(running, context, PHARMACIST)
    page.goto(f"{running.url}/quality/?weeks=4")
    charts = page.locator("canvas[data-chart]")
    expect(page.locator("body")).to_have_attribute("data-charts", str(charts.count()))
    drawn = page.evaluate(_DRAWN)
    assert min(drawn) > 500
    # Each definition opens in its place, by keyboard too.
    summary = page.locator("#scan-week summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#scan-week details p")).to_contain_text("A number that was typed is never a scan")
    assert inspect(page, TOUCH) == []


@pytest.mark.slow
def test_the_radar_and_the_list_of_screens_are_for_everybody(running: Running, context: BrowserContext) -> None:
    page = signed_in(running, context, CHARGE)
    wrongs: list[str] = []
    for path in ("/ward/radar", "/wall/screens", "/ward/"):
        page.goto(running.url + path)
        wrongs += inspect(page, TOUCH)
    assert wrongs == []
