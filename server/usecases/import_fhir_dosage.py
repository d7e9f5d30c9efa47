"""FHIR R4 dosageInstruction to the raw cells of an order or of its steps, with what stands in the way of reading them.

Several instructions become the steps of one order. Days and weeks of `boundsDuration`, and bounds that are bare dates, are counted on
the wall clock of the facility's zone; without a zone they are not read. Must never guess: what is not understood is named, and makes a
draft. Source: FHIR R4 Dosage and Timing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pointofcare.errors import ZoneUnknownError
from pointofcare.orders import timing
from server.usecases import import_fields as fields
from server.usecases.import_rows import FieldError

REPEAT_UNDERSTOOD = frozenset(
    {"frequency", "period", "periodUnit", "timeOfDay", "dayOfWeek", "boundsPeriod", "boundsDuration", "id"}
)  # fmt: skip
DOSAGE_UNDERSTOOD = frozenset(
    {"id", "sequence", "text", "additionalInstruction", "patientInstruction", "timing", "asNeededBoolean", "asNeededCodeableConcept",
     "route", "doseAndRate", "maxDosePerPeriod", "extension"}
)  # fmt: skip
# UCUM codes that other systems write in a longer form.
UNITS = {
    "mcg": "ug",
    "iU": "[IU]",
    "IU": "[IU]",
    "mmHg": "mm[Hg]",
    "bpm": "/min",
    "beats/minute": "/min",
    "l": "L",
    "ml": "mL",
    "mEq": "meq",
}
_DAYS = {"d": 1, "wk": 7}
_SECONDS = {"s": 1, "min": 60, "h": 3600}
Faults = list[tuple[str, str]]


@dataclass(slots=True)
class Instruction:
    """One dosageInstruction: its raw cells as `import_orders` reads them, and the faults that were found."""

    cells: dict[str, str] = field(default_factory=dict)
    faults: Faults = field(default_factory=list)
    lasts: tuple[Decimal, str] | None = None


def amount_text(quantity: Any) -> str:
    """A FHIR Quantity as "5 mg", with the code before the unit's text; a comparator or a missing unit leaves it unreadable."""
    if not isinstance(quantity, Mapping) or "value" not in quantity:
        return ""
    unit = _unit(quantity)
    value = quantity["value"]
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return f"{quantity.get('comparator', '')}{text} {unit}".strip()


def coded_text(concept: Any) -> str:
    if not isinstance(concept, Mapping):
        return ""
    coding = concept.get("coding") or [{}]
    first = coding[0] if isinstance(coding, list) and coding and isinstance(coding[0], Mapping) else {}
    return str(concept.get("text") or first.get("display") or first.get("code") or "").strip()


def display(dosage: Mapping[str, Any]) -> str:
    """What a person reads: the text, and the additional instructions behind it."""
    more = [coded_text(each) for each in dosage.get("additionalInstruction") or []]
    return "; ".join(filter(None, [str(dosage.get("text", "")), *more]))[:500]


def read(dosage: Mapping[str, Any], zone: str | None) -> Instruction:
    """The cells dose, dose_max, rate, rate_max, times, every, days_of_week, start, end, prn_max_24h, as far as they are there."""
    found = Instruction()
    strange = sorted(set(dosage) - DOSAGE_UNDERSTOOD)
    if strange or dosage.get("modifierExtension"):
        found.faults.append(("clarify-not-understood", ", ".join(strange)))
    _read_timing(dosage.get("timing"), zone, found)
    entries = [entry for entry in dosage.get("doseAndRate") or [] if isinstance(entry, Mapping)]
    if len(entries) > 1:
        found.faults.append(("clarify-several-instructions", "doseAndRate"))
    for entry in entries[:1]:
        _read_amounts(entry, found)
    maximum = dosage.get("maxDosePerPeriod")
    if isinstance(maximum, Mapping):
        if amount_text(maximum.get("denominator")) in ("1 d", "24 h", "1 day"):
            found.cells["prn_max_24h"] = amount_text(maximum.get("numerator"))
        else:
            found.faults.append(("clarify-not-understood", "maxDosePerPeriod"))
    return found


def steps(dosages: list[Mapping[str, Any]], zone: str | None, begins: str) -> tuple[list[dict[str, str]], Faults]:
    """The cells of several instructions, by their sequence; `begins` is the order's own start as text. An instruction without a
    sequence stands beside the others without one; some with and some without are not understood."""
    numbered = [dosage for dosage in dosages if "sequence" in dosage]
    faults: Faults = [("clarify-not-understood", "sequence")] if 0 < len(numbered) < len(dosages) else []
    cells: list[dict[str, str]] = []
    start = begins
    for sequence in sorted({_sequence(dosage) for dosage in dosages}):
        ends = []
        for dosage in dosages:
            if _sequence(dosage) != sequence:
                continue
            found = read(dosage, zone)
            _until(found, start, zone)
            found.cells |= {"sequence": str(sequence), "display": display(dosage)}
            if "rate_max" in found.cells:
                found.faults.append(("clarify-not-understood", "rateRange"))
                del found.cells["rate_max"]
            found.cells.pop("prn_max_24h", None)
            faults += found.faults
            cells.append(found.cells)
            ends.append(found.cells.get("end", ""))
        start = max(ends, key=moment_key, default="") if all(ends) else ""
    return cells, faults


def alone(dosage: Mapping[str, Any], zone: str | None, begins: str) -> Instruction:
    """The only instruction of an order."""
    found = read(dosage, zone)
    _until(found, begins, zone)
    return found


def _sequence(dosage: Mapping[str, Any]) -> int:
    sequence = dosage.get("sequence", 1)
    return sequence if isinstance(sequence, int) and 0 <= sequence <= 999 else 1


def _unit(quantity: Mapping[str, Any]) -> str:
    unit = str(quantity.get("code") or quantity.get("unit") or "").strip()
    return UNITS.get(unit, unit)


def _read_amounts(entry: Mapping[str, Any], found: Instruction) -> None:
    span, rates = entry.get("doseRange"), entry.get("rateRange")
    if "doseQuantity" in entry:
        found.cells["dose"] = amount_text(entry["doseQuantity"]) or "?"
    elif isinstance(span, Mapping):
        found.cells |= {"dose": amount_text(span.get("low")) or "?", "dose_max": amount_text(span.get("high")) or "?"}
    if "rateQuantity" in entry:
        found.cells["rate"] = amount_text(entry["rateQuantity"]) or "?"
    elif isinstance(rates, Mapping):
        found.cells |= {"rate": amount_text(rates.get("low")) or "?", "rate_max": amount_text(rates.get("high")) or "?"}
    elif "rateRatio" in entry:
        found.cells["rate"] = _ratio(entry["rateRatio"])


def _ratio(ratio: Any) -> str:
    above, below = (ratio.get("numerator"), ratio.get("denominator")) if isinstance(ratio, Mapping) else (None, None)
    return quotient(above, below)


def quotient(above: Any, below: Any) -> str:
    """Two quantities, "1000 mL" and "8 h", as "125 mL/h"; one without an end in decimals is not rounded here, and stays unreadable."""
    shown = f"{amount_text(above)} / {amount_text(below)}"
    if not isinstance(above, Mapping) or not isinstance(below, Mapping) or above.get("comparator") or below.get("comparator"):
        return shown
    try:
        value = Fraction(str(above["value"])) / Fraction(str(below["value"]))
    except (KeyError, ValueError, ZeroDivisionError):
        return shown
    billionths = value * 10**9
    if billionths.denominator != 1:
        return shown
    number = format((Decimal(billionths.numerator) / 10**9).normalize(), "f")
    return f"{number} {_unit(above)}/{_unit(below)}"


def _read_timing(found_timing: Any, zone: str | None, found: Instruction) -> None:
    if not isinstance(found_timing, Mapping):
        return
    repeat = found_timing.get("repeat")
    repeat = repeat if isinstance(repeat, Mapping) else {}
    bounds = repeat.get("boundsPeriod")
    if isinstance(bounds, Mapping):
        for name, extra in (("start", 0), ("end", 1)):
            if name in bounds:
                found.cells[name] = _bound(str(bounds[name]), extra, zone)
    lasts = repeat.get("boundsDuration")
    if isinstance(lasts, Mapping):
        if _unit(lasts) in _DAYS | _SECONDS and "value" in lasts and not lasts.get("comparator") and "end" not in found.cells:
            found.lasts = Decimal(str(lasts["value"])), _unit(lasts)
        else:
            found.faults.append(("clarify-not-understood", "boundsDuration"))
    strange = sorted(set(repeat) - REPEAT_UNDERSTOOD)
    if strange or found_timing.get("event"):
        found.faults.append(("clarify-not-understood", ", ".join([*strange, *(["event"] if found_timing.get("event") else [])])))
        return
    _read_repeat(repeat, found_timing, found)


def _read_repeat(repeat: Mapping[str, Any], found_timing: Mapping[str, Any], found: Instruction) -> None:
    times, days = repeat.get("timeOfDay"), repeat.get("dayOfWeek")
    frequency, period, unit = repeat.get("frequency", 1), repeat.get("period"), repeat.get("periodUnit")
    if times:
        if any(not str(at).endswith(":00") for at in times):
            found.faults.append(("clarify-times-unreadable", ", ".join(map(str, times))))
            return
        cycle = _cycle(period, unit)
        per_cycle = len(times) * (len(days) if days and cycle and cycle % 7 == 0 else 1)
        if cycle is None or repeat.get("frequency") not in (None, 1, len(times), per_cycle):
            found.faults.append(("clarify-not-understood", "timeOfDay + period"))
            return
        found.cells["times"] = "|".join(str(at)[:5] for at in times)
        if cycle > 1:
            found.cells["every"] = f"{cycle} d"
        if days:
            found.cells["days_of_week"] = "|".join(map(str, days))
    elif days:
        found.faults.append(("clarify-no-times-named", ", ".join(map(str, days))))
    elif period is not None and frequency == 1 and unit in _SECONDS:
        found.cells["every"] = f"{period:f} {unit}" if not isinstance(period, int) else f"{period} {unit}"
    elif period is not None:
        # "Twice a day" names no times: which ones is the ward's to say, so it is not computed here.
        found.faults.append(("clarify-no-times-named", f"{frequency} / {period} {unit}"))
    elif isinstance(found_timing.get("code"), Mapping):
        found.faults.append(("clarify-no-times-named", coded_text(found_timing["code"])))


def _cycle(period: Any, unit: Any) -> int | None:
    """Every how many days; None for what is no whole number of days."""
    if period is None and unit is None:
        return 1
    if unit not in _DAYS or period is None or Decimal(str(period)) % 1 or not 1 <= period <= 366:
        return None
    return int(period) * _DAYS[unit]


def _bound(text: str, extra_days: int, zone: str | None) -> str:
    """A bound as a moment: a bare date is the whole day in the ward, so as an end it lasts until the next day begins."""
    try:
        day = fields.day(text)
        return timing.instant_of(day + timedelta(days=extra_days), time(), zone).isoformat()
    except (FieldError, ZoneUnknownError, OverflowError):
        return text


def _until(found: Instruction, begins: str, zone: str | None) -> None:
    """The end of an instruction that lasts so long from its start."""
    if found.lasts is None:
        return
    value, unit = found.lasts
    try:
        start = fields.moment(found.cells.get("start") or begins)
        found.cells["end"] = (
            start + timedelta(seconds=float(value) * _SECONDS[unit]) if unit in _SECONDS else _days_on(start, value, unit, zone)
        ).isoformat()
    except (FieldError, ZoneUnknownError, OverflowError, ValueError):
        found.faults.append(("clarify-not-understood", f"boundsDuration {value} {unit}"))


def _days_on(start: datetime, value: Decimal, unit: str, zone: str | None) -> datetime:
    """The same wall clock so many days later."""
    if value % 1 or value <= 0:
        raise ValueError(value)
    local = start.astimezone(timing.zone_of(zone))
    day = date.fromordinal(local.date().toordinal() + int(value) * _DAYS[unit])
    return timing.instant_of(day, local.time(), zone)


def moment_key(text: str) -> datetime:
    """The moment of a cell; one that cannot be read is the last of all."""
    try:
        return fields.moment(text)
    except FieldError:
        return datetime.max.replace(tzinfo=UTC)
