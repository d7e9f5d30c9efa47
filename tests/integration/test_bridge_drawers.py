"""From the cart program's drawer port to the bolt, with no broker and no server anywhere."""

from __future__ import annotations

import json
import queue
import socket
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from cart_client.drawer import tell_battery
from cart_client.inbox import BatteryTold
from devices import registry
from devices.drawers.bridge import BridgeDrawers
from devices.ports import DrawerOutcome
from firmware_bridge.app import Bridge
from firmware_bridge.simulated import Knobs
from pointofcare.errors import ConfigError, DeviceUnavailableError, OutcomeUnknownError
from tests.support.bridge import a_bridge, eventually


def _line(path: Path, line: bytes) -> dict:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(line)
        with connection.makefile("rb") as lines:
            return json.loads(lines.readline() or b"{}")


def test_the_right_drawer_unlocks_with_broker_and_server_away() -> None:
    with a_bridge() as running:
        assert running.drawers.unlock(3, command_id="a", ttl_s=5.0) is DrawerOutcome.UNLOCKED
        assert [(moved.drawer, moved.command_id) for moved in running.microcontroller.moved] == [(3, "a")]
        assert running.microcontroller.is_free(3)
        assert not running.microcontroller.is_free(4)


def test_the_cart_finds_it_by_name() -> None:
    with a_bridge() as running:
        drawers = registry.drawers(f"bridge:{running.directory / 'drawers.sock'}")
        assert drawers.unlock(1, command_id="a", ttl_s=2.0) is DrawerOutcome.UNLOCKED


def test_a_drawer_that_refuses_or_is_stuck_is_refused_not_opened() -> None:
    with a_bridge(Knobs(refuse={2}, stuck={5})) as running:
        assert running.drawers.unlock(2, command_id="a", ttl_s=2.0) is DrawerOutcome.REFUSED
        assert running.drawers.unlock(5, command_id="b", ttl_s=2.0) is DrawerOutcome.REFUSED
        assert running.drawers.unlock(99, command_id="c", ttl_s=2.0) is DrawerOutcome.REFUSED
        assert running.microcontroller.moved == ()


def test_an_answer_that_never_comes_is_unknown_and_asking_again_opens_nothing_twice() -> None:
    with a_bridge() as running:
        running.microcontroller.knobs.lose = 1.0
        with pytest.raises(OutcomeUnknownError):
            running.drawers.unlock(3, command_id="a", ttl_s=30.0)
        running.microcontroller.knobs.lose = 0.0
        assert running.drawers.unlock(3, command_id="a", ttl_s=30.0) is DrawerOutcome.UNLOCKED
        assert len(running.microcontroller.moved) == 1


def test_without_the_cable_nothing_is_sent_and_the_drawer_is_not_called_open() -> None:
    with a_bridge() as running:
        eventually(running.knows_its_hardware, "the bridge never saw its microcontroller")
        running.microcontroller.unplug()
        eventually(lambda: not running.bridge.relay.condition.connected, "the pulled cable was never noticed")
        with pytest.raises(DeviceUnavailableError):
            running.drawers.unlock(3, command_id="a", ttl_s=5.0)
        running.microcontroller.plug()
        assert running.drawers.unlock(3, command_id="b", ttl_s=5.0) is DrawerOutcome.UNLOCKED
        assert [moved.command_id for moved in running.microcontroller.moved] == ["b"]


def test_without_the_bridge_nothing_is_sent() -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.raises(DeviceUnavailableError):
        BridgeDrawers(f"{directory}/none.sock").unlock(1, command_id="a", ttl_s=1.0)


def test_a_bridge_that_dies_while_asked_leaves_the_outcome_unknown() -> None:
    with tempfile.TemporaryDirectory(prefix="br-") as directory, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(f"{directory}/s")
        listener.listen(2)

        def hang_up_twice() -> None:
            for _ in range(2):
                guest, _ = listener.accept()
                guest.recv(4096)
                guest.close()

        thread = threading.Thread(target=hang_up_twice)
        thread.start()
        with pytest.raises(OutcomeUnknownError):
            BridgeDrawers(f"{directory}/s").unlock(1, command_id="a", ttl_s=1.0)
        thread.join(5)


def test_a_bridge_that_stays_silent_leaves_the_outcome_unknown() -> None:
    with tempfile.TemporaryDirectory(prefix="br-") as directory, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(f"{directory}/s")
        listener.listen(2)
        with pytest.raises(OutcomeUnknownError):
            BridgeDrawers(f"{directory}/s", answer_s=0.1).unlock(1, command_id="a", ttl_s=1.0)


def test_only_the_same_user_may_knock() -> None:
    with a_bridge() as running:
        assert stat.S_IMODE((running.directory / "drawers.sock").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "line",
    [
        b"open all of them\n",
        b"[]\n",
        b'{"do": "unlock"}\n',
        b'{"do": "unlock", "drawer": true, "id": "a", "ttl_ms": 100}\n',
        b'{"do": "unlock", "drawer": 0, "id": "a", "ttl_ms": 100}\n',
        b'{"do": "unlock", "drawer": 1, "id": "", "ttl_ms": 100}\n',
        b'{"do": "unlock", "drawer": 1, "id": "a", "ttl_ms": 9999999}\n',
        b'{"do": "open"}\n',
        b"x" * 5000 + b"\n",
    ],
)
def test_rubbish_at_the_door_moves_nothing_and_the_door_stays_open(line: bytes) -> None:
    with a_bridge() as running:
        socket_path = running.directory / "drawers.sock"
        assert _line(socket_path, line).get("outcome") is None
        assert running.microcontroller.moved == ()
        assert running.drawers.unlock(1, command_id="after", ttl_s=1.0) is DrawerOutcome.UNLOCKED


def test_the_cart_can_ask_what_is_known_of_the_hardware() -> None:
    with a_bridge() as running:
        eventually(running.knows_its_hardware, "the bridge never saw its microcontroller")
        told = _line(running.directory / "drawers.sock", b'{"do": "status"}\n')
        assert (told["connected"], told["battery_percent"], told["on_mains"]) == (True, 87, False)


def test_a_dead_bridges_socket_is_replaced_and_a_living_ones_is_not() -> None:
    with a_bridge() as running:
        second = Bridge(running.bridge.config)
        with pytest.raises(ConfigError):
            second.start()
        second.stop()
        assert running.drawers.unlock(1, command_id="a", ttl_s=1.0) is DrawerOutcome.UNLOCKED
    with tempfile.TemporaryDirectory(prefix="br-") as directory:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left_behind:
            left_behind.bind(f"{directory}/drawers.sock")
        with a_bridge(directory=Path(directory)) as running:
            assert running.drawers.unlock(1, command_id="a", ttl_s=1.0) is DrawerOutcome.UNLOCKED


def test_the_cart_hears_how_full_its_battery_is_and_none_when_nobody_tells() -> None:
    with a_bridge() as running:
        eventually(running.knows_its_hardware, "the bridge never saw its microcontroller")
        assert running.drawers.battery_percent() == 87
        told: queue.Queue[object] = queue.Queue()
        halt = threading.Event()
        halt.set()
        tell_battery(running.drawers, told, halt)
        assert told.get_nowait() == BatteryTold(percent=87)
        running.bridge.stop()
        assert running.drawers.battery_percent() is None
