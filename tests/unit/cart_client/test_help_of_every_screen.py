"""Help at the cart: every screen and every page has its own, in every language."""

from __future__ import annotations

import re

import pytest

from cart_client.web import help_pages, words
from pointofcare.administration.session import State
from pointofcare.texts import LANGUAGES, Catalogue, fluent_of, guide

TEXTS = Catalogue("cart_client.web.texts")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", help_pages.CHAPTERS)
def test_each_help_says_what_for_and_what_next(name: str, language: str) -> None:
    for part in ("for", "next"):
        assert TEXTS.has(language, f"help-{name}-{part}")
    steps = {code: TEXTS.text(code, f"help-{name}-next").splitlines() for code in LANGUAGES}
    assert 1 <= len(steps[language]) <= 4
    assert all(steps[language])
    assert len({len(lines) for lines in steps.values()}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_mark_and_key_is_explained(language: str) -> None:
    codes = [f"help-mark-{kind}" for kind in help_pages.STATUSES] + [f"help-tick-{tick}" for tick in help_pages.TICKS]
    codes += [f"status-{kind}" for kind in help_pages.STATUSES] + [f"tick-{tick}" for tick in help_pages.TICKS]
    codes += [code for _, code in help_pages.KEYS]
    codes += [f"help-{code}" for code in ("key", "title", "close", "failed", "for", "next", "marks", "keys", "chapter", "back", "phone")]
    assert [code for code in codes if not TEXTS.has(language, code)] == []


def test_every_state_and_every_face_has_a_help() -> None:
    shown = {help_pages.SCREENS.get(state, "") for state in State} | {words._FACES.get(state, "") for state in State}
    # Beside those of a state, these are made of what a verdict asks for.
    shown |= {"more", "amount", "measure", "changed", "look", "act"}
    assert shown - {""} <= help_pages.CHAPTERS.keys()
    assert set(help_pages.FACES) <= help_pages.CHAPTERS.keys()
    without = [state for state in State if state not in help_pages.SCREENS and state not in words._FACES]
    assert without == []


def test_each_face_that_has_a_word_has_a_help() -> None:
    """A face that somebody adds has a word on the screen, and so is missed here."""
    faces = {found for source in fluent_of("cart_client.web.texts", "vi") for found in re.findall(r"^word-(\S+) =", source, re.MULTILINE)}
    assert {face for face in faces if "-" not in face} - set(help_pages.FACES) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chapter_to_read_on_exists(language: str) -> None:
    read = guide.read(help_pages.GUIDE, language)
    assert read is not None
    assert [number for number in {*help_pages.CHAPTERS.values(), 4} if read.chapter(number) is None] == []
