"""Writes the part of Bootstrap's stylesheet that the server's pages use, so that no browser reads four times as much before its first view.

`python -m simulation.used_css` writes `bootstrap-VERSION.used.css` beside the vendored file; an architecture test says when a page uses a
class that is not in it. A word that stands in a template, a script or a module of the pages counts as a class that is used: rather too much
is kept than too little. Selectors without a class are always kept.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

WEB = Path(__file__).parents[1] / "server" / "web"
VENDOR = WEB / "static" / "vendor"
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_VARIABLE = re.compile(r"--[\w-]+")
_SET = re.compile(r"(?<=[{;])(--[\w-]+):[^;}]*(?:;|(?=}))")
# What is inside `:not(...)` need not be on the page.
_NOT = re.compile(r":not\([^()]*\)")


def source() -> Path:
    """The whole stylesheet, as it was vendored."""
    (found,) = VENDOR.glob("bootstrap-*.min.css")
    return found


def target() -> Path:
    return VENDOR / source().name.replace(".min.css", ".used.css")


def words() -> frozenset[str]:
    """Every word of the pages' templates, scripts and modules."""
    files = [*WEB.rglob("*.html"), *(WEB / "static").glob("*.js"), *WEB.rglob("*.py")]
    return frozenset(word for file in files for word in _WORD.findall(file.read_text(encoding="utf-8")))


def made() -> str:
    """The stylesheet of what is used, its licence first."""
    text = source().read_text(encoding="utf-8")
    comment = re.match(r"@charset[^;]*;?\s*(/\*!.*?\*/)|(/\*!.*?\*/)", text, re.DOTALL)
    kept = _kept(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL), words())
    kept = _without_unused_variables(kept)
    head = (comment[1] or comment[2]) if comment else ""
    return f"{head}\n/* Only what these pages use: made from {source().name} by simulation/used_css.py. */\n{kept}\n"


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """(what stands before the braces, what stands in them) of each rule at this level; (statement, "") of one without braces."""
    place = 0
    while place < len(text):
        opening, ending = text.find("{", place), text.find(";", place)
        if opening < 0:
            return
        if 0 <= ending < opening:
            place = ending + 1
            continue
        depth, here = 1, opening + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[here], 0)
            here += 1
        yield text[place:opening].strip(), text[opening + 1 : here - 1]
        place = here


def _kept(text: str, used: frozenset[str]) -> str:
    found = []
    for head, body in _rules(text):
        if head.startswith(("@media", "@supports")):
            inner = _kept(body, used)
            if inner:
                found.append(f"{head}{{{inner}}}")
        elif head.startswith("@"):
            name = head.split()[-1]
            if not head.startswith("@keyframes") or name in used or name.removeprefix("progress-bar-") in used:
                found.append(f"{head}{{{body}}}")
        else:
            selectors = [each for each in _selectors(head) if all(name in used for name in _CLASS.findall(_NOT.sub("", each)))]
            if selectors:
                found.append(f"{','.join(selectors)}{{{body}}}")
    return "".join(found)


def _selectors(head: str) -> list[str]:
    """The selectors of a list; commas in brackets are none of the list's."""
    found, depth, begin = [], 0, 0
    for place, sign in enumerate(head):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
        if sign == "," and not depth:
            found.append(head[begin:place])
            begin = place + 1
    return [*found, head[begin:]]


def _without_unused_variables(text: str) -> str:
    """Until nothing changes, for a variable may be used by another one that nobody uses."""
    own = "".join(file.read_text(encoding="utf-8") for file in [*(WEB / "static").glob("*.css"), *(WEB / "static").glob("*.js")])
    while True:
        used = frozenset(_VARIABLE.findall(" ".join(re.findall(r"var\([^)]*", text)))) | frozenset(_VARIABLE.findall(own))
        less = _SET.sub(partial(_if_used, used), text)
        if less == text:
            return text
        text = less


def _if_used(used: frozenset[str], found: re.Match[str]) -> str:
    return found[0] if found[1] in used else ""


def main() -> int:
    target().write_text(made(), encoding="utf-8")
    print(f"{target().name}: {target().stat().st_size} of {source().stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
