"""From the prescriber's commit to the nurse's screen: an order is changed while the patient is open at a cart.

Run `python -m benchmarks.bedside_change [--quick]`. Real NATS and Mosquitto, a real database, journal and chart; the server's gateway,
the cart and its kiosk's pages are in this one process. "Screen" is when the page that asks every 400 ms, as the kiosk's does, has it.
The floor, measured in turn with it on the same broker: a bare MQTT round trip at QoS 1.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.measure import ratio, save, spread
from benchmarks.receipt import OTHER, _round_trips
from cart_client import inbox
from pointofcare.quantity import Quantity
from server.store.transaction import transaction
from server.usecases import orders
from tests.support import web
from tests.support.bedside_line import Cart, due_now, line, ready
from tests.support.brokers import KINDS
from tests.support.server_ward import PRESCRIBER

PAGE_ASKS_EVERY_S = 0.4
DOSES = ("250 mg", "500 mg")
_WAIT_S = 20.0
_pause = threading.Event()


def run(quick: bool = False) -> dict[str, Any]:
    """{"changes": n, "brokers": {"nats": {...}}}: times in ms, and how many bare round trips a change costs until the loop has it."""
    changes = 8 if quick else 20
    logging.disable(logging.ERROR)
    result: dict[str, Any] = {"changes": changes, "quick": quick, "brokers": {}}
    for kind in KINDS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            folder = Path(name)
            with web.ward_app(folder, verified=True) as app, app.app_context():
                ready()
                with line(kind, folder, app, others=(OTHER,)) as far, _round_trips(far.broker, far.passwords) as round_trip:
                    result["brokers"][kind] = _measure(far.carts["c1"], changes, round_trip)
    save("bedside_change", result)
    return result


def _measure(cart: Cart, changes: int, round_trip: Any) -> dict[str, Any]:
    loop: list[float] = []
    screen: list[float] = []
    bare: list[float] = []
    order, draw = due_now(101, "P1"), random.Random(7)
    cart.sign_in()
    cart.open()
    for number in range(changes):
        changed = replace(order, dose=Quantity.parse(DOSES[number % 2]))
        version = number + 1
        _pause.wait(draw.uniform(0.0, 0.6))  # at any moment between two looks of the server
        started = time.perf_counter()
        with transaction(PRESCRIBER) as tx:
            orders.amend(tx, PRESCRIBER, changed, version=version, reason=f"reason {number}")
        cart.until(lambda view, reason=f"reason {number}": any(each.reason == reason for each in view.changes), within_s=_WAIT_S)
        loop.append((time.perf_counter() - started) * 1000)
        # A page that looked just before sees it at its next look: the worst of all pages, which no nurse waits longer than.
        _pause.wait(PAGE_ASKS_EVERY_S)
        assert f"reason {number}" in cart.words("en")
        screen.append((time.perf_counter() - started) * 1000)
        assert cart.press(inbox.ReadChanges) == ""
        bare.append(round_trip(number))
    return {
        "change_to_loop_ms": spread(loop),
        "change_to_screen_ms": spread(screen),
        "bare_round_trip_ms": spread(bare),
        "ratio": ratio(loop, bare),
        "under_2_s": sum(each < 2000 for each in screen),
    }


def table(result: dict[str, Any]) -> str:
    lines = [f"{'broker':<11}{'':<22}{'count':>6}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'ratio':>8}"]
    for kind, found in result["brokers"].items():
        for name in ("change_to_loop_ms", "change_to_screen_ms", "bare_round_trip_ms"):
            row = found[name]
            times = f"{row['count']:>6}{row['p50']:>9.1f}{row['p95']:>9.1f}{row['max']:>9.1f}"
            lines.append(f"{kind:<11}{name.removesuffix('_ms'):<22}{times}" + (f"{found['ratio']:>8.1f}" if "loop" in name else ""))
        lines.append(f"{kind:<11}under 2 s: {found['under_2_s']} of {result['changes']}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run("--quick" in sys.argv)))
