"""The fault proxy does what it says, so that the tests behind it prove something."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.fault_proxy import FaultProxy


@contextmanager
def an_echo() -> Iterator[int]:
    """A server that sends everything back."""
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


def test_proxy_passes_bytes_unchanged(wire: socket.socket) -> None:
    wire.sendall(b"hello")
    assert wire.recv(5, socket.MSG_WAITALL) == b"hello"


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
    assert wire.recv(3, socket.MSG_WAITALL) == b"abc"
    wire.sendall(b"defgh")
    with pytest.raises(ConnectionResetError):
        wire.recv(10, socket.MSG_WAITALL)
