"""Pages of bags and of what runs at a bed: preparing and printing one, what became of it, measurements entered on the web."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from flask import Flask

from devices.decoders.cascade import CascadeDecoder
from devices.ports import Frame
from pointofcare.orders.order import OrderCategory
from pointofcare.products import Ingredient, Product
from pointofcare.quantity import Quantity
from server.store import bags, bedside, observations, products
from server.store.infusions import RunState
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, bag_label, orders
from tests.support.server_ward import CHARGE, NURSE, PHARMACIST, PRESCRIBER, a_record, an_order
from tests.support.web import ADMIN, FLEET, post, signed_in, ward_app

SALINE = Product(
    id="NACL500",
    gtin="08936000000523",
    name="Natri clorid 0,9 % 500 mL",
    form="bag",
    routes=("IV",),
    ingredients=(Ingredient(name="sodium chloride"),),
    volume=Quantity.parse("500 mL"),
    recalled_lots=("BAD1",),
    hang_time=timedelta(hours=24),
)
INSULIN = replace(SALINE, id="INS", gtin="08936000000226", name="Insulin", multi_dose=True, discard_after_opening=timedelta(days=28))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with ward_app(tmp_path, verified=True) as made:
        with made.app_context():
            now = datetime.now(UTC)
            with transaction(PRESCRIBER, at=now) as tx:
                infusion = an_order(
                    7,
                    ingredient="sodium chloride",
                    form="bag",
                    route="IV",
                    category=OrderCategory.INFUSION,
                    dose=Quantity.parse("500 mL"),
                    rate=Quantity.parse("83 mL/h"),
                    times=(),
                    display="Natri clorid 0,9 % 500 mL truyền 83 mL/h",
                )
                orders.place(tx, PRESCRIBER, infusion)
                products.put(tx, SALINE)
                products.put(tx, INSULIN)
                counted = an_order(
                    8,
                    ingredient="amoxicillin",
                    counts_days=True,
                    dose=Quantity.parse("1 g"),
                    start=now - timedelta(days=2),
                    display="Kháng sinh",
                )
                orders.place(tx, PRESCRIBER, counted)
            with transaction(PHARMACIST, at=now) as tx:
                orders.verify(tx, PHARMACIST, "O7", 1)
                orders.verify(tx, PHARMACIST, "O8", 1)
        yield made


def only_bag(app: Flask) -> bags.BagView:
    with app.app_context(), reading() as tx:
        (found,) = bags.listed(tx)
    return found


def prepare(app: Flask, who: Actor = PHARMACIST, **fields: object) -> object:
    client = signed_in(app, who)
    form = {"version": "1", "use_within": "24", "product0": "NACL500", "lot0": "L7", "expiry0": "2030-01-31", **fields}
    return post(client, "/bags/prepare/O7", "/bags/prepare/O7", **form)


def test_a_bag_is_prepared_with_its_snapshot_lots_and_a_label_to_print(app: Flask) -> None:
    answer = prepare(app)
    assert answer.status_code == 200
    bag = only_bag(app)
    assert bag_label.is_valid(bag.id)
    assert (bag.state, bag.order, bag.order_version, bag.patient) == (RunState.PREPARED, "O7", 1, "P1")
    assert (bag.printed_for.volume, bag.printed_for.rate) == (Quantity.parse("500 mL"), Quantity.parse("83 mL/h"))
    assert [(one.product, one.lot, one.expiry) for one in bag.contents] == [("NACL500", "L7", "2030-01-31")]
    for told in (bag.id, "<svg", "28 drops/min", "NGUYỄN VĂN 1", "24-000001", "83 mL/h"):
        assert told in answer.text, told


def test_the_code_on_the_label_reads_as_the_bags_number(app: Flask) -> None:
    from server.web.bags import code

    bag = bag_label.new_id()
    drawn = code(bag)
    size = int(re.search(r'viewBox="0 0 (\d+) ', drawn).group(1))
    grid = np.full((size, size), 255, np.uint8)
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])\s*([-\d. ]+)", re.search(r' d="([^"]+)"', drawn).group(1)):
        values = [float(one) for one in numbers.split()]
        if command == "M":
            x, y = values
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            grid[int(y), int(x) : int(x + values[0])] = 0
            x += values[0]
    (read,) = zxingcpp.read_barcodes(np.kron(grid, np.ones((8, 8), np.uint8)))
    assert (read.text, read.format) == (bag, zxingcpp.BarcodeFormat.QRCode)


def test_the_printed_label_of_a_bag_is_read_by_a_cart_as_that_bag(app: Flask) -> None:
    prepare(app)
    bag = only_bag(app)
    file = post(signed_in(app, PHARMACIST), f"/labels/bag/{bag.id}", f"/bags/{bag.id}").data
    page = pypdfium2.PdfDocument(file)[0]
    for told in (bag.id, "NGUYỄN VĂN 1", "24-000001", "83"):
        assert told in page.get_textpage().get_text_range()
    paper = np.ascontiguousarray(np.asarray(page.render(scale=3).to_pil().convert("RGB"))[:, :, ::-1])
    symbols = CascadeDecoder().decode(Frame(image=paper, number=1, taken_at=datetime.now(UTC)))
    assert [(one.identifier, one.content) for one in symbols] == [("]Q1", bag.id.encode())]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"lot0": "BAD1"}, "recalled"),
        ({"expiry0": "2020-01-31"}, "expired"),
        ({"version": "9"}, "version"),
        ({"product0": "", "lot0": "L7"}, "without a product"),
        ({"lot0": "số lô"}, "plain letters"),
        ({"expiry0": "soon"}, "no date"),
        ({"product0": "NO-SUCH"}, "not in the formulary"),
    ],
)
def test_what_must_not_go_into_a_bag_is_named_and_nothing_is_prepared(app: Flask, fields: dict[str, object], told: str) -> None:
    answer = prepare(app, **fields)
    assert told in answer.text
    with app.app_context(), reading() as tx:
        assert bags.listed(tx) == ()


def test_no_bag_is_prepared_for_an_order_that_is_stopped_or_not_verified(app: Flask) -> None:
    with app.app_context(), transaction(PRESCRIBER) as tx:
        orders.stop(tx, PRESCRIBER, "O7", 1, reason="enough")
    client = signed_in(app, PHARMACIST)
    assert "must be active" in client.get("/bags/prepare/O7").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/bags/").text)
    assert token is not None
    answer = client.post("/bags/prepare/O7", data={"csrf_token": token.group(1), "version": "2", "use_within": "24"}, follow_redirects=True)
    assert answer.status_code == 409
    with app.app_context(), reading() as tx:
        assert bags.listed(tx) == ()


def test_a_bag_is_discarded_with_a_reason_and_only_before_it_hangs(app: Flask) -> None:
    prepare(app)
    bag = only_bag(app)
    client = signed_in(app, NURSE)
    page = f"/bags/{bag.id}"
    post(client, page, page, action="discard", reason="")
    assert only_bag(app).state is RunState.PREPARED
    post(client, page, page, action="discard", reason="leaks")
    assert (only_bag(app).state, only_bag(app).reason) == (RunState.DISCARDED, "leaks")
    assert "leaks" in client.get("/bags/?view=ended").text


def test_a_lost_bag_stops_whoever_scans_it_later(app: Flask) -> None:
    from pointofcare.products import BagState

    prepare(app)
    bag = only_bag(app)
    client = signed_in(app, NURSE)
    post(client, f"/bags/{bag.id}", f"/bags/{bag.id}", action="missing")
    with app.app_context(), reading() as tx:
        assert [one.state for one in bedside.of_patient(tx, "P1").bags] == [BagState.MISSING]


def test_a_bag_is_found_by_its_number_and_a_slip_is_told(app: Flask) -> None:
    prepare(app)
    bag = only_bag(app).id
    client = signed_in(app, NURSE)
    assert client.get(f"/bags/find?q={bag.lower()}").headers["Location"].endswith(bag)
    slipped = bag[:5] + ("2" if bag[5] != "2" else "3") + bag[6:]
    assert "no bag" in client.get(f"/bags/find?q={slipped}", follow_redirects=True).text


@pytest.mark.parametrize(("who", "status"), [(FLEET, 403), (ADMIN, 403), (PRESCRIBER, 403), (NURSE, 200), (CHARGE, 200), (PHARMACIST, 200)])
def test_only_those_who_prepare_bags_get_the_form(app: Flask, who: Actor, status: int) -> None:
    assert signed_in(app, who).get("/bags/prepare/O7").status_code == status


def test_the_patients_page_shows_what_runs_and_how_fast(app: Flask) -> None:
    prepare(app)
    bag = only_bag(app).id
    start = datetime.now(UTC) - timedelta(hours=2)
    plain = {"order": "O7", "bag": bag, "due": None, "dose": None, "product": "NACL500", "gtin": SALINE.gtin, "scans": ()}

    def at(hours: float) -> dict[str, object]:
        moment = start + timedelta(hours=hours)
        return {"effective_at": moment, "recorded_at": moment}

    with app.app_context():
        for made in (
            a_record(
                record_id="s", action="start", status="in-progress", rate=Quantity.parse("100 mL/h"), drop_factor=20, **plain, **at(0)
            ),
            a_record(record_id="r", action="rate", status="in-progress", rate=Quantity.parse("60 mL/h"), continues="s", **plain, **at(1)),
        ):
            with transaction(Actor(id="gateway")) as tx:
                administrations.record(tx, made, reevaluate=False)
    text = signed_in(app, NURSE).get("/patients/P1").text
    for told in ("60 mL/h", "20 drops/min", "160 mL / 500 mL", "May hang until", bag):
        assert told in text, told
    with app.app_context(), transaction(Actor(id="gateway")) as tx:
        administrations.record(
            tx, a_record(record_id="h", action="hold", status="on-hold", continues="s", **plain, **at(1.5)), reevaluate=False
        )
    text = signed_in(app, NURSE).get("/patients/P1").text
    assert "130 mL / 500 mL" in text
    assert "paused" in text


def test_the_day_of_an_antibiotic_is_told(app: Flask) -> None:
    with app.app_context():
        for day in (2, 1):
            moment = datetime.now(UTC) - timedelta(days=day)
            made = a_record(record_id=f"d{day}", order="O8", due=None, scans=(), effective_at=moment, recorded_at=moment)
            with transaction(Actor(id="gateway")) as tx:
                administrations.record(tx, made, reevaluate=False)
    assert "Day 3 of treatment" in signed_in(app, NURSE).get("/patients/P1").text


def test_opened_containers_show_until_when_they_keep(app: Flask) -> None:
    moment = datetime.now(UTC) - timedelta(days=40)
    drawn = {"product": "INS", "gtin": INSULIN.gtin, "scans": (), "due": None}
    with app.app_context():
        for number, (serial, at) in enumerate((("OLD", moment), ("OLD", datetime.now(UTC)), ("NEW", datetime.now(UTC)))):
            with transaction(Actor(id="gateway")) as tx:
                made = a_record(record_id=f"use{number}", serial=serial, effective_at=at, recorded_at=at, **drawn)
                administrations.record(tx, made, reevaluate=False)
    for address in ("/bags/", "/patients/P1"):
        text = signed_in(app, NURSE).get(address).text
        assert "NEW" in text, address
        assert text.count("Past its time") == 1, address


def test_a_measurement_from_the_web_counts_once_and_reaches_the_chart(app: Flask) -> None:
    client = signed_in(app, NURSE)
    record_id = re.search(r'name="record_id" value="([^"]+)"', client.get("/patients/P1").text).group(1)
    for _ in range(2):
        answer = post(client, "/patients/P1/observations", "/patients/P1", record_id=record_id, code="heart-rate", value="58")
    assert "58 /min" in answer.text
    with app.app_context(), reading() as tx:
        (patient,) = bedside.of_patient(tx, "P1").patients
        assert [(one.code, str(one.value)) for one in patient.observations] == [("heart-rate", "58 /min")]
        assert len(observations.of_patient(tx, "P1", since=tx.at - timedelta(days=1))) == 1


@pytest.mark.parametrize(
    ("code", "value"), [("heart-rate", "580"), ("heart-rate", "many"), ("mood", "5"), ("temperature", "3.8"), ("", "")]
)
def test_a_value_that_cannot_be_is_asked_again(app: Flask, code: str, value: str) -> None:
    client = signed_in(app, NURSE)
    record_id = "5b0e7f3a-0c70-4c8e-9a53-0d2a7a1f9d11"
    answer = post(client, "/patients/P1/observations", "/patients/P1", record_id=record_id, code=code, value=value)
    assert "alert-danger" in answer.text
    with app.app_context(), reading() as tx:
        assert bedside.of_patient(tx, "P1").patients[0].observations == ()


def test_the_course_of_a_value_is_drawn_and_told_in_words(app: Flask) -> None:
    from pointofcare.people import Observation
    from server.store import patients

    with app.app_context(), transaction(Actor(id="import")) as tx:
        for hours, value in ((30, "37.2"), (20, "38.9"), (5, "37.9")):
            at = datetime.now(UTC) - timedelta(hours=hours)
            patients.put_observation(tx, "P1", Observation(code="temperature", value=Quantity.parse(f"{value} Cel"), at=at), by="N1")
    text = signed_in(app, NURSE).get("/patients/P1").text
    assert "<polyline" in text
    assert "Temperature over 72 hours, 3 values, from 37.2 °C to 38.9 °C" in text


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_no_page_of_bags_lacks_a_word(app: Flask, language: str) -> None:
    prepare(app)
    bag = only_bag(app).id
    client = signed_in(app, PHARMACIST)
    with client.session_transaction() as session:
        session["language"] = language
    for address in ("/bags/", "/bags/?view=ended", "/bags/prepare/O7", f"/bags/{bag}", "/patients/P1"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert not re.search(r">\s*(?:bag|bags|infusion|trend|observe|drops|opened|discard)-[a-z-]+\s*<", answer.text), address
