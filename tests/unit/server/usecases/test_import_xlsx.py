"""The spreadsheet of the drug catalogue as hospitals have it: what is read, what is refused, and where."""

from __future__ import annotations

import io
import random
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook

from server.usecases import import_xlsx
from server.usecases.import_rows import Found

TODAY = date(2026, 11, 22)
HEAD = ("MA_THUOC", "TEN_HOAT_CHAT", "TEN_THUOC", "DON_VI_TINH", "HAM_LUONG", "MA_DUONG_DUNG", "SO_DANG_KY", "DON_GIA", "TU_NGAY", "GTIN")
GOOD = {
    "MA_THUOC": "40.10", "TEN_HOAT_CHAT": "Paracetamol", "TEN_THUOC": "Paracetamol 500mg", "DON_VI_TINH": "Viên", "HAM_LUONG": "500mg",
    "MA_DUONG_DUNG": "1.01", "SO_DANG_KY": "893110123424", "DON_GIA": 350, "TU_NGAY": "01/01/2026", "GTIN": None,
}  # fmt: skip


def a_book(*rows: dict[str, Any], head: tuple[str, ...] = HEAD, above: int = 0) -> Workbook:
    book = Workbook()
    sheet: Any = book.active
    sheet.title = "DM"
    for place, name in enumerate(head, start=1):
        sheet.cell(row=above + 1, column=place, value=name)
    for number, row in enumerate(rows, start=above + 2):
        for place, name in enumerate(head, start=1):
            sheet.cell(row=number, column=place, value=row.get(name))
    return book


def read(book: Workbook) -> Found:
    out = io.BytesIO()
    book.save(out)
    return import_xlsx.read("dm.xlsx", out.getvalue(), TODAY)


def told(found: Found) -> list[tuple[int, str, str]]:
    return [(one.row, one.field, one.code) for one in found.problems]


def only(**changes: Any) -> Found:
    return read(a_book({**GOOD, **changes}))


def test_a_good_line_is_read_with_its_zeros() -> None:
    found = only()
    (row,) = found.catalogue
    assert found.problems == ()
    assert (row.line.medicine, row.line.registration, row.line.valid_from) == ("40.10", "893110123424", date(2026, 1, 1))
    assert row.line.unclear is None


@pytest.mark.parametrize(
    ("column", "value", "code", "place"),
    [
        ("MA_THUOC", 40.1, "number-for-code", "MA_THUOC (A)"),
        ("MA_THUOC", None, "needed", "MA_THUOC (A)"),
        ("MA_THUOC", "40,1", "code-of-drug", "MA_THUOC (A)"),
        ("MA_DUONG_DUNG", "1", "route-shape", "MA_DUONG_DUNG (F)"),
        ("SO_DANG_KY", 8931101234, "number-for-code", "SO_DANG_KY (G)"),
        ("SO_DANG_KY", "8931101234", "registration-digits", "SO_DANG_KY (G)"),
        ("DON_GIA", "12.500", "money-two-readings", "DON_GIA (H)"),
        ("DON_GIA", "abc", "not-money", "DON_GIA (H)"),
        ("TU_NGAY", "31/02/2026", "not-a-day", "TU_NGAY (I)"),
        ("GTIN", "8936000000012", "not-a-gtin", "GTIN (J)"),
        ("TEN_THUOC", "Thuèc tiªm", "old-font", "TEN_THUOC (C)"),
        ("TEN_THUOC", True, "cell-error", "TEN_THUOC (C)"),
    ],
)
def test_a_code_that_became_a_number_is_refused_and_every_fault_has_its_place(column: str, value: object, code: str, place: str) -> None:
    found = only(**{column: value})
    assert found.catalogue == ()
    assert told(found) == [(2, place, code)]
    (problem,) = found.problems
    assert problem.file == "dm.xlsx · DM"
    for language in ("vi", "en", "fr"):
        assert problem.message_in(language)
        assert problem.remedy_in(language)


def test_a_code_that_became_a_number_is_refused_and_what_loses_nothing_is_read() -> None:
    found = only(SO_DANG_KY=893110123424, MA_DUONG_DUNG=2.1, GTIN=8936000000011, DON_GIA="1.250.000", TU_NGAY=46023)
    (row,) = found.catalogue
    assert (row.line.registration, row.line.cell("MA_DUONG_DUNG"), row.gtin) == ("893110123424", "2.10", "08936000000011")
    assert (row.line.cell("DON_GIA"), row.line.valid_from) == ("1250000", date(2026, 1, 1))
    assert only(MA_THUOC=40.1).catalogue == ()


@pytest.mark.parametrize("written", [datetime(2026, 3, 5), 20260305, "2026-03-05", "5.3.2026", "05/03/2026"])  # noqa: DTZ001
def test_a_day_is_read_as_spreadsheets_hold_it(written: object) -> None:
    assert only(TU_NGAY=written).catalogue[0].line.valid_from == date(2026, 3, 5)


def test_hidden_rows_and_sheets_merged_cells_and_old_fonts_are_refused_by_name() -> None:
    book = a_book(GOOD, {**GOOD, "TEN_THUOC": "B"}, {**GOOD, "TEN_THUOC": "C"}, {**GOOD, "TEN_THUOC": "Thuoác"})
    sheet: Any = book.active
    sheet.row_dimensions[3].hidden = True
    sheet.merge_cells("C4:D4")
    found = read(book)
    assert [(row, code) for row, _, code in told(found)] == [(3, "row-hidden"), (4, "row-merged"), (5, "old-font")]
    assert len(found.catalogue) == 1
    book = a_book(GOOD)
    book.create_sheet("Khác").append(["Ghi chú", "không phải danh mục"])
    hidden: Any = book.copy_worksheet(book.worksheets[0])
    hidden.sheet_state = "hidden"
    found = read(book)
    assert [one.code for one in found.problems] == ["sheet-hidden"]
    assert [one.code for one in found.notes] == ["sheet-not-read"]


def test_headings_titles_and_numbers_below_the_names_are_no_drugs() -> None:
    book = a_book(GOOD, above=3)
    sheet: Any = book.active
    sheet.merge_cells("A1:J1")
    sheet["A1"] = "DANH MỤC THUỐC"
    sheet.insert_rows(5)
    for place in range(1, 11):
        sheet.cell(row=5, column=place, value=f"({place})")
    sheet.append(["", "", "Nhóm thuốc giảm đau"])
    found = read(book)
    assert len(found.catalogue) == 1
    assert found.problems == ()
    assert [one.code for one in found.notes] == ["row-not-read"]


def test_one_drug_in_two_rows_that_differ_is_taken_from_neither() -> None:
    assert len(read(a_book(GOOD, GOOD)).catalogue) == 1
    found = read(a_book(GOOD, {**GOOD, "DON_GIA": 400}, {**GOOD, "SO_DANG_KY": "VD-25123-18"}))
    assert [(row, code) for row, _, code in told(found)] == [(2, "drug-twice"), (3, "drug-twice")]
    assert [row.line.registration for row in found.catalogue] == ["VD-25123-18"]  # another brand of the same ingredient


def test_decomposed_text_is_the_same_drug() -> None:
    found = read(a_book({**GOOD, "DON_VI_TINH": "Viên"}, {**GOOD, "DON_VI_TINH": "Vie\u0302n"}))
    assert len(found.catalogue) == 1


def test_a_strength_that_does_not_compute_is_taken_and_asked() -> None:
    found = only(HAM_LUONG="5%", DON_VI_TINH="Chai", MA_DUONG_DUNG="2.14")
    assert found.catalogue[0].line.unclear == "percent"
    assert [(one.row, one.code) for one in found.notes] == [(2, "strength-percent")]


def test_a_missing_or_doubled_column_refuses_the_sheet() -> None:
    assert told(read(a_book(GOOD, head=HEAD[1:]))) == [(1, "MA_THUOC", "column-missing")]
    assert (1, "GTIN", "column-twice") in told(read(a_book(GOOD, head=(*HEAD, "GTIN"))))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04 rubbish", "not-a-spreadsheet"),
        (b"\xd0\xcf\x11\xe0 old", "old-spreadsheet"),
    ],
)
def test_what_is_no_workbook_is_told(content: bytes, code: str) -> None:
    assert [one.code for one in import_xlsx.read("x.xlsx", content, TODAY).problems] == [code]


def test_a_workbook_that_unpacks_to_more_than_fits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_xlsx, "MAX_UNPACKED_BYTES", 1000)
    assert [one.code for one in only().problems] == ["file-too-large"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as empty:
        empty.writestr("a.txt", "x")
    assert [one.code for one in import_xlsx.read("x.xlsx", out.getvalue(), TODAY).problems] == ["not-a-spreadsheet"]


def test_a_workbook_torn_anywhere_is_told_and_never_raises() -> None:
    made = io.BytesIO()
    a_book(GOOD).save(made)
    whole, draw = made.getvalue(), random.Random(3)
    for _ in range(60):
        torn = bytearray(whole)
        for _ in range(draw.randrange(1, 20)):
            torn[draw.randrange(4, len(torn))] = draw.randrange(256)
        found = import_xlsx.read("x.xlsx", bytes(torn), TODAY)
        assert found.problems or found.catalogue


def test_a_sheet_that_grows_when_it_is_read_is_refused_at_once() -> None:
    made = io.BytesIO()
    a_book(GOOD).save(made)
    out = io.BytesIO()
    entities = b"".join(b'<!ENTITY %c "%s">' % (98 + place, b"&%c;" % (97 + place) * 10) for place in range(8))
    doctype = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + entities + b"]>"
    with zipfile.ZipFile(io.BytesIO(made.getvalue())) as packed, zipfile.ZipFile(out, "w") as written:
        for name in packed.namelist():
            content = packed.read(name)
            if name.endswith("sheet1.xml"):
                content = doctype + content.replace(b"<v>", b"<v>&i;", 1)
            written.writestr(name, content)
    found = import_xlsx.read("x.xlsx", out.getvalue(), TODAY)
    assert found.catalogue == ()
    assert [one.code for one in found.problems] == ["not-a-spreadsheet"]


def test_a_sheet_of_a_million_coloured_rows_is_read_by_what_it_holds() -> None:
    book = a_book(GOOD)
    sheet: Any = book.active
    sheet.cell(row=1_000_000, column=1).number_format = "@"
    found = read(book)
    assert len(found.catalogue) == 1
    assert found.problems == ()
