"""`pointofcare-server setup`: from a hospital's answers to a server that can be started.

The order is such that a power cut at any line leaves what can be run again: settings (whole or as they were), key, schema, and then wards
and administrator in one transaction. No fault of a check is written over; `--later` names what is not there yet.
"""

from __future__ import annotations

import argparse
import getpass
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from pointofcare.errors import ConfigError
from pointofcare.people import StaffRole
from server import config as configuration
from server.config import ServerConfig
from server.setup import answers, checks, writing
from server.setup.answers import AdministratorAnswer, Answers, WardAnswer
from server.store import migrate, patients, staff
from server.store.patients import Ward
from server.store.staff import StaffMember
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import readiness

MakeApp = Callable[[ServerConfig], Flask]
# What a hospital may connect on another day: its absence stops nothing that is put down now.
LATER = ("broker", "emr")
SHORTEST_PASSWORD = 12


def add(commands: Any, config: Path, *, make_app: MakeApp, make_pages: MakeApp, operator: Actor) -> None:
    about = "ask for hospital, wards, administrator, broker, database and medical record, try each, and put it all down; may be run again"
    made = commands.add_parser("setup", help=about, description=about)
    made.add_argument("--config", type=Path, default=config, help="the configuration file (default: server.toml)")
    made.add_argument("--answers", type=Path, metavar="FILE", help="a TOML file of answers: see docs/watching.md")
    made.add_argument("--check", action="store_true", help="try what stands or is answered, and change nothing (exit code 1: a fault)")
    made.add_argument("--later", action="append", choices=LATER, default=[], help="go on although this is not there yet")
    made.add_argument("--no-ask", action="store_true", help="ask nothing, also at a terminal; the password comes from standard input")
    made.add_argument("--facility", help="short name of the hospital")
    made.add_argument("--database-url")
    made.add_argument("--ward", action="append", default=[], metavar="ID=NAME")
    made.add_argument("--administrator", metavar="NAME", help="user name of the first administrator")
    made.add_argument("--full-name", default="", help="of the administrator")
    made.add_argument("--broker", metavar="HOST:PORT")
    made.add_argument("--emr", metavar="TARGET", help="folder, fhir, hl7v2, gnuhealth, or an adapter that is installed")
    made.add_argument("--emr-url", metavar="URL")
    made.set_defaults(run=lambda chosen: run(chosen, make_app=make_app, make_pages=make_pages, operator=operator))


def run(chosen: argparse.Namespace, *, make_app: MakeApp, make_pages: MakeApp, operator: Actor) -> int:
    """0: done, or all is well. 1: a fault, and nothing was changed. Raises: ConfigError with every fault of the answers at once."""
    path: Path = chosen.config.resolve()  # a link stays one
    text = _standing(path)
    held = tomllib.loads(text) if text is not None else {}
    ask = _ask if sys.stdin.isatty() and not chosen.no_ask and not chosen.check else None
    told = answers.of(chosen, ask, held)
    made = _text(text, held, told)
    config = configuration.checked(tomllib.loads(made), anchor=path.parent)
    outcomes = checks.run(config, make_app)
    _print(outcomes, chosen.later)
    stops = [each for each in outcomes if not each.is_fine and (chosen.check or each.part not in chosen.later)]
    if stops:
        _say("nothing was changed: mend this, and run it again" if not chosen.check else "not ready")
        return 1
    if chosen.check:
        _say("all is well; nothing was changed")
        return 0
    return _put_down(path, made, config, told, make_app=make_app, make_pages=make_pages, operator=operator)


def _standing(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read", remedy="run this as the user who owns it, or name another file with --config") from exc


def _text(text: str | None, held: Mapping[str, Any], told: Answers) -> str:
    """The settings file as it is going to be."""
    facility = told.settings.get("facility", held.get("facility"))
    if text is not None and held.get("facility") not in (None, facility):
        remedy = f"leave {held['facility']} as it is; another hospital is another file (--config) and another database"
        raise ConfigError("the hospital of these settings cannot be changed", problems=(("facility", remedy),))
    # With another of these no password and no second factor of anybody is right any more.
    kept = [name for name in ("secret_key", "password_salt") if name in held and told.settings.get(name, held[name]) != held[name]]
    if kept:
        problems = tuple((name, "leave it out of the answers: what stands stays") for name in kept)
        raise ConfigError("the secrets of a server that stands are not changed here", problems=problems)
    if text is None:
        if not isinstance(facility, str):
            raise ConfigError("the hospital has no name", problems=(("facility", "is missing: --facility, or facility in the answers"),))
        text = configuration.fresh(facility=facility)
    return writing.with_changes(text, told.settings)


def _put_down(
    path: Path, text: str, config: ServerConfig, told: Answers, *, make_app: MakeApp, make_pages: MakeApp, operator: Actor
) -> int:
    from server.security import signing

    _require_person(told.administrator)
    kept = writing.put(path, text)
    _say(f"{path} is written" + (f"; what stood there is {kept}" if kept is not None else ""))
    signing.load_or_generate(config.signing_key)
    _keep_private(config)
    with checks.opened(make_app(config)):
        migrate.upgrade()
        _say(f"the database is at schema {migrate.current()}")
        password = _password(told.administrator)
    with checks.opened(make_pages(config)), transaction(operator) as tx:
        lines = [*_wards(tx, config, told.wards), *_administrator(tx, told.administrator, password)]
    for line in lines:
        _say(line)
    _say(f"ready: pointofcare-server run --config {path}")
    return 0


def _keep_private(config: ServerConfig) -> None:
    """A new SQLite file is its owner's alone: patients lie in it, and in those beside it. Raises: ConfigError."""
    file = Path(config.database_url.removeprefix("sqlite:///"))
    if "database" not in readiness.places(config) or file.exists():
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError as exc:
        raise ConfigError(f"{file} cannot be made: {exc.strerror}", problems=(("database_url", "give us the right"),)) from exc


def _wards(tx: Transaction, config: ServerConfig, wards: tuple[WardAnswer, ...]) -> list[str]:
    from server.usecases import patients as receiving

    lines = []
    held = {ward.id: ward for ward in patients.wards(tx)}
    for told in wards:
        before = held.get(told.id)
        zone = told.timezone or (before.timezone if before is not None else config.timezone)
        ward = Ward(id=told.id, name=told.name, timezone=zone)
        if before == ward:
            continue
        receiving.open_ward(tx, ward)
        lines.append(f"ward {ward.id}: {'is changed' if before is not None else 'is there now'}")
    return lines


def _administrator(tx: Transaction, told: AdministratorAnswer | None, password: str | None) -> list[str]:
    if told is None:
        return []
    if password is None:
        return [f"{told.username} is there already and was left as they are: pointofcare-server user set-password {told.username}"]
    from server.usecases import imports
    from server.usecases import staff as people

    member = StaffMember(
        id=told.username,
        name=told.full_name or told.username,
        username=told.username,
        email=told.email or f"{told.username}@staff.invalid",
        roles=(StaffRole.ADMINISTRATOR,),
        password_hash=imports.hash_password(password),
    )
    people.add(tx, member)
    return [f"{told.username} may sign in as administrator"]


def _require_person(told: AdministratorAnswer | None) -> None:
    """Raises: ConfigError for a name that stands for a role."""
    from server.usecases import passwords

    if told is not None and passwords.names_nobody(told.username):
        remedy = "give each person an account of their own, under their own name"
        raise ConfigError(
            f"{told.username} stands for a role, not for one person", problems=(("administrator.username", remedy),), remedy=remedy
        )


def _password(told: AdministratorAnswer | None) -> str | None:
    """None: there is nobody to add. Raises: ConfigError; what is written by then is whole, and this can be run again."""
    from server.usecases import passwords

    if told is None:
        return None
    with reading() as tx:
        if staff.find(tx, told.username) is not None:
            return None
    password = getpass.getpass(f"Password of {told.username}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if len(password) < SHORTEST_PASSWORD or passwords.is_easy(password, (told.username, told.full_name)):
        remedy = f"run this again with at least {SHORTEST_PASSWORD} characters: several words that have nothing to do with each other"
        raise ConfigError("the password is too short or easy to guess", problems=(("the password", remedy),), remedy=remedy)
    return password


def _print(outcomes: tuple[checks.Outcome, ...], later: list[str]) -> None:
    for each in outcomes:
        if each.is_fine:
            _say(f"ok     {each.part}: {each.said}")
            continue
        _say(f"{'later ' if each.part in later else 'FAULT '} {each.part}: {each.said}")
        _say(f"       {each.field}: {each.remedy}")


def _ask(question: str, offered: str) -> str:
    return input(f"{question}{f' [{offered}]' if offered else ''}: ").strip() or offered


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
