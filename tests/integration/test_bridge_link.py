"""The wire to the microcontroller over a real pseudo-terminal, on good lines and bad ones."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from firmware_bridge import group
from firmware_bridge.link import Link
from firmware_bridge.simulated import SimulatedMicrocontroller
from pointofcare.errors import DeviceProtocolError, DeviceTimeoutError, DeviceUnavailableError, OutcomeUnknownError
from tests.support.bridge import a_microcontroller


@pytest.fixture
def mcu() -> Iterator[SimulatedMicrocontroller]:
    with a_microcontroller() as running:
        yield running


@pytest.fixture
def link(mcu: SimulatedMicrocontroller) -> Iterator[Link]:
    opened = Link(mcu.port, timeout_s=0.1, tries=12)
    opened.start()
    yield opened
    opened.stop()


def _unlock(link: Link, drawer: int, command_id: str, *, within_s: float = 5.0) -> group.UnlockAnswer:
    return link.command(lambda: group.Unlock(d=drawer, id=command_id, ttl_ms=2000), until_mono_s=time.monotonic() + within_s)


def test_every_command_of_the_group_is_understood(link: Link, mcu: SimulatedMicrocontroller) -> None:
    info = link.ask(group.Info)
    assert (info.n, info.proto) == (8, group.PROTOCOL)
    assert link.ask(group.Power).soc == 87
    assert _unlock(link, 3, "a").st == group.UnlockStatus.UNLOCKED
    assert link.ask(group.Drawers).free == 0b100
    assert mcu.pull(3)
    assert link.ask(group.Drawers).open == 0b100
    events = link.ask(lambda: group.Events(after=0, boot=info.boot))
    assert [event["k"] for event in events.ev] == ["boot", "drawer-unlocked", "drawer-opened"]
    assert link.ask(lambda: group.Heartbeat(ttl_ms=5000)).ok
    assert link.ask(group.Selftest).ok


def test_sixty_unlocks_on_a_lossy_line_are_each_carried_out_exactly_once(link: Link, mcu: SimulatedMicrocontroller) -> None:
    mcu.knobs.lose, mcu.knobs.damage, mcu.knobs.noise = 0.15, 0.1, True
    for number in range(60):
        assert _unlock(link, 1 + number % 8, f"u{number}").st == group.UnlockStatus.UNLOCKED
    assert [moved.command_id for moved in mcu.moved] == [f"u{number}" for number in range(60)]
    assert link.status.retries > 0


def test_no_answer_at_all_is_unknown_and_the_same_command_tells_what_happened(mcu: SimulatedMicrocontroller) -> None:
    link = Link(mcu.port, timeout_s=0.1, tries=2)
    link.start()
    try:
        mcu.knobs.lose = 1.0
        with pytest.raises(OutcomeUnknownError):
            _unlock(link, 2, "a")
        assert len(mcu.moved) == 1, "the drawer did open"
        mcu.knobs.lose = 0.0
        again = _unlock(link, 2, "a")
        assert (again.st, again.again, len(mcu.moved)) == (group.UnlockStatus.UNLOCKED, True, 1)
    finally:
        link.stop()


def test_a_question_without_an_answer_is_a_timeout_not_an_unknown_outcome(link: Link, mcu: SimulatedMicrocontroller) -> None:
    mcu.knobs.lose = 1.0
    with pytest.raises(DeviceTimeoutError):
        link.ask(group.Power)


def test_a_late_answer_is_never_taken_for_the_next_ones(link: Link, mcu: SimulatedMicrocontroller) -> None:
    mcu.knobs.delay_s = 0.15
    with pytest.raises((DeviceTimeoutError, DeviceProtocolError)):
        link.ask(group.Power)
    mcu.knobs.delay_s = 0.0
    assert link.ask(group.Info).n == 8


def test_a_line_that_garbles_everything_is_a_device_error_not_a_crash(link: Link, mcu: SimulatedMicrocontroller) -> None:
    mcu.knobs.damage = 1.0
    with pytest.raises((DeviceProtocolError, DeviceTimeoutError)):
        link.ask(group.Power)
    mcu.knobs.damage = 0.0
    assert link.ask(group.Power).soc == 87


def test_a_command_that_is_too_late_is_not_sent(link: Link, mcu: SimulatedMicrocontroller) -> None:
    with pytest.raises(DeviceUnavailableError):
        _unlock(link, 1, "late", within_s=-0.01)
    assert mcu.moved == ()


def test_a_command_that_became_too_late_while_the_port_was_opened_is_not_sent(
    link: Link, mcu: SimulatedMicrocontroller, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, until = link._connected, time.monotonic() + 60

    async def slow(attempt: int) -> object:
        client = await real(attempt)
        monkeypatch.setattr("firmware_bridge.link.time.monotonic", lambda: until + 1)
        return client

    monkeypatch.setattr(link, "_connected", slow)
    with pytest.raises(DeviceUnavailableError):
        link.command(lambda: group.Unlock(d=1, id="late", ttl_ms=2000), until_mono_s=until)
    monkeypatch.undo()
    assert mcu.moved == ()


def test_a_command_without_sense_is_refused_as_such(link: Link, mcu: SimulatedMicrocontroller) -> None:
    with pytest.raises(DeviceProtocolError):
        link.command(lambda: group.Unlock(d=1, id="x", ttl_ms=0), until_mono_s=time.monotonic() + 2)
    assert mcu.moved == ()


def test_a_pulled_cable_is_unavailable_and_works_again_when_it_is_back(link: Link, mcu: SimulatedMicrocontroller) -> None:
    link.ask(group.Info)
    mcu.unplug()
    with pytest.raises((DeviceTimeoutError, DeviceUnavailableError)):
        link.ask(group.Info)
    with pytest.raises(DeviceUnavailableError):
        _unlock(link, 1, "a", within_s=1.0)
    assert not link.status.connected
    mcu.plug()
    assert _unlock(link, 1, "b").st == group.UnlockStatus.UNLOCKED
    assert [moved.command_id for moved in mcu.moved] == ["b"]


def test_a_reset_is_seen_by_its_new_boot(link: Link, mcu: SimulatedMicrocontroller) -> None:
    before = link.ask(group.Info).boot
    mcu.reset()
    assert link.ask(group.Info).boot != before


def test_answers_of_newer_firmware_with_more_keys_are_read(
    link: Link, mcu: SimulatedMicrocontroller, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = mcu.answer
    monkeypatch.setattr(mcu, "answer", lambda g, c, b: known(g, c, b) | ({"newer": 1} if g == group.GROUP else {}))
    assert link.ask(group.Power).soc == 87
