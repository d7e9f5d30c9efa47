"""A program places and verifies orders as people do: what was found must have been seen, and a risk needs a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from pointofcare.people import Allergy
from pointofcare.products import MaxDaily
from pointofcare.quantity import Quantity
from server.store import orders
from server.store.orders import Verification
from server.store.transaction import reading, transaction
from server.usecases import patients, pharmacy
from tests.integration.test_api_v1 import is_problem, token
from tests.support import server_ward, web
from tests.support.server_ward import AMOXICILLIN, PHARMACIST, PRESCRIBER

ORDER: dict[str, Any] = {
    "patient": "P1",
    "ingredient": "amoxicillin",
    "form": "capsule",
    "route": "PO",
    "category": "scheduled",
    "dose": "500 mg",
    "times": ["12:00"],
    "start": "2026-11-21T08:00:00Z",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("api")) as found:
        with found.app_context():
            web.give_password(found, PHARMACIST)
            web.give_password(found, PRESCRIBER)
            with transaction(server_ward.IMPORT) as tx:
                limit = MaxDaily(ingredient="amoxicillin", hard=Quantity.parse("6 g"), soft=None)
                pharmacy.receive_product(tx, replace(AMOXICILLIN, max_daily=(limit,)))
                patients.receive(tx, replace(server_ward.a_patient(1), allergies=(Allergy(substance="amoxicillin", severity="severe"),)))
        yield found


def post(app: Flask, headers: dict[str, str], address: str, **body: Any) -> Any:
    return app.test_client().post(f"/api/v1/orders{address}", json=body, headers=headers)


def test_an_order_with_findings_is_not_placed_before_they_are_acknowledged_with_a_reason(app: Flask) -> None:
    headers = token(app, "d1")
    refused = is_problem(post(app, headers, "", **ORDER, id="o-api-1"), 409, "not-acknowledged")
    assert "D10" in {each["rule"] for each in refused["findings"]}  # type: ignore[attr-defined, index]
    assert refused["needs"] == ["seen", "override"]
    again = is_problem(post(app, headers, "", **ORDER, id="o-api-1", seen=refused["seen"]), 409, "not-acknowledged")
    assert again["needs"] == ["override"]
    is_problem(post(app, headers, "", **ORDER, id="o-api-1", seen="0" * 24, override="Đã dung nạp"), 409, "not-acknowledged")
    with app.app_context(), reading() as tx:
        assert orders.find(tx, "o-api-1") is None
    placed = post(app, headers, "", **ORDER, id="o-api-1", seen=refused["seen"], override="Đã dung nạp")
    assert placed.status_code == 201, placed.text
    with app.app_context(), reading() as tx:
        carried = orders.get(tx, "o-api-1").order.interactions
    assert ("amoxicillin", "allergy", "Đã dung nạp") in {(each.other, each.severity, each.reason) for each in carried}


def test_what_was_acknowledged_for_one_order_does_not_hold_for_another(app: Flask) -> None:
    headers = token(app, "d1")
    seen = is_problem(post(app, headers, "", **ORDER, id="o-api-2"), 409, "not-acknowledged")["seen"]
    other = {**ORDER, "dose": "1000 mg"}
    is_problem(post(app, headers, "", **other, id="o-api-2", seen=seen, override="Đã dung nạp"), 409, "not-acknowledged")


def test_what_stops_an_order_is_lifted_by_no_acknowledgement(app: Flask) -> None:
    headers = token(app, "d1")
    blocked = {**ORDER, "dose": "4000 mg", "times": ["06:00", "18:00"]}
    refused = is_problem(post(app, headers, "", **blocked, id="o-api-3"), 409, "order-blocked")
    is_problem(post(app, headers, "", **blocked, id="o-api-3", seen=refused["seen"], override="vẫn cần"), 409, "order-blocked")


def test_a_pharmacists_program_answers_the_two_questions_of_the_page(app: Flask) -> None:
    def verification() -> str:
        with app.app_context(), reading() as tx:
            return str(orders.get(tx, "O1").verification.value)

    headers, before = token(app, "ph1"), verification()
    sent = {"version": 1, "seen": before}
    refused = is_problem(post(app, headers, "/O1/verify", **sent), 409, "not-acknowledged")
    assert refused["needs"] == ["look", "text"]
    is_problem(post(app, headers, "/O1/verify", **sent, look=refused["seen"]), 409, "not-acknowledged")
    is_problem(post(app, headers, "/O1/verify", **sent, look="0" * 20, text="Đã hỏi bác sĩ"), 409, "not-acknowledged")
    assert verification() == before
    done = post(app, headers, "/O1/verify", **sent, look=refused["seen"], text="Đã hỏi bác sĩ")
    assert done.status_code == 200, done.text
    assert verification() == Verification.VERIFIED.value
