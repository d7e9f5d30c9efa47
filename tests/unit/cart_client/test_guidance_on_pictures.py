"""The advice that rendered labels get: far away, moving, in the dark, under a lamp; and nothing that could be read is thrown away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import pytest

from cart_client.scanning import Advice
from cart_client.scanning.guidance import MOVING, advise, is_hopeless
from devices import registry
from devices.ports import Frame, Measured
from simulation import corpus, frames

LABELS = [(kind, frames.frame_with(corpus.draw(kind, 0).image, 7, difficulty=0.1)) for kind in sorted(corpus.KINDS)][:5]


def measured(image: Any) -> Measured:
    gauge, frame = registry.gauge(), Frame(image=image, number=1, taken_at=datetime.now(UTC))
    return gauge.place(frame, gauge.light(frame))


def _far(kind: str, _image: Any) -> Any:
    return frames.frame_with(corpus.draw(kind, 0).image, 7, difficulty=0.1, fill=0.13)


def _moved(_kind: str, image: Any) -> Any:
    return cv2.GaussianBlur(image, (0, 0), 5)


def _dark(_kind: str, image: Any) -> Any:
    return (image * 0.08).astype(np.uint8)


def _under_a_lamp(_kind: str, image: Any) -> Any:
    place = measured(image).place
    assert place is not None
    spot = np.zeros(image.shape[:2], np.float32)
    middle = (place.x + place.width // 2, place.y + place.height // 2)
    cv2.circle(spot, middle, min(place.width, place.height) // 3, 500, -1)
    return np.clip(image + cv2.GaussianBlur(spot, (0, 0), 8)[..., None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("made", "advice"),
    [(_far, Advice.CLOSER), (_moved, Advice.HOLD_STILL), (_dark, Advice.MORE_LIGHT), (_under_a_lamp, Advice.TILT)],
    ids=["far", "moved", "dark", "glare"],
)
def test_most_labels_get_the_advice_that_helps(made: Callable[[str, Any], Any], advice: Advice) -> None:
    told = [advise(measured(made(kind, image)), ()) for kind, image in LABELS]
    assert told.count(advice) >= len(LABELS) - 1, told


def test_no_picture_that_a_reader_reads_is_left_unsearched() -> None:
    decoder = registry.decoder()
    for _kind, image in LABELS:
        for blur in (1.0, 2.5, 3.5):
            soft = cv2.GaussianBlur(image, (0, 0), blur)
            if decoder.decode(Frame(image=soft, number=1, taken_at=datetime.now(UTC))):
                assert not is_hopeless(replace(measured(soft), motion=MOVING + 1))
        dim = (image * 0.15).astype(np.uint8)
        if decoder.decode(Frame(image=dim, number=1, taken_at=datetime.now(UTC))):
            assert not is_hopeless(measured(dim))
