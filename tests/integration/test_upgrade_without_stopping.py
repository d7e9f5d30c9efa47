"""The schema of the next release is applied under a server that records doses all the while: none is lost, none doubled, and the server
may be started again on it. What takes something away waits until no such server runs."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text, update

from cart_client.chart import Chart
from cart_client.journal import Journal
from cart_client.uplink import Uplink
from devices.broker import BrokerConfig
from pointofcare.errors import ConfigError
from server.security import signing
from server.store import migrate, steps
from server.store.database import db
from server.store.steps import Program
from server.store.tables import AdministrationRow, OutboxRow
from server.store.tables.schema_step import SchemaStepRow
from server.usecases import presence
from tests.support import next_release, server_ward
from tests.support.brokers import running_broker
from tests.support.cart_ward import AT_REST
from tests.support.databases import KINDS, migrated_app

ROOT = Path(__file__).parents[2]
NEXT = tuple(next_release.EXPANDS)
KIND = pytest.mark.parametrize("kind", KINDS)
WAIT_S = 60.0


def until(true: Callable[[], bool], what: str, within_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.02)


# Two releases on one database, one after the other.


@KIND
def test_what_expands_is_applied_at_once_and_what_contracts_waits(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    with migrated_app(kind, tmp_path):
        head = migrate.head()
        with next_release.installed(tmp_path, monkeypatch, contracts=True):
            steps.beat(Program(id="old", part="run", host="a", release="0.1.0", started_at=now, seen_at=now))
            planned = "\n".join(migrate.plan())
            assert "0901 (expands)" in planned
            assert "waits for --contract, when no older server runs: 0950" in planned
            assert "run of release 0.1.0 on a, goes on meanwhile" in planned
            assert migrate.current() == head, "a plan writes nothing"
            migrate.upgrade()
            assert migrate.current() == NEXT[-1]
            migrate.require_current()
            assert "WOULD NOT SURVIVE IT" in "\n".join(migrate.plan(contract=True))
            with pytest.raises(ConfigError, match=r"run of release 0.1.0 on a would not survive it"):
                migrate.upgrade(contract=True)
            assert migrate.current() == NEXT[-1]
        # The release before, on the schema that it does not know.
        migrate.require_current()
        migrate.upgrade()
        assert migrate.current() == NEXT[-1], "an older release leaves a newer schema as it is"
        assert "this one may run on it" in migrate.plan()[1]
        with next_release.installed(tmp_path, monkeypatch, contracts=True):
            steps.ended("old")
            migrate.upgrade(contract=True)
            assert migrate.current() == "0950"
        for begin in (migrate.require_current, migrate.upgrade):
            with pytest.raises(ConfigError, match=f"only release {next_release.VERSION} or newer may run on it") as refused:
                begin()
            assert "install the version" in refused.value.remedy


def test_a_contraction_is_applied_by_itself_one_release_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with migrated_app("sqlite", tmp_path), next_release.installed(tmp_path, monkeypatch, contracts=True):
        migrate.upgrade()
        assert migrate.current() == NEXT[-1]
        with monkeypatch.context() as later:  # or what it replaces would stay behind
            later.setattr(steps, "release", lambda: "9.1.0")
            migrate.upgrade()
        assert migrate.current() == "0950"


def test_a_server_that_was_killed_counts_for_three_minutes_and_one_that_ended_not_at_all(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with migrated_app("sqlite", tmp_path):
        for name, age in (
            ("lives", timedelta(0)),
            ("killed", timedelta(minutes=2)),
            ("long", timedelta(minutes=4)),
            ("ended", timedelta(0)),
        ):
            steps.beat(Program(id=name, part="web", host="a", release="0.1.0", started_at=now, seen_at=now - age))
        steps.ended("ended")
        assert {each.id for each in steps.running(now)} == {"lives", "killed"}


def test_a_server_whose_clock_is_behind_is_heard_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Behind(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) - timedelta(minutes=10)

    monkeypatch.setattr(presence, "datetime", Behind)
    with migrated_app("postgresql", tmp_path) as app:
        here = presence.Presence("web", scope=app.app_context)
        here.start()
        try:
            assert [each.part for each in steps.running()] == ["web"]
        finally:
            here.stop()


def test_a_server_that_slept_while_the_schema_was_contracted_ends_when_it_wakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    with migrated_app("sqlite", tmp_path) as app:
        here = presence.Presence("gateway", scope=app.app_context, unfit=told.append)
        with next_release.installed(tmp_path, monkeypatch, contracts=True):
            migrate.upgrade()
        here.start()
        try:
            assert told == [], "a schema that was expanded is still its own"
            with next_release.installed(tmp_path, monkeypatch, contracts=True):
                monkeypatch.setattr(steps, "require_none_older", lambda _steps: None)  # as after three minutes of silence
                migrate.upgrade(contract=True)
            assert here.look()
        finally:
            here.stop()
    assert "only release" in told[0]


def test_a_bound_that_is_no_release_lets_nobody_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with migrated_app("sqlite", tmp_path):
        with next_release.installed(tmp_path, monkeypatch, contracts=True):
            migrate.upgrade(contract=True)
        with db.engine.begin() as connection:
            connection.execute(update(SchemaStepRow).where(SchemaStepRow.oldest_release != "").values(oldest_release="9.0.0rc1"))
        with pytest.raises(ConfigError, match=r"9\.0\.0rc1"):
            migrate.require_current()


# The same, under doses.


@dataclass
class Feeding:
    """A real cart's journal and uplink, into which a dose is recorded every few milliseconds."""

    journal: Journal
    uplink: Uplink
    recorded: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopping.wait(0.03):
            made = replace(server_ward.a_record(), record_id=str(uuid4()), effective_at=datetime.now(UTC), recorded_at=datetime.now(UTC))
            self.journal.append(made, message_id=str(uuid4()))
            self.recorded.append(made.record_id)
            self.uplink.wake()

    def settled(self) -> int:
        return len(self.recorded) - self.journal.unsent_count()


def environment(url: str, broker: object, passwords: dict[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "POINTOFCARE_DATABASE_URL": url,
        "POINTOFCARE_HTTP_PORT": "0",
        "POINTOFCARE_MQTT_PORT": str(broker.port),  # type: ignore[attr-defined]
        "POINTOFCARE_MQTT_USERNAME": "server",
        "POINTOFCARE_MQTT_PASSWORD": passwords["server"],
    }


@contextmanager
def running_server(settings: Path, around: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with (settings.parent / "log").open("a") as log:
        command = [sys.executable, "-m", "server", "run", "--config", str(settings)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=around)
        assert child.stdout is not None
        try:
            line = child.stdout.readline()
            assert "ready on" in line, (settings.parent / "log").read_text()
            yield child, line.split()[-1]
            child.send_signal(signal.SIGTERM)
            assert child.wait(40) == 0
        finally:
            child.kill()
            child.wait(10)
            child.stdout.close()


@contextmanager
def a_cart(folder: Path, broker: object, password: str, key: signing.SigningKey) -> Iterator[Feeding]:
    journal = Journal(folder / "journal.sqlite", cart="c1", at_rest=AT_REST)
    told: queue.Queue[object] = queue.Queue()
    uplink = Uplink(
        BrokerConfig(host="127.0.0.1", port=broker.port, client_id="c1", username="c1", password=password),  # type: ignore[attr-defined]
        cart="c1",
        facility="h1",
        ward=server_ward.WARD,
        chart=Chart(folder / "chart.sqlite", facility="h1", ward=server_ward.WARD, key=key.key),
        journal=journal,
        tell=told.put,
        versions={"app": "test"},
        backoff_first_s=0.5,
    )
    feeding = Feeding(journal, uplink)
    thread = threading.Thread(target=feeding.run)
    uplink.start()
    thread.start()
    try:
        yield feeding
    finally:
        feeding.stopping.set()
        thread.join(10)
        uplink.stop()
        journal.close()


def ready(address: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{address}/ready", timeout=20) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def command(settings: Path, around: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "server", *words, "--config", str(settings)]
    return subprocess.run(line, env=around, capture_output=True, text=True, timeout=90, check=False)


def url_of(app: Flask) -> str:
    return str(app.config["SQLALCHEMY_DATABASE_URI"])


@pytest.mark.slow
@KIND
def test_doses_are_recorded_all_the_while_the_schema_of_the_next_release_is_applied(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "server.toml"
    with migrated_app(kind, tmp_path) as app, running_broker("nats") as (broker, passwords):
        server_ward.open_ward()
        around = environment(url_of(app), broker, passwords)
        assert command(settings, around, "init", "--facility", "h1").returncode == 0
        key = signing.load(tmp_path / "signing-key.json")
        with running_server(settings, around) as (child, address), a_cart(tmp_path, broker, passwords["c1"], key) as cart:
            until(lambda: cart.settled() >= 20, "doses are recorded")
            with next_release.installed(tmp_path, monkeypatch, contracts=True):
                began, before = time.monotonic(), cart.settled()
                migrate.upgrade()
                took_s = time.monotonic() - began
                with pytest.raises(ConfigError, match="would not survive it"):
                    migrate.upgrade(contract=True)
            assert migrate.current() == NEXT[-1]
            until(lambda: cart.settled() >= before + 40, "doses go on being recorded")
            assert child.poll() is None
            assert f"it is at schema {NEXT[-1]}, this version was made for {migrate.head()}" in json.dumps(ready(address))
            cart.stopping.set()
            until(lambda: cart.journal.unsent_count() == 0, "everything has arrived")
            _all_there_once(cart)
            assert took_s < 30
        # The old release is started again on the newer schema, as after a power cut.
        brought = command(settings, around, "migrate")
        assert brought.returncode == 0, brought.stderr
        assert "a newer release made it, and this one may run on it" in brought.stdout
        with running_server(settings, around) as (_, address):
            assert "this version was made for" in json.dumps(ready(address))
        assert steps.running() == (), "a server that ends says so"
        with next_release.installed(tmp_path, monkeypatch, contracts=True):
            migrate.upgrade(contract=True)
        db.session.remove()
        for words in (("run",), ("migrate",)):
            refused = command(settings, around, *words)
            assert refused.returncode == 2
            assert f"only release {next_release.VERSION} or newer may run on it" in refused.stderr
    assert "Traceback" not in (tmp_path / "log").read_text()


def _all_there_once(cart: Feeding) -> None:
    with db.engine.connect() as connection:
        found = connection.execute(select(AdministrationRow.record_id)).scalars().all()
        sent = connection.execute(select(OutboxRow.record_id)).scalars().all()
    assert sorted(found) == sorted(cart.recorded)
    assert sorted(sent) == sorted(cart.recorded)


@pytest.mark.slow
def test_a_step_that_waits_for_a_table_lets_doses_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL everybody who comes behind a waiting ALTER TABLE waits with it: so it waits for a moment only, and tries again."""
    with migrated_app("postgresql", tmp_path) as app, next_release.installed(tmp_path, monkeypatch):
        longest, done = [0.0], threading.Event()

        def write() -> None:
            with app.app_context():
                while not done.is_set():
                    began = time.monotonic()
                    with db.engine.begin() as connection:
                        connection.execute(select(func.count()).select_from(AdministrationRow))
                    longest[0] = max(longest[0], time.monotonic() - began)
                    time.sleep(0.02)

        with db.engine.connect() as reader:
            reader.execute(select(func.count()).select_from(AdministrationRow))  # a report that takes long holds the table
            upgrading = threading.Thread(target=_in(app, migrate.upgrade))
            writing = threading.Thread(target=write)
            upgrading.start()
            writing.start()
            time.sleep(5.0)
            assert upgrading.is_alive()
            reader.rollback()
        upgrading.join(60)
        done.set()
        writing.join(30)
        assert migrate.current() == NEXT[-1]
        assert longest[0] < migrate.LOCK_TIMEOUT_S + 1.5


def _in(app: Flask, work: Callable[[], None]) -> Callable[[], None]:
    def inside() -> None:
        with app.app_context():
            work()

    return inside


def _killed_at(number: int) -> None:
    """Upgrades in a process of its own that is killed at its statement `number`."""
    child = os.fork()
    if child == 0:
        try:
            db.engine.dispose(close=False)
            left = iter(range(number))

            @event.listens_for(db.engine, "before_cursor_execute")
            def _count(*_: object) -> None:
                if next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)

            migrate.upgrade()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


@pytest.mark.slow
@KIND
def test_a_step_that_was_killed_anywhere_is_applied_by_the_next_try(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with migrated_app(kind, tmp_path), next_release.installed(tmp_path, monkeypatch):
        for number in range(4, 40, 3):
            db.engine.dispose()
            _killed_at(number)
            if migrate.current() == NEXT[-1]:
                break
        migrate.upgrade()
        migrate.upgrade()  # and once more, which does nothing
        assert migrate.current() == NEXT[-1]
        with db.engine.connect() as connection:
            taken = connection.execute(text("select revision, change, release from schema_steps where revision > '0900' order by 1")).all()
            assert [tuple(each) for each in taken] == [(each, "expand", next_release.VERSION) for each in NEXT]
            connection.execute(text("select of_tomorrow from administrations")).all()


@pytest.mark.slow
def test_an_index_that_was_broken_off_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with migrated_app("postgresql", tmp_path), next_release.installed(tmp_path, monkeypatch):
        migrate.upgrade("0901")
        name = "ix_administrations_of_tomorrow"
        with db.engine.begin() as connection:
            connection.execute(text(f"create index {name} on administrations (facility)"))
            connection.execute(text(f"update pg_index set indisvalid = false where indexrelid = '{name}'::regclass"))
        migrate.upgrade()
        with db.engine.connect() as connection:
            assert connection.execute(text(f"select indisvalid, indnatts from pg_index where indexrelid = '{name}'::regclass")).one() == (
                True,
                2,
            )
