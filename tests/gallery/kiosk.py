"""The kiosk's screens, each reached as the tests reach it: at a cart's size and at a phone's."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.gallery.pictures import CART, PHONE, Shot, context, is_wanted, take
from tests.gallery.telling import say
from tests.support.cart_care import give_tables
from tests.support.kiosk_faces import FACES, beside, signed_in
from tests.support.kiosk_page import Kiosk, running_kiosk

GROUP = "kiosk"


def _page(path: str) -> Callable[[Page, Kiosk], None]:
    def go(page: Page, kiosk: Kiosk) -> None:
        beside(page, kiosk)
        page.goto(f"{kiosk.url}beside/{path}")

    return go


def _anaphylaxis(page: Page, kiosk: Kiosk) -> None:
    with kiosk.lock:
        give_tables(kiosk.stand)
    signed_in(page, kiosk)
    page.goto(f"{kiosk.url}beside/anaphylaxis")
    page.locator("button.danger").first.click()
    page.locator(".clocks").wait_for()


def _settings(page: Page, _kiosk: Kiosk) -> None:
    page.locator("details.settings > summary").click()


STATES: Mapping[str, Callable[[Page, Kiosk], None]] = {
    **FACES,
    "settings": _settings,
    "drugs": _page("drugs"),
    "vitals": _page("vitals"),
    "handover": _page("handover"),
    "late": _page("late"),
    "anaphylaxis": _anaphylaxis,
}


def pictures(browser: Browser, only: str = "") -> list[Shot]:
    """All of them, in the order in which a nurse meets them."""
    made: list[Shot] = []
    for name, lead in STATES.items():
        if only in name:
            made += _state(browser, name, lead)
            say(f"  kiosk {name}")
    return made


def _state(browser: Browser, name: str, lead: Callable[[Page, Kiosk], None]) -> list[Shot]:
    """Walked to once: the state is the cart's, so that another language is the same state in other words."""
    made = []
    with (
        tempfile.TemporaryDirectory(prefix="pointofcare-gallery-") as directory,
        running_kiosk(Path(directory), in_the_wards_time=True) as kiosk,
    ):
        held = context(browser, CART)
        page = held.new_page()
        page.goto(kiosk.url)
        lead(page, kiosk)
        for language, sizes in (("vi", {"cart": CART, "phone": PHONE}), ("en", {"cart": CART})):
            wanted = [
                shot for shot in (Shot(group=GROUP, name=name, language=language, screen=screen) for screen in sizes) if is_wanted(shot)
            ]
            if language != "vi" and wanted:
                address = page.url
                page.goto(kiosk.url)
                # Beside a patient the languages lie folded up in the settings.
                page.evaluate("language => document.querySelector(`button[lang=${language}]`).click()", language)
                page.locator(f"html[lang={language}]").wait_for()
                page.goto(address)
                if name == "settings":
                    lead(page, kiosk)
            for shot in wanted:
                width, height = sizes[shot.screen]
                page.set_viewport_size({"width": width, "height": height})
                page.evaluate("window.scrollTo(0, 0)")
                take(page, shot)
                made.append(shot)
        held.close()
    return made
