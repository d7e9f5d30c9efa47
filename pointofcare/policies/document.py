"""What a policy file says, as values: each single value and each line of a list with the source that it cites.

Names that a file leaves out are those of the default. Must never decide what is allowed: `reading` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pointofcare.policies.entries import BAG_FIELDS, EFFECT_WITHIN, ENTRIES, LISTS
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import (
    EffectWindow,
    Listed,
    ListedBy,
    LookAlike,
    Policy,
)

Value = timedelta | Level | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A single value and where it comes from."""

    value: Value
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InShadow:
    """A rule that is only tried."""

    rule: str


LineValue = Listed | LookAlike | EffectWindow | InShadow


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a list and where it comes from."""

    value: LineValue
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """`values` by entry name, `lists` by list name; a name that is missing is the default's. `wards_may_change` are the names
    that a ward's own file may set; adding lines to a list whose every line is stricter needs no leave."""

    version: str
    title: str = ""
    wards_may_change: tuple[str, ...] = ()
    values: Mapping[str, Stated] = field(default_factory=dict)
    lists: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)


def value_of(policy: Policy, name: str) -> Value:
    """The single value that `policy` has under the entry `name`."""
    entry = next(entry for entry in ENTRIES if entry.name == name)
    if entry.field:
        found: Value = getattr(policy, entry.field)
        return found
    if name == EFFECT_WITHIN:
        return next((each.within for each in policy.effect_windows if each.route == ""), timedelta(0))
    printed = name.partition(".")[2]
    if printed in policy.bag_stops:
        return Level.STOP
    return Level.WARN if printed in policy.bag_warns else Level.PASS


def lines_of(policy: Policy, name: str) -> tuple[LineValue, ...]:
    """The lines that `policy` has in the list `name`."""
    if name == "interval_stop":
        return (
            *(Listed(name=each, by=ListedBy.CLASS) for each in policy.interval_stop_classes),
            *(Listed(name=each) for each in policy.interval_stop_ingredients),
        )
    if name == "effect_by_route":
        return tuple(each for each in policy.effect_windows if each.route)
    if name == "shadow":
        return tuple(InShadow(rule=each) for each in policy.shadow)
    found: tuple[LineValue, ...] = getattr(policy, name)
    return found


def policy_of(version: str, values: Mapping[str, Value], lists: Mapping[str, tuple[LineValue, ...]]) -> Policy:
    """The policy of these values and lines over the default."""
    base = Policy()
    held = {entry.name: values.get(entry.name, value_of(base, entry.name)) for entry in ENTRIES}
    lines = {each.name: lists.get(each.name, lines_of(base, each.name)) for each in LISTS}
    fields: dict[str, object] = {entry.field: held[entry.name] for entry in ENTRIES if entry.field}
    for level, name in ((Level.STOP, "bag_stops"), (Level.WARN, "bag_warns")):
        fields[name] = tuple(printed for printed in BAG_FIELDS if held[f"bag.{printed}"] is level)
    stops = [each for each in lines["interval_stop"] if isinstance(each, Listed)]
    fields["interval_stop_classes"] = tuple(each.name for each in stops if each.by is ListedBy.CLASS)
    fields["interval_stop_ingredients"] = tuple(each.name for each in stops if each.by is ListedBy.INGREDIENT)
    others = held[EFFECT_WITHIN]
    assert isinstance(others, timedelta)
    fields["effect_windows"] = (*lines["effect_by_route"], EffectWindow(route="", within=others))
    fields["shadow"] = tuple(each.rule for each in lines["shadow"] if isinstance(each, InShadow))
    for name in ("high_alert", "look_alike", "time_critical", "controlled", "hold", "skin_tested", "emergency"):
        fields[name] = lines[name]
    return Policy(version=version, **fields)  # type: ignore[arg-type]


def values_of(file: PolicyFile) -> dict[str, Value]:
    return {name: stated.value for name, stated in file.values.items()}


def lists_of(file: PolicyFile) -> dict[str, tuple[LineValue, ...]]:
    return {name: tuple(line.value for line in lines) for name, lines in file.lists.items()}
