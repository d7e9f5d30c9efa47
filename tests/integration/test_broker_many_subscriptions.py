"""A hospital's carts together hold more subscriptions than a broker allows by itself; each of them is granted."""

from __future__ import annotations

import queue
from contextlib import ExitStack

import paho.mqtt.client as mqtt
import pytest

from tests.support.brokers import FACILITY, SERVER, running_broker

# NATS 2.15 keeps at most 1,000 for a whole hospital where nothing else is said, and some 65 of one client.
MANY, OF_ONE = 1_100, 50
REFUSED = 128


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_the_subscriptions_of_a_large_fleet_are_all_granted(kind: str) -> None:
    answered: queue.Queue[list[int]] = queue.Queue()
    with running_broker(kind, ("c1",)) as (broker, passwords), ExitStack() as stack:
        for first in range(0, MANY, OF_ONE):
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"many-{first}", protocol=mqtt.MQTTv311)
            client.username_pw_set(SERVER, passwords[SERVER])
            client.on_subscribe = lambda _client, _data, _mid, codes, _properties: answered.put([code.value for code in codes])
            client.connect(broker.host, broker.port)
            client.loop_start()
            stack.callback(client.loop_stop)
            stack.callback(client.disconnect)
            client.subscribe([(f"poc/1/{FACILITY}/c/cart-{number}/dn/job", 1) for number in range(first, first + OF_ONE)])
            assert max(answered.get(timeout=60)) < REFUSED, f"refused after {first}"
