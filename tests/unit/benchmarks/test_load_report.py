"""The report of the load benchmark says what was measured and what was asked, and leaves out what was not measured."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scale import load_report


def doses(**changes: Any) -> dict[str, Any]:
    times = {"receipt_p50_ms": 20.4, "receipt_p95_ms": 40.0, "receipt_p99_ms": 60.0, "chart_p50_ms": 500.0, "chart_p99_ms": 900.0}
    return {"doses": 180, "charted": 180, **times, **changes}


def a_result(**parts: Any) -> dict[str, Any]:
    machine = {"cpus": 2, "cpu": "one", "memory_mb": 1024, "python": "3.11", "load_1m": 0.1}
    return {"at": "2026-11-23T00:00:00+00:00", "people": 100_000, "quick": False, "machine": machine, **parts}


CARTS = [
    {"carts": count, "doses_a_minute": 180, "server_cpu_s_a_minute": 7.5, "server_rss_mb": 200.0, "messages_down": 9, **doses()}
    for count in (50, 500)
]
DAY = {
    "speed": 5.0,
    "doses_a_minute_mean": 180,
    "server_cpu_ms_a_dose": 11.0,
    "took_s": 288.0,
    **doses(),
    "hours": [{"hour": hour, "doses_a_minute": 100 + hour, **doses(receipt_p99_ms=60.0 - hour)} for hour in range(24)],
}


def shift(p99_ms: float) -> dict[str, Any]:
    busy = {**doses(receipt_p99_ms=p99_ms), "sign_in_s": {"p50": 1.0, "max": 2.5}, "all_s": 12.0}
    of_each = {"sign_ins": 60, "desks": 6, "changes": 3, "worst_receipt_p99_ms": p99_ms + 10}
    return {"idle": doses(), "busy": busy, "times_idle": round(p99_ms / 60.0, 2), **of_each}


def test_what_is_over_is_said_and_what_was_not_measured_is_left_out() -> None:
    said = load_report.text(a_result(shift=shift(200.0)))
    assert "Measured: 3.33 times. Met: **no**. The worst change alone: 210 ms." in said
    assert "| 3 times 60 people at 6 desks | 180 | 20 / 40 / 200 | 500 / 900 | 1.00 / 2.50 | 12.0 |" in said
    assert "carts" not in said
    assert "Met: yes." in load_report.text(a_result(shift=shift(100.0)))


def test_a_fleet_and_a_day_are_told_with_a_plot_each() -> None:
    result = a_result(carts=CARTS, day=DAY)
    said = load_report.text(result)
    assert "| 500 | 180 | 180 | 20 / 40 / 60 | 500 / 900 | 7.5 | 200 |" in said
    assert "| busiest hour (23:00) | 123 |" in said
    assert "| slowest hour (0:00) | 100 |" in said
    plots = load_report.plots(result)
    assert set(plots) == {load_report.CARTS_PLOT, load_report.DAY_PLOT}
    for drawn in plots.values():
        assert ElementTree.fromstring(drawn).tag.endswith("svg")


def test_the_page_around_the_figures_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "performance.md"
    monkeypatch.setattr(load_report, "PAGE", page)
    monkeypatch.setattr(load_report, "CARTS_PLOT", tmp_path / "carts.svg")
    page.write_text(f"before\n{load_report.BEGIN}\nold\n{load_report.END}\nafter\n", encoding="utf-8")
    load_report.write(a_result(carts=CARTS))
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{load_report.BEGIN}\nMeasured 2026-11-23 with 100,000 people")
    assert text.endswith(f"{load_report.END}\nafter\n")
    assert "old" not in text
    assert (tmp_path / "carts.svg").exists()
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="lacks"):
        load_report.write(a_result(carts=CARTS))
    assert page.read_text(encoding="utf-8") == "no marks"
