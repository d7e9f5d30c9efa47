"""From a signed release to somebody else's bootloader: the whole bridge, its list of releases over HTTP, and MCUboot in QEMU."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.firmware import image
from firmware_bridge.simulated import Knobs
from pointofcare import firmware
from pointofcare.wire.messages import JobState
from server.firmware import repository, standing
from simulation import zephyr_peer
from simulation.zephyr_peer import Microbit
from tests.support import firmware as signers
from tests.support.bridge import eventually
from tests.support.firmware import HARDWARE
from tests.support.update import Cart, a_server
from tests.support.zephyr import CartCommands, application


@dataclass(kw_only=True)
class Ward:
    cart: Cart
    microbit: Microbit
    commands: CartCommands

    def release(self, version: str) -> str:
        """Its hash, once it is published."""
        content = image.sign(application(), self.cart.people.image_key(), version=version, hardware=HARDWARE)
        self.cart.people.release(content, version=version)
        standing.refresh(self.cart.people.held, at=repository.now(), always=True)
        return firmware.read(content).image_hash

    def slots(self) -> list[tuple[str, bool, bool]]:
        """(hash, active, confirmed) of each, lowest first, as the bridge last saw them."""
        assert self.cart.bridge is not None
        return [(slot.hash, slot.active, slot.confirmed) for slot in self.cart.bridge.images.image_states()]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    if why := zephyr_peer.missing():
        pytest.skip(f"{why} is missing: bash deploy/setup.sh test")
    people = signers.people(tmp_path_factory.mktemp("people"))
    people.ceremony()
    with (
        tempfile.TemporaryDirectory(prefix="zu-") as place,
        Microbit(Path(place)).running() as microbit,
        a_server(people) as url,
    ):
        eventually(lambda: microbit.listening, "Zephyr starts", within_s=60)
        commands = CartCommands(microbit, HARDWARE)
        microbit.on_wire = commands
        cart = Cart(people=people, url=url, place=Path(place), microcontroller=microbit, knobs=Knobs())  # type: ignore[arg-type] # of it, only `port`
        (cart.place / "root.json").write_bytes(people.held.first_root())
        (cart.place / "image-key.pem").write_bytes(people.held.image_key.read_bytes())
        (cart.place / "server.jwk").write_text(json.dumps(cart.key.as_dict(private=False)), encoding="utf-8")
        cart.start(soak_s=1.0, reset_patience_s=20.0, silent_s=60.0)
        try:
            yield Ward(cart=cart, microbit=microbit, commands=commands)
        finally:
            cart.stop()


def test_a_release_goes_from_the_signed_list_through_the_bridge_into_mcuboot_and_stays(ward: Ward) -> None:
    wanted, boots = ward.release("2.0.0+5"), ward.microbit.boots
    ward.cart.assign(ward.cart.signed(ward.cart.order(ward.cart.target("2.0.0+5"), job="stays")))
    ward.cart.ends(JobState.SUCCEEDED, job="stays", within_s=120)
    assert ward.microbit.boots == boots + 1
    ward.microbit.pull_plug()
    eventually(lambda: ward.microbit.listening, "it starts again", within_s=60)
    assert ward.slots()[0] == (wanted, True, True)


def test_a_release_that_fails_its_self_test_is_taken_back_by_mcuboot(ward: Ward) -> None:
    before, wanted, boots = ward.slots()[0][0], ward.release("2.0.0+6"), ward.microbit.boots
    ward.commands.cart.knobs.stuck = {3}
    try:
        ward.cart.assign(ward.cart.signed(ward.cart.order(ward.cart.target("2.0.0+6"), job="fails")))
        told = ward.cart.ends(JobState.REVERTED, job="fails", within_s=120)
    finally:
        ward.commands.cart.knobs.stuck = set()
    assert told.why == "selftest-lock-3"
    assert ward.microbit.boots == boots + 2, "into it, and back"
    assert ward.slots() == [(before, True, True), (wanted, False, False)]
