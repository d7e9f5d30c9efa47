"""The broker client that programs hold: starts, stops, publishes, and connects again by itself."""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from devices.broker.connection import Connection, check_fits, encoded_will
from devices.broker.event import (
    Arrival,
    BrokerConfig,
    BrokerEvent,
    BrokerStatus,
    Connected,
    ConnectFailed,
    Delivery,
    DeliveryState,
    Disconnected,
    Letter,
    Rejected,
)
from pointofcare.errors import ConfigError, MessageError
from pointofcare.wire import codec
from pointofcare.wire.messages import Message
from pointofcare.wire.routes import Route

_STOP_S = 3.0
_STABLE_S = 10.0


class Broker:
    """`inbox` gets every event, on the MQTT thread: it must only enqueue, and not raise. `will` makes the last will for a new
    connection's sid. Raises ConfigError at once for TLS files that cannot be used or a password on an open network."""

    def __init__(
        self,
        config: BrokerConfig,
        inbox: Callable[[BrokerEvent], None],
        *,
        will: Callable[[str], Letter] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.config = config
        self._inbox = inbox
        self._will = will
        self._jitter = jitter
        self._tls = _tls_context(config)
        self._filters: dict[str, Route] = {}
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._failed_attempts = 0
        self._error = ""
        self._published = self._arrived = self._rejected = 0

    def on(self, route: Route, **levels: str) -> None:
        """Subscribe to `route` at every connection from now on, "+" for each level that is not named. Call before `start`."""
        if self._thread is not None:
            raise ConfigError("subscriptions are fixed once the broker client runs", remedy="call on() before start()")
        self._filters[route.filter(**levels)] = route

    def start(self) -> None:
        """Connect in the background, and again whenever the connection ends, until `stop`."""
        if self._thread is not None:
            raise ConfigError("this broker client was started before", remedy="make a new one")
        if self._will is not None:
            encoded_will(self._will("check"), "check")  # a will that cannot be written is said here, not in the thread
        self._thread = threading.Thread(target=self._run, name=f"broker-{self.config.client_id}", daemon=True)
        self._thread.start()

    def stop(self, farewell: Letter | None = None) -> None:
        """End the connection and the thread; back within seconds, whatever the broker does. A clean end sends no last will,
        so `farewell` may say it instead."""
        connection = self._connection
        if farewell is not None and connection is not None:
            self.publish(farewell.route, farewell.message, **farewell.levels).wait(1.0)
        self._stopping.set()
        if connection is not None:
            connection.end()
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        thread.join(_STOP_S)
        connection = self._connection
        if thread.is_alive() and connection is not None:
            connection.cut()
            thread.join(_STOP_S)

    def use_certificate(self, cert_file: Path, key_file: Path | None = None) -> None:
        """From now on, and at once by a new connection. Raises: ConfigError, and then nothing has changed."""
        config = replace(self.config, cert_file=cert_file, key_file=key_file)
        self._tls = _tls_context(config)
        self.config = config
        connection = self._connection
        if connection is not None:
            connection.end()

    @property
    def connected(self) -> bool:
        connection = self._connection
        return connection is not None and connection.ready

    @property
    def sid(self) -> str:
        """The random id of the current connection, "" while there is none."""
        connection = self._connection
        return connection.sid if connection is not None and connection.ready else ""

    def publish(self, route: Route, message: Message, **levels: str) -> Delivery:
        """Send now or not at all; the message's `sid` becomes this connection's. From any thread.

        Raises: MessageError when the message does not fit the route or the wire."""
        topic = route.topic(**levels)
        check_fits(route, message)
        return self._send(topic, route, lambda sid: codec.encode(replace(message, sid=sid)))

    def clear(self, route: Route, **levels: str) -> Delivery:
        """Remove the retained message of a topic, as of a cart that was taken out of service. Raises: MessageError."""
        if not route.retain:
            raise MessageError(f"nothing is retained on {route.template}", remedy="clear states only", route=route.name)
        return self._send(route.topic(**levels), route, lambda _sid: b"")

    def status(self) -> BrokerStatus:
        return BrokerStatus(
            connected=self.connected,
            sid=self.sid,
            host=self.config.host,
            port=self.config.port,
            failed_attempts=self._failed_attempts,
            error=self._error,
            published=self._published,
            arrived=self._arrived,
            rejected=self._rejected,
        )

    def describe(self) -> str:
        """One line for a person."""
        where = f"{self.config.host}:{self.config.port}{'' if self._tls is None else ' (TLS)'} as {self.config.client_id}"
        if self.connected:
            return f"connected to {where}"
        if self._stopping.is_set():
            return f"stopped, was {where}"
        return f"not connected to {where}: {self._error or 'connecting'} (failed attempts: {self._failed_attempts})"

    def _send(self, topic: str, route: Route, payload: Callable[[str], bytes]) -> Delivery:
        connection = self._connection
        ready = connection is not None and connection.ready
        content = payload(connection.sid if connection is not None and ready else "offline")  # a bad message is told offline too
        if connection is None or not ready:
            delivery = Delivery()
            delivery.end(DeliveryState.NOT_SENT)
            return delivery
        self._published += 1
        return connection.publish(topic, content, qos=route.qos, retain=route.retain)

    def _run(self) -> None:
        places = _places(self.config)
        filters = {topic: route.qos if len(places) == 1 else 0 for topic, route in self._filters.items()}
        # A ward's carts do not all begin at the same broker.
        place = int(self._jitter() * len(places))
        while not self._stopping.is_set():
            host, port = places[place % len(places)]
            place += 1
            connection = Connection(
                replace(self.config, host=host, port=port), self._tls, filters, self._will, self._hand_over, self._stopping
            )
            self._connection = connection
            try:
                was_ready, error = connection.run()
            finally:
                self._connection = None
            if was_ready and time.monotonic() - connection.began_mono_s >= _STABLE_S:
                self._failed_attempts = 0  # one that is thrown out at once, again and again, waits longer and longer
            if error is not None:
                self._error = str(error)
            if was_ready:
                self._inbox(Disconnected(sid=connection.sid, error=error))
            if self._stopping.is_set():
                return
            delay_s = self._delay_s()
            self._failed_attempts += 1
            if not was_ready and error is not None:
                self._inbox(ConnectFailed(error=error, retry_in_s=delay_s))
            self._stopping.wait(delay_s)

    def _delay_s(self) -> float:
        """Doubling and bounded, spread over half of itself so that a ward's carts do not all come back at once."""
        longest = min(self.config.backoff_max_s, self.config.backoff_min_s * 2 ** min(self._failed_attempts, 16))
        return float(longest * (0.5 + 0.5 * self._jitter()))

    def _hand_over(self, event: BrokerEvent) -> None:
        if isinstance(event, Arrival):
            self._arrived += 1
        elif isinstance(event, Rejected):
            self._rejected += 1
        elif isinstance(event, Connected):
            self._error = ""
        self._inbox(event)


def _tls_context(config: BrokerConfig) -> ssl.SSLContext | None:
    if config.ca_file is None:
        if not config.plain_network and not all(_is_loopback(host) for host, _port in _places(config)):
            raise ConfigError(
                f"the connection to {config.host} would be readable by others",
                problems=(("ca_file", "name the CA of the broker's certificate"),),
                remedy="name the CA of the broker's certificate (ca_file)",
            )
        return None
    try:
        context = ssl.create_default_context(cafile=str(config.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if config.cert_file is not None:
            context.load_cert_chain(str(config.cert_file), str(config.key_file) if config.key_file else None)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"the broker's TLS files cannot be used: {exc}", problems=(("ca_file, cert_file, key_file", str(exc)),)) from exc
    return context


def _places(config: BrokerConfig) -> tuple[tuple[str, int], ...]:
    """Every broker of the cluster that is named, each with its port. An address of IPv6 stands in brackets when it has a port."""
    found = []
    for named in config.host.split(","):
        host, colon, port = named.strip().rpartition(":")
        if colon and port.isdigit() and (host.endswith("]") or ":" not in host):
            found.append((host.strip("[]"), int(port)))
        else:
            found.append((named.strip(), config.port))
    return tuple(found)


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
