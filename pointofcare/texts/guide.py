"""The guides by task (docs/guides) as HTML, for the pages that show them: chapters with an address of their own, in the reader's language.

Packaged, constant data, as the catalogues are. Pictures are left out, links that lead out of the guides become plain words, and HTML in a
guide is shown as text: what comes from here needs nothing from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from markdown_it import MarkdownIt
from markdown_it.token import Token

from pointofcare.texts import DEFAULT_LANGUAGE, LANGUAGES

GUIDES = ("nurse", "pharmacist", "manager")
# In which other language a guide is shown where the reader's own has none.
_INSTEAD = {"fr": ("en", "vi"), "en": ("vi",), "vi": ("en",)}
_OTHER_GUIDE = re.compile(r"(?P<name>[a-z]+)\.(?:vi|en|fr)\.md")
# A paragraph with so many links that lead nowhere from here is a list of further reading, and left out.
_LIST_OF_LINKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """`number` is the same in every language, from 1; 0 is what stands before the first. `html` has the heading too."""

    number: int
    title: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    name: str
    language: str
    title: str
    chapters: tuple[Chapter, ...]

    def chapter(self, number: int) -> Chapter | None:
        return next((each for each in self.chapters if each.number == number), None)


@cache
def read(name: str, language: str) -> Guide | None:
    """The guide in `language`, else in another one that has it (`Guide.language` says which); None of no such guide."""
    if name not in GUIDES:
        return None
    language = language if language in LANGUAGES else DEFAULT_LANGUAGE
    folder = resources.files("pointofcare.texts") / "guides"
    for candidate in (language, *_INSTEAD[language]):
        file = folder / f"{name}.{candidate}.md"
        if file.is_file():
            return made(name, candidate, file.read_text(encoding="utf-8"))
    return None


def made(name: str, language: str, source: str) -> Guide:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    title, chapters = "", []
    for number, tokens in enumerate(_parts(reader.parse(source))):
        heading = next((tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"), "")
        if number == 0:
            title = heading
        html = str(reader.renderer.render(_fitted(tokens), reader.options, {}))
        chapters.append(Chapter(number=number, title=heading, html=html))
    return Guide(name=name, language=language, title=title, chapters=tuple(chapters))


def _parts(tokens: Sequence[Token]) -> list[list[Token]]:
    """What stands before the first chapter, then each chapter from its heading on."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.type == "heading_open" and token.tag == "h2":
            parts.append([])
        parts[-1].append(token)
    return parts


def _fitted(tokens: Sequence[Token]) -> list[Token]:
    """Without pictures and dead links, and without the paragraphs that are empty then."""
    for token in tokens:
        if token.type == "inline":
            token.children = _inline(token.children or [])
    kept: list[Token] = []
    place = 0
    while place < len(tokens):
        if tokens[place].type == "paragraph_open" and not any(child.content.strip() for child in tokens[place + 1].children or ()):
            place += 3
            continue
        kept.append(tokens[place])
        place += 1
    return kept


def _inline(children: Sequence[Token]) -> list[Token]:
    """Without pictures, and without links that lead nowhere from here; nothing of a list of such links."""
    if sum(child.type == "link_open" and _leads(child) is None for child in children) >= _LIST_OF_LINKS:
        return []
    kept: list[Token] = []
    leads: list[bool] = []
    for child in children:
        if child.type == "link_open":
            other = _leads(child)
            leads.append(other is not None)
            if other is not None:
                child.attrs["href"] = f"/help/{other}"
        is_dead = (child.type == "link_open" and not leads[-1]) or (child.type == "link_close" and not leads.pop())
        if child.type != "image" and not is_dead:
            kept.append(child)
    return kept


def _leads(link: Token) -> str | None:
    """The guide that a link leads to; None of any other."""
    found = _OTHER_GUIDE.fullmatch(str(link.attrs.get("href", "")))
    return found["name"] if found is not None else None
