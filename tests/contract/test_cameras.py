"""What every camera owes the cart: numbered, dated, unwritable pictures; an honest loss; a prompt end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from devices import registry
from devices.ports import Camera, Frame
from pointofcare.errors import DeviceUnavailableError
from simulation import frames, labels
from simulation.camera import VirtualCamera
from tests.support.rtsp_peer import RtspPeer, rtsp_peer

PICTURES = 6


@pytest.fixture(scope="module")
def virtual() -> Iterator[VirtualCamera]:
    hand = VirtualCamera(["cart-1"], rate_hz=25)
    hand.start()
    hand.hold("cart-1", labels.badge("Trần Văn An", "Điều dưỡng", "N0017"), difficulty=0.0)
    yield hand
    hand.stop()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("khung hình")
    badge = labels.badge("Trần Văn An", "Điều dưỡng", "N0017")
    for number in range(PICTURES):
        (folder / f"{number:03d}.jpg").write_bytes(frames.jpeg(frames.frame_with(badge, 3, moment=number, difficulty=0.0)))
    return folder


@pytest.fixture(scope="module")
def streamed(pictures: Path) -> Iterator[RtspPeer]:
    shown = [file.read_bytes() for file in sorted(pictures.iterdir())]
    with rtsp_peer(lambda number: shown[number % len(shown)]) as peer:
        yield peer


def _sources(virtual: VirtualCamera, pictures: Path, streamed: RtspPeer) -> dict[str, str]:
    return {
        "rtsp": streamed.url,
        "opencv": f"opencv:{virtual.video_url('cart-1')}",
        "v4l2": f"v4l2:{pictures / '%03d.jpg'}",
        "mjpeg": f"mjpeg:{virtual.video_url('cart-1')}",
        "folder": f"folder:{pictures}?loop=1&rate_hz=25",
    }


@pytest.fixture(params=sorted(registry.CAMERAS))
def camera(request: pytest.FixtureRequest, virtual: VirtualCamera, pictures: Path, streamed: RtspPeer) -> Iterator[Camera]:
    camera = registry.camera(_sources(virtual, pictures, streamed)[request.param])
    yield camera
    camera.close()


def _some(camera: Camera, count: int) -> list[Frame]:
    taken: list[Frame] = []
    for frame in camera.frames():
        taken.append(frame)
        if len(taken) == count:
            break
    return taken


def test_pictures_are_numbered_dated_and_cannot_be_drawn_on(camera: Camera) -> None:
    before = datetime.now(UTC)
    taken = _some(camera, 4)
    assert [frame.number for frame in taken] == [1, 2, 3, 4]
    assert all(before <= frame.taken_at <= datetime.now(UTC) for frame in taken)
    assert all(frame.image.shape == (720, 1280, 3) and frame.image.dtype.name == "uint8" for frame in taken)
    with pytest.raises(ValueError):
        taken[0].image[0, 0] = 0


def test_what_the_camera_sees_the_decoder_reads(camera: Camera) -> None:
    decoder = registry.decoder("cascade")
    (frame,) = _some(camera, 1)
    assert [symbol.content for symbol in decoder.decode(frame)] == [b"BADGE:N0017"]


def test_closing_from_another_thread_ends_the_pictures_promptly(camera: Camera) -> None:
    ended, first = threading.Event(), threading.Event()

    def look() -> None:
        for _frame in camera.frames():
            first.set()
        ended.set()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    assert first.wait(5)
    closed_at = time.monotonic()
    camera.close()
    assert ended.wait(1)
    assert time.monotonic() - closed_at < 1
    assert list(camera.frames()) == []


def test_a_source_says_in_words_what_it_is(camera: Camera) -> None:
    assert len(camera.describe()) > 6
    assert "\n" not in camera.describe()


@pytest.mark.parametrize(
    "source",
    [
        "opencv:/nowhere/video.mp4",
        "opencv:97",
        "opencv:http://127.0.0.1:9/video",
        "mjpeg:http://127.0.0.1:9/video",
        "rtsp://127.0.0.1:9/live",
        "v4l2:/dev/v4l/by-id/usb-nobody-video-index0",
        "folder:/nowhere",
    ],
)
def test_a_camera_that_is_not_there_is_told_with_a_remedy(source: str) -> None:
    camera = registry.camera(source)
    with pytest.raises(DeviceUnavailableError) as caught:
        _some(camera, 1)
    assert caught.value.remedy
    camera.close()


def test_every_source_kind_is_tried_here(virtual: VirtualCamera, pictures: Path, streamed: RtspPeer) -> None:
    assert set(_sources(virtual, pictures, streamed)) == set(registry.CAMERAS)


def test_a_folder_is_played_once_in_name_order_and_skips_what_is_no_picture(pictures: Path, tmp_path: Path) -> None:
    for number, file in enumerate(sorted(pictures.iterdir())[:3]):
        (tmp_path / f"{9 - number}.jpg").write_bytes(file.read_bytes())
    (tmp_path / "5.png").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("not a picture either")
    camera = registry.camera(f"folder:{tmp_path}")
    assert [frame.number for frame in camera.frames()] == [1, 2, 3]
    assert camera.unreadable == 1  # type: ignore[attr-defined]


def test_a_folder_without_a_single_picture_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"")
    with pytest.raises(DeviceUnavailableError):
        list(registry.camera(f"folder:{tmp_path}?loop=1").frames())


def test_one_image_file_is_one_picture(pictures: Path) -> None:
    camera: Callable[[], Camera] = lambda: registry.camera(f"folder:{pictures / '000.jpg'}")  # noqa: E731
    assert len(list(camera().frames())) == 1


def test_a_video_file_is_played_whole(pictures: Path, tmp_path: Path) -> None:
    video = tmp_path / "hold.mjpeg"
    video.write_bytes(b"".join(file.read_bytes() for file in sorted(pictures.iterdir())))
    for kind in ("folder", "opencv"):
        assert len(list(registry.camera(f"{kind}:{video}").frames())) == PICTURES


@pytest.mark.parametrize(("suffix", "fourcc"), [("avi", "MJPG"), ("mp4", "mp4v")])
def test_an_encoded_video_is_played_whole_and_read(pictures: Path, tmp_path: Path, suffix: str, fourcc: str) -> None:
    video = tmp_path / f"giữ thẻ.{suffix}"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*fourcc), 10, (1280, 720))
    assert writer.isOpened()
    for file in sorted(pictures.iterdir()):
        writer.write(cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR))
    writer.release()
    taken = list(registry.camera(f"opencv:{video}").frames())
    assert len(taken) == PICTURES
    assert [symbol.content for symbol in registry.decoder("cascade").decode(taken[-1])] == [b"BADGE:N0017"]


def test_a_live_source_says_how_fast_it_is_and_a_replay_says_nothing(virtual: VirtualCamera, pictures: Path) -> None:
    camera = registry.camera(f"mjpeg:{virtual.video_url('cart-1')}")
    taken = _some(camera, 25)
    camera.close()
    assert taken[-1].rate_hz is not None
    assert 2 < taken[-1].rate_hz < 30
    assert _some(registry.camera(f"folder:{pictures}"), 3)[-1].rate_hz is None


def test_the_first_picture_of_a_connection_is_not_taken_for_now(virtual: VirtualCamera) -> None:
    camera = registry.camera(f"mjpeg:{virtual.video_url('cart-1')}")
    taken = _some(camera, 3)
    camera.close()
    assert [frame.unchanged_s for frame in taken] == [None, 0.0, 0.0]


def test_an_rtsp_camera_that_hangs_is_told_as_hanging(pictures: Path) -> None:
    one = (pictures / "000.jpg").read_bytes()
    with rtsp_peer(lambda _number: one) as peer:
        camera = registry.camera(peer.url)
        taken = _some(camera, 6)
        camera.close()
    told = [frame.unchanged_s for frame in taken]
    assert told[0] is None
    assert all(seconds is not None and seconds > 0 for seconds in told[1:])
    assert told[1:] == sorted(told[1:], key=float)


def test_an_rtsp_camera_whose_cable_is_pulled_is_lost_and_found_again(pictures: Path) -> None:
    shown = [file.read_bytes() for file in sorted(pictures.iterdir())]
    with rtsp_peer(lambda number: shown[number % len(shown)]) as peer:
        camera = registry.camera(peer.url)

        def look_until_it_is_lost() -> None:
            for frame in camera.frames():
                if frame.number == 3:
                    peer.cut()

        with pytest.raises(DeviceUnavailableError):
            look_until_it_is_lost()
        assert len(_some(camera, 2)) == 2
        camera.close()
