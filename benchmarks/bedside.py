"""What a nurse waits for at the cart: from a symbol to the verdict on the screen, and from "given" to the durable row and its page.

Run `python -m benchmarks.bedside [--quick]`: a ward of 24 patients and 150 orders on a real file system, with an encrypted journal. The
floors, in turns with it on the same disk: one durable INSERT of as many bytes in clear, one encrypted, and the journal's append alone.
Before each of them a page is drawn, as before a tap: what is done twice in a row finds everything in the processor's cache.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import ratio, save, spread
from cart_client import inbox, sealed
from cart_client.inbox import Answer, Asked
from cart_client.journal import Journal
from cart_client.scanning import Seen
from cart_client.web.app import create_app as create_kiosk
from pointofcare.orders.order import OrderCategory, Prn
from pointofcare.people import Band, BandStatus
from pointofcare.wire import codec
from pointofcare.wire.messages import TableKind
from tests.integration.test_cart_journal import a_record
from tests.support.cart_ward import AMOX, Stand, a_table, an_order, band, chart_body, issued, orders, pack, patients

PATIENTS, ORDERS = 24, 150
HELD_S = 20


def fill(stand: Stand) -> None:
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
    page_ms: list[float] = []
    behind_ms: list[float] = []
    was_ready = 0
    append_ms: list[float] = []
    encrypted_ms: list[float] = []
    bare_ms: list[float] = []
    cpu_ms: dict[str, list[float]] = {"scan": [], "confirm": []}
    with tempfile.TemporaryDirectory() as folder:
        stand = Stand(Path(folder))
        bare = _floor(Path(folder) / "bare.sqlite", None)
        encrypted = _floor(Path(folder) / "encrypted.sqlite", sealed.draw())
        journal = Journal(Path(folder) / "alone.sqlite", cart="alone", at_rest=sealed.draw())
        page = create_kiosk(
            view=lambda: stand.view, ask=lambda _command: Answer(done=True, notice=""), jpeg=lambda: None, names=stand.chart.names
        ).test_client()
        fill(stand)
        stand.sign_in()
        page.get("/part/main")  # the templates are compiled once
        for number in range(doses):
            stand.clock.pass_by(timedelta(seconds=10))
            stand.hold(band("P2"))
            stand.lease("P2")
            stand.clock.pass_by(timedelta(seconds=5))
            seen = Seen(symbol=pack(AMOX, lot=f"L{number}"), at=stand.clock.at)
            started, cpu = time.perf_counter(), time.thread_time()
            stand.bedside.handle(seen)
            verdict_ms.append((time.perf_counter() - started) * 1000)
            cpu_ms["scan"].append((time.thread_time() - cpu) * 1000)
            stand.bedside.rest()
            if stand.state == "awaiting-reason":
                stand.press(inbox.GiveReason, prn_reason="pain")
            if stand.state == "warned":
                stand.press(inbox.Acknowledge)
            if stand.state != "giving":
                stand.press(inbox.ClosePatient)
                continue
            stand.clock.pass_by(timedelta(seconds=HELD_S))  # on the way to the bed
            stand.put(inbox.Tick())
            was_ready += stand.bedside.visit.ready is not None
            view = stand.view
            tap = Asked(command=inbox.Confirm(moment=view.moment, record_id=view.session.record_id), answer=Future())
            stand.clock.pass_by(timedelta(seconds=0.4))
            started, cpu = time.perf_counter(), time.thread_time()
            stand.bedside.handle(tap)
            journalled_ms.append((time.perf_counter() - started) * 1000)
            cpu_ms["confirm"].append((time.thread_time() - cpu) * 1000)
            assert page.get("/part/main").status_code == 200
            page_ms.append((time.perf_counter() - started) * 1000)
            assert tap.answer.result(0).done
            assert stand.view.recorded[0].record.record_id == view.session.record_id
            started = time.perf_counter()
            stand.bedside.rest()
            behind_ms.append((time.perf_counter() - started) * 1000)
            record = a_record(f"alone-{number}")
            as_many = os.urandom(_row_bytes(stand.journal, view.session.record_id))
            for times, work in (
                (append_ms, lambda record=record: journal.append(record, message_id=record.record_id)),
                (encrypted_ms, lambda as_many=as_many: _insert(encrypted, as_many)),
                (bare_ms, lambda as_many=as_many: _insert(bare, as_many)),
            ):
                page.get("/part/main")
                times.append(_timed_ms(work))
        rows = stand.journal.last_seq()
        for each in (bare, encrypted, journal):
            each.close()
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
        "confirm_to_page_ms": spread(page_ms),
        "behind_the_answer_ms": spread(behind_ms),
        "made_ready": was_ready,
        "append_alone_ms": spread(append_ms),
        "encrypted_insert_ms": spread(encrypted_ms),
        "bare_insert_ms": spread(bare_ms),
        "ratio": ratio(journalled_ms, bare_ms),
        "page_ratio": ratio(page_ms, bare_ms),
        "append_ratio": ratio(append_ms, bare_ms),
        "encrypted_ratio": ratio(encrypted_ms, bare_ms),
        "quick": quick,
    }
    save("bedside", result)
    return result


def _timed_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _row_bytes(journal: Journal, record_id: str) -> int:
    entry = journal.entry(record_id)
    assert entry is not None
    return len(codec.encode(entry.message))


def _insert(floor: Any, payload: bytes) -> None:
    floor.execute("INSERT INTO floor (payload) VALUES (?)", (payload,))


def _floor(path: Path, key: sealed.Key | None) -> Any:
    floor = sealed.connect(path, key)
    floor.execute("PRAGMA journal_mode=WAL")
    floor.execute("PRAGMA synchronous=FULL")
    floor.execute("CREATE TABLE floor (id INTEGER PRIMARY KEY, payload BLOB)")
    return floor


def table(result: dict[str, Any]) -> str:
    lines = [f"bedside: {result['patients']} patients, {result['orders']} orders, {result['doses']} doses"]
    for name in (
        "scan_to_verdict_ms",
        "confirm_to_journalled_ms",
        "confirm_to_page_ms",
        "behind_the_answer_ms",
        "append_alone_ms",
        "encrypted_insert_ms",
        "bare_insert_ms",
        "scan_to_verdict_cpu_ms",
        "confirm_to_journalled_cpu_ms",
    ):
        lines.append(f"  {name:28} " + "  ".join(f"{key} {value}" for key, value in result[name].items()))
    lines.append(f"  made ready before the tap: {result['made_ready']} of {result['doses']}")
    lines.append(
        f"  against a bare durable insert: a confirm {result['ratio']}, with its page {result['page_ratio']}, the journal's append alone "
        f"{result['append_ratio']}, an encrypted insert {result['encrypted_ratio']}"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table(run("--quick" in sys.argv)) + "\n")
