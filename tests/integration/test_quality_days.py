"""Quality figures from stored records: counted beside the recording, the same when counted again, and never in the way of a dose."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import event, select

from pointofcare.administration.record import FindingEvidence
from pointofcare.wire.messages import AttemptOutcome, AttemptStopped
from server.store import bedside, orders, products, quality
from server.store.database import db
from server.store.quality import HOSPITAL
from server.store.tables import QualityDayRow, UnfilledDoseRow
from server.store.transaction import reading, transaction
from server.usecases import administrations, attempts, corrections, patients, quality_days
from server.usecases import orders as order_verbs
from server.usecases.facts import Site
from server.usecases.quality_count import COUNTING, Cells
from server.usecases.quality_days import Rules
from tests.support import server_ward
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import CHARGE, DUE, IMPORT, NOW, WARD, a_record

RULES = Rules(site=Site())
DAY = date(2026, 3, 2)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as found:
        server_ward.open_ward(patient_count=3)
        yield found


def give(*records: object, at: datetime = NOW) -> None:
    for record in records:
        with transaction(IMPORT, at=at) as tx:
            administrations.record(tx, record)  # type: ignore[arg-type]


def cells(ward: str = WARD, day: date = DAY) -> Cells:
    with reading() as tx:
        found = quality.days(tx, [ward], day, day + timedelta(days=1))
    whole = Cells()
    for one in found:
        whole.merge(one.cells)
    return whole


def share(name: str, **where: object) -> tuple[int, int]:
    cell = cells(**where).get(name)  # type: ignore[arg-type]
    return cell.n, cell.of


def everything() -> list[tuple[str, date, dict[str, object], dict[str, object]]]:
    with reading() as tx:
        return [
            (f"{row.span} {row.ward}", row.day, row.cells, row.headline)
            for row in tx.session.scalars(select(QualityDayRow).order_by(QualityDayRow.span, QualityDayRow.ward, QualityDayRow.day))
        ]


def a_stop(number: int = 1) -> AttemptStopped:
    finding = FindingEvidence(rule="D1", level="STOP", satisfied=False, unknown=False, facts={}, remedy="", params={})
    return AttemptStopped(
        record_id=f"attempt-{number}", facility="h1", ward=WARD, cart="c1", at=NOW, outcome=AttemptOutcome.STOPPED,
        nurse="N1", patient="P1",
        order=None, order_version=None, due=None, action="give", level="STOP", findings=(finding,), scans=(), engine="1", policy="p",
        chart_version=1, online=True, seq=number, epoch="e",
    )  # fmt: skip


def test_a_day_is_counted_from_what_was_recorded(app: Flask) -> None:
    give(a_record(1), a_record(2, scans=()), a_record(3, scans=a_record(3).scans[:1]))
    with transaction(IMPORT, at=NOW) as tx:
        attempts.record(tx, a_stop())
    quality_days.catch_up(RULES, at=LATER)
    assert share("scan/both") == (1, 3)
    assert share("scan/patient") == (2, 3)
    assert share("rule/D1") == (0, 1)
    assert share("scan/both", ward=HOSPITAL) == (1, 3)


def test_nothing_is_counted_twice_whatever_comes_again_late_or_is_counted_again(app: Flask) -> None:
    one = a_record(1)
    give(one, one)
    for _ in range(3):
        quality_days.catch_up(RULES, at=LATER)
    assert share("charted") == (1, 1)
    # A cart that was away tells on the next day what it did on this one.
    give(a_record(2), at=NOW + timedelta(days=1))
    quality_days.catch_up(RULES, at=NOW + timedelta(days=1, hours=1))
    assert share("charted") == (2, 2)


def test_a_withdrawn_record_leaves_its_own_day(app: Flask) -> None:
    one = a_record(1)
    give(one)
    quality_days.catch_up(RULES, at=LATER)
    assert share("charted") == (1, 1)
    tomorrow = NOW + timedelta(days=1)
    with transaction(CHARGE, at=tomorrow) as tx:
        corrections.withdraw(tx, CHARGE, one.record_id, why="wrong bed")
    quality_days.catch_up(RULES, at=tomorrow + timedelta(hours=1))
    assert share("charted") == (0, 0)
    assert share("out/withdrawn") == (1, 1)


def test_counting_everything_again_gives_the_same_figures(app: Flask) -> None:
    # Counted bit by bit, in an order of arrival that is not that of giving ...
    at = NOW + timedelta(hours=14)
    give(a_record(3, scans=()))
    quality_days.catch_up(RULES, at=NOW + timedelta(minutes=5))
    give(a_record(1), at=NOW + timedelta(minutes=20))
    with transaction(IMPORT, at=NOW + timedelta(minutes=21)) as tx:
        attempts.record(tx, a_stop())
    quality_days.catch_up(RULES, at=NOW + timedelta(minutes=30))
    quality_days.catch_up(RULES, at=NOW + timedelta(hours=3))
    give(a_record(2, due=DUE + timedelta(hours=12), effective_at=at, recorded_at=at), at=at)
    quality_days.catch_up(RULES, at=at)
    before = everything()
    assert before
    # ... or all at once.
    quality_days.rebuild(RULES, at=at)
    assert everything() == before


def test_other_definitions_count_every_day_anew(app: Flask) -> None:
    give(a_record(1))
    quality_days.catch_up(RULES, at=LATER)
    with transaction(IMPORT, at=LATER) as tx:
        quality.put_mark(tx, LATER, counting=COUNTING - 1)
        quality.put_day(tx, quality_days.row(WARD, DAY, Cells(), LATER), counting=COUNTING - 1)
    assert share("charted") == (0, 0)
    quality_days.catch_up(RULES, at=LATER + timedelta(days=30))
    assert share("charted") == (1, 1)


def test_a_dose_that_nobody_charts_is_omitted_after_twelve_hours_and_not_before(app: Flask) -> None:
    give(a_record(1), a_record(2))
    quality_days.catch_up(RULES, at=DUE + timedelta(hours=5))
    assert share("due/omitted") == (0, 2)
    quality_days.catch_up(RULES, at=DUE + timedelta(hours=12, minutes=30))  # the dose of 20:00 is still open
    assert share("due/omitted") == (1, 3)
    # It stays so when the patient has left and nobody can compute it any more.
    with transaction(IMPORT, at=DUE + timedelta(hours=12, minutes=40)) as tx:
        patients.receive(tx, replace(server_ward.a_patient(3), ward="NGOAI"))
    quality_days.catch_up(RULES, at=DUE + timedelta(days=9))
    assert share("due/omitted") == (1, 3)
    quality_days.rebuild(RULES, at=DUE + timedelta(days=9))
    assert share("due/omitted") == (1, 3)


def test_a_dose_charted_much_later_was_late_and_is_no_longer_omitted(app: Flask) -> None:
    quality_days.catch_up(RULES, at=DUE + timedelta(hours=12, minutes=30))
    assert share("due/omitted") == (3, 3)
    give(a_record(1), a_record(2), at=DUE + timedelta(hours=12, minutes=40))
    quality_days.catch_up(RULES, at=DUE + timedelta(hours=12, minutes=50))
    assert share("due/omitted") == (1, 3)


def test_an_order_that_was_stopped_hides_no_dose_that_was_missed_before(app: Flask) -> None:
    quality_days.catch_up(RULES, at=DUE + timedelta(hours=5))
    with transaction(server_ward.PRESCRIBER, at=DUE + timedelta(hours=6)) as tx:
        order_verbs.stop(tx, server_ward.PRESCRIBER, "O1", 1, reason="done")
    quality_days.catch_up(RULES, at=DUE + timedelta(hours=13))
    assert share("due/omitted") == (3, 3)


def test_a_record_that_cannot_be_read_keeps_no_day_from_being_counted(app: Flask) -> None:
    give(a_record(1), a_record(2))
    with transaction(IMPORT, at=NOW) as tx:
        row = tx.session.execute(select(quality.AdministrationRow).limit(1)).scalar_one()
        row.document = {"broken": True}
    quality_days.catch_up(RULES, at=LATER)
    assert share("charted") == (1, 1)


def test_recording_a_dose_runs_no_statement_for_the_figures(app: Flask) -> None:
    seen: list[str] = []

    def remember(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", remember)
    give(a_record(1))
    event.remove(db.engine, "before_cursor_execute", remember)
    assert seen
    assert not [one for one in seen if "quality_" in one or "unfilled_doses" in one]


def test_a_day_made_up_for_a_demonstration_is_marked_and_nothing_is_counted_into_it(app: Flask) -> None:
    with transaction(IMPORT, at=NOW) as tx:
        quality.put_day(tx, quality_days.row(WARD, DAY, Cells(), NOW, basis="simulated"), counting=COUNTING)
    give(a_record(1))
    quality_days.rebuild(RULES, at=LATER)
    assert share("charted") == (0, 0)
    with reading() as tx:
        assert quality.made_up(tx) == {(WARD, DAY)}


def test_the_counter_looks_at_new_records_only(app: Flask) -> None:
    give(a_record(1))
    assert quality_days.catch_up(RULES, at=LATER) >= 1
    assert quality_days.catch_up(RULES, at=LATER + timedelta(hours=1)) == 0


def test_the_counter_counts_by_itself_and_goes_on_after_a_fault(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    give(a_record(1, effective_at=now, recorded_at=now, due=None), at=now)
    real, faults = quality_days.catch_up, iter([True])

    def first_fails(rules: Rules) -> int:
        if next(faults, False):
            raise RuntimeError("planted")
        return real(rules)

    monkeypatch.setattr(quality_days, "catch_up", first_fails)
    done = threading.Event()
    counter = quality_days.Counter(RULES, scope=app.app_context, counted=lambda _days: done.set(), every_s=0.01)
    counter.start()
    assert done.wait(30)
    counter.stop()
    local = now.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).date()
    assert share("charted", day=local) == (1, 1)


def test_what_is_noticed_is_written_down_once_a_dose(app: Flask) -> None:
    for hours in (5, 6, 7):
        quality_days.catch_up(RULES, at=DUE + timedelta(hours=hours))
    with reading() as tx:
        found = list(tx.session.execute(select(UnfilledDoseRow.order, UnfilledDoseRow.due, UnfilledDoseRow.ward)))
        look = bedside.of_ward(tx, WARD)
        assert orders.changed(tx, look.orders) == {}
        assert products.policy(tx, WARD)
    assert len(found) == len(set(found))
    assert {ward for _, _, ward in found} == {WARD}
    assert datetime(2026, 3, 2, 1, 0, tzinfo=UTC) in {due for _, due, _ in found}
