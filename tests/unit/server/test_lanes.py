"""Whose turn it is at the server's end of MQTT."""

from __future__ import annotations

import queue
import threading

import pytest

from server.mqtt.lanes import Lanes


def taken(lanes: Lanes[str], count: int) -> list[str]:
    return [lanes.get(timeout_s=0.0) for _ in range(count)]


def test_a_cart_that_comes_back_with_a_shift_keeps_nobody_waiting() -> None:
    lanes: Lanes[str] = Lanes()
    for number in range(1000):
        lanes.put(f"c1-{number}", "c1")
    assert taken(lanes, 2) == ["c1-0", "c1-1"]
    lanes.put("c2-0", "c2")
    assert taken(lanes, 2) == ["c2-0", "c1-2"]


def test_the_messages_of_one_cart_keep_their_order_and_none_is_lost_or_doubled() -> None:
    lanes: Lanes[str] = Lanes()
    for number in range(7):
        for cart in ("c1", "c2", "c3"):
            if number % (int(cart[1])) == 0:
                lanes.put(f"{cart}-{number}", cart)
    found = taken(lanes, 7 + 4 + 3)
    for cart in ("c1", "c2", "c3"):
        of_cart = [int(each.split("-")[1]) for each in found if each.startswith(cart)]
        assert of_cart == sorted(set(of_cart))
    assert len(set(found)) == 14
    with pytest.raises(queue.Empty):
        lanes.get(timeout_s=0.0)


def test_a_cart_that_always_has_one_new_message_does_not_starve_the_one_with_many() -> None:
    lanes: Lanes[str] = Lanes()
    for number in range(10):
        lanes.put(f"c1-{number}", "c1")
    found = []
    for number in range(20):
        lanes.put(f"c2-{number}", "c2")
        found.append(lanes.get(timeout_s=0.0))
    assert sum(each.startswith("c1") for each in found) == 10


def test_two_that_wait_take_turns() -> None:
    lanes: Lanes[str] = Lanes()
    for number in range(3):
        for cart in ("c1", "c2"):
            lanes.put(f"{cart}-{number}", cart)
    assert taken(lanes, 6) == ["c1-0", "c2-0", "c1-1", "c2-1", "c1-2", "c2-2"]


def test_what_comes_while_somebody_waits_is_handed_over() -> None:
    lanes: Lanes[str] = Lanes()
    other = threading.Timer(0.01, lanes.put, ("c1-0", "c1"))
    other.start()
    assert lanes.get(timeout_s=10.0) == "c1-0"
    other.join()


def test_nothing_in_time_is_said() -> None:
    with pytest.raises(queue.Empty):
        Lanes[str]().get(timeout_s=0.001)
