"""How long a battery lasts is told from this cart's own numbers, and not at all before there are enough of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.usecases import fleet_battery
from server.usecases.fleet_battery import Load, Sums

BEGAN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)


def told(percents: Iterable[float | None], *, minutes: int = 5, discharging: bool | None = True, sums: Sums | None = None) -> Sums:
    sums = sums or Sums()
    at = sums.newest_at or BEGAN
    for percent in percents:
        at += timedelta(minutes=minutes)
        sums = fleet_battery.fold(sums, at, percent=percent, discharging=discharging)
    return sums


def falling(percent_h: float, hours: float, *, start: float = 100.0) -> list[float]:
    """As a gauge tells it: whole percents, each five minutes."""
    return [float(round(start - percent_h * place * 5 / 60)) for place in range(round(hours * 12) + 1)]


@pytest.mark.parametrize("percent_h", [4.0, 9.5, 20.0])
def test_hours_left_are_those_of_the_carts_own_load(percent_h: float) -> None:
    found = fleet_battery.load(told(falling(percent_h, 4.5)))
    assert found is not None
    assert found.percent_h == pytest.approx(percent_h, rel=0.12)
    left = fleet_battery.left(65.0, found)
    assert left is not None
    assert left.least <= left.hours <= left.most
    assert left.hours == pytest.approx(60 / percent_h, rel=0.15)


def test_less_than_two_hours_of_discharge_say_nothing() -> None:
    assert fleet_battery.load(told(falling(10, 1.5))) is None
    assert fleet_battery.left(80, None) is None


@pytest.mark.parametrize("discharging", [None, False])
def test_a_cart_that_charges_or_does_not_say_teaches_nothing(discharging: bool | None) -> None:
    assert fleet_battery.load(told(falling(10, 8), discharging=discharging)) is None


def test_a_silence_in_which_it_may_have_been_charged_is_not_counted() -> None:
    sums = told(falling(10, 3))
    before = fleet_battery.load(sums)
    sums = fleet_battery.fold(sums, sums.newest_at + timedelta(hours=5), percent=5.0, discharging=True)  # type: ignore[operator]
    after = fleet_battery.load(sums)
    assert before is not None
    assert after is not None
    assert after.percent_h == pytest.approx(before.percent_h, rel=0.05)


def test_an_uneven_load_is_not_sure() -> None:
    sums = told([*falling(30, 1.5), *falling(2, 3, start=55), *falling(30, 1.5, start=48)])
    found = fleet_battery.load(sums)
    assert found is not None
    assert not found.is_sure


def test_a_battery_that_wears_is_forecast_and_a_new_one_is_not() -> None:
    wearing = [(date(2026, 1, 5) + timedelta(days=7 * week), 90.0 - week) for week in range(8)]
    assert fleet_battery.replace_on(wearing) == date(2026, 1, 5) + timedelta(days=140)
    assert fleet_battery.replace_on(wearing[:3]) is None
    assert fleet_battery.replace_on([(day, 95.0) for day, _ in wearing]) is None
    assert fleet_battery.replace_on([(date(2026, 1, 5), 60.0)]) == date(2026, 1, 5)


def test_a_new_battery_forgets_the_old_ones_wear() -> None:
    sums = Sums()
    for week, health in enumerate((74.0, 73.0, 72.0, 99.0)):
        sums = fleet_battery.fold(sums, BEGAN + timedelta(days=7 * week), percent=50.0, discharging=False, health=health)
    assert [percent for _, percent in sums.health] == [99.0]


@given(
    st.lists(
        st.tuples(
            st.integers(-30, 600),
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 100)),
            st.sampled_from([True, False, None]),
            st.one_of(st.none(), st.floats(-10, 200)),
        ),
        max_size=60,
    )
)
def test_whatever_a_cart_tells_no_impossible_load_comes_of_it(told_: list[tuple[int, float | None, bool | None, float | None]]) -> None:
    sums, at = Sums(), BEGAN
    for minutes, percent, discharging, health in told_:
        at += timedelta(minutes=minutes)
        sums = fleet_battery.fold(sums, at, percent=percent, discharging=discharging, health=health)
        assert fleet_battery.from_row(fleet_battery.to_row(sums)) == sums
        found = fleet_battery.load(sums)
        assert found is None or (isinstance(found, Load) and 0 < found.percent_h <= 200 and found.spread >= 0)
        left = fleet_battery.left(percent if percent is not None and 0 <= percent <= 100 else None, found)
        assert left is None or 0 <= left.least <= left.hours <= left.most
        fleet_battery.replace_on(sums.health)
