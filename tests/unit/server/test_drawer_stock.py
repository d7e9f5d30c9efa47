"""What should lie in a drawer, from its moves alone: the order of arrival never matters, and nobody's own taking counts against them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from server.store import stock
from server.store.stock import Move

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def move(kind: str, units: int, *, minutes: float = 0, drawer: int = 3, record: str | None = None, key: str = "") -> Move:
    at = NOW + timedelta(minutes=minutes)
    return Move(
        key=key or f"{kind}:{minutes}:{record}", cart="c1", drawer=drawer, product="M", kind=kind, units=Decimal(units), by="N1", at=at,
        record_id=record,
    )  # fmt: skip


def test_nobody_knows_what_lies_in_a_drawer_that_was_never_filled() -> None:
    assert stock.expected([move(stock.TAKEN, -1)], drawer=3, at=NOW) is None
    assert stock.expected([move(stock.FILL, 10, drawer=4)], drawer=3, at=NOW) is None


def test_what_was_taken_before_the_first_filling_does_not_count() -> None:
    found = [move(stock.TAKEN, -4, minutes=-60), move(stock.FILL, 10, minutes=-30), move(stock.TAKEN, -1, minutes=-5)]
    assert stock.expected(found, drawer=3, at=NOW) == 9


def test_a_move_of_an_unknown_drawer_counts_for_each() -> None:
    found = [move(stock.FILL, 10, minutes=-30), move(stock.FILL, 5, minutes=-30, drawer=4), move(stock.TAKEN, -1, drawer=0)]
    assert [stock.expected(found, drawer=drawer, at=NOW) for drawer in (3, 4)] == [9, 4]


def test_a_count_of_long_ago_is_what_later_ones_start_from() -> None:
    days = 24 * 60
    found = [
        move(stock.FILL, 10, minutes=-40 * days),
        move(stock.COUNTED, 8, minutes=-20 * days, record="r1"),
        move(stock.TAKEN, -1, minutes=-20 * days - 1, record="r1"),  # what that count's own dose took
        move(stock.TAKEN, -1, minutes=-days, record="r2"),
    ]
    assert stock.expected(found, drawer=3, at=NOW) == 6
    assert stock.expected(found, drawer=3, at=NOW - timedelta(days=20)) == 9  # seen from then, nothing was accepted yet


_MOVES = st.lists(
    st.builds(
        move,
        st.sampled_from([stock.FILL, stock.TAKEN, stock.RETURNED, stock.COUNTED]),
        st.integers(-5, 20),
        minutes=st.integers(-60 * 24 * 40, 60),
        drawer=st.sampled_from([0, 3, 4]),
        record=st.sampled_from([None, "r1", "r2"]),
    ),
    max_size=12,
)


@given(found=_MOVES, seed=st.randoms())
def test_the_order_in_which_moves_arrive_does_not_matter(found: list[Move], seed) -> None:  # type: ignore[no-untyped-def]
    unique = list({one.at: one for one in found}.values())
    shuffled = list(unique)
    seed.shuffle(shuffled)
    for without in (None, "r1"):
        assert stock.expected(unique, drawer=3, at=NOW, without=without) == stock.expected(shuffled, drawer=3, at=NOW, without=without)


@given(found=_MOVES)
def test_what_happens_later_never_changes_what_should_have_been_there(found: list[Move]) -> None:
    earlier = [one for one in found if one.at <= NOW]
    assert stock.expected(found, drawer=3, at=NOW) == stock.expected(earlier, drawer=3, at=NOW)
