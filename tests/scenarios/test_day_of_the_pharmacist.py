"""A pharmacist's morning by keyboard alone: orders verified, asked about and rejected, an override looked at, a discrepancy settled with
its reason, a missing dose answered so that the nurse reads it at the cart, and an unknown barcode matched once and read from then on.

What the nurse did before goes through the cart; every press of the pharmacist is a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import expect

from pointofcare.orders.order import Order
from pointofcare.people import StaffRole
from server.usecases import orders
from simulation import pharmacy, shelf
from simulation.hospital import Hospital
from tests.support import day_ward
from tests.support.browser import Visits
from tests.support.browser import chromium as chromium
from tests.support.browser import visits as visits
from tests.support.day_walk import Desk, Kiosk, Way, desk, kiosk
from tests.support.hospital_day import HospitalDay, wait_until
from tests.support.ward_day import Dose

pytestmark = pytest.mark.timeout(300)

WAYS = (Way(language="vi", size="desktop", by="keys"), Way(language="en", size="cart", by="keys"))
# Doses of one morning: not available, an unknown barcode, stopped by the prescriber in the very moment of giving.
PLAIN = 3
WORDS = {
    "vi": {
        "queue": "Duyệt thuốc",
        "verified": "Đã duyệt y lệnh",
        "asked": "Đã gửi câu hỏi về y lệnh",
        "rejected": "Đã từ chối y lệnh",
        "sure": "Từ chối",
        "question": "Liều này cho cân nặng bao nhiêu?",
        "why not": "Hôm qua đã dùng biệt dược khác.",
        "override": "Cấp cứu",
        "reviewed": "Đã ghi là đã xem.",
        "differs": "Máy chủ đánh giá khác với xe",
        "because": "Bác sĩ ngừng khi đang tiêm, đã báo.",
        "resolved": "Đã ghi là giải quyết.",
        "missing": "Liều chưa có thuốc",
        "answer": "Đã gửi, đến lúc 10 giờ",
        "answered": "Đã trả lời.",
        "at the cart": "Khoa Dược đã gửi",
        "barcodes": "Mã vạch cần xử lý",
        "matched": "Đã ghép",
        "stop": "DỪNG",
        "right": "ĐÚNG",
        "given": "ĐÃ THỰC HIỆN",
    },
    "en": {
        "queue": "Pharmacy queue",
        "verified": "is verified",
        "asked": "The question about order",
        "rejected": "is rejected",
        "sure": "Reject",
        "question": "This dose for which weight?",
        "why not": "Given yesterday as another brand.",
        "override": "Emergency",
        "reviewed": "Marked as reviewed.",
        "differs": "The server judges it differently",
        "because": "Stopped while it was injected; the doctor knows.",
        "resolved": "Resolved.",
        "missing": "Dose not available",
        "answer": "Sent, there at ten",
        "answered": "Answered.",
        "at the cart": "Pharmacy sent it",
        "barcodes": "Barcodes to mend",
        "matched": "Matched",
        "stop": "STOP",
        "right": "CORRECT",
        "given": "GIVEN",
    },
}


@dataclass(frozen=True, kw_only=True)
class Morning:
    """What waits for one pharmacist. `urgent` was given for a reason before anybody verified it."""

    urgent: Order
    asked: Order
    rejected: Order
    missing: Dose
    unknown: Dose
    differs: Dose
    gtin: str


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    running = day_ward.started(tmp_path_factory.mktemp("pharmacist"), lambda doses: len(doses) >= PLAIN * len(WAYS))
    yield running
    assert running.stop() == [], "a program had to be killed"


@pytest.fixture(scope="module")
def machine(hospital: Hospital) -> Iterator[HospitalDay]:
    day = HospitalDay(hospital)
    try:
        day.online()
        yield day
    finally:
        day.away()


def _what_waits(hospital: Hospital, machine: HospitalDay, way: Way) -> Morning:
    """Other patients for each way. Ends with nobody signed in at the cart."""
    place = WAYS.index(way)
    doses = day_ward.due(hospital)
    missing, unknown, differs = doses[PLAIN * place : PLAIN * (place + 1)]
    taken = {dose.patient.id for dose in doses[: PLAIN * len(WAYS)]}
    free = [patient for patient in hospital.ward.patients if patient.id not in taken and not patient.allergies]
    drug = day_ward.product(hospital, "ALLO300")
    three = [one for one in free if not day_ward.ordered(hospital.ward, one) & {"allopurinol"}][3 * place : 3 * place + 3]
    urgent, asked, rejected = (
        day_ward.an_order(f"W-{way.language}-{name}", patient, drug, hospital)
        for name, patient in zip(("urgent", "asked", "rejected"), three, strict=True)
    )
    day_ward.place(hospital, urgent, asked, rejected)
    morning = Morning(
        urgent=urgent,
        asked=asked,
        rejected=rejected,
        missing=missing,
        unknown=unknown,
        differs=differs,
        gtin=pharmacy.gtin(900 + place),
    )
    _nurse_before(machine, morning, Dose(patient=three[0], order=urgent, product=drug))
    return morning


def _nurse_before(machine: HospitalDay, morning: Morning, urgent: Dose) -> None:
    nurse = machine.nurse
    machine.at_patient(urgent.patient)
    nurse.wait("the order", lambda _state: urgent.order.id in machine.words() or urgent.product.name in machine.words())
    machine.confirm(machine.verify(urgent, reason="emergency"))  # type: ignore[arg-type]
    machine.at_patient(morning.missing.patient)
    order = morning.missing.order
    nurse.press("decline", order=order.id, due=_due(machine, order), why="not-given:unavailable", reason_text="")
    nurse.wait("recorded", lambda state: state["state"] == "concluded")
    machine.at_patient(morning.unknown.patient)
    nurse.hold(_unknown(morning).picture())
    nurse.wait("a stop", lambda state: state["level"] == "STOP")
    nurse.put_down()
    nurse.press("clear")
    # The prescriber stops the order in the moment in which the drug goes in: the cart does not know it yet, the server does.
    record_id = machine.verify(morning.differs)  # type: ignore[arg-type]
    with ExitStack() as confirmed:
        with day_ward.as_(machine.hospital, StaffRole.PRESCRIBER) as (tx, who):
            orders.stop(tx, who, morning.differs.order.id, 1, reason="another drug")
            # Not before: frozen in the middle of a transaction it would keep this one out.
            confirmed.enter_context(machine.frozen("server"))
        machine.confirm(record_id)
    machine.leave()
    wait_until(lambda: bool(machine.server_rows("SELECT 1 FROM discrepancies WHERE record_id = ?", record_id)), "the discrepancy")


def _due(machine: HospitalDay, order: Order) -> str:
    found = re.search(rf'name="order" value="{order.id}"><input type="hidden" name="due" value="([^"]*)"', machine.words())
    assert found, f"{order.id} cannot be declined"
    return found.group(1)


def _unknown(morning: Morning) -> shelf.Pack:
    pack = morning.unknown.pack()
    return replace(pack, product=replace(pack.product, gtin=morning.gtin))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_pharmacist_walks_a_morning_by_keyboard_alone(visits: Visits, hospital: Hospital, machine: HospitalDay, way: Way) -> None:
    morning, words = _what_waits(hospital, machine, way), WORDS[way.language]
    walk = desk(visits, way, StaffRole.PHARMACIST)
    _works_the_queue(walk, machine, morning, words)
    _reviews(walk, hospital, morning, words)
    _answers_a_missing_dose(walk, hospital, morning, words)
    _matches_a_barcode(walk, morning, words)
    walk.done()

    nurse = next(person for person in hospital.ward.staff if StaffRole.NURSE in person.roles)
    cart = kiosk(visits, replace(way, by="mouse"))
    cart.sign_in(nurse)
    _reads_the_answer(cart, morning, words)
    _reads_the_barcode(cart, morning, words)
    cart.done()


def _works_the_queue(walk: Desk, machine: HospitalDay, morning: Morning, words: dict[str, str]) -> None:
    page, keyboard = walk.page, walk.page.keyboard
    walk.go("/pharmacy/")
    walk.reads(words["queue"], place="main h1")
    _leads_to(walk, morning.urgent)
    walk.look()
    keyboard.press("v")
    keyboard.press("Enter")
    walk.told(words["verified"], morning.urgent.id)

    _leads_to(walk, morning.asked)
    keyboard.press("c")
    keyboard.insert_text(words["question"])
    keyboard.press("Control+Enter")
    walk.told(words["asked"], morning.asked.id)

    _leads_to(walk, morning.rejected)
    keyboard.press("r")
    keyboard.insert_text(words["why not"])
    keyboard.press("Control+Enter")
    walk.reads(words["why not"], words["sure"], place="#sure")
    walk.look()
    walk.press(page.locator("#sure button[value=yes]"))
    walk.told(words["rejected"], morning.rejected.id)
    rows = machine.server_rows(
        "SELECT id, verification FROM orders WHERE id IN (?, ?, ?) ORDER BY id", morning.asked.id, morning.rejected.id, morning.urgent.id
    )
    assert dict(rows) == {morning.asked.id: "queried", morning.rejected.id: "rejected", morning.urgent.id: "verified"}


def _leads_to(walk: Desk, order: Order) -> None:
    """With j, from wherever the list is."""
    page = walk.page
    wanted = page.locator(f".queue a[href*='order={order.id}']")
    expect(wanted).to_have_count(1)
    for _ in range(30):
        if wanted.get_attribute("aria-current") == "true":
            expect(page.locator("#chosen")).to_contain_text(order.display or "")
            return
        before = page.locator(".queue a[aria-current]").get_attribute("href") or ""
        place = "els => els.findIndex(e => e.hasAttribute('aria-current')) < els.findIndex(e => e.href.includes(ARG))"
        down = page.locator(".queue a").evaluate_all(place.replace("ARG", repr(f"order={order.id}")))
        page.keyboard.press("j" if down else "k")
        expect(page.locator(".queue a[aria-current]")).not_to_have_attribute("href", before)
    raise AssertionError(f"{order.id} is not reached by keys")


def _reviews(walk: Desk, hospital: Hospital, morning: Morning, words: dict[str, str]) -> None:
    page = walk.page
    walk.go("/review/")
    walk.look()
    named = {patient.id: patient.name for patient in hospital.ward.patients}
    override = page.locator("section[aria-labelledby=over] article", has_text=named[morning.urgent.patient]).filter(
        has_text=morning.urgent.display
    )
    expect(override).to_contain_text(words["override"])
    walk.write(override.locator("input[name=comment]"), "OK")
    walk.press(override.locator("button"))
    walk.told(words["reviewed"])
    expect(override).to_have_count(0)

    differs = page.locator("section[aria-labelledby=disc] article", has_text=morning.differs.patient.name)
    expect(differs).to_contain_text(words["differs"])
    walk.write(differs.locator("input[name=reason]"), words["because"])
    walk.press(differs.locator("form button"))
    walk.told(words["resolved"])
    expect(differs).to_have_count(0)
    walk.press(page.locator(".nav-pills a[href*='view=done']"))
    walk.reads(words["because"], place="section[aria-labelledby=disc]")


def _answers_a_missing_dose(walk: Desk, hospital: Hospital, morning: Morning, words: dict[str, str]) -> None:
    walk.go("/work/")
    walk.look()
    task = walk.page.locator("article.task", has_text=words["missing"]).filter(has_text=morning.missing.patient.name)
    walk.write(task.locator("textarea"), words["answer"])
    walk.press(task.locator("button[value=send]"))
    walk.reads(words["answered"], words["answer"], place=f"article.task:has-text('{morning.missing.patient.name}')")


def _matches_a_barcode(walk: Desk, morning: Morning, words: dict[str, str]) -> None:
    page, keyboard = walk.page, walk.page.keyboard
    walk.press(page.locator(".nav-pills a[href='/barcodes/']"))
    walk.reads(words["barcodes"], place="main h1")
    walk.look()
    row = page.locator(".row-link", has_text=morning.gtin)
    for _ in range(10):
        keyboard.press("j")
        if row.evaluate("e => e === document.activeElement"):
            break
    keyboard.press("Enter")
    expect(page.locator("#q")).to_be_focused()
    keyboard.insert_text(morning.unknown.product.name)
    keyboard.press("Enter")
    walk.press(page.locator(f".found a[href*='product={morning.unknown.product.id}']"))
    expect(page.locator("#compare")).to_be_focused()
    walk.look()
    walk.press(page.locator("#sure-link"))
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    walk.reads(words["matched"])
    walk.look()


def _reads_the_answer(cart: Kiosk, morning: Morning, words: dict[str, str]) -> None:
    cart.band(morning.missing.patient)
    cart.reads(words["at the cart"], words["answer"], place=".orders .request")
    cart.look()
    cart.to_the_round()


def _reads_the_barcode(cart: Kiosk, morning: Morning, words: dict[str, str]) -> None:
    """The same label as before, which stopped the dose then."""
    cart.band(morning.unknown.patient)
    cart.scan(_unknown(morning).picture(), "pass")
    cart.reads(words["right"], place=".word h1")
    cart.reads(morning.unknown.pack().lot, place=".compared")
    cart.confirm(words["given"])
    cart.sign_out()
