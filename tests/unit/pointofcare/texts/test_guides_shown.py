"""The guides as pages show them: the same chapters in every language, nothing that leads out of the program."""

from __future__ import annotations

import re

import pytest

from pointofcare.texts import LANGUAGES, guide

EVERY = [(name, language) for name in guide.GUIDES for language in LANGUAGES]


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_each_guide_can_be_read_in_each_language(name: str, language: str) -> None:
    found = guide.read(name, language)
    assert found is not None
    assert found.title
    assert [chapter.number for chapter in found.chapters] == list(range(len(found.chapters)))
    assert all(chapter.title and chapter.html.strip() for chapter in found.chapters)
    assert found.language == language


@pytest.mark.parametrize("name", guide.GUIDES)
def test_a_chapter_has_the_same_number_in_every_language(name: str) -> None:
    numbers = {len(found.chapters) for language in LANGUAGES if (found := guide.read(name, language))}
    assert len(numbers) == 1


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_nothing_in_it_is_fetched_or_leads_away(name: str, language: str) -> None:
    found = guide.read(name, language)
    assert found is not None
    html = "".join(chapter.html for chapter in found.chapters)
    assert not re.search(r"<(img|script|style|link|iframe|object)|style=| on[a-z]+=", html)
    assert all(re.fullmatch(r"/help/[a-z]+", address) for address in re.findall(r'href="([^"]*)"', html))
    assert "<p></p>" not in html


def test_html_in_a_guide_is_shown_as_text() -> None:
    made = guide.made("nurse", "en", "# A\n\n<script>alert(1)</script>\n\n## B\n\n[out](https://example.org) <b>x</b>\n")
    html = "".join(chapter.html for chapter in made.chapters)
    assert "<script" not in html
    assert "<b>" not in html
    assert "href" not in html


def test_there_is_no_guide_of_another_name() -> None:
    assert guide.read("../../README", "en") is None
    assert guide.read("nurse", "xx") == guide.read("nurse", "vi")
