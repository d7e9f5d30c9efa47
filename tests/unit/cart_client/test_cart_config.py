"""The cart's configuration: all faults at once, secrets from the environment only."""

from __future__ import annotations

from pathlib import Path

import pytest

from cart_client import config
from pointofcare.errors import ConfigError

GOOD = {"cart": "cart-1", "facility": "22001", "ward": "NOI-TH", "broker": {"port": 1884}}


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    read = config.read(GOOD, {"POC_CART_BROKER_PASSWORD": "secret"}, beside=tmp_path)
    assert (read.cart, read.broker.port, read.broker.password, read.data_dir) == ("cart-1", 1884, "secret", tmp_path / "data")
    assert "secret" not in repr(read)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    bad = {
        "cart": "a cart",
        "ward": "NOI-TH",
        "zone": "Mars/Olympus",
        "language": "de",
        "broker": {"port": 0, "ca_file": "missing.pem", "key_file": ""},
        "kiosk": {"host": "0.0.0.0", "port": "x"},
        "spelled_wrong": 1,
    }
    with pytest.raises(ConfigError) as raised:
        config.read(bad, {}, beside=tmp_path)
    named = {where for where, _ in raised.value.problems}
    assert named == {"cart", "facility", "zone", "language", "broker.port", "broker.ca_file", "kiosk.host", "kiosk.port", "spelled_wrong"}


@pytest.mark.parametrize("text", ["cart = ", "\x00", 'cart = "a"\ncart = "b"'])
def test_a_file_that_is_not_toml_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cart.toml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        config.load(path, {})


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "none.toml", {})


def test_the_kiosk_is_for_this_machine_only(tmp_path: Path) -> None:
    for host in ("192.168.1.5", "cart.example", "::"):
        with pytest.raises(ConfigError):
            config.read({**GOOD, "kiosk": {"host": host}}, {}, beside=tmp_path)
    assert config.read({**GOOD, "kiosk": {"host": "::1"}}, {}, beside=tmp_path).kiosk_host == "::1"


def test_a_site_switches_kinds_of_codes_on_by_name_and_a_wrong_name_is_told_with_the_list(tmp_path: Path) -> None:
    assert config.read(GOOD, {}, beside=tmp_path).symbologies == ()
    read = config.read({**GOOD, "devices": {"symbologies": ["ean-8", "qr", "ean-8"]}}, {}, beside=tmp_path)
    assert read.symbologies == ("ean-8", "qr")
    for given in (["ean-8", "aztec"], ["upc-e"], [8], "ean-8"):
        with pytest.raises(ConfigError) as raised:
            config.read({**GOOD, "devices": {"symbologies": given}}, {}, beside=tmp_path)
        ((where, what),) = raised.value.problems
        assert where == "devices.symbologies"
        assert "ean-8" in what or "never read" in what
