"""What a nurse waits for at the cart: from a symbol to the verdict on the screen, and from "given" to the durable row.

Run `python -m benchmarks.bedside [--quick]`: a ward of 24 patients and 150 orders on a real file system. The floor is one durable
INSERT of as many bytes on the same disk, in the same run.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import ratio, save, spread
from cart_client import inbox
from pointofcare.orders.order import OrderCategory, Prn
from pointofcare.people import Band, BandStatus
from pointofcare.wire.messages import TableKind
from tests.support.cart_ward import AMOX, Stand, a_table, an_order, band, chart_body, issued, orders, pack, patients

PATIENTS, ORDERS = 24, 150
RECORD_BYTES = 1200


def _ward(stand: Stand) -> None:
    """Fill the chart up to a whole ward around the two patients of the tests."""
    people = [
        *patients(),
        *(
            replace(
                patients()[1],
                id=f"Q{number}",
                mrn=f"25-{number:06}",
                bed=f"B{number:03}",
                bands=(Band(gsrn=f"8936000000001{number:05}", srin="1", status=BandStatus.ACTIVE),),
            )
            for number in range(PATIENTS - 2)
        ),
    ]
    extra = [
        an_order(f"X{number}", people[2 + number % (PATIENTS - 2)].id, "amoxicillin", "500 mg") for number in range(ORDERS - len(orders()))
    ]
    # On demand, so that dose after dose may be given; each later one is only warned of.
    on_demand = an_order("O4", "P2", "amoxicillin", "500 mg", category=OrderCategory.PRN, times=(), prn=Prn(reasons=("pain",)))
    kept = tuple(order for order in orders() if order.id != "O4")
    body = replace(chart_body((*kept, on_demand, *extra)), patients=tuple(people))
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, body, version=2)), stand.clock.at)


def run(quick: bool = False) -> dict[str, Any]:
    doses = 20 if quick else 200
    verdict_ms: list[float] = []
    journalled_ms: list[float] = []
    bare_ms: list[float] = []
    cpu_ms: dict[str, list[float]] = {"scan": [], "confirm": []}
    with tempfile.TemporaryDirectory() as folder:
        stand = Stand(Path(folder))
        floor = _floor(Path(folder))
        _ward(stand)
        stand.sign_in()
        for number in range(doses):
            stand.clock.pass_by(timedelta(seconds=10))
            stand.hold(band("P2"))
            stand.lease("P2")
            started, cpu = time.perf_counter(), time.thread_time()
            stand.hold(pack(AMOX, lot=f"L{number}"))
            verdict_ms.append((time.perf_counter() - started) * 1000)
            cpu_ms["scan"].append((time.thread_time() - cpu) * 1000)
            if stand.state == "awaiting-reason":
                stand.press(inbox.GiveReason, prn_reason="pain")
            if stand.state == "warned":
                stand.press(inbox.Acknowledge)
            if stand.state != "giving":
                stand.press(inbox.ClosePatient)
                continue
            started, cpu = time.perf_counter(), time.thread_time()
            stand.press(inbox.Confirm, record_id=stand.view.session.record_id)
            journalled_ms.append((time.perf_counter() - started) * 1000)
            cpu_ms["confirm"].append((time.thread_time() - cpu) * 1000)
            started = time.perf_counter()
            floor.execute("INSERT INTO floor (payload) VALUES (?)", (b"x" * RECORD_BYTES,))
            bare_ms.append((time.perf_counter() - started) * 1000)
        rows = stand.journal.last_seq()
        floor.close()
    result = {
        "benchmark": "bedside",
        "python": sys.version.split()[0],
        "patients": PATIENTS,
        "orders": ORDERS,
        "doses": doses,
        "rows": rows,
        "scan_to_verdict_ms": spread(verdict_ms),
        "confirm_to_journalled_ms": spread(journalled_ms),
        "scan_to_verdict_cpu_ms": spread(cpu_ms["scan"]),
        "confirm_to_journalled_cpu_ms": spread(cpu_ms["confirm"]),
        "bare_insert_ms": spread(bare_ms),
        "ratio": ratio(journalled_ms, bare_ms),
        "quick": quick,
    }
    save("bedside", result)
    return result


def _floor(folder: Path) -> sqlite3.Connection:
    floor = sqlite3.connect(folder / "floor.sqlite", isolation_level=None)
    floor.execute("PRAGMA journal_mode=WAL")
    floor.execute("PRAGMA synchronous=FULL")
    floor.execute("CREATE TABLE floor (id INTEGER PRIMARY KEY, payload BLOB)")
    return floor


def table(result: dict[str, Any]) -> str:
    lines = [f"bedside: {result['patients']} patients, {result['orders']} orders, {result['doses']} doses"]
    for name in (
        "scan_to_verdict_ms",
        "confirm_to_journalled_ms",
        "bare_insert_ms",
        "scan_to_verdict_cpu_ms",
        "confirm_to_journalled_cpu_ms",
    ):
        lines.append(f"  {name:28} " + "  ".join(f"{key} {value}" for key, value in result[name].items()))
    lines.append(f"  a confirm costs {result['ratio']} times a bare durable insert")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table(run("--quick" in sys.argv)) + "\n")
