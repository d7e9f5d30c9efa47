"""Reads an administration back from a FHIR server and holds it against the cart's record, field by field.

Written against the FHIR standard, not against our mapping: it must notice when the mapping is wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import EmrRejectedError

Json = dict[str, Any]


def _get(base_url: str, query: dict[str, str]) -> list[Json]:
    with httpx.Client(trust_env=False, timeout=10.0) as client:
        answer = client.get(f"{base_url}/MedicationAdministration", params=query, headers={"Accept": "application/fhir+json"})
        answer.raise_for_status()
        return [entry["resource"] for entry in answer.json().get("entry", [])]


def count(base_url: str) -> int:
    """How many administrations the EMR holds."""
    return len(_get(base_url, {"_count": "100"}))


def read_back(base_url: str, record_id: str, *, facility: str) -> Json:
    """The one resource with our identifier. Raises: EmrRejectedError when there is none or more than one."""
    system = f"https://pointofcare.invalid/{facility}/sid/administration"
    found = _get(base_url, {"identifier": f"{system}|{record_id}"})
    if len(found) != 1:
        raise EmrRejectedError(f"the EMR holds {len(found)} resources for record {record_id}, expected 1", record_id=record_id)
    return found[0]


def differences(record: AdministrationRecord, resource: Json) -> list[str]:
    """What differs between the cart's record and the EMR's resource, one line a field; empty when nothing does."""
    medication: Json = next((part for part in resource.get("contained", []) if part["resourceType"] == "Medication"), {})
    dose = resource.get("dosage", {}).get("dose", {})
    batch = medication.get("batch", {})
    pairs: list[tuple[str, object, object]] = [
        ("record_id", record.record_id, _first(resource.get("identifier", []), "value")),
        ("status", record.status, resource.get("status")),
        ("patient", record.mrn, _logical(resource.get("subject"))),
        ("order", record.order, _logical(resource.get("request"))),
        ("nurse", record.nurse, _performer(resource, "performer")),
        ("witness", record.witness, _performer(resource, "verifier")),
        ("cart", record.cart, _logical((resource.get("device") or [None])[0])),
        ("dose", record.dose.value.normalize() if record.dose else None, Decimal(str(dose["value"])).normalize() if dose else None),
        ("unit", record.dose.unit if record.dose else None, dose.get("code")),
        ("route", record.route, _codes(resource.get("dosage", {}).get("route"), record.route)),
        ("gtin", record.gtin, _codes(medication.get("code"), record.gtin)),
        ("lot", record.lot, batch.get("lotNumber")),
        ("expiry", record.expiry.isoformat() if record.expiry else None, batch.get("expirationDate")),
        ("serial", record.serial, _first(medication.get("identifier", []), "value")),
        ("effective_at", _milliseconds(record.effective_at), _moment(resource.get("effectiveDateTime"))),
    ]
    return [f"EMR: {name} is {theirs!r}, the journal says {ours!r}" for name, ours, theirs in pairs if ours != theirs]


def _first(items: list[Json], key: str) -> object:
    return items[0].get(key) if items else None


def _logical(reference: Json | None) -> object:
    return (reference or {}).get("identifier", {}).get("value")


def _performer(resource: Json, function: str) -> object:
    for performer in resource.get("performer", []):
        if any(coding["code"] == function for coding in performer.get("function", {}).get("coding", [])):
            return _logical(performer["actor"])
    return None


def _codes(concept: Json | None, wanted: str | None) -> str | None:
    """`wanted` when it is among the codes, else the first of them."""
    codes = [coding.get("code") for coding in (concept or {}).get("coding", [])]
    return wanted if wanted in codes else next(iter(codes), None)


def _moment(text: str | None) -> datetime | None:
    return _milliseconds(datetime.fromisoformat(text)) if text else None


def _milliseconds(at: datetime) -> datetime:
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
