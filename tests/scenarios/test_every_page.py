"""Every page of the server that the small ward can fill, in light and dark, on a phone and at a desk: no barrier, nothing too small.

The pages are those of the table of endpoints, so that a new page is looked at without anybody remembering to.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask, url_for
from playwright.sync_api import Browser, BrowserContext
from waitress.server import create_server

from server.security import permissions
from server.security.access import ENDPOINTS, Scope
from server.store import documents
from server.store.transaction import Actor, transaction
from server.usecases import incidents
from tests.support import server_ward, web
from tests.support.browser import chromium, inspect

__all__ = ["chromium"]
pytestmark = pytest.mark.timeout(600)
TOUCH = "main .btn, main button, header nav a, main select, main summary, main input:not([type=hidden])"
PEOPLE = (server_ward.PHARMACIST, server_ward.PRESCRIBER, server_ward.CHARGE, server_ward.NURSE, web.FLEET, web.ADMIN)
# Answered with a file, with JSON or by leading elsewhere, or of somebody who is not signed in.
KNOWN = {
    "patient_id": "P1",
    "order_id": "O1",
    "ward": server_ward.WARD,
    "ward_id": server_ward.WARD,
    "staff_id": "N1",
    "product_id": server_ward.AMOXICILLIN.id,
    "code": "A" * 16,
    "report_id": "0a8b2f6e-3c1d-4f5a-9b7e-1234567890ab",
}
QUERY = {"orders.form": "?patient_id=P1", "transcription.form": "?patient_id=P1"}
NO_PAGE = (
    "fhir.",
    "history.export",
    "incoming.payload",
    "documents.file",
    "documents.find",
    "export",
    "openapi",
    "static",
    "healthz",
    "health.",
    "api_page",
    "enrolment.",
    "sign_in.",
    "security.",
    "wall.show",
    "variance",
    "picture",
    "catalogue.template",
    "claims.faulty",
    "claims.rows",
    "claims.schema",
    "claims.unbilled",
    "claims.xml",
    "fleet_api.",
    "fleet_care.assets",
    "fleet_care.ics",
    "metrics.show",
    "releases.",
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("pages"), verified=True) as made:
        with made.app_context(), transaction(server_ward.NURSE) as tx:
            at = {"since": tx.at, "until": tx.at, "made_by": "N1", "made_at": tx.at, "version": 1, "pages": 1, "size_bytes": 1}
            signed = ({"name": "BỆNH VIỆN MÔ PHỎNG", "level": "B-T"},)
            about = {"code": KNOWN["code"], "kind": "medication", "subject": "P1", "ward": server_ward.WARD}
            issue = documents.Issue(content="c", digest="d" * 64, signatures=signed, **about, **at)  # type: ignore[arg-type]
            documents.add(tx, issue, b"%PDF", kept_for=timedelta(days=1))
            seen = {
                "form": KNOWN["report_id"],
                "kind": "label",
                "reached": "yes",
                "words": "tem mờ",
                "page": "patients.show",
                "patient": "P1",
            }
            incidents.report(tx, server_ward.NURSE, incidents.Told(anonymous=False, **seen))  # type: ignore[arg-type]
        yield made


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


def pages_of(app: Flask, person: Actor, seen: set[str]) -> list[str]:
    """Addresses that this person may open and that nobody before did."""
    held = permissions.held_by(person.roles)
    found = []
    for rule in app.url_map.iter_rules():
        access = ENDPOINTS.get(rule.endpoint)
        if (
            rule.rule.startswith("/api/")
            or not rule.arguments <= KNOWN.keys()
            or "GET" not in (rule.methods or ())
            or access is None
            or rule.endpoint in seen
        ):
            continue
        if any(part in rule.endpoint for part in NO_PAGE) or (access.permission is not None and access.permission not in held):
            continue
        if access.scope is not Scope.NONE:
            seen.add(rule.endpoint)
            with app.test_request_context():
                values = {name: KNOWN[name] for name in rule.arguments}
                found.append(url_for(rule.endpoint, **values) + QUERY.get(rule.endpoint, ""))
    return sorted(found)


def browser_of(app: Flask, address: str, chromium: Browser, person: Actor, **how: object) -> BrowserContext:
    name = app.config["SESSION_COOKIE_NAME"]
    cookie = web.signed_in(app, person, factor=True).get_cookie(name)
    assert cookie is not None
    context = chromium.new_context(**how)  # type: ignore[arg-type]
    context.add_cookies([{"name": name, "value": cookie.value, "url": address}])
    return context


@pytest.mark.parametrize(
    ("scheme", "width", "height"), [("light", 1280, 800), ("dark", 390, 844)], ids=["light at a desk", "dark on a phone"]
)
def test_no_page_has_a_barrier(app: Flask, address: str, chromium: Browser, scheme: str, width: int, height: int) -> None:
    wrongs: list[str] = []
    seen: set[str] = set()
    for person in PEOPLE:
        how = {"color_scheme": scheme, "viewport": {"width": width, "height": height}, "locale": "en-GB"}
        context = browser_of(app, address, chromium, person, **how)
        page = context.new_page()
        page.on("console", lambda message: wrongs.append(f"{page.url}: {message.text}") if message.type == "error" else None)  # noqa: B023
        for path in pages_of(app, person, seen):
            answer = page.goto(f"{address}{path}")
            assert answer is not None
            if answer.status != 200:
                wrongs.append(f"{path} as {person.id}: {answer.status}")
                continue
            if page.evaluate("document.documentElement.dataset.bsTheme") not in (scheme, None):
                wrongs.append(f"{path} is not {scheme}")
            wrongs += inspect(page, TOUCH)
        context.close()
    assert len(seen) > 25
    assert not wrongs, "\n".join(wrongs)
