"""What is read from the hospital's FHIR server, and how one resource is kept: which version of which thing, of which patient.

Data and pure functions. What is made of a resource stands in the readers of the import, in one place for files and for the feed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pointofcare.errors import UnreadableError
from server.feeds.fhir_source import Resource
from server.usecases import import_fhir
from server.usecases.import_fhir_orders import reference_id

SOURCE = "fhir"
ORDER = "MedicationRequest"
# In this order they are looked at: what others name comes first.
KINDS = (
    "Location", "Practitioner", "PractitionerRole", "Medication", "Patient", "Encounter", "AllergyIntolerance", "Observation", ORDER,
)  # fmt: skip
# Encounters of somebody who is here, and orders that are over.
OPEN = frozenset({"in-progress", "onleave"})
ENDED_THERE = frozenset({"stopped", "cancelled", "completed", "entered-in-error"})
# What is only needed to read the others, and is asked for again when it is needed.
REFERENCE = frozenset({"Location", "Medication", "PractitionerRole"})
_SUBJECT: Mapping[str, str] = {"Encounter": "subject", "Observation": "subject", ORDER: "subject", "AllergyIntolerance": "patient"}
# Codes that Observation is asked for: there may be a million others.
OBSERVED = (*import_fhir.LOINC, import_fhir.BODY_WEIGHT, "85354-9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supported:
    """One row of docs/emr-support.md: an element that comes in, and what it does here."""

    resource: str
    element: str
    how: str


# What comes in over FHIR, for the documentation.
SUPPORTED: tuple[Supported, ...] = tuple(
    Supported(resource=resource, element=element, how=how)
    for resource, element, how in (
        (
            "Patient",
            "identifier (type MR), name, birthDate, gender, deceased[x]",
            "the patient; another birth date or name waits for a person",
        ),
        ("Patient", "link (replaced-by)", "two records that are both here are joined by a person"),
        ("Encounter", "status, class, subject", "admitted or discharged; ambulatory and home visits are no stay"),
        ("Encounter", "location (active)", "ward and bed, by the Location and those that it is part of"),
        ("Location", "physicalType wa and bd, identifier, name, partOf", "names of wards and beds"),
        ("Practitioner", "identifier, name, active", "staff; nobody gets a badge, a PIN, a password or another role by it"),
        ("PractitionerRole", "practitioner, code", "the role of somebody who is new"),
        ("Medication", "code, form, ingredient.strength", "what an order names"),
        ("AllergyIntolerance", "code, criticality, reaction.severity", "added to the known allergies"),
        (
            "AllergyIntolerance",
            "verificationStatus, clinicalStatus",
            "refuted, entered in error, inactive and resolved ones are taken away",
        ),
        (
            "Observation",
            "LOINC code, valueQuantity, component, effectiveDateTime",
            "weight, vital signs and laboratory values of the checks",
        ),
        (ORDER, "identifier, meta.versionId, status, intent", "one version of an order; every end and hold counts at once"),
        (ORDER, "doNotPerform, modifierExtension, another intent", "never an order; shown to the pharmacist"),
        (ORDER, "category outpatient, community, discharge", "no order of a ward; set aside"),
        (ORDER, "medication[x], contained Medication", "ingredient, form, strength"),
        (ORDER, "dosageInstruction: doseQuantity, doseRange, rateRatio, rateRange, rateQuantity", "dose, range, rate"),
        (
            ORDER,
            "timing.repeat: frequency, period, timeOfDay, when, offset, dayOfWeek, bounds[x], count, duration",
            "times, interval, start, end",
        ),
        (ORDER, "timing.code, timing.event", "times by the hospital's own table; single doses at their moments"),
        (ORDER, "asNeeded[x], maxDosePerPeriod, maxDosePerAdministration", "as needed, with its limits"),
        (ORDER, "several dosageInstructions, sequence", "steps: together or one after another"),
        (ORDER, "only text, no unit, contradictions", "a draft that no scan can match, with what to clarify"),
    )
)


def parsed(payload: bytes) -> Mapping[str, Any]:
    """The resource with exact decimals. Raises: UnreadableError."""
    try:
        found = json.loads(payload, parse_float=Decimal)
    except (ValueError, RecursionError) as exc:
        raise UnreadableError("not JSON") from exc
    if not isinstance(found, Mapping):
        raise UnreadableError("not a JSON object")
    return found


def version(found: Resource) -> str:
    """Its versionId; of a server without versions the digest of what it says."""
    return found.version or "sha256-" + hashlib.sha256(found.payload).hexdigest()[:40]


def key(found: Resource) -> str:
    return f"{found.about}/{version(found)}"


def subject(kind: str, resource: Mapping[str, Any]) -> str:
    """The id of the patient that it is about, in the sender's words; "" where it is about none."""
    if kind == "Patient":
        return str(resource.get("id") or "")
    return reference_id(resource.get(_SUBJECT[kind])) if kind in _SUBJECT else ""


def about_patient(found: Iterable[Resource], patient: str) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """Those that are about this patient, parsed: a server that ignores a parameter answers with everybody's."""
    for one in found:
        parsed_one = parsed(one.payload)
        if subject(one.kind, parsed_one) == patient:
            yield one, parsed_one


def is_newer(one: Resource, other: Resource) -> bool | None:
    """Is `one` a later version of the same thing than `other`? By their numbers where both have one, else by the server's clock; None:
    neither says."""
    numbers = [each.version for each in (one, other)]
    if all(number.isascii() and number.isdigit() and len(number) < 20 for number in numbers):
        return int(numbers[0]) > int(numbers[1])
    if one.updated_at is not None and other.updated_at is not None and one.updated_at != other.updated_at:
        return one.updated_at > other.updated_at
    return None


def is_stay(encounter: Mapping[str, Any], classes: tuple[str, ...]) -> bool:
    """Is it a stay in the hospital? One that names no class is."""
    kind = encounter.get("class")
    code = str(kind.get("code") or "") if isinstance(kind, Mapping) else ""
    return not code or code in classes


def _listed(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def is_elsewhere(request: Mapping[str, Any]) -> bool:
    """Is it an order for at home alone?"""
    codes = {
        str(coding.get("code"))
        for concept in _listed(request.get("category"))
        if isinstance(concept, Mapping)
        for coding in _listed(concept.get("coding"))
        if isinstance(coding, Mapping)
    }
    return bool(codes) and codes <= {"outpatient", "community", "discharge"}
