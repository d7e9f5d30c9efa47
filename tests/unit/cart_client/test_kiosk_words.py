"""Every text of the kiosk exists in every language, and everything that a page asks for has one."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from fluent.syntax import FluentParser
from fluent.syntax.ast import Message

from cart_client.web import words
from pointofcare.administration.session import State
from pointofcare.texts import LANGUAGES, clinical, fluent_of
from pointofcare.verdict.finding import Level


@cache
def _messages(language: str) -> dict[str, Message]:
    text = "\n".join(fluent_of("cart_client.web.texts", language))
    return {entry.id.name: entry for entry in FluentParser().parse(text).body if isinstance(entry, Message)}


def test_each_language_has_the_same_texts() -> None:
    wanted = set(_messages("vi"))
    for language in LANGUAGES:
        assert set(_messages(language)) == wanted, language


def test_every_text_that_a_page_asks_for_exists() -> None:
    asked = set()
    for template in resources.files("cart_client.web.templates").iterdir():
        asked |= set(re.findall(r"w\.t\('([a-z-]+)'[,)]", template.read_text(encoding="utf-8")))
    faces = {*words._FACES.values(), "changed", "more", "amount", "measure"}
    asked |= {f"word-{face}" for face in faces} | {f"explain-{face}" for face in faces}
    missing = {code for code in asked if code not in _messages("vi") and not clinical().has("vi", code)}
    assert not missing


def test_every_notice_that_the_loop_can_say_has_a_text() -> None:
    rooms = [file.read_text(encoding="utf-8") for file in resources.files("cart_client").iterdir() if file.name.endswith(".py")]
    calls = [call for source in rooms for call in re.findall(r"\bsay\((?:visit|v|self\.visit),([^\n]*)", source)]
    said = {code for call in calls for code in re.findall(r'(?<!=)"([a-z-]+)"', call)}
    assert len(said) > 20
    assert {code for code in said if f"notice-{code}" not in _messages("vi")} == set()


def test_every_coded_reason_has_words_in_every_language() -> None:
    codes = {*words.OVERRIDE_REASONS, *words.BAND_REASONS, *words.LATE_REASONS, *(c.split(":")[1] for c in words.DECLINE_REASONS)}
    for language in LANGUAGES:
        own = set(_messages(language))
        assert {c for c in codes if f"reason-{c}" not in own and not clinical().has(language, f"reason-{c}")} == set()


def test_every_level_above_note_has_its_own_full_screen() -> None:
    faces = {words._FACES[state] for state in (State.STOPPED, State.AWAITING_WITNESS, State.AWAITING_REASON, State.WARNED, State.GIVING)}
    assert len(faces) == len([level for level in Level if level > Level.NOTE]) + 1
