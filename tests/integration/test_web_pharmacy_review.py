"""The pharmacist's queue: what stands beside an order, what an older page is worth, and that together only harmless orders go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from pointofcare.people import Allergy, Observation, Weight
from pointofcare.products import HighAlert, Ingredient, MaxDaily, Product
from pointofcare.quantity import Quantity
from server.store import orders, patients
from server.store.orders import Verification
from server.store.tables import AuditRow
from server.store.transaction import reading, transaction
from server.usecases import orders as verbs
from server.usecases import patients as patient_verbs
from server.usecases import pharmacy
from tests.support import server_ward, web
from tests.support.server_ward import AMOXICILLIN, IMPORT, NOW, PHARMACIST, PRESCRIBER, WARD, an_order

PARACETAMOL = Product(
    id="PARA500",
    gtin="08936000000035",
    name="Paracetamol 500 mg",
    form="tablet",
    routes=("PO",),
    ingredients=(Ingredient(name="paracetamol", amount=Quantity.parse("500 mg"), classes=("analgesic",)),),
    max_daily=(MaxDaily(ingredient="paracetamol", hard=Quantity.parse("4 g"), soft=Quantity.parse("3 g")),),
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found:
        yield found


def place(app: Flask, number: int, **changes: object) -> None:
    with app.app_context(), transaction(PRESCRIBER, at=NOW) as tx:
        verbs.place(tx, PRESCRIBER, an_order(number, **changes))


def stock(app: Flask, *products: Product) -> None:
    with app.app_context(), transaction(IMPORT, at=NOW) as tx:
        for product in products:
            pharmacy.receive_product(tx, product)


def allergic(app: Flask, *substances: str, patient: str = "P1") -> None:
    with app.app_context(), transaction(IMPORT) as tx:
        patients.replace_allergies(tx, patient, tuple(Allergy(substance=each) for each in substances))


def state(app: Flask, order: str = "O1") -> Verification:
    with app.app_context(), reading() as tx:
        return orders.get(tx, order).verification


def look(client: FlaskClient, order: str = "O1") -> dict[str, str]:
    """The hidden cells of the page's form."""
    page = client.get(f"/pharmacy/?order={order}").text
    found = dict(re.findall(r'type="hidden" name="(look|version|seen|ward)" value="([^"]*)"', page))
    return found | {"csrf_token": web.token_of(page)}


def test_an_order_without_anything_against_it_says_so_and_shows_what_was_looked_at(app: Flask) -> None:
    with app.app_context(), transaction(IMPORT) as tx:
        patients.put_observation(
            tx, "P1", Observation(code="creatinine", value=Quantity.parse("160 umol/L"), at=tx.at - timedelta(hours=30))
        )
        patients.put_weight(tx, "P1", Weight(value=Quantity.parse("61 kg"), at=tx.at - timedelta(days=2)))
    page = web.signed_in(app, PHARMACIST).get("/pharmacy/?order=O1").text
    assert "No finding" in page
    for text in ("160 umol/L", "30 h old", "mL/min/1.73", "Clearance", "61 kg", "2 d old"):
        assert text in page, text


def test_allergy_twice_the_same_drug_and_too_much_in_a_day_stand_beside_the_order(app: Flask) -> None:
    stock(app, PARACETAMOL)
    place(
        app, 7, ingredient="paracetamol", form="tablet", dose=Quantity.parse("1 g"), times=(), every=timedelta(hours=6), display="Para QDS"
    )
    place(app, 8, ingredient="paracetamol", form="tablet", dose=Quantity.parse("500 mg"), display="Para BD")
    allergic(app, "paracetamol")
    page = web.signed_in(app, PHARMACIST).get("/pharmacy/?order=O8").text
    assert "paracetamol is ordered already: Para QDS" in page
    assert re.search(r"All orders together give 5 g of paracetamol in 24 hours; the most is 4 g|5,?000 mg", page)
    assert ">D10<" in page


def test_a_dangerous_order_is_verified_only_with_a_reason(app: Flask) -> None:
    allergic(app, "amoxicillin")
    client = web.signed_in(app, PHARMACIST)
    cells = look(client)
    told = client.post("/pharmacy/O1", data={**cells, "action": "verify"}, follow_redirects=True).text
    assert "Write why the order may be given all the same" in told
    without = {name: value for name, value in cells.items() if name != "look"}
    client.post("/pharmacy/O1", data={**without, "action": "verify"})
    assert state(app) is Verification.PENDING
    client.post("/pharmacy/O1", data={**cells, "action": "verify", "text": "tolerated last year, told the prescriber"})
    assert state(app) is Verification.VERIFIED


def test_an_allergy_that_was_found_while_the_page_was_open_is_never_verified_past(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    cells = look(client)
    allergic(app, "amoxicillin")
    told = client.post("/pharmacy/O1", data={**cells, "action": "verify", "text": "fine"}, follow_redirects=True).text
    assert "What is known of the patient changed while the page was open" in told
    assert state(app) is Verification.PENDING


def test_the_page_says_by_itself_that_somebody_else_was_there(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    page = client.get("/pharmacy/?order=O1").text
    (shown,) = re.findall(r'data-shown="([^"]+)"', page)
    assert f'data-now="{shown}"' in page
    elsewhere = client.get("/pharmacy/?order=O1&ward=KHOA-2&part=live").text
    assert f'data-now="{shown}"' in elsewhere  # not in this list, and as it was all the same
    with app.app_context(), transaction(PRESCRIBER) as tx:
        verbs.amend(tx, PRESCRIBER, an_order(1, dose=Quantity.parse("250 mg")), version=1, reason="less")
    later = client.get("/pharmacy/?order=O1&part=live").text
    assert f'data-now="{shown}"' not in later


def together(client: FlaskClient) -> list[str]:
    page = client.get("/pharmacy/together/", query_string={"ward": WARD}).text
    return re.findall(r'name="order" value="([^"]+)"', page)


def send(client: FlaskClient, chosen: list[str], **fields: str) -> str:
    page = client.get("/pharmacy/together/", query_string={"ward": WARD}).text
    data = {"csrf_token": web.token_of(page), "ward": WARD, "order": chosen, "sure": "yes", **fields}
    return client.post("/pharmacy/together/", data=data, follow_redirects=True).text


def test_together_only_orders_without_findings_are_verified_and_each_is_audited(app: Flask) -> None:
    place(app, 3, patient="P2", ingredient="unheard of", display="Unheard of")
    allergic(app, "amoxicillin", patient="P2")
    client = web.signed_in(app, PHARMACIST)
    chosen = together(client)
    assert [one.split("~")[0] for one in chosen] == ["O1"]
    assert "One order is verified." in send(client, chosen)
    assert [state(app, order) for order in ("O1", "O2", "O3")] == [Verification.VERIFIED, Verification.PENDING, Verification.PENDING]
    with app.app_context(), reading() as tx:
        rows = tx.session.scalars(select(AuditRow.subject).where(AuditRow.action == "order.verified")).all()
    assert rows == ["order/O1"]


def test_together_a_forged_or_an_old_choice_is_left_out_in_words(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    first, second = together(client)
    allergic(app, "amoxicillin", patient="P2")
    told = send(client, [first, second, "O9~1~00000000000000000000"])
    assert "One order is verified." in told
    assert "changed meanwhile" in told
    assert (state(app, "O1"), state(app, "O2")) == (Verification.VERIFIED, Verification.PENDING)


def test_together_wants_one_ward_and_a_tick(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    chosen = together(client)
    assert "Tick that you have looked" in send(client, chosen, sure="")
    assert "Choose at least one order" in send(client, chosen, ward="")
    send(client, chosen, ward="KHOA-2")
    assert state(app) is Verification.PENDING
    assert "Choose one ward" in client.get("/pharmacy/together/").text


def test_a_high_alert_drug_never_goes_together(app: Flask) -> None:
    stock(app, replace(AMOXICILLIN, high_alert=HighAlert.LABEL))
    client = web.signed_in(app, PHARMACIST)
    assert together(client) == []
    assert "high-alert or controlled" in client.get("/pharmacy/together/", query_string={"ward": WARD}).text


def test_patients_are_found_without_marks(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    with app.app_context(), transaction(IMPORT) as tx:
        patient_verbs.receive(tx, replace(server_ward.a_patient(2), name="ĐỖ THỊ ÁNH"))
    assert "ĐỖ THỊ ÁNH" in client.get("/patients/", query_string={"q": "do thi anh"}).text
