"""A prescriber's round at the desk or on a phone: the pharmacist's question answered, an order that was only said signed for, a dose that
was refused seen; and the pharmacist and the nurse read what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from pointofcare.orders.order import Order, OrderCategory
from pointofcare.people import StaffRole
from server.usecases import orders, transcription
from simulation.hospital import Hospital
from tests.support import day_ward
from tests.support.browser import Visits, member
from tests.support.browser import chromium as chromium
from tests.support.browser import visits as visits
from tests.support.day_walk import Desk, Way, desk
from tests.support.hospital_day import HospitalDay, wait_until

pytestmark = pytest.mark.timeout(300)

WAYS = (Way(language="vi", size="phone", by="touch"), Way(language="en", size="desktop", by="keys"))
WORDS = {
    "vi": {
        "page": "Việc của bác sĩ",
        "question": "Thận yếu: giảm liều không?",
        "answer": "Giữ liều, mai thử lại creatinin.",
        "sent": "Đã gửi câu trả lời.",
        "answered": "đã trả lời",
        "spoken": "Y lệnh miệng chờ bác sĩ ký",
        "sign": "Ký xác nhận",
        "signed": "Đã trả lời.",
        "refused": "Người bệnh từ chối",
        "seen": "Đã ghi nhận là đã xem.",
    },
    "en": {
        "page": "Prescriber",
        "question": "Weak kidneys: less of it?",
        "answer": "Keep the dose, creatinine again tomorrow.",
        "sent": "The answer was sent.",
        "answered": "answered",
        "spoken": "Spoken order to be signed",
        "sign": "Sign",
        "signed": "Answered.",
        "refused": "Patient refused",
        "seen": "Noted as seen.",
    },
}


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    running = day_ward.started(tmp_path_factory.mktemp("prescriber"), lambda doses: len(doses) >= len(WAYS))
    yield running
    assert running.stop() == [], "a program had to be killed"


@pytest.fixture(scope="module")
def machine(hospital: Hospital) -> HospitalDay:
    day = HospitalDay(hospital)
    day.online()
    return day


def _what_waits(hospital: Hospital, machine: HospitalDay, way: Way) -> tuple[Order, Order, str]:
    """An order with a question, one that was said by telephone and compared, and the patient who refused a dose."""
    place = WAYS.index(way)
    refused = day_ward.due(hospital)[place]
    drug = day_ward.product(hospital, "ALLO300")
    free = [one for one in hospital.ward.patients if not one.allergies and not day_ward.ordered(hospital.ward, one) & {"allopurinol"}]
    asked, said = (
        day_ward.an_order(f"W-{way.language}-{name}", patient, drug, hospital, category=OrderCategory.ONCE)
        for name, patient in zip(("asked", "said"), free[2 * place : 2 * place + 2], strict=True)
    )
    day_ward.place(hospital, asked)
    with day_ward.as_(hospital, StaffRole.PHARMACIST) as (tx, who):
        orders.question(tx, who, asked.id, 1, text_=WORDS[way.language]["question"])
    with day_ward.as_(hospital, StaffRole.NURSE) as (tx, who):
        prescriber = member(hospital, StaffRole.PRESCRIBER).id
        at = datetime.now(UTC) - timedelta(minutes=3)
        transcription.transcribe(tx, who, said, way="phone", ordered_by=prescriber, ordered_at=at, read_back=True)
    with day_ward.as_(hospital, StaffRole.CHARGE_NURSE) as (tx, who):
        transcription.check(tx, who, said.id, 1, right=True)
    machine.at_patient(refused.patient)
    machine.nurse.press("decline", order=refused.order.id, due=_due(refused.order), why="refuse:refused", reason_text="")
    machine.nurse.wait("recorded", lambda state: state["state"] == "concluded")
    machine.leave()
    wait_until(lambda: bool(machine.recorded(refused)), "the refusal at the server")  # type: ignore[arg-type]
    return asked, said, refused.patient.name


def _due(order: Order) -> str:
    assert order.start is not None
    return order.start.isoformat()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_prescriber_answers_signs_and_sees(visits: Visits, hospital: Hospital, machine: HospitalDay, way: Way) -> None:
    (asked, said, refused), words = _what_waits(hospital, machine, way), WORDS[way.language]
    named = {patient.id: patient.name for patient in hospital.ward.patients}
    walk = desk(visits, way, StaffRole.PRESCRIBER)
    walk.go("/prescriber/")
    walk.reads(words["page"], place="main h1")
    walk.look()
    _answers(walk, asked, named[asked.patient], words)
    _signs(walk, said, named[said.patient], words)
    _sees(walk, refused, words)
    walk.done()

    pharmacist = desk(visits, replace(way, by="mouse", size="desktop"), StaffRole.PHARMACIST)
    pharmacist.page.goto(f"{hospital.server_url}/pharmacy/?order={asked.id}")
    expect(pharmacist.page.locator(f".queue a[href*='order={asked.id}'] .tag.due")).to_contain_text(words["answered"])
    pharmacist.reads(words["question"], words["answer"], place="main")
    pharmacist.look()
    pharmacist.done()
    rows = machine.server_rows("SELECT status, answer_code, answered_by FROM tasks WHERE kind = 'co-signature' AND order_id = ?", said.id)
    assert rows == [("completed", "co-sign", member(hospital, StaffRole.PRESCRIBER).id)]


def _answers(walk: Desk, asked: Order, name: str, words: dict[str, str]) -> None:
    question = walk.page.locator("section[aria-labelledby=asked] article", has_text=name)
    expect(question).to_contain_text(words["question"])
    walk.write(question.locator("input[name=text]"), words["answer"])
    walk.press(question.locator("form button"))
    walk.told(words["sent"])
    walk.reads(words["page"], place="main h1")  # the next one waits here
    expect(question).to_have_count(0)


def _signs(walk: Desk, said: Order, name: str, words: dict[str, str]) -> None:
    task = walk.page.locator("article.task", has_text=words["spoken"]).filter(has_text=name)
    sign = task.locator("button[value=co-sign]")
    expect(sign).to_contain_text(words["sign"])
    walk.press(sign)
    expect(walk.page.locator(f"article.task:has-text('{name}') .alert-success")).to_contain_text(words["signed"])
    walk.look()


def _sees(walk: Desk, refused: str, words: dict[str, str]) -> None:
    """Looking marks nothing: a press does."""
    row = walk.page.locator("section[aria-labelledby=refused] tbody tr", has_text=refused)
    expect(row).to_contain_text(words["refused"])
    walk.press(row.locator("form button"))
    walk.told(words["seen"])
    row = walk.page.locator("section[aria-labelledby=refused] tbody tr", has_text=refused)
    expect(row).to_contain_text(walk.person.name)
    expect(row.locator("form")).to_have_count(0)
    walk.look()
