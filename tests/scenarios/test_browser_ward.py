"""A day on the ward as people walk it: nurse, pharmacist, prescriber, charge nurse and fleet manager in a real browser.

One hospital runs for all of it: broker, server, cart, microcontroller, camera. Labels are held before the camera, buttons are pressed.
"""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from pointofcare.people import Patient, StaffRole
from simulation import labels, shelf
from simulation.hospital import Hospital
from simulation.ward import StaffMember
from tests.support.browser import CART, WAIT_MS, Visits, contrast, font_px, inspect, member
from tests.support.browser import chromium as chromium
from tests.support.browser import visits as visits
from tests.support.ward_day import Day, today
from tests.support.ward_day import day as day
from tests.support.ward_day import hospital as hospital

pytestmark = pytest.mark.timeout(300)

KIOSK_TOUCH = "button, summary, a[href], select, input:not([type=hidden])"
WEB_TOUCH = ".btn, button, nav a, select, summary, input:not([type=hidden])"


@dataclass
class Bedside:
    """A nurse before the kiosk's page, with one hand before the camera."""

    page: Page
    hospital: Hospital

    def hold(self, picture: Image.Image) -> None:
        self.hospital.hand.hold(CART, picture)

    def put_down(self) -> None:
        self.hospital.hand.clear(CART)

    def state(self, name: str) -> None:
        expect(self.page.locator("main")).to_have_class(re.compile(rf"\bstate-{name}\b"), timeout=WAIT_MS)

    def face(self, name: str) -> None:
        expect(self.page.locator("main")).to_have_class(re.compile(rf"\bface {name}\b"), timeout=WAIT_MS)

    def press(self, command: str) -> None:
        self.button(command).click()

    def button(self, command: str) -> Locator:
        return self.page.locator(f"form[action='/do/{command}'] button[type=submit]").first

    def show_badge(self, person: StaffMember) -> None:
        self.hold(labels.badge(person.name, person.roles[0].value, person.badge))
        self.state("badge")

    def type_pin(self, pin: str) -> None:
        self.put_down()
        for digit in pin:
            self.page.locator(f".pad button[data-key='{digit}']").click()
        self.page.locator(".pad button.go").click()
        self.state("signed-in")

    def sign_in(self, person: StaffMember) -> None:
        self.show_badge(person)
        self.type_pin(person.pin)

    def open(self, patient: Patient) -> None:
        self.hold(shelf.band_picture(patient)())
        expect(self.page.locator(".banner .name")).to_have_text(patient.name)
        self.put_down()

    def scan(self, pack: shelf.Pack, face: str) -> None:
        self.hold(pack.picture())
        self.face(face)
        self.put_down()

    def confirm(self) -> None:
        self.press("confirm")
        self.state("concluded")
        expect(self.page.locator(".done-now .tick.yes")).to_have_count(3)

    def leave(self) -> None:
        """Nobody is signed in when the next test begins."""
        self.press("sign-out")
        self.state("idle")


@pytest.fixture
def bedside(visits: Visits, hospital: Hospital) -> Bedside:
    page = visits.kiosk()
    # The tables of the ward have come from the server.
    expect(page.locator("#strip .chip.bad")).to_have_count(0)
    return Bedside(page=page, hospital=hospital)


def nurse(hospital: Hospital, number: int) -> StaffMember:
    """The n-th: each test has its own, for a badge that comes back at once is taken for one held unsteadily."""
    return [person for person in hospital.ward.staff if StaffRole.NURSE in person.roles][number - 1]


def same(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def listed(wrongs: list[str]) -> str:
    return "\n" + "\n".join(dict.fromkeys(wrongs))


def is_one_unmistakable_screen(page: Page) -> None:
    """One word large enough to be read from the other side of the bed, on its colour."""
    assert font_px(page, ".word h1") >= 96
    assert contrast(page, ".word h1") >= 7
    assert contrast(page, ".explain") >= 7
    assert page.locator(".word .sign").is_visible()
    height = page.evaluate("innerHeight")
    for part in (".banner .name", ".word h1", ".compared", ".actions .main-action"):
        box = page.locator(part).first.bounding_box()
        assert box is not None, f"{part} is not shown"
        assert box["y"] + box["height"] <= height, f"{part} lies below the screen of the cart"


def test_a_dose_is_given_at_the_kiosk_and_seen_on_the_ward_board(bedside: Bedside, visits: Visits, hospital: Hospital, day: Day) -> None:
    wrongs: list[str] = []
    board = visits.web(StaffRole.CHARGE_NURSE, "/ward/")
    bed = board.locator(f"article[aria-labelledby='bed-{day.given.patient.id}']")
    expect(bed.locator(".tag.given")).to_have_count(0)
    page = bedside.page

    person = nurse(hospital, 1)
    hand = visits.open(f"{hospital.hand.url}/{CART}?lang=en")
    hand.locator("input[name=seconds][value='']").check()
    hand.locator(f"button[name=item][value='badge-{person.id}']").click()
    expect(hand.locator("#status")).to_contain_text(person.name)
    bedside.state("badge")
    expect(page.locator("main .hint")).to_have_text(person.name)
    page.wait_for_function("() => document.getElementById('picture')?.naturalWidth > 0")
    page.wait_for_selector("#drawn polygon.read", state="attached")
    wrongs += inspect(page, KIOSK_TOUCH)
    hand.locator("button.away").click()
    bedside.type_pin(person.pin)

    expect(page.locator(".person")).to_contain_text(person.name)
    group = page.locator(".bed-group", has=page.get_by_text(day.given.patient.bed or "", exact=True))
    expect(group.locator("li", has_text=day.given.product.name).locator(".status.due")).to_be_visible()
    wrongs += inspect(page, KIOSK_TOUCH)

    bedside.open(day.given.patient)
    bedside.state("patient")
    expect(page.locator(".banner")).to_contain_text(day.given.patient.birth_date.strftime("%d/%m/%Y"))
    expect(page.locator(".banner")).to_contain_text(day.given.patient.mrn)
    wrongs += inspect(page, KIOSK_TOUCH)

    pack = day.given.pack()
    bedside.scan(pack, "pass")
    is_one_unmistakable_screen(page)
    expect(page.locator(".compared")).to_contain_text(pack.lot)
    expect(page.locator(".drawer.unlocked")).to_be_visible()
    wrongs += inspect(page, KIOSK_TOUCH)

    bedside.confirm()
    wrongs += inspect(page, KIOSK_TOUCH)
    expect(bed.locator(".tag.given")).to_have_count(1)
    bedside.leave()

    board.goto(f"{hospital.server_url}/patients/{day.given.patient.id}")
    row = board.locator("table tbody tr").first
    for told in (person.name, pack.lot, CART):
        expect(row).to_contain_text(told)
    assert not wrongs, listed(wrongs)


def test_an_expired_pack_and_another_patients_pack_are_stopped(bedside: Bedside, hospital: Hospital, day: Day) -> None:
    page = bedside.page
    bedside.sign_in(nurse(hospital, 2))
    wrongs: list[str] = []
    for patient, pack, rule in ((day.given.patient, day.given.expired(), "G1"), (day.stranger, day.given.pack(), "D1")):
        bedside.open(patient)
        bedside.scan(pack, "stop")
        is_one_unmistakable_screen(page)
        expect(page.locator(".findings").first).to_contain_text(rule)
        expect(page.locator(".findings .remedy").first).to_be_visible()
        expect(page.locator("form[action='/do/confirm'], form[action='/do/acknowledge'], form[action='/do/reason']")).to_have_count(0)
        wrongs += inspect(page, KIOSK_TOUCH)
        bedside.press("clear")
        bedside.state("patient")
        bedside.press("close")
        bedside.state("signed-in")
    bedside.leave()
    assert not wrongs, listed(wrongs)


def test_the_kiosk_and_the_web_speak_three_languages(bedside: Bedside, visits: Visits, hospital: Hospital) -> None:
    page = bedside.page
    words = {"vi": "Đăng nhập", "en": "Sign in", "fr": "Connexion"}
    web = visits.open(hospital.server_url + "/")
    seen: dict[str, str] = {}
    for language, word in words.items():
        page.locator(f"button[name=language][value={language}]").click()
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert same(page.locator("main h1").inner_text()) == word
        web.locator("#language").select_option(language)
        expect(web.locator("html")).to_have_attribute("lang", language)
        seen[language] = web.locator("main h1").inner_text()
    assert len(set(seen.values())) == 3
    page.locator("button[name=language][value=vi]").click()
    expect(page.locator("html")).to_have_attribute("lang", "vi")


def test_an_order_can_be_given_as_soon_as_the_pharmacist_has_verified_it(
    bedside: Bedside, visits: Visits, hospital: Hospital, day: Day
) -> None:
    page, waiting = bedside.page, day.waiting
    bedside.sign_in(nurse(hospital, 3))
    bedside.open(waiting.patient)
    line = page.locator(".orders li", has_text=waiting.product.name).first
    expect(line.locator(".unverified")).to_be_visible()
    bedside.scan(waiting.pack(), "stop")
    expect(page.locator(".findings").first).to_contain_text("D6")
    bedside.press("clear")
    bedside.state("patient")

    queue = visits.web(StaffRole.PHARMACIST, "/pharmacy/")
    place = queue.locator(f".queue a[href*='order={waiting.order.id}']")
    place.click()
    expect(queue.locator(".banner")).to_contain_text(waiting.patient.mrn)
    expect(queue.locator("#chosen")).to_contain_text(waiting.product.name)
    wrongs = inspect(queue, WEB_TOUCH)
    queue.locator("form", has=queue.locator("input[name=action][value=verify]")).locator("button").click()
    expect(queue.locator(".alert-success")).to_be_visible()
    expect(place).to_have_count(0)

    # The open screen of the cart says so by itself.
    expect(line).to_be_visible()
    expect(line.locator(".unverified")).to_have_count(0)
    bedside.scan(waiting.pack(), "pass")
    bedside.confirm()
    bedside.leave()

    asked, rejected = day.queue[:2]
    for order, action, words in ((asked, "ask", "Dose for this weight?"), (rejected, "reject", "Given yesterday as another brand.")):
        queue.goto(f"{hospital.server_url}/pharmacy/?order={order.id}")
        form = queue.locator("form", has=queue.locator(f"input[name=action][value={action}]"))
        form.locator("textarea").fill(words)
        form.locator("button").click()
        if action == "reject":  # asked once more, with what it is about
            queue.locator("#sure button[value=yes]").click()
        expect(queue.locator(".alert-success")).to_be_visible()
    expect(queue.locator(f".queue a[href*='order={asked.id}'] .tag.warn")).to_be_visible()
    expect(queue.locator(f".queue a[href*='order={rejected.id}']")).to_have_count(0)
    assert not wrongs, listed(wrongs)


def test_an_urgent_order_given_for_a_reason_is_reviewed_by_the_charge_nurse(
    bedside: Bedside, visits: Visits, hospital: Hospital, day: Day
) -> None:
    page, patient, product = bedside.page, day.newcomer, day.stat
    bedside.sign_in(nurse(hospital, 4))
    bedside.open(patient)
    wrongs: list[str] = []

    form = visits.web(StaffRole.PRESCRIBER, f"/orders/new?patient_id={patient.id}")
    wrongs += inspect(form, WEB_TOUCH)
    form.locator("#ingredient").fill(product.ingredients[0].name)
    form.locator("#form").fill(product.form)
    form.locator("#route").select_option(product.routes[0])
    form.locator("#category").select_option("stat")
    form.locator("#dose").fill(str(product.ingredients[0].amount))
    form.locator("#display").fill(product.name)
    form.locator("form.panel button[name=step]").click()
    place = form.locator("form.panel button.btn-primary:not([name])")
    wrongs += inspect(form, WEB_TOUCH) if place.is_visible() else []
    place.click()
    expect(form.locator(".alert-success")).to_be_visible()

    # The order comes to the open screen by itself.
    expect(page.locator(".orders li", has_text=product.name)).to_be_visible()
    bedside.scan(shelf.pack(product, random.Random("stat"), today()), "reason")
    expect(page.locator(".findings").first).to_contain_text("D6")
    wrongs += inspect(page, KIOSK_TOUCH)
    page.locator("select[name=reason]").first.select_option("emergency")
    bedside.press("reason")
    bedside.face("pass")
    bedside.confirm()
    bedside.leave()

    review = visits.web(StaffRole.CHARGE_NURSE, "/review/")
    article = review.locator("article", has_text=patient.name).filter(has_text=product.name)
    expect(article).to_be_visible()
    wrongs += inspect(review, WEB_TOUCH)
    article.locator("button").click()
    expect(review.locator(".alert-success")).to_be_visible()
    expect(article).to_have_count(0)
    review.goto(f"{hospital.server_url}/review/?view=stopped")
    expect(review.locator("article", has_text="D6").first).to_be_visible()
    assert not wrongs, listed(wrongs)


def test_a_dose_that_nobody_confirmed_names_its_patient_until_somebody_answers(bedside: Bedside, hospital: Hospital, day: Day) -> None:
    page, patient = bedside.page, day.forgotten.patient
    bedside.sign_in(nurse(hospital, 1))
    bedside.open(patient)
    bedside.scan(day.forgotten.pack(), "pass")
    bedside.leave()

    bedside.sign_in(member(hospital, StaffRole.CHARGE_NURSE))
    question = page.locator(".open-dose")
    expect(question).to_contain_text(patient.name)
    expect(question).to_contain_text(patient.bed or "")
    expect(question).to_contain_text(day.forgotten.product.name)
    wrongs = inspect(page, KIOSK_TOUCH)
    question.locator("select[name=reason]").select_option("emergency")
    question.locator("button[name=given][value=yes]").click()
    expect(question).to_have_count(0)
    bed = page.locator(".bed-group", has=page.get_by_text(patient.bed or "", exact=True))
    expect(bed.locator(".status.given")).to_have_count(1)
    bedside.leave()
    assert not wrongs, listed(wrongs)


def test_the_fleet_page_shows_the_cart_online_with_its_battery(visits: Visits) -> None:
    page = visits.web(StaffRole.FLEET_MANAGER, "/fleet/")
    row = page.locator("tbody tr", has_text=CART)
    expect(row.locator(".tag.ok")).to_be_visible()
    expect(row).to_contain_text(re.compile(r"\d+ %"))
    row.locator("a").first.click()
    expect(page.locator("h1")).to_contain_text(CART)
    expect(page.locator("main")).to_contain_text(re.compile(r"\d+ %"))
    wrongs = inspect(page, WEB_TOUCH)
    assert not wrongs, listed(wrongs)


ROLES = (StaffRole.PHARMACIST, StaffRole.CHARGE_NURSE, StaffRole.PRESCRIBER, StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)


def test_every_page_can_be_used_by_everybody_at_every_width(visits: Visits, hospital: Hospital, day: Day) -> None:
    signed_out = visits.open(hospital.server_url + "/")
    wrongs = inspect(signed_out, WEB_TOUCH)
    hand = visits.open(f"{hospital.hand.url}/{CART}")
    wrongs += inspect(hand, WEB_TOUCH)
    looked_at: set[str] = set()
    for role in ROLES:
        page = visits.web(role)
        wrongs += inspect(page, WEB_TOUCH)
        paths = page.locator("nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        if role is StaffRole.CHARGE_NURSE:
            paths.append(f"/patients/{day.given.patient.id}")
        for path in paths:
            if path not in looked_at:
                looked_at.add(path)
                answer = page.goto(hospital.server_url + path)
                assert answer is not None
                assert answer.status == 200, path
                wrongs += inspect(page, WEB_TOUCH)
    assert len(looked_at) >= 10
    assert not wrongs, listed(wrongs)
