"""Simulated drawers do what the port promises on a bad day too."""

from __future__ import annotations

import threading

import pytest

from devices import registry
from devices.drawers.simulated import SimulatedDrawers
from devices.ports import DrawerOutcome
from pointofcare.errors import DeviceUnavailableError, OutcomeUnknownError


def test_the_same_command_acts_once() -> None:
    drawers = SimulatedDrawers()
    assert [drawers.unlock(2, command_id="c1", ttl_s=5) for _ in range(3)] == [DrawerOutcome.UNLOCKED] * 3
    assert [(done.drawer, done.command_id) for done in drawers.history] == [(2, "c1")]


def test_a_drawer_may_refuse_and_one_that_is_not_there_does() -> None:
    drawers = SimulatedDrawers(count=4, refuse=frozenset({3}))
    outcomes = [drawers.unlock(drawer, command_id=f"c{drawer}", ttl_s=5) for drawer in (0, 3, 4, 5)]
    assert outcomes == [DrawerOutcome.REFUSED, DrawerOutcome.REFUSED, DrawerOutcome.UNLOCKED, DrawerOutcome.REFUSED]


def test_a_lost_answer_is_an_unknown_outcome_although_it_acted() -> None:
    drawers = registry.drawers("simulated:?lose_answer=1&count=2")
    with pytest.raises(OutcomeUnknownError):
        drawers.unlock(1, command_id="c1", ttl_s=5)
    assert isinstance(drawers, SimulatedDrawers)
    assert drawers.history[0].outcome is DrawerOutcome.UNLOCKED


def test_closing_while_the_lock_thinks_leaves_the_outcome_unknown() -> None:
    drawers = SimulatedDrawers(delay_s=30)
    threading.Timer(0.05, drawers.close).start()
    with pytest.raises(OutcomeUnknownError):
        drawers.unlock(1, command_id="c1", ttl_s=5)
    with pytest.raises(DeviceUnavailableError):
        drawers.unlock(1, command_id="c2", ttl_s=5)
