"""Weeks of plausible quality figures for a demonstration, so that the charts are not empty: doses that never were, counted as real ones.

`python -m simulation.quality_month SERVER_TOML [--seed N] [--weeks N]`. The same seed and day give the same figures. Only counted days are
written, marked as simulated, and the page says so; no patient, record or audit entry is made up. Refuses a server that is no demonstration.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pointofcare.errors import ConfigError
from server import config as configuration
from server.app import bare_app
from server.store import quality
from server.store.quality import Day, Unfilled
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import quality_days
from server.usecases.quality_count import COUNTING, count
from server.usecases.quality_dose import Asked, Attempt, Dose
from server.usecases.workarounds import Material
from simulation import ward as virtual

ACTOR = Actor(id="simulation", name="Simulation")
WEEKS = 13
# Ordered hours and how many of a day's doses are due then.
_HOURS = ((6, 12), (8, 26), (12, 7), (14, 11), (16, 5), (18, 10), (20, 16), (22, 8), (0, 3), (2, 2))
_PRODUCTS = (
    "AMOX500",
    "OMEP20",
    "METF500",
    "AMLO5",
    "LISI10",
    "FURO40",
    "ATOR20",
    "CLOP75",
    "ENOX40",
    "PARA500",
    "ONDA4",
    "SALB",
    "GENT80",
)
_TYPED = ("label-unreadable", "label-unreadable", "label-missing", "band-missing", "band-isolation", "scanner-fault")
# (rule, level, how often in 10,000 doses, how often it is passed over)
_ALERTS = (
    ("T1", "WARN", 620, 0.93), ("T3", "WARN", 180, 0.71), ("D7", "WARN", 260, 0.97), ("H1", "REASON", 150, 0.42), ("D1", "STOP", 130, 0.0),
    ("G1", "STOP", 24, 0.0), ("D5", "STOP", 70, 0.0), ("D11", "REASON", 90, 0.88), ("P6", "REASON", 240, 1.0), ("H2", "WITNESS", 210, 0.0),
    ("Q2", "STOP", 95, 0.0), ("D10", "STOP", 14, 0.0), ("G2", "STOP", 4, 0.0),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ward:
    """How a ward works: doses a day, share of scans in the first and in the last week, omissions in 1,000."""

    id: str
    doses: int
    first: float
    last: float
    omitted: int


_WARDS = (
    _Ward(id=virtual.WARD, doses=110, first=0.88, last=0.965, omitted=16),
    _Ward(id="NGOAI-CT", doses=80, first=0.91, last=0.93, omitted=24),
    _Ward(id="HSTC", doses=95, first=0.84, last=0.9, omitted=9),
    _Ward(id="NHI", doses=55, first=0.95, last=0.975, omitted=12),
)


def days(seed: int, last: date, *, weeks: int = WEEKS, zone: str = virtual.TIMEZONE, facility: str = virtual.FACILITY) -> list[Day]:
    """Counted days of four wards and of all together, up to and with `last`."""
    found: list[Day] = []
    monday = last - timedelta(days=last.weekday()) - timedelta(weeks=weeks - 1)
    span = (last - monday).days
    at = datetime.combine(last, datetime.max.time(), tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(microsecond=0)
    for back in range(span + 1):
        day = monday + timedelta(days=back)
        begin, _ = quality_days.bounds(day, zone)
        parts = []
        for one in _WARDS:
            rng = random.Random(f"quality-{seed}-{one.id}-{day.isoformat()}")
            progress = back / max(span, 1)
            material, unfilled = _day(one, rng, begin, zone, one.first + (one.last - one.first) * progress, 1.25 - 0.5 * progress)
            cells = count(material, unfilled=unfilled, facility=facility, zone=zone)
            parts.append(quality_days.row(one.id, day, cells, at, basis="simulated"))
        found += [*parts, quality_days.hospital_day(day, parts, at, basis="simulated")]
    return found


def _day(ward: _Ward, rng: random.Random, begin: datetime, zone: str, share: float, misses: float) -> tuple[Material, list[Unfilled]]:
    local = ZoneInfo(zone)
    weekend = begin.astimezone(local).weekday() >= 5
    team = [f"{ward.id}-N{number}" for number in range(1, 10)]
    doses: list[Dose] = []
    attempts: list[Attempt] = []
    unfilled: list[Unfilled] = []
    hours = [hour for hour, weight in _HOURS for _ in range(weight)]
    for number in range(round(ward.doses * (0.86 if weekend else 1.0) * rng.uniform(0.93, 1.07))):
        hour = rng.choice(hours)
        due = begin.astimezone(local).replace(hour=hour, minute=0).astimezone(UTC)
        night = hour >= 22 or hour <= 4
        patient, order = f"{ward.id}-P{rng.randrange(24)}", f"{ward.id}-{begin.date()}-{number}"
        if rng.random() * 1000 < ward.omitted * misses * (2.2 if night else 1.0):
            unfilled.append(Unfilled(order=order, patient=patient, ward=ward.id, due=due))
            continue
        nurse = rng.choice(team[6:] if night else team[:7])
        doses.append(_dose(rng, f"{order}", nurse, patient, due, share - (0.05 if night else 0.0), attempts))
    doses.sort(key=lambda dose: (dose.at, dose.record_id))
    return Material(since=begin, doses=doses, attempts=attempts), unfilled


def _dose(rng: random.Random, order: str, nurse: str, patient: str, due: datetime, share: float, attempts: list[Attempt]) -> Dose:
    minutes = rng.gauss(9, 22)
    asked: list[Asked] = []
    for rule, level, often, passed in _ALERTS:
        if rule in ("T1", "P6") or rng.random() * 10_000 >= often:
            continue
        one = Asked(rule=rule, level=level, satisfied=True, unknown=rule == "H1" and rng.random() < 0.2)
        if rng.random() < passed:
            asked.append(one)
        else:
            attempts.append(
                Attempt(record_id=f"{order}-{rule}", cart="cart-01", patient=patient, nurse=nurse, at=due, outcome="stopped", asked=(one,))
            )
    if abs(minutes) > 60:
        asked.append(Asked(rule="T1", level="WARN", satisfied=True))
    at = due + timedelta(minutes=minutes, seconds=rng.randrange(60))
    patient_scanned = rng.random() < share + 0.02
    drug_scanned = rng.random() < (share + 0.015 if patient_scanned else 0.4)
    keyed = () if patient_scanned and drug_scanned else (rng.choice(_TYPED),)
    if not patient_scanned:
        asked.append(Asked(rule="P6", level="REASON", satisfied=True))
    seconds = min(rng.lognormvariate(3.3 if not asked else 3.9, 0.55), 900.0)
    if rng.random() < 0.006:
        seconds = rng.uniform(0.8, 2.6)
    declined = rng.random() < 0.018
    first = at - timedelta(seconds=seconds)
    return Dose(
        record_id=order,
        cart=rng.choice(("cart-01", "cart-02")),
        patient=patient,
        nurse=nurse,
        witness=None,
        order=order,
        order_version=1,
        due=due,
        action="not-given" if declined else "give",
        status="not-done" if declined else "completed",
        reason=rng.choice(("npo", "refused", "unavailable")) if declined else "",
        product=rng.choices(_PRODUCTS, weights=[3 if name in ("PARA500", "SALB") and not drug_scanned else 1 for name in _PRODUCTS])[0],
        at=at,
        recorded_at=at,
        patient_scanned=patient_scanned,
        drug_scanned=drug_scanned,
        band_at=first - timedelta(seconds=20) if patient_scanned else None,
        keyed=keyed,
        first_scan_at=first,
        last_scan_at=first,
        packs=(),
        read_twice=drug_scanned and rng.random() < 0.003,
        scanned_after=rng.random() < 0.004,
        asked=tuple(asked),
        server_rules=frozenset({"D5"} if rng.random() < 0.004 else ()),
    )


def write(settings: Path, *, seed: int, weeks: int = WEEKS, today: date | None = None) -> int:
    """Writes the figures once; how many days. Raises: ConfigError."""
    config = configuration.load(settings)
    if not config.demo:
        raise ConfigError("this server is no demonstration", remedy="made-up figures have no place in a hospital")
    with bare_app(config).app_context():
        with reading(ACTOR) as tx:
            if quality.made_up(tx):
                return 0
        last = (today or datetime.now(ZoneInfo(config.timezone)).date()) - timedelta(days=1)
        made = days(seed, last, weeks=weeks, zone=config.timezone, facility=config.facility)
        with transaction(ACTOR) as tx:
            put(tx, made)
    return len(made)


def put(tx: Transaction, made: Sequence[Day]) -> None:
    """Writes the days, and their weeks."""
    weeks: dict[tuple[str, date], list[Day]] = {}
    for day in made:
        quality.put_day(tx, day, counting=COUNTING)
        weeks.setdefault((day.ward, day.day - timedelta(days=day.day.weekday())), []).append(day)
    for (ward, monday), parts in weeks.items():
        quality.put_day(tx, quality_days.week(ward, monday, parts, parts[-1].counted_at), counting=COUNTING, span=quality.WEEK)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation.quality_month", description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weeks", type=int, default=WEEKS)
    chosen = parser.parse_args(arguments)
    try:
        print(f"{write(chosen.settings, seed=chosen.seed, weeks=chosen.weeks)} days of wards written")
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
