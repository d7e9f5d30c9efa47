"""From "given" to the server's receipt: journal, uplink, broker, gateway, database and back, beside a bare MQTT round trip.

Run `python -m benchmarks.receipt [--quick]`. Real NATS and Mosquitto, a real journal and a real SQLite database, both with fsync.
The floor, measured in turn with it on the same broker: two MQTT clients, a payload of the same size up at QoS 1, a receipt's worth
back at QoS 1, nothing written and nothing decided. Everything but the broker is in this one process.
"""

from __future__ import annotations

import logging
import queue
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.measure import ratio, save, spread
from cart_client.chart import Chart
from cart_client.inbox import Link, LinkTold, RecordMoved
from cart_client.journal import Journal
from cart_client.uplink import Uplink
from devices.broker import BrokerConfig
from devices.brokers.process import RunningBroker
from pointofcare.administration.record import AdministrationRecord
from pointofcare.wire import routes
from server.config import MqttConfig
from server.mqtt.gateway import Gateway
from server.security import signing
from server.usecases.facts import Site
from tests.support.brokers import FACILITY, KINDS, SERVER, running_broker
from tests.support.cart_ward import PUBLIC, WARD
from tests.support.databases import migrated_app
from tests.support.server_ward import DUE, NOW, a_record, open_ward

CART, OTHER = "c1", "c2"
PATIENTS = 24
RECORD_BYTES, RECEIPT_BYTES = 1200, 300
_WAIT_S = 20.0


def run(quick: bool = False) -> dict[str, Any]:
    """{"brokers": {"nats": {...}, "mosquitto": {...}}}: times in ms, and how many bare round trips one receipt costs."""
    doses = 30 if quick else 250
    logging.disable(logging.ERROR)  # the tables that a benchmark cannot sign
    result: dict[str, Any] = {"doses": doses, "database": "sqlite", "quick": quick, "brokers": {}}
    for kind in KINDS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, migrated_app("sqlite", Path(folder)) as app:
            open_ward(patient_count=PATIENTS)
            with running_broker(kind, (CART, OTHER)) as (broker, passwords):
                result["brokers"][kind] = _measure(Path(folder), broker, passwords, app.app_context, doses)
    save("receipt", result)
    return result


def _measure(folder: Path, broker: RunningBroker, passwords: dict[str, str], scope: Callable[[], Any], doses: int) -> dict[str, Any]:
    gateway = Gateway(
        MqttConfig(host=broker.host, port=broker.port, username=SERVER, password=passwords[SERVER]),
        facility=FACILITY,
        key=signing.load_or_generate(folder / "key.json"),
        site=Site(),
        lifetime=timedelta(hours=24),
        version="benchmark",
        scope=scope,
    )
    told: queue.Queue[object] = queue.Queue()
    journal = Journal(folder / "journal.sqlite", cart=CART)
    uplink = Uplink(
        BrokerConfig(host=broker.host, port=broker.port, client_id=CART, username=CART, password=passwords[CART]),
        cart=CART,
        facility=FACILITY,
        ward=WARD,
        chart=Chart(folder / "chart.sqlite", facility=FACILITY, ward=WARD, key=PUBLIC),
        journal=journal,
        tell=told.put,
        versions={"app": "benchmark"},
    )
    gateway.start()
    uplink.start()
    journalled: list[float] = []
    received: list[float] = []
    bare: list[float] = []
    try:
        _until(told, lambda one: isinstance(one, LinkTold) and one.link is Link.ONLINE)
        with _round_trips(broker, passwords) as round_trip:
            for number in range(doses):
                record = _dose(number)
                started = time.perf_counter()
                journal.append(record, message_id=f"m-{number}")
                journalled.append(_since_ms(started))
                uplink.wake()
                _until(told, lambda one, wanted=record.record_id: isinstance(one, RecordMoved) and one.record_id == wanted)
                received.append(_since_ms(started))
                bare.append(round_trip(number))
        assert journal.unsent_count() == 0
        assert gateway.state.recorded == doses
    finally:
        uplink.stop()
        gateway.stop()
        journal.close()
    return {
        "confirm_to_journalled_ms": spread(journalled),
        "confirm_to_receipt_ms": spread(received),
        "bare_round_trip_ms": spread(bare),
        "ratio": ratio(received, bare),
    }


def _dose(number: int) -> AdministrationRecord:
    """The next due dose of the next patient: after the last one comes the next day."""
    later = timedelta(days=number // PATIENTS)
    record = a_record(1 + number % PATIENTS, due=DUE + later, effective_at=NOW + later, recorded_at=NOW + later, cart=CART)
    return replace(record, scans=tuple(replace(scan, at=scan.at + later) for scan in record.scans))


@contextmanager
def _round_trips(broker: RunningBroker, passwords: dict[str, str]) -> Iterator[Callable[[int], float]]:
    """One round trip, in ms: a cart's client up to a server's client and back. Both use topics that nobody else here listens to."""
    up = routes.ANSWER.topic(facility=FACILITY, cart=OTHER, name="floor")
    down = routes.COMMAND.topic(facility=FACILITY, cart=OTHER, name="floor")
    came: queue.Queue[bytes] = queue.Queue()
    server = _client(broker, SERVER, passwords[SERVER], up)
    server.on_message = lambda client, _, message: client.publish(down, message.payload[:8] + b"x" * RECEIPT_BYTES, qos=1)
    cart = _client(broker, OTHER, passwords[OTHER], down)
    cart.on_message = lambda _client, _, message: came.put(message.payload[:8])

    def once(number: int) -> float:
        head = f"{number:08}".encode()
        started = time.perf_counter()
        cart.publish(up, head + b"x" * RECORD_BYTES, qos=1)
        while came.get(timeout=_WAIT_S) != head:
            pass
        return _since_ms(started)

    try:
        yield once
    finally:
        for client in (cart, server):
            client.disconnect()
            client.loop_stop()


def _client(broker: RunningBroker, name: str, password: str, topic: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"floor-{name}", protocol=mqtt.MQTTv311)
    client.username_pw_set(name, password)
    ready = threading.Event()
    client.on_socket_open = lambda *given: given[2].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.on_connect = lambda made, *_: made.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert ready.wait(_WAIT_S), f"{name} was not subscribed"
    return client


def _until(told: queue.Queue[object], seen: Callable[[Any], bool]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not seen(told.get(timeout=max(0.01, deadline - time.monotonic()))):
        pass


def _since_ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def table(result: dict[str, Any]) -> str:
    lines = [f"{'broker':<11}{'':<26}{'count':>6}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'ratio':>7}"]
    for kind, found in result["brokers"].items():
        for name in ("confirm_to_journalled_ms", "confirm_to_receipt_ms", "bare_round_trip_ms"):
            row = found[name]
            times = f"{row['count']:>6}{row['p50']:>9.2f}{row['p95']:>9.2f}{row['max']:>9.2f}"
            lines.append(f"{kind:<11}{name.removesuffix('_ms'):<26}{times}" + (f"{found['ratio']:>7.2f}" if "receipt" in name else ""))
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run("--quick" in sys.argv)))
