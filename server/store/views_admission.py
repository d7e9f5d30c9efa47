"""What the admission pages read: who came lately, who left and comes again, and who is in the ward's beds. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select, union

from server.store import reach
from server.store.identities import Known, for_readmission
from server.store.tables import BandRow, PatientIdentityRow, PatientRow
from server.store.transaction import Transaction

SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """`has_band`: an active band was printed."""

    id: str
    mrn: str
    name: str
    ward: str | None
    bed: str | None
    is_temporary: bool
    mother: str | None
    admitted_at: datetime
    has_band: bool


def recent(tx: Transaction, *, ward: str | None = None) -> tuple[Admitted, ...]:
    """Those who were admitted here and are here: unknown patients first, then the newest."""
    i, p, b = PatientIdentityRow, PatientRow, BandRow
    band = select(b.gsrn).where(b.facility == p.facility, b.patient == p.id, b.status == "active").correlate(p).exists().label("has_band")
    query = (
        select(p.id, p.mrn, p.name, p.ward, p.bed, i.is_temporary, i.mother, i.admitted_at, band)
        .join(i, and_(i.facility == p.facility, i.patient == p.id))
        .where(p.facility == tx.facility, p.status == "admitted", i.merged_into.is_(None), *reach.patients(tx))
        .order_by(i.is_temporary.desc(), i.admitted_at.desc(), p.id)
        .limit(SHOWN)
    )
    if ward:
        query = query.where(p.ward == ward)
    return tuple(Admitted(**row._mapping) for row in tx.session.execute(query))


def left(tx: Transaction, number: str) -> tuple[Known, ...]:
    """Who has this patient number or card's number: of one's own wards, or of nobody's ward any more."""
    i, p = PatientIdentityRow, PatientRow
    # Each number by its own index: of an OR over two tables a database makes a walk through everybody.
    numbered = select(p.id).where(p.facility == tx.facility, p.mrn == number)
    carded = select(i.patient).where(i.facility == tx.facility, i.national_id == number)
    rows = tx.session.scalars(
        select(p.id)
        .outerjoin(i, and_(i.facility == p.facility, i.patient == p.id))
        .where(p.facility == tx.facility, p.id.in_(union(numbered, carded)), i.merged_into.is_(None))
        .limit(10)
    )
    return for_readmission(tx, tuple(rows))
