"""The schedule of faults: drawn from a seed, full of what has to happen, and doable."""

from __future__ import annotations

from collections import Counter

from simulation.chaos import faults, schedule
from simulation.chaos.crash_points import POINTS

CARTS = tuple(f"cart-{number:02d}" for number in range(1, 13))
PROGRAMS = {name: point.program for name, point in POINTS.items()}


def full(seed: int) -> tuple[schedule.Fault, ...]:
    return schedule.draw(seed, doses=10_000, faults=500, carts=CARTS, points=PROGRAMS)


def test_the_same_seed_draws_the_same_schedule_and_another_seed_another() -> None:
    assert full(7) == full(7)
    assert full(7) != full(8)


def test_a_full_run_has_every_kind_and_each_named_crash_point_often_enough_to_be_hit_twenty_times() -> None:
    drawn = full(7)
    assert len(drawn) == 500
    points = Counter(fault.point for fault in drawn if fault.kind == "crash")
    assert set(points) == set(POINTS)
    assert all(points[name] >= 22 for name in schedule.NAMED)
    assert {fault.kind for fault in drawn} >= {"kill-cart", "kill-server", "kill-broker", "kill-emr", "full-disk-cart", "clock-jump-cart"}


def test_faults_come_in_the_order_of_the_doses_and_none_after_the_last() -> None:
    places = [fault.after for fault in full(3)]
    assert places == sorted(places)
    assert places[0] > 0
    assert places[-1] < 10_000


def test_every_fault_that_can_be_drawn_can_be_done_to_its_target() -> None:
    for fault in full(5):
        assert faults.what(fault) in faults.KINDS
        assert fault.target in (*CARTS, "server", "broker", "emr")
        assert fault.kind != "crash" or PROGRAMS[fault.point or ""] == ("server" if fault.target == "server" else "cart")


def test_a_short_run_draws_as_many_as_it_was_asked_for() -> None:
    for count in (1, 8, 10, 40):
        assert len(schedule.draw(1, doses=40, faults=count, carts=CARTS[:2], points=PROGRAMS)) == count
