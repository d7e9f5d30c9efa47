"""`pointofcare-server pitr setup|backup|status|restore|drill`: a PostgreSQL that can be brought back as it was at any moment.

Must never touch the live database but to tell it how to archive, and never say that a moment came back without having looked: the audit
is held against its own seals and against the live one's.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointofcare.errors import ConfigError
from server.config import ServerConfig
from server.security import audit_check, drill, signing
from server.security.drill import ACTOR, Report
from server.store import audit_log, backups, migrate, pgbackrest, reached, wal_archive
from server.store.database import db
from server.store.pgbackrest import Running, Stanza
from server.store.transaction import reading

if TYPE_CHECKING:
    from flask import Flask
    from joserfc.jwk import OKPKey

FILE = Path("/etc/pgbackrest/pointofcare.conf")  # where the database's user may read it too
NAME = "pointofcare"
OLDEST_H = 26
LATE = timedelta(minutes=15)
# What is never taken away: of it the live database has all that a restored one has.
_GROWS = ("administrations", "audit", "audit_leaves", "discrepancies", "observations")
# An entry says when its work began; it is in the log when that work was committed.
_UNDER_WAY = timedelta(minutes=1)

Load = Callable[[argparse.Namespace], ServerConfig]
Make = Callable[[ServerConfig], "Flask"]


def add(commands: Any, default_config: Path, load: Load, make: Make) -> None:
    about = "PostgreSQL as it was at any moment: continuous backups by pgBackRest, restores to a moment, and a drill of them"
    actions = commands.add_parser("pitr", help=about, description=about).add_subparsers(required=True, metavar="ACTION")

    def action(name: str, about: str, run: Callable[[_Given], int]) -> argparse.ArgumentParser:
        def within(chosen: argparse.Namespace) -> int:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, _leave)  # what runs and lies in a scratch folder of patients goes too
            return run(_Given(config=load(chosen), chosen=chosen, make=make))

        made: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
        made.add_argument("--config", type=Path, default=default_config, help="the configuration file (default: server.toml)")
        made.add_argument("--pgbackrest", type=Path, default=FILE, metavar="FILE", help=f"the file of pgBackRest (default: {FILE})")
        made.add_argument("--stanza", default=NAME, help=f"the name of the cluster in that file (default: {NAME})")
        made.set_defaults(run=within)
        return made

    made = action("setup", "as root: write the file of pgBackRest, let PostgreSQL archive, and make the first base backup", _setup)
    made.add_argument("--data", type=Path, metavar="DIR", help="the files of PostgreSQL (default: the one cluster of this machine)")
    made.add_argument("--repository", type=Path, default=Path("/var/lib/pgbackrest"), metavar="DIR", help="on another disk than the files")
    made.add_argument("--socket", default="/var/run/postgresql", metavar="DIR", help="where PostgreSQL answers")
    made.add_argument("--port", type=int, default=5432)
    made.add_argument("--superuser", metavar="ROLE", help="(default: the name of the files' owner)")
    made = action("backup", "a base backup while everything runs: what changed since the last one, or everything", _backup)
    made.add_argument("--full", action="store_true", help="everything: once a week")
    made = action("status", "base backups, and whether the archive follows (exit code 1: look)", _status)
    made.add_argument("--oldest", type=int, default=OLDEST_H, metavar="HOURS", help=f"of the newest base backup (default: {OLDEST_H})")
    made = action("restore", "the files of PostgreSQL as it was at a moment into a new folder, looked at and stopped again", _restore)
    made.add_argument("--at", type=_moment, metavar="MOMENT", help="such as 2026-11-23T03:40+07:00 (default: the newest there is)")
    made.add_argument("--into", type=Path, required=True, metavar="DIR", help="a new folder")
    made = action(
        "drill", "restore to a moment beside the live server, and say what would be lost and how long it took (exit code 1: failed)", _drill
    )
    made.add_argument("--at", type=_moment, metavar="MOMENT", help="(default: the newest there is)")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the report there too")


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} has no offset: write 2026-11-23T03:40+07:00")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    config: ServerConfig
    chosen: argparse.Namespace
    make: Make

    def stanza(self) -> Stanza:
        return pgbackrest.load(self.chosen.pgbackrest, self.chosen.stanza)

    def database(self) -> str:
        return pgbackrest.database_of(self.config.database_url)

    def key(self) -> OKPKey:
        return signing.load(self.config.signing_key).key

    @contextmanager
    def app(self, url: str) -> Iterator[None]:
        with self.make(replace(self.config, database_url=url, mqtt=None)).app_context():
            try:
                yield
            finally:
                db.session.remove()
                db.engine.dispose()


def _setup(given: _Given) -> int:
    chosen, database = given.chosen, given.database()
    if not chosen.pgbackrest.exists():
        data = (chosen.data or _only_cluster()).resolve()
        owner = pwd.getpwuid(data.stat().st_uid)
        repository = chosen.repository.resolve()
        text = pgbackrest.fresh(
            name=chosen.stanza,
            repository=repository,
            data=data,
            socket=chosen.socket,
            port=chosen.port,
            user=chosen.superuser or owner.pw_name,
        )
        repository.mkdir(mode=0o750, parents=True, exist_ok=True)
        chosen.pgbackrest.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(chosen.pgbackrest, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        for each in (chosen.pgbackrest, repository):
            pgbackrest.hand_over(given.stanza(), each)
        _say(f"{chosen.pgbackrest} written: keep a copy of it apart from {repository}; without its passphrase nothing comes back")
    stanza = given.stanza()
    if not pgbackrest.archive(stanza, database):
        _say("PostgreSQL archives from its next start on: start it again (carts keep what they record), then run this command once more")
        return 1
    pgbackrest.run(stanza, "check")
    if not pgbackrest.bases(stanza):
        pgbackrest.run(stanza, "backup", "--type=full")
    newest = pgbackrest.bases(stanza)[-1]
    _say(f"base backup {newest.label}; every segment of the log follows, after {pgbackrest.ARCHIVE_TIMEOUT_S} s at most")
    return 0


def _only_cluster() -> Path:
    found = sorted(Path("/var/lib/postgresql").glob("*/*/PG_VERSION"))
    if len(found) != 1:
        raise ConfigError(f"this machine has {len(found)} clusters of PostgreSQL", remedy="name the folder of its files with --data")
    return found[0].parent


def _backup(given: _Given) -> int:
    stanza = given.stanza()
    pgbackrest.run(stanza, "backup", f"--type={'full' if given.chosen.full else 'diff'}")
    made = pgbackrest.bases(stanza)[-1]
    _say(f"base backup {made.label} ({made.kind}), ended {made.ended_at.isoformat()}")
    return 0


def _status(given: _Given) -> int:
    stanza, database = given.stanza(), given.database()
    found = pgbackrest.bases(stanza)
    faults = [f"{each.label} has a fault: make a full one" for each in found if each.has_fault]
    for each in found:
        _say(f"base backup {each.label} ({each.kind}): restores to any moment after {each.ended_at.isoformat()}")
    oldest = timedelta(hours=given.chosen.oldest)
    if not found or datetime.now(UTC) - found[-1].ended_at > oldest:
        faults.append(f"no base backup of the last {given.chosen.oldest} h: pointofcare-server pitr backup")
    with pgbackrest.asking(stanza, database) as live:
        archive = wal_archive.of(live)
    if archive is None or not archive.is_on:
        faults.append("PostgreSQL does not archive: pointofcare-server pitr setup")
    else:
        _say(f"archived last: {archive.archived_at.isoformat() if archive.archived_at else 'never'}")
        if not archive.works:
            faults.append(f"archiving fails, last at {archive.failed_at}: the log of PostgreSQL says why")
        if archive.waiting_s > LATE.total_seconds():
            faults.append(f"what was written waits for the archive for {archive.waiting_s / 60:.0f} minutes")
    for fault in faults:
        _say(f"LOOK: {fault}")
    return 1 if faults else 0


def _restore(given: _Given) -> int:
    stanza, database, key = given.stanza(), given.database(), given.key()
    into: Path = given.chosen.into.absolute()
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise ConfigError(f"{into} is not empty", remedy="name a new folder: nothing is ever overwritten")
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    pgbackrest.hand_over(stanza, into)
    base = pgbackrest.restore(stanza, into, at=given.chosen.at)
    with pgbackrest.running(stanza, into) as there:
        with given.app(there.url(database)):
            checked = _audit(key, kept=())
            schema = migrate.current()
        with there.asking(database) as connection:
            newest, whose = reached.of(connection).newest, reached.owner(connection)
        with given.app(there.url(database, whose)):
            backups.end_what_is_held()
    moment = "the newest moment" if given.chosen.at is None else given.chosen.at.isoformat()
    _say(f"{into}: PostgreSQL as it was at {moment}, from {base.label}")
    _say(f"the newest entry of the audit is of {newest}; {checked}; schema {schema}")
    _say("phones, wall screens and sign-ins of then are ended. Next: stop PostgreSQL, put this folder in the place of its files (keep")
    _say("those), start it, pointofcare-server pitr setup, and start it again: until then nothing is archived. Carts send what it lacks.")
    return 0


def _drill(given: _Given) -> int:
    stanza, key = given.stanza(), given.key()
    output = given.chosen.json.open("w", encoding="utf-8") if given.chosen.json is not None else None
    report = Report(file=stanza.file)
    began = time.monotonic()
    with pgbackrest.scratch_folder(stanza) as data:
        with drill.step(report, "restore") as say:
            base = pgbackrest.restore(stanza, data, at=given.chosen.at)
            say(f"{base.label}, {time.monotonic() - began:.1f} s")
        if report.passed:
            with drill.step(report, "moment") as say, pgbackrest.running(stanza, data) as there:
                say(f"{'the newest there is' if given.chosen.at is None else given.chosen.at.isoformat()}")
                _look(given, report, key, there)
                report.figures["rto_s"] = round(time.monotonic() - began, 1)
    report.took_s = time.monotonic() - began
    for what, outcome, words in report.steps:
        _say(f"{outcome:>13}  {what}: {words}")
    _say(f"drill {'PASSED' if report.passed else 'FAILED'}: {_lost(report)}back in {report.took_s:.1f} s")
    if output is not None:
        with output:
            output.write(json.dumps(report.plain(), indent=2, sort_keys=True) + "\n")
    return 0 if report.passed else 1


def _lost(report: Report) -> str:
    told = report.figures
    if "rpo_s" not in told or "lost_doses" not in told:
        return ""
    return f"{told['lost_doses']:.0f} doses and {told['lost_entries']:.0f} entries of {told['rpo_s']:.1f} s would be lost, "


def _look(given: _Given, report: Report, key: OKPKey, there: Running) -> None:
    """The restored one against its own seals, and both against each other."""
    database = given.database()
    with there.asking(database) as connection:
        then = reached.of(connection)
        until = None if given.chosen.at is None else given.chosen.at - _UNDER_WAY
        had = 0 if until is None else reached.entries(connection, until)
    with drill.step(report, "audit") as say:
        with given.app(there.url(database)), reading(ACTOR) as tx:
            sealed = audit_log.latest(tx)
        kept: tuple[str, ...] = ()
        if sealed is not None:
            with pgbackrest.asking(there.stanza, database) as live:
                same = reached.seal(live, given.config.facility, sealed.size)
            if same is None:
                raise ConfigError(f"the live one has no seal over its first {sealed.size} entries: they are two histories", remedy="")
            kept = (same,)
        with given.app(there.url(database)):
            say(_audit(key, kept) + (", the newest seal is the live one's" if kept else ""))
    with drill.step(report, "what would be lost") as say:
        with pgbackrest.asking(there.stanza, database) as live:
            now = reached.of(live)
            has = 0 if until is None else reached.entries(live, until)
        more = [name for name in _GROWS if then.rows.get(name, 0) > now.rows.get(name, 0)]
        if more:
            raise ConfigError(f"it has more than the live one: {', '.join(more)}", remedy="")
        if then.newest is None or now.newest is None:
            raise ConfigError("the audit is empty: nothing says how far it came", remedy="")
        if had != has:
            raise ConfigError(f"{has - had} entries from before that moment are missing", remedy="")
        say(f"{sum(then.rows.values())} of {sum(now.rows.values())} rows, up to {then.newest.isoformat()} of {now.newest.isoformat()}")
        for figure, table in (("lost_doses", "administrations"), ("lost_entries", "audit")):
            report.figures[figure] = now.rows.get(table, 0) - then.rows.get(table, 0)
        report.figures["rpo_s"] = round(max(0.0, (now.newest - then.newest).total_seconds()), 1)


def _audit(key: OKPKey, kept: tuple[str, ...]) -> str:
    """In words. Needs the application context of the database. Raises: ConfigError."""
    with reading(ACTOR) as tx:
        last = audit_log.latest(tx)
        found = audit_check.check(audit_log.lines(tx), key, kept or ([] if last is None else [last.jws]))
    if found.faults:
        raise ConfigError(f"the audit has {len(found.faults)} faults, the first: {found.faults[0]}", remedy="restore to another moment")
    return f"{found.entries} entries hold by {found.checkpoints} seals, {found.unsealed} not sealed yet"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
