"""Wilson's interval, found by another way: the shares that a score test at 5 % does not reject (Wilson 1927), by halving."""

from __future__ import annotations

from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.usecases import quality_math

Z = NormalDist().inv_cdf(0.975)


def is_possible(share: float, n: int, of: int) -> bool:
    """|n - of·p| ≤ z·sqrt(of·p·(1-p))"""
    return float((n - of * share) ** 2) <= Z * Z * of * share * (1 - share) + 1e-12


def end(inside: float, outside: float, n: int, of: int) -> float:
    for _ in range(80):
        middle = (inside + outside) / 2
        if is_possible(middle, n, of):
            inside = middle
        else:
            outside = middle
    return inside


@given(st.integers(1, 50_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_holds_exactly_the_shares_that_a_score_test_does_not_reject(counted: tuple[int, int]) -> None:
    n, of = counted
    found = quality_math.wilson(n, of)
    assert found is not None
    low, high = found
    assert 0.0 <= low <= n / of <= high <= 1.0
    # At the ends of the scale the score test never rejects the end itself.
    assert low == pytest.approx(0.0 if n == 0 else end(n / of, 0.0, n, of), abs=1e-6)
    assert high == pytest.approx(1.0 if n == of else end(n / of, 1.0, n, of), abs=1e-6)


def test_nothing_of_nothing_has_no_interval() -> None:
    assert quality_math.wilson(0, 0) is None
