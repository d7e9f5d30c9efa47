"""Verdicts a second: the whole engine on one dose alone, and in a ward of 24 patients with 150 orders and three days of history.

Run `python -m benchmarks.verdicts [--quick]`. The floor is the standard library reading the same facts from JSON, in the same run:
a verdict that costs less than that never is what a nurse waits for. CPU of one core.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from benchmarks.measure import ratio, save, spread
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import Level
from pointofcare.wire import values
from tests.support.builders import NOW, a_neighbour, a_patient, a_product, an_entry, an_ingredient, an_order, facts

PATIENTS, ORDERS, PRODUCTS, ENTRIES = 24, 150, 40, 300


def ward() -> Facts:
    """Of the scanned patient's dose everything is right; around it a whole ward."""
    others = tuple(a_neighbour(id=f"Q{number}", mrn=f"25-{number:06}", bands=()) for number in range(PATIENTS - 2))
    products = tuple(
        a_product(id=f"X{number}", gtin=f"{number:014}", ingredients=(an_ingredient(f"drug {number}", "5 mg"),))
        for number in range(PRODUCTS - 1)
    )
    orders = tuple(
        an_order("5 mg", id=f"Y{number}", patient=f"Q{number % (PATIENTS - 2)}", ingredient=f"drug {number % (PRODUCTS - 1)}")
        for number in range(ORDERS - 1)
    )
    history = tuple(
        an_entry(
            order=f"Y{number % (ORDERS - 1)}",
            patient=f"Q{number % (PATIENTS - 2)}",
            product=f"X{number % (PRODUCTS - 1)}",
            at=NOW - timedelta(minutes=13 * number + 150),
        )
        for number in range(ENTRIES)
    )
    return facts(
        patients=(a_patient(), a_neighbour(), *others),
        products=(a_product(), *products),
        orders=(an_order(), *orders),
        history=history,
    )


def run(quick: bool = False) -> dict[str, Any]:
    """{"rows": [...]}: for each case evaluations a second, their times and the ratio to the floor. Writes the results."""
    budget_s = 0.4 if quick else 4.0
    stopped = facts(scans=facts().scans[1:])
    rows = [_row(name, case, budget_s) for name, case in (("one dose", facts()), ("a stop", stopped), ("in a ward", ward()))]
    result = {"rows": rows, "quick": quick}
    save("verdicts", result)
    return result


def _row(name: str, case: Facts, budget_s: float) -> dict[str, Any]:
    text = values.written(values.to_plain(case)).decode()
    level = engine.evaluate(case).level
    assert (level is Level.STOP) == (name == "a stop"), f"{name}: {level.name}"
    ours: list[float] = []
    floor: list[float] = []
    until = time.monotonic() + budget_s
    while time.monotonic() < until:
        # Never the same object twice: nothing that somebody kept from last time may help.
        again = replace(case, at=case.at + timedelta(microseconds=len(ours)))
        ours.append(_cpu_ms(lambda again=again: engine.evaluate(again)))
        floor.append(_cpu_ms(lambda: json.loads(text)))
    return {
        "case": name,
        "level": level.name,
        "facts_bytes": len(text),
        "verdicts_per_s": round(1000 * len(ours) / sum(ours)),
        "verdict_ms": spread(ours),
        "read_json_ms": spread(floor),
        "ratio": ratio(ours, floor),
    }


def _cpu_ms(work: Callable[[], object]) -> float:
    started = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - started) / 1e6


def table(result: dict[str, Any]) -> str:
    lines = [f"{'case':<12}{'level':<7}{'facts':>8}{'a second':>10}{'p50 ms':>9}{'p95 ms':>9}{'json p50':>10}{'ratio':>7}"]
    for row in result["rows"]:
        ours, floor = row["verdict_ms"], row["read_json_ms"]
        lines.append(
            f"{row['case']:<12}{row['level']:<7}{row['facts_bytes']:>8}{row['verdicts_per_s']:>10}"
            f"{ours['p50']:>9.3f}{ours['p95']:>9.3f}{floor['p50']:>10.3f}{row['ratio']:>7.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run("--quick" in sys.argv)))
