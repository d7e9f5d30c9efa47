"""`pointofcare-server province ...`: many hospitals in one PostgreSQL and on one cluster of brokers (docs/province.md)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from pointofcare.errors import ConfigError
from server.config import ServerConfig
from server.store import migrate, separation
from server.store.database import db
from server.usecases import province_files, province_report

Load = Callable[[argparse.Namespace], ServerConfig]
Make = Callable[[ServerConfig], Flask]


def add(commands: Any, default_config: Path, load: Load, make: Make) -> None:
    about = "many hospitals in one database: keep them apart, check it, report over all of them"
    actions = commands.add_parser("province", help=about, description=about).add_subparsers(required=True, metavar="ACTION")

    def action(name: str, about: str, run: Callable[[ServerConfig, argparse.Namespace], int]) -> argparse.ArgumentParser:
        def within(chosen: argparse.Namespace) -> int:
            config = load(chosen)
            with make(config).app_context():
                return run(config, chosen)

        made: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
        made.add_argument("--config", type=Path, default=default_config, help="the configuration file (default: server.toml)")
        made.set_defaults(run=within)
        return made

    province_files.add(actions)
    action("partition", "as the owner, once, before anything is in the database: lay the large tables out by facility", _partition)
    made = action("open", "as the owner, also after each migration: hold a facility's role to its own rows", _open)
    made.add_argument("facility")
    made.add_argument("--role", required=True, help="the role of the facility's programs, made before with CREATE ROLE")
    made = action("open-reports", "as the owner, also after each migration: let a role read what the report counts", _open_reports)
    made.add_argument("--role", required=True)
    made = action("check", "whether these roles are held to their own rows (exit code 1: one is not)", _check)
    made.add_argument("--role", action="append", required=True)
    made = action("report", "figures of every facility, read from the replica of replica_url; refused when it lags", _report)
    made.add_argument("--json", action="store_true")
    made.add_argument("--hours", type=int, default=24, choices=range(1, 745), metavar="1-744")
    made.add_argument("--most-lag", type=int, default=300, metavar="SECONDS", help="a replica that is further behind is not read")


def _partition(_config: ServerConfig, _chosen: argparse.Namespace) -> int:
    migrate.require_current()
    with db.engine.begin() as connection:
        done = separation.partition(connection)
    _say(f"laid out by facility: {', '.join(done) or 'nothing, it was done before'}")
    return 0


def _open(_config: ServerConfig, chosen: argparse.Namespace) -> int:
    migrate.require_current()
    with db.engine.begin() as connection:
        count = separation.open_facility(connection, chosen.facility, chosen.role)
    _say(f"{chosen.role} works in {chosen.facility} and sees nothing else of {count} tables")
    return 0


def _open_reports(_config: ServerConfig, chosen: argparse.Namespace) -> int:
    with db.engine.begin() as connection:
        separation.open_reports(connection, chosen.role)
    _say(f"{chosen.role} reads {', '.join(separation.REPORTED)} of every facility, and writes nothing")
    return 0


def _check(_config: ServerConfig, chosen: argparse.Namespace) -> int:
    with db.engine.connect() as connection:
        found = separation.gaps(connection, chosen.role)
    for gap in found:
        _say(f"{gap.table or 'roles'}: {gap.what}")
    _say("not held apart" if found else "held apart")
    return 1 if found else 0


def _report(config: ServerConfig, chosen: argparse.Namespace) -> int:
    if config.replica_url is None:
        raise ConfigError("no replica is set", problems=(("replica_url", "name the databases, with target_session_attrs=prefer-standby"),))
    report = province_report.read(config.replica_url, hours=chosen.hours, most_lag_s=chosen.most_lag)
    if chosen.json:
        _say(json.dumps(report.plain(), indent=2))
    else:
        _say("\n".join(report.lines()))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
