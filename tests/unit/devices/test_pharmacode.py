"""A Pharmacode is compared with the number that is expected: it is there, or it is not, and no other number ever passes for it."""

from __future__ import annotations

import random
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import registry
from devices.decoders import pharmacode, regions
from simulation import labels
from simulation.scan_set import negative
from tests.support.camera_peers import a_frame

NUMBERS = st.integers(pharmacode.LEAST, pharmacode.MOST)


def _edges(number: int, *, narrow: float = 3.0, wide: float = 9.0, space: float = 6.0) -> Any:
    at, edges = 20.0, []
    for bar in pharmacode.bars(number):
        width = narrow if bar == "n" else wide
        edges.append((at, at + width))
        at += width + space
    return np.array(edges)


def _drawn(number: int, *, module_px: int = 4, height_px: int = 80, blur_px: float = 0.8, angle_deg: float = 0.0, seed: int = 1) -> Any:
    row = [255] * 14
    for bar in pharmacode.bars(number):
        row += [0] * (1 if bar == "n" else 3) + [255] * 2
    code = np.tile(np.repeat(np.array([*row, *[255] * 12], np.uint8), module_px), (height_px, 1))
    canvas: Any = np.full((720, 1280), 215.0, np.float32)
    top, left = (720 - height_px) // 2, (1280 - code.shape[1]) // 2
    canvas[top : top + height_px, left : left + code.shape[1]] = 40 + code * 0.68
    turn = cv2.getRotationMatrix2D((640, 360), angle_deg, 1.0)
    canvas = cv2.GaussianBlur(cv2.warpAffine(canvas, turn, (1280, 720), borderValue=215), (0, 0), blur_px)
    return np.clip(canvas + np.random.default_rng(seed).normal(0, 4, canvas.shape), 0, 255).astype(np.uint8)


@settings(max_examples=60)
@given(number=NUMBERS, other=NUMBERS)
def test_a_pharmacode_is_compared_and_never_read(number: int, other: int) -> None:
    edges = _edges(number)
    assert pharmacode.is_expected(edges, number) == (pharmacode.unfit(number) == "")
    if other != number:
        assert not pharmacode.is_expected(edges, other)


@pytest.mark.parametrize("ink", [-1.0, 1.0, 1.5])
def test_ink_that_has_spread_or_shrunk_changes_nothing(ink: float) -> None:
    assert pharmacode.is_expected(_edges(1234, narrow=3 + ink, wide=9 + ink, space=6 - ink), 1234)


def test_the_expected_number_is_found_in_a_picture_and_no_other_one() -> None:
    rng = random.Random(5)
    for seed in range(14):
        number = rng.randint(100, pharmacode.MOST)
        if pharmacode.unfit(number):
            continue
        angle_deg = rng.choice((0.0, 4.0, -9.0, 30.0))
        grey = _drawn(number, module_px=rng.choice((3, 5)), blur_px=rng.uniform(0.6, 1.6), angle_deg=angle_deg, seed=seed)
        assert pharmacode.shows(grey, number)
        for other in (
            number + 1,
            number - 1,
            number ^ 4,
            (number - 1) // 2,
            min(pharmacode.MOST, 2 * number + 1),
            rng.randint(100, 131070),
        ):
            assert other == number or not pharmacode.shows(grey, other)


def test_upside_down_it_is_not_the_expected_number_and_lying_down_it_is_none() -> None:
    number = 1234
    mirror = _mirror(number)
    assert mirror != number
    grey = _drawn(number, angle_deg=180.0)
    assert not pharmacode.shows(grey, number)
    assert pharmacode.shows(grey, mirror)
    for angle_deg in (90.0, -90.0):
        assert not pharmacode.shows(_drawn(number, angle_deg=angle_deg), number)


def _mirror(number: int) -> int:
    value = 0
    for bar in reversed(pharmacode.bars(number)):
        value = 2 * value + (2 if bar == "w" else 1)
    return value


def test_without_light_beside_it_a_row_of_bars_is_a_part_of_something() -> None:
    number = 1234
    grey = _drawn(number, module_px=5)
    dark = np.nonzero(grey[340:380].mean(axis=0) < 120)[0]
    for x in (int(dark[0]) - 14, int(dark[-1]) + 10):
        beside = grey.copy()
        beside[300:420, x : x + 5] = 45
        assert not pharmacode.shows(beside, number)


def test_bars_that_differ_across_their_height_are_none() -> None:
    grey = _drawn(1234, height_px=90)
    other = _drawn(1235, height_px=90)
    mixed = np.where(np.arange(720)[:, None] < 360, grey, other)
    assert not pharmacode.shows(mixed, 1234)
    assert not pharmacode.shows(mixed, 1235)


def _any(edges: Any) -> int | None:
    """The number that a row of bars would say, by the widest step between its widths: for the test alone."""
    widths = edges[:, 1] - edges[:, 0]
    if len(widths) > 16:
        return None
    order = np.sort(widths)
    step = int(np.argmax(order[1:] / order[:-1]))
    value = 0
    for width in widths:
        value = 2 * value + (2 if width > (order[step] + order[step + 1]) / 2 else 1)
    return value if pharmacode.LEAST <= value <= pharmacode.MOST and pharmacode.is_expected(edges, value) else None


def test_pictures_without_one_show_no_number_at_all() -> None:
    """Not some numbers tried: whatever any row of bars in them could say."""
    greys = [cv2.imdecode(np.frombuffer(negative.taken(41, number), np.uint8), cv2.IMREAD_GRAYSCALE) for number in range(34, 44)]
    for code in (
        labels.code128("BN00012345"),
        labels.gs1_128("(8018)893412345678901239"),
        labels.unit_dose("Paracetamol", "8936000000011"),
    ):
        greys.append(np.pad(np.asarray(code.convert("L")), 60, constant_values=225))
    for grey in greys:
        for region in regions.find(grey):
            for light in pharmacode._bands(grey, region):
                assert [number for row in pharmacode._rows_of_bars(light) if (number := _any(row)) is not None] == []


@pytest.mark.parametrize("number", [0, 2, 3, 17, 61, 126, 2**16 - 1, 131070, 131071, -5])
def test_numbers_that_stripes_say_too_are_never_confirmed(number: int) -> None:
    compared = registry.comparison()
    assert compared.unfit(number)
    if pharmacode.LEAST <= number <= pharmacode.MOST:
        grey = _drawn(number)
        assert not compared.shows(a_frame(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)), number)
