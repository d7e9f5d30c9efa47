"""Patients, stays and orders in a real FHIR server (SEKMET), and the feed that reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from flask import Flask

from server.feed_settings import FhirFeedConfig
from server.feeds import fhir_feed, fhir_source
from server.feeds.fhir_feed import FhirFeed
from server.feeds.fhir_reading import Reference
from server.feeds.fhir_takers import Taker
from server.usecases.standard_times import StandardTimes
from simulation.emr_peer import RunningEmr

Json = dict[str, Any]
PO = {"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}]}
CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
MR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}


class Peer:
    """The hospital's own system as its users drive it: over its FHIR interface."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, trust_env=False, timeout=20, headers={"Content-Type": "application/fhir+json"})

    def put(self, resource: Json) -> Json:
        kind, key = resource["resourceType"], resource.get("id")
        answer = self._http.put(f"/{kind}/{key}", json=resource) if key else self._http.post(f"/{kind}", json=resource)
        answer.raise_for_status()
        return dict(answer.json())

    def get(self, about: str) -> Json:
        answer = self._http.get(f"/{about}")
        answer.raise_for_status()
        return dict(answer.json())

    def delete(self, about: str) -> None:
        self._http.delete(f"/{about}").raise_for_status()

    def patient(self, key: str, *, mrn: str | None = None, name: str = "NGUYỄN VĂN AN", born: str = "1958-03-02", **more: Any) -> Json:
        number = {"type": MR, "system": "https://h1.example/mrn", "value": mrn or f"MRN-{key}"}
        return self.put({"resourceType": "Patient", "id": key, "identifier": [number], "name": [{"text": name}], "birthDate": born, **more})

    def stay(self, key: str, patient: str, *, status: str = "in-progress", bed: str = "W1/07", kind: str = "IMP", **more: Any) -> Json:
        return self.put(
            {
                "resourceType": "Encounter",
                "id": key,
                "status": status,
                "class": {"system": CLASS, "code": kind},
                "subject": {"reference": f"Patient/{patient}"},
                "period": {"start": "2026-11-20T08:00:00+07:00"},
                "location": [{"location": {"display": bed}, "status": "active"}],
                **more,
            }
        )

    def admitted(self, key: str, **more: Any) -> None:
        self.patient(key, **more)
        self.stay(f"e-{key}", key)

    def order(self, key: str, patient: str, *, drug: str = "paracetamol", dose: float = 500, **more: Any) -> Json:
        return self.put(an_order(key, patient, drug=drug, dose=dose, **more))

    def close(self) -> None:
        self._http.close()


def an_order(key: str, patient: str, *, drug: str = "paracetamol", dose: float = 500, **more: Any) -> Json:
    medication = {
        "resourceType": "Medication",
        "id": "m",
        "form": {"text": "tablet"},
        "ingredient": [{"itemCodeableConcept": {"text": drug}}],
    }
    instruction = {
        "text": f"{drug} {dose} mg",
        "route": PO,
        "timing": {"repeat": {"timeOfDay": ["08:00:00", "20:00:00"], "boundsPeriod": {"start": "2026-11-20T00:00:00+07:00"}}},
        "doseAndRate": [{"doseQuantity": {"value": dose, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}],
    }
    return {
        "resourceType": "MedicationRequest",
        "id": key,
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient}"},
        "contained": [medication],
        "medicationReference": {"reference": "#m"},
        "authoredOn": "2026-11-20T07:00:00+07:00",
        "dosageInstruction": [instruction],
        **more,
    }


def a_feed(app: Flask, emr: RunningEmr, *, now: Callable[[], datetime] = lambda: datetime.now(UTC), **settings: Any) -> FhirFeed:
    config = FhirFeedConfig(enabled=True, base_url=emr.base_url, **settings)
    source = fhir_source.FhirSource(emr.base_url)
    taker = Taker(source=source, reference=Reference(source), settings=config, timezone="Asia/Ho_Chi_Minh", standard=StandardTimes())
    return fhir_feed.FhirFeed(taker, scope=app.app_context, now=now, chance=lambda: 0.5)
