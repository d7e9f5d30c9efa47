"""The blood pressure is two values, written as people write it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cart_client.beside import vitals
from pointofcare.administration import observation, usual
from pointofcare.people import OBSERVATION_CODES, Observation
from pointofcare.products import HoldRule
from pointofcare.quantity import Quantity
from pointofcare.verdict import engine
from server.emr import fhir_observation
from server.usecases import import_fhir
from tests.support.builders import NOW, facts


def mmhg(number: int) -> Quantity:
    return Quantity.parse(f"{number} mm[Hg]")


def test_a_pressure_as_people_write_it_is_both_values() -> None:
    good, wrong = vitals.read((("systolic", "120/80"),))
    assert (good, wrong) == ({"systolic": mmhg(120), "diastolic": mmhg(80)}, {})


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ((("systolic", "80/120"),), {"diastolic": "turned"}),
        ((("systolic", "120"), ("diastolic", "120")), {"diastolic": "turned"}),
        ((("systolic", "120/80"), ("diastolic", "70")), {"diastolic": "twice"}),
        ((("systolic", "120/8"),), {"diastolic": "range"}),
        ((("systolic", "120/"),), {"systolic": "number"}),
        ((("systolic", "120/80/60"),), {"diastolic": "number"}),
        ((("diastolic", "120/80"),), {"diastolic": "number"}),
    ],
)
def test_what_is_no_pressure_is_said_and_nothing_of_it_is_guessed(values: tuple[tuple[str, str], ...], wrong: dict[str, str]) -> None:
    assert vitals.read(values)[1] == wrong


def test_the_lower_pressure_goes_wherever_the_upper_one_goes() -> None:
    assert {"systolic", "diastolic"} <= OBSERVATION_CODES & set(observation.KINDS) & set(usual.BOUNDS) & set(fhir_observation.CODES)
    assert {"systolic", "diastolic"} <= set(import_fhir.LOINC.values())
    assert fhir_observation.CODES["diastolic"][0] == "8462-4"


def test_a_lower_pressure_is_judged_for_adults_alone() -> None:
    assert usual.standing("diastolic", mmhg(95), adult=True) is usual.Standing.HIGH
    assert usual.standing("diastolic", mmhg(95), adult=None) is usual.Standing.UNJUDGED


@pytest.mark.parametrize(("value", "rules"), [(45, ["H1"]), (70, [])])
def test_a_hold_limit_on_the_lower_pressure_holds_the_dose(value: int, rules: list[str]) -> None:
    hold = (HoldRule(code="diastolic", below=mmhg(50), max_age=timedelta(hours=1), level="WITNESS"),)
    seen = (Observation(code="diastolic", value=mmhg(value), at=NOW - timedelta(minutes=5)),)
    base = facts()
    patients = tuple(replace(each, observations=seen) for each in base.patients)
    products = tuple(replace(each, hold=hold) for each in base.products)
    verdict = engine.evaluate(replace(base, patients=patients, products=products))
    assert [each.rule for each in verdict.findings if each.rule == "H1"] == rules
