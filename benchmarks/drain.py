"""What a cart that comes back with a whole journal does to the others: their live doses while its records drain, beside the quiet.

Run `python -m benchmarks.drain [--quick]`. Real NATS and Mosquitto, real journals and uplinks; the server's gateway with its SQLite
database is one process, the cart that drains another, the other carts a third. A live dose is timed from the call of the journal to
the server's receipt; the floor is the same before anything drains, in the same run.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing as mp
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from benchmarks.measure import save, spread
from benchmarks.receipt import _dose, _until
from cart_client.chart import Chart
from cart_client.inbox import Link, LinkTold, RecordMoved
from cart_client.journal import Journal
from cart_client.uplink import Uplink
from devices.broker import BrokerConfig
from pointofcare.administration.record import AdministrationRecord
from server.app import bare_app
from server.config import MqttConfig
from server.mqtt.gateway import Gateway
from server.security import signing
from server.store.database import db
from server.usecases.facts import Site
from tests.support.brokers import FACILITY, KINDS, SERVER, running_broker
from tests.support.cart_ward import WARD
from tests.support.databases import config_for, migrated_app
from tests.support.server_ward import open_ward

BACK = "c1"
LIVE = ("c2", "c3", "c4")
PATIENTS = 24
# Dose after dose of one order: those of each live cart begin on a day of their own.
APART = 10_000
PAUSE_S = 0.05
_WAIT_S = 30.0
_LONGEST_S = 240.0
_pause = threading.Event()


def run(quick: bool = False) -> dict[str, Any]:
    """{"queued", "brokers": {"nats": {...}}}: times in ms; `ratio_p95` is live while draining to live in the quiet."""
    queued, quiet = (200, 40) if quick else (1000, 200)
    result: dict[str, Any] = {"queued": queued, "quick": quick, "brokers": {}}
    for kind in KINDS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, migrated_app("sqlite", Path(name)):
            open_ward(patient_count=PATIENTS)
            url = db.engine.url.render_as_string(hide_password=False)
            db.engine.dispose()
            with running_broker(kind, (BACK, *LIVE)) as (broker, passwords):
                line = _Line(Path(name), broker.host, broker.port, passwords)
                assert line.signing.id  # drawn before three processes want it
                result["brokers"][kind] = _measure(line, url, queued, quiet)
    save("drain", result)
    return result


class _Line:
    """Where the broker is, and how each machine signs in there."""

    def __init__(self, folder: Path, host: str, port: int, passwords: dict[str, str]) -> None:
        self.folder, self.host, self.port, self.passwords = folder, host, port, passwords

    @property
    def signing(self) -> signing.SigningKey:
        return signing.load_or_generate(self.folder / "key.json")

    @property
    def key(self) -> OKPKey:
        return OKPKey.import_key(self.signing.key.as_dict(private=False))

    def uplink(self, cart: str, journal: Journal, told: queue.Queue[object]) -> Uplink:
        return Uplink(
            BrokerConfig(host=self.host, port=self.port, client_id=cart, username=cart, password=self.passwords[cart]),
            cart=cart,
            facility=FACILITY,
            ward=WARD,
            chart=Chart(self.folder / f"{cart}-chart.sqlite", facility=FACILITY, ward=WARD, key=self.key),
            journal=journal,
            tell=told.put,
            versions={"app": "benchmark"},
        )


def _measure(line: _Line, url: str, queued: int, quiet: int) -> dict[str, Any]:
    context = mp.get_context("spawn")
    ready, stop, filled, go, drained = (context.Event() for _ in range(5))
    told: Any = context.Queue()
    server = context.Process(target=_serve, args=(line, url, ready, stop, told))
    back = context.Process(target=_come_back, args=(line, queued, filled, go, drained, told))
    server.start()
    back.start()
    try:
        assert ready.wait(_WAIT_S), "the server did not start"
        assert filled.wait(_LONGEST_S), "the journal was not filled"
        with _live(line) as give:
            for _ in range(len(LIVE) * 3):
                give()
            idle = [_given(give) for _ in range(quiet)]
            go.set()
            busy: list[float] = []
            deadline = time.monotonic() + _LONGEST_S
            while not drained.is_set():
                assert time.monotonic() < deadline, "the journal was not drained"
                busy.append(_given(give))
    finally:
        stop.set()
        for process in (back, server):
            process.join(_WAIT_S)
            if process.is_alive():
                process.terminate()
    found = dict(told.get(timeout=_WAIT_S) for _ in range(3))
    assert found["recorded"] == queued + len(LIVE) * 3 + quiet + len(busy), "not each dose was recorded once"
    quiet_ms, drain_ms = spread(idle), spread(busy)
    return {
        "drain_s": round(found["drain_s"], 2),
        "live_quiet_ms": quiet_ms,
        "live_draining_ms": drain_ms,
        "ratio_p50": round(drain_ms["p50"] / quiet_ms["p50"], 2),
        "ratio_p95": round(drain_ms["p95"] / quiet_ms["p95"], 2),
        "server_cpu_s": round(found["server_cpu_s"], 2),
    }


def _given(give: Any) -> float:
    _pause.wait(PAUSE_S)
    return float(give())


@contextmanager
def _live(line: _Line) -> Iterator[Any]:
    """Gives a dose at the next of the live carts, and says after how many ms its receipt was there."""
    told: dict[str, queue.Queue[object]] = {cart: queue.Queue() for cart in LIVE}
    journals = {cart: Journal(line.folder / f"{cart}.sqlite", cart=cart) for cart in LIVE}
    uplinks = {cart: line.uplink(cart, journals[cart], told[cart]) for cart in LIVE}
    numbers = itertools.count()
    for cart in LIVE:
        uplinks[cart].start()
        _until(told[cart], lambda one: isinstance(one, LinkTold) and one.link is Link.ONLINE)

    def give() -> float:
        number = next(numbers)
        cart = LIVE[number % len(LIVE)]
        record = _of(cart, number)
        started = time.perf_counter()
        journals[cart].append(record, message_id=f"{cart}-{number}")
        uplinks[cart].wake()
        _until(told[cart], lambda one: isinstance(one, RecordMoved) and one.record_id == record.record_id)
        return (time.perf_counter() - started) * 1000

    try:
        yield give
    finally:
        for cart in LIVE:
            uplinks[cart].stop()
            journals[cart].close()


def _of(cart: str, number: int) -> AdministrationRecord:
    """A dose of this cart, far from any that is due to be drained."""
    record = replace(_dose(number), cart=cart)
    later = timedelta(days=APART // PATIENTS)
    return replace(
        record,
        due=record.due + later if record.due is not None else None,
        effective_at=record.effective_at + later,
        recorded_at=record.recorded_at + later,
        scans=tuple(replace(scan, at=scan.at + later) for scan in record.scans),
    )


def _serve(line: _Line, url: str, ready: Event, stop: Event, told: Any) -> None:
    """The server's process: its gateway and its database."""
    logging.disable(logging.ERROR)
    app = bare_app(config_for(url, line.folder))
    gateway = Gateway(
        MqttConfig(host=line.host, port=line.port, username=SERVER, password=line.passwords[SERVER]),
        facility=FACILITY,
        key=line.signing,
        site=Site(),
        lifetime=timedelta(hours=24),
        version="benchmark",
        scope=app.app_context,
    )
    gateway.start()
    while not gateway.state.connected and not stop.wait(0.05):
        pass
    ready.set()
    began = time.process_time()
    stop.wait()
    told.put(("server_cpu_s", time.process_time() - began))
    told.put(("recorded", gateway.state.recorded))
    gateway.stop()


def _come_back(line: _Line, queued: int, filled: Event, go: Event, drained: Event, told: Any) -> None:
    """The process of the cart that was away: fills its journal, comes back when it is told to, and says how long it took."""
    logging.disable(logging.ERROR)
    journal = Journal(line.folder / f"{BACK}.sqlite", cart=BACK)
    for number in range(queued):
        journal.append(_dose(number), message_id=f"{BACK}-{number}")
    filled.set()
    if not go.wait(_LONGEST_S):
        return
    inbox: queue.Queue[object] = queue.Queue()
    uplink = line.uplink(BACK, journal, inbox)
    started = time.monotonic()
    uplink.start()
    deadline, received = started + _LONGEST_S, 0
    while received < queued and time.monotonic() < deadline:
        try:
            received += isinstance(inbox.get(timeout=1.0), RecordMoved)
        except queue.Empty:
            continue
    took_s = time.monotonic() - started
    assert journal.unsent_count() == 0
    told.put(("drain_s", took_s))
    drained.set()
    uplink.stop()
    journal.close()


def table(result: dict[str, Any]) -> str:
    lines = [f"{'broker':<11}{'live doses':<16}{'count':>6}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}"]
    for kind, found in result["brokers"].items():
        for name in ("live_quiet_ms", "live_draining_ms"):
            row = found[name]
            words = name.removeprefix("live_").removesuffix("_ms")
            lines.append(f"{kind:<11}{words:<16}{row['count']:>6}{row['p50']:>9.1f}{row['p95']:>9.1f}{row['max']:>9.1f}")
        lines.append(
            f"{kind:<11}{result['queued']} records drained in {found['drain_s']} s; live doses cost {found['ratio_p50']} times the quiet "
            f"at the median, {found['ratio_p95']} times at p95; {found['server_cpu_s']} s CPU of the server"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run("--quick" in sys.argv)))
