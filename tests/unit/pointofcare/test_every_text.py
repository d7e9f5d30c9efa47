"""No string is left untranslated or broken: every catalogue of the project, in every language."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from fluent.syntax import FluentParser
from fluent.syntax.ast import Junk, Message, VariableReference
from fluent.syntax.visitor import Visitor

import pointofcare
from pointofcare.texts import LANGUAGES, fluent_of

ROOT = Path(pointofcare.__file__).parents[1]
ROOMS = ("pointofcare", "cart_client", "server", "simulation", "firmware_bridge")
PACKAGES = sorted(
    {".".join(file.parent.relative_to(ROOT).parts) for room in ROOMS for file in (ROOT / room).rglob("*.ftl")},
)
# The rules' English words are the rules' own declarations; the files hold the translations.
ENGLISH_IN_THE_CODE = ("server.web.rule_texts", "en")
# The law gives these forms their words, in Vietnamese whatever the language of the screen.
FORMS_OF_THE_RECORD = "server.usecases.documents.texts"


class _Variables(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: VariableReference) -> None:
        self.names.add(node.id.name)


def _entries(package: str, language: str) -> list[Message | Junk]:
    return [
        entry for source in fluent_of(package, language) for entry in FluentParser().parse(source).body if isinstance(entry, Message | Junk)
    ]


def _messages(package: str, language: str) -> dict[str, Message]:
    return {entry.id.name: entry for entry in _entries(package, language) if isinstance(entry, Message)}


def test_the_catalogues_are_found() -> None:
    assert {"pointofcare.texts", "cart_client.web.texts", "server.web.texts"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_can_be_read_and_stands_once(package: str) -> None:
    for language in LANGUAGES:
        entries = _entries(package, language)
        assert [entry.content for entry in entries if isinstance(entry, Junk)] == [], language
        twice = [name for name, count in Counter(entry.id.name for entry in entries if isinstance(entry, Message)).items() if count > 1]
        assert twice == [], language


@pytest.mark.parametrize("package", PACKAGES)
def test_every_language_has_every_text_with_the_same_variables(package: str) -> None:
    def variables(message: Message) -> set[str]:
        found = _Variables()
        found.visit(message)
        return found.names

    ours = _messages(package, "vi")
    for language in LANGUAGES:
        if (package, language) == ENGLISH_IN_THE_CODE or (package == FORMS_OF_THE_RECORD and language != "vi"):
            continue
        theirs = _messages(package, language)
        assert set(theirs) == set(ours), language
        assert {name for name in ours if variables(ours[name]) != variables(theirs[name])} == set(), language


@pytest.mark.parametrize("package", PACKAGES)
def test_no_vietnamese_text_is_english_left_as_it_was(package: str) -> None:
    """A sentence of four words and more that is the same in both languages was not translated."""

    def plain(source: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-zA-Z][\w-]*) = (.*)$", source, re.MULTILINE))

    vietnamese, english = ({k: v for source in fluent_of(package, language) for k, v in plain(source).items()} for language in ("vi", "en"))
    same = {
        name
        for name, text in vietnamese.items()
        if text == english.get(name) and len(re.findall(r"[a-z]{2,}", re.sub(r"{[^}]*}", "", text))) > 3
    }
    assert same == set()
