"""Every world that two carts, one dose and one server can come to: none loses a dose, none doubles one unseen."""

from __future__ import annotations

import pytest

from tests.unit.protocol.one_dose import Bounds, Rules, explore


@pytest.mark.parametrize(
    "bounds",
    [Bounds(partitions=0, deaths=0, asks=2), Bounds(partitions=0, deaths=1), Bounds(partitions=1, deaths=0)],
    ids=["two-bands-a-cart", "deaths", "partitions"],
)
def test_no_world_loses_a_dose_or_doubles_one_unseen(bounds: Bounds) -> None:
    found = explore(Rules(), bounds)
    assert (found.fault, found.steps) == ("", ())
    assert found.worlds > 20_000  # the exploration did go on


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        (Rules(leases=False), "given twice, and nobody was asked for a reason"),
        (Rules(doubt=False), "given twice, and nobody was asked for a reason"),
        (Rules(settled_release=False), "given twice, and nobody was asked for a reason"),
        (Rules(chart_with_lease=False), "given twice, and nobody was asked for a reason"),
        (Rules(idempotent=False), "one record counts twice"),
        (Rules(journal_first=False), "a dose that was taken is not on record in the end"),
        (Rules(until_receipt=False), "a dose that was taken is not on record in the end"),
    ],
    ids=lambda value: repr(value) if isinstance(value, Rules) else "",
)
def test_each_guard_is_needed_and_the_exploration_finds_what_it_is_for(rules: Rules, wrong: str) -> None:
    quiet = rules.settled_release is False or rules.chart_with_lease is False  # no kill and no parting is needed to find these
    found = explore(rules, Bounds(partitions=0, deaths=0) if quiet else Bounds())
    assert found.fault == wrong
    assert found.steps
