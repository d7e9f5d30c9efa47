"""Patients, stays, wards, staff, carts, allergies and products as FHIR R4 resources, for those who read them from us.

Pure. What is not known is left out, never guessed: a list of allergies that nobody could read is not "none known". Profiles of Vietnam's
draft guide are not claimed. The systems of identity card and insurance are those of HL7 Vietnam's draft.
Source: hl7.org/fhir/R4/patient.html, encounter.html, allergyintolerance.html, medication.html, device.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from pointofcare.people import Allergy, AllergyKind
from pointofcare.products import Product
from server.emr.fhir_elements import GTIN, Json, coding, concept, moment, quantity, text
from server.emr.fhir_ids import to_id
from server.emr.fhir_mapping import MappingContext
from server.store.fhir_rows import Person

NATIONAL_ID = "http://fhir.hl7.org.vn/core/sid/cccd"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_IDENTIFIER_TYPE = f"{_TERMINOLOGY}v2-0203"
_STAY = {"admitted": "in-progress", "discharged": "finished", "transferred": "finished", "deceased": "finished"}
_GENDERS = frozenset({"male", "female", "other", "unknown"})
_SEVERITIES = frozenset({"mild", "moderate", "severe"})
NO_KNOWN_ALLERGY = coding("http://snomed.info/sct", "716186003", "No known allergy")


def patient(one: Person, context: MappingContext) -> Json:
    identifiers: list[Json] = [
        {
            "use": "usual",
            "type": concept(coding(_IDENTIFIER_TYPE, "MR", "Medical record number")),
            "system": context.system("patient"),
            "value": one.mrn,
        }
    ]
    if one.national_id:
        identifiers.append(
            {
                "use": "official",
                "type": concept(coding(_IDENTIFIER_TYPE, "NI", "National unique individual identifier")),
                "system": NATIONAL_ID,
                "value": one.national_id,
            }
        )
    found: Json = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "active": one.merged_into is None,
        # Vietnamese names are written whole, family name first: taken apart they would be wrong as often as right.
        "name": [{"use": "temp" if one.is_temporary else "official", "text": text(one.name)}],
    }
    if one.sex in _GENDERS:
        found["gender"] = one.sex
    if one.birth_date is not None:
        found["birthDate"] = one.birth_date.isoformat()
    if one.status == "deceased":
        found["deceasedBoolean"] = True
    links = [{"other": {"reference": f"Patient/{to_id(other)}"}, "type": "replaces"} for other in one.replaces]
    if one.merged_into is not None:
        links.append({"other": {"reference": f"Patient/{to_id(one.merged_into)}"}, "type": "replaced-by"})
    if links:
        found["link"] = links
    return found


def encounter(one: Person, context: MappingContext) -> Json:
    """The stay of which the patient's row tells: the running one, or the last."""
    status = _STAY.get(one.status or "", "unknown")
    found: Json = {
        "resourceType": "Encounter",
        "identifier": [{"system": context.system("stay"), "value": one.id}],
        "status": status,
        "class": coding(f"{_TERMINOLOGY}v3-ActCode", "IMP", "inpatient encounter"),
        "subject": {
            "reference": f"Patient/{to_id(one.id)}",
            "type": "Patient",
            "identifier": {"system": context.system("patient"), "value": one.mrn},
        },
    }
    if one.admitted_at is not None:
        found["period"] = {"start": moment(one.admitted_at)}
    if one.ward:
        place: Json = {
            "location": {"reference": f"Location/{to_id(one.ward)}", "display": text(f"{one.ward} / {one.bed}" if one.bed else one.ward)}
        }
        if status == "in-progress":
            place["status"] = "active"
        found["location"] = [place]
    return found


def allergies(one: Person, held: tuple[Allergy, ...], context: MappingContext) -> dict[str, Json]:
    """Id -> AllergyIntolerance, of a list that could be read. An empty list says that there are none."""
    about = {
        "patient": {
            "reference": f"Patient/{to_id(one.id)}",
            "type": "Patient",
            "identifier": {"system": context.system("patient"), "value": one.mrn},
        },
        "clinicalStatus": concept(coding(f"{_TERMINOLOGY}allergyintolerance-clinical", "active")),
    }
    if not held:
        return {
            to_id(one.id, ".none"): {
                "resourceType": "AllergyIntolerance",
                **about,
                "code": concept(NO_KNOWN_ALLERGY, text="No known allergy"),
            }
        }
    found = {}
    for allergy in held:
        drawn = sha256(f"{allergy.kind.value}|{allergy.substance}".encode()).hexdigest()[:12]
        resource: Json = {
            "resourceType": "AllergyIntolerance",
            **about,
            "category": ["medication"],
            "code": concept(coding(context.system(f"allergy-{allergy.kind.value}"), allergy.substance), text=text(allergy.substance)),
        }
        if allergy.kind is AllergyKind.CLASS:
            resource["note"] = [{"text": "A class of drugs."}]
        if allergy.severity in _SEVERITIES:
            resource["reaction"] = [
                {"manifestation": [concept(coding(f"{_TERMINOLOGY}data-absent-reason", "unknown"))], "severity": allergy.severity}
            ]
        if allergy.tolerated_before:
            resource["extension"] = [{"url": f"{context.extensions}tolerated-before", "valueBoolean": True}]
        found[to_id(one.id, f".h{drawn}")] = resource
    return found


def practitioner(staff_id: str, name: str, *, active: bool, licence: str | None, context: MappingContext) -> Json:
    identifiers: list[Json] = [{"system": context.system("staff"), "value": staff_id}]
    if licence:
        identifiers.append(
            {"type": concept(coding(_IDENTIFIER_TYPE, "LN", "License number")), "system": context.system("licence"), "value": licence}
        )
    found: Json = {"resourceType": "Practitioner", "identifier": identifiers, "active": active}
    if name:
        found["name"] = [{"text": text(name)}]
    return found


def location(ward: str, name: str, context: MappingContext) -> Json:
    return {
        "resourceType": "Location",
        "identifier": [{"system": context.system("ward"), "value": ward}],
        "status": "active",
        "name": text(name or ward),
        "mode": "instance",
        "physicalType": concept(coding(f"{_TERMINOLOGY}location-physical-type", "wa", "Ward")),
    }


def device(cart: str, ward: str, versions: Mapping[str, object], context: MappingContext) -> Json:
    found: Json = {
        "resourceType": "Device",
        "identifier": [{"system": context.system("cart"), "value": cart}],
        "status": "active",
        "deviceName": [{"name": text(cart), "type": "user-friendly-name"}],
        "type": concept(text="Bedside medication cart"),
    }
    said = [{"type": concept(text=text(name)), "value": text(str(value))} for name, value in sorted(versions.items()) if value]
    if said:
        found["version"] = said
    if ward:
        found["location"] = {"reference": f"Location/{to_id(ward)}"}
    return found


def medication(product: Product, context: MappingContext) -> Json:
    """Raises: QuantityError."""
    found: Json = {
        "resourceType": "Medication",
        "code": concept(coding(GTIN, product.gtin), coding(context.system("product"), product.id), text=text(product.name)),
        "status": "active",
        "form": concept(text=text(product.form)),
    }
    parts: list[Json] = []
    for one in product.ingredients:
        part: Json = {"itemCodeableConcept": concept(coding(context.system("ingredient"), one.name), text=text(one.name))}
        if one.amount is not None:
            part["strength"] = {"numerator": quantity(one.amount), "denominator": {"value": 1}}
        parts.append(part)
    if parts:
        found["ingredient"] = parts
    return found
