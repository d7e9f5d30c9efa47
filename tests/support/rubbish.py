"""Messages that are nearly right: what a bug, a forger or a broken line makes of a good one. Structure-aware, for fuzzing.

How many examples a target gets: few and always the same in `make test`, many and new ones in `make fuzz` (`FUZZ_EXAMPLES`).
"""

from __future__ import annotations

import copy
import json
import os
import re
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

LONG = "FUZZ_EXAMPLES" in os.environ
_FACTOR = int(os.environ.get("FUZZ_EXAMPLES", "8"))

# What a field of the wrong kind, size or calendar may hold.
_TEXTS: tuple[object, ...] = (
    "", " ", "\x00", "a\x00b", "\x1d", "\ufeff", "😀", "x" * 64, "x" * 300, "../../etc/passwd", "'; DROP TABLE audit", "+/#",
    "give", "refuse", "rate", "stop", "undo", "complete", "completed", "in-progress", "not-done", "entered-in-error", "STOP", "PASS",
    "tell", "release", "acquire", "renew", "P1", "P2", "O1", "N1", "AMOX500", "c1", "c2", "1.7",
    "controlled-count", "controlled-restock", "drawer-opened", "mcu-lost", "]d2",
)  # fmt: skip
_MOMENTS: tuple[object, ...] = (
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", "2026-03-02T01:05:00Z", "2026-03-02T08:05:00+07:00", "2000-02-29T23:59:60Z",
)  # fmt: skip
_DAYS: tuple[object, ...] = ("0001-01-01", "9999-12-31", "2026-02-30", "2026-03-02")
_CLOCKS: tuple[object, ...] = ("24:00", "00:00", "23:59:59", "08:00")
_SPANS: tuple[object, ...] = ("PT0S", "-P999999999D", "P999999999D", "-PT1S", "P1D", "PT99999999999999S")
_AMOUNTS: tuple[object, ...] = (
    "0 mg", "-1 mg", "0.0000000000000000000000000000000000000001 mg", "9999999999999999999999999999999999999999 mg", "1 ug", "5 mL/h",
    "1 mL", "1E+9 mg", "1 furlong", "1 [IU]", "0 mL/h", "100000000000 mL/h", "1 {tablet}", "36.9 Cel",
)  # fmt: skip
_NUMBERS: tuple[object, ...] = (
    0, -1, 1, 7, 2**31, 2**31 - 1, 2**40, 2**53 - 1, -(2**53) + 1, 2**53, 2**63, 2**64, 10**30, 0.5, -0.0, 1e-320, 1.7e308, -1.7e308,
)  # fmt: skip
_SHAPES: tuple[object, ...] = (
    None,
    True,
    False,
    [],
    {},
    [None],
    [[]],
    {"": ""},
    {"type": "DrugScan"},
    ["", ""],
    ["x"] * 300,
    "null",
    "NaN",
)
# What a field may hold that is of the wrong kind, size or calendar.
ODD = _TEXTS + _MOMENTS + _DAYS + _CLOCKS + _SPANS + _AMOUNTS + _NUMBERS + _SHAPES
_ALIKE = (
    (re.compile(r"\d{4}-\d\d-\d\dT.*"), _MOMENTS),
    (re.compile(r"\d{4}-\d\d-\d\d"), _DAYS),
    (re.compile(r"\d\d:\d\d.*"), _CLOCKS),
    (re.compile(r"-?P.*\d.*"), _SPANS),
    (re.compile(r"-?[\d.]+ \S+"), _AMOUNTS),
)


def _alike(value: object) -> tuple[object, ...]:
    """What can stand where `value` stands and may be read."""
    if isinstance(value, bool):
        return (True, False)
    if isinstance(value, int | float):
        return _NUMBERS
    if isinstance(value, str):
        return next((found for shape, found in _ALIKE if shape.fullmatch(value)), _TEXTS)
    return _SHAPES


def examples(share: float = 1.0, *, of: int = 8) -> settings:
    """Settings of one target: `of` examples in `make test`, of which `make fuzz` makes `FUZZ_EXAMPLES` times `share`."""
    most = max(1, round(_FACTOR * share)) if LONG else of
    return settings(
        max_examples=most,
        deadline=None,
        derandomize=not LONG,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink] if LONG else [Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            found += _places(inner, (*path, place))
    return found


@st.composite
def documents(draw: st.DrawFn, good: Any) -> Any:
    """A JSON value that differs from `good` in one to four places; it is often still a valid one."""
    made = copy.deepcopy(good)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 2, 3, 4]))):
        places = _places(made)
        if not places:
            break
        path = draw(st.sampled_from(places))
        there = _at(made, path)
        kind = draw(st.integers(0, 19))
        if kind == 0:
            del _at(made, path[:-1])[path[-1]]
            continue
        if kind == 1:  # another field's value
            value = copy.deepcopy(_at(made, draw(st.sampled_from(places))))
        elif kind == 2:
            value = draw(st.text(max_size=8))
        elif kind == 3 and isinstance(there, list):
            value = [*there, *copy.deepcopy(there)]
        elif kind < 6:
            value = copy.deepcopy(draw(st.sampled_from(ODD)))
        else:
            value = copy.deepcopy(draw(st.sampled_from(_alike(there))))
        _at(made, path[:-1])[path[-1]] = value
    return made


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def payloads(draw: st.DrawFn, good: bytes) -> bytes:
    """Bytes made of the good ones: another value (mostly below the key "body", where there is one), a torn or doubled text, bad
    UTF-8, endless nesting, too much of it."""
    kind = draw(st.integers(0, 19))
    if kind < 14:
        plain = json.loads(good)
        if kind < 11 and isinstance(plain.get("body"), dict):
            plain["body"] = draw(documents(plain["body"]))
        else:
            plain = draw(documents(plain))
        return json.dumps(plain, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    place = draw(st.integers(0, len(good)))
    if kind == 14:
        return good[:place]
    if kind == 15:
        return good[:place] + draw(st.binary(min_size=1, max_size=8)) + good[place:]
    if kind == 16:  # a key twice, or a number that is none
        doubled = [b'"id":"x",', b'"body":{},', b'"v":"1.0",', b'"ttl_s":NaN,', b'"ttl_s":1e999,', b'"x":' + b"9" * 5000 + b","]
        return good[:1] + draw(st.sampled_from(doubled)) + good[1:]
    if kind == 17:
        depth = draw(st.sampled_from([13, 1_000, 100_000]))
        return good[:1] + b'"deep":' + b"[" * depth + b"]" * depth + b"," + good[1:]
    if kind == 18:
        return good[:1] + b'"pad":"' + b"x" * draw(st.sampled_from([262_144, 899_000, 900_001, 1_100_000])) + b'",' + good[1:]
    return draw(st.binary(max_size=64))
