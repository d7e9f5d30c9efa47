"""Labels of single units on the pages: made, printed once, printed anew, withdrawn; what the carts are told; badges and drawers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from devices.decoders.cascade import CascadeDecoder
from devices.ports import Frame
from devices.printers import network
from devices.printers.stock import SHIPPED, Equipment, Printer
from pointofcare.labels import scan, serial
from pointofcare.labels.scan import DrugScan, SiteProfile
from pointofcare.labels.symbol import Symbol
from pointofcare.products import IssuedLabels
from pointofcare.wire.messages import CartBirth, TableKind
from server.store import fleet, labels, patients, products, versions
from server.store.labels import Batch
from server.store.tables import PrintJobRow
from server.store.transaction import reading, transaction
from server.usecases import administrations, facts
from server.usecases import labels as verbs
from server.web import printing
from simulation.devices.label_printer import LabelPrinter
from tests.support.server_ward import AMOXICILLIN, NURSE, PHARMACIST, WARD, a_record, gsrn
from tests.support.web import ADMIN, FLEET, post, signed_in, token_of, ward_app

EXPIRY = date(2031, 1, 31)
MAKE = {"product": AMOXICILLIN.id, "lot": "A1", "expiry": EXPIRY.isoformat(), "count": "3", "ward": WARD, "stock": "unit-dose-38x25"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with ward_app(tmp_path, verified=True) as made:
        yield made


@pytest.fixture
def printer(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[LabelPrinter]:
    """A printer of the pharmacy. What is sent is sent before the page is answered, so that a test can look."""
    found = LabelPrinter().start()
    held = Printer(id="p1", name="Pharmacy printer", host="127.0.0.1", port=found.port)
    app.extensions["pointofcare-label-equipment"] = Equipment(stocks=SHIPPED, printers=MappingProxyType({"p1": held}))
    patience = network.Patience(answer_s=20.0, stuck_s=0.0, poll_s=0.0)
    monkeypatch.setattr(printing, "start", lambda job, who, to, drawn: printing.feed(job, who, to, drawn, patience=patience))
    yield found
    found.stop()


def make(app: Flask, **changes: str) -> Batch:
    answer = post(signed_in(app, PHARMACIST), "/labels/new", f"/labels/new?product={AMOXICILLIN.id}", **{**MAKE, "do": "make", **changes})
    assert answer.status_code == 200, answer.text
    with app.app_context(), reading() as tx:
        return labels.batches(tx)[0]


def issued(app: Flask, ward: str = WARD) -> tuple[IssuedLabels, ...]:
    with app.app_context(), reading() as tx:
        return labels.issued(tx, ward)


def rows(app: Flask, batch: Batch) -> tuple[labels.UnitLabel, ...]:
    with app.app_context(), reading() as tx:
        return labels.of_batch(tx, batch.id)


def act(app: Flask, batch: Batch, what: str, **fields: object) -> TestResponse:
    found: TestResponse = post(signed_in(app, PHARMACIST), f"/labels/batch/{batch.id}/{what}", f"/labels/batch/{batch.id}", **fields)
    return found


def read_pages(file: bytes) -> list[DrugScan]:
    found = []
    for page in pypdfium2.PdfDocument(file):
        (symbol,) = zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())
        read = scan.interpret(
            Symbol(identifier=symbol.symbology_identifier, content=bytes(symbol.bytes)), SiteProfile(), datetime.now(UTC).date()
        )
        assert isinstance(read, DrugScan)
        found.append(read)
    return found


def test_labels_of_a_product_are_random_sound_and_go_to_the_carts_of_their_ward(app: Flask) -> None:
    with app.app_context(), reading() as tx:
        before = versions.of_ward(tx, WARD)[TableKind.FORMULARY]
    batch = make(app)
    (known,) = issued(app)
    assert (known.gtin, known.lot, known.expiry, known.patient, known.void) == (AMOXICILLIN.gtin, "A1", EXPIRY, None, ())
    assert len(set(known.serials)) == 3
    assert all(serial.is_unit_dose(each) and serial.is_sound(each) for each in known.serials)
    assert issued(app, "OTHER") == ()
    with app.app_context(), reading() as tx:
        assert versions.of_ward(tx, WARD)[TableKind.FORMULARY] > before
    assert (batch.of, batch.printed) == (3, 0)


def test_labels_for_the_whole_hospital_go_to_every_ward(app: Flask) -> None:
    make(app, ward="")
    assert issued(app, "OTHER") == issued(app) != ()


def test_a_file_holds_every_label_once_and_is_given_once(app: Flask) -> None:
    batch = make(app)
    answer = act(app, batch, "pdf")
    assert answer.mimetype == "application/pdf"
    found = read_pages(answer.data)
    assert sorted(each.serial or "" for each in found) == sorted(issued(app)[0].serials)
    assert {(each.gtin, each.lot, each.expiry) for each in found} == {(AMOXICILLIN.gtin, "A1", EXPIRY)}
    again = act(app, batch, "pdf")
    assert again.mimetype == "text/html"
    assert "every label of this batch was printed" in again.text


def test_a_printer_gets_each_label_once(app: Flask, printer: LabelPrinter) -> None:
    batch = make(app, count="12")
    assert "Sending 12 labels" in act(app, batch, "send", printer="p1").text
    assert len(printer.printed) == 12
    assert "all printed" in signed_in(app, PHARMACIST).get(f"/labels/batch/{batch.id}").text
    act(app, batch, "send", printer="p1")
    assert len(printer.printed) == 12


def test_a_printer_without_paper_is_said_and_the_labels_can_be_printed_later(app: Flask, printer: LabelPrinter) -> None:
    batch = make(app)
    printer.paper_out = True
    page = act(app, batch, "send", printer="p1").text
    assert "The printer is out of paper." in page
    assert "nothing printed" in page
    printer.load_paper()
    act(app, batch, "send", printer="p1")
    assert len(printer.printed) == 3


def test_a_printer_that_is_unplugged_in_the_middle_leaves_the_job_unknown_and_nothing_is_printed_twice(
    app: Flask, printer: LabelPrinter
) -> None:
    batch = make(app, count="6")
    printer.unplug_after = 2
    assert "not known how many were printed" in act(app, batch, "send", printer="p1").text
    assert len(printer.printed) == 2
    printer.unplug_after = None
    act(app, batch, "send", printer="p1")
    assert len(printer.printed) == 2
    # A person counts two, and prints the other four under new numbers.
    missing = [label.serial for label in rows(app, batch)[2:]]
    assert act(app, batch, "change", action="reprint", first="3", last="6", reason="printer unplugged").status_code == 200
    act(app, batch, "send", printer="p1")
    assert len(printer.printed) == 6
    known = issued(app)[0]
    assert set(known.void) == set(missing)
    assert len(known.serials) == 10


def test_a_job_whose_server_went_away_is_unknown_and_never_begun_again(
    app: Flask, printer: LabelPrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = make(app)
    monkeypatch.setattr(printing, "start", lambda *_: None)  # the power failed here
    act(app, batch, "send", printer="p1")
    client = signed_in(app, PHARMACIST)
    assert "printing" in client.get(f"/labels/batch/{batch.id}").text
    with app.app_context(), transaction(PHARMACIST) as tx:
        tx.session.execute(update(PrintJobRow).values(changed_at=tx.at - timedelta(minutes=10), made_at=tx.at - timedelta(minutes=10)))
    assert "not known how many were printed" in client.get(f"/labels/batch/{batch.id}").text
    assert "every label of this batch was printed" in act(app, batch, "send", printer="p1").text
    assert printer.printed == []


def test_printing_again_withdraws_the_old_number_in_the_same_breath(app: Flask) -> None:
    batch = make(app)
    act(app, batch, "pdf")
    old = rows(app, batch)[0].serial
    page = act(app, batch, "change", action="reprint", serial=old, reason="smeared").text
    known = issued(app)[0]
    assert known.void == (old,)
    (new,) = [label for label in rows(app, batch) if label.state == "made"]
    assert new.serial != old
    assert f"replaced by {new.serial}" in page
    assert "smeared" in page
    assert [each.serial for each in read_pages(act(app, batch, "pdf").data)] == [new.serial]
    assert "withdrawn already" in act(app, batch, "change", action="reprint", serial=old, reason="again").text


def test_a_withdrawn_label_stays_known_as_withdrawn_and_needs_a_reason(app: Flask) -> None:
    batch = make(app)
    chosen = rows(app, batch)[1].serial
    act(app, batch, "change", action="void", serial=chosen, reason=" ")
    assert issued(app)[0].void == ()
    act(app, batch, "change", action="void", serial=chosen, reason="lost")
    assert issued(app)[0].void == (chosen,)
    assert "not in this batch" not in act(app, batch, "pdf").data.decode("latin-1")


def test_what_must_not_be_labelled_is_refused_and_says_why(app: Flask) -> None:
    with app.app_context(), transaction(PHARMACIST) as tx:
        products.put(tx, replace(AMOXICILLIN, recalled_lots=("bad1",)))
    client, form = signed_in(app, PHARMACIST), f"/labels/new?product={AMOXICILLIN.id}"
    for changes, told in (
        ({"lot": "Lô 1"}, "Write the lot as on the pack"),
        ({"expiry": ""}, "Write the expiry date"),
        ({"count": "0"}, "Write 1 to 1"),
        ({"count": "99999"}, "Write 1 to 1"),
        ({"expiry": "2020-01-31"}, "Write the expiry date"),
        ({"lot": "BAD1"}, "is recalled"),
        ({"ward": "NOWHERE"}, "is not known"),
    ):
        answer = post(client, "/labels/new", form, **{**MAKE, "do": "make", **changes})
        assert answer.status_code in (409, 422)
        assert told in answer.text.replace("\u2068", "").replace("\u2069", "")
    assert issued(app) == ()


def test_a_preview_carries_a_number_that_is_never_issued(app: Flask) -> None:
    answer = post(signed_in(app, PHARMACIST), "/labels/new", f"/labels/new?product={AMOXICILLIN.id}", **{**MAKE, "do": "preview"})
    assert "data:image/png;base64," in answer.text
    assert issued(app) == ()
    from server.web.labels import SAMPLE

    assert serial.is_sound(SAMPLE)
    assert all("0" not in verbs.new_serial()[3:14] for _ in range(200))


def test_a_wards_round_is_labelled_for_each_patient_and_says_what_is_labelled_already(app: Flask) -> None:
    client = signed_in(app, PHARMACIST)
    address = f"/labels/round?ward={WARD}&hours=24"
    page = client.get(address).text
    doses = re.findall(r'name="dose" value="([^"]+)"', page)
    assert len(doses) >= 2
    fields = {"dose": doses, "lot-AMOX500": "A1", "expiry-AMOX500": EXPIRY.isoformat(), "stock": "unit-dose-38x25", "do": "make"}
    answer = client.post(address, data={"csrf_token": token_of(page), **fields}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    known = issued(app)
    assert {each.patient for each in known} == {"P1", "P2"}
    assert sum(len(each.serials) for each in known) == len(doses)
    assert "labelled already" in client.get(address).text
    missing = client.post(address, data={"csrf_token": token_of(page), **fields, "lot-AMOX500": ""}, follow_redirects=True)
    assert missing.status_code == 422
    gone = client.post(address, data={"csrf_token": token_of(page), **fields, "dose": "O9|1|x"}, follow_redirects=True)
    assert "Orders changed" in gone.text


def test_the_server_judges_a_record_by_its_own_labels_and_marks_them_used(app: Flask) -> None:
    batch = make(app, lot="A1")
    good, other = (label.serial for label in rows(app, batch)[:2])
    forged = verbs.new_serial()
    text = "01{0}17310131{1}10A1\x1d21{2}"
    with app.app_context():
        site = facts.Site()
        for number, held in ((1, good), (2, forged)):
            record = a_record(number, serial=held, expiry=EXPIRY)
            scans = (record.scans[0], replace(record.scans[1], text=text.format(AMOXICILLIN.gtin, "", held)))
            record = replace(record, scans=scans)
            with transaction(NURSE) as tx:
                administrations.record(tx, record, site=site)
            read = facts.scans_of(record, site)
            with reading() as tx:
                look = facts.look(tx, record, read)
            assert [each.serials for each in look.labels] == ([(held,)] if held == good else [])
    used = {label.serial: label.used_at for label in rows(app, batch)}
    assert used[good] is not None
    assert used[other] is None


def shown_to_a_cart(file: bytes) -> list[list[tuple[str, bytes]]]:
    """What the cart's own reader says of each page of a printed file, as it lies before a camera."""
    found = []
    for number, page in enumerate(pypdfium2.PdfDocument(file), start=1):
        paper = np.ascontiguousarray(np.asarray(page.render(scale=3).to_pil().convert("RGB"))[:, :, ::-1])
        frame = Frame(image=paper, number=number, taken_at=datetime.now(UTC))
        found.append([(symbol.identifier, symbol.content) for symbol in CascadeDecoder().decode(frame)])
    return found


def test_each_drawer_of_a_cart_has_a_label_that_a_cart_reads_as_that_drawer_and_as_no_drug(app: Flask, printer: LabelPrinter) -> None:
    with app.app_context(), transaction(FLEET) as tx:
        fleet.put_birth(tx, "c7", CartBirth(versions={}, hardware="test", boot_id="b", epoch="e"))
    client = signed_in(app, FLEET)
    file = post(client, "/labels/drawers/c7", "/fleet/c7", first="2", last="4").data
    assert shown_to_a_cart(file) == [[("]Q1", f"DRAWER:c7:{number}".encode())] for number in (2, 3, 4)]
    read = scan.interpret(Symbol(identifier="]Q1", content=b"DRAWER:c7:2"), SiteProfile(), datetime.now(UTC).date())
    assert not isinstance(read, DrugScan | scan.BandScan)
    post(client, "/labels/drawers/c7", "/fleet/c7", first="1", last="1", printer="p1")
    (one,) = printer.printed
    assert [bytes(code.bytes) for code in zxingcpp.read_barcodes(one.picture.convert("L"))] == [b"DRAWER:c7:1"]


def test_drawers_that_no_cart_has_get_no_label(app: Flask) -> None:
    with app.app_context(), transaction(FLEET) as tx:
        fleet.put_birth(tx, "c7", CartBirth(versions={}, hardware="test", boot_id="b", epoch="e"))
    client = signed_in(app, FLEET)
    for first, last in (("0", "3"), ("3", "2"), ("1", "41"), ("x", "2"), ("", "")):
        assert "drawers are numbered 1 to 40" in post(client, "/labels/drawers/c7", "/fleet/c7", first=first, last=last).text


def test_a_staff_badge_has_a_label_that_reads_back(app: Flask, printer: LabelPrinter) -> None:
    admin = signed_in(app, ADMIN)
    file = post(admin, f"/labels/badge/{NURSE.id}", f"/staff/{NURSE.id}").data
    (code,) = zxingcpp.read_barcodes(pypdfium2.PdfDocument(file)[0].render(scale=4).to_pil())
    assert bytes(code.bytes) == f"BADGE:BADGE:{NURSE.id}".encode()
    sent = post(admin, f"/labels/badge/{NURSE.id}", f"/staff/{NURSE.id}", printer="p1")
    assert "Sending 1" in sent.text, re.findall("alert-.*", sent.text)
    assert len(printer.printed) == 1
    assert post(signed_in(app, PHARMACIST), f"/labels/badge/{NURSE.id}", "/labels/new").status_code == 403


def test_a_wristband_goes_to_a_printer_as_a_new_instance_and_the_old_one_is_revoked(app: Flask, printer: LabelPrinter) -> None:
    nurse = signed_in(app, NURSE)
    seen = re.findall(r'name="seen" value="([^"]*)"', nurse.get("/admission/P1/").text or "") or [""]
    page = post(nurse, "/admission/P1/band", "/admission/P1/", size="infant", seen=seen[0], printer="p1").text
    assert "all printed" in page
    (band,) = printer.printed
    found = zxingcpp.read_barcodes(band.picture.convert("L"))
    assert {bytes(each.bytes) for each in found} == {f"8018{gsrn(1)}\x1d80192".encode()}
    with app.app_context(), reading() as tx:
        states = {each.srin: str(each.status) for each in patients.get(tx, "P1").bands}
    assert states == {"1": "revoked", "2": "active"}


def test_only_who_prints_labels_sees_them(app: Flask) -> None:
    batch = make(app)
    for actor in (NURSE, FLEET, ADMIN):
        client = signed_in(app, actor)
        assert client.get("/labels/").status_code == 403
        assert client.get(f"/labels/batch/{batch.id}").status_code == 403


def test_a_number_that_was_typed_or_scanned_leads_to_its_label(app: Flask) -> None:
    batch = make(app)
    client = signed_in(app, PHARMACIST)
    held = rows(app, batch)[1].serial
    for typed in (held, held.lower(), f"0108936000000011172701311 0A1 21{held}"):
        assert f"/labels/batch/{batch.id}" in client.get("/labels/find", query_string={"q": typed}).location
    slip = held[:-1] + ("A" if held[-1] != "A" else "B")
    assert "slip" in client.get("/labels/find", query_string={"q": slip}, follow_redirects=True).text
    assert "No label has this number" in client.get("/labels/find", query_string={"q": verbs.new_serial()}, follow_redirects=True).text
