"""The one MQTT client: typed messages out, typed arrivals on the program's inbox, a new session for every connection.

MQTT 3.1.1, clean sessions, manual acknowledgement. Its thread only puts frozen values on the inbox; it never decides, and it
never keeps a message for later: what cannot be sent now comes back as not sent, because only a journal or an outbox may hold
what must not be lost. A broker's acknowledgement proves nothing about the other side.
"""

from __future__ import annotations

import errno
import random
import selectors
import socket
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from pointofcare.errors import ConfigError, DeviceUnavailableError, MessageError
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import Message
from pointofcare.wire.routes import Direction, Route

HEAD_BYTES = 200
_LOOP_S = 0.5
_STOP_S = 3.0
_GOODBYE_S = 1.0
_STABLE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig:
    """Where the broker is and who we are there. Without `ca_file` the connection is plain: allowed on loopback only, unless
    `plain_network` says that the wire itself is protected. `connect_timeout_s` covers TCP, TLS, login and subscriptions."""

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
    acknowledged stays the broker's, but does not outlive the connection. `received_mono_s` is `time.monotonic()`."""

    route: Route
    levels: Mapping[str, str]
    message: Message
    retained: bool
    received_mono_s: float
    ack: Callable[[], None]


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

    def _end(self, state: DeliveryState) -> None:
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
        self._connection: _Connection | None = None
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
            _encoded_will(self._will("check"), "check")  # a will that cannot be written is said here, not in the thread
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
        _check_fits(route, message)
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
            delivery._end(DeliveryState.NOT_SENT)
            return delivery
        self._published += 1
        return connection.publish(topic, content, qos=route.qos, retain=route.retain)

    def _run(self) -> None:
        while not self._stopping.is_set():
            connection = _Connection(self.config, self._tls, self._filters, self._will, self._hand_over, self._stopping)
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


class _Connection:
    """One connection, from TCP to its end. Never reused: a late acknowledgement or a resend cannot cross into the next."""

    def __init__(
        self,
        config: BrokerConfig,
        tls: ssl.SSLContext | None,
        filters: Mapping[str, Route],
        will: Callable[[str], Letter] | None,
        hand_over: Callable[[BrokerEvent], None],
        stopping: threading.Event,
    ) -> None:
        self.sid = uuid.uuid4().hex
        self.ready = False
        self.began_mono_s = time.monotonic()
        self._config = config
        self._filters = filters
        self._hand_over = hand_over
        self._stopping = stopping
        self._lock = threading.Lock()
        self._pending: dict[int, Delivery] = {}
        self._early: set[int] = set()
        self._unsubscribed: dict[int, str] = {}
        self._refused: list[str] = []
        self._error: DeviceUnavailableError | None = None
        self._end_by_mono_s: float | None = None
        self._client = client = _Client(client_id=config.client_id, stopping=stopping, connect_timeout_s=config.connect_timeout_s)
        if config.username is not None:
            client.username_pw_set(config.username, config.password)
        if tls is not None:
            client.tls_set_context(tls)
        if will is not None:
            letter = will(self.sid)
            topic, payload = _encoded_will(letter, self.sid)
            client.will_set(topic, payload, qos=letter.route.qos, retain=letter.route.retain)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        # Only this connection's own thread may write to the socket: two writers could tear a packet.
        client.on_socket_register_write = lambda *_: None

    def run(self) -> tuple[bool, DeviceUnavailableError | None]:
        """Blocks until the connection ends: whether it ever was ready, and why it ended."""
        was_ready = False
        try:
            deadline = time.monotonic() + self._config.connect_timeout_s
            self._client.connect(self._config.host, self._config.port, self._config.keepalive_s)
            result = MQTTErrorCode.MQTT_ERR_SUCCESS
            while result == MQTTErrorCode.MQTT_ERR_SUCCESS and self._error is None:
                result = self._client.loop(_LOOP_S)
                was_ready = was_ready or self.ready
                if self._stopping.is_set() and not self._ending(was_ready=was_ready):
                    break
                if not was_ready and time.monotonic() > deadline:
                    self._error = self._unavailable("it does not answer")
            if self._error is None and not self._stopping.is_set():
                self._error = self._unavailable(mqtt.error_string(result))
        except (OSError, ValueError, IndexError, struct.error) as exc:
            if not self._stopping.is_set():
                self._error = self._unavailable(str(exc) or type(exc).__name__)
                self._error.__cause__ = exc
        finally:
            self._close()
        return was_ready, self._error

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> Delivery:
        delivery = Delivery()
        try:
            info = self._client.publish(topic, payload, qos=qos, retain=retain)
        except OSError:  # the connection was closed in this very moment
            delivery._end(DeliveryState.LOST)
            return delivery
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            delivery._end(DeliveryState.NOT_SENT)
            return delivery
        with self._lock:
            if info.mid in self._early:
                self._early.discard(info.mid)
                delivery._end(DeliveryState.ACKNOWLEDGED)
            elif not self.ready:
                delivery._end(DeliveryState.LOST)
            else:
                self._pending[info.mid] = delivery
        return delivery

    def end(self) -> None:
        """Ask for a clean end (DISCONNECT, no last will)."""
        with suppress(OSError):  # it may end by itself at this very moment
            self._client.disconnect()

    def _ending(self, *, was_ready: bool) -> bool:
        """Whether the loop should still turn so that the DISCONNECT gets out."""
        if not was_ready:
            return False
        if self._end_by_mono_s is None:
            self._end_by_mono_s = time.monotonic() + _GOODBYE_S
            self._client.disconnect()
        return time.monotonic() < self._end_by_mono_s

    def cut(self) -> None:
        """Break whatever the thread is blocked in."""
        self._client.cut()

    def _close(self) -> None:
        with self._lock:
            self.ready = False
            pending = list(self._pending.values())
            self._pending.clear()
        for delivery in pending:
            delivery._end(DeliveryState.LOST)
        self._client.close()

    def _unavailable(self, why: str, *, remedy: str = "check the network and the broker", **fields: Any) -> DeviceUnavailableError:
        where = f"{self._config.host}:{self._config.port}"
        return DeviceUnavailableError(f"the broker {where} is not available: {why}", remedy=remedy, why=why, **fields)

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            login = "bad user name or password" if "user name" in str(reason).lower() else str(reason).lower()
            self._error = self._unavailable(login, remedy="check this account's name and password at the broker", refused=True)
            return
        if not self._filters:
            self._be_ready()
        for topic_filter, route in self._filters.items():
            _, mid = client.subscribe(topic_filter, qos=route.qos)
            if mid is not None:
                self._unsubscribed[mid] = topic_filter

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, mid: int, reasons: Iterable[Any], _properties: Any) -> None:
        topic_filter = self._unsubscribed.pop(mid, "")
        if any(reason.is_failure for reason in reasons):
            self._refused.append(topic_filter)
        if not self._unsubscribed:
            self._be_ready()

    def _be_ready(self) -> None:
        with self._lock:
            self.ready = True
        self._hand_over(Connected(sid=self.sid, refused=tuple(self._refused)))

    def _on_publish(self, _client: mqtt.Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        with self._lock:
            delivery = self._pending.pop(mid, None)
            if delivery is None:
                self._early.add(mid)
        if delivery is not None:
            delivery._end(DeliveryState.ACKNOWLEDGED)

    def _on_message(self, client: mqtt.Client, _data: Any, packet: mqtt.MQTTMessage) -> None:
        received_mono_s = time.monotonic()
        ack = partial(client.ack, packet.mid, packet.qos)
        retained = bool(packet.retain)
        topic, payload = "", bytes(packet.payload)
        try:
            topic = _topic_of(packet)
            route, levels = routes.match(topic)
            if route.retain and not payload:
                self._hand_over(Cleared(route=route, levels=levels, ack=_quiet(ack)))
                return
            message = codec.decode(route, payload)
            _check_sender(route, message, levels)
        except MessageError as exc:
            head = payload[:HEAD_BYTES]
            self._hand_over(Rejected(topic=topic, head=head, error=exc, retained=retained, ack=_quiet(ack)))
            return
        self._hand_over(
            Arrival(route=route, levels=levels, message=message, retained=retained, received_mono_s=received_mono_s, ack=_quiet(ack))
        )


class _Client(mqtt.Client):
    """paho's client with a TCP connect that can be interrupted, TCP_NODELAY (44 ms a round trip without), and a real close."""

    def __init__(self, *, client_id: str, stopping: threading.Event, connect_timeout_s: float) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True, protocol=mqtt.MQTTv311, manual_ack=True)
        self._stop_wanted = stopping
        self._wire: socket.socket | None = None
        self.connect_timeout = connect_timeout_s

    def cut(self) -> None:
        wire = self._wire
        if wire is not None:
            try:
                wire.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has ended already, which is what was wanted

    def close(self) -> None:
        self._reset_sockets()
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _create_socket_connection(self) -> socket.socket:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        fault: OSError = ConnectionError(f"{self._host} has no address")
        for family, kind, protocol, _name, address in found:
            wire = socket.socket(family, kind, protocol)
            try:
                self._connect_within(wire, address)
            except OSError as exc:
                wire.close()
                fault = exc
            else:
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._wire = wire.dup()  # TLS takes the original away; this one stays for cut()
                return wire
        raise fault

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        """As paho's, but a failed handshake leaves no socket open."""
        context = self._ssl_context
        assert context is not None
        wire: socket.socket = tcp_sock
        try:
            wrapped = context.wrap_socket(tcp_sock, server_hostname=self._host, do_handshake_on_connect=False)
            wire = wrapped
            wrapped.settimeout(self.connect_timeout)
            wrapped.do_handshake()
        except (OSError, ValueError):
            wire.close()
            raise
        return wrapped

    def _connect_within(self, wire: socket.socket, address: Any) -> None:
        deadline = time.monotonic() + self.connect_timeout
        wire.setblocking(False)
        code = wire.connect_ex(address)
        with selectors.DefaultSelector() as selector:
            selector.register(wire, selectors.EVENT_WRITE)
            while not selector.select(0.1):
                if self._stop_wanted.is_set():
                    raise ConnectionAbortedError("stopped")
                if time.monotonic() > deadline:
                    raise TimeoutError("no answer to a TCP connect")
        code = wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, f"cannot connect ({errno.errorcode.get(code, code)})")
        wire.settimeout(self.connect_timeout)


def _quiet(ack: Callable[[], object]) -> Callable[[], None]:
    def acknowledge() -> None:
        with suppress(OSError):  # of a connection that has ended: there is nothing left to acknowledge
            ack()

    return acknowledge


def _topic_of(packet: mqtt.MQTTMessage) -> str:
    try:
        return packet.topic
    except UnicodeDecodeError as exc:
        raise MessageError("a topic is not UTF-8", remedy="see the route table") from exc


def _check_fits(route: Route, message: Message) -> None:
    if type(message.body) is not route.message:
        raise MessageError(f"a {message.type} does not go to {route.template}", remedy=f"send a {route.type}", route=route.name)


def _encoded_will(letter: Letter, sid: str) -> tuple[str, bytes]:
    _check_fits(letter.route, letter.message)
    return letter.route.topic(**letter.levels), codec.encode(replace(letter.message, sid=sid))


def _check_sender(route: Route, message: Message, levels: Mapping[str, str]) -> None:
    """The broker's permissions bind a cart to its topics; this binds the topic to what the message says of itself."""
    if route.direction is Direction.UP and message.sender != levels["cart"]:
        raise MessageError(
            f"{message.sender} wrote on the topic of {levels['cart']}",
            problems=(("from", "must be the cart of the topic"),),
            remedy="check this cart's configuration and its broker account",
        )


def _tls_context(config: BrokerConfig) -> ssl.SSLContext | None:
    if config.ca_file is None:
        if not config.plain_network and not _is_loopback(config.host):
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


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


__all__ = [
    "Arrival", "Broker", "BrokerConfig", "BrokerEvent", "BrokerStatus", "Cleared", "Connected", "ConnectFailed", "Delivery",
    "DeliveryState", "Disconnected", "Letter", "Rejected",
]  # fmt: skip
