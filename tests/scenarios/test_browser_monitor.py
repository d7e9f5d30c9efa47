"""A pulse is taken from the cart's monitor by a press: seen in the field first, recorded by another; a value in doubt is never offered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from waitress.server import create_server

from cart_client.app import identifiers
from cart_client.inbox import Answer, Asked, Command
from cart_client.monitor import OTHER_PATIENT, Shown
from cart_client.web import serving
from cart_client.web.app import create_app
from devices.monitors.pcd01 import Pcd01Monitor
from pointofcare.wire.messages import ObservationRecorded
from tests.support.browser import CHROMIUM, inspect
from tests.support.browser import chromium as chromium
from tests.support.cart_care import a_ward, at_patient, bodies
from tests.support.cart_ward import Stand

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed")
TOUCH = ".from-monitor button:not([hidden])"


class Ward:
    def __init__(self, folder: Path) -> None:
        self.stand: Stand = a_ward(folder)
        at_patient(self.stand)
        self.shown = Shown(values={"heart-rate": 72, "spo2": 97})
        self.lock = threading.RLock()
        app = create_app(
            view=lambda: replace(self.stand.view),
            ask=self.ask,
            jpeg=lambda: None,
            names=self.stand.chart.names,
            language="vi",
            monitor=lambda: self.shown,
            monitored=Pcd01Monitor.codes,
        )
        self.server = create_server(app, host="127.0.0.1", port=0, threads=4)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.effective_port}"

    def ask(self, command: Command) -> Answer:
        asked = Asked(command=command, answer=Future())
        with self.lock:
            self.stand.put(asked)
        return asked.answer.result(0)

    def told(self) -> list[tuple[str, str]]:
        with self.lock:
            return [(body.code, str(body.value)) for body in bodies(self.stand) if isinstance(body, ObservationRecorded)]


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path)
    yield made
    serving.stop(made.server)
    made.thread.join(5)


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["cart", "phone"])
def test_a_pulse_is_taken_from_the_monitor_by_a_press_and_recorded_by_another(chromium: Browser, ward: Ward, size: tuple[int, int]) -> None:
    page = chromium.new_context(viewport={"width": size[0], "height": size[1]}).new_page()
    page.goto(f"{ward.url}/beside/vitals")
    offer = page.locator("[data-monitor='heart-rate'] button")
    expect(offer).to_contain_text("Lấy từ máy đo: 72")
    assert inspect(page, TOUCH) == []
    offer.click()
    expect(page.locator("#v-heart-rate")).to_have_value("72")
    expect(page.locator("#v-spo2")).to_have_value("")  # each by its own press
    assert ward.told() == []
    ward.shown = Shown(fault="sensor-off")
    expect(page.locator("[data-monitor='spo2'] [data-monitor-why]")).to_contain_text("tuột khỏi ngón tay")
    expect(offer).to_be_hidden()
    page.locator("form.vitals button.main-action").click()
    expect(page.locator("main")).to_contain_text("Đã ghi lúc")
    assert ward.told() == [("heart-rate", "72 /min")]


def test_a_bedside_monitor_offers_what_else_it_tells_and_not_to_another_patient(chromium: Browser, ward: Ward) -> None:
    ward.shown = Shown(
        values={"temperature": Decimal("36.7"), "systolic": Decimal(118), "diastolic": Decimal(74), "respiratory-rate": Decimal(16)}
    )
    page = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(f"{ward.url}/beside/vitals")
    offer = page.locator("[data-monitor='temperature'] button")
    expect(offer).to_contain_text("36,7")
    assert inspect(page, TOUCH) == []
    offer.click()
    for code in ("systolic", "diastolic"):
        page.locator(f"[data-monitor='{code}'] button").click()
    ward.shown = Shown(fault=OTHER_PATIENT)
    expect(page.locator("[data-monitor='respiratory-rate'] [data-monitor-why]")).to_contain_text("người bệnh khác")
    page.locator("form.vitals button.main-action").click()
    expect(page.locator("main")).to_contain_text("Đã ghi lúc")
    assert sorted(ward.told()) == [("diastolic", "74 mm[Hg]"), ("systolic", "118 mm[Hg]"), ("temperature", "36.7 Cel")]


def test_a_patient_is_known_to_a_monitor_by_the_charts_id_and_by_the_records_number(ward: Ward) -> None:
    patient = ward.stand.view.patient
    assert patient is not None
    assert identifiers(ward.stand.view) == (patient.id, patient.mrn)
    assert patient.mrn == "24-000123"
    left = replace(ward.stand.view, patient=replace(patient, id="another"))
    assert identifiers(left) == ()


def test_the_form_on_the_main_screen_offers_it_too(chromium: Browser, ward: Ward) -> None:
    page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(ward.url)
    page.locator("summary:has-text('sinh hiệu'), [data-keep='vitals'] > summary").first.click()
    form = page.locator("details[data-keep='valueheart-rate']")
    form.locator("> summary").click()
    form.locator("[data-monitor] button").click()
    expect(form.locator("input[name=value]")).to_have_value("72")
    form.locator("button.main-action").click()
    expect(page.locator("main")).to_contain_text("72")
    assert ward.told() == [("heart-rate", "72 /min")]
