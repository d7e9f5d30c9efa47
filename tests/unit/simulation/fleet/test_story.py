from __future__ import annotations

from dataclasses import replace

from simulation.fleet import roster, story
from simulation.fleet.roster import Build
from simulation.fleet.story import Day, Place, Trouble


def lived(build: Build, minutes: int, *, troubles: frozenset[Trouble] = frozenset()) -> tuple[Day, list[str]]:
    day, kinds = story.dawn(build), []
    for minute in range(minutes):
        day, happened = story.step(build, day, hour=(8 + minute // 60) % 24, troubles=troubles, wards=roster.WARDS)
        kinds += [one.kind for one in happened]
    return day, kinds


def test_the_same_seed_lives_the_same_day_and_another_one_another() -> None:
    one, again, other = (roster.fleet(seed, 30) for seed in (1, 1, 2))
    assert one == again
    assert [lived(build, 200) for build in one] == [lived(build, 200) for build in again]
    assert [lived(build, 200) for build in one] != [lived(build, 200) for build in other]


def test_a_larger_fleet_begins_with_the_smaller_one() -> None:
    assert roster.fleet(3, 400)[:40] == roster.fleet(3, 40)
    assert len({build.id for build in roster.fleet(3, 400)}) == 400


def test_a_fleet_has_rounds_docks_dead_spots_and_worn_batteries() -> None:
    builds = roster.fleet(1, 60)
    days = [lived(build, 300) for build in builds]
    kinds = {kind for _, found in days for kind in found}
    assert {"docked", "undocked", "dead-spot", "moved"} <= kinds
    assert {Place.DOCKED, Place.ROUND} <= {day.place for day, _ in days}
    assert any("battery-worn" in day.alerts for day, _ in days)


def test_a_dying_battery_empties_the_cart_and_somebody_brings_it_back() -> None:
    build = next(build for build in roster.fleet(1, 60) if build.battery.chemistry == "SLA")
    day = replace(story.dawn(build), place=Place.PARKED, battery=replace(build.battery, charge=0.05))
    codes: set[str] = set()
    while day.alive:
        day, _ = story.step(build, day, hour=3, troubles={Trouble.BATTERY_DYING, Trouble.DOCK_DEAD})
        codes |= day.alerts
    assert "battery-critical" in codes
    happened: list[str] = []
    while not day.alive:
        day, found = story.step(build, day, hour=3)
        happened += [one.kind for one in found]
    assert happened == ["restarted", "docked"]
    assert (day.place, day.boots, day.up_min) == (Place.DOCKED, 2, 0)
    assert story.step(build, day, hour=3)[0].battery.charge > 0


def test_an_alert_does_not_flicker_where_it_began() -> None:
    build = roster.fleet(1, 1)[0]
    at = lambda charge, alerts: replace(  # noqa: E731
        story.dawn(build), place=Place.ROUND, battery=replace(build.battery, charge=charge, health=0.9), alerts=frozenset(alerts)
    )
    codes = lambda day: {alert.code for alert in story.alerts(build, day)}  # noqa: E731
    assert codes(at(0.21, ())) == set()
    assert codes(at(0.19, ())) == {"battery-low"}
    assert codes(at(0.21, {"battery-low"})) == {"battery-low"}
    assert codes(at(0.29, {"battery-low"})) == set()
    assert codes(at(0.09, {"battery-low"})) == {"battery-critical"}


def test_each_trouble_shows() -> None:
    build = roster.fleet(1, 1)[0]
    docked = replace(story.dawn(build), place=Place.DOCKED)
    told = {trouble: {alert.code for alert in story.alerts(build, docked, {trouble})} for trouble in Trouble}
    assert "dock-without-power" in told[Trouble.DOCK_DEAD]
    assert "clock-off" in told[Trouble.CLOCK_OFF]
    assert "camera-fault" in told[Trouble.CAMERA_DARK]
    assert "mcu-lost" in told[Trouble.MCU_SILENT]
    before = docked.battery.charge
    assert story.step(build, docked, hour=3, troubles={Trouble.DOCK_DEAD})[0].battery.charge < before
