"""Queries about insurance cards. A card is never changed: another one, or other dates, is a new row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select, update

from pointofcare.vietnam.insurance import Card, Form
from server.store import identities
from server.store.tables import InsuranceCardRow, PatientIdentityRow
from server.store.transaction import Transaction

MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A card of a patient; `ended_at` None: it counts."""

    id: int
    patient: str
    number: str
    form: Form
    valid_from: date | None
    valid_to: date | None
    first_facility: str | None
    way: str
    by: str
    at: datetime
    ended_at: datetime | None

    def covers(self, day: date) -> bool:
        """By the dates on the card; without dates it does not say, and is taken at its word."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def of_patient(tx: Transaction, patient: str) -> tuple[Held, ...]:
    """Those that count first, newest first."""
    row = InsuranceCardRow
    rows = tx.session.scalars(
        select(row)
        .where(row.facility == tx.facility, row.patient == patient)
        .order_by(row.ended_at.is_not(None), row.id.desc())
        .limit(MOST)
    )
    return tuple(_held(one) for one in rows)


def add(tx: Transaction, patient: str, card: Card, *, way: str) -> int:
    made = InsuranceCardRow(
        facility=tx.facility,
        patient=patient,
        number=card.number,
        form=card.form.value,
        insurance=card.insurance_number,
        valid_from=card.valid_from,
        valid_to=card.valid_to,
        first_facility=card.facility,
        way=way,
        by=tx.actor.id,
        at=tx.at,
    )
    tx.session.add(made)
    tx.session.flush()
    return made.id


def end(tx: Transaction, patient: str, card: int | None = None) -> int:
    """The card, or every card of the patient, ceases to count; how many did."""
    row = InsuranceCardRow
    query = update(row).where(row.facility == tx.facility, row.patient == patient, row.ended_at.is_(None))
    if card is not None:
        query = query.where(row.id == card)
    return tx.changed(query.values(ended_at=tx.at))


def holders(tx: Transaction, card: Card) -> tuple[str, ...]:
    """The ids of those who have this card, in whichever of its forms, also one that ended; an identity card's number by who was identified
    with it too. Whether the person who asks reaches them is not asked here."""
    row = InsuranceCardRow
    same = [row.number == card.number]
    if card.insurance_number is not None:
        same.append(row.insurance == card.insurance_number)
    found = set(tx.session.scalars(select(row.patient).where(row.facility == tx.facility, or_(*same)).limit(MOST)))
    if card.form is Form.NATIONAL_ID:
        i = PatientIdentityRow
        found |= set(tx.session.scalars(select(i.patient).where(i.facility == tx.facility, i.national_id == card.number).limit(MOST)))
    return tuple(sorted({identities.current(tx, one) for one in found}))


def _held(row: InsuranceCardRow) -> Held:
    return Held(
        id=row.id,
        patient=row.patient,
        number=row.number,
        form=Form(row.form),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        first_facility=row.first_facility,
        way=row.way,
        by=row.by,
        at=row.at,
        ended_at=row.ended_at,
    )
