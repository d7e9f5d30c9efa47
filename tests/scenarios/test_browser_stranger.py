"""Somebody who never saw the cart gives a first dose, doing only what the screen asks for in words that are in sight.

The stranger has a badge, a PIN, two labels in the hand, and can read. It knows no class, no id, no address: it looks at the words that
stand in the window without scrolling and at the words on the keys. What nothing asks for is not done.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from pointofcare.people import StaffRole
from simulation import labels, shelf
from simulation.hospital import Hospital
from tests.support.browser import CART, Visits
from tests.support.browser import chromium as chromium
from tests.support.browser import visits as visits
from tests.support.ward_day import Day, Dose
from tests.support.ward_day import day as day
from tests.support.ward_day import hospital as hospital

pytestmark = pytest.mark.timeout(300)

MOST_ACTIONS = 12
PATIENCE_S = 20
# What a newcomer takes the words to ask for. A key that says so is pressed, a label is held before the camera.
WORDS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "badge": r"\bđưa thẻ",
        "PIN": r"\bnhập (mã )?pin\b",
        "wristband": r"\bquét vòng tay\b",
        "drug": r"\bquét mã .*\bthuốc",
        "confirm": r"\bxác nhận\.?$",
    },
    "en": {
        "badge": r"\bhold (your|the) badge\b",
        "PIN": r"\b(enter|type) your pin\b",
        "wristband": r"\bscan .*\b(wristband|band)\b",
        "drug": r"\bscan .*\bdrug\b",
        "confirm": r"\bconfirm\.?$",
    },
}
NO_REQUEST = {"vi": r"không quét được|không đọc được|chưa xác nhận", "en": r"unable to|cannot|not confirmed"}
DONE = {"vi": "ĐÃ THỰC HIỆN", "en": "GIVEN"}
# Every run of words in the window, with whether it stands on something to press and how large it is.
_READ = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim().replace(/\\s+/g, ' ');
    const holder = walk.currentNode.parentElement;
    if (!text || !holder.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const box = range.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) continue;
    found.push([text, !!holder.closest('button, summary, a, select, label'), parseFloat(getComputedStyle(holder).fontSize)]);
  }
  return found;
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    text: str
    pressed: bool
    size_px: float


@dataclass(kw_only=True)
class Stranger:
    """`deeds` is what was done, each with the words that asked for it: a touch, a key of the pad and a label held are one action each."""

    page: Page
    hospital: Hospital
    language: str
    labels: Mapping[str, Image.Image]
    pin: str
    deeds: list[tuple[str, str]] = field(default_factory=list)

    def read(self) -> list[Words]:
        found = self.page.evaluate(_READ)
        return [Words(text=unicodedata.normalize("NFC", text), pressed=pressed, size_px=size) for text, pressed, size in found]

    def asks(self, words: list[Words]) -> dict[str, Words]:
        """What the screen asks for, each with the largest words that say it."""
        found: dict[str, Words] = {}
        for each in sorted(words, key=lambda one: one.size_px):
            for asked, pattern in WORDS[self.language].items():
                wanted = re.search(pattern, each.text, re.IGNORECASE) and not re.search(NO_REQUEST[self.language], each.text, re.IGNORECASE)
                if wanted and (asked == "confirm" or not each.pressed):
                    found[asked] = each
        return found

    def is_done(self, words: list[Words]) -> bool:
        largest = max(words, key=lambda one: one.size_px, default=None)
        return largest is not None and largest.text == DONE[self.language]

    def give(self) -> None:
        """Read, do, read again, until the largest words say that it is done."""
        before: set[str] = set()
        while True:
            words = self._something_new(before)
            if self.is_done(words):
                return
            asks = self.asks(words)
            assert len(asks) == 1, f"not one thing is asked for but {asks}; in sight: {[one.text for one in words]}"
            (asked, by), before = next(iter(asks.items())), set(asks)
            if asked == "PIN":
                for digit in self.pin:
                    self._press(digit, by.text)
                self._press("OK", by.text)
            elif asked == "confirm":
                key = next(one for one in words if one.pressed and re.search(WORDS[self.language]["confirm"], one.text, re.IGNORECASE))
                self._press(key.text, by.text)
            else:
                self.deeds.append((asked, by.text))
                self.hospital.hand.hold(CART, self.labels[asked])
            assert len(self.deeds) <= MOST_ACTIONS, self.deeds

    def _press(self, words: str, asked_by: str) -> None:
        self.deeds.append((words, asked_by))
        self.page.get_by_text(words, exact=True).filter(visible=True).first.click()

    def _something_new(self, before: set[str]) -> list[Words]:
        """The words, once they ask for something else than `before` or say that it is done."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            words = self.read()
            asked = set(self.asks(words))
            if self.is_done(words) or (asked and not asked & before):
                self.hospital.hand.clear(CART)
                return words
            seen = [one.text for one in words]
            assert time.monotonic() < deadline, f"after {before or 'nothing'} the screen asks for nothing new in words; in sight: {seen}"
            self.page.evaluate("() => new Promise(resolve => requestAnimationFrame(resolve))")


@pytest.mark.parametrize(("language", "tongue", "which"), [("vi", "Tiếng Việt", "given"), ("en", "English", "forgotten")])
def test_a_stranger_who_can_only_read_gives_a_first_dose(
    visits: Visits, hospital: Hospital, day: Day, language: str, tongue: str, which: str
) -> None:
    page = visits.kiosk()
    expect(page.locator("#strip .chip.bad")).to_have_count(0)  # the ward's tables have come: before the stranger does
    page.get_by_role("button", name=tongue).click()
    expect(page.locator("html")).to_have_attribute("lang", language)
    dose: Dose = getattr(day, which)
    nurses = [person for person in hospital.ward.staff if StaffRole.NURSE in person.roles]
    person = nurses[0 if language == "vi" else 1]
    held = {
        "badge": labels.badge(person.name, person.roles[0].value, person.badge),
        "wristband": shelf.band_picture(dose.patient)(),
        "drug": dose.pack().picture(),
    }
    stranger = Stranger(page=page, hospital=hospital, language=language, labels=held, pin=person.pin)
    stranger.give()
    done = [deed for deed, _ in stranger.deeds]
    assert [deed for deed in done if deed in held] == ["badge", "wristband", "drug"]
    assert len(done) <= MOST_ACTIONS, stranger.deeds
    assert all(words for _, words in stranger.deeds)
    # What was done is in the record, and not only in the screen's words.
    page.locator("form[action='/do/sign-out'] button").first.click()
    board = visits.web(StaffRole.CHARGE_NURSE, f"/patients/{dose.patient.id}")
    expect(board.locator("table tbody tr").first).to_contain_text(dose.pack().lot)
