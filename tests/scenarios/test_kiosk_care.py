"""The nurse at the kiosk's page with what goes on beside a dose: an infusion with a second person's own figure, a value measured
now, a count, a correction. In a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.scenarios.test_kiosk_walk import Kiosk, a_page, browser, kiosk, looks_right, pytestmark, sign_in
from tests.support.browser import TOUCH_PX
from tests.support.cart_care import ADRENALINE, FENTANYL, METOPROLOL, give_tables, policy, records, the_bag
from tests.support.cart_ward import PIN, badge, band, pack, q

__all__ = ["browser", "kiosk", "pytestmark"]
TOUCHED = "#main button, #main summary, #main input:not([type=hidden]), #main select, #main .pick"
_SMALL = """([selector, least]) => [...document.querySelectorAll(selector)].filter(e => e.checkVisibility({visibilityProperty: true}))
  .map(e => [e, (e.matches('input[type=radio]') ? e.closest('label') : e).getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.height < least - 0.5 || box.width < least - 0.5))
  .map(([e, box]) => `${e.tagName} ${e.innerText || e.name}: ${box.width}x${box.height}`)"""


def fits(page: Page) -> None:
    looks_right(page)
    assert page.evaluate(_SMALL, [TOUCHED, TOUCH_PX]) == []


def at_patient(page: Page, kiosk: Kiosk) -> None:
    with kiosk.lock:
        give_tables(kiosk.stand, policy())
    sign_in(page, kiosk)
    kiosk.hold(band("P1"))
    with kiosk.lock:
        kiosk.stand.lease("P1")
    page.wait_for_selector("main.state-patient")


def keys(page: Page, form: str, typed: str) -> None:
    for key in typed:
        page.click(f"{form} [data-key='{key}']")


def the_second_person(page: Page, kiosk: Kiosk) -> None:
    kiosk.hold(badge("N2"))
    page.wait_for_selector("main.witness [data-pin]")
    keys(page, "main.witness form.pin", PIN)
    page.click("main.witness .pad .go")
    page.wait_for_selector("main.blind")


def test_an_infusion_a_second_figure_a_pulse_and_a_correction(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    fits(page)
    # The bag, counted in drops.
    kiosk.hold(the_bag())
    page.wait_for_selector("main.rate")
    fits(page)
    expect(page.locator(".pick").nth(2)).to_contain_text("28")
    form = "main.rate form:has([name=drops])"
    page.check(f"{form} [name=drop_factor][value='20']")
    keys(page, form, "28")
    page.click(f"{form} .main-action")
    page.wait_for_selector("main.witness")
    expect(page.locator("#main")).not_to_contain_text("28")  # the first figure is hidden from the second person
    fits(page)
    the_second_person(page, kiosk)
    expect(page.locator("#main")).not_to_contain_text("28")
    fits(page)
    keys(page, "main.blind form", "82")
    page.click("main.blind form .main-action")
    page.wait_for_selector("main.stop")
    fits(page)
    page.click("form[action='/do/calculate'] button")
    page.wait_for_selector("main.witness")
    the_second_person(page, kiosk)
    keys(page, "main.blind form", "28")
    page.click("main.blind form .main-action")
    page.wait_for_selector("main.pass")
    fits(page)
    page.click("main.pass .main-action")
    page.wait_for_selector("main.state-concluded")
    running = page.locator(".infusion").first
    expect(running).to_contain_text("Natri clorid")
    expect(running.locator(".rate")).to_have_text("84 mL/h")
    fits(page)
    # A value that the next drug asks for.
    kiosk.hold(pack(METOPROLOL))
    page.wait_for_selector("main.measure")
    fits(page)
    keys(page, "form[action='/do/measure']", "72")
    page.click("form[action='/do/measure'] .main-action")
    page.wait_for_selector("main.pass")
    page.click("main.pass .main-action")
    page.wait_for_selector("main.state-concluded")
    expect(page.locator(".vitals")).to_contain_text("72")
    # It was charted by mistake.
    page.click("[data-keep=undo] > summary")
    first = page.locator("details.undo").first
    first.locator("summary").click()
    first.locator("[name=reason]").select_option("clinical-judgement")
    first.locator("[name=reason_text]").fill("nhầm người")
    first.locator("button").click()
    page.wait_for_selector("main.pass")
    fits(page)
    page.click("main.pass .main-action")
    page.wait_for_selector("main.state-concluded")
    expect(page.locator(".done-now h1")).to_have_text("ĐÃ ĐÁNH DẤU GHI NHẦM")
    done = records(kiosk.stand)
    assert [(record.action, record.status) for record in done] == [
        ("start", "in-progress"),
        ("give", "completed"),
        ("undo", "entered-in-error"),
    ]
    assert (done[0].rate, done[0].drop_factor, done[0].witness, done[0].blind_value) == (q("84 mL/h"), 20, "N2", q("28 [drp]/min"))
    assert done[2].amends == done[1].record_id


def test_the_count_and_the_emergency_have_their_own_screens(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    at_patient(page, kiosk)
    kiosk.hold(pack(FENTANYL))
    page.wait_for_selector("main.count")
    fits(page)
    keys(page, "main.count form", "7")
    page.click("main.count form .main-action")
    page.wait_for_selector("main.pass")
    page.click("main.pass .main-action")
    page.wait_for_selector("main.state-concluded")
    kiosk.hold(pack(ADRENALINE))
    page.wait_for_selector("main.stop")
    page.click("details.emergency > summary")
    fits(page)
    page.fill("details.emergency [name=dose]", "0,5 mg")
    page.select_option("details.emergency [name=route]", "IM")
    page.click("details.emergency button")
    page.wait_for_selector("main.pass, main.warn, main.witness, main.reason")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_why_says_where_a_fact_comes_from_in_every_language(browser: Browser, kiosk: Kiosk, language: str) -> None:
    page = a_page(browser, kiosk)
    page.click(f"button[lang={language}]")
    at_patient(page, kiosk)
    fits(page)
    kiosk.hold(pack(METOPROLOL, expiry="250131"))
    page.wait_for_selector("main.stop")
    page.locator(".why summary").first.click()
    expect(page.locator(".why[open] li").first).to_be_visible()
    fits(page)
