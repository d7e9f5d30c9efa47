"""Orders, patients and staff in the store: versions, verification, roles, and the tables that must rise with each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import ConflictError, IllegalTransitionError, NotFoundError, NotPermittedError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import Band, PatientStatus, Weight
from pointofcare.quantity import Quantity
from pointofcare.wire import tables as wire_tables
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import PatientChartBody, StaffRosterBody
from server.security import signing
from server.store import audit, policies, products, versions
from server.store import orders as stored
from server.store import patients as stored_patients
from server.store.orders import Verification
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import discrepancies, orders, patients, pharmacy, staff, tables
from server.usecases import policies as policy_verbs
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import (
    AMOXICILLIN,
    CHARGE,
    IMPORT,
    NOW,
    NURSE,
    PHARMACIST,
    PRESCRIBER,
    WARD,
    a_member,
    a_patient,
    an_order,
    gsrn,
    open_ward,
)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2, verified=False)
        yield made


def does(actor: Actor, verb: Callable[[Transaction], object]) -> object:
    with transaction(actor, at=NOW) as tx:
        return verb(tx)


def test_an_order_comes_back_as_it_was_placed(app: Flask) -> None:
    placed = an_order(7, patient="P2", dose=None, dose_range=(Quantity.parse("0.50 mg"), Quantity.parse("1 mg")))
    does(PRESCRIBER, lambda tx: orders.place(tx, PRESCRIBER, placed))
    with reading() as tx:
        view = stored.get(tx, "O7")
    assert view.order == placed
    assert view.verification is Verification.PENDING


def test_only_a_pharmacist_verifies_and_only_the_newest_version(app: Flask) -> None:
    for actor in (NURSE, PRESCRIBER, CHARGE, IMPORT):
        with pytest.raises(NotPermittedError):
            does(actor, lambda tx, actor=actor: orders.verify(tx, actor, "O1", 1))  # type: ignore[misc]
    does(PRESCRIBER, lambda tx: orders.amend(tx, PRESCRIBER, an_order(dose=Quantity.parse("250 mg")), version=1, reason="renal"))
    with pytest.raises(ConflictError):
        does(PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O1", 1))
    does(PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O1", 2))
    with reading() as tx:
        assert stored.get(tx, "O1").order.verified


def test_nobody_acts_in_anothers_transaction(app: Flask) -> None:
    with pytest.raises(NotPermittedError):
        does(NURSE, lambda tx: orders.verify(tx, PHARMACIST, "O1", 1))


def test_a_change_of_content_is_unverified_again_and_a_hold_is_not(app: Flask) -> None:
    does(PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O1", 1))
    does(PRESCRIBER, lambda tx: orders.hold(tx, PRESCRIBER, "O1", 1, reason="surgery"))
    does(PRESCRIBER, lambda tx: orders.resume(tx, PRESCRIBER, "O1", 2, reason="back"))
    with reading() as tx:
        assert stored.get(tx, "O1").order.verified
    does(PRESCRIBER, lambda tx: orders.amend(tx, PRESCRIBER, an_order(route="IV"), version=3, reason="cannot swallow"))
    with reading() as tx:
        view = stored.get(tx, "O1")
        assert not view.order.verified
        assert [version.action for version in stored.versions(tx, "O1")] == ["placed", "held", "resumed", "amended"]
        assert [version.order.route for version in stored.versions(tx, "O1")] == ["PO", "PO", "PO", "IV"]


def test_a_stopped_order_never_changes_again(app: Flask) -> None:
    does(PRESCRIBER, lambda tx: orders.stop(tx, PRESCRIBER, "O1", 1, reason="done"))
    with pytest.raises(IllegalTransitionError):
        does(PRESCRIBER, lambda tx: orders.resume(tx, PRESCRIBER, "O1", 2, reason="again"))
    with pytest.raises(IllegalTransitionError):
        does(PRESCRIBER, lambda tx: orders.amend(tx, PRESCRIBER, an_order(), version=2, reason="again"))
    with pytest.raises(IllegalTransitionError):
        does(PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O1", 2))


def test_an_order_never_moves_to_another_patient(app: Flask) -> None:
    with pytest.raises(ConflictError):
        does(PRESCRIBER, lambda tx: orders.amend(tx, PRESCRIBER, an_order(patient="P2"), version=1, reason="slip"))
    with pytest.raises(ConflictError):
        does(IMPORT, lambda tx: orders.receive(tx, an_order(patient="P2")))
    with pytest.raises(NotFoundError):
        does(PRESCRIBER, lambda tx: orders.place(tx, PRESCRIBER, an_order(9, patient="P9")))


def test_two_prescribers_at_once_cannot_both_change_one_version(app: Flask) -> None:
    does(PRESCRIBER, lambda tx: orders.hold(tx, PRESCRIBER, "O1", 1, reason="first"))
    with pytest.raises(ConflictError):
        does(PRESCRIBER, lambda tx: orders.stop(tx, PRESCRIBER, "O1", 1, reason="second"))


def test_a_question_and_its_answer_stay_with_the_order(app: Flask) -> None:
    does(PHARMACIST, lambda tx: orders.question(tx, PHARMACIST, "O1", 1, text_="500 or 250?"))
    with reading() as tx:
        assert stored.get(tx, "O1").verification is Verification.QUERIED
        asked = stored.questions(tx, ("O1",))[0]
    does(PRESCRIBER, lambda tx: orders.answer(tx, PRESCRIBER, asked.id, text_="500"))
    with reading() as tx:
        assert stored.questions(tx, ("O1",))[0].answer == "500"


def test_a_rejected_order_is_not_verified(app: Flask) -> None:
    does(PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O1", 1))
    does(PHARMACIST, lambda tx: orders.reject(tx, PHARMACIST, "O1", 1, reason="interaction"))
    with reading() as tx:
        assert not stored.get(tx, "O1").order.verified


def test_an_order_that_needs_clarification_stays_a_draft_and_cannot_be_verified(app: Flask) -> None:
    does(IMPORT, lambda tx: orders.receive(tx, an_order(8), clarification="no unit"))
    with reading() as tx:
        assert stored.get(tx, "O8").order.status is OrderStatus.DRAFT
    with pytest.raises(ConflictError):
        does(PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O8", 1))


def test_an_imported_order_that_did_not_change_stays_as_it_is(app: Flask) -> None:
    does(PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O1", 1))
    does(IMPORT, lambda tx: orders.receive(tx, an_order()))
    with reading() as tx:
        view = stored.get(tx, "O1")
        assert (view.order.version, view.order.verified) == (1, True)
    does(IMPORT, lambda tx: orders.receive(tx, an_order(status=OrderStatus.STOPPED)))
    with reading() as tx:
        view = stored.get(tx, "O1")
        assert (view.order.version, view.order.status) == (2, OrderStatus.STOPPED)


def test_every_verb_leaves_its_actor_in_the_audit(app: Flask) -> None:
    does(PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O1", 1))
    with reading() as tx:
        newest = audit.listed(tx, subject="order/O1")[0]
    assert (newest.actor, newest.action, newest.at) == ("PH1", "order.verified", NOW)


CHART_VERBS: dict[str, tuple[Actor, Callable[[Transaction], object]]] = {
    "verify": (PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O1", 1)),
    "reject": (PHARMACIST, lambda tx: orders.reject(tx, PHARMACIST, "O1", 1, reason="no")),
    "question": (PHARMACIST, lambda tx: orders.question(tx, PHARMACIST, "O1", 1, text_="?")),
    "hold": (PRESCRIBER, lambda tx: orders.hold(tx, PRESCRIBER, "O1", 1, reason="x")),
    "stop": (PRESCRIBER, lambda tx: orders.stop(tx, PRESCRIBER, "O1", 1, reason="x")),
    "amend": (PRESCRIBER, lambda tx: orders.amend(tx, PRESCRIBER, an_order(route="IV"), version=1, reason="x")),
    "place": (PRESCRIBER, lambda tx: orders.place(tx, PRESCRIBER, an_order(9))),
    "receive order": (IMPORT, lambda tx: orders.receive(tx, an_order(9))),
    "receive patient": (IMPORT, lambda tx: patients.receive(tx, replace(a_patient(), bed="H9"))),
    "transfer": (CHARGE, lambda tx: patients.discharge(tx, CHARGE, "P1")),
    "band": (CHARGE, lambda tx: patients.print_band(tx, CHARGE, "P1", Band(gsrn=gsrn(1), srin="2"))),
    "allergies": (NURSE, lambda tx: patients.set_allergies(tx, NURSE, "P1", ())),
    "weight": (NURSE, lambda tx: patients.weigh(tx, NURSE, "P1", Weight(value=Quantity.parse("62 kg"), at=NOW))),
    "drawer": (CHARGE, lambda tx: patients.assign_drawer(tx, cart="c1", drawer=1, patient="P1")),
}


@pytest.mark.parametrize("verb", list(CHART_VERBS))
def test_what_changes_the_chart_raises_its_version_in_the_same_commit(app: Flask, verb: str) -> None:
    actor, act = CHART_VERBS[verb]
    with reading() as tx:
        before = versions.of_ward(tx, WARD)
    does(actor, act)
    with reading() as tx:
        after = versions.of_ward(tx, WARD)
    assert after[TableKind.PATIENT_CHART] > before[TableKind.PATIENT_CHART]
    assert after[TableKind.FORMULARY] == before[TableKind.FORMULARY]


def test_a_verb_that_fails_raises_no_version(app: Flask) -> None:
    with reading() as tx:
        before = versions.total(tx)
    with pytest.raises(ConflictError):
        does(PHARMACIST, lambda tx: orders.verify(tx, PHARMACIST, "O1", 5))
    with reading() as tx:
        assert versions.total(tx) == before


def a_policy_in_force(tx: Transaction) -> None:
    made = policy_verbs.draft(tx, PHARMACIST, 'format = 1\nversion = "ours-1"\n')
    policies.approve(tx, made, by="PH2")
    policy_verbs.activate(tx, PHARMACIST, made.id, revision=1)


def test_products_policy_and_staff_raise_their_own_table_in_every_ward(app: Flask) -> None:
    changes: list[tuple[TableKind, Actor, Callable[[Transaction], object]]] = [
        (TableKind.FORMULARY, IMPORT, lambda tx: pharmacy.receive_product(tx, replace(AMOXICILLIN, recalled_lots=("B77",)))),
        (TableKind.STAFF_ROSTER, IMPORT, lambda tx: staff.receive(tx, a_member(NURSE, active=False))),
        (TableKind.POLICY, PHARMACIST, a_policy_in_force),
    ]
    for kind, actor, act in changes:
        with reading() as tx:
            before = versions.of_ward(tx, WARD)
        does(actor, act)
        with reading() as tx:
            after = versions.of_ward(tx, WARD)
        assert {changed for changed in TableKind if after[changed] != before[changed]} == {kind}
    with reading() as tx:
        assert policies.in_force(tx).version == "ours-1"
        assert products.get(tx, "AMOX500").recalled_lots == ("B77",)


def test_unknown_allergies_stay_unknown_and_none_stays_none(app: Flask) -> None:
    does(IMPORT, lambda tx: patients.receive(tx, replace(a_patient(), allergies=None)))
    does(IMPORT, lambda tx: patients.receive(tx, replace(a_patient(2), allergies=())))
    with reading() as tx:
        assert stored_patients.get(tx, "P1").allergies is None
        assert stored_patients.get(tx, "P2").allergies == ()


def test_a_reprinted_band_revokes_the_older_one(app: Flask) -> None:
    does(CHARGE, lambda tx: patients.print_band(tx, CHARGE, "P1", Band(gsrn=gsrn(1), srin="2")))
    with reading() as tx:
        bands = stored_patients.get(tx, "P1").bands
    assert {band.srin: band.status for band in bands} == {"1": "revoked", "2": "active"}


def test_a_discharged_patient_leaves_the_chart(app: Flask) -> None:
    does(CHARGE, lambda tx: patients.discharge(tx, CHARGE, "P1"))
    with reading(at=NOW) as tx:
        chart = tables.chart(tx, WARD, timezone="UTC")
        assert [patient.id for patient in chart.patients] == ["P2"]
        assert [order.id for order in chart.orders] == ["O2"]
        assert stored_patients.get(tx, "P1").status is PatientStatus.DISCHARGED


def test_a_signed_table_is_read_back_as_it_was_and_a_touched_one_is_not(app: Flask, tmp_path: Path) -> None:
    from joserfc import jws
    from joserfc.errors import JoseError

    key = signing.load_or_generate(tmp_path / "keys" / "key.json")
    site = {"timezone": "UTC", "site": wire_tables.SiteProfile()}
    from datetime import timedelta

    for kind in TableKind:
        with reading(at=NOW) as tx:
            table = tables.build(tx, WARD, kind, facility="h1", lifetime=timedelta(hours=24), **site)  # type: ignore[arg-type]
        issued = signing.sign(key, table)
        assert wire_tables.read_claims(jws.deserialize_compact(issued.jws, key.key, algorithms=["Ed25519"]).payload) == table
        touched = issued.jws[:-10] + ("A" if issued.jws[-10] != "A" else "B") + issued.jws[-9:]
        with pytest.raises(JoseError):
            jws.deserialize_compact(touched, key.key, algorithms=["Ed25519"])
        if isinstance(table.body, PatientChartBody):
            assert table.body.patients[0] == a_patient()
        if isinstance(table.body, StaffRosterBody):
            assert "NOI" not in repr(table.body)
            assert {entry.id for entry in table.body.staff} == {"D1", "PH1", "CN1", "N1"}


def test_a_discrepancy_is_resolved_once_by_those_who_may(app: Flask) -> None:
    from server.store import discrepancies as found
    from server.usecases import administrations
    from tests.support.server_ward import a_record

    does(IMPORT, lambda tx: administrations.record(tx, a_record(nurse="N9")))
    with reading() as tx:
        one = found.listed(tx)[0]
    with pytest.raises(NotPermittedError):
        does(NURSE, lambda tx: discrepancies.resolve(tx, NURSE, one.id, reason="fine"))
    does(CHARGE, lambda tx: discrepancies.resolve(tx, CHARGE, one.id, reason="agency nurse"))
    with pytest.raises(ConflictError):
        does(CHARGE, lambda tx: discrepancies.resolve(tx, CHARGE, one.id, reason="again"))
    with reading() as tx:
        assert found.get(tx, one.id).state == "resolved"
