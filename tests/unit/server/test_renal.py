"""Renal function from creatinine: the published formulas, and no number where something is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pointofcare.people import Observation, Patient, Weight
from pointofcare.quantity import Quantity
from server.usecases import renal

TODAY = date(2026, 3, 2)
AT = datetime(2026, 3, 1, 6, tzinfo=UTC)


def a_patient(creatinine: str = "88.42 umol/L", **changes: object) -> Patient:
    patient = Patient(
        id="P1",
        mrn="1",
        name="N",
        birth_date=date(1976, 1, 1),
        sex="male",
        weight=Weight(value=Quantity.parse("72 kg"), at=AT),
        observations=(Observation(code="creatinine", value=Quantity.parse(creatinine), at=AT),),
    )
    return replace(patient, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("creatinine", "years", "is_female", "expected"),
    [(1.0, 50, False, 92), (1.0, 50, True, 69), (0.5, 30, True, 129), (4.0, 70, False, 15)],
)
def test_the_estimate_is_that_of_the_published_equation(creatinine: float, years: int, is_female: bool, expected: int) -> None:
    assert round(renal.egfr(creatinine, years, is_female=is_female)) == expected


def test_both_units_of_creatinine_say_the_same() -> None:
    found = renal.of_patient(a_patient(), TODAY)
    other = renal.of_patient(a_patient("1 mg/dL"), TODAY)
    assert found is not None
    assert other is not None
    assert (found.egfr, found.clearance) == (other.egfr, other.clearance) == (92, 90)
    assert found.at == AT


@pytest.mark.parametrize(
    "changes",
    [{"birth_date": None}, {"sex": None}, {"sex": "unknown"}, {"birth_date": date(2015, 1, 1)}, {"birth_date": date(2027, 1, 1)}],
)
def test_without_age_or_sex_and_for_children_there_is_no_number(changes: dict[str, object]) -> None:
    found = renal.of_patient(a_patient(**changes), TODAY)
    assert found is not None
    assert (found.egfr, found.clearance) == (None, None)


def test_without_a_weight_there_is_no_clearance_and_without_a_value_nothing() -> None:
    found = renal.of_patient(a_patient(weight=None), TODAY)
    assert found is not None
    assert (found.egfr, found.clearance) == (92, None)
    assert renal.of_patient(a_patient(observations=()), TODAY) is None


@pytest.mark.parametrize("creatinine", ["9000 umol/L", "1 umol/L", "1 mmol/h"])
def test_a_value_that_no_person_has_makes_no_number(creatinine: str) -> None:
    found = renal.of_patient(a_patient(creatinine), TODAY)
    assert found is not None
    assert found.egfr is None
