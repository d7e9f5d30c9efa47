"""The bridge's settings: every fault at once, nothing guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_bridge import config
from pointofcare.errors import ConfigError

GIVEN = {"cart": "c1", "facility": "h1", "serial_port": "/dev/ttyACM0", "broker": {"host": "10.0.0.2", "username": "c1"}}


def test_a_small_file_is_enough() -> None:
    found = config.read(GIVEN, {config.PASSWORD: "secret-word"}, beside=Path("/etc/poc"))
    assert (found.broker.client_id, found.broker.password, found.broker.port) == ("c1-mcu", "secret-word", 1883)
    assert found.socket_path == Path("/etc/poc/drawers.sock")
    assert "secret-word" not in repr(found)


def test_every_fault_is_told_at_once() -> None:
    given = {"cart": "c 1", "poll_s": "often", "sockets": 3, "broker": {"port": 99999, "usernam": "x"}}
    with pytest.raises(ConfigError) as caught:
        config.read(given, {}, beside=Path("/etc"))
    assert {where for where, _ in caught.value.problems} == {
        "cart", "facility", "serial_port", "poll_s", "sockets", "broker.port", "broker.usernam"
    }  # fmt: skip


def test_a_socket_path_that_the_system_cannot_open_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        config.read(GIVEN | {"socket_path": "x" * 120}, {}, beside=Path("/run"))
    assert caught.value.problems[0][0] == "socket_path"


def test_a_missing_file_is_told_not_raised_raw(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        config.load(tmp_path / "none.toml", {})
    (tmp_path / "bad.toml").write_text("cart = ")
    with pytest.raises(ConfigError):
        config.load(tmp_path / "bad.toml", {})
