"""What goes in and out of the broker client: its configuration, the events on the inbox, what became of a publish. Values."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pointofcare.errors import DeviceUnavailableError, MessageError
from pointofcare.wire.messages import Message
from pointofcare.wire.routes import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig:
    """Where the broker is and who we are there. Without `ca_file` the connection is plain: allowed on loopback only, unless
    `plain_network` says that the wire itself is protected. `connect_timeout_s` covers TCP, TLS, login and subscriptions.
    `host` may name several brokers of one cluster ("n1,n2:8884"): each attempt goes to the next one, and what is subscribed to comes with
    QoS 0. There, one of QoS 1 is a consumer that several nodes keep, and with one of them away it does not come to be for a minute. Nothing
    leans on its redelivery: sessions are clean, and whoever has no receipt says it again."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    plain_network: bool = False
    keepalive_s: int = 20
    connect_timeout_s: float = 8.0
    backoff_min_s: float = 0.25
    backoff_max_s: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message and where it goes: a last will, or the farewell before a clean stop."""

    route: Route
    message: Message
    levels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message for the program. `ack()` it once it is dealt with (any thread, once or more); a message that is never
    acknowledged stays the broker's, but does not outlive the connection. `received_mono_s` is `time.monotonic()`. `payload` is what was
    read: a newer release may have said more in it than `message` holds."""

    route: Route
    levels: Mapping[str, str]
    message: Message
    retained: bool
    received_mono_s: float
    ack: Callable[[], None]
    payload: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A payload that is not a message of its route: count it, log it, keep its `head` for a person, `ack()` it."""

    topic: str
    head: bytes
    error: MessageError
    retained: bool
    ack: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """Somebody removed the retained message of this topic."""

    route: Route
    levels: Mapping[str, str]
    ack: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """Logged in and subscribed. `refused` holds the topic filters that the broker would not give us."""

    sid: str
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The connection `sid` ended; `error` is None when we stopped it ourselves."""

    sid: str
    error: DeviceUnavailableError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectFailed:
    """One attempt failed; the next comes by itself in `retry_in_s`."""

    error: DeviceUnavailableError
    retry_in_s: float


BrokerEvent = Arrival | Rejected | Cleared | Connected | Disconnected | ConnectFailed


class DeliveryState(StrEnum):
    NOT_SENT = "not-sent"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    LOST = "lost"


class Delivery:
    """What became of one publish. `lost` means that the connection ended first: the broker may have it, or not."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._state = DeliveryState.SENT

    @property
    def state(self) -> DeliveryState:
        return self._state

    def wait(self, timeout_s: float) -> bool:
        """Whether the broker acknowledged it within `timeout_s`. Never settle a journal on this."""
        self._ended.wait(timeout_s)
        return self._state is DeliveryState.ACKNOWLEDGED

    def end(self, state: DeliveryState) -> None:
        if not self._ended.is_set():
            self._state = state
            self._ended.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerStatus:
    connected: bool
    sid: str
    host: str
    port: int
    failed_attempts: int
    error: str
    published: int
    arrived: int
    rejected: int
