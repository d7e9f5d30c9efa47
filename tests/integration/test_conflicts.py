"""Two carts gave one dose: both nurses are told at any cart of the ward, who has read is kept, and a person resolves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.people import StaffRole
from pointofcare.wire.messages import FleetEvent, TableKind
from pointofcare.wire.tables import Conflict, PatientChartBody
from server.store import conflicts as stored
from server.store import discrepancies, versions, views_log
from server.store.transaction import Actor, reading, transaction
from server.store.views_log import Wanted
from server.usecases import administrations, leases, orders, staff, tables, tasks_raised
from server.usecases import discrepancies as verbs
from tests.support import web
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import CHARGE, NOW, NURSE, PHARMACIST, PRESCRIBER, WARD, a_member, a_record, open_ward

GATEWAY = Actor(id="gateway", place="cart/c1")
SECOND = Actor(id="N2", name="ĐD. Phạm Minh", roles=frozenset({StaffRole.NURSE}))


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        yield made


def given_twice() -> Conflict:
    with transaction(GATEWAY, at=NOW) as tx:
        staff.receive(tx, a_member(SECOND))
        administrations.record(tx, a_record(record_id="r-1", cart="c1"))
        administrations.record(tx, a_record(record_id="r-2", cart="c2", nurse=SECOND.id, effective_at=NOW + timedelta(minutes=2)))
    return chart().conflicts[0]


def chart() -> PatientChartBody:
    with reading(at=NOW) as tx:
        return tables.chart(tx, WARD, timezone="Asia/Ho_Chi_Minh")


def version() -> int:
    with reading() as tx:
        return versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART]


def read_by(staff_id: object, discrepancy: object, *, seq: int = 1, kind: str = "conflict-seen") -> None:
    event = FleetEvent(seq=seq, epoch="e1", kind=kind, at=NOW, details={"discrepancy": discrepancy, "staff": staff_id})
    with transaction(GATEWAY, at=NOW) as tx:
        tasks_raised.after_event(tx, "c1", event)


def test_a_dose_given_twice_goes_to_the_carts_with_both_nurses_and_both_carts(app: Flask) -> None:
    found = given_twice()
    assert (found.code, found.patient, found.order, found.concerns, found.seen) == ("given-twice", "P1", "O1", (NURSE.id, "N2"), ())
    assert [(each.record_id, each.cart, each.nurse) for each in found.gives] == [("r-1", "c1", NURSE.id), ("r-2", "c2", "N2")]


def test_a_dose_under_a_lease_that_another_cart_had_by_then_is_told_to_the_nurse_there_too(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        staff.receive(tx, a_member(SECOND))
        leases.acquire(tx, patient="P1", cart="c1", nurse=NURSE.id)
    with transaction(GATEWAY, at=NOW + timedelta(minutes=6)) as tx:
        leases.acquire(tx, patient="P1", cart="c2", nurse=SECOND.id)
        administrations.record(tx, a_record(record_id="r-1", cart="c1", lease_fence=1, recorded_at=NOW + timedelta(minutes=7)))
    (found,) = [each for each in chart().conflicts if each.code == "lease-superseded"]
    assert found.concerns == tuple(sorted((NURSE.id, SECOND.id)))
    read_by(SECOND.id, found.id)
    assert chart().conflicts[-1].seen == (SECOND.id,)


def test_who_has_read_is_kept_once_audited_and_told_to_the_other_carts(app: Flask) -> None:
    found, before = given_twice(), version()
    read_by("N2", found.id)
    read_by("N2", found.id, seq=2)
    assert (chart().conflicts[0].seen, version()) == (("N2",), before + 1)
    with reading() as tx:
        lines = views_log.lines(tx, Wanted(action="conflict.seen"), limit=9)
        assert [(line.place, line.detail["staff"], line.detail["patient"]) for line in lines] == [("cart/c1", "N2", "P1")]


@pytest.mark.parametrize("staff_id", ["N9", 7, None, ["N2"]])
def test_nobody_reads_what_does_not_concern_them(app: Flask, staff_id: object) -> None:
    found = given_twice()
    read_by(staff_id, found.id)
    assert chart().conflicts[0].seen == ()


@pytest.mark.parametrize("discrepancy", [0, -1, 2**40, "1", True, None, 999])
def test_an_event_about_no_conflict_changes_nothing(app: Flask, discrepancy: object) -> None:
    given_twice()
    before = version()
    read_by("N2", discrepancy)
    assert version() == before


def test_a_conflict_leaves_the_carts_when_a_person_has_resolved_it_with_a_reason(app: Flask) -> None:
    found, before = given_twice(), version()
    with transaction(CHARGE, at=NOW) as tx:
        verbs.resolve(tx, CHARGE, found.id, reason="one tablet was spat out")
    assert (chart().conflicts, version()) == ((), before + 1)
    read_by("N2", found.id)  # told late, from a cart that was away
    with reading() as tx:
        assert [each.staff for each in stored.seen_of(tx, [found.id])[found.id]] == ["N2"]


def test_a_ward_without_a_conflict_asks_one_statement(app: Flask) -> None:
    with reading() as tx:
        assert stored.of_ward(tx, WARD) == ()
        assert stored.listed(tx, ()) == {}
        assert discrepancies.listed(tx) == ()


def test_the_chart_says_who_changed_an_order_and_why(app: Flask) -> None:
    with transaction(PRESCRIBER, at=NOW) as tx:
        orders.stop(tx, PRESCRIBER, "O1", 1, reason="rash")
    told = [(each.order, each.version, each.action, each.by, each.reason) for each in chart().changed]
    assert told == [("O1", 2, "stopped", a_member(PRESCRIBER).name, "rash")]


def test_a_pack_that_went_to_a_patient_who_left_is_in_the_chart_until_it_was_withdrawn(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        administrations.record(tx, a_record(1, record_id="r-1", serial="S1"))
    assert chart().used_packs == ()  # it is in the history of the ward's own patient
    with transaction(GATEWAY, at=NOW) as tx:
        gone = a_record(9, record_id="r-9", patient="P-left", serial="S9", order=None, due=None)
        administrations.record(tx, gone)
    assert [(each.serial, each.product) for each in chart().used_packs] == [("S9", gone.product)]
    with transaction(GATEWAY, at=NOW) as tx:
        administrations.record(tx, replace(gone, record_id="r-10", amends="r-9", status="entered-in-error", action="undo"))
    assert chart().used_packs == ()


def test_the_packs_of_another_ward_are_not_in_the_chart_which_would_grow_with_the_hospital(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        gone = a_record(9, record_id="r-9", patient="P-elsewhere", ward="other", serial="S9", order=None, due=None)
        administrations.record(tx, gone)
    assert chart().used_packs == ()


def test_a_pack_that_was_given_to_somebody_else_before_is_a_discrepancy_at_the_server(app: Flask) -> None:
    from tests.support.server_ward import AMOXICILLIN

    text = f"01{AMOXICILLIN.gtin}10A1\x1d1727013121S5"

    def with_serial(number: int, **changes: object):  # type: ignore[no-untyped-def]
        made = a_record(number, serial="S5", **changes)
        return replace(made, scans=(made.scans[0], replace(made.scans[1], text=text)))

    with transaction(GATEWAY, at=NOW) as tx:
        assert administrations.record(tx, with_serial(1, record_id="r-1")).discrepancies == ()
        second = administrations.record(tx, with_serial(2, record_id="r-2"))
    assert [note.code for note in second.discrepancies] == ["verdict-differs"]
    assert second.discrepancies[0].server_level == "STOP"


def test_the_review_page_says_who_has_read(tmp_path: Path) -> None:
    with web.ward_app(tmp_path) as made, made.app_context():
        found = given_twice()
        client = web.signed_in(made, PHARMACIST)
        before = client.get("/review/?lang=en").text
        read_by("N2", found.id)
        after = client.get("/review/?lang=en").text
        assert before != after
        assert "c1)" in after
