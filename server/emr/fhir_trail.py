"""One row of the audit as a FHIR R4 AuditEvent, and one value of a chart as an Observation, for those who read them from us.

Pure. An audit row names people and things by id, as it does here: no name of a patient is added to it.
Source: hl7.org/fhir/R4/auditevent.html, observation.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from pointofcare.quantity import Quantity
from server.emr.fhir_elements import Json, coding, concept, moment, text
from server.emr.fhir_ids import NoIdError, to_id
from server.emr.fhir_mapping import MappingContext
from server.emr.fhir_observation import observation
from server.store.observations import Measurement

_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_LIFECYCLE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
# The first word of our action -> FHIR's action; what is not here was carried out.
_ACTIONS = {"view": "R", "fhir": "R"}
_KINDS = {"patient": "Patient", "order": "MedicationRequest", "cart": "Device"}


def audit_event(
    *, at: datetime, actor: str, roles: str, place: str, action: str, subject: str, detail: Mapping[str, Any], context: MappingContext
) -> Json:
    kind = action.split(".")[0]
    read = _ACTIONS.get(kind)
    agent: Json = {
        "who": {"identifier": {"system": context.system("staff"), "value": text(actor)}} if actor else {"display": "unknown"},
        "requestor": True,
    }
    if roles:
        agent["role"] = [concept(coding(context.system("role"), one)) for one in roles.split()]
    if place:
        agent["network"] = {"address": text(place), "type": "2"}
    found: Json = {
        "resourceType": "AuditEvent",
        "type": coding(_TYPE, "rest" if kind == "fhir" else "object", "RESTful Operation" if kind == "fhir" else "Object"),
        "subtype": [coding(context.system("action"), action)],
        "action": read or "E",
        "recorded": moment(at),
        "outcome": "4" if action.endswith((".refused", ".failed")) else "0",
        "agent": [agent],
        "source": {"observer": {"identifier": {"system": context.system("facility"), "value": "pointofcare"}}},
    }
    entities = [_entity(subject, context)] if subject else []
    named = detail.get("patient")
    if isinstance(named, str) and named and subject != f"patient/{named}":
        entities.append(_entity(f"patient/{named}", context))
    if entities:
        found["entity"] = entities
    return found


def _entity(subject: str, context: MappingContext) -> Json:
    kind, _, name = subject.partition("/")
    found: Json = {"name": text(subject)}
    if kind == "administration" and name:  # a record, which may be a part of another's resource
        found["what"] = {"identifier": {"system": context.system("administration"), "value": text(name)}}
    elif kind in _KINDS and name:
        with suppress(NoIdError):
            found["what"] = {"reference": f"{_KINDS[kind]}/{to_id(name)}"}
    if kind == "patient":
        found["type"] = coding(_LIFECYCLE, "1", "Person")
    return found


def value(
    *,
    row_id: str,
    patient: str,
    mrn: str,
    code: str,
    amount: Quantity,
    at: datetime,
    by: str | None,
    cart: str | None,
    context: MappingContext,
) -> Json:
    """As the EMR gets it. Raises: QuantityError."""
    measured = Measurement(
        record_id=row_id, facility="", ward="", cart=cart or "", patient=patient, mrn=mrn, code=code, value=amount, at=at, nurse=by or "",
        recorded_at=at,
    )  # fmt: skip
    found = observation(measured, context)
    found.pop("meta", None)
    if not by:
        found.pop("performer", None)
    return found


def weight(*, row_id: str, mrn: str, amount: Quantity, at: datetime, by: str | None, context: MappingContext) -> Json:
    """Body weight, LOINC 29463-7. Raises: QuantityError."""
    found = value(row_id=row_id, patient="", mrn=mrn, code="weight", amount=amount, at=at, by=by, cart=None, context=context)
    found["category"] = [concept(coding("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "Vital Signs"))]
    found["code"] = concept(
        coding("http://loinc.org", "29463-7", "Body weight"), coding(context.system("observation"), "weight"), text="Body weight"
    )
    return found
