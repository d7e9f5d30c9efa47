"""A nurse's round of six patients in one sitting at the cart, with what a round brings: the wrong drug in the hand, an urgent drug that
needs a reason and a second person, a refusal, an infusion from its start to its end, and a power cut in the middle of a dose.

At the end each dose has one final state at the server and in the EMR, nothing waits on the cart, and the handover shows what is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from pointofcare.orders.order import OrderCategory
from pointofcare.people import Patient, StaffRole
from server.store import bags as stored_bags
from server.usecases import bags
from simulation import emr_check, labels, ward
from simulation.hospital import Hospital
from simulation.ward import StaffMember
from tests.support import day_ward
from tests.support.browser import CART, Visits, poll
from tests.support.browser import chromium as chromium
from tests.support.browser import visits as visits
from tests.support.day_walk import Kiosk, Way, kiosk
from tests.support.hospital_day import HospitalDay, wait_until
from tests.support.ward_day import Dose

pytestmark = pytest.mark.timeout(300)

WAYS = (Way(language="vi", size="cart", by="mouse"), Way(language="en", size="phone", by="touch"))
# Doses of one round: given, after a stop, refused, in a power cut.
PLAIN = 4
WORDS = {
    "vi": {
        "round": "Danh sách theo giường",
        "right": "ĐÚNG",
        "stop": "DỪNG",
        "put back": "Để thuốc lại",
        "confirm": "XÁC NHẬN",
        "given": "ĐÃ THỰC HIỆN",
        "two": "KIỂM TRA KÉP",
        "not given": "ĐÃ GHI: KHÔNG THỰC HIỆN",
        "refused": "Người bệnh từ chối",
        "rate": "TỐC ĐỘ?",
        "started": "ĐÃ BẮT ĐẦU TRUYỀN",
        "changed": "ĐÃ ĐỔI TỐC ĐỘ",
        "ended": "ĐÃ NGỪNG TRUYỀN",
        "here": "Đã ghi trên xe",
        "gone": "Chương trình trên xe không trả lời",
        "waits": "đã kiểm tra một liều",
        "asked": "nhưng chưa xác nhận",
        "handover": "Bàn giao ca",
        "handed": "Đã ghi bàn giao",
        "taken": "Đã ghi nhận bàn giao",
        "left": "Liều chưa có kết quả",
        "unconfirmed": "Đã kiểm tra, chưa xác nhận",
    },
    "en": {
        "round": "Patients by bed",
        "right": "CORRECT",
        "stop": "STOP",
        "put back": "Put it back",
        "confirm": "CONFIRM",
        "given": "GIVEN",
        "two": "WITNESS",
        "not given": "RECORDED: NOT GIVEN",
        "refused": "Patient refused",
        "rate": "RATE?",
        "started": "INFUSION STARTED",
        "changed": "RATE CHANGED",
        "ended": "INFUSION STOPPED",
        "here": "Recorded here",
        "gone": "The cart's program does not answer",
        "waits": "checked a dose",
        "asked": "was verified at",
        "handover": "Handover",
        "handed": "The handover is recorded",
        "taken": "Taking over is recorded",
        "left": "Doses without a result",
        "unconfirmed": "Verified, not confirmed",
    },
}


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one nurse has to do. `urgent` and `dripped` are patients of their own."""

    given: Dose
    stopped: Dose
    refused: Dose
    cut: Dose
    urgent: Patient
    dripped: Patient
    bag: str
    infusion: str
    nurse: StaffMember
    witness: StaffMember


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    running = day_ward.started(tmp_path_factory.mktemp("nurse"), lambda doses: len(_others(doses)) >= PLAIN * len(WAYS), with_emr=True)
    yield running
    assert running.stop() == [], "a program had to be killed"


def _others(doses: tuple[Dose, ...]) -> tuple[Dose, ...]:
    """The first bed has the infusion."""
    return tuple(dose for dose in doses if dose.patient.id != "P001")


@pytest.fixture(scope="module")
def rounds(hospital: Hospital) -> dict[str, Round]:
    """One for each way, of other patients, other nurses and another bag each."""
    doses = _others(day_ward.due(hospital))
    nurses = [person for person in hospital.ward.staff if StaffRole.NURSE in person.roles]
    drops = json.loads((hospital.directory / "bags.json").read_text(encoding="utf-8"))
    ((first_infusion, (first_bag,)),) = drops.items()
    used = {dose.patient.id for dose in doses[: PLAIN * len(WAYS)]} | {"P001"}
    free = [patient for patient in hospital.ward.patients if patient.id not in used]
    second_infusion, second_bag = _an_infusion(hospital, free[0])
    made = {}
    for place, way in enumerate(WAYS):
        given, stopped, refused, cut = doses[PLAIN * place : PLAIN * (place + 1)]
        dripped, bag, infusion = (
            (hospital.ward.patients[0], first_bag, first_infusion) if place == 0 else (free[0], second_bag, second_infusion)
        )
        made[way.language] = Round(
            given=given,
            stopped=stopped,
            refused=refused,
            cut=cut,
            urgent=free[1 + place],
            dripped=dripped,
            bag=bag,
            infusion=infusion,
            nurse=nurses[2 * place],
            witness=nurses[2 * place + 1],
        )
    return made


def _an_infusion(running: Hospital, patient: Patient) -> tuple[str, str]:
    """Ordered, verified and with a bag from the pharmacy: order and bag."""
    saline = day_ward.product(running, "NACL500")
    order = day_ward.an_order(
        "W-DRIP",
        patient,
        saline,
        running,
        category=OrderCategory.INFUSION,
        dose=saline.volume,
        display="Natri clorid 0,9 % 500 mL",
        **day_ward.with_rate("83 mL/h", "125 mL/h"),
    )
    day_ward.place(running, order)
    day_ward.verify(running, order)
    with day_ward.as_(running, StaffRole.PHARMACIST) as (tx, who):
        content = stored_bags.Content(product=saline.id, name=saline.name, lot="WALK1")
        return order.id, bags.prepare(tx, who, order.id, 1, contents=[content]).id


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_nurse_walks_a_round_of_six_patients(visits: Visits, hospital: Hospital, rounds: dict[str, Round], way: Way) -> None:
    mine, words, machine = rounds[way.language], WORDS[way.language], HospitalDay(hospital)
    walk = kiosk(visits, way)
    walk.look()
    walk.sign_in(mine.nurse)
    walk.reads(words["round"], place="main h1")
    walk.look()

    _gives(walk, mine, words)
    _is_stopped_and_takes_the_right_one(walk, mine, words)
    _gives_what_is_urgent_with_a_second_person(walk, hospital, mine, words)
    _is_refused(walk, mine, words)
    _runs_an_infusion(walk, mine, words)
    _has_a_power_cut(walk, machine, mine, words, told=way is WAYS[0])
    _hands_over(walk, mine, words)

    _each_dose_is_final_once(machine, hospital, mine)
    walk.done()


def _gives(walk: Kiosk, mine: Round, words: dict[str, str]) -> None:
    walk.band(mine.given.patient)
    walk.look()
    walk.scan(mine.given.pack().picture(), "pass")
    walk.reads(words["right"], place=".word h1")
    walk.look()
    expect(walk.button("confirm")).to_contain_text(words["confirm"])
    walk.confirm(words["given"])
    walk.look()
    walk.to_the_round()


def _is_stopped_and_takes_the_right_one(walk: Kiosk, mine: Round, words: dict[str, str]) -> None:
    """The pack of the patient before is still in the hand."""
    walk.band(mine.stopped.patient)
    wrong = next(
        dose
        for dose in (mine.given, mine.refused, mine.cut)
        if dose.product.id != mine.stopped.product.id
        and dose.order.ingredient not in day_ward.ordered(walk.hospital.ward, mine.stopped.patient)
    )
    walk.scan(wrong.pack().picture(), "stop")
    walk.reads(words["stop"], place=".word h1")
    expect(walk.page.locator(".findings .rule").first).to_contain_text("D1")
    expect(walk.button("confirm")).to_have_count(0)
    expect(walk.button("clear")).to_contain_text(words["put back"])
    walk.look()
    walk.do("clear")
    walk.state("patient")
    walk.scan(mine.stopped.pack().picture(), "pass")
    walk.confirm(words["given"])
    walk.to_the_round()


def _gives_what_is_urgent_with_a_second_person(walk: Kiosk, hospital: Hospital, mine: Round, words: dict[str, str]) -> None:
    """Noradrenaline: no pharmacist has seen the order yet, and it takes two."""
    drug = day_ward.product(hospital, "NORA4")
    order = day_ward.an_order(f"W-STAT-{walk.way.language}", mine.urgent, drug, hospital)
    day_ward.place(hospital, order)
    walk.band(mine.urgent)
    expect(walk.page.locator(".orders li", has_text="4 mg").first).to_be_visible()
    asked = set()
    picture = Dose(patient=mine.urgent, order=order, product=drug).pack().picture()
    face = walk.scan(picture, "warn", "reason", "witness")
    while face != "pass":
        assert face not in asked, f"asked twice for {face}"
        asked.add(face)
        walk.look()
        if face == "warn":
            walk.do("acknowledge")
        elif face == "reason":
            walk.choose(walk.page.locator("select[name=reason]").first, "emergency")
            walk.do("reason")
        else:
            walk.reads(words["two"], place=".word h1")
            walk.badge(mine.witness)
            expect(walk.page.locator("form[action='/do/pin'] [data-pin]")).to_be_visible()
            walk.reads(mine.witness.name, place=".pin-label")
            walk.put_down()
            walk.pin(mine.witness, "form[action='/do/pin']")
        face = walk.face(*({"warn", "reason", "witness", "pass"} - asked))
    assert {"reason", "witness"} <= asked
    walk.confirm(words["given"])
    walk.to_the_round()


def _is_refused(walk: Kiosk, mine: Round, words: dict[str, str]) -> None:
    walk.band(mine.refused.patient)
    line = walk.page.locator(f".orders details.decline:has(input[name=order][value='{mine.refused.order.id}'])").first
    walk.press(line.locator("summary"))
    form = line.locator("form")
    walk.choose(form.locator("select[name=why]"), "refuse:refused")
    walk.press(form.locator("button[type=submit]"))
    walk.state("concluded")
    walk.reads(words["not given"], place=".done-now h1")
    walk.reads(words["refused"], place=".done-now")
    expect(walk.page.locator(".done-now .tick.yes")).to_have_count(3)
    walk.to_the_round()


def _runs_an_infusion(walk: Kiosk, mine: Round, words: dict[str, str]) -> None:
    walk.band(mine.dripped)
    walk.scan(labels.bag(mine.bag, "NaCl 0,9 %", ("83 mL/h",)), "rate")
    walk.reads(words["rate"], place=".word h1")
    walk.look()
    _sets_a_rate(walk, "83")
    walk.confirm(words["started"])
    walk.reads("83 mL/", place=".infusion")
    walk.look()
    walk.press(walk.page.locator(".infusion form:has(input[name=act][value=rate]) button"))
    walk.face("rate")
    _sets_a_rate(walk, "100")
    walk.confirm(words["changed"])
    walk.reads("100 mL/", place=".infusion .rate")
    stop = walk.page.locator(".infusion details:has(input[name=act][value=stop])")
    walk.press(stop.locator("summary"))
    walk.write(stop.locator("input[name=amount]"), "2 mL")
    walk.choose(stop.locator("select[name=reason]"), "procedure")
    walk.press(stop.locator("button[type=submit]"))
    walk.face("pass")
    walk.confirm(words["ended"])
    expect(walk.page.locator(".infusion")).to_have_count(0)
    walk.to_the_round()


def _sets_a_rate(walk: Kiosk, rate: str) -> None:
    pump = "details[data-keep='by-pump']"
    if not walk.page.locator(f"{pump}[open]").count():
        walk.press(walk.page.locator(f"{pump} > summary"))
    walk.keys_of_pad(rate, pump)
    walk.press(walk.page.locator(f"{pump} button.main-action"))
    if walk.face("warn", "pass") == "warn":
        walk.do("acknowledge")
        walk.face("pass")


def _has_a_power_cut(walk: Kiosk, machine: HospitalDay, mine: Round, words: dict[str, str], *, told: bool) -> None:
    """`told`: while the dose is verified and nobody confirmed it; else in the moment after the cart said that it is recorded."""
    dose, page = mine.cut, walk.page
    walk.band(dose.patient)
    walk.scan(dose.pack().picture(), "pass")
    if told:
        again = machine.kill(CART)
        expect(page.locator("#gone")).to_be_visible()
        walk.reads(words["gone"], place="#gone")
        walk.look()
    else:
        walk.do("confirm")
        walk.reads(words["here"], place=".done-now .ticks")
        again = machine.kill(CART)
    again()
    walk.state("idle")
    expect(page.locator("#gone")).to_be_hidden()
    # The requests that nobody answered meanwhile are what a power cut is.
    walk.visits.wrongs[:] = [wrong for wrong in walk.visits.wrongs if "net::ERR_" not in wrong and "Failed to fetch" not in wrong]
    if told:
        walk.reads(words["waits"], mine.nurse.name, place=".waits")
        walk.reads_not(dose.patient.name, place="main")
        walk.look()
    expect(page.locator("#strip .chip.bad")).to_have_count(0)
    walk.sign_in(mine.nurse)
    question = page.locator(".open-dose")
    if told:
        walk.reads(words["asked"], dose.patient.name, dose.patient.bed or "", place=".open-dose")
        walk.look()
        walk.choose(question.locator("select[name=reason]"), "battery")
        walk.press(question.locator("button[name=given][value=yes]"))
    expect(question).to_have_count(0)
    bed = page.locator(".bed-group", has=page.get_by_text(dose.patient.bed or "", exact=True))
    expect(bed.locator(".status.given")).to_have_count(1)


def _hands_over(walk: Kiosk, mine: Round, words: dict[str, str]) -> None:
    """What still stands on the round is what stands on the handover, and nothing of what was done."""
    page = walk.page
    poll(page, "everything is at the server", lambda: _unsent(walk) == 0)
    walk.press(page.locator(".care-links a[href$='/handover']"))
    walk.reads(words["handover"], place="main h1")
    walk.look()
    walk.reads_not(words["unconfirmed"], place="main")
    for dose in (mine.given, mine.stopped, mine.cut):
        assert dose.order.ingredient.casefold() not in _said(walk, dose.patient, words["left"]), dose.order.id
    assert words["refused"] in _said(walk, mine.refused.patient, "", fold=False)
    assert mine.refused.order.ingredient.casefold() not in _said(walk, mine.refused.patient, words["left"])
    assert "NaCl" not in _said(walk, mine.dripped, "", fold=False)
    before = page.locator("form:has(input[name=handover]) button")
    if before.count():  # the nurse of the round before gave it over, and nobody took it yet
        walk.press(before)
        walk.reads(words["taken"])
    walk.write(page.locator("textarea[name=words]"), "Giường 6: xem lại sau 30 phút.")
    walk.press(page.locator(".sign form button[type=submit]"))
    walk.reads(words["handed"])
    walk.press(page.locator("a.back"))
    walk.state("signed-in")
    walk.sign_out()


def _said(walk: Kiosk, patient: Patient, heading: str, *, fold: bool = True) -> str:
    """What the handover says of a patient below one heading; all of it without one; "" where nothing stands there."""
    section = walk.page.locator(f"section.shift[aria-label='{patient.bed} {patient.name}']")
    if not section.count():
        return ""
    place = section.locator(f"dt:text-is('{heading}') + dd") if heading else section
    text = place.inner_text() if place.count() else ""
    return text.casefold() if fold else text


def _unsent(walk: Kiosk) -> int:
    return int(walk.page.evaluate("fetch('/api/state').then(answer => answer.json()).then(state => state.strip.unsent)"))


def _each_dose_is_final_once(machine: HospitalDay, hospital: Hospital, mine: Round) -> None:
    wanted = {
        mine.given.order.id: "completed",
        mine.stopped.order.id: "completed",
        mine.refused.order.id: "not-done",
        mine.cut.order.id: "completed",
    }
    for order, status in wanted.items():
        rows = machine.server_rows("SELECT record_id, status FROM administrations WHERE order_id = ?", order)
        assert [row[1] for row in rows] == [status], order
        assert _in_the_emr(hospital, str(rows[0][0]))["status"] == status
    urgent = machine.server_rows(
        "SELECT record_id, status, witness, status_reason FROM administrations WHERE patient = ? AND witness IS NOT NULL", mine.urgent.id
    )
    assert [row[1:] for row in urgent] == [("completed", mine.witness.id, "emergency")]
    assert _in_the_emr(hospital, str(urgent[0][0]))["status"] == "completed"
    acts = machine.server_rows(
        "SELECT action, status, record_id FROM administrations WHERE order_id = ? ORDER BY effective_at", mine.infusion
    )
    assert [row[0] for row in acts] == ["start", "rate", "stop"]
    assert acts[-1][1] == "stopped"
    assert _in_the_emr(hospital, str(acts[0][2]))["status"] == "stopped"
    for dose in (mine.given, mine.stopped, mine.refused, mine.cut):
        assert len(machine.journalled(dose)) == 1, "the cart holds it once, too"  # type: ignore[arg-type]
    wait_until(lambda: {name: n for name, n in machine.health()["outbox"].items() if n and name != "sent"} == {}, "an empty outbox")  # type: ignore[attr-defined]


def _in_the_emr(hospital: Hospital, record_id: str) -> dict[str, object]:
    assert hospital.emr is not None
    return emr_check.read_back(hospital.emr.base_url, record_id, facility=ward.FACILITY)
