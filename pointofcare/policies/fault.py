"""What is wrong with a policy file: where, what, and what to write instead, in three languages.

Must never show a bare code: a fault without a sentence is itself a fault, and a test looks for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from pointofcare.errors import MessageError
from pointofcare.texts import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`path` as in the file ("window.stat.value", "hold[2].below"; lines count from 1), `line` of the text where it can be told."""

    path: str
    code: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None

    @property
    def about_text(self) -> bool:
        """Is it about the whole text, not about one place in it?"""
        return not self.path


class PolicyFileError(MessageError):
    """A policy file has faults: `faults` are all of them, `problems` the same in English."""

    code = "policy-unreadable"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        problems = tuple((fault.path, " ".join(sentence("en", fault))) for fault in self.faults)
        first = f"{problems[0][0]}: {problems[0][1]}" if problems and problems[0][0] else (problems[0][1] if problems else "")
        super().__init__(f"the policy file has {len(self.faults)} fault(s); {first}", problems=problems)


@cache
def words() -> Catalogue:
    """The texts of this room."""
    return Catalogue("pointofcare.policies")


def sentence(language: str, fault: Fault) -> tuple[str, str]:
    """(what is wrong, what to do) in `language`."""
    parameters = {**fault.parameters, "path": fault.path}
    if "bounds" in parameters:
        parameters["bounds"] = words().text(language, f"bounds-{parameters['bounds']}")
    return (
        words().text(language, f"fault-{fault.code}", parameters),
        words().text(language, f"remedy-{fault.code}", parameters),
    )


_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\-\"']+)\s*=")


def line_of(text: str, path: str) -> int | None:
    """The line (from 1) at which `path` stands, or the one that opens the table it should stand in; None when it cannot be told."""
    wanted = re.fullmatch(r"([A-Za-z0-9_.\-]+?)(?:\[(\d+)\])?(?:\.(\w+))?", path)
    if wanted is None:
        return None
    name, number, key = wanted[1], int(wanted[2] or 0), wanted[3]
    table, count, opened, best = "", 0, False, None
    for place, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            table = header[2].replace('"', "").replace("'", "").replace(" ", "")
            if number and header[1] == "[[" and table == name:
                count += 1
            opened = count == number if number else False
            if (number and table == name and count == number) or (not number and table in (name, path)):
                best = best or place
            continue
        found = _KEY.match(line)
        if not found:
            continue
        here = found[1].replace('"', "").replace("'", "")
        if number:
            if opened and table == name and here == key:
                return place
        elif path in (here, f"{table}.{here}"):
            return place
    return best
