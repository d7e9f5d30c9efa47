"""Many carts in one thread for the measurements of load: real MQTT connections that tell telemetry and doses and take what comes back.

The product's own messages on bare MQTT clients (paho with its own loop left out), so that five hundred cost no thread each. A cart here
has no journal, no screen and no verdict of its own: what is measured is the server. Must never be used against a hospital's broker.
"""

from __future__ import annotations

import heapq
import itertools
import re
import selectors
import time
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from pointofcare.administration.record import AdministrationRecord
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import (
    AdministrationRecorded,
    Body,
    CartBirth,
    CartPhase,
    CartState,
    Message,
    RecordReceived,
    TableIssued,
    TableKind,
    TablesHeld,
    Telemetry,
    TelemetryKind,
)
from pointofcare.wire.routes import Route

TELEMETRY_S = 60.0
_MISC_S = 5.0
_KEEPALIVE_S = 60
_ISSUED = re.compile(rb'"issued_at":"([^"]+)"')
_VALUES: Mapping[TelemetryKind, Mapping[str, object]] = {
    TelemetryKind.POWER: {"battery_percent": 81, "docked": False, "health_percent": 96},
    TelemetryKind.NET: {"rssi_dbm": -58, "ap": "W01-ap1", "reconnects": 0, "rtt_ms": 12.5},
    TelemetryKind.APP: {"chart_age_s": 4.0, "unsent_records": 0, "journal_epoch": "load", "journal_last_seq": 0, "clock_offset_s": 0.0},
    TelemetryKind.CAMERA: {"live": True, "fault": "", "picture_rate_hz": 29.5, "searched_share": 0.1, "light_percent": 40},
}


@dataclass(slots=True, kw_only=True)
class Told:
    """One dose. `receipt_s` and `chart_s`: how long until the server said that it is committed, and until another cart of the ward held a
    signed chart that was made after that; None: not yet. `waits` is when the server committed it, while its chart is to come."""

    began_s: float
    ward: str
    cart: str
    receipt_s: float | None = None
    chart_s: float | None = None
    waits: datetime | None = None


@dataclass(slots=True, kw_only=True)
class _Cart:
    name: str
    ward: str
    client: mqtt.Client
    sid: str
    key: selectors.SelectorKey | None = None
    is_ready: bool = False
    held: dict[TableKind, int] = field(default_factory=dict)


class Carts:
    """`wards` says where each cart stands. Everything happens within `run`."""

    def __init__(self, host: str, port: int, passwords: Mapping[str, str], *, facility: str, wards: Mapping[str, str]) -> None:
        self._facility = facility
        self._host, self._port = host, port
        self._select = selectors.DefaultSelector()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._seq = itertools.count(1)
        self.doses: dict[str, Told] = {}
        self._uncharted: dict[str, list[Told]] = {}
        self.received = 0
        self.carts = {name: self._made(name, ward, passwords[name]) for name, ward in wards.items()}

    @property
    def online(self) -> int:
        return sum(cart.is_ready for cart in self.carts.values())

    @property
    def open(self) -> int:
        """Doses that have no receipt yet."""
        return sum(told.receipt_s is None for told in self.doses.values())

    @property
    def uncharted(self) -> int:
        return sum(len(each) for each in self._uncharted.values())

    def connect(self) -> None:
        for place, cart in enumerate(self.carts.values()):
            cart.client.connect(self._host, self._port, keepalive=_KEEPALIVE_S)
            line = cart.client.socket()
            assert line is not None
            cart.key = self._select.register(line, selectors.EVENT_READ, cart)
            for number, kind in enumerate(_VALUES):
                # A fleet never speaks in one moment.
                self.at(TELEMETRY_S * ((place * 0.618 + number / len(_VALUES)) % 1), partial(self._tell, cart, kind))
            self.run(0.0)
        self.at(_MISC_S, self._misc)

    def at(self, in_s: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + in_s, next(self._numbers), work))

    def give(self, record: AdministrationRecord) -> None:
        """The cart of the record tells it, now."""
        cart = self.carts[record.cart]
        self.doses[record.record_id] = Told(began_s=time.monotonic(), ward=record.ward, cart=record.cart)
        self._say(cart, routes.ADMINISTRATION, AdministrationRecorded(record=record, seq=next(self._seq), epoch="load"))

    def run(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """For so long, or until what is asked for is so. Whether it is."""
        ends_s = time.monotonic() + seconds
        while True:
            now_s = time.monotonic()
            while self._due and self._due[0][0] <= now_s:
                heapq.heappop(self._due)[2]()
            if until():
                return True
            next_s = min(ends_s, self._due[0][0]) if self._due else ends_s
            for key, _ in self._select.select(max(0.0, min(0.05, next_s - time.monotonic()))):
                self._heard(key.data)
            if time.monotonic() >= ends_s:
                return until()

    def close(self) -> None:
        for cart in self.carts.values():
            if cart.key is not None:
                self._select.unregister(cart.key.fileobj)
            cart.client.disconnect()
        self._select.close()

    def _made(self, name: str, ward: str, password: str) -> _Cart:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
        client.username_pw_set(name, password)
        cart = _Cart(name=name, ward=ward, client=client, sid=uuid4().hex[:16])
        filters = [(each, 1) for each in routes.cart_reads(facility=self._facility, cart=name)]

        def connected(*_: Any) -> None:
            client.subscribe(filters)

        client.on_connect = connected
        client.on_subscribe = lambda *_: self._ready(cart)
        client.on_message = lambda _client, _data, message: self._came(cart, message.topic, bytes(message.payload))
        return cart

    def _ready(self, cart: _Cart) -> None:
        cart.is_ready = True
        birth = CartBirth(versions={"app": "load"}, hardware="simulated", boot_id=cart.sid, epoch="load", ward=cart.ward)
        self._say(cart, routes.BIRTH, birth)
        self._say(cart, routes.STATE, CartState(phase=CartPhase.READY, ward=cart.ward, at=datetime.now(UTC)))
        self._say(cart, routes.TABLES, TablesHeld(ward=cart.ward))

    def _tell(self, cart: _Cart, kind: TelemetryKind) -> None:
        self.at(TELEMETRY_S, lambda: self._tell(cart, kind))
        if cart.is_ready:
            self._say(cart, routes.TELEMETRY, Telemetry(kind=kind, at=datetime.now(UTC), values=_VALUES[kind]), kind=kind.value)

    def _say(self, cart: _Cart, route: Route, body: Body, **levels: str) -> None:
        message = Message(id=str(uuid4()), sent_at=datetime.now(UTC), sender=cart.name, sid=cart.sid, body=body)
        topic = route.topic(facility=self._facility, cart=cart.name, **levels)
        cart.client.publish(topic, codec.encode(message), qos=route.qos, retain=route.retain)
        self._write(cart)

    def _heard(self, cart: _Cart) -> None:
        if cart.client.loop_read() != mqtt.MQTT_ERR_SUCCESS:
            raise RuntimeError(f"cart {cart.name} lost the broker")
        self._write(cart)

    def _write(self, cart: _Cart) -> None:
        if cart.client.want_write():
            cart.client.loop_write()

    def _misc(self) -> None:
        self.at(_MISC_S, self._misc)
        for cart in self.carts.values():
            cart.client.loop_misc()
            self._write(cart)

    def _came(self, cart: _Cart, topic: str, payload: bytes) -> None:
        self.received += 1
        now_s = time.monotonic()
        if topic.endswith("/dn/receipt"):
            body = codec.decode(routes.RECEIPT, payload).body
            assert isinstance(body, RecordReceived)
            told = self.doses[body.record_id]
            if told.receipt_s is None:
                told.receipt_s, told.waits = now_s - told.began_s, body.received_at
                self._uncharted.setdefault(told.ward, []).append(told)
        elif topic.endswith("/dn/table"):
            table = codec.decode(routes.TABLE, payload).body
            assert isinstance(table, TableIssued)
            cart.held[table.kind] = table.version
            if table.kind is TableKind.PATIENT_CHART and self._uncharted.get(table.ward):
                self._charted(cart, table, now_s)

    def _charted(self, cart: _Cart, table: TableIssued, now_s: float) -> None:
        """Only at another cart than the one that gave it, and only where the chart was read after the commit: then the dose is in it."""
        issued = datetime.fromisoformat(_claim(table.jws).decode("ascii"))
        left = []
        for told in self._uncharted[table.ward]:
            if told.waits is not None and issued >= told.waits and cart.name != told.cart:
                told.chart_s = now_s - told.began_s
            else:
                left.append(told)
        self._uncharted[table.ward] = left


def _claim(jws: str) -> bytes:
    """When the table was made, without a look at its signature: the carts' own tests do that."""
    words = jws.split(".")[1]
    found = _ISSUED.search(zlib.decompress(urlsafe_b64decode(words + "=" * (-len(words) % 4))))
    if found is None:
        raise RuntimeError("a table does not say when it was made")
    return found[1]
