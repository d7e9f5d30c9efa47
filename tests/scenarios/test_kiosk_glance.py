"""A verdict at a glance: its word from afar, by day and by night, nothing cut at any size, and nothing that axe calls serious. In a real
browser; the other screens are looked at in the slow list."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Browser, Page

from tests.scenarios.test_kiosk_walk import Kiosk, a_page, browser, kiosk, looks_right, pytestmark
from tests.support.browser import TOUCH_PX, contrast, font_px
from tests.support.kiosk_faces import FACES

__all__ = ["browser", "kiosk", "pytestmark"]

SIZES = ((1280, 800), (1024, 768), (390, 844))
WORD_PX, CONTRAST = 96, 7
# Of a word of up to nine letters, where 96 px would be wider than the phone.
PHONE_WORD_PX = 50
VERDICTS = ("pass", "stop", "warn")
# Where to keep pictures for a person to look at; nowhere by default.
PICTURES = os.environ.get("KIOSK_PICTURES", "")
_TOUCHED = "#main button, #main summary, #main input:not([type=hidden]), #main select, header button, header summary"
_WRONG = """([selector, least]) => [...document.querySelectorAll(selector)]
  .filter(e => e.checkVisibility({visibilityProperty: true}))
  .map(e => [e, (e.matches('input[type=radio]') ? e.closest('label') : e).getBoundingClientRect()])
  .filter(([, b]) => b.width > 0)
  .filter(([e, b]) => b.right > innerWidth + 0.5 || b.left < -0.5 || b.height < least - 0.5 || b.width < least - 0.5
    || (e.tagName === 'BUTTON' && e.scrollWidth > e.clientWidth + 2))
  .map(([e, b]) => `${e.tagName} ${(e.innerText || e.name).slice(0, 30)}: ${b.left | 0}-${b.right | 0}, ${b.width | 0}x${b.height | 0}`)"""
# What is to be pressed must be there before anybody scrolls: the main button, the choices, the keys of a pad.
_BELOW = """() => [...document.querySelectorAll('#main .main-action, #main .choices button, #main .pad button')]
  .filter(e => e.checkVisibility({visibilityProperty: true})).map(e => [e, e.getBoundingClientRect()])
  .filter(([, b]) => b.height > 0 && (b.bottom > innerHeight + 0.5 || b.top < 0))
  .map(([e, b]) => `${e.innerText.trim().slice(0, 30)}: ${b.top | 0}-${b.bottom | 0} of ${innerHeight}`)"""


def seen(page: Page, face: str, theme: str) -> None:
    """All that must hold of one screen in one light, at every size."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("window.scrollTo(0, 0)")
        where = f"{face} {width} {theme}"
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/{face}-{width}-{theme}.png")
        assert page.evaluate(_WRONG, [_TOUCHED, TOUCH_PX]) == [], where
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, where
        if width > 760:
            assert page.evaluate(_BELOW) == [], where
        if face in (*VERDICTS, "wrong-form", "changed") or (width > 760 and page.locator(".word h1").count()):
            assert font_px(page, ".word h1") >= WORD_PX, where
        if page.locator(".word h1").count():
            assert contrast(page, ".word h1") >= CONTRAST, where
            assert contrast(page, ".explain") >= CONTRAST, where
    page.set_viewport_size({"width": 1280, "height": 800})
    looks_right(page)


@pytest.mark.parametrize("face", VERDICTS)
def test_each_screen_is_read_from_afar_in_any_light_and_cut_at_no_size(browser: Browser, kiosk: Kiosk, face: str) -> None:
    page = a_page(browser, kiosk)
    FACES[face](page, kiosk)
    for theme in ("light", "dark"):
        seen(page, face, theme)
    page.context.close()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_longer_word_of_another_language_fits_a_phone_in_one_piece(browser: Browser, kiosk: Kiosk, language: str) -> None:
    page = a_page(browser, kiosk, 390, 844)
    page.locator(f"button[name=language][value={language}]").click()
    page.wait_for_selector(f"html[lang={language}]")
    FACES["warn"](page, kiosk)
    for face in ("warn", "pass"):
        page.wait_for_selector(f"main.{face}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, face
        line = page.locator(".word h1").evaluate("e => [e.getBoundingClientRect().height, parseFloat(getComputedStyle(e).lineHeight)]")
        assert line[0] < 1.5 * line[1], f"{face}: its one word is broken in two"
        assert font_px(page, ".word h1") >= PHONE_WORD_PX, face
        if face == "warn":
            page.locator("main.warn .main-action").click()
    page.context.close()


def test_at_twice_the_size_everything_is_still_there(browser: Browser, kiosk: Kiosk) -> None:
    """200 % zoom of 1280x800 is a window of 640x400."""
    page = a_page(browser, kiosk, 640, 400)
    FACES["pass"](page, kiosk)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    button = page.locator("main.pass .main-action")
    button.scroll_into_view_if_needed()
    button.click()
    page.wait_for_selector("main.state-concluded")


def test_nothing_moves_for_whoever_asked_for_that(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    page.emulate_media(reduced_motion="reduce")
    FACES["stop"](page, kiosk)
    assert page.evaluate("document.getAnimations().filter(a => a.playState === 'running').length") == 0
