"""The gate before the first send: is this bundle valid FHIR R4, and does it say what an administration must say?

No server checks everything, and each lets other faults through, so we check ourselves: structure and formats (fhirkit), the
R4B models (impossible dates), and our own invariants in FHIRPath. A fault never refuses the fact: it parks the outbox row.
The validators are loaded on first use, once, because they cost about half a second and 25 MB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

# (resource, name, FHIRPath that must be true). mad-1, qty-3, per-1 and dom-3 are FHIR's own; the rest is what no server asked for.
INVARIANTS: tuple[tuple[str, str, str], ...] = (
    ("MedicationAdministration", "mad-1", "dosage.all(dose.exists() or rateRatio.exists() or rateQuantity.exists())"),
    (
        "MedicationAdministration",
        "status-known",
        "status in ('in-progress' | 'not-done' | 'on-hold' | 'completed' | 'entered-in-error' | 'stopped' | 'unknown')",
    ),
    ("MedicationAdministration", "our-identifier", "identifier.where(system.exists() and value.exists()).exists()"),
    ("MedicationAdministration", "subject-named", "subject.identifier.value.exists() or subject.reference.exists()"),
    ("MedicationAdministration", "one-medication", "(medicationReference | medicationCodeableConcept).count() = 1"),
    ("MedicationAdministration", "one-moment", "(effectiveDateTime | effectivePeriod).count() = 1"),
    ("MedicationAdministration", "period-order", "effectivePeriod.all(start.empty() or end.empty() or (start <= end))"),
    ("MedicationAdministration", "not-done-says-why", "status != 'not-done' or statusReason.exists()"),
    ("MedicationAdministration", "not-done-has-no-dose", "status != 'not-done' or dosage.empty()"),
    ("MedicationAdministration", "performed-by-someone", "performer.actor.identifier.value.exists()"),
    ("MedicationAdministration", "dose-coded", "dosage.dose.all(code.empty() or system.exists())"),
    ("MedicationAdministration", "contained-used", "contained.empty() or medicationReference.reference = '#medication'"),
    ("Observation", "our-identifier", "identifier.where(system.exists() and value.exists()).exists()"),
    ("Observation", "status-known", "status in ('final' | 'amended' | 'corrected' | 'entered-in-error')"),
    ("Observation", "subject-named", "subject.identifier.value.exists() or subject.reference.exists()"),
    ("Observation", "one-value", "(valueQuantity | valueCodeableConcept).count() = 1"),
    ("Observation", "value-coded", "valueQuantity.all(value.exists() and code.exists() and system.exists())"),
    ("Observation", "has-moment", "effectiveDateTime.exists()"),
    ("Procedure", "our-identifier", "identifier.where(system.exists() and value.exists()).exists()"),
    ("Procedure", "status-known", "status in ('completed' | 'not-done' | 'entered-in-error')"),
    ("Procedure", "subject-named", "subject.identifier.value.exists() or subject.reference.exists()"),
    ("Provenance", "target-named", "target.reference.exists()"),
    ("Provenance", "agents-named", "agent.exists() and agent.all(who.identifier.value.exists())"),
    ("DetectedIssue", "status-known", "status in ('registered' | 'preliminary' | 'final' | 'amended')"),
    ("DetectedIssue", "severity-known", "severity.empty() or severity in ('high' | 'moderate' | 'low')"),
    ("DetectedIssue", "patient-named", "patient.identifier.value.exists() or patient.reference.exists()"),
    ("DetectedIssue", "mitigated-how", "mitigation.all(action.exists())"),
    ("AuditEvent", "action-known", "action in ('C' | 'R' | 'U' | 'D' | 'E')"),
    ("AuditEvent", "outcome-known", "outcome in ('0' | '4' | '8' | '12')"),
    ("AuditEvent", "agents-named", "agent.exists() and agent.all(requestor.exists() and who.identifier.value.exists())"),
    ("AuditEvent", "told-by", "source.observer.identifier.value.exists()"),
    ("AuditEvent", "sev-1", "entity.all(name.empty() or query.empty())"),
    ("Device", "identified", "identifier.where(system.exists() and value.exists()).exists()"),
    ("Device", "status-known", "status in ('active' | 'inactive' | 'entered-in-error' | 'unknown')"),
    ("Provenance", "role-known", "entity.all(role in ('derivation' | 'revision' | 'quotation' | 'source' | 'removal'))"),
    ("Provenance", "recorded-after", "occurredDateTime.empty() or recorded.exists()"),
    ("Procedure", "has-moment", "performedDateTime.exists()"),
)  # fmt: skip

# Invariants of parts, wherever one stands. qty-3, per-1, ext-1, ref-1 and tim-1 to tim-10 are FHIR's own.
_QUANTITY: tuple[tuple[str, str], ...] = (
    ("qty-3", "code.empty() or system.exists()"),
    ("comparator-known", "comparator.empty() or comparator in ('<' | '<=' | '>=' | '>')"),
)
_PERIOD = ("per-1", "start.empty() or end.empty() or (start <= end)")
_TIMING: tuple[tuple[str, str], ...] = (
    ("tim-1", "duration.empty() or durationUnit.exists()"),
    ("tim-2", "period.empty() or periodUnit.exists()"),
    ("tim-4", "duration.empty() or duration >= 0"),
    ("tim-5", "period.empty() or period >= 0"),
    ("tim-6", "periodMax.empty() or period.exists()"),
    ("tim-7", "durationMax.empty() or duration.exists()"),
    ("tim-8", "countMax.empty() or count.exists()"),
    ("tim-9", "offset.empty() or (when.exists() and when.all($this in ('C' | 'CM' | 'CD' | 'CV')).not())"),
    ("tim-10", "timeOfDay.empty() or when.empty()"),
    ("unit-known", "(periodUnit | durationUnit).all($this in ('s' | 'min' | 'h' | 'd' | 'wk' | 'mo' | 'a'))"),
)
PARTS = (*_QUANTITY, _PERIOD, *_TIMING)
# What each reference of ours may name: a server that resolves references refuses another, and one that does not shows nonsense.
_NAMES: Mapping[str, frozenset[str]] = {
    "subject": frozenset({"Patient"}),
    "patient": frozenset({"Patient"}),
    "request": frozenset({"MedicationRequest"}),
    "actor": frozenset({"Practitioner"}),
    "author": frozenset({"Practitioner"}),
    "device": frozenset({"Device"}),
    "observer": frozenset({"Device"}),
}
_METHODS = ("POST", "PUT")
_LITERAL = re.compile(r"(?:https?://[^\s?#]+/)?([A-Z][A-Za-z]{1,63})/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?$")


def to_send(payload: bytes) -> tuple[str, ...]:
    """Everything wrong with a transaction bundle, one line each; () when it may be sent. Never raises for content."""
    return problems(payload) or tuple(_envelope(json.loads(payload)))


def problems(payload: bytes) -> tuple[str, ...]:
    """Everything wrong with the resources of a bundle of any type, one line each; () for none. Never raises for content."""
    try:
        bundle = json.loads(payload)
    except ValueError as exc:
        return (f"not JSON: {exc}",)
    tools = _tools()
    found = [str(issue) for issue in tools.structure(payload.decode())]
    found += tools.model(bundle)
    if not found:  # FHIRPath over a broken shape says nothing useful
        found += _invariants(bundle, tools.holds)
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tools:
    """The three validators: problems of structure, problems of the model, does a FHIRPath hold."""

    structure: Callable[[str], list[Any]]
    model: Callable[[dict[str, Any]], list[str]]
    holds: Callable[[dict[str, Any], str], bool]


def warm() -> None:
    """Load the validators now, and not while the first dose of the day waits for them (about half a second)."""
    _tools()


@cache
def _tools() -> _Tools:
    import fhirkit
    import fhirpathpy
    from fhir.resources.R4B.bundle import Bundle  # the package's default import is R5, which refuses valid R4
    from pydantic import ValidationError

    written = {expression for _, _, expression in INVARIANTS} | {expression for _, expression in PARTS}
    compiled: dict[str, Any] = {expression: fhirpathpy.compile(expression) for expression in written}

    def model(bundle: dict[str, Any]) -> list[str]:
        try:
            Bundle.model_validate(bundle)
        except ValidationError as exc:
            return [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in exc.errors()]
        return []

    def holds(resource: dict[str, Any], expression: str) -> bool:
        return bool(compiled[expression](resource) == [True])

    return _Tools(structure=fhirkit.validate, model=model, holds=holds)


def _invariants(bundle: dict[str, Any], holds: Callable[[dict[str, Any], str], bool]) -> list[str]:
    found: list[str] = []
    urls = {str(entry.get("fullUrl")) for entry in bundle.get("entry", [])}
    for place, entry in enumerate(bundle.get("entry", [])):
        resource = entry.get("resource", {})
        kind = resource.get("resourceType")
        found += [
            f"entry[{place}] {kind}: {name} does not hold"
            for of, name, expression in INVARIANTS
            if of == kind and not holds(resource, expression)
        ]
        inside = {f"#{one.get('id')}" for one in resource.get("contained", ())}
        for path, part in _parts(resource, str(kind)):
            found += [f"entry[{place}] {path}: {what}" for what in _of_part(path.rpartition(".")[2], part, urls | inside, holds)]
    return found


def _envelope(bundle: dict[str, Any]) -> Iterator[str]:
    """That nothing can be stored twice, and that it goes as a whole or not at all."""
    if bundle.get("type") != "transaction":
        yield f"Bundle.type is {bundle.get('type')!r}, not transaction"
    entries = bundle.get("entry") or []
    if not entries:
        yield "the bundle is empty"
    urls = [entry.get("fullUrl") for entry in entries]
    if None in urls or len(set(urls)) != len(urls):
        yield "each entry needs a fullUrl of its own"
    for place, entry in enumerate(entries):
        request, kind = entry.get("request") or {}, (entry.get("resource") or {}).get("resourceType")
        if request.get("method") not in _METHODS:
            yield f"entry[{place}] request.method is {request.get('method')!r}"
        elif request["method"] == "POST" and not request.get("ifNoneExist"):
            yield f"entry[{place}] would be stored again at each sending: ifNoneExist is missing"
        elif request["method"] == "PUT" and "?identifier=" not in request.get("url", "") and "/" not in request.get("url", ""):
            yield f"entry[{place}] does not say what it changes"
        if kind is None or not str(request.get("url", "")).startswith(kind):
            yield f"entry[{place}] request.url is not of a {kind}"


def _parts(node: object, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object within, with the names that lead there."""
    if isinstance(node, dict):
        yield path, node
        for name, inner in node.items():
            yield from _parts(inner, f"{path}.{name}")
    elif isinstance(node, list):
        for inner in node:
            yield from _parts(inner, path)


def _of_part(name: str, part: dict[str, Any], targets: set[str], holds: Callable[[dict[str, Any], str], bool]) -> Iterator[str]:
    told: list[tuple[str, str]] = []
    if "value" in part and ("code" in part or "unit" in part):
        told += _QUANTITY
    if "start" in part and "end" in part:
        told.append(_PERIOD)
    if name == "repeat":
        told += _TIMING
    yield from (f"{code} does not hold" for code, expression in told if not holds(part, expression))
    if name == "extension" and "url" in part:
        values = [one for one in part if one.startswith("value")]
        if (len(values) + ("extension" in part)) != 1:
            yield "ext-1 does not hold: an extension has one value or further extensions"
    literal = part.get("reference")
    if isinstance(literal, str):
        if literal.startswith(("urn:", "#")):
            if literal not in targets:
                yield f"{literal} is not in this bundle"
        elif not _LITERAL.match(literal):
            yield f"{literal!r} is no reference"
    allowed = _NAMES.get(name)
    if allowed is not None and ("identifier" in part or "reference" in part):
        named = {str(part["type"])} if "type" in part else set()
        named |= {found.group(1)} if isinstance(literal, str) and (found := _LITERAL.match(literal)) else set()
        if named - allowed:
            yield f"it names a {', '.join(sorted(named - allowed))}"
