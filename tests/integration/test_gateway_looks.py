"""The gateway's look around: in steps, so that a dose waits for one of them, and with each table on its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import OKPKey

from pointofcare.errors import MessageError
from pointofcare.verdict.policy import Policy
from pointofcare.wire.messages import CartPhase, CartState, TableIssued, TableKind, Telemetry, TelemetryKind
from pointofcare.wire.tables import PolicyBody, Table
from server.config import MqttConfig
from server.mqtt.gateway import Gateway, _Wake
from server.mqtt.publishing import Draft, Publisher
from server.security.signing import SigningKey
from server.store import alert_rules, fleet, telemetry_points, versions
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases.facts import Site
from tests.support.databases import migrated_app
from tests.support.server_ward import WARD, open_ward

KEY = SigningKey(key=OKPKey.generate_key("Ed25519"))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        open_ward()
        with transaction(Actor(id="gateway")) as tx:
            for cart in ("c1", "c2"):
                told = CartState(phase=CartPhase.READY, why="", ward=WARD, at=tx.at)
                fleet.put_state(tx, cart, told, sid="s1", sent_at=tx.at)
        yield made


def a_gateway(app: Flask, monkeypatch: pytest.MonkeyPatch) -> tuple[Gateway, SimpleNamespace]:
    """A gateway that nobody started, with a broker that keeps what is published."""
    gateway = Gateway(
        MqttConfig(host="127.0.0.1", port=1, username="server", password="x"),
        facility="h1",
        key=KEY,
        site=Site(),
        lifetime=timedelta(hours=24),
        version="test",
        scope=app.app_context,
    )
    published: list[tuple[str, Any]] = []
    broker = SimpleNamespace(
        connected=True,
        published=published,
        describe=lambda: "",
        publish=lambda _route, message, **levels: published.append((levels.get("cart", ""), message.body)),
    )
    monkeypatch.setattr(gateway, "_broker", broker)
    return gateway, broker


def tables_of(broker: SimpleNamespace) -> list[tuple[str, TableKind, int]]:
    return [(cart, body.kind, body.version) for cart, body in broker.published if isinstance(body, TableIssued)]


def test_every_live_cart_gets_every_table_once_and_then_only_what_changes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, broker = a_gateway(app, monkeypatch)
    for _ in gateway._look_around():
        pass
    assert sorted((cart, kind) for cart, kind, _ in tables_of(broker)) == sorted(
        (cart, kind) for cart in ("c1", "c2") for kind in TableKind
    )
    broker.published.clear()
    assert list(gateway._look_around()) == []
    assert tables_of(broker) == []
    with transaction(Actor(id="gateway")) as tx:
        versions.bump(tx, WARD)
    for _ in gateway._look_around():
        pass
    assert sorted((cart, kind) for cart, kind, _ in tables_of(broker)) == [("c1", TableKind.PATIENT_CHART), ("c2", TableKind.PATIENT_CHART)]


def test_a_table_that_cannot_be_written_keeps_no_other_back(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, broker = a_gateway(app, monkeypatch)
    write = Publisher.write

    def fails_for_charts(self: Publisher, draft: Draft) -> bytes:
        if draft.table.kind is TableKind.PATIENT_CHART:
            raise MessageError("too big", remedy="-")
        return write(self, draft)

    monkeypatch.setattr(Publisher, "write", fails_for_charts)
    for _ in gateway._look_around():
        pass
    assert {kind for _, kind, _ in tables_of(broker)} == set(TableKind) - {TableKind.PATIENT_CHART}
    assert gateway.state.failed == 1
    assert "too big" in gateway.state.fault


def test_what_is_made_while_the_broker_goes_away_does_not_count_as_sent(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, broker = a_gateway(app, monkeypatch)
    look = gateway._look_around()
    next(look)
    broker.connected = False
    for _ in look:
        pass
    assert tables_of(broker) == []
    broker.connected = True
    for _ in gateway._look_around():
        pass
    assert len(tables_of(broker)) == 2 * len(TableKind)


def a_draft(place: int, version: int) -> Draft:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    body = PolicyBody(policy=Policy())
    table = Table(
        kind=TableKind.POLICY, facility="h1", ward=WARD, version=version, issued_at=at, expires_at=at + timedelta(hours=24), body=body
    )
    return Draft(table=table, place=place)


def test_a_draft_that_was_overtaken_takes_the_place_of_nothing() -> None:
    publisher = Publisher(key=KEY, facility="h1", site=Site(), lifetime=timedelta(hours=24))
    older, newer = a_draft(1, 5), a_draft(2, 6)
    publisher.sign(newer, publisher.write(newer))
    publisher.sign(older, publisher.write(older))
    assert publisher.signed[(WARD, TableKind.POLICY)][0].version == 6
    restored = a_draft(3, 4)  # a database that was put back counts from below: what was read last holds
    publisher.sign(restored, publisher.write(restored))
    assert publisher.signed[(WARD, TableKind.POLICY)][0].version == 4


def test_a_dose_waits_for_one_step_of_a_look_and_a_look_that_fails_ends_alone(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, _broker = a_gateway(app, monkeypatch)
    done: list[str] = []
    looks = iter(("fails", "goes on"))

    def look() -> Iterator[None]:
        name = next(looks)
        for step in range(3):
            done.append(f"{name} {step}")
            if name == "fails":
                gateway.wake()
                raise RuntimeError("this look")
            gateway._queue.put(f"dose {step}", "c2")  # type: ignore[arg-type]
            yield
        gateway._stopping.set()

    monkeypatch.setattr(gateway, "_look_around", look)
    monkeypatch.setattr(gateway, "handle", lambda event: done.append(event) if isinstance(event, str) else None)
    gateway.run()
    assert done == ["fails 0", "goes on 0", "dose 0", "goes on 1", "dose 1", "goes on 2", "dose 2"]
    assert gateway.state.failed == 1


def test_telemetry_that_could_not_be_kept_is_kept_with_the_next_in_the_order_of_the_carts(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two transactions that take rows of carts in two orders stop each other, and a database ends one of them."""
    gateway, _ = a_gateway(app, monkeypatch)
    at = datetime.now(UTC)

    def told(cart: str, percent: int) -> None:
        gateway._telemetry[(cart, "power")] = Telemetry(kind=TelemetryKind.POWER, at=at, values={"battery_percent": percent})

    put, order, broken = fleet.put_telemetry, [], [True]

    def kept(tx: Transaction, cart: str, telemetry: Telemetry) -> None:
        order.append(cart)
        put(tx, cart, telemetry)
        if cart == "c2" and broken:
            broken.pop()
            raise RuntimeError("deadlock detected")

    monkeypatch.setattr(fleet, "put_telemetry", kept)
    told("c2", 50)
    told("c1", 40)
    with pytest.raises(RuntimeError):
        gateway._keep_telemetry()
    told("c1", 41)
    gateway._keep_telemetry()
    with reading() as tx:
        rows = [fleet.cart_row(tx, cart) for cart in ("c1", "c2")]
        points = [telemetry_points.between(tx, cart, TelemetryKind.POWER, at - timedelta(hours=1), tx.at) for cart in ("c1", "c2")]
    assert [row["battery_percent"] for row in rows if row is not None] == [41, 50], "the newest of each"
    assert [len(one) for one in points] == [1, 1], "what was undone counts as not kept"
    assert order == ["c1", "c2", "c1", "c2"]


def test_telemetry_that_can_never_be_kept_is_let_go(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, _ = a_gateway(app, monkeypatch)

    def never(*_: object) -> None:
        raise RuntimeError("no table takes this")

    monkeypatch.setattr(fleet, "put_telemetry", never)
    gateway._telemetry[("c1", "power")] = Telemetry(kind=TelemetryKind.POWER, at=datetime.now(UTC), values={})
    for _ in range(3):
        with pytest.raises(RuntimeError):
            gateway._keep_telemetry()
    gateway._keep_telemetry()


def test_what_rules_measure_is_in_one_order_whatever_the_database_sorts_by(app: Flask) -> None:
    with transaction(Actor(id="gateway")) as tx:
        for cart in ("d-2", "D1", "a9", "a-1"):
            fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, why="", ward=WARD, at=tx.at), sid="s1", sent_at=tx.at)
        told = [one.cart for one in alert_rules.measured(tx, {"d-2", "c1", "a9", "D1", "a-1"})]
    assert told == sorted(told)


def test_a_fault_is_told_until_the_same_work_goes_well_again_and_no_longer(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, _broker = a_gateway(app, monkeypatch)
    look = gateway._commanding.look

    def away() -> None:
        raise ConnectionError("the database is away")

    monkeypatch.setattr(gateway._commanding, "look", away)
    gateway.handle(_Wake())
    assert "the database is away" in gateway.state.fault
    gateway._guarded("other work", lambda: None)
    assert gateway.state.fault
    monkeypatch.setattr(gateway._commanding, "look", look)
    gateway.handle(_Wake())
    assert gateway.state.fault == ""
