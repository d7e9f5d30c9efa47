"""`pointofcare-cart read URL`: a camera's stream, one line a picture, until it has seen enough or the stream is not there."""

from __future__ import annotations

import io
import json

from cart_client.reading import command
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


def test_an_address_where_nobody_answers_is_an_error_and_not_a_wait() -> None:
    out, err = io.StringIO(), io.StringIO()
    assert command.main(["http://127.0.0.1:9/video", "--frames", "1"], out=out, err=err) == command.UNREADABLE
    assert "127.0.0.1:9" in err.getvalue()
