"""The camera loop on a bad day: a picture that breaks the decoder, a camera that goes, hangs, is covered, and comes back."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from cart_client.scanning import BROKEN_FRAMES, GONE_FRAMES, CameraTold, Seen, Sight, Viewfinder, watch, watching
from devices.ports import Frame, Measured
from pointofcare.errors import DeviceUnavailableError
from pointofcare.labels.symbol import Symbol

PACK = Symbol(identifier="]d2", content=b"0108936000000011")
BAND = Symbol(identifier="]d2", content=b"8018893600000000000125")
START = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)
FRAME_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture of the script. `unchanged_s` as in `Frame`, `light` 0 under a lens cover."""

    symbols: tuple[Symbol, ...] = ()
    unchanged_s: float | None = 0.0
    light: float = 120.0
    motion: float = 0.0
    after_s: float = FRAME_S


def shot(*symbols: Symbol, **how: Any) -> Shot:
    return Shot(symbols=symbols, **how)


Step = Shot | Exception


@dataclass
class Script:
    """Camera, decoder, gauge and picture in one, with a clock of its own: each step is what is in the picture, or its fault."""

    steps: list[Step]
    halt: threading.Event = field(default_factory=threading.Event)
    number: int = 0
    clock_s: float = 0.0
    decoded: list[int] = field(default_factory=list)

    def frames(self) -> Iterator[Frame]:
        while self.number < len(self.steps):
            self.number += 1
            step = self.steps[self.number - 1]
            if isinstance(step, DeviceUnavailableError):
                raise step
            self.clock_s += step.after_s if isinstance(step, Shot) else FRAME_S
            at = START + timedelta(seconds=self.clock_s)
            unchanged_s = step.unchanged_s if isinstance(step, Shot) else 0.0
            yield Frame(image=np.zeros((2, 2, 3), np.uint8), number=self.number, taken_at=at, unchanged_s=unchanged_s)
        self.halt.set()

    def decode(self, frame: Frame) -> list[Symbol]:
        step = self.steps[frame.number - 1]
        self.decoded.append(frame.number)
        if isinstance(step, Exception):
            raise step
        return list(step.symbols)

    def light(self, frame: Frame) -> Measured:
        step = self.steps[frame.number - 1]
        light, motion = (step.light, step.motion) if isinstance(step, Shot) else (120.0, 0.0)
        return Measured(width=1280, height=720, light=light, spread=light / 3, motion=motion)

    def place(self, _frame: Frame, measured: Measured) -> Measured:
        return measured

    def describe(self) -> str:
        return "script"

    def wanted_size(self) -> tuple[int, int] | None:
        return None

    def close(self) -> None: ...

    def jpeg(self, *_: Any, **__: Any) -> bytes:
        return b""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_PAUSES_S", (0.0,))


def told(*steps: Step) -> list[object]:
    return run(Script(list(steps)))


def run(script: Script, **how: Any) -> list[object]:
    inbox: queue.Queue[object] = queue.Queue()
    clock = {"mono_s": lambda: script.clock_s, "now": lambda: START + timedelta(seconds=script.clock_s)}
    sight = Sight(script, Viewfinder(script), inbox.put, **clock)
    watch(script, script, sight, inbox, script.halt, **how)
    return list(inbox.queue)


def scans(heard: list[object]) -> list[Symbol]:
    return [item.symbol for item in heard if isinstance(item, Seen)]


def faults(heard: list[object]) -> list[tuple[bool, str]]:
    return [(item.live, item.fault) for item in heard if isinstance(item, CameraTold)]


def test_a_picture_that_breaks_the_decoder_stops_nothing() -> None:
    assert scans(told(ValueError("poison"), shot(PACK), ValueError("poison"), shot(BAND))) == [PACK, BAND]


def test_a_decoder_that_breaks_on_every_picture_is_told_like_a_lost_camera() -> None:
    heard = told(*[ValueError("poison")] * BROKEN_FRAMES, shot(PACK))
    assert faults(heard) == [(True, ""), (False, "no-picture"), (True, "")]
    assert isinstance(heard[-1], Seen)


def test_a_camera_that_was_unplugged_and_came_back_counts_the_same_pack_once() -> None:
    heard = told(shot(PACK), DeviceUnavailableError("unplugged"), shot(PACK, unchanged_s=None), shot(PACK))
    assert faults(heard) == [(True, ""), (False, "no-picture"), (True, "")]
    assert scans(heard) == [PACK]


def test_each_symbol_tells_what_was_beside_it_new_or_not() -> None:
    seen = [item for item in told(shot(BAND), shot(BAND, PACK)) if isinstance(item, Seen)]
    assert [(item.symbol, item.beside) for item in seen] == [(BAND, ()), (PACK, (BAND,))]


def test_an_old_picture_after_the_camera_was_plugged_in_again_is_no_scan() -> None:
    """What waited in a buffer: the pack of before, or somebody's wristband, that nobody holds now."""
    heard = told(shot(), DeviceUnavailableError("unplugged"), shot(BAND, unchanged_s=None), shot(), shot(PACK))
    assert scans(heard) == [PACK]


def test_a_picture_that_hangs_is_no_fresh_scan_however_long_it_hangs() -> None:
    hung = [shot(PACK, unchanged_s=number * FRAME_S) for number in range(1, 60)]
    assert scans(told(*hung)) == []
    assert scans(told(shot(PACK), *hung, shot(PACK))) == [PACK]


def test_a_picture_that_hangs_without_the_pack_does_not_say_that_the_pack_went_away() -> None:
    hung = [shot(unchanged_s=number * FRAME_S) for number in range(1, 60)]
    assert scans(told(shot(PACK), shot(), *hung, shot(PACK))) == [PACK]


def test_a_hand_over_the_lens_does_not_make_a_second_unit_of_the_pack_beneath() -> None:
    covered = [shot(light=2.0) for _ in range(60)]
    shaky = [shot() for _ in range(GONE_FRAMES)]
    assert scans(told(shot(PACK), *covered, *shaky, shot(PACK))) == [PACK]


def test_a_code_that_stays_in_view_is_no_second_scan() -> None:
    assert scans(told(*[shot(PACK)] * 300)) == [PACK]


def test_a_pack_that_was_seen_to_go_away_is_a_second_unit() -> None:
    assert scans(told(shot(PACK), *[shot()] * 20, shot(PACK))) == [PACK, PACK]


def test_a_frozen_picture_is_told_within_two_seconds_and_so_is_its_end() -> None:
    script = Script([shot(), *[shot(unchanged_s=number * FRAME_S) for number in range(1, 21)], *[shot()] * 10])
    heard = run(script)
    assert faults(heard) == [(True, ""), (True, "frozen"), (True, "")]
    assert [item.since for item in heard if isinstance(item, CameraTold)][1] == START + timedelta(seconds=FRAME_S)


def test_pictures_that_are_dark_or_hang_are_not_searched() -> None:
    script = Script([shot(), shot(light=1.0), shot(unchanged_s=0.1), shot(unchanged_s=None), shot()])
    run(script)
    assert script.decoded == [1, 5]


def test_while_nobody_is_signed_in_the_camera_is_asked_seldom_until_something_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script([shot(), shot(), shot(motion=9.0), shot(), shot(), shot(after_s=10.0), shot()])
    paused: list[int] = []
    monkeypatch.setattr(script.halt, "wait", lambda _seconds: paused.append(script.number) or False)
    run(script, idle=lambda: True)
    assert paused == [1, 2, 6, 7]


def test_whoever_is_signed_in_never_waits_for_a_throttled_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script([shot()] * 10)
    paused: list[int] = []
    monkeypatch.setattr(script.halt, "wait", lambda _seconds: paused.append(script.number) or False)
    run(script, idle=lambda: False)
    assert paused == []
