"""What goes wrong in a fleet, and when: scenario files, for load and for teaching. Pure but for reading the file.

A scenario is a TOML file with one table `[[happens]]` for each thing (docs/fleet-training.md). A share of the fleet is always the same
carts for the same seed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any

from pointofcare.errors import ConfigError
from simulation.fleet.roster import Build
from simulation.fleet.story import Trouble

BROKER_RESTART = "broker-restart"
BAD_FIRMWARE = "bad-firmware"
FAULTS = ("self-test", "no-boot", "power-cut", "stuck")
_KINDS = (*Trouble, BROKER_RESTART, BAD_FIRMWARE)
_KEYS = frozenset({"kind", "at_s", "lasts_s", "ward", "share", "hardware", "versions", "fault", "down_s"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`at_s` from the fleet's start, in real seconds; `lasts_s` None: for good. It strikes carts of `ward` ("" all), of the `hardware`
    that matches, and of those a `share`. For firmware `versions` is a pattern such as "1.2.*" and `fault` what becomes of it."""

    kind: str
    at_s: float = 0.0
    lasts_s: float | None = None
    ward: str = ""
    share: float = 1.0
    hardware: str = "*"
    versions: str = "*"
    fault: str = "self-test"
    down_s: float = 3.0

    def runs(self, elapsed_s: float) -> bool:
        return self.at_s <= elapsed_s and (self.lasts_s is None or elapsed_s < self.at_s + self.lasts_s)

    def strikes(self, build: Build, ward: str) -> bool:
        return self.ward in ("", ward) and fnmatchcase(build.hardware, self.hardware) and build.drawn < self.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    about: str
    events: tuple[Event, ...] = ()

    def troubles(self, build: Build, *, ward: str, elapsed_s: float) -> frozenset[Trouble]:
        """What lies on this cart now."""
        return frozenset(
            Trouble(event.kind)
            for event in self.events
            if event.kind not in (BROKER_RESTART, BAD_FIRMWARE) and event.runs(elapsed_s) and event.strikes(build, ward)
        )

    def fault_of(self, build: Build, *, ward: str, version: str, elapsed_s: float) -> str:
        """What becomes of this firmware on this cart: one of FAULTS, "" when it works."""
        for event in self.events:
            if event.kind == BAD_FIRMWARE and event.runs(elapsed_s) and event.strikes(build, ward) and fnmatchcase(version, event.versions):
                return event.fault
        return ""

    def restarts(self) -> tuple[Event, ...]:
        """When the broker goes down, and for how long, in order."""
        return tuple(sorted((event for event in self.events if event.kind == BROKER_RESTART), key=lambda event: event.at_s))


ORDINARY = Scenario(name="ordinary-day", about="nothing but what happens anyway")


def names() -> tuple[str, ...]:
    """The scenarios that ship."""
    return tuple(sorted(one.name.removesuffix(".toml") for one in _shipped().iterdir() if one.name.endswith(".toml")))


def load(name: str) -> Scenario:
    """One that ships, by its name, or the file at a path. Raises: ConfigError with every fault in it."""
    path = Path(name)
    shipped = name in names()
    try:
        text = (_shipped() / f"{name}.toml").read_text(encoding="utf-8") if shipped else path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as exc:
        raise ConfigError(f"there is no scenario {name!r}", remedy=f"name a file, or one of {', '.join(names())}") from exc
    except ValueError as exc:
        raise ConfigError(f"the scenario {name} cannot be read: {exc}", remedy="write it as TOML") from exc
    return read(values, name=name if shipped else path.stem)


def read(values: Mapping[str, Any], *, name: str) -> Scenario:
    """Raises: ConfigError with every fault."""
    problems = [(key, "is not a setting") for key in values if key not in ("about", "happens")]
    rows = values.get("happens", [])
    events = []
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], start=1):
        faults = _faults(row)
        problems += [(f"happens {number}: {key}", what) for key, what in faults]
        if not faults:
            values_of: dict[str, Any] = {key: float(value) if isinstance(value, int) else value for key, value in row.items()}
            events.append(Event(**values_of))
    about = values.get("about", "")
    if not isinstance(about, str):
        problems.append(("about", "write a sentence"))
    if problems:
        raise ConfigError(f"the scenario {name} cannot be used", problems=tuple(problems))
    return Scenario(name=name, about=about, events=tuple(events))


def _faults(row: object) -> list[tuple[str, str]]:
    if not isinstance(row, dict):
        return [("", "write a table: [[happens]]")]
    found = [(key, "is not a setting") for key in row if key not in _KEYS]
    if row.get("kind") not in _KINDS:
        found.append(("kind", f"must be one of {', '.join(_KINDS)}"))
    for key in ("at_s", "lasts_s", "down_s", "share"):
        value = row.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**7:
            found.append((key, "must be a number of zero or more"))
        elif key == "share" and value > 1:
            found.append((key, "must be 0 to 1"))
    found += [(key, "must be a text") for key in ("ward", "hardware", "versions") if not isinstance(row.get(key, ""), str)]
    if row.get("fault", "self-test") not in FAULTS:
        found.append(("fault", f"must be one of {', '.join(FAULTS)}"))
    return found


def _shipped() -> Any:
    return resources.files("simulation.fleet") / "scenarios"
