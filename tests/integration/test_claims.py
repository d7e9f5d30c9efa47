"""Drug lines of claims: what was given, once, at its time; and what must never be billed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from lxml import etree

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import NotFoundError, UnreadableError
from pointofcare.quantity import Quantity
from pointofcare.vietnam import routes
from server.emr import fhir_document, validation
from server.emr.fhir_mapping import to_bytes
from server.store import catalogue, stays
from server.store import insurance as held
from server.store.catalogue import Line
from server.store.tables import UnfilledDoseRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, claims, claims_files, formulary, health_summary, insurance, merge
from server.usecases.claims import Export
from tests.support.databases import KINDS, config_for, migrated_app
from tests.support.server_ward import AMOXICILLIN, CHARGE, DUE, NOW, PHARMACIST, WARD, a_record, open_ward

GATEWAY = Actor(id="gateway")
DAY = datetime(2026, 3, 1, 17, tzinfo=UTC)  # 2 March in the ward
KEY = "line-of-amoxicillin"
LINE = Line(
    id=KEY,
    medicine="40.154",
    registration="893110123424",
    name="Amoxicillin 500mg",
    cells={
        "MA_THUOC": "40.154", "TEN_THUOC": "Amoxicillin 500mg", "DON_VI_TINH": "Viên", "HAM_LUONG": "500mg", "MA_DUONG_DUNG": "1.01",
        "DON_GIA": "1500", "TYLE_TT_BH": "100", "TT_THAU": "01;N1;2026",
    },
    product=AMOXICILLIN.id,
    valid_from=date(2026, 1, 1),
    valid_to=date(2026, 12, 31),
)  # fmt: skip


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as found:
        ready()
        yield found


def ready() -> None:
    """A patient with a stay that has a claim link since a day before, and a product that is a line of the catalogue."""
    open_ward(at=NOW - timedelta(days=1))
    with transaction(CHARGE) as tx:
        catalogue.put(tx, LINE)
        (stay,) = stays.of_patient(tx, "P1")
        stays.change(tx, replace(stay, claim="LK1"))


def give(**changes: object) -> AdministrationRecord:
    record = a_record(1, **changes)
    with transaction(GATEWAY, at=NOW + timedelta(hours=1)) as tx:
        administrations.record(tx, record)
    return record


def export(**changes: Any) -> Export:
    asked: dict[str, Any] = {"since": DAY, "until": DAY + timedelta(days=1), "zone": "Asia/Ho_Chi_Minh", "wards": {WARD: "K03"}, **changes}
    with reading() as tx:
        return claims.collect(tx, **asked)


def causes(found: Export) -> list[str]:
    return [one.why for one in found.unbilled]


def test_a_given_dose_is_one_line_at_the_time_when_it_was_given(app: Flask) -> None:
    give()
    found = export()
    (row,) = found.rows
    assert found.faults == found.unbilled == ()
    told = {name: value for name, value in row.values if value}
    assert told["NGAY_TH_YL"] == "202603020805"  # 08:05 in the ward, not the 08:00 at which it was due
    assert told["NGAY_YL"] == "202603010805"
    assert (told["MA_LK"], told["STT"], told["MA_THUOC"], told["SO_DANG_KY"]) == ("LK1", "1", "40.154", "893110123424")
    assert (told["SO_LUONG"], told["DON_GIA"], told["THANH_TIEN_BV"], told["DUONG_DUNG"]) == ("1", "1500", "1500", "1.01")
    assert told["LIEU_DUNG"] == "1 viên/lần * 1 lần/ngày * 01 ngày [1 viên/ngày]"
    assert told["MA_KHOA"] == "K03"
    assert row.doubts == ("no-licence",)


def test_a_record_that_comes_twice_is_billed_once(app: Flask) -> None:
    record = give()
    with transaction(GATEWAY, at=NOW + timedelta(hours=2)) as tx:
        administrations.record(tx, record)
    assert len(export().rows) == 1


def test_half_a_tablet_is_half_a_unit_with_a_point(app: Flask) -> None:
    give(dose=Quantity.parse("250 mg"))
    (row,) = export().rows
    assert (row.value("SO_LUONG"), row.value("THANH_TIEN_BV")) == ("0.5", "750")


@pytest.mark.parametrize(("action", "reason"), [("refuse", "refused"), ("hold", "npo"), ("not-given", "off-ward")])
def test_what_was_not_given_is_never_billed(app: Flask, action: str, reason: str) -> None:
    give(action=action, status="not-done", status_reason=reason, dose=None)
    found = export()
    assert found.rows == ()
    assert causes(found) == [reason]


def test_a_correction_changes_the_line_and_never_adds_one(app: Flask) -> None:
    first = give()
    give(amends=first.record_id, dose=Quantity.parse("250 mg"), record_id=str(uuid4()), effective_at=first.effective_at)
    found = export()
    assert [row.value("SO_LUONG") for row in found.rows] == ["0.5"]
    assert [(one.record_id, one.why) for one in found.unbilled] == [(first.record_id, "corrected")]


def test_a_withdrawn_dose_is_on_no_line(app: Flask) -> None:
    first = give()
    give(amends=first.record_id, status="entered-in-error", status_reason="clinical-judgement", record_id=str(uuid4()))
    found = export()
    assert found.rows == ()
    assert sorted(causes(found)) == ["corrected", "withdrawn"]


def test_the_wasted_part_is_told_and_not_billed(app: Flask) -> None:
    give(dose=Quantity.parse("250 mg"), waste=Quantity.parse("250 mg"))
    found = export()
    assert found.rows[0].value("SO_LUONG") == "0.5"
    assert [(one.why, one.amount) for one in found.unbilled] == [("wasted", "250 mg")]


def test_a_dose_that_nobody_charted_is_on_the_list_until_somebody_does(app: Flask) -> None:
    with transaction(CHARGE) as tx:
        row = {"facility": tx.facility, "order": "O1", "due": DUE, "ward": WARD, "patient": "P1", "noticed_at": tx.at}
        tx.session.add(UnfilledDoseRow(**row))
    assert causes(export()) == ["not-charted"]
    give()
    assert causes(export()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"product": None, "valid_from": None}, "no-catalogue-line"),
        ({"valid_to": date(2026, 2, 1)}, "catalogue-line-ended"),
        ({"cells": {**LINE.cells, "MA_DUONG_DUNG": "2.01"}}, "route-differs"),
        ({"cells": {**LINE.cells, "MA_DUONG_DUNG": "8.88"}}, "route-unknown"),
        ({"cells": {**LINE.cells, "TT_THAU": "x" * 51}}, "value-too-long"),
    ],
)
def test_what_the_catalogue_does_not_say_is_asked_and_not_guessed(app: Flask, change: dict[str, Any], code: str) -> None:
    give()
    with transaction(CHARGE) as tx:
        catalogue.put(tx, replace(LINE, **change))
        if change.get("product", "") is None:
            catalogue.link(tx, KEY, None)
    found = export()
    assert found.rows == ()
    assert [one.code for one in found.faults] == [code]


def test_a_product_that_left_the_formulary_since_is_billed_as_it_was(app: Flask) -> None:
    give()
    with transaction(PHARMACIST) as tx:
        formulary.remove(tx, PHARMACIST, AMOXICILLIN.id, version=1, why="the tender ended")
    found = export()
    assert ([row.value("SO_LUONG") for row in found.rows], found.faults) == (["1"], ())


def test_two_lines_that_hold_on_one_day_are_asked(app: Flask) -> None:
    give()
    with transaction(CHARGE) as tx:
        catalogue.put(tx, replace(LINE, id="another", cells={**LINE.cells, "DON_GIA": "9"}))
    assert [one.code for one in export().faults] == ["several-catalogue-lines"]


def test_a_dose_outside_its_stay_or_before_its_order_is_a_fault(app: Flask) -> None:
    give()
    with transaction(CHARGE) as tx:
        (stay,) = stays.of_patient(tx, "P1")
        stays.change(tx, replace(stay, admitted_at=NOW + timedelta(hours=1)))
    assert [one.code for one in export().faults] == ["outside-stay"]
    with transaction(CHARGE) as tx:
        stays.change(tx, replace(stay, claim=None))
    assert [one.code for one in export().faults] == ["no-claim-link"]
    with transaction(CHARGE) as tx:
        stays.change(tx, replace(stay, admitted_at=NOW - timedelta(days=9)))
    give(record_id=str(uuid4()), effective_at=NOW - timedelta(days=2), due=None)
    old = export(since=DAY - timedelta(days=2), until=DAY - timedelta(days=1))
    assert [one.code for one in old.faults] == ["before-order"]


def test_an_infusion_is_billed_when_it_ended_and_not_while_it_runs(app: Flask) -> None:
    start = give(action="start", status="in-progress", rate=Quantity.parse("80 mL/h"), dose=None)
    assert [one.code for one in export().faults] == ["still-running"]
    ended = {"action": "stop", "continues": start.record_id, "record_id": str(uuid4()), "effective_at": NOW + timedelta(hours=1)}
    give(**ended, status="completed", dose=Quantity.parse("500 mg"))
    found = export()
    assert [(row.record_id, row.value("SO_LUONG")) for row in found.rows] == [(start.record_id, "1")]
    assert found.faults == ()


def test_an_infusion_whose_end_was_withdrawn_weeks_later_still_runs(app: Flask) -> None:
    start = give(action="start", status="in-progress", rate=Quantity.parse("80 mL/h"), dose=None)
    ended: dict[str, Any] = {"action": "stop", "continues": start.record_id, "dose": Quantity.parse("500 mg")}
    stop = give(**ended, record_id=str(uuid4()), effective_at=NOW + timedelta(hours=1), status="completed")
    withdrawn = {"amends": stop.record_id, "status": "entered-in-error", "status_reason": "clinical-judgement"}
    with transaction(GATEWAY, at=NOW + timedelta(days=31)) as tx:
        administrations.record(tx, a_record(1, **ended, **withdrawn, record_id=str(uuid4()), effective_at=NOW + timedelta(days=30)))
    found = export()
    assert found.rows == ()
    assert [one.code for one in found.faults] == ["still-running"]


def test_an_infusion_that_was_stopped_early_is_a_persons_to_decide(app: Flask) -> None:
    start = give(action="start", status="in-progress", rate=Quantity.parse("80 mL/h"), dose=None)
    ended = {"action": "stop", "continues": start.record_id, "record_id": str(uuid4()), "effective_at": NOW + timedelta(hours=1)}
    give(**ended, status="stopped", status_reason="clinical-judgement", dose=None)
    assert [one.code for one in export().faults] == ["stopped-early"]


def test_the_file_is_valid_by_the_schema_of_its_decision_and_utf8(app: Flask) -> None:
    give()
    found = export()
    schema = etree.XMLSchema(etree.fromstring(claims_files.schema(found.shape)))
    written = claims_files.xml(found)
    document = etree.fromstring(written)
    schema.assertValid(document)
    assert "Viên".encode() in written
    lines = document.findall("./DSACH_CHI_TIET_THUOC/CHI_TIET_THUOC")
    assert [[one.tag for one in line] for line in lines] == [[column.name for column in found.shape.columns]]
    document.find(".//NGAY_TH_YL").text = "2026-03-02"  # type: ignore[union-attr]
    assert not schema.validate(document)


def test_each_period_has_the_columns_of_its_decision(app: Flask) -> None:
    assert "3176" in export().shape.decision
    later = datetime(2026, 7, 2, tzinfo=UTC)
    assert "1931" in export(since=later, until=later + timedelta(days=1)).shape.decision
    with pytest.raises(UnreadableError):
        export(since=datetime(2026, 6, 30, tzinfo=UTC), until=datetime(2026, 7, 2, tzinfo=UTC))
    with pytest.raises(NotFoundError):
        export(since=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(2020, 1, 2, tzinfo=UTC))


def test_the_command_writes_every_file_whole_and_says_what_is_missing(app: Flask, tmp_path: Path, capsys: Any) -> None:
    give()
    give(action="refuse", status="not-done", status_reason="=refused", dose=None, record_id=str(uuid4()), due=None)
    folder = tmp_path / "out"
    asked = {"since": DAY, "until": DAY + timedelta(days=1), "zone": "Asia/Ho_Chi_Minh", "wards": {}, "ward": None, "claim": None}
    assert claims_files.from_command_line(CHARGE, **asked, folder=folder) == 0
    assert "1 lines, 1 not to be billed" in capsys.readouterr().out
    assert sorted(one.name for one in folder.iterdir()) == ["faults.csv", "rows.csv", "unbilled.csv", "xml2.xml", "xml2.xsd"]
    (line,) = csv.DictReader(io.StringIO((folder / "unbilled.csv").read_text(encoding="utf-8-sig")))
    assert line["why"] == "'=refused"  # no cell runs as a formula


def test_the_summary_is_a_valid_document_with_what_stands_and_without_the_bedside(app: Flask, tmp_path: Path) -> None:
    first = give()
    give(amends=first.record_id, dose=Quantity.parse("250 mg"), record_id=str(uuid4()))
    give(action="refuse", status="not-done", status_reason="refused", dose=None, record_id=str(uuid4()), due=None)
    with transaction(CHARGE, at=NOW + timedelta(hours=5)) as tx:
        insurance.add_card(tx, CHARGE, "P1", "DN4790123456789", begins=None, ends=None, first="", way="typed")
    config = config_for(f"sqlite:///{tmp_path / 'x.sqlite'}", tmp_path)
    with reading(at=NOW + timedelta(hours=6)) as tx:
        made = health_summary.make(tx, CHARGE, "P1", None, config=config)
        again = health_summary.make(tx, CHARGE, "P1", None, config=config)
    assert made == again
    assert validation.problems(to_bytes(made)) == ()
    assert fhir_document.faults(made) == ()
    kinds = [entry["resource"]["resourceType"] for entry in made["entry"]]
    assert kinds[:5] == ["Composition", "Patient", "Organization", "Practitioner", "Encounter"]
    assert (kinds.count("MedicationAdministration"), kinds.count("MedicationStatement")) == (2, 1)
    text = to_bytes(made).decode()
    assert first.record_id not in text
    for private in ("clock-offset", '"Device"', "BADGE", "/ext/"):
        assert private not in text
    patient = made["entry"][1]["resource"]
    assert {"system": fhir_document.BHYT, "value": "DN4790123456789"} in patient["identifier"]
    given = next(one["resource"] for one in made["entry"] if "dosage" in one["resource"])
    assert {"system": routes.SYSTEM, "code": "1.01", "display": "Uống"} in given["dosage"]["route"]["coding"]
    medication = next(one["resource"] for one in made["entry"] if one["resource"].get("contained"))["contained"][0]
    assert medication["extension"] == [{"url": fhir_document.REGISTRATION, "valueString": "893110123424"}]


def test_a_reference_that_leads_nowhere_is_no_document() -> None:
    entry = {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Composition", "subject": {"reference": "urn:uuid:2"}}}
    assert len(fhir_document.faults({"type": "document", "entry": [entry]})) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_stay_and_a_card_move_with_a_merge_and_come_back_with_its_undoing(kind: str, tmp_path: Path) -> None:
    def counted() -> list[tuple[int, int]]:
        with reading() as tx:
            return [(len(stays.of_patient(tx, one)), len(held.of_patient(tx, one))) for one in ("P1", "P2")]

    with migrated_app(kind, tmp_path):
        open_ward(patient_count=2)
        with transaction(CHARGE) as tx:
            insurance.add_card(tx, CHARGE, "P2", "0123456789", begins=None, ends=None, first="", way="typed")
        with transaction(CHARGE) as tx:
            done = merge.merge(tx, CHARGE, kept="P1", gone="P2", reason="one person, compared at the bed")
        assert counted() == [(2, 1), (0, 0)]
        with transaction(CHARGE) as tx:
            merge.undo(tx, CHARGE, done.id, reason="two people after all")
        assert counted() == [(1, 0), (1, 1)]
