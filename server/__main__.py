"""`pointofcare-server`: the server's commands. `run` is everything in one process; `web`, `gateway` and `dispatcher` are its
parts, as many of them as a province needs. It ends cleanly on SIGTERM and SIGINT.

What a command needs is imported where the command begins: somebody who signs a release or asks for a rollout waits for no web pages.
"""

from __future__ import annotations

import argparse
import getpass
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from devices import logbook
from pointofcare.errors import ConfigError, PointOfCareError
from pointofcare.people import StaffRole
from server import commands as rooms
from server import config as configuration
from server.commands import DEFAULT_CONFIG, load, operator
from server.config import ServerConfig

if TYPE_CHECKING:
    from flask import Flask


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 could not, 2 the command or the configuration is not usable."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = _parser(given[0] if given else "").parse_args(given)
    logbook.begin()
    try:
        return int(chosen.run(chosen))
    except ConfigError as error:
        for where, what in error.problems:
            print(f"{where}: {what}", file=sys.stderr)
        if not error.problems or error.remedy:
            print(error, file=sys.stderr)
        return 2
    except PointOfCareError as error:
        print(error, file=sys.stderr)
        return 1


def _parser(first: str) -> argparse.ArgumentParser:
    """`first` is the word that was given first: only its room is looked into, and all of them where it is none of ours."""
    parser = argparse.ArgumentParser(prog="pointofcare-server", description="The hospital's side of bedside medication verification")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, about: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=about, description=about)
        made.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="the configuration file (default: server.toml)")
        made.set_defaults(run=run)
        return made

    made = command("init", _init, "write a new configuration with fresh secrets, and draw the signing key")
    made.add_argument("--facility", default="hospital", help="short name of the hospital, part of every MQTT topic")
    made.add_argument("--data-dir", type=Path, metavar="DIR", help="where keys, database and what is kept lie (default: beside the file)")
    made = command("migrate", _migrate, "bring the database to the schema of this version; servers of the release before go on meanwhile")
    made.add_argument("--plan", action="store_true", help="say what would be done, and which running servers survive it; write nothing")
    made.add_argument("--contract", action="store_true", help="take away what only older releases used, once none of them runs")
    made.add_argument(
        "--patience", type=int, default=0, metavar="SECONDS", help="how long to ask again for a database that does not answer"
    )
    made = command("run", _run, "everything in one process: pages, gateway, dispatcher")
    made.add_argument(
        "--pages-apart", action="store_true", help="the pages in a process of their own, so that no page keeps a dose waiting"
    )
    made = command("web", _run_web, "the pages and the API alone")
    made.add_argument("--below-doses", action="store_true", help="as --pages-apart starts it: less urgent, until its standard input ends")
    command("gateway", _run_gateway, "the MQTT gateway alone")
    command("dispatcher", _run_dispatcher, "the EMR dispatcher alone")
    command("phones", _run_phones, "the HTTPS gate for phones that are carts")
    made = command("export-key", _export_key, "write the public key that the carts check tables with")
    made.add_argument("--output", type=Path, help="a file; without it the key is printed")
    made = command("backup", _backup, "write everything that the server holds into one file, while it runs")
    made.add_argument("file", type=Path)
    made.add_argument("--encrypt-to", metavar="AGE1...", help="the recipient that age-keygen made; its secret key lies elsewhere")
    made = command("restore", _restore, "put a backup into an empty database, check it, and bring it to this version's schema")
    made.add_argument("file", type=Path)
    made.add_argument("--identity", type=Path, metavar="FILE", help="the secret key of a backup that is encrypted")
    made = commands.add_parser("unpack", help="take the files of a backup out, the settings too, where nothing is set up yet")
    made.add_argument("file", type=Path)
    made.add_argument("folder", type=Path, help="a new folder")
    made.add_argument("--identity", type=Path, metavar="FILE", help="the secret key of a backup that is encrypted")
    made.set_defaults(run=_unpack)
    made = command(
        "drill", _drill, "restore the newest backup beside the live server and say whether a hospital would come back (exit code 1: no)"
    )
    made.add_argument("source", type=Path, help="a backup, or the folder in which they lie")
    made.add_argument("--identity", type=Path, metavar="FILE", help="the secret key of a backup that is encrypted")
    made.add_argument("--oldest", type=int, default=26, metavar="HOURS", help="an older backup fails the drill (default: 26)")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the report there too")
    made = command("audit", _audit, "seal the audit now, write it out, print its newest checkpoint, or verify that nothing was changed")
    made.add_argument("action", choices=("seal", "export", "checkpoint", "verify"))
    made.add_argument("--output", type=Path, help="a file for the export; without it the log is printed")
    made.add_argument("--kept", type=Path, help="checkpoints that somebody else kept, one a line")
    made = command("import", _import, "bring in FHIR bundles, CSV files, and the drug catalogue from a spreadsheet")
    made.add_argument("files", type=Path, nargs="+")
    made.add_argument("--dry-run", action="store_true", help="list every problem, write nothing")
    made.add_argument("--skip-bad", action="store_true", help="leave out the rows with a problem and write the others")
    made = command("export-verdicts", _export_verdicts, "stored verdicts with their facts as JSON lines, for pointofcare-verdict replay")
    made.add_argument("--since", required=True, metavar="DAY", help="first day (2026-03-01), or a moment with its offset")
    made.add_argument("--until", required=True, metavar="DAY", help="the day after the last one, or a moment")
    made.add_argument("--ward", help="one ward alone")
    made = command("forget-verdict-facts", _forget_verdict_facts, "drop the facts of old verdicts; their records stay")
    made.add_argument("--before", required=True, metavar="DAY", help="of verdicts given before this day")
    command("quality-rebuild", _quality_rebuild, "throw the counted quality figures away and count all records anew")
    made = command("user", _user, "add a person, set a password (asked for, or read from standard input), or reset a second factor")
    made.add_argument("action", choices=("add", "set-password", "reset-second-factor"))
    made.add_argument("name", help="the user name")
    made.add_argument("--role", action="append", choices=[role.value for role in StaffRole], default=[])
    made.add_argument("--full-name", default="")
    made.add_argument("--email", default="")
    made = command("discovery", _discovery, "show the carts to home automation on the broker of [discovery], or take them away from there")
    made.add_argument("action", choices=("run", "remove"))
    rooms.add(commands, first)
    return parser


def _discovery(chosen: argparse.Namespace) -> int:
    from server.bare import bare_app
    from server.mqtt import discovery
    from server.store import migrate

    config = load(chosen)
    if config.discovery.host is None:
        raise ConfigError("no broker is set for it", problems=(("discovery.host", "is missing: name the broker"),))
    if chosen.action == "remove":
        exporter = discovery.Exporter(config.discovery, facility=config.facility)
        exporter.open()
        try:
            print(f"{exporter.remove()} retained messages taken away")
        finally:
            exporter.close()
        return 0
    app = bare_app(config)
    with app.app_context():
        migrate.require_current()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    discovery.run(config.discovery, facility=config.facility, scope=app.app_context, stop=stop)
    return 0


def _init(chosen: argparse.Namespace) -> int:
    from server.security import signing

    path: Path = chosen.config
    if path.exists():
        raise ConfigError(f"{path} exists", remedy="keep it, or name another file with --config")
    data_dir = chosen.data_dir.resolve() if chosen.data_dir is not None else None
    text = configuration.fresh(facility=chosen.facility, data_dir=data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    settings = load(chosen)
    signing.load_or_generate(settings.signing_key)
    print(f"{path} written. Next: pointofcare-server migrate --config {path}")
    return 0


def _migrate(chosen: argparse.Namespace) -> int:
    from server.bare import bare_app
    from server.store import migrate

    with bare_app(load(chosen)).app_context():
        migrate.wait_for_database(chosen.patience)
        if chosen.plan:
            print(*migrate.plan(contract=chosen.contract), sep="\n")
            return 0
        migrate.upgrade(contract=chosen.contract)
        found = migrate.current()
        print(f"the database is at schema {found}")
        if found is not None and not migrate.knows(found):
            print("a newer release made it, and this one may run on it")
        elif migrate.left(found):
            print("what only older releases used is still there: pointofcare-server migrate --contract, when none of them runs")
    return 0


def _export_key(chosen: argparse.Namespace) -> int:
    from server.security import signing

    settings = load(chosen)
    text = signing.public_jwk(signing.load_or_generate(settings.signing_key))
    if chosen.output is None:
        print(text, end="")
    else:
        chosen.output.write_text(text, encoding="utf-8")
    return 0


def _tidy_when_stopped() -> None:
    """What lies in a scratch folder or database of patients goes also when the command is stopped."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)


def _backup(chosen: argparse.Namespace) -> int:
    _tidy_when_stopped()
    from server.bare import bare_app
    from server.security import recovery

    settings = load(chosen)
    with bare_app(settings).app_context():
        return recovery.backup(settings, chosen.config, chosen.file, encrypt_to=chosen.encrypt_to)


def _restore(chosen: argparse.Namespace) -> int:
    _tidy_when_stopped()
    from server.bare import bare_app
    from server.security import recovery, sealing, signing

    settings = load(chosen)
    with bare_app(settings).app_context():
        recovery.restore(settings, chosen.config, chosen.file, identity=chosen.identity)
        return sealing.from_command_line("verify", signing.load_or_generate(settings.signing_key), output=None, kept=None)


def _unpack(chosen: argparse.Namespace) -> int:
    _tidy_when_stopped()
    from server.security import recovery

    return recovery.unpack(chosen.file, chosen.folder, identity=chosen.identity)


def _drill(chosen: argparse.Namespace) -> int:
    _tidy_when_stopped()
    from server.bare import bare_app
    from server.security import drill

    return drill.command(
        load(chosen), chosen.source, make_app=bare_app, identity=chosen.identity, oldest_h=chosen.oldest, output=chosen.json
    )


def _audit(chosen: argparse.Namespace) -> int:
    from server.bare import bare_app
    from server.security import sealing, signing

    settings = load(chosen)
    with bare_app(settings).app_context():
        return sealing.from_command_line(
            chosen.action, signing.load_or_generate(settings.signing_key), output=chosen.output, kept=chosen.kept
        )


def _import(chosen: argparse.Namespace) -> int:
    from server.app import create_app
    from server.usecases import imports

    with create_app(load(chosen), pages=False).app_context():
        return imports.from_command_line(operator(), chosen.files, dry_run=chosen.dry_run, skip_bad=chosen.skip_bad)


def _export_verdicts(chosen: argparse.Namespace) -> int:
    """To standard output; 1 when a stored verdict could not be read, which its line and the last sentence then say."""
    from server.bare import bare_app
    from server.store.transaction import reading
    from server.usecases import replays

    settings = load(chosen)
    since, until = (replays.moment(text, settings.timezone) for text in (chosen.since, chosen.until))
    count = broken = 0
    with bare_app(settings).app_context(), reading(operator()) as tx:
        for line, why in replays.export(tx, since=since, until=until, ward=chosen.ward):
            sys.stdout.buffer.write(line + b"\n")
            count, broken = count + 1, broken + bool(why)
    sys.stdout.buffer.flush()
    print(f"{count} verdicts, {broken} of them not readable", file=sys.stderr)
    return 1 if broken else 0


def _quality_rebuild(chosen: argparse.Namespace) -> int:
    from server.app import counting_rules
    from server.bare import bare_app
    from server.store import migrate
    from server.usecases import quality_days

    settings = load(chosen)
    app = bare_app(settings)
    with app.app_context():
        migrate.require_current()
        print(f"{quality_days.rebuild(counting_rules(settings))} days of wards counted")
    return 0


def _forget_verdict_facts(chosen: argparse.Namespace) -> int:
    from server.bare import bare_app
    from server.store.transaction import transaction
    from server.usecases import replays

    settings = load(chosen)
    with bare_app(settings).app_context(), transaction(operator()) as tx:
        count = replays.forget(tx, before=replays.moment(chosen.before, settings.timezone))
    print(f"the facts of {count} verdicts are dropped; their records stay")
    return 0


def _user(chosen: argparse.Namespace) -> int:
    from server.app import create_app
    from server.bare import bare_app
    from server.security import second_factor
    from server.store.staff import StaffMember
    from server.store.transaction import transaction
    from server.usecases import imports, passwords, staff

    if chosen.action == "reset-second-factor":
        with bare_app(load(chosen)).app_context(), transaction(operator()) as tx:
            print(f"the second factor of {second_factor.reset(tx, operator(), chosen.name)} is reset, and their sign-ins are ended")
        return 0
    if chosen.action == "add" and passwords.names_nobody(chosen.name):
        remedy = "give each person an account of their own, under their own name"
        raise ConfigError(f"{chosen.name} stands for a ward, a role or a shift, not for one person", remedy=remedy)
    password = _asked_password(chosen.name, chosen.full_name)
    with create_app(load(chosen), pages=False).app_context():
        hashed = imports.hash_password(password)
        with transaction(operator()) as tx:
            if chosen.action == "set-password":
                staff.set_password(tx, chosen.name, hashed, temporary=True)
            else:
                staff.add(
                    tx,
                    StaffMember(
                        id=chosen.name,
                        name=chosen.full_name or chosen.name,
                        username=chosen.name,
                        email=chosen.email or f"{chosen.name}@staff.invalid",
                        roles=tuple(StaffRole(role) for role in chosen.role),
                        password_hash=hashed,
                    ),
                )
    print("done")
    return 0


def _asked_password(*about: str) -> str:
    from server.usecases import passwords

    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(password) < 12:
        raise ConfigError("the password is too short", remedy="use at least 12 characters")
    if passwords.is_easy(password, about):
        raise ConfigError("the password is easy to guess", remedy="use several words that have nothing to do with each other")
    return password


def _run(chosen: argparse.Namespace) -> int:
    from server.app import create_app

    settings = load(chosen)
    if chosen.pages_apart:
        from server import apart

        return apart.run(settings, [sys.executable, "-m", "server", "web", "--below-doses", "--config", str(chosen.config)])
    app = create_app(settings)
    return _serve(app, settings, with_gateway=settings.mqtt is not None, with_dispatcher=True)


def _run_web(chosen: argparse.Namespace) -> int:
    from server.app import create_app

    settings = load(chosen)
    if chosen.below_doses:
        from server import apart

        apart.below_doses()
    return _serve(create_app(settings), settings, with_gateway=False, with_dispatcher=False)


def _serve(app: Flask, settings: ServerConfig, *, with_gateway: bool, with_dispatcher: bool) -> int:
    """The pages in this thread, the others in their own. The pages end first, so that nothing new comes in."""
    import waitress

    from server import running, security
    from server.app import exporter
    from server.bare import RUNNING, Running
    from server.firmware.repository import Repository
    from server.firmware.standing import Renewer
    from server.store import migrate
    from server.web import warming

    with app.app_context():
        migrate.require_current()
    warming.warm(app)
    running.start(app, settings, with_gateway=with_gateway, with_dispatcher=with_dispatcher)
    here: Running = app.extensions[RUNNING]
    here.exporter = exporter(app, settings)
    here.exporter.start()
    here.renewer = Renewer(Repository(settings.firmware.directory))
    here.renewer.start()
    try:
        server = waitress.create_server(
            app,
            host=settings.http.host,
            port=settings.http.port,
            threads=settings.http.threads,
            max_request_body_size=security.MAX_IMPORT_BYTES,
            connection_limit=900,  # an idle connection costs no thread, and must not keep others out
            channel_timeout=40,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=not settings.http.proxies,  # the application reads exactly those it was told of
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        logbook.announce(f"pointofcare-server ready on http://{settings.http.host}:{server.effective_port}")
        server.run()  # ends when a signal raises SystemExit in it
        server.close()
    finally:
        running.stop(app)
    logbook.announce("pointofcare-server stopped")
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _run_gateway(chosen: argparse.Namespace) -> int:
    return _wait(load(chosen), "gateway")


def _run_dispatcher(chosen: argparse.Namespace) -> int:
    return _wait(load(chosen), "dispatcher")


def _run_phones(chosen: argparse.Namespace) -> int:
    """Until SIGTERM or SIGINT. The carts themselves are `pointofcare-cart phones`, on this machine."""
    from server.bare import bare_app
    from server.store import migrate
    from server.usecases.presence import Presence
    from server.web.gate import serving
    from server.web.gate.app import create_app as gate_app
    from server.web.gate.proxy import Carts
    from server.web.gate.standing import Standing

    settings = load(chosen)
    serving.settings(settings.phones)
    assert settings.phones.sockets is not None
    app = bare_app(settings)
    with app.app_context():
        migrate.require_current()
    carts = Carts(settings.phones.sockets)
    presence = Presence("phones", scope=app.app_context)
    presence.start()
    standing = Standing(scope=app.app_context, tell_ended=carts.end)
    standing.start()
    try:
        gate = gate_app(settings, standing=standing, carts=carts, scope=app.app_context)
        serving.run(gate, settings.phones, ready=lambda port: logbook.announce(f"pointofcare-server phones ready on port {port}"))
    except OSError as exc:
        print(f"{settings.phones.host}:{settings.phones.port} cannot be used: {exc}", file=sys.stderr)
        return 1
    finally:
        standing.stop()
        presence.stop()
        carts.close()
    logbook.announce("pointofcare-server stopped")
    return 0


def _wait(settings: ServerConfig, part: str) -> int:
    from server import running
    from server.bare import bare_app
    from server.store import migrate
    from server.web import own_figures

    app = bare_app(settings)
    with app.app_context():
        migrate.require_current()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    figures = own_figures.of_part(app, settings, part)
    logbook.announce(f"pointofcare-server {part} ready")
    try:
        if part == "gateway":
            if not running.in_turn(app, settings, stop):
                return 1
        else:
            running.start(app, settings, with_gateway=False, with_dispatcher=True)
            stop.wait()
        running.stop(app)
    finally:
        if figures is not None:
            figures.stop()
    logbook.announce("pointofcare-server stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
