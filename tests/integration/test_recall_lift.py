"""A recall is lifted by two people, and only what nothing else stops may pass again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError
from server.store import formulary, products, recalls, tasks
from server.store.tables import AuditRow
from server.store.tasks import Task
from server.store.transaction import Actor, reading, transaction
from server.usecases import pharmacy, task_kinds
from server.usecases import recalls as verbs
from server.usecases import tasks as task_verbs
from server.usecases.permission import TextMissingError
from tests.support import server_ward, web, work
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import AMOXICILLIN, CHARGE, IMPORT, NOW, NURSE, PHARMACIST
from tests.support.work import SECOND

LATER = NOW + timedelta(minutes=20)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as found:
        server_ward.open_ward(patient_count=2)
        work.open_work()
        yield found


def recalled(*lots: str, minutes: int = 0) -> int:
    with transaction(PHARMACIST, at=LATER + timedelta(minutes=minutes)) as tx:
        return verbs.recall(tx, PHARMACIST, gtin=AMOXICILLIN.gtin, lots=lots, reason="particles").id


def asked(recall: int, who: Actor = PHARMACIST, *, reason: str = "entered by mistake", minutes: int = 30) -> Task:
    with transaction(who, at=LATER + timedelta(minutes=minutes)) as tx:
        return verbs.ask_to_lift(tx, who, recall, reason=reason)


def answered(task: Task, who: Actor = SECOND, code: str = "lift-recall", words: str = "", *, minutes: int = 40) -> Task:
    with transaction(who, at=LATER + timedelta(minutes=minutes)) as tx:
        return task_verbs.answer(tx, who, task.id, revision=task.revision, code=code, words=words)


def stopped() -> tuple[str, ...]:
    with reading() as tx:
        return products.get(tx, AMOXICILLIN.id).recalled_lots


def test_a_recall_is_lifted_by_two_people_and_then_the_lot_passes_again(app: Flask) -> None:
    recall = recalled("A1", "A2")
    task = asked(recall)
    assert stopped() == ("A1", "A2")  # asking lifts nothing
    with pytest.raises(NotPermittedError):
        answered(task, PHARMACIST)
    assert stopped() == ("A1", "A2")
    answered(task)
    assert stopped() == ()
    with reading() as tx:
        assert [one.status for one in tasks.listed(tx, kinds=(task_kinds.QUARANTINE,), is_open=False)] == ["cancelled"]
        assert formulary.versions(tx, AMOXICILLIN.id)[0].action == "lifted"
        did = tx.session.scalars(select(AuditRow.action).where(AuditRow.action.like("recall.%")).order_by(AuditRow.id)).all()
    assert did == ["recall.enter", "recall.ask-to-lift", "recall.lift"]


def test_only_what_no_other_recall_and_no_file_stops_passes_again(app: Flask) -> None:
    with transaction(IMPORT, at=NOW + timedelta(minutes=1)) as tx:
        pharmacy.receive_product(tx, replace(AMOXICILLIN, recalled_lots=("FILE",)))
    first = recalled("FILE", "A1", "A2")
    second = recalled("A2", "A3", minutes=5)
    answered(asked(first))
    assert set(stopped()) == {"FILE", "A2", "A3"}
    answered(asked(second, minutes=50), minutes=55)
    assert stopped() == ("FILE",)


def test_a_file_without_the_lot_keeps_a_recall_and_brings_no_lifted_one_back(app: Flask) -> None:
    kept, lifted = recalled("A1"), recalled("A2", minutes=5)
    answered(asked(lifted))
    with transaction(IMPORT, at=LATER + timedelta(hours=2)) as tx:
        pharmacy.receive_product(tx, AMOXICILLIN)
    assert stopped() == ("A1",)
    with reading() as tx:
        assert recalls.get(tx, kept) is not None


def test_a_recall_that_somebody_keeps_holds_and_may_be_asked_about_again(app: Flask) -> None:
    recall = recalled("A1")
    answered(asked(recall), CHARGE, "keep-recall", "the notice says nothing of it")
    assert stopped() == ("A1",)
    again = asked(recall, SECOND, minutes=60)
    with pytest.raises(NotPermittedError):
        answered(again, SECOND, minutes=61)  # who asked this time
    answered(again, PHARMACIST, minutes=62)
    assert stopped() == ()


def test_asking_twice_without_words_or_without_the_role_changes_nothing(app: Flask) -> None:
    recall = recalled("A1")
    with pytest.raises(NotPermittedError):
        asked(recall, NURSE)
    with pytest.raises(TextMissingError):
        asked(recall, reason="  ")
    with pytest.raises(NotFoundError):
        asked(recall + 7)
    task = asked(recall)
    with pytest.raises(ConflictError):
        asked(recall, SECOND)
    answered(task)
    with pytest.raises(ConflictError):
        asked(recall, minutes=70)
    with pytest.raises(ConflictError):
        answered(task, CHARGE)
    # The same lot again is a new recall.
    recalled("A1", minutes=80)
    assert stopped() == ("A1",)


def test_lifting_on_the_pages_wants_a_tick_a_reason_and_another_person(tmp_path: Path) -> None:
    with web.ward_app(tmp_path) as pages:
        with pages.app_context():
            work.open_work()
            recall = recalled("A1")
        client = web.signed_in(pages, PHARMACIST)
        here = f"/recalls/{recall}"
        assert "The recall still holds" in web.post(client, f"{here}/lift", here, reason="entered by mistake").text
        web.post(client, f"{here}/lift", here, reason="entered by mistake", sure="yes")
        shown = client.get(here).text
        assert "a second person has to answer" in shown
        assert "lift-reason" not in shown
        assert "waits for a second person" in client.get("/recalls/").text
        with pages.app_context(), reading() as tx:
            (task,) = tasks.listed(tx, kinds=(task_kinds.RECALL_LIFT,))
        assert 'value="lift-recall"' not in client.get("/work/?kind=recall-lift").text
        charge = web.signed_in(pages, CHARGE)
        assert 'value="lift-recall"' in charge.get("/work/?kind=recall-lift").text
        web.post(charge, f"/work/{task.id}", "/work/?kind=recall-lift", answer="lift-recall", revision=str(task.revision), text="")
        assert "agreed by" in client.get(here).text
        with pages.app_context():
            assert stopped() == ()
        refused = charge.post(f"{here}/lift", data={"csrf_token": web.token_of(charge.get(here).text), "reason": "x", "sure": "yes"})
        assert refused.status_code == 403
