"""What was said and done at a bedside, at the server: kept once, its tasks, its pages, its place among a cart's numbers. On both
databases, and over a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from cart_client.inbox import RecordMoved
from pointofcare.administration import skin_reading
from pointofcare.people import SkinResult, SkinTest, StaffRole
from pointofcare.wire import routes
from pointofcare.wire.messages import BedsideNoted
from server.store import audit, bedside_notes, discrepancies, sequences, staff_wards, tasks
from server.store.patients import Ward
from server.store.transaction import Actor, reading, transaction
from server.usecases import bedside_notes as verbs
from server.usecases import patients, staff, task_kinds
from server.usecases import tasks as answers
from tests.integration.test_cart_uplink import Line, line
from tests.integration.test_server_gateway import Ground, ground
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import CHARGE, IMPORT, NOW, NURSE, PHARMACIST, PRESCRIBER, WARD, a_member, open_ward
from tests.support.web import signed_in, ward_app

__all__ = ["ground", "line"]

CART = Actor(id="cart:c1")


def a_note(record_id: str = "n1", **changes: object) -> BedsideNoted:
    plain = BedsideNoted(
        record_id=record_id,
        facility="h1",
        ward=WARD,
        cart="c1",
        kind="drugs-shown",
        patient="P1",
        of=None,
        at=NOW,
        recorded_at=NOW,
        nurse="N1",
        online=True,
        seq=1,
        epoch="e1",
        details={
            "answer": "question",
            "asked_by": "family",
            "asked_of": "pharmacist",
            "words": "Sao hôm nay đổi viên?",
            "about": "Amoxicillin",
        },
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        yield made


def record(note: BedsideNoted, **more: object):  # type: ignore[no-untyped-def]
    with transaction(CART, at=NOW + timedelta(minutes=1)) as tx:
        return verbs.record(tx, note, **more)  # type: ignore[arg-type]


def open_tasks(kind: str) -> tuple[tasks.Task, ...]:
    with reading() as tx:
        return tasks.listed(tx, kinds=(kind,))


def test_a_note_is_kept_once_and_as_it_came(app: Flask) -> None:
    assert [record(a_note()).duplicate, record(a_note()).duplicate] == [False, True]
    with reading() as tx:
        (kept,) = bedside_notes.of_patient(tx, "P1", since=NOW - timedelta(days=1))
        assert (kept.kind, kept.nurse, kept.name, kept.details["words"]) == ("drugs-shown", "N1", "NGUYỄN VĂN 1", "Sao hôm nay đổi viên?")
        assert discrepancies.of_record(tx, "n1") == ()
        assert [entry.action for entry in audit.listed(tx, limit=20)].count("bedside.note") == 1


def test_a_question_becomes_one_task_that_nurse_pharmacist_or_prescriber_answers(app: Flask) -> None:
    record(a_note())
    record(a_note())
    (task,) = open_tasks(task_kinds.PATIENT_QUESTION)
    assert (task.patient, task.detail["reason_text"], task.detail["asked_of"]) == ("P1", "Sao hôm nay đổi viên?", "pharmacist")
    for actor in (NURSE, CHARGE, PHARMACIST, PRESCRIBER):
        assert task_kinds.PATIENT_QUESTION in task_kinds.answered_by(actor.roles)
    with transaction(PHARMACIST, at=NOW + timedelta(minutes=9)) as tx:
        done = answers.answer(tx, PHARMACIST, task.id, revision=task.revision, code="told", words="Cùng hoạt chất, hãng khác.")
    assert done.status == tasks.COMPLETED


def test_agreeing_leaves_nobody_a_task(app: Flask) -> None:
    record(a_note(details={"answer": "agree", "asked_by": "patient"}))
    assert open_tasks(task_kinds.PATIENT_QUESTION) == ()


def test_an_anaphylaxis_asks_at_its_beginning_for_the_allergy_and_the_report(app: Flask) -> None:
    record(a_note("a1", kind="anaphylaxis-began", details={"suspected": "amoxicillin"}))
    record(a_note("a2", kind="anaphylaxis-step", of="a1", at=NOW + timedelta(minutes=1), details={"step": "oxygen"}, seq=2))
    (task,) = open_tasks(task_kinds.SEVERE_REACTION)
    assert (task.patient, task.record_id, task.due_by) == ("P1", "a1", NOW + timedelta(hours=24))
    with reading() as tx:
        assert [note.record_id for note in bedside_notes.together(tx, "a1")] == ["a1", "a2"]


@pytest.mark.parametrize(("result", "count"), [("positive", 1), ("doubtful", 1), ("negative", 0), ("rubbish", 0)])
def test_a_skin_test_that_is_not_negative_asks_for_another_drug_and_the_allergy(app: Flask, result: str, count: int) -> None:
    told = skin_reading.details(SkinTest(drug="ceftriaxone", at=NOW, read_at=NOW, read_by="N1", result=SkinResult.POSITIVE)) | {
        "result": result
    }
    record(a_note("s1", kind="skin-test", details=told))
    found = open_tasks(task_kinds.SKIN_POSITIVE)
    assert [(task.detail["drug"], task.detail["result"]) for task in found] == [("ceftriaxone", result)] * count


def test_the_pharmacist_sees_which_drug_the_skin_test_was_for_and_how_it_came_out(tmp_path: Path) -> None:
    told = skin_reading.details(SkinTest(drug="ceftriaxone", at=NOW, read_at=NOW, read_by="N1", result=SkinResult.DOUBTFUL))
    with ward_app(tmp_path) as app:
        with app.app_context():
            record(a_note("s1", kind="skin-test", details=told))
        page = signed_in(app, PHARMACIST).get("/work/").text
    assert "Skin test not negative" in page
    assert "ceftriaxone" in page
    assert "doubtful" in page


def test_the_same_id_with_another_story_is_told_to_a_person_and_changes_nothing(app: Flask) -> None:
    record(a_note())
    assert record(a_note(nurse="N9")).duplicate
    with reading() as tx:
        assert [one.code for one in discrepancies.of_record(tx, "n1")] == ["other-story"]
        assert bedside_notes.of_patient(tx, "P1", since=NOW - timedelta(days=1))[0].nurse == "N1"


@pytest.mark.parametrize(
    "strange",
    [
        {"kind": "something-new", "details": {}},
        {"patient": "P99"},
        {"patient": None, "kind": "handover", "details": {"open": "not a list", "words": 7}},
        {"details": {"answer": "question", "words": ["a"], "asked_by": {"x": 1}, "asked_of": 3, "order": 5}},
        {"nurse": "N\x001", "details": {"answer": "question", "words": "nul\x00here", "deep\x00": [{"a\x00": "b\x00"}]}},
        {"kind": "anaphylaxis-began", "details": {"suspected": None}},
    ],
)
def test_a_note_that_is_strange_is_kept_all_the_same(app: Flask, strange: dict[str, object]) -> None:
    assert not record(a_note(**strange), sender="c1").duplicate
    assert record(a_note(**strange), sender="c1").duplicate
    with reading() as tx:
        assert "other-story" not in {one.code for one in discrepancies.of_record(tx, "n1")}


def test_a_note_of_an_unknown_patient_or_another_cart_is_shown_to_a_person(app: Flask) -> None:
    found = record(a_note(patient="P99"), sender="c7")
    assert {note.code for note in found.discrepancies} == {"unknown-patient", "foreign-cart"}


def test_a_note_is_one_of_the_carts_numbers_so_that_no_gap_is_seen_where_none_is(app: Flask) -> None:
    record(a_note("n1", seq=1))
    record(a_note("n2", seq=3))
    with reading() as tx:
        assert sequences.received(tx, "c1", "e1", above=0) == (1, 3)


def test_a_note_gets_its_receipt_over_the_broker_again_and_again(ground: Ground) -> None:
    with ground.gateway() as gateway:
        told = a_note(at=datetime.now(UTC), recorded_at=datetime.now(UTC))
        for duplicate in (False, True):
            ground.send(routes.NOTE, told)
            assert ground.receipt("n1").duplicate is duplicate
        ground.send(routes.NOTE, a_note("n2", facility="elsewhere"))
        ground.send(routes.NOTE, a_note("n3", of="x" * 300))
        ground.send(routes.NOTE, a_note("n4", seq=2))
        ground.receipt("n4")
        assert gateway.state.rejected == 2


def test_a_cart_sends_a_note_again_until_its_receipt_in_the_order_of_its_rows(line: Line) -> None:
    for number in (1, 2, 3):
        line.journal.append_note(a_note(f"n{number}", seq=1, epoch=""), message_id=f"m-{number}")
    line.uplink.wake()
    assert [line.came(routes.NOTE).message.body.record_id for _ in range(2)] == ["n1", "n1"]  # type: ignore[union-attr]  # no receipt yet
    for number in (1, 2, 3):
        line.receipt(f"n{number}")
        line.told.expect(RecordMoved)
        if number < 3:
            follows = line.came(routes.NOTE, lambda body, before=f"n{number}": body.record_id > before).message.body  # type: ignore[misc]
            assert (follows.record_id, follows.seq) == (f"n{number + 1}", number + 1)  # type: ignore[union-attr]
    assert line.journal.unsent_count() == 0


def test_the_pages_show_notes_to_the_ward_and_to_no_other(tmp_path: Path) -> None:
    with ward_app(tmp_path) as app:
        now = datetime.now(UTC)
        notes = (
            a_note("q1", at=now - timedelta(minutes=9)),
            a_note("h1", kind="handover", patient=None, at=now - timedelta(minutes=8), details={
                "words": "Giường 12 theo dõi mạch", "open": [{"patient": "P1"}]}),
            a_note("a1", kind="anaphylaxis-began", at=now - timedelta(minutes=7), details={"suspected": "<b>amoxicillin</b>"}),
            a_note("a2", kind="anaphylaxis-step", of="a1", at=now - timedelta(minutes=6), details={"step": "oxygen"}),
            a_note("a3", kind="anaphylaxis-ended", of="a1", at=now, details={"outcome": "recovered", "minutes": 7, "lines": [
                {"at": now.isoformat(), "product": "ADRE1", "dose": "0.5 mL"}, {"at": "x", "values": {"systolic": "80 mm[Hg]"}}, 7]}),
            a_note("s1", kind="handover", patient=None, at=now, details={"open": "not a list", "coming": {}, "words": ["x"]}),
        )  # fmt: skip
        with app.app_context():
            for note in notes:
                with transaction(CART) as tx:
                    verbs.record(tx, note)
        browser = signed_in(app, CHARGE)
        listed = browser.get(f"/bedside/?ward={WARD}").get_data(as_text=True)
        assert "Sao hôm nay đổi viên?" in listed
        assert "Giường 12 theo dõi mạch" in listed
        assert "&lt;b&gt;amoxicillin" in listed
        one = browser.get("/bedside/notes/a1").get_data(as_text=True)
        assert "0.5 mL" in one.replace("0,5", "0.5")
        assert browser.get("/bedside/patients/P1").status_code == 200
        work = browser.get("/work/").get_data(as_text=True)
        assert "Sao hôm nay đổi viên?" in work
        elsewhere = Actor(id="N-ELSEWHERE", name="Elsewhere", roles=frozenset({StaffRole.NURSE}))
        with app.app_context(), transaction(IMPORT) as tx:
            patients.open_ward(tx, Ward(id="OTHER", name="Other", timezone="Asia/Ho_Chi_Minh"))
            staff.receive(tx, a_member(elsewhere))
            staff_wards.add(tx, staff=elsewhere.id, ward="OTHER", kind=staff_wards.HOME)
        stranger = signed_in(app, elsewhere)
        for address in ("/bedside/notes/a1", "/bedside/notes/h1", "/bedside/patients/P1"):
            assert stranger.get(address).status_code == 403, address
        assert "Sao hôm nay" not in stranger.get(f"/bedside/?ward={WARD}").get_data(as_text=True)
