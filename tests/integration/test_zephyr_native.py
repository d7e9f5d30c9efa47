"""The bridge's line against Zephyr's own SMP server, running natively on a pseudo-terminal in real time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from smpclient.requests.enumeration_management import ListSupportedGroups
from smpclient.requests.os_management import EchoWrite, MCUMgrParametersRead

from firmware_bridge import group
from firmware_bridge.images import Images
from firmware_bridge.link import Link
from pointofcare.errors import DeviceError, DeviceProtocolError, DeviceTimeoutError, OutcomeUnknownError
from simulation import zephyr_peer
from tests.support.bridge import a_bridge_at, eventually

ENOTSUP = 8


@contextmanager
def zephyr(variant: str, *, tries: int = 5) -> Iterator[Link]:
    if why := zephyr_peer.missing():
        pytest.skip(f"{why} is missing: bash deploy/setup.sh test")
    with zephyr_peer.native_sim(variant) as port:
        link = Link(port, timeout_s=0.5, tries=tries)
        link.start()
        try:
            yield link
        finally:
            link.stop()


@pytest.fixture(scope="module")
def link() -> Iterator[Link]:
    with zephyr("serial_bigrx") as running:
        yield running


def _echo(text: str) -> Callable[[], EchoWrite]:
    return lambda: EchoWrite(d=text)


def test_it_answers_an_echo_its_buffers_and_which_groups_it_knows(link: Link) -> None:
    assert link.ask(_echo("xin chào")).r == "xin chào"
    told = link.ask(MCUMgrParametersRead)
    assert (told.buf_size, told.buf_count) == (384, 4)
    groups = set(link.ask(ListSupportedGroups).groups)
    assert 0 in groups
    assert group.GROUP not in groups


def test_a_message_that_fills_its_buffer_arrives_whole(link: Link) -> None:
    link.ask(_echo(""))
    text = "k" * (link.room - 8 - 6)  # header, and around the text: a map, its key and a length of three bytes
    assert link.ask(_echo(text)).r == text


def test_rubbish_on_the_line_does_not_keep_the_next_question_from_being_answered(link: Link) -> None:
    rubbish = (b"\x06\x09AAAA\n", b"\x04\x14!!!!\n", b"\x06\x09" + b"A" * 400, b"\r\n\x00\xff\x06", b"\x06\x09//8=\n")
    line = os.open(link.port, os.O_RDWR | os.O_NOCTTY)
    try:
        for number, each in enumerate(rubbish):
            os.write(line, each)
            assert link.ask(_echo(f"after {number}")).r == f"after {number}"
    finally:
        os.close(line)


def test_commands_of_the_cart_are_refused_at_once_and_never_taken_for_done(link: Link) -> None:
    link.ask(_echo(""))
    retries = link.status.retries
    with pytest.raises(DeviceProtocolError) as refused:
        link.command(lambda: group.Unlock(d=1, id="a", ttl_ms=1000), until_mono_s=time.monotonic() + 5)
    assert refused.value.fields["rc"] == ENOTSUP
    with pytest.raises(DeviceProtocolError):
        Images(link).boot_id()
    assert link.status.retries == retries


@pytest.mark.parametrize("buffer_bytes", [96, 512, 2048])
def test_messages_are_as_large_as_its_buffer_and_no_larger(buffer_bytes: int) -> None:
    with zephyr(f"serial_buf{buffer_bytes}") as link:
        assert link.ask(_echo("x")).r == "x"
        assert link.room == buffer_bytes - 4


def test_without_word_of_its_buffers_messages_stay_small() -> None:
    with zephyr("serial_noparams") as link:
        assert link.ask(_echo("x" * 100)).r == "x" * 100
        assert link.room < 200


def test_firmware_with_another_framing_is_no_answer_and_no_crash() -> None:
    with zephyr("serial_raw", tries=1) as link:
        with pytest.raises(DeviceTimeoutError):
            link.ask(_echo("x"))
        with pytest.raises(OutcomeUnknownError):
            link.once(_echo("x"))
        assert not link.status.connected


def test_a_whole_bridge_before_firmware_that_is_not_a_carts_says_so_and_opens_nothing() -> None:
    if why := zephyr_peer.missing():
        pytest.skip(f"{why} is missing: bash deploy/setup.sh test")
    with zephyr_peer.native_sim() as port, a_bridge_at(port) as bridge:
        eventually(lambda: bridge.relay.condition.connected, "the line works")
        assert bridge.relay.condition.battery_percent is None
        assert bridge.relay.condition.boot_id == ""
        with pytest.raises(DeviceError):
            bridge.relay.unlock(1, command_id="a", ttl_ms=1000)
