"""What is past its time goes in small steps, what is not settled or held stays, and nothing of a patient's record ever goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select

from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from server.__main__ import main
from server.store import record_kinds
from server.store import retention as store
from server.store.database import Base, db
from server.store.record_kinds import Then
from server.store.tables import (
    AuditRow,
    CartCommandPartRow,
    CartCommandRow,
    CartEventLineRow,
    CartEventRow,
    CartRow,
    DrawerFindingRow,
    PatientRow,
    RolloutEventRow,
    RolloutRow,
    TaskRow,
)
from server.store.transaction import Actor, reading, transaction
from server.usecases import retention
from tests.support import web
from tests.support.databases import FACILITY, KINDS, migrated_app
from tests.support.server_ward import CHARGE, open_ward

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TODAY = date(2032, 3, 2)
LONG_AGO = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)
# The last moment that is kept through 2032: five years from the end of 2027.
KEPT = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)
OPERATOR = Actor(id="command-line")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        open_ward(patient_count=2)
        yield made


def an_event(seq: int, at: datetime, cart: str = "cart-01") -> CartEventRow:
    return CartEventRow(facility=FACILITY, cart=cart, epoch="e", seq=seq, kind="drawer-opened", at=at, received_at=at, detail={})


def a_command(name: str, state: str, at: datetime = LONG_AGO) -> CartCommandRow:
    life = {"issued_at": at, "expires_at": at, "ttl_s": 60.0, "told": {}}
    return CartCommandRow(id=name, facility=FACILITY, cart="cart-01", name="unlock", params={}, asked_by="F1", state=state, **life)


def a_finding(key: str, task: int | None) -> DrawerFindingRow:
    about = {"cart": "cart-01", "ward": "W1", "code": "no-dose", "count": 1}
    return DrawerFindingRow(facility=FACILITY, key=key, at=LONG_AGO, found_at=LONG_AGO, task=task, **about)


def a_task(key: str, status: str) -> TaskRow:
    return TaskRow(facility=FACILITY, kind="drawer-finding", key=key, status=status, detail={}, raised_at=LONG_AGO)


def a_rollout(number: int, *, is_open: bool) -> RolloutRow:
    moments = {"since": LONG_AGO, "created_at": LONG_AGO, "ended_at": None if is_open else LONG_AGO}
    words = {"title": "", "hardware": f"h{number}", "release": "", "version": "1", "state": "running" if is_open else "done", "why": ""}
    return RolloutRow(id=number, facility=FACILITY, target={}, plan={}, wave=1, is_open=is_open, created_by="F1", **words, **moments)


def an_entry(rollout: int, cart: str | None) -> RolloutEventRow:
    return RolloutEventRow(facility=FACILITY, rollout=rollout, cart=cart, at=LONG_AGO, kind="began", by="F1", attempt=0, why="")


def put(*rows: object) -> None:
    with transaction(OPERATOR) as tx:
        for row in rows:
            tx.session.add(row)
            tx.session.flush()


def left(row: type) -> int:
    with reading() as tx:
        return int(tx.session.scalar(select(func.count()).select_from(row)) or 0)


def erased(**more: int) -> dict[str, int]:
    gone: dict[str, int] = {}
    for table, rows in retention.run(OPERATOR, today=TODAY, zone=ZONE, **more):
        gone[table] = gone.get(table, 0) + rows
    return gone


def a_line(upto: int, cart: str = "cart-01") -> CartEventLineRow:
    return CartEventLineRow(facility=FACILITY, cart=cart, epoch="e", upto=upto)


def test_what_is_past_its_time_and_settled_goes_and_nothing_else(app: Flask) -> None:
    task, done = a_task("1", "requested"), a_task("2", "completed")
    put(task, done)
    put(
        *(an_event(seq, LONG_AGO) for seq in (1, 2, 4)),
        an_event(3, KEPT),
        a_line(2),
        a_command("c1", "done"),
        a_command("c2", "sent"),
        a_command("c3", "failed", KEPT),
        CartCommandPartRow(facility=FACILITY, command="c1", part=1, text="x"),
        a_rollout(1, is_open=False),
        a_rollout(2, is_open=True),
        an_entry(1, None),
        an_entry(1, "cart-01"),
        an_entry(2, None),
        a_finding("a", None),
        a_finding("b", task.id),
        a_finding("c", done.id),
    )
    patients, audits = left(PatientRow), left(AuditRow)
    with reading(OPERATOR) as tx:
        planned = {line.table: line.rows for line in retention.plan(tx, today=TODAY, zone=ZONE).lines}
    assert planned == {"cart_events": 2, "cart_event_lines": 0, "cart_commands": 1, "rollout_events": 2, "drawer_findings": 2}
    assert erased() == {table: rows for table, rows in planned.items() if rows}
    assert (left(CartEventRow), left(CartCommandRow), left(CartCommandPartRow)) == (2, 2, 0)
    assert (left(RolloutEventRow), left(DrawerFindingRow), left(PatientRow)) == (1, 1, patients)
    assert left(AuditRow) == audits + 4
    assert erased() == {}


def test_a_hold_keeps_what_it_names_until_it_is_ended(app: Flask) -> None:
    put(an_event(1, LONG_AGO), an_event(1, LONG_AGO, "cart-02"), a_line(1), a_line(1, "cart-02"), a_rollout(1, is_open=False))
    put(an_entry(1, None), an_entry(1, "cart-01"))
    with transaction(OPERATOR) as tx:
        if tx.session.get(CartRow, (FACILITY, "cart-01")) is None:
            tx.session.add(CartRow(facility=FACILITY, id="cart-01", ward="W1"))
            tx.session.flush()
        of_cart = retention.place_hold(tx, kind="cart", subject="cart-01", reason="an inquiry", by="N1")
        of_patient = retention.place_hold(tx, kind="patient", subject="P1", reason="a court asks", by="N1")
    assert erased() == {}
    with transaction(OPERATOR) as tx:
        retention.end_hold(tx, of_patient, reason="the case is closed", by="N1")
    assert erased() == {"cart_events": 1, "cart_event_lines": 1, "rollout_events": 1}
    with pytest.raises(ConflictError), transaction(OPERATOR) as tx:
        retention.end_hold(tx, of_patient, reason="again", by="N1")
    with transaction(OPERATOR) as tx:
        retention.end_hold(tx, of_cart, reason="the case is closed", by="N1")
    assert erased() == {"cart_events": 1, "cart_event_lines": 1, "rollout_events": 1}
    with reading() as tx:
        assert [one.ended_at is None for one in store.holds(tx)] == [False, False]


def test_a_hold_that_would_hold_nothing_is_refused(small: Flask) -> None:
    for kind, subject, reason, by in (
        ("cart", "cart-99", "an inquiry", "N1"),
        ("patient", "P99", "an inquiry", "N1"),
        ("patient", "", "an inquiry", "N1"),
        ("site", "P1", "an inquiry", "N1"),
        ("nurse", "N1", "an inquiry", "N1"),
        ("patient", "P1", " . ", "N1"),
        ("patient", "P1", "an inquiry", "nobody"),
    ):
        with pytest.raises((NotFoundError, UnreadableError)), transaction(OPERATOR) as tx:
            retention.place_hold(tx, kind=kind, subject=subject, reason=reason, by=by)
    with reading() as tx:
        assert store.holds(tx) == ()


def test_erasing_goes_on_in_steps_each_with_its_audit(small: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BATCH", 3)
    monkeypatch.setattr(store.erase, "__kwdefaults__", {"limit": 3})
    put(*(an_event(seq, LONG_AGO + timedelta(seconds=seq)) for seq in range(1, 11)), a_line(10))
    assert erased(batches=2) == {"cart_events": 6}
    with reading() as tx:
        assert list(tx.session.scalars(select(CartEventRow.seq).order_by(CartEventRow.seq))) == [7, 8, 9, 10]
        told = tx.session.scalars(select(AuditRow.detail).where(AuditRow.action == "retention.erase")).all()
    assert [detail["rows"] for detail in told] == [3, 3]
    assert erased() == {"cart_events": 4, "cart_event_lines": 1}


def test_how_far_a_programs_events_came_is_forgotten_with_the_last_of_them(app: Flask) -> None:
    """A cart has a line for each start of a journal: nothing but the retention takes one away."""
    gap = a_line(7, "cart-03")
    gap.gap_at = LONG_AGO
    put(an_event(1, LONG_AGO), a_line(1), an_event(1, KEPT, "cart-02"), a_line(1, "cart-02"), gap)
    put(CartRow(facility=FACILITY, id="cart-04", ward="W1", event_epoch="e", event_upto=9), a_line(9, "cart-04"))
    assert erased() == {"cart_events": 1, "cart_event_lines": 1}
    with reading() as tx:
        assert sorted(tx.session.scalars(select(CartEventLineRow.cart))) == ["cart-02", "cart-03", "cart-04"]
    assert erased() == {}


def test_another_facility_of_the_same_database_keeps_its_rows(small: Flask) -> None:
    other = an_event(1, LONG_AGO)
    other.facility = "h2"
    line = a_line(1)
    line.facility = "h2"
    put(other, line)
    assert erased() == {}
    assert left(CartEventRow) == 1


def test_every_table_has_its_kind_and_only_records_of_machines_are_erased() -> None:
    assert set(record_kinds.TABLES) == {table.name for table in Base.metadata.sorted_tables}
    assert set(record_kinds.TABLES.values()) == set(record_kinds.KINDS)
    assert {record_kinds.TABLES[table] for table in store.PRUNED} == {"cart-log"}
    for kind in record_kinds.KINDS.values():
        assert kind.then is not Then.COMMAND or kind.personal != "patient"
        assert kind.law is None or retention.years(kind, TODAY) is not None


def test_patients_past_the_shortest_time_are_counted_and_none_is_erased(small: Flask) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE stays SET left_at = '2015-06-01 00:00:00.000000', ended = 'discharged' WHERE patient = 'P1'")
    with reading(OPERATOR) as tx:
        found = retention.plan(tx, today=TODAY, zone=ZONE)
    assert found.patients_past == 1
    assert found.patients_before == datetime(2022, 1, 1, tzinfo=ZONE)
    erased()
    assert left(PatientRow) == 2


def test_the_commands_say_what_would_go_hold_and_erase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(tmp_path / "server.toml")
    assert main(["init", "--config", config]) == 0
    assert main(["migrate", "--config", config]) == 0
    capsys.readouterr()
    assert main(["retention", "show", "--config", config]) == 0
    assert "patient-record: 10 years, counted from: stay; afterwards: stays" in capsys.readouterr().out
    assert main(["retention", "plan", "--config", config]) == 0
    assert "cart_events: 0 rows" in capsys.readouterr().out
    assert main(["retention", "run", "--config", config]) == 0
    assert main(["retention", "hold", "site", "--reason", "a court asks", "--by", "nobody", "--config", config]) == 1
    assert main(["retention", "holds", "--config", config]) == 0


def test_the_page_says_of_every_kind_what_is_stored_where_how_long_and_why_in_each_language(tmp_path: Path) -> None:
    with web.ward_app(tmp_path) as app:
        client = web.signed_in(app, CHARGE)
        for language, words in (
            ("vi", ("Hồ sơ người bệnh", "10 năm", "không chương trình nào xóa", "Nhật ký của xe")),
            ("en", ("Patients&#39; records", "10 years", "no program erases it", "What carts were asked and told")),
            ("fr", ("Dossiers des patients", "10 ans", "aucun programme ne l", "Journal des chariots")),
        ):
            with client.session_transaction() as session:
                session["language"] = language
            shown = client.get("/catalogue/lists").text
            for word in words:
                assert word in shown, (language, word)
            for table in record_kinds.TABLES:
                assert table in shown
            assert "record-kind-" not in shown
            assert "data-protection-then" not in shown
