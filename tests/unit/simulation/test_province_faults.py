"""What a drill of a province says of what it found: a fork, a figure that is missed, the broker whose death is felt most."""

from __future__ import annotations

import argparse

import pytest

from simulation.province import faults, lineage, run

LED_ONCE = "1\t0/3000000\tno recovery target specified\n"
LED_TWICE = LED_ONCE + "\n2\t0/5000060\tno recovery target specified\n"


def test_databases_with_one_past_have_not_forked() -> None:
    assert lineage.forks({"db1": (1, ""), "db2": (1, "")}) == []
    assert lineage.forks({"db1": (3, LED_TWICE), "db2": (3, LED_TWICE)}) == []


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"db1": (2, LED_ONCE), "db2": (2, "1\t0/4000000\tno recovery target specified\n")}, "left timeline 1 at 0/3000000"),
        ({"db1": (3, LED_TWICE), "db2": (2, LED_ONCE)}, "db1 is on timeline 3, db2 on 2"),
        ({"db1": (2, ""), "db2": (2, "")}, "db1 is on timeline 2 after []"),
        ({"db1": (1, ""), "db2": (0, "")}, "db2 is on timeline 0"),
        ({"db1": (2, LED_TWICE), "db2": (2, LED_TWICE)}, "db1 is on timeline 2 after [1, 2]"),
    ],
    ids=["left in two places", "on two timelines", "no history", "follows nobody", "a past that is to come"],
)
def test_databases_that_led_at_once_or_whose_past_is_not_known_have_forked(told: dict[str, tuple[int, str]], word: str) -> None:
    assert word in " ".join(lineage.forks(told))


def test_a_figure_that_never_came_or_is_more_than_was_asked_is_missed() -> None:
    held = {"carts_back_s": 15.0, "leaderless_written": 0, "broker_killed": "n2", "leaderless_kept_by_carts": 12}
    assert faults.missed(held) == []
    assert faults.missed(held | {"carts_back_s": 15.1}) == ["carts_back_s"]
    assert faults.missed(held | {"writes_again_s": None, "leaderless_written": 1}) == ["writes_again_s", "leaderless_written"]


def test_the_broker_with_a_gateway_is_the_one_whose_death_is_felt_most() -> None:
    servers = frozenset({"h01.server", "h02.server"})
    assert faults.busiest([["h01.c1", "h01.c2"], [], ["h01.server"]], servers) == 2
    assert faults.busiest([["h01.server"], ["h02.server", "h01.c1"], []], servers) == 1


def test_a_fault_that_there_is_not_is_refused_and_the_order_is_kept() -> None:
    assert run._faults("split-brain,broker") == ("split-brain", "broker")
    with pytest.raises(argparse.ArgumentTypeError, match="brokr"):
        run._faults("brokr")
