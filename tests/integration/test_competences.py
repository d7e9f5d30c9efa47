"""The training log: appended by who leads a ward or administers, corrected by another entry, never a lock."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, UnreadableError
from server.store import audit, competences, staff
from server.store.competences import Standing
from server.store.patients import Ward
from server.store.transaction import Actor, reading, transaction
from server.usecases import competences as verbs
from server.usecases import patients as patient_verbs
from server.usecases import ward_staff
from server.usecases.permission import TextMissingError
from tests.support import web
from tests.support.server_ward import CHARGE, NURSE, PRESCRIBER, WARD
from tests.support.web import ADMIN, signed_in, token_of

TODAY = date(2026, 3, 2)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made:
        yield made


def told(**changes: object) -> verbs.Told:
    found = {"form": str(uuid.uuid4()), "staff": NURSE.id, "competence": "pump", "result": "passed", "held_on": TODAY, "valid_until": None}
    return verbs.Told(**{**found, **changes})  # type: ignore[arg-type]


def enter(actor: Actor = ADMIN, **changes: object) -> bool:
    with transaction(actor) as tx:
        return verbs.record(tx, actor, told(**changes), today=TODAY)


def how(today: date = TODAY, code: str = "pump", person: str = NURSE.id) -> Standing:
    with reading(ADMIN) as tx:
        return competences.standing(competences.newest(competences.listed(tx)).get((person, code)), today)


def test_what_was_passed_is_held_ends_soon_and_expires_and_a_failure_afterwards_takes_it_away(app: Flask) -> None:
    with app.app_context():
        assert how() is Standing.MISSING
        until = TODAY + timedelta(days=100)
        assert enter(valid_until=until, assessor="Hãng bơm") is True
        days = (TODAY, until - timedelta(days=30), until, until + timedelta(days=1))
        assert [how(day) for day in days] == [Standing.HELD, Standing.SOON, Standing.SOON, Standing.EXPIRED]
        enter(result="not-passed", valid_until=until)
        assert how() is Standing.MISSING
        with reading(ADMIN) as tx:
            assert [(one.result, one.valid_until, one.assessor) for one in competences.listed(tx)] == [
                ("not-passed", None, ADMIN.id),
                ("passed", until, "Hãng bơm"),
            ]


def test_a_correction_is_another_entry_with_its_reason_and_the_first_stays(app: Flask) -> None:
    with app.app_context():
        enter()
        with reading(ADMIN) as tx:
            (first,) = competences.listed(tx)
        with pytest.raises(TextMissingError):
            enter(replaces=first.id, result="withdrawn")
        enter(replaces=first.id, result="withdrawn", note="of somebody else")
        assert how() is Standing.MISSING
        with pytest.raises(ConflictError):
            enter(replaces=first.id, note="again")
        with pytest.raises(NotFoundError):
            enter(replaces=first.id, staff=CHARGE.id, note="of another person")
        with reading(ADMIN) as tx:
            assert [(one.result, one.counts) for one in competences.listed(tx)] == [("withdrawn", True), ("passed", False)]
            rows = audit.listed(tx, subject=f"staff/{NURSE.id}", limit=10)
        assert [row.detail["result"] for row in rows if row.action == "competence.record"].count("passed") == 1


def test_a_double_tap_is_one_entry(app: Flask) -> None:
    with app.app_context():
        form = str(uuid.uuid4())
        assert [enter(form=form), enter(form=form)] == [True, False]
        with reading(ADMIN) as tx:
            assert len(competences.listed(tx)) == 1


def test_nobody_enters_their_own_and_no_nurse_enters_any(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(NotPermittedError):
            enter(CHARGE, staff=CHARGE.id)
        with pytest.raises(NotPermittedError):
            enter(NURSE, staff=CHARGE.id)
        with pytest.raises(NotFoundError):
            enter(staff="nobody")
        late, early = TODAY + timedelta(days=1), date(2020, 1, 1)
        for wrong in ({"competence": "flying"}, {"result": "maybe"}, {"held_on": late}, {"valid_until": early}):
            with pytest.raises(UnreadableError):
                enter(**wrong)


def test_a_charge_nurse_sees_and_enters_for_the_own_wards_alone(app: Flask) -> None:
    with app.app_context():
        other = _other_ward()
        with transaction(ADMIN) as tx:
            for person, ward in ((CHARGE.id, WARD), (NURSE.id, other)):
                ward_staff.set_homes(tx, person, [ward])
        enter()
    page = signed_in(app, CHARGE)
    assert NURSE.name not in page.get("/competences/").text
    assert page.get(f"/competences/of/{NURSE.id}").status_code == 404
    assert NURSE.id not in page.get("/competences/competences.csv").text
    with app.app_context(), transaction(ADMIN) as tx:
        ward_staff.set_homes(tx, NURSE.id, [WARD])
    assert NURSE.name in page.get("/competences/").text
    assert send(page, NURSE.id, competence="cart").status_code == 303
    assert page.get("/competences/?show=soon").status_code == 200


def _other_ward() -> str:
    with transaction(ADMIN) as tx:
        patient_verbs.open_ward(tx, Ward(id="W9", name="Ngoại", timezone="Asia/Ho_Chi_Minh"))
    return "W9"


def send(page: FlaskClient, person: str, **cells: str) -> TestResponse:
    text = page.get(f"/competences/of/{person}").text
    form = re.search(r'name="form" value="([^"]+)"', text)
    assert form is not None
    body = {"form": form[1], "competence": "pump", "result": "passed", "held_on": "2026-01-05", "csrf_token": token_of(text), **cells}
    return page.post(f"/competences/of/{person}", data=body)


def test_the_pages_show_who_lacks_what_and_a_person_the_own_alone(app: Flask) -> None:
    page = signed_in(app, ADMIN, factor=True)
    assert "Training missing" not in page.get("/staff/").text  # nothing is recorded yet: nobody is reminded of a log that is not kept
    assert send(page, NURSE.id, valid_until="2036-01-05", note="=1+1").status_code == 303
    assert "Training missing: 4" in page.get("/staff/").text
    listed = page.get("/competences/?show=due").text
    assert NURSE.name in listed
    assert PRESCRIBER.name not in listed  # whose work takes none of them
    (row,) = csv.DictReader(io.StringIO(page.get("/competences/competences.csv").text.lstrip("\ufeff")))
    cells = [row[name] for name in ("staff", "competence", "valid_until", "note", "counts")]
    assert cells == [NURSE.id, "pump", "2036-01-05", "'=1+1", "yes"]
    own = signed_in(app, NURSE)
    assert "pumps" in own.get("/competences/own").text
    assert own.get("/competences/").status_code == 403
    assert "No entry yet" in signed_in(app, PRESCRIBER).get("/competences/own").text


def test_carts_are_told_how_much_is_missing_once_the_log_is_kept_and_nothing_where_it_is_not_wanted(app: Flask) -> None:
    def on_the_cart() -> dict[str, int | None]:
        with reading(ADMIN) as tx:
            return {one.id: one.competences_due for one in staff.roster(tx, WARD)}

    with app.app_context():
        assert set(on_the_cart().values()) == {None}
        enter()
        assert on_the_cart()[NURSE.id] == 4
        with transaction(ADMIN) as tx:
            verbs.set_at_cart(tx, ADMIN, "off")
        assert set(on_the_cart().values()) == {None}
        with pytest.raises(NotPermittedError), transaction(CHARGE) as tx:
            verbs.set_at_cart(tx, CHARGE, "warn")
        with reading(ADMIN) as tx:
            assert [row.action for row in audit.listed(tx, subject="competences", limit=5)] == ["competence.at-cart"]
