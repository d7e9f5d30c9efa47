"""Doses into a real EMR: how many a minute, whose time that is, and how long a dose that was recorded takes until it is there.

Run `python -m benchmarks.emr [--quick]`. The EMR is SEKMET, another project's FHIR R4 server, as a process of its own with a database of
its own. First an outbox of a thousand administrations of as many patients is emptied into it, by one worker and by two; then a real server
(`python -m server run`, NATS, SQLite with fsync) is idle and gets one dose at a time from a cart's uplink. The peer's share is the time
from the first byte of our request to the last of its answer, which is its own work and a loopback line.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.measure import save, spread
from benchmarks.receipt import CART, _dose, _until
from cart_client.chart import Chart
from cart_client.inbox import Link, LinkTold
from cart_client.journal import Journal
from cart_client.uplink import Uplink
from devices.broker import BrokerConfig
from server.app import bare_app
from server.config import load
from server.emr import forms
from server.emr.dispatcher import ACTOR, BATCH, Dispatcher
from server.emr.fhir import FhirEmr
from server.emr.forms import Form
from server.store import mapping_record, migrate, outbox
from server.store.transaction import reading, transaction
from simulation import emr_peer
from simulation.emr_peer import RunningEmr
from tests.support.brokers import FACILITY, SERVER, running_broker
from tests.support.cart_ward import PUBLIC, WARD
from tests.support.databases import migrated_app
from tests.support.emr import CONTEXT, SITE, an_administration
from tests.support.server_ward import open_ward

WANTED_A_MINUTE = 1_000
WANTED_LAG_S = 2.0
PATIENTS = 24
_WAIT_S = 30.0


def run(quick: bool = False) -> dict[str, Any]:
    """{"workers": {"1": {...}, "2": {...}}, "lag": {...}}."""
    logging.disable(logging.ERROR)  # the tables that a benchmark cannot sign
    count, doses = (100, 8) if quick else (1_000, 40)
    result: dict[str, Any] = {"administrations": count, "doses": doses, "database": "sqlite", "quick": quick, "workers": {}}
    for workers in (1, 2):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, emr_peer.start(Path(folder) / "emr") as peer:
            result["workers"][str(workers)] = _emptied(Path(folder), peer, count, workers)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, emr_peer.start(Path(folder) / "emr") as peer:
        result["lag"] = _lag(Path(folder), peer, doses)
    save("emr", result)
    return result


class _Timed:
    """What each part of the work took, in seconds of wall clock, over all workers."""

    def __init__(self) -> None:
        self.peer = self.build = self.gate = 0.0
        self.answers: list[float] = []
        self._guard = threading.Lock()

    def add(self, part: str, started: float) -> None:
        took = time.perf_counter() - started
        with self._guard:
            setattr(self, part, getattr(self, part) + took)
            if part == "peer":
                self.answers.append(took * 1000)

    def form(self) -> Form:
        def build(record: Any, context: Any) -> bytes:
            started = time.perf_counter()
            try:
                return forms.FHIR.build(record, context)
            finally:
                self.add("build", started)

        def problems(payload: bytes) -> tuple[str, ...]:
            started = time.perf_counter()
            try:
                return forms.FHIR.problems(payload)
            finally:
                self.add("gate", started)

        return replace(forms.FHIR, build=build, problems=problems)


class _TimedEmr(FhirEmr):
    """Counts the time of the requests alone, and not that of reading the answer."""

    def __init__(self, base_url: str, timed: _Timed) -> None:
        super().__init__(base_url, identifier_system=f"{SITE}/sid/administration")
        self._timed = timed
        send = self._http.send

        def counted(request: httpx.Request, **options: Any) -> httpx.Response:
            started = time.perf_counter()
            try:
                return send(request, **options)
            finally:
                timed.add("peer", started)

        self._http.send = counted  # type: ignore[method-assign]


def _emptied(folder: Path, peer: RunningEmr, count: int, workers: int) -> dict[str, Any]:
    timed = _Timed()
    with migrated_app("sqlite", folder) as app:
        with transaction(ACTOR) as tx:
            for number in range(count):
                record = an_administration(number, facility=tx.facility, patient=f"P{number}", mrn=f"24-{number:06}")
                document = mapping_record.to_document(record)
                outbox.put(tx, record_id=record.record_id, cart="c01", ordering_key=record.record_id, document=document)
        batch = BATCH if workers == 1 else 1
        emrs = [_TimedEmr(peer.base_url, timed) for _ in range(workers)]
        sending = [Dispatcher(emr, CONTEXT, scope=app.app_context, form=timed.form(), batch=batch) for emr in emrs]
        forms.FHIR.warm()
        for emr in emrs:
            emr.check()
        timed.peer, timed.answers = 0.0, []
        process = psutil.Process(peer.pid)
        ours, theirs, started = time.process_time(), sum(process.cpu_times()[:2]), time.perf_counter()
        threads = [threading.Thread(target=_drain, args=(dispatcher,)) for dispatcher in sending]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - started
        cpu = {"ours": time.process_time() - ours, "peer": sum(process.cpu_times()[:2]) - theirs}
        with reading() as tx:
            assert outbox.counts(tx).sent == count
        for emr in emrs:
            emr.close()
    held = httpx.get(f"{peer.base_url}/MedicationAdministration?_summary=count", trust_env=False, timeout=30).json()["total"]
    assert held == count, f"the EMR holds {held} of {count}"
    spent = took * workers
    return {
        "took_s": round(took, 2),
        "per_minute": round(count * 60 / took),
        "peer_share": round(timed.peer / spent, 3),
        "gate_share": round(timed.gate / spent, 3),
        "build_share": round(timed.build / spent, 3),
        "answer_ms": spread(timed.answers),
        "cpu_ms_each": {name: round(value * 1000 / count, 2) for name, value in cpu.items()},
        # How many a minute we could send to an EMR that answers at once.
        "per_minute_without_peer": round(count * 60 * workers / (spent - timed.peer)),
    }


def _drain(dispatcher: Dispatcher) -> None:
    while dispatcher.drain_once():
        pass


def _lag(folder: Path, peer: RunningEmr, doses: int) -> dict[str, Any]:
    with running_broker("nats", (CART,)) as (broker, passwords):
        settings = folder / "server.toml"
        settings.write_text(_settings(broker.host, broker.port, passwords[SERVER], peer.base_url), encoding="utf-8")
        app = bare_app(load(settings))
        with app.app_context():
            migrate.upgrade()
            open_ward(patient_count=PATIENTS)
        with _server(settings), _cart(folder, broker.host, broker.port, passwords[CART]) as (journal, uplink):
            whole, inside = [], []
            for number in range(doses + 1):
                record = _dose(number)
                confirmed = datetime.now(UTC)
                journal.append(record, message_id=f"m-{number}")
                uplink.wake()
                item = _settled(app.app_context, record.record_id)
                assert item.settled_at is not None
                if number:  # the first one waits for what is loaded once
                    whole.append((item.settled_at - confirmed).total_seconds())
                    inside.append((item.settled_at - item.created_at).total_seconds())
                time.sleep(0.3)  # idle again
    return {"confirmed_to_emr_s": spread(whole), "recorded_to_emr_s": spread(inside)}


def _settled(scope: Callable[[], Any], record_id: str) -> outbox.OutboxItem:
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        with scope(), reading() as tx:
            item = outbox.of_record(tx, record_id)
        if item is not None and item.state == outbox.SENT:
            return item
        time.sleep(0.01)
    raise TimeoutError(f"record {record_id} did not reach the EMR in {_WAIT_S:.0f} s")


def _settings(host: str, port: int, password: str, base_url: str) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        web = probe.getsockname()[1]
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    return f"""database_url = "sqlite:///server.sqlite"
facility = "{FACILITY}"
secret_key = "{"k" * 40}"
password_salt = "{"s" * 40}"
[http]
port = {web}
[mqtt]
host = "{host}"
port = {port}
username = "{SERVER}"
password = "{quoted}"
[emr]
target = "fhir"
base_url = "{base_url}"
"""


@contextmanager
def _server(settings: Path) -> Iterator[None]:
    from server.security import signing

    config = load(settings)
    signing.load_or_generate(config.signing_key)
    with (settings.parent / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "server", "run", "--config", str(settings)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    try:
        deadline = time.monotonic() + _WAIT_S
        while not _is_up(config.http.port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise TimeoutError((settings.parent / "server.log").read_text()[-2000:])
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _is_up(port: int) -> bool:
    try:
        told = httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=2).json()
    except (httpx.HTTPError, ValueError):
        return False
    return told.get("broker") == "connected"


@contextmanager
def _cart(folder: Path, host: str, port: int, password: str) -> Iterator[tuple[Journal, Uplink]]:
    told: queue.Queue[object] = queue.Queue()
    journal = Journal(folder / "journal.sqlite", cart=CART)
    uplink = Uplink(
        BrokerConfig(host=host, port=port, client_id=CART, username=CART, password=password),
        cart=CART,
        facility=FACILITY,
        ward=WARD,
        chart=Chart(folder / "chart.sqlite", facility=FACILITY, ward=WARD, key=PUBLIC),
        journal=journal,
        tell=told.put,
        versions={"app": "benchmark"},
    )
    uplink.start()
    try:
        _until(told, lambda one: isinstance(one, LinkTold) and one.link is Link.ONLINE)
        yield journal, uplink
    finally:
        uplink.stop()
        journal.close()


def table(result: dict[str, Any]) -> str:
    lines = [
        f"{'workers':<9}{'a minute':>9}{'took s':>8}{'EMR':>6}{'gate':>6}{'build':>6}{'answer p50 ms':>15}{'p95':>8}{'without EMR':>13}"
    ]
    for workers, found in result["workers"].items():
        shares = f"{found['peer_share']:>6.0%}{found['gate_share']:>6.0%}{found['build_share']:>6.0%}"
        answers = f"{found['answer_ms']['p50']:>15.1f}{found['answer_ms']['p95']:>8.1f}"
        lines.append(f"{workers:<9}{found['per_minute']:>9}{found['took_s']:>8.1f}{shares}{answers}{found['per_minute_without_peer']:>13}")
    lines.append("")
    for name, row in result["lag"].items():
        lines.append(
            f"{name.removesuffix('_s'):<20} p50 {row['p50']:.3f} s  p95 {row['p95']:.3f} s  max {row['max']:.3f} s  ({row['count']} doses)"
        )
    is_fast = result["workers"]["1"]["per_minute"] >= WANTED_A_MINUTE
    is_soon = result["lag"]["confirmed_to_emr_s"]["p50"] < WANTED_LAG_S
    wanted = f"{WANTED_A_MINUTE} a minute with one worker ({_yes(is_fast)}), median under {WANTED_LAG_S:.0f} s when idle ({_yes(is_soon)})"
    lines.append(f"wanted: {wanted}")
    return "\n".join(lines)


def _yes(kept: bool) -> str:
    return "yes" if kept else "NO"


if __name__ == "__main__":
    print(table(run("--quick" in sys.argv)))
