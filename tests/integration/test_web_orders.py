"""The prescriber's form for orders of every kind, what it keeps, and what a change of times does to the past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from pointofcare.orders.order import DayOfWeek, Dosage, Order, OrderCategory, OrderStatus
from pointofcare.quantity import Quantity
from server.store import orders, patients
from server.store.transaction import reading, transaction
from server.usecases import orders as verbs
from tests.support import server_ward, web
from tests.support.server_ward import PHARMACIST, PRESCRIBER


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found:
        yield found


def asked(**changes: object) -> dict[str, object]:
    return {
        "patient_id": "P1", "ingredient": "prednisolone", "form": "tablet", "route": "PO", "category": "scheduled",
        "start": "2026-03-02T06:00", **changes,
    }  # fmt: skip


TAPER = {
    "step-1-dose": "20 mg", "step-1-times": "08:00", "step-1-end": "2026-03-05T06:00",
    "step-2-dose": "10 mg", "step-2-times": "08:00", "step-2-days_of_week": ["mon", "thu"],
    "step-3-dose": "5 mg", "step-3-times": "20:00", "step-3-together": "yes",
}  # fmt: skip


def placed(app: Flask, ingredient: str = "prednisolone") -> orders.OrderView:
    with app.app_context(), reading() as tx:
        return next(one for one in orders.of_patient(tx, "P1") if one.order.ingredient == ingredient)


def post(app: Flask, **form: object) -> TestResponse:
    client = web.signed_in(app, PRESCRIBER)
    given = web.token_of(client.get("/orders/new?patient_id=P1").text)
    return client.post("/orders/new", data={"csrf_token": given, **form}, follow_redirects=True)


def test_a_taper_is_written_as_rows(app: Flask) -> None:
    answer = post(app, **asked(**TAPER))
    assert answer.status_code == 200
    order = placed(app).order
    assert order.status is OrderStatus.ACTIVE
    assert order.clarification == ""
    assert (order.dose, order.times) == (None, ())
    assert order.dosages == (
        Dosage(sequence=1, dose=Quantity.parse("20 mg"), times=(time(8),), end=datetime(2026, 3, 4, 23, tzinfo=UTC)),
        Dosage(sequence=2, dose=Quantity.parse("10 mg"), times=(time(8),), days_of_week=(DayOfWeek.MON, DayOfWeek.THU)),
        Dosage(sequence=2, dose=Quantity.parse("5 mg"), times=(time(20),)),
    )
    page = web.signed_in(app, PHARMACIST).get(f"/pharmacy/?order={order.id}").text
    for words in ("3 steps", "1. 20 mg", "2. 10 mg", "Mon Thu", "until 5 Mar 2026 06:00"):
        assert words in page


def test_an_amended_taper_shows_its_rows_again(app: Flask) -> None:
    post(app, **asked(**TAPER))
    order = placed(app).order
    page = web.signed_in(app, PRESCRIBER).get(f"/orders/new?amend={order.id}").text
    assert 'name="step-2-dose" type="text" value="10 mg"' in page
    assert 'id="step-3-together" name="step-3-together" value="yes" checked' in page
    assert 'id="step-2-days_of_week-thu" name="step-2-days_of_week" value="thu" checked' in page
    assert 'id="step-2-days_of_week-fri" name="step-2-days_of_week" value="fri">' in page


def test_a_line_made_from_the_fields_is_made_again_when_they_change(app: Flask) -> None:
    post(app, **asked(dose="5 mg", times="08:00"))
    before = placed(app).order
    assert before.display == "prednisolone · 5 mg · PO · 08:00"
    page = web.signed_in(app, PRESCRIBER).get(f"/orders/new?amend={before.id}").text
    assert 'id="display" name="display" type="text" value=""' in page
    post(app, **asked(dose="10 mg", times="08:00", amend=before.id, version="1", reason="more"))
    assert placed(app).order.display == "prednisolone · 10 mg · PO · 08:00"
    post(app, **asked(dose="10 mg", times="08:00", display="with food", amend=before.id, version="2", reason="line"))
    assert 'value="with food"' in web.signed_in(app, PRESCRIBER).get(f"/orders/new?amend={before.id}").text


def test_days_own_supply_counted_days_and_a_bounded_rate_are_kept(app: Flask) -> None:
    post(app, **asked(dose="5 mg", times="08:00", days_of_week=["wed", "sun"], own_supply="yes", counts_days="yes"))
    order = placed(app).order
    assert order.days_of_week == (DayOfWeek.WED, DayOfWeek.SUN)
    assert order.own_supply
    assert order.counts_days
    drip = asked(ingredient="glucose", form="bag", route="IV", category="infusion", rate="40 mL/h", rate_max="80 mL/h")
    post(app, **drip)
    assert placed(app, "glucose").order.rate_range == (Quantity.parse("40 mL/h"), Quantity.parse("80 mL/h"))


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({**TAPER, "dose": "5 mg"}, "steps", "beside them a dose or times"),
        ({**TAPER, "step-1-end": ""}, "steps", "follows one that has no end"),
        ({**TAPER, "step-3-dose": ""}, "steps", "3. there is no dose"),
        ({**TAPER, "step-2-dose": "1 thìa"}, "steps", "#2: 1 thìa"),
        ({**TAPER, "step-3-times": "08:00"}, "steps", "different amounts at one time"),
        ({"dose": "5 mg", "days_of_week": ["mon"]}, "days_of_week", "days of the week but no times"),
        ({"dose": "5 mg", "times": "08:00", "every": "2 d", "days_of_week": ["mon"]}, "days_of_week", "contradict"),
        ({"dose": "5 mg", "times": "08:00", "every": "7 h"}, "every", "contradict"),
        ({"category": "prn", "dose": "5 mg", "times": "08:00"}, "times", "as needed but names times"),
        ({"category": "infusion", "dose": "500 mL"}, "rate", "no rate"),
        ({"category": "infusion", "rate": "80 mL/h", "rate_max": "40 mL/h"}, "rate_max", "does not lie in its range"),
    ],
)
def test_what_is_unclear_is_named_at_its_field_and_nothing_is_placed(app: Flask, changes: dict[str, object], field: str, says: str) -> None:
    answer = post(app, **asked(**changes))
    assert answer.status_code == 422
    assert says in answer.text
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    with app.app_context(), reading() as tx:
        assert len(orders.of_patient(tx, "P1")) == 1


# What the use cases write on an order.


def an_order(**changes: object) -> Order:
    return server_ward.an_order(1, id="O77", **changes)


def test_an_order_that_cannot_be_computed_is_kept_as_a_draft_with_its_reason_in_the_chart(app: Flask) -> None:
    with app.app_context(), transaction(PRESCRIBER) as tx:
        kept = verbs.place(tx, PRESCRIBER, an_order(times=(), every=None))
    assert kept.status is OrderStatus.DRAFT
    assert kept.clarification == "clarify-no-times=times"
    with app.app_context(), reading() as tx:
        view = orders.get(tx, "O77")
    assert (view.clarification, view.order.clarification) == ("clarify-no-times=times", "clarify-no-times=times")
    with app.app_context(), transaction(PRESCRIBER) as tx:
        clear = verbs.amend(tx, PRESCRIBER, replace(an_order(), status=OrderStatus.ACTIVE), version=1, reason="times given")
    assert (clear.status, clear.clarification) == (OrderStatus.ACTIVE, "")
    with app.app_context(), reading() as tx:
        assert orders.get(tx, "O77").clarification is None


def test_stopping_a_draft_keeps_what_was_unclear(app: Flask) -> None:
    with app.app_context(), transaction(PRESCRIBER) as tx:
        verbs.place(tx, PRESCRIBER, an_order(times=(), every=None))
        stopped = verbs.stop(tx, PRESCRIBER, "O77", 1, reason="wrong drug")
    assert stopped.clarification == "clarify-no-times=times"


def test_an_order_received_twice_is_one_version_however_unclear(app: Flask) -> None:
    unclear = an_order(times=(), every=None)
    with app.app_context(), transaction(PRESCRIBER) as tx:
        first = verbs.receive(tx, unclear)
        assert verbs.receive(tx, unclear) == first
        changed = verbs.receive(tx, an_order())
        assert changed.version == 2
        assert verbs.receive(tx, an_order()).version == 2


def test_changed_times_hold_from_the_last_dose_that_they_would_make_up(app: Flask) -> None:
    begun = datetime.now(UTC) - timedelta(days=3)
    local = datetime.now(UTC).astimezone(web_zone(app))
    past, other = ((local - timedelta(minutes=minutes)).time().replace(second=0, microsecond=0) for minutes in (50, 100))
    with app.app_context(), transaction(PRESCRIBER) as tx:
        verbs.place(tx, PRESCRIBER, an_order(start=begun, times=(other,), every=None))
        changed = verbs.amend(tx, PRESCRIBER, an_order(start=begun, times=(past,), every=None), version=1, reason="sooner")
        assert changed.holds_from is not None
        assert begun < changed.holds_from <= tx.at
        dose = verbs.amend(tx, PRESCRIBER, replace(changed, dose=Quantity.parse("250 mg")), version=2, reason="less")
        assert dose.holds_from == changed.holds_from
        held = verbs.hold(tx, PRESCRIBER, "O77", 3, reason="fasting")
        assert held.holds_from == changed.holds_from


def web_zone(app: Flask) -> ZoneInfo:
    with app.app_context(), reading() as tx:
        ward = patients.ward(tx, patients.ward_of(tx, "P1") or "")
    return ZoneInfo(ward.timezone if ward is not None else "Asia/Ho_Chi_Minh")


def test_a_new_order_holds_from_its_start(app: Flask) -> None:
    with app.app_context(), transaction(PRESCRIBER) as tx:
        kept = verbs.place(tx, PRESCRIBER, an_order(holds_from=tx.at))
        assert kept.holds_from is None
        assert kept.category is OrderCategory.SCHEDULED


@pytest.mark.parametrize("dose", ["1.000 mg", "5.0 mg", "1.500 mg", "2.50 mg"])
def test_a_point_that_could_group_thousands_or_hide_is_refused_and_nothing_is_placed(app: Flask, dose: str) -> None:
    answer = post(app, **asked(ingredient="paracetamol", dose=dose, times="08:00"))
    assert answer.status_code == 422
    told = "can be read in two ways" if dose in ("1.000 mg", "1.500 mg") else "no zero at the end behind the point"
    assert told in answer.text
    step = post(app, **asked(ingredient="paracetamol", **(TAPER | {"step-2-dose": dose})))
    assert step.status_code == 422
    assert told in step.text
    with app.app_context(), reading() as tx:
        assert all(one.order.ingredient != "paracetamol" for one in orders.of_patient(tx, "P1"))


def test_small_doses_keep_their_digits(app: Flask) -> None:
    assert post(app, **asked(ingredient="digoxin", dose="0.125 mg", times="08:00")).status_code == 200
    assert placed(app, "digoxin").order.dose == Quantity.parse("0.125 mg")
