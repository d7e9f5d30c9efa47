"""One FHIR R4 MedicationRequest to an order, or to a draft that says what a person must clarify.

A modifier that is not understood makes it no order at all: it is refused with a problem. Source: FHIR R4 MedicationRequest,
Dosage and Timing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pointofcare.orders.order import OrderCategory, OrderStatus
from pointofcare.quantity import Quantity
from server.usecases import import_fhir_dosage, import_orders
from server.usecases import import_fields as fields
from server.usecases.import_fhir_dosage import amount_text, coded_text
from server.usecases.import_fhir_timing import Instruction
from server.usecases.import_rows import FieldError, OrderFound, Place
from server.usecases.standard_times import NONE, StandardTimes

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


def read(
    resource: Mapping[str, Any],
    place: Place,
    medications: Mapping[str, Mapping[str, Any]],
    zone: str | None = None,
    standard: StandardTimes = NONE,
) -> OrderFound:
    """`medications` are the bundle's Medication resources by reference, `zone` is the facility's, for bounds in days,
    `standard` when the hospital gives what names no times. Raises: FieldError (`field` in its parameters)."""
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
    ingredient, form, strength, faults = _drug(resource, medications)
    dosages = [dosage for dosage in resource.get("dosageInstruction") or [] if isinstance(dosage, Mapping)]
    if not dosages:
        faults.append(("clarify-no-instruction", "0"))
    route = _route(dosages, faults)
    authored = str(resource.get("authoredOn", ""))
    uncertain, steps, more, single = _said(dosages, zone, authored, standard)
    faults += more
    for cells in (uncertain, *steps):
        _by_strength(cells, strength)
    prn = _as_needed(dosages, faults)
    category = _category(
        prn=prn,
        infusion="rate" in uncertain or any("rate" in step for step in steps),
        priority=str(resource.get("priority")),
        timed=any(name in cells for name in ("times", "every") for cells in (uncertain, *steps)),
        dosed="dose" in uncertain or (bool(steps) and all("dose" in step for step in steps)),
        single=single,
    )
    if category is OrderCategory.PRN and "every" in uncertain:
        uncertain["prn_min_interval"] = uncertain.pop("every")
    if not uncertain.get("start"):
        dated = category in (OrderCategory.STAT, OrderCategory.ONCE, OrderCategory.PRN, OrderCategory.INFUSION)
        uncertain["start"] = authored if dated or "T" in authored else ""
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
        "display": "; ".join(filter(None, dict.fromkeys(map(import_fhir_dosage.display, dosages))))[:500],
        "prescriber": reference_id(resource.get("requester")) or None,
        "prn_reasons": tuple(dict.fromkeys(filter(None, (coded_text(dosage.get("asNeededCodeableConcept")) for dosage in dosages)))),
        # Reported by the patient or by whoever brought it in: the patient's own medicine.
        "own_supply": resource.get("reportedBoolean") is True,
    }
    notes = [str(note.get("text", "")) for note in resource.get("note") or [] if isinstance(note, Mapping)]
    return import_orders.build(
        place=place, certain=certain, uncertain=uncertain, note="; ".join(notes)[:500], also=tuple(dict.fromkeys(faults)), steps=steps
    )


def _said(
    dosages: list[Mapping[str, Any]], zone: str | None, authored: str, standard: StandardTimes
) -> tuple[dict[str, str], list[dict[str, str]], list[tuple[str, str]], bool]:
    """The cells of the order, those of its steps where it has several instructions, the faults, and whether it is for a single dose."""
    if len(dosages) <= 1:
        found = import_fhir_dosage.alone(dosages[0], zone, authored, standard) if dosages else Instruction()
        if len(found.moments) > 1:
            bounds = {"start": found.moments[0].isoformat()}
            return bounds, import_fhir_dosage.singles(found, zone), found.faults, False
        if found.moments:
            found.cells["start"] = found.moments[0].isoformat()
        timed = found.cells.keys() & {"times", "every"}
        return found.cells, [], found.faults, bool(found.moments) or (found.count == 1 and not timed)
    each = [import_fhir_dosage.read(dosage, zone, standard).cells for dosage in dosages]
    starts = [cells["start"] for cells in each if cells.get("start")]
    begins = min(starts, key=import_fhir_dosage.moment_key) if starts else authored
    steps, faults = import_fhir_dosage.steps(dosages, zone, begins, standard)
    uncertain = {"start": begins} if starts else {}
    limits = {cells["prn_max_24h"] for cells in each if "prn_max_24h" in cells}
    if len(limits) == 1:
        uncertain["prn_max_24h"] = limits.pop()
    elif limits:
        faults.append(("clarify-not-understood", "maxDosePerPeriod"))
    return uncertain, steps, faults, False


def _route(dosages: list[Mapping[str, Any]], faults: list[tuple[str, str]]) -> str:
    """One route for all instructions; a step that names none goes by the others' route only when they are of one order."""
    found = set()
    for dosage in dosages or [{}]:
        try:
            found.add(route_code(dosage.get("route")))
        except FieldError:
            faults.append(("clarify-no-route", coded_text(dosage.get("route"))))
    if len(found) > 1:
        faults.append(("clarify-several-instructions", ", ".join(sorted(found))))
    return found.pop() if len(found) == 1 else "UNKNOWN"


def _as_needed(dosages: list[Mapping[str, Any]], faults: list[tuple[str, str]]) -> bool:
    asked = [import_fhir_dosage.is_as_needed(dosage) for dosage in dosages]
    if any(asked) and not all(asked):
        faults.append(("clarify-not-understood", "asNeeded"))
    return any(asked)


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


Strength = tuple[Quantity, Quantity]


def _drug(
    resource: Mapping[str, Any], medications: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str, Strength | None, list[tuple[str, str]]]:
    """Ingredient, form, how much of the one ingredient is in how much of the drug, and the faults."""
    faults: list[tuple[str, str]] = []
    strength = None
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
            listed = medication.get("ingredient") or []
            strength = _strength(listed[0].get("strength")) if len(listed) == 1 else None
            names = [coded_text(entry.get("itemCodeableConcept")) for entry in listed]
            if names and all(names):
                concept = {"text": "/".join(sorted(name.lower() for name in names))}
    ingredient = coded_text(concept).lower()
    if not ingredient:
        raise FieldError("needed", field="medication[x]")
    if not form:
        faults.append(("clarify-no-form", form))
        form = "unknown"
    return fields.text(ingredient), form.lower(), strength, faults


def _strength(ratio: Any) -> Strength | None:
    """500 mg in 1 tablet; a bare 1 below is one of whatever the drug is counted in."""
    if not isinstance(ratio, Mapping):
        return None
    below = ratio.get("denominator")
    named = amount_text(below) if isinstance(below, Mapping) else "1"
    try:
        above = fields.positive(amount_text(ratio.get("numerator")))
        one = fields.positive(named if " " in named and not named.endswith(" 1") else f"{named.partition(' ')[0]} {{unit}}")
    except FieldError:
        return None
    return above, one


def _by_strength(cells: dict[str, str], strength: Strength | None) -> None:
    """An amount in counted things becomes the amount of the ingredient: two tablets of 250 mg are not two of 500 mg."""
    if strength is None:
        return
    above, one = strength
    for name in ("dose", "dose_max", "prn_max_24h"):
        try:
            told = fields.positive(cells.get(name, ""))
        except FieldError:
            continue
        if not (told.unit.startswith("{") and one.unit in (told.unit, "{unit}")):
            continue
        billionths = Fraction(told.value) * Fraction(above.value) / Fraction(one.value) * 10**9
        if billionths.denominator == 1:
            cells[name] = f"{format((Decimal(billionths.numerator) / 10**9).normalize(), 'f')} {above.unit}"


def _category(*, prn: bool, infusion: bool, priority: str, timed: bool, dosed: bool, single: bool) -> OrderCategory:
    if prn:
        return OrderCategory.PRN
    if infusion and not (timed and dosed):  # a dose at its times that runs in at a rate is a dose at its times
        return OrderCategory.INFUSION
    if single:
        return OrderCategory.STAT if priority == "stat" else OrderCategory.ONCE
    if timed:
        return OrderCategory.SCHEDULED
    return OrderCategory.STAT if priority == "stat" else OrderCategory.SCHEDULED
