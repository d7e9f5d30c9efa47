from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.fleet import battery
from simulation.fleet.battery import CHEMISTRIES, Battery


def a_battery(**changes: object) -> Battery:
    made = Battery(chemistry="LiFePO4", capacity_wh=480.0, charge=0.8, health=1.0, cycles=100.0)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_it_empties_at_its_own_load() -> None:
    light = battery.drain(a_battery(), load_w=12, seconds=3600)
    heavy = battery.drain(a_battery(), load_w=48, seconds=3600)
    assert light.charge == pytest.approx(0.8 - 12 / 480)
    assert heavy.charge == pytest.approx(0.8 - 48 / 480)
    assert heavy.current_ma < light.current_ma < 0


def test_a_worn_pack_lasts_shorter_and_sags_more() -> None:
    assert battery.hours_left(a_battery(health=0.5), load_w=30) == pytest.approx(battery.hours_left(a_battery(), load_w=30) / 2)
    new, worn = (battery.drain(a_battery(health=health), load_w=40, seconds=1) for health in (1.0, 0.4))
    assert worn.voltage_mv < new.voltage_mv


def test_it_gives_nothing_when_it_is_empty() -> None:
    empty = battery.drain(a_battery(charge=0.001), load_w=500, seconds=3600)
    assert empty.empty
    assert battery.drain(empty, load_w=500, seconds=60).charge == 0.0


@pytest.mark.parametrize("chemistry", list(CHEMISTRIES))
def test_charging_tapers_and_ends_when_full(chemistry: str) -> None:
    now, gained = a_battery(chemistry=chemistry, charge=0.1), []
    for _ in range(20 * 60):
        after = battery.charge(now, seconds=60)
        gained.append(after.charge - now.charge)
        now = after
    assert now.charge == 1.0
    assert gained[0] > max(gain for gain in gained[-60:])
    assert battery.charge(now, seconds=60).current_ma == 0


@given(
    st.sampled_from(list(CHEMISTRIES)),
    st.floats(0, 1),
    st.floats(0.1, 1),
    st.lists(st.tuples(st.booleans(), st.floats(0, 2000), st.floats(0, 7200)), max_size=20),
)
def test_whatever_is_done_with_it_it_stays_a_battery(
    chemistry: str, level: float, health: float, steps: list[tuple[bool, float, float]]
) -> None:
    now = a_battery(chemistry=chemistry, charge=level, health=health)
    for charges, load_w, seconds in steps:
        after = battery.charge(now, seconds=seconds) if charges else battery.drain(now, load_w=load_w, seconds=seconds)
        assert 0.0 <= after.charge <= 1.0
        assert 0.05 <= after.health <= now.health
        assert after.cycles >= now.cycles
        assert after.charge >= now.charge if charges else after.charge <= now.charge
        now = after
