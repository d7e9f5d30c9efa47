"""Writes the pictures of the documentation from a running hospital: what a nurse, a pharmacist, a charge nurse and a fleet manager see.

The kiosk is shown in Vietnamese, the web pages in English. A virtual nurse walks; the browser only looks.
"""

from __future__ import annotations

import argparse
import importlib
import io
import random
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image

from pointofcare.errors import ConfigError, PointOfCareError
from pointofcare.people import Patient, StaffRole
from pointofcare.products import Product
from simulation import hospital, labels, shelf, ward
from simulation.hospital import Hospital
from simulation.nurse import VirtualNurse
from simulation.once import Case, ordinary_dose
from simulation.ward import StaffMember, Ward

CART = ward.CARTS[0]
SCREEN = {"width": 1280, "height": 800}
CHROMIUM = Path("/usr/bin/chromium")
# Of the labels on the screen; those further away are not even asked for.
_PICTURES_ARE_THERE = """() => [...document.querySelectorAll('.labels img')].filter(image => {
  const box = image.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}).every(image => image.complete && image.naturalWidth > 0)"""
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pointofcare-demo screenshots", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("docs/screenshots"), help="where the pictures go")
    parser.add_argument("--seed", type=int, default=5, help="which virtual ward")
    parser.add_argument("--chromium", type=Path, default=CHROMIUM, help="the browser")
    chosen = parser.parse_args(arguments)
    try:
        playwright = importlib.import_module("playwright.sync_api")
    except ImportError:
        print("Playwright is missing. It belongs to the development tools: pip install 'pointofcare[dev]', and Chromium of the system.")
        return 1
    chosen.output.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="pointofcare-screenshots-"))
    running: Hospital | None = None
    try:
        running = hospital.start(directory, seed=chosen.seed, carts=(CART,), progress=lambda text: print(f"  {text}"))
        with playwright.sync_playwright() as started:
            browser = started.chromium.launch(executable_path=str(chosen.chromium), args=list(_ARGUMENTS))
            _walk(running, browser, chosen.output)
            browser.close()
    except PointOfCareError as error:
        print(error)
        return 1
    finally:
        if running is not None:
            running.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def _walk(running: Hospital, browser: Any, output: Path) -> None:
    rng = random.Random(f"screenshots-{running.seed}")
    day = datetime.now(ZoneInfo(ward.TIMEZONE)).date()
    case = ordinary_dose(running.ward, rng, datetime.now(UTC))
    nurse = VirtualNurse(CART, running.cart_urls[CART], running.hand, wait_s=30)
    kiosk = _page(browser, running.cart_urls[CART])

    def look(name: str, state: str) -> None:
        kiosk.wait_for_selector(f"main.state-{state}")
        _picture(kiosk, output / f"kiosk-{name}.png")

    try:
        nurse.wait("the cart's tables", lambda state: not state["strip"]["missing"] and state["strip"]["link"] == "online")
        person = member(running.ward, StaffRole.NURSE)
        nurse.sign_in(labels.badge(person.name, person.roles[0].value, person.badge), person.pin)
        look("round", "signed-in")
        patient, wrong = allergic(running.ward)
        nurse.open_patient(shelf.band_picture(patient)(), patient.id)
        nurse.scan(shelf.pack(wrong, rng, day).picture(), units=1)
        look("stop", "stopped")
        nurse.press("close")
        nurse.open_patient(shelf.band_picture(case.patient)(), case.patient.id)
        state = nurse.scan(shelf.pack(case.product, rng, day).picture(), units=1)
        if state["state"] == "warned":
            nurse.press("acknowledge")
        state = nurse.wait("verified", lambda now: now["state"] == "giving" and now["drawer"] != "opening")
        look("pass", "giving")
        nurse.press("confirm", record_id=str(state["record_id"]))
        nurse.wait("in the EMR", lambda now: any(done["emr"] == "settled" for done in now["recorded"]))
        nurse.press("close")
        _hand(running, browser, case, output)
    finally:
        nurse.close()
    _web(running, browser, case, output)


def _hand(running: Hospital, browser: Any, case: Case, output: Path) -> None:
    page = _page(browser, f"{running.hand.url}/{CART}?lang=en")
    page.locator(f"button[value='band-{case.patient.id}']").click()
    page.locator("button[aria-pressed=true]").wait_for()
    page.evaluate("document.querySelector('button[aria-pressed=true]').closest('section').scrollIntoView()")
    page.wait_for_function(_PICTURES_ARE_THERE)
    _picture(page, output / "hand.png")
    page.locator("button.away").click()


def _web(running: Hospital, browser: Any, case: Case, output: Path) -> None:
    pharmacy = _signed_in(running, browser, StaffRole.PHARMACIST, "/pharmacy/")
    pharmacy.locator(".queue a").first.click()
    pharmacy.locator("#chosen").wait_for()
    _picture(pharmacy, output / "pharmacy-queue.png")
    charge = _signed_in(running, browser, StaffRole.CHARGE_NURSE, "/ward/")
    _picture(charge, output / "ward-board.png")
    charge.goto(f"{running.server_url}/patients/{case.patient.id}")
    charge.locator("#doses").scroll_into_view_if_needed()
    _picture(charge, output / "medication-record.png")
    fleet = _signed_in(running, browser, StaffRole.FLEET_MANAGER, "/fleet/")
    fleet.locator("tbody tr .meter").wait_for()
    _picture(fleet, output / "fleet.png")


def _signed_in(running: Hospital, browser: Any, role: StaffRole, path: str) -> Any:
    person = member(running.ward, role)
    page = _page(browser, running.server_url)
    page.locator("#language").select_option("en")
    page.locator("html[lang=en]").wait_for()
    page.locator("#username").fill(person.email)
    page.locator("#password").fill(person.password)
    page.locator("main form button").click()
    page.locator("header nav a").first.wait_for()
    page.goto(running.server_url + path)
    return page


def _page(browser: Any, url: str) -> Any:
    page = browser.new_page(viewport=SCREEN, device_scale_factor=1, reduced_motion="reduce", locale="en-GB")
    page.goto(url)
    return page


def _picture(page: Any, path: Path) -> None:
    # 256 colours are enough for a page and a third of the bytes.
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(colors=256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path} ({path.stat().st_size // 1000} kB)")


def member(the_ward: Ward, role: StaffRole) -> StaffMember:
    return next(person for person in the_ward.staff if role in person.roles)


def allergic(the_ward: Ward) -> tuple[Patient, Product]:
    """Somebody with a drug that is not ordered and must never reach this patient."""
    for patient in the_ward.patients:
        named = {allergy.substance for allergy in patient.allergies or ()}
        for product in the_ward.products:
            if any(part.name in named or named.intersection(part.classes) for part in product.ingredients):
                return patient, product
    raise ConfigError("nobody with an allergy lies in this ward", remedy="try another --seed")
