"""People at the bedside: patients with their bands, allergies and observations, and staff.

Values only. `None` where a fact could be missing means *unknown*, which no check may take for a pass; an empty tuple means
"asked, and there is none".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pointofcare.quantity import Quantity


class PatientStatus(StrEnum):
    ADMITTED = "admitted"
    DISCHARGED = "discharged"
    TRANSFERRED = "transferred"
    DECEASED = "deceased"


class BandStatus(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"


class AllergyKind(StrEnum):
    INGREDIENT = "ingredient"
    CLASS = "class"


class StaffRole(StrEnum):
    """Roles at the bedside and on the web. `WITNESS_ONLY` may confirm for others and give nothing alone."""

    NURSE = "nurse"
    STUDENT = "student"
    WITNESS_ONLY = "witness-only"
    CHARGE_NURSE = "charge-nurse"
    PHARMACIST = "pharmacist"
    PRESCRIBER = "prescriber"
    FLEET_MANAGER = "fleet-manager"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One printed wristband. `srin` (GS1 AI 8019) names the printed instance; a reprint revokes the older one."""

    gsrn: str
    srin: str | None = None
    status: BandStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allergy:
    substance: str
    kind: AllergyKind = AllergyKind.INGREDIENT
    severity: str | None = None
    tolerated_before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One measured value. `code` is one of the words of `OBSERVATION_CODES`."""

    code: str
    value: Quantity
    at: datetime


OBSERVATION_CODES = frozenset(
    {
        "heart-rate", "systolic", "diastolic", "respiratory-rate", "spo2", "glucose", "potassium", "temperature", "pain", "sedation",
        "creatinine", "inr",
    }
)  # fmt: skip


class SkinResult(StrEnum):
    NEGATIVE = "negative"
    POSITIVE = "positive"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkinTest:
    """A skin test for one ingredient: when it was made, and when and by whom it was read."""

    drug: str
    at: datetime
    read_at: datetime
    read_by: str
    result: SkinResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    value: Quantity
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """`allergies` None: the list could not be read. `status` None: not known whether the patient is here."""

    id: str
    mrn: str
    name: str
    birth_date: date | None = None
    sex: str | None = None
    ward: str | None = None
    bed: str | None = None
    status: PatientStatus | None = None
    transferred_at: datetime | None = None
    weight: Weight | None = None
    bands: tuple[Band, ...] = ()
    allergies: tuple[Allergy, ...] | None = None
    observations: tuple[Observation, ...] = ()
    skin_tests: tuple[SkinTest, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nurse:
    """The person who asks for the verdict: `None` fields are unknown and never a pass."""

    id: str
    role: StaffRole | None = None
    licensed: bool | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    id: str
    role: StaffRole | None = None
    licensed: bool | None = None
    on_shift: bool | None = None
