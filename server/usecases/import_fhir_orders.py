"""One FHIR R4 MedicationRequest to an order, or to a draft that says what a person must clarify.

A modifier that is not understood makes it no order at all: it is refused with a problem. Source: FHIR R4 MedicationRequest,
Dosage and Timing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointofcare.orders.order import OrderCategory, OrderStatus
from server.usecases import import_fields as fields
from server.usecases import import_orders
from server.usecases.import_rows import FieldError, OrderFound, Place

ORDER_INTENTS = frozenset({"order", "original-order", "filler-order", "instance-order"})
STATUSES: Mapping[str, OrderStatus] = {
    "active": OrderStatus.ACTIVE,
    "on-hold": OrderStatus.ON_HOLD,
    "stopped": OrderStatus.STOPPED,
    "cancelled": OrderStatus.CANCELLED,
    "entered-in-error": OrderStatus.CANCELLED,
    "completed": OrderStatus.COMPLETED,
    "draft": OrderStatus.DRAFT,
    "unknown": OrderStatus.DRAFT,
}
PERIOD_UNITS = {"s": "s", "min": "min", "h": "h", "d": "d", "wk": "d"}
REPEAT_UNDERSTOOD = frozenset({"frequency", "period", "periodUnit", "timeOfDay", "boundsPeriod", "id"})
DOSAGE_UNDERSTOOD = frozenset(
    {"id", "sequence", "text", "patientInstruction", "timing", "asNeededBoolean", "asNeededCodeableConcept", "route", "doseAndRate",
     "maxDosePerPeriod", "extension"}
)  # fmt: skip
# SNOMED CT routes that hospitals send, to the route codes of orders; a text that is already such a code is taken as it is.
ROUTES = {
    "26643006": "PO",
    "47625008": "IV",
    "78421000": "IM",
    "34206005": "SC",
    "127492001": "NASAL",
    "6064005": "TOP",
    "37161004": "PR",
    "37839007": "SL",
    "447694001": "INH",
    "45890007": "TD",
    "127490009": "NG",
}
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


def amount_text(quantity: Any) -> str:
    """A FHIR Quantity as "5 mg", with the code before the unit's text; a comparator or a missing unit leaves it unreadable."""
    if not isinstance(quantity, Mapping) or "value" not in quantity:
        return ""
    unit = str(quantity.get("code") or quantity.get("unit") or "").strip()
    unit = UNITS.get(unit, unit)
    value = quantity["value"]
    text = format(value, "f") if not isinstance(value, str) else value
    return f"{quantity.get('comparator', '')}{text} {unit}".strip()


def coded_text(concept: Any) -> str:
    if not isinstance(concept, Mapping):
        return ""
    coding = concept.get("coding") or [{}]
    first = coding[0] if isinstance(coding, list) and coding and isinstance(coding[0], Mapping) else {}
    return str(concept.get("text") or first.get("display") or first.get("code") or "").strip()


def route_code(concept: Any) -> str:
    """Raises: FieldError when no known route is named."""
    for coding in concept.get("coding") or [] if isinstance(concept, Mapping) else []:
        if coding.get("code") in ROUTES:
            return ROUTES[coding["code"]]
        if str(coding.get("code", "")).upper() in ROUTES.values():
            return str(coding["code"]).upper()
    text = coded_text(concept)
    if text.upper() in ROUTES.values():
        return text.upper()
    raise FieldError("no-route")


def read(resource: Mapping[str, Any], place: Place, medications: Mapping[str, Mapping[str, Any]]) -> OrderFound:
    """`medications` are the bundle's Medication resources by reference. Raises: FieldError (`field` in its parameters)."""
    if resource.get("doNotPerform") or resource.get("modifierExtension"):
        raise FieldError("not-an-order", field="doNotPerform" if resource.get("doNotPerform") else "modifierExtension")
    if resource.get("intent") not in ORDER_INTENTS:
        raise FieldError("not-an-order", field="intent")
    status = STATUSES.get(str(resource.get("status")))
    if status is None:
        raise FieldError("not-a-word", field="status", allowed=", ".join(STATUSES))
    key = _order_id(resource)
    patient = reference_id(resource.get("subject"))
    if not patient:
        raise FieldError("needed", field="subject")
    ingredient, form, faults = _drug(resource, medications)
    dosages = [dosage for dosage in resource.get("dosageInstruction") or [] if isinstance(dosage, Mapping)]
    dosage: Mapping[str, Any] = dosages[0] if dosages else {}
    if len(dosages) != 1:
        faults.append(("clarify-several-instructions" if dosages else "clarify-no-instruction", str(len(dosages))))
    strange = sorted(set(dosage) - DOSAGE_UNDERSTOOD)
    if strange or dosage.get("modifierExtension"):
        faults.append(("clarify-not-understood", ", ".join(strange)))
    try:
        route = route_code(dosage.get("route"))
    except FieldError:
        route = "UNKNOWN"
        faults.append(("clarify-no-route", coded_text(dosage.get("route"))))
    uncertain, timing_faults = _timing(dosage)
    dose_and_rates = [entry for entry in dosage.get("doseAndRate") or [] if isinstance(entry, Mapping)]
    if len(dose_and_rates) > 1:
        faults.append(("clarify-several-instructions", "doseAndRate"))
    for entry in dose_and_rates[:1]:
        uncertain |= _dose(entry)
        if "rateQuantity" in entry:
            uncertain["rate"] = amount_text(entry["rateQuantity"])
        faults += [("clarify-not-understood", name) for name in sorted(set(entry) & {"rateRatio", "rateRange"})]
    prn = bool(dosage.get("asNeededBoolean")) or "asNeededCodeableConcept" in dosage
    maximum = dosage.get("maxDosePerPeriod")
    if isinstance(maximum, Mapping):
        if _is_a_day(maximum.get("denominator")):
            uncertain["prn_max_24h"] = amount_text(maximum.get("numerator"))
        else:
            faults.append(("clarify-not-understood", "maxDosePerPeriod"))
    category = _category(
        prn=prn, infusion="rate" in uncertain, priority=str(resource.get("priority")), timed="times" in uncertain or "every" in uncertain
    )
    if category is OrderCategory.PRN and "every" in uncertain:
        uncertain["prn_min_interval"] = uncertain.pop("every")
    if category in (OrderCategory.STAT, OrderCategory.ONCE, OrderCategory.PRN, OrderCategory.INFUSION) and "start" not in uncertain:
        uncertain["start"] = str(resource.get("authoredOn", ""))
    if not uncertain.get("start"):
        uncertain["start"] = str(resource.get("authoredOn", "")) if "T" in str(resource.get("authoredOn", "")) else ""
    substitution = resource.get("substitution")
    allowed = substitution.get("allowedBoolean", True) if isinstance(substitution, Mapping) else True
    reasons = [coded_text(reason) for reason in resource.get("reasonCode") or []]
    certain: dict[str, object] = {
        "id": key,
        "patient": patient,
        "ingredient": ingredient,
        "form": form,
        "route": route,
        "category": category,
        "status": status,
        "substitution": bool(allowed),
        "indication": "; ".join(reason for reason in reasons if reason)[:500] or None,
        "display": str(dosage.get("text", ""))[:500],
        "prescriber": reference_id(resource.get("requester")) or None,
        "prn_reasons": tuple(filter(None, [coded_text(dosage.get("asNeededCodeableConcept"))])),
    }
    notes = [str(note.get("text", "")) for note in resource.get("note") or [] if isinstance(note, Mapping)]
    return import_orders.build(
        place=place, certain=certain, uncertain=uncertain, note="; ".join(notes)[:500], also=tuple(faults + timing_faults)
    )


def reference_id(reference: Any) -> str:
    """The id behind "Patient/p1", an absolute address or a urn. Empty when there is none."""
    text = str(reference.get("reference", "")) if isinstance(reference, Mapping) else ""
    return text.removeprefix("urn:uuid:").rsplit("/", 1)[-1]


def _order_id(resource: Mapping[str, Any]) -> str:
    placer = [
        str(entry.get("value", ""))
        for entry in resource.get("identifier") or []
        if isinstance(entry, Mapping) and any(code.get("code") == "PLAC" for code in (entry.get("type") or {}).get("coding") or [])
    ]
    first = [str(entry.get("value", "")) for entry in resource.get("identifier") or [] if isinstance(entry, Mapping)]
    key = next((value for value in [*placer, *first, str(resource.get("id", ""))] if value), "")
    if not key:
        raise FieldError("needed", field="id")
    return fields.identifier(key)


def _drug(resource: Mapping[str, Any], medications: Mapping[str, Mapping[str, Any]]) -> tuple[str, str, list[tuple[str, str]]]:
    faults: list[tuple[str, str]] = []
    concept = resource.get("medicationCodeableConcept")
    form = ""
    reference = resource.get("medicationReference")
    if isinstance(reference, Mapping):
        medication = medications.get(str(reference.get("reference", "")).removeprefix("#").rsplit("/", 1)[-1])
        for contained in resource.get("contained") or []:
            if f"#{contained.get('id')}" == reference.get("reference"):
                medication = contained
        if medication is not None:
            concept = medication.get("code")
            form = coded_text(medication.get("form"))
            names = [coded_text(entry.get("itemCodeableConcept")) for entry in medication.get("ingredient") or []]
            if names and all(names):
                concept = {"text": "/".join(sorted(name.lower() for name in names))}
    ingredient = coded_text(concept).lower()
    if not ingredient:
        raise FieldError("needed", field="medication[x]")
    if not form:
        faults.append(("clarify-no-form", form))
        form = "unknown"
    return fields.text(ingredient), form.lower(), faults


def _dose(entry: Mapping[str, Any]) -> dict[str, str]:
    if "doseQuantity" in entry:
        return {"dose": amount_text(entry["doseQuantity"]) or "?"}
    dose_range = entry.get("doseRange")
    if isinstance(dose_range, Mapping):
        return {"dose": amount_text(dose_range.get("low")) or "?", "dose_max": amount_text(dose_range.get("high")) or "?"}
    return {}


def _timing(dosage: Mapping[str, Any]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Raw cells times, every, start, end; and what stands in the way of reading them."""
    timing = dosage.get("timing")
    if not isinstance(timing, Mapping):
        return {}, []
    cells: dict[str, str] = {}
    faults: list[tuple[str, str]] = []
    repeat = timing.get("repeat") if isinstance(timing.get("repeat"), Mapping) else {}
    assert isinstance(repeat, Mapping)
    bounds = repeat.get("boundsPeriod")
    if isinstance(bounds, Mapping):
        cells |= {name: str(bounds[name]) for name in ("start", "end") if name in bounds}
    strange = sorted(set(repeat) - REPEAT_UNDERSTOOD)
    if strange or timing.get("event"):
        return cells, [("clarify-not-understood", ", ".join([*strange, *(["event"] if timing.get("event") else [])]))]
    times = repeat.get("timeOfDay")
    frequency, period, unit = repeat.get("frequency", 1), repeat.get("period"), repeat.get("periodUnit")
    if times:
        if period not in (None, 1) or unit not in (None, "d") or (repeat.get("frequency") not in (None, 1, len(times))):
            faults.append(("clarify-not-understood", "timeOfDay + period"))
        elif any(not str(at).endswith(":00") for at in times):
            faults.append(("clarify-times-unreadable", ", ".join(map(str, times))))
        else:
            cells["times"] = "|".join(str(at)[:5] for at in times)
    elif period is not None and frequency == 1 and unit in ("s", "min", "h"):
        cells["every"] = f"{period:f} {unit}" if not isinstance(period, int) else f"{period} {unit}"
    elif period is not None:
        # "Twice a day" names no times: which ones is the ward's to say, so it is not computed here.
        faults.append(("clarify-no-times-named", f"{frequency} / {period} {unit}"))
    elif isinstance(timing.get("code"), Mapping):
        faults.append(("clarify-no-times-named", coded_text(timing["code"])))
    return cells, faults


def _is_a_day(quantity: Any) -> bool:
    return amount_text(quantity) in ("1 d", "24 h", "1 day")


def _category(*, prn: bool, infusion: bool, priority: str, timed: bool) -> OrderCategory:
    if prn:
        return OrderCategory.PRN
    if infusion:
        return OrderCategory.INFUSION
    if timed:
        return OrderCategory.SCHEDULED
    return OrderCategory.STAT if priority == "stat" else OrderCategory.SCHEDULED
