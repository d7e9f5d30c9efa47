"""`python -m simulation scale`: fills a PostgreSQL database with a made-up province. Never changes another database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg

from pointofcare.errors import ConfigError, PointOfCareError
from simulation.scale import fill
from simulation.scale.people import Size

# Orders for each person, as in the province that the command is made for.
_ORDERS_EACH = 3_135_449 / 1_378_023


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pointofcare-demo scale", description="Fill an empty PostgreSQL database with made-up people.")
    parser.add_argument("--people", type=int, default=1_378_023)
    parser.add_argument("--facilities", type=int, default=20)
    parser.add_argument("--orders", type=int, help="default: 2.3 for each person; at least four for each stay of the last days")
    parser.add_argument("--days", type=int, default=30, help="of administrations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", help="the moment of the last dose, like 2026-11-22T03:00+00:00 (default: this midnight, UTC)")
    parser.add_argument("--database", required=True, help="postgresql://USER@HOST/NAME, an empty database")
    chosen = parser.parse_args(arguments)
    orders = chosen.orders if chosen.orders is not None else round(chosen.people * _ORDERS_EACH)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        said = datetime.fromisoformat(chosen.until) if chosen.until else None
    except ValueError:
        parser.error(f"{chosen.until!r} is no moment")
    if said is not None and said.tzinfo is None:
        parser.error("--until needs a time zone, like +07:00")
    try:
        if not chosen.database.startswith("postgresql://"):
            raise ConfigError("only PostgreSQL can be filled", remedy="give --database postgresql://USER@HOST/NAME")
        until = said or fill.until_of(chosen.database) or midnight
        size = Size(
            people=chosen.people,
            facilities=chosen.facilities,
            orders=orders,
            days=chosen.days,
            seed=chosen.seed,
            until=until.astimezone(UTC),
        )
        filled = fill.fill(chosen.database, size, progress=_say)
    except PointOfCareError as exc:
        print(f"{exc}\n{exc.remedy}", file=sys.stderr)
        return 2
    except psycopg.Error as exc:
        print(f"the database refused or broke off: {exc}\nmend that and say the same again: what was filled stays", file=sys.stderr)
        return 1
    for name, count in filled.rows.items():
        print(f"  {name:<20} {count:>12,}")
    print(f"{filled.facilities} facilities filled, {filled.skipped} were there already; {filled.seconds} s")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
