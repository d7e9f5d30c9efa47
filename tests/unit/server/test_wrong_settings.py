"""Every setting of server, cart and bridge with a value of another kind, and under a name that is nearly its own: each fault names the
setting and what to do, all at once, and nothing but ConfigError is ever raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cart_client import config as cart
from firmware_bridge import config as bridge
from pointofcare.errors import ConfigError
from server import config as server

SECRET = "s" * 40
SERVER: dict[str, Any] = {"database_url": "sqlite:///x.sqlite", "facility": "h1", "secret_key": SECRET, "password_salt": SECRET}
CART: dict[str, Any] = {"cart": "cart-1", "facility": "h1", "ward": "icu"}
BRIDGE: dict[str, Any] = {"cart": "cart-1", "facility": "h1", "serial_port": "/dev/null"}
UPDATE = {"url": "https://h1.example", "root_file": "r", "server_key": "s", "image_key": "i"}
# No setting of any program is a day of the calendar.
WRONG = date(2026, 1, 2)


def of_server() -> list[str]:
    found: dict[str, set[str]] = {}

    class Spy(server._Reader):
        def unknown(self) -> None:
            found.update({section: set(names) for section, names in self._known.items()})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_Reader", Spy)
        server.read(SERVER, anchor=Path("/nowhere"))
    sections = set(found) - {""}
    top = found[""] - sections
    return sorted([*top, *(f"{section}.{name}" for section in sections for name in found[section])])


def of_tables(program: Any, given: Mapping[str, Any]) -> list[str]:
    found: set[str] = set()
    tables: set[str] = set()

    class Spy(program._Table):  # type: ignore[misc, name-defined]
        def __init__(self, given: Mapping[str, object], prefix: str, faults: list[tuple[str, str]]) -> None:
            super().__init__(given, prefix, faults)
            self.prefix = prefix

        def table(self, name: str) -> Any:
            tables.add(name)
            return super().table(name)

        def _all(self) -> None:
            found.update(f"{self.prefix}{name}" for name in self._asked)

        refuse_unknown = no_others = _all

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "_Table", Spy)
        program.read(given, {}, beside=Path("/nowhere"))
    return sorted(found - tables)


READERS: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], object], list[str]]] = {
    "server": (SERVER, lambda given: server.read(given, anchor=Path("/nowhere")), of_server()),
    "cart": (CART, lambda given: cart.read(given, {}, beside=Path("/nowhere")), of_tables(cart, CART)),
    "bridge": (
        {**BRIDGE, "update": UPDATE},
        lambda given: bridge.read(given, {}, beside=Path("/nowhere")),
        of_tables(bridge, {**BRIDGE, "update": UPDATE}),
    ),
}
EVERY = [(program, name) for program, (_, _, names) in READERS.items() for name in names]


def faults(program: str, path: str, value: object) -> dict[str, str]:
    held, read, _ = READERS[program]
    section, _, name = path.rpartition(".")
    given = {**held, **({section: {**held.get(section, {}), name: value}} if section else {name: value})}
    with pytest.raises(ConfigError) as told:
        read(given)
    return dict(told.value.problems)


def test_the_walk_sees_every_program_whole() -> None:
    assert len(READERS["server"][2]) > 100
    assert {"mqtt.port", "emr.target", "http.threads", "facility", "metrics.gateway_port"} <= set(READERS["server"][2])
    assert {"broker.ca_file", "kiosk.port", "devices.camera", "at_rest.key", "cart"} <= set(READERS["cart"][2])
    assert {"broker.port", "update.url", "serial_port"} <= set(READERS["bridge"][2])


@pytest.mark.parametrize(("program", "path"), EVERY)
def test_a_value_of_another_kind_is_a_fault_that_names_its_setting_and_what_to_do(program: str, path: str) -> None:
    found = faults(program, path, WRONG)
    named = [what for where, what in found.items() if where == path or where.startswith((f"{path}.", f"{path}["))]
    assert named, found
    assert all(len(what) > 5 for what in named)


@pytest.mark.parametrize(("program", "path"), [each for each in EVERY if len(each[1].rpartition(".")[2]) > 3])
def test_a_name_that_is_nearly_a_setting_is_told_with_the_one_that_was_meant(program: str, path: str) -> None:
    section, dot, name = path.rpartition(".")
    wrong = f"{section}{dot}{name[:2]}{name[1:]}"
    assert "did you mean" in faults(program, wrong, "x")[wrong]


@pytest.mark.parametrize("program", READERS)
def test_a_name_that_is_like_none_is_told_too_and_both_faults_at_once(program: str) -> None:
    held, read, _ = READERS[program]
    with pytest.raises(ConfigError) as told:
        read({**held, "zzzz": 1, "qqqq": {"x": 1}})
    assert {where for where, _ in told.value.problems} >= {"zzzz", "qqqq"}
    assert all("remove it" in what for where, what in told.value.problems if where in ("zzzz", "qqqq"))


def test_a_file_that_cannot_be_read_is_told_with_what_to_do(tmp_path: Path) -> None:
    for load in (server.load, lambda path: cart.load(path, {}), lambda path: bridge.load(path, {})):
        for path in (tmp_path / "not-there.toml", tmp_path):
            with pytest.raises(ConfigError) as told:
                load(path)
            assert str(path) in str(told.value)
            assert told.value.remedy
