"""Stays: one row from admission to discharge, as a claim knows it. They follow the patient's own row, whoever wrote that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from server.store.tables import StayRow
from server.store.transaction import Transaction

ADMITTED = "admitted"
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """`admitted_at` None: not known here. `ended`: discharged, deceased, transferred; None: still here."""

    id: int
    patient: str
    admitted_at: datetime | None
    left_at: datetime | None
    claim: str | None
    kind: str | None
    prescription: str | None
    ended: str | None

    def holds(self, at: datetime) -> bool:
        return (self.admitted_at is None or self.admitted_at <= at) and (self.left_at is None or at <= self.left_at)


def follow(tx: Transaction, patient: str, *, was: str | None, now: str | None) -> None:
    """A patient's status was written: who comes has a new stay, who leaves has one that ended."""
    if was == now:
        return
    if now == ADMITTED:
        tx.session.add(StayRow(facility=tx.facility, patient=patient, admitted_at=tx.at, changed_by=tx.actor.id, changed_at=tx.at))
        tx.session.flush()
    elif was == ADMITTED:
        row = StayRow
        open_ones = update(row).where(row.facility == tx.facility, row.patient == patient, row.left_at.is_(None))
        tx.session.execute(open_ones.values(left_at=tx.at, ended=now, changed_by=tx.actor.id, changed_at=tx.at))


def of_patient(tx: Transaction, patient: str) -> tuple[Stay, ...]:
    """Newest first."""
    row = StayRow
    rows = tx.session.scalars(select(row).where(row.facility == tx.facility, row.patient == patient).order_by(row.id.desc()).limit(MOST))
    return tuple(_stay(one) for one in rows)


def of_patients(tx: Transaction, patients: Collection[str]) -> dict[str, tuple[Stay, ...]]:
    found: dict[str, list[Stay]] = {}
    listed = sorted(patients)
    for start in range(0, len(listed), 500):
        row = StayRow
        query = select(row).where(row.facility == tx.facility, row.patient.in_(listed[start : start + 500])).order_by(row.id.desc())
        for one in tx.session.scalars(query):
            found.setdefault(one.patient, []).append(_stay(one))
    return {patient: tuple(each) for patient, each in found.items()}


def of_claim(tx: Transaction, claim: str) -> Stay | None:
    row = tx.session.scalar(select(StayRow).where(StayRow.facility == tx.facility, StayRow.claim == claim))
    return None if row is None else _stay(row)


def change(tx: Transaction, stay: Stay) -> bool:
    """Writes what a person corrected; False: there is no such stay of that patient."""
    row = StayRow
    query = update(row).where(row.facility == tx.facility, row.id == stay.id, row.patient == stay.patient)
    values = {
        "admitted_at": stay.admitted_at,
        "left_at": stay.left_at,
        "claim": stay.claim,
        "kind": stay.kind,
        "prescription": stay.prescription,
    }
    return tx.changed(query.values(**values, changed_by=tx.actor.id, changed_at=tx.at)) == 1


def _stay(row: StayRow) -> Stay:
    return Stay(
        id=row.id,
        patient=row.patient,
        admitted_at=row.admitted_at,
        left_at=row.left_at,
        claim=row.claim,
        kind=row.kind,
        prescription=row.prescription,
        ended=row.ended,
    )
