"""What a cart's battery is going to do, learned from this cart's own numbers: how fast it empties, and how fast it wears out.

Pure but for `heard`. Each number is taken in once and kept as sums, so that nothing is read again however long a cart is there. What
was seen for too short a time is not known, and never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pointofcare.wire.messages import Telemetry, TelemetryKind
from server.store import fleet_history
from server.store.transaction import Transaction

# A battery gauge says whole percents: a stretch is measured over so long, or what came of it is the rounding.
STRETCH = timedelta(minutes=45)
SHORTEST = timedelta(minutes=20)
# A cart that was silent longer may have been charged in between.
SILENT = timedelta(minutes=20)
# After so many hours of discharge an older one counts half.
HALF_LIFE_H = 20.0
LEAST_H = 2.0
SURE_H = 6.0
SURE_SPREAD = 0.35
# A cart is not run below this.
RESERVE_PERCENT = 5.0
WORN_PERCENT = 70.0
_MOST_LOAD = 200.0
_LEAST_LOAD = 0.2
# One state of health a week, for half a year.
_HEALTH_EVERY = timedelta(days=7)
_HEALTH_KEPT = 26
_LEAST_WEEKS = 4
_NEW_BATTERY_PERCENT = 5.0
_FARTHEST = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """`from_at`, `from_percent`: where the running stretch of discharge began, None: it does not discharge. `newest_at` is of the newest
    number. `hours`, `drops`, `squares`: decayed sums over stretches of hours, percents lost, and hours times the square of the rate.
    `health`: (day, percent), a week apart."""

    from_at: datetime | None = None
    from_percent: float | None = None
    newest_at: datetime | None = None
    newest_percent: float | None = None
    hours: float = 0.0
    drops: float = 0.0
    squares: float = 0.0
    health: tuple[tuple[date, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Percent of charge that this cart uses up in an hour, its spread (one standard deviation), and over how many hours that was seen."""

    percent_h: float
    spread: float
    seen_h: float

    @property
    def is_sure(self) -> bool:
        return self.seen_h >= SURE_H and self.spread <= SURE_SPREAD * self.percent_h


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Hours until the reserve, and how few or many they may be."""

    hours: float
    least: float
    most: float
    is_sure: bool


def fold(sums: Sums, at: datetime, *, percent: float | None, discharging: bool | None, health: float | None = None) -> Sums:
    """`sums` and one more number of this cart; an older one than the newest changes nothing. `discharging` None: the cart did not say."""
    if sums.newest_at is not None and at <= sums.newest_at:
        return sums
    sums = _aged(sums, at, health)
    if percent is None or not 0 <= percent <= 100:
        return replace(_closed(sums), newest_at=at, newest_percent=None)
    broken = sums.newest_at is None or at - sums.newest_at > SILENT or discharging is not True
    risen = sums.newest_percent is not None and percent > sums.newest_percent + 1
    if broken or risen:
        sums = _closed(sums)
    if discharging is True and (sums.from_at is None or sums.from_percent is None):
        sums = replace(sums, from_at=at, from_percent=percent)
    sums = replace(sums, newest_at=at, newest_percent=percent)
    if sums.from_at is not None and at - sums.from_at >= STRETCH:
        sums = _closed(sums)
        sums = replace(sums, from_at=at, from_percent=percent)
    return sums


def load(sums: Sums) -> Load | None:
    """None: not seen for long enough."""
    if sums.hours < LEAST_H or sums.drops <= 0:
        return None
    mean = sums.drops / sums.hours
    if not _LEAST_LOAD <= mean <= _MOST_LOAD:
        return None
    return Load(percent_h=mean, spread=math.sqrt(max(0.0, sums.squares / sums.hours - mean * mean)), seen_h=sums.hours)


def left(percent: float | None, found: Load | None) -> Left | None:
    """How long a charge lasts at this load; None: not known."""
    if percent is None or found is None:
        return None
    usable = max(0.0, percent - RESERVE_PERCENT)
    slow = max(found.percent_h - found.spread, found.percent_h / 3)
    return Left(hours=usable / found.percent_h, least=usable / (found.percent_h + found.spread), most=usable / slow, is_sure=found.is_sure)


def replace_on(health: Sequence[tuple[date, float]]) -> date | None:
    """When the state of health is going to be too low, by a line through what was told; None: not known, or not within five years."""
    if health and health[-1][1] < WORN_PERCENT:
        return health[-1][0]
    if len(health) < _LEAST_WEEKS:
        return None
    days = [float((day - health[0][0]).days) for day, _ in health]
    mean_day, mean = sum(days) / len(days), sum(percent for _, percent in health) / len(health)
    across = sum((day - mean_day) ** 2 for day in days)
    slope = sum((day - mean_day) * (percent - mean) for day, (_, percent) in zip(days, health, strict=True)) / across if across else 0.0
    if slope >= 0:
        return None
    ahead = (WORN_PERCENT - (mean + slope * (days[-1] - mean_day))) / slope
    return health[-1][0] + timedelta(days=max(0, round(ahead))) if ahead <= _FARTHEST.days else None


def _closed(sums: Sums) -> Sums:
    """The running stretch is counted, when it was long enough to say something, and ends."""
    begun, percent, at, now = sums.from_at, sums.from_percent, sums.newest_at, sums.newest_percent
    sums = replace(sums, from_at=None, from_percent=None)
    if begun is None or percent is None or at is None or now is None or at - begun < SHORTEST:
        return sums
    hours, drop = (at - begun) / timedelta(hours=1), max(0.0, percent - now)
    kept = 0.5 ** (hours / HALF_LIFE_H)
    return replace(
        sums,
        hours=sums.hours * kept + hours,
        drops=sums.drops * kept + drop,
        squares=sums.squares * kept + hours * (drop / hours) ** 2,
    )


def _aged(sums: Sums, at: datetime, health: float | None) -> Sums:
    if health is None or not 0 <= health <= 100:
        return sums
    today = at.date()
    if sums.health and health > sums.health[-1][1] + _NEW_BATTERY_PERCENT:
        return replace(sums, health=((today, health),))  # a new battery
    if sums.health and today - sums.health[-1][0] < _HEALTH_EVERY:
        return sums
    return replace(sums, health=(*sums.health, (today, health))[-_HEALTH_KEPT:])


def to_row(sums: Sums) -> dict[str, Any]:
    """As JSON holds it."""
    return {
        "from_at": sums.from_at.isoformat() if sums.from_at else None,
        "from_percent": sums.from_percent,
        "newest_at": sums.newest_at.isoformat() if sums.newest_at else None,
        "newest_percent": sums.newest_percent,
        "hours": sums.hours,
        "drops": sums.drops,
        "squares": sums.squares,
        "health": [[day.isoformat(), percent] for day, percent in sums.health],
    }


def from_row(row: Mapping[str, Any]) -> Sums:
    moments = {name: datetime.fromisoformat(row[name]).astimezone(UTC) if row.get(name) else None for name in ("from_at", "newest_at")}
    return Sums(
        **moments,
        from_percent=row.get("from_percent"),
        newest_percent=row.get("newest_percent"),
        hours=float(row.get("hours", 0.0)),
        drops=float(row.get("drops", 0.0)),
        squares=float(row.get("squares", 0.0)),
        health=tuple((date.fromisoformat(day), float(percent)) for day, percent in row.get("health", ())),
    )


def heard(tx: Transaction, cart: str, told: Telemetry) -> None:
    """Takes in what a cart told of its power, at most once in four minutes: what lies between changes no slope."""
    if told.kind is not TelemetryKind.POWER:
        return
    before = fleet_history.battery(tx, cart)
    sums = from_row(before.sums) if before is not None else Sums()
    charging, mains = told.values.get("charging"), told.values.get("on_mains")
    said = [one for one in (charging, mains) if isinstance(one, bool)]
    discharging = not any(said) if said else None
    if sums.newest_at is not None and tx.at - sums.newest_at < timedelta(minutes=4) and (discharging is True) == (sums.from_at is not None):
        return
    percent, health = (_number(told.values.get(name)) for name in ("battery_percent", "health_percent"))
    sums = fold(sums, tx.at, percent=percent, discharging=discharging, health=health)
    found = load(sums)
    fleet_history.put_battery(
        tx,
        cart,
        sums=to_row(sums),
        load_percent_h=found.percent_h if found else None,
        spread_percent_h=found.spread if found else None,
        seen_h=sums.hours,
        replace_on=replace_on(sums.health),
    )


def _number(value: object) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fits and isinstance(value, int | float) else None
