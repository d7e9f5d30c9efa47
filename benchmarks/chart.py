"""What it costs the server to make a ward's chart: reading it, writing it, signing it. Forty wards may want one at 08:00.

Run `python -m benchmarks.chart [--quick]`: 30 patients with 5 orders each and 900 recorded doses of the last three days, SQLite. The floor
is the standard library, which reads the chart's JSON, writes it again with sorted keys and deflates it.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import zlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from benchmarks.measure import save
from pointofcare.labels.scan import SiteProfile
from pointofcare.wire import tables as wire
from pointofcare.wire.messages import TableKind
from server.security import signing
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, orders, tables
from tests.support.databases import migrated_app
from tests.support.server_ward import DUE, NOW, PRESCRIBER, WARD, a_record, an_order, open_ward

PATIENTS, ORDERS, DOSES = 30, 5, 900
WARDS = 40


def run(quick: bool = False) -> dict[str, Any]:
    """{"read_ms", "write_ms", "sign_ms", "chart_ms", "floor_ms": CPU medians, "ratio", "wards_s": what `WARDS` such charts cost}."""
    rounds = 10 if quick else 60
    with tempfile.TemporaryDirectory() as name, migrated_app("sqlite", Path(name)):
        _fill()
        found = [_made(signing.SigningKey(key=OKPKey.generate_key("Ed25519"))) for _ in range(rounds + 2)][2:]
    read, write, sign, floor = (statistics.median(each[place] for each in found) for place in range(4))
    result = {
        "patients": PATIENTS,
        "orders": PATIENTS * ORDERS,
        "doses": DOSES,
        "bytes": found[0][4],
        "read_ms": round(read, 2),
        "write_ms": round(write, 2),
        "sign_ms": round(sign, 2),
        "chart_ms": round(read + write + sign, 2),
        "floor_ms": round(floor, 2),
        "ratio": round((read + write + sign) / floor, 2),
        "wards": WARDS,
        "wards_s": round(WARDS * (read + write + sign) / 1000, 2),
        "quick": quick,
    }
    save("chart", result)
    return result


def _fill() -> None:
    open_ward(patient_count=PATIENTS)
    with transaction(PRESCRIBER, at=NOW) as tx:
        for number in range(PATIENTS + 1, PATIENTS * ORDERS + 1):
            orders.place(tx, PRESCRIBER, an_order(number, patient=f"P{1 + number % PATIENTS}"))
    with transaction(Actor(id="gateway"), at=NOW) as tx:
        for number in range(DOSES):
            before = timedelta(minutes=4 * number)
            record = a_record(1 + number % PATIENTS, due=DUE - before, effective_at=NOW - before, recorded_at=NOW - before)
            administrations.record(tx, replace(record, cart=f"c{number % 4}"), reevaluate=False)


def _made(key: signing.SigningKey) -> tuple[float, float, float, float, int]:
    """CPU ms of reading, writing, signing and of the floor; bytes of the signed table."""
    began = time.process_time()
    with reading(at=NOW) as tx:
        table = tables.build(
            tx,
            WARD,
            TableKind.PATIENT_CHART,
            facility="h1",
            lifetime=timedelta(hours=24),
            timezone="Asia/Ho_Chi_Minh",
            site=SiteProfile(),
        )
    was_read = time.process_time()
    claims = wire.claims(table)
    was_written = time.process_time()
    issued = signing.sign_written(key, table, claims)
    was_signed = time.process_time()
    plain = zlib.decompress(claims)
    again = time.process_time()
    text = json.dumps(json.loads(plain), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert len(zlib.compress(text, 6)) == len(claims)
    floor = time.process_time() - again
    assert len(getattr(table.body, "history", ())) == DOSES
    steps = (was_read - began, was_written - was_read, was_signed - was_written, floor)
    return (*(1000 * step for step in steps), len(issued.jws))  # type: ignore[return-value]


def table(result: dict[str, Any]) -> str:
    return (
        f"a ward of {result['patients']} patients, {result['orders']} orders and {result['doses']} doses: {result['chart_ms']} ms CPU "
        f"(read {result['read_ms']}, write {result['write_ms']}, sign {result['sign_ms']}), {result['ratio']} times the standard library's "
        f"{result['floor_ms']} ms; {result['wards']} wards: {result['wards_s']} s; {result['bytes']} bytes signed"
    )


if __name__ == "__main__":
    print(table(run("--quick" in sys.argv)))
