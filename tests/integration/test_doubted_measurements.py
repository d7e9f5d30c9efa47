"""A measurement that was doubted waits for a person, who accepts it into the chart or withdraws it, once, with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, UnreadableError
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import ObservationRecorded, TableKind
from server.store import discrepancies, observations, outbox, versions
from server.store.tables import AuditRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import doubted
from server.usecases import observations as verbs
from tests.support import web
from tests.support.server_ward import CHARGE, NOW, NURSE, PHARMACIST, PRESCRIBER, WARD

GATEWAY = Actor(id="gateway")
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as found:
        yield found


def doubt(value: str = "400 /min", *, code: str = "heart-rate", at: datetime = NOW, nurse: str = NURSE.id, patient: str = "P1") -> int:
    measured = ObservationRecorded(
        record_id=str(uuid4()), facility="h1", ward=WARD, cart="c1", patient=patient, code=code, value=Quantity.parse(value), at=at,
        nurse=nurse, epoch="e1", seq=1,
    )  # fmt: skip
    with transaction(GATEWAY, at=NOW) as tx:
        verbs.record(tx, measured)
        return discrepancies.of_record(tx, measured.record_id)[0].id


def charted() -> list[tuple[str, str, datetime]]:
    with reading() as tx:
        return [(one.code, str(one.value), one.at) for one in observations.of_patient(tx, "P1", since=NOW - timedelta(days=90))]


def chart_version() -> int:
    with reading() as tx:
        return versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART]


def acts(app: Flask) -> list[str]:
    with reading() as tx:
        return list(tx.session.scalars(select(AuditRow.action).where(AuditRow.action.like("observation.%")).order_by(AuditRow.id)))


def test_a_doubted_value_that_is_true_goes_into_the_chart_and_to_the_emr_with_its_own_moment(app: Flask) -> None:
    with app.app_context():
        waiting = doubt()
        before = chart_version()
        assert charted() == []
        with transaction(CHARGE, at=LATER) as tx:
            decided = doubted.accept(tx, CHARGE, waiting, reason="measured twice, ECG agrees")
        assert (decided.state, decided.detail["answer"]) == ("resolved", "accepted")
        assert charted() == [("heart-rate", "400 /min", NOW)]
        assert chart_version() > before
        with reading() as tx:
            assert outbox.counts(tx).pending == 1
        assert acts(app)[-1] == "observation.accept"


def test_a_withdrawn_value_stays_out_of_the_chart_and_is_audited(app: Flask) -> None:
    with app.app_context():
        waiting = doubt()
        before = chart_version()
        with transaction(CHARGE, at=LATER) as tx:
            assert doubted.withdraw(tx, CHARGE, waiting, reason="a finger slipped").detail["answer"] == "withdrawn"
        assert charted() == []
        assert chart_version() > before
        with reading() as tx:
            assert outbox.counts(tx).pending == 0
        assert acts(app)[-1] == "observation.withdraw"


def test_it_is_decided_once_whoever_comes_second(app: Flask) -> None:
    with app.app_context():
        waiting = doubt()
        with transaction(CHARGE, at=LATER) as tx:
            doubted.withdraw(tx, CHARGE, waiting, reason="wrong")
        for verb in (doubted.accept, doubted.withdraw):
            with pytest.raises(ConflictError), transaction(PHARMACIST, at=LATER) as tx:
                verb(tx, PHARMACIST, waiting, reason="right")
        assert charted() == []


def test_nobody_accepts_what_they_measured_nor_without_the_role_or_a_reason(app: Flask) -> None:
    with app.app_context():
        mine, other = doubt(nurse=CHARGE.id), doubt()
        with pytest.raises(NotPermittedError), transaction(CHARGE, at=LATER) as tx:
            doubted.accept(tx, CHARGE, mine, reason="I saw it")
        for who in (NURSE, PRESCRIBER):
            with pytest.raises(NotPermittedError), transaction(who, at=LATER) as tx:
                doubted.accept(tx, who, other, reason="looks right")
        with pytest.raises(UnreadableError), transaction(PHARMACIST, at=LATER) as tx:
            doubted.accept(tx, PHARMACIST, other, reason="  ")
        assert charted() == []


@pytest.mark.parametrize(
    ("value", "code", "at"),
    [
        pytest.param("97 %", "spo2", NOW + timedelta(days=2), id="its moment has not come"),
        pytest.param("97 mg", "spo2", NOW, id="another unit"),
        pytest.param("97 %", "mood", NOW, id="no such kind"),
        pytest.param("120 mm[Hg]", "sbp", NOW - timedelta(days=40), id="old, and of no such kind"),
        pytest.param("97 mg", "spo2", NOW - timedelta(days=40), id="old, and in another unit"),
    ],
)
def test_what_a_chart_cannot_hold_is_not_accepted_but_can_be_withdrawn(app: Flask, value: str, code: str, at: datetime) -> None:
    with app.app_context():
        waiting = doubt(value, code=code, at=at)
        with pytest.raises(ConflictError), transaction(CHARGE, at=LATER) as tx:
            doubted.accept(tx, CHARGE, waiting, reason="looks right")
        with transaction(CHARGE, at=LATER) as tx:
            doubted.withdraw(tx, CHARGE, waiting, reason="cannot be")
        assert charted() == []


def test_an_old_value_is_accepted_as_old_and_a_second_one_of_its_moment_is_not(app: Flask) -> None:
    with app.app_context():
        old = NOW - timedelta(days=40)
        first, second = doubt("120 mm[Hg]", code="systolic", at=old), doubt("180 mm[Hg]", code="systolic", at=old)
        with transaction(CHARGE, at=LATER) as tx:
            doubted.accept(tx, CHARGE, first, reason="from paper")
        with pytest.raises(ConflictError), transaction(CHARGE, at=LATER) as tx:
            doubted.accept(tx, CHARGE, second, reason="from paper")
        assert charted() == [("systolic", "120 mm[Hg]", old)]


def test_a_discrepancy_about_something_else_is_no_measurement(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(NotFoundError), transaction(CHARGE, at=LATER) as tx:
            doubted.accept(tx, CHARGE, 999, reason="x")
        stranger = doubt(patient="P99")  # discrepancy unknown-patient
        with pytest.raises(NotFoundError), transaction(CHARGE, at=LATER) as tx:
            doubted.accept(tx, CHARGE, stranger, reason="x")


def test_the_review_page_shows_the_value_and_takes_one_answer(app: Flask) -> None:
    with app.app_context():
        waiting = doubt()
    client = web.signed_in(app, CHARGE)
    page = client.get("/review/").text
    assert "400 /min" in page
    address = f"/review/measurements/{waiting}"
    assert address in page
    assert "Write why" in web.post(client, address, "/review/", action="accept", reason=" ").text
    assert "form was not complete" in web.post(client, address, "/review/", action="eat", reason="x").text
    assert "stands in the chart" in web.post(client, address, "/review/", action="accept", reason="ECG agrees").text
    done = client.get("/review/?view=done").text
    assert "accepted into the chart" in done
    assert "ECG agrees" in done
    assert web.signed_in(app, NURSE).get("/review/").status_code == 403
    nurse = web.signed_in(app, NURSE)
    token = web.token_of(nurse.get("/").text)
    assert nurse.post(address, data={"csrf_token": token, "action": "accept", "reason": "x"}).status_code == 403
    assert client.post(address, data={"action": "withdraw", "reason": "x"}).status_code == 400  # no token
