"""Rendered labels and frames: true to their content, repeatable, different from seed to seed."""

from __future__ import annotations

import random

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation import corpus, frames, labels


@pytest.mark.parametrize("kind", sorted(corpus.KINDS))
def test_a_label_carries_what_it_says(kind: str) -> None:
    sample = corpus.draw(kind, 11)
    found = zxingcpp.read_barcodes(np.asarray(sample.image.convert("L")))
    assert [(one.symbology_identifier, bytes(one.bytes)) for one in found] == [(sample.identifier, sample.content)]


@settings(max_examples=50)
@given(seed=st.integers(0, 10**9), count=st.sampled_from([8, 13, 14, 18]))
def test_a_drawn_number_has_a_right_check_digit(seed: int, count: int) -> None:
    number = corpus.digits(random.Random(seed), count)
    assert len(number) == count
    assert sum(int(digit) * (1 if place % 2 == 0 else 3) for place, digit in enumerate(reversed(number))) % 10 == 0


def test_the_same_seed_is_the_same_frame_and_another_is_not() -> None:
    badge = labels.badge("Trần Văn An", "Điều dưỡng", "N0017")
    first, again, other = (frames.frame_with(badge, seed, size=(640, 360)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    later = frames.frame_with(badge, 1, moment=1, size=(640, 360))
    assert 0 < float(np.abs(first.astype(int) - later).mean()) < 25


def test_labels_are_drawn_without_the_system_fonts_too(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    labels._font.cache_clear()
    monkeypatch.setattr(labels, "FONT_FOLDER", tmp_path)
    assert corpus.draw("wristband", 1).image.size == (1180, 300)
    labels._font.cache_clear()


def test_a_pack_may_carry_a_wrong_check_digit_on_purpose() -> None:
    image = labels.unit_dose("Paracetamol 500 mg", "8936000000011")
    assert image.size == (820, 400)
    bad = labels.gs1_datamatrix("(01)08934567890120(10)A")
    assert [bytes(found.bytes) for found in zxingcpp.read_barcodes(np.asarray(bad))] == [b"010893456789012010A"]
