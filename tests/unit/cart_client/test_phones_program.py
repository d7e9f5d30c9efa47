"""A file for several phones, and the program that keeps a cart running for each of them."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cart_client import config, phones
from pointofcare.errors import ConfigError

FILE = """
facility = "h1"
ward = "W1"
data_dir = "data/{phone}"
[phones]
names = ["phone-01", "phone-02"]
sockets = "run"
[broker]
host = "127.0.0.1"
username = "{phone}"
[at_rest]
key = "file:keys/{phone}.key"
"""


def of(name: str, environment: dict[str, str], tmp_path: Path, text: str = FILE) -> config.Config:
    path = tmp_path / "phones.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, environment, phone=name)


def test_each_phone_has_its_own_name_journal_key_account_and_socket(tmp_path: Path) -> None:
    one, two = (of(name, {}, tmp_path) for name in ("phone-01", "phone-02"))
    assert (one.cart, one.data_dir.name, one.broker.username, one.broker.client_id) == ("phone-01",) * 2 + ("phone-01",) * 2
    assert one.phone_socket == tmp_path / "run" / "phone-01.sock"
    assert one.camera == "none"
    for differs in ("cart", "data_dir", "phone_socket", "at_rest"):
        assert getattr(one, differs) != getattr(two, differs)


def test_a_phone_knows_its_own_password_alone(tmp_path: Path) -> None:
    environment = {"POC_CART_BROKER_PASSWORD_PHONE_01": "one", "POC_CART_BROKER_PASSWORD_PHONE_02": "two", "PATH": "/bin"}
    assert of("phone-02", environment, tmp_path).broker.password == "two"
    assert config.only_own(environment, "phone-01") == {"POC_CART_BROKER_PASSWORD": "one", "PATH": "/bin"}


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("data/{phone}", "data", "data_dir"),
        ("keys/{phone}.key", "keys/one.key", "at_rest.key"),
        ('"{phone}"', '"all"', "broker.username"),
        ('"phone-02"', '"Phone-01"', "phones.names"),
        ('"phone-02"', '"../other"', "phones.names"),
        ('sockets = "run"', "", "phones.sockets"),
        ('facility = "h1"', 'facility = "h1"\ncart = "cart-1"', "cart"),
        ('["phone-01", "phone-02"]', "[]", "phones.names"),
    ],
)
def test_what_two_phones_would_share_is_a_fault(tmp_path: Path, old: str, new: str, where: str) -> None:
    assert old in FILE
    with pytest.raises(ConfigError) as caught:
        of("phone-01", {}, tmp_path, FILE.replace(old, new))
    assert where in [place for place, _ in caught.value.problems]


def test_a_phone_that_is_not_in_the_file_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        of("phone-03", {}, tmp_path)


def test_a_cart_with_a_lens_is_no_phone() -> None:
    with pytest.raises(ConfigError):
        config.phones(tomllib.loads(FILE + "\n[devices]\ncamera = 'opencv:0'\n"))


class FakeProcess:
    def __init__(self) -> None:
        self.code: int | None = None
        self.ends_when_told = True
        self.killed = False

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        if self.ends_when_told:
            self.code = 0

    def wait(self, timeout: float | None = None) -> int:
        if self.code is None:
            raise subprocess.TimeoutExpired("cart", timeout or 0)
        return self.code

    def kill(self) -> None:
        self.killed, self.code = True, -9


class Ward:
    def __init__(self) -> None:
        self.at_s = 0.0
        self.made: list[tuple[str, FakeProcess]] = []
        self.phones = phones.Phones(["phone-01", "phone-02"], start=self._start, mono_s=lambda: self.at_s)

    def _start(self, name: str) -> Any:
        self.made.append((name, FakeProcess()))
        return self.made[-1][1]


def test_a_cart_that_ended_is_started_again_with_growing_pauses_and_the_others_go_on() -> None:
    ward = Ward()
    ward.phones.look()
    ward.made[0][1].code = 1
    ward.phones.look()
    assert [name for name, _ in ward.made] == ["phone-01", "phone-02"]
    ward.at_s += 10
    ward.phones.look()
    assert [name for name, _ in ward.made] == ["phone-01", "phone-02", "phone-01"]
    ward.made[2][1].code = 1
    ward.phones.look()
    ward.at_s += 3
    ward.phones.look()
    assert len(ward.made) == 3  # it fails at its start: not tried as fast


def test_a_cart_that_cannot_be_configured_is_not_tried_again() -> None:
    ward = Ward()
    ward.phones.look()
    ward.made[0][1].code = 2
    for _ in range(5):
        ward.at_s += 100
        ward.phones.look()
    assert [name for name, _ in ward.made].count("phone-01") == 1
    assert not ward.phones.hopeless
    ward.made[1][1].code = 2
    ward.phones.look()
    assert ward.phones.hopeless


def test_all_end_and_one_that_hangs_is_killed() -> None:
    ward = Ward()
    ward.phones.look()
    ward.made[1][1].ends_when_told = False
    ward.phones.stop(within_s=0.1)
    assert [(made.code, made.killed) for _, made in ward.made] == [(0, False), (-9, True)]
