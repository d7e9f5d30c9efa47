"""Real brokers for tests, and an inbox to wait on: `with running_broker("nats", carts=["c1"]) as (broker, passwords): ...`."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from devices.broker import Arrival, Broker, BrokerConfig, BrokerEvent, Connected, Letter
from devices.brokers import mosquitto, nats
from devices.brokers.account import Account, AccountKind
from devices.brokers.process import RunningBroker
from pointofcare.wire.messages import Body, Message

KINDS = ("nats", "mosquitto")
STARTS = {"nats": nats.start, "mosquitto": mosquitto.start}
FACILITY = "h1"
SERVER = "server"
VIEWER = "viewer"
WAIT_S = 10.0
EventT = TypeVar("EventT", bound=BrokerEvent)


@contextmanager
def running_broker(
    kind: str = "nats", carts: Sequence[str] = ("c1",), *, facility: str = FACILITY
) -> Iterator[tuple[RunningBroker, dict[str, str]]]:
    """A broker on a free loopback port with accounts for `carts`, "server" and "viewer", and their passwords by name."""
    passwords = {name: f'pass "{name}" \\ #{index}{{}}' for index, name in enumerate((*carts, SERVER, VIEWER))}
    accounts = tuple(Account(name=name, password=passwords[name], kind=_kind(name)) for name in passwords)
    with tempfile.TemporaryDirectory(prefix="broker-", ignore_cleanup_errors=True) as directory:
        running = STARTS[kind](Path(directory), accounts, facility=facility)
        try:
            yield running, passwords
        finally:
            running.stop()


def a_message(sender: str, body: Body, *, ttl_s: float | None = None) -> Message:
    return Message(id=str(uuid4()), sent_at=datetime.now(UTC), sender=sender, body=body, ttl_s=ttl_s)


class Inbox:
    """Keeps every event; `expect` waits for one of a kind and takes it out."""

    def __init__(self) -> None:
        self._events: list[BrokerEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: BrokerEvent) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def expect(self, kind: type[EventT], where: Callable[[EventT], bool] = lambda _: True, *, timeout_s: float = WAIT_S) -> EventT:
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for event in self._events:
                    if isinstance(event, kind) and where(event):
                        self._events.remove(event)
                        return event
                left = deadline - time.monotonic()
                assert left > 0, f"no {kind.__name__} came in {timeout_s} s, but {self._events}"
                self._changed.wait(left)

    def within(self, kind: type[EventT], timeout_s: float) -> list[EventT]:
        """The first event of a kind, or [] when none comes in time."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not (found := [event for event in self._events if isinstance(event, kind)]):
                if not self._changed.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    return []
            return found[:1]

    def seen(self, kind: type[BrokerEvent]) -> list[BrokerEvent]:
        with self._changed:
            return [event for event in self._events if isinstance(event, kind)]


class Clients:
    """Makes broker clients of one running broker and stops them all at the end."""

    def __init__(self, running: RunningBroker, passwords: dict[str, str]) -> None:
        self.running = running
        self.passwords = passwords
        self._made: list[Broker] = []

    def make(
        self,
        name: str,
        *,
        port: int | None = None,
        password: str | None = None,
        client_id: str | None = None,
        will: Callable[[str], Letter] | None = None,
        keepalive_s: int = 20,
        connect_timeout_s: float = 8.0,
    ) -> tuple[Broker, Inbox]:
        inbox = Inbox()
        config = BrokerConfig(
            host="127.0.0.1",
            port=port or self.running.port,
            client_id=client_id or name,
            username=name,
            password=password or self.passwords[name],
            keepalive_s=keepalive_s,
            connect_timeout_s=connect_timeout_s,
            backoff_min_s=0.05,
            backoff_max_s=0.5,
        )
        broker = Broker(config, inbox, will=will)
        self._made.append(broker)
        return broker, inbox

    def connect(self, broker: Broker, inbox: Inbox) -> str:
        """Start it and wait until it is subscribed: the session's sid."""
        broker.start()
        return inbox.expect(Connected).sid

    def stop(self) -> None:
        for broker in self._made:
            broker.stop()


@contextmanager
def running_clients(kind: str, carts: Sequence[str] = ("c1", "c2")) -> Iterator[Clients]:
    with running_broker(kind, carts) as (running, passwords):
        clients = Clients(running, passwords)
        try:
            yield clients
        finally:
            clients.stop()


def of(body: type[Body]) -> Callable[[Arrival], bool]:
    return lambda arrival: isinstance(arrival.message.body, body)


def _kind(name: str) -> AccountKind:
    return {SERVER: AccountKind.SERVER, VIEWER: AccountKind.VIEWER}.get(name, AccountKind.CART)
