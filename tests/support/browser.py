"""A real browser before a whole hospital, and the questions that every page is asked.

Every page opened through `Visits` is watched: a request that leaves loopback, a console error, a refused script or style fails the test.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from pointofcare.people import StaffRole
from simulation import ward
from simulation.hospital import Hospital
from simulation.ward import StaffMember

CHROMIUM = Path("/usr/bin/chromium")
CART = ward.CARTS[0]
CART_SCREEN = (1280, 800)
WIDTHS = (390, 1280, 1920)
TOUCH_PX = 44
WAIT_MS = 40_000

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
_RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}, "resultTypes": ["violations"]}

# The ratio of WCAG 2 between the words of an element and the first opaque colour behind them.
_CONTRAST = """element => {
  if (!element.isConnected) return null;
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let behind = element;
  const opaque = node => { const p = parts(getComputedStyle(node).backgroundColor); return p.length === 3 || p[3] === 1; };
  while (behind && !opaque(behind)) behind = behind.parentElement;
  const [a, b] = [light(parts(getComputedStyle(element).color)), behind ? light(parts(getComputedStyle(behind).backgroundColor)) : 1];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
_SMALL = """([selector, least]) => [...document.querySelectorAll(selector)]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('.visually-hidden, .skip'))
  .map(e => [e, (e.matches('input[type=checkbox], input[type=radio]') ? e.closest('label, .form-check') || e : e).getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.height < least - 0.5 || box.width < least - 0.5))
  .map(([e, box]) => `${e.tagName} ${(e.innerText || e.name || e.id).trim().slice(0, 40)}: `
    + `${box.width.toFixed(0)}x${box.height.toFixed(0)}`)"""
# A colour that is on its way to another is not what people see.
_AT_REST = "() => Promise.allSettled(document.getAnimations().filter(a => a instanceof CSSTransition).map(a => a.finished))"
# What reaches beyond the right edge and holds nothing that does.
_WIDE = """() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5
    && ![...e.children].some(c => c.getBoundingClientRect().right > innerWidth + 0.5)).slice(0, 4)
  .map(e => `${e.tagName}.${e.className} ${(e.innerText || e.name || '').trim().slice(0, 30)}`)"""


@dataclass
class Visits:
    """Opens pages of one test and remembers what must not have happened."""

    chromium: Browser
    hospital: Hospital
    wrongs: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, url: str, size: tuple[int, int] = CART_SCREEN, *, touch: bool = False) -> Page:
        """A page in a browser of its own (own cookies), with a finger instead of a mouse where `touch` says so."""
        context = self.chromium.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-GB", has_touch=touch)
        context.set_default_timeout(WAIT_MS)
        self.contexts.append(context)
        context.on("request", self._asked)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.wrongs.append(f"script error: {error.error}"))
        page = context.new_page()
        page.goto(url)
        return page

    def kiosk(self) -> Page:
        return self.open(self.hospital.cart_urls[CART])

    def web(self, role: StaffRole, path: str = "/", language: str = "en") -> Page:
        """The server's pages with somebody of that role signed in, as a person does it."""
        person = member(self.hospital, role)
        page = self.open(self.hospital.server_url + "/")
        page.locator("#language").select_option(language)
        expect(page.locator("html")).to_have_attribute("lang", language)
        page.locator("#username").fill(person.email)
        page.locator("#password").fill(person.password)
        page.locator("main form button").click()
        expect(page.locator("header .who")).to_contain_text(person.name)
        if path != "/":
            page.goto(self.hospital.server_url + path)
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def _asked(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob", "about") and url.hostname != "127.0.0.1":
            self.wrongs.append(f"a request left loopback: {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.wrongs.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")


def member(hospital: Hospital, role: StaffRole) -> StaffMember:
    return next(person for person in hospital.ward.staff if role in person.roles)


def inspect(page: Page, touch: str) -> list[str]:
    """What is wrong for people who see, touch or hear this page: axe, small touch targets, sideways scrolling at three widths.

    `touch` selects what must be large enough for a finger."""
    name = f"{urlsplit(page.url).path} {page.title()}"
    found = []
    page.evaluate(_AT_REST)
    answer = Axe().run(page, options=_RULES)
    for violation in answer.response["violations"]:
        for node in violation["nodes"]:
            found.append(f"{name}: axe {violation['id']} at {json.dumps(node['target'])}: {node['html'][:160]}")
    size = page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844 if width < 500 else 1080 if width > 1500 else 800})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{name}: {wide} px wide on a screen of {width} px")
        found += [f"{name} at {width} px: {small}" for small in page.evaluate(_SMALL, [touch, TOUCH_PX])]
    if size is not None:
        page.set_viewport_size(size)
    return found


def grave(page: Page) -> list[str]:
    """What axe calls serious or critical, and sideways scrolling, of this page as it stands at its own size."""
    name = f"{urlsplit(page.url).path} {page.title()}"
    page.evaluate(_AT_REST)
    answer = Axe().run(page, options=_RULES)
    found = [
        f"{name}: axe {violation['id']} at {json.dumps(node['target'])}: {node['html'][:160]}"
        for violation in answer.response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if wide > screen:
        state = page.locator("main").first.get_attribute("class") or ""
        found.append(f"{name} {state}: {wide} px wide on a screen of {screen} px by {page.evaluate(_WIDE)}")
    return found


def contrast(page: Page, selector: str) -> float:
    """Asked again where the page put a new element in its place meanwhile."""
    for _ in range(20):
        found = page.locator(selector).evaluate(_CONTRAST)
        if found is not None:
            return float(found)
    raise AssertionError(f"{selector} does not stay")


def font_px(page: Page, selector: str) -> float:
    return float(page.locator(selector).evaluate("element => parseFloat(getComputedStyle(element).fontSize)"))


def poll(page: Page, what: str, holds: Callable[[], bool]) -> None:
    """Until `holds`, looked at between the page's own events."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while not holds():
        assert time.monotonic() < deadline, f"{what}: did not happen within {WAIT_MS / 1000:.0f} s"
        page.evaluate("() => new Promise(resolve => requestAnimationFrame(resolve))")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # One module long: a second Playwright cannot start in this thread while this one runs.
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def visits(chromium: Browser, hospital: Hospital) -> Iterator[Visits]:
    opened = Visits(chromium=chromium, hospital=hospital)
    yield opened
    opened.close()
    assert opened.wrongs == []
