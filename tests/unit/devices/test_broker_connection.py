"""One MQTT connection, its packets handed in by hand."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import paho.mqtt.client as mqtt

from devices.broker import Arrival, BrokerConfig, BrokerEvent, Connected
from devices.broker.connection import Connection
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import HostState, Message

MESSAGE = Message(
    id="m1", sent_at=datetime(2026, 3, 2, tzinfo=UTC), sender="server", sid="s1", body=HostState(online=True, at=datetime.now(UTC))
)


def retained() -> mqtt.MQTTMessage:
    packet = mqtt.MQTTMessage(mid=1, topic=routes.HOST.topic(facility="h1").encode())
    packet.payload, packet.qos, packet.retain = codec.encode(MESSAGE), 1, True
    return packet


def test_what_is_retained_and_comes_before_the_subscription_is_answered_is_told_after_connected() -> None:
    told: list[BrokerEvent] = []
    config = BrokerConfig(host="127.0.0.1", port=1, client_id="c1")
    connection = Connection(config, None, {}, None, told.append, threading.Event())
    connection._unsubscribed = {7: "a", 8: "b"}
    client = connection._client
    connection._on_subscribe(client, None, 7, [], None)
    connection._on_message(client, None, retained())
    assert told == []
    connection._on_subscribe(client, None, 8, [], None)
    connection._on_message(client, None, retained())
    assert [type(event) for event in told] == [Connected, Arrival, Arrival]
