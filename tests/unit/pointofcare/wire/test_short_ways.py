"""The short way of reading and writing a value does what marshmallow does, and leaves every fault to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import MessageError
from pointofcare.verdict.facts import Facts
from pointofcare.wire import fields, schemas, values
from pointofcare.wire.messages import AdministrationRecorded, AttemptStopped, Telemetry
from pointofcare.wire.tables import FormularyBody, PatientChartBody, PolicyBody
from tests.support.wire_bodies import RECORD
from tests.unit.pointofcare.wire.strategies import JSON, any_of


@contextmanager
def only_marshmallow() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas.ValueSchema, "dump", Schema.dump)
        patch.setattr(schemas.ValueSchema, "load", Schema.load)
        patch.setattr(schemas.Row, "writer", lambda self: self.write)
        yield


def same_both_ways(value: Any) -> None:
    plain = values.to_plain(value)
    with only_marshmallow():
        slow = values.to_plain(value)
        back = values.from_plain(type(value), slow)
    assert values.written(plain) == values.written(slow)
    assert list(plain) == list(slow)
    assert values.from_plain(type(value), plain) == back


@settings(max_examples=25)
@given(any_of(Facts) | any_of(AdministrationRecorded) | any_of(AttemptStopped) | any_of(Telemetry))
def test_what_travels_is_written_and_read_alike(value: Any) -> None:
    same_both_ways(value)


@settings(max_examples=15)
@given(any_of(PatientChartBody) | any_of(FormularyBody) | any_of(PolicyBody))
def test_what_carts_work_from_is_written_and_read_alike(value: Any) -> None:
    same_both_ways(value)


def told(plain: object) -> tuple[object, ...]:
    """The value, or every fault."""
    try:
        return ("read", values.from_plain(AdministrationRecord, plain))
    except MessageError as exc:
        return ("refused", str(exc), exc.problems)


PLAIN = values.to_plain(RECORD)
PLACES = [(name,) for name in PLAIN] + [("scans", 0, name) for name in PLAIN["scans"][0]]


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON | st.just("left out")), min_size=1, max_size=3))
def test_whatever_is_wrong_is_told_alike(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    plain = values.parsed(values.written(PLAIN), limit_bytes=100_000)
    for path, value in changes:
        inner: Any = plain
        for step in path[:-1]:
            # An earlier change may have taken it away.
            inner = inner.get(step) if isinstance(inner, dict) else inner[0] if isinstance(inner, list) and inner else None
            if not isinstance(inner, list | dict):
                break
        if isinstance(inner, dict):
            if value == "left out":
                inner.pop(path[-1], None)
            else:
                inner[path[-1]] = value
    found = told(plain)
    with only_marshmallow():
        assert told(plain) == found


def test_a_fault_deep_inside_is_named_by_its_path() -> None:
    plain = {**PLAIN, "scans": [{**PLAIN["scans"][0], "at": "yesterday"}]}
    with pytest.raises(MessageError) as caught:
        values.from_plain(AdministrationRecord, plain)
    assert caught.value.problems[0][0] == "scans[0].at"


@pytest.mark.parametrize("year", [1, 999, 1000, 9998])
def test_moments_of_any_year_and_zone_have_four_digits_and_microseconds(year: int) -> None:
    at = datetime(year, 6, 1, 12, 0, 0, 7, tzinfo=timezone(timedelta(hours=7)))
    assert fields.Moment().write(at) == f"{year:04d}-06-01T05:00:00.000007Z"


def test_an_amount_keeps_the_digits_that_were_written_however_often_it_is_read() -> None:
    found = [fields.Amount().read(text) for text in ("0.5 mg", "0.50 mg", "0.5 mg")]
    assert [str(each.value) for each in found] == ["0.5", "0.50", "0.5"]
