"""The page of what other systems sent, in a real browser: three widths, two languages, read by axe; and a decision by keyboard."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from cart_client.web import serving
from server.app import CONFIG
from server.feed_settings import FhirFeedConfig
from server.store import incoming
from server.store.incoming import Reason
from server.store.transaction import Actor, transaction
from server.usecases import arrivals
from tests.support import web
from tests.support.browser import chromium, inspect
from tests.support.fhir_peer import an_order
from tests.support.server_ward import PHARMACIST

__all__ = ["chromium"]
TOUCH = "main button, main input:not([type=hidden]), main textarea, main a.btn, main a.nav-link"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made:
        web.give_password(made, PHARMACIST)
        made.config[CONFIG] = replace(made.config[CONFIG], fhir_feed=FhirFeedConfig(enabled=True, base_url="http://127.0.0.1:9/fhir"))
        yield made


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    serving.stop(server)
    thread.join(5)


def some(app: Flask) -> int:
    """One of each state; the id of the one whose identity is in question."""
    with app.app_context(), transaction(Actor(id="fhir-feed")) as tx:

        def keep(kind: str, key: str) -> int:
            payload = json.dumps(an_order(key, "P1")).encode()
            return incoming.keep(
                tx, source="fhir", kind=kind, key=f"{kind}/{key}/1", payload=payload, about=f"{kind}/{key}", subject="P1"
            ).item

        told = {"known": "NGUYỄN VĂN AN 1958-03-02 (24-000001)", "sent": "LÊ VĂN CƯỜNG 1971-05-05 (24-000001)"}
        asked = keep("Patient", "p1")
        incoming.reject(tx, asked, Reason(code=arrivals.OTHER_PERSON, field="Patient.birthDate", parameters=told), patient="P1")
        no_order = Reason(code="not-an-order", field="MedicationRequest.doNotPerform", found="MedicationRequest/m1")
        incoming.reject(tx, keep("MedicationRequest", "m1"), no_order)
        waiting = Reason(code=arrivals.PATIENT_AWAITED, field="MedicationRequest.subject", found="p9")
        incoming.wait(tx, keep("MedicationRequest", "m2"), waiting, again_at=tx.at)
        incoming.take(tx, keep("MedicationRequest", "m3"), became="order/m3/1", patient="P1")
        incoming.looked(tx, "hl7", "", fault="emr-unavailable", told="the line is down")
    return asked


def signed_in(chromium: Browser, address: str, language: str) -> Page:
    page = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB").new_page()
    page.goto(address + "/")
    page.locator("#language").select_option(language)
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.fill("#username", PHARMACIST.id.lower())
    page.fill("#password", web.PASSWORD)
    page.locator("main form button").click()
    expect(page.locator("header .who")).to_contain_text(PHARMACIST.name)
    return page


@pytest.mark.parametrize("language", ["vi", "fr"])
def test_the_page_holds_in_every_width_and_for_everybody(chromium: Browser, app: Flask, address: str, language: str) -> None:
    asked = some(app)
    page = signed_in(chromium, address, language)
    faults = []
    for path, name in (("/incoming/", "list"), ("/incoming/?state=all", "all"), (f"/incoming/{asked}", "one")):
        for width in (390, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(address + path)
            expect(page.locator("main h1")).to_be_visible()
            faults += [f"{name} {width}: {fault}" for fault in inspect(page, TOUCH)]
            if folder := os.environ.get("POINTOFCARE_SHOTS"):
                page.screenshot(path=f"{folder}/incoming-{name}-{language}-{width}.png", full_page=True)
    assert faults == []


def test_a_person_confirms_with_a_reason_and_the_item_leaves_the_list(chromium: Browser, app: Flask, address: str) -> None:
    asked = some(app)
    page = signed_in(chromium, address, "en")
    page.goto(f"{address}/incoming/{asked}")
    page.locator("#accept-reason").fill("saw the identity card")
    page.locator("#accept-reason").press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("main")).not_to_contain_text("LÊ VĂN CƯỜNG")
    expect(page.get_by_text("Confirmed; it is taken now.")).to_be_visible()
