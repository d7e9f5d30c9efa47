"""Finding a patient among very many: without marks, by parts of a name or a number, and never by reading every name of the hospital."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, insert, text

from server.store import migrate, patient_words, views_patients
from server.store.database import db
from server.store.tables import PatientRow, PatientWordRow
from server.store.transaction import reading, transaction
from server.usecases import admission
from server.usecases import patients as verbs
from tests.support import server_ward
from tests.support.databases import KINDS, empty_app, migrated_app
from tests.support.server_ward import CHARGE, IMPORT, NOW, NURSE, WARD, a_patient

NAMES = ("Đặng Thị Ngọc Ánh", "ĐỖ VĂN ƯỚC", "Nguyễn Văn An", "Nguyễn Văn Ân", "Trần An Nhiên", "O'Brien-Lê Hòa")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as found:
        server_ward.open_ward(patient_count=1)
        with transaction(IMPORT) as tx:
            for number, name in enumerate(NAMES, start=11):
                verbs.receive(tx, replace(a_patient(number), name=name))
        yield found


def found(typed: str, **more: object) -> list[str]:
    with reading(IMPORT) as tx:
        return [line.name for line in views_patients.find(tx, text=typed, **more)]  # type: ignore[arg-type]


TYPED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("dang thi ngoc anh", NAMES[:1]),
    ("ĐẶNG", NAMES[:1]),
    ("do van uoc", NAMES[1:2]),
    ("Nguyễn  văn", (*NAMES[2:4], "NGUYỄN VĂN 1")),
    ("an nguyen", NAMES[2:4]),
    ("obrien", ()),
    ("brien hoa", NAMES[5:]),
    ("24-000013", NAMES[2:3]),
    ("013", NAMES[2:3]),
    ("0014", NAMES[3:4]),
    ("P16", NAMES[5:]),
    ("%", ()),
    ("😀", ()),
    ("nguyen khong-co", ()),
    # A wristband, as a hand scanner types it.
    (f"8018{server_ward.gsrn(14)}80191", NAMES[3:4]),
    (f"]d28018{server_ward.gsrn(14)}", NAMES[3:4]),
    (f"(8018) {server_ward.gsrn(14)} (8019) 1", NAMES[3:4]),
    (f"8018{server_ward.gsrn(99)}", ()),
    (f"8018{int(server_ward.gsrn(14)) + 1}", ()),
)


def test_marks_case_order_and_the_beginning_of_a_number_make_no_difference(app: Flask) -> None:
    assert {typed: sorted(found(typed)) for typed, _ in TYPED} == {typed: sorted(names) for typed, names in TYPED}


def test_what_is_found_follows_the_patient(app: Flask) -> None:
    with transaction(CHARGE) as tx:
        admission.identify(
            tx, CHARGE, "P11", name="Phạm Thị Đào", birth_date=None, sex="female", national_id=None, method="document", reason="typing"
        )
        admission.discharge(tx, CHARGE, "P12")
    assert found("dang") == []
    assert found("dao") == ["PHẠM THỊ ĐÀO"]
    assert found("uoc") == []
    assert found("uoc", admitted_only=False) == [NAMES[1]]
    with reading(replace(NURSE, wards=frozenset({"ELSEWHERE"}))) as tx:
        assert views_patients.find(tx, text="nguyen") == ()
    with reading(replace(NURSE, wards=frozenset({WARD}))) as tx:
        assert len(views_patients.find(tx, text="nguyen")) == 3


def test_a_search_that_did_not_look_to_the_end_says_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_words, "MOST_LOOKED", 2)
    with reading(IMPORT) as tx:
        assert views_patients.look(tx, text="van uoc") == (views_patients.find(tx, text="uoc"), False)
        assert views_patients.look(tx, text="van")[1]  # three have it, two were looked at
        assert views_patients.look(tx, text="ngu", ward=WARD) == (views_patients.find(tx, text="nguyen", ward=WARD), False)
        assert views_patients.look(tx, limit=3)[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_of_before_gets_the_words_that_the_program_writes(kind: str, tmp_path: Path) -> None:
    with empty_app(kind, tmp_path):
        migrate.upgrade("0020")
        with db.engine.begin() as connection:
            for number, name in enumerate(NAMES, start=1):
                row = {"facility": "h1", "id": f"P{number}", "mrn": f"24-{number:06}", "name": name, "allergies_known": False}
                connection.execute(insert(PatientRow).values(**row, status="admitted" if number % 2 else None, updated_at=NOW))
        migrate.upgrade()
        with db.engine.connect() as connection:
            rows = connection.execute(text("SELECT patient, word, here FROM patient_words")).all()
    for number, name in enumerate(NAMES, start=1):
        mine = {(word, bool(here)) for patient, word, here in rows if patient == f"P{number}"}
        assert mine == {(word, number % 2 == 1) for word in patient_words.words(name, f"24-{number:06}", f"P{number}")}


def many(count: int) -> None:
    """So many people who have left, with the names that half of a country has."""
    family, middle, given = ("Nguyễn", "Trần", "Lê"), ("Văn", "Thị"), ("An", "Bình", "Đức", "Hoa", "Sơn")
    people = [
        (f"X{n:06}", f"{family[n % 3]} {middle[n % 2]} {given[n % 5]} {'Xuân' if n % 100 == 7 else ''}".strip(), f"19-{n:06}")
        for n in range(count)
    ]
    with db.engine.begin() as connection:
        connection.execute(
            insert(PatientRow),
            [
                {
                    "facility": "h1", "id": key, "mrn": mrn, "name": name, "status": "discharged", "allergies_known": False,
                    "updated_at": NOW,
                }
                for key, name, mrn in people
            ],
        )  # fmt: skip
        connection.execute(
            insert(PatientWordRow),
            [
                {"facility": "h1", "patient": key, "word": word, "here": False}
                for key, name, mrn in people
                for word in patient_words.words(name, mrn, key)
            ],
        )
        connection.execute(text("ANALYZE"))


def test_no_search_reads_all_patients(app: Flask) -> None:
    many(400)
    statements: list[tuple[str, object]] = []

    def remember(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", remember)
    try:
        for typed in ("xuan", "nguyen thi hoa xuan", "nguyen van", "000123"):
            for admitted_only in (True, False):
                found(typed, admitted_only=admitted_only)
    finally:
        event.remove(db.engine, "before_cursor_execute", remember)
    asked = [(statement, parameters) for statement, parameters in statements if "patient_words" in statement]
    assert asked
    plans = []
    with db.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:  # on a small table reading all is cheaper: what matters is that an index can do it
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{statement}", parameters).all()  # type: ignore[arg-type]
            plans += [str(line[-1]) for line in plan]
    told = "\n".join(plans)
    assert "ix_patient_words_word" in told
    assert "Seq Scan" not in told
    assert not [line for line in plans if line.startswith("SCAN") and ("patients" in line or "patient_words" in line)], told


def test_who_was_born_on_a_day_is_found_by_an_index_and_all_of_them(app: Flask) -> None:
    born = a_patient(1).birth_date
    assert born is not None
    others = [{"id": f"n{number:03}", "mrn": f"n{number}", "name": f"NGƯỜI {number}"} for number in range(205)]
    with db.engine.begin() as connection:
        held = {"facility": "h1", "birth_date": born, "status": "discharged", "allergies_known": False, "updated_at": NOW}
        connection.execute(insert(PatientRow), [held | one for one in (*others, {"id": "zz", "mrn": "zz", "name": "LÊ THỊ HOA"})])
    with reading() as tx:
        assert admission.likely_same(tx, "le thi hoa", born) == ("zz",)
