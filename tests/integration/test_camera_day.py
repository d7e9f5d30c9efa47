"""A camera's day over a real wire: it goes silent, hangs, is covered, comes back; what the bedside and the fleet hear of it, and when."""

from __future__ import annotations

import http.client
import json
import logging
import os
import pickle
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from cart_client.app import CartProgram
from cart_client.config import Config
from cart_client.scanning import CameraTold, Seen, Sight, Viewfinder, watch
from devices import registry
from devices.broker import BrokerConfig
from pointofcare.wire import routes
from pointofcare.wire.messages import CartPhase, Telemetry, TelemetryKind
from simulation import frames, labels
from simulation.camera import Trouble, VirtualCamera
from tests.integration import test_cart_uplink
from tests.integration.test_cart_uplink import CART, Line
from tests.support.brokers import running_clients
from tests.support.camera_peers import HEAD, part, raw_peer
from tests.support.cart_ward import PUBLIC, Stand

BADGE = labels.badge("Trần Văn An", "Điều dưỡng", "N0017")
# Two seconds are promised; the rest is what a busy machine may take on top.
NOTICED_S = 2.0
GRACE_S = 1.5


@dataclass
class Watched:
    sight: Sight
    inbox: queue.Queue[object] = field(default_factory=queue.Queue)
    kept: list[object] = field(default_factory=list)

    def until(self, good: Callable[[object], bool], within_s: float = 10.0) -> float:
        """How long it took until something `good` was told."""
        begun = time.monotonic()
        while True:
            item = self.inbox.get(timeout=max(0.01, begun + within_s - time.monotonic()))
            self.kept.append(item)
            if good(item):
                return time.monotonic() - begun

    def fault(self, fault: str) -> float:
        return self.until(lambda item: isinstance(item, CameraTold) and item.fault == fault)

    def well(self) -> float:
        return self.until(lambda item: isinstance(item, CameraTold) and item.live and not item.fault)


@contextmanager
def watched(source: str, *, idle: bool = False) -> Iterator[Watched]:
    """The cart's own loop over a camera of the configuration, with everything real but the bedside."""
    inbox: queue.Queue[object] = queue.Queue()
    camera, halt = registry.camera(source), threading.Event()
    sight = Sight(registry.gauge(), Viewfinder(registry.picture()), inbox.put, wanted=camera.wanted_size())
    threads = [
        threading.Thread(target=watch, args=(camera, registry.decoder(), sight, inbox, halt), kwargs={"idle": lambda: idle}, daemon=True),
        threading.Thread(target=sight.keep_watch, args=(halt,), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield Watched(sight=sight, inbox=inbox)
    finally:
        halt.set()
        camera.close()
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()


@pytest.fixture
def hand() -> Iterator[VirtualCamera]:
    made = VirtualCamera(["c"], rate_hz=20)
    made.start()
    yield made
    made.stop()


def test_a_camera_that_goes_silent_and_comes_back_is_told_both_times(hand: VirtualCamera) -> None:
    with watched(f"mjpeg:{hand.video_url('c')}") as seen:
        seen.well()
        hand.suffer("c", Trouble.STALL)
        assert seen.fault("no-picture") < NOTICED_S + GRACE_S
        assert seen.sight.viewfinder.jpeg() is None
        hand.suffer("c", Trouble.NONE)
        assert seen.well() < NOTICED_S + GRACE_S
        assert seen.sight.numbers()["losses"] == 1


def test_a_camera_that_hangs_or_is_covered_is_told_and_shows_no_live_picture() -> None:
    """A picture of a pack that somebody held before is sent again and again; then the lens is covered; then it sees again."""
    held = frames.jpeg(frames.frame_with(BADGE, 3, difficulty=0.0))
    moved = [frames.jpeg(frames.empty_frame(5, moment=moment)) for moment in range(6)]
    dark = [frames.jpeg(np.full((720, 1280, 3), tone, np.uint8)) for tone in (1, 2, 3)]
    now: list[tuple[bytes, ...]] = [tuple(moved)]
    over = threading.Event()

    def script(connection: socket.socket, _number: int) -> None:
        connection.sendall(HEAD)
        number = 0
        while not over.wait(0.05):
            pictures = now[0]
            connection.sendall(part(pictures[number % len(pictures)]))
            number += 1

    with raw_peer(script) as url, watched(f"mjpeg:{url}") as seen:
        seen.well()
        now[0] = (held,)
        assert seen.fault("frozen") < NOTICED_S + GRACE_S
        assert seen.sight.viewfinder.jpeg() is None
        assert len([item for item in seen.kept if isinstance(item, Seen)]) <= 1  # when it came it was new; hanging it is none again
        now[0] = tuple(dark)
        assert seen.fault("black") < NOTICED_S + GRACE_S
        now[0] = tuple(moved)
        assert seen.well() < NOTICED_S + GRACE_S
        assert seen.sight.viewfinder.jpeg() is not None
        over.set()


def test_an_idle_cart_looks_seldom_and_still_sees_a_badge_at_once(hand: VirtualCamera) -> None:
    hand.clear("c")
    with watched(f"mjpeg:{hand.video_url('c')}", idle=True) as seen:
        seen.well()
        hand.hold("c", BADGE, difficulty=0.0)
        assert seen.until(lambda item: isinstance(item, Seen)) < NOTICED_S + GRACE_S


def test_no_picture_leaves_memory(hand: VirtualCamera, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in a file, not in a log, not in what the bedside is told, not in its journal."""
    written: list[str] = []
    watching = [True]

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if not watching[0]:
            return
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            written.append(str(arguments[0]))

    sys.addaudithook(audit)  # stays for the process: silent after this test
    stand = Stand(tmp_path)
    written.clear()
    with caplog.at_level(logging.DEBUG), watched(f"mjpeg:{hand.video_url('c')}") as seen:
        seen.well()
        hand.hold("c", BADGE, difficulty=0.0)
        seen.until(lambda item: isinstance(item, Seen))
        assert seen.sight.viewfinder.jpeg() is not None
        hand.suffer("c", Trouble.CORRUPT)
        seen.fault("no-picture")
        for item in seen.kept:
            stand.put(item)
            assert len(pickle.dumps(item)) < 4_096
        numbers = seen.sight.numbers()
    watching[0] = False
    stand.journal.close()
    assert [path for path in written if str(tmp_path) not in path] == []
    assert all(isinstance(value, str | int | float | bool | None) for value in numbers.values())
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"\xff\xd8\xff" not in file.read_bytes()
    assert "array(" not in caplog.text
    assert all(len(record.getMessage()) < 500 for record in caplog.records)


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    monkeypatch.setattr(test_cart_uplink, "UP", (*test_cart_uplink.UP, routes.TELEMETRY))
    with running_clients("mosquitto", (CART,)) as clients:
        made = Line(clients, tmp_path)
        made.start()
        yield made
        made.uplink.stop()
        made.journal.close()


def test_the_fleet_hears_of_a_fault_at_once_with_its_numbers(line: Line) -> None:
    told: dict[str, object] = {"live": True, "fault": "", "picture_rate_hz": 30.0}
    phase = [(CartPhase.READY, "")]
    line.uplink._health = lambda: phase[0]
    line.uplink._camera = lambda: told
    told["fault"] = "frozen"
    phase[0] = (CartPhase.DEGRADED, "camera-frozen")
    line.uplink.wake()
    line.came(routes.STATE, lambda body: body.why == "camera-frozen")  # type: ignore[attr-defined]
    line.came(
        routes.TELEMETRY,
        lambda body: isinstance(body, Telemetry) and body.kind is TelemetryKind.CAMERA and body.values["fault"] == "frozen",
    )


def test_the_whole_cart_program_shows_its_camera_and_says_its_faults(hand: VirtualCamera, tmp_path: Path) -> None:
    key = tmp_path / "server-key.json"
    key.write_text(json.dumps(PUBLIC.as_dict(private=False)), encoding="utf-8")
    broker = BrokerConfig(host="127.0.0.1", port=1, client_id="c")
    camera = f"mjpeg:{hand.video_url('c')}"
    config = Config(
        cart="c",
        facility="22001",
        ward="NOI-TH",
        zone="Asia/Ho_Chi_Minh",
        broker=broker,
        data_dir=tmp_path,
        server_key_file=key,
        camera=camera,
        kiosk_port=0,
    )
    program = CartProgram(config)
    program.start()
    try:

        def asked(path: str) -> tuple[int, dict[str, object], bytes]:
            """(status, what is drawn over the picture, body)."""
            with closing(http.client.HTTPConnection("127.0.0.1", urlsplit(program.url).port or 0, timeout=5)) as connection:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.headers.get("X-Outlook", "{}")), answer.read()

        def strip() -> dict[str, object]:
            told: dict[str, object] = json.loads(asked("/api/state")[2])["strip"]
            return told

        _until(lambda: strip()["camera_live"] is True)
        _until(lambda: asked("/picture.jpg")[0] == 200)
        assert asked("/picture.jpg")[1]["size"] == [1280, 720]
        hand.hold("c", BADGE, difficulty=0.0)
        _until(lambda: bool(asked("/picture.jpg")[1]["read"]))
        hand.suffer("c", Trouble.STALL)
        _until(lambda: strip()["camera_fault"] == "no-picture")
        assert program._health() == (CartPhase.DEGRADED, "chart-missing")  # what is worse is said first
        assert asked("/picture.jpg")[0] == 204
        assert program.alive
    finally:
        program.stop()


def _until(good: Callable[[], bool], within_s: float = 40.0) -> None:
    over = threading.Event()
    until = time.monotonic() + within_s
    while not good():
        assert time.monotonic() < until
        over.wait(0.05)
