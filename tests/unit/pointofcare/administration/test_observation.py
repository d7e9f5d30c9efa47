"""Values from the bedside: taken as typed, or asked again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.administration import observation
from pointofcare.errors import QuantityError
from pointofcare.people import OBSERVATION_CODES
from pointofcare.quantity import Quantity


def test_every_observation_code_has_its_unit_and_bounds() -> None:
    assert set(observation.KINDS) == OBSERVATION_CODES


@pytest.mark.parametrize("code", sorted(observation.KINDS))
def test_the_bounds_are_in_and_what_lies_beyond_is_out(code: str) -> None:
    kind = observation.KINDS[code]
    for edge in (kind.low, kind.high):
        assert observation.read(code, str(edge)) == Quantity(value=edge, unit=kind.unit)
    for beyond in (kind.low - kind.step, kind.high + kind.step):
        with pytest.raises(QuantityError) as raised:
            observation.read(code, str(beyond))
        assert raised.value.fields["why"] == ("range" if beyond >= 0 else "number")  # nobody types a sign here


@given(st.sampled_from(sorted(observation.KINDS)), st.text(max_size=12))
def test_no_text_is_more_than_refused(code: str, text: str) -> None:
    try:
        value = observation.read(code, text)
    except QuantityError:
        return
    kind = observation.KINDS[code]
    assert kind.low <= value.value <= kind.high
    assert value.unit == kind.unit


def test_a_code_that_nobody_knows_is_refused() -> None:
    with pytest.raises(QuantityError):
        observation.read("mood", "5")
