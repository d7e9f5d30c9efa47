"""Documents of the record: what stands on the paper, and whether a paper that is looked up still holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from pointofcare.errors import ConfigError, ConflictError, NotPermittedError, PointOfCareError, UnreadableError
from pointofcare.orders.order import OrderCategory
from pointofcare.people import StaffRole
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import BedsideNoted, NoteKind
from server.store import audit, documents, stock
from server.store.reach import OtherWardError
from server.store.stock import Move
from server.store.tables import CartRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, bedside_notes, orders, pharmacy
from server.usecases.documents import command, examples, issuing, pressing, settings, signing
from server.usecases.documents.issuing import Made, Site, Wanted
from server.usecases.documents.kinds import KINDS
from server.usecases.documents.pressing import Press, PressError
from server.usecases.documents.settings import Settings
from tests.support import databases, paper, server_ward

SITE = Site(facility="h1", zone="Asia/Ho_Chi_Minh")
SET = Settings(
    hospital={"name": "BỆNH VIỆN ĐA KHOA MÔ PHỎNG", "authority": "SỞ Y TẾ TỈNH MẪU", "address": "Đường Mẫu"},
    lookup="https://poc.example",
)
DAY = date(2026, 3, 2)
NURSE, CHARGE = server_ward.NURSE, server_ward.CHARGE
MORPHINE = replace(
    server_ward.AMOXICILLIN,
    id="MORPH10",
    gtin="08936000000028",
    name="Morphin 10 mg/ml",
    form="solution",
    routes=("IV",),
    controlled=server_ward.AMOXICILLIN.controlled.__class__("narcotic"),
    ingredients=(replace(server_ward.AMOXICILLIN.ingredients[0], name="morphine", amount=Quantity.parse("10 mg"), classes=()),),
)


@pytest.fixture(scope="module")
def press() -> Iterator[Press]:
    made = Press()
    yield made
    made.close()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with databases.migrated_app("sqlite", tmp_path) as made:
        server_ward.open_ward(patient_count=2, verified=True)
        record(server_ward.a_record())
        yield made


def record(*found) -> None:  # type: ignore[no-untyped-def]
    with transaction(server_ward.IMPORT) as tx:
        for one in found:
            administrations.record(tx, one, reevaluate=False)


def issued(press: Press, kind: str = "medication", *, who: Actor = CHARGE, subject: str = "P1", use: Settings = SET) -> Made:
    days = {} if KINDS[kind].of_moment else {"first": DAY, "last": DAY}
    return issuing.issue(who, Wanted(kind=KINDS[kind], subject=subject, **days), settings=use, site=SITE, press=press)


def standing(code: str) -> str:
    with reading() as tx:
        found = issuing.look_up(tx, code, SITE)
    assert found is not None
    return found.state


def words(made: Made) -> str:
    return " ".join(page.words for page in paper.read(made.pdf, codes=False))


def test_a_day_of_drugs_says_what_was_given_by_whom_and_what_nobody_charted(app: Flask, press: Press) -> None:
    note = BedsideNoted(
        record_id=str(uuid4()),
        facility="h1",
        ward=server_ward.WARD,
        cart="c1",
        kind=NoteKind.DRUGS_SHOWN,
        patient="P1",
        of=None,
        at=server_ward.NOW - timedelta(minutes=20),
        recorded_at=server_ward.NOW,
        nurse=NURSE.id,
        online=True,
        seq=1,
        epoch="e",
        details={"answer": "question", "asked_by": "family", "words": "Thuốc này uống lúc no hay đói?"},
    )
    with transaction(server_ward.IMPORT) as tx:
        bedside_notes.record(tx, note)
    record(
        server_ward.a_record(
            effective_at=server_ward.NOW + timedelta(minutes=1),
            action="refuse",
            status="not-done",
            status_reason="refused",
            reason_text="mệt, buồn nôn",
        )
    )
    said = words(issued(press))
    for wanted in (
        "PHIẾU THỰC HIỆN VÀ CÔNG KHAI THUỐC", "NGUYỄN VĂN 1", "24-000001", "11/04/1958", "Ngày 02/03/2026", "Nội tổng hợp", "aspirin",
        "500 mg", "08:05", "đã thực hiện", "31/01/2027", "Nurse", "Người bệnh từ chối – mệt, buồn nôn", "20:00", "CHƯA GHI NHẬN THỰC HIỆN",
        "07:45", "người nhà có câu hỏi", "Thuốc này uống lúc no hay đói?", "Bản giấy chuyển đổi từ hồ sơ bệnh án điện tử", "Charge nurse",
        "Trang 1/1", "Tài liệu chưa được ký số",
    ):  # fmt: skip
        assert wanted in said, wanted


def test_every_form_is_set_with_its_title_and_lies_inside_the_paper(app: Flask, press: Press) -> None:
    for kind in KINDS.values():
        made = issued(press, kind.id, subject="P1" if kind.subject == "patient" else server_ward.WARD)
        pages = paper.read(made.pdf)
        assert kind.title.upper() in pages[0].words
        assert [page.outside for page in pages] == [0] * made.issue.pages
        assert {code for page in pages for code in page.codes} == {f"https://poc.example/documents/{made.issue.code}"}
        if kind.form:
            assert kind.form in pages[0].words


def test_many_pages_repeat_the_head_and_name_the_patient_on_each(app: Flask, press: Press) -> None:
    long = "Nguyễn Thị Hoàng Quỳnh Phương Trâm Anh Đặng Ngọc Bảo Châu " * 3
    record(
        *(
            server_ward.a_record(effective_at=server_ward.NOW + timedelta(minutes=place), reason_text=f"{place:03} {long}", due=None)
            for place in range(60)
        )
    )
    pages = paper.read(issued(press, "record").pdf)
    assert len(pages) > 3
    for place, page in enumerate(pages, start=1):
        assert f"Trang {place}/{len(pages)}" in page.words
        assert "NGUYỄN VĂN 1" in page.words
        assert page.outside == 0
        assert len(page.codes) == 1
    assert all("Giờ y lệnh" in page.words for page in pages[:-1]), "the head of the table stands on every page"
    assert all("Amoxicillin 500 mg PO" in page.words for page in pages[:-1]), "no row stands on a page that does not name its drug"
    whole = " ".join(page.words for page in pages)
    assert [place for place in range(60) if f"{place:03} Nguyễn" not in whole] == [], "nothing is left out"


def test_a_cell_that_is_taller_than_a_page_is_not_cut_off(press: Press) -> None:
    tall = "\n".join(f"dòng {place:03}" for place in range(150))
    cells = {column.id: tall if column.id == "told" else "x" for column in KINDS["transfer"].columns}
    content = examples.content(KINDS["transfer"]) | {"rows": [{"struck": False, "open": False, "cells": cells}]}
    at = datetime.now(UTC)
    html, assets = issuing.page(
        KINDS["transfer"], content, settings=SET, site=SITE, code="A" * 16, actor=CHARGE, at=at, version=1, since=at, until=at,
        zone=ZoneInfo(SITE.zone),
    )  # fmt: skip
    said = " ".join(page.words for page in paper.read(press.set(html, assets).pdf, codes=False))
    assert [place for place in range(150) if f"dòng {place:03}" not in said] == []


def test_an_infusion_sheet_has_the_rate_in_drops_the_lot_and_when_it_ended(app: Flask, press: Press) -> None:
    drip = server_ward.an_order(
        9, category=OrderCategory.INFUSION, times=(), dose=None, rate=Quantity.parse("60 mL/h"), route="IV", ingredient="sodium chloride",
        display="Natri clorid 0,9% 500 ml", prescriber="D1",
    )  # fmt: skip
    with transaction(server_ward.PRESCRIBER) as tx:
        orders.place(tx, server_ward.PRESCRIBER, drip)
    start = server_ward.a_record(
        order="O9", due=None, action="start", status="in-progress", product=None, product_name="Natri clorid 0,9%", lot="NC26",
        dose=Quantity.parse("500 mL"), rate=Quantity.parse("60 mL/h"), drop_factor=20, route="IV",
    )  # fmt: skip
    ended = replace(
        start, record_id=str(uuid4()), action="stop", status="completed", continues=start.record_id, rate=None,
        effective_at=start.effective_at + timedelta(hours=8),
    )  # fmt: skip
    record(start, ended)
    said = words(issued(press, "infusion"))
    for wanted in ("07/BV2", "Natri clorid 0,9%", "500 ml", "NC26", "20 giọt/phút (60 ml/giờ)", "08:05", "16:05", "Doctor", "Nurse"):
        assert wanted in said, wanted
    record(replace(start, record_id=str(uuid4()), amends=start.record_id, lot="NC27"))
    corrected = words(issued(press, "infusion"))
    assert "NC27" in corrected
    assert "NC26" not in corrected
    assert "16:05" in corrected, "what went on with the start goes on with its correction"
    running = replace(start, record_id=str(uuid4()), effective_at=start.effective_at + timedelta(hours=9))
    record(running)
    assert "chưa kết thúc" in words(issued(press, "infusion")), "an end that nobody charted is not an empty cell"


def test_the_book_of_controlled_drugs_balances_and_names_patient_and_witness(app: Flask, press: Press) -> None:
    with transaction(server_ward.IMPORT) as tx:
        pharmacy.receive_product(tx, MORPHINE)
        tx.session.add(CartRow(facility="h1", id="c1", ward=server_ward.WARD))
        tx.session.flush()
        given = server_ward.a_record(
            order=None, product=MORPHINE.id, product_name=MORPHINE.name, dose=Quantity.parse("6 mg"), waste=Quantity.parse("4 mg"),
            witness=CHARGE.id, lot="MO1", route="IV", due=None,
        )  # fmt: skip
        at = server_ward.NOW
        for key, kind, units, moved_at, of in (
            ("f0", stock.FILL, 10, at - timedelta(days=2), None),
            ("f1", stock.FILL, 5, at - timedelta(hours=1), None),
            ("t1", stock.TAKEN, -1, at, given.record_id),
            ("c1", stock.COUNTED, 13, at + timedelta(hours=1), None),
        ):
            by = "PH1" if kind == stock.FILL else NURSE.id
            stock.add(
                tx,
                Move(key=key, cart="c1", drawer=3, product=MORPHINE.id, kind=kind, units=Decimal(units), by=by, at=moved_at, record_id=of),
            )
        administrations.record(tx, given, reevaluate=False)
    made = issued(press, "controlled", subject=server_ward.WARD)
    said = words(made)
    for wanted in (
        "Morphin 10 mg/ml", "Tồn đầu kỳ: 10", "Tồn cuối kỳ: 14", "NGUYỄN VĂN 1 (24-000001)", "Người chứng kiến: Charge nurse", "hủy 4 mg",
        "MO1", "Kiểm đếm: 13 – LỆCH so với sổ",
    ):  # fmt: skip
        assert wanted in said, wanted
    with pytest.raises(NotPermittedError):
        issued(press, "controlled", subject=server_ward.WARD, who=NURSE)


def test_a_handover_lists_what_is_owed_by_bed(app: Flask, press: Press) -> None:
    said = words(issued(press, "handover", subject=server_ward.WARD))
    assert "H001" in said
    assert "NGUYỄN VĂN 2" in said
    transfer = words(issued(press, "transfer"))
    assert "Amoxicillin 500 mg" in transfer
    assert "Điều dưỡng nhận" in transfer


def test_a_correction_makes_the_paper_out_of_date_and_the_next_issue_replaces_it(app: Flask, press: Press) -> None:
    first = issued(press)
    assert standing(first.issue.code) == "current"
    again = issued(press)
    assert (standing(first.issue.code), again.issue.version) == ("current", 1), "the same facts: both papers hold"
    wrong = server_ward.a_record(effective_at=server_ward.NOW - timedelta(minutes=1), reason_text="nhầm giường")
    righted = replace(wrong, record_id=str(uuid4()), amends=wrong.record_id, status="entered-in-error")
    record(wrong)
    assert standing(first.issue.code) == "changed", "nobody needs to print it anew for that"
    second = issued(press)
    record(righted)
    assert [standing(one.issue.code) for one in (first, again, second)] == ["replaced", "replaced", "changed"]
    third = issued(press)
    assert [standing(one.issue.code) for one in (first, second, third)] == ["replaced", "replaced", "current"]
    assert (second.issue.version, third.issue.version) == (2, 3)


def test_of_two_that_were_made_at_once_the_one_with_older_facts_is_not_issued(
    app: Flask, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = signing.sign
    newer: list[Made] = []

    def slow(*about: Any, **more: Any) -> Any:
        if not newer:
            newer.append(None)  # type: ignore[arg-type]
            record(server_ward.a_record(effective_at=server_ward.NOW + timedelta(minutes=5), due=None))
            newer[0] = issued(press)
        return real(*about, **more)

    monkeypatch.setattr(signing, "sign", slow)
    with pytest.raises(ConflictError):
        issued(press)
    assert standing(newer[0].issue.code) == "current"
    with reading() as tx:
        assert len(documents.listed(tx)) == 1


def test_what_lies_outside_the_period_does_not_make_a_paper_out_of_date(app: Flask, press: Press) -> None:
    made = issued(press)
    record(server_ward.a_record(effective_at=server_ward.NOW + timedelta(days=3), due=server_ward.DUE + timedelta(days=3)))
    with transaction(server_ward.PRESCRIBER) as tx:
        orders.stop(tx, server_ward.PRESCRIBER, "O1", 1, reason="đủ ngày")
    with transaction(server_ward.IMPORT) as tx:
        server_ward.patients.receive(tx, replace(server_ward.a_patient(), bed="H999"))
    assert standing(made.issue.code) == "current"


def test_a_withdrawn_paper_says_so_and_nothing_brings_it_back(app: Flask, press: Press) -> None:
    made = issued(press)
    with pytest.raises(NotPermittedError), transaction(NURSE) as tx:
        issuing.withdraw(tx, NURSE, made.issue.code, reason="in nhầm")
    with transaction(CHARGE) as tx:
        issuing.withdraw(tx, CHARGE, issuing.shown(made.issue.code).lower(), reason="in nhầm")
    issued(press)
    assert standing(made.issue.code) == "withdrawn"


def test_nothing_is_issued_when_the_press_stops_or_takes_too_long(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressing, "PATIENCE_S", 0.0)
    with pressing.open_press() as press, pytest.raises(PressError):
        issued(press)
    monkeypatch.undo()
    with pressing.open_press() as press:
        press._running().kill()
        press._running().wait()
        issued(press)  # a press that died is started anew
    with reading() as tx:
        assert len(documents.listed(tx)) == 1


def test_the_press_opens_no_file_and_no_address(press: Press) -> None:
    secret = Path(__file__).resolve()
    html = (
        f'<p>x</p><img src="file://{secret}"><img src="http://127.0.0.1:9/a.png"><img src="data:image/png;base64,AAAA">'
        f'<link rel=stylesheet href="file:///etc/passwd"><a rel=attachment href="file://{secret}">a</a>'
    )
    printed = press.set(html, {})
    assert len(printed.said) >= 4
    assert b"opens no file and no address" not in printed.pdf


def test_a_template_of_the_hospital_takes_the_place_of_ours_and_reaches_nothing(app: Flask, press: Press, tmp_path: Path) -> None:
    folder = tmp_path / "forms"
    folder.mkdir()
    own = replace(SET, templates=folder)
    (folder / "medication.html").write_text('{% extends "base.html" %}{% block body %}MẪU RIÊNG {{ content.patient.name }}{% endblock %}')
    assert "MẪU RIÊNG NGUYỄN VĂN 1" in words(issued(press, use=own))
    for bad in (
        "{{ content.__class__.__mro__ }}",
        "{{ ''.format.__globals__ }}",
        "{{ conten.patient }}",
        "{% include '/etc/passwd' %}",
        "{% include '../documents.toml' %}",
        "{% if %}",
        "{{ config }}",
        "{% for a in range(1000000000) %}{% endfor %}",
    ):
        (folder / "medication.html").write_text(bad)
        with pytest.raises(ConfigError):
            issued(press, use=own)
    with reading() as tx:
        assert len(documents.listed(tx)) == 1, "what cannot be set is not issued"


def test_columns_paper_and_signature_lines_are_the_hospitals(app: Flask, press: Press) -> None:
    form = {"title": "Phiếu công khai thuốc", "number": "10/BV-01", "paper": "A5", "columns": ["done", "result", "nurse"]}
    form |= {"headings": {"done": "Giờ"}, "signatures": ["Điều dưỡng trưởng"]}
    own = settings.read({"hospital": {"name": "BV"}, "form": {"medication": form}}, anchor=Path())
    pages = paper.read(issued(press, use=own).pdf)
    said = " ".join(page.words for page in pages)
    assert "PHIẾU CÔNG KHAI THUỐC" in said
    assert "10/BV-01" in said
    assert "Điều dưỡng trưởng" in said
    assert "Số lô" not in said
    assert [page.outside for page in pages] == [0] * len(pages)
    assert all(len(code) == 19 for page in pages for code in page.codes), "without an address the symbol is the code itself"


def test_a_period_of_the_future_or_too_long_is_refused(app: Flask, press: Press) -> None:
    for first, last in (
        (DAY, DAY - timedelta(days=1)),
        (DAY, DAY + timedelta(days=30)),
        (datetime.now(UTC).date() + timedelta(days=2), None),
    ):
        with pytest.raises(UnreadableError):
            issuing.issue(
                CHARGE, Wanted(kind=KINDS["medication"], subject="P1", first=first, last=last), settings=SET, site=SITE, press=press
            )


def test_somebody_without_the_right_or_of_another_ward_issues_nothing(app: Flask, press: Press) -> None:
    student = Actor(id="S1", name="Student", roles=frozenset({StaffRole.STUDENT}))
    with pytest.raises(NotPermittedError):
        issued(press, who=student)
    with pytest.raises(OtherWardError):
        issued(press, who=replace(NURSE, wards=frozenset({"ICU"})))
    for subject in ("P99", "", "../x"):
        with pytest.raises(PointOfCareError):
            issued(press, subject=subject)
    with reading() as tx:
        assert documents.listed(tx) == ()


def test_the_file_is_kept_for_its_time_and_the_row_for_ever(app: Flask, press: Press) -> None:
    old = issued(press, use=replace(SET, keep_days=0))
    with reading(at=datetime.now(UTC) + timedelta(seconds=1)) as tx:
        assert documents.pdf(tx, old.issue.code) is not None
    new = issued(press)
    with reading() as tx:
        assert documents.pdf(tx, old.issue.code) is None
        assert documents.pdf(tx, new.issue.code) == new.pdf
    assert standing(old.issue.code) == "current"


def test_each_issue_is_audited_with_its_digest(app: Flask, press: Press) -> None:
    made = issued(press)
    with reading() as tx:
        line = next(line for line in audit.listed(tx, subject=f"document/{made.issue.code}") if line.action == "document.issue")
    assert line.detail["patient"] == "P1"
    assert line.detail["digest"] == made.issue.digest


def test_the_command_writes_a_wards_forms_and_checks_what_is_set(app: Flask, tmp_path: Path) -> None:
    out = tmp_path / "out"
    lines = command.issue(SET, SITE, "medication", patient=None, ward=server_ward.WARD, first=DAY, last=DAY, out=out)
    assert len(lines) == 2
    assert sorted(each.name for each in out.iterdir()) == ["medication-001-P1.pdf", "medication-002-P2.pdf"]
    assert {each.stat().st_mode & 0o077 for each in out.iterdir()} == {0}, "nobody else on the machine reads them"
    said, code = command.check(SET, SITE)
    assert (code, len(said)) == (0, len(KINDS))
    found, genuine = command.verify(SET, out / "medication-001-P1.pdf")
    assert (found[0], genuine) == ("no signature", 0), "an unsigned file is known by its digest alone"
