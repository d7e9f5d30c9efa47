"""Reading one line of each list of a policy file. One function a kind of list, one table of them.

Each gives None for a line that has a fault, after noting it; the source is read by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pointofcare.errors import QuantityError
from pointofcare.policies.document import InShadow, LineValue
from pointofcare.policies.entries import (
    ALERT_LEVELS,
    EFFECT_BOUNDS,
    HOLD_LEVELS,
    HOLD_MAX_AGE,
    LOCAL,
    OBSERVATION_UNITS,
)
from pointofcare.policies.notes import NAME_LENGTH, Notes, brief, nearest, plain_text, span
from pointofcare.products import Controlled, HighAlert, HoldRule
from pointofcare.quantity import Quantity
from pointofcare.verdict.finding import Level
from pointofcare.verdict.moment import plain
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

_ROUTE = re.compile(r"[A-Z][A-Z0-9]{0,7}", re.ASCII)
MOST_ROUTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules there are, and those of them that are on trial."""

    known: Collection[str]
    on_trial: Collection[str]


def _name(value: object, path: str, notes: Notes) -> str | None:
    """A drug's or a class's name in the one spelling that the checks compare."""
    text = plain_text(value, path, notes, length=NAME_LENGTH)
    return plain(text) if text is not None else None


def _drug(table: Mapping[str, object], path: str, notes: Notes) -> tuple[str, ListedBy] | None:
    given = [by for by in ListedBy if by.value in table]
    if len(given) != 1:
        notes.note(path, "two-drugs" if given else "no-drug")
        return None
    name = _name(table[given[0].value], f"{path}.{given[0].value}", notes)
    return (name, given[0]) if name is not None else None


def _amount(table: Mapping[str, object], key: str, path: str, notes: Notes, example: str) -> Quantity | None:
    value = table[key]
    try:
        if not isinstance(value, str):
            raise QuantityError("not a text")
        found = Quantity.parse(value)
    except QuantityError:
        notes.note(f"{path}.{key}", "not-an-amount", found=brief(value), example=example)
        return None
    return found


def _route(value: object, path: str, notes: Notes) -> str | None:
    if isinstance(value, str) and _ROUTE.fullmatch(value):
        return value
    notes.note(path, "not-a-route", found=brief(value))
    return None


def _listed(table: Mapping[str, object], path: str, notes: Notes, _rules: Rules) -> Listed | None:
    drug = _drug(table, path, notes)
    return Listed(name=drug[0], by=drug[1]) if drug is not None else None


def _high_alert(table: Mapping[str, object], path: str, notes: Notes, _rules: Rules) -> ListedHighAlert | None:
    drug = _drug(table, path, notes)
    level = table["level"]
    if isinstance(level, bool) or level not in ALERT_LEVELS:
        notes.note(f"{path}.level", "not-a-number", found=brief(level))
        return None
    return ListedHighAlert(name=drug[0], by=drug[1], level=HighAlert(level)) if drug is not None else None


def _look_alike(table: Mapping[str, object], path: str, notes: Notes, _rules: Rules) -> LookAlike | None:
    one, other = _name(table["one"], f"{path}.one", notes), _name(table["other"], f"{path}.other", notes)
    if one is None or other is None:
        return None
    if one == other:
        notes.note(path, "same-name", name=one)
        return None
    return LookAlike(one=one, other=other)


def _controlled(table: Mapping[str, object], path: str, notes: Notes, _rules: Rules) -> ListedControlled | None:
    drug = _drug(table, path, notes)
    allowed = [each.value for each in Controlled if each is not Controlled.NONE]
    if table["schedule"] not in allowed:
        notes.note(f"{path}.schedule", "not-a-schedule", found=brief(table["schedule"]), allowed=", ".join(allowed))
        return None
    schedule = Controlled(str(table["schedule"]))
    return ListedControlled(name=drug[0], by=drug[1], schedule=schedule) if drug is not None else None


def level_of(value: object, path: str, notes: Notes, *, allowed: tuple[Level, ...], bounds: str) -> Level | None:
    """One of `allowed`; what is milder than the first is below the safety floor."""
    names = ", ".join(each.name for each in allowed)
    if not isinstance(value, str) or value not in Level.__members__:
        notes.note(path, "not-a-level", found=brief(value), allowed=names)
        return None
    level = Level[value]
    if level not in allowed:
        code = "below-floor" if level < min(allowed) else "above-ceiling"
        notes.note(path, code, found=level.name, allowed=names, bounds=bounds)
        return None
    return level


def _hold(table: Mapping[str, object], path: str, notes: Notes, _rules: Rules) -> ListedHold | None:
    before = len(notes.faults)
    drug = _drug(table, path, notes)
    level = level_of(table["level"], f"{path}.level", notes, allowed=HOLD_LEVELS, bounds="hold-never-silent")
    observation = table["observation"]
    if not isinstance(observation, str) or observation not in OBSERVATION_UNITS:
        notes.note(f"{path}.observation", "not-an-observation", found=brief(observation), allowed=", ".join(sorted(OBSERVATION_UNITS)))
        observation = ""
    limits = {key: _limit(table, key, path, notes, str(observation)) for key in ("below", "above") if key in table}
    if not limits:
        notes.note(path, "no-limit")
    below, above = limits.get("below"), limits.get("above")
    if below is not None and above is not None and below.converts_to(above.unit) and not below < above:
        notes.note(path, "limits-cross", below=below, above=above)
    max_age = None
    if "max_age" in table:
        low, high = HOLD_MAX_AGE
        max_age = span(table["max_age"], f"{path}.max_age", notes, low=low, high=high, unit="min", bounds=LOCAL)
    if drug is None or level is None or len(notes.faults) > before:
        return None
    rule = HoldRule(code=str(observation), below=below, above=above, max_age=max_age, level=level.name)
    return ListedHold(name=drug[0], by=drug[1], rule=rule)


def _limit(table: Mapping[str, object], key: str, path: str, notes: Notes, observation: str) -> Quantity | None:
    unit = OBSERVATION_UNITS.get(observation, "")
    found = _amount(table, key, path, notes, example=f"60 {unit or '/min'}")
    if found is not None and unit and not found.converts_to(unit):
        notes.note(f"{path}.{key}", "wrong-unit", unit=found.unit, wanted=unit)
        return None
    return found


def _effect(table: Mapping[str, object], path: str, notes: Notes, _rules: Rules) -> EffectWindow | None:
    route = _route(table["route"], f"{path}.route", notes)
    low, high = EFFECT_BOUNDS
    within = span(table["within"], f"{path}.within", notes, low=low, high=high, unit="min", bounds="va-effect")
    return EffectWindow(route=route, within=within) if route is not None and within is not None else None


def _emergency(table: Mapping[str, object], path: str, notes: Notes, _rules: Rules) -> ListedEmergency | None:
    before = len(notes.faults)
    drug = _drug(table, path, notes)
    most = _amount(table, "max_dose", path, notes, example="1 mg") if "max_dose" in table else None
    if most is not None and most.value <= 0:
        notes.note(f"{path}.max_dose", "amount-of-nothing")
    given = table.get("routes", [])
    routes: list[str] = []
    if not isinstance(given, list) or len(given) > MOST_ROUTES or ("routes" in table and not given):
        notes.note(f"{path}.routes", "not-a-route", found=brief(given))
    else:
        routes = [route for each in given if (route := _route(each, f"{path}.routes", notes)) is not None]
    if drug is None or len(notes.faults) > before:
        return None
    return ListedEmergency(name=drug[0], by=drug[1], max_dose=most, routes=tuple(dict.fromkeys(routes)))


def _shadow(table: Mapping[str, object], path: str, notes: Notes, rules: Rules) -> InShadow | None:
    rule = table["rule"]
    allowed = ", ".join(sorted(rules.on_trial)) or "–"
    if rule in rules.on_trial:
        return InShadow(rule=str(rule))
    if isinstance(rule, str) and rule in rules.known:
        notes.note(f"{path}.rule", "not-on-trial", found=rule, allowed=allowed)
    else:
        near = nearest(str(rule), rules.on_trial)
        notes.note(f"{path}.rule", "no-such-rule", found=brief(rule), allowed=near or allowed)
    return None


READERS: Mapping[str, Callable[[Mapping[str, object], str, Notes, Rules], LineValue | None]] = {
    "high_alert": _high_alert,
    "look_alike": _look_alike,
    "time_critical": _listed,
    "controlled": _controlled,
    "hold": _hold,
    "skin_tested": _listed,
    "interval_stop": _listed,
    "effect_by_route": _effect,
    "emergency": _emergency,
    "shadow": _shadow,
}


def key_of(value: LineValue) -> tuple[object, ...]:
    """What a line is about: the same line of two files is told by it."""
    if isinstance(value, LookAlike):
        return tuple(sorted((value.one, value.other)))
    if isinstance(value, EffectWindow):
        return (value.route,)
    if isinstance(value, InShadow):
        return (value.rule,)
    if isinstance(value, ListedHold):
        return (value.by, value.name, value.rule.code)
    return (value.by, value.name)


def stands_once(value: LineValue) -> tuple[object, ...]:
    """What may stand in its list once: two lines with it say the same thing twice, or contradict each other. Several limits of one
    measured value hold beside each other, each for itself."""
    return (*key_of(value), value.rule) if isinstance(value, ListedHold) else key_of(value)


def name_of(value: LineValue) -> str:
    """The line as it is called in a fault."""
    if isinstance(value, LookAlike):
        return f"{value.one} / {value.other}"
    if isinstance(value, EffectWindow):
        return value.route
    if isinstance(value, InShadow):
        return value.rule
    if isinstance(value, ListedHold):
        return f"{value.name} ({value.rule.code})"
    return value.name
