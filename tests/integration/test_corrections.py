"""Withdrawing a record and closing an overdue dose on the web, recalls, and the witness that the server checks. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, UnreadableError
from pointofcare.people import StaffRole
from pointofcare.products import Ingredient, Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.policy import Policy
from pointofcare.wire.messages import TableKind
from server.emr import fhir_mapping
from server.store import administrations as doses
from server.store import audit, bedside, discrepancies, outbox, products, recalls, tasks, versions, views_work
from server.store.bedside import StaffLook
from server.store.transaction import Actor, reading, transaction
from server.usecases import corrections, orders, overdue, pharmacy, staff, task_kinds, witness
from server.usecases import recalls as recall_verbs
from tests.support import server_ward, work
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import (
    AMOXICILLIN,
    CHARGE,
    DUE,
    IMPORT,
    NOW,
    NURSE,
    PHARMACIST,
    PRESCRIBER,
    WARD,
    a_member,
    a_record,
    open_ward,
)
from tests.support.work import OTHER_NURSE, STUDENT, record

LATER = NOW + timedelta(minutes=20)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        work.open_work()
        yield made


def withdraw(actor: Actor, record_id: str, why: str = "wrong patient chosen") -> str:
    with transaction(actor, at=LATER) as tx:
        return corrections.withdraw(tx, actor, record_id, why=why).record_id


# S2.


@pytest.mark.parametrize("actor", [NURSE, CHARGE])
def test_the_giver_or_a_charge_nurse_withdraws_a_record_by_a_new_one(app: Flask, actor: Actor) -> None:
    made = a_record()
    record(made)
    undone = withdraw(actor, made.record_id)
    with reading(at=LATER) as tx:
        view = doses.get(tx, undone)
        assert view is not None
        assert (view.record.amends, view.record.status, view.record.action, view.record.cart, view.record.nurse) == (
            made.record_id,
            "entered-in-error",
            "undo",
            "server",
            actor.id,
        )
        assert view.record.reason_text == "wrong patient chosen"
        assert (view.record.level, view.server_level) == ("PASS", "PASS")  # the engine agrees that this person may
        assert doses.get(tx, made.record_id).record == made  # type: ignore[union-attr] # the old one still reads the same
        item = outbox.of_record(tx, undone)
        assert item is not None
        assert item.ordering_key == made.record_id  # it never overtakes what it corrects
        assert bedside.of_patient(tx, "P1").history == ()  # the dose is due again
        assert {line.action for line in audit.listed(tx, subject=f"administration/{undone}")} >= {
            "administration.record",
            "administration.withdraw",
        }
        assert discrepancies.of_record(tx, undone) == ()


def test_what_was_withdrawn_on_the_web_goes_to_the_emr_as_entered_in_error(app: Flask) -> None:
    made = a_record()
    record(made)
    undone = withdraw(NURSE, made.record_id)
    with reading(at=LATER) as tx:
        view = doses.get(tx, undone)
        assert view is not None
    context = fhir_mapping.MappingContext(site="https://hospital.example/bcma", amended=made)
    bundle = fhir_mapping.to_bundle(view.record, context)
    assert bundle["entry"][0]["resource"]["status"] == "entered-in-error"


@pytest.mark.parametrize("actor", [OTHER_NURSE, STUDENT, PHARMACIST, PRESCRIBER])
def test_nobody_else_withdraws_a_record(app: Flask, actor: Actor) -> None:
    made = a_record()
    record(made)
    with pytest.raises(NotPermittedError):
        withdraw(actor, made.record_id)


def test_a_record_is_withdrawn_once_and_never_without_a_reason(app: Flask) -> None:
    made = a_record()
    record(made)
    with pytest.raises(UnreadableError):
        withdraw(NURSE, made.record_id, "  ")
    undone = withdraw(NURSE, made.record_id)
    for again in (made.record_id, undone):
        with pytest.raises(ConflictError):
            withdraw(CHARGE, again)
    with pytest.raises(NotFoundError):
        withdraw(CHARGE, "no-such-record")


PATCH = Product(
    id="FENT25",
    gtin="08936000000035",
    name="Fentanyl 25 mcg/h",
    form="patch",
    routes=("TD",),
    ingredients=(Ingredient(name="fentanyl", amount=Quantity.parse("4.2 mg")),),
)


def _patched() -> tuple[str, str]:
    """A patch that was put on and taken off; the ids of both records."""
    with transaction(IMPORT, at=NOW) as tx:
        pharmacy.receive_product(tx, PATCH)
    with transaction(PRESCRIBER, at=NOW) as tx:
        order = server_ward.an_order(
            7, ingredient="fentanyl", form="patch", route="TD", dose=Quantity.parse("1 {patch}"), times=(), every=timedelta(hours=72)
        )
        orders.place(tx, PRESCRIBER, order)
    common = {"order": "O7", "product": PATCH.id, "gtin": PATCH.gtin, "route": "TD", "dose": Quantity.parse("1 {patch}"), "due": None}
    on = a_record(**common)
    off = a_record(**common, action="remove", continues=on.record_id, effective_at=NOW + timedelta(minutes=1))
    record(on)
    record(off)
    return on.record_id, off.record_id


def test_a_removal_is_not_undone_while_another_patch_is_on(app: Flask) -> None:
    on, off = _patched()
    common = {"order": "O7", "product": PATCH.id, "gtin": PATCH.gtin, "route": "TD", "dose": Quantity.parse("1 {patch}"), "due": None}
    record(a_record(**common, effective_at=NOW + timedelta(minutes=2)))
    with pytest.raises(ConflictError, match="another patch is on"):
        withdraw(NURSE, off)
    with pytest.raises(ConflictError, match="goes on with"):
        withdraw(NURSE, on)


def test_a_removal_that_was_a_mistake_is_undone_and_the_patch_is_on_again(app: Flask) -> None:
    on, off = _patched()
    withdraw(NURSE, off)
    with reading(at=LATER) as tx:
        entries = [entry for entry in bedside.of_patient(tx, "P1").history if entry.record_id == on]
    assert [entry.removed_at for entry in entries] == [None]


# T7.


def close(actor: Actor, *, code: str = "off-ward", words: str = "", due: datetime = DUE, at: datetime = LATER) -> str:
    with transaction(actor, at=at) as tx:
        return corrections.close_overdue(tx, actor, "O1", due, code=code, words=words).record_id


def test_an_overdue_dose_stays_until_a_person_closes_it_with_a_reason(app: Flask) -> None:
    at = DUE + timedelta(hours=5)
    with reading(at=at) as tx:
        found = overdue.doses(bedside.of_ward(tx, WARD), policy=Policy(), zone="Asia/Ho_Chi_Minh", now=at)
    assert ("O1", DUE) in [(one.order.id, one.due) for one in found.doses]
    for code, words in (("", ""), ("other", ""), ("clinical-judgement", "")):
        with pytest.raises(UnreadableError):
            close(CHARGE, code=code, words=words, at=at)
    closed = close(CHARGE, at=at)
    with reading(at=at) as tx:
        found = overdue.doses(bedside.of_ward(tx, WARD), policy=Policy(), zone="Asia/Ho_Chi_Minh", now=at)
        view = doses.get(tx, closed)
    assert ("O1", DUE) not in [(one.order.id, one.due) for one in found.doses]
    assert view is not None
    assert (view.record.status, view.record.status_reason, view.record.cart) == ("not-done", "off-ward", "server")


@pytest.mark.parametrize("actor", [NURSE, PHARMACIST, PRESCRIBER])
def test_only_a_charge_nurse_closes_an_overdue_dose(app: Flask, actor: Actor) -> None:
    with pytest.raises(NotPermittedError):
        close(actor)


def test_a_dose_that_was_charted_meanwhile_or_never_existed_is_not_closed(app: Flask) -> None:
    record(a_record())
    with pytest.raises(ConflictError):
        close(CHARGE)
    with pytest.raises(UnreadableError):
        close(CHARGE, due=DUE + timedelta(minutes=13))
    with pytest.raises(UnreadableError):
        close(CHARGE, due=LATER + timedelta(hours=1))


def test_closing_as_not_available_asks_the_pharmacy(app: Flask) -> None:
    close(CHARGE, code="unavailable")
    assert len(work.open_tasks(task_kinds.DOSE_REQUEST)) == 1


# N4.


def test_the_effect_of_a_dose_as_needed_is_owed_until_somebody_says_it(app: Flask) -> None:
    made = a_record(prn_reason="pain", due=None)
    record(made)
    record(a_record(2))  # not as needed

    def owed() -> list[tuple[str, bool]]:
        with reading(at=LATER) as tx:
            rows = views_work.effects_owed(tx, ward=WARD, since=LATER - timedelta(hours=72))
        return [
            (one.dose.record_id, one.is_late)
            for one in overdue.effects(rows, policies={"": Policy()}, now=made.effective_at + timedelta(minutes=60))
        ]

    assert owed() == [(made.record_id, True)]  # by mouth: an hour
    said = replace(made, record_id="a1", action="assess", continues=made.record_id, effect="better", dose=None, scans=(), prn_reason=None)
    record(said)
    assert owed() == []
    record(replace(said, record_id="a2", action="undo", status="entered-in-error", amends="a1", continues=None, effect=None))
    assert owed() == [(made.record_id, True)]


def test_the_minutes_of_a_dose_are_signed(app: Flask) -> None:
    record(a_record(effective_at=DUE - timedelta(minutes=12)))
    record(a_record(2, effective_at=DUE + timedelta(minutes=95), recorded_at=DUE + timedelta(minutes=95)))
    with reading(at=LATER) as tx:
        rows = views_work.timed(tx, ward=WARD, since=DUE - timedelta(days=1), until=DUE + timedelta(days=1))
    assert [(row.patient, row.minutes) for row in rows] == [("P1", -12), ("P2", 95)]


# G2.


def recall(actor: Actor = PHARMACIST, **changes: object) -> recalls.Recall:
    values: dict[str, object] = {"gtin": AMOXICILLIN.gtin, "lots": ("A1",), "reason": "particles"}
    with transaction(actor, at=LATER) as tx:
        return recall_verbs.recall(tx, actor, **(values | changes))  # type: ignore[arg-type]


def test_a_recall_stops_the_lot_on_every_cart_and_asks_each_ward_that_had_it(app: Flask) -> None:
    record(a_record())
    with transaction(IMPORT, at=NOW) as tx:
        from server.store.patients import Ward
        from server.usecases import patients

        patients.open_ward(tx, Ward(id="NGOAI", name="Ngoại", timezone="Asia/Ho_Chi_Minh"))
    with reading() as tx:
        before = versions.of_ward(tx, "NGOAI")[TableKind.FORMULARY]
    made = recall()
    with reading(at=LATER) as tx:
        assert products.get(tx, AMOXICILLIN.id).recalled_lots == ("A1",)
        assert versions.of_ward(tx, "NGOAI")[TableKind.FORMULARY] == before + 1
        asked = tasks.listed(tx, kinds=(task_kinds.QUARANTINE,))
    assert [task.ward for task in asked] == [WARD]
    assert asked[0].detail["recall"] == made.id


def test_a_product_that_was_never_seen_anywhere_is_looked_for_everywhere(app: Flask) -> None:
    recall()
    with reading(at=LATER) as tx:
        assert [task.ward for task in tasks.listed(tx, kinds=(task_kinds.QUARANTINE,))] == [WARD]


def test_who_already_got_the_lot_is_listed_and_an_unread_lot_is_not_left_out(app: Flask) -> None:
    first, other, unread, undone = a_record(), a_record(lot="B7"), a_record(2, lot=None), a_record(2)
    for made in (first, other, unread, undone):
        record(made)
    record(replace(undone, record_id="undo-9", action="undo", status="entered-in-error", amends=undone.record_id))
    made_recall = recall()
    with reading(at=LATER) as tx:
        found = recalls.recipients(tx, made_recall)
    assert sorted((one.patient, one.certain) for one in found) == [("P1", True), ("P2", False)]


def test_serial_numbers_narrow_the_list_and_never_what_the_carts_stop(app: Flask) -> None:
    record(a_record(serial="S1"))
    record(a_record(2, serial="S2"))
    made = recall(serials=("S2",))
    with reading(at=LATER) as tx:
        assert [one.patient for one in recalls.recipients(tx, made)] == ["P2"]
        assert products.get(tx, AMOXICILLIN.id).recalled_lots == ("A1",)


def test_a_product_that_is_imported_anew_keeps_its_recall(app: Flask) -> None:
    recall()
    with transaction(IMPORT, at=LATER) as tx:
        pharmacy.receive_product(tx, replace(AMOXICILLIN, name="Amoxicillin 500 mg capsule"))
    with reading() as tx:
        kept = products.get(tx, AMOXICILLIN.id)
    assert (kept.name, kept.recalled_lots) == ("Amoxicillin 500 mg capsule", ("A1",))


def test_of_two_recalls_at_once_neither_is_lost(app: Flask) -> None:
    start = threading.Barrier(2)

    def enter(actor: Actor, lot: str) -> None:
        with app.app_context():
            start.wait(10)
            with transaction(actor, at=LATER) as tx:
                recall_verbs.recall(tx, actor, gtin=AMOXICILLIN.gtin, lots=(lot,), reason="particles")

    threads = [threading.Thread(target=enter, args=(actor, lot)) for actor, lot in ((PHARMACIST, "A1"), (work.SECOND, "A2"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with reading() as tx:
        assert set(products.get(tx, AMOXICILLIN.id).recalled_lots) == {"A1", "A2"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"lots": ()}, UnreadableError),
        ({"lots": ("x" * 21,)}, UnreadableError),
        ({"lots": ("Đ1",)}, UnreadableError),
        ({"reason": " "}, UnreadableError),
        ({"gtin": work.UNKNOWN_GTIN}, NotFoundError),
    ],
)
def test_a_recall_that_cannot_be_meant_is_refused_whole(app: Flask, changes: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        recall(**changes)
    with reading() as tx:
        assert recalls.listed(tx) == ()
        assert products.get(tx, AMOXICILLIN.id).recalled_lots == ()


def test_a_lot_is_recalled_once_and_by_a_pharmacist_only(app: Flask) -> None:
    with pytest.raises(NotPermittedError):
        recall(CHARGE)
    recall()
    with pytest.raises(ConflictError):
        recall()
    recall(lots=("A1", "A2"))
    with reading() as tx:
        assert products.get(tx, AMOXICILLIN.id).recalled_lots == ("A1", "A2")


# H3.

UNFIT = {
    "same-person": {},
    "inactive": {"active": False},
    "expired": {"valid_until": NOW - timedelta(minutes=1)},
    "student": {"roles": (StaffRole.STUDENT,)},
    "role": {"roles": (StaffRole.FLEET_MANAGER,)},
    "unlicensed": {"licensed": None},
}


@pytest.mark.parametrize("why", UNFIT)
def test_a_witness_who_may_not_be_one_is_raised_and_stands_in_the_receipt(app: Flask, why: str) -> None:
    with transaction(IMPORT, at=NOW) as tx:
        staff.receive(tx, a_member(Actor(id="W1", name="Witness", roles=frozenset({StaffRole.NURSE})), **UNFIT[why]))
    named = NURSE.id if why == "same-person" else "W1"
    recorded = record(a_record(witness=named))
    notes = [note for note in recorded.discrepancies if note.code == "invalid-witness"]
    assert [(note.facts["witness"], note.facts["why"]) for note in notes] == [(named, why)]
    with reading() as tx:
        assert "invalid-witness" in [one.code for one in discrepancies.of_record(tx, recorded.record_id)]


def test_a_valid_witness_raises_nothing(app: Flask) -> None:
    recorded = record(a_record(witness=OTHER_NURSE.id))
    assert not {note.code for note in recorded.discrepancies} & {"invalid-witness", "unknown-witness"}


_ROLES = st.lists(st.sampled_from(list(StaffRole)), max_size=3, unique=True)
_PEOPLE = st.builds(
    StaffLook,
    id=st.sampled_from(["N1", "n1 ", "W1", "W2"]),
    name=st.just(""),
    licensed=st.sampled_from([True, False, None]),
    active=st.booleans(),
    roles=_ROLES.map(lambda roles: tuple(role.value for role in roles)),
    valid_until=st.sampled_from([None, NOW - timedelta(seconds=1), NOW, NOW + timedelta(hours=1)]),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(people=st.lists(_PEOPLE, max_size=4, unique_by=lambda one: one.id), named=st.sampled_from(["N1", "n1 ", "W1", "W2", "nobody"]))
def test_no_invalid_witness_ever_passes(people: list[StaffLook], named: str) -> None:
    """Whatever the roster says: without a fault the witness is another person, known, active, in time, licensed and no student."""
    if witness.fault(people, nurse="N1", witness=named, at=NOW):
        return
    person = next(one for one in people if one.id == named)
    assert named.strip().casefold() != "n1"
    assert person.active
    assert person.licensed is True
    assert person.valid_until is None or person.valid_until > NOW
    assert StaffRole.STUDENT.value not in person.roles
    assert set(person.roles) & {"nurse", "charge-nurse", "pharmacist", "prescriber", "witness-only"}


def test_moments_stay_aware(app: Flask) -> None:
    made = recall()
    assert made.at.tzinfo is UTC
