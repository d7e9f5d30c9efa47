"""Insurance, catalogue, claims and code lists as people see them: three widths, Vietnamese, touch, and no barrier."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from pointofcare.quantity import Quantity
from server.store import catalogue, stays
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, imports, insurance
from tests.integration.test_claims import LINE
from tests.support import browser, server_ward, web
from tests.support.browser import chromium as chromium
from tests.support.server_ward import CHARGE, PHARMACIST

pytestmark = pytest.mark.timeout(300)
TOUCH = ".btn, button, select, summary, input:not([type=hidden])"
SAMPLE = Path(__file__).parents[2] / "docs" / "samples" / "catalogue.xlsx"


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[tuple[Flask, str]]:
    with web.ward_app(tmp_path, verified=True) as app:
        fill(app)
        server = create_server(app, host="127.0.0.1", port=0, threads=4)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield app, f"http://127.0.0.1:{server.effective_port}"
        server.close()
        thread.join(10)


def fill(app: Flask) -> None:
    """A stay with a claim link, a card, the sample catalogue, and doses: given, half wasted, refused, and one of another patient."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    with app.app_context():
        assert imports.run(Actor(id="A1"), [(SAMPLE.name, SAMPLE.read_bytes())], timezone="Asia/Ho_Chi_Minh").written
        with transaction(CHARGE) as tx:
            catalogue.put(tx, replace(LINE, valid_from=None, valid_to=None))
            for line in catalogue.search(tx):
                catalogue.link(tx, line.id, LINE.product if line.id == LINE.id else None)
            (stay,) = stays.of_patient(tx, "P1")
            stays.change(tx, replace(stay, claim="22001-2026-000123", kind="03", admitted_at=now - timedelta(days=400)))
            insurance.add_card(tx, CHARGE, "P1", "DN4220123456789", begins=None, ends=None, first="22-001", way="typed")
        for number, changes in (
            (1, {}),
            (1, {"dose": Quantity.parse("250 mg"), "waste": Quantity.parse("250 mg")}),
            (1, {"action": "refuse", "status": "not-done", "status_reason": "refused", "dose": None}),
            (2, {}),
        ):
            record = server_ward.a_record(number, record_id=str(uuid4()), effective_at=now, recorded_at=now, due=None, **changes)
            with transaction(Actor(id="gateway")) as tx:
                administrations.record(tx, record)


def opened(chromium: Browser, app: Flask, base: str, actor: Actor, size: tuple[int, int]) -> Page:
    client = web.signed_in(app, actor)
    with client.session_transaction() as session:
        session["language"] = "vi"
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, locale="vi-VN")
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": base}])
    return context.new_page()


def line_of(app: Flask) -> str:
    with app.app_context(), reading() as tx:
        return next(line.id for line in catalogue.search(tx) if line.unclear)


def test_each_page_has_no_barrier_at_any_width(chromium: Browser, hospital: tuple[Flask, str]) -> None:
    app, base = hospital
    pages = ("/insurance/find", "/insurance/P1/", "/catalogue/", f"/catalogue/lines/{line_of(app)}", "/claims/", "/catalogue/lists")
    page = opened(chromium, app, base, PHARMACIST, (1280, 800))
    found = []
    for address in pages:
        page.goto(base + address)
        found += browser.inspect(page, TOUCH)
    page.context.close()
    assert found == []


def test_a_card_typed_by_a_reader_leads_to_the_record_and_stands_in_no_address(chromium: Browser, hospital: tuple[Flask, str]) -> None:
    app, base = hospital
    page = opened(chromium, app, base, CHARGE, (1280, 800))
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.goto(base + "/insurance/find")
    expect(page.locator("[name=card]")).to_be_focused()
    page.keyboard.type("DN4220123456789")
    expect(page.locator("[name=card]")).to_have_value("DN4220123456789")
    page.keyboard.press("Enter")
    page.wait_for_url("**/patients/P1")
    expect(page.locator("h1")).to_contain_text("NGUYỄN VĂN 1")
    assert not any("0123456789" in url for url in seen)
    page.context.close()
