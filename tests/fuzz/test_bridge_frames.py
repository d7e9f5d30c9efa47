"""Whatever the microcontroller or the cart's program says: the bridge goes on, and no odd event keeps the next ones away."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.broker import Broker
from devices.ports import DrawerOutcome, LockOutcome
from firmware_bridge import config
from firmware_bridge.door import Door
from firmware_bridge.ledger import Ledger
from firmware_bridge.link import Link
from firmware_bridge.relay import Relay
from firmware_bridge.simulated import Knobs, SimulatedMicrocontroller
from tests.support import rubbish

READS = (0, 1, 2, 4, 8)  # the commands that a turn of the relay asks


class Bench:
    """A bridge turned by hand over a real serial line, to a microcontroller that can be made to answer anything."""

    def __init__(self, folder: Path) -> None:
        self.microcontroller = SimulatedMicrocontroller(link=folder / "mcu", knobs=Knobs(start_s=0.0))
        self.microcontroller.start()
        given = {"cart": "c1", "facility": "h1", "serial_port": self.microcontroller.port}
        self.link = Link(self.microcontroller.port, timeout_s=0.5, tries=1)
        self.link.start()
        self.ledger = Ledger(folder / "events.sqlite")
        seconds = itertools.count(0.0, 2.0)  # each turn is due for everything
        settings = config.read(given, {}, beside=folder)
        self.relay = Relay(
            settings, self.link, self.ledger, broker=lambda inbox: Broker(settings.broker, inbox), mono=lambda: next(seconds)
        )
        self.odd: dict[int, dict[str, Any]] = {}
        honest = self.microcontroller.answer

        def answer(group: int, command: int, body: dict[str, Any]) -> dict[str, Any]:
            said = honest(group, command, body)
            return self.odd.get(command, said) if group == 66 else said

        self.microcontroller.answer = answer  # type: ignore[method-assign]
        self.honest = honest

    def stop(self) -> None:
        self.link.stop()
        self.ledger.close()
        self.microcontroller.stop()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("bench"))
    yield made
    made.stop()


@pytest.mark.parametrize("command", READS)
def test_no_answer_of_the_microcontroller_stops_a_turn_of_the_relay(bench: Bench, command: int) -> None:
    body = {"after": 0, "boot": "", "ttl_ms": 5000}
    good = bench.honest(66, command, body)
    if command == 4:
        good["ev"] = [{"s": 1, "ms": 12, "k": "drawer-opened", "d": 3}, {"s": 2, "ms": 13, "k": "boot"}]

    @rubbish.examples(0.25, of=12)
    @given(rubbish.documents(good))
    def turned(said: Any) -> None:
        bench.odd = {command: json.loads(json.dumps(said))}
        try:
            bench.relay.turn()
        finally:
            bench.odd = {}

    turned()
    known = bench.ledger.waiting(limit=10_000)
    bench.microcontroller.reset()  # a new boot, so that what was said of numbers before counts for nothing
    bench.relay.turn()
    fresh = [event.kind for event in bench.ledger.waiting(limit=10_000)[len(known) :]]
    assert "boot" in fresh
    assert bench.relay.condition.connected


def test_an_event_that_is_not_understood_is_told_as_such_and_keeps_none_away(bench: Bench) -> None:
    good = bench.honest(66, 4, {"after": 0, "boot": ""})
    ev = [{"s": 7, "k": "drawer-opened"}, {"s": 8, "ms": 10**17, "k": "x"}, {"s": 9, "ms": 5, "k": "drawer-opened", "d": 3}]
    bench.odd = {4: {**good, "boot": "odd-boot", "ev": ev, "more": False}}
    bench.relay.turn()
    bench.odd = {}
    kinds = [event.kind for event in bench.ledger.waiting(limit=10_000)]
    assert kinds.count("mcu-event-unreadable") >= 2
    assert kinds[-1] == "drawer-opened"


@rubbish.examples(1.0, of=60)
@given(
    rubbish.documents({"do": "unlock", "drawer": 3, "id": "u-1", "ttl_ms": 8000}).map(lambda one: json.dumps(one).encode())
    | rubbish.documents({"do": "lock", "drawer": 0, "id": "l-1"}).map(lambda one: json.dumps(one).encode())
    | rubbish.documents({"do": "signal", "id": "s-1", "sound_ms": 5000, "lights_ms": 0}).map(lambda one: json.dumps(one).encode())
    | st.binary(max_size=40)
    | st.sampled_from([b"[" * 4000, b'{"do":' * 600, b"9" * 4090, b'{"do":"unlock","drawer":' + b"9" * 4000 + b"}"])
)
def test_every_line_at_the_door_gets_an_answer(line: bytes) -> None:
    moved: list[tuple[int, str]] = []

    class Inside:
        @property
        def condition(self) -> Any:
            raise AssertionError("status is not asked here")

        def unlock(self, drawer: int, *, command_id: str, ttl_ms: int) -> DrawerOutcome:
            assert drawer >= 1
            assert 0 < ttl_ms <= 60_000
            moved.append((drawer, command_id))
            return DrawerOutcome.UNLOCKED

        def lock(self, drawer: int) -> LockOutcome:
            assert drawer >= 0
            moved.append((drawer, "lock"))
            return LockOutcome.LOCKED

        def signal(self, *, sound_ms: int, lights_ms: int) -> None:
            assert 0 <= sound_ms <= 60_000
            assert 0 <= lights_ms <= 60_000
            moved.append((0, "signal"))

        def selftest(self) -> tuple[str, ...]:
            return ()

    door = Door(Path("unused"), Inside())
    if b'"status"' in line:
        return
    answer = door._answer(line)
    json.dumps(answer)
    assert ("outcome" in answer) == bool(moved)
