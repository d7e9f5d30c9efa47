"""From the door of the ward to the bed without any import: admitted on the web, band printed and held before the cart's camera, ordered,
verified, scanned, given."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
from playwright.sync_api import expect

from pointofcare.people import StaffRole
from simulation import shelf, ward
from simulation.hospital import Hospital
from tests.scenarios.test_browser_ward import Bedside, nurse
from tests.scenarios.test_browser_ward import bedside as bedside
from tests.support.browser import Visits
from tests.support.browser import chromium as chromium
from tests.support.browser import visits as visits
from tests.support.ward_day import Day, today
from tests.support.ward_day import day as day
from tests.support.ward_day import hospital as hospital

pytestmark = pytest.mark.timeout(300)


def test_a_patient_who_was_admitted_on_the_web_gets_a_verdict_at_the_cart(
    bedside: Bedside, visits: Visits, hospital: Hospital, day: Day
) -> None:
    charge = visits.web(StaffRole.CHARGE_NURSE, "/admission/new")
    charge.fill("#name", "Đặng Thị Lụa")
    charge.fill("#birth_date", "09/10/1971")
    charge.locator("#sex").select_option("female")
    charge.locator("#method").select_option("told")
    charge.locator("#ward").select_option(ward.WARD)
    charge.fill("#bed", "H098")
    charge.locator("#allergies-none").check()
    charge.locator("form[action='/admission/new'] button").click()
    expect(charge.locator(".banner .name")).to_have_text("ĐẶNG THỊ LỤA")
    patient = charge.url.rstrip("/").rsplit("/", 1)[1]
    with charge.expect_download() as download:
        charge.locator("form[action$='/band'] button").click()
    page = pypdfium2.PdfDocument(download.value.path())[0]
    # As a camera sees the band: cut to one symbol with the words beside it.
    whole = page.render(scale=300 / 72).to_pil().convert("RGB")
    band = whole.crop((int(whole.width * 0.12), 0, int(whole.width * 0.5), whole.height))

    drug = day.stat
    unit = drug.ingredients[0].amount
    assert unit is not None
    prescriber = visits.web(StaffRole.PRESCRIBER, f"/orders/new?patient_id={patient}")
    prescriber.fill("#ingredient", drug.ingredients[0].name)
    prescriber.fill("#form", drug.form)
    prescriber.locator("#route").select_option(drug.routes[0])
    prescriber.locator("#category").select_option("stat")
    prescriber.fill("#dose", str(unit))
    start = datetime.now(UTC).astimezone(ZoneInfo(ward.TIMEZONE)) - timedelta(minutes=2)
    prescriber.fill("#start", start.strftime("%Y-%m-%dT%H:%M"))
    prescriber.locator("form.panel button:not([name])").last.click()
    expect(prescriber.locator("main")).to_contain_text("ĐẶNG THỊ LỤA")
    card = prescriber.locator("article[id^='order-']").first
    expect(card).to_be_visible()
    order = (card.get_attribute("id") or "").removeprefix("order-")

    pharmacist = visits.web(StaffRole.PHARMACIST, f"/pharmacy/?order={order}")
    pharmacist.locator("form", has=pharmacist.locator("input[name=action][value=verify]")).locator("button").click()
    expect(pharmacist.locator(".alert-success")).to_be_visible()

    bedside.sign_in(nurse(hospital, 4))
    bedside.hold(band)
    expect(bedside.page.locator(".banner .name")).to_have_text("ĐẶNG THỊ LỤA")
    bedside.put_down()
    bedside.scan(shelf.pack(drug, random.Random("admitted"), today()), "pass")
    bedside.confirm()
    bedside.leave()
    charge.goto(f"{hospital.server_url}/patients/{patient}")
    expect(charge.locator("table tbody tr").first).to_contain_text(drug.name)
