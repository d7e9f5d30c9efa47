"""The disk of the server's database is full while a dose is given: nothing unwritten is receipted, and it arrives once there is room."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from cart_client import inbox
from server.bare import bare_app
from server.store import migrate
from server.store.database import db
from tests.support.bedside_line import line, ready
from tests.support.databases import KINDS, config_for, sqlite_template
from tests.support.own_cluster import Cluster
from tests.support.server_ward import open_ward

pytestmark = pytest.mark.slow

LONG_ENOUGH_S = 3.0


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="poc-full-", dir="/tmp"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)]
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode:
        directory.rmdir()
        pytest.skip("a disk of a few megabytes takes root: mount -t tmpfs")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
        directory.rmdir()


def fill(directory: Path) -> Path:
    """To the last byte."""
    filler = directory / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT, 0o600)
    with contextlib.suppress(OSError):
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while os.write(descriptor, b"x" * size):
                    pass
    os.close(descriptor)
    return filler


class OnSqlite:
    """The server's own folder with its SQLite file is on the small disk."""

    def __init__(self, disk: Path) -> None:
        shutil.copyfile(sqlite_template(), disk / "ward.sqlite")
        self.url = f"sqlite:///{disk / 'ward.sqlite'}"

    def until_it_fails(self) -> None:
        """Nothing: its next commit needs room."""

    def again(self) -> None:
        """Nothing: it is a file."""

    def end(self) -> None:
        """Nothing runs."""


class OnPostgresql:
    """PostgreSQL's files are on the small disk, in segments of 1 MB."""

    def __init__(self, disk: Path) -> None:
        self.cluster = Cluster(disk, "--wal-segsize=1", more="min_wal_size=2MB\nmax_wal_size=6MB\nrestart_after_crash=off\n")
        self.url = self.cluster.url
        with bare_app(config_for(self.url, disk)).app_context():
            migrate.upgrade()
            db.engine.dispose()

    def until_it_fails(self) -> None:
        """It goes on in the segments that it has, and ends itself where the next one finds no room (PANIC)."""
        with contextlib.suppress(psycopg.Error):
            for _ in range(500):
                self.cluster.ask("SELECT pg_logical_emit_message(true, 'x', repeat('y', 100000))")
            raise AssertionError("PostgreSQL found room on a full disk")
        _wait(lambda: not (self.cluster.data / "postmaster.pid").exists())

    def again(self) -> None:
        """As the runbook says: room first, then the start."""
        self.cluster.start()

    def end(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.cluster.stop("immediate")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_receipted_that_is_not_written_and_it_arrives_once_when_there_is_room(kind: str, tmp_path: Path) -> None:
    with small_disk(160 if kind == "postgresql" else 24) as disk:
        engine = OnPostgresql(disk) if kind == "postgresql" else OnSqlite(disk)
        app = bare_app(config_for(engine.url, tmp_path))
        try:
            with app.app_context():
                try:
                    _a_day_of_a_full_disk(app, engine, disk, tmp_path)
                finally:
                    db.session.remove()
                    db.engine.dispose()
        finally:
            engine.end()


def _a_day_of_a_full_disk(app: Flask, engine: OnSqlite | OnPostgresql, disk: Path, tmp_path: Path) -> None:
    open_ward(patient_count=2)
    ready()
    with line("mosquitto", tmp_path, app) as ground:
        cart = ground.carts["c1"]
        cart.sign_in()

        def gives(number: int) -> str:
            cart.open(number)
            record_id = cart.verify()
            assert cart.press(inbox.Confirm, record_id=record_id) == ""
            return record_id

        first = gives(1)
        cart.until(lambda view: view.recorded and view.recorded[0].standing.at_server)
        assert cart.press(inbox.ClosePatient) == ""
        cart.open(2)  # its lease stands: the next dose is not asked why
        filler = fill(disk)
        engine.until_it_fails()
        record_id = cart.verify()
        assert cart.press(inbox.Confirm, record_id=record_id) == ""
        ends = time.monotonic() + LONG_ENOUGH_S
        while time.monotonic() < ends:
            (newest, *_others) = cart.bedside.view.recorded
            assert (newest.record.record_id, newest.standing.here, newest.standing.at_server) == (record_id, True, False)
            time.sleep(0.1)
        assert "Waiting for the server" in cart.words()
        filler.unlink()
        engine.again()
        cart.until(lambda view: view.recorded[0].standing.at_server, within_s=90.0)
        _wait(lambda: _doses() == sorted([first, record_id]))


def _doses() -> list[str]:
    with db.engine.connect() as connection:
        return sorted(connection.execute(text("SELECT record_id FROM administrations")).scalars())


def _wait(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30.0
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.1)
