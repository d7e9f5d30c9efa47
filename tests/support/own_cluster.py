"""A PostgreSQL of a test's own, which it may stop, kill, fill up and put others' files under."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.support import databases


class Cluster:
    """`directory` is its own. `initdb` are more options of that program, `more` lines of its settings."""

    def __init__(self, directory: Path, *initdb: str, more: str = "") -> None:
        found = databases._binaries()
        if found is None:
            pytest.skip("no PostgreSQL: apt-get install postgresql")
        self.binaries, self.directory, self.data = found, directory, directory / "data"
        self.owner = pwd.getpwnam("postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
        os.chown(directory, self.owner.pw_uid, self.owner.pw_gid)
        self.run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", *initdb)
        self.settings = directory / "postgresql.conf"
        self.settings.write_text(f"listen_addresses=''\nunix_socket_directories='{directory}'\nfsync=off\nmax_connections=60\n{more}")
        self.start()
        for statement in ("CREATE ROLE pointofcare LOGIN", "CREATE DATABASE pointofcare OWNER pointofcare TEMPLATE template0"):
            self.ask(statement, database="postgres")
        self.url = f"postgresql+psycopg://pointofcare@/pointofcare?host={directory}"

    def run(self, program: str, *arguments: str) -> None:
        switched = ["runuser", "-u", self.owner.pw_name, "--"] if os.geteuid() == 0 else []
        subprocess.run([*switched, str(self.binaries / program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def start(self) -> None:
        hba = self.data / "pg_hba.conf"
        options = f"-c config_file={self.settings} -c hba_file={hba} -c ident_file={self.data / 'pg_ident.conf'}"
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.directory / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def ask(self, statement: str, *, database: str = "pointofcare") -> list[tuple[object, ...]]:
        with psycopg.connect(f"postgresql://postgres@/{database}?host={self.directory}", autocommit=True) as connection:
            told = connection.execute(statement)  # type: ignore[call-overload]
            return told.fetchall() if told.description else []
