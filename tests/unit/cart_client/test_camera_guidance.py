"""One advice for whoever holds a code: the right one, steady, and none where nobody holds anything."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cart_client.scanning import Advice
from cart_client.scanning.guidance import SHOWN_AFTER_S, STAYS_S, Shown, advise, is_hopeless, settle, towards_middle
from devices.ports import Measured, Place
from pointofcare.labels.symbol import Symbol

GOOD = Measured(
    width=1280,
    height=720,
    light=110,
    spread=40,
    motion=1.0,
    place=Place(x=500, y=260, width=240, height=220),
    sharpness=0.5,
    module_px=4.0,
    place_light=130,
)
PACK = Symbol(identifier="]d2", content=b"0108936000000011")
OTHER = Symbol(identifier="]d2", content=b"0108936000000028")
EAN = Symbol(identifier="]E0", content=b"8936000000011")


def like(**other: Any) -> Measured:
    return dataclasses.replace(GOOD, **other)


@pytest.mark.parametrize(
    ("measured", "advice"),
    [
        (GOOD, Advice.TURN),
        (like(light=5.0, place=None), Advice.MORE_LIGHT),
        (like(place_light=30.0), Advice.MORE_LIGHT),
        (like(glare=0.1), Advice.TILT),
        (like(place=Place(x=0, y=260, width=240, height=220)), Advice.MOVE),
        (like(place=Place(x=500, y=260, width=50, height=50)), Advice.CLOSER),
        (like(module_px=1.5), Advice.CLOSER),
        (like(motion=12.0), Advice.HOLD_STILL),
        (like(sharpness=0.03), Advice.HOLD_STILL),
        (like(module_px=None), Advice.HOLD_STILL),
        (like(place=None), None),
    ],
)
def test_what_would_help(measured: Measured, advice: Advice | None) -> None:
    assert advise(measured, ()) == advice


def test_what_was_read_needs_no_advice_and_two_different_codes_do() -> None:
    assert advise(like(place=None), (PACK,)) is None
    assert advise(GOOD, (PACK, OTHER)) is Advice.SHOW_ONE
    assert advise(GOOD, (PACK, PACK)) is None
    assert advise(GOOD, (PACK, EAN)) is None  # the pack's own two codes


@pytest.mark.parametrize(
    ("x", "y", "towards"),
    [(0, 260, (1, 0)), (1040, 260, (-1, 0)), (500, 0, (0, 1)), (500, 500, (0, -1)), (0, 500, (1, -1)), (500, 260, None)],
)
def test_a_code_that_the_rim_cuts_is_led_to_the_middle(x: int, y: int, towards: tuple[int, int] | None) -> None:
    assert towards_middle(like(place=Place(x=x, y=y, width=240, height=220))) == towards


def test_only_a_picture_that_no_reader_can_read_is_not_searched() -> None:
    assert is_hopeless(like(light=8.0, place=None))
    assert is_hopeless(like(motion=20.0, sharpness=0.001))
    assert not is_hopeless(like(motion=20.0, sharpness=0.05))
    assert not is_hopeless(like(sharpness=0.001))  # at rest it may be a soft lens: the reader has the last word
    assert not is_hopeless(GOOD)


def shown_over(wanted: list[Advice | None], *, step_s: float = 1 / 30) -> list[Advice | None]:
    shown, told = Shown(), []
    for number, each in enumerate(wanted):
        shown = settle(shown, each, number * step_s)
        told.append(shown.advice)
    return told


def test_words_do_not_flicker() -> None:
    told = shown_over([Advice.CLOSER if number % 2 else Advice.HOLD_STILL for number in range(90)])
    assert set(told) == {None}
    told = shown_over([*[Advice.CLOSER] * 20, *[Advice.CLOSER if number % 4 else None for number in range(90)]])
    assert [each for each in told if each is not None] == [Advice.CLOSER] * (len(told) - told.index(Advice.CLOSER))


def test_an_advice_comes_soon_stays_long_enough_to_be_read_and_goes() -> None:
    told = shown_over([*[Advice.CLOSER] * 15, *[Advice.TILT] * 60, *[None] * 60])
    first, changed = told.index(Advice.CLOSER), told.index(Advice.TILT)
    assert first / 30 <= SHOWN_AFTER_S + 0.05
    assert (changed - first) / 30 >= STAYS_S - 0.05
    assert told[-1] is None


def test_what_is_read_takes_the_advice_away_at_once() -> None:
    shown = Shown(advice=Advice.CLOSER, since_s=1.0, wanted=Advice.CLOSER, wanted_since_s=0.5)
    assert settle(shown, None, 1.1, is_read=True).advice is None
    assert settle(shown, None, 1.1).advice is Advice.CLOSER
