from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pointofcare.errors import ConfigError
from simulation.fleet import roster, scenario
from simulation.fleet.scenario import FAULTS
from simulation.fleet.story import Trouble

GUIDE = Path(__file__).parents[4] / "docs" / "fleet-training.md"


def test_the_guide_names_every_scenario_and_its_own_example_can_be_used() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert [name for name in scenario.names() if f"| `{name}` |" not in text] == []
    example = text.split("```toml\n")[1].split("```")[0]
    assert len(scenario.read(tomllib.loads(example), name="example").events) == 3


@pytest.mark.parametrize("name", scenario.names())
def test_each_scenario_that_ships_can_be_used_and_says_what_it_is(name: str) -> None:
    found = scenario.load(name)
    assert found.name == name
    assert found.about
    assert found.events or name == "ordinary-day"


def test_a_trouble_lies_on_its_carts_for_its_time_and_on_no_other() -> None:
    found = scenario.read({"happens": [{"kind": "wifi-down", "ward": "b", "at_s": 30, "lasts_s": 60}]}, name="x")
    one, two = roster.fleet(1, 2, wards=("a", "b"))
    assert found.troubles(two, ward="b", elapsed_s=30) == {Trouble.WIFI_DOWN}
    assert found.troubles(two, ward="b", elapsed_s=29.9) == set()
    assert found.troubles(two, ward="b", elapsed_s=90) == set()
    assert found.troubles(one, ward="a", elapsed_s=40) == set()
    assert found.troubles(one, ward="b", elapsed_s=40) == {Trouble.WIFI_DOWN}  # it was moved there


def test_a_share_is_always_the_same_carts() -> None:
    builds = roster.fleet(1, 400)
    small, large = (
        {
            build.id
            for build in builds
            if scenario.read({"happens": [{"kind": "camera-dark", "share": share}]}, name="x").troubles(build, ward="a", elapsed_s=1)
        }
        for share in (0.1, 0.3)
    )
    assert small < large
    assert 15 < len(small) < 70


def test_a_bad_firmware_strikes_by_version_and_hardware() -> None:
    found = scenario.read({"happens": [{"kind": "bad-firmware", "versions": "1.2.*", "hardware": "cart-r1", "fault": "no-boot"}]}, name="x")
    old = next(build for build in roster.fleet(1, 60) if build.hardware == "cart-r1")
    new = next(build for build in roster.fleet(1, 60) if build.hardware == "cart-r2")
    assert found.fault_of(old, ward="a", version="1.2.0+9", elapsed_s=0) == "no-boot"
    assert found.fault_of(old, ward="a", version="1.3.0+1", elapsed_s=0) == ""
    assert found.fault_of(new, ward="a", version="1.2.0+9", elapsed_s=0) == ""


def test_every_fault_of_a_file_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'about = 3\nspeed = 2\n[[happens]]\nkind = "earthquake"\nshare = 2\n'
        '[[happens]]\nkind = "wifi-down"\nwhen = 3\nfault = "x"\nat_s = true\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        scenario.load(str(path))
    told = dict(caught.value.problems)
    assert set(told) == {
        "about", "speed", "happens 1: kind", "happens 1: share", "happens 2: when", "happens 2: fault", "happens 2: at_s",
    }  # fmt: skip


def test_a_scenario_that_is_not_there_or_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.toml").write_text("this is [ no toml", encoding="utf-8")
    for name in (str(tmp_path / "missing.toml"), str(tmp_path / "no.toml"), "no-such-scenario"):
        with pytest.raises(ConfigError):
            scenario.load(name)


def test_restarts_come_in_order() -> None:
    rows = [{"kind": "broker-restart", "at_s": 90}, {"kind": "broker-restart", "at_s": 20, "down_s": 4}]
    assert [event.at_s for event in scenario.read({"happens": rows}, name="x").restarts()] == [20, 90]
    assert len(FAULTS) == 4
