"""FHIR R4 bundles, from bytes to found rows and problems: people, wards, allergies, observations, products and orders.

A resource that cannot be read is a `Problem` with its entry number and element, never dropped in silence; other resource types
are left alone, for a bundle may hold a whole record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from datetime import date
from decimal import Decimal
from typing import Any

from pointofcare.people import Allergy, AllergyKind, Observation, Patient, PatientStatus, StaffRole, Weight
from pointofcare.products import Ingredient, Product
from server.usecases import import_fhir_orders
from server.usecases import import_fields as fields
from server.usecases.import_fhir_dosage import amount_text, coded_text
from server.usecases.import_fhir_orders import reference_id
from server.usecases.import_rows import FieldError, Found, PatientFound, Place, Problem, ProductFound, StaffFound
from server.usecases.standard_times import NONE, StandardTimes

NO_KNOWN_ALLERGY = frozenset({"716186003", "409137002"})
GTIN_SYSTEMS = frozenset({"https://www.gs1.org/gtin", "http://www.gs1.org/gtin", "urn:oid:1.3.160", "https://id.gs1.org/01"})
LOINC = {
    "8867-4": "heart-rate",
    "8480-6": "systolic",
    "8462-4": "diastolic",
    "9279-1": "respiratory-rate",
    "59408-5": "spo2",
    "2708-6": "spo2",
    "15074-8": "glucose",
    "2823-3": "potassium",
    "8310-5": "temperature",
    "72514-3": "pain",
    "2160-0": "creatinine",
    "6301-6": "inr",
}
BODY_WEIGHT = "29463-7"
ENCOUNTER_STATUSES = {"in-progress": PatientStatus.ADMITTED, "onleave": PatientStatus.ADMITTED, "finished": PatientStatus.DISCHARGED}
SEVERITIES = {"high": "severe", "low": "mild", "severe": "severe", "moderate": "moderate", "mild": "mild"}
ROLES = {"doctor": StaffRole.PRESCRIBER, "nurse": StaffRole.NURSE, "pharmacist": StaffRole.PHARMACIST}


@dataclass(slots=True)
class _Around:
    """What the other resources say about one patient."""

    ward: str | None = None
    bed: str | None = None
    status: PatientStatus | None = None
    weight: Weight | None = None
    allergies: list[Allergy] = field_of(default_factory=list)
    asked_for_allergies: bool = False
    unreadable_allergy: bool = False
    observations: list[Observation] = field_of(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Where a patient is by one Encounter; `ward` None: it does not say."""

    status: PatientStatus
    ward: str | None = None
    bed: str | None = None
    ward_name: str = ""


def read(file: str, content: bytes, zone: str | None = None, standard: StandardTimes = NONE) -> Found:
    """All that one bundle holds; `zone` is the facility's, for bounds in days, `standard` when the hospital gives what names no times.
    Never raises for content."""
    try:
        bundle = json.loads(content.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        return Found(problems=(Problem(file=file, row=getattr(exc, "lineno", 1), field="", value="", code="not-json"),))
    if not isinstance(bundle, Mapping) or bundle.get("resourceType") != "Bundle" or not isinstance(bundle.get("entry", []), list):
        value = str(bundle.get("resourceType", "")) if isinstance(bundle, Mapping) else type(bundle).__name__
        return Found(problems=(Problem(file=file, row=1, field="resourceType", value=value, code="not-a-bundle"),))
    resources: list[tuple[int, Mapping[str, Any]]] = []
    problems: list[Problem] = []
    for number, entry in enumerate(bundle.get("entry", []), start=1):
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if not isinstance(resource, Mapping) or not isinstance(resource.get("resourceType"), str):
            problems.append(Problem(file=file, row=number, field="resource", value="", code="not-a-resource"))
            continue
        resources.append((number, _with_id(resource, entry)))
    around: dict[str, _Around] = {}
    medications = {str(resource.get("id", "")): resource for _, resource in resources if resource["resourceType"] == "Medication"}
    places = {str(resource.get("id", "")): resource for _, resource in resources if resource["resourceType"] == "Location"}
    roles = _roles(resources)
    found: dict[str, list[Any]] = {"patients": [], "products": [], "orders": [], "staff": []}
    for number, resource in sorted(resources, key=lambda pair: pair[1]["resourceType"] == "Patient"):  # patients last
        place = Place(file=file, row=number)
        kind = str(resource["resourceType"])
        try:
            if kind == "Encounter":
                _encounter(resource, around, places)
            elif kind == "AllergyIntolerance":
                _allergy(resource, around)
            elif kind == "Observation":
                _observation(resource, around)
            elif kind == "Patient":
                found["patients"].append(_patient(resource, place, around))
            elif kind == "Medication":
                product = _product(resource, place)
                if product is not None:
                    found["products"].append(product)
            elif kind == "Practitioner":
                found["staff"].append(_staff(resource, place, roles))
            elif kind == "MedicationRequest":
                found["orders"].append(import_fhir_orders.read(resource, place, medications, zone, standard))
        except FieldError as exc:
            _distrust_allergies(kind, resource, around)
            name = str(exc.parameters.get("field", ""))
            problems.append(_problem(place, f"{kind}.{name}".rstrip("."), resource, exc))
        except (AttributeError, TypeError, KeyError, ValueError, ArithmeticError):  # an element of another type than FHIR says
            _distrust_allergies(kind, resource, around)
            problems.append(Problem(file=file, row=number, field=kind, value=str(resource.get("id", ""))[:100], code="wrong-element-type"))
    return Found(**{name: tuple(rows) for name, rows in found.items()}, problems=tuple(sorted(problems, key=lambda one: one.row)))


def _distrust_allergies(kind: str, resource: Mapping[str, Any], around: dict[str, _Around]) -> None:
    """A list with one entry that could not be read is not known, whatever else it holds."""
    key = reference_id(resource.get("patient")) if kind == "AllergyIntolerance" else ""
    if key:
        around.setdefault(key, _Around()).unreadable_allergy = True


def _problem(place: Place, name: str, resource: Mapping[str, Any], exc: FieldError) -> Problem:
    parameters = {key: value for key, value in exc.parameters.items() if key != "field"}
    return Problem(
        file=place.file, row=place.row, field=name, value=str(resource.get("id", ""))[:100], code=exc.reason, parameters=parameters
    )


def _with_id(resource: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """References inside a bundle may use the entry's urn, which then stands for the id."""
    urn = str(entry.get("fullUrl", ""))
    if "id" in resource or not urn.startswith("urn:uuid:"):
        return resource
    return {**resource, "id": urn.removeprefix("urn:uuid:")}


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _around(around: dict[str, _Around], reference: Any) -> _Around:
    key = reference_id(reference)
    if not key:
        raise FieldError("needed", field="subject")
    return around.setdefault(key, _Around())


def _encounter(resource: Mapping[str, Any], around: dict[str, _Around], places: Mapping[str, Mapping[str, Any]]) -> None:
    about = _around(around, resource.get("subject"))
    found = stay(resource, places)
    if found is None or about.status is PatientStatus.ADMITTED:  # an open stay wins over a finished one
        return
    about.status, about.ward, about.bed = found.status, found.ward or about.ward, found.bed if found.ward else about.bed


def stay(resource: Mapping[str, Any], places: Mapping[str, Mapping[str, Any]]) -> Stay | None:
    """What one Encounter says of where the patient is; `places` are Location resources by id. None: nothing, or it is no stay.
    Raises: FieldError."""
    status = ENCOUNTER_STATUSES.get(str(resource.get("status")))
    if status is None:
        return None
    for entry in resource.get("location") or []:
        if entry.get("status", "active") == "active":
            ward, bed, name = _place(entry.get("location") or {}, places)
            return Stay(status=status, ward=fields.identifier(ward), bed=fields.text(bed) or None, ward_name=fields.text(name))
    return Stay(status=status)


def _place(reference: Mapping[str, Any], places: Mapping[str, Mapping[str, Any]]) -> tuple[str, str, str]:
    """Ward, bed, and the ward's name: from the Location and those that it is part of, else from the words of the reference."""
    ward = bed = name = ""
    at = reference
    for _ in range(5):
        location = places.get(reference_id(at))
        if location is None:
            break
        kind = _codes(location.get("physicalType"))
        if "bd" in kind:
            bed = str(location.get("name") or "")
        elif "wa" in kind:
            numbers = [str(entry.get("value", "")) for entry in location.get("identifier") or []]
            ward, name = next(filter(None, numbers), str(location.get("id", ""))), str(location.get("name") or "")
            break
        at = location.get("partOf") or {}
    if ward:
        return ward, bed, name
    shown = str(reference.get("display") or reference_id(reference))
    ward, _, bed = shown.partition("/")
    return ward.strip(), bed.strip(), ward.strip()


def _allergy(resource: Mapping[str, Any], around: dict[str, _Around]) -> None:
    about = _around(around, resource.get("patient"))
    found = allergy(resource)
    if found is not None:
        about.asked_for_allergies = True
        about.allergies += found


def allergy(resource: Mapping[str, Any]) -> tuple[Allergy, ...] | None:
    """What one AllergyIntolerance says; () is "no known allergy". None: it was refuted, is over, or was entered in error.
    Raises: FieldError."""
    verification = _codes(resource.get("verificationStatus"))
    if verification & {"refuted", "entered-in-error"} or _codes(resource.get("clinicalStatus")) & {"inactive", "resolved"}:
        return None
    if _codes(resource.get("code")) & NO_KNOWN_ALLERGY:
        return ()
    worst = [SEVERITIES.get(str(reaction.get("severity"))) for reaction in resource.get("reaction") or []]
    known = SEVERITIES.get(str(resource.get("criticality")))
    severity = next((level for level in ("severe", "moderate", "mild") if level in worst), known)
    return (Allergy(substance=substance(resource), kind=AllergyKind.INGREDIENT, severity=severity),)


def substance(resource: Mapping[str, Any]) -> str:
    """What an AllergyIntolerance is about. Raises: FieldError."""
    found = coded_text(resource.get("code"))
    if not found:
        raise FieldError("allergy-without-substance", field="code")
    return fields.text(found.lower())


def _observation(resource: Mapping[str, Any], around: dict[str, _Around]) -> None:
    for found in measured(resource):
        about = _around(around, resource.get("subject"))
        if isinstance(found, Observation):
            about.observations.append(found)
        elif about.weight is None or about.weight.at < found.at:
            about.weight = found


def measured(resource: Mapping[str, Any]) -> tuple[Observation | Weight, ...]:
    """What one Observation says that is of use here, its components too; () where there is nothing. Raises: FieldError."""
    if resource.get("status") not in ("final", "amended", "corrected", "preliminary"):
        return ()
    found = []
    for part in (resource, *(resource.get("component") or [])):
        codes = _codes(part.get("code"))
        name = next((LOINC[code] for code in codes if code in LOINC), None)
        if (name is None and BODY_WEIGHT not in codes) or "valueQuantity" not in part:
            continue
        try:
            value = fields.amount(amount_text(part["valueQuantity"]))
            at = fields.moment(str(resource.get("effectiveDateTime", "")))
        except FieldError as exc:
            raise FieldError(exc.reason, field="valueQuantity" if exc.reason == "not-an-amount" else "effectiveDateTime") from exc
        found.append(Observation(code=name, value=value, at=at) if name is not None else Weight(value=fields.mass(str(value)), at=at))
    return tuple(found)


def _patient(resource: Mapping[str, Any], place: Place, around: dict[str, _Around]) -> PatientFound:
    key = fields.identifier(str(resource.get("id", "")))
    identifiers = [entry for entry in resource.get("identifier") or [] if entry.get("value")]
    records = [entry for entry in identifiers if "MR" in _codes(entry.get("type"))]
    if not identifiers:
        raise FieldError("needed", field="identifier")
    about = around.get(key, _Around())
    allergies = tuple(about.allergies) if about.asked_for_allergies and not about.unreadable_allergy else None
    status = PatientStatus.DECEASED if resource.get("deceasedDateTime") or resource.get("deceasedBoolean") else about.status
    birth = str(resource.get("birthDate", ""))
    return PatientFound(
        place=place,
        patient=Patient(
            id=key,
            mrn=fields.text(str((records or identifiers)[0]["value"])),
            name=_name(resource),
            birth_date=date.fromisoformat(birth) if len(birth) == 10 else None,
            sex=str(resource["gender"]) if resource.get("gender") in ("male", "female", "other", "unknown") else None,
            ward=about.ward,
            bed=about.bed,
            status=status,
            weight=about.weight,
            allergies=allergies,
            observations=tuple(sorted(about.observations, key=lambda observation: observation.at)),
        ),
    )


def _name(resource: Mapping[str, Any]) -> str:
    names = [name for name in resource.get("name") or [] if isinstance(name, Mapping)]
    names.sort(key=lambda name: name.get("use") != "official")
    for name in names:
        # Vietnamese order, family name first, when the sender gave no ready text.
        text = name.get("text") or " ".join([str(name.get("family", "")), *map(str, name.get("given") or [])])
        if str(text).strip():
            return fields.text(str(text).strip())
    raise FieldError("needed", field="name")


def _product(resource: Mapping[str, Any], place: Place) -> ProductFound | None:
    concept = resource.get("code") or {}
    coded = [*(concept.get("coding") or []), *(resource.get("identifier") or [])]
    gtins = [str(entry.get("code") or entry.get("value")) for entry in coded if entry.get("system") in GTIN_SYSTEMS]
    if not gtins:
        return None
    try:
        gtin = fields.gtin(gtins[0])
    except FieldError as exc:
        raise FieldError(exc.reason, field="code", **exc.parameters) from exc
    ingredients = []
    for entry in resource.get("ingredient") or []:
        name = coded_text(entry.get("itemCodeableConcept"))
        if not name:
            raise FieldError("not-an-ingredient", field="ingredient")
        strength = entry.get("strength")
        size = None
        if isinstance(strength, Mapping) and Decimal(str((strength.get("denominator") or {}).get("value", 1))) == 1:
            text = amount_text(strength.get("numerator"))
            size = fields.positive(text) if text else None
        ingredients.append(Ingredient(name=name.lower(), amount=size))
    if not ingredients:
        raise FieldError("needed", field="ingredient")
    form = coded_text(resource.get("form"))
    if not form:
        raise FieldError("needed", field="form")
    return ProductFound(
        place=place,
        product=Product(
            id=fields.identifier(str(resource.get("id", ""))),
            gtin=gtin,
            name=fields.text(coded_text(concept)),
            form=fields.text(form.lower()),
            ingredients=tuple(ingredients),
        ),
    )


def _roles(resources: Sequence[tuple[int, Mapping[str, Any]]]) -> dict[str, list[StaffRole]]:
    roles: dict[str, list[StaffRole]] = {}
    for _, resource in resources:
        if resource["resourceType"] != "PractitionerRole" or resource.get("active") is False:
            continue
        for concept in resource.get("code") or []:
            for code in _codes(concept) & set(ROLES):
                roles.setdefault(reference_id(resource.get("practitioner")), []).append(ROLES[code])
    return roles


def _staff(resource: Mapping[str, Any], place: Place, roles: Mapping[str, list[StaffRole]]) -> StaffFound:
    key = fields.identifier(str(resource.get("id", "")))
    mine = tuple(dict.fromkeys(roles.get(key, ())))
    if not mine:
        raise FieldError("no-role", field="PractitionerRole")
    return StaffFound(place=place, id=key, name=_name(resource), username=key, roles=mine, active=resource.get("active") is not False)


def _codes(concept: Any) -> set[str]:
    if not isinstance(concept, Mapping):
        return set()
    return {str(coding.get("code")) for coding in concept.get("coding") or [] if isinstance(coding, Mapping)}
