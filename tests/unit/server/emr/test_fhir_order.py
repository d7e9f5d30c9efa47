"""Orders as MedicationRequests: valid R4 whatever their shape, and read back by our own import as the same order."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointofcare.orders.order import DayOfWeek, Dosage, Order, OrderCategory, OrderStatus, Prn
from pointofcare.quantity import Quantity
from server.emr import fhir_order, validation
from server.emr.fhir_mapping import MappingContext
from server.usecases import import_fhir
from server.usecases.fhir_built import literal
from tests.support.server_ward import NOW, an_order

CONTEXT = MappingContext(site="https://hospital.example/poc", literals={"patient": "Patient/P1", "encounter": "Encounter/P1"})
START = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)


def amount(text: str) -> Quantity:
    return Quantity.parse(text)


ORDERS: dict[str, Order] = {
    "at times": an_order(),
    "every six hours": an_order(times=(), every=timedelta(hours=6), start=START),
    "every 90 minutes": an_order(times=(), every=timedelta(minutes=90), start=START),
    "every second day": an_order(times=(time(8),), every=timedelta(days=2), start=START),
    "days of the week": an_order(times=(time(8),), days_of_week=(DayOfWeek.MON, DayOfWeek.THU)),
    "a range": an_order(dose=None, dose_range=(amount("2 mg"), amount("4 mg"))),
    "by weight": an_order(dose=amount("15 mg/kg")),
    "an end": an_order(end=NOW + timedelta(days=5), indication="pneumonia", substitution=False, prescriber="D1"),
    "own supply": an_order(own_supply=True),
    "as needed": an_order(
        category=OrderCategory.PRN, times=(), start=START,
        prn=Prn(reasons=("pain",), min_interval=timedelta(hours=4), max_per_24h=amount("4 g")),
    ),
    "a rate": an_order(category=OrderCategory.INFUSION, route="IV", times=(), dose=amount("500 mL"), rate=amount("80 mL/h"), start=START),
    "at once": an_order(category=OrderCategory.STAT, times=(), start=START),
    "stopped": an_order(status=OrderStatus.STOPPED),
    "a combination": an_order(ingredient="amoxicillin/clavulanic acid"),
    "a taper": an_order(
        dose=None, times=(), start=START,
        dosages=(
            Dosage(sequence=1, dose=amount("10 mg"), times=(time(8),), start=START, end=START + timedelta(days=3), display="10 mg"),
            Dosage(sequence=2, dose=amount("5 mg"), times=(time(8),), start=START + timedelta(days=3), display="5 mg"),
        ),
    ),
}  # fmt: skip


def resource(order: Order, verification: str | None = "verified") -> Any:
    made = fhir_order.request(order, CONTEXT, authored_at=NOW, mrn="24-000001", verification=verification)
    return {"id": "O1", **literal(made, CONTEXT)}


def bundle(*resources: Any) -> bytes:
    entries = [{"fullUrl": f"https://hospital.example/fhir/{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


@pytest.mark.parametrize("name", ORDERS)
def test_every_shape_of_an_order_is_valid(name: str) -> None:
    assert validation.problems(bundle(resource(ORDERS[name]))) == ()


@pytest.mark.parametrize("name", ORDERS)
def test_our_own_import_reads_the_same_order_back(name: str) -> None:
    order = ORDERS[name]
    found = import_fhir.read("ours.json", bundle(resource(order)), "Asia/Ho_Chi_Minh")
    assert found.problems == ()
    back = found.orders[0].order
    assert found.orders[0].clarify == ()
    names = ("id", "patient", "ingredient", "form", "route", "category", "dose", "dose_range", "times", "days_of_week", "end", "own_supply")
    assert {one: getattr(back, one) for one in names} == {one: getattr(order, one) for one in names}
    assert (back.rate, back.indication, back.substitution, back.prescriber) == (
        order.rate,
        order.indication,
        order.substitution,
        order.prescriber,
    )
    if order.prn is not None:
        assert back.prn == order.prn
    elif not order.dosages:
        assert (back.every, back.start) == (order.every, order.start)
    assert [(one.sequence, one.dose, one.times, one.start, one.end) for one in back.dosages] == [
        (one.sequence, one.dose, one.times, one.start, one.end) for one in order.dosages
    ]


def test_what_the_pharmacist_has_not_said_is_never_left_out_of_an_order_as_it_is_now() -> None:
    for word in ("pending", "verified", "queried", "rejected"):
        said = [one for one in resource(ORDERS["at times"], word)["extension"] if one["url"].endswith("/pharmacist-verification")]
        assert [one["valueCode"] for one in said] == [word]


def test_an_order_that_must_be_clarified_says_so() -> None:
    found = resource(replace(ORDERS["at times"], clarification="no unit", status=OrderStatus.DRAFT))
    assert "no unit" in found["note"][0]["text"]
    assert found["status"] == "draft"


DOSES = st.builds(
    lambda n, unit: Quantity(value=Decimal(n) / 100, unit=unit),
    st.integers(1, 10**7),
    st.sampled_from(["mg", "mL", "[IU]", "mg/kg", "mL/h"]),
)
EVERY = st.integers(60, 30 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
TIMES = st.lists(st.times().map(lambda at: at.replace(second=0, microsecond=0)), max_size=4, unique=True).map(tuple)


@settings(max_examples=40)
@given(
    st.builds(
        an_order,
        dose=st.none() | DOSES,
        times=TIMES,
        every=st.none() | EVERY,
        status=st.none() | st.sampled_from(OrderStatus),
        category=st.sampled_from(OrderCategory),
        days_of_week=st.lists(st.sampled_from(DayOfWeek), max_size=3, unique=True).map(tuple),
        ingredient=st.text(min_size=1, max_size=20),
        form=st.text(min_size=1, max_size=10),
        display=st.text(max_size=30),
        indication=st.none() | st.text(min_size=1, max_size=20),
        additives=st.lists(st.text(min_size=1, max_size=10), max_size=2).map(tuple),
    )
)
def test_whatever_an_order_holds_it_is_valid(order: Order) -> None:
    assert validation.problems(bundle(resource(order))) == ()
