"""`pointofcare-cart read URL`: a camera's stream, one line a picture, until it has seen enough or the stream is not there."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cart_client.reading import command, pictures
from simulation import labels
from simulation.camera import VirtualCamera


def test_a_camera_on_the_network_is_read_line_by_line() -> None:
    hand = VirtualCamera(["c1"], rate_hz=20)
    hand.start()
    try:
        hand.hold("c1", labels.unit_dose("Paracetamol 500 mg", "8934567890120"), difficulty=0.1)
        out = io.StringIO()
        assert command.main([hand.video_url("c1"), "--frames", "4", "--json"], out=out) == 0
    finally:
        hand.stop()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == 4
    assert {symbol["text"] for line in lines for symbol in line["symbols"]} == {"8934567890120"}


def test_a_single_picture_of_a_camera_is_read_like_a_file() -> None:
    hand = VirtualCamera(["c1"])
    hand.start()
    try:
        hand.hold("c1", labels.bag("BAG-000001", "Natri clorid 0,9 %"), difficulty=0.0)
        out, err = io.StringIO(), io.StringIO()
        assert command.main([hand.video_url("c1").replace("video.mjpg", "snapshot.jpg"), "--json"], out=out, err=err) == 0
        assert command.main([f"{hand.url}/nobody/snapshot.jpg"], out=out, err=err) == command.UNREADABLE
    finally:
        hand.stop()
    assert [symbol["text"] for symbol in json.loads(out.getvalue())["symbols"]] == ["BAG-000001"]
    assert "HTTP 404" in err.getvalue()


def test_a_picture_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"\xff" * 65_536)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    monkeypatch.setattr(pictures, "MOST_BYTES", 1_000_000)
    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        out, err = io.StringIO(), io.StringIO()
        assert command.main([f"http://127.0.0.1:{server.server_address[1]}/a.jpg"], out=out, err=err) == command.UNREADABLE
        server.shutdown()
    assert "larger than" in err.getvalue()


def test_an_address_where_nobody_answers_is_an_error_and_not_a_wait() -> None:
    out, err = io.StringIO(), io.StringIO()
    assert command.main(["http://127.0.0.1:9/video", "--frames", "1"], out=out, err=err) == command.UNREADABLE
    assert "127.0.0.1" in err.getvalue()
