"""What is wrong with a camera: noticed within two seconds, and never because of one picture. By a clock of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cart_client.scanning import Fault, faults
from cart_client.scanning.faults import Standing, of_picture, settle
from devices.ports import Frame, Measured

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
WELL = Measured(width=1280, height=720, light=110, spread=40)


def picture(*, unchanged_s: float | None = 0.0, rate_hz: float | None = 30.0) -> Frame:
    return Frame(image=np.zeros((2, 2, 3), np.uint8), number=1, taken_at=AT, unchanged_s=unchanged_s, rate_hz=rate_hz)


def measured(**other: float) -> Measured:
    return Measured(**{"width": 1280, "height": 720, "light": 110, "spread": 40, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frame", "seen", "wanted", "expected"),
    [
        (picture(), WELL, (1280, 720), None),
        (picture(unchanged_s=1.4), WELL, None, None),
        (picture(unchanged_s=1.5), WELL, None, Fault.FROZEN),
        (picture(unchanged_s=None), WELL, None, None),
        (picture(), measured(light=4, spread=2), None, Fault.BLACK),
        (picture(unchanged_s=9.0), measured(light=0, spread=0), None, Fault.BLACK),
        (picture(), measured(light=11, spread=20), None, None),  # a dim room, no cover
        (picture(), measured(width=640, height=480), (1280, 720), Fault.WRONG_SIZE),
        (picture(), measured(width=640, height=480), None, None),
        (picture(), measured(width=320, height=240), None, Fault.WRONG_SIZE),
        (picture(rate_hz=2.0), WELL, None, Fault.SLOW),
        (picture(rate_hz=None), WELL, None, None),
    ],
)
def test_what_one_picture_shows(frame: Frame, seen: Measured, wanted: tuple[int, int] | None, expected: Fault | None) -> None:
    assert of_picture(frame, seen, wanted) == expected


def told_after_s(seen: Fault, *, step_s: float = 0.1) -> float:
    """How long after the first picture with it a fault is told."""
    standing = settle(Standing(), None, 0.0, AT)
    for number in range(40):
        standing = settle(standing, seen, 1 + number * step_s, AT)
        if standing.fault is seen:
            return number * step_s
    raise AssertionError("never told")


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_is_told_within_two_seconds(fault: Fault) -> None:
    before = {Fault.FROZEN: faults.FROZEN_S, Fault.NO_PICTURE: faults.SILENT_S, Fault.SLOW: 1.0}.get(fault, 0.0)
    assert before + told_after_s(fault) <= 2.0


def test_a_hand_that_passes_over_the_lens_is_no_fault() -> None:
    standing = Standing()
    for number in range(9):
        standing = settle(standing, Fault.BLACK, number * 0.1, AT)
    standing = settle(standing, None, 0.9, AT)
    for number in range(10, 30):
        standing = settle(standing, None, number * 0.1, AT)
        assert standing.fault is None


def test_a_fault_does_not_come_and_go_with_each_picture() -> None:
    standing, told = Standing(), []
    for number in range(100):
        standing = settle(standing, Fault.BLACK if number >= 20 and number % 3 else None, number * 0.1, AT)
        told.append(standing.fault)
    assert set(told) == {None}
    for number in range(100, 150):
        standing = settle(standing, Fault.BLACK, number * 0.1, AT)
    for number in range(150, 200):
        standing = settle(standing, None if number % 3 else Fault.BLACK, number * 0.1, AT)
        assert standing.fault is Fault.BLACK


def test_it_is_told_since_when() -> None:
    standing = Standing()
    for number in range(20):
        standing = settle(standing, Fault.BLACK, number * 0.1, AT + timedelta(seconds=number * 0.1))
    assert standing.since == AT
    frozen = settle(Standing(), Fault.FROZEN, 5.0, AT)
    assert frozen.since == AT - timedelta(seconds=faults.FROZEN_S)


def test_the_first_picture_ends_the_absence_of_pictures_whatever_it_shows() -> None:
    standing = settle(Standing(), Fault.NO_PICTURE, 0.0, AT)
    assert standing.fault is Fault.NO_PICTURE
    assert settle(standing, Fault.BLACK, 3.0, AT).fault is None
    assert settle(standing, None, 3.0, AT).fault is None
