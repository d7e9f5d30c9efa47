"""Two records of one person become one: nothing is lost, carts with older charts are understood, and there is a way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from pointofcare.errors import ConflictError, NotPermittedError
from pointofcare.people import Allergy, BandStatus, PatientStatus, Weight
from pointofcare.quantity import Quantity
from server.store import database, identities, leases, merges, orders, patients, views_patients
from server.store.tables import AdministrationRow
from server.store.transaction import reading, transaction
from server.usecases import administrations, admission, merge, observations, tables
from server.usecases import leases as lease_verbs
from server.usecases import orders as order_verbs
from server.usecases import patients as patient_verbs
from tests.support import server_ward, web
from tests.support.databases import migrated_app
from tests.support.server_ward import CHARGE, IMPORT, NURSE, PRESCRIBER, WARD, a_record, gsrn

NOW = datetime.now(UTC)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as found, found.app_context():
        yield found


def given(number: int, **changes: object) -> str:
    """A dose of patient `number`, as a cart sends it; its record's id."""
    record = a_record(number, record_id=str(uuid4()), effective_at=NOW, recorded_at=NOW, due=NOW.replace(microsecond=0), **changes)
    with transaction(IMPORT) as tx:
        administrations.record(tx, record)
    return record.record_id


def joined(kept: str = "P1", gone: str = "P2") -> merges.Merge:
    with transaction(CHARGE) as tx:
        return merge.merge(tx, CHARGE, kept=kept, gone=gone, reason="one person, compared at the bed")


def doses(patient: str) -> set[str]:
    with reading() as tx:
        return {dose.record.record_id for dose in views_patients.doses(tx, patient=patient)[0]}


def test_a_merge_loses_no_dose_no_order_no_band_and_no_value(app: Flask) -> None:
    records = {given(1), given(2), given(2, order=None, order_version=None)}
    with transaction(NURSE) as tx:
        observations.enter(tx, NURSE, record_id=str(uuid4()), patient="P2", code="heart-rate", value=Quantity.parse("70 /min"))
        patient_verbs.weigh(tx, NURSE, "P2", Weight(value=Quantity.parse("62 kg"), at=NOW))
        before = {one: merges.counts(tx, one) for one in ("P1", "P2")}
    done = joined()
    with reading() as tx:
        after = {one: merges.counts(tx, one) for one in ("P1", "P2")}
        assert {name: after["P1"][name] + after["P2"][name] for name in after["P1"]} == {
            name: before["P1"][name] + before["P2"][name] for name in before["P1"]
        }
        assert after["P2"] == dict.fromkeys(after["P2"], 0)
        kept, gone = patients.get(tx, "P1"), patients.find_any(tx, "P2")
        assert {order.order.id for order in orders.of_patient(tx, "P1")} == {"O1", "O2"}
        assert {band.gsrn for band in kept.bands} == {gsrn(1), gsrn(2)}
        assert all(band.status is BandStatus.ACTIVE for band in kept.bands)
        assert gone is not None
        assert (gone.status, gone.ward) == (PatientStatus.DISCHARGED, None)
        assert identities.current(tx, "P2") == "P1"
    assert doses("P1") == records
    assert doses("P2") == set()
    assert len(done.moved["administrations"]) == 2


def test_a_merge_and_its_way_back_hold_on_postgresql_too(tmp_path: Path) -> None:
    with migrated_app("postgresql", tmp_path):
        server_ward.open_ward(patient_count=2)
        first, second = given(1), given(2)
        with transaction(NURSE) as tx:
            observations.enter(tx, NURSE, record_id=str(uuid4()), patient="P2", code="heart-rate", value=Quantity.parse("70 /min"))
        done = joined()
        assert doses("P1") == {first, second}
        with transaction(CHARGE) as tx:
            merge.undo(tx, CHARGE, done.id, reason="two people after all")
        assert (doses("P1"), doses("P2")) == ({first}, {second})
        joined()
        assert given(2) in doses("P1")
        with transaction(NURSE) as tx:
            drawn = [admission.admit_unknown(tx, NURSE, sex="male", ward=WARD, bed=None, note="x").name for _ in range(2)]
        assert drawn == ["VÔ DANH NAM 1", "VÔ DANH NAM 2"]


def test_the_carts_chart_follows_and_names_no_record_that_is_gone(app: Flask) -> None:
    given(2)
    joined()
    with reading() as tx:
        body = tables.chart(tx, WARD, timezone="Asia/Ho_Chi_Minh")
    assert [one.id for one in body.patients] == ["P1"]
    assert {order.patient for order in body.orders} == {"P1"}
    assert {entry.patient for entry in body.history} == {"P1"}
    assert {order.id: (order.version, order.verified) for order in body.orders} == {"O1": (1, True), "O2": (2, True)}


def test_what_a_cart_sends_about_the_other_record_afterwards_finds_its_way(app: Flask) -> None:
    joined()
    late = given(2)
    assert late in doses("P1")
    with reading() as tx:
        row = tx.session.scalar(select(AdministrationRow).where(AdministrationRow.record_id == late))
        assert row is not None
        assert row.patient == "P1"
        assert row.document["patient"] == "P2"  # as it was sent
    with transaction(IMPORT) as tx:
        again = administrations.record(tx, a_record(2, record_id=late, effective_at=NOW, recorded_at=NOW, due=NOW.replace(microsecond=0)))
        assert again.duplicate
        codes = {one.code for one in again.discrepancies}
    assert not codes & {"unknown-patient", "unknown-order", "patient-differs"}
    with transaction(NURSE) as tx:
        observations.enter(tx, NURSE, record_id=str(uuid4()), patient="P2", code="spo2", value=Quantity.parse("97 %"))
        assert any(value.code == "spo2" for value in patients.get(tx, "P1").observations)


def test_a_record_that_was_under_way_when_the_records_were_merged_is_written_to_the_one_that_goes_on(app: Flask) -> None:
    """Between a gateway's look and its write: the statement that writes asks once more."""
    from server.store import administrations as stored
    from server.store import mapping_record

    unjudged = {"cart_epoch": "", "cart_seq": 1, "server_level": None, "server_order": None, "server_verdict": None, "facts": None}
    record = a_record(2, record_id=str(uuid4()))
    document = mapping_record.to_document(record)
    joined()
    with transaction(IMPORT) as tx:
        assert stored.insert_record(tx, mapping_record.to_row(record, document) | unjudged)
    assert record.record_id in doses("P1")


def test_a_lease_of_the_other_record_is_a_lease_of_the_one_that_goes_on(app: Flask) -> None:
    joined()
    with transaction(IMPORT) as tx:
        first = lease_verbs.acquire(tx, patient="P2", cart="c1")
        second = lease_verbs.acquire(tx, patient="P1", cart="c2")
    assert (first.state.value, second.state.value) == ("held", "other-cart")
    with reading() as tx:
        assert leases.find(tx, "P2") is None


def test_nobody_merges_while_a_cart_has_one_of_them_open(app: Flask) -> None:
    with transaction(IMPORT) as tx:
        lease_verbs.acquire(tx, patient="P2", cart="c1")
    with pytest.raises(ConflictError) as refused:
        joined()
    assert refused.value.fields["says"] == "merge-cart"


def test_two_cards_are_two_people_and_a_nurse_merges_nobody(app: Flask) -> None:
    with transaction(CHARGE) as tx:
        for one, number in (("P1", "022190123456"), ("P2", "022190123457")):
            identities.put(tx, identities.Identity(patient=one, method="id-card", national_id=number))
    with pytest.raises(ConflictError):
        joined()
    with pytest.raises(NotPermittedError), transaction(NURSE) as tx:
        merge.merge(tx, NURSE, kept="P1", gone="P2", reason="x")
    with pytest.raises(ConflictError):
        joined("P1", "P1")


def test_an_import_or_an_order_for_the_record_that_is_gone_is_refused_by_name(app: Flask) -> None:
    joined()
    with pytest.raises(ConflictError) as refused, transaction(IMPORT) as tx:
        patient_verbs.receive(tx, server_ward.a_patient(2))
    assert refused.value.fields["merged_into"] == "P1"
    with pytest.raises(ConflictError), transaction(PRESCRIBER) as tx:
        order_verbs.place(tx, PRESCRIBER, server_ward.an_order(9, patient="P2"))


def test_allergies_are_joined_and_the_harder_word_stays(app: Flask) -> None:
    with transaction(NURSE) as tx:
        patient_verbs.set_allergies(tx, NURSE, "P1", (Allergy(substance="aspirin", severity="mild"),))
        patient_verbs.set_allergies(tx, NURSE, "P2", (Allergy(substance="aspirin", severity="severe"), Allergy(substance="penicillin")))
    joined()
    with reading() as tx:
        found = {one.substance: one.severity for one in patients.get(tx, "P1").allergies or ()}
    assert found == {"aspirin": "severe", "penicillin": None}


def test_a_merge_is_taken_back_while_nothing_has_come_and_both_are_as_before(app: Flask) -> None:
    first, second = given(1), given(2)
    with reading() as tx:
        before = {one: (patients.get(tx, one), merges.counts(tx, one)) for one in ("P1", "P2")}
    done = joined()
    with transaction(CHARGE) as tx:
        merge.undo(tx, CHARGE, done.id, reason="two people after all")
    with reading() as tx:
        for one, (patient, counts) in before.items():
            assert replace(patients.get(tx, one), transferred_at=None) == replace(patient, transferred_at=None)
            assert merges.counts(tx, one) == counts
        assert identities.current(tx, "P2") == "P2"
        assert orders.get(tx, "O2").order.patient == "P2"
    assert (doses("P1"), doses("P2")) == ({first}, {second})


def test_a_merge_is_not_taken_back_by_itself_once_something_has_come(app: Flask) -> None:
    done = joined()
    given(1)
    with pytest.raises(ConflictError) as refused, transaction(CHARGE) as tx:
        merge.undo(tx, CHARGE, done.id, reason="two people after all")
    assert "administrations" in refused.value.fields["since"]
    with reading() as tx:
        assert identities.current(tx, "P2") == "P1"


def test_every_table_that_names_a_patient_is_moved_or_stays_for_a_reason() -> None:
    tables_with = {table.name for table in database.db.metadata.tables.values() if "patient" in table.columns}
    told = {table.__tablename__ for table in merges.MOVED} | set(merges.STAYS)
    assert tables_with - told == set(), "say in server/store/merges.py what a merge does with it"


def test_the_page_shows_both_sides_and_takes_nothing_for_granted(app: Flask) -> None:
    charge = web.signed_in(app, CHARGE)
    page = charge.get("/admission/merge/P1?with=P2").text
    for told in ("NGUYỄN VĂN 1", "NGUYỄN VĂN 2", "24-000001", "24-000002"):
        assert told in page
    token = web.token_of(page)
    unsure = charge.post("/admission/merge/P1", data={"csrf_token": token, "with": "P2", "keep": "P1", "reason": "same card"})
    assert unsure.status_code == 422
    done = charge.post("/admission/merge/P1", data={"csrf_token": token, "with": "P2", "keep": "P1", "reason": "same card", "sure": "yes"})
    assert done.status_code == 303
    assert charge.get("/patients/P1").status_code == 200
    shown = charge.get("/admission/P1/").text
    assert "Undo the merge" in shown
    assert "part of another one" in web.signed_in(app, PRESCRIBER).get("/patients/P2").text


def test_time_alone_makes_no_merge_unsafe(app: Flask) -> None:
    done = joined()
    with transaction(CHARGE, at=datetime.now(UTC) + timedelta(hours=2)) as tx:
        assert merge.hindrances(tx, done) == ()
