"""When the same symbol before the camera is one scan, and when it is another unit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cart_client.scanning import GONE_AFTER, GONE_FRAMES, Held, step
from pointofcare.labels.symbol import Symbol

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
FRAME = timedelta(milliseconds=100)
PACK = Symbol(identifier="]d2", content=b"0108936000000011")
OTHER = Symbol(identifier="]d2", content=b"010893600000001121S2")


def fresh_in(frames: list[list[Symbol]]) -> list[Symbol]:
    held, found = Held(), []
    for number, symbols in enumerate(frames):
        held, fresh = step(held, symbols, AT + number * FRAME)
        found.extend(fresh)
    return found


def test_a_pack_held_for_long_is_one_scan() -> None:
    assert fresh_in([[PACK]] * 200) == [PACK]


def test_a_shaking_hand_is_still_one_scan() -> None:
    assert fresh_in([[PACK], [], [], [PACK], [], [PACK], [], [], [], [PACK]]) == [PACK]


def test_a_pack_that_left_the_picture_is_a_new_unit() -> None:
    away = max(GONE_FRAMES, int(GONE_AFTER / FRAME)) + 2
    assert fresh_in([[PACK], *[[]] * away, [PACK]]) == [PACK, PACK]


def test_two_serial_numbers_are_two_units_at_once() -> None:
    assert fresh_in([[PACK, OTHER], [PACK, OTHER]]) == [PACK, OTHER]


def test_the_same_code_twice_in_one_picture_is_one_scan() -> None:
    twin = Symbol(identifier=PACK.identifier, content=PACK.content, outline=((0, 0), (9, 0), (9, 9), (0, 9)))
    assert len(fresh_in([[PACK, twin]])) == 1


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_never_more_scans_than_times_it_came_into_the_picture(shown: list[bool]) -> None:
    frames = [[PACK] if here else [] for here in shown]
    entered = sum(1 for before, now in zip([False, *shown], shown, strict=False) if now and not before)
    assert len(fresh_in(frames)) <= entered
