"""For the tests of the bridge against somebody else's microcontroller: Zephyr and MCUboot in QEMU, one for a whole module."""

from __future__ import annotations

import base64
import binascii
import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from smp import packet

from devices.firmware import image as mcuboot
from firmware_bridge import group
from firmware_bridge.images import Images, ImageState
from firmware_bridge.link import Link
from firmware_bridge.simulated import SimulatedMicrocontroller
from pointofcare import firmware
from pointofcare.errors import DeviceTimeoutError
from simulation import zephyr_peer
from simulation.zephyr_peer import Microbit

HEADER_BYTES, KEY = 0x200, Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_versions = count(1)


class MicrobitImages(Images):
    """Their firmware has no boot id of its own (it does not know the cart's commands): the emulator counts its starts."""

    def __init__(self, link: Link, microbit: Microbit) -> None:
        super().__init__(link, at_once=256, erase_s=2.0)
        self._microbit = microbit

    def boot_id(self) -> str:
        if not self._microbit.listening:
            raise DeviceTimeoutError("it starts")
        return str(self._microbit.boots)


@dataclass(kw_only=True)
class Board:
    """A micro:bit that is never left half updated: `settle` before each test."""

    microbit: Microbit
    link: Link
    images: Images

    def settle(self) -> ImageState:
        """Whatever the last test did: one confirmed image that runs, nothing beside it. The image that runs."""
        self.microbit.on_wire = lambda data, _inwards: data
        if any(state.pending for state in self.images.image_states()):
            self.restart()
        self.images.confirm()
        if len(self.images.image_states()) > 1:
            self.images.erase(1)
        states = self.images.image_states()
        assert [(state.active, state.confirmed) for state in states] == [(True, True)]
        return states[0]

    def restart(self, *, within_s: float = 60.0) -> None:
        before = self.images.boot_id()
        self.images.reset()
        self.images.await_boot(before, within_s=within_s)


@dataclass(frozen=True, kw_only=True)
class Built:
    """A signed image of their application. `version` as imgtool writes it, `hash` hex of the MCUboot trailer."""

    version: str
    data: bytes
    hash: str


def application() -> bytes:
    """The code of their application, without header and records."""
    signed = zephyr_peer.artifact(Microbit.signed_name).read_bytes()
    return signed[HEADER_BYTES : HEADER_BYTES + int.from_bytes(signed[12:16], "little")]


def build(version: str | None = None) -> Built:
    """Never the same twice, so that no slot can hold it by chance."""
    told = version or f"1.1.0+{next(_versions)}"
    data = mcuboot.sign(application(), KEY, version=told, hardware="bbc-microbit")
    return Built(version=told, data=data, hash=firmware.read(data).image_hash)


@contextmanager
def a_board() -> Iterator[Board]:
    if why := zephyr_peer.missing():
        pytest.skip(f"{why} is missing: bash deploy/setup.sh test")
    with tempfile.TemporaryDirectory(prefix="mb-") as directory, Microbit(Path(directory)).running() as microbit:
        link = Link(microbit.port, timeout_s=0.5, tries=10)
        link.start()
        try:
            images = MicrobitImages(link, microbit)
            images.await_boot("", within_s=60.0)
            yield Board(microbit=microbit, link=link, images=images)
        finally:
            link.stop()


@pytest.fixture(scope="module")
def running_board() -> Iterator[Board]:
    with a_board() as running:
        yield running


@pytest.fixture
def board(running_board: Board) -> Board:
    running_board.settle()
    return running_board


@dataclass(kw_only=True)
class Wire:
    """Between the bridge and the microcontroller: notes every request, and spoils answers. `lose` and `damage` hold how many
    whole answers to pass before the one that goes missing or gets one wrong character; one of `delay` comes with the next one."""

    lose: set[int] = field(default_factory=set)
    delay: set[int] = field(default_factory=set)
    damage: set[int] = field(default_factory=set)
    requests: list[tuple[int, int, dict[str, object]]] = field(default_factory=list)
    _inward: bytes = b""
    _outward: bytes = b""
    _answers: int = 0
    _number: int = -1
    _frame: bytes = b""
    _late: bytes = b""

    def __call__(self, data: bytes, inwards: bool) -> bytes:
        return self._note(data) if inwards else self._spoil(data)

    def _note(self, data: bytes) -> bytes:
        self._inward += data
        while b"\n" in self._inward:
            line, _, self._inward = self._inward.partition(b"\n")
            if line.startswith(b"\x06\x09"):
                self._frame = b""
            with contextlib.suppress(binascii.Error):
                self._frame += base64.b64decode(line[2:])
            if len(self._frame) >= 2 + int.from_bytes(self._frame[:2], "big"):
                message = self._frame[2:-2]
                self.requests.append((int.from_bytes(message[4:6], "big"), message[7], cbor2.loads(message[8:])))
        return data

    def _spoil(self, data: bytes) -> bytes:
        """Whole lines only, so that what is lost or damaged does not hang on how they were cut up."""
        self._outward += data
        *lines, self._outward = self._outward.split(b"\n")
        told = b""
        for line in lines:
            if line.startswith(b"\x06\x09"):
                self._number, self._answers = self._answers, self._answers + 1
            if not line.startswith((b"\x06\x09", b"\x04\x14")):
                told += line + b"\n"
            elif self._number in self.damage:
                told += line[:7] + b"!" + line[8:] + b"\n"
            elif self._number in self.delay:
                self._late += line + b"\n"
            elif self._number not in self.lose:
                told, self._late = told + self._late, b""
                told += line + b"\n"
        return told


class CartCommands:
    """The cart's own commands, which Zephyr does not know, answered beside it: locks and battery are ours, images and starts are
    theirs. An `on_wire` for a Microbit; `cart` is never started as a microcontroller of its own."""

    def __init__(self, microbit: Microbit, hardware: str) -> None:
        self.cart = SimulatedMicrocontroller(hardware=hardware)
        self.cart.on_mains = True
        self._microbit = microbit
        self._boots = microbit.boots
        self._asked = b""
        self._ours = False
        self._frame: Any = None

    def __call__(self, data: bytes, inwards: bool) -> bytes:
        if not inwards:
            return data
        if self._boots != self._microbit.boots:
            self._boots = self._microbit.boots
            self.cart.reset()
        self._asked += data
        theirs = b""
        while b"\n" in self._asked:
            line, _, self._asked = self._asked.partition(b"\n")
            about = zephyr_peer.group_and_command(line)
            if about is not None:
                self._ours = about[0] == group.GROUP
                self._frame = packet.decode()
                next(self._frame)
            if self._ours:
                self._take(line + b"\n")
            else:
                theirs += line + b"\n"
        return theirs

    def _take(self, line: bytes) -> None:
        try:
            self._frame.send(line)
        except StopIteration as done:
            request: bytes = done.value
            body = cbor2.loads(request[8:]) if len(request) > 8 else {}
            told = cbor2.dumps(self.cart.answer(group.GROUP, request[7], body), canonical=True)
            head = bytes([request[0] | 1, 0]) + len(told).to_bytes(2, "big") + request[4:8]
            if self._microbit.listening:
                self._microbit.say(b"".join(packet.encode(head + told)))
