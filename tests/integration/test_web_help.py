"""Help on every page of the server: there for everybody, in every language, and about nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pointofcare.texts import LANGUAGES, Catalogue, guide
from server.security.viewing import UNWATCHED, VIEWS
from server.web import help as help_pages
from tests.support import server_ward, web

TEXTS = Catalogue("server.web.texts")
TOPICS = {topic.name: topic for topic in (*help_pages.TOPICS.values(), help_pages.FAULT)}
# Answered with JSON, with a file or by nothing at all: no page of this program.
OTHER = (
    "api.", "api-docs.", "fhir.", "fhir_feed.", "api_page", "verdicts.", "enrolment.", "fleet_api.",
    "healthz", "security.static", "security.verify", "security.logout",
)  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("help"), verified=True) as made:
        yield made


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def test_every_page_has_its_help(app: Flask) -> None:
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.endpoint.startswith(OTHER)}
    assert pages - help_pages.TOPICS.keys() - help_pages.NO_PAGE == set()
    assert help_pages.TOPICS.keys() & help_pages.NO_PAGE == set()
    served = {*VIEWS, *UNWATCHED}
    assert help_pages.TOPICS.keys() - served == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TOPICS)
def test_each_help_says_what_for_and_what_next(name: str, language: str) -> None:
    assert TEXTS.has(language, f"help-{name}-for")
    steps = {code: TEXTS.text(code, f"help-{name}-next").splitlines() for code in LANGUAGES}
    assert steps[language] != [f"help-{name}-next"]
    assert all(steps[language])
    assert len({len(lines) for lines in steps.values()}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_mark_key_and_chapter_exists(language: str) -> None:
    codes = [code for marks in help_pages.MARKS.values() for mark in marks for code in (mark.word, mark.means)]
    codes += [code for keys in (*help_pages.KEYS.values(), help_pages.EVERYWHERE) for _, code in keys]
    assert [code for code in codes if not TEXTS.has(language, code)] == []
    for topic in TOPICS.values():
        assert set(topic.marks) <= help_pages.MARKS.keys()
        assert not topic.keys or topic.keys in help_pages.KEYS
        if topic.guide:
            read = guide.read(topic.guide, language)
            assert read is not None
            assert read.chapter(topic.chapter) is not None, topic.name


def test_help_is_there_before_anybody_has_signed_in(browser: FlaskClient) -> None:
    page = browser.get("/sign-in").text
    assert 'data-help="/help/on/sign-in"' in page
    for address in ("/help/on/sign-in", "/help/on/sign-in?part=help", "/help/", "/help/nurse"):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_the_part_is_no_page_and_the_page_has_a_way_on(browser: FlaskClient) -> None:
    part = browser.get("/help/on/pharmacy?part=help").text
    assert "<html" not in part
    assert 'href="/help/pharmacist#c1"' in part
    assert "help-marks" in browser.get("/help/on/pharmacy").text


def test_help_that_is_not_there_is_not_found(browser: FlaskClient) -> None:
    for address in ("/help/on/nothing", "/help/readme", "/help/on/<b>"):
        assert browser.get(address).status_code == 404


@pytest.mark.parametrize(
    ("person", "address", "topic"),
    [
        (server_ward.PHARMACIST, "/pharmacy/", "pharmacy"),
        (server_ward.CHARGE, "/ward/", "ward"),
        (server_ward.CHARGE, "/patients/P1", "patient"),
        (server_ward.CHARGE, "/patients/nobody", "patient"),
        (web.FLEET, "/fleet/", "fleet"),
        (web.FLEET, "/nowhere", "fault"),
    ],
)
def test_each_page_leads_to_its_own(app: Flask, person: server_ward.Actor, address: str, topic: str) -> None:
    page = web.signed_in(app, person, factor=True).get(address).text
    assert f'data-help="/help/on/{topic}"' in page


def test_a_wall_screen_has_it_too_and_it_closes_by_itself(browser: FlaskClient) -> None:
    page = browser.get("/wall/").text
    assert 'data-help="/help/on/wall"' in page
    assert 'data-help-closes="60"' in page


def test_help_names_no_patient(app: Flask) -> None:
    browser = web.signed_in(app, server_ward.CHARGE, factor=True)
    for name in TOPICS:
        assert "NGUYỄN" not in browser.get(f"/help/on/{name}?part=help").text


def test_the_guides_are_packaged() -> None:
    """They lie in a package, so that an installed program has them."""
    import pointofcare.texts

    folder = Path(pointofcare.texts.__file__).parent / "guides"
    assert {path.name for path in folder.glob("*.md")} >= {f"{name}.vi.md" for name in guide.GUIDES}
