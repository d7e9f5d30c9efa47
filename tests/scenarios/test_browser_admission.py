"""The pages of admission, of copied orders and of the prescriber, in a real browser: by touch, keyboard and eye, in three widths."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from waitress.server import create_server

from server.store.transaction import Actor
from tests.support import web
from tests.support.browser import chromium, inspect
from tests.support.server_ward import CHARGE, PRESCRIBER

__all__ = ["chromium"]
TOUCH = "main button, main input:not([type=hidden]):not([type=file]), main select, main a.btn, main summary"
PAGES = (
    ("/admission/", "overview"),
    ("/admission/unknown", "unknown"),
    ("/admission/P1/identify", "correct"),
    ("/admission/merge/P1?with=P2", "merge"),
    ("/transcription/new?patient_id=P1", "transcribe"),
    ("/patients/P1", "patient"),
)
CARD = "022190123456|012345678|Nguyễn Thị Bích Thủy|05031990|Nữ|Hạ Long, Quảng Ninh|15042021"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as made:
        for actor in (CHARGE, PRESCRIBER):
            web.give_password(made, actor)
        yield made


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


def signed_in(chromium: Browser, address: str, actor: Actor, language: str) -> Page:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.goto(address + "/")
    page.locator("#language").select_option(language)
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.fill("#username", actor.id.lower())
    page.fill("#password", web.PASSWORD)
    page.locator("main form button").click()
    expect(page.locator("header .who")).to_contain_text(actor.name)
    return page


def shot(page: Page, name: str) -> None:
    """For a person who wants to look: SHOTS=/some/folder."""
    folder = os.environ.get("SHOTS")
    if folder:
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 844 if width < 500 else 800})
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 800})


def test_a_patient_is_admitted_by_a_card_reader_that_types_and_every_page_is_usable(chromium: Browser, address: str) -> None:
    page = signed_in(chromium, address, CHARGE, "vi")
    wrongs: list[str] = []
    page.goto(f"{address}/admission/new")
    expect(page.locator("#card")).to_be_focused()
    expect(page.locator("#allergy-1-substance")).to_be_hidden()
    page.fill("#bed", "H020")  # what was typed before the card is read stays
    page.locator("#card").focus()
    page.keyboard.insert_text(CARD)
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_value("NGUYỄN THỊ BÍCH THỦY")
    expect(page.locator("#birth_date")).to_have_value("05/03/1990")
    wrongs += inspect(page, TOUCH)
    shot(page, "admission-card")
    expect(page.locator("#bed")).to_have_value("H020")
    page.locator("#ward").select_option("NOI-TH")
    page.locator("#allergies-listed").check()
    page.locator("form[action='/admission/new'] button").click()
    expect(page.locator("a[href='#allergies']")).to_be_visible()
    wrongs += inspect(page, TOUCH)
    shot(page, "admission-fault")
    page.fill("#allergy-1-substance", "penicillin")
    page.locator("form[action='/admission/new'] button").click()
    expect(page.locator(".banner .name")).to_have_text("NGUYỄN THỊ BÍCH THỦY")
    wrongs += inspect(page, TOUCH)
    shot(page, "identity")
    with page.expect_download() as download:
        page.locator("form[action$='/band'] button").click()
    assert download.value.suggested_filename.endswith(".pdf")
    page.get_by_role("link", name="Tiếp nhận trẻ sơ sinh").click()
    wrongs += inspect(page, TOUCH)
    shot(page, "newborn")
    page.locator("#sex").select_option("female")
    page.locator("form[action$='/newborn'] button").click()
    expect(page.locator(".same-name")).to_contain_text("NGUYỄN THỊ BÍCH THỦY")
    wrongs += inspect(page, TOUCH)
    shot(page, "child")
    for path, name in PAGES:
        page.goto(address + path)
        wrongs += inspect(page, TOUCH)
        shot(page, name)
    page.context.close()
    assert not wrongs, "\n" + "\n".join(wrongs)


def test_a_prescriber_sees_what_is_due_before_placing_and_answers_on_one_page(chromium: Browser, address: str) -> None:
    page = signed_in(chromium, address, PRESCRIBER, "fr")
    wrongs: list[str] = []
    page.goto(f"{address}/orders/new?patient_id=P1")
    page.fill("#ingredient", "amoxicillin")
    page.fill("#form", "capsule")
    page.locator("#route").select_option("PO")
    page.locator("#category").select_option("scheduled")
    page.fill("#dose", "500 mg")
    page.fill("#times", "matin, 14h30")
    page.locator("button[value=look]").click()
    expect(page.locator("#preview .preview-times li").first).to_be_visible()
    expect(page.locator("#preview")).to_contain_text("14:30")
    expect(page.locator("#preview")).to_contain_text("déjà prescrit")
    wrongs += inspect(page, TOUCH)
    shot(page, "preview")
    page.fill("#override", "dose de charge")
    page.locator("form.panel button:not([name])").last.click()
    expect(page.locator("main")).to_contain_text("amoxicillin")
    page.goto(f"{address}/prescriber/")
    wrongs += inspect(page, TOUCH)
    shot(page, "prescriber")
    page.goto(f"{address}/transcription/")
    wrongs += inspect(page, TOUCH)
    page.context.close()
    assert not wrongs, "\n" + "\n".join(wrongs)
