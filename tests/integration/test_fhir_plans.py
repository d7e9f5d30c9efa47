"""No search of the FHIR face costs more in a larger hospital: each statement goes by an index, in its order, and looks at so many rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text

from server.api.fhir import asking
from server.api.fhir.asking import Around
from server.emr.fhir_mapping import MappingContext
from server.store import fhir_walk, patient_words
from server.store.database import db
from server.store.tables import (
    AdministrationRow,
    AuditRow,
    ObservationRow,
    OrderRow,
    OrderVersionRow,
    OutboxRow,
    PatientRow,
    PatientWordRow,
)
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, fhir_search
from server.usecases.fhir_kinds import KINDS
from server.usecases.fhir_search import Search
from tests.support import server_ward
from tests.support.databases import KINDS as DATABASES
from tests.support.databases import migrated_app
from tests.support.server_ward import NOW, a_record

CONTEXT = MappingContext(site="https://hospital.example/poc")
AROUND = Around(context=CONTEXT, base="http://localhost/fhir/R4", zone=UTC, of_number=lambda _number: "P1")
MANY = 300
BIG = ("administrations", "orders", "order_versions", "patients", "patient_words", "audit", "observations", "outbox")


@pytest.fixture(scope="module", params=DATABASES)
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path_factory.mktemp("plans")) as made:
        server_ward.open_ward(patient_count=1)
        with transaction(Actor(id="gateway")) as tx:
            administrations.record(tx, a_record(1, record_id="given"), cart_seq=1, epoch="e")
        _fill()
        yield made


def _fill() -> None:
    """Many of each, long ago."""
    ago = [NOW - timedelta(days=400, minutes=number) for number in range(MANY)]
    with db.engine.begin() as connection:

        def more(table: Any, **changes: Any) -> None:
            row = dict(connection.execute(select(table.__table__).limit(1)).mappings().one())
            row = {name: value for name, value in row.items() if not (name == "id" and isinstance(value, int))}
            rows = [row | {name: make(number) for name, make in changes.items()} for number in range(MANY)]
            connection.execute(insert(table.__table__), rows)

        more(PatientRow, id=lambda n: f"X{n:04}", mrn=lambda n: f"19-{n:06}", updated_at=lambda n: ago[n], status=lambda _: "discharged")
        words = [
            {"facility": "h1", "patient": f"X{n:04}", "word": word, "here": False}
            for n in range(MANY)
            for word in patient_words.words("Nguyễn Văn Mười" if n == 7 else "Nguyễn Văn An", f"19-{n:06}", f"X{n:04}")
        ]
        connection.execute(insert(PatientWordRow), words)
        more(OrderRow, id=lambda n: f"X{n:04}", patient=lambda n: f"X{n:04}", updated_at=lambda n: ago[n], status=lambda _: "completed")
        more(OrderVersionRow, order_id=lambda n: f"X{n:04}")
        more(
            AdministrationRow,
            record_id=lambda n: f"x{n:04}",
            patient=lambda n: f"X{n:04}",
            received_at=lambda n: ago[n],
            effective_at=lambda n: ago[n],
        )
        more(OutboxRow, record_id=lambda n: f"x{n:04}", ordering_key=lambda n: f"x{n:04}")
        more(AuditRow, at=lambda n: ago[n])
        values = {"facility": "h1", "code": "heart-rate", "value": "60 /min"}
        connection.execute(insert(ObservationRow), [values | {"patient": f"X{n:04}", "at": ago[n]} for n in range(MANY)])
        connection.execute(text("ANALYZE"))


SEARCHES = (
    "Patient",
    "Patient?_id=P1",
    "Patient?identifier=24-000001",
    "Patient?name=nguyen muoi",
    "Patient?gender=female",
    "Patient?birthdate=1958",
    "Patient?_lastUpdated=gt2026-01-01",
    "Encounter?status=in-progress",
    "Encounter?patient=P1",
    "AllergyIntolerance",
    "AllergyIntolerance?patient=P1",
    "MedicationRequest",
    "MedicationRequest?patient=P1",
    "MedicationRequest?status=active",
    "MedicationRequest?status=active,on-hold",
    "MedicationRequest?status=active&_lastUpdated=gt2026-01-01",
    "MedicationRequest?requester=D1&authoredon=gt2026",
    "MedicationAdministration",
    "MedicationAdministration?_id=given",
    "MedicationAdministration?identifier=given",
    "MedicationAdministration?patient=P1",
    "MedicationAdministration?patient=P1&effective-time=2026-03-02",
    "MedicationAdministration?effective-time=ge2026-03-01&effective-time=lt2026-04-01",
    "MedicationAdministration?status=not-done",
    "MedicationAdministration?request=O1",
    "MedicationAdministration?device=c9",
    "MedicationAdministration?performer=N9",
    "MedicationAdministration?_lastUpdated=ge2026-01-01",
    "Provenance?target=MedicationAdministration/given",
    "Provenance",
    "DetectedIssue?patient=P1",
    "DetectedIssue",
    "Procedure?date=gt2026",
    "Observation",
    "Observation?patient=P1",
    "AuditEvent?date=ge2026-01-01",
    "AuditEvent?patient=P1",
    "AuditEvent",
)


@pytest.mark.parametrize("descending", [False, True])
def test_no_search_reads_a_whole_table_or_sorts_one(app: Flask, descending: bool) -> None:
    statements: list[tuple[str, Any]] = []

    def remember(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", remember)
    try:
        for address in SEARCHES:
            name, _, query = address.partition("?")
            kind = KINDS[name]
            read = asking.read(kind, parse_qsl(query), AROUND, strict=True)
            with reading() as tx:
                fhir_search.find(tx, CONTEXT, kind, Search(filters=read.filters, ids=read.ids, descending=descending, limit=20))
    finally:
        event.remove(db.engine, "before_cursor_execute", remember)
    asked = {statement: parameters for statement, parameters in statements if statement.lstrip().upper().startswith("SELECT")}
    assert len(asked) > 30
    wrong = []
    with db.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:  # on a small table reading all is cheaper: what matters is that an index can do it
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in asked.items():
            plan = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{statement}", parameters).all()
            lines = [str(line[-1]) for line in plan]
            if is_sqlite:
                bad = [one for one in lines if one.startswith("SCAN") and "USING" not in one and one.split()[1] in BIG]
                if "ORDER BY observations.id" in statement:  # the table itself is in this order, and the limit ends the walk
                    bad = []
            else:
                bad = [one for one in lines if "Seq Scan on" in one and any(f" on {name}" in one for name in BIG)]
            if bad:
                wrong.append((statement[:300], bad))
    assert wrong == []


def test_a_page_looks_at_so_many_rows_and_then_says_where_it_stopped(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[int] = []
    real = fhir_walk.look

    def look(tx: Any, table: Any, asked: Any) -> Any:
        found = real(tx, table, asked, most=50)
        limits.append(len(found.found))
        return found

    monkeypatch.setattr(fhir_search.fhir_walk, "look", look)
    with reading() as tx:
        kind = KINDS["MedicationRequest"]
        read = asking.read(kind, parse_qsl("requester=nobody"), AROUND, strict=True)
        pages = list(fhir_search.all_pages(tx, CONTEXT, kind, Search(filters=read.filters, limit=20)))
    assert sum(len(page.items) for page in pages) == 0
    assert len(pages) == MANY // 50 + 1


def test_a_name_that_half_the_hospital_has_says_that_others_may_be_missing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_words, "MOST_LOOKED", 10)
    kind = KINDS["Patient"]
    read = asking.read(kind, parse_qsl("name=nguyen an&gender=female"), AROUND, strict=True)
    with reading() as tx:
        page = fhir_search.find(tx, CONTEXT, kind, Search(filters=read.filters, limit=20))
    assert page.unsure
