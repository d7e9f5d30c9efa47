"""From the values of a policy file to its text: canonical, so that equal files have equal texts, and with what each name means.

`reading.read(write(file)) == file` for every file that can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from pointofcare.policies.document import InShadow, Line, LineValue, PolicyFile, Stated, Value, lines_of, value_of
from pointofcare.policies.entries import BY_NAME, ENTRIES, LISTS, Entry, LevelEntry, SpanEntry
from pointofcare.policies.fault import words
from pointofcare.policies.notes import written_span
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import (
    EffectWindow,
    Listed,
    ListedControlled,
    ListedEmergency,
    ListedHighAlert,
    ListedHold,
    LookAlike,
    Policy,
)

FORMAT_LINE = "format = 1"


def write(file: PolicyFile) -> str:
    """The whole file as TOML."""
    return "\n".join(_lines(file)) + "\n"


def of_policy(policy: Policy, *, source: str, version: str | None = None) -> PolicyFile:
    """Everything that `policy` holds, each value citing `source`: to show a policy that no file stands behind."""
    values = {entry.name: Stated(value=value_of(policy, entry.name), source=source) for entry in ENTRIES}
    lists = {each.name: tuple(Line(value=value, source=source) for value in lines_of(policy, each.name)) for each in LISTS}
    return PolicyFile(version=version or policy.version, values=values, lists={name: found for name, found in lists.items() if found})


def bounds(entry: Entry) -> str:
    """Between which values a hospital may choose."""
    if isinstance(entry, SpanEntry):
        return f"{written_span(entry.low, entry.unit)} to {written_span(entry.high, entry.unit)}"
    if isinstance(entry, LevelEntry):
        return ", ".join(level.name for level in entry.allowed)
    return "true, false"


def value_text(name: str, value: Value) -> str:
    """A single value as it stands in a file, without quotation marks."""
    entry = BY_NAME[name]
    if isinstance(value, Level):
        return value.name
    if isinstance(value, bool):
        return "true" if value else "false"
    assert isinstance(entry, SpanEntry)
    return written_span(value, entry.unit)


def _lines(file: PolicyFile) -> Iterator[str]:
    yield FORMAT_LINE
    yield f"version = {_text(file.version)}"
    if file.title:
        yield f"title = {_text(file.title)}"
    if file.wards_may_change:
        yield "wards_may_change = ["
        for name in file.wards_may_change:
            yield f"    {_text(name)},"
        yield "]"
    for entry in ENTRIES:
        stated = file.values.get(entry.name)
        if stated is None:
            continue
        yield ""
        yield f"# {words().text('en', 'entry-' + entry.name.replace('.', '-'))} ({entry.rule}): {bounds(entry)}"
        yield f"[{entry.name}]"
        text = value_text(entry.name, stated.value)
        yield f"value = {text if isinstance(stated.value, bool) else _text(text)}"
        yield f"source = {_text(stated.source)}"
    for each in LISTS:
        found = file.lists.get(each.name, ())
        if found:
            yield ""
            yield f"# {words().text('en', 'list-' + each.name)}" + (f" ({each.rule})" if each.rule else "")
        for place, line in enumerate(found):
            if place:
                yield ""
            yield f"[[{each.name}]]"
            yield from _fields(line.value)
            yield f"source = {_text(line.source)}"


def _fields(value: LineValue) -> Iterator[str]:
    if isinstance(value, LookAlike):
        yield f"one = {_text(value.one)}"
        yield f"other = {_text(value.other)}"
        return
    if isinstance(value, EffectWindow):
        yield f"route = {_text(value.route)}"
        yield f"within = {_text(written_span(value.within, 'min'))}"
        return
    if isinstance(value, InShadow):
        yield f"rule = {_text(value.rule)}"
        return
    assert isinstance(value, Listed)
    yield f"{value.by.value} = {_text(value.name)}"
    if isinstance(value, ListedHighAlert):
        yield f"level = {int(value.level)}"
    elif isinstance(value, ListedControlled):
        yield f"schedule = {_text(value.schedule.value)}"
    elif isinstance(value, ListedHold):
        yield f"observation = {_text(value.rule.code)}"
        for key, limit in (("below", value.rule.below), ("above", value.rule.above)):
            if limit is not None:
                yield f"{key} = {_text(str(limit))}"
        if value.rule.max_age is not None:
            yield f"max_age = {_text(written_span(value.rule.max_age, 'min'))}"
        yield f"level = {_text(value.rule.level)}"
    elif isinstance(value, ListedEmergency):
        if value.max_dose is not None:
            yield f"max_dose = {_text(str(value.max_dose))}"
        if value.routes:
            yield f"routes = [{', '.join(_text(route) for route in value.routes)}]"


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's, and control signs never come in."""
    return json.dumps(value, ensure_ascii=False)
