"""Collecting every fault of a text while it is read, and the readings that single values and lines share.

A reader gives None for what it noted a fault about. Must never raise, and must never guess: what is not exactly understood is a
fault.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from pointofcare.policies.entries import UNITS
from pointofcare.policies.fault import Fault, line_of

SHOWN = 60
MOST_FAULTS = 200
SOURCE_LENGTH = (3, 300)
NAME_LENGTH = (2, 80)
_SPAN = re.compile(r"(?P<number>(?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,3})?) (?P<unit>\S{1,40})", re.ASCII)


@dataclass(slots=True)
class Notes:
    """The faults found so far."""

    faults: list[Fault] = field(default_factory=list)

    def note(self, path: str, code: str, **parameters: object) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(path=path, code=code, parameters={name: str(value) for name, value in parameters.items()}))

    def placed(self, text: str) -> tuple[Fault, ...]:
        """In the order of the text, each with its line."""
        found = [replace(fault, line=line_of(text, fault.path)) for fault in self.faults]
        return tuple(sorted(found, key=lambda fault: fault.line or 0))


def brief(value: object) -> str:
    """Any value of a file as it may be shown in a sentence."""
    text = "".join(sign if sign.isprintable() else "?" for sign in str(value))
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was most likely meant, "" when none is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return found[0] if found else ""


def unknown_names(table: Mapping[str, object], known: Iterable[str], path: str, notes: Notes) -> None:
    """Notes each key of `table` that is not among `known`."""
    names = tuple(known)
    for key in table:
        if key in names:
            continue
        here = f"{path}.{key}" if path else key
        near = nearest(key, names)
        if near:
            notes.note(here, "unknown-name-near", name=brief(key), near=near)
        else:
            notes.note(here, "unknown-key", name=brief(key), known=", ".join(names))


def plain_text(value: object, path: str, notes: Notes, *, length: tuple[int, int]) -> str | None:
    """One line of text in NFC, single-spaced; no sign that is invisible or turns the reading order."""
    least, most = length
    if isinstance(value, str):
        text = " ".join(unicodedata.normalize("NFC", value).split())
        if least <= len(text) <= most and text.isprintable():
            return text
    notes.note(path, "bad-text", least=least, most=most)
    return None


def source_of(table: Mapping[str, object], path: str, notes: Notes) -> str | None:
    """Every value says where it comes from; one that does not is refused."""
    if "source" not in table or (isinstance(table["source"], str) and not table["source"].strip()):
        notes.note(path, "no-source")
        return None
    return plain_text(table["source"], f"{path}.source", notes, length=SOURCE_LENGTH)


def span(value: object, path: str, notes: Notes, *, low: timedelta, high: timedelta, unit: str, bounds: str) -> timedelta | None:
    """A length of time such as "30 min" from `low` to `high`."""
    example = written_span(low, unit)
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        notes.note(path, "not-a-span", found=brief(value), example=example)
        return None
    if found["unit"] not in UNITS:
        notes.note(path, "unit-not-time", unit=brief(found["unit"]), example=example)
        return None
    seconds = Fraction(Decimal(found["number"])) * int(UNITS[found["unit"]].total_seconds())
    if seconds.denominator != 1:
        notes.note(path, "not-a-span", found=brief(value), example=example)
        return None
    if not low.total_seconds() <= seconds <= high.total_seconds():
        notes.note(path, "out-of-range", found=brief(value), low=written_span(low, unit), high=written_span(high, unit), bounds=bounds)
        return None
    return timedelta(seconds=int(seconds))


def written_span(value: timedelta, unit: str) -> str:
    """A whole number of `unit`, else of the largest unit that gives a whole number: "90 min", "45 s"."""
    for name in (unit, *UNITS):
        if value % UNITS[name] == timedelta(0):
            return f"{value // UNITS[name]} {name}"
    return f"{value.total_seconds():f} s"
