"""The gate before the first send: is this bundle valid FHIR R4, and does it say what an administration must say?

No server checks everything, and each lets other faults through, so we check ourselves: structure and formats (fhirkit), the
R4B models (impossible dates), and our own invariants in FHIRPath. A fault never refuses the fact: it parks the outbox row.
The validators are loaded on first use, once, because they cost about half a second and 25 MB.
"""

from __future__ import annotations

import json
from collections.abc import Callable
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
)  # fmt: skip


def problems(payload: bytes) -> tuple[str, ...]:
    """Everything wrong with a transaction bundle, one line each; () when it may be sent. Never raises for content."""
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

    compiled: dict[str, Any] = {expression: fhirpathpy.compile(expression) for _, _, expression in INVARIANTS}

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
    found = []
    for place, entry in enumerate(bundle.get("entry", [])):
        resource = entry.get("resource", {})
        for kind, name, expression in INVARIANTS:
            if resource.get("resourceType") == kind and not holds(resource, expression):
                found.append(f"entry[{place}] {kind}: {name} does not hold")
    return found
