"""Random policy files that are right, for properties."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st

from pointofcare.policies import layers, lines
from pointofcare.policies.document import InShadow, Line, LineValue, PolicyFile, Stated
from pointofcare.policies.entries import (
    ALERT_LEVELS,
    EFFECT_BOUNDS,
    ENTRIES,
    HOLD_LEVELS,
    HOLD_MAX_AGE,
    LISTS,
    NAMES,
    OBSERVATION_UNITS,
    Entry,
    LevelEntry,
    SpanEntry,
)
from pointofcare.products import Controlled, HighAlert, HoldRule
from pointofcare.quantity import Quantity
from pointofcare.verdict.policy import (
    EffectWindow,
    Listed,
    ListedBy,
    ListedControlled,
    ListedEmergency,
    ListedHighAlert,
    ListedHold,
    LookAlike,
)

HEAD = 'format = 1\nversion = "t-1"\n'
_NAMES = st.sampled_from(
    ["heparin", "insulin human", "thuốc tê", "morphine", "kali clorid", 'a "quoted" name', "back\\slash", "ß-blocker".casefold()]
)
_TEXTS = st.sampled_from(
    ["local choice", "TT 20/2017/TT-BYT", "ISMP 2024, § 3 “quoted”", 'says "x" \\ y', "#not a comment", "[not.a.table]"]
)
_ROUTES = st.sampled_from(["IV", "IM", "SC", "PO", "INH"])
_BY = st.sampled_from(ListedBy)
_NUMBERS = st.decimals(min_value=Decimal("0.1"), max_value=Decimal(500), places=1)


def _seconds(low: timedelta, high: timedelta) -> st.SearchStrategy[timedelta]:
    return st.integers(int(low.total_seconds()), int(high.total_seconds())).map(lambda each: timedelta(seconds=each))


def value(entry: Entry) -> st.SearchStrategy[object]:
    if isinstance(entry, SpanEntry):
        return _seconds(entry.low, entry.high)
    return st.sampled_from(entry.allowed) if isinstance(entry, LevelEntry) else st.booleans()


@st.composite
def _hold(draw: st.DrawFn) -> ListedHold:
    code = draw(st.sampled_from(sorted(OBSERVATION_UNITS)))
    low, high = sorted((draw(_NUMBERS), draw(_NUMBERS)))
    if low == high:
        high += 1
    which = draw(st.sampled_from(["below", "above", "both"]))
    unit = OBSERVATION_UNITS[code]
    rule = HoldRule(
        code=code,
        below=Quantity(value=low, unit=unit) if which != "above" else None,
        above=Quantity(value=high, unit=unit) if which != "below" else None,
        max_age=draw(st.none() | _seconds(*HOLD_MAX_AGE)),
        level=draw(st.sampled_from(HOLD_LEVELS)).name,
    )
    return ListedHold(name=draw(_NAMES), by=draw(_BY), rule=rule)


LINES: dict[str, st.SearchStrategy[LineValue]] = {
    "high_alert": st.builds(ListedHighAlert, name=_NAMES, by=_BY, level=st.sampled_from(ALERT_LEVELS).map(HighAlert)),
    "look_alike": st.builds(LookAlike, one=_NAMES, other=_NAMES).filter(lambda pair: pair.one != pair.other),
    "time_critical": st.builds(Listed, name=_NAMES, by=_BY),
    "controlled": st.builds(
        ListedControlled, name=_NAMES, by=_BY, schedule=st.sampled_from([each for each in Controlled if each is not Controlled.NONE])
    ),
    "hold": _hold(),
    "interval_stop": st.builds(Listed, name=_NAMES, by=_BY),
    "effect_by_route": st.builds(EffectWindow, route=_ROUTES, within=_seconds(*EFFECT_BOUNDS)),
    "emergency": st.builds(
        ListedEmergency,
        name=_NAMES,
        by=_BY,
        max_dose=st.none() | st.builds(Quantity, value=_NUMBERS, unit=st.just("mg")),
        routes=st.lists(_ROUTES, max_size=3, unique=True).map(tuple),
    ),
}


@st.composite
def raw_files(draw: st.DrawFn) -> PolicyFile:
    """Each value is right; two of them may contradict each other."""
    values = {
        entry.name: Stated(value=draw(value(entry)), source=draw(_TEXTS))  # type: ignore[arg-type]
        for entry in draw(st.lists(st.sampled_from(ENTRIES), unique=True))
    }
    lists: dict[str, tuple[Line, ...]] = {}
    for each in LISTS:
        if each.name in LINES and draw(st.booleans()):
            found = draw(st.lists(LINES[each.name], min_size=1, max_size=4, unique_by=lines.key_of))
            lists[each.name] = tuple(Line(value=value, source=draw(_TEXTS)) for value in found)
    may = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    return PolicyFile(
        version=draw(st.from_regex(r"[a-z]{1,8}-[0-9]{1,3}", fullmatch=True)),
        title=draw(st.just("") | _TEXTS),
        wards_may_change=tuple(name for name in NAMES if name in may),
        values=_ordered(values, [entry.name for entry in ENTRIES]),
        lists=lists,
    )


def fitting(file: PolicyFile, over: PolicyFile | None = None) -> PolicyFile:
    """`file` without what cannot hold: over the default, or as a ward's file over a hospital's."""
    while found := layers.faults(file) if over is None else layers.faults(over, file):
        names = {re.sub(r"(\[\d+\])?(\.value)?$", "", each.path) for each in found}
        values = {name: stated for name, stated in file.values.items() if name not in names}
        lists = {name: held for name, held in file.lists.items() if name not in names}
        assert (values, lists) != (file.values, file.lists), found
        file = replace(file, values=values, lists=lists)
    return file


def files() -> st.SearchStrategy[PolicyFile]:
    """Files that hold over the default."""
    return raw_files().map(fitting)


def _ordered(values: dict[str, Stated], names: list[str]) -> dict[str, Stated]:
    return {name: values[name] for name in names if name in values}


def with_shadow(file: PolicyFile, rule: str) -> PolicyFile:
    return replace(file, lists={**file.lists, "shadow": (Line(value=InShadow(rule=rule), source="local choice"),)})
