"""The virtual ward in a real FHIR server (SEKMET): its patients and stays are written there, and some of its orders are only there.

So in that demo orders come in by the feed, and the doses that are given of them arrive in the same server. What the file of the ward
leaves out is remembered beside the server's data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import httpx

from pointofcare.orders.order import Order
from pointofcare.people import Patient, PatientStatus
from pointofcare.quantity import Quantity
from simulation.emr_peer import RunningEmr
from simulation.ward import Ward

Json = dict[str, Any]
_MOVED = "moved.json"
_MRN_TYPE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
_CLASS = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
_UCUM = "http://unitsofmeasure.org"


def fill(running: RunningEmr, ward: Ward, orders: Iterable[Order]) -> Ward:
    """`ward` without the orders that are the EMR's now. The second time nothing is written, and the same ones are left out."""
    kept = running.directory / _MOVED
    if not kept.exists():
        moved = tuple(orders)
        with httpx.Client(base_url=running.base_url, trust_env=False, timeout=30) as client:
            for patient in ward.patients:
                _put(client, a_patient(patient))
                if patient.status is PatientStatus.ADMITTED and patient.ward:
                    _put(client, a_stay(patient))
            for order in moved:
                _put(client, a_request(order))
        kept.write_text(json.dumps([order.id for order in moved]), encoding="utf-8")
    names = set(json.loads(kept.read_text(encoding="utf-8")))
    return replace(ward, orders=tuple(order for order in ward.orders if order.id not in names))


def settings(running: RunningEmr, *, feed: bool) -> list[str]:
    """Lines of the server's settings file."""
    lines = ["[emr]", 'target = "fhir"', f'base_url = "{running.base_url}"']
    return [*lines, "[fhir_feed]", "enabled = true", "every_s = 2", "reconcile_min = 1"] if feed else lines


def stop(running: RunningEmr, order: Order) -> None:
    """As the prescriber does in the EMR."""
    with httpx.Client(base_url=running.base_url, trust_env=False, timeout=30) as client:
        _put(client, {**a_request(order), "status": "stopped", "statusReason": {"text": "stopped by the prescriber"}})


def a_patient(patient: Patient) -> Json:
    return {
        "resourceType": "Patient",
        "id": patient.id,
        "identifier": [{"type": _MRN_TYPE, "value": patient.mrn}],
        "name": [{"text": patient.name}],
        **({"birthDate": patient.birth_date.isoformat()} if patient.birth_date else {}),
        **({"gender": patient.sex} if patient.sex else {}),
    }


def a_stay(patient: Patient) -> Json:
    return {
        "resourceType": "Encounter",
        "id": f"stay-{patient.id}",
        "status": "in-progress",
        "class": _CLASS,
        "subject": {"reference": f"Patient/{patient.id}"},
        "location": [{"location": {"display": f"{patient.ward}/{patient.bed or ''}"}, "status": "active"}],
    }


def a_request(order: Order) -> Json:
    """A plain order at its times or at its interval."""
    ingredient = [{"itemCodeableConcept": {"text": name}} for name in order.ingredient.split("/")]
    repeat: Json = {}
    if order.every is not None:
        repeat = {"frequency": 1, "period": round(order.every.total_seconds() / 3600), "periodUnit": "h"}
    elif order.times:
        repeat = {"timeOfDay": [at.strftime("%H:%M:00") for at in order.times]}
    bounds = {name: at.isoformat() for name, at in (("start", order.start), ("end", order.end)) if at is not None}
    if bounds:
        repeat["boundsPeriod"] = bounds
    return {
        "resourceType": "MedicationRequest",
        "id": order.id,
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{order.patient}"},
        "contained": [{"resourceType": "Medication", "id": "drug", "form": {"text": order.form}, "ingredient": ingredient}],
        "medicationReference": {"reference": "#drug"},
        **({"authoredOn": order.start.isoformat()} if order.start else {}),
        "dosageInstruction": [
            {
                "text": order.display,
                "timing": {"repeat": repeat},
                "route": {"text": order.route},
                **({"doseAndRate": [{"doseQuantity": _quantity(order.dose)}]} if order.dose else {}),
            }
        ],
    }


def _quantity(amount: Quantity) -> Json:
    return {"value": float(amount.value), "unit": amount.unit, "system": _UCUM, "code": amount.unit}


def _put(client: httpx.Client, resource: Json) -> None:
    answer = client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource, headers={"Content-Type": "application/fhir+json"})
    answer.raise_for_status()
