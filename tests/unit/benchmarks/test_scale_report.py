"""The report of the scale benchmark says what was measured, growth and broken bars with it, and leaves the page around it alone."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scale import report


def a_result(**at_the_largest: Any) -> dict[str, Any]:
    def row(people: int, **changes: Any) -> dict[str, Any]:
        one = {"sql_max": 3, "cpu_ms": 2.0, "database_cpu_ms": 0.5, "instructions": 8_000_000}
        works = {name: dict(one) for name in report.NAMES}
        works["record_dose"] |= changes
        return {"people": people, "facilities": 1, "orders": 9, "filled_s": 1.0, "database_mb": 5, "works": works}

    machine = {"cpus": 2, "cpu": "one", "memory_mb": 1024, "python": "3.11", "load_1m": 0.1}
    return {"at": "2026-11-22T00:00:00+00:00", "quick": False, "machine": machine, "sizes": [row(50), row(10_000, **at_the_largest)]}


def test_growth_is_told_by_instructions_and_by_time_where_none_were_counted() -> None:
    result = a_result(instructions=12_000_000)
    assert report.growth(result["sizes"], "record_dose", result["sizes"][1]) == 1.5
    del result["sizes"][0]["works"]["record_dose"]["instructions"]
    assert report.growth(result["sizes"], "record_dose", result["sizes"][1]) == 1.0
    assert "| recording a dose | 10,000 | 3 | 12.00 | 2.00 | 0.50 | 1.5 | 1.00 |" in report.table(result)


def test_a_broken_bar_is_said_and_never_left_out() -> None:
    said = report.verdicts(a_result(sql_max=6, instructions=11_000_000))
    assert "| recording a dose: SQL | at most 5 | 6 | **no** |" in said
    assert "| recording a dose: instructions | at most 10 M | 11.00 M | **no** |" in said
    assert "| recording a dose: growth | at most 1.1 times | 1.38 times | **no** |" in said
    assert "| a patient's chart: SQL | at most 3 | 3 | yes |" in said


def test_the_page_around_the_figures_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "performance.md"
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "PLOT", tmp_path / "plot.svg")
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    report.write(a_result())
    report.write(a_result())
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{report.BEGIN}\nMeasured 2026-11-22")
    assert text.endswith(f"{report.END}\nafter\n")
    assert "old" not in text
    assert text.count("| recording a dose | 50 |") == 1
    assert ElementTree.fromstring((tmp_path / "plot.svg").read_text(encoding="utf-8")).tag.endswith("svg")
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="lacks"):
        report.write(a_result())
    assert page.read_text(encoding="utf-8") == "no marks"
