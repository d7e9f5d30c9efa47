"""The slot between a camera thread and its reader: the newest picture, an honest end."""

from __future__ import annotations

import threading

import pytest

from devices.cameras.newest import Newest
from pointofcare.errors import DeviceUnavailableError


def test_only_the_newest_value_is_kept_and_given_once() -> None:
    slot: Newest[int] = Newest()
    for value in range(5):
        slot.put(value)
    assert slot.take(1) == 4
    with pytest.raises(TimeoutError):
        slot.take(0)


def test_an_end_wakes_the_one_who_waits() -> None:
    slot: Newest[int] = Newest()
    threading.Timer(0.02, slot.end).start()
    assert slot.take(10) is None
    assert slot.ended


def test_a_failure_is_raised_to_the_one_who_waits_and_the_first_end_counts() -> None:
    slot: Newest[int] = Newest()
    slot.end(DeviceUnavailableError("gone"))
    slot.end()
    with pytest.raises(DeviceUnavailableError):
        slot.take(1)


def test_after_a_close_no_old_picture_comes_out() -> None:
    slot: Newest[int] = Newest()
    slot.put(1)
    slot.end()
    assert slot.take(1) is None
