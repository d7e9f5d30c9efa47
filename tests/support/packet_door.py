"""Bytes on a topic, read by the broker client's own code, without the wire: for the many thousand packets of a fuzzer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt

from devices.broker.connection import Connection
from devices.broker.event import BrokerConfig, BrokerEvent


class PacketDoor:
    """`hand_over` gets what the connection made of each packet. `acknowledged` counts what would have gone back to the broker."""

    def __init__(self, hand_over: Callable[[BrokerEvent], None]) -> None:
        self._connection = Connection(
            BrokerConfig(host="127.0.0.1", port=1, client_id="door"), None, {}, None, hand_over, threading.Event()
        )
        self._connection._before_ready = None  # as after the subscriptions were answered
        self.acknowledged = 0

    def packet(self, topic: str | bytes, payload: bytes, *, retained: bool = False) -> None:
        packet = mqtt.MQTTMessage(mid=1, topic=topic if isinstance(topic, bytes) else topic.encode())
        packet.payload, packet.qos, packet.retain = payload, 1, retained
        self._connection._on_message(self, None, packet)  # type: ignore[arg-type]

    def ack(self, _mid: Any, _qos: Any) -> None:
        self.acknowledged += 1
