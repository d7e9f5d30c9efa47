"""Memory of the real programs: cart, server and broker after their start, and after doses, beside a bare Flask program.

Run `python -m benchmarks.memory [--quick]`. One whole hospital is started; a virtual nurse gives doses at the cart, and the server gets
many more records over the broker. PSS counts a page that two processes share by halves; RSS counts it whole. The floor is
a process that serves one Flask page with waitress and has done so once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from benchmarks.measure import save
from pointofcare.wire import codec, routes
from simulation import hospital, ward
from tests.support import hospital_day
from tests.support.hospital_day import CART, HospitalDay, wait_until

SEED = 11
AT_ONCE = 20
_FLOOR = """
import flask
from waitress import create_server
app = flask.Flask("floor")
app.add_url_rule("/", view_func=lambda: "<p>floor</p>")
server = create_server(app, host="127.0.0.1", port=0, ident=None)
print(server.effective_port, flush=True)
server.run()
"""


def run(quick: bool = False) -> dict[str, Any]:
    """{"floor_mb", "rows": [...]}: a row a program and moment, with PSS, RSS and threads. Writes the results."""
    doses, records = (2, 100) if quick else (5, 400)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        running = hospital.start(Path(folder), seed=SEED, carts=(CART,), bridge=False, progress=lambda _text: None)
        day = HospitalDay(running)
        try:
            day.online()
            rows += _look(day, "after start")
            day.signed_in()
            record_id = ""
            for _ in range(doses):
                dose, record_id = day.give()
            day.arrived(dose, record_id)
            rows += _look(day, f"after {doses} doses")
            _flood(day, day.payload_of(record_id), records)
            rows += _look(day, f"after {records} more records")
        finally:
            day.stop()
    result = {"doses": doses, "records": records, "floor_mb": _floor_mb(), "rows": rows, "quick": quick}
    save("memory", result)
    return result


def _flood(day: HospitalDay, payload: bytes, records: int) -> None:
    """Records of other times, over the broker, as a cart that was long away sends them: so many at once, then the next."""
    known = day.messages()["recorded"]
    topic = routes.ADMINISTRATION.topic(facility=ward.FACILITY, cart=CART)
    for first in range(0, records, AT_ONCE):
        made = []
        for number in range(first, min(first + AT_ONCE, records)):
            message = hospital_day.rewritten(payload, record_id=str(uuid4()), order=None, due=None, earlier=timedelta(minutes=number + 1))
            made.append((topic, codec.encode(message)))
        known += day.publish(CART, made)
        wait_until(lambda wanted=known: day.messages()["recorded"] >= wanted, "every record at the server")  # type: ignore[misc]


def _look(day: HospitalDay, moment: str) -> list[dict[str, Any]]:
    pids = {"cart": day.child(CART).process.pid, "server": day.child("server").process.pid, "broker (NATS)": day.hospital.broker.pid}
    return [{"program": name, "moment": moment, **_memory(pid)} for name, pid in pids.items()]


def _memory(pid: int) -> dict[str, Any]:
    process = psutil.Process(pid)
    full = process.memory_full_info()
    return {"pss_mb": round(full.pss / 2**20, 1), "rss_mb": round(full.rss / 2**20, 1), "threads": process.num_threads()}


def _floor_mb() -> dict[str, Any]:
    child = subprocess.Popen([sys.executable, "-c", _FLOOR], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        port = int(child.stdout.readline())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            answer.read()
        return _memory(child.pid)
    finally:
        child.kill()
        child.wait(10)
        child.stdout.close()


def table(result: dict[str, Any]) -> str:
    floor = result["floor_mb"]
    lines = [f"{'program':<16}{'moment':<26}{'PSS MB':>8}{'RSS MB':>8}{'threads':>9}{'of floor':>10}"]
    lines.append(f"{'bare Flask':<16}{'floor':<26}{floor['pss_mb']:>8}{floor['rss_mb']:>8}{floor['threads']:>9}")
    for row in result["rows"]:
        sizes = f"{row['pss_mb']:>8}{row['rss_mb']:>8}{row['threads']:>9}{row['pss_mb'] / floor['pss_mb']:>10.1f}"
        lines.append(f"{row['program']:<16}{row['moment']:<26}{sizes}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run("--quick" in sys.argv)))
