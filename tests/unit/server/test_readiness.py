"""What a process says of itself when it cannot look, when a look hangs, and when a thousand ask."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from server.usecases import readiness
from server.usecases.readiness import Lookout, State

FINE = (readiness.ok("database"),)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_thousand_who_ask_cost_one_look_until_it_is_old() -> None:
    clock, looks = Clock(), []
    lookout = Lookout(lambda: looks.append(1) or FINE, mono_s=clock)  # type: ignore[func-returns-value]
    assert {lookout.told() for _ in range(1000)} == {FINE}
    assert len(looks) == 1
    clock.now_s = readiness.FRESH_S
    lookout.told()
    assert len(looks) == 2


def test_while_a_look_hangs_everybody_else_is_told_so_and_waits_for_nothing() -> None:
    clock, begun, let_go = Clock(), threading.Event(), threading.Event()

    def look() -> tuple[readiness.Looked, ...]:
        begun.set()
        let_go.wait(20)
        return FINE

    lookout = Lookout(look, mono_s=clock)
    thread = threading.Thread(target=lookout.told)
    thread.start()
    try:
        assert begun.wait(20)
        assert readiness.worst(lookout.told()) is State.FAILED
    finally:
        let_go.set()
        thread.join(20)
    assert lookout.told() == FINE


def test_a_look_that_was_good_does_not_stand_for_ever_while_the_next_one_hangs() -> None:
    clock = Clock()
    lookout = Lookout(lambda: FINE, mono_s=clock)
    assert lookout.told() == FINE
    clock.now_s = readiness.FRESH_S
    lookout._busy.acquire()
    assert lookout.told() == FINE
    clock.now_s = readiness.PATIENCE_S
    assert readiness.worst(lookout.told()) is State.FAILED


def test_a_look_that_breaks_is_begun_anew_by_the_next_who_asks() -> None:
    outcomes = iter([RuntimeError("broken"), None])

    def look() -> tuple[readiness.Looked, ...]:
        if (outcome := next(outcomes)) is not None:
            raise outcome
        return FINE

    lookout = Lookout(look)
    with pytest.raises(RuntimeError):
        lookout.told()
    assert lookout.told() == FINE


def test_nothing_looked_at_is_not_ready() -> None:
    assert readiness.worst(()) is State.FAILED
    assert readiness.worst((readiness.ok("a"), readiness.degraded("b", "r"))) is State.DEGRADED


def test_a_process_whose_thread_has_ended_is_not_alive() -> None:
    gateway = SimpleNamespace(is_alive=lambda: False)
    dispatcher = SimpleNamespace(state=SimpleNamespace(running=True))
    assert readiness.worst(readiness.alive(SimpleNamespace(gateway=None, dispatchers=()))) is State.OK
    assert readiness.worst(readiness.alive(SimpleNamespace(gateway=gateway, dispatchers=(dispatcher,)))) is State.FAILED


def test_a_disk_without_room_or_without_the_right_to_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness.shutil, "disk_usage", lambda _path: SimpleNamespace(free=readiness.DISK_LOW_BYTES))
    assert readiness.disk("data", tmp_path / "not" / "yet").state is State.OK
    for free, state in ((readiness.DISK_LOW_BYTES - 1, State.DEGRADED), (readiness.DISK_OUT_BYTES - 1, State.FAILED)):
        monkeypatch.setattr(readiness.shutil, "disk_usage", lambda _path, free=free: SimpleNamespace(free=free))
        assert readiness.disk("data", tmp_path).state is state
    monkeypatch.setattr(readiness.os, "access", lambda _path, _how: False)
    assert "may not write" in readiness.disk("data", tmp_path).reason
