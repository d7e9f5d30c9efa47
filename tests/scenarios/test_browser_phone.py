"""A nurse with a phone: pairing, a dose by the phone's own camera and decoder to the server's record, a lost network, a lost phone.

Chromium's fake camera shows pictures of our labels; everything behind is real: the decoder in the browser, TLS, the gate, the cart, MQTT,
the server.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect, sync_playwright

from pointofcare.people import StaffRole
from simulation import frames, hospital, labels
from simulation import phones as phone_carts
from simulation.hospital import Hospital
from tests.support.browser import _ARGUMENTS, CHROMIUM, WAIT_MS, inspect, member
from tests.support.hospital_day import HospitalDay, wait_until

pytestmark = [pytest.mark.timeout(420), pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed")]

SIZE = (390, 844)
# Another screen in the place of the one that is shown; whether it can be pressed not even for a moment.
NEW_SCREEN = """() => {
    const main = document.querySelector("main"), place = main.parentNode, next = main.nextSibling
    main.remove()
    main.inert = false
    place.insertBefore(main, next)
    return new Promise((done) => setTimeout(() => done(main.inert)))
}"""
TOUCH = "button, summary, a[href], select, input:not([type=hidden])"
PICTURES = 24


class FakeCamera:
    """What lies before the phone's camera: a file of pictures that the browser plays again and again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.show(None)

    def show(self, label: Image.Image | None) -> None:
        shown = [
            frames.empty_frame(5, moment=moment) if label is None else frames.frame_with(label, 5, moment=moment, difficulty=0.15, fill=0.6)
            for moment in range(PICTURES)
        ]
        fresh = self.path.with_suffix(".new")
        fresh.write_bytes(b"".join(frames.jpeg(picture) for picture in shown))
        os.replace(fresh, self.path)


@dataclass
class Ward:
    running: Hospital
    day: HospitalDay
    camera: FakeCamera
    contexts: list[BrowserContext]
    browser: object
    wrongs: list[str]

    def context(self) -> BrowserContext:
        made = self.browser.new_context(  # type: ignore[attr-defined]
            viewport={"width": SIZE[0], "height": SIZE[1]}, locale="vi-VN", ignore_https_errors=True, has_touch=True, is_mobile=True
        )
        made.set_default_timeout(WAIT_MS)
        self.contexts.append(made)
        return made

    def fleet_page(self) -> Page:
        person = member(self.running, StaffRole.FLEET_MANAGER)
        page = self.context().new_page()
        page.goto(self.running.server_url + "/phones/")
        page.locator("#username").fill(person.email)
        page.locator("#password").fill(person.password)
        page.locator("main form button").click()
        page.wait_for_load_state()
        page.goto(self.running.server_url + "/phones/")
        return page

    def link(self, fleet: Page, cart: str) -> str:
        fleet.goto(self.running.server_url + "/phones/")
        fleet.locator("#cart").fill(cart)
        fleet.locator("form[action='/phones/claim'] button").click()
        return fleet.locator("section.ok .mono").inner_text()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("phones")
    running = hospital.start(folder, seed=11, carts=(), bridge=False, phones=phone_carts.NAMES, progress=lambda _text: None)
    try:
        camera = FakeCamera(folder / "camera.mjpeg")
        expect.set_options(timeout=WAIT_MS)
        with sync_playwright() as playwright:
            more = [
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={camera.path}",
            ]
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*_ARGUMENTS, *more])
            made = Ward(running=running, day=HospitalDay(running), camera=camera, contexts=[], browser=browser, wrongs=[])
            yield made
            for context in made.contexts:
                context.close()
            browser.close()
        assert made.wrongs == []
    finally:
        running.stop()


@dataclass
class Phone:
    """A nurse's hand with a phone in it."""

    page: Page
    ward: Ward

    def state(self, name: str) -> None:
        expect(self.page.locator("main")).to_have_class(re.compile(rf"\bstate-{name}\b"))

    def hold(self, label: Image.Image) -> None:
        """The camera is turned on before the label, and off when it was read."""
        self.ward.camera.show(label)
        self.page.locator("#phone-on").click()

    def put_down(self) -> None:
        """The next one counts only after this one was out of the picture."""
        self.ward.camera.show(None)
        if self.page.locator("#phone-off").is_visible():
            self.page.locator("#phone-off").click()
            self.page.locator("#phone-on").click()
        self.looked()
        self.page.locator("#phone-off").click()

    def looked(self) -> None:
        """The camera is on, and saw nothing for a while."""
        expect(self.page.locator("#phone-off")).to_be_visible()
        seen = int(self.page.locator("body").get_attribute("data-pictures") or 0)
        self.page.wait_for_function("n => Number(document.body.dataset.pictures) > n + 25", arg=seen)


def paired(ward: Ward, fleet: Page, cart: str) -> Phone:
    page = ward.context().new_page()
    page.on("console", lambda said: ward.wrongs.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("request", lambda asked: ward.wrongs.append(asked.url) if "127.0.0.1" not in asked.url and asked.url[:5] == "https" else None)
    page.goto(ward.link(fleet, cart))
    page.locator("#pair").click()
    expect(page.locator("#phone")).to_be_visible()
    return Phone(page=page, ward=ward)


def screenshot(page: Page, name: str) -> None:
    if (folder := os.environ.get("PHONE_SCREENSHOTS")) is not None:
        page.screenshot(path=f"{folder}/{name}.png", full_page=False)


def test_a_dose_by_a_phone_from_pairing_to_the_servers_record_and_to_the_end_of_the_phone(ward: Ward) -> None:
    fleet = ward.fleet_page()
    found = inspect(fleet, ".btn, input:not([type=hidden])")
    phone = paired(ward, fleet, "phone-01")
    page = phone.page
    phone.state("idle")
    found += inspect(page, TOUCH)
    screenshot(page, "1-sign-in")

    phone.hold(ward.day.badge)
    phone.state("badge")
    expect(page.locator("#phone")).to_be_hidden()  # nothing is to be scanned now
    screenshot(page, "2-pin")
    ward.camera.show(None)
    page.locator("[data-pin]").fill(ward.day.pin)
    page.keyboard.press("Enter")
    phone.state("signed-in")
    phone.looked()  # the camera came back by itself
    page.locator("#phone-off").click()
    screenshot(page, "3-ward")
    found += inspect(page, TOUCH)

    dose = ward.day.next_dose()
    patient = dose.patient
    band = patient.bands[0]
    phone.hold(labels.wristband(patient.name, patient.birth_date, patient.mrn, band.gsrn or "", band.srin))
    expect(page.locator(".banner .name")).to_have_text(patient.name)
    screenshot(page, "4-patient")
    phone.put_down()
    phone.hold(ward.day.pack(dose.product))
    expect(page.locator("main.face")).to_be_visible()
    phone.state("giving")
    expect(page.locator("#phone")).to_be_hidden()
    expect(page.locator("form[action='/do/confirm'] button[type=submit]")).to_be_in_viewport(ratio=1)
    screenshot(page, "5-verdict")
    found += inspect(page, TOUCH)
    record_id = page.locator("form[action='/do/confirm'] input[name=record_id]").get_attribute("value") or ""

    # The network is gone before the confirmation: it is said at once, and nothing can be pressed.
    page.context.set_offline(True)
    expect(page.locator("#phone-lost")).to_be_visible()
    expect(page.locator("#phone-lost")).to_contain_text("MẤT KẾT NỐI")
    screenshot(page, "6-lost")
    assert page.locator("main").evaluate("element => element.inert")
    assert page.evaluate(NEW_SCREEN), "what was on its way and comes now is as dead as the screen before"
    page.context.set_offline(False)
    expect(page.locator("#phone-lost")).to_be_hidden()
    phone.state("giving")

    # The confirmation arrives, its answer does not: the page asks by the record's id, and says what became of it.
    def swallowed(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    def unanswered(route: Route) -> None:
        route.abort("connectionreset")

    page.route("**/phone/record/*", unanswered)
    page.route("**/do/confirm", swallowed)
    page.locator("form[action='/do/confirm'] button[type=submit]").click()
    expect(page.locator("#phone-doubt")).to_contain_text("CHƯA RÕ")
    screenshot(page, "7-doubt")
    page.unroute("**/phone/record/*")
    expect(page.locator("#phone-doubt")).to_have_attribute("data-record", "recorded")
    expect(page.locator("#phone-doubt")).to_contain_text("ĐÃ ĐƯỢC GHI")
    screenshot(page, "8-recorded")
    phone.state("concluded")
    wait_until(lambda: page.evaluate("fetch('/api/state').then(a => a.json())")["recorded"][0]["at_server"], "the server's receipt")
    held = page.evaluate("fetch('/api/state').then(a => a.json())")["recorded"]
    assert [each["record_id"] for each in held].count(record_id) == 1

    # Another phone has a session of its own.
    other = paired(ward, fleet, "phone-02")
    other.state("idle")
    assert patient.name not in other.page.locator("body").inner_text()

    # A link from elsewhere comes without the strict cookie; the page finds out by itself.
    cookie = next(each for each in page.context.cookies() if each["name"] == "__Host-phone")
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")

    # Lost: cut off at once, whoever holds it.
    fleet.goto(ward.running.server_url + "/phones/")
    card = fleet.locator("article", has_text="phone-01")
    card.locator("summary").click()
    card.locator("textarea").fill("mất ở thang máy")
    card.locator("input[type=checkbox]").check()
    screenshot(fleet, "9-fleet")
    card.locator("form button").click()
    expect(page.locator("body[data-page=unpaired]")).to_be_visible()
    screenshot(page, "10-cut-off")
    found += inspect(page, "button, a")
    assert page.evaluate("fetch('/api/state').then(a => a.status)") == 403
    assert found == []


def test_what_keeps_the_camera_shut_is_said_in_words_and_codes_can_be_typed(ward: Ward) -> None:
    fleet = ward.fleet_page()
    phone = paired(ward, fleet, "phone-02")
    page = phone.page
    for error, words in (
        ("NotAllowedError", "chưa được phép"),
        ("NotFoundError", "Không tìm thấy camera"),
        ("NotReadableError", "ứng dụng khác"),
    ):
        page.evaluate(
            "name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name)); }",
            error,
        )
        page.locator("#phone-on").click()
        expect(page.locator("#phone-trouble")).to_contain_text(words)
    screenshot(page, "11-refused")
    assert inspect(page, TOUCH) == []
    badge = next(one for one in ward.running.ward.staff if StaffRole.NURSE in one.roles)
    page.locator("details[data-keep=badge] summary").click()
    page.locator("input[name=badge]").fill(badge.badge)
    page.keyboard.press("Enter")
    phone.state("badge")
