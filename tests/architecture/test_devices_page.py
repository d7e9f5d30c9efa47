"""The page of devices says of every driver what there is, and of nothing else."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

from devices import registry

ROOT = Path(__file__).parents[2]
PORTS = {
    "camera": registry.CAMERAS,
    "scanner": registry.SCANNERS,
    "monitor": registry.MONITORS,
    "pump": registry.PUMPS,
    "distant camera": registry.DISTANT_CAMERAS,
    "decoder": registry.DECODERS,
    "comparison": registry.COMPARISONS,
    "gauge": registry.GAUGES,
    "picture": registry.PICTURES,
    "drawers": registry.DRAWERS,
}


def _rows() -> dict[tuple[str, str], list[str]]:
    text = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {(row[0], row[1].strip("`")): row for row in rows if row[0] in PORTS}


def _options(target: str) -> set[str]:
    module, _, name = target.partition(":")
    opener = getattr(importlib.import_module(module), name)
    return {each for each, what in inspect.signature(opener).parameters.items() if what.kind is inspect.Parameter.KEYWORD_ONLY}


def test_no_table_of_drivers_is_left_out() -> None:
    tables = {name for name, value in vars(registry).items() if name.isupper() and name != "INSTALL_HINTS" and isinstance(value, dict)}
    assert len(tables) == len(PORTS)


def test_every_driver_stands_on_the_page_with_its_options_and_nothing_else_does() -> None:
    drivers = {(port, kind): target for port, table in PORTS.items() for kind, target in table.items()}
    rows = _rows()
    assert set(rows) == set(drivers)
    told = {driver: set(re.findall(r"`(\w+)`", row[3])) for driver, row in rows.items()}
    assert told == {driver: _options(target) for driver, target in drivers.items()}


def test_every_simulator_and_test_that_the_page_names_is_there() -> None:
    for driver, row in _rows().items():
        tests = re.findall(r"`(tests/[^`]+)`", row[5])
        assert tests, driver
        named = [*tests, *re.findall(r"`([^`]+\.py)`", row[4])]
        assert all((ROOT / each).is_file() for each in named), driver
        assert driver[1] == "none" or len(named) > len(tests), driver
