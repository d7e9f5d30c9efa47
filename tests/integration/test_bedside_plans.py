"""The statements behind every dose, chart and record find their rows by an index, never by a walk that grows with the hospital."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from server.store import bedside, driver
from server.store.transaction import Transaction, reading
from tests.support.databases import migrated_app
from tests.support.server_ward import WARD, open_ward

LOOKS: dict[str, Callable[[Transaction], object]] = {
    "record": lambda tx: bedside.for_record(
        tx,
        record_id="x",
        patient="P1",
        ward=WARD,
        order="O1",
        at=datetime.now(UTC),
        gsrns={"893600000000000016"},
        gtins={"08936000000011"},
        products=("AMOX500",),
        bags={"BAG1"},
        serials={"S1", "S2"},
        staff={"N1"},
    ),
    "patient": lambda tx: bedside.of_patient(tx, "P1"),
    "ward": lambda tx: bedside.of_ward(tx, WARD),
}
# The hospital's wards and the names of its drugs do not come to be with every dose; all other tables do.
SMALL = ("wards", "policies")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        open_ward(patient_count=2)
        yield made


@pytest.mark.parametrize("look", LOOKS)
def test_no_table_is_walked_through_for_a_dose(app: Flask, monkeypatch: pytest.MonkeyPatch, look: str) -> None:
    asked: list[tuple[str, Any]] = []
    run = driver._run

    def noting(connection: Any, statement: driver.Written, values: Any) -> Any:
        bound = {**statement.constants, **values}
        told = {name: driver._stored(one, statement) if isinstance(one, datetime) else one for name, one in bound.items()}
        asked.append((statement.sql, told if statement.places is None else tuple(told[name] for name in statement.places)))
        return run(connection, statement, values)

    monkeypatch.setattr(driver, "_run", noting)
    with reading() as tx:
        LOOKS[look](tx)
        plans = [row[3] for sql, told in asked for row in tx.connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, told)]
    assert plans
    tables = {name for (name,) in _tables(app)}
    walked = [line for line in plans if re.match(r"SCAN (\w+)", line) and line.split()[1] in tables]
    by_facility = [line for line in plans if line.endswith("(facility=?)") and line.split()[1] not in SMALL]
    by_half = [line for line in plans if "serial>?" in line]
    assert walked + by_facility + by_half == []


def _tables(app: Flask) -> list[tuple[str]]:
    with reading() as tx:
        return list(tx.connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'"))
