"""Insurance cards, stays, the drug catalogue and the lists over HTTP: who finds whom, what is kept, and what is never written down."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import Workbook, load_workbook

from pointofcare.vietnam.insurance import Form
from server.store import catalogue, formulary, insurance, stays, views_audit
from server.store.patients import Ward
from server.store.transaction import Actor, reading, transaction
from server.usecases import admission, imports, ward_staff
from server.usecases import patients as patient_verbs
from tests.support import server_ward, web
from tests.support.server_ward import AMOXICILLIN, CHARGE, NURSE, PHARMACIST, WARD

CARD = "022190123456|012345678|Nguyễn Thị Bích Thủy|05031990|Nữ|Tổ 1, Bãi Cháy, Hạ Long|15042021"
OLD = f"DN4790123456789|{'Nguyễn Văn An'.encode().hex()}|11/04/1958|1|{'Tổ 1, Bãi Cháy'.encode().hex()}|22-001|01/01/2026|31/12/2026|x|$"
HEAD = (
    "STT", "MA_THUOC", "TEN_HOAT_CHAT", "TEN_THUOC", "DON_VI_TINH", "HAM_LUONG", "DUONG_DUNG", "MA_DUONG_DUNG", "DANG_BAO_CHE",
    "SO_DANG_KY", "DON_GIA", "TT_THAU", "TYLE_TT_BH", "TU_NGAY", "DEN_NGAY", "GTIN",
)  # fmt: skip
LINE = (
    1, "40.154", "Amoxicillin", "Amoxicillin 500mg", "Viên", "500mg", "Uống", "1.01", "Viên nang cứng", "893110123424",
    1500, "01;N1;2026", 100, "01/01/2026", "31/12/2026", "8936000000011",
)  # fmt: skip


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found:
        yield found


def book(*rows: tuple[object, ...], head: tuple[str, ...] = HEAD) -> bytes:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.append(head)
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def bring_in(app: Flask, *rows: tuple[object, ...], **options: bool) -> imports.ImportReport:
    with app.app_context():
        return imports.run(Actor(id="A1"), [("dm.xlsx", book(*rows))], timezone="Asia/Ho_Chi_Minh", **options)


def send(client: FlaskClient, address: str, page: str, **fields: object):  # type: ignore[no-untyped-def]
    return client.post(address, data={"csrf_token": web.token_of(client.get(page).text), **fields})


def audited(app: Flask) -> str:
    with app.app_context(), reading() as tx:
        return json.dumps([(row.action, row.subject, row.detail) for row in views_audit.entries(tx, limit=200)], default=str)


def cards_of(app: Flask, patient: str) -> tuple[insurance.Held, ...]:
    with app.app_context(), reading() as tx:
        return insurance.of_patient(tx, patient)


def test_a_card_in_each_of_its_three_forms_is_stored_and_finds_the_patient(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    for number, form in ((OLD, Form.CARD), ("0123456789", Form.NUMBER), ("022158123456", Form.NATIONAL_ID)):
        answer = send(nurse, "/insurance/P1/card", "/insurance/P1/", card=number)
        assert answer.status_code == 303, answer.text[-800:]
        held = [one for one in cards_of(app, "P1") if one.ended_at is None]
        assert [one.form for one in held] == [form]
        found = send(nurse, "/insurance/find", "/insurance/find", card=held[0].number)
        assert found.location.endswith("/patients/P1")
    first = next(one for one in cards_of(app, "P1") if one.form is Form.CARD)
    assert (first.number, first.valid_from, first.valid_to, first.first_facility) == (
        "DN4790123456789", date(2026, 1, 1), date(2026, 12, 31), "22001",
    )  # fmt: skip
    # Fifteen characters hold the ten digits: one finds the other.
    assert send(nurse, "/insurance/find", "/insurance/find", card="DN4790123456789").location.endswith("/patients/P1")


def test_nothing_of_a_card_but_its_number_is_kept_or_written_to_the_audit(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    send(nurse, "/insurance/P1/card", "/insurance/P1/", card=OLD)
    send(nurse, "/insurance/find", "/insurance/find", card=CARD)
    said = audited(app)
    for told in ("Bãi Cháy", "Thủy", "THỦY", "022190123456", "4790123456789", "Hạ Long"):
        assert told not in said
    assert "patient.insurance" in said
    # Never in an address: those are logged.
    assert nurse.get("/insurance/find", query_string={"card": CARD}).status_code == 200
    assert "Bãi Cháy" not in nurse.get("/insurance/P1/").text


@pytest.mark.parametrize(
    ("card", "told"),
    [
        ("", "Scan or type"), ("DN6790123456789", "benefit level"), ("12345", "15 characters"), ("ĐN4790123456789", "plain letters"),
        ("D14790123456789", "2 letters"),
    ],
)  # fmt: skip
def test_a_card_that_is_none_is_refused_with_its_reason(app: Flask, card: str, told: str) -> None:
    nurse = web.signed_in(app, NURSE)
    answer = send(nurse, "/insurance/P1/card", "/insurance/P1/", card=card)
    assert answer.status_code == 422
    assert told in answer.text
    assert cards_of(app, "P1") == ()


def test_a_card_sent_twice_is_one_and_another_patients_card_is_refused(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    for _ in range(2):
        assert send(nurse, "/insurance/P1/card", "/insurance/P1/", card="DN4790123456789").status_code == 303
    assert len(cards_of(app, "P1")) == 1
    # The number alone is the same person's.
    answer = send(nurse, "/insurance/P2/card", "/insurance/P2/", card="0123456789")
    assert answer.status_code == 422
    assert "another patient" in answer.text
    other = OLD.replace("11/04/1958", "12/04/1958").replace("DN4790123456789", "DN4790123456780")
    answer = send(nurse, "/insurance/P1/card", "/insurance/P1/", card=other)
    assert answer.status_code == 422
    assert "another birth date" in answer.text


def test_somebody_of_another_ward_is_told_of_and_not_shown(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    send(nurse, "/insurance/P1/card", "/insurance/P1/", card="0123456789")
    with app.app_context(), transaction(server_ward.IMPORT) as tx:
        patient_verbs.open_ward(tx, Ward(id="NGOAI", name="Ngoại", timezone="Asia/Ho_Chi_Minh"))
        ward_staff.set_homes(tx, NURSE.id, ("NGOAI",))
    answer = send(nurse, "/insurance/find", "/insurance/find", card="0123456789")
    assert answer.status_code == 200
    assert "NGUYỄN VĂN 1" not in answer.text
    assert "not yours" in answer.text


def test_stays_follow_admission_and_discharge_and_a_correction_is_checked(app: Flask) -> None:
    charge = web.signed_in(app, CHARGE)
    with app.app_context():
        with reading() as tx:
            (first,) = stays.of_patient(tx, "P1")
        with transaction(CHARGE) as tx:
            admission.discharge(tx, CHARGE, "P1")
            admission.readmit(tx, CHARGE, "P1", ward=WARD, bed="H001")
        with reading() as tx:
            second, ended = stays.of_patient(tx, "P1")
    assert (ended.id, ended.ended, second.left_at) == (first.id, "discharged", None)
    page = f"/insurance/P1/stay/{second.id}"
    sent = {"claim": "LK-2026-77", "kind": "03", "prescription": "01CXUpzrizjk-c", "admitted_at": "02/03/2026 08:00"}
    assert send(charge, page, "/insurance/P1/", **sent).status_code == 303
    assert send(charge, f"/insurance/P1/stay/{first.id}", "/insurance/P1/", **{**sent, "left_at": "03/03/2026 08:00"}).status_code == 422
    for bad in ({"kind": "3"}, {"prescription": "01CXUpzrizjk"}, {"admitted_at": "yesterday"}, {"admitted_at": "02/03/2126 08:00"}):
        assert send(charge, page, "/insurance/P1/", **{**sent, **bad}).status_code == 422
    with app.app_context(), reading() as tx:
        assert stays.of_patient(tx, "P1")[0].claim == "LK-2026-77"
    assert send(web.signed_in(app, NURSE), page, "/insurance/P1/", **sent).status_code == 403


def test_the_retention_date_is_computed_and_nothing_is_deleted(app: Flask) -> None:
    charge = web.signed_in(app, CHARGE)
    assert "not closed" in charge.get("/insurance/P1/").text
    with app.app_context(), transaction(CHARGE) as tx:
        admission.discharge(tx, CHARGE, "P1", deceased=True)
    with app.app_context(), reading() as tx:
        left = stays.of_patient(tx, "P1")[0].left_at
    assert left is not None
    assert f"31 Dec {left.year + 30}" in charge.get("/insurance/P1/").text


def test_the_catalogue_comes_by_the_page_and_a_pharmacist_makes_a_product_of_a_line(app: Flask) -> None:
    admin = web.signed_in(app, web.ADMIN, factor=True)
    new = (*LINE[:3], "Amoxicillin 250mg", "Gói", "250mg", *LINE[6:15], None)
    token = web.token_of(admin.get("/import/").text)
    looked = admin.post("/import/", data={"csrf_token": token, "files": (io.BytesIO(book(LINE, new)), "dm.xlsx")})
    assert "Drug catalogue" in looked.text
    key = looked.text.split('name="key" value="')[1].split('"')[0]
    assert "written" in admin.post("/import/confirm", data={"csrf_token": token, "key": key}).text
    with app.app_context(), reading() as tx:
        lines = {line.name: line for line in catalogue.search(tx)}
    assert lines["Amoxicillin 500mg"].product == AMOXICILLIN.id  # by its barcode, which the formulary knows
    waiting = lines["Amoxicillin 250mg"]
    assert waiting.product is None
    pharmacist = web.signed_in(app, PHARMACIST)
    assert "Amoxicillin 250mg" in pharmacist.get("/catalogue/?only=open").text
    form = pharmacist.get(f"/formulary/new?line={waiting.id}").text
    assert 'value="amoxicillin"' in form
    assert 'value="250 mg"' in form
    made = send(
        pharmacist, "/formulary/new", f"/formulary/new?line={waiting.id}", id="AMOX250", gtin="08936000000028", name="Amoxicillin 250mg",
        form="capsule", routes="PO", release="immediate", high_alert="0", controlled="none", why="from the catalogue", line=waiting.id,
        **{"ingredient-1-name": "amoxicillin", "ingredient-1-amount": "250 mg"},
    )  # fmt: skip
    assert made.status_code == 303, made.text[-600:]
    with app.app_context(), reading() as tx:
        assert catalogue.get(tx, waiting.id).product == "AMOX250"  # type: ignore[union-attr]
        assert formulary.get(tx, "AMOX250") is not None
    assert pharmacist.get(f"/catalogue/lines/{waiting.id}").status_code == 200


def test_a_link_that_somebody_else_made_meanwhile_is_not_overwritten(app: Flask) -> None:
    bring_in(app, LINE)
    pharmacist = web.signed_in(app, PHARMACIST)
    with app.app_context(), reading() as tx:
        (line,) = catalogue.search(tx)
    send(pharmacist, f"/catalogue/lines/{line.id}", f"/catalogue/lines/{line.id}", seen="", product="")
    with app.app_context(), reading() as tx:
        assert catalogue.get(tx, line.id).product == AMOXICILLIN.id  # type: ignore[union-attr]


def test_the_template_is_what_the_import_reads(app: Flask) -> None:
    answer = web.signed_in(app, PHARMACIST).get("/catalogue/template.xlsx")
    filled = load_workbook(io.BytesIO(answer.data))
    sheet = filled["DM_THUOC"]
    names = [cell.value for cell in sheet[1]]
    for name, value in zip(HEAD, LINE, strict=True):
        sheet.cell(row=2, column=names.index(name) + 1, value=value)
    out = io.BytesIO()
    filled.save(out)
    with app.app_context():
        report = imports.run(Actor(id="A1"), [("mau.xlsx", out.getvalue())], timezone="UTC", dry_run=True)
    assert report.problems == ()
    assert report.counts["catalogue"].new == 1


def test_the_pages_are_there_in_each_language(app: Flask) -> None:
    bring_in(app, LINE)
    client = web.signed_in(app, CHARGE)
    for language in ("vi", "en", "fr"):
        with client.session_transaction() as session:
            session["language"] = language
        for address in ("/insurance/find", "/insurance/P1/", "/catalogue/", "/catalogue/lists", "/claims/", "/patients/P1", "/patients/"):
            assert client.get(address).status_code == 200, address
