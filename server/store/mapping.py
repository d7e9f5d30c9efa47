"""Rows to domain values and back, field by field.

An order version, a product and a policy never change once written, so their documents are kept as canonical JSON text and what
was read from one text is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Protocol

from pointofcare.orders.order import Order
from pointofcare.people import Allergy, AllergyKind, Band, BandStatus, Observation, Patient, PatientStatus, StaffRole, Weight
from pointofcare.products import Product
from pointofcare.verdict.policy import Policy
from pointofcare.wire import values
from pointofcare.wire.tables import StaffEntry
from server.store.plain import amount, stored_amount
from server.store.tables import StaffRow


class PatientColumns(Protocol):
    id: Any
    mrn: Any
    name: Any
    birth_date: Any
    sex: Any
    ward: Any
    bed: Any
    status: Any
    transferred_at: Any


def patient_row(patient: Patient, *, at: datetime) -> dict[str, Any]:
    """The columns of `patients`; bands, allergies, observations and weight have their own rows."""
    return {
        "id": patient.id,
        "mrn": patient.mrn,
        "name": patient.name,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
        "ward": patient.ward,
        "bed": patient.bed,
        "status": None if patient.status is None else patient.status.value,
        "transferred_at": patient.transferred_at,
        "allergies_known": patient.allergies is not None,
        "updated_at": at,
    }


def band_row(band: Band) -> dict[str, Any]:
    return {"gsrn": band.gsrn, "srin": band.srin or "", "status": None if band.status is None else band.status.value}


def band(gsrn: str, srin: str, status: str | None) -> Band:
    return Band(gsrn=gsrn, srin=srin or None, status=None if status is None else BandStatus(status))


def allergy_row(allergy: Allergy) -> dict[str, Any]:
    return {
        "substance": allergy.substance,
        "kind": allergy.kind.value,
        "severity": allergy.severity,
        "tolerated_before": allergy.tolerated_before,
    }


def allergy(substance: str, kind: str, severity: str | None, tolerated_before: bool) -> Allergy:
    return Allergy(substance=substance, kind=AllergyKind(kind), severity=severity, tolerated_before=tolerated_before)


def observation_row(observation: Observation) -> dict[str, Any]:
    return {"code": observation.code, "value": amount(observation.value), "at": observation.at}


def observation(code: str, value: str, at: datetime) -> Observation:
    return Observation(code=code, value=stored_amount(value), at=at)


def weight_row(weight: Weight) -> dict[str, Any]:
    return {"value": amount(weight.value), "at": weight.at}


def weight(value: str, at: datetime) -> Weight:
    return Weight(value=stored_amount(value), at=at)


def patient(
    *,
    id: str,
    mrn: str,
    name: str,
    birth_date: date | None,
    sex: str | None,
    ward: str | None,
    bed: str | None,
    status: str | None,
    transferred_at: datetime | None,
    allergies_known: bool,
    bands: tuple[Band, ...] = (),
    allergies: tuple[Allergy, ...] = (),
    observations: tuple[Observation, ...] = (),
    weight: Weight | None = None,
) -> Patient:
    return Patient(
        id=id,
        mrn=mrn,
        name=name,
        birth_date=birth_date,
        sex=sex,
        ward=ward,
        bed=bed,
        status=None if status is None else PatientStatus(status),
        transferred_at=transferred_at,
        weight=weight,
        bands=bands,
        allergies=allergies if allergies_known else None,
        observations=observations,
    )


def order_document(order: Order) -> str:
    """The order as it is kept; whether it is verified is not part of a version."""
    return values.dump(replace(order, verified=False)).decode()


@lru_cache(maxsize=8192)
def _order(document: str) -> Order:
    return values.load(Order, document)


@lru_cache(maxsize=8192)
def _verified(document: str) -> Order:
    return replace(_order(document), verified=True)


def order(document: str, *, verification: str) -> Order:
    """Raises: MessageError for a document that `order_document` did not write."""
    return _verified(document) if verification == "verified" else _order(document)


def product_document(product: Product) -> str:
    return values.dump(product).decode()


@lru_cache(maxsize=16384)
def product(document: str) -> Product:
    """Raises: MessageError."""
    return values.load(Product, document)


def policy_document(policy: Policy) -> str:
    return values.dump(policy).decode()


@lru_cache(maxsize=16)
def policy(document: str) -> Policy:
    """Raises: MessageError."""
    return values.load(Policy, document)


def staff_entry(row: StaffRow) -> StaffEntry:
    """What a cart may know of a person: never the password. No duty roster is kept here: whoever is active counts as on shift, and
    proves to be there with badge and PIN."""
    return StaffEntry(
        id=row.id,
        name=row.name,
        badge=row.badge,
        pin_hash=row.pin_hash,
        roles=roles(row),
        licensed=row.licensed,
        active=row.active,
        on_shift=row.active,
        expires_at=row.valid_until,
    )


_ROLES: Mapping[str, StaffRole] = {role.value: role for role in StaffRole}


def roles(row: StaffRow) -> tuple[StaffRole, ...]:
    """In the order of `StaffRole`; a role that the core does not know gives no right."""
    names = {role.name for role in row.roles}
    return tuple(role for name, role in _ROLES.items() if name in names)
