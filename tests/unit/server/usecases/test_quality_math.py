"""Intervals, counted times, run charts and small groups, against values worked out elsewhere or by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.usecases import quality_math
from server.usecases.quality_math import TIME_CLASSES_S, Group


@pytest.mark.parametrize(
    ("n", "of", "low", "high"),
    [
        # Newcombe, Stat Med 1998, table I, method 3 (Wilson score).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # The mirror of the one above.
        (20, 20, 0.8389, 1.0000),
    ],
)
def test_intervals_are_wilsons(n: int, of: int, low: float, high: float) -> None:
    found = quality_math.wilson(n, of)
    assert found is not None
    assert found == pytest.approx((low, high), abs=5e-5)


def test_of_nothing_there_is_no_interval() -> None:
    assert quality_math.wilson(0, 0) is None


@given(of=st.integers(1, 10_000), data=st.data())
def test_an_interval_holds_its_share_and_stays_within_bounds(of: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, of))
    low, high = quality_math.wilson(n, of) or (1, 0)
    assert 0 <= low <= n / of <= high <= 1


def test_a_median_from_classes_is_exact_to_its_class() -> None:
    counts: dict[int, int] = {}
    for seconds in (4, 12, 12, 13, 25, 100):
        place = quality_math.time_class(seconds)
        counts[place] = counts.get(place, 0) + 1
    middle = quality_math.quantile(counts, 0.5)
    assert middle is not None
    assert 10 <= middle <= 15
    assert quality_math.quantile({}, 0.5) is None
    # What lies beyond the last class has no number that could be told.
    assert quality_math.quantile({len(TIME_CLASSES_S): 5}, 0.5) is None


def test_a_run_chart_calls_six_weeks_on_one_side_a_shift_and_five_rising_ones_a_trend() -> None:
    flat = [90.0, 92.0] * 4
    assert quality_math.signals([*flat, 90.0, 92.0]) == ()
    assert "shift-up" in quality_math.signals([*flat, 95.0, 96.0, 95.0, 96.0, 95.0, 96.0, 95.0, 96.0])
    assert quality_math.signals([*flat, 91.0, 90.0, 91.5, 92.5, 93.0, 94.0]) == ("trend-up",)
    # Too few points prove nothing, however they lie.
    assert quality_math.signals([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) == ()
    assert quality_math.signals([None, 1.0, None]) == ()


def people(count: int) -> frozenset[str]:
    return frozenset(f"n{number}" for number in range(count))


def test_groups_of_too_few_people_or_doses_are_not_shown() -> None:
    groups = [
        Group(events=100, people=people(9)),
        Group(events=19, people=people(9)),
        Group(events=90, people=people(4)),
        Group(events=0, people=frozenset()),
    ]
    assert quality_math.withheld(groups, fewest_people=5, fewest_events=20) == {1, 2}


def test_what_is_hidden_does_not_follow_from_the_total_less_what_is_shown() -> None:
    groups = [Group(events=100, people=people(9)), Group(events=7, people=people(2)), Group(events=40, people=people(6))]
    # Alone the second would be total less the others: so the smallest of these is hidden with it.
    assert quality_math.withheld(groups, fewest_people=5, fewest_events=20) == {1, 2}
    # Two hidden ones that together are large enough hide nothing more.
    pair = [
        Group(events=100, people=people(9)),
        Group(events=60, people=frozenset({"a", "b", "c"})),
        Group(events=60, people=frozenset({"d", "e"})),
    ]
    assert quality_math.withheld(pair, fewest_people=5, fewest_events=20) == {1, 2}


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=9))
def test_nothing_shown_is_small_and_no_hidden_rest_is(raw: list[tuple[int, int]]) -> None:
    groups = [Group(events=events, people=frozenset(f"{place}-{n}" for n in range(count))) for place, (events, count) in enumerate(raw)]
    hidden = quality_math.withheld(groups, fewest_people=5, fewest_events=20)
    shown = [group for place, group in enumerate(groups) if place not in hidden and group.events]
    assert all(group.events >= 20 and len(group.people) >= 5 for group in shown)
    if hidden and shown:
        assert sum(groups[place].events for place in hidden) >= 20
        assert len(frozenset().union(*(groups[place].people for place in hidden))) >= 5
