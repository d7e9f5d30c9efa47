"""What is written about patients: admission, transfer, discharge, bands, allergies, measurements, drawers.

Each verb raises the chart version of every ward that it concerns, in the same transaction. Who may import or admit is checked by
`ADMIT`; measurements may also come from the EMR through `receive`.
"""

from __future__ import annotations

from dataclasses import replace

from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from pointofcare.people import OBSERVATION_CODES, Allergy, Band, BandStatus, Observation, Patient, PatientStatus, StaffRole, Weight
from server.store import identities, patients, stays, versions
from server.store.patients import Ward
from server.store.transaction import Actor, Transaction
from server.usecases import changes
from server.usecases.permission import require

ADMIT = (StaffRole.CHARGE_NURSE, StaffRole.ADMINISTRATOR)
CARE = (StaffRole.NURSE, StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST, StaffRole.PRESCRIBER)


def open_ward(tx: Transaction, ward: Ward) -> None:
    """A ward, new or renamed."""
    before = patients.ward(tx, ward.id)
    patients.put_ward(tx, ward)
    versions.open_ward(tx, ward.id)
    versions.bump(tx, ward.id)
    tx.audit("ward.open", f"ward/{ward.id}", changes.told(before, ward))


def receive(tx: Transaction, patient: Patient) -> None:
    """A patient as another system has it, with bands, allergies, observations and weight: the caller has checked who may import.

    Allergies None leaves the list unknown. Raises: ConflictError when the MRN is another patient's."""
    holder = patients.find_by_mrn(tx, patient.mrn)
    if holder is not None and holder != patient.id:
        raise ConflictError(f"the MRN {patient.mrn} belongs to patient {holder}", remedy="correct the id or the MRN", mrn=patient.mrn)
    patients.hold(tx, patient.id)
    now = identities.current(tx, patient.id)
    if now != patient.id:
        raise ConflictError(
            f"patient {patient.id} is part of {now} now", remedy="send that record's id", patient=patient.id, merged_into=now
        )
    found = patients.get(tx, patient.id) if patients.known(tx, (patient.id,)) else None
    before = found.ward if found is not None else None
    patients.put(tx, patient)
    stays.follow(tx, patient.id, was=found.status if found is not None else None, now=patient.status)
    for band in patient.bands:
        patients.put_band(tx, patient.id, band)
    patients.replace_allergies(tx, patient.id, patient.allergies)
    for observation in patient.observations:
        _check_code(observation)
        patients.put_observation(tx, patient.id, observation)
    if patient.weight is not None:
        patients.put_weight(tx, patient.id, patient.weight)
    tx.audit("patient.receive", f"patient/{patient.id}", changes.told(found, patient, unsaid=changes.OF_A_PATIENT))
    versions.bump(tx, before, patient.ward)


def transfer(tx: Transaction, actor: Actor, patient: str, *, ward: str, bed: str | None) -> None:
    """To another ward. Raises: NotPermittedError, NotFoundError."""
    require(tx, actor, *ADMIT)
    if patients.ward(tx, ward) is None:
        raise NotFoundError(f"ward {ward!r} is not known", remedy="choose one of the wards", ward=ward)
    _move(tx, patient, status=PatientStatus.ADMITTED, ward=ward, bed=bed, action="transfer")


def discharge(tx: Transaction, actor: Actor, patient: str) -> None:
    """Raises: NotPermittedError, NotFoundError."""
    require(tx, actor, *ADMIT)
    _move(tx, patient, status=PatientStatus.DISCHARGED, ward=None, bed=None, action="discharge")


def _move(tx: Transaction, patient: str, *, status: PatientStatus, ward: str | None, bed: str | None, action: str) -> None:
    patients.hold(tx, patient)
    found = patients.get(tx, patient)
    moved = replace(found, status=status, ward=ward, bed=bed, transferred_at=tx.at)
    patients.put(tx, moved)
    stays.follow(tx, patient, was=found.status, now=status)
    tx.audit(f"patient.{action}", f"patient/{patient}", changes.told(found, moved, unsaid=changes.OF_A_PATIENT))
    versions.bump(tx, found.ward, ward)


def print_band(tx: Transaction, actor: Actor, patient: str, band: Band) -> None:
    """A new wristband; every older one of the patient is revoked. Raises: NotPermittedError, NotFoundError."""
    require(tx, actor, *ADMIT, StaffRole.NURSE)
    patients.hold(tx, patient)
    found = patients.get(tx, patient)
    patients.revoke_bands(tx, patient)
    patients.put_band(tx, patient, replace(band, status=BandStatus.ACTIVE))
    tx.audit("patient.band", f"patient/{patient}", {"before": _bands(found), "after": [f"{band.gsrn}/{band.srin}"]})
    versions.bump(tx, found.ward)


def set_allergies(tx: Transaction, actor: Actor, patient: str, allergies: tuple[Allergy, ...] | None) -> None:
    """The whole list anew; () means "asked, and there is none". Raises: NotPermittedError, NotFoundError."""
    require(tx, actor, *CARE)
    patients.hold(tx, patient)
    patient = identities.current(tx, patient)
    found = patients.get(tx, patient)
    patients.replace_allergies(tx, patient, allergies)
    detail = changes.told(found, replace(found, allergies=allergies))
    tx.audit("patient.allergies", f"patient/{patient}", detail)
    versions.bump(tx, found.ward)


def observe(tx: Transaction, actor: Actor, patient: str, observation: Observation) -> None:
    """One measured value. Raises: NotPermittedError, NotFoundError, UnreadableError (an unknown code)."""
    require(tx, actor, *CARE)
    _check_code(observation)
    patient = identities.held(tx, patient)
    found = patients.get(tx, patient)
    patients.put_observation(tx, patient, observation, by=actor.id)
    tx.audit("patient.observe", f"patient/{patient}", _measured(found, observation))
    versions.bump(tx, found.ward)


def weigh(tx: Transaction, actor: Actor, patient: str, weight: Weight) -> None:
    """Raises: NotPermittedError, NotFoundError, UnreadableError (not a mass)."""
    require(tx, actor, *CARE)
    if not weight.value.converts_to("kg"):
        raise UnreadableError(f"{weight.value} is not a weight", remedy="write kilograms, such as 62 kg")
    patient = identities.held(tx, patient)
    found = patients.get(tx, patient)
    patients.put_weight(tx, patient, weight, by=actor.id)
    tx.audit("patient.weigh", f"patient/{patient}", changes.told(found, replace(found, weight=weight)))
    versions.bump(tx, found.ward)


def assign_drawer(tx: Transaction, *, cart: str, drawer: int, patient: str) -> None:
    """Whose drugs lie in the drawer. Raises: NotFoundError."""
    found = patients.get(tx, patient)
    before = patients.in_drawer(tx, cart=cart, drawer=drawer)
    patients.assign_drawer(tx, cart=cart, drawer=drawer, patient=patient)
    told = {"before": {"patient": before}, "after": {"patient": patient}}
    tx.audit("drawer.assign", f"cart/{cart}", {"drawer": drawer, "patient": patient, **told})
    versions.bump(tx, found.ward)


def _bands(patient: Patient) -> list[str]:
    return [f"{band.gsrn}/{band.srin}" for band in patient.bands if band.status is BandStatus.ACTIVE]


def _measured(patient: Patient, observation: Observation) -> dict[str, object]:
    """The newest value of this kind before, and this one."""
    earlier = [one for one in patient.observations if one.code == observation.code]
    last = max(earlier, key=lambda one: one.at, default=None)
    return {"code": observation.code, **changes.told(last, observation)}


def _check_code(observation: Observation) -> None:
    if observation.code not in OBSERVATION_CODES:
        raise UnreadableError(f"{observation.code!r} is not a kind of observation", remedy=f"one of {', '.join(sorted(OBSERVATION_CODES))}")
