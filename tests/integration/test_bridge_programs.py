"""The two programs as they are started: the simulated microcontroller and the bridge, each a process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.drawers.bridge import BridgeDrawers
from devices.ports import DrawerOutcome


@contextmanager
def _program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "firmware_bridge", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(15)
        assert process.stdout is not None
        process.stdout.close()


def _ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_both_programs_start_open_a_drawer_and_stop_without_a_broker() -> None:
    with tempfile.TemporaryDirectory(prefix="br-") as directory:
        place = Path(directory)
        link, settings = place / "mcu", place / "bridge.toml"
        settings.write_text(f'cart = "c1"\nfacility = "h1"\nserial_port = "{link}"\n[broker]\nport = 1\n')
        with _program("simulate", "--pty-link", str(link), "--drawers", "24") as simulated:
            assert _ready(simulated).startswith("ready")
            with _program("--config", str(settings)) as bridge:
                assert _ready(bridge).startswith("ready c1")
                assert BridgeDrawers(str(place / "drawers.sock")).unlock(24, command_id="a", ttl_s=2.0) is DrawerOutcome.UNLOCKED
            assert bridge.returncode == 0
        assert simulated.returncode == 0
        assert not (place / "drawers.sock").exists()
        assert not link.is_symlink()


def test_a_wrong_configuration_is_told_and_ends_with_two() -> None:
    with tempfile.TemporaryDirectory() as directory:
        settings = Path(directory) / "bridge.toml"
        settings.write_text("cart = 3\n")
        ended = subprocess.run(
            [sys.executable, "-m", "firmware_bridge", "--config", str(settings)], capture_output=True, text=True, timeout=30
        )
        assert ended.returncode == 2
        assert "facility" in ended.stderr
        assert "Traceback" not in ended.stderr
