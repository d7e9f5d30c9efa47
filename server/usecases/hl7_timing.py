"""When, in HL7's words: repeat patterns, explicit times, durations and bounds of TQ1, and of RXE-1 and ORC-7 of older versions.

The result are the raw cells of an order, as every import has them, with what stands in the way of reading them. "Twice a day" names no
times: which ones is in the hospital's own frequency table, or a person's to say. Must never guess: an empty pattern is no pattern.
Source: HL7 2.5.1 chapter 4.5.4 (TQ1), 2.A.64 (RPT), 2.A.81 (TQ), table 0335; 2.3 chapter 4.4 (quantity/timing).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from pointofcare.orders import timing
from server.emr.hl7_message import Hl7Error, Segment, clock, moment
from server.usecases import import_fields as fields
from server.usecases.hl7_profile import Profile
from server.usecases.import_rows import FieldError

NOT_UNDERSTOOD = "clarify-not-understood"
NO_TIMES = "clarify-no-times-named"
Faults = list[tuple[str, str]]

_EVERY = re.compile(r"Q([1-9][0-9]{0,3})([SMHDW])", re.ASCII)
_DAYS = re.compile(r"Q([1-9][0-9]?)?J([1-7]{1,7})", re.ASCII)
_A_DAY = re.compile(r"([1-9][0-9]?)XD|([5-9])ID", re.ASCII)
_CRON = re.compile(r"U\s*([0-9]{1,2})\s+([0-9]{1,2}(?:,[0-9]{1,2})*)\s+\*\s+\*\s+(\*|[0-7](?:,[0-7])*)", re.ASCII)
_LASTS = re.compile(r"([SMHDW])([1-9][0-9]{0,3})", re.ASCII)
_TIMES_A_DAY = {"QD": 1, "DAILY": 1, "Q1D": 1, "QAM": 1, "QPM": 1, "QHS": 1, "HS": 1, "BID": 2, "TID": 3, "QID": 4, "QSHIFT": 3}
_ONCE = frozenset({"ONCE", "1X", "1TIME", "X1"})
_UNITS = {"S": "s", "M": "min", "H": "h"}
# RPT-6 and the units of TQ1-6 as systems write them, to the letters of a pattern.
_PERIODS = {
    "s": "S", "sec": "S", "m": "M", "min": "M", "h": "H", "hr": "H", "hour": "H", "hours": "H", "d": "D", "day": "D", "days": "D",
    "w": "W", "wk": "W", "week": "W", "weeks": "W",
}  # fmt: skip
_SECONDS = {"S": 1, "M": 60, "H": 3600}
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One repeat pattern. `count` is how many times a day it asks for, 0: it does not say so. `cycle` every how many days, with times of
    day. `fault` says what a person must clarify, as a text code and what stood there."""

    code: str = ""
    times: tuple[time, ...] = ()
    every: str = ""
    hours: Decimal | None = None
    count: int = 0
    cycle: int = 1
    days: tuple[str, ...] = ()
    as_needed: bool = False
    continuous: bool = False
    once: bool = False
    fault: tuple[str, str] | None = None


@dataclass(slots=True, kw_only=True)
class Timing:
    """One TQ1, or one repetition of an older quantity/timing."""

    where: str
    cells: dict[str, str] = field(default_factory=dict)
    faults: Faults = field(default_factory=list)
    patterns: list[Pattern] = field(default_factory=list)
    explicit: tuple[time, ...] = ()
    as_needed: bool = False
    continuous: bool = False
    once: bool = False
    stat: bool = False
    critical: bool = False
    condition: str = ""
    text: str = ""
    conjunction: str = ""
    quantity: str = ""
    unit: str = ""
    lasts: tuple[int, str] | None = None
    told: str = ""


def pattern(code: str, table: Mapping[str, str]) -> Pattern:
    """`table` is the hospital's own; it comes before the standard. Never raises."""
    raw = " ".join(code.split())
    if not raw:
        return Pattern()
    listed = table.get(raw) or table.get(raw.upper())
    if listed is not None:
        return replace(_listed(listed), code=raw)
    word = raw.upper()
    needed = word.startswith("PRN") or word.endswith("PRN")
    if needed:
        rest = (word[3:] if word.startswith("PRN") else word[:-3]).strip()
        inner = _listed(table[rest]) if rest in table else _standard(rest)
        return replace(inner, code=raw, as_needed=True)
    return replace(_standard(word), code=raw)


def _listed(value: str) -> Pattern:
    """A value of the hospital's table, which was checked when it was read."""
    times, _, every = value.partition(" every ")
    if ":" not in times:
        return replace(_standard(value), as_needed=value == "PRN")
    clocks = tuple(sorted(time.fromisoformat(one) for one in times.split()))
    return Pattern(times=clocks, count=len(clocks), cycle=int(every.split()[0]) if every else 1)


def _standard(word: str) -> Pattern:
    """Table 0335."""
    if word in ("", "PRN"):
        return Pattern()
    if word == "C":
        return Pattern(continuous=True)
    if word in _ONCE:
        return Pattern(once=True)
    if word in _TIMES_A_DAY:
        return Pattern(count=_TIMES_A_DAY[word])
    if word in ("QOD", "QAD"):
        return Pattern(count=1, cycle=2)
    if found := _EVERY.fullmatch(word):
        number, unit = int(found[1]), found[2]
        if unit in _UNITS:
            return Pattern(every=f"{number} {_UNITS[unit]}", hours=Decimal(number * _SECONDS[unit]) / 3600)
        return Pattern(count=1, cycle=number * (7 if unit == "W" else 1))
    if found := _DAYS.fullmatch(word):
        chosen = tuple(day for place, day in enumerate(_WEEK, start=1) if str(place) in found[2])
        return Pattern(days=chosen, cycle=7 * int(found[1] or 1) if int(found[1] or 1) > 1 else 1)
    if found := _A_DAY.fullmatch(word):
        return Pattern(count=int(found[1] or found[2]))
    if found := _CRON.fullmatch(word):
        return _cron(int(found[1]), [int(hour) for hour in found[2].split(",")], found[3], word)
    return Pattern(fault=(NOT_UNDERSTOOD, word[:60]))


def _cron(minute: int, hours: list[int], days: str, word: str) -> Pattern:
    if minute > 59 or any(hour > 23 for hour in hours) or len(set(hours)) != len(hours):
        return Pattern(fault=(NOT_UNDERSTOOD, word[:60]))
    times = tuple(time(hour, minute) for hour in sorted(hours))
    if days == "*":
        return Pattern(times=times, count=len(times))
    numbers = {int(day) % 7 for day in days.split(",")}  # cron counts from Sunday, and knows it as 7 too
    chosen = tuple(name for place, name in enumerate(_WEEK, start=1) if place % 7 in numbers)
    return Pattern(times=times, count=len(times), days=chosen)


def of_tq1(segment: Segment, profile: Profile, zone: str) -> Timing:
    """One TQ1 segment. Raises: Hl7Error for an escape that is not understood."""
    found = Timing(where="TQ1", told=segment.raw(3))
    for repeat in segment.repeats(3):
        code = segment.text(3, repeat=repeat)
        number, unit = segment.text(3, 5, repeat=repeat), segment.text(3, 6, repeat=repeat)
        if not code and number:
            code = f"Q{number}{_PERIODS.get(unit.lower(), '?')}"
        found.patterns.append(pattern(code, profile.frequencies))
        strange = [f"TQ1-3.{place}" for place in (2, 3, 4, 8, 9, 10, 11) if segment.text(3, place, repeat=repeat)]
        if strange:
            found.faults.append((NOT_UNDERSTOOD, ", ".join(strange)))
    found.explicit = _clocks([segment.text(4, repeat=repeat) for repeat in segment.repeats(4)], "TQ1-4", found)
    found.quantity, found.unit = segment.text(2), segment.text(2, 2)
    _not_read(segment, (5,), found)
    if segment.has(6):
        _lasts_of(segment.text(6), segment.text(6, 2), "TQ1-6", found)
    _bounds(segment.text(7), segment.text(8), ("TQ1-7", "TQ1-8"), zone, found)
    for repeat in segment.repeats(9):
        _priority(segment.text(9, repeat=repeat), "TQ1-9", found)
    found.condition, found.text, found.conjunction = segment.text(10), segment.text(11), segment.text(12)
    if segment.has(13):
        found.text = "; ".join(filter(None, [found.text, f"{segment.text(13)} {segment.text(13, 2)}".strip()]))
    _total(segment.text(14), "TQ1-14", found)
    _settle(found)
    return found


def of_older(segment: Segment, place: int, profile: Profile, zone: str) -> tuple[Timing, ...]:
    """RXE-1 or ORC-7: each repetition. Empty where it says nothing of when."""
    result = []
    for repeat in segment.repeats(place):
        where = f"{segment.name}-{place}"

        def part(component: int, sub: int = 1, repeat: int = repeat) -> str:
            return segment.text(place, component, sub, repeat)

        found = Timing(where=where, told=part(2))
        if part(2):
            found.patterns.append(pattern(part(2), profile.frequencies))
        # The explicit interval: times parted by commas, as a subcomponent.
        found.explicit = _clocks([one.strip() for one in part(2, 2).split(",")], f"{where}.2", found)
        found.quantity, found.unit = part(1), part(1, 2)
        if part(3):
            _older_lasts(part(3), where, found)
        _bounds(part(4), part(5), (f"{where}.4", f"{where}.5"), zone, found)
        _priority(part(6), f"{where}.6", found)
        found.condition, found.text, found.conjunction = part(7), part(8), part(9)
        if part(10):
            found.faults.append((NOT_UNDERSTOOD, f"{where}.10"))
        if part(11):
            found.text = "; ".join(filter(None, [found.text, f"{part(11)} {part(11, 2)}".strip()]))
        _total(part(12), f"{where}.12", found)
        _settle(found)
        result.append(found)
    return tuple(one for one in result if says_when(one) or one.once or one.lasts or one.quantity not in ("", "1") or one.unit)


def says_when(one: Timing) -> bool:
    return bool(one.patterns or one.explicit or one.cells or one.stat or one.as_needed or one.faults)


def say_the_same(used: tuple[Timing, ...], others: tuple[Timing, ...]) -> bool:
    """A message that carries its timing twice must not say two things: what is not used says nothing that `used` does not say too.
    Amounts are the caller's to compare, who knows the drug's own."""
    if not any(says_when(one) or one.once or one.lasts for one in others):
        return True
    pairs = list(zip(used, others, strict=False))
    joined = all(one.conjunction == other.conjunction for one, other in pairs[:-1])
    return len(used) == len(others) and joined and all(_says_the_same(one, other) for one, other in pairs)


def _says_the_same(one: Timing, other: Timing) -> bool:
    if one.as_needed != other.as_needed or any(code != NO_TIMES for code, _ in other.faults):
        return False
    if (other.stat and not one.stat) or (other.critical and not one.critical) or other.condition not in ("", one.condition):
        return False
    if any(one.cells.get(name) != value for name, value in other.cells.items() if name != "every" or name in one.cells):
        return False
    if other.lasts is not None and other.lasts != one.lasts and (one.lasts is not None or "end" not in one.cells):
        return False
    often = _how_often(other)
    return often == _how_often(Timing(where="")) or often == _how_often(one)


def _how_often(one: Timing) -> object:
    """Whatever the words and the times of day are: "Q12H" is itself with times and without; twice a day is not every six hours."""
    said = {replace(each, code="", times=(), as_needed=False, once=False) for each in one.patterns}
    return one.once, said - {Pattern()}


def _clocks(texts: list[str], where: str, found: Timing) -> tuple[time, ...]:
    clocks = []
    for text in filter(None, texts):
        try:
            clocks.append(clock(text, where=where))
        except Hl7Error:
            found.faults.append(("clarify-times-unreadable", text))
    if len(set(clocks)) != len(clocks):
        found.faults.append(("clarify-times-unreadable", ", ".join(texts)[:60]))
    return tuple(sorted(set(clocks)))


def _not_read(segment: Segment, places: tuple[int, ...], found: Timing) -> None:
    for place in places:
        if segment.has(place):
            found.faults.append((NOT_UNDERSTOOD, f"{segment.name}-{place}"))


def _bounds(start: str, end: str, where: tuple[str, str], zone: str, found: Timing) -> None:
    """A bare date is the whole day in the hospital: as an end it lasts until the next day begins."""
    for name, text, place in (("start", start, where[0]), ("end", end, where[1])):
        if not text:
            continue
        try:
            at, is_exact = moment(text, zone, where=place)
            if name == "end" and not is_exact:
                at = _next_day(at, zone)
            found.cells[name] = at.isoformat()
        except Hl7Error:
            found.faults.append((f"clarify-{name}-unreadable", text))


def _next_day(at: datetime, zone: str) -> datetime:
    day = at.astimezone(timing.zone_of(zone)).date()
    return timing.instant_of(date.fromordinal(day.toordinal() + 1), time(), zone)


def _lasts_of(number: str, unit: str, where: str, found: Timing) -> None:
    letter = _PERIODS.get(unit.lower(), "")
    if not number.isascii() or not number.isdigit() or not 1 <= int(number[:5]) <= 9999 or not letter:
        found.faults.append((NOT_UNDERSTOOD, f"{where} {number} {unit}".strip()))
    else:
        found.lasts = int(number), letter


def _older_lasts(text: str, where: str, found: Timing) -> None:
    if text.upper() == "INDEF":
        return
    if match := _LASTS.fullmatch(text.upper()):
        found.lasts = int(match[2]), match[1]
    elif text.upper() == "X1":
        found.once = True
    else:  # so many times, months, until a total amount
        found.faults.append((NOT_UNDERSTOOD, f"{where}.3 {text}"))


def _priority(text: str, where: str, found: Timing) -> None:
    word = text.upper()
    if word in ("S", "STAT"):
        found.stat = True
    elif word == "PRN":
        found.as_needed = True
    elif re.fullmatch(r"T[SMHDWL]?[0-9]*", word, re.ASCII):
        found.critical = True
    elif word not in ("", "R", "A", "ROUTINE", "ASAP"):
        found.faults.append((NOT_UNDERSTOOD, f"{where} {text}"))


def _total(text: str, where: str, found: Timing) -> None:
    if text == "1":
        found.once = True
    elif text:
        found.faults.append((NOT_UNDERSTOOD, f"{where} {text}"))


def _settle(found: Timing) -> None:
    """Patterns and explicit times together, as the cells times, every and days_of_week."""
    found.as_needed = found.as_needed or any(one.as_needed for one in found.patterns)
    kept = [one for one in found.patterns if one != Pattern(code=one.code, as_needed=one.as_needed)]
    if len(kept) > 1:
        found.faults.append((NOT_UNDERSTOOD, found.told))
        return
    one = kept[0] if kept else Pattern()
    found.continuous, found.once = one.continuous, found.once or one.once
    if one.fault is not None:
        found.faults.append(one.fault)
    elif found.continuous and found.explicit:
        found.faults.append(("clarify-times-and-interval", one.code))
    elif not kept and found.explicit and not (found.once or found.as_needed):
        found.faults.append((NOT_UNDERSTOOD, f"{_times(found.explicit)} ({found.where})"))
    else:
        _when(one, found)


def _when(one: Pattern, found: Timing) -> None:
    explicit = found.explicit
    if one.every:
        if explicit and one.hours is not None and one.hours * len(explicit) == 24 and not found.as_needed:
            found.cells["times"] = _times(explicit)
        elif explicit:
            found.faults.append(("clarify-times-and-interval", one.code))
        else:
            found.cells["every"] = one.every
        return
    times = explicit or one.times
    if one.count and not times:
        found.faults.append((NO_TIMES, one.code))
    elif one.count and len(times) != one.count:
        found.faults.append((NOT_UNDERSTOOD, f"{one.code} + {_times(times)}"))
    elif one.days and not times:
        found.faults.append((NO_TIMES, one.code))
    elif found.once and len(times) > 1:
        found.faults.append((NOT_UNDERSTOOD, f"{one.code} + {_times(times)}"))
    elif times:
        found.cells["times"] = _times(times)
    if one.days:
        found.cells["days_of_week"] = "|".join(one.days)
    if one.cycle > 1:
        found.cells["every"] = f"{one.cycle} d"


def _times(clocks: tuple[time, ...]) -> str:
    return "|".join(f"{one:%H:%M}" for one in clocks)


def until(found: Timing, begins: str, zone: str) -> None:
    """The end of what lasts so long from its start: `begins` where it names none. Days and weeks by the hospital's calendar."""
    if found.lasts is None or "end" in found.cells:
        return
    number, unit = found.lasts
    try:
        start = fields.moment(found.cells.get("start") or begins)
        if unit in _SECONDS:
            end = start + timedelta(seconds=number * _SECONDS[unit])
        else:
            local = start.astimezone(timing.zone_of(zone))
            day = date.fromordinal(local.date().toordinal() + number * (7 if unit == "W" else 1))
            end = timing.instant_of(day, local.time(), zone)
        found.cells["end"] = end.isoformat()
    except (FieldError, OverflowError, ValueError):
        found.faults.append((NOT_UNDERSTOOD, f"{found.where} {number} {unit}"))


def sequences(timings: tuple[Timing, ...], zone: str, begins: str) -> tuple[list[int], Faults]:
    """The number of the step that each timing is, from 1: S is followed, A goes beside; ends of what lasts so long are counted from the
    step before. What does not say how it goes on is a fault."""
    numbers, faults = [], []
    number, start = 1, begins
    ends: list[str] = []
    for place, one in enumerate(timings):
        until(one, start, zone)
        numbers.append(number)
        ends.append(one.cells.get("end", ""))
        if place == len(timings) - 1:
            break
        if one.conjunction == "S":
            number += 1
            start = max(ends) if all(ends) else ""
            ends = []
        elif one.conjunction != "A":
            faults.append((NOT_UNDERSTOOD, f"{one.where} conjunction {one.conjunction or '?'}"))
    return numbers, faults
