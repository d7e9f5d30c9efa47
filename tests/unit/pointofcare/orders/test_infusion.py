"""Drops, volumes and bags, exactly: the figures are those of nursing text books worked by hand."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import QuantityError
from pointofcare.orders import infusion
from pointofcare.orders.infusion import Segment
from pointofcare.quantity import Quantity
from tests.unit.pointofcare.orders.an_order import HOUR, amount, at

T0 = at("2026-03-02T08:00:00+07:00")
MINUTE = timedelta(minutes=1)


def ran(*parts: tuple[float, str | None]) -> list[Segment]:
    """(hours after T0, rate) pairs."""
    return [Segment(at=T0 + timedelta(hours=hours), rate=amount(rate) if rate is not None else None) for hours, rate in parts]


@pytest.mark.parametrize(
    ("rate", "factor", "exact", "whole"),
    [
        ("125 mL/h", 20, Fraction(125, 3), 42),
        ("83 mL/h", 20, Fraction(83, 3), 28),
        ("100 mL/h", 15, Fraction(25), 25),
        ("60 mL/h", 60, Fraction(60), 60),
        ("50 mL/h", 60, Fraction(50), 50),
        ("1 L/h", 10, Fraction(500, 3), 167),
        ("2 mL/min", 20, Fraction(40), 40),
        ("1 L/d", 20, Fraction(125, 9), 14),
        ("31.5 mL/h", 20, Fraction(21, 2), 11),  # a half goes up
        ("31.4 mL/h", 20, Fraction(157, 15), 10),
        ("1.5 mL/h", 20, Fraction(1, 2), 1),
        ("0 mL/h", 20, Fraction(0), 0),
    ],
)
def test_drops_a_minute(rate: str, factor: int, exact: Fraction, whole: int) -> None:
    assert infusion.drops_per_minute(amount(rate), factor) == exact
    assert infusion.whole_drops_per_minute(amount(rate), factor) == whole


def test_less_than_half_a_drop_a_minute_is_a_pumps_work() -> None:
    with pytest.raises(QuantityError) as caught:
        infusion.whole_drops_per_minute(amount("1.49 mL/h"), 20)
    assert "pump" in caught.value.remedy
    assert caught.value.fields == {"rate": amount("1.49 mL/h"), "drop_factor": 20}


@pytest.mark.parametrize("rate", ["5 mg/h", "5 ug/kg/min", "5 mL", "5 /min", "5 [drp]/min", "5 mL/kg/h"])
def test_only_volume_per_time_becomes_drops(rate: str) -> None:
    with pytest.raises(QuantityError) as caught:
        infusion.drops_per_minute(amount(rate), 20)
    assert caught.value.fields["rate"] == amount(rate)
    assert "mL/h" in caught.value.remedy


def test_a_rate_below_zero_is_refused() -> None:
    with pytest.raises(QuantityError) as caught:
        infusion.drops_per_minute(amount("1 mL/h") - amount("2 mL/h"), 20)
    assert "below zero" in caught.value.message


@pytest.mark.parametrize(
    ("factor", "known"), [(4, False), (5, True), (10, True), (60, True), (100, True), (101, False), (0, False), (-20, False)]
)
def test_an_infusion_set_has_five_to_a_hundred_drops_a_millilitre(factor: int, known: bool) -> None:
    if known:
        assert infusion.drops_per_minute(amount("60 mL/h"), factor) == factor
        assert infusion.rate_of_drops(factor, factor) == Quantity.parse("60 mL/h")
        return
    for wrong in (lambda: infusion.drops_per_minute(amount("60 mL/h"), factor), lambda: infusion.rate_of_drops(20, factor)):
        with pytest.raises(QuantityError) as caught:
            wrong()
        assert caught.value.fields["drop_factor"] == factor
        assert "5 to 100" in caught.value.remedy


def test_drops_back_to_a_rate() -> None:
    assert infusion.rate_of_drops(42, 20) == amount("126 mL/h")
    assert infusion.rate_of_drops(0, 20) == amount("0 mL/h")
    assert str(infusion.rate_of_drops(10, 14)).startswith("42.857142")
    with pytest.raises(QuantityError) as caught:
        infusion.rate_of_drops(-1, 20)
    assert caught.value.fields["drops"] == -1


@given(st.integers(1, 400), st.sampled_from([10, 15, 20, 60]))
def test_whole_drops_come_back_as_they_were(drops: int, factor: int) -> None:
    assert infusion.whole_drops_per_minute(infusion.rate_of_drops(drops, factor), factor) == drops


@given(st.integers(1, 3000), st.integers(5, 100))
def test_rounding_is_never_further_than_half_a_drop(tenths: int, factor: int) -> None:
    rate = amount(f"{tenths / 10:.1f} mL/h")
    exact = infusion.drops_per_minute(rate, factor)
    assert exact == Fraction(tenths * factor, 600)
    if exact >= Fraction(1, 2):
        assert -Fraction(1, 2) < infusion.whole_drops_per_minute(rate, factor) - exact <= Fraction(1, 2)


def test_volume_over_changes_of_rate_and_a_pause() -> None:
    segments = ran((0, "100 mL/h"), (1, "50 mL/h"), (2, None), (2.5, "200 mL/h"))
    assert infusion.volume_given(segments, T0) == 0
    assert infusion.volume_given(segments, T0 + 30 * MINUTE) == 50
    assert infusion.volume_given(segments, T0 + HOUR) == 100
    assert infusion.volume_given(segments, T0 + 2 * HOUR) == 150
    assert infusion.volume_given(segments, T0 + 150 * MINUTE) == 150
    assert infusion.volume_given(segments, T0 + 3 * HOUR) == 250
    assert infusion.volume_given(segments, T0 - HOUR) == 0
    assert infusion.volume_given([], T0) == 0
    assert infusion.volume_given(segments[::-1], T0 + 3 * HOUR) == 250


def test_of_two_rates_at_one_instant_the_later_written_holds() -> None:
    segments = ran((0, "100 mL/h"), (0, "10 mL/h"))
    assert infusion.volume_given(segments, T0 + HOUR) == 10
    assert infusion.volume_given(segments[::-1], T0 + HOUR) == 100


def test_a_third_of_a_millilitre_three_times_is_a_millilitre() -> None:
    assert infusion.volume_given(ran((0, "1 mL/h")), T0 + 20 * MINUTE) == Fraction(1, 3)
    assert infusion.volume_given(ran((0, "1 mL/h")), T0 + HOUR) == 1


def test_what_is_left_is_never_below_zero() -> None:
    segments = ran((0, "100 mL/h"))
    assert infusion.volume_left(amount("0.5 L"), segments, T0 + HOUR) == 400
    assert infusion.volume_left(amount("500 mL"), segments, T0 + 5 * HOUR) == 0
    assert infusion.volume_left(amount("500 mL"), segments, T0 + 6 * HOUR) == 0
    with pytest.raises(QuantityError) as caught:
        infusion.volume_left(amount("500 mg"), segments, T0)
    assert caught.value.fields["volume"] == amount("500 mg")


@pytest.mark.parametrize(
    ("parts", "hours"),
    [
        (((0, "100 mL/h"),), 5.0),
        (((0, "100 mL/h"), (1, "200 mL/h")), 3.0),
        (((0, "100 mL/h"), (1, None), (3, "100 mL/h")), 7.0),
        (((0, "100 mL/h"), (5, None)), 5.0),  # empty just as it was stopped
        (((0, "100 mL/h"), (7, "50 mL/h")), 5.0),  # empty before the last change
        (((0, "0 mL/h"), (1, "500 mL/h")), 2.0),
        (((0, "100 mL/h"), (1, None)), None),
        (((0, "100 mL/h"), (1, "0 mL/h")), None),
        (((0, None),), None),
        ((), None),
    ],
)
def test_when_a_bag_of_half_a_litre_is_empty(parts: tuple[tuple[float, str | None], ...], hours: float | None) -> None:
    expected = None if hours is None else T0 + timedelta(hours=hours)
    assert infusion.empty_at(amount("500 mL"), ran(*parts)) == expected
    assert infusion.empty_at(amount("500 mL"), ran(*parts)[::-1]) == expected


def test_an_empty_bag_is_empty_from_the_start_and_an_endless_one_never() -> None:
    assert infusion.empty_at(amount("0 mL"), ran((0, None))) == T0
    assert infusion.empty_at(amount("100000 L"), ran((0, "0.000001 mL/h"))) is None


def test_empty_is_never_said_too_early() -> None:
    found = infusion.empty_at(amount("1 mL"), ran((0, "7 mL/h")))
    assert found is not None
    assert infusion.volume_left(amount("1 mL"), ran((0, "7 mL/h")), found) == 0
    assert infusion.volume_left(amount("1 mL"), ran((0, "7 mL/h")), found - timedelta(microseconds=1)) > 0


_PARTS = st.lists(st.tuples(st.integers(0, 600), st.one_of(st.none(), st.integers(0, 500))), min_size=1, max_size=8)


@given(_PARTS, st.integers(1, 1000))
def test_a_bag_is_empty_exactly_when_all_of_it_has_run_in(parts: list[tuple[int, int | None]], volume: int) -> None:
    segments = [Segment(at=T0 + minutes * MINUTE, rate=amount(f"{rate} mL/h") if rate is not None else None) for minutes, rate in parts]
    bag = amount(f"{volume} mL")
    found = infusion.empty_at(bag, segments)
    if found is None:
        assert infusion.volume_left(bag, segments, T0 + timedelta(days=3650)) > 0
    else:
        assert infusion.volume_left(bag, segments, found) == 0
        assert infusion.volume_left(bag, segments, found - timedelta(microseconds=2)) > 0


@given(_PARTS, st.integers(0, 1000), st.integers(0, 1000))
def test_volume_never_falls_with_time(parts: list[tuple[int, int | None]], one: int, other: int) -> None:
    segments = [Segment(at=T0 + minutes * MINUTE, rate=amount(f"{rate} mL/h") if rate is not None else None) for minutes, rate in parts]
    early, late = sorted((one, other))
    assert infusion.volume_given(segments, T0 + early * MINUTE) <= infusion.volume_given(segments, T0 + late * MINUTE)


def test_hang_time_runs_from_the_start_in_any_offset() -> None:
    assert infusion.hangs_until(T0, 24 * HOUR) == at("2026-03-03T08:00:00+07:00")
    assert infusion.hangs_until(T0, None) is None
    for wrong in (timedelta(0), -HOUR):
        with pytest.raises(QuantityError) as caught:
            infusion.hangs_until(T0, wrong)
        assert caught.value.fields["hang_time"] == wrong
