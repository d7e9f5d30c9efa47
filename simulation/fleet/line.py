"""One MQTT connection of one virtual cart, of hundreds on one asyncio loop: paho does the protocol, the loop's selector says when.

The blocking part of a connect (TCP and TLS) runs on a few threads; from then on everything is the loop's thread. A connection is never
used twice, as in the product: its session id belongs to it alone.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

KEEPALIVE_S = 30
# As long as a machine that starts five hundred connections may need for one.
CONNECT_S = 20.0
Will = Callable[[str], tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the broker is and how this cart comes in: by its certificate (`tls`), or by name and password."""

    host: str
    port: int
    client_id: str
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def tls_context(ca: Path, certificate: Path) -> ssl.SSLContext:
    """For one cart: its own certificate and key in one file, and the one root that it trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    context.load_cert_chain(certificate)
    return context


class Line:
    """`ready`, `heard` and `ended` are called on the loop's thread; `ended` once, whatever ended it."""

    def __init__(
        self,
        door: Door,
        *,
        loop: asyncio.AbstractEventLoop,
        filters: Sequence[str],
        will: Will,
        ready: Callable[[Line], None],
        heard: Callable[[str, bytes, bool], None],
        ended: Callable[[Line, str], None],
    ) -> None:
        self.sid = uuid.uuid4().hex
        self.is_ready = False
        self.published = 0
        self.received = 0
        self.unacknowledged = 0
        self._door, self._loop, self._filters = door, loop, tuple(filters)
        self._ready, self._heard, self._ended = ready, heard, ended
        self._over = False
        self._wire: socket.socket | None = None
        self._fileno = -1
        self._deadline_s = time.monotonic() + CONNECT_S
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=door.client_id, clean_session=True, protocol=mqtt.MQTTv311
        )
        client.connect_timeout = CONNECT_S
        if door.username is not None:
            client.username_pw_set(door.username, door.password)
        if door.tls is not None:
            client.tls_set_context(door.tls)
        topic, payload = will(self.sid)
        client.will_set(topic, payload, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish

    async def open(self, threads: Executor) -> None:
        """Connects; what came of it is told by `ready` or `ended`."""
        try:
            await self._loop.run_in_executor(threads, self._connect)
        except (OSError, ValueError) as exc:
            self._end(str(exc) or type(exc).__name__)
            return
        if self._over:  # closed while it connected
            self._drop()
            return
        wire = self._client.socket()
        if wire is None:
            self._end("closed at once")
            return
        self._fileno = wire.fileno()
        self._loop.add_reader(self._fileno, self._readable)
        self._client.on_socket_register_write = self._wants_to_write
        self._client.on_socket_unregister_write = self._has_written
        if self._client.want_write():
            self._loop.add_writer(self._fileno, self._writable)
        self._readable()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """On the loop's thread. What does not get out is lost with the connection."""
        if self._over:
            return
        if self._client.publish(topic, payload, qos=qos, retain=retain).rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.published += 1
            self.unacknowledged += qos > 0

    def look(self) -> None:
        """Now and then: pings, and ends what does not answer."""
        if self._over:
            return
        if not self.is_ready and time.monotonic() > self._deadline_s:
            self._end("no answer")
        elif self._fileno >= 0 and self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._end("no answer to a ping")

    def close(self, *, politely: bool) -> None:
        """With a DISCONNECT, or as a cart that lost its power or its network: then the broker sends the last will."""
        if self._over:
            return
        if politely and self.is_ready:
            self._client.disconnect()
            self._client.loop_write()
        self._end("")

    def _connect(self) -> None:
        self._client.connect(self._door.host, self._door.port, KEEPALIVE_S)
        wire = self._client.socket()
        if isinstance(wire, socket.socket):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _wants_to_write(self, *_: Any) -> None:
        self._loop.add_writer(self._fileno, self._writable)

    def _has_written(self, *_: Any) -> None:
        self._loop.remove_writer(self._fileno)

    def _readable(self) -> None:
        """TLS may hold more than the selector knows of."""
        while not self._over:
            result = self._client.loop_read()
            if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._end(mqtt.error_string(result))
                return
            wire = self._client.socket()
            if wire is None or not (isinstance(wire, ssl.SSLSocket) and wire.pending()):
                break
        if not self._over and self._client.want_write():
            self._writable()

    def _writable(self) -> None:
        if not self._over and self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._end("cannot write")

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._loop.call_soon(self._end, f"refused: {reason}")
            return
        client.subscribe([(one, 1) for one in self._filters])

    def _on_subscribe(self, *_: Any) -> None:
        if not self.is_ready and not self._over:
            self.is_ready = True
            self._loop.call_soon(self._ready, self)

    def _on_message(self, _client: mqtt.Client, _data: Any, packet: mqtt.MQTTMessage) -> None:
        self.received += 1
        self._heard(packet.topic, bytes(packet.payload), bool(packet.retain))

    def _on_publish(self, *_: Any) -> None:
        self.unacknowledged -= 1

    def _end(self, why: str) -> None:
        if self._over:
            return
        self._over, self.is_ready = True, False
        self._drop()
        self._ended(self, why)

    def _drop(self) -> None:
        client = self._client
        client.on_socket_register_write = client.on_socket_unregister_write = None
        if self._fileno >= 0:
            self._loop.remove_reader(self._fileno)
            self._loop.remove_writer(self._fileno)
            self._fileno = -1
        wire = client.socket()
        if wire is not None:
            wire.close()
