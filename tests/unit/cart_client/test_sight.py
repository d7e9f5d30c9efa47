"""What is known of a camera and shown of it, by a clock of its own: silence, numbers, one picture for all who look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import numpy as np
import pytest

from cart_client.scanning import Advice, CameraTold, Sight, Viewfinder
from cart_client.scanning.faults import SILENT_S
from cart_client.scanning.sight import READ_STAYS_S
from devices.cameras.gauge import BLIND, open_gauge
from devices.ports import Frame, Measured, Place
from pointofcare.labels.symbol import Symbol
from simulation import frames, labels

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
PACK = Symbol(identifier="]d2", content=b"0108936000000011", outline=((1, 1), (9, 1), (9, 9), (1, 9)))
PLACE = Place(x=400, y=300, width=300, height=300)


class Bench:
    """A sight whose camera, gauge and clock are the test's."""

    def __init__(self) -> None:
        self.clock_s, self.number, self.made = 0.0, 0, 0
        self.told: list[CameraTold] = []
        self.like = Measured(width=1280, height=720, light=102, spread=40, motion=5.0)
        clock = {"mono_s": lambda: self.clock_s, "now": lambda: START + timedelta(seconds=self.clock_s)}
        self.finder = Viewfinder(self, mono_s=lambda: self.clock_s)  # type: ignore[arg-type]
        self.sight = Sight(self, self.finder, self.told.append, wanted=(1280, 720), **clock)  # type: ignore[arg-type]

    def light(self, _frame: Frame) -> Measured:
        return self.like

    def place(self, _frame: Frame, measured: Measured) -> Measured:
        return replace(measured, place=PLACE, sharpness=0.5, module_px=1.0, place_light=120)

    def jpeg(self, _frame: Frame, *_more: Any, **_how: Any) -> bytes:
        self.made += 1
        return b"jpeg %d" % self.number

    def picture(self, *found: Symbol, after_s: float = 1 / 30, searched: bool = True) -> None:
        self.clock_s += after_s
        self.number += 1
        frame = Frame(image=np.zeros((2, 2, 3), np.uint8), number=self.number, taken_at=START, rate_hz=30.0)
        measured = self.sight.came(frame, "bench")
        if searched:
            self.sight.searched(frame, measured, found)
        else:
            self.sight.skipped(measured)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_silence_is_told_once_and_the_old_picture_leaves_the_screen(bench: Bench) -> None:
    bench.picture()
    assert bench.finder.jpeg() is not None
    for _ in range(20):
        bench.clock_s += 0.25
        bench.sight.look()
    assert [(told.live, told.fault) for told in bench.told] == [(True, ""), (False, "no-picture")]
    assert bench.told[-1].since <= START + timedelta(seconds=SILENT_S + 0.5)  # type: ignore[operator]
    assert bench.finder.jpeg() is None
    bench.picture()
    assert (bench.told[-1].live, bench.told[-1].fault) == (True, "")


def test_a_camera_that_never_gave_a_picture_is_told_too(bench: Bench) -> None:
    bench.clock_s = SILENT_S + 0.1
    bench.sight.look()
    assert [told.fault for told in bench.told] == ["no-picture"]


def test_looking_never_makes_a_lost_camera_live(bench: Bench) -> None:
    bench.picture()
    bench.sight.lost("device-unavailable", "bench")
    bench.sight.look()
    assert [(told.live, told.why) for told in bench.told] == [(True, ""), (False, "device-unavailable")]


def test_several_who_look_share_one_picture_and_nobody_pays_when_nobody_looks(bench: Bench) -> None:
    for _ in range(30):
        bench.picture()
    assert bench.made == 0
    assert {bench.finder.jpeg() for _ in range(5)} == {(30, b"jpeg 30")}
    assert bench.made == 1
    for _ in range(30):
        bench.picture()
        bench.finder.jpeg()
    assert bench.made <= 1 + 7  # six a second at most


def test_what_was_read_keeps_its_outline_for_a_moment_and_needs_no_advice(bench: Bench) -> None:
    bench.picture(PACK)
    assert (bench.sight.outlook().read, bench.sight.outlook().advice) == ((PACK.outline,), None)
    bench.picture()
    assert bench.sight.outlook().read == (PACK.outline,)
    bench.picture(after_s=READ_STAYS_S + 0.1)
    assert (bench.sight.outlook().read, bench.sight.outlook().place) == ((), PLACE)


def test_what_is_held_up_and_not_read_is_outlined_with_an_advice(bench: Bench) -> None:
    for _ in range(20):
        bench.picture()
    assert (bench.sight.outlook().place, bench.sight.outlook().advice) == (PLACE, Advice.CLOSER)


def test_where_nothing_moves_nobody_is_advised(bench: Bench) -> None:
    """A box of gloves that lies before the camera all day."""
    bench.like = replace(bench.like, motion=0.0)
    for _ in range(60):
        bench.picture()
    assert (bench.sight.outlook().place, bench.sight.outlook().advice) == (None, None)


def test_the_fleets_numbers_are_of_the_last_half_minute_and_name_nothing(bench: Bench) -> None:
    for _ in range(30):
        bench.picture(PACK)
    for _ in range(10):
        bench.picture(searched=False)
    numbers = bench.sight.numbers()
    assert numbers == {
        "live": True,
        "fault": "",
        "fault_since": None,
        "picture_rate_hz": 30.0,
        "searched_share": 0.75,
        "read_share": 1.0,
        "light_percent": 40,
        "width_px": 1280,
        "height_px": 720,
        "losses": 0,
    }
    bench.clock_s += 31
    assert bench.sight.numbers()["searched_share"] is None


def test_the_gauge_tells_sharp_from_blurred_dark_from_lit_and_finds_the_code() -> None:

    badge = labels.badge("Trần Văn An", "Điều dưỡng", "N0017")
    image = frames.frame_with(badge, 4, difficulty=0.1)

    def measured(picture: Any) -> Measured:
        gauge, frame = open_gauge(), Frame(image=picture, number=1, taken_at=START)
        return gauge.place(frame, gauge.light(frame))

    sharp, blurred = measured(image), measured(cv2.GaussianBlur(image, (0, 0), 6))
    assert sharp.place is not None
    assert 195 < sharp.place.x + sharp.place.width / 2 < 345  # where the renderer put it
    assert sharp.sharpness > 5 * max(blurred.sharpness, 0.001)
    assert (sharp.module_px or 0) > 2
    assert measured((image * 0.05).astype(np.uint8)).light < 10 < sharp.light
    spot = image.copy()
    cv2.circle(spot, (sharp.place.x + sharp.place.width // 2, sharp.place.y + sharp.place.height // 2), 40, (BLIND + 5,) * 3, -1)
    assert measured(spot).glare > 0.04
    assert sharp.glare == 0.0
    gauge = open_gauge()
    still = [gauge.light(Frame(image=frames.empty_frame(3, moment=moment), number=1, taken_at=START)).motion for moment in range(3)]
    assert max(still) < 0.1  # a sensor's noise is no motion
    assert gauge.light(Frame(image=image, number=1, taken_at=START)).motion > 5
