"""Every name that a policy file may set: one table of single values, one of lists.

A row says what kind of value it is, between which bounds a hospital may choose, where the bounds come from, and which way is
stricter. Must never hold a default: those are the fields of `Policy`, and their sources stand in `default.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pointofcare.verdict.finding import Level

_S, _MIN, _H, _D = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UNITS: dict[str, timedelta] = {"d": _D, "h": _H, "min": _MIN, "s": _S}

LOCAL = "local"
_VA_WINDOW = "va-window"
_FROM_NOTE = (Level.NOTE, Level.WARN, Level.REASON, Level.WITNESS, Level.STOP)


class Stricter(StrEnum):
    """Which way a value is the safer one."""

    SMALLER = "smaller"
    GREATER = "greater"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A single value. `name` is its path in the file, `field` that of `Policy`; "" for one that is a part of a field. `bounds`
    is the code of the text that says why the limits are where they are."""

    name: str
    rule: str
    stricter: Stricter
    bounds: str
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEntry(Entry):
    """A length of time from `low` to `high`, both included. `unit` is how it is written."""

    unit: str
    low: timedelta
    high: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelEntry(Entry):
    """One of `allowed`: a level below the first is below the safety floor."""

    allowed: tuple[Level, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagEntry(Entry):
    """True or false; `stricter` GREATER: true is the stricter one."""


def _span(name: str, rule: str, stricter: Stricter, unit: str, low: int, high: int, bounds: str = LOCAL, field: str = "") -> SpanEntry:
    """`low` and `high` are numbers of `unit`."""
    one = UNITS[unit]
    return SpanEntry(
        name=name,
        rule=rule,
        stricter=stricter,
        bounds=bounds,
        field=field or name.replace(".", "_"),
        unit=unit,
        low=low * one,
        high=high * one,
    )


_LESS, _MORE = Stricter.SMALLER, Stricter.GREATER

ENTRIES: tuple[Entry, ...] = (
    _span("window.time_critical", "T1", _LESS, "min", 10, 240, _VA_WINDOW),
    _span("window.frequent", "T1", _LESS, "min", 10, 240, _VA_WINDOW),
    _span("window.daily_or_less", "T1", _LESS, "min", 10, 240, _VA_WINDOW),
    _span("window.stat", "T1", _LESS, "min", 5, 240),
    _span("window.once", "T1", _LESS, "min", 5, 240),
    _span("repeat.warning", "T3", _MORE, "min", 30, 1440),
    LevelEntry(
        name="band.without_instance",
        rule="P3",
        stricter=_MORE,
        bounds="band-never-silent",
        field="band_without_instance",
        allowed=_FROM_NOTE,
    ),
    _span("session.idle", "P5", _LESS, "min", 1, 60, "va-session"),
    _span("transfer.notice", "P7", _LESS, "h", 2, 99, "va-transfer"),
    LevelEntry(
        name="unverified.order",
        rule="D6",
        stricter=_MORE,
        bounds="va-verify",
        field="unverified_order",
        allowed=_FROM_NOTE,
    ),
    LevelEntry(
        name="unverified.stat_order",
        rule="D6",
        stricter=_MORE,
        bounds="va-verify",
        field="unverified_stat_order",
        allowed=_FROM_NOTE,
    ),
    _span("clock.note", "T6", _LESS, "s", 1, 1800, "va-clock"),
    _span("clock.stop", "T6", _LESS, "min", 1, 30, "va-clock"),
    _span("chart_age.reason", "O1", _LESS, "h", 1, 23),
    _span("chart_age.stop", "O1", _LESS, "h", 2, 24, "chart-life"),
    _span("weight.max_age", "Q7", _LESS, "d", 1, 90),
    FlagEntry(name="on_call.repeats", rule="S3", stricter=_LESS, bounds="va-switch", field="on_call_repeats"),
    _span("charting.late", "S6", _LESS, "min", 1, 1440, field="late_charting"),
    _span("observation.max_age", "H1", _LESS, "min", 5, 1440),
    _span("skin_test.valid_for", "D16", _LESS, "h", 1, 336),
    _span("acknowledge.within", "D1", _LESS, "h", 1, 72),
    FlagEntry(name="blind.for_calculated", rule="H5", stricter=_MORE, bounds=LOCAL, field="blind_for_calculated"),
    SpanEntry(
        name="effect.within",
        rule="N4",
        stricter=_LESS,
        bounds="va-effect",
        unit="min",
        low=10 * _MIN,
        high=960 * _MIN,
    ),
    _span("effect.look_back", "N4", _MORE, "h", 24, 840, "va-look-back"),
    LevelEntry(name="bag.volume", rule="I3", stricter=_MORE, bounds="va-matrix", allowed=(Level.WARN, Level.STOP)),
    LevelEntry(name="bag.additives", rule="I3", stricter=_MORE, bounds="va-matrix", allowed=(Level.WARN, Level.STOP)),
    LevelEntry(name="bag.rate", rule="I3", stricter=_MORE, bounds="va-matrix", allowed=(Level.WARN, Level.STOP)),
    _span("pump.association_max_age", "I6", _LESS, "h", 1, 72),
    _span("balance.settle_within", "C1", _LESS, "min", 5, 1440, field="controlled_settle_within"),
    _span("request.answer_within", "S5", _LESS, "min", 5, 1440),
)
BY_NAME: dict[str, Entry] = {entry.name: entry for entry in ENTRIES}
SECTIONS: tuple[str, ...] = tuple(dict.fromkeys(entry.name.partition(".")[0] for entry in ENTRIES))
EFFECT_WITHIN = "effect.within"
# The printed fields of a bag that I3 compares, in the order of `Policy.bag_stops`.
BAG_FIELDS: tuple[str, ...] = ("volume", "additives", "rate")

# Two values of which the first must stay below the second ("<"), or at most equal it ("<=").
ORDERED: tuple[tuple[str, str, str], ...] = (
    ("window.time_critical", "<=", "window.frequent"),
    ("window.frequent", "<=", "window.daily_or_less"),
    ("clock.note", "<", "clock.stop"),
    ("chart_age.reason", "<", "chart_age.stop"),
    ("unverified.stat_order", "<=", "unverified.order"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """A list of lines. `fields` are the keys of a line beside `source`, `needed` those that must be there; of `either` exactly
    one. `wards_may_add`: a line more is always the stricter policy, so a ward may add without being asked."""

    name: str
    rule: str
    fields: tuple[str, ...]
    needed: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    wards_may_add: bool = False


_DRUG = ("ingredient", "class")

LISTS: tuple[ListEntry, ...] = (
    ListEntry(name="high_alert", rule="H2", either=_DRUG, fields=(*_DRUG, "level"), needed=("level",), wards_may_add=True),
    ListEntry(name="look_alike", rule="D7", fields=("one", "other"), needed=("one", "other"), wards_may_add=True),
    ListEntry(name="time_critical", rule="T1", either=_DRUG, fields=_DRUG, wards_may_add=True),
    ListEntry(name="controlled", rule="C1", either=_DRUG, fields=(*_DRUG, "schedule"), needed=("schedule",), wards_may_add=True),
    ListEntry(
        name="hold",
        rule="H1",
        either=_DRUG,
        fields=(*_DRUG, "observation", "below", "above", "max_age", "level"),
        needed=("observation", "level"),
        wards_may_add=True,
    ),
    ListEntry(name="skin_tested", rule="D16", either=_DRUG, fields=_DRUG, wards_may_add=True),
    ListEntry(name="interval_stop", rule="N2", either=_DRUG, fields=_DRUG, wards_may_add=True),
    ListEntry(name="effect_by_route", rule="N4", fields=("route", "within"), needed=("route", "within")),
    ListEntry(name="emergency", rule="D1", either=_DRUG, fields=(*_DRUG, "max_dose", "routes")),
    ListEntry(name="shadow", rule="", fields=("rule",), needed=("rule",)),
)
LIST_BY_NAME: dict[str, ListEntry] = {each.name: each for each in LISTS}
NAMES: tuple[str, ...] = (*BY_NAME, *LIST_BY_NAME)

# A hold line's limit must be written in a unit that converts to this one: what the wards' values come in.
OBSERVATION_UNITS: dict[str, str] = {
    "heart-rate": "/min",
    "systolic": "mm[Hg]",
    "diastolic": "mm[Hg]",
    "respiratory-rate": "/min",
    "spo2": "%",
    "glucose": "mmol/L",
    "potassium": "mmol/L",
    "temperature": "Cel",
    "pain": "{score}",
    "sedation": "{score}",
    "creatinine": "umol/L",
    "inr": "1",
}
HOLD_LEVELS: tuple[Level, ...] = (Level.REASON, Level.WITNESS, Level.STOP)
HOLD_MAX_AGE = (_MIN, 7 * _D)
EFFECT_BOUNDS = (10 * _MIN, 960 * _MIN)
# H2: 1 is labelled, 2 asks for a witness or a reason, 3 for a witness. 0 would be no line at all.
ALERT_LEVELS = (1, 2, 3)
