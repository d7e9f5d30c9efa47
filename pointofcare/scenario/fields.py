"""Strict reading of one JSON object: every key must be known, every value of its kind, every fault collected with its path.

Must never raise for content and never guess: a fault is noted and a stand-in returned, so that all faults of a file are told
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import TypeVar

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Faults:
    """What is wrong with a file, as (path, what to do)."""

    problems: list[tuple[str, str]] = field(default_factory=list)

    def note(self, path: str, remedy: str) -> None:
        self.problems.append((path, remedy))


class Fields:
    """One JSON object being read. Call `done()` last: it notes the keys that nobody asked for. null counts as absent.

    `format` is the format that the file names at its top: keys of a later one are not known in an earlier one."""

    def __init__(self, value: object, path: str, faults: Faults, file_format: int = 1) -> None:
        self.path = path
        self.faults = faults
        self.format = file_format
        self._asked: set[str] = set()
        self._value: Mapping[str, object] = {}
        if isinstance(value, dict):
            self._value = value
        else:
            faults.note(path or "(top)", f"must be an object, not {_kind(value)}")

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def done(self) -> None:
        known = ", ".join(sorted(self._asked))
        for name in self._value:
            if name not in self._asked:
                self.faults.note(self.at(name), f"unknown key; remove it or use one of: {known}")

    def raw(self, name: str) -> object:
        self._asked.add(name)
        return self._value.get(name)

    def has(self, name: str) -> bool:
        """Is the key there, with null or a value?"""
        self._asked.add(name)
        return name in self._value

    def text(self, name: str) -> str | None:
        value = self.raw(name)
        if value is None or isinstance(value, str):
            return value
        self.faults.note(self.at(name), f"must be a text, not {_kind(value)}")
        return None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None or not value.strip():
            if not isinstance(self.raw(name), int | float | list | dict):
                self.faults.note(self.at(name), "is missing; give a text that is not empty")
            return ""
        return value

    def flag(self, name: str) -> bool | None:
        value = self.raw(name)
        if value is None or isinstance(value, bool):
            return value
        self.faults.note(self.at(name), f"must be true or false, not {_kind(value)}")
        return None

    def whole(self, name: str) -> int | None:
        value = self.raw(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.faults.note(self.at(name), f"must be a whole number, not {_kind(value)}")
        return None

    def number(self, name: str) -> float | None:
        value = self.raw(name)
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            if value is not None:
                self.faults.note(self.at(name), f"must be a number, not {_kind(value)}")
            return None
        if abs(value) > 10**12:
            self.faults.note(self.at(name), "is too large")
            return None
        return float(value)

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        """A text put through `parse`, which raises ValueError with the remedy."""
        value = self.text(name)
        if value is None:
            return None
        return self._parse(value, parse, self.at(name))

    def _parse(self, value: str, parse: Callable[[str], T], path: str) -> T | None:
        try:
            return parse(value)
        except ValueError as fault:
            self.faults.note(path, str(fault))
            return None

    def instant(self, name: str) -> datetime | None:
        return self.parsed(name, instant)

    def day(self, name: str) -> date | None:
        return self.parsed(name, _day)

    def amount(self, name: str) -> Quantity | None:
        return self.parsed(name, amount)

    def duration(self, name: str) -> timedelta | None:
        return self.parsed(name, duration)

    def word(self, name: str, words: type[E]) -> E | None:
        """One of an enumeration's values."""

        def parse(value: str) -> E:
            try:
                return words(value)
            except ValueError:
                known = ", ".join(str(each.value) for each in words)
                raise ValueError(f"{value!r} is not known; use one of: {known}") from None

        return self.parsed(name, parse)

    def choice(self, name: str, words: tuple[str, ...]) -> str | None:
        def parse(value: str) -> str:
            if value in words:
                return value
            raise ValueError(f"{value!r} is not known; use one of: {', '.join(words)}")

        return self.parsed(name, parse)

    def items(self, name: str) -> list[tuple[str, object]]:
        """The list's members, each with its path; absent: none."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.faults.note(self.at(name), f"must be a list, not {_kind(value)}")
            return []
        return [(f"{self.at(name)}[{place}]", each) for place, each in enumerate(value)]

    def texts(self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """A list of texts, each put through `parse`."""
        found: list[T] = []
        for path, value in self.items(name):
            if not isinstance(value, str):
                self.faults.note(path, f"must be a text, not {_kind(value)}")
                continue
            parsed = self._parse(value, parse, path)
            if parsed is not None:
                found.append(parsed)
        return tuple(found)

    def objects(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        found = []
        for path, value in self.items(name):
            inner = Fields(value, path, self.faults, self.format)
            found.append(read(inner))
            inner.done()
        return tuple(found)

    def object(self, name: str, read: Callable[[Fields], T]) -> T | None:
        value = self.raw(name)
        if value is None:
            return None
        inner = Fields(value, self.at(name), self.faults, self.format)
        result = read(inner)
        inner.done()
        return result


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), "null")


def same(text: str) -> str:
    return text


def instant(text: str) -> datetime:
    """ISO 8601 with offset. Raises: ValueError with the remedy."""
    remedy = f"{text!r} is not a time; write ISO 8601 with an offset, such as 2026-03-02T08:05:00+07:00"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(remedy) from None
    if found.tzinfo is None or "T" not in text:
        raise ValueError(remedy)
    if not 1900 <= found.year <= 2200:
        raise ValueError(f"{text!r} is not in the years 1900 to 2200")
    return found


def _day(text: str) -> date:
    try:
        if len(text) != 10:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date; write YYYY-MM-DD") from None


def clock(text: str) -> time:
    """ "08:00". Raises: ValueError with the remedy."""
    try:
        if len(text) not in (5, 8):
            raise ValueError
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time of day; write HH:MM") from None


def amount(text: str) -> Quantity:
    """ "500 mg". Raises: ValueError with the remedy."""
    try:
        found = Quantity.parse(text)
    except QuantityError as fault:
        raise ValueError(str(fault)) from None
    if found.value < Decimal(0):
        raise ValueError(f"{text!r} is below zero; write an amount of zero or more")
    return found


def duration(text: str) -> timedelta:
    """ "4 h", "28 d", "60 min". Raises: ValueError with the remedy."""
    found = amount(text)
    if found.unit not in ("d", "h", "min", "s"):
        raise ValueError(f"{text!r} is not a length of time; write it in d, h, min or s")
    seconds = found.to("s").value
    if seconds > 10**10:
        raise ValueError(f"{text!r} is too long")
    return timedelta(seconds=float(seconds)) if seconds % 1 else timedelta(seconds=int(seconds))
