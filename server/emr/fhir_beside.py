"""What FHIR R4 is told beside doses: a dose that was stopped at the bedside (AuditEvent, and a DetectedIssue where a patient is known), and
a cart (Device).

Pure. A stopped dose is never a MedicationAdministration: nothing was given. Conditional creates, so that each is stored once.
Source: hl7.org/fhir/R4/auditevent.html, detectedissue.html, device.html; DICOM PS3.16 annex D (event types).
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from server.emr.fhir_elements import Json, coding, concept, moment, reference, search, text
from server.emr.fhir_mapping import MappingContext
from server.store.beside import Blocked, CartDevice, StoppedRule

_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_SEVERITY = {"STOP": "high", "WITNESS": "high", "REASON": "moderate", "WARN": "low"}
_RANK = ("NOTE", "WARN", "REASON", "WITNESS", "STOP")
# FHIR audit-event-outcome: a serious failure where the rule stops, a minor one where it asks.
_SERIOUS, _MINOR = "8", "4"


def blocked(told: Blocked, context: MappingContext) -> Json:
    """The transaction of one dose that was stopped."""
    event = _create(context, "AuditEvent", f"{told.record_id}.au", _audit_event(told, context))
    entries = [event]
    if told.mrn:
        entries.append(_create(context, "DetectedIssue", f"{told.record_id}.bl", _issue(told, context)))
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def device(told: CartDevice, context: MappingContext) -> Json:
    """The transaction of one cart, found by its identifier."""
    system = context.system("cart")
    found: Json = {
        "resourceType": "Device",
        "identifier": [{"system": system, "value": told.cart}],
        "status": "active",
        "deviceName": [{"name": text(told.cart), "type": "user-friendly-name"}],
        "type": concept(coding(context.system("device-type"), "bedside-cart"), text="Bedside medication cart"),
    }
    entry = _create(context, "Device", f"{told.record_id}.dev", found)
    entry["request"]["ifNoneExist"] = f"identifier={search(system, told.cart)}"
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}


def _create(context: MappingContext, kind: str, code: str, resource: Json) -> Json:
    mine = coding(context.system("event"), code)
    resource["meta"] = {"tag": [mine]}
    condition = f"_tag={search(mine['system'], mine['code'])}"
    return {
        "fullUrl": f"urn:uuid:{uuid5(NAMESPACE_URL, condition)}",
        "resource": resource,
        "request": {"method": "POST", "url": kind, "ifNoneExist": condition},
    }


def _audit_event(told: Blocked, context: MappingContext) -> Json:
    cart = reference("Device", context.system("cart"), told.cart)
    agents: list[Json] = [{"who": cart, "requestor": not told.nurse}]
    if told.nurse:
        nurse = reference("Practitioner", context.system("staff"), told.nurse, context.literals.get(told.nurse))
        agents.insert(0, {"who": nurse, "requestor": True})
    found: Json = {
        "resourceType": "AuditEvent",
        "type": coding(_DICOM, "110100", "Application Activity"),
        "subtype": [coding(context.system("attempt"), told.outcome)],
        "action": "E",
        "period": {"start": moment(told.at), "end": moment(told.at)},
        "recorded": moment(told.recorded_at),
        "outcome": _SERIOUS if told.level == "STOP" else _MINOR,
        "outcomeDesc": text("; ".join(_words(rule) for rule in told.rules) or told.outcome),
        "agent": agents,
        "source": {"observer": cart},
    }
    entities: list[Json] = []
    if told.mrn:
        entities.append({"what": reference("Patient", context.system("patient"), told.mrn, context.literals.get("patient"))})
    if told.order:
        entities.append({"what": reference("MedicationRequest", context.system("order"), told.order, context.literals.get("order"))})
    details: list[Json] = [
        {"type": "verdict", "valueString": told.level},
        {"type": "engine", "valueString": told.engine},
        {"type": "policy", "valueString": told.policy},
        {"type": "online", "valueString": "true" if told.online else "false"},
        *({"type": "product", "valueString": text(product)} for product in told.products),
        *({"type": "rule", "valueString": _words(rule)} for rule in told.rules),
    ]
    entities.append({"name": "bedside verdict", "detail": details})
    found["entity"] = entities
    return found


def _issue(told: Blocked, context: MappingContext) -> Json:
    worst = max(told.rules, key=lambda rule: _RANK.index(rule.level) if rule.level in _RANK else 0, default=None)
    codings = [coding(context.system("rule"), rule.rule) for rule in told.rules]
    by = f"by bedside rule {worst.rule}" if worst else "at the bedside"
    found: Json = {
        "resourceType": "DetectedIssue",
        "status": "final",
        "code": concept(*codings, text=f"Not given: stopped {by}"),
        "severity": _SEVERITY.get(worst.level if worst else told.level, "low"),
        "patient": reference("Patient", context.system("patient"), told.mrn, context.literals.get("patient")),
        "identifiedDateTime": moment(told.at),
        "detail": text("; ".join(_words(rule) for rule in told.rules) or told.outcome),
        # What was done about it. No standard code says just that.
        "mitigation": [{"action": concept(text="not given"), "date": moment(told.at)}],
    }
    if told.nurse:
        found["author"] = reference("Practitioner", context.system("staff"), told.nurse, context.literals.get(told.nurse))
    if told.order:
        found["implicated"] = [reference("MedicationRequest", context.system("order"), told.order, context.literals.get("order"))]
    return found


def _words(rule: StoppedRule) -> str:
    return text(f"{rule.rule} {rule.level}" + (f": {rule.remedy}" if rule.remedy else ""))
