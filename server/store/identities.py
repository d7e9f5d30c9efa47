"""Queries about who patients are: how somebody was identified, mother and child, records that became part of another, drawn numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update

from server.store import reach
from server.store.tables import BandRow, DrawnNumberRow, PatientIdentityRow, PatientPhotoRow, PatientRow
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`method`: id-card, document, told, relative, none. `merged_into` names the record that this one became part of."""

    patient: str
    method: str
    national_id: str | None = None
    is_temporary: bool = False
    note: str = ""
    mother: str | None = None
    birth_order: int | None = None
    born_at: datetime | None = None
    merged_into: str | None = None
    admitted_by: str = ""
    admitted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A patient who is here already: enough to see whether it is the same person, of one's own wards only."""

    id: str
    mrn: str
    name: str
    birth_date: date | None
    sex: str | None
    ward: str | None
    bed: str | None
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    picture: bytes
    digest: str
    by: str
    at: datetime


def get(tx: Transaction, patient: str) -> Identity | None:
    """None: brought by another system, which knows who it is."""
    row = tx.session.get(PatientIdentityRow, (tx.facility, patient), populate_existing=True)
    return None if row is None else _identity(row)


def put(tx: Transaction, identity: Identity) -> None:
    """Inserts or replaces it; who admitted and when stays as it was."""
    changed: dict[str, Any] = {
        "method": identity.method,
        "national_id": identity.national_id,
        "is_temporary": identity.is_temporary,
        "note": identity.note,
        "mother": identity.mother,
        "birth_order": identity.birth_order,
        "born_at": identity.born_at,
        "merged_into": identity.merged_into,
    }
    new = insertion(tx, PatientIdentityRow).values(
        facility=tx.facility, patient=identity.patient, admitted_by=tx.actor.id, admitted_at=tx.at, **changed
    )
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "patient"], set_=changed))


def current(tx: Transaction, patient: str) -> str:
    """The record that `patient` is part of now: itself, unless it was merged."""
    into = tx.session.scalar(
        select(PatientIdentityRow.merged_into).where(PatientIdentityRow.facility == tx.facility, PatientIdentityRow.patient == patient)
    )
    return into or patient


def held(tx: Transaction, patient: str) -> str:
    """As `current`, and it stays so until the transaction ends: a merge or a discharge that is under way is waited for, and one that comes
    waits. For whoever writes something new to the record. On SQLite the one writer makes it so."""
    is_shared = tx.session.get_bind().dialect.name == "postgresql"
    while True:
        if is_shared:
            row = select(PatientRow.id).where(PatientRow.facility == tx.facility, PatientRow.id == patient)
            tx.session.execute(row.with_for_update(read=True, key_share=True)).all()
        now = current(tx, patient)
        if now == patient:
            return now
        patient = now


def merged_into(tx: Transaction, kept: str) -> tuple[str, ...]:
    """The ids of the records that became part of this one."""
    row = PatientIdentityRow
    return tuple(tx.session.scalars(select(row.patient).where(row.facility == tx.facility, row.merged_into == kept).order_by(row.patient)))


def by_national_id(tx: Transaction, number: str) -> Known | None:
    """Whoever has this number and was not merged away. Whether the person who asks reaches that patient is not asked here: that
    somebody is known must be told, who it is must not."""
    found = tx.session.execute(
        select(PatientRow)
        .join(PatientIdentityRow, _of_patient())
        .where(
            PatientIdentityRow.facility == tx.facility,
            PatientIdentityRow.national_id == number,
            PatientIdentityRow.merged_into.is_(None),
        )
        .order_by(PatientRow.id)
        .limit(1)
    ).scalar_one_or_none()
    return None if found is None else _known(found)


def born_on(tx: Transaction, birth_date: date) -> tuple[tuple[str, str], ...]:
    """(id, name) of everybody of that birth date, admitted or not, whom the person reaches or not: that there is somebody must be told to
    whoever admits, and `known` says whom the person may see. No limit: one who is left out becomes a second record."""
    rows = tx.session.execute(
        select(PatientRow.id, PatientRow.name)
        .outerjoin(PatientIdentityRow, _of_patient())
        .where(
            PatientRow.facility == tx.facility,
            PatientRow.birth_date == birth_date,
            PatientIdentityRow.merged_into.is_(None),
        )
        .order_by(PatientRow.id)
    )
    return tuple((row.id, row.name) for row in rows)


def alone(tx: Transaction, what: str) -> None:
    """Nobody else who says the same `what` goes on before this transaction ends: what is looked for and then written is written once."""
    if tx.session.get_bind().dialect.name == "postgresql":
        key = func.hashtextextended(f"pointofcare/{tx.facility}/{what}", 0)
        tx.session.execute(select(func.pg_advisory_xact_lock(key))).all()


def names_of_ward(tx: Transaction, ward: str) -> tuple[tuple[str, str], ...]:
    """(id, name) of everybody who is admitted there."""
    rows = tx.session.execute(
        select(PatientRow.id, PatientRow.name)
        .where(PatientRow.facility == tx.facility, PatientRow.ward == ward, PatientRow.status == "admitted")
        .order_by(PatientRow.id)
    )
    return tuple((row.id, row.name) for row in rows)


def known(tx: Transaction, patients: Collection[str]) -> tuple[Known, ...]:
    """Those of `patients` whom the person reaches."""
    if not patients:
        return ()
    return _listed(tx, patients, *reach.patients(tx))


def for_readmission(tx: Transaction, patients: Collection[str]) -> tuple[Known, ...]:
    """Those of `patients` whom the person reaches, and those who are in no ward: anybody who admits must find them again."""
    if not patients:
        return ()
    mine = reach.patients(tx)
    return _listed(tx, patients, *((or_(PatientRow.ward.is_(None), *mine),) if mine else ()))


def _listed(tx: Transaction, patients: Collection[str], *conditions: Any) -> tuple[Known, ...]:
    rows = tx.session.scalars(
        select(PatientRow)
        .where(PatientRow.facility == tx.facility, PatientRow.id.in_(patients), *conditions)
        .order_by(PatientRow.bed, PatientRow.id)
    )
    return tuple(_known(row) for row in rows)


def children(tx: Transaction, mother: str) -> tuple[Known, ...]:
    rows = tx.session.scalars(
        select(PatientRow)
        .join(PatientIdentityRow, _of_patient())
        .where(PatientIdentityRow.facility == tx.facility, PatientIdentityRow.mother == mother, PatientIdentityRow.merged_into.is_(None))
        .order_by(PatientIdentityRow.birth_order, PatientRow.id)
    )
    return tuple(_known(row) for row in rows)


def mothers_of_ward(tx: Transaction, ward: str) -> dict[str, str]:
    """Child -> mother, of the children who are in the ward."""
    rows = tx.session.execute(
        select(PatientIdentityRow.patient, PatientIdentityRow.mother)
        .join(PatientRow, _of_patient())
        .where(
            PatientIdentityRow.facility == tx.facility,
            PatientRow.ward == ward,
            PatientRow.status == "admitted",
            PatientIdentityRow.mother.is_not(None),
        )
    )
    return {row.patient: str(row.mother) for row in rows}


def draw(tx: Transaction, name: str) -> int:
    """The next number of `name`, from 1; two at once get different ones."""
    row = DrawnNumberRow
    new = insertion(tx, row).values(facility=tx.facility, name=name, last=1)
    drawn = new.on_conflict_do_update(index_elements=["facility", "name"], set_={"last": row.last + 1}).returning(row.last)
    return int(tx.session.execute(drawn).scalar_one())


def instances(tx: Transaction, gsrn: str) -> tuple[str, ...]:
    """Every instance number that was ever printed of this GSRN."""
    return tuple(tx.session.scalars(select(BandRow.srin).where(BandRow.facility == tx.facility, BandRow.gsrn == gsrn)))


def gsrn_is_taken(tx: Transaction, gsrn: str) -> bool:
    return tx.session.scalar(select(BandRow.gsrn).where(BandRow.facility == tx.facility, BandRow.gsrn == gsrn).limit(1)) is not None


def put_photo(tx: Transaction, patient: str, photo: Photo) -> None:
    values = {"picture": photo.picture, "digest": photo.digest, "by": photo.by, "at": photo.at}
    new = insertion(tx, PatientPhotoRow).values(facility=tx.facility, patient=patient, **values)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "patient"], set_=values))


def remove_photo(tx: Transaction, patient: str) -> bool:
    row = tx.session.get(PatientPhotoRow, (tx.facility, patient))
    if row is None:
        return False
    tx.session.delete(row)
    tx.session.flush()
    return True


def photo(tx: Transaction, patient: str) -> Photo | None:
    row = tx.session.get(PatientPhotoRow, (tx.facility, patient))
    return None if row is None else Photo(picture=row.picture, digest=row.digest, by=row.by, at=row.at)


def photo_digest(tx: Transaction, patient: str) -> str | None:
    row = PatientPhotoRow
    return tx.session.scalar(select(row.digest).where(row.facility == tx.facility, row.patient == patient))


def unlink_children(tx: Transaction, before: str, after: str) -> tuple[str, ...]:
    """The children of `before` are those of `after` from now on; their ids."""
    row = PatientIdentityRow
    moved = tuple(tx.session.scalars(select(row.patient).where(row.facility == tx.facility, row.mother == before)))
    tx.session.execute(update(row).where(row.facility == tx.facility, row.mother == before).values(mother=after))
    return moved


def _of_patient() -> Any:
    return and_(PatientIdentityRow.facility == PatientRow.facility, PatientIdentityRow.patient == PatientRow.id)


def _identity(row: PatientIdentityRow) -> Identity:
    return Identity(
        patient=row.patient,
        method=row.method,
        national_id=row.national_id,
        is_temporary=row.is_temporary,
        note=row.note,
        mother=row.mother,
        birth_order=row.birth_order,
        born_at=row.born_at,
        merged_into=row.merged_into,
        admitted_by=row.admitted_by,
        admitted_at=row.admitted_at,
    )


def _known(row: PatientRow) -> Known:
    return Known(
        id=row.id,
        mrn=row.mrn,
        name=row.name,
        birth_date=row.birth_date,
        sex=row.sex,
        ward=row.ward,
        bed=row.bed,
        status=row.status,
    )
