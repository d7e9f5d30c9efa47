"""A camera's source on its way to the driver: controls that are asked for and refused, fingerprints, addresses without their secrets."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from devices import registry
from devices.cameras import address, controls
from devices.cameras.arrivals import Arrivals, of_image, of_jpeg
from devices.cameras.controls import AUTO, Controls
from devices.cameras.newest import Newest
from devices.cameras.opencv import OpenCVCamera
from pointofcare.errors import ConfigError, DeviceUnavailableError


class FakeCapture:
    """A V4L2 driver: it takes what is in `takes`, keeps the rest as it is, and gives `pictures`."""

    def __init__(self, takes: set[int], pictures: int = 0, then: Callable[[], None] = lambda: None) -> None:
        self.takes, self.values, self.left, self.then = takes, {cv2.CAP_PROP_EXPOSURE: 157.0}, pictures, then
        self.opened: tuple[Any, ...] = ()
        self.released = threading.Event()

    def __call__(self, *arguments: Any) -> FakeCapture:
        self.opened = arguments
        return self

    def isOpened(self) -> bool:
        return True

    def set(self, code: int, value: float) -> bool:
        if code in self.takes:
            self.values[code] = value
        return code in self.takes

    def get(self, code: int) -> float:
        return self.values.get(code, 0.0)

    def grab(self) -> bool:
        self.left -= 1
        if self.left < 0:
            self.then()
        return self.left >= 0

    def retrieve(self) -> tuple[bool, Any]:
        return True, np.full((720, 1280, 3), self.left, np.uint8)

    def release(self) -> None:
        self.released.set()


SIZE = {cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT}


def test_size_rate_exposure_and_focus_reach_the_driver() -> None:
    everything = SIZE | {
        cv2.CAP_PROP_FPS,
        cv2.CAP_PROP_AUTO_EXPOSURE,
        cv2.CAP_PROP_EXPOSURE,
        cv2.CAP_PROP_AUTOFOCUS,
        cv2.CAP_PROP_FOCUS,
    }
    capture = FakeCapture(everything)
    wanted = controls.parse(width="1920", height="1080", rate_hz="30", exposure="120", focus="35")
    assert controls.apply(capture, wanted) == ()
    assert capture.values[cv2.CAP_PROP_FRAME_WIDTH] == 1920
    assert (capture.values[cv2.CAP_PROP_AUTO_EXPOSURE], capture.values[cv2.CAP_PROP_EXPOSURE]) == (1, 120)
    assert (capture.values[cv2.CAP_PROP_AUTOFOCUS], capture.values[cv2.CAP_PROP_FOCUS]) == (0, 35)
    assert controls.apply(capture, Controls(exposure=AUTO, focus=AUTO)) == ()
    assert (capture.values[cv2.CAP_PROP_AUTO_EXPOSURE], capture.values[cv2.CAP_PROP_AUTOFOCUS]) == (3, 1)


def test_what_the_driver_does_not_take_is_said_and_costs_no_picture(caplog: pytest.LogCaptureFixture) -> None:
    capture = FakeCapture({cv2.CAP_PROP_FPS}, pictures=1)
    capture.values |= {cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480}
    camera = OpenCVCamera("0", wanted=controls.parse(width="1280", height="720", exposure="120", focus="9"), capture=capture)
    with caplog.at_level(logging.WARNING):
        assert next(camera.frames()).image.shape == (720, 1280, 3)
    assert camera.refused == (
        "size 1280x720: the camera gives 640x480",
        "exposure=120: the driver has no such control",
        "focus=9: the driver has no such control",
    )
    assert [record.message for record in caplog.records if "no such control" in record.message]
    assert camera.wanted_size() == (1280, 720)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("v4l2:0?exposure=bright", "exposure=bright: write a number from 0 to 100000 (the driver's units, or auto)"),
        ("v4l2:0?width=99999&height=720", "width=99999: write a number from 160 to 7680 (pixels)"),
        ("v4l2:0?rate_hz=0", "rate_hz=0"),
        ("v4l2:0?widht=1280", "option 'widht' is not known; use one of: stall_s, width, height"),
        ("v4l2:0?stall_s=soon", "stall_s=soon: write seconds"),
        ("rtsp:http://10.0.0.9/x", "write rtsp://HOST/PATH"),
        ("mjpeg:rtsp://10.0.0.9/x", "write http://HOST/PATH"),
    ],
)
def test_a_fault_of_the_configuration_is_told_in_words(source: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        registry.camera(source)
    assert told in str(caught.value)


def test_a_device_is_found_by_a_path_that_stays_the_same(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number behind it changes with each replug: it is looked up at each opening."""
    monkeypatch.setattr("os.path.realpath", lambda path: f"{path}-is-now-video4")
    capture = FakeCapture(SIZE, pictures=1)
    next(OpenCVCamera("/dev/v4l/by-id/usb-cam", capture=capture).frames())
    assert capture.opened == ("/dev/v4l/by-id/usb-cam-is-now-video4", cv2.CAP_V4L2)


def test_an_unplugged_device_is_lost_and_its_capture_released_by_its_own_thread() -> None:
    capture = FakeCapture(SIZE, pictures=2)
    camera = OpenCVCamera("0", capture=capture)
    with pytest.raises(DeviceUnavailableError):
        list(camera.frames())
    assert capture.released.wait(5)


def test_a_picture_that_repeats_is_told_with_how_long_and_a_connection_begins_with_doubt() -> None:
    clock = [0.0]
    arrivals = Arrivals(mono_s=lambda: clock[0])
    arrivals.connected()

    def came(fingerprint: bytes) -> float | None:
        clock[0] += 0.5
        return arrivals.came(fingerprint).unchanged_s

    assert [came(b"a"), came(b"b"), came(b"b"), came(b"b"), came(b"c")] == [None, 0.0, 0.5, 1.0, 0.0]
    arrivals.connected()
    assert [came(b"c"), came(b"c"), came(b"d")] == [None, 1.0, 0.0]


def test_the_rate_is_that_of_the_source() -> None:
    clock = [0.0]
    arrivals = Arrivals(mono_s=lambda: clock[0])
    rates = []
    for number in range(40):
        clock[0] += 0.05
        rates.append(arrivals.came(b"%d" % number).rate_hz)
    assert rates[0] is None
    assert rates[-1] == pytest.approx(20)
    for _ in range(40):  # nobody takes them, and the source is as fast as before
        clock[0] += 0.05
        arrivals.passed()
    assert arrivals.came(b"after").rate_hz is not None


@pytest.mark.parametrize("pause_s", [0.4, 0.9, 1.3])
def test_a_camera_that_became_slow_has_the_rate_of_now(pause_s: float) -> None:
    clock = [0.0]
    arrivals = Arrivals(mono_s=lambda: clock[0])
    for number in range(40):
        clock[0] += 0.05
        arrivals.came(b"%d" % number)
    for number in range(4):
        clock[0] += pause_s
        rate_hz = arrivals.came(b"slow %d" % number).rate_hz
    assert rate_hz == pytest.approx(1 / pause_s)


def test_pictures_that_nobody_takes_are_not_decoded() -> None:
    slot: Newest[int] = Newest()
    assert slot.wanted(0.25)
    slot.put(1)
    assert slot.wanted(60.0)
    assert not slot.wanted(0.0)
    slot.take(0)
    assert slot.wanted(0.0)


def test_a_time_written_into_the_header_does_not_make_a_frozen_picture_a_new_one() -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    stamped = [jpeg[:2] + b"\xff\xfe\x00\x07" + when + jpeg[2:] for when in (b"12:01", b"12:02")]
    assert of_jpeg(stamped[0]) == of_jpeg(stamped[1])
    other = image.copy()
    other[24, 32] = 255
    assert of_jpeg(cv2.imencode(".jpg", other)[1].tobytes()) != of_jpeg(jpeg)
    assert of_image(other) != of_image(image)


def test_no_password_of_an_address_is_shown_or_logged() -> None:
    for url in ("rtsp://nurse:S3cret@10.0.0.9/live", "http://nurse:S3cret@10.0.0.9/v?pwd=S3cret&channel=2"):
        assert "S3cret" not in address.shown(url)
        assert "10.0.0.9" in address.shown(url)
    camera = registry.camera("mjpeg:http://nurse:S3cret@127.0.0.1:9/video")
    assert "S3cret" not in camera.describe()
    with pytest.raises(DeviceUnavailableError) as caught:
        next(iter(registry.camera("rtsp://nurse:S3cret@127.0.0.1:9/live").frames()))
    assert "S3cret" not in f"{caught.value} {caught.value.fields}"
    assert address.basic("http://nurse:S3cret@h/v") == "Basic bnVyc2U6UzNjcmV0"
    assert address.basic("http://h/v") is None
