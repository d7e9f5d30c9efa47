"""Statements that are handed to the driver as text say what SQLAlchemy says of them, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import literal_column, select

from server.store import audit_log, bedside, bedside_rows, driver, history, outbox
from server.store.tables import AdministrationRow, AuditRow, OutboxRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NOW, WARD, a_record, gsrn, open_ward

GATEWAY = Actor(id="gateway", place="cart/c1")


@pytest.fixture(params=KINDS)
def ward(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    with migrated_app(request.param, tmp_path):
        open_ward(patient_count=3)
        with transaction(GATEWAY, at=NOW) as tx:
            for number in (1, 2, 3):
                administrations.record(tx, a_record(number, serial=f"S{number}", recorded_at=NOW + timedelta(microseconds=7)))
        yield


def test_the_rows_of_a_look_are_those_of_sqlalchemy(ward: None) -> None:
    values = {
        "facility": "h1",
        "ward": WARD,
        "order": "O1",
        "since": NOW - timedelta(hours=72),
        "oldest": NOW - timedelta(days=400),
        "ended_since": NOW - timedelta(days=1),
    }
    with reading(at=NOW) as tx:
        connection = tx.session.connection()
        slow = [tuple(row) for row in connection.execute(bedside_rows.of_ward(), values)]
        fast = [
            (*row[:20], None if row[20] is None else bool(row[20]), driver.moment(row[21]), driver.moment(row[22]), driver.day(row[23]))
            for row in driver.rows(connection, driver.kept(connection, bedside_rows.of_ward), values)
        ]
        order = sorted(range(len(fast)), key=lambda place: str(fast[place]))
        again = sorted(range(len(slow)), key=lambda place: str((*slow[place][:20], *slow[place][20:])))
    assert len(slow) > 10
    assert [fast[place][:20] for place in order] == [slow[place][:20] for place in again]
    assert [fast[place][20:] for place in order] == [slow[place][20:] for place in again]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 40])
def test_lists_of_any_length_find_what_they_name(ward: None, count: int) -> None:
    others = [gsrn(1000 + number) for number in range(max(0, count - 1))]
    with reading(at=NOW) as tx:
        look = bedside.for_record(
            tx,
            record_id="r",
            patient="P1",
            ward=WARD,
            order=None,
            at=NOW,
            gsrns=[*others, gsrn(2)][:count] if count else [],
            gtins=[f"{number:014}" for number in range(count)],
            products=["AMOX500"][:count],
            staff=["N1", "D1"][:count],
        )
    assert [patient.id for patient in look.patients] == (["P1", "P2"] if count else ["P1"])
    assert [person.id for person in look.staff] == ["N1", "D1"][:count] or {person.id for person in look.staff} == {"N1", "D1"}
    assert look.given[0].at == NOW


def test_an_earlier_dose_is_read_with_each_value_in_its_own_place(ward: None) -> None:
    told = replace(
        a_record(2, lot="L7", serial="S7", site="left-arm", prn_reason="pain", effect="relieved", bag="B7"),
        status_reason="patient-away",
        reason_text="asleep",
    )
    with transaction(GATEWAY, at=NOW) as tx:
        administrations.record(tx, told, reevaluate=False)
    with reading(at=NOW) as tx:
        look = bedside.of_patient(tx, "P2")
    assert history.of_record(told) in look.given
    (entry,) = [one for one in look.history if one.record_id == told.record_id]
    kept = {"order", "patient", "status", "product", "due", "dose", "lot", "serial", "site", "prn_reason", "nurse", "action", "bag"}
    assert {name: getattr(entry, name) for name in kept} == {name: getattr(told, name) for name in kept}
    assert (entry.at, entry.reason, entry.record_id) == (told.effective_at, "patient-away", told.record_id)


def test_a_look_for_what_holds_a_nul_character_finds_nothing_and_breaks_nothing(ward: None) -> None:
    with reading(at=NOW) as tx:
        look = bedside.for_record(
            tx,
            record_id="a\x00",
            patient="P\x001",
            ward="\x00",
            order=None,
            at=NOW,
            gsrns=["\x00"],
            gtins=[],
            products=[],
            staff=["N\x001"],
        )
    assert look.patients == look.staff == ()


def test_what_is_written_through_the_driver_is_read_as_it_was(ward: None) -> None:
    """Moments aware and to the microsecond, documents as JSON, numbers and truths as such."""
    record = replace(a_record(1), record_id="R-9", reason_text="đau – “rất”", online=False)
    at = datetime(2026, 3, 2, 1, 5, 0, 123456, tzinfo=UTC)
    with transaction(GATEWAY, at=at) as tx:
        administrations.record(tx, record, cart_seq=2**40, epoch="e1")
    with reading(at=NOW) as tx:
        row = tx.session.get(AdministrationRow, ("h1", "R-9"))
        assert row is not None
        assert (row.received_at, row.due, row.cart_seq, row.overridden) == (at, record.due, 2**40, False)
        assert row.document["reason_text"] == "đau – “rất”"
        queued = tx.session.query(OutboxRow).filter_by(record_id="R-9").one()
        assert queued.record == row.document
        assert (queued.created_at, queued.attempts, queued.payload) == (at, 0, None)
        item = outbox.of_record(tx, "R-9")
        assert item is not None
        assert item.record == record
        audit = tx.session.query(AuditRow).filter_by(subject="administration/R-9").one()
        assert (audit.at, audit.actor, audit.place, audit.detail["patient"]) == (at, "gateway", "cart/c1", "P1")
        assert audit_log.entry_bytes(audit).startswith(b'{"action":"administration.record"')


def test_a_moment_without_a_zone_is_never_stored(ward: None) -> None:
    with pytest.raises(ValueError, match="time zone"), transaction(GATEWAY, at=NOW.replace(tzinfo=None)) as tx:
        tx.audit("test", "ward/1")


def test_few_statements_are_kept_whatever_records_name(ward: None) -> None:
    with reading(at=NOW) as tx:
        connection = tx.session.connection()
        for count in range(driver._MOST + 5):
            driver.kept(connection, lambda number: select(literal_column(str(number))), count)
    assert len(driver._kept) <= driver._MOST
