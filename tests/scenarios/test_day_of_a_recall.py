"""A lot is recalled: the pharmacist enters it and sees who got it and who is due, the next scan of it at the cart stops, another lot
passes; and after two people lifted the recall the same pack passes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import expect

from pointofcare.people import StaffRole
from simulation import shelf
from simulation.hospital import Hospital
from tests.support import day_ward
from tests.support.browser import Visits, poll
from tests.support.browser import chromium as chromium
from tests.support.browser import visits as visits
from tests.support.day_walk import Desk, Kiosk, Way, desk, kiosk
from tests.support.hospital_day import HospitalDay
from tests.support.ward_day import Dose

pytestmark = pytest.mark.timeout(300)

WAYS = (Way(language="vi", size="desktop", by="mouse"), Way(language="en", size="phone", by="touch"))
LOT = "WALK7"
WORDS = {
    "vi": {
        "page": "Thuốc bị thu hồi",
        "recalled": "Đã thu hồi.",
        "reach": "xe thuốc đã có danh mục này",
        "why": "Có cặn trong ống thuốc",
        "got": "đúng lô này",
        "due": "Ai sắp đến giờ dùng",
        "stop": "DỪNG",
        "finding": "THUỐC BỊ THU HỒI",
        "right": "ĐÚNG",
        "given": "ĐÃ THỰC HIỆN",
        "asked": "Lệnh thu hồi còn hiệu lực cho đến khi người thứ hai đồng ý.",
        "written": "Công ty báo bằng văn bản: lô dùng lại được",
        "lift": "Hủy thu hồi",
        "answered": "Đã trả lời.",
        "lifted": "đã hủy thu hồi",
    },
    "en": {
        "page": "Recalls",
        "recalled": "Recalled.",
        "reach": "this formulary.",
        "why": "Particles in the vial",
        "got": "this lot",
        "due": "Who is due for it",
        "stop": "STOP",
        "finding": "RECALLED",
        "right": "CORRECT",
        "given": "GIVEN",
        "asked": "The recall holds until a second person agrees.",
        "written": "The maker writes that the lot may be used",
        "lift": "Lift the recall",
        "answered": "Answered.",
        "lifted": "lifted",
    },
}


@dataclass(frozen=True, kw_only=True)
class Lot:
    """`got` had it this morning, `next` and `other` are due for the same drug."""

    got: Dose
    next: Dose
    other: Dose

    def pack(self, dose: Dose, lot: str = LOT) -> shelf.Pack:
        return replace(dose.pack(), lot=lot)


def _lots(doses: tuple[Dose, ...]) -> tuple[Lot, ...]:
    """Of each drug that three patients are due for."""
    by_product: dict[str, list[Dose]] = defaultdict(list)
    for dose in doses:
        by_product[dose.product.id].append(dose)
    return tuple(Lot(got=found[0], next=found[1], other=found[2]) for found in by_product.values() if len(found) > 2)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    running = day_ward.started(tmp_path_factory.mktemp("recall"), lambda doses: len(_lots(doses)) >= len(WAYS))
    yield running
    assert running.stop() == [], "a program had to be killed"


@pytest.fixture(scope="module")
def lots(hospital: Hospital) -> dict[str, Lot]:
    """One for each way; the first patient of each got the lot from a nurse before."""
    day = HospitalDay(hospital)
    day.online()
    found = {way.language: lot for way, lot in zip(WAYS, _lots(day_ward.due(hospital)), strict=False)}
    for lot in found.values():
        day.at_patient(lot.got.patient)
        state = day.nurse.scan(lot.pack(lot.got).picture(), units=1)
        assert state["state"] == "giving", state["findings"]
        day.confirm(str(state["record_id"]))
        day.arrived(lot.got, str(state["record_id"]))  # type: ignore[arg-type]
    day.leave()
    return found


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_lot_is_recalled_stopped_at_the_cart_and_lifted_by_two(
    visits: Visits, hospital: Hospital, lots: dict[str, Lot], way: Way
) -> None:
    lot, words = lots[way.language], WORDS[way.language]
    nurses = [person for person in hospital.ward.staff if StaffRole.NURSE in person.roles]
    cart = kiosk(visits, replace(way, size="phone" if way.size == "phone" else "cart"))
    cart.sign_in(nurses[1 + WAYS.index(way)])

    walk = desk(visits, way, StaffRole.PHARMACIST)
    _enters(walk, lot, words)
    _is_stopped(cart, lot, words)
    _asks_to_lift(walk, words)
    _still_stops(cart, lot, words)

    second = desk(visits, way, StaffRole.CHARGE_NURSE)
    _agrees(second, lot, words)
    _all_carts_have_it(walk, words)
    walk.reads(words["lifted"], second.person.name, words["written"], place="main")
    walk.look()
    _passes(cart, lot, words)
    for each in (walk, second, cart):
        each.done()


def _enters(walk: Desk, lot: Lot, words: dict[str, str]) -> None:
    page = walk.page
    walk.go("/work/")
    walk.press(page.locator(".nav-pills a[href='/recalls/']"))
    walk.reads(words["page"], place="main h1")
    walk.look()
    walk.write(page.locator("#gtin"), lot.got.product.gtin)
    walk.write(page.locator("#lots"), LOT)
    walk.write(page.locator("#reason"), words["why"])
    walk.press(page.locator("#sure"))
    walk.press(page.locator("main form.panel button.btn-danger"))
    walk.told(words["recalled"])
    row = page.locator("section", has=page.locator("h2")).locator("tbody tr", has_text=lot.got.patient.name).first
    expect(row).to_contain_text(words["got"])
    expect(row).to_contain_text(LOT)
    walk.reads(words["due"], lot.next.patient.name, place="main")
    walk.look()
    _all_carts_have_it(walk, words)


def _is_stopped(cart: Kiosk, lot: Lot, words: dict[str, str]) -> None:
    """The page said that a patient is due: here she is, with a pack of that lot."""
    cart.band(lot.next.patient)
    _stops(cart, lot, words)
    cart.look()
    cart.do("clear")
    cart.state("patient")
    cart.to_the_round()
    # Another lot of the same drug is none of it.
    cart.band(lot.other.patient)
    cart.scan(lot.pack(lot.other, "OTHER1").picture(), "pass")
    cart.confirm(words["given"])
    cart.to_the_round()


def _stops(cart: Kiosk, lot: Lot, words: dict[str, str]) -> None:
    cart.scan(lot.pack(lot.next).picture(), "stop")
    cart.reads(words["stop"], place=".word h1")
    cart.reads(words["finding"], LOT, place=".findings")
    expect(cart.page.locator(".findings .rule").first).to_contain_text("G2")
    expect(cart.button("confirm")).to_have_count(0)


def _asks_to_lift(walk: Desk, words: dict[str, str]) -> None:
    page = walk.page
    form = page.locator("form[action$='/lift']")
    walk.press(page.locator("details:has(form[action$='/lift']) summary"))
    walk.write(form.locator("textarea"), words["written"])
    walk.press(form.locator("input[type=checkbox]"))
    walk.press(form.locator("button"))
    walk.told(words["asked"])
    walk.look()


def _still_stops(cart: Kiosk, lot: Lot, words: dict[str, str]) -> None:
    cart.band(lot.next.patient)
    _stops(cart, lot, words)
    cart.do("clear")
    cart.state("patient")


def _all_carts_have_it(walk: Desk, words: dict[str, str]) -> None:
    """What the page answers to: do the carts stop it?"""

    def told() -> bool:
        walk.page.reload()
        return words["reach"] in walk.page.locator("main").inner_text()

    poll(walk.page, "every cart has the newest formulary", told)


def _agrees(second: Desk, lot: Lot, words: dict[str, str]) -> None:
    second.go("/work/")
    task = second.page.locator("article.task", has_text=LOT).filter(has=second.page.locator("button[value=lift-recall]"))
    expect(task).to_contain_text(words["written"])
    second.look()
    lift = task.locator("button[value=lift-recall]")
    expect(lift).to_contain_text(words["lift"])
    second.press(lift)
    second.reads(words["answered"], place="article.task .alert-success")


def _passes(cart: Kiosk, lot: Lot, words: dict[str, str]) -> None:
    """The very pack that was stopped."""
    cart.scan(lot.pack(lot.next).picture(), "pass")
    cart.reads(words["right"], place=".word h1")
    cart.reads(LOT, place=".compared")
    cart.confirm(words["given"])
    cart.sign_out()
