"""Usual values: a hint for adults, nothing for children where age decides, and a second question for a slip of the finger."""

from __future__ import annotations

from datetime import date

import pytest

from pointofcare.administration import observation, usual
from pointofcare.administration.usual import Standing
from pointofcare.quantity import Quantity


def standing(code: str, text: str, *, adult: bool | None = True) -> str:
    return usual.standing(code, Quantity.parse(f"{text} {observation.KINDS[code].unit}"), adult=adult).value


@pytest.mark.parametrize(
    ("code", "text", "found"),
    [
        ("heart-rate", "51", "usual"), ("heart-rate", "50", "low"), ("heart-rate", "91", "high"), ("systolic", "110", "low"),
        ("spo2", "95", "low"), ("temperature", "38.1", "high"), ("respiratory-rate", "20", "usual"), ("potassium", "4", "unjudged"),
    ],
)  # fmt: skip
def test_a_value_of_an_adult_is_put_beside_the_usual_range(code: str, text: str, found: str) -> None:
    assert standing(code, text) == found


@pytest.mark.parametrize("adult", [False, None])
def test_what_depends_on_age_is_not_judged_for_a_child_or_an_unknown_age(adult: bool | None) -> None:
    assert standing("heart-rate", "130", adult=adult) == Standing.UNJUDGED
    assert standing("spo2", "88", adult=adult) == Standing.LOW


def test_every_bound_lies_within_what_can_be() -> None:
    for code, bounds in usual.BOUNDS.items():
        kind = observation.KINDS[code]
        assert kind.low <= bounds.ask_below <= bounds.low < bounds.high <= bounds.ask_above <= kind.high


def test_only_what_is_far_out_is_asked_again() -> None:
    assert usual.asks_again("heart-rate", Quantity.parse("34 /min"), adult=True)
    assert not usual.asks_again("heart-rate", Quantity.parse("35 /min"), adult=True)
    assert not usual.asks_again("heart-rate", Quantity.parse("220 /min"), adult=False)


@pytest.mark.parametrize(("born", "adult"), [(date(2010, 3, 3), False), (date(2010, 3, 2), True), (None, None)])
def test_an_adult_is_one_from_the_birthday_on(born: date | None, adult: bool | None) -> None:
    assert usual.is_adult(born, date(2026, 3, 2)) is adult
