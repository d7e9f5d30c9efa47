"""On every page of the server: days as the reader's language writes them, never as programs do."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from pointofcare.texts import LANGUAGES
from server.store.transaction import Actor
from tests.scenarios.test_every_page import PEOPLE, pages_of
from tests.support import web

ISO = re.compile(r"\b(?:19|20)[0-9]{2}-[0-1][0-9]-[0-3][0-9]")
# An English page that says "05/03" says two days.
TWO_DAYS = re.compile(r"\b[0-3][0-9]/[0-1][0-9](?:/[0-9]{4})?\b")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("written"), verified=True) as made:
        yield made


def read(page: str) -> str:
    """What a person reads of a page: no tags, no attributes, and not what is shown as a file or as a program keeps it."""
    main = page.split("<main", 1)[-1].split("</main>", 1)[0]
    for typed in ("05/03/1990", "22/11/2026 18:30"):  # the examples beside fields that say how a day is typed
        main = main.replace(typed, " ")
    main = re.sub(r"<(script|style|pre|code|textarea)\b.*?</\1>", " ", main, flags=re.DOTALL)
    main = re.sub(r'<(\w+)[^>]*class="[^"]*\bmono\b[^"]*"[^>]*>.*?</\1>', " ", main, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", " ", main))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_shows_a_day_as_a_program_writes_it(app: Flask, language: str) -> None:
    seen: set[str] = set()
    wrongs: list[str] = []
    for person in PEOPLE:
        wrongs += of_person(app, person, language, seen)
    assert len(seen) > 25
    assert not wrongs, "\n".join(wrongs)


def of_person(app: Flask, person: Actor, language: str, seen: set[str]) -> list[str]:
    browser = web.signed_in(app, person, factor=True)
    with browser.session_transaction() as session:
        session["language"] = language
    found = []
    for address in pages_of(app, person, seen):
        text = read(browser.get(address).text)
        found += [f"{address}: {text[max(0, hit.start() - 40) : hit.end() + 20]!r}" for hit in ISO.finditer(text)]
        if language == "en":
            found += [f"{address}: {text[max(0, hit.start() - 40) : hit.end() + 20]!r}" for hit in TWO_DAYS.finditer(text)]
    return found
