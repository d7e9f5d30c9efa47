"""Any frozen value of the core as canonical JSON: what the journals and the outbox store."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import MessageError
from pointofcare.labels.scan import BandScan, Keyed
from pointofcare.verdict.facts import Facts, Scanned
from pointofcare.wire import values
from tests.support.wire_bodies import MOMENT, RECORD
from tests.unit.pointofcare.wire.strategies import any_of


@settings(max_examples=25)
@given(any_of(AdministrationRecord))
def test_any_record_comes_back_as_it_was(record: AdministrationRecord) -> None:
    assert values.load(AdministrationRecord, values.dump(record)) == record


@settings(max_examples=25)
@given(any_of(Facts))
def test_any_facts_come_back_as_they_were(facts: Facts) -> None:
    """So a stored verdict can be computed again from its facts."""
    assert values.load(Facts, values.dump(facts)) == facts


def test_equal_values_have_equal_bytes() -> None:
    assert values.dump(values.load(AdministrationRecord, values.dump(RECORD).decode())) == values.dump(RECORD)


def test_scans_of_different_kinds_are_told_apart() -> None:
    for scan in (BandScan(gsrn="8" * 18), Keyed(value="BN1")):
        scanned = Scanned(scan=scan, at=MOMENT)
        assert values.load(Scanned, values.dump(scanned)) == scanned
    with pytest.raises(MessageError) as caught:
        values.load(Scanned, b'{"at":"2026-11-21T07:05:00Z","scan":{"type":"Order"}}')
    assert "BandScan" in caught.value.problems[0][1]


def test_type_that_has_no_way_of_being_written_is_a_fault_of_the_program() -> None:
    @dataclass(frozen=True)
    class Odd:
        thing: complex

    with pytest.raises(TypeError, match="complex"):
        values.from_plain(Odd, {"thing": 1})


@pytest.mark.parametrize("data", [b"[]", b"1", b"", "\ud800"])
def test_stored_rubbish_is_refused(data: bytes | str) -> None:
    with pytest.raises(MessageError):
        values.load(AdministrationRecord, data)
