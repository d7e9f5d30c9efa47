"""Verdicts a second: the whole engine on one dose alone, in a ward of 24 patients with 150 orders and three days of history, and on a
patient with 40 orders and 30 days of history, among 24 and 240 patients and with a year of history.

Run `python -m benchmarks.verdicts [--quick]`. The floor is the standard library reading the same facts from JSON, in the same run:
a verdict that costs less than that never is what a nurse waits for. CPU of one core. "new chart": the first verdict on facts that the
engine never saw, which sorts them once; "again": each further one on the same chart, as at every scan and tap.
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
from pointofcare.products import Product
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import Level
from pointofcare.wire import values
from tests.support.builders import NOW, a_neighbour, a_patient, a_product, an_entry, an_ingredient, an_order, facts, local

PATIENTS, ORDERS, PRODUCTS, ENTRIES = 24, 150, 40, 300
COURSE_ORDERS, COURSE_DAYS, YEAR_DAYS = 40, 30, 365
GOAL_MS = 1.0
DUE = local("08:00:00")


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
    result = {"rows": rows, **_courses(budget_s), "quick": quick}
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


def course(days: int = COURSE_DAYS, patients: int = 1) -> Facts:
    """One patient with 40 orders twice a day, all of them given for so many days; the other patients have 10 orders and 2 days each."""
    began = NOW - timedelta(days=500)
    products = (a_product(), *(_product(number) for number in range(COURSE_ORDERS - 1)))
    orders = [an_order(start=began)]
    orders += [an_order("5 mg", id=f"Y{number}", ingredient=f"drug {number}", start=began) for number in range(COURSE_ORDERS - 1)]
    history = [
        an_entry(
            order=order.id, product=products[place].id, dose=order.dose, due=due, at=due + timedelta(minutes=place % 30),
            record_id=f"R{day}-{place}-{due.hour}", action="give",
        )
        for day in range(1, days + 1)
        for place, order in enumerate(orders)
        for due in (DUE - timedelta(days=day), DUE - timedelta(days=day, hours=-12))
    ]  # fmt: skip
    people = [a_patient(), a_neighbour()]
    for number in range(patients - 1):
        people.append(a_neighbour(id=f"Q{number}", mrn=f"25-{number:06}", bands=()))
        for drug in range(10):
            order = an_order("5 mg", id=f"Z{number}-{drug}", patient=f"Q{number}", ingredient=f"drug {drug}", start=began)
            orders.append(order)
            history += [
                an_entry(order=order.id, patient=order.patient, product=f"X{drug}", due=due, at=due, record_id=f"R{order.id}-{due.day}")
                for due in (DUE - timedelta(days=1), DUE - timedelta(days=2))
            ]
    return facts(patients=tuple(people), products=products, orders=tuple(orders), history=tuple(history))


def _product(number: int) -> Product:
    return a_product(id=f"X{number}", gtin=f"{number:014}", ingredients=(an_ingredient(f"drug {number}", "5 mg"),))


def _courses(budget_s: float) -> dict[str, Any]:
    """{"courses": rows, "growth": how many times the plain course's median each costs}."""
    cases = {"course": (COURSE_DAYS, 1), "ward of 24": (COURSE_DAYS, 24), "ward of 240": (COURSE_DAYS, 240), "a year": (YEAR_DAYS, 1)}
    kept = {name: course(*case) for name, case in cases.items()}
    texts = {name: values.written(values.to_plain(case)).decode() for name, case in kept.items()}
    again: dict[str, list[float]] = {name: [] for name in kept}
    fresh: dict[str, list[float]] = {name: [] for name in kept}
    floor: dict[str, list[float]] = {name: [] for name in kept}
    until, turn = time.monotonic() + 3 * budget_s, 0
    while time.monotonic() < until or turn < 5:
        turn += 1
        for name, case in kept.items():  # in turn, so that what else the machine does falls on all alike
            new = _copied(case, turn)
            fresh[name].append(_cpu_ms(lambda new=new: engine.evaluate(new)))
            for tick in range(8):
                later = replace(new, at=new.at + timedelta(microseconds=tick))
                again[name].append(_cpu_ms(lambda later=later: engine.evaluate(later)))
            if turn % 4 == 1:
                floor[name].append(_cpu_ms(lambda name=name: json.loads(texts[name])))
    rows = [
        {
            "case": name,
            "orders": len(case.orders),
            "entries": len(case.history),
            "facts_bytes": len(texts[name]),
            "level": engine.evaluate(case).level.name,
            "again_ms": spread(again[name]),
            "new_chart_ms": spread(fresh[name]),
            "read_json_ms": spread(floor[name]),
        }
        for name, case in kept.items()
    ]
    growth = {name: ratio(again[name], again["course"]) for name in kept if name != "course"}
    return {"courses": rows, "growth": growth, "goal_ms": GOAL_MS, "goal_met": rows[0]["again_ms"]["p50"] < GOAL_MS}


def _copied(case: Facts, turn: int) -> Facts:
    """The same facts in objects that nobody has seen."""
    return replace(
        case,
        at=case.at + timedelta(milliseconds=turn),
        patients=(*case.patients[:1], *case.patients[1:]),
        products=(*case.products[:1], *case.products[1:]),
        orders=(*case.orders[:1], *case.orders[1:]),
        history=(*case.history[:1], *case.history[1:]),
    )


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
    lines += ["", f"{'case':<13}{'orders':>7}{'entries':>9}{'again p50':>11}{'p95':>8}{'new chart':>11}{'json p50':>10}"]
    for row in result["courses"]:
        again, fresh, floor = row["again_ms"], row["new_chart_ms"], row["read_json_ms"]
        lines.append(
            f"{row['case']:<13}{row['orders']:>7}{row['entries']:>9}{again['p50']:>11.3f}{again['p95']:>8.3f}{fresh['p50']:>11.3f}"
            f"{floor['p50']:>10.3f}"
        )
    lines.append("against the course alone: " + ", ".join(f"{name} {times:.2f} times" for name, times in result["growth"].items()))
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run("--quick" in sys.argv)))
