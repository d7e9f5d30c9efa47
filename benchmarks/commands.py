"""From the press to the confirmed answer of a command: usecase, gateway, broker, the real cart program and back into the database.

Run `python -m benchmarks commands [--quick]`. Real Mosquitto and NATS, a real SQLite database with fsync, the cart program as a process of
its own with its bridge and a simulated microcontroller on a pseudo-terminal. `lock` is one exchange with the microcontroller, `locate`
two. The answer counts when it is committed.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from benchmarks.measure import save, spread
from server.usecases.cart_commands import State
from tests.support.brokers import KINDS
from tests.support.commanded_cart import Yard, a_yard

TARGET_MS = 300.0
NAMES = ("locate", "lock")


def run(quick: bool = False) -> dict[str, Any]:
    """{"brokers": {"nats": {"locate": {...}, ...}}}: times in ms, `within` whether every median is under `target_ms`."""
    rounds = 15 if quick else 100
    logging.disable(logging.ERROR)
    result: dict[str, Any] = {"rounds": rounds, "target_ms": TARGET_MS, "quick": quick, "brokers": {}}
    for kind in KINDS:
        with a_yard(kind) as yard:
            result["brokers"][kind] = {name: spread(_measured(yard, name, rounds)) for name in NAMES}
    medians = [times["p50"] for told in result["brokers"].values() for times in told.values()]
    result["within"] = max(medians) < TARGET_MS
    save("commands", result)
    return result


def _measured(yard: Yard, name: str, rounds: int) -> list[float]:
    params = {"lasts_s": 0} if name == "locate" else {}
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        done = yard.ended(yard.ask(name, **params))
        assert done.state == State.DONE, done
        times.append((time.perf_counter() - began) * 1000)
    return times


def table(result: dict[str, Any]) -> str:
    lines = [f"{'broker':<10} {'command':<9} {'median':>9} {'p95':>9} {'worst':>9}   ms, of {result['rounds']} each"]
    for kind, told in result["brokers"].items():
        for name, times in told.items():
            lines.append(f"{kind:<10} {name:<9} {times['p50']:>9.1f} {times['p95']:>9.1f} {times['max']:>9.1f}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run(quick="--quick" in sys.argv)))
