"""A bag's number: random, and no slip of the keys makes another bag of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.usecases import bag_label

ALL = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_the_check_character_is_that_of_the_standard() -> None:
    """ISO/IEC 7064, MOD 37,36, with the example of the Global Release Identifier standard."""
    assert bag_label.check_character("A12425GABC1234002") == "M"


def test_numbers_are_valid_and_never_the_same() -> None:
    drawn = [bag_label.new_id() for _ in range(2000)]
    assert len(set(drawn)) == len(drawn)
    assert all(bag_label.is_valid(one) for one in drawn)


@given(st.data())
def test_every_single_slip_in_a_bags_number_is_found(data: st.DataObject) -> None:
    bag = bag_label.new_id()
    place = data.draw(st.integers(0, len(bag) - 1))
    wrong = data.draw(st.sampled_from([one for one in ALL if one != bag[place]]))
    assert not bag_label.is_valid(bag[:place] + wrong + bag[place + 1 :])


def test_hardly_any_swap_of_two_neighbours_goes_unseen() -> None:
    seen = missed = 0
    for _ in range(1000):
        bag = bag_label.new_id()
        for place in range(len(bag) - 1):
            if bag[place] != bag[place + 1]:
                seen += 1
                missed += bag_label.is_valid(bag[:place] + bag[place + 1] + bag[place] + bag[place + 2 :])
    assert missed < seen / 200


@pytest.mark.parametrize("text", ["", "BAG", "BAG7", "8018893600000000000125", "BAG" + "2" * 11, "bag", "BAGÂÂÂÂÂÂÂÂÂÂÂÂ"])
def test_what_is_no_number_of_a_bag_is_none(text: str) -> None:
    assert not bag_label.is_valid(text)
