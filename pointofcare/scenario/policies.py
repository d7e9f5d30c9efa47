"""Overrides of the default policy, by name. The names say their units; an unknown one is a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta

from pointofcare.scenario.fields import Faults, Fields
from pointofcare.scenario.policy_lists import LINES
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import Policy

_MINUTE, _HOUR, _DAY, _SECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)

# Name in a scenario -> (field of Policy, unit of its number).
TIMES: dict[str, tuple[str, timedelta]] = {
    "window_time_critical_min": ("window_time_critical", _MINUTE),
    "window_frequent_min": ("window_frequent", _MINUTE),
    "window_daily_or_less_min": ("window_daily_or_less", _MINUTE),
    "repeat_warning_min": ("repeat_warning", _MINUTE),
    "session_idle_min": ("session_idle", _MINUTE),
    "transfer_notice_h": ("transfer_notice", _HOUR),
    "clock_note_s": ("clock_note", _SECOND),
    "clock_stop_min": ("clock_stop", _MINUTE),
    "chart_age_reason_h": ("chart_age_reason", _HOUR),
    "chart_age_stop_h": ("chart_age_stop", _HOUR),
    "weight_max_age_d": ("weight_max_age", _DAY),
    "late_charting_min": ("late_charting", _MINUTE),
    "observation_max_age_min": ("observation_max_age", _MINUTE),
}
LEVELS = ("band_without_instance", "unverified_order", "unverified_stat_order")
FLAGS = ("on_call_repeats",)
LISTS = ("interval_stop_classes", "interval_stop_ingredients")
NAMES = (*TIMES, *LEVELS, *FLAGS, *LISTS)
# Those of the second format.
LATER_TIMES: dict[str, tuple[str, timedelta]] = {
    "acknowledge_within_h": ("acknowledge_within", _HOUR),
    "skin_test_valid_for_h": ("skin_test_valid_for", _HOUR),
    "effect_look_back_h": ("effect_look_back", _HOUR),
    "pump_association_max_age_h": ("pump_association_max_age", _HOUR),
    "controlled_settle_within_min": ("controlled_settle_within", _MINUTE),
}
LATER_FLAGS = ("blind_for_calculated",)
LATER_LISTS = ("bag_stops", "bag_warns", "shadow")
LATER_NAMES = (*NAMES, *LATER_TIMES, *LATER_FLAGS, *LATER_LISTS, *LINES)


def policy(value: object, path: str, faults: Faults, file_format: int = 1) -> Policy:
    """The default policy with these overrides; its version names them."""
    default = Policy()
    if value is None:
        return default
    if not isinstance(value, dict):
        faults.note(path, "must be an object of policy names")
        return default
    changes = _changes(value, path, faults, file_format)
    if not changes:
        return default
    known = {each.name for each in fields(Policy)}
    named = ",".join(f"{name}={_written(value[name])}" for name in sorted(value) if name in LATER_NAMES)
    changed = {name: change for name, change in changes.items() if name in known}
    return replace(default, version=f"{default.version}+{named}", **changed)  # type: ignore[arg-type]


def _written(value: object) -> str:
    return "/".join(str(each) for each in value) if isinstance(value, list) else str(value)


def _changes(value: Mapping[str, object], path: str, faults: Faults, file_format: int) -> dict[str, object]:
    changes: dict[str, object] = {}
    later = file_format > 1
    names, times = (LATER_NAMES, TIMES | LATER_TIMES) if later else (NAMES, TIMES)
    flags, lists = (FLAGS + LATER_FLAGS, LISTS + LATER_LISTS) if later else (FLAGS, LISTS)
    reader = Fields(value, path, faults, file_format)
    for name, given in value.items():
        here = f"{path}.{name}"
        if name not in names:
            faults.note(here, f"unknown policy name; use one of: {', '.join(names)}")
        elif name in LINES:
            changes[name] = reader.objects(name, LINES[name])
        elif name in times:
            if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 10**6:
                faults.note(here, "must be a number of zero or more, in the unit that the name says")
                continue
            field, unit = times[name]
            changes[field] = given * unit
        elif name in LEVELS:
            if not isinstance(given, str) or given not in Level.__members__:
                faults.note(here, f"must be one of: {', '.join(Level.__members__)}")
                continue
            changes[name] = Level[given]
        elif name in flags:
            if not isinstance(given, bool):
                faults.note(here, "must be true or false")
                continue
            changes[name] = given
        elif name in lists:
            if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
                faults.note(here, "must be a list of texts")
                continue
            changes[name] = tuple(given)
    return changes
