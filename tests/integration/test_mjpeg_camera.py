"""The network camera on a bad day: silence, cuts, broken pictures, peers that lie. A real stream over loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from devices.cameras.mjpeg_http import MAX_PART_BYTES, MjpegCamera
from devices.ports import Frame
from pointofcare.errors import DeviceUnavailableError
from simulation import labels
from simulation.camera import Trouble, VirtualCamera
from tests.support.camera_peers import HEAD, grey_jpeg, part, raw_peer

BADGE = labels.badge("Trần Văn An", "Điều dưỡng", "N0017")


@pytest.fixture
def virtual() -> Iterator[VirtualCamera]:
    hand = VirtualCamera(["cart-1", "cart-2"], rate_hz=25)
    hand.start()
    yield hand
    hand.stop()


def _until(seconds: float, stream: Iterator[Frame], good: object) -> Frame:
    """The first frame that is `good`."""
    deadline = time.monotonic() + seconds
    for frame in stream:
        if good(frame):  # type: ignore[operator]
            return frame
        assert time.monotonic() < deadline, "the camera never showed it"
    raise AssertionError("the stream ended")


def _tone(frame: Frame) -> int:
    return round(float(frame.image.mean()))


def test_a_label_held_before_one_cart_is_not_seen_by_another(virtual: VirtualCamera) -> None:
    from devices import registry

    decoder = registry.decoder("cascade")
    first, second = (MjpegCamera(virtual.video_url(cart)) for cart in ("cart-1", "cart-2"))
    virtual.hold("cart-1", BADGE, difficulty=0.0)
    assert [symbol.content for symbol in decoder.decode(next(first.frames()))] == [b"BADGE:N0017"]
    assert decoder.decode(next(second.frames())) == []
    virtual.clear("cart-1")
    _until(3, first.frames(), lambda frame: decoder.decode(frame) == [])
    first.close()
    second.close()


def test_a_slow_reader_gets_the_newest_picture_not_the_oldest() -> None:
    sent = threading.Event()
    go_on = threading.Event()

    def script(connection: socket.socket, _number: int) -> None:
        connection.sendall(HEAD + part(grey_jpeg(10)))
        go_on.wait(5)
        for tone in range(20, 200, 5):
            connection.sendall(part(grey_jpeg(tone)))
        connection.sendall(part(grey_jpeg(240)))
        sent.set()
        go_on.wait(5)

    with raw_peer(script) as url:
        camera = MjpegCamera(url)
        stream = camera.frames()
        assert _tone(next(stream)) == 10
        go_on.set()
        assert sent.wait(5)
        go_on.clear()
        tones = [_tone(_until(3, stream, lambda frame: _tone(frame) == 240))]
        assert tones == [240]
        go_on.set()
        camera.close()


def test_silence_breaks_the_connection_and_a_new_one_goes_on(virtual: VirtualCamera) -> None:
    camera = MjpegCamera(virtual.video_url("cart-1"), stall_s=0.3)
    stream = camera.frames()
    next(stream)
    virtual.suffer("cart-1", Trouble.STALL)
    threading.Timer(0.7, virtual.suffer, ("cart-1", Trouble.NONE)).start()
    silent_at = time.monotonic()
    _until(5, stream, lambda _frame: camera.reconnects > 0)
    assert time.monotonic() - silent_at < 4
    camera.close()


def test_silence_that_lasts_is_a_lost_camera_and_not_an_old_picture(virtual: VirtualCamera) -> None:
    camera = MjpegCamera(virtual.video_url("cart-1"), stall_s=0.2, patience_s=0.8)
    stream = camera.frames()
    next(stream)
    virtual.suffer("cart-1", Trouble.STALL)
    with pytest.raises(DeviceUnavailableError) as caught:
        for _frame in stream:
            pass
    assert caught.value.remedy
    virtual.suffer("cart-1", Trouble.NONE)
    assert next(camera.frames()).number >= 2
    camera.close()


def test_a_picture_cut_in_the_middle_is_never_shown(virtual: VirtualCamera) -> None:
    camera = MjpegCamera(virtual.video_url("cart-1"), stall_s=0.5, patience_s=0.6)
    stream = camera.frames()
    next(stream)
    virtual.suffer("cart-1", Trouble.CUT)
    with pytest.raises(DeviceUnavailableError):
        for _frame in stream:
            pass
    assert camera.reconnects > 0
    camera.close()


def test_broken_pictures_are_skipped_and_counted(virtual: VirtualCamera) -> None:
    virtual.suffer("cart-1", Trouble.CORRUPT)
    camera = MjpegCamera(virtual.video_url("cart-1"), patience_s=5)
    threading.Timer(0.4, virtual.suffer, ("cart-1", Trouble.NONE)).start()
    frame = next(camera.frames())
    assert frame.number == 1
    assert camera.corrupt > 0
    camera.close()


def test_only_broken_pictures_end_as_a_lost_camera(virtual: VirtualCamera) -> None:
    virtual.suffer("cart-1", Trouble.CORRUPT)
    camera = MjpegCamera(virtual.video_url("cart-1"), patience_s=0.5)
    with pytest.raises(DeviceUnavailableError):
        next(camera.frames())
    camera.close()


def test_parts_without_a_length_are_read_to_their_end_marker() -> None:
    def script(connection: socket.socket, _number: int) -> None:
        connection.sendall(HEAD + part(grey_jpeg(50), length=False) + part(grey_jpeg(90), length=False))
        connection.recv(1)

    with raw_peer(script) as url:
        camera = MjpegCamera(url, stall_s=1)
        assert _tone(_until(3, camera.frames(), lambda frame: _tone(frame) == 90)) == 90
        camera.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n",
        b"this is no HTTP\r\n\r\n",
        b"",
        HEAD + b"--b\r\nContent-Length: %d\r\n\r\n" % (MAX_PART_BYTES + 1),
        HEAD + b"--b\r\nContent-Length: -1\r\n\r\n",
        HEAD + b"--b\r\nContent-Length: many\r\n\r\n",
        HEAD + b"--b\r\n" + b"X-Fill: 1\r\n" * 2000,
        HEAD + b"no boundary ever\r\n" * 500_000,
        HEAD + b"--b--\r\n",
    ],
    ids=["404", "html", "no-boundary-named", "no-http", "nothing", "huge", "negative", "words", "endless-header", "endless-junk", "end"],
)
def test_a_peer_that_is_no_camera_is_told_at_once(answer: bytes) -> None:
    with raw_peer(lambda connection, _number: connection.sendall(answer)) as url:
        camera = MjpegCamera(url, stall_s=1, patience_s=3)
        with pytest.raises(DeviceUnavailableError):
            next(camera.frames())
        camera.close()


def test_closing_wakes_a_reader_out_of_a_peer_that_drips() -> None:
    dripping = threading.Event()

    def script(connection: socket.socket, _number: int) -> None:
        connection.sendall(HEAD + part(grey_jpeg(50)) + b"--b\r\nContent-Length: 500000\r\n\r\n\xff\xd8")
        dripping.set()
        while True:
            connection.sendall(b"x")
            dripping.wait()
            threading.Event().wait(0.02)

    with raw_peer(script) as url:
        camera = MjpegCamera(url, stall_s=30, patience_s=30)
        stream = camera.frames()
        next(stream)
        assert dripping.wait(3)
        threading.Timer(0.1, camera.close).start()
        closed_at = time.monotonic()
        assert list(stream) == []
        assert time.monotonic() - closed_at < 2
        deadline = time.monotonic() + 2
        name = f"camera {url}"
        for thread in threading.enumerate():
            if thread.name == name:
                thread.join(deadline - time.monotonic())
                assert not thread.is_alive()


def test_a_reader_that_stops_looking_leaves_no_thread_behind(virtual: VirtualCamera) -> None:
    camera = MjpegCamera(virtual.video_url("cart-1"))
    for _frame in camera.frames():
        break
    deadline = time.monotonic() + 2
    for thread in threading.enumerate():
        if thread.name.startswith("camera "):
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive()
    camera.close()
