"""The made-up province is whole, the same each time, and never written beside anybody else; what was cut off goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from pointofcare.errors import ConfigError
from pointofcare.labels import gs1
from server.store import bedside, identities, views_patients
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations
from simulation.scale import courses, fill
from simulation.scale.command import run
from simulation.scale.people import Size, facilities, person
from tests.support import databases, province, server_ward
from tests.support.databases import migrated_app

UNTIL = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SIZE = Size(people=180, facilities=2, orders=700, days=12, seed=7, until=UNTIL)


@pytest.fixture
def url() -> Iterator[str]:
    cluster, name = databases._cluster(), f"s{uuid4().hex}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {databases._postgresql_template()}")  # type: ignore[call-overload]
    yield cluster.url(name)
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


def asked(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]


def test_what_was_cut_off_is_not_there_at_all_and_a_second_run_goes_on(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fill._copy
    written: list[str] = []

    def cut(connection: object, facility: object, table: str, columns: str) -> int:
        written.append(table)
        if written.count("audit") == 2:
            raise KeyboardInterrupt
        return real(connection, facility, table, columns)  # type: ignore[arg-type]

    monkeypatch.setattr(fill, "_copy", cut)
    with pytest.raises(KeyboardInterrupt):
        fill.fill(url, SIZE, progress=lambda _: None)
    assert asked(url, "SELECT DISTINCT facility FROM patients") == [("scale-01",)]
    monkeypatch.setattr(fill, "_copy", real)
    again = fill.fill(url, SIZE, progress=lambda _: None)
    assert (again.facilities, again.skipped) == (1, 1)
    assert asked(url, "SELECT facility, count(*) FROM patients GROUP BY facility ORDER BY 1") == [("scale-01", 90), ("scale-02", 90)]
    third = fill.fill(url, SIZE, progress=lambda _: None)
    assert (third.facilities, sum(third.rows.values())) == (0, 0)
    with pytest.raises(ConfigError, match="another size"):
        fill.fill(url, replace(SIZE, seed=8), progress=lambda _: None)
    # Without --until the moment of the first run counts.
    assert run(["--people", "180", "--facilities", "2", "--orders", "700", "--days", "12", "--seed", "7", "--database", url]) == 0


def test_every_row_that_names_another_finds_it(url: str) -> None:
    found = fill.fill(url, SIZE, progress=lambda _: None)
    assert found.rows["orders"] == 700 == sum(one.orders_made for one in facilities(SIZE))
    for child, of, parent, key in (
        ("patient_words", "patient", "patients", "id"),
        ("patient_identities", "patient", "patients", "id"),
        ("bands", "patient", "patients", "id"),
        ("stays", "patient", "patients", "id"),
        ("orders", "patient", "patients", "id"),
        ("order_versions", "order_id", "orders", "id"),
        ("administrations", "order_id", "orders", "id"),
        ("administrations", "nurse", "staff", "id"),
        ("outbox", "record_id", "administrations", "record_id"),
    ):
        lost = f"SELECT 1 FROM {child} c LEFT JOIN {parent} p ON p.facility = c.facility AND p.{key} = c.{of} WHERE p.{key} IS NULL LIMIT 1"
        assert asked(url, lost) == [], (child, of)
    joined = "orders o LEFT JOIN order_versions v ON v.facility = o.facility AND v.order_id = o.id AND v.version = o.version"
    wrong = f"SELECT 1 FROM {joined} WHERE v.order_id IS NULL OR v.document::json ->> 'status' <> o.status LIMIT 1"
    assert asked(url, wrong) == []
    doses, settled = (asked(url, f"SELECT count(*) FROM {query}")[0][0] for query in ("administrations", "outbox WHERE state = 'sent'"))
    assert doses == settled == found.rows["administrations"]
    assert asked(url, "SELECT count(*) FROM audit WHERE action = 'administration.record'")[0][0] == doses


def test_the_same_size_makes_the_same_province(url: str) -> None:
    fill.fill(url, SIZE, progress=lambda _: None)
    first = facilities(SIZE)[1]
    names = asked(url, "SELECT name, mrn FROM patients WHERE facility = 'scale-02' ORDER BY id")
    assert names == [(one.name, one.mrn) for one in (person(first, number) for number in range(first.people))]
    assert person(facilities(replace(SIZE, seed=8))[1], 3) != person(first, 3)


@pytest.mark.parametrize("who", ["a hospital", "another database"])
def test_a_database_that_somebody_else_uses_is_never_written_into(tmp_path: Path, who: str, capsys: pytest.CaptureFixture[str]) -> None:
    if who == "another database":
        assert run(["--people", "50", "--facilities", "1", "--database", "sqlite:///x.sqlite"]) == 2
        assert "only PostgreSQL" in capsys.readouterr().err
        return
    with migrated_app("postgresql", tmp_path) as app:
        server_ward.open_ward(patient_count=1)
        url = str(app.config["SQLALCHEMY_DATABASE_URI"]).replace("postgresql+psycopg://", "postgresql://")
        before = asked(url, "SELECT count(*) FROM audit")
        with pytest.raises(ConfigError, match="is in use"):
            fill.fill(url, SIZE, progress=lambda _: None)
        assert asked(url, "SELECT count(*) FROM audit") == before
        assert asked(url, "SELECT to_regclass('simulation.filled')") == [(None,)]


def test_the_server_takes_a_made_up_patient_as_its_own(tmp_path: Path) -> None:
    size = province.size(60, until=UNTIL, days=12)
    first = facilities(size)[0]
    one = person(first, 2)
    assert gs1.is_valid_key(one.gsrn)
    with province.filled(size, tmp_path):
        with reading(province.person_of_staff("charge"), at=UNTIL) as tx:
            look = bedside.of_patient(tx, one.id)
            doses, _ = views_patients.doses(tx, patient=one.id, limit=50)
            assert identities.get(tx, one.id) is not None
        assert (len(look.patients), len(look.orders)) == (1, 4)
        assert len(doses) == 43  # eight a day for five days, and three of this morning
        assert {dose.emr_state for dose in doses} == {"sent"}
        due = UNTIL + timedelta(hours=10)  # 20:00 in the ward
        with transaction(Actor(id="gateway"), at=due + courses.LATE) as tx:
            texts = fill.texts_of(first, one, 0, due)
            told = administrations.record(tx, courses.record(0, due, **texts), cart_seq=10**6, epoch="e")
            assert (told.duplicate, told.discrepancies) == (False, ())
            stored = views_patients.dose(tx, texts["record"])
        assert stored is not None
        assert stored.server_level == "PASS"


def test_a_size_that_cannot_be_is_refused() -> None:
    for change in ({"people": 1}, {"facilities": 0}, {"facilities": 100}, {"days": 5}, {"orders": -1}):
        with pytest.raises(ConfigError):
            replace(SIZE, **change)  # type: ignore[arg-type]
