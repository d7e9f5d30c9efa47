"""FHIR R4 dosageInstruction to the raw cells of an order or of its steps, with what stands in the way of reading them.

Several instructions become the steps of one order. Its timing is read by `import_fhir_timing`. Must never guess: what is not understood
is named, and makes a draft. Source: FHIR R4 Dosage.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pointofcare.orders import timing
from pointofcare.quantity import Quantity
from server.usecases import import_fhir_timing
from server.usecases import import_fields as fields
from server.usecases.import_fhir_timing import Faults, Instruction, moment_key, until
from server.usecases.import_rows import FieldError
from server.usecases.standard_times import NONE, StandardTimes

DOSAGE_UNDERSTOOD = frozenset(
    {"id", "sequence", "text", "additionalInstruction", "patientInstruction", "timing", "asNeededBoolean", "asNeededCodeableConcept",
     "route", "site", "method", "doseAndRate", "maxDosePerPeriod", "maxDosePerAdministration", "extension"}
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
    # v3 orderableDrugForm, and what systems write for counted things.
    "TAB": "{tablet}", "tablet": "{tablet}", "tablets": "{tablet}",
    "CAP": "{capsule}", "capsule": "{capsule}", "capsules": "{capsule}",
    "PUFF": "{puff}", "puff": "{puff}", "puffs": "{puff}",
    "AMP": "{ampoule}", "ampoule": "{ampoule}", "VIAL": "{vial}", "vial": "{vial}",
    "SUPP": "{suppository}", "suppository": "{suppository}", "PATCH": "{patch}", "patch": "{patch}",
    "DROP": "{drop}", "drop": "{drop}", "drops": "{drop}", "SPRAY": "{spray}", "spray": "{spray}",
}  # fmt: skip
_ORDERED = "ordered"


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
    """What a person reads: the text, and behind it the additional instructions, the site, the method and how long each lasts."""
    more = [coded_text(each) for each in dosage.get("additionalInstruction") or []]
    more += [coded_text(dosage.get(name)) for name in ("site", "method")]
    said = dosage.get("timing")
    repeat = said.get("repeat") if isinstance(said, Mapping) else None
    if isinstance(repeat, Mapping) and "duration" in repeat:
        ends = [str(repeat[name]) for name in ("duration", "durationMax") if name in repeat]
        more.append(f"{'–'.join(ends)} {repeat.get('durationUnit', '')}".strip())
    return "; ".join(filter(None, [str(dosage.get("text", "")), *more]))[:500]


def read(dosage: Mapping[str, Any], zone: str | None, standard: StandardTimes = NONE) -> Instruction:
    """The cells dose, dose_max, rate, rate_max, times, every, days_of_week, start, end, prn_max_24h, as far as they are there."""
    found = Instruction()
    prn = is_as_needed(dosage)
    strange = sorted(set(dosage) - DOSAGE_UNDERSTOOD)
    if strange or dosage.get("modifierExtension"):
        found.unclear("clarify-not-understood", ", ".join(strange))
    import_fhir_timing.read(dosage.get("timing"), zone, standard, found, prn=prn, unit_of=_unit)
    entries = [entry for entry in dosage.get("doseAndRate") or [] if isinstance(entry, Mapping)]
    if len(entries) > 1:  # what was calculated stands beside what was ordered
        entries = [entry for entry in entries if _ORDERED in _codes(entry.get("type"))] or entries
    if len(entries) > 1:
        found.unclear("clarify-several-instructions", "doseAndRate")
    for entry in entries[:1]:
        _read_amounts(entry, found)
    _most(dosage, found)
    if found.over_s is not None and "rate" not in found.cells and not found.cells.keys() & {"times", "every"} and not found.moments:
        _rate_of(found)
    return found


def is_as_needed(dosage: Mapping[str, Any]) -> bool:
    return bool(dosage.get("asNeededBoolean")) or "asNeededCodeableConcept" in dosage


def _most(dosage: Mapping[str, Any], found: Instruction) -> None:
    """The limits: in a day, and at once."""
    maximum = dosage.get("maxDosePerPeriod")
    if isinstance(maximum, Mapping):
        if amount_text(maximum.get("denominator")) in ("1 d", "24 h", "1 day"):
            found.cells["prn_max_24h"] = amount_text(maximum.get("numerator"))
        else:
            found.unclear("clarify-not-understood", "maxDosePerPeriod")
    highest = _amount(found.cells.get("dose_max") or found.cells.get("dose"))
    if found.a_day is not None and highest is not None:
        by_count = Quantity(value=highest.value * found.a_day, unit=highest.unit)
        told = _amount(found.cells.get("prn_max_24h"))
        if told is None or (told.converts_to(by_count.unit) and by_count < told):
            found.cells["prn_max_24h"] = str(by_count)
    if "maxDosePerAdministration" in dosage:
        at_once = _amount(amount_text(dosage["maxDosePerAdministration"]))
        if at_once is None or highest is None or not highest.converts_to(at_once.unit) or at_once < highest:
            found.unclear("clarify-dose-range", f"{highest or '?'} > {at_once or '?'}")


def _rate_of(found: Instruction) -> None:
    """A volume over a time is a rate; one without an end in decimals is not rounded, and is then no rate."""
    volume = _amount(found.cells.get("dose"))
    if volume is None or not volume.converts_to("mL") or "dose_max" in found.cells or not found.over_s:
        return
    billionths = Fraction(volume.to("mL").value) * 3600 / Fraction(found.over_s) * 10**9
    if billionths.denominator == 1:
        found.cells["rate"] = f"{format((Decimal(billionths.numerator) / 10**9).normalize(), 'f')} mL/h"


def _amount(text: str | None) -> Quantity | None:
    try:
        return fields.positive(text) if text else None
    except FieldError:
        return None


def _codes(concept: Any) -> set[str]:
    listed = concept.get("coding") if isinstance(concept, Mapping) else None
    return {str(one.get("code")) for one in listed or [] if isinstance(one, Mapping)}


def steps(
    dosages: list[Mapping[str, Any]], zone: str | None, begins: str, standard: StandardTimes = NONE
) -> tuple[list[dict[str, str]], Faults]:
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
            found = read(dosage, zone, standard)
            until(found, start, zone)
            if found.moments:
                found.unclear("clarify-not-understood", "event")
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


def alone(dosage: Mapping[str, Any], zone: str | None, begins: str, standard: StandardTimes = NONE) -> Instruction:
    """The only instruction of an order."""
    found = read(dosage, zone, standard)
    until(found, begins, zone)
    return found


def singles(found: Instruction, zone: str | None) -> list[dict[str, str]]:
    """The steps of an order that is given at several moments, each once."""
    local = timing.zone_of(zone)
    amounts: dict[str, str] = {name: text for name, text in found.cells.items() if name in ("dose", "dose_max", "rate")}
    return [
        {
            **amounts,
            "sequence": str(number),
            "times": f"{at.astimezone(local):%H:%M}",
            "start": at.isoformat(),
            "end": (at + timedelta(minutes=1)).isoformat(),
        }
        for number, at in enumerate(found.moments, start=1)
    ]


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
