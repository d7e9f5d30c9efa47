"""For the tests of the bridge: a simulated microcontroller on a real pseudo-terminal, and a whole bridge beside it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devices.drawers.bridge import BridgeDrawers
from firmware_bridge import config
from firmware_bridge.app import Bridge
from firmware_bridge.simulated import Knobs, SimulatedMicrocontroller


def eventually(true: Callable[[], bool], what: str, *, within_s: float = 15.0) -> None:
    """Waits until `true()`; fails with `what` when it does not come."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, what
        pause.wait(0.02)


@contextmanager
def a_microcontroller(link: Path | None = None, knobs: Knobs | None = None, *, drawers: int = 8) -> Iterator[SimulatedMicrocontroller]:
    """Always under a name of its own, as udev gives one: the number of a terminal that ended goes to whoever opens the next."""
    with tempfile.TemporaryDirectory(prefix="mcu-", ignore_cleanup_errors=True) as place:
        running = SimulatedMicrocontroller(link=link or Path(place) / "mcu", knobs=knobs, drawers=drawers)
        running.start()
        try:
            yield running
        finally:
            running.stop()


@dataclass(frozen=True, kw_only=True)
class RunningBridge:
    bridge: Bridge
    microcontroller: SimulatedMicrocontroller
    drawers: BridgeDrawers
    directory: Path

    def knows_its_hardware(self) -> bool:
        return self.bridge.relay.condition.battery_percent is not None


@contextmanager
def a_bridge(
    knobs: Knobs | None = None, *, broker_port: int = 1, password: str = "", directory: Path | None = None, report_s: float = 60.0
) -> Iterator[RunningBridge]:
    """`broker_port` 1: nobody listens there, as when the network is away. The folder's name is short: sockets need that."""
    with tempfile.TemporaryDirectory(prefix="br-", ignore_cleanup_errors=True) as fresh:
        place = directory or Path(fresh)
        with a_microcontroller(place / "mcu", knobs) as microcontroller:
            given = {
                "cart": "c1",
                "facility": "h1",
                "serial_port": microcontroller.port,
                "poll_s": 0.05,
                "report_s": report_s,
                "broker": {"host": "127.0.0.1", "port": broker_port, "username": "c1"},
            }
            settings = config.read(given, {config.PASSWORD: password}, beside=place)
            bridge = Bridge(settings)
            bridge.start()
            try:
                yield RunningBridge(
                    bridge=bridge, microcontroller=microcontroller, drawers=BridgeDrawers(str(settings.socket_path)), directory=place
                )
            finally:
                bridge.stop()


@contextmanager
def a_bridge_at(port: str) -> Iterator[Bridge]:
    """A bridge without a network before whatever speaks at `port`."""
    with tempfile.TemporaryDirectory(prefix="br-", ignore_cleanup_errors=True) as place:
        broker = {"host": "127.0.0.1", "port": 1, "username": "c1"}
        given = {"cart": "c1", "facility": "h1", "serial_port": port, "poll_s": 0.05, "report_s": 60.0, "broker": broker}
        bridge = Bridge(config.read(given, {config.PASSWORD: ""}, beside=Path(place)))
        bridge.start()
        try:
            yield bridge
        finally:
            bridge.stop()
