"""From the text of a policy file to its values, or to every fault of it at once.

Must never let a value pass that has no source, lies outside its bounds or contradicts another, and must never stop at the first
fault.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources

from pointofcare.policies import lines
from pointofcare.policies.document import Line, LineValue, PolicyFile, Stated, Value, lists_of, policy_of, value_of, values_of
from pointofcare.policies.entries import (
    BY_NAME,
    ENTRIES,
    LIST_BY_NAME,
    LISTS,
    NAMES,
    ORDERED,
    SECTIONS,
    Entry,
    FlagEntry,
    LevelEntry,
    ListEntry,
    SpanEntry,
)
from pointofcare.policies.fault import Fault, PolicyFileError
from pointofcare.policies.notes import Notes, brief, nearest, plain_text, source_of, span, unknown_names, written_span
from pointofcare.verdict import engine
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import ListedControlled, ListedEmergency, Policy
from pointofcare.verdict.rule import Rule

FORMAT = 1
MOST_CHARACTERS = 200_000
MOST_LINES = 500
VERSION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,28}[A-Za-z0-9])?", re.ASCII)
TITLE_LENGTH = (1, 120)
_HEAD = ("format", "version", "title", "wards_may_change")


def read(text: str, *, rules: Collection[Rule] | None = None) -> PolicyFile:
    """The file of `text`. `rules` are those that there are; None: the engine's. Raises: PolicyFileError with every fault."""
    file, faults = examined(text, rules=rules)
    if file is None:
        raise PolicyFileError(faults)
    return file


def examined(text: str, *, rules: Collection[Rule] | None = None) -> tuple[PolicyFile | None, tuple[Fault, ...]]:
    """The file, None when there are faults; and those faults, in the order of the text. Never raises for any text."""
    notes = Notes()
    table = _parsed(text, notes)
    if table is None:
        return None, tuple(notes.faults)
    known = rules if rules is not None else [check.rule for check in engine.CHECKS]
    of = lines.Rules(known=[rule.id for rule in known], on_trial=[rule.id for rule in known if rule.on_trial])
    unknown_top(table, notes)
    version = _head(table, notes)
    title = plain_text(table["title"], "title", notes, length=TITLE_LENGTH) if table.get("title", "") != "" else ""
    wards = _wards_may_change(table, notes)
    values = {entry.name: stated for entry in ENTRIES if (stated := _stated(table, entry, notes)) is not None}
    lists = {each.name: found for each in LISTS if (found := _list(table, each, notes, of)) is not None}
    file = PolicyFile(version=version or "", title=title or "", wards_may_change=wards, values=values, lists=lists)
    for fault in contradictions(policy_of(file.version, values_of(file), lists_of(file)), {*values, *lists}, between=values):
        notes.note(fault.path, fault.code, **fault.parameters)
    if notes.faults:
        return None, notes.placed(text)
    return file, ()


@cache
def default_text() -> str:
    """The packaged default file: what holds where nobody chose."""
    return resources.files("pointofcare.policies").joinpath("default.toml").read_text(encoding="utf-8")


@cache
def default() -> PolicyFile:
    return read(default_text())


def _parsed(text: str, notes: Notes) -> Mapping[str, object] | None:
    if len(text) > MOST_CHARACTERS:
        notes.note("", "too-long", most=MOST_CHARACTERS)
        return None
    try:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except (ValueError, RecursionError) as exc:  # a number of too many digits is a plain ValueError
        notes.note("", "not-toml", why=brief(exc) if not isinstance(exc, RecursionError) else "nested too deeply")
        return None


def unknown_top(table: Mapping[str, object], notes: Notes) -> None:
    """Every name that no policy has, with the one that was most likely meant."""
    for key, value in table.items():
        if key in _HEAD or key in LIST_BY_NAME:
            continue
        if key not in SECTIONS:
            _unknown(key, notes)
        elif isinstance(value, dict):
            for inner in value:
                if f"{key}.{inner}" not in BY_NAME:
                    _unknown(f"{key}.{inner}", notes)
        else:
            notes.note(key, "not-a-table")


def _unknown(name: str, notes: Notes) -> None:
    near = nearest(name, (*NAMES, *_HEAD, *SECTIONS))
    if near:
        notes.note(brief(name), "unknown-name-near", name=brief(name), near=near)
    else:
        notes.note(brief(name), "unknown-name", name=brief(name))


def _head(table: Mapping[str, object], notes: Notes) -> str | None:
    if "format" not in table:
        notes.note("", "missing", name="format", example=f"format = {FORMAT}")
    elif table["format"] is True or table["format"] != FORMAT:
        notes.note("format", "wrong-format", found=brief(table["format"]))
    if "version" not in table:
        notes.note("", "missing", name="version", example='version = "hospital-1"')
        return None
    version = table["version"]
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        notes.note("version", "bad-version", found=brief(version))
        return None
    return version


def _wards_may_change(table: Mapping[str, object], notes: Notes) -> tuple[str, ...]:
    given = table.get("wards_may_change", [])
    if not isinstance(given, list):
        notes.note("wards_may_change", "bad-text", least=1, most=80)
        return ()
    for name in given:
        if name not in NAMES:
            near = nearest(str(name), NAMES)
            code = "unknown-name-near" if near else "unknown-name"
            notes.note("wards_may_change", code, name=brief(name), near=near)
    return tuple(name for name in NAMES if name in given)


def _stated(table: Mapping[str, object], entry: Entry, notes: Notes) -> Stated | None:
    section, _, key = entry.name.partition(".")
    inside = table.get(section)
    if not isinstance(inside, dict) or key not in inside:
        return None
    given = inside[key]
    if not isinstance(given, dict):
        notes.note(entry.name, "not-a-table")
        return None
    unknown_names(given, ("value", "source"), entry.name, notes)
    source = source_of(given, entry.name, notes)
    if "value" not in given:
        notes.note(entry.name, "missing", name="value", example=f"value = {_example(entry)}")
        return None
    value = _value(given["value"], entry, notes)
    return Stated(value=value, source=source) if value is not None and source is not None else None


def _example(entry: Entry) -> str:
    value = value_of(Policy(), entry.name)
    if isinstance(entry, SpanEntry) and not isinstance(value, bool | Level):
        return f'"{written_span(value, entry.unit)}"'
    return f'"{value.name}"' if isinstance(value, Level) else str(value).lower()


def _value(value: object, entry: Entry, notes: Notes) -> Value | None:
    path = f"{entry.name}.value"
    if isinstance(entry, SpanEntry):
        return span(value, path, notes, low=entry.low, high=entry.high, unit=entry.unit, bounds=entry.bounds)
    if isinstance(entry, LevelEntry):
        return lines.level_of(value, path, notes, allowed=entry.allowed, bounds=entry.bounds)
    assert isinstance(entry, FlagEntry)
    if not isinstance(value, bool):
        notes.note(path, "not-a-flag")
        return None
    return value


def _list(table: Mapping[str, object], each: ListEntry, notes: Notes, rules: lines.Rules) -> tuple[Line, ...] | None:
    """None: the file does not give this list, so the default's holds."""
    if each.name not in table:
        return None
    given = table[each.name]
    if not isinstance(given, list) or not all(isinstance(line, dict) for line in given):
        notes.note(each.name, "not-a-list")
        return None
    if not given:
        notes.note(each.name, "empty-list")
    if len(given) > MOST_LINES:
        notes.note(each.name, "too-many", most=MOST_LINES)
        return None
    found: list[Line] = []
    seen: dict[tuple[object, ...], tuple[int, LineValue]] = {}
    for place, line in enumerate(given, start=1):
        path = f"{each.name}[{place}]"
        unknown_names(line, (*each.fields, "source"), path, notes)
        source = source_of(line, path, notes)
        missing = [key for key in each.needed if key not in line]
        for key in missing:
            notes.note(path, "missing", name=key, example=f'{key} = "..."' if key != "level" or each.name == "hold" else "level = 3")
        if missing:
            continue
        value = lines.READERS[each.name](line, path, notes, rules)
        if value is None:
            continue
        first = seen.setdefault(lines.stands_once(value), (place, value))
        if first[0] != place:
            same = first[1] == value or each.name == "look_alike"
            parameters = {"name": lines.name_of(value), "first": first[0], "other": lines.name_of(first[1])}
            notes.note(path, "listed-twice" if same else "contradicts", **parameters)
        elif source is not None:
            found.append(Line(value=value, source=source))
    return tuple(found)


def contradictions(policy: Policy, stated: Collection[str], *, between: Collection[str] = BY_NAME) -> tuple[Fault, ...]:
    """What cannot hold together, of two values that both stand in `between`. A fault names the one that was `stated`, for the
    other may be the lower layer's."""
    notes = Notes()
    for low, sign, high in ORDERED:
        if low not in between or high not in between:
            continue
        one, other = value_of(policy, low), value_of(policy, high)
        if one < other or (sign == "<=" and one == other):  # type: ignore[operator]
            continue
        code = "must-stay-below" if sign == "<" else "must-not-exceed"
        named = low if low in stated or high not in stated else high
        notes.note(f"{named}.value", code, low=low, found=_shown(low, one), high=high, limit=_shown(high, other))
    controlled = {(each.by, each.name): each for each in policy.controlled if isinstance(each, ListedControlled)}
    for place, each in enumerate(policy.emergency, start=1):
        if isinstance(each, ListedEmergency) and (each.by, each.name) in controlled:
            path = f"emergency[{place}]" if "emergency" in stated or "controlled" not in stated else "controlled"
            notes.note(path, "emergency-controlled", name=each.name)
    return tuple(notes.faults)


def _shown(name: str, value: Value) -> str:
    entry = BY_NAME[name]
    if isinstance(entry, SpanEntry) and not isinstance(value, bool | Level):
        return written_span(value, entry.unit)
    return value.name if isinstance(value, Level) else str(value).lower()
