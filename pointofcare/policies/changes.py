"""What two policies differ in, in words: what it is called, what it was and is, and which way is stricter.

Must never leave a difference out: what has no better words is shown as it stands in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pointofcare import texts
from pointofcare.policies import lines
from pointofcare.policies.document import InShadow, Line, LineValue, PolicyFile, Value, lines_of, value_of
from pointofcare.policies.entries import BY_NAME, ENTRIES, LISTS, UNITS, SpanEntry, Stricter
from pointofcare.policies.fault import words
from pointofcare.policies.notes import written_span
from pointofcare.quantity import Quantity
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import (
    EffectWindow,
    ListedBy,
    ListedControlled,
    ListedEmergency,
    ListedHighAlert,
    ListedHold,
    LookAlike,
    Policy,
)

_DECIMAL_COMMA = frozenset({"vi", "fr"})


class Direction(StrEnum):
    STRICTER = "stricter"
    LOOSER = "looser"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. `direction` None: neither way is the safer one for certain."""

    name: str
    text: str
    direction: Direction | None = None


def describe_changes(old: Policy, new: Policy, language: str) -> list[str]:
    """A sentence for each difference, saying "stricter" or "looser" where that is defined; [] when both say the same."""
    return [told(change, language) for change in changes(old, new, language)]


def told(change: Change, language: str) -> str:
    if change.direction is None:
        return change.text
    direction = words().text(language, f"direction-{change.direction}")
    return words().text(language, "with-direction", {"text": change.text, "direction": direction})


def changes(old: Policy, new: Policy, language: str) -> tuple[Change, ...]:
    """Every difference but the version's name, in the order of the file."""
    found: list[Change] = []
    for entry in ENTRIES:
        before, after = value_of(old, entry.name), value_of(new, entry.name)
        if before != after:
            parameters = {
                "name": name_of(entry.name, language),
                "old": shown_value(entry.name, before, language),
                "new": shown_value(entry.name, after, language),
            }
            smaller = after < before  # type: ignore[operator]
            stricter = smaller is (entry.stricter is Stricter.SMALLER)
            direction = Direction.STRICTER if stricter else Direction.LOOSER
            found.append(Change(name=entry.name, text=words().text(language, "change-value", parameters), direction=direction))
    for each in LISTS:
        found.extend(_list_changes(each.name, lines_of(old, each.name), lines_of(new, each.name), language))
    return tuple(found)


def file_changes(old: PolicyFile, new: PolicyFile, language: str) -> tuple[Change, ...]:
    """What two files differ in beside their values: what wards may change, and the sources cited for what both say."""
    found: list[Change] = []
    for code, names in (
        ("change-wards-may", [name for name in new.wards_may_change if name not in old.wards_may_change]),
        ("change-wards-may-not", [name for name in old.wards_may_change if name not in new.wards_may_change]),
    ):
        for name in names:
            direction = Direction.LOOSER if code == "change-wards-may" else Direction.STRICTER
            text = words().text(language, code, {"name": name_of(name, language)})
            found.append(Change(name=name, text=text, direction=direction))
    for entry in ENTRIES:
        one, other = old.values.get(entry.name), new.values.get(entry.name)
        if one is not None and other is not None and one.source != other.source:
            found.append(_source(entry.name, name_of(entry.name, language), one.source, other.source, language))
    for each in LISTS:
        before = {line.value: line for line in old.lists.get(each.name, ())}
        for line in new.lists.get(each.name, ()):
            same: Line | None = before.get(line.value)
            if same is not None and same.source != line.source:
                title = f"{name_of(each.name, language)}, {shown_line(line.value, language)}"
                found.append(_source(each.name, title, same.source, line.source, language))
    return tuple(found)


def _source(name: str, title: str, old: str, new: str, language: str) -> Change:
    return Change(name=name, text=words().text(language, "change-source", {"name": title, "old": old, "new": new}))


def name_of(name: str, language: str) -> str:
    """What a value or a list is called."""
    return words().text(language, f"{'entry' if name in BY_NAME else 'list'}-{name.replace('.', '-')}")


def shown_value(name: str, value: Value, language: str) -> str:
    if isinstance(value, Level):
        return shown_level(value, language)
    if isinstance(value, bool):
        return words().text(language, "flag-true" if value else "flag-false")
    entry = BY_NAME[name]
    return shown_span(value, language, unit=entry.unit if isinstance(entry, SpanEntry) else "min")


def shown_level(level: Level, language: str) -> str:
    if level is Level.PASS:
        return words().text(language, "level-PASS")
    return texts.clinical().text(language, f"level-{level.name}")


def shown_span(value: timedelta, language: str, *, unit: str = "min") -> str:
    number, _, found = written_span(value, unit).partition(" ")
    return words().text(language, f"unit-{found}", {"n": number}) if found in UNITS else f"{number} {found}"


def shown_line(value: LineValue, language: str) -> str:
    """A line of a list as one phrase."""
    t = words().text
    if isinstance(value, LookAlike):
        return t(language, "line-look_alike", {"one": value.one, "other": value.other})
    if isinstance(value, EffectWindow):
        return t(language, "line-effect", {"route": _route(value.route, language), "within": shown_span(value.within, language)})
    if isinstance(value, InShadow):
        return t(language, "line-shadow", {"rule": value.rule})
    drug = t(language, "drug-class", {"name": value.name}) if value.by is ListedBy.CLASS else value.name
    if isinstance(value, ListedHighAlert):
        return t(language, "line-high_alert", {"drug": drug, "level": t(language, f"alert-{int(value.level)}")})
    if isinstance(value, ListedControlled):
        return t(language, "line-controlled", {"drug": drug, "schedule": t(language, f"schedule-{value.schedule.value}")})
    if isinstance(value, ListedHold):
        return _hold(value, drug, language)
    if isinstance(value, ListedEmergency):
        dose = _amount(value.max_dose, language) if value.max_dose is not None else t(language, "any-dose")
        routes = ", ".join(_route(route, language) for route in value.routes) or t(language, "any-route")
        return t(language, "line-emergency", {"drug": drug, "dose": dose, "routes": routes})
    return drug


def _hold(value: ListedHold, drug: str, language: str) -> str:
    t, rule = words().text, value.rule
    limits = [
        t(language, code, {"amount": _amount(limit, language)})
        for code, limit in (("limit-below", rule.below), ("limit-above", rule.above))
        if limit is not None
    ]
    parameters = {
        "drug": drug,
        "observation": texts.clinical().text(language, f"observation-{rule.code}"),
        "limits": limits[0] if len(limits) == 1 else t(language, "limit-or", {"one": limits[0], "other": limits[-1]}),
        "age": shown_span(rule.max_age, language) if rule.max_age is not None else t(language, "age-default"),
        "level": shown_level(Level[rule.level], language),
    }
    return t(language, "line-hold", parameters)


def _route(route: str, language: str) -> str:
    clinical = texts.clinical()
    return clinical.text(language, f"route-{route}") if clinical.has(language, f"route-{route}") else route


_UNITS = {"[IU]": "IU", "ug": "mcg", "mm[Hg]": "mmHg", "Cel": "°C", "{score}": ""}


def _amount(amount: Quantity, language: str) -> str:
    number = amount.number.replace(".", ",") if language in _DECIMAL_COMMA else amount.number
    return f"{number} {_UNITS.get(amount.unit, amount.unit)}".strip()


def _list_changes(name: str, old: tuple[LineValue, ...], new: tuple[LineValue, ...], language: str) -> Iterator[Change]:
    """Lines with one key are one line that changed; several hold lines of one key are told apart by their value."""
    before, after = _keyed(old, new), _keyed(new, old)
    title = name_of(name, language)
    for key in dict.fromkeys((*before, *after)):
        one, other = before.get(key), after.get(key)
        if one == other or (isinstance(one, LookAlike) and other is not None):
            continue  # of a pair either name may stand first
        if one is None and other is not None:
            text = words().text(language, "change-added", {"name": title, "line": shown_line(other, language)})
            yield Change(name=name, text=text, direction=_ADDED.get(name))
        elif one is not None and other is None:
            text = words().text(language, "change-removed", {"name": title, "line": shown_line(one, language)})
            yield Change(name=name, text=text, direction=_opposite(_ADDED.get(name)))
        elif one is not None and other is not None:
            parameters = {"name": title, "old": shown_line(one, language), "new": shown_line(other, language)}
            yield Change(name=name, text=words().text(language, "change-line", parameters), direction=_line_direction(one, other))


# What one line more does to a policy. A window by route replaces that of every other route, so it may be either.
_ADDED: dict[str, Direction | None] = {
    "high_alert": Direction.STRICTER,
    "look_alike": Direction.STRICTER,
    "time_critical": Direction.STRICTER,
    "controlled": Direction.STRICTER,
    "hold": Direction.STRICTER,
    "skin_tested": Direction.STRICTER,
    "interval_stop": Direction.STRICTER,
    "emergency": Direction.LOOSER,
    "shadow": Direction.LOOSER,
}


def _opposite(direction: Direction | None) -> Direction | None:
    if direction is None:
        return None
    return Direction.LOOSER if direction is Direction.STRICTER else Direction.STRICTER


def _keyed(mine: tuple[LineValue, ...], other: tuple[LineValue, ...]) -> dict[object, LineValue]:
    """By key where both sides hold it once at most, else by the line itself."""
    found: dict[object, LineValue] = {}
    for value in mine:
        key: object = lines.key_of(value)
        several = max(sum(lines.key_of(each) == key for each in side) for side in (mine, other)) > 1
        found[value if several else key] = value
    return found


def _line_direction(old: LineValue, new: LineValue) -> Direction | None:
    if isinstance(old, ListedHighAlert) and isinstance(new, ListedHighAlert):
        return Direction.STRICTER if new.level > old.level else Direction.LOOSER
    if isinstance(old, EffectWindow) and isinstance(new, EffectWindow):
        return Direction.STRICTER if new.within < old.within else Direction.LOOSER
    if isinstance(old, ListedHold) and isinstance(new, ListedHold):
        return _agreed(_hold_parts(old, new))
    if isinstance(old, ListedEmergency) and isinstance(new, ListedEmergency):
        return _agreed(_emergency_parts(old, new))
    return None


def _agreed(parts: list[Direction | None]) -> Direction | None:
    """The one direction in which all parts went, None when they did not agree."""
    found = set(parts)
    return found.pop() if len(found) == 1 else None


def _hold_parts(old: ListedHold, new: ListedHold) -> list[Direction | None]:
    one, other = old.rule, new.rule
    parts: list[Direction | None] = []
    if one.level != other.level:
        parts.append(Direction.STRICTER if Level[other.level] > Level[one.level] else Direction.LOOSER)
    for before, after, raised in ((one.below, other.below, Direction.STRICTER), (one.above, other.above, Direction.LOOSER)):
        if before == after:
            continue
        if before is None or after is None:
            parts.append(Direction.STRICTER if before is None else Direction.LOOSER)
        elif before.converts_to(after.unit) and not before.same_as(after):
            parts.append(raised if after > before else _opposite(raised))
    if one.max_age != other.max_age:
        known = one.max_age is not None and other.max_age is not None
        parts.append((Direction.STRICTER if other.max_age < one.max_age else Direction.LOOSER) if known else None)  # type: ignore[operator]
    return parts


def _emergency_parts(old: ListedEmergency, new: ListedEmergency) -> list[Direction | None]:
    parts: list[Direction | None] = []
    one, other = old.max_dose, new.max_dose
    if one != other:
        if one is None or other is None:
            parts.append(Direction.STRICTER if one is None else Direction.LOOSER)
        elif not one.converts_to(other.unit):
            parts.append(None)
        elif not one.same_as(other):
            parts.append(Direction.STRICTER if other < one else Direction.LOOSER)
    if set(old.routes) != set(new.routes):
        narrower = bool(new.routes) and (not old.routes or set(new.routes) < set(old.routes))
        wider = bool(old.routes) and (not new.routes or set(old.routes) < set(new.routes))
        parts.append(Direction.STRICTER if narrower else Direction.LOOSER if wider else None)
    return parts
