"""The content of one scenario file: one scenario, or many laid over a base. Strict, so that a slip never weakens a case.

Must never touch a disk: the caller hands in the text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pointofcare.errors import MessageError
from pointofcare.scenario import bedside
from pointofcare.scenario.expectation import Expectation, expectation
from pointofcare.scenario.fields import Faults, Fields, same
from pointofcare.verdict.facts import Facts

_DEEPEST = 40
EXTENDED = 2  # the format with keys for every kind of order and act


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    id: str
    facts: Facts
    expect: Expectation | None
    why: str = ""
    rules: tuple[str, ...] = ()
    format: int = 1


def scenarios(text: str) -> tuple[Scenario, ...]:
    """All scenarios of a file's text, in their order.

    Raises: MessageError with every fault as (path, remedy): `scenarios[2].intent.dose`.
    """
    value = _json(text)
    faults = Faults()
    value, file_format = _format(value, faults)
    found = []
    laid_out = _laid_out(value, faults)
    if not laid_out:
        faults.note("scenarios", "is empty, so it would prove nothing; write at least one scenario")
    for path, each in laid_out:
        fields = Fields(each, path, faults, file_format)
        found.append(_scenario(fields))
        fields.done()
    if faults.problems:
        raise MessageError(
            "this is not a valid scenario file", problems=tuple(dict.fromkeys(faults.problems)), remedy="correct the fields that are named"
        )
    return tuple(found)


def _format(value: object, faults: Faults) -> tuple[object, int]:
    """The file without its `format`, and that: 1 when the file names none."""
    if not isinstance(value, dict) or "format" not in value:
        return value, 1
    named = value["format"]
    if isinstance(named, bool) or named != EXTENDED:
        faults.note("format", f"must be {EXTENDED}; leave it out for the first format")
    return {key: each for key, each in value.items() if key != "format"}, EXTENDED


def _scenario(fields: Fields) -> Scenario:
    return Scenario(
        id=fields.required("id"),
        why=fields.text("why") or "",
        rules=fields.texts("rules", same),
        facts=bedside.facts(fields),
        expect=fields.object("expect", expectation),
        format=fields.format,
    )


def _laid_out(value: object, faults: Faults) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        faults.note("(top)", 'must be a scenario object or {"scenarios": [...], "base": {...}}')
        return []
    if "scenarios" not in value:
        if "base" in value:
            faults.note("scenarios", "is missing; a base needs scenarios that are laid over it")
            return []
        return [("", value)]
    outer = Fields(value, "", faults)
    base = outer.raw("base")
    listed = outer.items("scenarios")
    outer.done()
    if base is None:
        base = {}
    if not isinstance(base, dict):
        faults.note("base", "must be an object")
        return []
    for path, each in listed:
        if not isinstance(each, dict):
            faults.note(path, "must be a scenario object")
    return [(path, merged(base, each)) for path, each in listed if isinstance(each, dict)]


def merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """`over` laid over `base`: objects merge key by key; lists, scalars and null replace."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _json(text: str) -> object:
    """Raises: MessageError."""

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in items]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) != len(names) else []
        if twice:
            raise MessageError("a key is there twice", problems=tuple((name, "is there twice; keep one") for name in twice))
        return dict(items)

    def constant(name: str) -> object:
        raise MessageError("not a JSON number", problems=(("(top)", f"{name} is not JSON; write a number"),))

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        raise MessageError("this is not JSON", problems=((where, f"{fault.msg}; correct the JSON there"),)) from fault
    except (RecursionError, ValueError) as fault:
        raise MessageError("this JSON is not readable", problems=(("(top)", "is nested too deep or holds too long a number"),)) from fault
    if _depth(value) > _DEEPEST:
        raise MessageError("this JSON is nested too deep", problems=(("(top)", f"nest at most {_DEEPEST} levels"),))
    return value


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level and depth <= _DEEPEST:
        depth += 1
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            if isinstance(inner, dict | list)
        ]
    return depth
