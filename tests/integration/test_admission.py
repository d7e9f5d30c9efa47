"""A ward without an EMR feed: admission, identity, bands, newborns, discharge, over HTTP, up to the chart that the carts get."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from pointofcare.errors import UnreadableError
from pointofcare.labels.scan import BandScan, DrugScan, SiteProfile, interpret
from pointofcare.labels.symbol import Symbol
from pointofcare.orders.order import OrderStatus
from pointofcare.people import BandStatus, Nurse, PatientStatus, StaffRole
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Action, Cart, Facts, Intent, Lease, Scanned
from pointofcare.verdict.finding import Level
from pointofcare.wire.tables import PatientChartBody
from server.store import identities, orders, patients, staff_wards, views_audit
from server.store.patients import Ward
from server.store.transaction import Actor, reading, transaction
from server.usecases import admission, photos, staff, tables
from server.usecases import orders as order_verbs
from server.usecases import patients as patient_verbs
from tests.support import server_ward, web
from tests.support.server_ward import AMOXICILLIN, CHARGE, NURSE, PHARMACIST, PRESCRIBER, WARD

CARD = "022190123456|012345678|Nguyễn Thị Bích Thủy|05031990|Nữ|Hạ Long, Quảng Ninh|15042021"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found:
        yield found


def send(client: FlaskClient, address: str, page: str = "/admission/new", **fields: object):  # type: ignore[no-untyped-def]
    token = web.token_of(client.get(page).text)
    return client.post(address, data={"csrf_token": token, **fields})


def arrival(**changes: object) -> dict[str, object]:
    return {
        "name": "Lê Thị Hoa", "birth_date": "02/07/1961", "sex": "female", "ward": WARD, "bed": "H010", "method": "id-card",
        "allergies": "none", **changes,
    }  # fmt: skip


def admitted(app: Flask, client: FlaskClient, **changes: object) -> str:
    answer = send(client, "/admission/new", **arrival(**changes))
    assert answer.status_code == 303, answer.text[-2000:]
    found = re.search(r"/admission/(p-[0-9a-f]+)/", answer.location)
    assert found
    return found[1]


def chart(app: Flask) -> PatientChartBody:
    with app.app_context(), reading() as tx:
        return tables.chart(tx, WARD, timezone="Asia/Ho_Chi_Minh")


def printed(client: FlaskClient, patient: str, seen: str = "") -> BandScan:
    """Presses "print" and reads the page as a scanner does."""
    answer = send(client, f"/admission/{patient}/band", f"/admission/{patient}/", size="adult", seen=seen)
    assert answer.mimetype == "application/pdf", answer.text[-500:]
    symbol = zxingcpp.read_barcodes(pypdfium2.PdfDocument(answer.data)[0].render(scale=300 / 72).to_pil())[0]
    read = interpret(Symbol(identifier=symbol.symbology_identifier, content=bytes(symbol.bytes)), SiteProfile(), datetime.now(UTC).date())
    assert isinstance(read, BandScan)
    return read


def verdict(body: PatientChartBody, band: BandScan, at: datetime):  # type: ignore[no-untyped-def]
    scans = (Scanned(scan=band, at=at), Scanned(scan=DrugScan(gtin=AMOXICILLIN.gtin, lot="A1", expiry=at.date().replace(year=2029)), at=at))
    return engine.evaluate(
        Facts(
            at=at,
            timezone=body.timezone,
            cart=Cart(id="c1", online=True, clock_offset_s=0.0, chart_age_s=1.0, lease=Lease.HELD),
            nurse=Nurse(id="N1", role=next(iter(NURSE.roles)), licensed=True),
            intent=Intent(action=Action.GIVE),
            patients=body.patients,
            products=(AMOXICILLIN,),
            orders=body.orders,
            history=body.history,
            scans=scans,
        )
    )


def test_an_admission_an_order_and_a_band_lead_to_a_verdict_without_any_import(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    patient = admitted(app, nurse)
    band = printed(nurse, patient)
    now = datetime.now(UTC)
    prescriber = web.signed_in(app, PRESCRIBER)
    asked = {
        "patient_id": patient, "ingredient": "amoxicillin", "form": "capsule", "route": "PO", "category": "stat", "dose": "500 mg",
        "start": (now - timedelta(minutes=5) + timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    answer = send(prescriber, "/orders/new", f"/orders/new?patient_id={patient}", **asked)
    assert answer.status_code == 303, answer.text[-2500:]
    assert verdict(chart(app), band, now).level >= Level.REASON  # no pharmacist has looked yet
    with app.app_context(), transaction(PHARMACIST) as tx:
        placed = orders.of_patient(tx, patient)[0].order
        order_verbs.verify(tx, PHARMACIST, placed.id, placed.version)
    found = verdict(chart(app), band, now)
    assert found.patient == patient
    assert [(finding.rule, finding.level.name) for finding in found.findings if finding.level > Level.NOTE] == []


def test_an_identity_card_fills_the_form_and_nothing_else_of_it_is_kept(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    page = send(nurse, "/admission/card", card=CARD, ward=WARD).text
    for told in ('value="NGUYỄN THỊ BÍCH THỦY"', 'value="05/03/1990"', 'value="022190123456"'):
        assert told in page
    assert "Hạ Long" not in page
    refused = send(nurse, "/admission/card", card="https://vneid.example/1")
    assert refused.status_code == 422
    assert "not the QR code of an identity card" in refused.text


def test_each_wrong_field_is_named_and_what_was_typed_stays(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    answer = send(nurse, "/admission/new", **arrival(name="", sex="", birth_date="31/02/1990", weight="heavy", national_id="12"))
    assert answer.status_code == 422
    for field in ("name", "sex", "birth_date", "weight"):
        assert f'href="#{field}"' in answer.text
    assert 'value="H010"' in answer.text
    wrong = send(nurse, "/admission/new", **arrival(national_id="12"))
    assert wrong.status_code == 422
    assert 'href="#national_id"' in wrong.text
    elsewhere = send(nurse, "/admission/new", **arrival(ward="NO-SUCH"))
    assert 'href="#ward"' in elsewhere.text


def test_somebody_who_may_be_on_record_is_shown_before_a_second_record_is_made(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    patient = admitted(app, nurse, national_id="022190123456")
    again = send(nurse, "/admission/new", **arrival(name="LE THI HOA"))
    assert again.status_code == 409
    assert patient in again.text
    assert "is_new" in again.text
    assert send(nurse, "/admission/new", **arrival(name="LE THI HOA", is_new="yes")).status_code == 303
    same_card = send(
        nurse, "/admission/new", **arrival(name="Other Name", birth_date="1970-01-01", national_id="022190123456", is_new="yes")
    )
    assert same_card.status_code == 409


def test_an_unknown_patient_gets_a_name_of_its_own_and_an_identity_later(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    names = []
    for _ in range(2):
        answer = send(nurse, "/admission/unknown", "/admission/unknown", sex="male", ward=WARD, note="about 40, found at the bus station")
        patient = answer.location.split("/")[2]
        with app.app_context(), reading() as tx:
            names.append(patients.get(tx, patient).name)
    assert names == ["VÔ DANH NAM 1", "VÔ DANH NAM 2"]
    answer = send(
        nurse, f"/admission/{patient}/identify", f"/admission/{patient}/identify",
        name="Phạm Văn Sơn", birth_date="1985-02-03", sex="male", method="relative", national_id="022085123456",
    )  # fmt: skip
    assert answer.status_code == 303
    with app.app_context(), reading() as tx:
        found, identity = patients.get(tx, patient), identities.get(tx, patient)
    assert (found.name, identity.is_temporary if identity else None) == ("PHẠM VĂN SƠN", False)


@pytest.mark.parametrize("kind", ["new", "unknown", "newborn"])
def test_a_form_that_is_sent_twice_admits_one_patient(app: Flask, kind: str) -> None:
    nurse = web.signed_in(app, NURSE)
    page = f"/admission/{kind}" if kind != "newborn" else f"/admission/{admitted(app, nurse)}/newborn"
    shown = nurse.get(page).text
    form = re.search(r'name="form" value="(p-[0-9a-f]{16})"', shown)
    assert form
    now = (datetime.now(UTC) + timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M")
    fields = {**arrival(), "note": "found at the gate", "born_at": now, "form": form[1], "csrf_token": web.token_of(shown)}
    answers = [nurse.post(page, data=fields) for _ in range(2)]
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, f"/admission/{form[1]}/")] * 2
    with app.app_context(), reading() as tx:
        names = [name for _, name in identities.names_of_ward(tx, WARD)]
    assert len(names) == 4 if kind == "newborn" else 3
    strange = nurse.post(page, data=fields | {"form": "P1", "is_new": "yes"})
    assert strange.status_code == 303
    assert "/P1/" not in strange.location


def test_an_identity_that_is_on_record_is_shown_before_it_is_entered(app: Flask) -> None:
    """Without a card's number nobody else would see that there is a record, with allergies perhaps."""
    nurse = web.signed_in(app, NURSE)
    admitted(app, nurse)
    answer = send(nurse, "/admission/unknown", "/admission/unknown", sex="female", ward=WARD, note="about 60, from the bus station")
    page = f"/admission/{answer.location.split('/')[2]}/identify"
    fields = {"name": "Le Thi Hoa", "birth_date": "02/07/1961", "sex": "female", "method": "relative"}
    told = send(nurse, page, page, **fields)
    assert told.status_code == 409
    assert "LÊ THỊ HOA" in told.text
    assert 'name="is_new"' in told.text
    assert send(nurse, page, page, **fields, is_new="yes").status_code == 303


def test_a_correction_of_a_name_takes_a_charge_nurse_and_a_reason(app: Flask) -> None:
    fields = {"name": "Lê Thị Hoà", "birth_date": "02/07/1961", "sex": "female", "method": "document"}
    nurse, charge = web.signed_in(app, NURSE), web.signed_in(app, CHARGE)
    patient = admitted(app, nurse)
    page = f"/admission/{patient}/identify"
    assert send(nurse, page, page, **fields, reason="typing").status_code == 409
    assert send(charge, page, page, **fields).status_code == 422
    assert send(charge, page, page, **fields, reason="typing mistake").status_code == 303


def test_a_newborn_is_tied_to_its_mother_and_both_are_told_apart(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    mother = admitted(app, nurse)
    page = f"/admission/{mother}/newborn"
    born = datetime.now(UTC) + timedelta(hours=7)
    for number in ("1", "2"):
        answer = send(
            nurse, page, page, sex="female", born_at=born.strftime("%Y-%m-%dT%H:%M"), birth_order=number, weight="3.2", allergies="none",
        )  # fmt: skip
        assert answer.status_code == 303, answer.text[-1500:]
    assert send(nurse, page, page, sex="female", born_at=born.strftime("%Y-%m-%dT%H:%M"), birth_order="2").status_code == 422
    child = answer.location.split("/")[2]
    body = chart(app)
    twin = next(one for one in body.patients if one.id == child)
    assert twin.name == "CON BÀ LÊ THỊ HOA 2"
    assert len(body.alike[child]) == 2
    assert mother in body.alike[child]
    shown = nurse.get(f"/patients/{child}").text
    assert "same-name" in shown
    assert "CON BÀ LÊ THỊ HOA 1" in shown


def test_a_child_with_a_name_of_its_own_is_corrected_like_everybody_and_named_to_its_own_ward(app: Flask) -> None:
    nurse, charge = web.signed_in(app, NURSE), web.signed_in(app, CHARGE)
    mother = admitted(app, nurse)
    born = (datetime.now(UTC) + timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M")
    answer = send(nurse, f"/admission/{mother}/newborn", f"/admission/{mother}/newborn", sex="female", born_at=born)
    child = answer.location.split("/")[2]
    page = f"/admission/{child}/identify"
    fields = {"name": "Lê Ngọc Mai", "birth_date": f"{born[8:10]}/{born[5:7]}/{born[:4]}", "sex": "female", "method": "relative"}
    assert send(nurse, page, page, **fields).status_code == 303
    assert send(nurse, page, page, **fields, reason="typing").status_code == 409
    assert "LÊ NGỌC MAI" in charge.get(f"/admission/{mother}/").text
    with app.app_context(), transaction(CHARGE) as tx:
        patient_verbs.open_ward(tx, Ward(id="NHI", name="Nhi", timezone="Asia/Ho_Chi_Minh"))
        staff_wards.add(tx, staff=CHARGE.id, ward=WARD, kind="home")
        patient_verbs.transfer(tx, CHARGE, child, ward="NHI", bed="1")
    shown = charge.get(f"/admission/{mother}/").text
    assert "LÊ NGỌC MAI" not in shown
    assert "in another ward" in shown


def test_who_is_looked_up_among_those_who_left_is_in_the_audit(app: Flask) -> None:
    charge = web.signed_in(app, CHARGE)
    patient = admitted(app, charge, national_id="022190123456")
    with app.app_context(), transaction(CHARGE) as tx:
        admission.discharge(tx, CHARGE, patient)
    assert "LÊ THỊ HOA" in charge.get("/admission/?q=022190123456").text
    with app.app_context(), reading() as tx:
        seen = next(
            row for row in views_audit.entries(tx, limit=20) if row.action.startswith("view.") and "admission" in row.subject + row.action
        )
    assert patient in str(seen.detail)


def test_a_reprint_revokes_the_old_band_and_a_form_sent_twice_revokes_nothing(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    patient = admitted(app, nurse)
    first = printed(nurse, patient)
    second = printed(nurse, patient, seen=f"{first.gsrn}/{first.srin}")
    assert (first.srin, second.srin) == ("1", "2")
    twice = send(nurse, f"/admission/{patient}/band", f"/admission/{patient}/", size="adult", seen=f"{first.gsrn}/{first.srin}")
    assert twice.status_code == 303
    bands = {band.srin: band.status for one in chart(app).patients if one.id == patient for band in one.bands}
    assert bands == {"1": BandStatus.REVOKED, "2": BandStatus.ACTIVE}
    rules = {finding.rule for finding in verdict(chart(app), first, datetime.now(UTC)).findings if finding.level is Level.STOP}
    assert "P3" in rules


def test_a_discharge_takes_the_patient_off_the_due_list_and_not_off_the_record(app: Flask) -> None:
    nurse, charge = web.signed_in(app, NURSE), web.signed_in(app, CHARGE)
    page = "/admission/P1/"
    assert send(nurse, f"{page}discharge", page, kind="discharged", orders="1", sure="yes").status_code == 403
    unsure = send(charge, f"{page}discharge", page, kind="discharged", orders="1")
    assert unsure.status_code == 303
    assert any(one.id == "P1" for one in chart(app).patients)
    stale = send(charge, f"{page}discharge", page, kind="discharged", orders="7", sure="yes")
    assert stale.status_code == 303
    assert any(one.id == "P1" for one in chart(app).patients)
    assert send(charge, f"{page}discharge", page, kind="discharged", orders="1", sure="yes").status_code == 303
    body = chart(app)
    assert not any(one.id == "P1" for one in body.patients)
    assert not any(order.patient == "P1" for order in body.orders)
    record = web.signed_in(app, PRESCRIBER).get("/patients/P1").text
    assert "amoxicillin" in record.lower()
    with app.app_context(), reading() as tx:
        view = orders.of_anybody(tx, "P1")[0]
        assert view.order.status is OrderStatus.STOPPED


def test_a_readmission_revives_no_order_and_no_band(app: Flask) -> None:
    nurse, charge = web.signed_in(app, NURSE), web.signed_in(app, CHARGE)
    send(charge, "/admission/P1/discharge", "/admission/P1/", kind="discharged", orders="1", sure="yes")
    found = nurse.get("/admission/?q=24-000001").text
    assert "NGUYỄN VĂN 1" in found
    assert send(nurse, "/admission/P1/readmit", "/admission/", ward=WARD, bed="H020").status_code == 303
    body = chart(app)
    one = next(each for each in body.patients if each.id == "P1")
    assert (one.bed, one.status) == ("H020", PatientStatus.ADMITTED)
    assert {band.status for band in one.bands} == {BandStatus.REVOKED}
    assert not any(order.patient == "P1" and order.status is OrderStatus.ACTIVE for order in body.orders)


def test_a_photo_is_made_anew_small_and_without_where_it_was_taken(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    picture = Image.new("RGB", (3000, 2000), (200, 30, 30))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera of somebody"
    raw = io.BytesIO()
    picture.save(raw, "JPEG", exif=exif)
    raw.seek(0)
    page = "/admission/P1/"
    assert send(nurse, f"{page}photo", page, photo=(raw, "me.jpg")).status_code == 303
    answer = nurse.get(f"{page}photo.jpg")
    assert answer.mimetype == "image/jpeg"
    kept = Image.open(io.BytesIO(answer.data))
    assert max(kept.size) == 480
    assert kept.height > kept.width
    assert not kept.getexif()
    send(nurse, f"{page}photo", page, photo=(io.BytesIO(b"<svg onload=alert(1)>"), "x.svg"))
    assert nurse.get(f"{page}photo.jpg").data == answer.data
    with app.app_context(), reading() as tx:
        assert identities.photo_digest(tx, "P1")
    send(nurse, f"{page}photo", page, remove="yes")
    assert nurse.get(f"{page}photo.jpg").status_code == 404


def test_a_small_file_that_unpacks_to_very_much_is_no_photo() -> None:
    for kind, side, fits in (("PNG", 4_200, False), ("PNG", 1_200, True), ("JPEG", 4_200, True), ("WEBP", 4_200, False)):
        out = io.BytesIO()
        Image.new("L", (side, side)).save(out, kind)
        assert len(out.getvalue()) < photos.MOST_BYTES
        if fits:
            assert Image.open(io.BytesIO(photos.remade(out.getvalue()))).size == (480, 480)
        else:
            with pytest.raises(UnreadableError):
                photos.remade(out.getvalue())


def test_a_nurse_of_another_ward_admits_nobody_here_and_sees_no_photo(app: Flask) -> None:
    other = Actor(id="N7", name="Elsewhere", roles=frozenset({StaffRole.NURSE}))
    with app.app_context(), transaction(server_ward.IMPORT) as tx:
        patient_verbs.open_ward(tx, Ward(id="NGOAI", name="Ngoại", timezone="Asia/Ho_Chi_Minh"))
        staff.receive(tx, server_ward.a_member(other))
        staff_wards.add(tx, staff="N7", ward="NGOAI", kind="home")
    client = web.signed_in(app, other)
    for address in ("/admission/P1/", "/admission/P1/photo.jpg", "/admission/P1/identify", "/transcription/new?patient_id=P1"):
        assert client.get(address).status_code == 403, address
    refused = send(client, "/admission/new", **arrival())
    assert refused.status_code == 422
    assert 'href="#ward"' in refused.text


def test_whatever_is_done_at_admission_is_in_the_audit_without_names(app: Flask) -> None:
    nurse = web.signed_in(app, NURSE)
    patient = admitted(app, nurse, national_id="022190123456")
    printed(nurse, patient)
    with app.app_context(), reading() as tx:
        rows = [row for row in views_audit.entries(tx, limit=50) if patient in row.subject]
    told = " ".join(f"{row.action} {row.detail}" for row in rows)
    for action in ("patient.admit", "patient.band", "view.patient"):
        assert action in told
    for secret in ("LÊ THỊ HOA", "022190123456", "1961-07-02"):
        assert secret not in told


def test_admission_draws_numbers_that_nobody_has(app: Flask) -> None:
    with app.app_context():
        drawn = []
        for _ in range(3):
            with transaction(NURSE) as tx:
                made = admission.admit_unknown(tx, NURSE, sex="female", ward=WARD, bed=None, note="x")
                drawn.append(made.mrn)
    assert len(set(drawn)) == 3
    assert all(re.fullmatch(r"[0-9]{2}-[0-9]{6}", one) for one in drawn)
