"""The shortest whole way: ceremony, image, release, HTTP, job, bridge, microcontroller. The bad days are in `test_firmware_update`."""

from __future__ import annotations

from pathlib import Path

from devices.drawers.bridge import BridgeDrawers
from devices.ports import DrawerOutcome
from firmware_bridge.app import Bridge
from firmware_bridge.update.machine import State
from pointofcare.wire.messages import JobState
from tests.support import firmware as signers
from tests.support.bridge import eventually
from tests.support.update import a_cart


def test_a_release_is_installed_tested_and_confirmed(tmp_path: Path) -> None:
    people = signers.people(tmp_path)
    people.ceremony()
    people.release(people.image("1.1.0+7", size=1500), version="1.1.0+7")
    with a_cart(tmp_path) as cart:
        target = cart.target("1.1.0+7")
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.SUCCEEDED)
        assert cart.microcontroller.bootloader.running_hash == target.image_hash
        cart.microcontroller.reset()
        assert cart.microcontroller.bootloader.running_hash == target.image_hash  # confirmed: it stays
        steps = [each.step for each in cart.told]
        assert [state for state in State if state in steps and state is not State.RECEIVED] == [
            State.READY, State.UPLOADING, State.UPLOADED, State.MARKING, State.RESETTING, State.TRYING, State.CONFIRMING,
            State.SUCCEEDED,
        ]  # fmt: skip
        assert cart.microcontroller.resets == 1
        slots = cart.bridge.updater.slots  # type: ignore[union-attr] # it runs
        eventually(lambda: any(slot.active and slot.hash == target.image_hash for slot in slots), "the slots tell what runs")


def test_a_cart_whose_update_files_are_broken_opens_drawers_and_says_why_it_takes_no_update(tmp_path: Path) -> None:
    people = signers.people(tmp_path)
    people.ceremony()
    with a_cart(tmp_path, start=False) as cart:
        (cart.place / "image-key.pem").write_bytes(b"")
        given = cart.settings()
        bridge = Bridge(given)
        bridge.start()
        try:
            assert bridge.updater is None
            drawers = BridgeDrawers(str(given.socket_path))
            assert drawers.unlock(3, command_id="u1", ttl_s=5) is DrawerOutcome.UNLOCKED
            assert "public image key" in str(drawers.condition()["error"])
        finally:
            bridge.stop()
