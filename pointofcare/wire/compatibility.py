"""What of a released contract a newer one breaks: a document of `asyncapi.document()` is compared with the snapshot of a release.

Who reads ignores keys that it does not know, so a payload may grow by optional fields. Everything else that an older program relies on
must stay: topics, delivery, names, types, codes. A breaking change needs a new major version, with topics of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def breaks(released: Json, now: Json) -> tuple[str, ...]:
    """Each change that an older program does not survive, in words; () when all of them do."""
    return (*_channels(released, now), *_schemas(released, now))


def new_codes(released: Json, now: Json) -> tuple[str, ...]:
    """Codes of a released enumeration that the release did not know yet: its programs refuse a message that holds one."""
    found: list[str] = []
    for name, before in released["components"]["schemas"].items():
        found.extend(_new_codes(name, before, now["components"]["schemas"].get(name, {})))
    return tuple(found)


def _new_codes(where: str, before: Json, after: Json) -> Iterator[str]:
    yield from (f"{where}: {code}" for code in after.get("enum", ()) if code not in before.get("enum", (code,)))
    for field, each in before.get("properties", {}).items():
        yield from _new_codes(f"{where}.{field}", each, after.get("properties", {}).get(field, {}))
    for part in ("items", "additionalProperties"):
        if isinstance(before.get(part), Mapping) and isinstance(after.get(part), Mapping):
            yield from _new_codes(f"{where}[]", before[part], after[part])
    for one, other in zip(before.get("oneOf", ()), after.get("oneOf", ()), strict=False):
        yield from _new_codes(where, one, other)


def _channels(released: Json, now: Json) -> Iterator[str]:
    for name, before in released["channels"].items():
        after = now["channels"].get(name)
        if after is None:
            yield f"the route {name} is gone"
            continue
        if before["address"] != after["address"]:
            yield f"the route {name} has another topic: {before['address']} -> {after['address']}"
        if set(before["messages"]) != set(after["messages"]):
            yield f"the route {name} carries another message: {_names(before['messages'])} -> {_names(after['messages'])}"
    for name, before in released["operations"].items():
        after = now["operations"].get(name)
        if after is None:
            yield f"the operation {name} is gone"
            continue
        for part in ("action", "channel"):
            if before[part] != after[part]:
                yield f"the operation {name} has another {part}"
        for part in ("qos", "retain"):
            if before["bindings"]["mqtt"][part] != after["bindings"]["mqtt"][part]:
                yield f"the operation {name} has another {part}"


def _schemas(released: Json, now: Json) -> Iterator[str]:
    for name, before in released["components"]["schemas"].items():
        after = now["components"]["schemas"].get(name)
        if after is None:
            yield f"the schema {name} is gone"
        else:
            yield from _compared(name, before, after)


def _compared(where: str, before: Json, after: Json) -> Iterator[str]:
    """Both ways count: what was written stays readable, and what is written now is readable by those who read the older one."""
    if before == after:
        return
    if "enum" in before and "enum" in after:
        yield from (f"{where}: the code {code} is gone" for code in before["enum"] if code not in after["enum"])
        return
    if _without(before) != _without(after):
        yield f"{where}: {_shown(before)} -> {_shown(after)}"
        return
    yield from (f"{where}.{field} has to be there now" for field in after.get("required", ()) if field not in before.get("required", ()))
    yield from (f"{where}.{field} may be missing now" for field in before.get("required", ()) if field not in after.get("required", ()))
    fields = after.get("properties", {})
    for field, each in before.get("properties", {}).items():
        if field not in fields:
            yield f"{where}.{field} is gone"
        else:
            yield from _compared(f"{where}.{field}", each, fields[field])
    for part in ("items", "additionalProperties"):
        if isinstance(before.get(part), Mapping) and isinstance(after.get(part), Mapping):
            yield from _compared(f"{where}[]", before[part], after[part])
        elif before.get(part) != after.get(part):
            yield f"{where}: {part} changed"
    choices = (before.get("oneOf", ()), after.get("oneOf", ()))
    if len(choices[0]) != len(choices[1]):
        yield f"{where}: it may be something else now"
    else:
        for one, other in zip(*choices, strict=True):
            yield from _compared(where, one, other)


# What is compared part by part, and what means nothing to a program.
_PARTS = frozenset({"required", "properties", "items", "additionalProperties", "oneOf", "description"})


def _without(schema: Json) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in _PARTS}


def _shown(schema: Json) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(_without(schema).items())) or "anything"


def _names(messages: Json) -> str:
    return ", ".join(sorted(messages))
