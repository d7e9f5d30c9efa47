"""A change of what the EMR holds already, made on what stands there now and on nothing older (If-Match).

Pure. We know every element that we write, and those become as the record says; what somebody in the EMR added beside them (notes with an
author, identifiers, extensions and labels of their own, a resolved patient) stays. What the EMR itself withdrew is never brought back.
Source: hl7.org/fhir/R4/http.html#concurrency, bundle.html#transaction (ifMatch).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from pointofcare.errors import EmrRejectedError
from server.emr.fhir_elements import Json

# What our mappings write, in any state of a resource: of these ours is the whole of it.
_OURS = frozenset(
    {
        "resourceType", "status", "statusReason", "category", "medicationReference", "medicationCodeableConcept", "contained", "context",
        "supportingInformation", "effectiveDateTime", "effectivePeriod", "performer", "reasonCode", "request", "device", "dosage",
        "partOf", "code", "bodySite", "performedDateTime", "valueCodeableConcept", "valueQuantity",
    }
)  # fmt: skip
_WITHDRAWN = "entered-in-error"


def identifier_of(url: str) -> tuple[str, str] | None:
    """(type, identifier value) of `MedicationAdministration?identifier=system|value`; None for any other address."""
    kind, _, query = url.partition("?")
    found = parse_qs(query).get("identifier", [])
    if not found or "|" not in found[0]:
        return None
    return kind, found[0].rpartition("|")[2]


def rebased(entry: Mapping[str, Any], current: Mapping[str, Any]) -> Json:
    """The entry that changes `current`, and only this version of it.

    Raises: EmrRejectedError: the EMR has withdrawn it, or has it under another patient."""
    ours: Mapping[str, Any] = entry["resource"]
    if current.get("status") == _WITHDRAWN and ours.get("status") != _WITHDRAWN:
        raise EmrRejectedError(
            "the EMR says that it was entered in error",
            remedy="ask who withdrew it there; withdraw it here as well, or mend it there and send it again",
            emr_id=current.get("id"),
        )
    theirs = ((current.get("subject") or {}).get("identifier") or {}).get("value")
    if theirs is not None and theirs != (ours.get("subject", {}).get("identifier") or {}).get("value"):
        raise EmrRejectedError(
            "the EMR has it under another patient",
            remedy="see in the EMR whether two records of a person were merged, and enter the change there by hand",
            emr_id=current.get("id"),
        )
    kind, emr_id = ours["resourceType"], current["id"]
    request: Json = {"method": "PUT", "url": f"{kind}/{emr_id}"}
    version = (current.get("meta") or {}).get("versionId")
    if version:
        request["ifMatch"] = f'W/"{version}"'
    return {**entry, "resource": _merged(ours, current), "request": request}


def _merged(ours: Mapping[str, Any], current: Mapping[str, Any]) -> Json:
    found: Json = {name: value for name, value in current.items() if name not in _OURS and name not in ("meta", "text")}
    found |= dict(ours)
    found["id"] = current["id"]
    found["identifier"] = _both(ours, current, "identifier", lambda one: (one.get("system"), one.get("value")))
    extensions = _both(ours, current, "extension", lambda one: one.get("url"))
    if extensions:
        found["extension"] = extensions
    notes = [one for one in current.get("note") or () if any(name != "text" for name in one)]  # ours have words alone
    if notes or ours.get("note"):
        found["note"] = [*(ours.get("note") or ()), *notes]
    for name in ("subject", "context", "request"):
        theirs = current.get(name)
        if isinstance(theirs, dict) and (name not in ours or theirs.get("identifier") == ours[name].get("identifier")):
            found[name] = theirs  # the same, with what the EMR resolved it to
    labels = _meta(ours, current)
    if labels:
        found["meta"] = labels
    return found


def _both(ours: Mapping[str, Any], current: Mapping[str, Any], name: str, key: Any) -> list[Json]:
    """All of ours, and theirs where we say nothing of the kind."""
    mine = list(ours.get(name) or ())
    known = {key(one) for one in mine}
    return mine + [one for one in current.get(name) or () if isinstance(one, dict) and key(one) not in known]


def _meta(ours: Mapping[str, Any], current: Mapping[str, Any]) -> Json:
    mine, theirs = ours.get("meta") or {}, current.get("meta") or {}
    found: Json = {}
    for name in ("tag", "security"):
        both = _both(mine, theirs, name, lambda one: (one.get("system"), one.get("code")))
        if both:
            found[name] = both
    if theirs.get("profile"):
        found["profile"] = theirs["profile"]
    return found
