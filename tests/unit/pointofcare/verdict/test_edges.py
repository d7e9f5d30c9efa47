"""Edges at which a small fault of the engine was once not noticed: each is what the rule says at that very place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pointofcare.verdict import infusing
from pointofcare.verdict.engine import evaluate
from tests.support.builders import an_entry, facts, local


@pytest.mark.parametrize(("factor", "is_one"), [(None, False), (4, False), (5, True), (20, True), (100, True), (101, False)])
def test_drop_factor_is_of_a_set_that_is_made(factor: int | None, is_one: bool) -> None:
    assert infusing.is_drop_factor(factor) is is_one


def test_late_dose_charted_without_its_time_is_not_offered_again() -> None:
    at = local("10:45:00")
    asked = facts(at=at, history=(an_entry(at=at - timedelta(hours=1, minutes=15), record_id="R1"),))
    assert evaluate(asked).due == local("20:00:00")
    assert evaluate(replace(asked, history=())).due == local("08:00:00")
