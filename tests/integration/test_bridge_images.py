"""What the bridge says of firmware images to a microcontroller, where the libraries beneath and newer firmware have their own ideas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cbor2
import pytest
from pydantic import ValidationError
from smp import header
from smp.image_management import ImageStatesReadResponse

from firmware_bridge.images import Images, StatesRead
from firmware_bridge.link import Link
from firmware_bridge.simulated import SimulatedMicrocontroller
from firmware_bridge.simulated_boot import plain_image
from pointofcare.errors import DeviceProtocolError, DeviceTimeoutError, ImageRejectedError, TransferInterruptedError
from tests.support.bridge import a_microcontroller

NEW = plain_image("1.1.0.7", body=b"firmware" * 500)
NEW_HASH = NEW[-32:].hex()


@pytest.fixture
def mcu() -> Iterator[SimulatedMicrocontroller]:
    with a_microcontroller() as running:
        yield running


@pytest.fixture
def images(mcu: SimulatedMicrocontroller) -> Iterator[Images]:
    link = Link(mcu.port, timeout_s=0.2, tries=2)
    link.start()
    yield Images(link, answer_s=0.2, erase_s=0.5, pause=lambda _s: None)
    link.stop()


def test_finding_9_answers_of_newer_firmware_with_more_keys_are_read_where_the_library_refuses_them(
    images: Images, mcu: SimulatedMicrocontroller, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = {"slot": 0, "version": "1.0.0", "hash": b"\x01" * 32, "active": True, "confirmed": True, "newer": 1}
    answer = {"images": [slot], "newest": [1]}
    monkeypatch.setattr(mcu.bootloader, "answer", lambda *_given, **_named: answer)
    assert [state.hash for state in images.image_states()] == ["01" * 32]
    told = cbor2.dumps(answer)
    with pytest.raises(ValidationError):
        ImageStatesReadResponse.loads(bytes(_header(told)) + told)


def _header(content: bytes) -> header.Header:
    return header.Header(
        op=header.OP.READ_RSP,
        version=header.Version.V2,
        flags=header.Flag(0),
        length=len(content),
        group_id=header.GroupId.IMAGE_MANAGEMENT,
        sequence=1,
        command_id=header.CommandId.ImageManagement.STATE,
    )


def test_finding_10_nothing_in_this_environment_pulls_the_cbor_library_back(images: Images) -> None:
    assert 6 <= int(version("cbor2").split(".")[0]) < 7
    lock = (Path(__file__).parents[2] / "requirements.lock").read_text(encoding="utf-8")
    assert re.search(r"^cbor2==6\.", lock, re.MULTILINE)
    for rival in ("cwt", "zcbor"):
        assert not re.search(rf"^{rival}==", lock, re.MULTILINE)
        with pytest.raises(PackageNotFoundError):
            version(rival)
    assert StatesRead().header.group_id == 1


def test_an_error_answer_is_never_taken_for_a_good_one_whatever_else_it_says(
    images: Images, mcu: SimulatedMicrocontroller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ({"rc": 8, "images": []}, {"err": {"group": 1, "rc": 2}, "images": []}, {"rc": 6, "off": len(NEW)}, {"images": 3}, {}):
        monkeypatch.setattr(mcu.bootloader, "answer", lambda *_given, _told=wrong, **_named: _told)
        with pytest.raises((DeviceProtocolError, DeviceTimeoutError)):
            images.image_states()
    with pytest.raises((ImageRejectedError, TransferInterruptedError)):
        images.upload(NEW)


@pytest.mark.parametrize("answer", [{"off": len(NEW), "rc": 6}, {"off": 10**9}, {"off": -1}, {"off": len(NEW), "match": False}])
def test_an_upload_of_which_the_other_end_tells_what_cannot_be_is_not_done(
    images: Images, mcu: SimulatedMicrocontroller, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    monkeypatch.setattr(mcu.bootloader, "answer", lambda *_given, **_named: answer)
    with pytest.raises((ImageRejectedError, TransferInterruptedError)):
        images.upload(NEW)


def test_an_upload_that_gets_nowhere_ends(images: Images, mcu: SimulatedMicrocontroller, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(mcu.bootloader, "answer", lambda _command, body, **_named: (asked.append(body), {"off": 5})[1])
    with pytest.raises(TransferInterruptedError):
        images.upload(NEW)
    assert len(asked) < 40


def test_an_upload_on_a_bad_line_arrives_whole(images: Images, mcu: SimulatedMicrocontroller) -> None:
    mcu.knobs.lose, mcu.knobs.damage, mcu.knobs.noise = 0.1, 0.1, True
    told: list[int] = []
    images.upload(NEW, progress=lambda there, _whole: told.append(there))
    mcu.knobs.lose = mcu.knobs.damage = 0.0
    assert told == sorted(set(told))
    assert told[-1] == len(NEW)
    assert images.image_states()[1].hash == NEW_HASH


def test_a_test_whose_answer_was_lost_is_looked_for_and_not_called_refused(
    images: Images, mcu: SimulatedMicrocontroller, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.upload(NEW)
    known = mcu.bootloader.answer

    def pending_already(command: int, body: dict[str, Any], *, writes: bool) -> dict[str, Any]:
        told = known(command, body, writes=writes)
        return {"rc": 1} if command == 0 and writes else told

    monkeypatch.setattr(mcu.bootloader, "answer", pending_already)
    assert images.mark_test(NEW_HASH).pending


def test_two_images_that_both_say_that_they_run_are_neither_confirmed(
    images: Images, mcu: SimulatedMicrocontroller, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = [{"slot": number, "version": "1", "hash": bytes([number]) * 32, "active": True} for number in range(2)]
    monkeypatch.setattr(mcu.bootloader, "answer", lambda *_given, **_named: {"images": slots})
    with pytest.raises(DeviceProtocolError):
        images.confirm()
