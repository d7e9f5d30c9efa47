"""Dated lists: what a decision of the ministry says, from which day, until which day, and where it was read.

A list that was superseded stays, so that an old record is written with the codes of its day. `valid_from` None: from when is not
established, so it holds for every day before the next list; `valid_to` None: still in force.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from pointofcare.errors import ConfigError, NotFoundError

FILES = ("routes", "claims", "catalogue", "codes", "retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """One version of a list. `note` says what is not certain about it, `rows` are its lines as the file has them."""

    name: str
    decision: str
    source: str
    valid_from: date | None = None
    valid_to: date | None = None
    note: str = ""
    rows: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def holds_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@cache
def everything() -> tuple[CodeList, ...]:
    """Every list of the package, those of one name by their first day."""
    return tuple(one for name in FILES for one in read(_text(name), name))


def read(text: str, file: str) -> tuple[CodeList, ...]:
    """The lists of one TOML file. Raises: ConfigError: two lists of one name hold on one day, or one names no decision or source."""
    found: list[CodeList] = []
    for raw in tomllib.loads(text).get("list", ()):
        known = {key: raw[key] for key in ("name", "decision", "source", "valid_from", "valid_to", "note") if key in raw}
        if not all(known.get(key) for key in ("name", "decision", "source")):
            raise ConfigError(f"a list of {file} names no decision or no source", remedy="write where each list was read")
        found.append(CodeList(**known, rows=tuple(raw.get("rows", ()))))
    found.sort(key=lambda one: (one.name, one.valid_from or date.min))
    for before, after in itertools.pairwise(found):
        if before.name == after.name and (before.valid_to is None or after.valid_from is None or before.valid_to >= after.valid_from):
            raise ConfigError(f"{file}: two lists {before.name!r} hold on one day", remedy="end the older one the day before")
    return tuple(found)


def named(name: str) -> tuple[CodeList, ...]:
    return tuple(one for one in everything() if one.name == name)


def on(name: str, day: date) -> CodeList:
    """The list of that name which held on `day`. Raises: NotFoundError."""
    for one in named(name):
        if one.holds_on(day):
            return one
    raise NotFoundError(
        f"no list {name!r} is known for {day.isoformat()}", remedy="add the list of that time", list=name, day=day.isoformat()
    )


def _text(name: str) -> str:
    return resources.files("pointofcare.vietnam.data").joinpath(f"{name}.toml").read_text(encoding="utf-8")
