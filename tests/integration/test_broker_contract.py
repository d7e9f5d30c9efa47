"""One contract for the MQTT client over every broker that we ship for: what must hold on a ward whichever of them runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.broker import Arrival, Broker, Cleared, Connected, ConnectFailed, DeliveryState, Disconnected, Letter, Rejected
from devices.brokers import mosquitto, nats
from devices.brokers.account import Account, AccountKind
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import CartPhase, CartState, ClockAsked, ClockTold, Command, FleetEvent, HostState, Message, RecordReceived
from tests.support.brokers import FACILITY, KINDS, SERVER, VIEWER, WAIT_S, Clients, Inbox, a_message, of, running_clients
from tests.support.wire_bodies import MOMENT, a_body


@pytest.fixture(params=KINDS)
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    with running_clients(request.param) as made:
        yield made


def a_server(clients: Clients, *on: routes.Route) -> tuple[Broker, Inbox]:
    server, inbox = clients.make(SERVER)
    for route in on:
        server.on(route, facility=FACILITY)
    clients.connect(server, inbox)
    return server, inbox


def a_will(cart: str) -> Letter:
    lost = a_message(cart, CartState(phase=CartPhase.LOST))
    return Letter(route=routes.STATE, message=lost, levels={"facility": FACILITY, "cart": cart})


class RawClient:
    """A client that sends what ours never would."""

    def __init__(self, clients: Clients, name: str) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"raw-{name}", protocol=mqtt.MQTTv311)
        self.client.username_pw_set(name, clients.passwords[name])
        connected = threading.Event()
        self.client.on_connect = lambda *_: connected.set()
        self.client.connect("127.0.0.1", clients.running.port)
        self.client.loop_start()
        assert connected.wait(WAIT_S)

    def send(self, topic: str, payload: bytes) -> None:
        self.client.publish(topic, payload, qos=1).wait_for_publish(WAIT_S)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def raw_cart(clients: Clients) -> Iterator[RawClient]:
    raw = RawClient(clients, "c1")
    yield raw
    raw.stop()


def test_record_goes_up_and_its_receipt_comes_down(clients: Clients) -> None:
    server, at_server = a_server(clients, routes.ADMINISTRATION)
    cart, at_cart = clients.make("c1")
    cart.on(routes.RECEIPT, facility=FACILITY, cart="c1")
    sid = clients.connect(cart, at_cart)

    message = a_message("c1", a_body("AdministrationRecorded"))
    delivery = cart.publish(routes.ADMINISTRATION, message, facility=FACILITY, cart="c1")
    arrival = at_server.expect(Arrival)
    arrival.ack()

    assert delivery.wait(WAIT_S)
    assert arrival.message.body == message.body
    assert arrival.message.id == message.id
    assert arrival.message.sid == sid
    assert arrival.levels == {"facility": FACILITY, "cart": "c1"}
    assert not arrival.retained

    receipt = RecordReceived(record_id="r-1", duplicate=False, received_at=MOMENT)
    server.publish(routes.RECEIPT, a_message(SERVER, receipt), facility=FACILITY, cart="c1")
    assert at_cart.expect(Arrival).message.body == receipt


def test_cart_that_dies_is_told_lost_by_its_will_with_its_own_sid(clients: Clients) -> None:
    _server, at_server = a_server(clients, routes.STATE)
    cart, at_cart = clients.make("c1", will=lambda _sid: a_will("c1"))
    sid = clients.connect(cart, at_cart)

    connection = cart._connection
    assert connection is not None
    connection.cut()  # as if the radio died: no DISCONNECT

    arrival = at_server.expect(Arrival, lambda a: isinstance(a.message.body, CartState) and a.message.body.phase is CartPhase.LOST)
    assert arrival.message.sid == sid
    assert at_cart.expect(Disconnected).sid == sid
    assert at_cart.expect(Connected).sid != sid


def test_clean_stop_says_farewell_and_sends_no_will(clients: Clients) -> None:
    _server, at_server = a_server(clients, routes.STATE, routes.EVENT)
    cart, at_cart = clients.make("c1", will=lambda _sid: a_will("c1"))
    clients.connect(cart, at_cart)

    gone = a_message("c1", CartState(phase=CartPhase.DISCONNECTED))
    cart.stop(Letter(route=routes.STATE, message=gone, levels={"facility": FACILITY, "cart": "c1"}))
    assert at_cart.expect(Disconnected).error is None

    # What another cart says afterwards comes after anything the broker would have sent for the first one.
    other, at_other = clients.make("c2")
    clients.connect(other, at_other)
    other.publish(routes.STATE, a_message("c2", CartState(phase=CartPhase.READY)), facility=FACILITY, cart="c2")
    last = at_server.expect(Arrival, lambda a: a.levels["cart"] == "c2")
    last.ack()
    phases = [event.message.body.phase for event in at_server.seen(Arrival)]  # type: ignore[union-attr]
    assert phases == [CartPhase.DISCONNECTED]


def test_state_is_retained_for_a_server_that_comes_later_until_it_is_cleared(clients: Clients) -> None:
    cart, at_cart = clients.make("c1")
    clients.connect(cart, at_cart)
    assert cart.publish(routes.STATE, a_message("c1", CartState(phase=CartPhase.READY)), facility=FACILITY, cart="c1").wait(WAIT_S)

    server, at_server = a_server(clients, routes.STATE)
    arrival = at_server.expect(Arrival)
    arrival.ack()
    assert arrival.retained
    assert arrival.message.body == CartState(phase=CartPhase.READY)

    server.clear(routes.STATE, facility=FACILITY, cart="c1")
    cleared = at_server.expect(Cleared)
    cleared.ack()
    assert cleared.levels["cart"] == "c1"


def test_command_is_never_retained(clients: Clients) -> None:
    server, _ = a_server(clients)
    command = a_message(SERVER, Command(name="unlock", for_sid="x"), ttl_s=5)
    assert server.publish(routes.COMMAND, command, facility=FACILITY, cart="c1", name="unlock").wait(WAIT_S)

    cart, at_cart = clients.make("c1")
    cart.on(routes.COMMAND, facility=FACILITY, cart="c1")
    cart.on(routes.CLOCK, facility=FACILITY, cart="c1")
    clients.connect(cart, at_cart)
    server.publish(routes.CLOCK, a_message(SERVER, ClockTold(asked_at=MOMENT, server_at=MOMENT)), facility=FACILITY, cart="c1")
    at_cart.expect(Arrival, of(ClockTold))
    assert at_cart.seen(Arrival) == []


def test_broker_killed_and_started_again_gets_its_clients_back_with_new_sids(clients: Clients) -> None:
    server, at_server = a_server(clients, routes.EVENT)
    cart, at_cart = clients.make("c1")
    cart.on(routes.CLOCK, facility=FACILITY, cart="c1")
    first = clients.connect(cart, at_cart)

    clients.running.kill()
    assert at_cart.expect(Disconnected).error is not None
    offline = cart.publish(routes.EVENT, a_message("c1", a_body("FleetEvent")), facility=FACILITY, cart="c1")
    assert offline.state is DeliveryState.NOT_SENT
    assert not offline.wait(0)
    at_cart.expect(ConnectFailed)

    clients.running.start_again()
    second = at_cart.expect(Connected).sid
    assert second != first
    at_server.expect(Connected)
    server.publish(routes.CLOCK, a_message(SERVER, ClockTold(asked_at=MOMENT, server_at=MOMENT)), facility=FACILITY, cart="c1")
    at_cart.expect(Arrival, of(ClockTold)).ack()
    cart.publish(routes.EVENT, a_message("c1", a_body("FleetEvent")), facility=FACILITY, cart="c1")
    assert at_server.expect(Arrival, of(FleetEvent)).message.sid == second
    assert at_server.seen(Arrival) == []  # what was offered offline was never kept and sent


def test_retained_state_survives_a_clean_restart_of_the_broker(clients: Clients) -> None:
    server, _ = a_server(clients)
    assert server.publish(routes.HOST, a_message(SERVER, HostState(online=True, at=MOMENT)), facility=FACILITY).wait(WAIT_S)
    server.stop()
    clients.running.stop()
    clients.running.start_again()

    # NATS loads what is retained in the background: the very first to subscribe may come too early (3 of 240 on a busy machine).
    for name in ("c1", "c2"):
        cart, at_cart = clients.make(name)
        cart.on(routes.HOST, facility=FACILITY)
        clients.connect(cart, at_cart)
        arrivals = at_cart.within(Arrival, 2.0)
        if arrivals:
            break
    assert [(arrival.retained, arrival.message.body) for arrival in arrivals] == [(True, HostState(online=True, at=MOMENT))]


def test_wrong_password_is_said_clearly_and_tried_again(clients: Clients) -> None:
    cart, at_cart = clients.make("c1", password="not the password")
    cart.start()
    failed = at_cart.expect(ConnectFailed)
    assert failed.error.fields["refused"] is True
    assert "password" in failed.error.remedy
    assert "password" in cart.describe()
    assert "not the password" not in cart.describe() + repr(cart.config) + str(failed)
    at_cart.expect(ConnectFailed)
    assert not cart.connected


def test_cart_neither_reads_nor_writes_another_carts_topics(clients: Clients) -> None:
    server, at_server = a_server(clients, routes.CLOCK_ASK, routes.EVENT)
    thief, at_thief = clients.make("c2")
    thief.on(routes.CLOCK, facility=FACILITY, cart="c1")
    thief.on(routes.CLOCK, facility=FACILITY, cart="c2")
    thief.on(routes.EVENT, facility=FACILITY, cart="c1")
    clients.connect(thief, at_thief)

    told = ClockTold(asked_at=MOMENT, server_at=MOMENT)
    server.publish(routes.CLOCK, a_message(SERVER, told), facility=FACILITY, cart="c1").wait(WAIT_S)
    server.publish(routes.CLOCK, a_message(SERVER, told), facility=FACILITY, cart="c2")
    assert at_thief.expect(Arrival).levels["cart"] == "c2"
    assert at_thief.seen(Arrival) == []

    thief.publish(routes.CLOCK_ASK, a_message("c1", ClockAsked(asked_at=MOMENT)), facility=FACILITY, cart="c1")
    honest = a_message("c2", ClockAsked(asked_at=MOMENT))
    if not thief.publish(routes.CLOCK_ASK, honest, facility=FACILITY, cart="c2").wait(1):
        at_thief.expect(Connected)  # a broker may close the connection of one that tries
        thief.publish(routes.CLOCK_ASK, honest, facility=FACILITY, cart="c2")
    assert at_server.expect(Arrival).levels["cart"] == "c2"
    assert at_server.seen(Arrival) == []


def test_viewer_reads_the_fleet_and_commands_nothing(clients: Clients) -> None:
    cart, at_cart = clients.make("c1")
    cart.on(routes.COMMAND, facility=FACILITY, cart="c1")
    cart.on(routes.CLOCK, facility=FACILITY, cart="c1")
    clients.connect(cart, at_cart)
    viewer, at_viewer = clients.make(VIEWER)
    viewer.on(routes.STATE, facility=FACILITY)
    clients.connect(viewer, at_viewer)
    server, _ = a_server(clients)

    cart.publish(routes.STATE, a_message("c1", CartState(phase=CartPhase.READY)), facility=FACILITY, cart="c1")
    assert at_viewer.expect(Arrival).message.body == CartState(phase=CartPhase.READY)
    forged = a_message(SERVER, Command(name="unlock", for_sid=cart.sid), ttl_s=5)
    viewer.publish(routes.COMMAND, forged, facility=FACILITY, cart="c1", name="unlock").wait(1)
    server.publish(routes.CLOCK, a_message(SERVER, ClockTold(asked_at=MOMENT, server_at=MOMENT)), facility=FACILITY, cart="c1")
    at_cart.expect(Arrival, of(ClockTold))
    assert at_cart.seen(Arrival) == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"rubbish \xff\x00", b"[]", b'{"v":"1.0"}', b"[" * 50_000, b"{" + b" " * (codec.MAX_PAYLOAD_BYTES + 1) + b"}"],
    ids=["empty", "rubbish", "list", "no-body", "nested", "oversized"],
)
def test_rubbish_arrives_as_rejected_and_does_not_stop_what_comes_after(clients: Clients, raw_cart: RawClient, payload: bytes) -> None:
    _server, at_server = a_server(clients, routes.EVENT)
    topic = routes.EVENT.topic(facility=FACILITY, cart="c1")
    raw_cart.send(topic, payload)
    rejected = at_server.expect(Rejected)
    rejected.ack()
    assert rejected.topic == topic
    assert rejected.head == payload[:200]
    assert rejected.error.remedy

    raw_cart.send(topic, codec.encode(a_message_of_cart()))
    at_server.expect(Arrival).ack()


def a_message_of_cart(**changes: str) -> Message:
    return replace(a_message("c1", a_body("FleetEvent")), sid="raw", **changes)


def test_message_of_a_version_to_come_is_rejected_with_the_remedy(clients: Clients, raw_cart: RawClient) -> None:
    _server, at_server = a_server(clients, routes.EVENT)
    payload = codec.encode(a_message_of_cart()).replace(b'"v":"1.0"', b'"v":"2.0"')
    raw_cart.send(routes.EVENT.topic(facility=FACILITY, cart="c1"), payload)
    rejected = at_server.expect(Rejected)
    assert rejected.error.problems[0][0] == "v"
    assert "update" in rejected.error.remedy


def test_message_that_names_another_sender_than_its_topic_is_rejected(clients: Clients, raw_cart: RawClient) -> None:
    _server, at_server = a_server(clients, routes.EVENT)
    raw_cart.send(routes.EVENT.topic(facility=FACILITY, cart="c1"), codec.encode(a_message_of_cart(sender="c2")))
    assert at_server.expect(Rejected).error.problems[0][0] == "from"


def test_message_not_acknowledged_does_not_hold_back_the_next_and_is_lost_with_the_connection(clients: Clients) -> None:
    """So a program that fails before it commits must be sent the record again by the cart: nobody else keeps it."""
    server, at_server = a_server(clients, routes.EVENT)
    cart, at_cart = clients.make("c1")
    clients.connect(cart, at_cart)
    messages = [a_message("c1", a_body("FleetEvent")) for _ in range(3)]
    for message in messages[:2]:
        cart.publish(routes.EVENT, message, facility=FACILITY, cart="c1")
    assert [at_server.expect(Arrival).message.id for _ in messages[:2]] == [message.id for message in messages[:2]]

    connection = server._connection
    assert connection is not None
    connection.cut()
    at_server.expect(Disconnected)
    at_server.expect(Connected)
    cart.publish(routes.EVENT, messages[2], facility=FACILITY, cart="c1")
    arrival = at_server.expect(Arrival)
    arrival.ack()
    arrival.ack()
    assert arrival.message.id == messages[2].id


def test_late_acknowledgement_of_an_ended_connection_does_no_harm(clients: Clients) -> None:
    server, at_server = a_server(clients, routes.EVENT)
    cart, at_cart = clients.make("c1")
    clients.connect(cart, at_cart)
    cart.publish(routes.EVENT, a_message("c1", a_body("FleetEvent")), facility=FACILITY, cart="c1")
    arrival = at_server.expect(Arrival)
    clients.running.kill()
    at_server.expect(Disconnected)
    arrival.ack()
    server.stop()
    arrival.ack()


def test_accounts_change_without_a_restart(clients: Clients) -> None:
    cart, at_cart = clients.make("c1")
    first = clients.connect(cart, at_cart)
    newcomer = Account(name="c9", password="password of c9", kind=AccountKind.CART)
    kept = [
        Account(name=name, password=clients.passwords[name], kind=kind)
        for name, kind in (("c1", AccountKind.CART), (SERVER, AccountKind.SERVER))
    ]
    {"nats": nats, "mosquitto": mosquitto}[clients.running.kind].reload(clients.running, [*kept, newcomer], facility=FACILITY)

    late, at_late = clients.make("c9", password="password of c9")
    late.on(routes.CLOCK, facility=FACILITY, cart="c9")
    clients.connect(late, at_late)
    gone, at_gone = clients.make("c2")
    gone.start()
    assert at_gone.expect(ConnectFailed).error.fields["refused"] is True
    assert cart.sid == first


def test_two_hundred_messages_keep_their_order_and_none_is_lost(clients: Clients) -> None:
    _server, at_server = a_server(clients, routes.EVENT)
    cart, at_cart = clients.make("c1")
    clients.connect(cart, at_cart)
    deliveries = [
        cart.publish(routes.EVENT, a_message("c1", FleetEvent(seq=n, epoch="e", kind="scan", at=MOMENT)), facility=FACILITY, cart="c1")
        for n in range(200)
    ]
    seqs = []
    for _ in deliveries:
        arrival = at_server.expect(Arrival)
        arrival.ack()
        assert isinstance(arrival.message.body, FleetEvent)
        seqs.append(arrival.message.body.seq)
    assert seqs == list(range(200))
    assert all(delivery.wait(WAIT_S) for delivery in deliveries)
