"""One connection to the broker, from TCP to its end, on the thread that runs it."""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from devices.broker.event import Arrival, BrokerConfig, BrokerEvent, Cleared, Connected, Delivery, DeliveryState, Letter, Rejected
from pointofcare.errors import DeviceUnavailableError, MessageError
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import Message
from pointofcare.wire.routes import Direction, Route

HEAD_BYTES = 200
_LOOP_S = 0.5
_GOODBYE_S = 1.0


class Connection:
    """One connection, from TCP to its end. Never reused: a late acknowledgement or a resend cannot cross into the next."""

    def __init__(
        self,
        config: BrokerConfig,
        tls: ssl.SSLContext | None,
        filters: Mapping[str, int],
        will: Callable[[str], Letter] | None,
        hand_over: Callable[[BrokerEvent], None],
        stopping: threading.Event,
    ) -> None:
        self.sid = uuid.uuid4().hex
        self.ready = False
        self.began_mono_s = time.monotonic()
        self._config = config
        self._filters = filters
        self._tell = hand_over
        # A broker may deliver what is retained before it has answered the subscription: it is told after `Connected`, never before.
        self._before_ready: list[BrokerEvent] | None = []
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
            topic, payload = encoded_will(letter, self.sid)
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
            delivery.end(DeliveryState.LOST)
            return delivery
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            delivery.end(DeliveryState.NOT_SENT)
            return delivery
        with self._lock:
            if info.mid in self._early:
                self._early.discard(info.mid)
                delivery.end(DeliveryState.ACKNOWLEDGED)
            elif not self.ready:
                delivery.end(DeliveryState.LOST)
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
            delivery.end(DeliveryState.LOST)
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
        for topic_filter, qos in self._filters.items():
            _, mid = client.subscribe(topic_filter, qos=qos)
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
        self._tell(Connected(sid=self.sid, refused=tuple(self._refused)))
        waiting, self._before_ready = self._before_ready or [], None
        for event in waiting:
            self._tell(event)

    def _hand_over(self, event: BrokerEvent) -> None:
        if self._before_ready is None:
            self._tell(event)
        else:
            self._before_ready.append(event)

    def _on_publish(self, _client: mqtt.Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        with self._lock:
            delivery = self._pending.pop(mid, None)
            if delivery is None:
                self._early.add(mid)
        if delivery is not None:
            delivery.end(DeliveryState.ACKNOWLEDGED)

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
            Arrival(
                route=route,
                levels=levels,
                message=message,
                retained=retained,
                received_mono_s=received_mono_s,
                ack=_quiet(ack),
                payload=payload,
            )
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


def check_fits(route: Route, message: Message) -> None:
    if type(message.body) is not route.message:
        raise MessageError(f"a {message.type} does not go to {route.template}", remedy=f"send a {route.type}", route=route.name)


def encoded_will(letter: Letter, sid: str) -> tuple[str, bytes]:
    check_fits(letter.route, letter.message)
    return letter.route.topic(**letter.levels), codec.encode(replace(letter.message, sid=sid))


def _check_sender(route: Route, message: Message, levels: Mapping[str, str]) -> None:
    """The broker's permissions bind a cart to its topics; this binds the topic to what the message says of itself."""
    if route.direction is Direction.UP and message.sender != levels["cart"]:
        raise MessageError(
            f"{message.sender} wrote on the topic of {levels['cart']}",
            problems=(("from", "must be the cart of the topic"),),
            remedy="check this cart's configuration and its broker account",
        )
