"""What a nurse sees of the camera, in a real browser: outlines, one advice, each fault, at every size and in any light; and hears of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from cart_client.scanning import Advice, CameraTold, Fault, Outlook
from devices.ports import Frame, Place
from devices.registry import decoder, gauge
from pointofcare.labels.symbol import Symbol
from simulation import frames, labels
from tests.scenarios.test_kiosk_walk import Kiosk, a_page, browser, kiosk, looks_right, pytestmark
from tests.support.browser import TOUCH_PX
from tests.support.cart_ward import badge, band

__all__ = ["browser", "kiosk", "pytestmark"]

SIZES = ((1280, 800), (1024, 768), (390, 844))
# Where to keep pictures for a person to look at; nowhere by default.
PICTURES = os.environ.get("KIOSK_PICTURES", "")
_WATCH = """() => {
  const made = new MutationObserver(() => {
    if (document.querySelector('main.state-badge')) { window.__shown = performance.now(); made.disconnect(); }
  });
  made.observe(document.body, {childList: true, subtree: true});
  window.__held = performance.now();
}"""
PLACE = Place(x=0, y=220, width=260, height=240)


def held(kiosk: Kiosk) -> tuple[Frame, tuple[Symbol, ...]]:
    """A badge before the lens, as the pages get it."""
    image = frames.frame_with(labels.badge("Trần Văn An", "Điều dưỡng", "N0017"), 4, difficulty=0.1)
    kiosk.lens.picture = (2, frames.jpeg(image))
    frame = Frame(image=image, number=2, taken_at=datetime.now(UTC))
    return frame, tuple(decoder().decode(frame))


def looked_at(page: Page, name: str) -> None:
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{name} {width}"
            if PICTURES:
                page.screenshot(path=f"{PICTURES}/camera-{name}-{width}-{theme}.png")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_a_code_that_was_read_has_a_whole_outline_and_a_tick(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    frame, found = held(kiosk)
    height, width = frame.image.shape[:2]
    kiosk.lens.outlook = Outlook(width=width, height=height, read=tuple(symbol.outline for symbol in found))
    page.wait_for_selector("#drawn polygon.read", state="attached")
    assert page.locator("#drawn path.tick").count() == len(found) == 1
    assert page.locator("#drawn .unread").count() == 0
    expect(page.locator("#camera-said")).to_have_text("Đã đọc mã.")
    # The outline lies on the code: the drawing has the picture's own box.
    drawn, shown = page.locator("#drawn").bounding_box(), page.locator("#picture").bounding_box()
    assert drawn is not None
    assert shown is not None
    assert (round(drawn["x"]), round(drawn["y"]), round(drawn["width"])) == (round(shown["x"]), round(shown["y"]), round(shown["width"]))
    looked_at(page, "read")
    looks_right(page)


def test_a_code_that_was_not_read_has_a_dashed_outline_and_one_advice_in_words(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    frame, _ = held(kiosk)
    height, width = frame.image.shape[:2]
    place = gauge().place(frame, gauge().light(frame)).place
    kiosk.lens.outlook = Outlook(width=width, height=height, place=place, advice=Advice.CLOSER)
    page.wait_for_selector("#drawn rect.unread", state="attached")
    expect(page.locator("#advice")).to_have_text("Đưa lại gần hơn")
    expect(page.locator("#camera-said")).to_have_text("Đưa lại gần hơn")
    assert page.evaluate("getComputedStyle(document.querySelector('#drawn rect.unread')).strokeDasharray") != "none"
    looked_at(page, "unread")
    kiosk.lens.outlook = Outlook(width=width, height=height, place=PLACE, advice=Advice.MOVE, arrow_deg=90)
    page.wait_for_selector("#drawn path.arrow", state="attached")
    expect(page.locator("#advice")).to_have_text("Đưa mã vào giữa hình")
    looked_at(page, "move")
    for code, language in (("en", "Hold it closer"), ("fr", "Rapprochez le code")):
        kiosk.lens.outlook = Outlook(width=width, height=height, place=place, advice=Advice.CLOSER)
        page.click(f".languages [value={code}]")
        expect(page.locator("#advice")).to_have_text(language)
    kiosk.lens.outlook = Outlook(width=width, height=height)
    expect(page.locator("#advice")).to_be_hidden()
    looks_right(page)


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_is_said_in_words_with_what_to_do(browser: Browser, kiosk: Kiosk, fault: Fault) -> None:
    page = a_page(browser, kiosk)
    is_live = fault is not Fault.NO_PICTURE
    if fault is Fault.NO_PICTURE:
        kiosk.lens.picture = None
    with kiosk.lock:
        kiosk.stand.put(CameraTold(live=is_live, fault=fault, since=datetime.now(UTC)))
    words = page.locator("figure.camera [role=alert]")
    expect(words).to_be_visible()
    assert len(words.inner_text()) > 40
    # A picture that hangs must not look alive.
    assert page.locator("#picture").count() == (0 if fault in (Fault.NO_PICTURE, Fault.FROZEN) else 1)
    expect(page.locator(".chip.bad, .chip.care").first).to_be_visible()
    looked_at(page, fault.value)
    looks_right(page)
    with kiosk.lock:
        kiosk.stand.put(CameraTold(live=True))
    expect(words).to_have_count(0)
    expect(page.locator("#picture")).to_be_visible()


def test_a_reading_reaches_the_screen_without_waiting_for_the_next_look_of_the_page(browser: Browser, kiosk: Kiosk) -> None:
    """The page asks for itself every 400 ms; what was scanned comes with the next picture's answer."""
    page = a_page(browser, kiosk)
    page.evaluate(_WATCH)
    kiosk.hold(badge("N1"))
    page.wait_for_selector("main.state-badge")
    assert page.evaluate("window.__shown - window.__held") < 1500


def test_the_picture_is_large_enough_and_hides_nothing_that_is_pressed(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    kiosk.lens.outlook = Outlook(width=1280, height=720, place=PLACE, advice=Advice.SHOW_ONE)
    expect(page.locator("#advice")).to_be_visible()
    box = page.locator("#advice").bounding_box()
    assert box is not None
    assert box["height"] >= TOUCH_PX - 8
    assert page.evaluate("getComputedStyle(document.querySelector('#drawn')).pointerEvents") == "none"
    kiosk.hold(badge("N1"), band("P1"))
