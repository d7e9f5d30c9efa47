"""A charge nurse's look at the ward and then the quality meeting: the board, what is about to be late, a screen let in on the wall that
names nobody, the figures of the quality page, and a file of them that says the same.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from pointofcare.people import StaffRole
from simulation import quality_month, ward
from simulation.hospital import Hospital
from tests.support import day_ward
from tests.support.browser import Visits, poll
from tests.support.browser import chromium as chromium
from tests.support.browser import visits as visits
from tests.support.day_walk import Desk, Way, desk
from tests.support.hospital_day import HospitalDay
from tests.support.ward_day import Dose

pytestmark = pytest.mark.timeout(300)

WAYS = (Way(language="vi", size="phone", by="touch"), Way(language="en", size="desktop", by="mouse"))
FIGURE = "scan-week"
WORDS = {
    "vi": {
        "board": "Bảng khoa",
        "given": "đã thực hiện",
        "radar": "Liều sắp muộn",
        "people": "Đang làm việc",
        "screens": "Màn hình treo tường",
        "showing": "đang hiển thị",
        "overdue": "Quá giờ",
        "quality": "Chất lượng",
        "figure": "Quét cả người bệnh và thuốc, theo tuần",
        "how": "Số nhập tay không bao giờ tính là quét",
        "week": "Tuần",
        "simulated": "mô phỏng",
    },
    "en": {
        "board": "Ward board",
        "given": "given",
        "radar": "About to be late",
        "people": "At work",
        "screens": "Wall screens",
        "showing": "showing",
        "overdue": "Overdue",
        "quality": "Quality",
        "figure": "Patient and drug both scanned, by week",
        "how": "A number that was typed is never a scan",
        "week": "Week",
        "simulated": "simulated",
    },
}


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    running = day_ward.started(tmp_path_factory.mktemp("charge"), lambda doses: len(doses) > 1)
    # Weeks of counted days, as the demonstration has them: made up, and the page says so.
    assert quality_month.write(running.directory / "server.toml", seed=3, weeks=8)
    yield running
    assert running.stop() == [], "a program had to be killed"


@pytest.fixture(scope="module")
def given(hospital: Hospital) -> Dose:
    """A nurse gave it this morning, and is still at work."""
    day, dose = HospitalDay(hospital), day_ward.due(hospital)[0]
    day.online()
    day.signed_in()
    day.arrived(dose, _give(day, dose))  # type: ignore[arg-type]
    day.leave()
    return dose


def _give(day: HospitalDay, dose: Dose) -> str:
    record_id = day.verify(dose)  # type: ignore[arg-type]
    day.confirm(record_id)
    return record_id


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_charge_nurse_looks_at_the_ward_and_brings_figures_to_the_meeting(
    visits: Visits, hospital: Hospital, given: Dose, way: Way
) -> None:
    words = WORDS[way.language]
    walk = desk(visits, way, StaffRole.CHARGE_NURSE)
    _reads_the_board(walk, hospital, given, words)
    _sees_what_will_be_late(walk, hospital, words)
    _lets_a_screen_in(walk, visits, hospital, words)
    _reads_the_figures(walk, words)
    _takes_the_file(walk, words)
    walk.done()


def _reads_the_board(walk: Desk, hospital: Hospital, given: Dose, words: dict[str, str]) -> None:
    walk.go("/ward/")
    walk.reads(words["board"], place="main h1")
    bed = walk.page.locator(f"article[aria-labelledby='bed-{given.patient.id}']")
    expect(bed.locator(".tag.given")).to_contain_text(words["given"])
    expect(walk.page.locator("article.bed")).to_have_count(len(hospital.ward.patients))
    walk.look()


def _sees_what_will_be_late(walk: Desk, hospital: Hospital, words: dict[str, str]) -> None:
    walk.press(walk.page.locator("main .head a[href*='/ward/radar']"))
    walk.reads(words["radar"], place="main h1")
    walk.reads(words["people"], HospitalDay(hospital).person.name, place="main aside")
    expect(walk.page.locator(".late-list li.panel").first).to_be_visible()
    # The most pressing stands first: what is over its time is never below what is not.
    minutes = [_minutes(text) for text in walk.page.locator(".late-list > li").evaluate_all("els => els.map(e => e.className)")]
    assert minutes == sorted(minutes)
    walk.look()


def _minutes(classes: str) -> int:
    return ("bad" not in classes.split()) + ("bad" not in classes.split() and "warn" not in classes.split())


def _lets_a_screen_in(walk: Desk, visits: Visits, hospital: Hospital, words: dict[str, str]) -> None:
    wall = visits.open(f"{hospital.server_url}/wall/", (1920, 1080))
    code = wall.locator(".code").inner_text()
    walk.press(walk.page.locator("main .head a[href*='/wall/screens']"))
    walk.reads(words["screens"], place="main h1")
    walk.look()
    form = walk.page.locator("form[action='/wall/screens']")
    walk.write(form.locator("#code"), code)
    walk.choose(form.locator("#ward"), ward.WARD)
    walk.write(form.locator("#label"), f"Wall {walk.way.language}")
    walk.choose(form.locator("#wall-language"), walk.way.language)
    walk.press(form.locator("button.btn-primary"))
    expect(walk.page.locator(".alert-success")).to_be_visible()
    expect(wall.locator(".tile").first).to_be_visible()  # by itself: nobody touches the screen
    expect(wall.locator("html")).to_have_attribute("lang", walk.way.language)
    shown = wall.locator("main").inner_text().casefold()
    assert words["overdue"].casefold() in shown
    # Anybody may pass it: by the policy of this hospital it names no patient and no drug.
    content = wall.content().casefold()
    for patient in hospital.ward.patients:
        assert patient.name.casefold() not in content
        assert patient.mrn.casefold() not in content
    for dose in day_ward.due(hospital):
        assert dose.order.ingredient.casefold() not in content
    walk.page.reload()
    row = walk.page.locator("tbody tr", has_text=f"Wall {walk.way.language}").first
    expect(row).to_contain_text(words["showing"])
    wall.context.close()


def _reads_the_figures(walk: Desk, words: dict[str, str]) -> None:
    page = walk.page
    walk.go("/quality/")
    walk.reads(words["quality"], place="main h1")
    walk.reads(words["simulated"], place=".alert-warning")
    _up_to_last_week(walk)
    charts = page.locator("canvas[data-chart]")
    expect(page.locator("body")).to_have_attribute("data-charts", str(charts.count()))
    figure = page.locator(f"#{FIGURE}")
    expect(figure.locator("h3")).to_have_text(words["figure"])
    walk.press(figure.locator("details summary"))
    expect(figure.locator("details p")).to_contain_text(words["how"])
    walk.look()


def _up_to_last_week(walk: Desk) -> None:
    """Weeks that are over, as a meeting has them. The one that runs is counted anew all the while, and while it is small another week
    is withheld beside it, so that it cannot be computed from the rest."""
    until = walk.page.locator("#until")
    today = date.fromisoformat(until.input_value())
    until.fill((today - timedelta(days=today.weekday() + 1)).isoformat())
    walk.press(walk.page.locator("main form:has(#until) button"))
    walk.page.wait_for_url("**until=*")


def _takes_the_file(walk: Desk, words: dict[str, str]) -> None:
    """Row by row and number by number what the page shows."""
    page = walk.page
    rows = page.locator(f"#{FIGURE}-table tbody tr")
    shown = rows.evaluate_all(
        "rows => rows.map(row => [row.querySelector('th').firstChild.textContent.trim(),"
        " ...[...row.querySelectorAll('td[data-v]')].map(cell => cell.dataset.v)])"
    )
    read = rows.evaluate_all("rows => rows.map(row => [...row.querySelectorAll('td[data-v]')].map(cell => cell.innerText.trim()))")
    with page.expect_download() as coming:
        walk.press(page.locator(f"#{FIGURE} a.csv"))
    name, path = coming.value.suggested_filename, coming.value.path()
    assert name.startswith(f"quality-{FIGURE}-")
    head, *lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert head[0] == words["week"]
    assert len(lines) >= 8
    # A week of which too little is known says so on the page, and is empty in the file.
    figures = [line[1 : len(head) - 1] if any(line[1 : len(head) - 1]) else [] for line in lines]
    assert [[line[0], *own] for line, own in zip(lines, figures, strict=True)] == [line if any(line[1:]) else line[:1] for line in shown]
    # And what people read is the same number, as their language writes it.
    for cells, own in zip(read, figures, strict=True):
        told = [_number(cell, walk.way.language) for cell in cells] if own else []
        assert told == [None if value == "" else round(float(value), 1) for value in own]
    poll(page, "the page is still there", lambda: page.locator("main h1").count() == 1)


def _number(text: str, language: str) -> float | None:
    if text in ("", "–"):
        return None
    found = re.search(r"-?\d+(?:[.,]\d+)?", text)
    assert found, text
    assert ("." not in found.group()) if language == "vi" else ("," not in found.group()), f"{text} is not written as in {language}"
    return float(found.group().replace(",", "."))
