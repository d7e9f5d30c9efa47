"""The cart's pages without a browser: days as each language writes them, and help that reads and changes nothing."""

from __future__ import annotations

import html
import re
from concurrent.futures import Future
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cart_client.inbox import Answer, Asked, Command
from cart_client.web import help_pages
from cart_client.web.app import create_app
from pointofcare.texts import LANGUAGES
from tests.support.cart_ward import AMOX, Stand, band, pack

ISO = re.compile(r"\b(?:19|20)[0-9]{2}-[0-1][0-9]-[0-3][0-9]")
BESIDE = ("/beside/drugs", "/beside/vitals", "/beside/skin", "/beside/handover", "/beside/late", "/beside/anaphylaxis")


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


@pytest.fixture
def screen(stand: Stand) -> FlaskClient:
    def ask(command: Command) -> Answer:
        asked = Asked(command=command, answer=Future())
        stand.put(asked)
        answer: Answer = asked.answer.result(0)
        return answer

    app = create_app(view=lambda: stand.view, ask=ask, jpeg=lambda: None, names=stand.chart.names)
    app.config["TESTING"] = True
    return app.test_client()


def read(page: str) -> str:
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page.split("<body", 1)[-1], flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", " ", body))


def stopped(stand: Stand) -> None:
    stand.sign_in()
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX, expiry="250131"))
    assert stand.state == "stopped"


@pytest.mark.parametrize(("language", "expiry"), [("vi", "31/01/2025"), ("fr", "31/01/2025"), ("en", "31 Jan 2025")])
def test_a_stop_and_the_pages_beside_it_write_days_as_the_language_does(
    stand: Stand, screen: FlaskClient, language: str, expiry: str
) -> None:
    screen.set_cookie("language", language)
    stopped(stand)
    for address in ("/", *BESIDE):
        text = read(screen.get(address, follow_redirects=True).text)
        assert [text[max(0, hit.start() - 40) : hit.end()] for hit in ISO.finditer(text)] == [], address
    assert expiry in read(screen.get("/").text)


def test_help_says_which_screen_it_is_about_and_changes_nothing(stand: Stand, screen: FlaskClient) -> None:
    stopped(stand)
    before, moment = stand.view.session, stand.view.moment
    answer = screen.get("/help/now")
    assert answer.headers["X-Moment"] == str(moment)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "DỪNG" in answer.text
    for name in help_pages.CHAPTERS:
        assert screen.get(f"/help/on/{name}").status_code == 200
    assert (stand.view.session, stand.view.moment) == (before, moment)


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_is_there_before_anybody_has_signed_in_and_names_nobody(stand: Stand, screen: FlaskClient, language: str) -> None:
    screen.set_cookie("language", language)
    for address in ("/help/now", *(f"/help/on/{name}" for name in help_pages.CHAPTERS), "/help/chapter/2"):
        answer = screen.get(address)
        assert answer.status_code == 200
        assert "NGUYỄN" not in answer.text
        assert "help-" not in read(answer.text)  # a text that is missing shows its code
    assert screen.get("/help/on/nothing").status_code == 404
    assert screen.get("/help/chapter/50").status_code == 404


def test_every_page_of_the_cart_has_its_button(stand: Stand, screen: FlaskClient) -> None:
    assert 'data-help="/help/now"' in screen.get("/").text
    stand.sign_in()
    stand.hold(band("P1"))
    for address in BESIDE:
        page = screen.get(address).text
        assert re.search(r'data-help="/help/on/care-[a-z]+"', page), address


def test_the_pages_beside_the_dose_follow_the_light_of_this_screen(stand: Stand, screen: FlaskClient) -> None:
    stand.sign_in()
    stand.hold(band("P1"))
    for theme in ("light", "dark", "auto"):
        screen.set_cookie("theme", theme)
        for address in ("/", *BESIDE):
            assert f'data-theme="{theme}"' in screen.get(address).text, (theme, address)


def test_every_page_that_a_cart_serves_is_known_to_its_help(screen: FlaskClient) -> None:
    """A page beside the dose that somebody adds needs a help of its own."""
    served = {
        rule.endpoint
        for rule in screen.application.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint.startswith(("care.", "witness.")) and not rule.endpoint.endswith("static")
    }
    assert served - help_pages.PAGES.keys() == set()
