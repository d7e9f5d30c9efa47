"""The pages of signing in, in a real browser: a second factor is set up, asked for, and every page is usable by touch, keyboard and eye."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from server.store.second_factors import find
from server.store.transaction import reading
from tests.support import web
from tests.support.browser import chromium, inspect
from tests.support.server_ward import PHARMACIST
from tests.support.web import ADMIN

__all__ = ["chromium"]
TOUCH = "main button, main input:not([type=hidden]), main a.btn"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made:
        web.give_password(made, PHARMACIST)
        web.give_password(made, ADMIN)
        yield made


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


def enter(page: Page, name: str) -> None:
    page.locator("#username").fill(name)
    page.locator("#password").fill(web.PASSWORD)
    page.locator("main form button").click()


def test_a_second_factor_is_set_up_and_asked_for_and_every_page_of_it_can_be_used(app: Flask, address: str, chromium: Browser) -> None:
    context = chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    refused: list[str] = []
    context.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    faults = inspect(page, TOUCH)
    enter(page, "ph1")
    page.goto(f"{address}/account/")
    expect(page.locator("#factor-title")).to_be_visible()
    faults += inspect(page, TOUCH)
    page.locator("a.btn-primary").click()
    expect(page.locator("main img")).to_be_visible()
    faults += inspect(page, TOUCH)
    secret = page.locator("p.mono").inner_text().replace(" ", "")
    page.locator("#code").fill(pyotp.TOTP(secret).now())
    page.locator("main form button").click()
    expect(page.locator("ol.mono li")).to_have_count(10)
    faults += inspect(page, TOUCH)
    recovery = page.locator("ol.mono li").first.inner_text()
    page.locator("header form button", has_text="Sign out").click()
    enter(page, "ph1")
    expect(page.locator("#code")).to_be_focused()
    faults += inspect(page, TOUCH)
    page.locator("#code").fill("000000")
    page.keyboard.press("Enter")
    expect(page.locator("#fault")).to_be_visible()
    page.locator("#code").fill(recovery)
    page.keyboard.press("Enter")
    expect(page.locator("header .who")).to_contain_text("Pharmacist")
    page.goto(f"{address}/account/")
    expect(page.locator("main")).to_contain_text("9 recovery codes")
    faults += inspect(page, TOUCH)
    context.close()
    context = chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    enter(page, "a1")
    page.goto(f"{address}/staff/PH1")
    faults += inspect(page, TOUCH)
    page.locator("section.warn button").click()
    expect(page.locator("section.warn")).to_have_count(0)
    with app.app_context(), reading() as tx:
        assert find(tx, "PH1") is None
    context.close()
    assert faults == []
    assert refused == []
