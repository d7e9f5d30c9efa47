"""Orders that come in over HL7: kept, taken and answered one by one, beside a peer that only answers.

Run `python -m benchmarks.hl7_in [--quick]`. The listener is `pointofcare-server hl7 run` in a process of its own with SQLite, the sender
is this process, on loopback. Each message is a new order of one of 50 patients; the time is that from its first byte to its answer. The
floor is the `hl7` library's own server, which parses each message and says AA, in a process of its own.
"""

from __future__ import annotations

import asyncio
import multiprocessing as mp
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

from benchmarks.measure import ratio, save, spread
from server.app import bare_app
from server.feeds.hl7_intake import Intake
from server.feeds.hl7_listener import Listener
from server.feeds.hl7_settings import ListenerSettings
from server.store.database import db
from tests.support.databases import config_for, migrated_app
from tests.support.hl7_in import GENERAL, PID, ZONE, Line, adt, code, rde, stock

PATIENTS = 50
LINES = 4
_TICKS = os.sysconf("SC_CLK_TCK")


def run(quick: bool = False) -> dict[str, Any]:
    """{"orders", "rows"}: times in ms a message; `cpu_ms` is processor time of the listener, `peer_cpu_ms` that of the sender."""
    orders = 200 if quick else 1000
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, migrated_app("sqlite", Path(name)) as app:
        stock(app)
        url = db.engine.url.render_as_string(hide_password=False)
        db.engine.dispose()
        with _process(_answering) as (floor_port, floor_pid):
            floor, floor_row = _measured(floor_port, floor_pid, "answers only", orders, 1)
        with _process(_listening, url, name) as (port, pid):
            now = datetime.now(UTC)
            with Line(port) as line:
                for number in range(PATIENTS):
                    assert code(line.send(adt("A01", f"A{number}", pid=_patient(number), at=now - timedelta(hours=1)))) == "AA"
            one, one_row = _measured(port, pid, "one line", orders, 1)
            _, four_row = _measured(port, pid, f"{LINES} lines", orders, LINES)
    return {"orders": orders, "quick": quick, "rows": [floor_row, one_row, four_row], "ratio": ratio(one, floor)}


def table(result: dict[str, Any]) -> str:
    lines = [f"{result['orders']} orders over HL7 (MLLP, loopback), each kept, taken and answered; {result['ratio']} times a bare answer"]
    lines.append(f"{'':<14}{'a minute':>10}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'sender':>9}{'share of the sender':>21}")
    for row in result["rows"]:
        took = row["answer_ms"]
        lines.append(
            f"{row['name']:<14}{row['a_minute']:>10}{took['p50']:>9}{took['p95']:>9}{row['cpu_ms']:>9}{row['peer_cpu_ms']:>9}{row['peer_share']:>20.0%}"
        )
    return "\n".join(lines)


def _patient(number: int) -> str:
    return PID.replace("26-000123", f"26-1{number:05}").replace("079158000123^^^VN^NI", "")


def _measured(port: int, pid: int, name: str, orders: int, lines: int) -> tuple[list[float], dict[str, Any]]:
    now = datetime.now(UTC)
    key = name.replace(" ", "")
    payloads = [
        rde(f"{key}{number}", number=f"{key}-{number}", pid=_patient(number % PATIENTS), at=now, timing="TQ1|1||BID")
        for number in range(orders)
    ]
    times: list[list[float]] = [[] for _ in range(lines)]
    faults: list[str] = []

    def sender(place: int) -> None:
        with Line(port) as line:
            for payload in payloads[place::lines]:
                begun = time.perf_counter()
                answer = line.send(payload)
                times[place].append((time.perf_counter() - begun) * 1000)
                if code(answer) != "AA":
                    faults.append(answer.decode(errors="replace"))

    cpu, own, begun = _cpu_ms(pid), time.process_time(), time.perf_counter()
    threads = [threading.Thread(target=sender, args=(place,)) for place in range(lines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, own, cpu = time.perf_counter() - begun, (time.process_time() - own) * 1000, _cpu_ms(pid) - cpu
    assert not faults, faults[0]
    listed = [each for line in times for each in line]
    row = {
        "name": name,
        "a_minute": round(orders / took * 60),
        "answer_ms": spread(listed),
        "cpu_ms": round(cpu / orders, 2),
        "peer_cpu_ms": round(own / orders, 2),
        "peer_share": round(own / (own + cpu), 3),
    }
    return listed, row


def _cpu_ms(pid: int) -> float:
    """Processor time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS * 1000


@contextmanager
def _process(target: Any, *arguments: object) -> Iterator[tuple[int, int]]:
    """A process that says its port, and ends when it is told to."""
    context = mp.get_context("spawn")
    told: Any = context.Queue()
    ends = context.Event()
    child = context.Process(target=target, args=(told, ends, *arguments), daemon=True)
    child.start()
    try:
        yield told.get(timeout=60), child.pid or 0
    finally:
        ends.set()
        child.join(30)


def _listening(told: Any, ends: Any, url: str, folder: str) -> None:
    app = bare_app(config_for(url, Path(folder)))
    intake = Intake((GENERAL,), facility="bv1", timezone=ZONE, scope=app.app_context)

    async def serve() -> None:
        stop = asyncio.Event()
        waiting = asyncio.create_task(asyncio.to_thread(ends.wait))
        waiting.add_done_callback(lambda _: stop.set())
        await Listener(ListenerSettings(profiles=(GENERAL,), port=0), intake).serve(stop, told.put)

    asyncio.run(serve())


def _answering(told: Any, ends: Any) -> None:
    async def talk(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        try:
            while True:
                message = await reader.readmessage()
                control = str(message[0][10])
                writer.writemessage(hl7.parse(f"MSH|^~\\&|E|H|P|b|20260302||ACK|{control}|P|2.5.1\rMSA|AA|{control}\r"))
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    async def serve() -> None:
        server = await start_hl7_server(talk, "127.0.0.1", 0, encoding="utf-8")
        told.put(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(ends.wait)
        server.close()

    asyncio.run(serve())


def main() -> int:
    result = run("--quick" in sys.argv[1:])
    save("hl7_in", result)
    sys.stdout.write(table(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
