"""Our simulated microcontroller before a client that is not ours: what it says must be the protocol, not what our bridge puts up with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.firmware import image
from firmware_bridge.simulated import SimulatedMicrocontroller
from firmware_bridge.simulated_boot import Bootloader
from pointofcare import firmware
from tests.support.bridge import eventually
from tests.support.stranger_smp import session

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def mcu(tmp_path: Path) -> Iterator[SimulatedMicrocontroller]:
    running = SimulatedMicrocontroller(link=tmp_path / "mcu", bootloader=Bootloader(tmp_path / "flash", key=KEY.public_key()))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def new(tmp_path: Path) -> tuple[str, str]:
    """A signed image: its file, and its hash."""
    signed = image.sign(b"firmware " * 300, KEY, version="1.1.0+7", hardware="cart-mcu-r2")
    (tmp_path / "new.bin").write_bytes(signed)
    return str(tmp_path / "new.bin"), firmware.read(signed).image_hash


def test_it_is_looked_at_updated_and_the_update_kept(mcu: SimulatedMicrocontroller, new: tuple[str, str]) -> None:
    file, image_hash = new
    old = mcu.bootloader.running_hash
    told = session(
        mcu.port,
        "echo xin chào",
        "params",
        "list",
        f"upload {file}",
        f"test {image_hash}",
        "reset",
        f"wait {image_hash}",
        "confirm",
        "list",
    )
    assert [each for each in told if "refused" in each] == []
    given = {each["step"].split(" ")[0]: each["given"] for each in told}
    assert given["echo"] == "xin chào"
    assert given["params"] == {"buf_size": 1024, "buf_count": 2}
    assert [(state["slot"], state["hash"], state["pending"], state["active"]) for state in given["test"]] == [
        (0, old, False, True),
        (1, image_hash, True, False),
    ]
    assert [(state["hash"], state["active"], state["confirmed"]) for state in given["wait"]] == [
        (image_hash, True, False),
        (old, False, False),
    ]
    assert [(state["hash"], state["confirmed"]) for state in given["list"]] == [(image_hash, True), (old, False)]
    assert mcu.bootloader.running_hash == image_hash


def test_what_nobody_confirmed_is_taken_back_by_the_next_reset(mcu: SimulatedMicrocontroller, new: tuple[str, str]) -> None:
    file, image_hash = new
    old = mcu.bootloader.running_hash
    steps = (f"upload {file}", f"test {image_hash}", "reset", f"wait {image_hash}", "reset", f"wait {old}")
    assert "refused" not in session(mcu.port, *steps)[-1]


def test_an_image_of_another_key_is_never_started(mcu: SimulatedMicrocontroller, tmp_path: Path) -> None:
    rogue = image.sign(b"firmware " * 300, Ed25519PrivateKey.generate(), version="9.9.9+9", hardware="cart-mcu-r2")
    (tmp_path / "rogue.bin").write_bytes(rogue)
    old, image_hash = mcu.bootloader.running_hash, firmware.read(rogue).image_hash
    assert "refused" not in session(mcu.port, f"upload {tmp_path / 'rogue.bin'}", f"test {image_hash}", "reset")[-1]
    eventually(lambda: mcu.bootloader.refused == ["its signature is not of the key"], "the bootloader refuses it")
    assert [state["hash"] for state in session(mcu.port, f"wait {old}")[-1]["given"]] == [old], "and its slot is empty"


@pytest.mark.parametrize("step", ["raw read 77 0", "raw write 1 4", f"test {'00' * 32}"])
def test_what_it_does_not_know_is_refused_in_words_that_the_client_understands(mcu: SimulatedMicrocontroller, step: str) -> None:
    told = session(mcu.port, step, "echo never")
    assert len(told) == 1
    assert "refused" in told[0]
    assert "timed out" not in told[0]["refused"].lower()


def test_finding_5_an_answer_to_a_write_says_so_in_its_header_where_a_client_refuses_any_other(
    mcu: SimulatedMicrocontroller, new: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, image_hash = new
    answers: list[bytes] = []
    out = mcu._out
    monkeypatch.setattr(mcu, "_out", lambda answer: (answers.append(answer), out(answer))[1])
    assert "refused" not in session(mcu.port, f"upload {file}", f"test {image_hash}")[-1]
    assert [answer[0] & 0b111 for answer in answers[-2:]] == [3, 1], "to the write of the state, and to its reading after it"
    monkeypatch.setattr(mcu, "_out", lambda answer: out(bytes([answer[0] & ~0b111 | 1]) + answer[1:]))
    assert "refused" in session(mcu.port, f"test {image_hash}")[-1], "the library that our bridge uses would not have noticed"


def test_finding_6_an_echo_is_answered_to_who_reads_it_and_to_who_writes_it(mcu: SimulatedMicrocontroller) -> None:
    assert session(mcu.port, "echo as this client does it")[-1]["given"] == "as this client does it"
    assert "refused" not in session(mcu.port, "raw write 0 0")[-1]
    assert "refused" not in session(mcu.port, "raw read 0 0")[-1]
