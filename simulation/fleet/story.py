"""What happens to a virtual cart, minute by minute: docked, on a round, left in a corridor; out of reach, empty, brought back. Pure.

A minute of a cart depends on its seed, the minute's number and the day before it, and on nothing else: the same fleet lives the same
day again. No clock is read and nothing is sent here.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from simulation.fleet import battery as batteries
from simulation.fleet.battery import Battery
from simulation.fleet.roster import Build


class Place(StrEnum):
    DOCKED = "docked"
    ROUND = "round"
    PARKED = "parked"
    EMPTY = "empty"  # its battery gave up, and nobody has brought it to a dock yet


class Trouble(StrEnum):
    """What a scenario may put on a cart for a while."""

    WIFI_DOWN = "wifi-down"
    DOCK_DEAD = "dock-dead"
    BATTERY_DYING = "battery-dying"
    CLOCK_OFF = "clock-off"
    CAMERA_DARK = "camera-dark"
    MCU_SILENT = "mcu-silent"


# How busy each hour of a ward's day is, 0..1: medicine rounds in the morning, at noon, in the evening and at night.
BUSY = (
    0.10, 0.05, 0.05, 0.05, 0.10, 0.35, 0.80, 0.90, 1.00, 0.80, 0.55, 0.60,
    0.75, 0.55, 0.70, 0.55, 0.50, 0.60, 0.75, 0.65, 0.80, 0.60, 0.35, 0.20,
)  # fmt: skip
MINUTE_S = 60.0
_TAKEN_ABOVE = 0.2
_LOW, _LOW_OVER = 0.20, 0.28
_CRITICAL, _CRITICAL_OVER = 0.10, 0.14
_WORN = 0.6
_DYING_W = 160.0
_CLOCK_OFF_S = 45.0
_CLOCK_ALERT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """`kind` is a fleet event's, `silent_s` for how long the cart is out of reach."""

    kind: str
    details: Mapping[str, object] = field(default_factory=dict)
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A cart at the end of a minute. `idle_min` counts since somebody last did something with it."""

    minute: int
    ward: str
    place: Place
    until: int
    battery: Battery
    load_w: float
    rssi_dbm: int
    reconnects: int
    clock_offset_s: float
    idle_min: int
    boots: int
    up_min: int
    alerts: frozenset[str]

    @property
    def docked(self) -> bool:
        return self.place is Place.DOCKED

    @property
    def alive(self) -> bool:
        return self.place is not Place.EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    code: str
    severity: str
    details: Mapping[str, object] = field(default_factory=dict)


def dawn(build: Build, *, hour: int = 8) -> Day:
    """Where the cart is when it is first heard of."""
    dice = random.Random(f"dawn-{build.seed}-{build.id}")
    place = Place.ROUND if dice.random() < BUSY[hour % 24] * 0.5 else Place.DOCKED if dice.random() < 0.85 else Place.PARKED
    until = dice.randint(5, 60) if place is Place.ROUND else 0
    return Day(
        minute=0,
        ward=build.ward,
        place=place,
        until=until,
        battery=build.battery,
        load_w=build.busy_w if place is Place.ROUND else build.idle_w,
        rssi_dbm=-55,
        reconnects=0,
        clock_offset_s=build.clock_offset_s,
        idle_min=0 if place is Place.ROUND else dice.randint(0, 40),
        boots=1,
        up_min=dice.randint(5, 20_000),
        alerts=frozenset(),
    )


def step(
    build: Build, day: Day, *, hour: int, troubles: Collection[Trouble] = (), wards: Collection[str] = ()
) -> tuple[Day, tuple[Happening, ...]]:
    """One minute further. `hour` is the ward's, 0..23; `wards` are those that may borrow the cart."""
    minute = day.minute + 1
    dice = random.Random(f"{build.seed}/{build.id}/{minute}")
    happened: list[Happening] = []
    charging = day.docked and Trouble.DOCK_DEAD not in troubles
    pack = (
        batteries.charge(day.battery, seconds=MINUTE_S)
        if charging
        else batteries.drain(day.battery, load_w=_load(day, troubles), seconds=MINUTE_S)
    )
    place, ward, until, boots, up_min = day.place, day.ward, day.until, day.boots, day.up_min + 1
    busy = BUSY[hour % 24]
    if day.alive and pack.empty:
        place, until = Place.EMPTY, minute + dice.randint(8, 25)
    elif place is Place.EMPTY:
        if minute >= until:
            place, boots, up_min = Place.DOCKED, boots + 1, 0
            happened.append(Happening(kind="restarted", details={"why": "battery-empty"}))
            happened.append(Happening(kind="docked", details={"dock": build.dock}))
    elif place is Place.ROUND and minute >= until:
        place = Place.DOCKED if dice.random() < 0.8 or pack.charge < _LOW else Place.PARKED
        if place is Place.DOCKED:
            happened.append(Happening(kind="docked", details={"dock": build.dock}))
    elif place is Place.ROUND and pack.charge < _CRITICAL and dice.random() < 0.3:
        place = Place.DOCKED
        happened.append(Happening(kind="docked", details={"dock": build.dock}))
    elif place is not Place.ROUND and pack.charge > _TAKEN_ABOVE and dice.random() < busy / (18 if day.docked else 30):
        if day.docked:
            happened.append(Happening(kind="undocked", details={"dock": build.dock}))
        place, until = Place.ROUND, minute + dice.randint(20, 80)
        ward = _borrowed(build, ward, dice, wards)
    elif place is Place.PARKED and dice.random() < (0.25 if pack.charge < _CRITICAL else 0.03):
        place = Place.DOCKED
        happened.append(Happening(kind="docked", details={"dock": build.dock}))
    if place is Place.DOCKED and ward != build.ward and dice.random() < 0.05:
        ward = build.ward
    if ward != day.ward:
        happened.append(Happening(kind="moved", details={"from": day.ward, "to": ward}))
    reconnects = day.reconnects
    if place is Place.ROUND and dice.random() < 1 / 90:
        happened.append(Happening(kind="dead-spot", silent_s=float(dice.randint(12, 60))))
        reconnects += 1
    offset_s = day.clock_offset_s + build.drift_ppm * MINUTE_S / 1e6
    if abs(offset_s) > 1.0 and Trouble.CLOCK_OFF not in troubles:
        offset_s = build.clock_offset_s  # the site's clock sets it right
    fresh = replace(
        day,
        minute=minute,
        ward=ward,
        place=place,
        until=until,
        battery=pack,
        load_w=build.busy_w if place is Place.ROUND else build.idle_w,
        rssi_dbm=round(max(-92, min(-35, dice.gauss(-52 if place is Place.DOCKED else -64, 6)))),
        reconnects=reconnects,
        clock_offset_s=offset_s,
        idle_min=0 if place is Place.ROUND else day.idle_min + 1,
        boots=boots,
        up_min=up_min,
    )
    return replace(fresh, alerts=frozenset(alert.code for alert in alerts(build, fresh, troubles))), tuple(happened)


def alerts(build: Build, day: Day, troubles: Collection[Trouble] = ()) -> tuple[Alert, ...]:
    """What the cart itself complains of now. What was set stays until it is clearly over."""
    charge = day.battery.charge
    percent = round(charge * 100)
    found: list[Alert] = []
    charges = day.docked and Trouble.DOCK_DEAD not in troubles
    low = charge < (_LOW_OVER if "battery-low" in day.alerts else _LOW) and not charges
    critical = charge < (_CRITICAL_OVER if "battery-critical" in day.alerts else _CRITICAL) and not charges
    if critical:
        found.append(Alert(code="battery-critical", severity="critical", details={"battery_percent": percent}))
    elif low:
        found.append(Alert(code="battery-low", severity="warning", details={"battery_percent": percent}))
    if day.battery.health < _WORN:
        found.append(Alert(code="battery-worn", severity="warning", details={"health_percent": round(day.battery.health * 100)}))
    if day.docked and Trouble.DOCK_DEAD in troubles:
        found.append(Alert(code="dock-without-power", severity="warning", details={"dock": build.dock}))
    if abs(clock_offset_s(day, troubles)) > _CLOCK_ALERT_S:
        found.append(Alert(code="clock-off", severity="warning", details={"clock_offset_s": round(clock_offset_s(day, troubles), 1)}))
    if Trouble.CAMERA_DARK in troubles:
        found.append(Alert(code="camera-fault", severity="warning", details={"fault": "black"}))
    if Trouble.MCU_SILENT in troubles:
        found.append(Alert(code="mcu-lost", severity="critical"))
    return tuple(found)


def clock_offset_s(day: Day, troubles: Collection[Trouble] = ()) -> float:
    """How far ahead of the true time its wall clock is."""
    return day.clock_offset_s + (_CLOCK_OFF_S if Trouble.CLOCK_OFF in troubles else 0.0)


def _load(day: Day, troubles: Collection[Trouble]) -> float:
    """An empty cart draws nothing; a dying pack loses to itself what the cart does not draw."""
    if not day.alive:
        return 0.0
    return day.load_w + (_DYING_W if Trouble.BATTERY_DYING in troubles else 0.0)


def _borrowed(build: Build, ward: str, dice: random.Random, wards: Collection[str]) -> str:
    others = sorted(set(wards) - {ward})
    return dice.choice(others) if others and ward == build.ward and dice.random() < 0.03 else ward
