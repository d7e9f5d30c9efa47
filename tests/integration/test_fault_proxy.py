"""The fault proxy does what it says, so that the tests behind it prove something."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulation.fault_proxy import FaultProxy, MqttPackets


@contextmanager
def an_echo(greeting: bytes = b"") -> Iterator[int]:
    """A server that sends everything back, after its greeting."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    wire, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(wire,), daemon=True).start()

        def answer(wire: socket.socket) -> None:
            with wire:
                try:
                    wire.sendall(greeting)
                    while piece := wire.recv(65536):
                        wire.sendall(piece)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with an_echo() as port, FaultProxy(port) as made:
        yield made


@pytest.fixture
def wire(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as made:
        yield made


def taken(wire: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (piece := wire.recv(count - len(found))):
        found += piece
    return found


def test_proxy_passes_bytes_unchanged(wire: socket.socket) -> None:
    wire.sendall(b"hello")
    assert taken(wire, 5) == b"hello"


def test_proxy_delays_each_way(proxy: FaultProxy, wire: socket.socket) -> None:
    proxy.delay_s = 0.05
    before = time.monotonic()
    wire.sendall(b"x")
    assert wire.recv(1) == b"x"
    assert time.monotonic() - before >= 0.1


def test_proxy_swallows_without_an_error(proxy: FaultProxy, wire: socket.socket) -> None:
    proxy.blackhole = True
    wire.sendall(b"x")
    wire.settimeout(0.2)
    with pytest.raises(TimeoutError):
        wire.recv(1)


def test_proxy_resets(proxy: FaultProxy, wire: socket.socket) -> None:
    wire.sendall(b"x")
    assert wire.recv(1) == b"x"
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        wire.recv(1)


def test_proxy_cuts_after_so_many_bytes(proxy: FaultProxy, wire: socket.socket) -> None:
    proxy.cut_after_bytes = 6
    wire.sendall(b"abc")
    assert taken(wire, 3) == b"abc"
    wire.sendall(b"defgh")
    with pytest.raises(ConnectionResetError):
        taken(wire, 10)


def test_proxy_passes_on_what_was_under_way_when_the_silence_ends(proxy: FaultProxy, wire: socket.socket) -> None:
    proxy.blackhole = True
    wire.sendall(b"later")
    wire.settimeout(0.1)
    with pytest.raises(TimeoutError):
        wire.recv(1)
    proxy.blackhole = False
    wire.settimeout(5)
    assert taken(wire, 5) == b"later"


def test_proxy_silences_one_way_alone(proxy: FaultProxy, wire: socket.socket) -> None:
    proxy.blackhole_down = True
    assert not proxy.blackhole
    wire.sendall(b"up")
    wire.settimeout(0.1)
    with pytest.raises(TimeoutError):
        wire.recv(1)
    proxy.heal()
    wire.settimeout(5)
    assert taken(wire, 2) == b"up"


def test_proxy_narrows_the_way(proxy: FaultProxy, wire: socket.socket) -> None:
    proxy.rate_bytes_s = 10_000
    before = time.monotonic()
    wire.sendall(b"x" * 3000)
    assert len(taken(wire, 3000)) == 3000
    assert time.monotonic() - before >= 0.25


@pytest.mark.parametrize("gone", ["far", "near"])
def test_proxy_parts_the_ends_and_only_one_hears_of_it(proxy: FaultProxy, wire: socket.socket, gone: str) -> None:
    wire.sendall(b"x")
    assert wire.recv(1) == b"x"
    proxy.half_open(gone=gone)
    if gone == "near":
        with pytest.raises(ConnectionResetError):
            wire.recv(1)
        return
    wire.settimeout(0.2)
    for _ in range(3):
        wire.sendall(b"x" * 1000)
        with pytest.raises(TimeoutError):
            wire.recv(1)
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        wire.recv(1)


def test_proxy_refuses_newcomers_while_it_is_told_to(proxy: FaultProxy) -> None:
    proxy.accepting = False
    with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as refused:
        refused.recv(1)


@pytest.fixture
def up() -> Iterator[tuple[FaultProxy, socket.socket]]:
    """The way back is no MQTT, so that it shows what came out of the way up."""
    with an_echo(b"\0") as port, FaultProxy(port) as proxy, socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as wire:
        assert taken(wire, 1) == b"\0"
        yield proxy, wire


CONNECT = bytes([0x10, 2, 0, 0])
PING = bytes([0xC0, 0])


def a_publish(name: bytes, *, size: int = 3) -> bytes:
    body = b"\x00\x01t" + b"\x00\x01" + name.ljust(size)
    length, head = len(body), b""
    while length >= 128:
        head += bytes([length & 0x7F | 0x80])
        length >>= 7
    return b"\x32" + head + bytes([length]) + body


def test_packets_are_cut_wherever_the_wire_tears_them() -> None:
    sent = [CONNECT, a_publish(b"a", size=200), PING, a_publish(b"b", size=20_000)]
    whole = b"".join(sent)
    for step in (1, 7, 129, len(whole)):
        packets = MqttPackets()
        found = [packet for at in range(0, len(whole), step) for packet in packets.feed(whole[at : at + step])]
        assert found == sent
        assert [packets.is_publish(packet) for packet in found] == [False, True, False, True]
        assert packets.rest() == b""


def test_what_is_no_mqtt_is_not_cut() -> None:
    packets = MqttPackets()
    assert packets.feed(b"\x16\x03\x01") == [b"\x16\x03\x01"]
    assert not packets.is_publish(b"\x32\x00")


def test_proxy_sends_publishes_twice_and_nothing_else(up: tuple[FaultProxy, socket.socket]) -> None:
    proxy, wire = up
    proxy.double_every = 2
    first, second = a_publish(b"1"), a_publish(b"2")
    wire.sendall(CONNECT + first + second + PING)
    expected = CONNECT + first + second + second + PING
    assert taken(wire, len(expected)) == expected
    assert proxy.doubled == 1


def test_proxy_holds_a_publish_back_until_later_ones_have_passed(up: tuple[FaultProxy, socket.socket]) -> None:
    proxy, wire = up
    proxy.overtake_every = 2
    one, two, three, four = (a_publish(name) for name in (b"1", b"2", b"3", b"4"))
    wire.sendall(CONNECT + one + two + PING + three + four)
    expected = CONNECT + one + PING + three + four + two
    assert taken(wire, len(expected)) == expected
    assert proxy.overtaken == 1


def test_proxy_gives_a_held_publish_back_after_a_while(up: tuple[FaultProxy, socket.socket]) -> None:
    proxy, wire = up
    proxy.overtake_every, proxy.held_at_most_s = 1, 0.1
    only = a_publish(b"1")
    wire.sendall(CONNECT + only)
    assert taken(wire, len(CONNECT) + len(only)) == CONNECT + only
    assert proxy.overtaken == 0
