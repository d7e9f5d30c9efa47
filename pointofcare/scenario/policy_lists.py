"""The lists of a policy as a scenario writes them: one object a line, an ingredient or a class with what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from pointofcare.products import Controlled, HighAlert
from pointofcare.scenario.fields import Fields, same
from pointofcare.scenario.values import hold
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


def _name(fields: Fields) -> tuple[str, ListedBy]:
    ingredient, group = fields.text("ingredient"), fields.text("class")
    if (ingredient is None) == (group is None):
        fields.faults.note(fields.at("ingredient"), "name either an ingredient or a class")
        return "", ListedBy.INGREDIENT
    return (ingredient, ListedBy.INGREDIENT) if ingredient is not None else (group or "", ListedBy.CLASS)


def _listed(fields: Fields) -> Listed:
    name, by = _name(fields)
    return Listed(name=name, by=by)


def _high_alert(fields: Fields) -> ListedHighAlert:
    name, by = _name(fields)
    level = fields.whole("level")
    if level not in (0, 1, 2, 3):
        fields.faults.note(fields.at("level"), "must be 0, 1, 2 or 3")
        level = 3
    return ListedHighAlert(name=name, by=by, level=HighAlert(level))


def _controlled(fields: Fields) -> ListedControlled:
    name, by = _name(fields)
    return ListedControlled(name=name, by=by, schedule=fields.word("schedule", Controlled) or Controlled.NARCOTIC)


def _hold(fields: Fields) -> ListedHold:
    name, by = _name(fields)
    return ListedHold(name=name, by=by, rule=hold(fields))


def _emergency(fields: Fields) -> ListedEmergency:
    name, by = _name(fields)
    return ListedEmergency(name=name, by=by, max_dose=fields.amount("max_dose"), routes=fields.texts("routes", same))


def _look_alike(fields: Fields) -> LookAlike:
    return LookAlike(one=fields.required("one"), other=fields.required("other"))


def _effect_window(fields: Fields) -> EffectWindow:
    within = fields.duration("within")
    if within is None and fields.raw("within") is None:
        fields.faults.note(fields.at("within"), 'is missing; give a length of time, such as "30 min"')
    return EffectWindow(route=fields.text("route") or "", within=within or timedelta(0))


# Name in a scenario (the field of Policy is called the same) -> how one line of it is read.
LINES: dict[str, Callable[[Fields], object]] = {
    "high_alert": _high_alert,
    "look_alike": _look_alike,
    "time_critical": _listed,
    "skin_tested": _listed,
    "controlled": _controlled,
    "hold": _hold,
    "emergency": _emergency,
    "effect_windows": _effect_window,
}
