"""Server and carts one release apart, in both directions: the last release's messages against this reader, this release's messages
against the last release's own reader, and what both make of a release that nobody has written yet."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pointofcare.errors import MessageError
from pointofcare.wire import asyncapi, codec, compatibility, fields, routes, schemas, tables
from pointofcare.wire.messages import TableKind
from pointofcare.wire.routes import ROUTES, Route
from tests import releases
from tests.contract.test_wire_golden import holds
from tests.releases import codes
from tests.support.wire_bodies import BODIES, golden_message
from tests.support.wire_tables import TABLES

Json = dict[str, Any]
BY_TYPE = {route.type: route for route in ROUTES}
LAST = releases.last()
OF_THE_LAST = LAST.written()


def read_again(name: str, payload: bytes) -> bytes:
    """By this release's reader and writer. Raises: MessageError."""
    if name.startswith("table-"):
        kind = TableKind(name.removeprefix("table-"))
        return tables.dump(kind, tables.load(kind, payload))
    return codec.encode(codec.decode(BY_TYPE[name], payload))


def written_now() -> dict[str, bytes]:
    messages = {route.type: codec.encode(golden_message(BODIES[route.type])) for route in ROUTES}
    return messages | {f"table-{kind}": tables.dump(kind, TABLES[kind]) for kind in TableKind}


NOW = written_now()


@cache
def contract_of_the_last() -> Json:
    return LAST.contract()


@cache
def by_the_last(kind: str = "") -> dict[str, list[dict[str, str]]]:
    """What the last release makes of this one's messages, as they are, "grown", or with unknown "codes"; one process for all of them."""
    made = [(name, payload) for name in sorted(NOW) for payload in variants(kind, name)]
    told: dict[str, list[dict[str, str]]] = {name: [] for name in NOW}
    for (name, _), each in zip(made, LAST.read(made), strict=True):
        told[name].append(each)
    return told


def variants(kind: str, name: str) -> list[bytes]:
    if kind == "grown":
        return [grown(name)[0]]
    return [payload for _, payload in with_unknown_codes(name)] if kind == "codes" else [NOW[name]]


# Frozen.


def test_the_version_of_this_tree_is_frozen_or_comes_after_the_last_release() -> None:
    version = tomllib.loads((releases.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version), "releases are told apart by three numbers"
    assert releases.order(version) >= releases.order(LAST.version)


@pytest.mark.parametrize("release", releases.released(), ids=lambda release: release.version)
def test_nothing_of_a_release_was_changed_since(release: releases.Release) -> None:
    assert release.folder.name == release.version
    assert releases.sums(release.folder) == release.files


@pytest.mark.slow
def test_a_version_is_frozen_once_and_the_same_code_gives_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.releases", "--into", str(tmp_path)]
    assert subprocess.run(command, cwd=releases.ROOT, timeout=90, check=False, capture_output=True).returncode == 0
    (folder,) = tmp_path.iterdir()
    first = releases.sums(folder)
    again = subprocess.run(command, cwd=releases.ROOT, timeout=90, check=False, capture_output=True, text=True)
    assert again.returncode == 1
    assert "is frozen" in again.stderr
    assert subprocess.run([*command, "--again"], cwd=releases.ROOT, timeout=90, check=False, capture_output=True).returncode == 0
    assert releases.sums(folder) == first
    made = releases.load(folder)
    assert made.written() == NOW
    assert all("again" in told for told in made.read(tuple(NOW.items())))


# One release apart.


@pytest.mark.parametrize("name", sorted(OF_THE_LAST))
def test_what_the_last_release_writes_is_read_with_its_meaning(name: str) -> None:
    assert holds(json.loads(read_again(name, OF_THE_LAST[name])), json.loads(OF_THE_LAST[name]))


@pytest.mark.parametrize("name", sorted(NOW))
def test_the_last_release_reads_what_this_one_writes_as_it_was_meant(name: str) -> None:
    (told,) = by_the_last()[name]
    if name not in OF_THE_LAST:
        assert "unknown" in told  # a route of its own, which the last release neither reads nor writes
        return
    assert "again" in told, told
    assert holds(json.loads(NOW[name]), json.loads(told["again"]))


def test_nothing_that_the_last_release_relies_on_is_gone() -> None:
    assert compatibility.breaks(contract_of_the_last(), json.loads(json.dumps(asyncapi.document()))) == ()


def test_a_code_that_the_last_release_does_not_know_is_said_to_be_survived() -> None:
    found = set(compatibility.new_codes(contract_of_the_last(), asyncapi.document()))
    assert found == set(codes.SINCE), "say why in tests/releases/codes.py, or freeze again while no hospital has it"
    assert all(why.strip() for why in codes.SINCE.values())


def test_a_new_code_is_seen_wherever_it_stands() -> None:
    now = copy.deepcopy(contract_of_the_last())
    now["components"]["schemas"]["AlertRaised"]["properties"]["severity"]["enum"].append("note")
    assert compatibility.new_codes(contract_of_the_last(), now) == ("AlertRaised.severity: note",)
    assert compatibility.breaks(contract_of_the_last(), now) == ()


# A release that nobody has written yet.


def kind_of(name: str) -> type[Any]:
    return tables.BODIES[TableKind(name.removeprefix("table-"))] if name.startswith("table-") else BY_TYPE[name].message


def objects(field: Any, plain: Any) -> Iterator[tuple[schemas.ValueSchema, Json]]:
    """Every object in a value that has fields of ours, with its schema."""
    if plain is None:
        return
    if isinstance(field, schemas.Value):
        yield from within(field.nested, plain)
    elif isinstance(field, schemas.OneOf):
        yield from within(schemas.schema(field.values[plain[schemas.TAG]]), plain)
    elif isinstance(field, schemas.Row):
        for each in plain:
            yield from objects(field.item, each)
    elif isinstance(field, fields.Pairs):
        for each in plain.values():
            yield from objects(field.values, each)


def within(schema: schemas.ValueSchema, plain: Json) -> Iterator[tuple[schemas.ValueSchema, Json]]:
    yield schema, plain
    for name, field in schema.fields.items():
        yield from objects(field, plain.get(name))


def bodies(name: str, plain: Json) -> Json:
    found: Json = plain if name.startswith("table-") else plain["body"]
    return found


def grown(name: str) -> tuple[bytes, int]:
    """The payload with a field more in each of its objects, and how many."""
    plain = json.loads(NOW[name])
    found = list(within(schemas.schema(kind_of(name)), bodies(name, plain)))
    for _, each in found:
        each["of_tomorrow"] = {"amount": "5 mg", "why": ["x"]}
    return json.dumps(plain).encode(), len(found)


@pytest.mark.parametrize("name", sorted(NOW))
def test_fields_of_a_newer_release_are_ignored_at_every_depth_and_told_where_a_record_holds_them(name: str) -> None:
    payload, count = grown(name)
    assert read_again(name, payload) == NOW[name]
    assert [told.get("again") for told in by_the_last("grown")[name]] == [told.get("again") for told in by_the_last()[name]]
    if not name.startswith("table-"):
        found = codec.unread(BY_TYPE[name], payload)
        assert len(found) == count
        assert all(path.endswith("of_tomorrow") for path, _ in found)
        assert codec.unread(BY_TYPE[name], NOW[name]) == ()


def with_unknown_codes(name: str) -> Iterator[tuple[str, bytes]]:
    """The payload with one code that this release does not know, for each place that holds a code."""
    for place in range(len(list(within(schemas.schema(kind_of(name)), bodies(name, json.loads(NOW[name])))))):
        plain = json.loads(NOW[name])
        schema, each = list(within(schemas.schema(kind_of(name)), bodies(name, plain)))[place]
        for field_name, field in schema.fields.items():
            if isinstance(field, fields.Code) and each.get(field_name) is not None:
                before, each[field_name] = each[field_name], "code-of-tomorrow"
                yield field_name, json.dumps(plain).encode()
                each[field_name] = before
            elif isinstance(field, schemas.Row) and isinstance(field.item, fields.Code) and each.get(field_name):
                before, each[field_name] = each[field_name], [*each[field_name], "code-of-tomorrow"]
                yield field_name, json.dumps(plain).encode()
                each[field_name] = before


@pytest.mark.parametrize("name", sorted(NOW))
def test_a_message_with_a_code_of_a_newer_release_is_refused_as_a_whole(name: str) -> None:
    """Never taken for another code, nor for none."""
    for field_name, payload in with_unknown_codes(name):
        with pytest.raises(MessageError, match=field_name):
            read_again(name, payload)
    assert all("again" not in told for told in by_the_last("codes")[name])


def test_codes_stand_in_most_messages_so_that_the_test_of_them_means_something() -> None:
    assert sum(len(list(with_unknown_codes(name))) for name in NOW) > 40


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.type)
def test_a_message_of_a_kind_that_is_not_known_is_refused(route: Route) -> None:
    plain = json.loads(NOW[route.type])
    for changed in ({"type": "MessageOfTomorrow"}, {"v": "2.0"}):
        with pytest.raises(MessageError):
            codec.decode(route, json.dumps({**plain, **changed}).encode())
    assert codec.decode(route, json.dumps({**plain, "v": "1.999"}).encode()).body == BODIES[route.type]


def test_a_topic_of_a_newer_release_is_no_route_of_this_one() -> None:
    with pytest.raises(MessageError):
        routes.match(BY_TYPE["CartBirth"].topic(facility="h1", cart="c1") + "-of-tomorrow")
