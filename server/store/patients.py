"""Queries about wards and patients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, or_, select, update

from pointofcare.errors import NotFoundError
from pointofcare.people import Allergy, Band, BandStatus, Observation, Patient, Weight
from server.store import bedside, mapping, patient_words
from server.store.tables import (
    AllergyRow,
    BandRow,
    CartRow,
    DrawerAssignmentRow,
    ObservationRow,
    PatientRow,
    WardRow,
    WeightRow,
)
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    id: str
    name: str
    timezone: str


def wards(tx: Transaction) -> tuple[Ward, ...]:
    rows = tx.session.scalars(select(WardRow).where(WardRow.facility == tx.facility).order_by(WardRow.id))
    return tuple(Ward(id=row.id, name=row.name, timezone=row.timezone) for row in rows)


def ward(tx: Transaction, ward_id: str) -> Ward | None:
    row = tx.session.get(WardRow, (tx.facility, ward_id))
    return None if row is None else Ward(id=row.id, name=row.name, timezone=row.timezone)


def put_ward(tx: Transaction, ward: Ward) -> None:
    tx.session.merge(WardRow(facility=tx.facility, id=ward.id, name=ward.name, timezone=ward.timezone))
    tx.session.flush()


def get(tx: Transaction, patient: str) -> Patient:
    """The whole patient in one statement. Raises: NotFoundError."""
    found = bedside.of_patient(tx, patient).patients
    if not found:
        raise NotFoundError(f"patient {patient!r} is not known", remedy="look for the patient again", patient=patient)
    return found[0]


def find_any(tx: Transaction, patient: str) -> Patient | None:
    """As `get`, of any ward or none: for who admits somebody again, and for records that are merged."""
    found = bedside.of_patient(replace(tx, actor=replace(tx.actor, wards=None)), patient).patients
    return found[0] if found else None


def find_by_mrn(tx: Transaction, mrn: str) -> str | None:
    """The patient's id."""
    return tx.session.scalar(select(PatientRow.id).where(PatientRow.facility == tx.facility, PatientRow.mrn == mrn))


def ward_of(tx: Transaction, patient: str) -> str | None:
    return tx.session.scalar(select(PatientRow.ward).where(PatientRow.facility == tx.facility, PatientRow.id == patient))


def hold(tx: Transaction, *patients: str) -> None:
    """Until the transaction ends nobody else changes who or where these are, merges their records, or writes an order, a lease or a value
    to one of them. SQLite has one writer anyway."""
    if tx.session.get_bind().dialect.name == "postgresql":
        rows = select(PatientRow.id).where(PatientRow.facility == tx.facility, PatientRow.id.in_(patients))
        tx.session.execute(rows.order_by(PatientRow.id).with_for_update()).all()


def add(tx: Transaction, patient: Patient) -> bool:
    """A new row; False: this id is there already, and nothing was written."""
    row = mapping.patient_row(patient, at=tx.at)
    new = insertion(tx, PatientRow).values(facility=tx.facility, **row)
    if not tx.inserted(new.on_conflict_do_nothing(index_elements=["facility", "id"]).returning(PatientRow.id)):
        return False
    _put_words(tx, row)
    return True


def _put_words(tx: Transaction, row: Mapping[str, Any]) -> None:
    patient_words.put(tx, patient=row["id"], name=row["name"], mrn=row["mrn"], status=row["status"])


def known(tx: Transaction, patients: Collection[str]) -> frozenset[str]:
    rows = tx.session.scalars(select(PatientRow.id).where(PatientRow.facility == tx.facility, PatientRow.id.in_(patients)))
    return frozenset(rows)


def put(tx: Transaction, patient: Patient) -> None:
    """Inserts or replaces the patient's own row."""
    row = mapping.patient_row(patient, at=tx.at)
    new = insertion(tx, PatientRow).values(facility=tx.facility, **row)
    changed = {name: value for name, value in row.items() if name != "id"}
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "id"], set_=changed))
    _put_words(tx, row)


def put_band(tx: Transaction, patient: str, band: Band) -> None:
    row = mapping.band_row(band)
    new = insertion(tx, BandRow).values(facility=tx.facility, patient=patient, printed_at=tx.at, **row)
    changed = {"status": row["status"], "patient": patient}
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "gsrn", "srin"], set_=changed))


def revoke_bands(tx: Transaction, patient: str, *, keep: tuple[str, str] | None = None) -> None:
    """Every band of the patient but the one with GSRN and SRIN `keep`."""
    query = update(BandRow).where(BandRow.facility == tx.facility, BandRow.patient == patient)
    if keep is not None:
        query = query.where(or_(BandRow.gsrn != keep[0], BandRow.srin != keep[1]))
    tx.session.execute(query.values(status=BandStatus.REVOKED.value))


def replace_allergies(tx: Transaction, patient: str, allergies: tuple[Allergy, ...] | None) -> None:
    """None: the list is not available any more, which is not "none"."""
    mine = AllergyRow.facility == tx.facility
    tx.session.execute(delete(AllergyRow).where(mine, AllergyRow.patient == patient))
    rows = {(a.kind, a.substance): mapping.allergy_row(a) for a in allergies or ()}
    for row in rows.values():
        tx.session.add(AllergyRow(facility=tx.facility, patient=patient, **row))
    tx.session.execute(
        update(PatientRow)
        .where(PatientRow.facility == tx.facility, PatientRow.id == patient)
        .values(allergies_known=allergies is not None, updated_at=tx.at)
    )
    tx.session.flush()


def put_observation(tx: Transaction, patient: str, observation: Observation, *, by: str | None = None) -> None:
    """One value a code and moment: a repeat replaces it."""
    row = mapping.observation_row(observation)
    new = insertion(tx, ObservationRow).values(facility=tx.facility, patient=patient, by=by, **row)
    tx.session.execute(
        new.on_conflict_do_update(index_elements=["facility", "patient", "code", "at"], set_={"value": row["value"], "by": by})
    )


def put_weight(tx: Transaction, patient: str, weight: Weight, *, by: str | None = None) -> None:
    row = mapping.weight_row(weight)
    new = insertion(tx, WeightRow).values(facility=tx.facility, patient=patient, by=by, **row)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "patient", "at"], set_={"value": row["value"], "by": by}))


def cart_drawers(tx: Transaction, *, ward: str) -> dict[str, dict[str, int]]:
    """Cart -> patient -> drawer, of this ward's patients; under "*" and the ward what holds for each of its carts. A patient with two
    drawers of one cart has the lower one. What one of the ward's carts holds for somebody of another ward stands under "*" and the
    number: whose it is, is nobody's business there, but it must be opened for nobody else."""
    drawer = DrawerAssignmentRow
    carts = select(CartRow.id).where(CartRow.facility == tx.facility, CartRow.ward == ward)
    rows = tx.session.execute(
        select(drawer.cart, drawer.patient, drawer.drawer, PatientRow.ward)
        .outerjoin(PatientRow, (PatientRow.facility == drawer.facility) & (PatientRow.id == drawer.patient))
        .where(drawer.facility == tx.facility, or_(PatientRow.ward == ward, drawer.cart.in_(carts)))
        .order_by(drawer.cart, drawer.drawer)
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.cart, {}).setdefault(row.patient if row.ward == ward else f"*{row.drawer}", row.drawer)
    return found


def drawers_anywhere(of_carts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Patient -> drawer, for carts that take one number for every cart: without those that would open somebody else's drawer there."""
    numbers: dict[str, set[int]] = {}
    owners: dict[int, set[str]] = {}
    for held in of_carts.values():
        for patient, drawer in held.items():
            numbers.setdefault(patient, set()).add(drawer)
            owners.setdefault(drawer, set()).add(patient)
    return {patient: min(found) for patient, found in numbers.items() if len(found) == 1 and owners[min(found)] == {patient}}


def encounters(tx: Transaction, *, ward: str) -> dict[str, str]:
    """Patient -> the encounter's id at the EMR, where it is known."""
    rows = tx.session.execute(
        select(PatientRow.id, PatientRow.encounter_emr_id).where(
            PatientRow.facility == tx.facility, PatientRow.ward == ward, PatientRow.encounter_emr_id.is_not(None)
        )
    )
    return {row.id: str(row.encounter_emr_id) for row in rows}


def in_drawer(tx: Transaction, *, cart: str, drawer: int) -> str | None:
    """Whose drugs lie there."""
    row = DrawerAssignmentRow
    return tx.session.scalar(select(row.patient).where(row.facility == tx.facility, row.cart == cart, row.drawer == drawer))


def assign_drawer(tx: Transaction, *, cart: str, drawer: int, patient: str) -> None:
    new = insertion(tx, DrawerAssignmentRow).values(facility=tx.facility, cart=cart, drawer=drawer, patient=patient)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "cart", "drawer"], set_={"patient": patient}))
