"""The signed tables' bytes: lossless, canonical, small enough for one message, and refused when they are not what they say."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointofcare.errors import MessageError
from pointofcare.wire import codec, tables, values
from pointofcare.wire.messages import TableKind
from tests.support.wire_tables import CHART, a_table
from tests.unit.pointofcare.wire.strategies import any_of


@settings(max_examples=25)
@given(st.data())
@pytest.mark.parametrize("kind", TableKind)
def test_any_table_body_comes_back_as_it_was(kind: TableKind, data: st.DataObject) -> None:
    body = data.draw(any_of(tables.BODIES[kind]))
    assert tables.load(kind, tables.dump(kind, body)) == body


@pytest.mark.parametrize("kind", TableKind)
def test_table_comes_back_with_its_head(kind: TableKind) -> None:
    assert tables.read_claims(tables.claims(a_table(kind))) == a_table(kind)


def test_body_of_another_kind_is_refused() -> None:
    with pytest.raises(MessageError):
        tables.dump(TableKind.POLICY, CHART)
    with pytest.raises(MessageError):
        tables.claims(replace(a_table(TableKind.POLICY), body=CHART))


def test_chart_without_its_ward_is_refused() -> None:
    plain = json.loads(tables.dump(TableKind.PATIENT_CHART, CHART))
    del plain["ward"]
    with pytest.raises(MessageError) as caught:
        tables.load(TableKind.PATIENT_CHART, json.dumps(plain).encode())
    assert caught.value.problems[0][0] == "ward"


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[:0] + b"{}", lambda b: b[:0], lambda b: b[::-1]])
def test_spoiled_table_is_refused(spoil: object) -> None:
    with pytest.raises(MessageError):
        tables.read_claims(spoil(tables.claims(a_table(TableKind.POLICY))))  # type: ignore[operator]


def test_table_that_swells_without_end_is_refused() -> None:
    with pytest.raises(MessageError, match="too big"):
        tables.read_claims(zlib.compress(b" " * (values.MAX_VALUE_BYTES + 10)))


@given(st.binary(max_size=100))
def test_any_deflated_bytes_are_a_table_or_a_message_error(data: bytes) -> None:
    with pytest.raises(MessageError):
        tables.read_claims(zlib.compress(data))


def test_full_ward_with_three_days_of_history_fits_into_one_message() -> None:
    patients = tuple(replace(CHART.patients[0], id=f"p-{n}", mrn=f"BN{n:06}", name=f"Nguyễn Văn {n}") for n in range(60))
    orders = tuple(
        replace(CHART.orders[0], id=f"o-{n}-{m}", patient=f"p-{n}", display=f"Thuốc {m} {n * 7919 % 997}")
        for n in range(60)
        for m in range(12)
    )
    history = tuple(
        replace(
            CHART.history[0],
            order=order.id,
            patient=order.patient,
            at=CHART.history[0].at + timedelta(microseconds=n * 104729 * 7919),
            record_id=f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}-{n * 0xC2B2AE3D27D4EB4F % 2**64:016x}",
        )
        for n, order in enumerate(orders * 12)
    )
    table = replace(a_table(TableKind.PATIENT_CHART), body=replace(CHART, patients=patients, orders=orders, history=history))
    assert len(history) == 8640
    assert len(tables.claims(table)) * 4 / 3 + 2000 < codec.MAX_PAYLOAD_BYTES
