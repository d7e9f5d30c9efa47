"""Each verdict of the open suite word for word: facts, parameters, sources, order, due and record, as a person read them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from pointofcare.scenario.file import Scenario
from tests.support import told
from tests.support.suite import every_scenario

SUITE = every_scenario()
KEPT: Mapping[str, list[str]] = json.loads(told.KEPT.read_text(encoding="utf-8"))


@pytest.mark.parametrize("scenario", SUITE, ids=lambda scenario: scenario.id)
def test_verdict_is_told_as_it_was_read(scenario: Scenario) -> None:
    assert told.lines(scenario) == KEPT[scenario.id], "read what is another now, and write it by `python -m tests.support.told`"


def test_what_is_kept_is_of_scenarios_that_are_there() -> None:
    assert set(KEPT) == {scenario.id for scenario in SUITE}
    assert len(SUITE) == len(KEPT)
