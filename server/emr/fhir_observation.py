"""One measurement from a bedside as one FHIR R4 transaction: the Observation and its Provenance.

Pure. Conditional creates, so that it is stored once however often it is sent.
Source: hl7.org/fhir/R4/observation-vitalsigns.html; codes of LOINC, units of UCUM.
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from server.emr.fhir_elements import UCUM, Json, coding, concept, moment, number, reference, search
from server.emr.fhir_mapping import MappingContext, urn
from server.store.observations import Measurement

_LOINC = "http://loinc.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
# Our code -> LOINC, what it is called there, the unit that FHIR's vital signs want, and the category.
CODES = {
    "heart-rate": ("8867-4", "Heart rate", "/min", "vital-signs"),
    "systolic": ("8480-6", "Systolic blood pressure", "mm[Hg]", "vital-signs"),
    "diastolic": ("8462-4", "Diastolic blood pressure", "mm[Hg]", "vital-signs"),
    "respiratory-rate": ("9279-1", "Respiratory rate", "/min", "vital-signs"),
    "spo2": ("2708-6", "Oxygen saturation in Arterial blood", "%", "vital-signs"),
    "temperature": ("8310-5", "Body temperature", "Cel", "vital-signs"),
    "glucose": ("15074-8", "Glucose [Moles/volume] in Blood", "mmol/L", "laboratory"),
    "potassium": ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", "laboratory"),
    "creatinine": ("14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "umol/L", "laboratory"),
    "inr": ("6301-6", "INR in Platelet poor plasma by Coagulation assay", "1", "laboratory"),
    "pain": ("72514-3", "Pain severity - 0-10 verbal numeric rating", "{score}", "survey"),
    "sedation": ("", "Sedation score", "{score}", "survey"),
}
# Oxygen saturation by pulse oximetry: the more exact code that goes beside the one of the vital signs profile.
_BESIDE = {"spo2": coding(_LOINC, "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry")}


def to_bundle(measured: Measurement, context: MappingContext) -> Json:
    """Raises: QuantityError when the value has too many digits for JSON."""
    made = observation(measured, context)
    query = f"identifier={search(context.system('administration'), measured.record_id)}"
    url = urn(measured.record_id)
    told = coding(context.system("event"), f"{measured.record_id}.pv")
    condition = f"_tag={search(told['system'], told['code'])}"
    agents = [("performer", _person(measured, context))]
    if measured.cart:
        agents.append(("assembler", reference("Device", context.system("cart"), measured.cart)))
    provenance: Json = {
        "resourceType": "Provenance",
        "meta": {"tag": [told]},
        "target": [{"reference": url}],
        "occurredDateTime": moment(measured.at),
        "recorded": moment(measured.recorded_at),
        "agent": [{"type": concept(coding(_PARTICIPANT, kind)), "who": who} for kind, who in agents],
    }
    entries = [
        {"fullUrl": url, "resource": made, "request": {"method": "POST", "url": "Observation", "ifNoneExist": query}},
        {
            "fullUrl": f"urn:uuid:{uuid5(NAMESPACE_URL, condition)}",
            "resource": provenance,
            "request": {"method": "POST", "url": "Provenance", "ifNoneExist": condition},
        },
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def observation(measured: Measurement, context: MappingContext) -> Json:
    loinc, display, unit, category = CODES.get(measured.code, ("", measured.code, measured.value.unit, "exam"))
    codings = [coding(_LOINC, loinc, display)] if loinc else []
    if measured.code in _BESIDE:
        codings.append(_BESIDE[measured.code])
    codings.append(coding(context.system("observation"), measured.code))
    value = measured.value.to(unit) if measured.value.converts_to(unit) else measured.value
    found: Json = {
        "resourceType": "Observation",
        "meta": {"tag": [coding(context.system("event"), f"{measured.record_id}.obs")]},
        "identifier": [{"system": context.system("administration"), "value": measured.record_id}],
        "status": "final",
        "category": [concept(coding(_CATEGORY, category))],
        "code": concept(*codings, text=display),
        "subject": reference("Patient", context.system("patient"), measured.mrn, context.literals.get("patient")),
        "effectiveDateTime": moment(measured.at),
        "performer": [_person(measured, context)],
        "valueQuantity": {"value": number(value.value), "unit": value.unit, "system": UCUM, "code": value.unit},
    }
    if measured.cart:
        found["device"] = reference("Device", context.system("cart"), measured.cart)
    return found


def _person(measured: Measurement, context: MappingContext) -> Json:
    return reference("Practitioner", context.system("staff"), measured.nurse, context.literals.get(measured.nurse))
