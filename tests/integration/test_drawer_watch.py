"""From the switch behind a drawer to what the nurse is told, and what the dose says: the bridge, a real serial line, no network."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from cart_client.drawer_watch import DrawersHeard, Watch, follow
from cart_client.inbox import Inbox
from devices.ports import DrawerOutcome
from firmware_bridge.simulated import Knobs
from pointofcare.administration.session import Session
from pointofcare.errors import DeviceUnavailableError
from pointofcare.fleet import drawers
from pointofcare.fleet.drawers import Code
from tests.support.bridge import RunningBridge, a_bridge, eventually

NOBODY = Session()
FIVE = timedelta(minutes=5)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def looked(running: RunningBridge, watch: Watch) -> Watch:
    told = watch._told
    watch.heard(running.drawers.happenings(run=told.run if told else "", after=told.upto if told else 0))
    return watch


def codes(watch: Watch, session: Session = NOBODY) -> list[Code]:
    return [finding.code for finding in watch.findings(session, FIVE)]


def opened(running: RunningBridge, watch: Watch, drawer: int) -> None:
    def seen() -> bool:
        looked(running, watch)
        return any(one.kind == drawers.OPENED and one.drawer == drawer for one in watch._story)

    eventually(seen, "the opening was never told")


def test_the_drawer_of_the_dose_opens_and_the_dose_says_so() -> None:
    with a_bridge() as running:
        watch = Watch(Clock())
        assert running.drawers.unlock(3, command_id="rec-1", ttl_s=20.0) is DrawerOutcome.UNLOCKED
        looked(running, watch)
        assert not watch.has_opened(3, "rec-1")
        running.microcontroller.pull(3)
        opened(running, watch, 3)
        assert watch.has_opened(3, "rec-1")
        assert not watch.has_opened(4, "rec-1")
        assert codes(watch) == []


def test_a_drawer_opened_by_its_key_with_no_scan_is_told_until_somebody_saw_it() -> None:
    with a_bridge() as running:
        watch = Watch(Clock())
        running.microcontroller.key(5)
        opened(running, watch, 5)
        (found,) = watch.findings(NOBODY, FIVE)
        assert (found.code, found.drawer) == (Code.WITHOUT_SCAN, 5)
        assert watch.read(found.key)
        assert codes(watch) == []
        assert not watch.read("nothing")


def test_another_drawer_than_the_unlocked_one_is_told_with_both_numbers() -> None:
    with a_bridge() as running:
        watch = Watch(Clock())
        running.drawers.unlock(3, command_id="rec-1", ttl_s=20.0)
        running.microcontroller.key(4)
        opened(running, watch, 4)
        (found,) = watch.findings(NOBODY, FIVE)
        assert (found.code, found.drawer, found.wanted) == (Code.ANOTHER, 4, 3)


def test_a_lock_that_refuses_leaves_the_key_and_accuses_nobody() -> None:
    with a_bridge(Knobs(refuse={3})) as running:
        watch = Watch(Clock())
        assert running.drawers.unlock(3, command_id="rec-1", ttl_s=5.0) is DrawerOutcome.REFUSED
        running.microcontroller.key(3)
        opened(running, watch, 3)
        assert codes(watch) == []


def test_a_microcontroller_that_is_away_is_known_as_away_and_the_unlock_is_kept_as_asked() -> None:
    with a_bridge() as running:
        eventually(running.knows_its_hardware, "the bridge never saw its microcontroller")
        running.microcontroller.unplug()
        eventually(lambda: not running.bridge.relay.condition.connected, "the pulled cable was never noticed")
        with pytest.raises(DeviceUnavailableError):
            running.drawers.unlock(3, command_id="rec-1", ttl_s=5.0)
        told = running.drawers.happenings(run="", after=0)
        assert told is not None
        assert not told.connected
        answered = [one for one in told.happened if one.kind == drawers.ANSWERED]
        assert [(one.command, one.drawer, one.outcome) for one in answered] == [("rec-1", 3, "unavailable")]


def test_a_drawer_that_stands_open_is_told_and_no_longer_once_it_is_closed() -> None:
    with a_bridge() as running:
        clock = Clock()
        watch = Watch(clock)
        running.drawers.unlock(2, command_id="access-1", ttl_s=20.0)
        running.microcontroller.pull(2)
        opened(running, watch, 2)
        assert codes(watch) == []
        clock.now_s += 301
        assert codes(watch) == [Code.LEFT_OPEN]
        running.microcontroller.push(2)
        eventually(lambda: codes(looked(running, watch)) == [], "it was closed, and is told still")


def test_the_ledger_holds_each_unlock_as_asked_and_answered_for_the_server() -> None:
    with a_bridge() as running:
        running.drawers.unlock(3, command_id="rec-1", ttl_s=20.0)
        eventually(lambda: any(one.kind == drawers.UNLOCKED for one in running.bridge.ledger.waiting()), "the bolt moved, and nobody told")
        kept = {one.kind: dict(one.details) for one in running.bridge.ledger.waiting()}
        assert kept[drawers.ASKED] == {"drawer": 3, "command": "rec-1", "ttl_ms": 20_000}
        assert kept[drawers.ANSWERED] == {"drawer": 3, "command": "rec-1", "outcome": "unlocked"}


def test_the_cart_hears_by_itself_and_goes_on_when_the_bridge_went_away() -> None:
    with a_bridge() as running:
        inbox, halt = Inbox(), threading.Event()
        thread = threading.Thread(target=follow, args=(running.drawers, inbox, halt), kwargs={"mono_s": Clock()})
        thread.start()
        try:
            running.microcontroller.key(1)
            heard: list[DrawersHeard] = []

            def saw() -> bool:
                while not inbox.empty():
                    heard.append(inbox.get())
                return any(one.kind == drawers.OPENED for each in heard if each.told is not None for one in each.told.happened)

            eventually(saw, "the opening was never heard")
            running.drawers.close()
            eventually(lambda: bool(not saw() or heard[-1].told is None), "nobody said that the bridge went away")
            eventually(lambda: saw() and heard[-1].told is None, "nobody said that the bridge went away")
        finally:
            halt.set()
            thread.join(10)


def test_a_drawer_that_opens_while_the_firmware_is_renewed_is_told_as_that() -> None:
    with a_bridge() as running:
        watch = Watch(Clock())
        running.bridge.relay.updates = SimpleNamespace(refusal="updating", state="in-progress", tell_again=lambda: None)  # type: ignore[assignment]

        def begun() -> bool:
            return any(one.kind == drawers.UPDATING for one in looked(running, watch)._story)

        eventually(begun, "nobody told that the firmware is renewed")
        running.microcontroller.key(6)
        opened(running, watch, 6)
        assert codes(watch) == [Code.WHILE_UPDATING]
        running.bridge.relay.updates = None
        eventually(lambda: any(one.kind == drawers.UPDATED for one in looked(running, watch)._story), "nobody told its end")
