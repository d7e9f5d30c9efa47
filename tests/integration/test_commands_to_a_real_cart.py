"""Commands through a real broker to the real cart program, its bridge and a microcontroller whose bolts are counted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from devices.broker import Arrival
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import CartState, Command, CommandAnswered, CommandOutcome, Message
from server.store import commands
from server.store.transaction import reading
from server.usecases.cart_commands import State
from tests.support.bridge import eventually
from tests.support.commanded_cart import CART, FACILITY, MANAGER, Yard, a_yard, now

PICTURES = 12


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    with a_yard("mosquitto", pictures=PICTURES) as made:
        yield made


def session(yard: Yard) -> str:
    with yard.app.app_context(), reading(MANAGER) as tx:
        return commands.targets(tx, [CART])[CART].sid


def by_hand(
    yard: Yard, command: Command, *, message_id: str = "", ttl_s: float | None = 10.0, retain: bool = False
) -> list[CommandAnswered]:
    """Published past the server, as somebody with its password could; every answer to it before that to something later."""
    server, inbox = yard.clients.make("server", client_id=f"s-{uuid4().hex[:8]}")
    server.on(routes.ANSWER, facility=FACILITY, cart=CART)
    yard.clients.connect(server, inbox)
    message = Message(id=message_id or str(uuid4()), sent_at=now(), sender="server", body=command, ttl_s=ttl_s, sid="by-hand")
    if retain:
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        raw = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"r-{uuid4().hex[:8]}")
        raw.username_pw_set("server", yard.clients.passwords["server"])
        raw.connect("127.0.0.1", yard.clients.running.port)
        raw.loop_start()
        topic = routes.COMMAND.topic(facility=FACILITY, cart=CART, name=command.name)
        raw.publish(topic, codec.encode(message), qos=1, retain=True).wait_for_publish(10)
        raw.loop_stop()
        raw.disconnect()
    else:
        assert server.publish(routes.COMMAND, message, facility=FACILITY, cart=CART, name=command.name).wait(10)
    quiet = Command(name="locate", for_sid=session(yard), params={"lasts_s": 0})
    last = Message(id=str(uuid4()), sent_at=now(), sender="server", body=quiet, ttl_s=30.0)
    assert server.publish(routes.COMMAND, last, facility=FACILITY, cart=CART, name="locate").wait(10)
    inbox.expect(Arrival, lambda one: isinstance(one.message.body, CommandAnswered) and one.message.body.command == last.id, timeout_s=40)
    found = [one.message.body for one in inbox.seen(Arrival) if isinstance(one, Arrival)]
    return [body for body in found if isinstance(body, CommandAnswered) and body.command == message.id]


def test_locating_shows_on_the_screen_and_sounds_at_the_hardware(yard: Yard) -> None:
    done = yard.ended(yard.ask("locate", lasts_s=20))
    assert (done.state, done.told["hardware"], done.told["screen"]) == ("done", "signals", True)
    assert yard.bridge.microcontroller.signalled("lights")[0] > 10
    assert yard.bridge.microcontroller.signalled("sound")[0] > 10


def test_an_unlock_with_two_people_moves_one_bolt_once_and_lock_ends_it(yard: Yard) -> None:
    before = len(yard.bridge.microcontroller.moved)
    made = yard.ask("unlock", drawer=4)
    assert yard.state(made).state == "waiting"
    assert len(yard.bridge.microcontroller.moved) == before
    yard.confirm(made)
    assert yard.ended(made).state == "done"
    assert [one.drawer for one in yard.bridge.microcontroller.moved[before:]] == [4]
    assert yard.bridge.microcontroller.is_free(4)
    assert yard.ended(yard.ask("lock")).state == "done"
    assert not yard.bridge.microcontroller.is_free(4)


def test_a_stuck_bolt_is_a_failure_and_not_done(yard: Yard) -> None:
    yard.bridge.microcontroller.knobs.stuck.add(6)
    made = yard.ask("unlock", drawer=6)
    yard.confirm(made)
    assert (yard.ended(made).state, yard.state(made).why) == ("failed", "hardware-refused")
    tested = yard.ended(yard.ask("selftest"))
    assert (tested.state, tested.told["hardware"]) == ("failed", "lock-6")
    yard.bridge.microcontroller.knobs.stuck.clear()


def test_the_camera_is_checked_by_counting_its_pictures(yard: Yard) -> None:
    checked = yard.ended(yard.ask("camera-check"))
    assert checked.state == "done", checked
    assert checked.told["frames"] > 0
    assert checked.told["width_px"] == 1280


def test_diagnostics_bring_versions_settings_counters_and_the_log_without_numbers_of_people(yard: Yard) -> None:
    done = yard.ended(yard.ask("diagnostics"))
    assert (done.state, "parts_fault" in done.told) == ("done", False)
    with yard.app.app_context(), reading(MANAGER) as tx:
        told = json.loads(commands.parts(tx, done.id))
    assert {"cart", "versions", "config_hash", "numbers", "selftest", "log", "hardware"} <= set(told)
    assert any("command diagnostics" in line for line in told["log"])
    assert told["hardware"]["connected"] is True


def test_a_retained_command_is_never_carried_out(yard: Yard) -> None:
    before = len(yard.bridge.microcontroller.moved)
    unlock = Command(name="unlock", for_sid=session(yard), params={"drawer": 1})
    by_hand(yard, unlock, retain=True, ttl_s=60.0)
    moved = len(yard.bridge.microcontroller.moved)
    assert moved <= before + 1  # a live subscription gets it as new; what the broker keeps is what must not act
    old = yard.state(yard.ask("locate", lasts_s=0)).sid
    yard.kill()
    yard.start()
    yard.alive()  # subscribed anew: the kept copy came with its flag
    assert session(yard) != old
    assert len(yard.bridge.microcontroller.moved) == moved


def test_an_unlock_of_another_session_one_that_came_too_late_and_one_without_a_time_move_nothing(yard: Yard) -> None:
    before = len(yard.bridge.microcontroller.moved)
    sid = session(yard)
    (other,) = by_hand(yard, Command(name="unlock", for_sid="of-before", params={"drawer": 1}))
    (late,) = by_hand(yard, Command(name="unlock", for_sid=sid, params={"drawer": 1}), ttl_s=0.0)
    (timeless,) = by_hand(yard, Command(name="unlock", for_sid=sid, params={"drawer": 1}), ttl_s=None)
    assert [(one.outcome, one.why) for one in (other, late, timeless)] == [
        (CommandOutcome.REFUSED, "other-session"),
        (CommandOutcome.REFUSED, "too-late"),
        (CommandOutcome.REFUSED, "no-expiry"),
    ]
    assert len(yard.bridge.microcontroller.moved) == before


def test_a_command_that_comes_twice_acts_once_and_is_answered_twice(yard: Yard) -> None:
    before, twice = len(yard.bridge.microcontroller.moved), str(uuid4())
    unlock = Command(name="unlock", for_sid=session(yard), params={"drawer": 2})
    (first,) = by_hand(yard, unlock, message_id=twice)
    (again,) = by_hand(yard, unlock, message_id=twice)
    assert (first.outcome, again.outcome) == (CommandOutcome.DONE, CommandOutcome.DONE)
    (late,) = by_hand(yard, unlock, message_id=twice, ttl_s=0.0)
    (foreign,) = by_hand(yard, replace(unlock, for_sid="of-before"), message_id=twice)
    assert (late.outcome, foreign.outcome) == (CommandOutcome.DONE, CommandOutcome.DONE), "it was carried out"
    assert len(yard.bridge.microcontroller.moved) == before + 1


def test_a_restart_is_accepted_and_done_by_the_next_boot(yard: Yard) -> None:
    pid = yard.program.pid
    made = yard.ask("restart")
    done = yard.comes(made, State.DONE)
    assert done.state == "done"
    assert yard.program.poll() is None
    assert yard.program.pid == pid
    yard.alive()


def test_a_cart_killed_in_the_middle_leaves_an_unknown_outcome_and_says_so_when_it_is_back(yard: Yard) -> None:
    yard.bridge.microcontroller.knobs.delay_s = 1.5  # the bolt thinks; the line gives up and asks again
    made = yard.ask("lock")
    yard.comes(made, State.SENT)
    memory = yard.directory / "data" / "commands.sqlite"

    def begun() -> bool:
        with sqlite3.connect(memory) as file:
            return bool(file.execute("SELECT 1 FROM commands WHERE id = ?", (made.id,)).fetchone())

    eventually(begun, "the cart has not begun")
    yard.kill()
    yard.bridge.microcontroller.knobs.delay_s = 0.0
    yard.start()
    found = yard.comes(made, State.OUTCOME_UNKNOWN)
    assert found.why in ("interrupted", "no-answer")
    yard.alive()


def test_what_a_cart_says_of_itself_is_said_again_at_a_rebirth(yard: Yard) -> None:
    viewer, inbox = yard.clients.make("viewer")
    viewer.on(routes.STATE, facility=FACILITY, cart=CART)
    yard.clients.connect(viewer, inbox)
    inbox.expect(Arrival, lambda one: isinstance(one.message.body, CartState) and one.retained)
    assert yard.ended(yard.ask("rebirth")).state == "done"
    inbox.expect(Arrival, lambda one: isinstance(one.message.body, CartState) and not one.retained)
