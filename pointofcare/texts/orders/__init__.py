"""Why an order cannot be given by scan yet, in the reader's language: the words of each code of `orders.clarify` and of each fault of
an import.

A clarification is kept as text, one "clarify-code=value" a line, so that each reader gets it in his language. Must never drop a line:
one that is no code of ours is shown as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pointofcare.orders.clarify import Problem
from pointofcare.texts import Catalogue

PREFIX = "clarify-"


def stored(problems: Iterable[Problem]) -> str:
    """Problems as `Order.clarification` keeps them; "" for none. The value is the field, where one says more than the code."""
    return "\n".join(f"{PREFIX}{problem.code}={problem.field}" for problem in problems)


def words(language: str, clarification: str) -> str:
    """A kept clarification (or bare codes, one a line or parted by ", ") as one line for a person."""
    return "; ".join(dict.fromkeys(_line(language, line.strip()) for line in clarification.splitlines() if line.strip()))


def part(language: str, code: str, value: str) -> str:
    """One fault: `code` with its prefix, `value` what was found."""
    return catalogue().text(language, code, {"value": value})


@cache
def catalogue() -> Catalogue:
    return Catalogue("pointofcare.texts.orders")


def _line(language: str, line: str) -> str:
    code, equals, value = line.partition("=")
    if equals and catalogue().has(language, code):
        return part(language, code, value)
    if equals and code == "note":
        return value
    pieces = [f"{PREFIX}{piece}" for piece in line.split(", ")]
    if all(catalogue().has(language, piece) for piece in pieces):
        return ", ".join(part(language, piece, "") for piece in pieces)
    return line
