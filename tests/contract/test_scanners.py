"""What every hand scanner owes the cart: whole symbols with their identifier, an honest loss, a prompt end."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cart_client import scanning
from cart_client.scanning import Seen
from devices import registry
from devices.scanners.serial_line import LONGEST_BYTES, SerialScanner
from devices.serial.pseudo import PseudoTerminal
from pointofcare.errors import ConfigError, DeviceUnavailableError
from pointofcare.labels.symbol import Symbol

PACK = b"]d2010893600000001110A1\x1d17270131"


class Hand:
    """A scanner on a pseudo-terminal, and the cart's loop that listens to it."""

    def __init__(self, link: Path) -> None:
        self.line = PseudoTerminal(link)
        self.line.plug()
        self.scanner = registry.scanner(f"serial:{link}")
        assert isinstance(self.scanner, SerialScanner)
        self.inbox: queue.Queue[object] = queue.Queue()
        self.halt = threading.Event()
        self.thread = threading.Thread(target=scanning.listen, args=(self.scanner, self.inbox, self.halt), daemon=True)
        self.thread.start()
        assert self.scanner.opened.wait(10)  # opening empties the line

    def send(self, content: bytes) -> None:
        assert self.line.master is not None
        os.write(self.line.master, content)

    def next(self) -> Symbol:
        seen = self.inbox.get(timeout=10)
        assert isinstance(seen, Seen)
        return seen.symbol

    def stop(self) -> None:
        self.halt.set()
        self.scanner.close()
        self.thread.join(5)
        assert not self.thread.is_alive()
        self.line.unplug()


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    made = Hand(tmp_path / "scanner")
    yield made
    made.stop()


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"], ids=["cr", "lf", "crlf"])
def test_a_symbol_comes_whole_with_its_identifier_and_its_separators(hand: Hand, end: bytes) -> None:
    hand.send(PACK + end)
    assert hand.next() == Symbol(identifier="]d2", content=PACK[3:])


def test_two_symbols_that_come_together_are_two(hand: Hand) -> None:
    hand.send(PACK + b"\r\n" + b"]Q3https://example.vn\r\n")
    assert [hand.next().identifier, hand.next().identifier] == ["]d2", "]Q3"]


def test_a_symbol_without_an_identifier_is_handed_over_without_one(hand: Hand) -> None:
    hand.send(b"0108936000000011\r")
    assert hand.next() == Symbol(identifier="", content=b"0108936000000011")


def test_a_line_that_is_too_long_is_no_symbol_and_the_next_one_is(hand: Hand) -> None:
    for _ in range(5):
        hand.send(b"]d2" + b"1" * (LONGEST_BYTES // 4))
    hand.send(b"\r" + PACK + b"\r")
    assert hand.next().content == PACK[3:]


def test_a_scanner_that_was_pulled_out_is_used_again_when_it_is_back(hand: Hand) -> None:
    hand.send(PACK + b"\r")
    hand.next()
    hand.line.unplug()
    hand.line.plug()
    for _ in range(40):
        hand.send(PACK + b"\r")
        try:
            assert hand.inbox.get(timeout=0.5) is not None
            return
        except queue.Empty:
            continue
    pytest.fail("the scanner did not come back")


def test_a_scanner_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnavailableError):
        next(registry.scanner(f"serial:{tmp_path / 'nothing'}").symbols())


def test_a_scanner_without_a_name_or_of_an_unknown_kind_is_a_fault_of_the_configuration() -> None:
    for source in ("serial:", "wedge:1", "serial:/dev/null?speed=1", "serial:/dev/null?baud=fast"):
        with pytest.raises(ConfigError):
            registry.scanner(source)


@pytest.fixture(scope="module")
def long_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    made = Hand(tmp_path_factory.mktemp("hand") / "scanner")
    yield made
    made.stop()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1, max_size=60).filter(lambda text: not set(text) & set(b"\r\n")), min_size=1, max_size=5))
def test_whatever_is_scanned_arrives_as_it_was(long_hand: Hand, contents: list[bytes]) -> None:
    long_hand.send(b"".join(b"]d2" + content + b"\r" for content in contents))
    assert [long_hand.next().content for _ in contents] == contents
