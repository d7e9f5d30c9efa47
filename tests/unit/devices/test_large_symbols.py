"""A QR code with more modules than an OpenCV map has rows: identity cards have such, and blurred ones are laid as a grid."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import cv2
import numpy as np

from devices.decoders import grid
from devices.decoders.cascade import CascadeDecoder
from devices.ports import Frame
from simulation.scan_set import negative


def test_a_grid_of_more_samples_than_a_map_takes_is_measured_all_the_same() -> None:
    seen = grid.Picture(layers=np.dstack([np.arange(90_000, dtype=np.float32).reshape(300, 300)] * 3))
    rng = np.random.default_rng(1)
    basis = rng.random((40_000, 6)).astype(np.float32)
    shape = (rng.random((6, 2)) * 40).astype(np.float32)
    values = grid._values(seen, basis, shape)
    assert values.shape == (40_000, 3)
    assert np.allclose(values[35_000:35_010], grid._values(seen, basis[35_000:35_010], shape))


def test_a_fabric_in_which_a_region_lies_outside_the_picture_breaks_nothing() -> None:
    image = cv2.imdecode(np.frombuffer(negative.taken(11, 94), np.uint8), cv2.IMREAD_COLOR)
    decoder = CascadeDecoder(budget_ms=400, clock=time.thread_time)
    for number in (950, 951, 952):
        assert decoder.decode(Frame(image=image, number=number, taken_at=datetime.now(UTC))) == []
