"""From the ceremony to a microcontroller that runs the new image, and back from every way in which that can go wrong."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from devices.broker import Arrival, Cleared
from devices.drawers.bridge import BridgeDrawers
from devices.firmware import image
from devices.ports import DrawerOutcome
from firmware_bridge import relay
from firmware_bridge.simulated import Knobs
from firmware_bridge.update.machine import FINAL, State
from pointofcare.errors import DeviceUnavailableError
from pointofcare.wire import routes
from pointofcare.wire.messages import AlertRaised, JobAssigned, JobState, JobTold, Telemetry, TelemetryKind
from server.firmware import drafts, keys, lists, repository
from server.firmware.repository import FIRMWARE
from tests.support import firmware as signers
from tests.support.bridge import eventually
from tests.support.brokers import FACILITY, SERVER, a_message, running_clients
from tests.support.update import Cart, a_cart


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    people = signers.people(folder)
    people.ceremony()
    people.release(people.image("1.1.0+7", size=1500), version="1.1.0+7")
    return folder


def _runs(cart: Cart, image_hash: str) -> bool:
    return cart.microcontroller.bootloader.running_hash == image_hash


def test_the_same_job_twice_is_done_once(made: Path) -> None:
    with a_cart(made) as cart:
        job = cart.signed(cart.order(cart.target("1.1.0+7")))
        cart.assign(job)
        cart.ends(JobState.SUCCEEDED)
        heard = len(cart.told)
        cart.assign(job)
        eventually(lambda: len(cart.told) > heard, "the server hears what came of it")
        assert cart.told[-1].state is JobState.SUCCEEDED
        assert cart.microcontroller.resets == 1


def test_a_job_for_what_runs_already_does_nothing(made: Path) -> None:
    with a_cart(made) as cart:
        target = cart.target("1.1.0+7")
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.SUCCEEDED)
        cart.assign(cart.signed(cart.order(target, job="j2")))
        cart.ends(JobState.SUCCEEDED, job="j2", why="already-runs")
        assert cart.microcontroller.resets == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cart": "c2"}, "for-another-cart"),
        ({"facility": "h2"}, "for-another-cart"),
        ({"kind": "app"}, "kind-unknown"),
        ({"expires_at": repository.now() - timedelta(seconds=1)}, "expired"),
        ({"issued_at": repository.now() + timedelta(hours=2), "expires_at": repository.now() + timedelta(hours=3)}, "clock-doubtful"),
    ],
)
def test_a_job_that_is_not_for_this_cart_now_is_refused(made: Path, change: dict[str, object], why: str) -> None:
    with a_cart(made) as cart:
        cart.assign(cart.signed(cart.order(cart.target("1.1.0+7"), **change)))
        cart.ends(JobState.REJECTED, why=why)
        assert cart.microcontroller.resets == 0


def test_a_job_that_the_server_did_not_sign_is_refused(made: Path) -> None:
    with a_cart(made) as cart:
        order = cart.order(cart.target("1.1.0+7"))
        cart.assign(cart.signed(order, key=OKPKey.generate_key("Ed25519")))
        cart.ends(JobState.REJECTED, why="signature-unknown")
        cart.assign(cart.signed(order, kind="cart-config"))
        cart.ends(JobState.REJECTED, why="not-a-job")
        cart.assign(JobAssigned(job="j1", signed="a.b.c"))
        assert cart.microcontroller.resets == 0


def test_an_older_job_played_back_is_refused(made: Path) -> None:
    with a_cart(made) as cart:
        target = cart.target("1.1.0+7")
        old = cart.signed(cart.order(target, job="j0", issued_at=repository.now() - timedelta(minutes=9)))
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.SUCCEEDED)
        cart.assign(old)
        cart.ends(JobState.REJECTED, job="j0", why="replayed")


def test_a_rogue_image_that_is_valid_in_the_repository_is_refused_by_the_bridge_and_by_the_bootloader(made: Path) -> None:
    """The release key is stolen, and the server too; the image key is not."""
    with a_cart(made) as cart:
        rogue = cart.people.image("1.2.0", key=Ed25519PrivateKey.generate(), size=1500)
        target = _released_by_force(cart, rogue)
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.REJECTED, why="image-signature")
        bridge = cart.bridge
        assert bridge is not None
        before = cart.microcontroller.bootloader.running_hash
        bridge.images.upload(rogue)  # past every check of ours
        bridge.images.mark_test(target.image_hash)
        boot = bridge.images.boot_id()
        bridge.images.reset()
        bridge.images.await_boot(boot, within_s=10)
        assert cart.microcontroller.bootloader.running_hash == before
        assert cart.microcontroller.bootloader.refused == ["its signature is not of the key"]


def _released_by_force(cart: Cart, content: bytes):  # type: ignore[no-untyped-def] # the target
    """Signed into the repository with its own keys, around the checks of our commands."""
    from pointofcare import firmware

    held, at = cart.people.held, repository.now()
    target = firmware.target_of("cart-mcu/rogue.bin", content)
    before = held.lists()
    changed = lists.succeeding(before.firmware, FIRMWARE, at=at)
    changed.signed.targets[target.name] = lists.entry(target, notes="", released_at=at)
    changed.sign(keys.load(cart.people.key("firmware-1"), signers.PASSPHRASE))
    fresh = [changed, *lists.signed_online(before, {FIRMWARE: changed}, keys.online(held.online), at=at)]
    path = held.image_path(target)
    path.write_bytes(content)
    assert held.generation is not None
    for each in fresh:
        (held.generation / "metadata" / repository.file_name(each)).write_bytes(each.to_bytes())
    return target


def test_an_image_for_another_board_is_refused(made: Path) -> None:
    with a_cart(made) as cart:
        other = cart.people.image("1.2.0", hardware="cart-mcu-r9", size=1500)
        target = _released_by_force(cart, other)
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.REJECTED, why="other-hardware")


def test_a_job_that_names_another_content_than_was_released_is_refused(made: Path) -> None:
    from dataclasses import replace

    with a_cart(made) as cart:
        target = replace(cart.target("1.1.0+7"), security_counter=1)
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.REJECTED, why="release-differs")


def test_a_cart_never_goes_below_its_security_counter(made: Path) -> None:
    with a_cart(made) as cart:
        newer = cart.release("1.2.0+0")
        cart.assign(cart.signed(cart.order(newer)))
        cart.ends(JobState.SUCCEEDED)
        cart.assign(cart.signed(cart.order(cart.target("1.1.0+7"), job="j2")))
        cart.ends(JobState.REJECTED, job="j2", why="security-counter-low")
        assert _runs(cart, newer.image_hash)


def test_a_withdrawn_release_is_not_installed_even_where_it_lies_ready(made: Path) -> None:
    with a_cart(made) as cart:
        target = cart.target("1.1.0+7")
        cart.bridge.relay.in_use(busy=True, ttl_ms=60_000)  # type: ignore[union-attr] # it runs
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.WAITING, why="in-use")
        drafts.withdraw(cart.people.held, cart.people.stick, target.name, at=repository.now())
        cart.people.sign("firmware-1")
        drafts.publish(cart.people.held, cart.people.stick, at=repository.now())
        cart.bridge.relay.in_use(busy=False, ttl_ms=60_000)  # type: ignore[union-attr] # it runs
        cart.ends(JobState.REJECTED, why="not-released")
        assert cart.microcontroller.resets == 0


def test_an_expired_timestamp_blocks_updates_and_never_a_drawer(made: Path) -> None:
    with a_cart(made) as cart:
        held = cart.people.held
        past = repository.now() - lists.LIFETIMES["timestamp"] - timedelta(minutes=1)
        before = held.lists()
        fresh = lists.signed_online(before, {}, keys.online(held.online), at=past, snapshot=False)
        (held.generation / "metadata" / "timestamp.json").write_bytes(fresh[0].to_bytes())  # type: ignore[operator] # it is there
        cart.assign(cart.signed(cart.order(cart.target("1.1.0+7"))))
        cart.ends(JobState.QUEUED, why="releases-expired")
        drawers = BridgeDrawers(str(cart.place / "drawers.sock"))
        assert drawers.unlock(3, command_id="u1", ttl_s=5) is DrawerOutcome.UNLOCKED


def test_a_dose_in_progress_or_an_open_drawer_holds_the_update(made: Path) -> None:
    with a_cart(made) as cart:
        drawers = BridgeDrawers(str(cart.place / "drawers.sock"))
        cart.bridge.relay.in_use(busy=True, ttl_ms=60_000)  # type: ignore[union-attr] # it runs
        cart.assign(cart.signed(cart.order(cart.target("1.1.0+7"))))
        cart.ends(JobState.WAITING, why="in-use")
        assert drawers.unlock(3, command_id="u1", ttl_s=60) is DrawerOutcome.UNLOCKED
        assert cart.microcontroller.pull(3)
        cart.bridge.relay.in_use(busy=False, ttl_ms=60_000)  # type: ignore[union-attr] # it runs
        cart.ends(JobState.WAITING, why="drawer-open")
        cart.microcontroller.push(3)
        cart.ends(JobState.SUCCEEDED)


def test_a_cart_whose_program_says_nothing_is_not_updated(made: Path) -> None:
    with a_cart(made) as cart:
        cart.bridge.relay.in_use(busy=False, ttl_ms=1)  # type: ignore[union-attr] # it runs
        cart.assign(cart.signed(cart.order(cart.target("1.1.0+7"))))
        cart.ends(JobState.WAITING, why="use-unknown")


def test_drawers_stay_locked_and_say_why_while_the_image_is_on_trial(made: Path) -> None:
    with a_cart(made, start=False) as cart:
        cart.start(soak_s=600.0)
        cart.assign(cart.signed(cart.order(cart.target("1.1.0+7"))))
        cart.ends(JobState.IN_PROGRESS, why="proving")
        drawers = BridgeDrawers(str(cart.place / "drawers.sock"))
        with pytest.raises(DeviceUnavailableError, match="firmware is being changed"):
            drawers.unlock(3, command_id="u1", ttl_s=5)
        assert "firmware" in str(drawers.condition()["updating"])
        assert not cart.microcontroller.is_free(3)


def test_an_image_that_fails_its_self_test_is_taken_back(made: Path) -> None:
    with a_cart(made, knobs=Knobs(ill={"1.1.0.7"})) as cart:
        before = cart.microcontroller.bootloader.running_hash
        cart.assign(cart.signed(cart.order(cart.target("1.1.0+7"))))
        told = cart.ends(JobState.REVERTED)
        assert told.why == "selftest-gauge"
        assert _runs(cart, before)
        assert cart.bridge.updater.refusal == ""  # type: ignore[union-attr] # drawers open again


def test_a_line_that_loses_answers_changes_nothing_in_the_end(made: Path) -> None:
    with a_cart(made, knobs=Knobs(lose=0.08)) as cart:
        target = cart.target("1.1.0+7")
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.SUCCEEDED, within_s=90)
        assert _runs(cart, target.image_hash)


def test_a_reset_that_was_answered_and_not_done_is_sent_again_only_after_a_long_look(made: Path) -> None:
    with a_cart(made, knobs=Knobs(ignore_resets=1)) as cart:
        target = cart.target("1.1.0+7")
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.SUCCEEDED)
        assert cart.microcontroller.resets == 2
        assert _runs(cart, target.image_hash)


def test_a_silent_microcontroller_is_an_unknown_outcome_until_it_is_seen_again(made: Path) -> None:
    with a_cart(made, knobs=Knobs(mute={"1.1.0.7"})) as cart:
        before = cart.microcontroller.bootloader.running_hash
        cart.assign(cart.signed(cart.order(cart.target("1.1.0+7"))))
        cart.ends(JobState.UNKNOWN, why="mcu-silent")
        with pytest.raises(DeviceUnavailableError):
            BridgeDrawers(str(cart.place / "drawers.sock")).unlock(3, command_id="u1", ttl_s=5)
        cart.microcontroller.power_on()  # somebody switches it off and on: the bootloader takes the trial back
        cart.ends(JobState.REVERTED)
        assert _runs(cart, before)


def test_a_power_cut_in_the_middle_of_the_swap_ends_with_one_whole_image(made: Path) -> None:
    with a_cart(made, knobs=Knobs(cut_swap=True)) as cart:
        target = cart.target("1.1.0+7")
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.UNKNOWN)
        cart.microcontroller.power_on()
        cart.ends(JobState.SUCCEEDED)
        assert _runs(cart, target.image_hash)


@pytest.mark.parametrize("state", [state for state in State if state not in FINAL | {State.REVERTING, State.UNCLEAR}])
def test_a_cart_computer_that_loses_power_in_any_state_goes_on_rightly(made: Path, state: State) -> None:
    with a_cart(made, start=False) as cart:
        target = cart.target("1.1.0+7")
        bridge = cart.start()
        reached = threading.Event()
        updater = bridge.updater
        assert updater is not None
        really = updater.tools.sessions.write

        def cut(session) -> None:  # type: ignore[no-untyped-def]
            really(session)
            if session.state is state:
                reached.set()
                updater._stopping.set()
                raise RuntimeError("the power is gone")

        updater.tools.sessions.write = cut  # type: ignore[method-assign]
        if state is State.RECEIVED:
            reached.set()  # as soon as it was taken
        cart.assign(cart.signed(cart.order(target)))
        assert reached.wait(30)
        cart.stop()
        cart.start()
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.SUCCEEDED)
        assert _runs(cart, target.image_hash)
        assert cart.microcontroller.resets == 1


def test_a_withdrawn_job_leaves_the_cart_as_it_was(made: Path) -> None:
    with a_cart(made) as cart:
        cart.bridge.relay.in_use(busy=True, ttl_ms=60_000)  # type: ignore[union-attr] # it runs
        cart.assign(cart.signed(cart.order(cart.target("1.1.0+7"))))
        cart.ends(JobState.WAITING, why="in-use")
        cart.assign(JobAssigned(job=None, signed=None))
        cart.ends(JobState.REJECTED, why="withdrawn")
        assert cart.microcontroller.resets == 0


def test_an_image_that_was_exchanged_on_the_cart_is_not_uploaded(made: Path) -> None:
    with a_cart(made) as cart:
        cart.bridge.relay.in_use(busy=True, ttl_ms=60_000)  # type: ignore[union-attr] # it runs
        target = cart.target("1.1.0+7")
        cart.assign(cart.signed(cart.order(target)))
        cart.ends(JobState.WAITING, why="in-use")
        rogue = image.sign(b"\x05" * 1500, Ed25519PrivateKey.generate(), version="1.1.0+7", hardware=signers.HARDWARE)
        (cart.place / "bridge" / "images" / f"{target.sha256}.bin").write_bytes(rogue)
        cart.bridge.relay.in_use(busy=False, ttl_ms=60_000)  # type: ignore[union-attr] # it runs
        cart.ends(JobState.REJECTED, why="image-signature")


def test_a_job_comes_over_mqtt_and_its_reports_and_slots_go_back(made: Path) -> None:
    with running_clients("mosquitto") as clients:
        broker, inbox = clients.make(SERVER)
        for route in (routes.TELEMETRY, routes.JOB_TOLD):
            broker.on(route, facility=FACILITY)
        clients.connect(broker, inbox)
        with a_cart(made, broker_port=clients.running.port, password=clients.passwords["c1"]) as cart:
            target = cart.target("1.1.0+7")
            inbox.expect(Arrival, lambda arrival: isinstance(arrival.message.body, Telemetry))
            broker.publish(routes.JOB, a_message("server", cart.signed(cart.order(target))), facility=FACILITY, cart="c1")

            def ended(arrival: Arrival) -> bool:
                return isinstance(arrival.message.body, JobTold) and arrival.message.body.state is JobState.SUCCEEDED

            told = inbox.expect(Arrival, ended, timeout_s=60).message.body
            assert isinstance(told, JobTold)
            assert (told.job, told.attempt, told.step) == ("j1", 1, "succeeded")

            def runs(arrival: Arrival) -> bool:
                body = arrival.message.body
                if not isinstance(body, Telemetry) or body.kind is not TelemetryKind.MCU:
                    return False
                slots = body.values.get("slots") or ()
                return any(slot["active"] and slot["confirmed"] and slot["hash"] == target.image_hash for slot in slots)  # type: ignore[attr-defined]

            inbox.expect(Arrival, runs, timeout_s=40)  # it looks once a minute, and at once when an update ended


def test_a_microcontroller_that_stays_away_is_an_alert_until_it_is_back(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "_DOWN_AFTER_S", 1.0)
    with running_clients("mosquitto") as clients:
        broker, inbox = clients.make(SERVER)
        broker.on(routes.ALERT, facility=FACILITY)
        clients.connect(broker, inbox)
        with a_cart(made, broker_port=clients.running.port, password=clients.passwords["c1"]) as cart:
            eventually(lambda: cart.bridge.relay.condition.connected, "the microcontroller answers")  # type: ignore[union-attr] # it runs
            cart.microcontroller.unplug()
            raised = inbox.expect(Arrival, lambda arrival: isinstance(arrival.message.body, AlertRaised), timeout_s=30).message.body
            assert isinstance(raised, AlertRaised)
            assert raised.code == "mcu-down"
            cart.microcontroller.plug()
            inbox.expect(Cleared, lambda _cleared: True, timeout_s=30)
