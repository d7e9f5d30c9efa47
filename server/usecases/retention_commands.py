"""`pointofcare-server retention show|plan|run|hold|release|holds`: how long records are kept, from a shell or a timer."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask

from server.config import ServerConfig
from server.store import migrate, record_kinds
from server.store import retention as store
from server.store.transaction import Actor, reading, transaction
from server.usecases import retention

Load = Callable[[argparse.Namespace], ServerConfig]


def add(commands: Any, default: Path, load: Load, bare: Callable[[ServerConfig], Flask], operator: Actor) -> None:
    """Puts `retention` on the parser."""
    about = "how long records are kept: what would go, erase it, and legal holds"
    actions = commands.add_parser("retention", help=about, description=about).add_subparsers(required=True, metavar="ACTION")

    def action(name: str, run: Callable[[argparse.Namespace, ServerConfig], int], about: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
        made.add_argument("--config", type=Path, default=default, help="the configuration file (default: server.toml)")

        def within(chosen: argparse.Namespace) -> int:
            config = load(chosen)
            with bare(config).app_context():
                migrate.require_current()
                return run(chosen, config)

        made.set_defaults(run=within)
        return made

    def plan(_chosen: argparse.Namespace, config: ServerConfig) -> int:
        with reading(operator) as tx:
            found = retention.plan(tx, **_day(config))
        for line in found.lines:
            _say(f"{line.table}: {line.rows} rows from before {line.before:%Y-%m-%d} would go ({line.kind})")
        _say(
            f"{found.patients_past} patients whose stays all ended before {found.patients_before:%Y-%m-%d}, the shortest time of a record:"
            " none is erased, people decide"
        )
        _say(f"{len(found.holds)} legal holds stand" + (": see retention holds" if found.holds else ""))
        return 0

    def run(chosen: argparse.Namespace, config: ServerConfig) -> int:
        gone: Counter[str] = Counter()
        for table, rows in retention.run(operator, **_day(config), batches=chosen.batches):
            gone[table] += rows
        for table in store.PRUNED:
            _say(f"{table}: {gone[table]} rows erased")
        return 0

    def hold(chosen: argparse.Namespace, _config: ServerConfig) -> int:
        with transaction(operator) as tx:
            number = retention.place_hold(tx, kind=chosen.kind, subject=chosen.subject, reason=chosen.reason, by=chosen.by)
        _say(f"hold {number} stands")
        return 0

    def release(chosen: argparse.Namespace, _config: ServerConfig) -> int:
        with transaction(operator) as tx:
            retention.end_hold(tx, chosen.number, reason=chosen.reason, by=chosen.by)
        _say(f"hold {chosen.number} is ended")
        return 0

    def holds(_chosen: argparse.Namespace, _config: ServerConfig) -> int:
        with reading(operator) as tx:
            for one in store.holds(tx):
                state = "stands" if one.ended_at is None else f"ended {one.ended_at:%Y-%m-%d}"
                _say(f"{one.id}: {one.kind} {one.subject} since {one.placed_at:%Y-%m-%d}, {state}: {one.reason}")
        return 0

    def show(_chosen: argparse.Namespace, config: ServerConfig) -> int:
        today = _day(config)["today"]
        for kind in record_kinds.KINDS.values():
            years = retention.years(kind, today)
            lasts = f"{kind.days} days" if kind.days else "while in use" if years is None else f"{years} years" if years else "for ever"
            _say(f"{kind.code}: {lasts}, counted from: {kind.ends}; afterwards: {kind.then}; {' '.join(record_kinds.tables_of(kind.code))}")
        return 0

    action("show", show, "every kind of record, how long it is kept, and in which tables")
    action("plan", plan, "what would go today; writes nothing")
    made = action("run", run, "erase what is past its time, some hundred rows at a time, each step in the audit")
    made.add_argument("--batches", type=int, default=retention.MOST_BATCHES, help="at most so many steps (default: %(default)s)")
    made = action("hold", hold, "erase nothing of the site, a cart or a patient until the hold is ended")
    made.add_argument("kind", choices=retention.HOLD_KINDS)
    made.add_argument("subject", nargs="?", default="", help="the id of the cart or of the patient")
    made.add_argument("--reason", required=True)
    made.add_argument("--by", required=True, metavar="STAFF", help="who answers for it")
    made = action("release", release, "end a hold")
    made.add_argument("number", type=int)
    made.add_argument("--reason", required=True)
    made.add_argument("--by", required=True, metavar="STAFF", help="who answers for it")
    action("holds", holds, "the holds that stand, and those that ended")


def _day(config: ServerConfig) -> dict[str, Any]:
    zone = ZoneInfo(config.timezone)
    return {"today": datetime.now(UTC).astimezone(zone).date(), "zone": zone}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
