"""The scenarios of the suite, read once in a process: seven files of tests begin with them, and reading them takes a second."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pointofcare.scenario.file import Scenario, scenarios

SUITE = Path(__file__).parents[1] / "data" / "scenarios"


@cache
def every_scenario() -> tuple[Scenario, ...]:
    return tuple(each for path in sorted(SUITE.glob("*.json")) for each in scenarios(path.read_text(encoding="utf-8")))
