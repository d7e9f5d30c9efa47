"""What was once sent stays readable, and what we send does not change unnoticed.

A golden file may be added, never changed. When a message grows, its new example goes into a file `Type.2.json`, `Type.3.json`;
the newest is what we write today, byte for byte, and all the older ones must still be read with their meaning kept.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointofcare.wire import codec, routes, schemas, tables, values
from pointofcare.wire.messages import TableKind
from pointofcare.wire.routes import ROUTES, Route
from tests.support.wire_bodies import BODIES, golden_message
from tests.support.wire_tables import TABLES

GOLDEN = Path(__file__).parents[1] / "data" / "wire"


def goldens(name: str) -> list[Path]:
    """Every version of one golden file, oldest first."""
    return [GOLDEN / f"{name}.json", *sorted(GOLDEN.glob(f"{name}.*.json"), key=lambda path: int(path.suffixes[0][1:]))]


def holds(new: object, old: object) -> bool:
    """Whether `new` says all that `old` said."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and holds(new[key], value) for key, value in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(new) == len(old) and all(map(holds, new, old))
    return new == old and type(new) is type(old)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.type)
def test_message_is_written_as_its_golden_file_says(route: Route) -> None:
    assert codec.encode(golden_message(BODIES[route.type])) == goldens(route.type)[-1].read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.type)
def test_every_golden_message_is_still_read_with_its_meaning(route: Route) -> None:
    found = goldens(route.type)
    assert found
    for path in found:
        message = codec.decode(route, path.read_bytes())
        assert holds(json.loads(codec.encode(message)), json.loads(path.read_bytes()))
    assert message == golden_message(BODIES[route.type])


@pytest.mark.parametrize("kind", TableKind)
def test_table_body_is_written_as_its_golden_file_says(kind: TableKind) -> None:
    assert tables.dump(kind, TABLES[kind]) == goldens(f"table-{kind}")[-1].read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("kind", TableKind)
def test_every_golden_table_body_is_still_read_with_its_meaning(kind: TableKind) -> None:
    for path in goldens(f"table-{kind}"):
        body = tables.load(kind, path.read_bytes())
        assert holds(json.loads(tables.dump(kind, body)), json.loads(path.read_bytes()))
    assert body == TABLES[kind]


def test_golden_files_belong_to_messages_and_tables_that_exist() -> None:
    known = {route.type for route in ROUTES} | {f"table-{kind}" for kind in TableKind}
    assert {path.name.split(".")[0] for path in GOLDEN.glob("*.json")} == known


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.type)
def test_golden_example_fills_every_field(route: Route) -> None:
    """Only then does the golden file notice that a field was renamed or dropped."""
    body = values.to_plain(BODIES[route.type])
    assert set(body) == set(schemas.schema(route.message).fields)


def _values(value: object) -> Iterator[object]:
    """`value` and all values in it that have fields."""
    if dataclasses.is_dataclass(value):
        yield value
        for field in dataclasses.fields(value):
            yield from _values(getattr(value, field.name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from _values(inner)


def test_golden_examples_fill_every_field_of_every_value_in_them() -> None:
    """A field that is new and optional must stand in an example too, or nobody would notice that it is lost."""
    empty: dict[str, bool] = {}
    for value in _values((*BODIES.values(), *TABLES.values())):
        assert dataclasses.is_dataclass(value)
        for field in dataclasses.fields(value):
            name = f"{type(value).__name__}.{field.name}"
            empty[name] = empty.get(name, True) and getattr(value, field.name) in (None, ())
    assert [name for name, is_empty in empty.items() if is_empty] == []


def test_nothing_that_is_retained_names_a_patient() -> None:
    for route in ROUTES:
        if route.retain:
            text = goldens(route.type)[-1].read_text(encoding="utf-8")
            assert route in (routes.STATE, routes.BIRTH, routes.ALERT, routes.HOST)
            for word in ("patient", "mrn", "name", "order", "BN000123"):
                assert word not in text
