"""A stream: what was read in the picture before is looked for where it was, and nothing else is overlooked for that."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from devices.decoders import cascade, regions
from simulation import labels
from tests.support.camera_peers import a_frame

FIRST, SECOND = "(01)08934567890127(10)A1", "(01)08936000000110(10)B2"


def _picture(*placed: tuple[Any, int, int]) -> np.ndarray:
    """Codes on a table, each with its upper left corner."""
    canvas = np.full((720, 1280), 190, np.uint8)
    for code, left, top in placed:
        pixels = np.asarray(code.convert("L"))
        canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR)


class Stream:
    """A decoder, and how often it searched a whole picture."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decoder, self.number, self.searched = cascade.CascadeDecoder(budget_ms=10_000), 0, 0
        find = regions.find

        def counted(grey: Any, **options: Any) -> list[regions.Region]:
            self.searched += "side_px" in options  # the first search of a picture
            return find(grey, **options)

        monkeypatch.setattr(cascade.regions, "find", counted)

    def shows(self, picture: np.ndarray, *, later: int = 1) -> set[str]:
        self.number += later
        found = self.decoder.decode(a_frame(picture, number=self.number))
        return {symbol.content.decode().replace("\x1d", "") for symbol in found}


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    return Stream(monkeypatch)


@pytest.mark.parametrize(
    "code", [labels.gs1_datamatrix(FIRST, module_px=5), labels.gs1_128(FIRST, module_px=3), labels.gs1_datamatrix(FIRST, module_px=20)]
)
def test_what_is_held_still_enough_is_read_where_it_was_and_the_picture_is_searched_now_and_then(stream: Stream, code: Any) -> None:
    for step in range(7):
        assert stream.shows(_picture((code, 300 + 6 * step, 150 + 4 * step))) == {"010893456789012710A1"}
    assert stream.searched == 3


def test_another_label_at_the_same_place_is_read_in_the_picture_that_shows_it(stream: Stream) -> None:
    one, other = (labels.gs1_datamatrix(text, module_px=5) for text in (FIRST, SECOND))
    assert stream.shows(_picture((one, 500, 300))) == {"010893456789012710A1"}
    assert stream.shows(_picture((other, 500, 300))) == {"010893600000011010B2"}
    assert stream.shows(_picture()) == set()


def test_a_second_label_that_comes_into_view_is_seen_within_three_pictures(stream: Stream) -> None:
    one, other = (labels.gs1_datamatrix(text, module_px=5) for text in (FIRST, SECOND))
    stream.shows(_picture((one, 300, 300)))
    seen = [stream.shows(_picture((one, 300, 300), (other, 800, 300))) for _ in range(3)]
    assert seen[-1] == {"010893456789012710A1", "010893600000011010B2"}
    both = _picture((one, 305, 303), (other, 803, 305))
    assert stream.shows(both) == seen[-1]
    assert stream.searched == 2, "both are followed"
    assert stream.shows(_picture((other, 803, 305))) == {"010893600000011010B2"}


def test_a_picture_that_is_no_part_of_the_stream_is_searched_whole(stream: Stream) -> None:
    code = labels.gs1_datamatrix(FIRST, module_px=5)
    stream.shows(_picture((code, 300, 300)))
    stream.shows(_picture((code, 300, 300)), later=100)
    assert stream.searched == 2


def test_what_moved_far_is_found_again(stream: Stream) -> None:
    code = labels.gs1_datamatrix(FIRST, module_px=5)
    stream.shows(_picture((code, 100, 100)))
    assert stream.shows(_picture((code, 1000, 500))) == {"010893456789012710A1"}
    assert stream.searched == 2


def test_a_small_second_label_is_seen_within_three_pictures_though_the_hand_shakes(stream: Stream) -> None:
    """Nothing can be followed then: each picture is searched, and every third finely."""
    one, other = labels.gs1_datamatrix(FIRST, module_px=10), labels.gs1_datamatrix(SECOND, module_px=2)
    shaking = [(0, 0), (90, 40), (10, 120), (120, 0), (30, 80), (100, 110), (0, 30)]
    seen = [stream.shows(_picture((one, 300 + x, 200 + y), (other, 800 + x, 250 + y))) for x, y in shaking]
    both = {"010893456789012710A1", "010893600000011010B2"}
    assert any(each == both for each in seen[:3])
    assert any(each == both for each in seen[3:6])
