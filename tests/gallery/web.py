"""The server's pages as a hospital that runs shows them to whoever may open them: at a desk and on a phone.

The pages are those of the table of addresses, so that a new page has its pictures without anybody remembering to.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from flask import Flask, url_for
from playwright.sync_api import Browser, Page

from pointofcare.people import StaffRole
from server.security import permissions
from server.security.access import ENDPOINTS, Scope
from simulation import hospital as hospitals
from simulation import labels, phones, shelf, ward
from simulation.hospital import Hospital
from simulation.nurse import VirtualNurse
from simulation.once import Case, ordinary_dose
from simulation.screenshots import allergic, member
from tests.gallery.pictures import DESK, PHONE, Shot, context, is_wanted, take
from tests.gallery.telling import say
from tests.support import web as small_ward

GROUP = "web"
SEED = 5
CART = ward.CARTS[0]
# Whoever comes first shows the pages that several may open.
ROLES = (
    StaffRole.PHARMACIST,
    StaffRole.PRESCRIBER,
    StaffRole.CHARGE_NURSE,
    StaffRole.NURSE,
    StaffRole.FLEET_MANAGER,
    StaffRole.ADMINISTRATOR,
)
# Answered with a file or a picture, a screen of machines, or a secret drawn for whoever looks.
NO_PAGE = (
    ".export",
    "export_",
    "openapi",
    "static",
    "healthz",
    "wall.show",
    "variance",
    "picture",
    "checkpoint",
    "security.",
    "enrolment",
    "account.factor",
)


def pictures(browser: Browser, only: str = "") -> list[Shot]:
    """Raises: PointOfCareError when the hospital does not start."""
    with tempfile.TemporaryDirectory(prefix="pointofcare-gallery-") as directory:
        running = hospitals.start(Path(directory) / "hospital", seed=SEED, carts=(CART,), phones=phones.NAMES[:1], progress=say)
        try:
            command = [sys.executable, "-m", "simulation.quality_month", str(running.directory / "server.toml"), "--seed", str(SEED)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            case = _a_dose_and_a_stop(running)
            with small_ward.ward_app(Path(directory)) as app:
                bag = next(one for one in running.ward.orders if one.rate is not None and one.verified)
                addresses = dict(_addresses(app, case, bag.id))
                return list(_shown(browser, running, app, addresses, only))
        finally:
            running.stop()


def _a_dose_and_a_stop(running: Hospital) -> Case:
    """What fills the ward board, the records and the review."""
    rng = Random(f"gallery-{running.seed}")
    case = ordinary_dose(running.ward, rng, datetime.now(UTC))
    nurse = VirtualNurse(CART, running.cart_urls[CART], running.hand, wait_s=60)
    day = datetime.now(UTC).date()
    try:
        nurse.wait("the cart's tables", lambda state: not state["strip"]["missing"] and state["strip"]["link"] == "online")
        person = member(running.ward, StaffRole.NURSE)
        nurse.sign_in(labels.badge(person.name, person.roles[0].value, person.badge), person.pin)
        patient, wrong = allergic(running.ward)
        nurse.open_patient(shelf.band_picture(patient)(), patient.id)
        nurse.scan(shelf.pack(wrong, rng, day).picture(), units=1)
        nurse.press("close")
        nurse.open_patient(shelf.band_picture(case.patient)(), case.patient.id)
        state = nurse.scan(shelf.pack(case.product, rng, day).picture(), units=1)
        if state["state"] == "warned":
            nurse.press("acknowledge")
        state = nurse.wait("verified", lambda now: now["state"] == "giving" and now["drawer"] != "opening")
        nurse.press("confirm", record_id=str(state["record_id"]))
        nurse.wait("in the EMR", lambda now: any(done["emr"] == "settled" for done in now["recorded"]))
        nurse.press("close")
    finally:
        nurse.close()
    return case


def _addresses(app: Flask, case: Case, infusion: str) -> Iterator[tuple[str, str]]:
    """Endpoint and address of every page that this hospital can fill."""
    known: Mapping[str, str] = {
        "patient_id": case.patient.id,
        "order_id": infusion,  # the page that prepares bags is the only one
        "product_id": case.product.id,
        "ward": ward.WARD,
        "staff_id": "N1",
        "cart_id": CART,
    }
    query = {
        "orders.form": f"?patient_id={case.patient.id}",
        "transcription.form": f"?patient_id={case.patient.id}",
        "together.listed": f"?ward={ward.WARD}",
    }
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            access = ENDPOINTS.get(rule.endpoint)
            if access is None or "GET" not in (rule.methods or ()) or rule.rule.startswith("/api/") or not rule.arguments <= known.keys():
                continue
            if access.scope is not Scope.NONE and not any(part in rule.endpoint for part in NO_PAGE):
                yield rule.endpoint, url_for(rule.endpoint, **{name: known[name] for name in rule.arguments}) + query.get(rule.endpoint, "")


def _shown(browser: Browser, running: Hospital, app: Flask, addresses: Mapping[str, str], only: str) -> Iterator[Shot]:
    yield from _sign_in_page(browser, running)
    seen: set[str] = set()
    for role in ROLES:
        held = permissions.held_by(frozenset({role}))
        mine = [
            endpoint
            for endpoint in sorted(addresses)
            if endpoint not in seen and ENDPOINTS[endpoint].permission in (None, *held) and only in endpoint
        ]
        if not mine:
            continue
        desk = context(browser, DESK)
        page = desk.new_page()
        _sign_in(page, running, role)
        for endpoint in mine:
            answer = page.goto(running.server_url + addresses[endpoint])
            if answer is None or answer.status != 200 or "html" not in answer.headers.get("content-type", ""):
                say(f"  web {endpoint}: {answer and answer.status}, no picture")
                continue
            seen.add(endpoint)
            yield from _page(page, endpoint.replace(".", "-").replace("_", "-"))
        desk.close()
        say(f"  web as {role.value}")


def _page(page: Page, name: str) -> Iterator[Shot]:
    # Vietnamese last: a page without a choice of languages keeps the one of before.
    for language, sizes in (("en", {"desk": DESK}), ("vi", {"desk": DESK, "phone": PHONE})):
        wanted = [shot for shot in (Shot(group=GROUP, name=name, language=language, screen=screen) for screen in sizes) if is_wanted(shot)]
        if wanted and page.locator("html").get_attribute("lang") != language and page.locator("#language").count():
            page.locator("#language").select_option(language)
            page.locator(f"html[lang={language}]").wait_for()
        for shot in wanted:
            width, height = sizes[shot.screen]
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("window.scrollTo(0, 0)")
            take(page, shot)
            yield shot
        page.set_viewport_size({"width": DESK[0], "height": DESK[1]})


def _sign_in_page(browser: Browser, running: Hospital) -> Iterator[Shot]:
    held = context(browser, DESK)
    page = held.new_page()
    page.goto(running.server_url + "/")
    yield from _page(page, "sign-in")
    held.close()


def _sign_in(page: Page, running: Hospital, role: StaffRole) -> None:
    person = member(running.ward, role)
    page.goto(running.server_url + "/")
    page.locator("#username").fill(person.email)
    page.locator("#password").fill(person.password)
    page.locator("main form button").click()
    page.locator("header .who").wait_for()
