"""FHIR R4 Timing to the raw cells of an order: times, interval, days, start and end, with what stands in the way of reading them.

Days and weeks are counted on the wall clock of the facility's zone. What names no times ("twice a day", "before meals", BID) is computed by
the hospital's own table and by nothing else. Must never guess: what is not understood, or says two things, is named and makes a draft.
Source: FHIR R4 Timing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pointofcare.errors import ScheduleUnknownError, ZoneUnknownError
from pointofcare.orders import timing
from pointofcare.orders.order import Order, OrderCategory
from server.usecases import import_fields as fields
from server.usecases.import_rows import FieldError
from server.usecases.standard_times import BY_COUNT, CYCLES, INTERVALS, StandardTimes

UNDERSTOOD = frozenset(
    {"frequency", "frequencyMax", "period", "periodMax", "periodUnit", "timeOfDay", "dayOfWeek", "when", "offset", "boundsPeriod",
     "boundsDuration", "count", "duration", "durationMax", "durationUnit", "id"}
)  # fmt: skip
DAYS = {"d": 1, "wk": 7}
SECONDS = {"s": 1, "min": 60, "h": 3600}
MOST_COUNTED = 1000
MOST_EVENTS = 50
Faults = list[tuple[str, str]]


@dataclass(slots=True)
class Instruction:
    """One dosageInstruction: its raw cells as `import_orders` reads them, and the faults that were found. `lasts` and `count` end it,
    `a_day` is how often at most as needed, `moments` are single doses, `over` how long each lasts (seconds)."""

    cells: dict[str, str] = field(default_factory=dict)
    faults: Faults = field(default_factory=list)
    lasts: tuple[Decimal, str] | None = None
    count: int | None = None
    a_day: int | None = None
    moments: tuple[datetime, ...] = ()
    over_s: Decimal | None = None

    def unclear(self, code: str, value: str) -> None:
        self.faults.append((code, value))


def read(said: Any, zone: str | None, standard: StandardTimes, found: Instruction, *, prn: bool, unit_of: Any) -> None:
    """Fills `found` from a Timing; `unit_of` reads the unit of a Quantity."""
    if not isinstance(said, Mapping):
        return
    repeat = said.get("repeat")
    repeat = repeat if isinstance(repeat, Mapping) else {}
    _bounds(repeat, zone, found, unit_of)
    strange = sorted(set(repeat) - UNDERSTOOD)
    if strange:
        found.unclear("clarify-not-understood", ", ".join(strange))
        return
    _lengths(repeat, found, prn=prn)
    if said.get("event"):
        _events(said, repeat, found, prn=prn)
        return
    by_repeat = _Said()
    _repeat(repeat, standard, by_repeat, prn=prn)
    by_code = _Said()
    code = _code(said.get("code"))
    if code:
        _coded(code, standard, by_code, prn=prn)
    if by_repeat.says and by_code.says and by_repeat.cells and by_code.cells and by_repeat.what != by_code.what:
        found.unclear("clarify-times-and-every", code)
        return
    # A code is a complete statement of the schedule: where only one of both can be computed, that one counts.
    chosen = by_repeat if by_repeat.says and (not by_repeat.faults or by_code.faults or not by_code.says) else by_code
    found.cells |= chosen.cells
    found.faults += chosen.faults
    found.a_day = chosen.a_day
    if not chosen.says and isinstance(said.get("code"), Mapping) and not code and not by_repeat.says:
        found.unclear("clarify-no-times-named", _text(said["code"]))


@dataclass(slots=True)
class _Said:
    """What one of the two ways of saying a schedule says. `says` False: nothing."""

    cells: dict[str, str] = field(default_factory=dict)
    faults: Faults = field(default_factory=list)
    a_day: int | None = None
    says: bool = False

    @property
    def what(self) -> tuple[object, ...]:
        return self.cells, self.a_day

    def times(self, times: tuple[time, ...], *, cycle: int = 1, unnamed: str) -> None:
        """`unnamed` is what the hospital's table does not name, where it does not."""
        if not times or len(set(times)) != len(times):
            self.faults.append(("clarify-no-times-named", unnamed))
            return
        self.cells["times"] = "|".join(f"{at:%H:%M}" for at in sorted(times))
        if cycle > 1:
            self.cells["every"] = f"{cycle} d"


def _repeat(repeat: Mapping[str, Any], standard: StandardTimes, said: _Said, *, prn: bool) -> None:
    clocks, days, when = repeat.get("timeOfDay"), repeat.get("dayOfWeek"), repeat.get("when")
    frequency, period, unit = repeat.get("frequency", 1), repeat.get("period"), repeat.get("periodUnit")
    said.says = bool(clocks or days or when) or period is not None
    if not said.says:
        return
    vague = [name for name in ("frequencyMax", "periodMax") if name in repeat]
    if vague and not prn:
        said.faults.append(("clarify-not-understood", ", ".join(vague)))
        return
    if (clocks and when) or not isinstance(frequency, int) or frequency < 1:
        said.faults.append(("clarify-not-understood", "timeOfDay + when" if clocks and when else "frequency"))
    elif prn and not (clocks or when or days):
        _as_needed(repeat, said, frequency=frequency, period=period, unit=unit)
    elif clocks:
        _at_clocks(repeat, clocks, days, said)
    elif when:
        offset = repeat.get("offset", 0)
        named = [at for code in when for at in standard.of_moment(str(code), offset if isinstance(offset, int) else 0)]
        each = all(standard.of_moment(str(code), offset if isinstance(offset, int) else 0) for code in when)
        cycle = _cycle(period, unit)
        if cycle is None or repeat.get("frequency") not in (None, 1, len(when), len(named)):
            said.faults.append(("clarify-not-understood", "when + period"))
            return
        said.times(tuple(named) if each else (), cycle=cycle, unnamed=" ".join(map(str, when)))
        _days(days, said)
    elif days:
        a_day = frequency if unit in (None, "d") else 1
        cycle = _cycle(period, unit)
        if cycle is None or (unit == "wk" and frequency not in (1, len(days))) or (unit == "d" and cycle != 1):
            said.faults.append(("clarify-not-understood", "dayOfWeek + period"))
            return
        said.times(standard.of_count(a_day), cycle=cycle if unit == "wk" else 1, unnamed=", ".join(map(str, days)))
        _days(days, said)
    elif frequency == 1 and unit in SECONDS:
        said.cells["every"] = f"{period:f} {unit}" if not isinstance(period, int) else f"{period} {unit}"
    else:
        cycle = _cycle(period, unit)
        shown = f"{frequency} / {period} {unit}"
        # So many times in several days or in hours says no times, and which ones is nobody's to guess.
        computable = cycle is not None and (cycle == 1 or frequency == 1)
        said.times(standard.of_count(frequency) if computable else (), cycle=cycle or 1, unnamed=shown)


def _at_clocks(repeat: Mapping[str, Any], clocks: Any, days: Any, said: _Said) -> None:
    if any(not str(at).endswith(":00") for at in clocks):
        said.faults.append(("clarify-times-unreadable", ", ".join(map(str, clocks))))
        return
    cycle = _cycle(repeat.get("period"), repeat.get("periodUnit"))
    per_cycle = len(clocks) * (len(days) if days and cycle and cycle % 7 == 0 else 1)
    if cycle is None or repeat.get("frequency") not in (None, 1, len(clocks), per_cycle):
        said.faults.append(("clarify-not-understood", "timeOfDay + period"))
        return
    said.cells["times"] = "|".join(str(at)[:5] for at in clocks)
    if cycle > 1:
        said.cells["every"] = f"{cycle} d"
    _days(days, said)


def _days(days: Any, said: _Said) -> None:
    if days and not said.faults:
        said.cells["days_of_week"] = "|".join(map(str, days))


def _as_needed(repeat: Mapping[str, Any], said: _Said, *, frequency: int, period: Any, unit: Any) -> None:
    """As needed a schedule is a limit: the shortest time between two, or how many in a day at most."""
    if frequency == 1 and unit in SECONDS and "frequencyMax" not in repeat:
        said.cells["every"] = f"{period:f} {unit}" if not isinstance(period, int) else f"{period} {unit}"
    elif _cycle(period, unit) == 1 and "periodMax" not in repeat:
        most = repeat.get("frequencyMax", frequency)
        said.a_day = most if isinstance(most, int) and most >= frequency else None
        if said.a_day is None:
            said.faults.append(("clarify-not-understood", "frequencyMax"))
    else:
        said.faults.append(("clarify-no-times-named", f"{frequency} / {period} {unit}"))


def _coded(code: str, standard: StandardTimes, said: _Said, *, prn: bool) -> None:
    said.says = True
    counts = {name: count for count, name in BY_COUNT.items()}
    if code in INTERVALS:
        said.cells["every"] = f"{INTERVALS[code]} h"
    elif prn:
        said.a_day = counts.get(code)
        if said.a_day is None:
            said.faults.append(("clarify-no-times-named", code))
    elif code in CYCLES:
        said.times(standard.of_count(1), cycle=CYCLES[code], unnamed=code)
    else:
        said.times(standard.of_count(counts[code]) if code in counts else standard.of_code(code), unnamed=code)


def _code(concept: Any) -> str:
    """The code of a schedule that is known, from its codings or its text; "" for anything else."""
    if not isinstance(concept, Mapping):
        return ""
    known = {*BY_COUNT.values(), *INTERVALS, *CYCLES, "AM", "PM", "BED", "QHS"}
    words = [str(one.get("code", "")) for one in concept.get("coding") or [] if isinstance(one, Mapping)]
    return next((word.upper() for word in (*words, str(concept.get("text", ""))) if word.upper() in known), "")


def _text(concept: Mapping[str, Any]) -> str:
    first = next((one for one in concept.get("coding") or [] if isinstance(one, Mapping)), {})
    return str(concept.get("text") or first.get("display") or first.get("code") or "").strip()


def _lengths(repeat: Mapping[str, Any], found: Instruction, *, prn: bool) -> None:
    """How often in all, and how long each."""
    if "countMax" in repeat or ("count" in repeat and prn):
        found.unclear("clarify-not-understood", "count")
    elif "count" in repeat:
        count = repeat["count"]
        if isinstance(count, int) and 1 <= count <= MOST_COUNTED:
            found.count = count
        else:
            found.unclear("clarify-not-understood", "count")
    unit = repeat.get("durationUnit")
    if "duration" in repeat and "durationMax" not in repeat and unit in SECONDS:
        found.over_s = Decimal(str(repeat["duration"])) * SECONDS[unit]


def _events(said: Mapping[str, Any], repeat: Mapping[str, Any], found: Instruction, *, prn: bool) -> None:
    """Single doses at their moments."""
    listed = said["event"]
    if prn or set(repeat) - {"boundsPeriod", "boundsDuration", "duration", "durationUnit", "id"} or len(listed) > MOST_EVENTS:
        found.unclear("clarify-not-understood", "event")
        return
    try:
        found.moments = tuple(sorted({fields.moment(str(at)).replace(second=0, microsecond=0) for at in listed}))
    except FieldError:
        found.unclear("clarify-times-unreadable", ", ".join(map(str, listed))[:200])


def _cycle(period: Any, unit: Any) -> int | None:
    """Every how many days; None for what is no whole number of days."""
    if period is None and unit is None:
        return 1
    if unit == "h" and period in (24, Decimal(24)):
        return None  # every 24 hours is counted from the first dose, not by the calendar
    if unit not in DAYS or period is None or Decimal(str(period)) % 1 or not 1 <= period <= 366:
        return None
    return int(period) * DAYS[unit]


def _bounds(repeat: Mapping[str, Any], zone: str | None, found: Instruction, unit_of: Any) -> None:
    bounds = repeat.get("boundsPeriod")
    if isinstance(bounds, Mapping):
        for name, extra in (("start", 0), ("end", 1)):
            if name in bounds:
                found.cells[name] = bound(str(bounds[name]), extra, zone)
    lasts = repeat.get("boundsDuration")
    if isinstance(lasts, Mapping):
        if unit_of(lasts) in DAYS | SECONDS and "value" in lasts and not lasts.get("comparator") and "end" not in found.cells:
            found.lasts = Decimal(str(lasts["value"])), unit_of(lasts)
        else:
            found.unclear("clarify-not-understood", "boundsDuration")


def bound(text: str, extra_days: int, zone: str | None) -> str:
    """A bound as a moment: a bare date is the whole day in the ward, so as an end it lasts until the next day begins."""
    try:
        day = fields.day(text)
        return timing.instant_of(day + timedelta(days=extra_days), time(), zone).isoformat()
    except (FieldError, ZoneUnknownError, OverflowError):
        return text


def until(found: Instruction, begins: str, zone: str | None) -> None:
    """The end of an instruction that lasts so long, or so many times, from its start."""
    if found.lasts is not None:
        value, unit = found.lasts
        try:
            start = fields.moment(found.cells.get("start") or begins)
            end = start + timedelta(seconds=float(value) * SECONDS[unit]) if unit in SECONDS else _days_on(start, value, unit, zone)
            found.cells["end"] = end.isoformat()
        except (FieldError, ZoneUnknownError, OverflowError, ValueError):
            found.unclear("clarify-not-understood", f"boundsDuration {value} {unit}")
    if found.count is not None and found.cells.keys() & {"times", "every"}:
        try:
            last = _nth(found, begins, zone)
        except (FieldError, ZoneUnknownError, ScheduleUnknownError, OverflowError, ValueError):
            found.unclear("clarify-not-understood", f"count {found.count}")
            return
        end = last + timedelta(minutes=1)
        if "end" not in found.cells or moment_key(found.cells["end"]) > end:
            found.cells["end"] = end.isoformat()


def _nth(found: Instruction, begins: str, zone: str | None) -> datetime:
    """When the last of so many doses is due. Raises: ValueError when that is nowhere in sight."""
    cells = found.cells
    start = fields.moment(cells.get("start") or begins)
    order = Order(
        id="", version=1, patient="", ingredient="", form="", route="", category=OrderCategory.SCHEDULED, start=start,
        times=fields.clocks(cells["times"]) if "times" in cells else (),
        every=fields.duration(cells["every"]) if "every" in cells else None,
        days_of_week=fields.days_of_week(cells["days_of_week"]) if "days_of_week" in cells else (),
    )  # fmt: skip
    assert found.count is not None
    reach = timedelta(days=8)
    while reach < timedelta(days=3660):
        due = timing.due_times(order, zone, start, start + reach)
        if len(due) >= found.count:
            return due[found.count - 1]
        reach *= 2
    raise ValueError(found.count)


def _days_on(start: datetime, value: Decimal, unit: str, zone: str | None) -> datetime:
    """The same wall clock so many days later."""
    if value % 1 or value <= 0:
        raise ValueError(value)
    local = start.astimezone(timing.zone_of(zone))
    day = date.fromordinal(local.date().toordinal() + int(value) * DAYS[unit])
    return timing.instant_of(day, local.time(), zone)


def moment_key(text: str) -> datetime:
    """The moment of a cell; one that cannot be read is the last of all."""
    try:
        return fields.moment(text)
    except FieldError:
        return datetime.max.replace(tzinfo=UTC)
