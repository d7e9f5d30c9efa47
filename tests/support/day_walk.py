"""Hands and eyes of the walks of a day: one person before one page, in one language, at one size, with a finger, with keys or with a mouse.

Whoever walks with keys never clicks, and whoever walks with a finger never hovers. Each page that a walk stands on is looked at.
"""

from __future__ import annotations

import re
import time
import unicodedata
from dataclasses import dataclass, field

from PIL import Image
from playwright.sync_api import Locator, Page, expect

from pointofcare.people import Patient, StaffRole
from simulation import labels, shelf
from simulation.hospital import Hospital
from simulation.ward import StaffMember
from tests.support.browser import CART, WAIT_MS, Visits, grave, member

SIZES = {"cart": (1280, 800), "phone": (390, 844), "desktop": (1440, 900)}
MOST_TABS = 150
# A cart takes a label that comes back within about a second for the same one held unsteadily.
_BACK_AFTER_S = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one person walks: `by` is touch, keys or mouse."""

    language: str
    size: str
    by: str

    def __str__(self) -> str:
        return f"{self.language}-{self.size}-{self.by}"


@dataclass(kw_only=True)
class Walk:
    """`at` is only to be said where something is wrong."""

    page: Page
    way: Way
    visits: Visits
    wrongs: list[str] = field(default_factory=list)

    # Hands.

    def press(self, where: Locator) -> None:
        if self.way.by == "keys":
            self.lead_to(where)
            self.page.keyboard.press("Space" if self._is_box(where) else "Enter")
        elif self.way.by == "touch":
            where.scroll_into_view_if_needed()
            where.tap()
        else:
            where.click()

    def write(self, where: Locator, text: str) -> None:
        if self.way.by == "keys":
            self.lead_to(where)
            self.page.keyboard.press("Control+A")
            self.page.keyboard.insert_text(text)
        else:
            self.press(where)
            where.fill(text)

    def choose(self, where: Locator, value: str) -> None:
        """One of a list. With keys by the arrows, as a person does."""
        if self.way.by != "keys":
            where.select_option(value)
            return
        self.lead_to(where)
        steps = where.evaluate("(e, value) => [...e.options].findIndex(o => o.value === value) - e.selectedIndex", value)
        for _ in range(abs(steps)):
            self.page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")

    def lead_to(self, where: Locator) -> None:
        """By Tab alone: what cannot be reached so is not there for whoever has no mouse."""
        expect(where).to_be_visible()
        for _ in range(MOST_TABS):
            if where.evaluate("e => e === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{where} is not reached by {MOST_TABS} presses of Tab")

    def _is_box(self, where: Locator) -> bool:
        return bool(where.evaluate("e => e.matches('input[type=checkbox], input[type=radio]')"))

    # Eyes.

    def look(self) -> None:
        """axe and the width, of this page as it stands."""
        expect(self.page.locator("html")).to_have_attribute("lang", self.way.language)
        self.wrongs += grave(self.page)

    def reads(self, *words: str, place: str = "body") -> None:
        for each in words:
            expect(self.page.locator(place).first).to_contain_text(unicodedata.normalize("NFC", each))

    def reads_not(self, *words: str, place: str = "body") -> None:
        for each in words:
            expect(self.page.locator(place).first).not_to_contain_text(unicodedata.normalize("NFC", each))

    def done(self) -> None:
        assert not self.wrongs, "\n" + "\n".join(dict.fromkeys(self.wrongs))


def begin(visits: Visits, way: Way, url: str) -> Walk:
    page = visits.open(url, SIZES[way.size], touch=way.by == "touch")
    return Walk(page=page, way=way, visits=visits)


@dataclass(kw_only=True)
class Desk(Walk):
    """The server's pages with one person signed in."""

    person: StaffMember

    def go(self, path: str) -> None:
        """By the menu where the page is in it."""
        if self.page.locator(f"nav a[href='{path}']").count():
            entry = self.page.locator(f"nav a[href='{path}']").first
            more = self.page.locator("nav details.more-menu:not([open]) summary")
            if not entry.is_visible() and more.count():
                self.press(more)
            self.press(entry)
            self.page.wait_for_url(f"**{path}")
        else:
            self.page.goto(f"{self.visits.hospital.server_url}{path}")

    def speaks(self) -> None:
        if self.page.locator("html").get_attribute("lang") != self.way.language:
            self.choose(self.page.locator("#language"), self.way.language)
        expect(self.page.locator("html")).to_have_attribute("lang", self.way.language)

    def told(self, *words: str) -> None:
        """The line that says what was done."""
        expect(self.page.locator(".alert-success").first).to_be_visible()
        self.reads(*words, place=".alert-success")


def desk(visits: Visits, way: Way, role: StaffRole, person: StaffMember | None = None) -> Desk:
    """Signs in with the hand of the walk."""
    person = person or member(visits.hospital, role)
    page = visits.open(visits.hospital.server_url + "/", SIZES[way.size], touch=way.by == "touch")
    walk = Desk(page=page, way=way, visits=visits, person=person)
    walk.speaks()
    walk.look()
    walk.write(page.locator("#username"), person.email)
    walk.write(page.locator("#password"), person.password)
    walk.press(page.locator("main form button"))
    expect(page.locator("header .who")).to_contain_text(person.name)
    walk.speaks()  # the person's own language comes before the browser's
    return walk


@dataclass(kw_only=True)
class Kiosk(Walk):
    """A nurse before the cart, with one hand before the camera."""

    hospital: Hospital
    _held: Image.Image | None = None
    _put_down_s: dict[bytes, float] = field(default_factory=dict)

    def hold(self, picture: Image.Image) -> None:
        """Until the hand is taken away; the same label only after it was away for a while."""
        self.put_down()
        away_s = time.monotonic() - self._put_down_s.get(picture.tobytes(), -_BACK_AFTER_S)
        if away_s < _BACK_AFTER_S:
            self.page.wait_for_timeout((_BACK_AFTER_S - away_s) * 1000)
        self._held = picture
        self.hospital.hand.hold(CART, picture)

    def put_down(self) -> None:
        self.hospital.hand.clear(CART)
        if self._held is not None:
            self._put_down_s[self._held.tobytes()] = time.monotonic()
            self._held = None

    def state(self, *names: str) -> None:
        expect(self.page.locator("main")).to_have_class(re.compile(rf"\bstate-({'|'.join(names)})\b"), timeout=WAIT_MS)

    def face(self, *names: str) -> str:
        """Waits until one of them is shown; which."""
        expect(self.page.locator("main")).to_have_class(re.compile(rf"\bface ({'|'.join(names)})\b"), timeout=WAIT_MS)
        shown = self.page.locator("main").get_attribute("class") or ""
        return next(name for name in names if name in shown.split())

    def button(self, command: str) -> Locator:
        return self.page.locator(f"#main form[action='/do/{command}'] button[type=submit]").first

    def do(self, command: str) -> None:
        self.press(self.button(command))

    def keys_of_pad(self, text: str, within: str) -> None:
        for key in text:
            self.press(self.page.locator(f"{within} .pad button[data-key='{key}']").first)

    def badge(self, person: StaffMember) -> None:
        self.hold(labels.badge(person.name, person.roles[0].value, person.badge))

    def pin(self, person: StaffMember, within: str = "#main") -> None:
        self.keys_of_pad(person.pin, within)
        self.press(self.page.locator(f"{within} .pad button.go"))

    def sign_in(self, person: StaffMember) -> None:
        self.badge(person)
        self.state("badge")
        self.put_down()
        self.pin(person)
        self.state("signed-in")
        expect(self.page.locator(".person")).to_contain_text(person.name)

    def sign_out(self) -> None:
        self.do("sign-out")
        self.state("idle")

    def band(self, patient: Patient) -> None:
        self.hold(shelf.band_picture(patient)())
        expect(self.page.locator(".banner:not(.only-look) .name")).to_have_text(patient.name)
        self.put_down()
        self.state("patient")

    def scan(self, picture: Image.Image, *faces: str) -> str:
        self.hold(picture)
        found = self.face(*faces)
        self.put_down()
        return found

    def confirm(self, *words: str) -> None:
        """Up to: recorded here, at the server, in the EMR."""
        self.do("confirm")
        self.state("concluded")
        self.reads(*words, place=".done-now h1")
        expect(self.page.locator(".done-now .tick.yes")).to_have_count(3)

    def to_the_round(self) -> None:
        self.do("close")
        self.state("signed-in")


def kiosk(visits: Visits, way: Way) -> Kiosk:
    """Its page in the language of the walk, once the ward's tables have come."""
    page = visits.open(visits.hospital.cart_urls[CART], SIZES[way.size], touch=way.by == "touch")
    walk = Kiosk(page=page, way=way, visits=visits, hospital=visits.hospital)
    expect(page.locator("#strip .chip.bad")).to_have_count(0)
    if page.locator("html").get_attribute("lang") != way.language:
        walk.press(page.locator(f"button[name=language][value={way.language}]"))
    expect(page.locator("html")).to_have_attribute("lang", way.language)
    return walk
