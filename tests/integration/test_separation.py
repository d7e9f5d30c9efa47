"""Hospitals in one PostgreSQL: what a facility's role sees and writes when a query forgets to say whose rows it wants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from pointofcare.errors import ConfigError
from server.bare import bare_app
from server.config import ServerConfig, read
from server.store import migrate, replica, separation
from server.store.database import db
from server.store.transaction import Actor, reading, transaction
from server.store.turns import Turn
from server.usecases import province_report
from simulation.fleet import postgres

pytestmark = pytest.mark.slow
ROLES = {"a1": "facility_a1", "b1": "facility_b1"}


def _config(url: str, facility: str, directory: Path) -> ServerConfig:
    made_up = {"secret_key": "k" * 40, "password_salt": "k" * 40}
    return read({"database_url": url, "facility": facility, **made_up}, anchor=directory)


@pytest.fixture(scope="module")
def owner_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database laid out for two hospitals, with a ward in each."""
    directory = tmp_path_factory.mktemp("separation")
    with postgres.cluster(directory / "pg.log") as url:
        with bare_app(_config(url, "a1", directory)).app_context():
            migrate.upgrade()
            with db.engine.begin() as connection:
                separation.partition(connection)
                for role in (*ROLES.values(), "reports", "stranger"):
                    connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
            for facility, role in ROLES.items():
                with db.engine.begin() as connection:
                    separation.open_facility(connection, facility, role)
            with db.engine.begin() as connection:
                separation.open_reports(connection, "reports")
            with db.engine.begin() as connection:
                for facility in ROLES:
                    ward = "INSERT INTO wards (facility, id, name, timezone) VALUES (%s, 'W1', %s, 'Asia/Ho_Chi_Minh')"
                    connection.exec_driver_sql(ward, (facility, f"ward of {facility}"))
                    connection.exec_driver_sql(
                        "INSERT INTO outbox (facility, kind, record_id, cart, ordering_key, record, state, attempts, created_at,"
                        " next_attempt_at) VALUES (%s, 'administration', %s, 'c', 'k', '{}', 'pending', 0, now(), now())",
                        (facility, f"record of {facility}"),
                    )
            db.engine.dispose()
        yield url


@contextmanager
def _as(url: str, role: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    plain = url.replace("postgresql+psycopg://app@", f"postgresql://{role}@")
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


def test_a_query_without_a_facility_shows_a_facility_its_own_rows_alone(owner_url: str) -> None:
    for facility, role in ROLES.items():
        with _as(owner_url, role) as connection:
            assert connection.execute("SELECT facility FROM wards").fetchall() == [(facility,)]
            assert connection.execute("SELECT facility FROM outbox").fetchall() == [(facility,)]


def test_a_facility_can_write_change_and_take_away_nothing_of_another(owner_url: str) -> None:
    with _as(owner_url, "facility_a1") as connection:
        assert connection.execute("UPDATE wards SET name = 'changed' WHERE facility = 'b1'").rowcount == 0
        assert connection.execute("DELETE FROM outbox WHERE facility = 'b1'").rowcount == 0
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("INSERT INTO wards (facility, id, name, timezone) VALUES ('b1', 'W9', 'x', 'UTC')")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("UPDATE wards SET facility = 'b1'")
    with _as(owner_url, "facility_b1") as connection:
        assert connection.execute("SELECT name FROM wards").fetchall() == [("ward of b1",)]
        assert connection.execute("SELECT count(*) FROM outbox").fetchall() == [(1,)]


def test_the_parts_of_a_table_are_no_way_round_its_policy(owner_url: str) -> None:
    with _as(owner_url, "facility_a1") as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM parts.outbox_of_b1")


def test_a_program_works_under_its_facilitys_role(owner_url: str, tmp_path: Path) -> None:
    url = owner_url.replace("//app@", "//facility_a1@")
    with bare_app(_config(url, "a1", tmp_path)).app_context():
        with transaction(Actor(id="test")) as tx:
            tx.audit("test.did", "test/1")
        with reading() as tx:
            assert tx.session.connection().exec_driver_sql("SELECT DISTINCT facility FROM audit").fetchall() == [("a1",)]
        db.engine.dispose()
    with bare_app(_config(owner_url.replace("//app@", "//facility_b1@"), "a1", tmp_path)).app_context():
        with pytest.raises(Exception, match="row-level security"), transaction(Actor(id="test")) as tx:
            tx.audit("test.did", "test/2")
        db.engine.dispose()


def test_what_is_not_held_back_is_told(owner_url: str, tmp_path: Path) -> None:
    with bare_app(_config(owner_url, "a1", tmp_path)).app_context():
        with db.engine.connect() as connection:
            assert separation.gaps(connection, list(ROLES.values())) == ()
            connection.exec_driver_sql("CREATE TABLE added_later (facility text, said text)")
            connection.exec_driver_sql("GRANT SELECT ON added_later TO facility_a1")
            told = separation.gaps(connection, ["facility_a1"])
            assert [gap.table for gap in told] == ["added_later"]
            with pytest.raises(ConfigError, match="no policy holds"):
                separation.open_facility(connection, "a1", "app")
            connection.rollback()
        db.engine.dispose()


# Ways round a policy, and what `province check` has to name of each.
WAYS = {
    "a policy for everybody": (["CREATE POLICY every ON wards USING (true)"], "wards"),
    "another hospital's rows": (
        [
            "DROP POLICY of_facility_a1 ON wards",
            "CREATE POLICY of_facility_a1 ON wards TO facility_a1 USING (facility = 'b1') WITH CHECK (facility = 'b1')",
        ],
        "",
    ),
    "rows of all to read": (
        ["DROP POLICY of_facility_a1 ON wards", "CREATE POLICY of_facility_a1 ON wards FOR SELECT TO facility_a1 USING (true)"],
        "wards",
    ),
    "a view of the owner's": (["CREATE VIEW every_ward AS SELECT * FROM wards", "GRANT SELECT ON every_ward TO facility_a1"], "every_ward"),
    "a function of the owner's": (["CREATE FUNCTION w() RETURNS SETOF wards LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM wards'"], ""),
    "the owner's rights": (["GRANT app TO facility_a1"], ""),
    "another hospital's rights": (["GRANT facility_b1 TO facility_a1"], ""),
    "a table of its own": (["ALTER TABLE wards OWNER TO facility_a1"], "wards"),
    "a new table for everybody": (["CREATE TABLE later (facility text)", "GRANT SELECT ON later TO PUBLIC"], "later"),
    "one column of a part": (
        ["GRANT USAGE ON SCHEMA parts TO facility_a1", "GRANT SELECT (facility) ON parts.outbox_of_b1 TO facility_a1"],
        "parts.outbox_of_b1",
    ),
    "things of its own": (["GRANT CREATE ON SCHEMA public TO facility_a1"], ""),
}


def test_every_way_round_a_policy_is_told_by_the_check(owner_url: str, tmp_path: Path) -> None:
    passed = []
    with bare_app(_config(owner_url, "a1", tmp_path)).app_context():
        for way, (statements, table) in WAYS.items():
            with db.engine.connect() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)
                if table not in {gap.table for gap in separation.gaps(connection, ["facility_a1"])}:
                    passed.append(way)
                connection.rollback()
        db.engine.dispose()
    assert passed == []


def test_a_hospitals_role_is_not_opened_for_the_report_over_all(owner_url: str, tmp_path: Path) -> None:
    with bare_app(_config(owner_url, "a1", tmp_path)).app_context():
        with pytest.raises(ConfigError, match="does the work of a hospital"), db.engine.begin() as connection:
            separation.open_reports(connection, "facility_a1")
        with db.engine.begin() as connection:
            separation.open_reports(connection, "reports")  # after each migration again
        db.engine.dispose()
    with _as(owner_url, "facility_a1") as connection:
        assert connection.execute("SELECT facility FROM wards").fetchall() == [("a1",)]


def test_no_hospital_empties_the_list_of_programs_that_run(owner_url: str) -> None:
    with _as(owner_url, "facility_a1") as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("TRUNCATE server_programs")


def test_tables_that_are_in_use_are_not_laid_out_anew(tmp_path: Path) -> None:
    with postgres.cluster(tmp_path / "pg.log") as url, bare_app(_config(url, "a1", tmp_path)).app_context():
        migrate.upgrade()
        with db.engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO cart_telemetry_points (facility, cart, kind, at, values) VALUES ('a1', 'c', 'power', now(), '{}')"
            )
        with pytest.raises(ConfigError, match="in use"), db.engine.begin() as connection:
            separation.partition(connection)
        with db.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT relkind::text FROM pg_class WHERE relname = 'administrations'").scalar()
        assert found == "r"
        db.engine.dispose()


def test_one_of_two_gateways_has_the_turn_and_the_other_gets_it_when_that_one_is_gone(owner_url: str, tmp_path: Path) -> None:
    with bare_app(_config(owner_url.replace("//app@", "//facility_a1@"), "a1", tmp_path)).app_context():
        first, second, elsewhere = Turn("a1", "gateway"), Turn("a1", "gateway"), Turn("b1", "gateway")
        assert first.take()
        assert not second.take()
        assert elsewhere.take()
        with _as(owner_url, "app") as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        assert not first.is_held()
        assert second.take()
        assert second.is_held()
        second.give_up()
        elsewhere.give_up()
        db.engine.dispose()


def test_the_report_counts_every_facility_and_says_that_no_replica_was_read(owner_url: str) -> None:
    report = province_report.read(owner_url.replace("//app@", "//reports@"), hours=24, most_lag_s=60)
    assert [one.facility for one in report.seen.facilities] == ["a1", "b1"]
    assert [one.outbox_waiting for one in report.seen.facilities] == [1, 1]
    assert "no replica" in report.note
    with _as(owner_url, "reports") as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("DELETE FROM wards")


def test_a_report_is_refused_without_a_database() -> None:
    with pytest.raises(replica.ReplicaError):
        replica.read("postgresql+psycopg://x@127.0.0.1:1/none?connect_timeout=2", hours=1, most_lag_s=1)


def test_a_lag_is_marked() -> None:
    seen = replica.Seen(at=datetime.now(UTC), lag_s=61.0, facilities=())
    assert "61 s behind" in province_report.Report(seen=seen, hours=1).note
    assert province_report.Report(seen=replica.Seen(at=seen.at, lag_s=2.0, facilities=()), hours=1).note == ""


def test_a_clock_that_is_behind_hides_no_lag_and_is_told() -> None:
    replayed = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    here = replayed + timedelta(seconds=90)
    for off_s in (-80.0, 0.0, 80.0):
        assert replica.behind_s(replayed, here + timedelta(seconds=off_s), here) == max(90.0, 90.0 + off_s)
    assert replica.behind_s(replayed, replayed - timedelta(seconds=9), replayed - timedelta(seconds=1)) == 0.0
    for off_s, words in ((-80.0, "80 s behind this machine's"), (6.0, "6 s ahead of this machine's")):
        told = province_report.Report(seen=replica.Seen(at=here, lag_s=2.0, clock_off_s=off_s, facilities=()), hours=1)
        assert words in told.note
        assert told.plain()["clock_off_s"] == off_s
