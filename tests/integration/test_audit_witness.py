"""The carts as witnesses: they keep the checkpoints of the server's audit log, and find a log that was cut off or written anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from cart_client import checkpoints as cart_checkpoints
from cart_client.chart import Chart
from cart_client.journal import Journal
from cart_client.uplink import Uplink
from devices.broker import BrokerConfig
from server.config import MqttConfig
from server.mqtt.gateway import Gateway
from server.security import audit_check, sealing, signing
from server.store import audit, audit_log, discrepancies
from server.store.database import db
from server.store.transaction import Actor, reading, transaction
from server.usecases import checkpoints
from server.usecases.facts import Site
from tests.support.brokers import KINDS, Clients, running_clients
from tests.support.databases import migrated_app
from tests.support.server_ward import WARD, open_ward

FACILITY, CART = "h1", "c1"
WAIT_S = 15.0


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        pause.wait(0.05)


@dataclass
class Hospital:
    app: Flask
    clients: Clients
    directory: Path

    @property
    def key(self) -> signing.SigningKey:
        return signing.load_or_generate(self.directory / "key.json")

    @contextmanager
    def gateway(self) -> Iterator[Gateway]:
        made = Gateway(
            MqttConfig(host="127.0.0.1", port=self.clients.running.port, username="server", password=self.clients.passwords["server"]),
            facility=FACILITY,
            key=self.key,
            site=Site(),
            lifetime=timedelta(hours=24),
            version="test",
            scope=self.app.app_context,
        )
        made.start()
        try:
            yield made
        finally:
            made.stop()

    @contextmanager
    def cart(self) -> Iterator[Journal]:
        journal = Journal(self.directory / "journal.sqlite", cart=CART)
        port, password = self.clients.running.port, self.clients.passwords[CART]
        uplink = Uplink(
            BrokerConfig(host="127.0.0.1", port=port, client_id=CART, username=CART, password=password, backoff_min_s=0.05),
            cart=CART,
            facility=FACILITY,
            ward=WARD,
            chart=Chart(self.directory / "chart.sqlite", facility=FACILITY, ward=WARD, key=self.key.key),
            journal=journal,
            tell=lambda _told: None,
            versions={"app": "0"},
        )
        uplink.start()
        try:
            yield journal
        finally:
            uplink.stop()
            journal.close()

    def do(self, count: int) -> None:
        for number in range(count):
            with transaction(Actor(id="N1")) as tx:
                tx.audit("order.hold", f"order/O{number}", {"before": {"status": "active"}, "after": {"status": "on-hold"}})

    def seal(self) -> str:
        with transaction(sealing.ACTOR) as tx:
            made = sealing.seal(tx, self.key)
        assert made is not None
        return made.jws


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hospital]:
    with migrated_app("sqlite", tmp_path) as app, running_clients(request.param, (CART,)) as clients:
        open_ward()
        yield Hospital(app, clients, tmp_path)


def alter(*statements: str) -> None:
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def alarms() -> list[discrepancies.Discrepancy]:
    with reading() as tx:
        return [one for one in discrepancies.listed(tx) if one.code == checkpoints.CODE]


def test_a_cart_keeps_each_checkpoint_and_its_return_names_the_one_that_a_rewritten_log_does_not_fit(site: Hospital) -> None:
    site.do(3)
    first = site.seal()
    with site.gateway() as gateway, site.cart() as journal:
        until(lambda: first in journal.checkpoints())
        site.do(3)
        second = site.seal()
        gateway.sealed()
        until(lambda: second in journal.checkpoints())
        assert alarms() == []
    with reading() as tx:
        newest = audit_log.latest(tx)
    assert newest is not None
    alter("DELETE FROM audit_checkpoints", "DELETE FROM audit_leaves", "UPDATE audit SET actor = 'N9' WHERE id = 1")
    site.seal()
    with reading() as tx:
        assert audit_check.check(audit_log.lines(tx), site.key.key).faults == []  # it looks whole to the server alone
    with site.gateway(), site.cart() as journal:
        until(lambda: bool(alarms()))
        kept = journal.checkpoints()
    (alarm,) = alarms()
    assert alarm.detail["cart"] == CART
    assert alarm.detail["why"] == "rewritten"
    assert alarm.record_id.startswith(f"audit-checkpoint-{alarm.detail['size']}-")
    with reading() as tx:
        assert [line.action for line in audit.listed(tx, subject=f"audit/checkpoint/{alarm.detail['size']}")] == ["audit.alarm"]
        assert audit_check.check(audit_log.lines(tx), site.key.key, kept).faults


def test_a_log_that_nobody_touched_raises_nothing(site: Hospital) -> None:
    site.do(2)
    kept = [site.seal()]
    site.do(2)
    kept.append(site.seal())
    with transaction(sealing.ACTOR) as tx:
        assert checkpoints.compare(tx, CART, kept, site.key.key) == ()
    assert alarms() == []


def test_a_log_that_was_cut_off_is_named_once(site: Hospital) -> None:
    site.do(2)
    site.seal()
    site.do(2)
    kept = site.seal()
    with reading() as tx:
        size = audit_log.latest(tx).size  # type: ignore[union-attr]
    alter(f"DELETE FROM audit_checkpoints WHERE size = {size}", f"DELETE FROM audit_leaves WHERE place >= {size - 2}")
    for _ in range(2):
        with transaction(sealing.ACTOR) as tx:
            (found,) = checkpoints.compare(tx, CART, [kept], site.key.key)
        assert (found.size, found.why) == (size, "cut-off")
    assert len(alarms()) == 1


def test_what_our_key_did_not_sign_is_an_alarm_of_its_own(site: Hospital) -> None:
    site.do(1)
    site.seal()
    for statement in ("", "a.b.c", "x" * 5000, "e30.e30.e30"):
        with transaction(sealing.ACTOR) as tx:
            (found,) = checkpoints.compare(tx, CART, [statement], site.key.key)
        assert found.why == "unsigned"
    assert len(alarms()) == 1


def test_a_flood_of_checkpoints_pushes_no_older_one_out_of_a_cart(tmp_path: Path) -> None:
    """True ones each hour for a month, then thousands within an hour, with a clock that jumps: an entry a day of the month is there."""
    began = datetime(2026, 3, 2, tzinfo=UTC)
    rows = [(hour, began + timedelta(hours=hour)) for hour in range(30 * 24)]
    for number in range(len(rows), len(rows) + 5_000):
        rows.append((number, began + timedelta(days=30, seconds=number % 3600)))
        if number % 50 == 0:
            staying = cart_checkpoints.kept(rows)
            rows = [row for row in rows if row[0] in staying]
    staying = cart_checkpoints.kept(rows)
    assert {day * 24 for day in range(30)} <= staying
    assert set(range(10)) <= staying
    assert rows[-1][0] in staying
    assert len(staying) <= 60 + 24 + 366 + 11


def test_a_cart_keeps_checkpoints_over_a_restart_and_each_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite", cart=CART)
    at = datetime(2026, 3, 2, tzinfo=UTC)
    for number in range(130):
        assert journal.keep_checkpoint(f"s{number}", at=at + timedelta(minutes=number), keep=cart_checkpoints.kept)
    assert not journal.keep_checkpoint("s129", at=at + timedelta(minutes=200), keep=cart_checkpoints.kept)
    journal.close()
    again = Journal(tmp_path / "j.sqlite", cart=CART)
    assert set(again.checkpoints()) == {f"s{number}" for number in (*range(10), *range(70, 130), 60)}
    again.close()


def test_a_cart_keeps_nothing_that_the_servers_key_did_not_sign(site: Hospital, tmp_path: Path) -> None:
    site.do(1)
    statement = site.seal()
    other = signing.load_or_generate(tmp_path / "other.json")
    assert cart_checkpoints.read(statement, site.key.key, facility=FACILITY) is not None
    assert cart_checkpoints.read(statement, other.key, facility=FACILITY) is None
    assert cart_checkpoints.read(statement, site.key.key, facility="h2") is None
    assert cart_checkpoints.read("nonsense", site.key.key, facility=FACILITY) is None
