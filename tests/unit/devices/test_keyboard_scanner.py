"""A scanner that types as a keyboard: what its keys mean, and what must not become a symbol."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import registry
from devices.ports import Scanner
from devices.scanners.keyboard import KeyboardScanner
from devices.scanners.keys import EV_KEY, EV_SYN, GS, LAYOUTS, SYN_DROPPED, Keys, Layout
from devices.scanners.simulated import Event, Separator, SimulatedKeyboardScanner, typed
from pointofcare.errors import ConfigError, DeviceUnavailableError
from pointofcare.labels.symbol import Symbol

PACK = b"]d2010893600030017510LOT-7\x1d17271231"
# As the kernel tells "]d2" and Enter of a scanner set to AZERTY: AltGr with the key of ), d, shift with the key of e acute.
AZERTY_ID = [(100, 1), (12, 1), (12, 0), (100, 0), (32, 1), (32, 0), (42, 1), (3, 1), (3, 0), (42, 0), (28, 1), (28, 0)]
US_ID = [(27, 1), (27, 0), (32, 1), (32, 0), (3, 1), (3, 0), (28, 1), (28, 0)]


def _lines(events: Iterable[Event], layout: Layout = Layout.US, *, step_s: float = 0.001) -> list[bytes]:
    keys = Keys(layout)
    found = (keys.take(kind, code, value, number * step_s) for number, (kind, code, value) in enumerate(events))
    return [line for line in found if line is not None]


def _keys(recorded: Iterable[tuple[int, int]]) -> list[Event]:
    return [(EV_KEY, code, value) for code, value in recorded]


@pytest.mark.parametrize(("layout", "recorded"), [(Layout.US, US_ID), (Layout.AZERTY, AZERTY_ID)])
def test_recorded_events_of_either_layout_give_the_identifier(layout: Layout, recorded: list[tuple[int, int]]) -> None:
    assert _lines(_keys(recorded), layout) == [b"]d2"]


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("separator", list(Separator))
def test_a_pack_arrives_with_identifier_and_separator_however_the_scanner_sends_it(layout: Layout, separator: Separator) -> None:
    assert _lines(typed(PACK, layout, separator), layout) == [PACK]


@given(st.sampled_from(list(Layout)), st.sampled_from(list(Separator)), st.data())
def test_whatever_a_layout_has_keys_for_arrives_as_it_was_typed(layout: Layout, separator: Separator, data: st.DataObject) -> None:
    able = {text for levels in LAYOUTS[layout].values() for text in levels if text.isascii()}
    content = data.draw(st.lists(st.sampled_from([*sorted(able), chr(GS)]), min_size=1, max_size=40)).copy()
    told = "".join(content).encode("ascii")
    assert _lines(typed(told, layout, separator), layout) == [told]


def test_the_wrong_layout_never_gives_an_identifier_so_it_is_never_taken_for_gs1() -> None:
    for wrong in (_lines(typed(PACK, Layout.US), Layout.AZERTY), _lines(typed(PACK, Layout.AZERTY), Layout.US)):
        assert not any(line.startswith(b"]d2") for line in wrong)


@pytest.mark.parametrize(
    "foreign",
    [
        [(1, 1), (1, 0)],  # Escape
        [(103, 1), (103, 0)],  # an arrow
        [(29, 1), (46, 1), (46, 0), (29, 0)],  # Ctrl-C
        [(56, 1), (15, 1), (15, 0), (56, 0)],  # Alt-Tab
        [(56, 1), (73, 1), (73, 0), (73, 1), (73, 0), (73, 1), (73, 0), (56, 0)],  # Alt-999
        [(30, 1)],  # pressed while it is down
    ],
)
def test_what_is_no_character_spoils_its_line_and_no_other(foreign: list[tuple[int, int]]) -> None:
    events = [
        *list(typed(b"]d2AA", Layout.US))[:-4],
        *_keys([(30, 1), *foreign, (30, 0)]),
        *_keys([(28, 1), (28, 0)]),
        *typed(PACK, Layout.US),
    ]
    assert _lines(events) == [PACK]


def test_events_that_the_kernel_dropped_spoil_the_line() -> None:
    events = list(typed(PACK, Layout.US))
    middle = len(events) // 2
    assert _lines([*events[:middle], (EV_SYN, SYN_DROPPED, 0), *events[middle:], *typed(b"]E0123", Layout.US)]) == [b"]E0123"]


def test_a_line_that_was_cut_is_not_gone_on_with_and_its_rest_is_none() -> None:
    keys = Keys(Layout.US)
    first, second = list(typed(PACK, Layout.US)), list(typed(b"]E0123", Layout.US))
    cut = len(first) // 2 - len(first) // 2 % 4
    times = [*(0.0 for _ in first[:cut]), *(5.0 for _ in first[cut:]), *(5.1 for _ in second)]
    told = [keys.take(*event, at) for event, at in zip([*first, *second], times, strict=True)]
    assert [line for line in told if line is not None] == [b"]E0123"]


def test_a_key_that_is_held_down_types_once() -> None:
    assert _lines([(EV_KEY, 30, 1), (EV_KEY, 30, 2), (EV_KEY, 30, 2), (EV_KEY, 30, 0), *_keys([(28, 1), (28, 0)])]) == [b"a"]


def test_two_scanners_that_type_at_once_are_not_joined() -> None:
    one, two = Keys(Layout.US), Keys(Layout.AZERTY)
    told = []
    for first, second in zip(typed(b"]d2111", Layout.US), typed(b"]d2111", Layout.AZERTY), strict=False):
        told += [one.take(*first, 0.0), two.take(*second, 0.0)]
    assert {line for line in told if line is not None} <= {b"]d2111"}


def test_a_line_longer_than_any_symbol_is_none() -> None:
    assert _lines([*typed(b"1" * 5000, Layout.US), *typed(b"]E0123", Layout.US)], step_s=0.00001) == [b"]E0123"]


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedKeyboardScanner]:
    scanner = SimulatedKeyboardScanner(tmp_path / "event7", layout=Layout.AZERTY, separator=Separator.ALT)
    scanner.plug()
    yield scanner
    scanner.unplug()


def _next(scanner: Scanner, simulated: SimulatedKeyboardScanner, content: bytes) -> Symbol:
    """The symbol of a scan that is made once the device is open."""
    assert isinstance(scanner, KeyboardScanner)
    opened = scanner.opened

    def scan() -> None:
        opened.wait(5)
        simulated.scan(content)

    hand = threading.Thread(target=scan)
    hand.start()
    symbols = scanner.symbols()
    try:
        return next(symbols)
    finally:
        hand.join(5)
        symbols.close()  # type: ignore[attr-defined] # a generator


def test_it_is_opened_by_its_name_and_gives_symbols(simulated: SimulatedKeyboardScanner) -> None:
    scanner = registry.scanner(f"keyboard:{simulated.device}?layout=azerty")
    assert _next(scanner, simulated, PACK) == Symbol(identifier="]d2", content=PACK[3:])
    assert _next(scanner, simulated, b"NO IDENTIFIER") == Symbol(identifier="", content=b"NO IDENTIFIER")
    assert "azerty" in scanner.describe()


def test_a_scanner_that_is_unplugged_is_gone_and_works_when_it_is_back(simulated: SimulatedKeyboardScanner) -> None:
    scanner = registry.scanner(f"keyboard:{simulated.device}?layout=azerty")
    assert _next(scanner, simulated, PACK).identifier == "]d2"
    assert isinstance(scanner, KeyboardScanner)
    pulled = threading.Thread(target=lambda: (scanner.opened.wait(5), simulated.unplug()))
    pulled.start()
    with pytest.raises(DeviceUnavailableError):
        next(scanner.symbols())
    pulled.join(5)
    with pytest.raises(DeviceUnavailableError):
        next(scanner.symbols())
    simulated.plug()
    assert _next(scanner, simulated, PACK).identifier == "]d2"


def test_a_device_that_cannot_be_had_alone_is_not_read() -> None:
    with pytest.raises(DeviceUnavailableError):
        next(KeyboardScanner("/dev/null").symbols())


def test_a_layout_that_is_not_known_is_named() -> None:
    with pytest.raises(ConfigError, match="azerty"):
        registry.scanner("keyboard:/dev/input/event3?layout=dvorak")
