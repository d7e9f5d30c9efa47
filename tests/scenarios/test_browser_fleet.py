"""The fleet's pages in a real browser: a change shows itself, what is chosen stays chosen, everybody can use them."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import waitress
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from pointofcare.wire import settings
from pointofcare.wire.messages import AlertRaised, AlertSeverity, CartBirth, CartState, ConfigReported, FleetEvent, Telemetry, TelemetryKind
from pointofcare.wire.messages.state import CartPhase
from server.store import cart_alerts, cart_config, fleet
from server.store.tables import CartBatteryRow, CartPhaseRow, CartTelemetryPointRow
from server.store.transaction import Actor, transaction
from server.usecases import fleet_care, fleet_drift
from tests.support import web
from tests.support.browser import chromium as chromium
from tests.support.browser import inspect
from tests.support.server_ward import WARD
from tests.support.web import FLEET

pytestmark = pytest.mark.timeout(240)
GATEWAY = Actor(id="gateway")
CARTS = 60
TOUCH = "main .btn, main button, main select, main summary, main .row-link, main .tally a, main .nav-link, main input:not([type=hidden])"
# Where somebody wants to look at the pages: pictures go there.
PICTURES = os.environ.get("FLEET_PICTURES")
PAGES = {
    "list": "/fleet/",
    "cart": "/fleet/cart-001?span=7d",
    "battery": "/fleet-battery/",
    "drift": "/fleet-config/",
    "drift-one": "/fleet-config/cart/cart-001",
    "drift-group": f"/fleet-config/ward/{WARD}",
    "care": "/fleet-care/",
}


@dataclass
class Running:
    app: Flask
    url: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with web.ward_app(tmp_path_factory.mktemp("fleet")) as app:
        with app.app_context():
            _fill()
        server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield Running(app=app, url=f"http://127.0.0.1:{server.effective_port}")
        server.close()
        thread.join(5)


def _fill() -> None:
    now = datetime.now(UTC)
    with transaction(GATEWAY) as tx:
        for number in range(CARTS):
            cart = f"cart-{number:03d}"
            versions = {"app": "1.4.1" if number % 3 else "1.4.0"}
            fleet.put_birth(tx, cart, CartBirth(versions=versions, hardware="cart r2", boot_id="b", epoch="e", ward=WARD), sid="s")
            phase = CartPhase.LOST if number % 17 == 5 else CartPhase.DEGRADED if number % 13 == 4 else CartPhase.READY
            fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=WARD), sid="s", sent_at=now)
            fleet.put_state(tx, cart, CartState(phase=phase, ward=WARD), sid="s", sent_at=now)
            power = {"battery_percent": 15 + number * 7 % 85, "charging": number % 4 == 0, "on_mains": number % 4 == 0,
                     "health_percent": 62 + number * 3 % 38, "cycles": 40 + number * 9, "temperature_c": 26.5 + number % 7}  # fmt: skip
            fleet.put_telemetry(tx, cart, Telemetry(kind=TelemetryKind.POWER, at=now, values=power))
            fleet.put_telemetry(
                tx, cart, Telemetry(kind=TelemetryKind.APP, at=now, values={"unsent_records": number % 11 == 3, "chart_age_s": 90})
            )
            slots = [{"slot": 0, "version": "1.1.0.7", "hash": "ab" * 32, "active": True, "confirmed": True,
                      "pending": False},
                     {"slot": 1, "version": "1.0.0.3", "hash": "cd" * 32, "active": False, "confirmed": False,
                      "pending": False}]  # fmt: skip
            fleet.put_telemetry(tx, cart, Telemetry(kind=TelemetryKind.MCU, at=now, values={"firmware": "1.1.0+7", "slots": slots}))
            known = CartBatteryRow(facility=tx.facility, cart=cart, sums={}, load_percent_h=6.0 + number % 5, spread_percent_h=1.0,
                                   seen_h=9.0, replace_on=(now + timedelta(days=30 * (number - 2))).date(), changed_at=now)  # fmt: skip
            if number % 6:
                tx.session.merge(known)
        for minutes in range(0, 7 * 24 * 60, 30):
            at = now - timedelta(minutes=minutes)
            if 3000 < minutes < 3700:
                continue
            level = 20 + (minutes // 30 * 3) % 75
            tx.session.add_all(
                CartTelemetryPointRow(facility=tx.facility, cart="cart-001", kind=kind, at=at, values=values)
                for kind, values in (("power", {"battery_percent": level, "health_percent": 88}), ("net", {"rssi_dbm": -48 - minutes % 31}))
            )
        tx.session.add(CartPhaseRow(facility=tx.facility, cart="cart-001", at=now - timedelta(minutes=3700), phase="lost", why=""))
        tx.session.add(CartPhaseRow(facility=tx.facility, cart="cart-001", at=now - timedelta(minutes=3000), phase="ready", why=""))
        event = FleetEvent(epoch="e", seq=1, kind="camera-lost", at=now, boot_id="b", mono_ms=1, clock_error_ms=0, details={})
        fleet.put_event(tx, "cart-001", event)
        alert = AlertRaised(code="battery-low", severity=AlertSeverity.CRITICAL, at=now, details={"percent": 9})
        cart_alerts.raised(tx, "cart-001", "battery-low", alert)
    with transaction(FLEET) as tx:
        for number, (kind, days) in enumerate((("battery", -9), ("cleaning", 4), ("inspection", 200))):
            due = (now + timedelta(days=days)).date().isoformat()
            fleet_care.plan(tx, FLEET, cart=f"cart-00{number}", kind=kind, due_on=due, every_days="90", note="")
        fleet_care.set_asset(tx, FLEET, "cart-001", {"tag": "TS-0001", "serial": "SN-77", "warranty_until": "2020-01-01"})
        fleet_drift.want(tx, FLEET, "cart-001", {"sound_volume": "low", "idle_lock_s": 120}, reason="night ward")
        fleet_drift.keep_group(tx, FLEET, WARD, {"sound_volume": "low"}, reason="night ward")
    with transaction(GATEWAY) as tx:
        whole = settings.whole({"sound_volume": "loud", "idle_lock_s": 120})
        cart_config.reported(tx, "cart-001", ConfigReported(version=1, document=whole, hash=settings.hash_of(whole), refused={}))


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", reduced_motion="reduce")
    made.set_default_timeout(40_000)
    wrongs: list[str] = []

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            wrongs.append(message.text)

    made.on("console", said)
    made.on("weberror", lambda error: wrongs.append(str(error.error)))
    yield made
    made.close()
    assert wrongs == []


def signed_in(running: Running, context: BrowserContext, language: str = "en") -> Page:
    client = web.signed_in(running.app, FLEET)
    with client.session_transaction() as session:
        session["language"] = language
    held = client.get_cookie(running.app.config["SESSION_COOKIE_NAME"])
    assert held is not None
    context.add_cookies([{"name": running.app.config["SESSION_COOKIE_NAME"], "value": held.value, "url": running.url}])
    return context.new_page()


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_every_page_of_the_fleet_can_be_read_and_pressed(running: Running, context: BrowserContext, language: str) -> None:
    page = signed_in(running, context, language)
    wrong = []
    for name, address in PAGES.items():
        page.goto(running.url + address)
        expect(page.locator("h1")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == language
        if PICTURES:
            for width, height in ((1280, 800), (390, 844), (1920, 1080)):
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=f"{PICTURES}/fleet_{name}_{language}_{width}.png", full_page=True)
            page.set_viewport_size({"width": 1280, "height": 800})
        if language == "en":
            wrong += inspect(page, TOUCH)
    assert wrong == []


def test_a_change_shows_itself_and_what_is_chosen_stays_chosen(running: Running, context: BrowserContext) -> None:
    with running.app.app_context(), transaction(GATEWAY) as tx:
        fleet.put_state(tx, "cart-002", CartState(phase=CartPhase.READY, ward=WARD), sid="s", sent_at=tx.at)
    page = signed_in(running, context)
    page.goto(f"{running.url}/fleet/?q=cart-00")
    row = page.locator("#row-cart-002")
    expect(row).to_contain_text("ready")
    boxes = page.locator("[data-fleet-one]")
    if boxes.count():
        page.locator("#row-cart-003 [data-fleet-one]").check()
        expect(page.locator("[data-fleet-count]")).to_have_text("1")
    waits = []
    for phase, word in ((CartPhase.LOST, "lost"), (CartPhase.READY, "ready"), (CartPhase.UPDATING, "updating")):
        with running.app.app_context(), transaction(GATEWAY) as tx:
            fleet.put_state(tx, "cart-002", CartState(phase=phase, ward=WARD), sid="s", sent_at=tx.at)
        begun = time.monotonic()
        expect(row).to_contain_text(word)
        waits.append(time.monotonic() - begun)
    logging.getLogger(__name__).info("seen after %s s", [round(wait, 2) for wait in waits])
    if boxes.count():
        expect(page.locator("#row-cart-003 [data-fleet-one]")).to_be_checked()
        page.goto(f"{running.url}/fleet/?q=cart-01")
        expect(page.locator("[data-fleet-count]")).to_have_text("1")
