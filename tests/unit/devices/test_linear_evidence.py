"""What the picture supports of a linear code, and what no check digit could have refused."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.decoders import code128, linear_evidence, zbar, zxing
from devices.decoders.second_look import believed, confirms
from pointofcare.labels.symbol import Symbol
from simulation import corpus, frames

# Frames on which zxing-cpp, or zbar, reads another number with a right check digit; found among 2 500.
MISLEADING = (213, 1733, 1845, 1922, 2174, 2189)
KINDS = ("carton", "unit-dose", "mrn-band", "bag")


def _misleading(seed: int) -> tuple[corpus.Sample, np.ndarray]:
    rng = random.Random(seed)
    sample = corpus.draw(KINDS[seed % 4], seed)
    image = frames.frame_with(sample.image, seed, difficulty=rng.uniform(0.3, 1), fill=rng.uniform(0.22, 0.6))
    return sample, cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


@pytest.mark.parametrize("seed", MISLEADING)
def test_a_misread_with_a_right_check_digit_is_not_believed(seed: int) -> None:
    sample, grey = _misleading(seed)
    read = [*zxing.linear_symbols(grey), *zbar.symbols(grey)]
    assert {symbol.content for symbol in believed(grey, read)} <= {sample.content}


def test_the_misleading_frames_do_mislead_a_reader() -> None:
    wrong = 0
    for seed in MISLEADING:
        sample, grey = _misleading(seed)
        wrong += any(symbol.content != sample.content for symbol in [*zxing.linear_symbols(grey), *zbar.symbols(grey)])
    assert wrong >= 1


def test_right_codes_are_believed_and_their_neighbours_never() -> None:
    rng = random.Random(4)
    right = believed_right = 0
    for seed in range(12):
        sample = corpus.draw("unit-dose", seed)
        image = frames.frame_with(sample.image, seed, difficulty=(seed % 6) / 8)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        for symbol in zxing.linear_symbols(grey):
            right += 1
            believed_right += confirms(grey, symbol)
            for _ in range(2):
                body = [int(digit) for digit in symbol.content.decode()[:12]]
                place = rng.randrange(1, 12)
                body[place] = (body[place] + rng.randrange(1, 10)) % 10
                check = -sum(digit * (3 if index % 2 else 1) for index, digit in enumerate(body)) % 10
                other = "".join(str(digit) for digit in (*body, check))
                assert not linear_evidence.supports_ean13(grey, symbol.outline, other)
    assert right >= 9
    assert believed_right >= right * 0.95


def test_the_same_digits_with_and_without_fnc1_are_told_apart() -> None:
    sample = corpus.draw("carton", 3)
    grey = cv2.cvtColor(frames.frame_with(sample.image, 3, difficulty=0.1), cv2.COLOR_BGR2GRAY)
    (symbol,) = zxing.linear_symbols(grey)
    assert confirms(grey, symbol)
    assert not confirms(grey, Symbol(identifier="]C0", content=symbol.content, outline=symbol.outline))


@pytest.mark.parametrize("digits", ["893600000001", "89360000000111", "", "89360000000x1"])
def test_what_is_no_ean_is_refused(digits: str) -> None:
    corners = ((10, 10), (200, 10), (200, 60), (10, 60))
    grey = np.full((100, 300), 255, np.uint8)
    assert not confirms(grey, Symbol(identifier="]E0", content=digits.encode(), outline=corners))


@settings(max_examples=40)
@given(text=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=24))
def test_code_128_is_understood_as_its_writer_wrote_it(text: str) -> None:
    row = np.array(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128).to_image(add_quiet_zones=False))[0] < 128
    dark = "".join("1" if module else "0" for module in row)
    places = range(0, len(dark) - code128.STOP_MODULES, code128.WIDTH_MODULES)
    codewords = [code128.PATTERNS.index(dark[place : place + code128.WIDTH_MODULES]) for place in places]
    assert code128.says(codewords) == code128.Row(content=text.encode(), gs1=False)
    codewords[-1] = (codewords[-1] + 1) % 103
    assert code128.says(codewords) is None


@settings(max_examples=200)
@given(codewords=st.lists(st.integers(0, 106), max_size=12))
def test_no_row_of_characters_breaks_it(codewords: list[int]) -> None:
    said = code128.says(codewords)
    assert said is None or isinstance(said.content, bytes)


def test_every_pattern_is_different() -> None:
    assert len(set(code128.PATTERNS)) == 107
    assert {len(pattern) for pattern in code128.PATTERNS} == {code128.WIDTH_MODULES}
