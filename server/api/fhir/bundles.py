"""Resources as Bundles: a page of a search with what it includes, a history, everything of a patient. Pure but for what it is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from server.api.fhir import outcomes
from server.emr.fhir_elements import Json
from server.emr.fhir_mapping import MappingContext
from server.usecases.fhir_built import Built, instant
from server.usecases.fhir_kinds import KINDS, Kind

# What a resource must have to be valid, whatever elements were asked for.
MANDATORY: Mapping[str, frozenset[str]] = {
    "MedicationAdministration": frozenset(
        {
            "status", "statusReason", "medicationReference", "medicationCodeableConcept", "contained", "subject", "effectiveDateTime",
            "effectivePeriod",
        }
    ),
    "MedicationRequest": frozenset({"status", "intent", "medicationReference", "contained", "subject"}),
    "Encounter": frozenset({"status", "class"}),
    "AllergyIntolerance": frozenset({"patient", "clinicalStatus", "code"}),
    "Observation": frozenset({"status", "code"}),
    "Procedure": frozenset({"status", "subject"}),
    "DetectedIssue": frozenset({"status"}),
    "Provenance": frozenset({"target", "recorded", "agent"}),
    "AuditEvent": frozenset({"type", "recorded", "agent", "source"}),
}  # fmt: skip
_SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


def elements(resource: Json, wanted: Iterable[str]) -> Json:
    """Only these elements, and those that must be there."""
    keep = {"resourceType", "id", "meta", *wanted, *MANDATORY.get(resource["resourceType"], ())}
    found = {name: value for name, value in resource.items() if name in keep}
    found["meta"] = {**resource.get("meta", {}), "tag": [*resource.get("meta", {}).get("tag", ()), _SUBSETTED]}
    return found


def entry(built: Built, context: MappingContext, base: str, mode: str, wanted: Sequence[str]) -> Json:
    """One of a page; what FHIR cannot hold is told as an outcome."""
    if built.resource is None:
        said = outcomes.issue(
            "warning", "not-supported", f"{built.kind} {built.id} cannot be told as FHIR: {built.problem}", remedy="see the pages"
        )
        return {"resource": outcomes.outcome([said]), "search": {"mode": "outcome"}}
    finished = built.finished(context)
    if wanted:
        finished = elements(finished, wanted)
    return {"fullUrl": f"{base}/{built.kind}/{built.id}", "resource": finished, "search": {"mode": mode}}


def bundle(kind: str, entries: Sequence[Json], *, at: datetime, links: Mapping[str, str], total: int | None = None) -> Json:
    found: Json = {"resourceType": "Bundle", "type": kind, "timestamp": instant(at)}
    if total is not None:
        found["total"] = total
    if links:
        found["link"] = [{"relation": relation, "url": url} for relation, url in links.items()]
    if entries:
        found["entry"] = list(entries)
    return found


def link(address: str, parameters: Iterable[tuple[str, str]]) -> str:
    query = urlencode(list(parameters))
    return f"{address}?{query}" if query else address


def references(resource: Any, path: Sequence[str]) -> Iterable[str]:
    """The literal references at a path of elements."""
    if isinstance(resource, list):
        for one in resource:
            yield from references(one, path)
    elif isinstance(resource, dict):
        if path:
            yield from references(resource.get(path[0]), path[1:])
        elif isinstance(resource.get("reference"), str):
            yield resource["reference"]


def included(items: Iterable[Built], asked: Iterable[tuple[str, str, str]]) -> dict[str, set[str]]:
    """Type -> ids of what is to be included: (type, parameter or "*", target or "")."""
    found: dict[str, set[str]] = {}
    wanted = list(asked)
    for one in items:
        for source, name, target in wanted:
            if source != one.kind or one.resource is None:
                continue
            for parameter in KINDS[source].parameters:
                if parameter.type == "reference" and name in ("*", parameter.name):
                    for text in references(one.resource, parameter.path) if parameter.path else ():
                        kind, _, key = text.rpartition("/")
                        if kind in KINDS and target in ("", kind):
                            found.setdefault(kind, set()).add(key)
    return found


def etag(resource: Json, version: str | None) -> str:
    """Of a state that is kept its version, else of what is in it."""
    import hashlib
    import json

    if version is not None:
        return f'W/"{version}"'
    text = json.dumps(resource, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f'W/"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]}"'


Reader = Callable[[Kind, Sequence[str]], Sequence[Built]]
