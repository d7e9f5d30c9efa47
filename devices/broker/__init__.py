"""The one MQTT client: typed messages out, typed arrivals on the program's inbox, a new session for every connection.

MQTT 3.1.1, clean sessions, manual acknowledgement. Its thread only puts frozen values on the inbox; it never decides, and it
never keeps a message for later: what cannot be sent now comes back as not sent, because only a journal or an outbox may hold
what must not be lost. A broker's acknowledgement proves nothing about the other side.
"""

from __future__ import annotations

from devices.broker.client import Broker
from devices.broker.event import (
    Arrival,
    BrokerConfig,
    BrokerEvent,
    BrokerStatus,
    Cleared,
    Connected,
    ConnectFailed,
    Delivery,
    DeliveryState,
    Disconnected,
    Letter,
    Rejected,
)

__all__ = [
    "Arrival", "Broker", "BrokerConfig", "BrokerEvent", "BrokerStatus", "Cleared", "Connected", "ConnectFailed", "Delivery",
    "DeliveryState", "Disconnected", "Letter", "Rejected",
]  # fmt: skip
