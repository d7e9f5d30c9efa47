"""Every name of a policy file as tables for people: what it is called, its default, its bounds and its source.

The document for pharmacists is made of this, and a test compares the two.
"""

from __future__ import annotations

from pointofcare.policies import changes, reading
from pointofcare.policies.document import value_of
from pointofcare.policies.entries import ENTRIES, LISTS, Entry, ListEntry
from pointofcare.policies.fault import words
from pointofcare.policies.writing import bounds, value_text
from pointofcare.verdict.policy import Policy

_VALUES_HEAD = (
    "| name | meaning | rule | default | may be | stricter is | source of the default | source of the bounds |",
    "|---|---|---|---|---|---|---|---|",
)
_LISTS_HEAD = ("| list | meaning | rule | keys of a line | a ward may add lines | default |", "|---|---|---|---|---|---|")


def values_table(language: str = "en") -> str:
    """The single values as a Markdown table."""
    return "\n".join((*_VALUES_HEAD, *(_value_row(entry, language) for entry in ENTRIES)))


def lists_table(language: str = "en") -> str:
    """The lists as a Markdown table."""
    return "\n".join((*_LISTS_HEAD, *(_list_row(each, language) for each in LISTS)))


def _value_row(entry: Entry, language: str) -> str:
    default = value_text(entry.name, value_of(Policy(), entry.name))
    source = reading.default().values[entry.name].source
    cells = (
        f"`{entry.name}`",
        changes.name_of(entry.name, language),
        entry.rule,
        f"`{default}`",
        bounds(entry),
        _stricter(entry),
        source,
        words().text(language, f"bounds-{entry.bounds}"),
    )
    return f"| {' | '.join(cells)} |"


def _stricter(entry: Entry) -> str:
    if isinstance(value_of(Policy(), entry.name), bool):
        return "true" if entry.stricter == "greater" else "false"
    return str(entry.stricter.value)


def _list_row(each: ListEntry, language: str) -> str:
    keys = [f"`{'` or `'.join(each.either)}`"] if each.either else []
    for key in each.fields:
        if key not in each.either:
            keys.append(f"`{key}`" if key in each.needed else f"`{key}` (optional)")
    lines = reading.default().lists.get(each.name, ())
    default = "; ".join(changes.shown_line(line.value, language) for line in lines) or "empty"
    cells = (
        f"`{each.name}`",
        changes.name_of(each.name, language),
        each.rule or "any on trial",
        ", ".join(keys),
        "yes" if each.wards_may_add else "only if the hospital's file says so",
        default,
    )
    return f"| {' | '.join(cells)} |"
