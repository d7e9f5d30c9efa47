"""What a record, an attempt or a count leaves for people to do, and what becomes of it. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

from pointofcare.administration.record import FindingEvidence
from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, UnreadableError
from pointofcare.orders.order import OrderStatus
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import TableKind
from server.store import audit, discrepancies, orders, products, stock, tasks, versions
from server.store.database import db
from server.store.tasks import Task
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import dose_requests, task_kinds
from server.usecases import tasks as verbs
from tests.support import work
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import AMOXICILLIN, CHARGE, DUE, NOW, NURSE, PHARMACIST, PRESCRIBER, WARD, a_record, open_ward
from tests.support.work import SECOND, closed_tasks, open_tasks, record

LATER = NOW + timedelta(minutes=12)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        work.open_work()
        yield made


def answer(actor: Actor, task: Task, code: str, words: str = "", **more: object) -> Task:
    with transaction(actor, at=LATER) as tx:
        return verbs.answer(tx, actor, task.id, revision=task.revision, code=code, words=words, **more)  # type: ignore[arg-type]


def only(kind: str) -> Task:
    found = open_tasks(kind)
    assert len(found) == 1, found
    return found[0]


# Missing doses (S5).


def test_a_dose_that_is_not_there_asks_the_pharmacy_in_the_same_commit_and_with_a_clock(app: Flask) -> None:
    made = work.unavailable()
    record(made)
    task = only(task_kinds.DOSE_REQUEST)
    assert (task.patient, task.order, task.due, task.record_id, task.status) == ("P1", "O1", DUE, made.record_id, "requested")
    assert task.due_by == task.raised_at + timedelta(minutes=30)
    assert not task.is_late(task.raised_at + timedelta(minutes=29))
    assert task.is_late(task.raised_at + timedelta(minutes=30))


def test_the_same_record_twice_raises_one_task(app: Flask) -> None:
    made = work.unavailable()
    record(made)
    assert record(made).duplicate
    task = only(task_kinds.DOSE_REQUEST)
    assert task.repeats == 0
    with reading() as tx:
        assert [step.step for step in tasks.steps(tx, [task.id])[task.id]] == ["raised"]


def test_asked_for_twice_by_two_records_is_one_task_that_says_so(app: Flask) -> None:
    record(work.unavailable())
    record(work.unavailable())
    task = only(task_kinds.DOSE_REQUEST)
    assert task.repeats == 1
    with reading() as tx:
        assert [step.step for step in tasks.steps(tx, [task.id])[task.id]] == ["raised", "repeated"]


def test_the_pharmacys_answer_reaches_the_carts_with_a_new_chart(app: Flask) -> None:
    made = work.unavailable()
    record(made)
    with reading() as tx:
        before = versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART]
    accepted = answer(PHARMACIST, only(task_kinds.DOSE_REQUEST), "accept", "on its way up")
    assert accepted.status == "accepted"
    with reading(at=LATER) as tx:
        asked = dose_requests.of_ward(tx, WARD)
        assert versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART] == before + 1
    assert [(one.record_id, one.order, one.due, one.status, one.answer) for one in asked] == [
        (made.record_id, "O1", DUE, "accepted", "on its way up")
    ]
    answer(SECOND, accepted, "send")
    with reading(at=LATER) as tx:
        assert [one.status for one in dose_requests.of_ward(tx, WARD)] == ["completed"]
    with reading(at=LATER + timedelta(hours=25)) as tx:
        assert dose_requests.of_ward(tx, WARD) == ()


def test_a_refused_dose_needs_words_and_asked_again_it_is_open_again(app: Flask) -> None:
    record(work.unavailable())
    task = only(task_kinds.DOSE_REQUEST)
    with pytest.raises(UnreadableError):
        answer(PHARMACIST, task, "refuse", "  ")
    assert answer(PHARMACIST, task, "refuse", "out of stock, ask for ampicillin").status == "rejected"
    record(work.unavailable())
    again = only(task_kinds.DOSE_REQUEST)
    assert again.id == task.id
    assert (again.answer, again.answered_by) == (None, None)
    with reading() as tx:
        assert [step.step for step in tasks.steps(tx, [task.id])[task.id]] == ["raised", "refuse", "reopened"]


def test_a_dose_that_was_given_after_all_settles_its_request(app: Flask) -> None:
    record(work.unavailable())
    record(a_record())
    assert open_tasks(task_kinds.DOSE_REQUEST) == ()
    assert [task.answer_code for task in closed_tasks(task_kinds.DOSE_REQUEST)] == ["given"]


def test_a_withdrawn_record_withdraws_what_it_asked_for(app: Flask) -> None:
    made = work.unavailable()
    record(made)
    record(replace(made, record_id="undo-1", action="undo", status="entered-in-error", amends=made.record_id))
    assert open_tasks(task_kinds.DOSE_REQUEST) == ()
    assert [task.status for task in closed_tasks(task_kinds.DOSE_REQUEST)] == ["cancelled"]


def test_an_undo_that_comes_before_its_record_leaves_no_task(app: Flask) -> None:
    made = work.unavailable()
    record(replace(made, record_id="undo-1", action="undo", status="entered-in-error", amends=made.record_id))
    record(made)
    assert open_tasks(task_kinds.DOSE_REQUEST) == ()


def test_an_ordinary_dose_raises_nothing(app: Flask) -> None:
    record(a_record())
    with reading() as tx:
        assert tasks.listed(tx, kinds=tuple(task_kinds.KINDS)) == ()


# Who answers, and who is first.


@pytest.mark.parametrize("actor", [NURSE, CHARGE, PRESCRIBER])
def test_only_a_pharmacist_answers_for_the_pharmacy(app: Flask, actor: Actor) -> None:
    record(work.unavailable())
    with pytest.raises(NotPermittedError):
        answer(actor, only(task_kinds.DOSE_REQUEST), "send")
    assert only(task_kinds.DOSE_REQUEST).status == "requested"


def test_of_two_pharmacists_at_once_one_wins_and_the_other_sees_why(app: Flask) -> None:
    record(work.unavailable())
    task = only(task_kinds.DOSE_REQUEST)
    start = threading.Barrier(2)
    outcomes: dict[str, object] = {}

    def act(actor: Actor, code: str, words: str) -> None:
        with app.app_context():
            start.wait(10)
            try:
                outcomes[actor.id] = answer(actor, task, code, words).status
            except ConflictError as exc:
                outcomes[actor.id] = exc

    threads = [
        threading.Thread(target=act, args=(PHARMACIST, "send", "left at 08:20")),
        threading.Thread(target=act, args=(SECOND, "refuse", "out of stock")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    lost = [outcome for outcome in outcomes.values() if isinstance(outcome, ConflictError)]
    assert len(lost) == 1, outcomes
    winner = next(actor for actor, outcome in outcomes.items() if isinstance(outcome, str))
    assert winner in lost[0].message
    assert ("left at 08:20" if winner == PHARMACIST.id else "out of stock") in lost[0].message
    with reading() as tx:
        assert [step.step for step in tasks.steps(tx, [task.id])[task.id]] == ["raised", "send" if winner == PHARMACIST.id else "refuse"]


def test_an_answer_to_an_older_page_changes_nothing(app: Flask) -> None:
    record(work.unavailable())
    seen = only(task_kinds.DOSE_REQUEST)
    record(work.unavailable())  # it came again while the page was open
    with pytest.raises(ConflictError, match="changed meanwhile"):
        answer(PHARMACIST, seen, "refuse", "no")
    assert only(task_kinds.DOSE_REQUEST).status == "requested"


def test_an_answer_is_in_the_audit(app: Flask) -> None:
    record(work.unavailable())
    task = answer(PHARMACIST, only(task_kinds.DOSE_REQUEST), "send", "left")
    with reading() as tx:
        assert [line.action for line in audit.listed(tx, subject=f"task/{task.id}")] == ["task.send"]


def test_a_code_that_is_no_answer_is_refused(app: Flask) -> None:
    record(work.unavailable())
    with pytest.raises(UnreadableError):
        answer(PHARMACIST, only(task_kinds.DOSE_REQUEST), "acknowledge")


# Unknown barcodes (G5).


def test_an_unknown_barcode_is_one_task_however_often_it_is_scanned(app: Flask) -> None:
    made = work.stopped_by()
    work.attempt(made)
    work.attempt(made)
    work.attempt(work.stopped_by())
    task = only(task_kinds.UNKNOWN_BARCODE)
    assert (task.key, task.repeats) == (work.UNKNOWN_GTIN, 1)


def test_a_linked_barcode_is_in_the_formulary_of_every_ward_and_keeps_no_recall(app: Flask) -> None:
    work.attempt(work.stopped_by())
    with reading() as tx:
        before = versions.of_ward(tx, WARD)[TableKind.FORMULARY]
    answer(PHARMACIST, only(task_kinds.UNKNOWN_BARCODE), "link", product=AMOXICILLIN.id)
    with reading() as tx:
        linked = products.get(tx, products.known(tx, gtins=[work.UNKNOWN_GTIN])[work.UNKNOWN_GTIN])
        assert versions.of_ward(tx, WARD)[TableKind.FORMULARY] == before + 1
    assert replace(linked, id=AMOXICILLIN.id, gtin=AMOXICILLIN.gtin) == AMOXICILLIN
    work.attempt(work.stopped_by())  # a cart that was away has the older formulary
    assert open_tasks(task_kinds.UNKNOWN_BARCODE) == ()


def test_a_barcode_is_not_linked_to_nothing_and_the_task_stays(app: Flask) -> None:
    work.attempt(work.stopped_by())
    task = only(task_kinds.UNKNOWN_BARCODE)
    for product in ("", "NOPE"):
        with pytest.raises(NotFoundError):
            answer(PHARMACIST, task, "link", product=product)
    assert only(task_kinds.UNKNOWN_BARCODE).revision == task.revision


def test_a_text_that_is_no_gtin_cannot_be_linked_but_can_be_said_to_be_not_ours(app: Flask) -> None:
    work.attempt(work.stopped_by("https://example.org/milk"))
    task = only(task_kinds.UNKNOWN_BARCODE)
    with pytest.raises(UnreadableError):
        answer(PHARMACIST, task, "link", product=AMOXICILLIN.id)
    assert answer(PHARMACIST, task, "not-ours", "a milk carton").status == "rejected"
    work.attempt(work.stopped_by("https://example.org/milk"))
    assert open_tasks(task_kinds.UNKNOWN_BARCODE) == ()  # its answer still holds
    assert closed_tasks(task_kinds.UNKNOWN_BARCODE)[0].repeats == 1


def test_a_stop_for_another_reason_is_no_unknown_barcode(app: Flask) -> None:
    made = work.stopped_by()
    work.attempt(replace(made, findings=(replace(made.findings[0], rule="D1"),)))
    work.attempt(replace(made, record_id="x", findings=(replace(made.findings[0], facts={"cause": "unreadable", "barcode": "zz"}),)))
    assert open_tasks(task_kinds.UNKNOWN_BARCODE) == ()


# Late doses (T4).


def test_a_late_dose_that_leaves_too_little_time_is_proposed_for_re_timing(app: Flask) -> None:
    given_at = DUE + timedelta(hours=7)
    late = FindingEvidence(
        rule="T4", level="WARN", satisfied=True, unknown=False, facts={"next": "20:00", "minutes": 300}, remedy="re-time", params={}
    )
    record(a_record(effective_at=given_at, recorded_at=given_at, findings=(late,)), at=given_at)
    task = only(task_kinds.RE_TIMING)
    assert task.detail["next"] == (DUE + timedelta(hours=12)).isoformat()
    assert task.detail["proposed"] == (given_at + timedelta(hours=12)).isoformat()
    with pytest.raises(NotPermittedError):
        answer(NURSE, task, "propose", "22:00")
    proposed = answer(PHARMACIST, task, "propose", "next dose at 22:00")
    assert (proposed.status, proposed.owner) == ("accepted", "prescriber")
    with pytest.raises(NotPermittedError):
        answer(PHARMACIST, proposed, "re-timed")
    assert answer(PRESCRIBER, proposed, "re-timed").status == "completed"


# Emergency drugs (D1).


def test_a_drug_without_an_order_owes_the_prescribers_acknowledgement(app: Flask) -> None:
    made = a_record(order=None, order_version=None, due=None, status_reason="emergency", reason_text="anaphylaxis")
    record(made)
    task = only(task_kinds.ACKNOWLEDGEMENT)
    assert task.due_by == made.effective_at + timedelta(hours=24)
    for actor in (NURSE, CHARGE, PHARMACIST):
        with pytest.raises(NotPermittedError):
            answer(actor, task, "acknowledge")
    answer(PRESCRIBER, task, "acknowledge")
    with reading() as tx:
        found = [view for view in orders.of_patient(tx, "P1") if view.source == "acknowledged"]
    assert len(found) == 1
    assert (found[0].order.status, found[0].order.ingredient, found[0].order.dose) == (
        OrderStatus.COMPLETED,
        "amoxicillin",
        Quantity.parse("500 mg"),
    )
    with reading() as tx:
        assert [view.order.id for view in orders.queue(tx)] == []  # nothing to verify, nothing to give


def test_a_disputed_emergency_drug_is_shown_to_charge_nurse_and_pharmacist(app: Flask) -> None:
    made = a_record(order=None, order_version=None, due=None, status_reason="emergency")
    record(made)
    answer(PRESCRIBER, only(task_kinds.ACKNOWLEDGEMENT), "dispute", "I never said so")
    with reading() as tx:
        assert "disputed-emergency" in [one.code for one in discrepancies.of_record(tx, made.record_id)]


def test_nobody_acknowledges_a_drug_that_they_gave_themselves(app: Flask) -> None:
    record(a_record(order=None, order_version=None, due=None, nurse=PRESCRIBER.id))
    with pytest.raises(NotPermittedError):
        answer(PRESCRIBER, only(task_kinds.ACKNOWLEDGEMENT), "acknowledge")


# Controlled drugs (C1, C3).


def test_an_ampoule_that_is_given_and_wasted_to_the_unit_raises_nothing(app: Flask) -> None:
    record(work.morphine())
    assert open_tasks(task_kinds.CONTROLLED_BALANCE) == ()


def test_what_is_not_accounted_for_is_a_task_with_its_amount_and_its_time(app: Flask) -> None:
    made = work.morphine(waste=Quantity.parse("1 mg"))
    record(made)
    task = only(task_kinds.CONTROLLED_BALANCE)
    assert task.detail["missing"] == "3 mg"
    assert task.due_by == made.effective_at + timedelta(minutes=60)


def test_waste_charted_in_time_settles_it_and_a_part_leaves_the_rest(app: Flask) -> None:
    made = work.morphine(waste=None)
    record(made)
    waste = replace(made, record_id="w1", action="waste", dose=None, waste=Quantity.parse("1 mg"), continues=made.record_id, scans=())
    record(waste)
    assert only(task_kinds.CONTROLLED_BALANCE).detail["missing"] == "3 mg"
    record(replace(waste, record_id="w2", waste=Quantity.parse("3 mg")))
    assert open_tasks(task_kinds.CONTROLLED_BALANCE) == ()
    assert [task.answer_code for task in closed_tasks(task_kinds.CONTROLLED_BALANCE)] == ["settled"]


def test_a_controlled_dose_whose_amount_nobody_said_is_a_task_never_a_pass(app: Flask) -> None:
    record(work.morphine(dose=None, waste=None))
    assert only(task_kinds.CONTROLLED_BALANCE).detail["cause"] == "unknown"


def test_the_nurse_who_gave_it_does_not_explain_it_away(app: Flask) -> None:
    record(work.morphine(waste=None, nurse=CHARGE.id))
    task = only(task_kinds.CONTROLLED_BALANCE)
    with pytest.raises(NotPermittedError):
        answer(CHARGE, task, "explain", "it is fine")
    assert answer(PHARMACIST, task, "explain", "ampoule broke, seen by two").status == "completed"


def test_a_count_that_agrees_raises_nothing_and_one_that_differs_says_by_how_much(app: Flask) -> None:
    work.fill(10)
    work.count(1, 10, at=NOW - timedelta(hours=1))
    assert open_tasks(task_kinds.CONTROLLED_COUNT) == ()
    record(work.morphine())
    work.count(2, 9, at=NOW + timedelta(minutes=1))
    assert open_tasks(task_kinds.CONTROLLED_COUNT) == ()
    work.count(3, 7, at=NOW + timedelta(minutes=2))
    task = only(task_kinds.CONTROLLED_COUNT)
    assert (task.detail["expected"], task.detail["counted"], task.ward) == ("9", "7", WARD)


def test_the_count_before_a_dose_is_without_what_that_dose_takes(app: Flask) -> None:
    work.fill(10)
    made = work.morphine()
    record(made)  # the record came before the count, which was made as the drawer opened for it
    work.count(1, 10, at=NOW, record_id=made.record_id)
    assert open_tasks(task_kinds.CONTROLLED_COUNT) == ()


def test_a_count_comes_twice_and_is_one(app: Flask) -> None:
    work.fill(10)
    work.count(1, 8)
    work.count(1, 8)
    assert only(task_kinds.CONTROLLED_COUNT).repeats == 0


def test_a_record_that_comes_late_settles_a_difference_or_shows_one(app: Flask) -> None:
    work.fill(10)
    work.count(1, 9, at=NOW + timedelta(minutes=1))
    assert only(task_kinds.CONTROLLED_COUNT).detail["expected"] == "10"
    made = work.morphine()
    record(made)  # from a cart that was offline
    assert open_tasks(task_kinds.CONTROLLED_COUNT) == ()
    record(replace(made, record_id="undo-1", action="undo", status="entered-in-error", amends=made.record_id))
    assert only(task_kinds.CONTROLLED_COUNT).detail["expected"] == "10"


def test_an_explained_count_is_the_stock_from_then_on(app: Flask) -> None:
    work.fill(10)
    work.count(1, 8)
    answer(CHARGE, only(task_kinds.CONTROLLED_COUNT), "explain", "two broken, protocol 7")
    work.count(2, 8, at=NOW + timedelta(minutes=1))
    assert open_tasks(task_kinds.CONTROLLED_COUNT) == ()
    with reading() as tx:
        assert [(move.kind, str(move.units)) for move in stock.moves(tx, cart="c1", product=work.MORPHINE.id)] == [
            ("fill", "10"),
            ("counted", "8"),
            ("adjusted", "-2"),
            ("counted", "8"),
        ]


def test_a_count_of_a_drawer_that_nobody_filled_is_shown_never_taken_for_right(app: Flask) -> None:
    work.count(1, 0)
    assert only(task_kinds.CONTROLLED_COUNT).detail["cause"] == "never-filled"


@pytest.mark.parametrize("counted", [None, "many", True, -1, "NaN", 1e9])
def test_a_count_that_cannot_be_read_is_shown(app: Flask, counted: object) -> None:
    work.fill(10)
    work.count(1, counted)
    assert only(task_kinds.CONTROLLED_COUNT).detail["cause"] == "unreadable"


def test_a_count_that_was_refused_is_looked_at_and_comes_once(app: Flask) -> None:
    work.fill(10)
    for _ in range(2):
        work.count(1, None, kind="controlled-count-refused", reason="emergency")
    task = only(task_kinds.CONTROLLED_COUNT)
    assert (task.detail["cause"], task.detail["reason"], task.repeats) == ("refused", "emergency", 0)
    assert answer(CHARGE, task, "explain", "resuscitation in bed 4").status == "completed"
    with reading() as tx:  # nobody counted, so nothing was adjusted
        assert [move.kind for move in stock.moves(tx, cart="c1", product=work.MORPHINE.id)] == ["fill"]


def test_a_count_that_comes_weeks_late_is_compared_all_the_same(app: Flask) -> None:
    work.fill(10, at=NOW - timedelta(days=40))
    work.count(1, 8, at=NOW - timedelta(days=30))
    assert only(task_kinds.CONTROLLED_COUNT).detail["expected"] == "10"


def test_a_controlled_dose_costs_the_same_after_one_count_and_after_twenty(app: Flask) -> None:
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
    work.fill(100)
    numbers = []
    for first, last in ((1, 2), (2, 21)):
        for seq in range(first, last):
            work.count(seq, 100, at=NOW - timedelta(minutes=100 - seq))
        seen.clear()
        record(work.morphine(effective_at=NOW + timedelta(minutes=first)))
        numbers.append(len(seen))
    assert numbers[0] == numbers[1]


def test_another_event_of_a_cart_raises_nothing(app: Flask) -> None:
    work.count(1, 3, kind="drawer-opened")
    assert open_tasks(task_kinds.CONTROLLED_COUNT) == ()


# What holds for all of them.


def test_tasks_survive_a_restart(app: Flask) -> None:
    record(work.unavailable())
    db.engine.dispose()
    assert only(task_kinds.DOSE_REQUEST).status == "requested"


def test_a_failure_in_the_middle_leaves_neither_record_nor_task(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("power lost")

    monkeypatch.setattr(Transaction, "audit", broken)
    with pytest.raises(RuntimeError):
        record(work.unavailable())
    monkeypatch.undo()
    assert open_tasks(task_kinds.DOSE_REQUEST) == ()


def test_tasks_of_another_hospital_are_not_seen(app: Flask) -> None:
    record(work.unavailable())
    task = only(task_kinds.DOSE_REQUEST)
    from server.store.database import FACILITY

    app.config[FACILITY] = "h2"
    assert open_tasks(task_kinds.DOSE_REQUEST) == ()
    with pytest.raises(NotFoundError):
        answer(PHARMACIST, task, "send")


def test_the_list_costs_the_same_for_one_task_and_for_forty(app: Flask) -> None:
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
    numbers = []
    for times in (1, 39):
        for _ in range(times):
            work.attempt(work.stopped_by(f"code-{len(numbers)}-{_}"))
        seen.clear()
        with reading(at=NOW) as tx:
            found = tasks.listed(tx, kinds=tuple(task_kinds.KINDS))
            tasks.steps(tx, [task.id for task in found])
            tasks.counts(tx, tuple(task_kinds.KINDS))
        numbers.append(len([one for one in seen if not one.startswith("BEGIN")]))
    assert numbers[0] == numbers[1] == 3


def test_moments_of_a_task_are_aware(app: Flask) -> None:
    record(work.unavailable())
    assert only(task_kinds.DOSE_REQUEST).raised_at.tzinfo is UTC
