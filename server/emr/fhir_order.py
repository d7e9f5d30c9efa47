"""An order as a FHIR R4 MedicationRequest: the other direction of `server.usecases.import_fhir_orders`, which reads it back as it was.

Pure. What R4 has no element for (the pharmacist's word, what makes a dose time-critical) is an extension of the site. An order that says
too little to be given by scan says so in a note. Must never show an order as active without what the pharmacist said of it.
Source: hl7.org/fhir/R4/medicationrequest.html, dosage.html, datatypes.html#timing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from pointofcare.orders.order import Dosage, Order, OrderCategory
from server.emr.fhir_elements import ROUTE_CODES, ROUTES, Json, coding, concept, moment, number, quantity, rate, reference, text
from server.emr.fhir_mapping import MappingContext

_CATEGORY = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
_PRIORITY = {OrderCategory.STAT: "stat"}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def request(order: Order, context: MappingContext, *, authored_at: datetime, mrn: str, verification: str | None) -> Json:
    """`verification` is the pharmacist's word on this very version, None: not told of older ones. Raises: QuantityError."""
    found: Json = {
        "resourceType": "MedicationRequest",
        "extension": _extensions(order, context, verification),
        "identifier": [
            {
                "type": concept(coding("http://terminology.hl7.org/CodeSystem/v2-0203", "PLAC", "Placer Identifier")),
                "system": context.system("order"),
                "value": order.id,
            }
        ],
        "status": order.status.value if order.status is not None else "unknown",
        "intent": "order",
        "category": [concept(coding(_CATEGORY, "inpatient", "Inpatient"))],
        "contained": [{"resourceType": "Medication", "id": "medication", **_drug(order, context)}],
        "medicationReference": {"reference": "#medication", "display": text(order.display or order.ingredient)},
        "subject": reference("Patient", context.system("patient"), mrn, context.literals.get("patient")),
        "authoredOn": moment(authored_at),
        "reportedBoolean": order.own_supply,
        "dosageInstruction": list(_dosages(order, context)),
        "substitution": {"allowedBoolean": order.substitution},
    }
    if "encounter" in context.literals:
        found["encounter"] = {"reference": context.literals["encounter"]}
    if order.category in _PRIORITY:
        found["priority"] = _PRIORITY[order.category]
    if order.prescriber:
        found["requester"] = reference("Practitioner", context.system("staff"), order.prescriber, context.literals.get(order.prescriber))
    if order.indication:
        found["reasonCode"] = [concept(text=text(order.indication))]
    if order.clarification:
        found["note"] = [{"text": text(f"Cannot be given by scan until clarified: {order.clarification}")}]
    return found


def _drug(order: Order, context: MappingContext) -> Json:
    names = [name for name in order.ingredient.split("/") if name] or [order.ingredient]
    return {
        "code": concept(coding(context.system("ingredient"), order.ingredient), text=text(order.ingredient)),
        "form": concept(text=text(order.form)),
        "ingredient": [{"itemCodeableConcept": concept(text=text(name))} for name in names],
    }


def _extensions(order: Order, context: MappingContext, verification: str | None) -> list[Json]:
    base = context.extensions
    found: list[Json] = [{"url": f"{base}order-category", "valueCode": order.category.value}]
    if verification is not None:
        found.append({"url": f"{base}pharmacist-verification", "valueCode": verification})
    for name in ("time_critical", "needs_double_check", "counts_days"):
        if getattr(order, name):
            found.append({"url": f"{base}{name.replace('_', '-')}", "valueBoolean": True})
    found += [{"url": f"{base}additive", "valueString": text(one)} for one in order.additives]
    return found


def _dosages(order: Order, context: MappingContext) -> Iterable[Json]:
    if not order.dosages:
        yield _dosage(order, order, context, words=order.display)
        return
    for step in order.dosages:
        yield {"sequence": step.sequence, **_dosage(order, step, context, words=step.display or order.display)}


def _dosage(order: Order, said: Order | Dosage, context: MappingContext, *, words: str) -> Json:
    found: Json = {}
    if words:
        found["text"] = text(words)
    repeat = _repeat(order, said)
    if repeat:
        found["timing"] = {"repeat": repeat}
    if order.category is OrderCategory.PRN:
        reasons = order.prn.reasons if order.prn is not None else ()
        if reasons:
            codings = [coding(context.system("prn-reason"), one) for one in reasons]
            found["asNeededCodeableConcept"] = concept(*codings, text=text("; ".join(reasons)))
        else:
            found["asNeededBoolean"] = True
    codings = [coding(context.system("route"), order.route)]
    if order.route in ROUTE_CODES:
        codings.insert(0, coding(ROUTES, order.route))
    found["route"] = concept(*codings, text=text(order.route))
    amount = _amount(order, said)
    if amount:
        found["doseAndRate"] = [amount]
    if order.prn is not None and order.prn.max_per_24h is not None:
        found["maxDosePerPeriod"] = {"numerator": quantity(order.prn.max_per_24h), "denominator": _duration(timedelta(hours=24), ("h",))}
    return found


def _amount(order: Order, said: Order | Dosage) -> Json:
    found: Json = {}
    if said.dose_range is not None:
        found["doseRange"] = {"low": quantity(said.dose_range[0]), "high": quantity(said.dose_range[1])}
    elif said.dose is not None:
        found["doseQuantity"] = quantity(said.dose)
    if order.rate_range is not None and not order.dosages:
        found["rateRange"] = {"low": quantity(order.rate_range[0]), "high": quantity(order.rate_range[1])}
    elif said.rate is not None:
        ratio = rate(said.rate)
        found |= {"rateRatio": ratio} if ratio else {"rateQuantity": quantity(said.rate)}
    return found


def _repeat(order: Order, said: Order | Dosage) -> Json:
    found: Json = {}
    bounds = {name: moment(at) for name, at in (("start", said.start), ("end", said.end)) if at is not None}
    if bounds:
        found["boundsPeriod"] = bounds
    every = said.every
    if every is None and order.prn is not None:
        every = order.prn.min_interval
    if said.times:
        days = every.days if every is not None and every >= timedelta(days=1) else 1
        found |= {"frequency": len(said.times), "period": days, "periodUnit": "d"}
        found["timeOfDay"] = [at.isoformat(timespec="seconds") for at in said.times]
    elif every is not None:
        period = _duration(every, tuple(unit for _, unit in _UNITS[1:]))
        found |= {"frequency": 1, "period": period["value"], "periodUnit": period["code"]}
    if said.days_of_week:
        found["dayOfWeek"] = [day.value for day in said.days_of_week]
    return found


def _duration(length: timedelta, units: tuple[str, ...]) -> Json:
    """In the largest of `units` that has a whole number of it."""
    seconds = Decimal(str(length.total_seconds()))
    for size, unit in _UNITS:
        if unit in units and (seconds % size == 0 or unit == units[-1]):
            return {"value": number(seconds / size), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    raise AssertionError(units)
