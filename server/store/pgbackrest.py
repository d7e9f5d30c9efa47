"""Continuous copies of a PostgreSQL by pgBackRest: base backups and every segment of its log (WAL), and a PostgreSQL as it was at a moment.

Must never write into the folder of the live database, and never let a restored one push into the archive of the live one: that would
make two histories of one hospital. What reads or writes its files runs as the user who owns them.
"""

from __future__ import annotations

import configparser
import json
import os
import pwd
import secrets
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from pointofcare.errors import ConfigError

ARCHIVE_TIMEOUT_S = 60  # the most that is lost with the machine while little is written
_KEPT_FULL = 4
_START_S = 6 * 3600
_WORDS = 600
_PORT = 5432  # on a socket of its own
# pgBackRest's own numbers, which are its exit codes (its docs, "Error codes"), for what people here can mend.
_REMEDIES = {
    28: "the repository is another cluster's: after a restore or an upgrade of PostgreSQL run pgbackrest stanza-upgrade",
    40: "name a folder that is empty or not there",
    50: "another pgbackrest works at the moment: wait until it is done",
    51: "another pgbackrest works at the moment: wait until it is done",
    53: "PostgreSQL runs in that folder: name another one",
    55: "a file of the repository is missing: is its disk there? Then pointofcare-server pitr setup",
    56: "PostgreSQL does not answer on the socket of the file: is it running?",
    58: "PostgreSQL does not answer on the socket of the file: is it running?",
    75: "no base backup is from before that moment: pointofcare-server pitr status lists them",
    82: "PostgreSQL does not archive: its log says why; then pointofcare-server pitr setup",
    87: "PostgreSQL does not archive: pointofcare-server pitr setup, then start it again",
    95: "the passphrase of the file is not the repository's: find the file with which it was made",
    103: "the repository cannot be read or was never set up: pointofcare-server pitr setup",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stanza:
    """What the file of pgBackRest says about one cluster: `data` its files, `socket` and `port` where it answers, `user` its superuser."""

    name: str
    file: Path
    data: Path
    socket: str
    port: int
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base backup. `ended_at`: the first moment that it can be restored to."""

    label: str
    kind: str
    ended_at: datetime
    has_fault: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A restored PostgreSQL that answers on a socket of its own, to nobody else."""

    stanza: Stanza
    socket: Path

    def asking(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.socket), port=_PORT, user=self.stanza.user, dbname=database, autocommit=True)

    def url(self, database: str, user: str | None = None) -> str:
        told = {"host": str(self.socket), "port": str(_PORT)}
        return URL.create("postgresql+psycopg", username=user or self.stanza.user, database=database, query=told).render_as_string()


def database_of(url: str) -> str:
    """The name of the PostgreSQL database of an address. Raises: ConfigError."""
    found = make_url(url)
    if found.get_backend_name() != "postgresql" or not found.database:
        raise ConfigError("database_url names no PostgreSQL", remedy="SQLite has no log to go back in: pointofcare-server backup")
    return found.database


def fresh(*, name: str, repository: Path, data: Path, socket: str, port: int, user: str) -> str:
    """The text of a new file for pgBackRest, with a passphrase drawn for its repository."""
    return f"""# pgBackRest, see docs/operations.md. Keep a copy of this file apart from the repository: without its passphrase
# nothing comes back.
[global]
repo1-path={repository}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass={secrets.token_urlsafe(48)}
repo1-retention-full={_KEPT_FULL}
repo1-bundle=y
compress-type=zst
start-fast=y
log-level-console=warn
log-level-file=off

[{name}]
pg1-path={data}
pg1-socket-path={socket}
pg1-port={port}
pg1-user={user}
"""


def load(file: Path, name: str) -> Stanza:
    """Raises: ConfigError."""
    read = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    try:
        read.read_string(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{file} cannot be read: {exc.strerror}", remedy="set it up as root: pointofcare-server pitr setup") from exc
    except (configparser.Error, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"{file} is no file of pgBackRest: {exc}", remedy="see its user guide, or let pitr setup write a new one"
        ) from exc
    if not read.has_section(name) or not read.has_option(name, "pg1-path"):
        remedy = f"{file} holds {', '.join(read.sections()) or 'nothing'}: name one with --stanza"
        raise ConfigError(f"{file} says nothing of the cluster {name}", remedy=remedy)
    told = read[name]
    return Stanza(
        name=name,
        file=file.resolve(),
        data=Path(told["pg1-path"]),
        socket=told.get("pg1-socket-path", "/var/run/postgresql"),
        port=int(told.get("pg1-port", "5432")),
        user=told.get("pg1-user", "postgres"),
    )


def owner(stanza: Stanza) -> pwd.struct_passwd:
    """Who owns the files of the database; its superuser's name where they are gone. Raises: ConfigError where we may not act for them."""
    try:
        found = pwd.getpwuid(stanza.data.stat().st_uid) if stanza.data.exists() else pwd.getpwnam(stanza.user)
    except (OSError, KeyError) as exc:
        raise ConfigError(f"nobody knows whose {stanza.data} is", remedy="install PostgreSQL on this machine first") from exc
    if os.geteuid() not in (0, found.pw_uid):
        raise ConfigError(f"the files of the database are {found.pw_name}'s", remedy=f"run it as root or as {found.pw_name}")
    return found


def hand_over(stanza: Stanza, path: Path) -> None:
    """Gives a file or folder of ours to the owner of the database."""
    if os.geteuid() == 0:
        os.chown(path, owner(stanza).pw_uid, owner(stanza).pw_gid)


def _run(stanza: Stanza, words: list[str]) -> subprocess.CompletedProcess[str]:
    """As the owner of the database."""
    told = owner(stanza)
    switched: dict[str, Any] = {}
    if os.geteuid() != told.pw_uid:
        switched = {"user": told.pw_uid, "group": told.pw_gid, "extra_groups": os.getgrouplist(told.pw_name, told.pw_gid)}
    environment = {**os.environ, "HOME": told.pw_dir}
    with tempfile.TemporaryFile(
        "w+", encoding="utf-8", errors="replace"
    ) as said:  # no pipe: a PostgreSQL that it starts would keep it open
        done = subprocess.run(words, stdout=said, stderr=subprocess.STDOUT, text=True, check=False, cwd="/", env=environment, **switched)
        said.seek(0)
        return subprocess.CompletedProcess(words, done.returncode, said.read())


@contextmanager
def asking(stanza: Stanza, database: str) -> Iterator[psycopg.Connection[Any]]:
    """The live PostgreSQL, as its superuser. Raises: ConfigError."""
    told, me = owner(stanza), os.geteuid()
    try:
        os.seteuid(told.pw_uid)  # whom it knows by the socket
        try:
            opened = psycopg.connect(host=stanza.socket, port=stanza.port, user=stanza.user, dbname=database, autocommit=True)
        finally:
            os.seteuid(me)
        with opened as connection:
            yield connection
    except psycopg.Error as exc:
        remedy = f"does it run, and is {stanza.user} its superuser ({stanza.file})?"
        raise ConfigError(f"PostgreSQL says: {str(exc).strip()[:300]}", remedy=remedy) from exc


def archive_command(stanza: Stanza) -> str:
    return f"pgbackrest --config={shlex.quote(str(stanza.file))} --stanza={shlex.quote(stanza.name)} archive-push %p"


def archive(stanza: Stanza, database: str) -> bool:
    """Tells the live PostgreSQL to hand every segment over from its next start on; whether it does already. Raises: ConfigError."""
    with asking(stanza, database) as live:
        asked = "SELECT current_setting('data_directory'), current_setting('archive_mode'), current_setting('archive_command')"
        directory, mode, command = live.execute(asked).fetchone() or ("", "", "")
        if Path(directory).resolve() != stanza.data.resolve():
            remedy = f"name it with --data, or mend {stanza.file}"
            raise ConfigError(f"PostgreSQL on {stanza.socket} has its files in {directory}, not in {stanza.data}", remedy=remedy)
        wanted = archive_command(stanza)
        if command not in ("", "(disabled)", wanted):
            remedy = "end that first: two archives would hide each other's gaps"
            raise ConfigError(f"PostgreSQL archives already, by: {command}", remedy=remedy)
        run(stanza, "stanza-create")
        for name, value in (("archive_mode", "on"), ("archive_command", wanted), ("archive_timeout", f"{ARCHIVE_TIMEOUT_S}s")):
            live.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        live.execute("SELECT pg_reload_conf()")
        return bool(mode != "off")


def run(stanza: Stanza, command: str, *options: str) -> str:
    """What it printed. Raises: ConfigError with its own words and what to do."""
    program = shutil.which("pgbackrest")
    if program is None:
        raise ConfigError("pgbackrest is not installed", remedy="apt-get install pgbackrest")
    done = _run(stanza, [program, f"--config={stanza.file}", f"--stanza={stanza.name}", *options, command])
    if done.returncode:
        remedy = _REMEDIES.get(done.returncode, "see its words")
        raise ConfigError(f"pgbackrest {command} failed: {done.stdout.strip()[:_WORDS]}", remedy=remedy)
    return done.stdout


def bases(stanza: Stanza) -> tuple[Base, ...]:
    """Oldest first; none where the repository holds none. Raises: ConfigError."""
    told = json.loads(run(stanza, "info", "--output=json"))
    return tuple(
        Base(
            label=each["label"],
            kind=each["type"],
            ended_at=datetime.fromtimestamp(each["timestamp"]["stop"], UTC),
            has_fault=bool(each.get("error")),
        )
        for one in told
        for each in one.get("backup", ())
    )


def restore(stanza: Stanza, into: Path, *, at: datetime | None) -> Base:
    """The files as they are in the newest base backup before `at`, in the empty folder `into`, set to go on to that moment when started;
    None: to the end of the archive. Raises: ConfigError."""
    found = [each for each in bases(stanza) if not each.has_fault and (at is None or each.ended_at <= at)]
    if not found:
        when = "" if at is None else f" from before {at.isoformat()}"
        raise ConfigError(f"the repository has no base backup{when}", remedy="pointofcare-server pitr status lists what there is")
    if at is not None and at > datetime.now(UTC):
        raise ConfigError(f"{at.isoformat()} is still to come", remedy="name a moment that is over, with its offset")
    target: tuple[str, ...] = ("--type=default",)
    if at is not None:
        target = ("--type=time", f"--target={at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00", "--target-action=promote")
    # Its tablespaces beside it, never where the live ones lie.
    apart = (f"--pg1-path={into}", f"--tablespace-map-all={into}.tablespaces", "--archive-mode=off", f"--set={found[-1].label}")
    run(stanza, "restore", *apart, *target)
    return found[-1]


@contextmanager
def running(stanza: Stanza, data: Path) -> Iterator[Running]:
    """Lets the restored files go on to their moment, and answers to this user alone until the end. Raises: ConfigError."""
    binaries = Path("/usr/lib/postgresql") / (data / "PG_VERSION").read_text(encoding="ascii").strip() / "bin"
    with tempfile.TemporaryDirectory(prefix="pointofcare-pitr-") as made:
        place = Path(made)
        (place / "pg_hba.conf").write_text("local all all trust\n", encoding="ascii")
        (place / "postgresql.conf").touch()
        # On the command line, which wins over what ALTER SYSTEM left in the files.
        settings = {
            "config_file": place / "postgresql.conf",
            "hba_file": place / "pg_hba.conf",
            "ident_file": place / "postgresql.conf",
            "listen_addresses": "",
            "unix_socket_directories": place,
            "unix_socket_permissions": "0700",
            "port": _PORT,
            "archive_mode": "off",
            "hot_standby": "off",
            "ssl": "off",
            "logging_collector": "off",
            "shared_preload_libraries": "",
            "max_logical_replication_workers": 0,  # it must not go and fetch what the live one subscribed to
            "max_connections": 20,
        }
        options = " ".join(f"-c {name}={shlex.quote(str(value))}" for name, value in settings.items())
        log = place / "log"
        for each in (place, place / "pg_hba.conf", place / "postgresql.conf"):
            hand_over(stanza, each)
        control = [str(binaries / "pg_ctl"), "-D", str(data), "-w"]
        try:
            begun = _run(stanza, [*control, "-t", str(_START_S), "-l", str(log), "-o", options, "start"])
            if begun.returncode:
                raise _not_started(log.read_text(encoding="utf-8", errors="replace") if log.exists() else begun.stdout)
            there = Running(stanza=stanza, socket=place)
            if not _answers(there, data):
                raise _not_started(log.read_text(encoding="utf-8", errors="replace"))
            yield there
        finally:
            if (data / "postmaster.pid").exists():
                _run(stanza, [*control, "-m", "fast", "stop"])


def _answers(there: Running, data: Path) -> bool:
    """Once it has gone on to its moment; False: it ended on the way, or was not there in time."""
    ends = time.monotonic() + _START_S
    while (data / "postmaster.pid").exists() and time.monotonic() < ends:
        try:
            there.asking("template1").close()
            return True
        except psycopg.OperationalError:
            time.sleep(0.1)
    return False


def _not_started(log: str) -> ConfigError:
    said = "; ".join(line.split("FATAL:", 1)[1].strip() for line in log.splitlines() if "FATAL:" in line) or log.strip()[-_WORDS:]
    remedy = "see the words of PostgreSQL"
    if "before configured recovery target" in said:
        remedy = "nothing was archived from after that moment: name an earlier one, or leave --at out for the newest there is"
    elif "before consistent recovery point" in said:
        remedy = "name a moment after the end of a base backup: pointofcare-server pitr status lists them"
    return ConfigError(f"the restored PostgreSQL did not get to that moment: {said[:_WORDS]}", remedy=remedy)


@contextmanager
def scratch_folder(stanza: Stanza) -> Iterator[Path]:
    """An empty folder that the owner of the database alone reads, gone afterwards with what lies beside it for tablespaces."""
    with tempfile.TemporaryDirectory(prefix="pointofcare-drill-") as made:
        data = Path(made) / "data"
        data.mkdir(mode=0o700)
        for each in (Path(made), data):
            hand_over(stanza, each)
        yield data
