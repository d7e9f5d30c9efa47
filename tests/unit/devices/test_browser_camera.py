"""What a phone's browser may tell of its camera, and everything that it may not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import registry
from devices.ports import Told
from devices.scanners.browser import BURST, FRESH_S, LONGEST_BYTES, MOST_SYMBOLS, RATE_HZ, BrowserCamera
from pointofcare.errors import ConfigError, MessageError
from pointofcare.labels.symbol import Symbol

PAGE, OTHER = "a" * 24, "b" * 24
PACK = b"01089360000000111726013110A1\x1d21S7"


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


class Hand:
    """A browser, and a clock that only moves when told to."""

    def __init__(self) -> None:
        self.at_s = 100.0
        self.camera = BrowserCamera(mono_s=lambda: self.at_s)
        self.number = 0
        self.beat = ""

    def tell(self, *symbols: tuple[str, bytes], page: str = PAGE, **other: object) -> Told:
        self.number += 1
        self.at_s += 0.2
        listed = [[identifier, coded(content)] for identifier, content in symbols]
        told = self.camera.take({"page": page, "number": self.number, "beat": self.beat, "symbols": listed} | other)
        self.beat = told.beat or self.beat
        return told

    def begin(self) -> Hand:
        assert self.tell(symbols=None).why == "beat"
        return self


def test_a_symbol_keeps_its_identifier_and_its_separators() -> None:
    told = Hand().begin().tell(("]d2", PACK))
    assert told.sighting is not None
    assert told.sighting.symbols == (Symbol(identifier="]d2", content=PACK),)


def test_a_picture_without_symbols_is_a_sighting_and_a_sign_of_life_is_none() -> None:
    hand = Hand().begin()
    empty, alive = hand.tell(), hand.tell(symbols=None)
    assert empty.sighting is not None
    assert empty.sighting.symbols == ()
    assert (alive.sighting, alive.why) == (None, "")


@pytest.mark.parametrize("identifier", ["]C1", "]C0", "]E0", "]e0", "]I1", "", "d2", "]d7", "]d2x", "]Z9"])
def test_whatever_is_no_matrix_symbol_is_refused(identifier: str) -> None:
    hand = Hand().begin()
    with pytest.raises(MessageError):
        hand.tell((identifier, PACK))


def test_a_message_with_one_bad_symbol_counts_for_nothing() -> None:
    hand = Hand().begin()
    with pytest.raises(MessageError):
        hand.tell(("]d2", PACK), ("]C1", PACK))


def test_too_long_too_many_and_empty_are_refused() -> None:
    hand = Hand().begin()
    for wrong in (
        [["]d2", coded(b"1" * (LONGEST_BYTES + 1))]],
        [["]d2", "A" * 9_000]],
        [["]d2", ""]],
        [["]d2", "not base64!"]],
        [["]d2", coded(PACK)]] * (MOST_SYMBOLS + 1),
        [["]d2", PACK.decode("latin-1"), "more"]],
        [{"identifier": "]d2"}],
        "]d2",
        7,
    ):
        with pytest.raises(MessageError):
            hand.tell(symbols=wrong)
    longest = hand.tell(("]Q1", b"1" * LONGEST_BYTES))
    assert longest.sighting is not None


def test_a_message_of_another_form_is_refused() -> None:
    hand = Hand().begin()
    shapes: tuple[dict[str, object], ...] = ({"page": "short"}, {"page": "a b" * 10}, {"number": 0}, {"number": True}, {"number": "9"})
    more: tuple[dict[str, object], ...] = ({"number": 2**60}, {"beat": None}, {"at": "2026-03-01T08:00:00Z"}, {"verdict": "pass"})
    for wrong in (*shapes, *more):
        with pytest.raises(MessageError):
            hand.tell(("]d2", PACK), **wrong)


def test_a_message_that_comes_twice_counts_once() -> None:
    hand = Hand().begin()
    beat = hand.beat
    assert hand.tell(("]d2", PACK)).sighting is not None
    again = hand.tell(("]d2", PACK), number=hand.number, beat=beat)
    assert (again.sighting, again.why) == (None, "again")


def test_a_message_that_was_held_up_on_the_way_is_no_scan_of_now() -> None:
    hand = Hand().begin()
    hand.at_s += FRESH_S
    late = hand.tell(("]d2", PACK))
    assert (late.sighting, late.why) == (None, "beat")
    assert hand.tell(("]d2", PACK)).sighting is not None  # the answer brought a fresh one


def test_a_beat_that_nobody_gave_is_none() -> None:
    hand = Hand().begin()
    assert hand.tell(("]d2", PACK), beat="x" * 16).why == "beat"


def test_the_newest_page_counts_and_the_older_one_never_comes_back() -> None:
    hand = Hand().begin()
    assert hand.tell(("]d2", PACK), page=OTHER).sighting is not None
    for _ in range(3):
        older = hand.tell(("]d2", PACK), page=PAGE)
        assert (older.sighting, older.why) == (None, "elsewhere")
    assert hand.tell(("]d2", PACK), page=OTHER).sighting is not None


def test_a_flood_is_looked_at_no_more_often_than_a_camera_sees() -> None:
    hand = Hand().begin()
    taken = 0
    for _ in range(500):
        hand.at_s -= 0.2  # all at once
        taken += hand.tell(("]d2", PACK)).why != "too-often"
    assert taken <= BURST + 1
    hand.at_s += 1
    assert hand.tell(("]d2", PACK)).sighting is not None


def test_broken_messages_of_a_flood_are_counted_too() -> None:
    hand = Hand().begin()
    refused = 0
    for _ in range(200):
        hand.at_s -= 0.2
        try:
            refused += hand.tell(("]C1", PACK)).why == "too-often"
        except MessageError:
            continue
    assert refused >= 200 - BURST - RATE_HZ


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda each: st.lists(each, max_size=4), max_leaves=9))
def test_whatever_stands_for_symbols_is_taken_or_refused_and_never_breaks(symbols: object) -> None:
    hand = Hand().begin()
    try:
        told = hand.tell(symbols=symbols)
    except MessageError:
        return
    assert told.sighting is None or all(symbol.identifier[:2] in ("]d", "]Q") for symbol in told.sighting.symbols)


def test_a_distant_camera_is_named_like_every_device() -> None:
    assert registry.distant_camera().describe()
    with pytest.raises(ConfigError):
        registry.distant_camera("telepathy")
