"""Three brokers as one, with an account for each hospital: what a cart of one hospital can see and say in another. Real NATS servers."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from devices.broker import Arrival, Broker, BrokerConfig, BrokerEvent, Connected, ConnectFailed
from devices.brokers import nats_cluster
from devices.brokers.account import Account, AccountKind
from devices.brokers.nats_cluster import Cluster, Node
from pointofcare.errors import ConfigError
from pointofcare.wire import routes
from pointofcare.wire.messages import CartPhase, CartState, Message
from pointofcare.wire.routes import Direction
from server.mqtt.gateway import SUBSCRIBED
from simulation.province import engines
from simulation.province.engines import Engines

pytestmark = pytest.mark.slow
PASSWORD = "cluster-secret"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Hospitals a1 and b1 with a server and a cart each, which are called the same."""
    accounts = [
        Account(name="server", kind=AccountKind.SERVER, password=PASSWORD),
        Account(name="cart-1", kind=AccountKind.CART, password=PASSWORD),
    ]
    made = engines.prepare(tmp_path_factory.mktemp("cluster"), {})
    try:
        engines.start_brokers(made, {"a1": accounts, "b1": accounts})
        yield made
    finally:
        made.stop()


def _client(cluster: Engines, user: str, of: str, facility: str, hosts: str = "") -> tuple[Broker, queue.Queue[BrokerEvent]]:
    """A client of the account `user` of hospital `of`, that wants the states of the carts of `facility`."""
    inbox: queue.Queue[BrokerEvent] = queue.Queue()
    name = nats_cluster.user(of, user)
    config = BrokerConfig(
        host=hosts or cluster.hosts, port=1883, client_id=str(uuid4()), username=name, password=PASSWORD, connect_timeout_s=20
    )
    broker = Broker(config, inbox.put)
    broker.on(routes.STATE, facility=facility)
    broker.start()
    return broker, inbox


def _next(inbox: queue.Queue[BrokerEvent], kind: type[BrokerEvent], timeout_s: float) -> BrokerEvent | None:
    ends_s = time.monotonic() + timeout_s
    while (left_s := ends_s - time.monotonic()) > 0:
        try:
            event = inbox.get(timeout=left_s)
        except queue.Empty:
            return None
        if isinstance(event, kind):
            return event
    return None


def _say(broker: Broker, facility: str) -> None:
    state = CartState(phase=CartPhase.READY, ward="W1", at=datetime.now(UTC))
    message = Message(id=str(uuid4()), sent_at=datetime.now(UTC), sender="cart-1", body=state)
    broker.publish(routes.STATE, message, facility=facility, cart="cart-1")


def test_what_a_cart_says_in_its_own_hospital_or_in_anothers_name_never_reaches_another(cluster: Engines) -> None:
    mine, heard_here = _client(cluster, "server", "a1", "a1")
    other, heard_there = _client(cluster, "server", "b1", "b1")
    spy, heard_by_spy = _client(cluster, "server", "b1", "a1")
    cart, inbox = _client(cluster, "cart-1", "a1", "a1")
    try:
        for box in (heard_here, heard_there, inbox):
            assert _next(box, Connected, 30.0) is not None
        _say(cart, "b1")
        _say(cart, "a1")
        arrived = _next(heard_here, Arrival, 15.0)
        assert isinstance(arrived, Arrival)
        assert arrived.levels["facility"] == "a1"
        assert _next(heard_there, Arrival, 2.0) is None
        assert _next(heard_by_spy, Arrival, 0.5) is None
    finally:
        for each in (mine, other, spy, cart):
            each.stop()


def test_a_client_comes_in_where_the_first_broker_that_it_knows_does_not_answer(cluster: Engines) -> None:
    dead = engines.free_ports(1)[0]
    broker, inbox = _client(cluster, "server", "a1", "a1", hosts=f"127.0.0.1:{dead}, {cluster.hosts}")
    try:
        assert _next(inbox, Connected, 40.0) is not None
    finally:
        broker.stop()
    broker, inbox = _client(cluster, "server", "a1", "a1", hosts=f"127.0.0.1:{dead}")
    try:
        assert _next(inbox, ConnectFailed, 20.0) is not None
    finally:
        broker.stop()


def test_a_broker_tells_who_is_at_it(cluster: Engines) -> None:
    first, second, _third = cluster.brokers
    cart, inbox = _client(cluster, "cart-1", "a1", "a1", hosts=f"{first.host}:{first.port}")
    server, heard = _client(cluster, "server", "b1", "b1", hosts=f"{second.host}:{second.port}")
    try:
        for box in (inbox, heard):
            assert _next(box, Connected, 30.0) is not None
        assert [cluster.users_at(number) for number in range(3)] == [["a1.cart-1"], ["b1.server"], []]
    finally:
        cart.stop()
        server.stop()


def test_with_one_of_three_brokers_killed_the_server_and_a_cart_come_in_again_and_hear_everything(tmp_path: Path) -> None:
    accounts = [
        Account(name=name, kind=kind, password=PASSWORD) for name, kind in (("server", AccountKind.SERVER), ("cart-1", AccountKind.CART))
    ]
    down = [route for route in routes.ROUTES if route.direction is Direction.DN]
    made = engines.prepare(tmp_path, {})
    clients: list[tuple[Broker, queue.Queue[BrokerEvent]]] = []
    try:
        engines.start_brokers(made, {"a1": accounts})
        for user, wanted, levels in (("server", SUBSCRIBED, {}), ("cart-1", down, {"cart": "cart-1"})):
            inbox: queue.Queue[BrokerEvent] = queue.Queue()
            config = BrokerConfig(host=made.hosts, port=1883, client_id=str(uuid4()), username=f"a1.{user}", password=PASSWORD)
            broker = Broker(config, inbox.put, jitter=lambda: 0.0)  # both begin at the one that is killed
            for route in wanted:
                broker.on(route, facility="a1", **levels)
            broker.start()
            clients.append((broker, inbox))
        for _broker, inbox in clients:
            assert _next(inbox, Connected, 40.0) is not None
        made.brokers[0].kill()
        for _broker, inbox in clients:
            again = _next(inbox, Connected, 30.0)  # 12 s here; the rest is for a slower machine
            assert isinstance(again, Connected)
            assert again.refused == ()
        (_server, heard), (cart, _inbox) = clients
        arrived, ends_s = None, time.monotonic() + 15.0
        while arrived is None and time.monotonic() < ends_s:
            _say(cart, "a1")
            arrived = _next(heard, Arrival, 1.0)
        assert isinstance(arrived, Arrival)
    finally:
        for broker, _inbox in clients:
            broker.stop()
        made.stop()


def test_a_cluster_that_cannot_outvote_one_that_is_away_is_refused() -> None:
    nodes = tuple(Node(name=f"n{number}", route=f"10.0.0.{number}:6222") for number in (1, 2))
    with pytest.raises(ConfigError):
        Cluster(nodes=nodes, secret="s" * 20)


def test_a_hospital_is_told_by_its_own_users_and_by_no_others(tmp_path: Path) -> None:
    nodes = tuple(Node(name=f"n{number}", route=f"10.0.0.{number}:6222") for number in (1, 2, 3))
    text = nats_cluster.config(Cluster(nodes=nodes, secret="s" * 20), nodes[0], store=tmp_path, hospitals=["hospital-a1.conf"])
    assert 'include "hospital-a1.conf"' in text
    assert "stream_replicas: 3" in text
    told = nats_cluster.hospital([Account(name="server", kind=AccountKind.SERVER, password=PASSWORD)], facility="a1")
    assert 'user: "a1.server"' in told
    assert "hospital-a1 {" in told
