"""Every screen of the kiosk that is no plain verdict: read from afar, cut at no size, in any light, and the verdicts in other languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.scenarios.test_kiosk_glance import _BELOW, _TOUCHED, _WRONG, SIZES, VERDICTS, WORD_PX, seen
from tests.scenarios.test_kiosk_walk import Kiosk, a_page, browser, kiosk, pytestmark
from tests.support.browser import TOUCH_PX, font_px
from tests.support.kiosk_faces import FACES

__all__ = ["browser", "kiosk", "pytestmark"]


@pytest.mark.parametrize("face", [face for face in FACES if face not in VERDICTS])
def test_each_other_screen_is_read_from_afar_in_any_light_and_cut_at_no_size(browser: Browser, kiosk: Kiosk, face: str) -> None:
    page = a_page(browser, kiosk)
    FACES[face](page, kiosk)
    for theme in ("light", "dark"):
        seen(page, face, theme)
    page.context.close()


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("face", ["pass", "stop", "warn", "reason", "witness"])
def test_the_word_is_as_large_in_other_languages(browser: Browser, kiosk: Kiosk, face: str, language: str) -> None:
    page = a_page(browser, kiosk)
    page.click(f"button[lang={language}]")
    FACES[face](page, kiosk)
    for width, height in SIZES[:2]:
        page.set_viewport_size({"width": width, "height": height})
        assert font_px(page, ".word h1") >= WORD_PX
        assert page.evaluate(_BELOW) == []
        assert page.evaluate(_WRONG, [_TOUCHED, TOUCH_PX]) == []
    page.context.close()
