"""The simulated microcontroller behaves as the protocol says, without a line."""

from __future__ import annotations

from firmware_bridge import group
from firmware_bridge.simulated import Knobs, SimulatedMicrocontroller


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _one(knobs: Knobs | None = None) -> tuple[SimulatedMicrocontroller, _Clock]:
    clock = _Clock()
    return SimulatedMicrocontroller(clock=clock, knobs=knobs), clock


def _ask(mcu: SimulatedMicrocontroller, command: group.Command, **body: object) -> dict:
    return mcu.answer(group.GROUP, command, body)


def _kinds(mcu: SimulatedMicrocontroller) -> list[str]:
    return [event["k"] for event in _ask(mcu, group.Command.EVENTS, after=0, boot="")["ev"]]


def test_a_drawer_locks_itself_when_its_time_is_over() -> None:
    mcu, clock = _one()
    assert _ask(mcu, group.Command.UNLOCK, d=3, id="a", ttl_ms=2000)["st"] == group.UnlockStatus.UNLOCKED
    assert mcu.is_free(3)
    clock.now += 2.1
    assert not mcu.is_free(3)
    assert not mcu.pull(3)
    assert _kinds(mcu) == ["boot", "drawer-unlocked", "drawer-locked"]


def test_the_same_command_acts_once_even_after_a_reset() -> None:
    mcu, clock = _one()
    _ask(mcu, group.Command.UNLOCK, d=3, id="a", ttl_ms=2000)
    again = _ask(mcu, group.Command.UNLOCK, d=3, id="a", ttl_ms=2000)
    assert (again["st"], again["again"]) == (0, True)
    mcu.reset()
    clock.now += 1
    assert _ask(mcu, group.Command.UNLOCK, d=3, id="a", ttl_ms=2000) == {"st": 0, "again": True, "left_ms": 0}
    assert len(mcu.moved) == 1
    assert not mcu.is_free(3)


def test_a_bridge_that_falls_silent_locks_every_drawer() -> None:
    mcu, clock = _one()
    _ask(mcu, group.Command.HEARTBEAT, ttl_ms=5000)
    _ask(mcu, group.Command.UNLOCK, d=1, id="a", ttl_ms=60_000)
    clock.now += 5.1
    assert not mcu.is_free(1)
    assert "bridge-silent" in _kinds(mcu)


def test_refused_stuck_and_unknown_drawers_do_not_move() -> None:
    mcu, _ = _one(Knobs(refuse={1}, stuck={2}))
    answers = [_ask(mcu, group.Command.UNLOCK, d=drawer, id=f"c{drawer}", ttl_ms=1000)["st"] for drawer in (1, 2, 99)]
    assert answers == [group.UnlockStatus.REFUSED, group.UnlockStatus.STUCK, group.UnlockStatus.NO_SUCH_DRAWER]
    assert mcu.moved == ()


def test_a_command_without_sense_is_an_error_and_moves_nothing() -> None:
    mcu, _ = _one()
    for body in (
        {},
        {"d": 1, "id": "", "ttl_ms": 5},
        {"d": 1, "id": "x", "ttl_ms": 0},
        {"d": 1, "id": "x", "ttl_ms": 10**9},
        {"d": "?", "id": "x", "ttl_ms": 1},
    ):
        assert _ask(mcu, group.Command.UNLOCK, **body) == {"rc": 3}
    assert mcu.answer(group.GROUP, 77, {}) == {"rc": 8}
    assert mcu.moved == ()


def test_events_are_kept_until_acknowledged_and_an_old_boots_acknowledgement_counts_for_nothing() -> None:
    mcu, _ = _one()
    for number in range(6):
        _ask(mcu, group.Command.UNLOCK, d=1, id=f"c{number}", ttl_ms=1000)
    first = _ask(mcu, group.Command.EVENTS, after=0, boot="")
    assert [event["s"] for event in first["ev"]] == [1, 2, 3, 4]
    assert first["more"]
    assert _ask(mcu, group.Command.EVENTS, after=0, boot=first["boot"])["ev"] == first["ev"]
    assert [event["s"] for event in _ask(mcu, group.Command.EVENTS, after=4, boot=first["boot"])["ev"]] == [5, 6, 7]
    mcu.reset()
    after_reset = _ask(mcu, group.Command.EVENTS, after=7, boot=first["boot"])
    assert [event["k"] for event in after_reset["ev"]] == ["boot"]


def test_a_full_mailbox_says_how_many_it_lost() -> None:
    mcu, _ = _one()
    for number in range(100):
        _ask(mcu, group.Command.UNLOCK, d=1, id=f"c{number}", ttl_ms=1000)
    assert _ask(mcu, group.Command.EVENTS, after=0, boot="")["lost"] == 101 - 64


def test_the_battery_empties_off_the_mains_and_fills_on_it() -> None:
    mcu, clock = _one()
    before = _ask(mcu, group.Command.POWER)["soc"]
    clock.now += 3600
    mcu.is_free(1)
    emptied = _ask(mcu, group.Command.POWER)
    assert emptied["soc"] == before - 9
    assert not emptied["chg"]
    mcu.on_mains = True
    clock.now += 360
    mcu.is_free(1)
    assert _ask(mcu, group.Command.POWER)["soc"] > emptied["soc"]
